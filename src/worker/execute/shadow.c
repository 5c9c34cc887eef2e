/*
 * shadow.c
 *	  The pipelines' slots on standbys: made, moved, dropped.
 *
 * See execute.h.  One statement at a time for each slot.  A slot on a standby
 * is made only when the primary has logged its running transactions, which an
 * idle one does never: while a slot is being made the primary is nudged.
 * Being killed anywhere needs no repair: a slot of which we do not remember
 * that we made it is dropped and made again.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/lsn.h"
#include "extension/settings.h"
#include "reconciler/shadow.h"
#include "remote/pg_hba.h"
#include "worker/execute/execute_parts.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/kept.h"
#include "worker/world/node_look.h"
#include "worker/world/shadow.h"
#include "worker/world/shapes.h"
#include "worker/world/wanted.h"

/*
 * Longer than the statement_timeout of our connections (60 s): the server
 * gives up first, and cleans up the half-made slot.
 */
#define MAKE_TIMEOUT_MS 70000
#define MOVE_TIMEOUT_MS 60000
#define NUDGE_MS 150
#define NUDGE_TIMEOUT_MS 5000
#define RETRY_MS 5000

/* A statement under way; ids, since everything may be gone when it ends. */
typedef struct CdcShadowJob
{
	CdcWorld   *world;
	char		pipeline_id[CDC_UUID_LEN + 1];
	char		service_id[CDC_UUID_LEN + 1];
	char	   *address;
	int			port;
	CdcShadowAction action;
	uint32		timeline;		/* of the node when it was begun */
	CdcTimer   *timer;			/* MAKE: the next nudge */
} CdcShadowJob;

static void
job_done(const CdcPgResult *result, void *arg)
{
	CdcShadowJob *job = arg;
	CdcPipeline *p = cdc_world_pipeline(job->world, job->pipeline_id);
	CdcNode    *n = cdc_world_node(cdc_world_service(job->world, job->service_id), job->address, job->port);

	if (job->timer)
		cdc_timer_free(job->timer);
	job->timer = NULL;
	if (p && result->outcome != CDC_PG_CANCELLED)
	{
		CdcShadow  *shadow = cdc_shadow_of(p, job->address, job->port);
		bool		made = result->outcome == CDC_PG_OK && job->action == CDC_SHADOW_MAKE &&
			!cdc_pg_isnull(result, 0, 0);

		shadow->busy = shadow->making = false;
		cdc_set_string(p->context, &shadow->error, result->outcome == CDC_PG_OK ? NULL : result->error);
		if (result->outcome == CDC_PG_OK && job->action == CDC_SHADOW_ADVANCE)
		{
			uint64		lsn = cdc_lsn_parse(cdc_pg_value(result, 0, 0));

			cdc_shadow_moved(shadow);
			shadow->tried_at = 0;
			if (lsn != 0)
				shadow->lsn = lsn;
			else
				shadow->tried_at = cdc_loop_now();	/* it has not replayed that far */
		}
		if (made || (result->outcome == CDC_PG_OK && job->action == CDC_SHADOW_DROP))
		{
			cdc_shadow_note_timeline(p, shadow, made ? job->timeline : 0);
			cdc_shadow_moved(shadow);
		}
		/* what is there now decides what is next; what a nudge does shows at the next */
		if (n && result->outcome == CDC_PG_OK && job->action == CDC_SHADOW_NUDGE)
			cdc_node_want_look(n);
		else if (n && result->outcome == CDC_PG_OK && job->action != CDC_SHADOW_ADVANCE)
		{
			shadow->lsn = 0;
			shadow->tried_at = 0;
			cdc_node_want_look(n);
		}
	}
	else if (p)
	{
		CdcShadow  *shadow = cdc_shadow_of(p, job->address, job->port);

		shadow->busy = shadow->making = false;
	}
	pfree(job->address);
	pfree(job);
}

static void
ignore_nudge(const CdcPgResult *result, void *arg)
{
}

/* The primary logs its running transactions, again and again until the slot is made. */
static void
nudge(void *arg)
{
	CdcShadowJob *job = arg;
	CdcService *s = cdc_world_service(job->world, job->service_id);

	if (s && s->pg.primary && s->pg.primary->admin && cdc_pg_pending(s->pg.primary->admin) < 3)
		cdc_pg_exec(s->pg.primary->admin, cdc_source_nudge_sql, 0, NULL, NULL, NUDGE_TIMEOUT_MS, ignore_nudge, NULL);
	cdc_timer_set(job->timer, cdc_loop_now() + NUDGE_MS);
}

