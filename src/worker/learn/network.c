/*
 * network.c
 *	  What is remembered of a look at the peerings: since when a pair is waited
 *	  for, over restarts of the worker.
 *
 * See learn.h.
 */
#include "postgres.h"

#include "worker/learn/learn_parts.h"
#include "worker/world/pair.h"

void
cdc_learn_network(CdcPipeline *p)
{
	CdcPair    *pair = p->wanted.want_deleted ? NULL : cdc_pair_of(p);
	const CdcSdnPeering *ab;
	const CdcSdnPeering *ba;
	bool		waiting;

	if (pair == NULL || !cdc_network_is_owned(p->source) || !cdc_network_is_owned(p->sink) || !cdc_pair_seen(pair, &ab, &ba))
		return;
	waiting = cdc_sdn_judge(pair->a, pair->b, ab, ba, pair->installation).peerings != CDC_PEERINGS_ACTIVE;
	if (!waiting)
		cdc_pair_end_conflicts(pair);
	cdc_pair_keep_waiting(pair, waiting);
}
