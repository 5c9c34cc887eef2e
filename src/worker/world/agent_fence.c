/*
 * agent_fence.c
 *	  See agent_fence.h.
 */
#include "postgres.h"

#include "common/quote.h"
#include "common/text.h"
#include "worker/world/agenda.h"
#include "worker/world/agent_fence.h"
#include "worker/world/checks.h"
#include "worker/world/dirty.h"
#include "worker/world/fence.h"
#include "worker/world/findings.h"

void
cdc_agent_fence_fill(CdcAgentFence *fence, bool adopt)
{
	fence->adopt = adopt;
}

/* What was asked for it is done: it is ours. */
static void
keep_adopted(CdcService *s, CdcAgentFence *fence)
{
	fence->adopt = false;
	fence->adopted = true;
	cdc_dirty_service(s, CDC_ROW_SERVICE);
}

char *
cdc_agent_fence_judge(CdcService *s, CdcAgentFence *fence, const char *url, CdcMarkSaid said)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_AGENT_UNVERIFIED);
	CdcEpoch	theirs;
	CdcMarkIs	is = cdc_fence_of_agent(s->world, url, said, &theirs);
	char		words[CDC_EPOCH_DIGITS + 23];

	cdc_text_line(words, sizeof(words), said.epoch);
	if (is == CDC_MARK_HIGHER)
		cdc_world_note_higher(s->world, &theirs);
	fence->known = is != CDC_MARK_UNKNOWN;
	fence->unverified = is == CDC_MARK_UNVERIFIABLE;
	cdc_set_string(s->context, &fence->said, fence->unverified ? words : NULL);
	finding.node = url;
	finding.observed = psprintf("it keeps epoch %s of this installation, whose own is " INT64_FORMAT, words, s->world->fence.ours.number);
	finding.fix_sql = cdc_quote_format("SELECT cdc.adopt_agent(%L, %L)", s->id, url);
	cdc_finding_service(s, &finding, fence->unverified);
	if (is == CDC_MARK_UNKNOWN)
		return psprintf("the epoch that it keeps cannot be verified: %s", s->world->fence.key_error ? s->world->fence.key_error : "there is no key");
	if (fence->unverified)
		return psprintf("it keeps an epoch that this installation did not sign, and nothing is sent to it: SELECT cdc.adopt_agent('%s', '%s')", s->id, url);
	if (fence->adopt)
		keep_adopted(s, fence);
	return NULL;
}

void
cdc_agent_fence_forget(CdcService *s, CdcAgentFence *fence, const char *url)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_AGENT_UNVERIFIED);

	finding.node = url;
	cdc_finding_service(s, &finding, false);
	fence->known = fence->unverified = false;
	cdc_set_string(s->context, &fence->said, NULL);
}
