/*
 * columns.c
 *	  Looks at the columns of captured tables: one query for all the pipelines of a
 *	  database that are due.
 *
 * See observe.h.  They change by DDL alone: looked at once before anything is built
 * on them, then once a round.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "extension/settings.h"
#include "remote/source_columns.h"
#include "worker/observe/observe_parts.h"
#include "worker/world/asked.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/shapes.h"

/*
 * So many pipelines are asked about at once: at first LOOK_FEW, then twice as many after each
 * look that took less than LOOK_SOON_MS, half as many after one that failed or took longer than LOOK_LONG_MS.
 */
#define LOOK_FEW 64
#define LOOK_SOON_MS 250
#define LOOK_LONG_MS 2000

/* Most bytes that are kept of one: a thousand names of tables, and lists of twenty columns. */
#define TOLD_MAX (300 * 1024)

/* A look that takes long is not begun again before so many times its duration. */
#define PACE 20

/* What an answer is kept for. */
typedef struct Answer
{
	const CdcProbe *probe;
	const CdcService *source;
} Answer;

/* Read once, and not wherever it is looked at in a visit. */
static void
keep_told(CdcPipeline *p, const char *told)
{
	CdcColumnsTold *columns = &p->look.columns;

	if (columns->told_context)
		MemoryContextDelete(columns->told_context);
	columns->told_context = NULL;
	columns->told = NULL;
	if (told)
	{
		MemoryContext old;

		columns->told_context = AllocSetContextCreate(p->context, "cdc_pipeline columns", ALLOCSET_SMALL_SIZES);
		old = MemoryContextSwitchTo(columns->told_context);
		columns->told = cdc_source_columns_read(told);
		MemoryContextSwitchTo(old);
	}
}

static void
keep_columns(const CdcSourceColumnsAnswer *said, void *arg)
{
	const Answer *answer = arg;
	CdcPipeline *p = cdc_world_pipeline(answer->probe->world, said->pipeline_id);

	/* longer is no honest answer */
	if (p == NULL || p->source != answer->source || (said->told && strlen(said->told) > TOLD_MAX))
		return;
	p->look.columns.known = true;
	p->look.columns.mark = said->mark;
	p->look.columns.now_us = said->now_us;
	keep_told(p, said->told);
}

/* One that failed is an answer too: what was known before still is. */
static void
note_asked(CdcSourceDb *db, CdcPipeline *p, int64 started)
{
	p->look.columns.at = started;
	p->look.columns.of = db;
	if (p->look.waiting)
		cdc_world_ready(p);
}

static void
columns_done(const CdcPgResult *result, void *arg)
{
	CdcProbe   *probe = arg;
	CdcService *s = cdc_world_service(probe->world, probe->service_id);
	Answer		answer = {probe, s};
	CdcSourceDb *db;
	CdcPipeline *p;
	bool		answered;
	int			i;

	if (s == NULL)
	{
		cdc_probe_free(probe);
		return;
	}
	db = cdc_world_database(s, probe->database);
	db->reading = false;
	db->columns_ms = (int) (cdc_loop_now() - probe->started);
	answered = result->outcome == CDC_PG_OK && cdc_source_columns_parse(cdc_pg_value(result, 0, 0), keep_columns, &answer);
	if (result->outcome == CDC_PG_REFUSED)
	{
		/* one login answers all who wait */
		for (i = db->asked[CDC_ASK_COLUMNS].n; i > 0; i--)
			note_asked(db, cdc_next_asked(db, CDC_ASK_COLUMNS), probe->started);
	}
	else if (!answered || db->columns_ms > LOOK_LONG_MS)
		db->columns_most = Max(probe->n / 2, 1);
	else if (db->columns_ms < LOOK_SOON_MS && probe->n >= db->columns_most)
		db->columns_most = Min(db->columns_most * 2, CDC_SOURCE_LOOK_MAX);
	for (i = 0; i < probe->n; i++)
	{
		p = cdc_world_pipeline(probe->world, probe->pipelines[i]);
		if (p && p->source == s)
			note_asked(db, p, probe->started);
	}
	cdc_asks_again(db);
	cdc_observe_unused(db);
	cdc_probe_free(probe);
}

void
cdc_observe_columns_look(CdcSourceDb *db)
{
	CdcSourceAsk *asks;
	CdcProbe   *probe;
	const char *params[1];
	CdcPipeline *p;
	int			most;
	int			n = 0;

	if (db->columns_most == 0)
		db->columns_most = LOOK_FEW;
	most = Min(db->asked[CDC_ASK_COLUMNS].n, db->columns_most);
	if (db->reading || most == 0 || !cdc_observe_open(db))
		return;
	asks = palloc(sizeof(CdcSourceAsk) * most);
	probe = cdc_probe_make(db->service, db->database, most);
	while (n < most && (p = cdc_next_asked(db, CDC_ASK_COLUMNS)) != NULL)
	{
		asks[n] = cdc_source_ask_of(p);
		strlcpy(probe->pipelines[n++], p->id, CDC_UUID_LEN + 1);
	}
	probe->n = n;
	params[0] = cdc_source_columns_ask(asks, n);
	db->reading = true;
	cdc_pg_exec(db->conn, cdc_source_columns_sql, 1, params, &cdc_shape_columns, LOOK_TIMEOUT_MS, columns_done, probe);
	pfree(asks);
	pfree((char *) params[0]);
}

bool
cdc_observe_columns_fresh(CdcPipeline *p)
{
	const CdcSourceDb *db;

	if (p->wanted.want_deleted || p->source->pg.primary == NULL)
		return true;
	db = cdc_world_database(p->source, p->wanted.database);
	/* it may be another one than it was created with */
	if (p->look.columns.at == 0 || p->look.columns.of != db)
		return false;
	/* it may be waiting for them to be changed */
	if (!cdc_is_up(p) && p->look.columns.told)
		return p->look.columns.at >= p->plan.source_since;
	return cdc_loop_now() - p->look.columns.at < Max(cdc_health_interval / 2, (int64) PACE * db->columns_ms);
}

void
cdc_observe_columns_want(CdcPipeline *p)
{
	cdc_ask(cdc_world_database(p->source, p->wanted.database), CDC_ASK_COLUMNS, p);
}
