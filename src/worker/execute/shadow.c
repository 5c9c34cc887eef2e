/*
 * shadow.c
 *	  The pipelines' slots on standbys: made, moved, dropped.
 *
 * See shadow.h.  One statement at a time for each slot.  A slot on a standby
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
#include "worker/execute/execute.h"
#include "worker/failover.h"
#include "worker/observe/observe.h"
#include "worker/observe/source.h"
#include "worker/shadow.h"
#include "worker/world/shadow.h"
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
#define QUIET_LONG_MS (5 * 60 * 1000)

/* Where a slot is that was made or moved; NULL: it was not, no row: there is none to move. */
static const CdcPgShape make_shape = {.min_rows = 1, .max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_LSN, .may_be_null = true}}};
static const CdcPgShape move_shape = {.max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_LSN, .may_be_null = true}}};

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

static bool
hba_ready(const CdcPipeline *p, const CdcNode *n)
{
	CdcHbaLine *lines;
	int			nlines;

	if (!n->service->manage_hba || n->hba_text == NULL)
		return true;
	lines = cdc_wanted_hba_lines(p, &nlines);
	return cdc_hba_has(n->hba_text, lines, nlines) && cdc_same(n->hba_loaded, n->hba_hash);
}

/* The more pipelines a source has, the more often the same WAL is read. */
static uint64
step_of(const CdcService *s)
{
	uint64		step = 0;
	ListCell   *cell;

	foreach(cell, s->world->pipelines)
	{
		if (((CdcPipeline *) lfirst(cell))->source == s)
			step += CDC_SHADOW_STEP;
	}
	return Min(step, CDC_SHADOW_STEP_MOST);
}

static void
fill_facts(CdcPipeline *p, const CdcNode *n, const CdcShadow *shadow, CdcStandbyFacts *f)
{
	CdcService *s = n->service;
	const CdcNode *primary = s->primary;
	const CdcSourcePipeline *seen = p->seen;
	const CdcNodeSlot *slot = cdc_source_node_slot(&n->conf, p->object_name);

	memset(f, 0, sizeof(*f));
	f->wanted = p->was_running && !cdc_initial_only(p);
	f->leaving = p->discarding || p->want_deleted;
	/* what was seen must be of the primary that there is now */
	f->primary_known = primary && seen && !p->seen_failed && seen->slot_exists && seen->slot_consistent &&
		!seen->slot_lost && p->server.timeline == primary->timeline;
	f->primary_lsn = f->primary_known ? Max(seen->confirmed_flush_lsn, p->primary_lsn) : 0;
	f->native = seen && seen->slot_exists && seen->slot_failover;
	f->blocked = p->server.blocker != NULL;

	f->reachable = n->reachable;
	f->other_cluster = s->system_identifier != 0 && n->reachable && n->system_identifier != s->system_identifier;
	f->in_recovery = n->in_recovery;
	f->conf_known = n->conf.known;
	f->version = n->version;
	f->follows = primary && n->timeline == primary->timeline;
	f->hba_ready = hba_ready(p, n);
	f->feedback = n->conf.feedback;
	f->has_primary_slot = n->conf.primary_slot && (n->conf.receiver == NULL || n->conf.receiver_slot);
	f->streams = cdc_same(n->conf.receiver, "streaming");
	f->syncs_slots = n->conf.syncs_slots;
	f->has_dbname = n->conf.has_dbname;
	f->sync_missing = n->conf.sync_missing != NULL;
	f->free_slot = n->free_slots > 0;

	if (slot == NULL || shadow->making)
		return;
	f->slot_exists = true;
	f->slot_ours = shadow->timeline != 0 || p->slot_absent_before;
	f->slot_fits = slot->fits && cdc_same(slot->database, p->database);
	f->slot_temporary = slot->temporary;
	f->slot_synced = slot->synced;
	f->slot_active = slot->active;
	f->slot_lost = slot->lost != NULL;
	f->slot_lsn = Max(slot->flush_lsn, shadow->lsn);
	f->step = step_of(s);
	f->slot_stale = !slot->synced && shadow->timeline != n->timeline &&
		(shadow->timeline == 0 || !p->server.history_known ||
		 !cdc_history_contains(p->server.timeline, p->server.history, p->server.nhistory,
							   shadow->timeline, slot->flush_lsn));
	f->slot_too_old = cdc_max_slot_wal > 0 && slot->restart_lsn != 0 && n->wal_lsn > slot->restart_lsn &&
		n->wal_lsn - slot->restart_lsn > (uint64) cdc_max_slot_wal * 1024 * 1024;
	f->quiet_long = cdc_loop_now() - shadow->moved_at > QUIET_LONG_MS;
}