bool
cdc_execute_shadow_may(const CdcPipeline *p, const CdcShadow *shadow, CdcShadowAction action)
{
	const CdcNode *primary = p->source->pg.primary;

	return action != CDC_SHADOW_NONE && !shadow->busy &&
		(shadow->tried_at == 0 || cdc_loop_now() - shadow->tried_at >= RETRY_MS) &&
		(action != CDC_SHADOW_NUDGE || (primary && primary->admin));
}

void
cdc_execute_shadow(CdcPipeline *p, CdcNode *n, CdcShadow *shadow, CdcShadowAction action, uint64 target)
{
	CdcShadowJob *job = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcShadowJob));
	char	   *sql = action == CDC_SHADOW_MAKE ? cdc_source_make_shadow_sql(p->object_name) :
		action == CDC_SHADOW_DROP ? cdc_source_drop_shadow_sql(p->object_name) :
		action == CDC_SHADOW_NUDGE ? pstrdup(cdc_source_nudge_sql) :
		cdc_source_advance_shadow_sql(p->object_name, target);
	CdcPgConn  *conn = action == CDC_SHADOW_NUDGE ? n->service->pg.primary->admin : cdc_execute_node_conn(n, cdc_place_of(p));

	job->world = p->world;
	strlcpy(job->pipeline_id, p->id, sizeof(job->pipeline_id));
	strlcpy(job->service_id, n->service->id, sizeof(job->service_id));
	job->address = MemoryContextStrdup(TopMemoryContext, n->address);
	job->port = n->port;
	job->action = action;
	job->timeline = n->timeline;
	shadow->busy = true;
	shadow->making = action == CDC_SHADOW_MAKE;
	shadow->tried_at = cdc_loop_now();
	if (action == CDC_SHADOW_MAKE)
	{
		/* it may still take effect when nobody waits for it any more */
		cdc_keep_mutated(p);
		job->timer = cdc_timer_create(p->world->loop, nudge, job);
		cdc_timer_set(job->timer, cdc_loop_now() + NUDGE_MS / 3);
	}
	cdc_pg_exec(conn, sql, 0, NULL, action == CDC_SHADOW_MAKE ? &cdc_shape_slot_made : action == CDC_SHADOW_ADVANCE ? &cdc_shape_slot_moved : NULL,
				action == CDC_SHADOW_MAKE ? MAKE_TIMEOUT_MS : MOVE_TIMEOUT_MS, job_done, job);
	pfree(sql);
}

/* One drop_shadows operation over all standbys. */
typedef struct CdcDropJob
{
	CdcOpRef	ref;
	int			left;
	CdcOpEnd	end;
	char	   *words;
} CdcDropJob;

static void
drop_ended(CdcDropJob *job)
{
	if (--job->left > 0)
		return;
	if (cdc_op_of(&job->ref))
	{
		cdc_nodes_want_look(cdc_op_of(&job->ref)->pipeline->source);
		cdc_op_end(job->ref, job->end, job->words);
	}
	if (job->words)
		pfree(job->words);
	pfree(job);
}

static void
drop_done(const CdcPgResult *result, void *arg)
{
	CdcDropJob *job = arg;

	if (result->outcome != CDC_PG_OK)
	{
		job->end = CDC_OP_FAILED;
		if (job->words == NULL && result->error)
			job->words = MemoryContextStrdup(TopMemoryContext, result->error);
	}
	drop_ended(job);
}

void
cdc_execute_drop_shadows(CdcOp *op)
{
	CdcPipeline *p = op->pipeline;
	CdcDropJob *job = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcDropJob));
	CdcService *s = p->source;
	char	   *sql = cdc_source_drop_shadow_sql(p->object_name);
	int			i;

	job->ref = cdc_op_ref(op);
	job->end = CDC_OP_DONE;
	job->left = 1;
	for (i = 0; i < s->pg.nnodes; i++)
	{
		CdcNode    *n = &s->pg.nodes[i];
		const CdcNodeSlot *slot = cdc_source_node_slot(&n->conf, p->object_name);
		CdcPgConn  *conn;

		if (n == s->pg.primary || !n->reachable || !n->in_recovery || slot == NULL || slot->synced)
			continue;
		conn = cdc_execute_node_conn(n, cdc_place_of(p));
		/* one that is being made for a pipeline that goes is not waited for */
		if (cdc_pg_pending(conn) > 0)
			cdc_pg_reset(conn);
		job->left++;
		cdc_pg_exec(conn, sql, 0, NULL, NULL, MOVE_TIMEOUT_MS, drop_done, job);
	}
	pfree(sql);
	drop_ended(job);
}
