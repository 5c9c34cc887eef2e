/*
 * connect_claims.c
 *	  See connect_claims.h.
 *
 * Judges what is in memory; asks nobody.  A claim is kept with the service's
 * row (connect_claimed_at) and ends with another connect_urls.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "common/quote.h"
#include "worker/connect_claims.h"
#include "worker/findings.h"

static bool
same_address(const CdcService *a, const CdcService *b)
{
	int			i;
	int			j;

	for (i = 0; i < a->nurls; i++)
	{
		for (j = 0; a->connect_peers[i] && j < b->nurls; j++)
		{
			if (cdc_same(a->connect_peers[i], b->connect_peers[j]))
				return true;
		}
	}
	return false;
}

/* Has this service claimed a Kafka Connect for another organization than that of s? */
static bool
claims_for_another(const CdcService *other, const CdcService *s)
{
	return other && other->is_kafka && other->claimed_at != 0 && !other->deleting && strcmp(other->organization_id, s->organization_id) != 0;
}

/*
 * Is this Connect claimed by another organization: the same address, or a
 * connector there that is one of that claimant's pipelines?  Asked while s has no
 * claim itself: a walk over all services, and one over all pipelines.
 */
static bool
is_claimed(const CdcService *s)
{
	ListCell   *cell;

	foreach(cell, s->world->services)
	{
		if (claims_for_another(lfirst(cell), s) && same_address(s, lfirst(cell)))
			return true;
	}
	foreach(cell, s->world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);
		const CdcKcConnector *c = s->list && claims_for_another(p->sink, s) ? cdc_kc_find(s->list, p->connector_name) : NULL;

		if (c && cdc_same(c->mark, p->id))
			return true;
	}
	return false;
}

static bool
has_run(const CdcService *s)
{
	ListCell   *cell;

	foreach(cell, s->world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if (p->sink == s && p->was_running)
			return true;
	}
	return false;
}

void
cdc_connect_claim(CdcService *s, const char *peer)
{
	CdcFinding	finding = {
		.check_name = "connect_not_shared",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_BLOCKER,
		.required = "a Kafka Connect of this organization's own, or a superuser's word that this one may be shared",
		.why = "whoever works on a Kafka Connect reads the configurations and errors of all connectors there"
	};

	if (peer && peer[0] && s->url < s->nurls)
		cdc_set_string(s->context, &s->connect_peers[s->url], peer);

	/* whoever came first stays */
	s->connect_foreign = s->claimed_at == 0 && !s->connect_shared && is_claimed(s);
	if (s->connect_foreign)
	{
		finding.observed = psprintf("another organization uses the Kafka Connect at %s", s->connect_urls[s->url]);
		finding.fix_sql = cdc_quote_format("SELECT cdc.share_connect(%L, %L)", s->connect_urls[s->url], s->organization_id);
	}
	cdc_finding_service(s, &finding, s->connect_foreign);
	if (!s->connect_foreign && s->claimed_at == 0 && has_run(s))
	{
		s->claimed_at = GetCurrentTimestamp();
		s->dirty = true;
	}
}
