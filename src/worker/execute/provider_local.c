/*
 * provider_local.c
 *	  The provider local: cdc_agent in provisioning mode, at
 *	  cdc_pipeline.provision_url.
 *
 * See provider.h.  Builds requests and reads answers; the agent's words are
 * remote/provision.c's.
 */
#include "postgres.h"

#include "common/secrets.h"
#include "extension/settings.h"
#include "remote/agent.h"
#include "worker/execute/provider.h"
#include "worker/world/fence.h"
#include "worker/world/reach.h"

/* The agent answers from memory; an order is on its disk before. */
#define TIMEOUT_MS 15000
#define MAX_TOKEN 4096

static void
wipe(CdcHttpRequest *request)
{
	if (request->bearer)
		explicit_bzero((char *) request->bearer, strlen(request->bearer));
	if (request->body)
		explicit_bzero((char *) request->body, strlen(request->body));
}

static char *
build(const CdcService *s, CdcProvide what, CdcHttpRequest *request)
{
	const char *why;
	char	   *token;
	size_t		length;

	if (cdc_provision_url == NULL || cdc_provision_url[0] == '\0')
		return pstrdup("cdc_pipeline.provision_url is not set: it is the address of the agent that makes servers");
	token = cdc_secret_file(cdc_provision_token_file, MAX_TOKEN, &length, &why);
	if (token == NULL)
		return psprintf("the file \"%s\" of cdc_pipeline.provision_token_file cannot be used: %s", cdc_provision_token_file, why);
	token[strcspn(token, "\r\n")] = '\0';
	request->bearer = token;
	request->any_address = true;
	request->method = what == CDC_PROVIDE_LOOK ? CDC_HTTP_GET : what == CDC_PROVIDE_TAKE_BACK ? CDC_HTTP_DELETE : CDC_HTTP_PUT;
	request->url = cdc_agent_url(cdc_provision_url, what == CDC_PROVIDE_ADOPT ? "/v1/fence" : "/v1/services/%s", what == CDC_PROVIDE_ADOPT ? NULL : s->id, s->world->installation,
								 what == CDC_PROVIDE_LOOK ? 0 : s->world->fence.ours.number, what == CDC_PROVIDE_LOOK ? NULL : cdc_fence_agent_word(s->world, cdc_provision_url));
	if (what == CDC_PROVIDE_ORDER)
		request->body = cdc_provision_order(&s->made.order);
	if (what == CDC_PROVIDE_ADOPT)
		request->body = cdc_agent_fence_body(s->made.host_fence.said);
	cdc_reach_provider(s, request);
	request->timeout_ms = TIMEOUT_MS;
	return NULL;
}

static CdcProvided
understand(const CdcHttpResult *result)
{
	CdcProvided provided;

	if (result->outcome == CDC_HTTP_ANSWERED)
		return cdc_provision_read(result->status, result->body);
	memset(&provided, 0, sizeof(provided));
	provided.message = psprintf("the provisioning agent does not answer: %s", result->error ? result->error : "no answer");
	return provided;
}

const struct CdcProvider cdc_provider_local = {build, wipe, understand};
