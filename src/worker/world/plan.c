/*
 * plan.c
 *	  See plan.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/plan.h"

/* The one that is due first is the first of the heap; of those due at once the one that was planned first. */
static int
compare_due(const pairingheap_node * a, const pairingheap_node * b, void *arg)
{
	const CdcPipelinePlan *one = pairingheap_const_container(CdcPipelinePlan, due_node, a);
	const CdcPipelinePlan *other = pairingheap_const_container(CdcPipelinePlan, due_node, b);

	if (one->due != other->due)
		return one->due < other->due ? 1 : -1;
	return one->planned < other->planned ? 1 : -1;
}

void
cdc_plan_create(CdcWorld *world)
{
	MemoryContext old = MemoryContextSwitchTo(world->context);

	world->due = pairingheap_allocate(compare_due, NULL);
	MemoryContextSwitchTo(old);
	cdc_ring_init(&world->ready, NULL);
	dlist_init(&world->waiting);
}

/* Is in the heap by what is planned, and not while something is under way. */
static void
settle(CdcPipeline *p)
{
	int64		due = p->doing.op ? 0 : p->plan.woken ? 1 : p->plan.next_visit;

	if (due == p->plan.due)
		return;
	if (p->plan.due != 0)
		pairingheap_remove(p->world->due, &p->plan.due_node);
	p->plan.due = due;
	if (due == 0)
		return;
	p->plan.planned = ++p->world->planned;
	pairingheap_add(p->world->due, &p->plan.due_node);
}

void
cdc_plan_add(CdcPipeline *p)
{
	cdc_ring_init(&p->plan.ring, &p->of_source->ring);
}

void
cdc_plan_leave(CdcPipeline *p)
{
	p->plan.woken = false;
	p->plan.next_visit = 0;
	settle(p);
	cdc_ring_leave(&p->plan.ring);
	cdc_plan_wait(p, false);
}

void
cdc_plan_wait(CdcPipeline *p, bool waits)
{
	if (waits == p->look.waiting)
		return;
	p->look.waiting = waits;
	if (waits)
		dlist_push_tail(&p->world->waiting, &p->look.waiting_node);
	else
		dlist_delete(&p->look.waiting_node);
}

void
cdc_plan_ready_waiting(CdcWorld *world)
{
	dlist_iter	iter;

	dlist_foreach(iter, &world->waiting)
		cdc_world_ready(dlist_container(CdcPipeline, look.waiting_node, iter.cur));
}

void
cdc_world_ready(CdcPipeline *p)
{
	cdc_ring_add(&p->plan.ring);
}

CdcPipeline *
cdc_plan_next_ready(CdcWorld *world)
{
	CdcRing    *leaf = cdc_ring_next(&world->ready);

	return leaf ? (CdcPipeline *) ((char *) leaf - offsetof(CdcPipeline, plan.ring)) : NULL;
}

bool
cdc_plan_any_ready(const CdcWorld *world)
{
	return cdc_ring_waits(&world->ready);
}

void
cdc_plan_since(CdcPipeline *p, int what, int64 when)
{
	if (what & CDC_ANEW_SOURCE)
		p->plan.source_since = when;
	if (what & CDC_ANEW_CONNECT)
		p->plan.connect_since = when;
	if (what & CDC_ANEW_NETWORK)
		p->plan.network_since = when;
}

void
cdc_plan_failed(CdcPipeline *p)
{
	p->plan.attempts++;
}

void
cdc_plan_succeeded(CdcPipeline *p)
{
	p->plan.attempts = 0;
}

void
cdc_world_anew(CdcPipeline *p, int what)
{
	cdc_plan_since(p, what, cdc_loop_now());
	if (what & CDC_ANEW_NO_BACKOFF)
		cdc_plan_succeeded(p);
	if (!(what & CDC_ANEW_WHEN_DUE))
		cdc_plan_at(p, 0);
	cdc_world_ready(p);
}

void
cdc_plan_at(CdcPipeline *p, int64 at)
{
	p->plan.next_visit = at;
	settle(p);
}

void
cdc_plan_wake(CdcPipeline *p)
{
	p->plan.woken = true;
	settle(p);
}

CdcPipeline *
cdc_plan_next_due(CdcWorld *world, int64 now)
{
	CdcPipeline *p;

	if (pairingheap_is_empty(world->due))
		return NULL;
	p = (CdcPipeline *) ((char *) pairingheap_first(world->due) - offsetof(CdcPipeline, plan.due_node));
	if (p->plan.due > now)
		return NULL;
	p->plan.woken = false;
	p->plan.next_visit = 0;
	settle(p);
	return p;
}

int64
cdc_plan_next(const CdcWorld *world)
{
	if (pairingheap_is_empty(world->due))
		return 0;
	return pairingheap_container(CdcPipelinePlan, due_node, pairingheap_first(world->due))->due;
}

void
cdc_plan_doing_changed(CdcPipeline *p)
{
	settle(p);
}
