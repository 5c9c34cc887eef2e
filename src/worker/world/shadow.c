/*
 * shadow.c
 *	  Records of the pipelines' slots on standbys.
 *
 * See shadow.h.  Owns their allocation and look-up; asks nobody, decides nothing.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/checks.h"
#include "worker/world/shadow.h"
#include "worker/world/streamed.h"

/* So long what is being made ready is not told as a finding. */
#define UNREADY_TOLD_MS 30000

CdcShadow *
cdc_shadow_of(CdcPipeline *p, const char *address, int port)
{
	MemoryContext old;
	CdcShadow  *shadow;
	ListCell   *cell;

	foreach(cell, p->shadows)
	{
		shadow = lfirst(cell);
		if (shadow->port == port && strcmp(shadow->address, address) == 0)
			return shadow;
	}
	old = MemoryContextSwitchTo(p->context);
	shadow = palloc0(sizeof(CdcShadow));
	shadow->address = pstrdup(address);
	shadow->port = port;
	shadow->moved_at = cdc_loop_now();
	p->shadows = lappend(p->shadows, shadow);
	MemoryContextSwitchTo(old);
	return shadow;
}

uint32
cdc_shadow_timeline(const CdcPipeline *p, const CdcNode *n)
{
	ListCell   *cell;

	foreach(cell, p->shadows)
	{
		CdcShadow  *shadow = lfirst(cell);

		if (shadow->port == n->port && strcmp(shadow->address, n->address) == 0)
			return shadow->timeline;
	}
	return 0;
}

CdcTri
cdc_shadow_left(const CdcPipeline *p)
{
	CdcService *s = p->source;
	CdcTri		left = CDC_NO;
	int			i;

	for (i = 0; s && i < s->pg.nnodes; i++)
	{
		CdcNode    *n = &s->pg.nodes[i];
		const CdcNodeSlot *slot;

		if (n == s->pg.primary || !n->reachable || !n->in_recovery)
			continue;
		if (!n->conf.known)
		{
			if (left == CDC_NO)
				left = CDC_UNKNOWN;
			continue;
		}
		slot = cdc_source_node_slot(&n->conf, p->object_name);
		/* a synced one goes with the primary's */
		if (slot && !slot->synced)
			left = CDC_YES;
	}
	return left;
}

static void
is_dirty(CdcPipeline *p, CdcShadow *shadow)
{
	shadow->dirty = true;
	cdc_dirty_pipeline(p, CDC_ROW_STANDBYS);
}

void
cdc_shadow_note_readiness(CdcPipeline *p, CdcShadow *shadow, bool ready, const char *missing, const char *fix_sql)
{
	if (shadow->ready == ready && cdc_same(shadow->missing, missing) && cdc_same(shadow->fix_sql, fix_sql))
		return;
	shadow->ready = ready;
	cdc_set_string(p->context, &shadow->missing, missing);
	cdc_set_string(p->context, &shadow->fix_sql, fix_sql);
	is_dirty(p, shadow);
}

void
cdc_shadow_tell(CdcPipeline *p, CdcShadow *shadow)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_STANDBY_UNREADY);
	bool		holds = !shadow->ready && !shadow->gone && p->kept.was_running && !p->wanted.want_deleted;

	if (!holds)
		shadow->unready_since = 0;
	else if (shadow->unready_since == 0)
		shadow->unready_since = cdc_loop_now();
	/* well, as mostly, and nothing was told */
	if (!holds && !cdc_finding_holds(p->findings, finding.check_name))
		return;
	finding.node = psprintf("%s:%d", shadow->address, shadow->port);
	finding.observed = shadow->missing;
	finding.fix_sql = shadow->fix_sql;
	cdc_finding_pipeline(p, &finding, holds && cdc_loop_now() - shadow->unready_since >= UNREADY_TOLD_MS);
}

void
cdc_shadow_note_timeline(CdcPipeline *p, CdcShadow *shadow, uint32 timeline)
{
	shadow->timeline = timeline;
	is_dirty(p, shadow);
}

void
cdc_shadow_note_seen(CdcPipeline *p, CdcShadow *shadow, uint64 lsn, uint32 timeline)
{
	uint64		known = Max(shadow->seen_lsn, shadow->lsn);

	if (lsn == 0)
	{
		shadow->seen_lsn = 0;
		shadow->found_at = shadow->kept_at = 0;
		return;
	}
	if (shadow->found_at == 0)
		shadow->found_at = cdc_loop_now();
	else if (lsn > known)
	{
		shadow->kept_at = cdc_loop_now();
		if (shadow->timeline != timeline)
			cdc_shadow_note_timeline(p, shadow, timeline);
	}
	shadow->seen_lsn = Max(known, lsn);
}

void
cdc_shadow_fill(CdcPipeline *p, CdcShadow *shadow, uint32 timeline, bool ready, const char *missing, const char *fix_sql)
{
	shadow->timeline = timeline;
	shadow->ready = ready;
	cdc_set_string(p->context, &shadow->missing, missing);
	cdc_set_string(p->context, &shadow->fix_sql, fix_sql);
}

void
cdc_shadow_moved(CdcShadow *shadow)
{
	shadow->moved_at = cdc_loop_now();
}

void
cdc_shadows_written(CdcPipeline *p)
{
	ListCell   *cell;

	foreach(cell, p->shadows)
		((CdcShadow *) lfirst(cell))->dirty = false;
}

void
cdc_shadow_forget_others(CdcPipeline *p)
{
	ListCell   *cell;

	foreach(cell, p->shadows)
	{
		CdcShadow  *shadow = lfirst(cell);
		CdcNode    *n = cdc_world_node(p->source, shadow->address, shadow->port);
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
			cdc_shadow_tell(p, shadow);
		}
		is_dirty(p, shadow);
	}
}
