/*
 * pending.c
 *	  What waits behind the slot of a pipeline that is in need of a reason: the source
 *	  is asked.
 *
 * See observe_parts.h.  On a connection of its own, since it reads WAL and may take
 * seconds; nobody waits for the answer, which shows in the next message.  When Kafka
 * is away many need a reason at once: then one of a sink is asked at a time.
 */
#include "postgres.h"

#include "common/text.h"
#include "utils/memutils.h"

#include "worker/observe/observe_parts.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/reach.h"
#include "worker/world/shapes.h"

#define PENDING_TIMEOUT_MS 15000

/* What is the matter may be something else after this. */
#define AGAIN_MS 60000
/* Those of one sink ask no more often. */
#define EACH_MS 1000
/* A slot for the copy, and one for whoever else wants one. */
#define SLOTS_FREE 2

typedef struct CdcPendingAsk
{
	CdcWorld   *world;
	CdcPgConn  *conn;
	char		pipeline_id[CDC_UUID_LEN + 1];
} CdcPendingAsk;

/* No pipeline: it is gone. */
static void
end(CdcPendingAsk *ask, CdcPipeline *p)
{
	CdcPgConn  *conn = ask->conn;

	if (p)
	{
		p->look.pending.asking = false;
		cdc_world_ready(p);
	}
	pfree(ask);
	cdc_pg_close(conn);
}

static void
go_on(CdcPendingAsk *ask, CdcPipeline *p, char *(*make) (const CdcSourceAsk *), const CdcPgShape *shape, CdcPgDone done)
{
	CdcSourceAsk what = cdc_source_ask_of(p);
	char	   *sql = make(&what);

	cdc_pg_exec(ask->conn, sql, 0, NULL, shape, PENDING_TIMEOUT_MS, done, ask);
	pfree(sql);
}

static void
login_fault_done(const CdcPgResult *result, void *arg)
{
	CdcPendingAsk *ask = arg;
	CdcPipeline *p = cdc_world_pipeline(ask->world, ask->pipeline_id);

	if (p && result->outcome == CDC_PG_OK && !cdc_pg_isnull(result, 0, 0))
		cdc_set_string(p->context, &p->look.pending.words, cdc_pg_value(result, 0, 0));
	end(ask, p);
}

/* As they are kept, NULL: there are none, or they are no names. */
static char *
tables_of(const char *words)
{
	char	   *tables = words ? pstrdup(words) : NULL;
	char	   *rest = tables ? pstrdup(tables) : NULL;
	char	   *name;

	while ((name = rest ? strsep(&rest, "\n") : NULL) != NULL)
	{
		if (!cdc_source_is_kept_name(name))
			return NULL;
	}
	return tables;
}

/* Is it what the connector gets as well, and not the fault of how we asked? */
static bool
is_telling(const CdcPgResult *result)
{
	return result->outcome == CDC_PG_ERROR && strcmp(result->sqlstate, "57014") != 0 && strcmp(result->sqlstate, "42501") != 0 &&
		strcmp(result->sqlstate, "55P03") != 0 && strcmp(result->sqlstate, "42704") != 0;
}

static void
pending_done(const CdcPgResult *result, void *arg)
{
	CdcPendingAsk *ask = arg;
	CdcPipeline *p = cdc_world_pipeline(ask->world, ask->pipeline_id);

	if (p == NULL)
	{
		end(ask, NULL);
		return;
	}
	if (is_telling(result))
	{
		cdc_set_string(p->context, &p->look.pending.words, result->error);
		end(ask, p);
		return;
	}
	if (result->outcome == CDC_PG_OK)
	{
		char	   *tables = cdc_pg_isnull(result, 0, 0) ? NULL : tables_of(cdc_source_batch_words(cdc_pg_value(result, 0, 0)));

		p->look.pending.read = true;
		/* none: it has come through since, and what it was is still to be told */
		if (tables)
			cdc_set_string(p->context, &p->look.pending.tables, tables);
	}
	go_on(ask, p, cdc_source_login_fault_sql, &cdc_shape_login_fault, login_fault_done);
}

static void
copied(const CdcPgResult *result, void *arg)
{
	CdcPendingAsk *ask = arg;
	CdcPipeline *p = cdc_world_pipeline(ask->world, ask->pipeline_id);

	if (p == NULL)
		end(ask, NULL);
	else if (result->outcome == CDC_PG_OK)
		go_on(ask, p, cdc_source_pending_sql, &cdc_shape_pending, pending_done);
	else if (result->outcome == CDC_PG_ERROR)
		go_on(ask, p, cdc_source_login_fault_sql, &cdc_shape_login_fault, login_fault_done);
	else
		end(ask, p);
}

static void
forget(CdcPipeline *p)
{
	CdcPipelinePending *pending = &p->look.pending;

	pending->of = 0;
	pending->read = false;
	cdc_set_string(p->context, &pending->tables, NULL);
	cdc_set_string(p->context, &pending->words, NULL);
}

void
cdc_observe_pending(CdcPipeline *p)
{
	CdcPipelinePending *pending = &p->look.pending;
	int64		stuck = p->learned.stream.stuck_since;
	int64		now = cdc_loop_now();
	CdcPendingAsk *ask;
	CdcPgTarget target;

	if (pending->asking)
		return;
	if (stuck == 0)
	{
		if (pending->of != 0)
			forget(p);
		return;
	}
	if ((pending->of == stuck && now - pending->asked_at < AGAIN_MS) || now - p->sink->kafka.pending_at < EACH_MS)
		return;
	if (p->source == NULL || p->source->pg.primary == NULL || p->look.seen == NULL || !p->look.seen->slot_consistent || p->look.server.free_slots < SLOTS_FREE)
		return;
	if (pending->of != stuck)
		forget(p);
	pending->of = stuck;
	pending->asked_at = p->sink->kafka.pending_at = now;
	pending->asking = true;
	ask = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcPendingAsk));
	ask->world = p->world;
	strlcpy(ask->pipeline_id, p->id, sizeof(ask->pipeline_id));
	cdc_reach_node(p->source->pg.primary, p->wanted.database, CDC_PEER_SOURCE, &target);
	ask->conn = cdc_pg_open(&target);
	go_on(ask, p, cdc_source_copy_slot_sql, &cdc_shape_slot_made, copied);
}
