/*
 * source.c
 *	  Looks at the databases of sources: one query for all the pipelines that
 *	  wait, and a cheaper one for those that wait for their slot.
 *
 * See observe.h.  Changes nothing on a source.  Which node is the primary is
 * observe/node.c's business.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/text.h"
#include "extension/settings.h"
#include "worker/observe/observe.h"
#include "worker/observe/observe_parts.h"
#include "worker/world/asked.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/reach.h"
#include "worker/world/shapes.h"
#include "worker/world/streamed.h"
#include "worker/world/tend.h"

/*
 * Who waits looks again after a multiple of the duration of a look: the dearer
 * it is, the greater, so that looks do not take from the source what builds.
 */
#define LOOK_PACE_MAX 10

/* Who has its slot watched looks nevertheless when the last look is as old. */
#define WATCH_FOR_MS 250

/*
 * So many pipelines are asked about at once: at first LOOK_FEW, then twice as many
 * after each look that took the server less than LOOK_SOON_MS, half as many after one
 * that took more than LOOK_LONG_MS or failed.  And so many tables.
 */
#define LOOK_FEW 64
#define LOOK_SOON_MS 500
#define LOOK_LONG_MS 2000
#define LOOK_TABLES 4096

/* Of so many, or of so large a part, all relations are told in one look: it has room for what is asked of all. */
#define RELATIONS_PIPELINES 8
#define RELATIONS_ROUNDS 6

static const char *
dup(const char *words)
{
	return words ? pstrdup(words) : NULL;
}

/* A few words that are told, and remembered with what follows from them. */
static const char *
line_of(const char *words)
{
	char		line[CDC_TEXT_MAX];

	return words ? pstrdup(cdc_text_line(line, sizeof(line), words)) : NULL;
}

/* A deep copy in the pipeline's observation context. */
static void
keep_seen(CdcPipeline *p, const CdcSourceObs *obs, const CdcSourcePipeline *seen)
{
	MemoryContext old;
	CdcSourcePipeline *copy;

	MemoryContextReset(p->look.obs_context);
	old = MemoryContextSwitchTo(p->look.obs_context);
	copy = palloc(sizeof(CdcSourcePipeline));
	*copy = *seen;
	copy->role_mark = dup(seen->role_mark);
	copy->role_password_hash = dup(seen->role_password_hash);
	copy->role_timeouts = line_of(seen->role_timeouts);
	copy->tables_missing = dup(seen->tables_missing);
	copy->tables_bad_kind = dup(seen->tables_bad_kind);
	copy->tables_no_identity = dup(seen->tables_no_identity);
	copy->tables_fix = dup(seen->tables_fix);
	copy->tables_bare = dup(seen->tables_bare);
	copy->tables_given = dup(seen->tables_given);
	copy->relations = dup(seen->relations);
	copy->unlogged = dup(seen->unlogged);
	copy->logged = line_of(seen->logged);
	copy->pub_mark = dup(seen->pub_mark);
	copy->pub_wrong = dup(seen->pub_wrong);
	copy->slot_lost_why = line_of(seen->slot_lost_why);
	copy->slot_user = line_of(seen->slot_user);
	copy->tx_status = line_of(seen->tx_status);
	p->look.seen = copy;
	p->look.server = *obs;
	p->look.server.wal_level = dup(obs->wal_level);
	p->look.server.blocker = line_of(obs->blocker);
	p->look.server.hba_text = p->look.server.hba_error = NULL;
	p->look.server.pipelines = NULL;
	p->look.server.n = 0;
	p->look.server.history = palloc(sizeof(CdcTimelineSwitch) * (obs->nhistory + 1));
	if (obs->nhistory > 0)
		memcpy(p->look.server.history, obs->history, sizeof(CdcTimelineSwitch) * obs->nhistory);
	memset(&p->look.server.node, 0, sizeof(p->look.server.node));
	MemoryContextSwitchTo(old);
}

static void look_at_database(CdcSourceDb *db);

