/*
 * connect_claims.c
 *	  See connect_claims.h.
 *
 * Whose is what is listed?  Judges what is in memory; asks nobody.  Claims are kept with the service's row
 * (connect_claimed) and end with other connect_urls.
 */
#include "postgres.h"

#include "common/quote.h"
#include "worker/observe/connect_claims.h"
#include "worker/world/checks.h"
#include "worker/world/index.h"
#include "worker/world/service_kept.h"

static bool
has_claimed(const CdcService *s, const char *peer)
{
	ListCell   *cell;

	foreach(cell, s->kafka.claimed)
	{
		if (strcmp(lfirst(cell), peer) == 0)
			return true;
	}
	return false;
}

/* Has this service claimed a Kafka Connect for another organization than that of s? */
static bool
claims_for_another(const CdcService *other, const CdcService *s)
{
	return other && other->is_kafka && other->kafka.claimed != NIL && !other->deleting && strcmp(other->organization_id, s->organization_id) != 0;
}

/* Is this address claimed by another organization? */
static bool
is_claimed(const CdcService *s, const char *peer)
{
	CdcService *other;

	cdc_each_service(other, s->world)
	{
		if (claims_for_another(other, s) && has_claimed(other, peer))
			return true;
	}
	return false;
}

/* Is a connector of another organization's claimant listed there? */
static bool
is_used(const CdcService *s)
{
	int			i;

	for (i = 0; s->kafka.list && i < s->kafka.list->n; i++)
	{
		const CdcKcConnector *c = &s->kafka.list->items[i];
		const CdcPipeline *p = c->mark ? cdc_world_pipeline(s->world, c->mark) : NULL;

		if (p && p->sink != s && strcmp(p->connector_name, c->name) == 0 && claims_for_another(p->sink, s))
			return true;
	}
	return false;
}

static bool
has_run(const CdcService *s)
{
	CdcPipeline *p;

	cdc_each_of_sink(p, s)
	{
		if (p->kept.was_running)
			return true;
	}
	return false;
}

void
cdc_connect_claim(CdcService *s, const char *peer)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_CONNECT_NOT_SHARED);

	/* whoever came first to an address stays there, unless others turn out to be behind it */
	s->kafka.connect_foreign = !s->kafka.connect_shared && (is_used(s) || (!has_claimed(s, peer) && is_claimed(s, peer)));
	if (s->kafka.connect_foreign)
	{
		finding.observed = psprintf("another organization uses the Kafka Connect at %s", s->kafka.connect_urls[s->kafka.url]);
		finding.fix_sql = cdc_quote_format("SELECT cdc.share_connect(%L, %L)", s->kafka.connect_urls[s->kafka.url], s->organization_id);
	}
	cdc_finding_service(s, &finding, s->kafka.connect_foreign);
	if (!s->kafka.connect_foreign && peer[0] && !has_claimed(s, peer) && has_run(s))
		cdc_service_keep_claim(s, peer);
}

/* Is it the connector of one of the sink's pipelines? */
static bool
is_of_sink(const CdcService *s, const CdcKcConnector *c)
{
	const CdcPipeline *p = c->mark ? cdc_world_pipeline(s->world, c->mark) : NULL;

	return p && p->sink == s && strcmp(p->connector_name, c->name) == 0;
}

static int
by_prefix(const void *a, const void *b)
{
	return strcmp((*(const CdcKcConnector *const *) a)->topic_prefix, (*(const CdcKcConnector *const *) b)->topic_prefix);
}

void
cdc_connect_strangers(CdcService *s)
{
	int			n = 0;
	int			i;

	if (s->kafka.strangers)
		pfree(s->kafka.strangers);
	s->kafka.strangers = NULL;
	s->kafka.nstrangers = 0;
	for (i = 0; i < s->kafka.list->n; i++)
	{
		const CdcKcConnector *c = &s->kafka.list->items[i];

		if (!c->debezium || c->topic_prefix == NULL || is_of_sink(s, c))
			continue;
		if (n % 64 == 0)
			s->kafka.strangers = n == 0 ? MemoryContextAlloc(s->context, 64 * sizeof(CdcKcConnector *)) :
				repalloc(s->kafka.strangers, (n + 64) * sizeof(CdcKcConnector *));
		s->kafka.strangers[n++] = c;
	}
	if (n > 1)
		qsort(s->kafka.strangers, n, sizeof(CdcKcConnector *), by_prefix);
	s->kafka.nstrangers = n;
}
