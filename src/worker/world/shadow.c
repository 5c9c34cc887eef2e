/*
 * shadow.c
 *	  Records of the pipelines' slots on standbys.
 *
 * See shadow.h.  Owns their allocation and look-up; asks nobody, decides nothing.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/shadow.h"

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

	for (i = 0; s && i < s->nnodes; i++)
	{
		CdcNode    *n = &s->nodes[i];
		const CdcNodeSlot *slot;

		if (n == s->primary || !n->reachable || !n->in_recovery)
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