/* What this look at so many pipelines took says how many may be in the next one, and how soon that may be. */
static void
note_duration(CdcSourceDb *db, const CdcProbe *probe, const CdcSourceObs *obs)
{
	int			took = (int) (cdc_loop_now() - probe->started);

	db->look_ms = (int) ((int64) took * LOOK_FEW / Max(probe->n, LOOK_FEW));
	if (obs == NULL || took > LOOK_LONG_MS)
		db->look_most = Max(Min(db->look_most, probe->n) / 2, 1);
	else if (obs->n < probe->n)
		db->look_most = Max(obs->n, 1);
	else if (took < LOOK_SOON_MS && probe->n >= db->look_most)
		db->look_most = Min(db->look_most * 2, CDC_SOURCE_LOOK_MAX);
}

/*
 * Its database is not there.  One that is being deleted has its slot, publication and
 * role where its slot says that they are now; by force its role alone, in whatever
 * database there is, once it is seen that no slot of it is left in another.
 */
static bool
ask_elsewhere(CdcService *s, CdcPipeline *p)
{
	const CdcNode *primary = s->pg.primary;
	const char *place = NULL;

	p->look.gone = false;
	if (p->look.elsewhere == NULL && p->wanted.want_deleted && !p->kept.absent)
	{
		place = cdc_database_now(p);
		p->look.gone = place == NULL && p->wanted.force && primary && primary->conf.known &&
			cdc_source_node_slot(&primary->conf, p->object_name) == NULL && !cdc_same(s->pg.admin_database, p->wanted.database);
		if (p->look.gone)
			place = s->pg.admin_database;
	}
	cdc_set_string(p->context, &p->look.elsewhere, place);
	if (place)
		cdc_ask(cdc_world_database(s, place), CDC_ASK_LOOK, p);
	return place != NULL;
}

/* What came of a question about a pipeline; seen: what was seen of it, NULL: nothing, error (NULL: none) says why. */
static void
take_answer(CdcSourceDb *db, CdcPipeline *p, const CdcProbe *probe, const CdcPgResult *result, const CdcSourceObs *obs, const CdcSourcePipeline *seen, const char *error)
{
	/* a slot of it in another database: that was renamed after all, and what the nodes said is too old */
	if (seen && p->look.gone && seen->slot_exists && !seen->slot_fits && p->kept.slot_absent_before)
	{
		seen = NULL;
		error = psprintf("database \"%s\" does not exist", p->wanted.database);
		p->look.gone = false;
		cdc_set_string(p->context, &p->look.elsewhere, NULL);
		cdc_observe_nodes(db->service);
	}
	else if (seen == NULL && strcmp(result->sqlstate, "3D000") == 0 && ask_elsewhere(db->service, p))
		return;
	p->look.look_at = probe->started;
	p->look.seen_failed = (seen == NULL);
	if (seen)
	{
		keep_seen(p, obs, seen);
		cdc_set_string(p->context, &p->look.seen_error, NULL);
		p->look.seen_at = probe->started;
		cdc_failover_note_wal(p, obs, probe->started);
		if (seen->slot_exists)
			cdc_failover_note_reached(p, obs, seen->confirmed_flush_lsn);
	}
	else
	{
		cdc_set_string(p->context, &p->look.seen_error,
					   error ? error : "the answer makes no sense");
		strlcpy(p->look.seen_sqlstate, result->sqlstate, sizeof(p->look.seen_sqlstate));
	}
	if (p->look.waiting)
		cdc_world_ready(p);
}

