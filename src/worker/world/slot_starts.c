/*
 * slot_starts.c
 *	  See slot_starts.h.
 */
#include "postgres.h"

#include "worker/world/slot_starts.h"
#include "worker/world/turn.h"

static void
leave(CdcPipeline *p)
{
	if (p->starts_at == 0)
		return;
	dlist_delete(&p->starting_node);
	p->starts_at = 0;
}

void
cdc_slot_begins(CdcPipeline *p)
{
	CdcTurn    *turn = &p->source->pg.slot_turn;
	CdcPipeline *former = turn->holder;

	if (former && former != p && former->starts_at != 0 && former->sink && cdc_loop_now() - turn->since > CDC_SLOT_COMES_MS)
		former->sink->kafka.tasks_late = true;
	cdc_turn_seize(turn, p);
	leave(p);
	p->starts_at = cdc_loop_now();
	dlist_push_tail(&p->of_source->starting, &p->starting_node);
}

void
cdc_slot_settled(CdcPipeline *p, bool came)
{
	if (p->starts_at == 0)
		return;
	leave(p);
	if (came && p->sink)
		p->sink->kafka.tasks_late = false;
}

int
cdc_slots_coming(const CdcPipeline *p)
{
	int64		now = cdc_loop_now();
	int			n = 0;
	dlist_iter	iter;

	dlist_reverse_foreach(iter, &p->of_source->starting)
	{
		const CdcPipeline *other = dlist_container(CdcPipeline, starting_node, iter.cur);

		if (now - other->starts_at > CDC_SLOT_COMES_MS)
			break;
		n += other != p;
	}
	return n;
}

bool
cdc_slots_late(const CdcPipeline *p)
{
	return p->sink && p->sink->kafka.tasks_late;
}