/* Writes down what is missing there, where it differs. */
static void
note_readiness(CdcPipeline *p, const CdcNode *n, CdcShadow *shadow, const CdcStandbyRule *rule)
{
	const CdcNodeSlot *slot = cdc_source_node_slot(&n->conf, p->object_name);
	char		missing[4000];
	char		fix[1000];
	char		physical[NAMEDATALEN];
	CdcStandbyWords words;
	char	   *c;

	missing[0] = fix[0] = '\0';
	if (rule)
	{
		snprintf(physical, sizeof(physical), "standby_%s_%d", n->address, n->port);
		for (c = physical; *c; c++)
		{
			*c = pg_tolower((unsigned char) *c);
			if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9')))
				*c = '_';
		}
		words.error = !n->reachable ? n->error : slot && slot->lost ? slot->lost : p->server.blocker;
		words.slot = p->object_name;
		words.names = n->conf.sync_missing;
		words.physical = physical;
		cdc_standby_expand(missing, sizeof(missing), rule->missing, &words);
		if (shadow->error && slot == NULL && n->reachable)
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " (last try: %s)", shadow->error);
		if (rule->fix_sql)
			cdc_standby_expand(fix, sizeof(fix), rule->fix_sql, &words);
	}
	if (shadow->ready == (rule == NULL) && cdc_same(shadow->missing, rule ? missing : NULL) &&
		cdc_same(shadow->fix_sql, fix[0] ? fix : NULL))
		return;
	shadow->ready = rule == NULL;
	cdc_set_string(p->context, &shadow->missing, rule ? missing : NULL);
	cdc_set_string(p->context, &shadow->fix_sql, fix[0] ? fix : NULL);
	shadow->dirty = true;
	p->observed_dirty = true;
}

static CdcNode *
node_of(CdcWorld *world, const char *service_id, const char *address, int port)
{
	CdcService *s = cdc_world_service(world, service_id);
	int			i;

	for (i = 0; s && i < s->nnodes; i++)
	{
		if (s->nodes[i].port == port && strcmp(s->nodes[i].address, address) == 0)
			return &s->nodes[i];
	}
	return NULL;
}

static void
job_done(const CdcPgResult *result, void *arg)
{
	CdcShadowJob *job = arg;
	CdcPipeline *p = cdc_world_pipeline(job->world, job->pipeline_id);
	CdcNode    *n = node_of(job->world, job->service_id, job->address, job->port);

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

			shadow->moved_at = cdc_loop_now();
			shadow->tried_at = 0;
			if (lsn != 0)
				shadow->lsn = lsn;
			else
				shadow->tried_at = cdc_loop_now();	/* it has not replayed that far */
		}
		if (made || (result->outcome == CDC_PG_OK && job->action == CDC_SHADOW_DROP))
		{
			shadow->timeline = made ? job->timeline : 0;
			shadow->moved_at = cdc_loop_now();
			shadow->dirty = true;
			p->observed_dirty = true;
		}
		/* what is there now decides what is next; what a nudge does shows at the next */
		if (n && result->outcome == CDC_PG_OK && job->action == CDC_SHADOW_NUDGE)
			cdc_observe_node(n);
		else if (n && result->outcome == CDC_PG_OK && job->action != CDC_SHADOW_ADVANCE)
		{
			shadow->lsn = 0;
			shadow->tried_at = 0;
			cdc_observe_node(n);
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

	if (s && s->primary && s->primary->admin && cdc_pg_pending(s->primary->admin) < 3)
		cdc_pg_exec(s->primary->admin, cdc_source_nudge_sql, 0, NULL, NULL, NUDGE_TIMEOUT_MS, ignore_nudge, NULL);
	cdc_timer_set(job->timer, cdc_loop_now() + NUDGE_MS);
}

