/*
 * failover.c
 *	  What is remembered of a changed history before it is judged: where WAL
 *	  ended, a stranger on the slot, since when the connector stands still.
 *
 * See learn.h.
 */
#include "postgres.h"

#include "worker/learn/learn_parts.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"
#include "worker/world/streamed.h"

void
cdc_learn_failover(CdcPipeline *p)
{
	const CdcKcConnector *c = cdc_connector_now(p);

	if (!cdc_source_known(p))
		return;
	cdc_failover_compare_start(p);
	if (cdc_failover_may_move(p) && p->kept.streamed_timeline != 0 && cdc_failover_same_history(p) && !p->kept.usurped &&
		cdc_slot_usurped(p))
		cdc_keep_usurped(p);
	/* only offsets read from then on are the last ones */
	if (!cdc_failover_pending(p) || !cdc_connector_is_idle(c))
		p->learned.stopped_seen = 0;
	else if (p->learned.stopped_seen == 0)
		p->learned.stopped_seen = cdc_connect_seen_by(p);
}
