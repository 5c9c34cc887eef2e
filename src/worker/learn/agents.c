/*
 * agents.c
 *	  What is remembered of a sink's agents: installations that have failed.
 *
 * See learn.h.
 */
#include "postgres.h"

#include "worker/learn/learn_parts.h"
#include "worker/world/facts.h"
#include "worker/world/plugin_roll.h"

void
cdc_learn_agents(CdcPipeline *p)
{
	CdcService *sink = p->sink;
	int			target = sink && sink->kafka.nagents > 0 ? cdc_agents_target(sink) : -1;
	const CdcAgentState *state = target >= 0 ? sink->kafka.agents[target].state : NULL;

	if (state == NULL || !cdc_agents_job_failed(state) || cdc_same(sink->kafka.install_failed, state->job_id))
		return;
	cdc_set_string(sink->context, &sink->kafka.install_failed, state->job_id);
	sink->kafka.install_failed_at = cdc_loop_now();
	sink->kafka.install_failures++;
}

void
cdc_learn_workers(CdcService *sink, bool rolling, bool settled)
{
	cdc_plugin_rolling(sink, rolling);
	if (!settled)
		return;
	cdc_plugin_roll_settled(sink);
	sink->kafka.install_failures = 0;
}
