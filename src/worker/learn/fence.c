/*
 * fence.c
 *	  What is remembered of the marks on what was seen: names of what is ours, that
 *	  another control plane acts, that a mark cannot be verified, that it was
 *	  adopted.
 *
 * See learn.h.
 */
#include "postgres.h"

#include "common/quote.h"
#include "worker/learn/learn_parts.h"
#include "worker/world/agenda.h"
#include "worker/world/checks.h"
#include "worker/world/facts.h"
#include "worker/world/fence.h"
#include "worker/world/kept.h"

/* True: it is not ours as long as nobody says so. */
static bool
take(CdcPipeline *p, CdcMarkIs is, const CdcEpoch *theirs, bool connector)
{
	if (is == CDC_MARK_HIGHER)
		cdc_world_note_higher(p->world, theirs);
	if (is == CDC_MARK_OURS)
		cdc_keep_names(p, connector, !connector, false);
	return is == CDC_MARK_UNVERIFIABLE;
}

void
cdc_learn_fence(CdcPipeline *p)
{
	const CdcKcConnector *c = cdc_connector_now(p);
	bool		source = cdc_source_known(p) && p->source->is_postgresql;
	bool		connect = cdc_connect_known(p);
	CdcFinding	finding = cdc_check(CDC_CHECK_MARK_UNVERIFIED);
	CdcEpoch	theirs;
	bool		publication_is_not = false;
	bool		connector_is_not = false;

	if (source)
		publication_is_not = take(p, cdc_fence_of_publication(p, &theirs), &theirs, false);
	if (c)
		connector_is_not = take(p, cdc_fence_of_connector(p, c, &theirs), &theirs, true);
	if (!publication_is_not && !connector_is_not && !(source && connect))
		return;					/* the other one may be it */
	finding.observed = psprintf("%s%s%s", publication_is_not ? psprintf("publication \"%s\"", p->object_name) : "",
								publication_is_not && connector_is_not ? ", " : "",
								connector_is_not ? psprintf("connector \"%s\"", p->connector_name) : "");
	finding.fix_sql = cdc_quote_format("SELECT cdc.adopt(%L)", p->id);
	cdc_finding_pipeline(p, &finding, publication_is_not || connector_is_not);
	if (cdc_fence_adopting(p) && cdc_fence_adopted(p))
		cdc_keep_adopted(p);
}
