/*
 * standbys.c
 *	  Keeps standbys ready: what looks at nodes have told is judged for every
 *	  pipeline of their service, written down, and acted on.
 *
 * See visit_parts.h.  Nothing here waits, and no pipeline waits for it.  What is
 * done there is decided by cdc_standby_decide().
 */
#include "postgres.h"

#include "worker/assess/assess.h"
#include "worker/execute/execute.h"
#include "worker/observe/observe.h"
#include "worker/visit_parts.h"
#include "worker/world/index.h"
#include "worker/world/node_look.h"
#include "worker/world/shadow.h"
#include "worker/world/tend.h"

static void
see_to(CdcPipeline *p, CdcNode *n)
{
	CdcService *s = n->service;
	CdcShadow  *shadow;
	CdcStandbyView view;

	cdc_shadow_forget_others(p);
	if (n == s->pg.primary || (s->pg.primary == NULL && !n->in_recovery))
		return;
	shadow = cdc_shadow_of(p, n->address, n->port);
	if (s->pg.primary && n->timeline == s->pg.primary->timeline && !shadow->busy)
	{
		const CdcNodeSlot *slot = cdc_source_node_slot(&n->conf, p->object_name);
		bool		movable = slot && slot->fits && !slot->synced && !slot->temporary && slot->lost == NULL &&
			cdc_same(slot->database, p->wanted.database);

		cdc_shadow_note_seen(p, shadow, movable ? slot->flush_lsn : 0, n->timeline);
	}
	view = cdc_assess_standby(p, n, shadow);
	cdc_shadow_note_readiness(p, shadow, view.ready, view.missing, view.fix_sql);
	cdc_shadow_tell(p, shadow);
	if (view.followed)
		cdc_shadow_note_timeline(p, shadow, n->timeline);
	if (!p->wanted.want_deleted && p->world->acting && cdc_execute_shadow_may(p, shadow, view.action))
		cdc_execute_shadow(p, n, shadow, view.action, view.target);
}

static void
see_to_all(CdcNode *n)
{
	CdcPipeline *p;

	cdc_each_of_source(p, n->service)
	{
		if (!p->kept.absent)
			see_to(p, n);
	}
}

void
cdc_visit_standbys(CdcWorld *world)
{
	CdcService *s;
	int			i;

	while ((s = cdc_tend_next_due(world, CDC_TEND_STANDBYS, cdc_loop_now())) != NULL)
	{
		for (i = 0; i < s->pg.nnodes; i++)
		{
			CdcNode    *n = &s->pg.nodes[i];

			/* the primary's slots have moved: so may those on all standbys */
			bool		follows = s->pg.followed && n != s->pg.primary && n->reachable && n->in_recovery;

			if (cdc_node_take_wanted(n))
				cdc_observe_node(n);
			if (cdc_node_take_looked(n) || follows)
				see_to_all(n);
		}
		cdc_source_may_follow(s, false);
	}
}
