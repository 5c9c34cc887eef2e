/*
 * network.c
 *	  The pairs of networks, and what is seen of one as a snapshot's word.
 *
 * See assess_parts.h.  Asks nobody, changes nothing outside.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/quote.h"
#include "extension/settings.h"
#include "worker/assess/assess_parts.h"
#include "worker/world/facts.h"
#include "worker/world/findings.h"
#include "worker/world/pair.h"

/* Is the network the organization's?  If not, or not known: says so. */
static bool
is_owned(const CdcService *s, CdcAssessment *a)
{
	CdcSnapshot *snapshot = &a->snapshot;

	if (cdc_network_is_owned(s))
		return true;
	snapshot->peerings = s->network_labelled == CDC_NO ? CDC_PEERINGS_BLOCKED :
		s->network_error ? CDC_PEERINGS_OUT_OF_REACH : CDC_PEERINGS_UNKNOWN;
	cdc_set_detail(a, CDC_DETAIL_NETWORK, s->network_labelled == CDC_NO ? cdc_network_owner_missing(s) : s->network_error == NULL ? NULL :
				   psprintf("%s; where its label cannot be read, a superuser's SELECT cdc.assign_network('%s', '%s') says whose it is", s->network_error,
							s->network_id, s->organization_id));
	return false;
}

/* "15 min", or in a test's short times "300 ms". */
static const char *
stuck_words(void)
{
	if (cdc_sdn_stuck_after % 60000 == 0)
		return psprintf("%d min", cdc_sdn_stuck_after / 60000);
	return psprintf("%d ms", cdc_sdn_stuck_after);
}

static CdcPeerings
judge(CdcAssessment *a, const CdcPair *pair, const CdcSdnPeering *ab, const CdcSdnPeering *ba)
{
	CdcSdnVerdict v = cdc_sdn_judge(pair->a, pair->b, ab, ba, pair->installation);

	cdc_set_detail(a, CDC_DETAIL_NETWORK, v.words);
	if (v.peerings == CDC_PEERINGS_ACTIVE)
		return v.peerings;
	if ((v.peerings == CDC_PEERINGS_MISSING || v.peerings == CDC_PEERINGS_DISABLED) &&
		pair->refused && cdc_loop_now() < pair->refused_until)
	{
		cdc_set_detail(a, CDC_DETAIL_NETWORK, psprintf("%s, and the SDN API refused to change that: %s", v.words, pair->refused));
		return CDC_PEERINGS_BLOCKED;
	}
	if (v.peerings == CDC_PEERINGS_WAITING &&
		GetCurrentTimestamp() - pair->waiting_since >= (int64) cdc_sdn_stuck_after * 1000)
		return CDC_PEERINGS_STUCK;
	return v.peerings;
}

/* The pair by itself. */
static CdcPeerings
assess_pair(const CdcPipeline *p, const CdcPair *pair, CdcAssessment *a)
{
	const CdcSdn *sdn = &p->world->sdn;
	const CdcSdnPeering *ab;
	const CdcSdnPeering *ba;
	bool		current = sdn->reachable == CDC_YES && sdn->good_at >= p->plan.network_since;
	CdcPeerings peerings;

	cdc_set_detail(a, CDC_DETAIL_NETWORK_STUCK, stuck_words());
	if (cdc_pair_seen(pair, &ab, &ba))
	{
		peerings = judge(a, pair, ab, ba);

		/*
		 * what was seen active stays so through a fault of the SDN API, but one that people must cure is told
		 */
		if (current || cdc_is_up(p) || peerings == CDC_PEERINGS_ACTIVE)
		{
			if (!sdn->denied || !cdc_is_up(p))
				return peerings;
		}
	}
	if (sdn->reachable == CDC_NO && (sdn->listed_at >= Max(p->plan.network_since, pair->changed_at) || cdc_is_up(p)))
	{
		cdc_set_detail(a, CDC_DETAIL_NETWORK, sdn->error);
		return CDC_PEERINGS_OUT_OF_REACH;
	}
	if (current && cdc_pair_unread(pair))
	{
		cdc_set_detail(a, CDC_DETAIL_NETWORK, cdc_pair_unread(pair));
		return CDC_PEERINGS_OUT_OF_REACH;
	}
	return CDC_PEERINGS_UNKNOWN;
}

void
cdc_network_assess(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcPair *pair;

	s->peerings = CDC_PEERINGS_ACTIVE;
	if (s->network_ids != CDC_NET_BOTH || p->wanted.want_deleted)
		return;
	/* nothing is done about a network of somebody else */
	if ((cdc_network_to_wire(p) || cdc_network_gives_ranges(p->sink)) && !(is_owned(p->source, a) && is_owned(p->sink, a)))
		return;
	pair = cdc_pair_of(p);
	if (pair)
		s->peerings = assess_pair(p, pair, a);
	else if (cdc_network_to_wire(p))
		s->peerings = CDC_PEERINGS_UNKNOWN;
	/* pg_hba.conf needs the ranges of the sink's network: they are part of it */
	if (s->peerings == CDC_PEERINGS_ACTIVE && cdc_network_gives_ranges(p->sink) && p->sink->kafka.nranges == 0)
	{
		const char *error = p->sink->network_error ? p->sink->network_error : p->sink->kafka.ranges_error;

		s->peerings = error ? CDC_PEERINGS_BLOCKED : CDC_PEERINGS_UNKNOWN;
		cdc_set_detail(a, CDC_DETAIL_NETWORK, error);
	}
}
