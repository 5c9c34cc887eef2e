/*
 * ddl.c
 *	  Actions by SQL on a source, in batches: one at a time for each source, since
 *	  parallel GRANTs fail, with all in it that wait for the same database.
 *
 * Who comes while a batch is under way is in the next one.  Each member is in a
 * subtransaction of its own and has its own end (source_batch.c); one that failed is
 * tried by itself, between two batches of others: what waits for a lock for long does
 * not hold up who needs none.  Intents are committed before an action comes here.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/text.h"
#include "worker/execute/execute_parts.h"
#include "worker/world/agenda.h"
#include "worker/world/facts.h"
#include "worker/world/fence.h"
#include "worker/world/index.h"
#include "worker/world/kept.h"
#include "worker/world/shapes.h"
#include "worker/world/wanted.h"

/* Longer than all members may take: the server gives up first. */
#define BATCH_TIMEOUT_MS 65000

/* Bytes of the commands of a batch: no more is begun, so that one with thousands of tables is nearly by itself. */
#define BATCH_BYTES (256 * 1024)

/* The lists of pg.ddl_waiting. */
enum
{
	FRESH,
	AGAIN
};

/* One that is under way; ids, since everything may be gone when it ends. */
typedef struct CdcBatch
{
	CdcWorld   *world;
	char		service_id[CDC_UUID_LEN + 1];
	char		database[NAMEDATALEN];
	int			n;
	CdcOpRef	members[CDC_SOURCE_BATCH];
} CdcBatch;

/*
 * The comment on the publication on which it was decided; "": whatever it is.  One
 * that was seen since and is not ours is none.
 */
static const char *
judged_mark(const CdcPipeline *p)
{
	CdcEpoch	theirs;

	return cdc_fence_adopting(p) ? "" : cdc_fence_of_publication(p, &theirs) == CDC_MARK_OURS ? p->look.seen->pub_mark : NULL;
}

static char *
publication_command(const CdcPipeline *p, const CdcSourceAsk *ask)
{
	char	   *comment = cdc_fence_comment(p);
	char	   *command;

	/* the key was there when it was decided */
	if (comment == NULL)
		return pstrdup("DO 'BEGIN RAISE EXCEPTION ''there is no key for its mark any more''; END'");
	command = ask->inserts_only ? cdc_source_publications_sql(ask, comment, judged_mark(p)) : cdc_source_publication_sql(ask, comment, judged_mark(p));
	return cdc_trigger_due(p) ? psprintf("%s; %s", cdc_source_make_trigger_sql(ask->installation), command) : command;
}

/* With it go the event triggers that nobody else needs. */
static char *
drop_publication_command(const CdcPipeline *p, const CdcSourceAsk *ask)
{
	char	   *command = cdc_source_drop_publication_sql(ask, judged_mark(p));
	List	   *sharers;
	const char **names;
	int			i;

	if (ask->installation == NULL)
		return command;
	sharers = cdc_wanted_trigger_sharers(p, false);
	names = palloc(sizeof(char *) * (list_length(sharers) + 1));
	for (i = 0; i < list_length(sharers); i++)
		names[i] = ((CdcPipeline *) list_nth(sharers, i))->object_name;
	return psprintf("%s; %s", command, cdc_source_drop_trigger_sql(ask->installation, names, list_length(sharers)));
}

/* What it gave tables is remembered by those who publish them still. */
static void
hand_over_identities(CdcPipeline *p)
{
	ListCell   *cell;

	if (cdc_wants_trigger(p) && p->kept.identities)
	{
		foreach(cell, cdc_wanted_trigger_sharers(p, true))
			cdc_keep_identities(lfirst(cell), p->kept.identities);
	}
	cdc_keep_identities(p, NULL);
}

