/*
 * plan.c
 *	  See plan.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/plan.h"

void
cdc_world_ready(CdcPipeline *pipeline)
{
	MemoryContext old;

	if (pipeline->plan.queued)
		return;
	pipeline->plan.queued = true;
	old = MemoryContextSwitchTo(pipeline->world->context);
	pipeline->world->ready = lappend(pipeline->world->ready, pipeline);
	MemoryContextSwitchTo(old);
}

void
cdc_world_anew(CdcPipeline *p, int what)
{
	int64		now = cdc_loop_now();

	if (what & CDC_ANEW_SOURCE)
		p->plan.source_since = now;
	if (what & CDC_ANEW_CONNECT)
		p->plan.connect_since = now;
	if (what & CDC_ANEW_NO_BACKOFF)
		p->plan.attempts = 0;
	if (!(what & CDC_ANEW_WHEN_DUE))
		p->plan.next_visit = 0;
	cdc_world_ready(p);
}
