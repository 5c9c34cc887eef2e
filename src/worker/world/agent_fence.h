/*
 * agent_fence.h
 *	  What an agent says that it keeps of our epoch: judged, and told.
 *
 * For agents of Kafka Connect hosts and of hosts of services alike; fence.h says
 * what a mark is to us.  Judges what was said; no I/O.
 */
#ifndef CDC_AGENT_FENCE_H
#define CDC_AGENT_FENCE_H

#include "worker/world/world.h"

/* As the service's row has it: was it said that the agent is ours all the same? */
extern void cdc_agent_fence_fill(CdcAgentFence *fence, bool adopt);

/*
 * What it keeps is what somebody with its token told it.  A number above ours that
 * we did not sign stops nobody; but as long as it is there nothing is sent to this
 * agent, and a finding of the service tells it.  An authentic higher one stops this
 * worker.  NULL: it is believed, else why not (palloc'd).
 */
extern char *cdc_agent_fence_judge(CdcService *service, CdcAgentFence *fence, const char *url, CdcMarkSaid said);

/* What was said before is another agent's: nothing is known. */
extern void cdc_agent_fence_forget(CdcService *service, CdcAgentFence *fence, const char *url);

#endif							/* CDC_AGENT_FENCE_H */