/* The action's command. */
static char *
command_of(const CdcOp *op)
{
	CdcPipeline *p = op->pipeline;
	CdcSourceAsk ask = cdc_source_ask_of(p);

	switch (op->action)
	{
		case CDC_ACT_CREATE_ROLE:
			return cdc_source_role_sql(&ask, p->secret.verifier);
		case CDC_ACT_CREATE_PUBLICATION:
		case CDC_ACT_ALTER_PUBLICATION:
			return publication_command(p, &ask);
		case CDC_ACT_SET_IDENTITY:
			return cdc_source_set_identity_sql(p->kept.identities);
		case CDC_ACT_RESET_IDENTITY:
			return cdc_source_reset_identity_sql(p->kept.identities);
		case CDC_ACT_DROP_SLOT:
			return cdc_source_drop_slot_sql(&ask);
		case CDC_ACT_DROP_PUBLICATION:
			return drop_publication_command(p, &ask);
		default:
			Assert(op->action == CDC_ACT_DROP_ROLE);
			return cdc_source_drop_role_sql(&ask);
	}
}

/* Those that wait for a database end so, without having been sent. */
static void
end_waiting(CdcService *s, const char *database, const char *words)
{
	int			i;
	ListCell   *cell;

	for (i = 0; i < (int) lengthof(s->pg.ddl_waiting); i++)
	{
		foreach(cell, s->pg.ddl_waiting[i])
		{
			CdcOpRef   *ref = lfirst(cell);
			CdcOp	   *op = cdc_op_of(ref);

			if (op && strcmp(cdc_place_of(op->pipeline), database) != 0)
				continue;
			s->pg.ddl_waiting[i] = foreach_delete_current(s->pg.ddl_waiting[i], cell);
			cdc_op_end(*ref, CDC_OP_FAILED, words);
			pfree(ref);
		}
	}
}

static void begin_batch(CdcService *s);

/* A member's row of the answer. */
static void
end_member(const CdcBatch *batch, const CdcPgResult *result, int row)
{
	int			number = atoi(cdc_pg_value(result, row, 0));
	const CdcOpRef *ref = &batch->members[number - 1];
	CdcOp	   *op = number >= 1 && number <= batch->n ? cdc_op_of(ref) : NULL;
	bool		done = cdc_pg_value(result, row, 1)[0] == '\0';
	char	   *words;
	char	   *hint;
	char		line[2048];

	if (op == NULL)
		return;
	words = cdc_source_batch_words(cdc_pg_value(result, row, 2));
	hint = cdc_source_batch_words(cdc_pg_value(result, row, 3));
	if (done && op->action == CDC_ACT_CREATE_ROLE)
		cdc_keep_role_password(op->pipeline);
	if (done && op->action == CDC_ACT_RESET_IDENTITY)
		hand_over_identities(op->pipeline);
	if (words && hint)
		words = psprintf("%s (%s)", words, hint);
	if (words)
		cdc_text_line(line, sizeof(line), words);
	cdc_op_end(*ref, done ? CDC_OP_DONE : CDC_OP_FAILED, words ? line : NULL);
}

/* Those who were not begun are the first of the next batch. */
static void
wait_again(CdcService *s, const CdcBatch *batch)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);
	int			i;

	for (i = batch->n - 1; i >= 0; i--)
	{
		CdcOpRef   *ref;

		if (cdc_op_of(&batch->members[i]) == NULL)
			continue;
		ref = palloc(sizeof(CdcOpRef));
		*ref = batch->members[i];
		s->pg.ddl_waiting[FRESH] = lcons(ref, s->pg.ddl_waiting[FRESH]);
	}
	MemoryContextSwitchTo(old);
}

static void
batch_done(const CdcPgResult *result, void *arg)
{
	CdcBatch   *batch = arg;
	CdcService *s = cdc_world_service(batch->world, batch->service_id);
	bool		without_effect = result->outcome == CDC_PG_REFUSED || result->outcome == CDC_PG_ERROR;
	int			i;

	if (result->outcome == CDC_PG_OK)
	{
		for (i = 0; i < cdc_pg_ntuples(result); i++)
			end_member(batch, result, i);
		if (s)
			wait_again(s, batch);
	}
	else
	{
		const char *words = result->hint && result->error ? psprintf("%s (%s)", result->error, result->hint) : result->error;

		for (i = 0; i < batch->n; i++)
			cdc_op_end(batch->members[i], without_effect ? CDC_OP_FAILED : CDC_OP_UNKNOWN, words);
		/* there is no connection: each would find that out by itself */
		if (s && (result->outcome == CDC_PG_REFUSED || result->outcome == CDC_PG_CANCELLED))
			end_waiting(s, batch->database, words ? words : "connection closed");
	}
	if (s)
	{
		s->pg.ddl_busy = false;
		begin_batch(s);
	}
	pfree(batch);
}