static void
database_done(const CdcPgResult *result, void *arg)
{
	CdcProbe   *probe = arg;
	CdcService *s = cdc_world_service(probe->world, probe->service_id);
	CdcSourceDb *db;
	CdcSourceObs *obs = NULL;
	CdcPipeline *p;
	const char *error = result->error;
	bool		another = false;
	int			i;

	for (i = 0; i < probe->n; i++)
	{
		p = cdc_world_pipeline(probe->world, probe->pipelines[i]);
		if (p)
			p->look.asked_since = 0;
	}
	if (s == NULL)
	{
		cdc_probe_free(probe);
		return;
	}
	db = cdc_world_database(s, probe->database);
	db->observing = false;
	if (result->outcome == CDC_PG_OK)
		obs = cdc_probe_answer(result);
	if (result->outcome != CDC_PG_REFUSED)
		note_duration(db, probe, obs);
	if (obs && (obs->in_recovery ||
				(s->pg.system_identifier != 0 && obs->system_identifier != s->pg.system_identifier)))
	{
		/* what a standby or another cluster says is not about our slot */
		error = obs->in_recovery ? "is a standby now" : "belongs to another cluster now";
		obs = NULL;
		another = true;
	}
	else if (obs && db->node && !cdc_history_complete(db->node, obs))
	{
		error = "is on another timeline now";
		obs = NULL;
		another = true;
	}
	for (i = 0; i < probe->n; i++)
	{
		p = cdc_world_pipeline(probe->world, probe->pipelines[i]);
		if (p == NULL || p->source != s)
			continue;
		/* there was no room for it any more */
		if (obs && obs->n > 0 && i >= obs->pipelines[obs->n - 1].number)
			cdc_ask(db, CDC_ASK_LOOK, p);
		else
			take_answer(db, p, probe, result, obs, obs ? cdc_source_find(obs, i) : NULL, error);
	}
	/* who is not let in is not let in with the next question either: one login answers all who wait */
	for (i = db->asked[CDC_ASK_LOOK].n; result->outcome == CDC_PG_REFUSED && i > 0; i--)
		take_answer(db, cdc_next_asked(db, CDC_ASK_LOOK), probe, result, NULL, NULL, error);
	/* a lost connection may be a lost primary: ask every node at once */
	if (result->outcome == CDC_PG_REFUSED || result->outcome == CDC_PG_LOST ||
		another)
		cdc_observe_nodes(s);
	look_at_database(db);
	cdc_observe_unused(db);
	cdc_probe_free(probe);
}

/* Some have their relations listed, the others in the next rounds. */
static void
list_relations(CdcSourceDb *db, CdcSourceAsk *asks, int n)
{
	int			every = Min((n + RELATIONS_PIPELINES - 1) / RELATIONS_PIPELINES, RELATIONS_ROUNDS);
	int			i;

	for (i = 0; i < n; i++)
	{
		if (every > 1 && (i + db->service->world->round) % every != 0)
			asks[i].lists_relations = false;
	}
}

static void
look_at_database(CdcSourceDb *db)
{
	CdcSourceAsk *asks;
	CdcProbe   *probe;
	const char *params[1];
	char	   *ask;
	CdcPipeline *p;
	int			most;
	int			n = 0;
	int			ntables = 0;

	if (db->look_most == 0)
		db->look_most = LOOK_FEW;
	most = Min(db->asked[CDC_ASK_LOOK].n, db->look_most);
	if (db->observing || most == 0 || !cdc_observe_open(db))
		return;
	asks = palloc(sizeof(CdcSourceAsk) * most);
	probe = cdc_probe_make(db->service, db->database, most);
	/* the others are asked about when this is answered */
	while (n < most && ntables < LOOK_TABLES && (p = cdc_next_asked(db, CDC_ASK_LOOK)) != NULL)
	{
		asks[n] = cdc_source_ask_of(p);
		ntables += asks[n].ntables;
		p->look.asked_since = probe->started;
		strlcpy(probe->pipelines[n], p->id, CDC_UUID_LEN + 1);
		n++;
	}
	list_relations(db, asks, n);
	probe->n = n;
	ask = cdc_source_ask(asks, n, false);
	params[0] = ask;
	db->observing = true;
	db->observing_since = probe->started;
	cdc_pg_exec(db->conn, cdc_source_observe_sql, 1, params, &cdc_shape_look, LOOK_TIMEOUT_MS, database_done, probe);
	pfree(asks);
	pfree(ask);
}

/* A row of a watch, by its slot: rows come in any order, and there may be hundreds. */
typedef struct CdcWatched
{
	const char *slot;
	const char *words;
} CdcWatched;

static int
by_slot(const void *a, const void *b)
{
	return strcmp(((const CdcWatched *) a)->slot, ((const CdcWatched *) b)->slot);
}

static CdcWatched *
watched_rows(const CdcPgResult *result)
{
	int			n = cdc_pg_ntuples(result);
	CdcWatched *rows = palloc(sizeof(CdcWatched) * (n + 1));
	int			row;

	for (row = 0; row < n; row++)
	{
		rows[row].slot = cdc_pg_value(result, row, 0);
		rows[row].words = cdc_pg_value(result, row, 1);
	}
	qsort(rows, n, sizeof(CdcWatched), by_slot);
	return rows;
}