static void
start_job(CdcPipeline *p, CdcNode *n, CdcShadow *shadow, CdcShadowAction action, uint64 target)
{
	CdcShadowJob *job = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcShadowJob));
	char	   *sql = action == CDC_SHADOW_MAKE ? cdc_source_make_shadow_sql(p->object_name) :
		action == CDC_SHADOW_DROP ? cdc_source_drop_shadow_sql(p->object_name) :
		action == CDC_SHADOW_NUDGE ? pstrdup(cdc_source_nudge_sql) :
		cdc_source_advance_shadow_sql(p->object_name, target);
	CdcPgConn  *conn = action == CDC_SHADOW_NUDGE ? n->service->primary->admin : cdc_observe_node_conn(n, p->database);

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
		p->mutated_at = GetCurrentTimestamp();
		p->spec_dirty = true;
		job->timer = cdc_timer_create(p->world->loop, nudge, job);
		cdc_timer_set(job->timer, cdc_loop_now() + NUDGE_MS / 3);
	}
	cdc_pg_exec(conn, sql, 0, NULL, action == CDC_SHADOW_MAKE ? &make_shape : action == CDC_SHADOW_ADVANCE ? &move_shape : NULL,
				action == CDC_SHADOW_MAKE ? MAKE_TIMEOUT_MS : MOVE_TIMEOUT_MS, job_done, job);
	pfree(sql);
}

/* Memories of nodes that are not standbys of the service any more go. */
static void
forget_others(CdcPipeline *p, CdcService *s)
{
	ListCell   *cell;

	foreach(cell, p->shadows)
	{
		CdcShadow  *shadow = lfirst(cell);
		CdcNode    *n = node_of(p->world, s->id, shadow->address, shadow->port);
		bool		gone = n == NULL || cdc_failover_streams_from(p, n);

		if (gone == shadow->gone)
			continue;
		shadow->gone = gone;
		if (gone)
		{
			shadow->timeline = 0;
			shadow->ready = false;
			cdc_set_string(p->context, &shadow->missing, NULL);
			cdc_set_string(p->context, &shadow->fix_sql, NULL);
		}
		shadow->dirty = true;
		p->observed_dirty = true;
	}
}

void
cdc_shadow_look(CdcNode *n)
{
	CdcService *s = n->service;
	ListCell   *cell;

	foreach(cell, s->world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);
		CdcStandbyFacts facts;
		CdcStandbyDecision d;
		CdcShadow  *shadow;

		if (p->source != s || p->absent)
			continue;
		forget_others(p, s);
		if (n == s->primary || (s->primary == NULL && !n->in_recovery))
			continue;
		shadow = cdc_shadow_of(p, n->address, n->port);
		fill_facts(p, n, shadow, &facts);
		d = cdc_standby_decide(&facts);
		note_readiness(p, n, shadow, d.missing);
		if (facts.slot_exists && !facts.slot_stale && shadow->timeline != 0 && shadow->timeline != n->timeline &&
			facts.follows)
		{
			/* it followed the new primary, and its slot with it */
			shadow->timeline = n->timeline;
			shadow->dirty = true;
			p->observed_dirty = true;
		}
		if (d.action == CDC_SHADOW_NONE || shadow->busy || p->want_deleted || !p->world->acting ||
			(shadow->tried_at != 0 && cdc_loop_now() - shadow->tried_at < RETRY_MS) ||
			(d.action == CDC_SHADOW_NUDGE && (s->primary == NULL || s->primary->admin == NULL)))
			continue;
		start_job(p, n, shadow, d.action, cdc_shadow_target(&facts));
	}
}

void
cdc_shadow_follow(CdcService *s)
{
	int			i;

	for (i = 0; i < s->nnodes; i++)
	{
		if (&s->nodes[i] != s->primary && s->nodes[i].reachable && s->nodes[i].in_recovery)
			cdc_shadow_look(&s->nodes[i]);
	}
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
		cdc_observe_nodes(cdc_op_of(&job->ref)->pipeline->source);
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
	for (i = 0; i < s->nnodes; i++)
	{
		CdcNode    *n = &s->nodes[i];
		const CdcNodeSlot *slot = cdc_source_node_slot(&n->conf, p->object_name);
		CdcPgConn  *conn;

		if (n == s->primary || !n->reachable || !n->in_recovery || slot == NULL || slot->synced)
			continue;
		conn = cdc_observe_node_conn(n, p->database);
		/* one that is being made for a pipeline that goes is not waited for */
		if (cdc_pg_pending(conn) > 0)
			cdc_pg_reset(conn);
		job->left++;
		cdc_pg_exec(conn, sql, 0, NULL, NULL, MOVE_TIMEOUT_MS, drop_done, job);
	}
	pfree(sql);
	drop_ended(job);
}