/*
 * Takes out of a list who is in the batch: the first, and who waits for the same
 * database as he.  Their commands; batch->n is how many.
 */
static void
take_members(CdcService *s, int list, CdcBatch *batch, char **commands)
{
	ListCell   *cell;
	size_t		bytes = 0;
	int			most = list == AGAIN ? 1 : CDC_SOURCE_BATCH;

	foreach(cell, s->pg.ddl_waiting[list])
	{
		CdcOpRef   *ref = lfirst(cell);
		CdcOp	   *op = cdc_op_of(ref);

		if (op && batch->n > 0 && strcmp(cdc_place_of(op->pipeline), batch->database) != 0)
			continue;
		/* one that is not under way any more: its pipeline is gone */
		if (op)
		{
			strlcpy(batch->database, cdc_place_of(op->pipeline), sizeof(batch->database));
			commands[batch->n] = command_of(op);
			bytes += strlen(commands[batch->n]);
			batch->members[batch->n++] = *ref;
		}
		s->pg.ddl_waiting[list] = foreach_delete_current(s->pg.ddl_waiting[list], cell);
		pfree(ref);
		if (batch->n == most || bytes >= BATCH_BYTES)
			break;
	}
}

static void
begin_batch(CdcService *s)
{
	char	   *commands[CDC_SOURCE_BATCH];
	CdcBatch   *batch;
	CdcPgConn  *conn;
	char	   *sql;
	int			list = s->pg.ddl_waiting[FRESH] == NIL || (s->pg.ddl_again_next && s->pg.ddl_waiting[AGAIN] != NIL) ? AGAIN : FRESH;
	int			i;

	if (s->pg.ddl_busy || s->pg.ddl_waiting[list] == NIL)
		return;
	batch = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcBatch));
	batch->world = s->world;
	strlcpy(batch->service_id, s->id, sizeof(batch->service_id));
	take_members(s, list, batch, commands);
	s->pg.ddl_again_next = list == FRESH;
	conn = batch->n > 0 ? cdc_execute_ddl_conn(cdc_op_of(&batch->members[0])->pipeline) : NULL;
	if (conn)
	{
		s->pg.ddl_busy = true;
		/* it failed there before */
		if (list == AGAIN)
			cdc_pg_renew(conn);
		sql = cdc_source_batch_sql((const char *const *) commands, batch->n);
		cdc_pg_exec(conn, sql, 0, NULL, &cdc_shape_batch, BATCH_TIMEOUT_MS, batch_done, batch);
		pfree(sql);
	}
	for (i = 0; i < batch->n; i++)
	{
		if (conn == NULL)
			cdc_op_end(batch->members[i], CDC_OP_FAILED, "the source has no primary");
		pfree(commands[i]);
	}
	if (conn)
		return;
	pfree(batch);
	begin_batch(s);
}

void
cdc_ddl_execute(CdcOp *op)
{
	CdcPipeline *p = op->pipeline;
	CdcService *s = p->source;
	int			list = p->doing.op_error && p->doing.op_error_action == op->action ? AGAIN : FRESH;
	MemoryContext old = MemoryContextSwitchTo(s->context);
	CdcOpRef   *ref = palloc(sizeof(CdcOpRef));

	*ref = cdc_op_ref(op);
	s->pg.ddl_waiting[list] = lappend(s->pg.ddl_waiting[list], ref);
	MemoryContextSwitchTo(old);
	cdc_agenda_batch(s);
}

void
cdc_execute_batches(CdcWorld *world)
{
	CdcService *s;

	while ((s = cdc_agenda_next_batch(world)) != NULL)
		begin_batch(s);
}
