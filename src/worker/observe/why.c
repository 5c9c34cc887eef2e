/*
 * why.c
 *	  Why a snapshot is interrupted again and again: the source is asked.
 *
 * See observe_parts.h.  On a connection of its own, since it reads rows and may
 * take seconds; nobody waits for the answer, which shows in the next message.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/observe/observe_parts.h"
#include "worker/world/index.h"
#include "worker/world/plan.h"
#include "worker/world/reach.h"
#include "worker/world/shapes.h"
#include "worker/world/facts.h"

/* One that is interrupted once was so by chance, mostly. */
#define WHY_FROM_ROUND 2
#define WHY_TIMEOUT_MS 15000

typedef struct CdcWhy
{
	CdcWorld   *world;
	CdcPgConn  *conn;
	char		pipeline_id[CDC_UUID_LEN + 1];
} CdcWhy;

static void
why_done(const CdcPgResult *result, void *arg)
{
	CdcWhy	   *why = arg;
	CdcPipeline *p = cdc_world_pipeline(why->world, why->pipeline_id);
	CdcPgConn  *conn = why->conn;

	/* where it cannot be asked, or has read for too long, nothing is known */
	if (p && result->outcome == CDC_PG_OK && !cdc_pg_isnull(result, 0, 0))
	{
		cdc_set_string(p->context, &p->look.why, cdc_source_batch_words(cdc_pg_value(result, 0, 0)));
		cdc_world_ready(p);
	}
	pfree(why);
	cdc_pg_close(conn);
}

void
cdc_observe_why(CdcPipeline *p)
{
	CdcSourceAsk ask;
	CdcPgTarget target;
	CdcWhy	   *why;
	char	   *sql;

	if (p->kept.snapshot_rounds == p->look.why_round)
		return;
	if (p->kept.snapshot_rounds < WHY_FROM_ROUND)
	{
		p->look.why_round = p->kept.snapshot_rounds;
		cdc_set_string(p->context, &p->look.why, NULL);
		return;
	}
	if (!p->kept.discarding || p->source == NULL || p->source->pg.primary == NULL)
		return;
	p->look.why_round = p->kept.snapshot_rounds;
	why = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcWhy));
	why->world = p->world;
	strlcpy(why->pipeline_id, p->id, sizeof(why->pipeline_id));
	cdc_reach_node(p->source->pg.primary, p->wanted.database, CDC_PEER_SOURCE, &target);
	why->conn = cdc_pg_open(&target);
	ask = cdc_source_ask_of(p);
	sql = cdc_source_why_sql(&ask);
	cdc_pg_exec(why->conn, sql, 0, NULL, &cdc_shape_why, WHY_TIMEOUT_MS, why_done, why);
	pfree(sql);
}