static void
watch_done(const CdcPgResult *result, void *arg)
{
	CdcProbe   *probe = arg;
	CdcService *s = cdc_world_service(probe->world, probe->service_id);
	CdcWatched *rows;
	int			i;

	if (s == NULL)
	{
		cdc_probe_free(probe);
		return;
	}
	cdc_world_database(s, probe->database)->watching = false;
	cdc_asks_again(cdc_world_database(s, probe->database));
	rows = watched_rows(result);
	for (i = 0; i < probe->n; i++)
	{
		CdcPipeline *p = cdc_world_pipeline(probe->world, probe->pipelines[i]);
		CdcWatched	wanted = {p ? p->object_name : NULL, NULL};
		const CdcWatched *row;
		const char *words;

		if (p == NULL || p->source != s)
			continue;
		row = bsearch(&wanted, rows, cdc_pg_ntuples(result), sizeof(CdcWatched), by_slot);
		words = row ? row->words : "";
		/* where it failed the look says why */
		if (result->outcome == CDC_PG_OK && strcmp(words, p->look.watched) == 0)
			continue;
		strlcpy(p->look.watched, words, sizeof(p->look.watched));
		if (p->doing.op || p->look.waiting)
			continue;
		cdc_world_anew(p, CDC_ANEW_SOURCE | CDC_ANEW_CONNECT);
	}
	cdc_observe_unused(cdc_world_database(s, probe->database));
	cdc_probe_free(probe);
}

static void
watch_database(CdcSourceDb *db)
{
	const char **slots;
	CdcProbe   *probe;
	const char *params[1];
	char	   *ask;
	CdcPipeline *p;
	int			n = db->asked[CDC_ASK_WATCH].n;

	if (db->watching || n == 0 || !cdc_observe_open(db))
		return;
	slots = palloc(sizeof(char *) * n);
	probe = cdc_probe_make(db->service, db->database, n);
	while ((p = cdc_next_asked(db, CDC_ASK_WATCH)) != NULL)
	{
		slots[probe->n] = p->object_name;
		strlcpy(probe->pipelines[probe->n++], p->id, CDC_UUID_LEN + 1);
	}
	ask = cdc_source_watch(slots, probe->n);
	params[0] = ask;
	db->watching = true;
	cdc_pg_exec(db->conn, cdc_source_watch_sql, 1, params, &cdc_shape_watch, LOOK_TIMEOUT_MS, watch_done, probe);
	pfree(slots);
	pfree(ask);
}

bool
cdc_observe_source_watch(CdcPipeline *p)
{
	CdcSourceDb *db;

	if (p->source == NULL || p->source->pg.primary == NULL || cdc_loop_now() - p->look.look_at >= WATCH_FOR_MS)
		return false;
	db = cdc_world_database(p->source, cdc_place_of(p));
	if (db->conn == NULL)
		return false;
	cdc_ask(db, CDC_ASK_WATCH, p);
	return true;
}

bool
cdc_observe_source_fresh(CdcPipeline *p)
{
	CdcService *s = p->source;

	if (s->pg.primary == NULL)
		return cdc_observe_nodes_since(s, p->plan.source_since);
	return p->look.look_at >= p->plan.source_since;
}

void
cdc_observe_source_want(CdcPipeline *p)
{
	CdcService *s = p->source;

	if (s->pg.primary == NULL)
	{
		cdc_observe_nodes(s);
		return;
	}
	/* what is under way answers it, whatever else has been answered meanwhile */
	if (p->look.asked_since == 0 || p->look.asked_since < p->plan.source_since)
		cdc_ask(cdc_world_database(s, cdc_place_of(p)), CDC_ASK_LOOK, p);
}

void
cdc_observe_source_looks(CdcWorld *world)
{
	CdcSourceDb *next = cdc_next_asking(world, NULL);

	while (next)
	{
		CdcSourceDb *db = next;

		next = cdc_next_asking(world, db);
		/* those who are to be visited yet may want the same look */
		if (cdc_ring_waits(&db->service->users->ring))
			continue;
		cdc_asks_no_more(db);
		look_at_database(db);
		watch_database(db);
		cdc_observe_columns_look(db);
	}
}

int
cdc_observe_source_pace(const CdcPipeline *p)
{
	ListCell   *cell;

	if (p->source == NULL)
		return 0;
	foreach(cell, p->source->pg.databases)
	{
		const CdcSourceDb *db = lfirst(cell);

		if (strcmp(db->database, cdc_place_of(p)) == 0)
			return db->look_ms * Min(db->look_ms, LOOK_PACE_MAX);
	}
	return 0;
}
