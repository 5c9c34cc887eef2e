/*
 * reach.c
 *	  See reach.h.
 */
#include "postgres.h"

#include "common/secrets.h"
#include "extension/settings.h"
#include "worker/world/organization.h"
#include "worker/world/reach.h"

/* Reads answer quickly or are asked again; only mutations wait for Connect's 90 s. */
#define READ_TIMEOUT_MS 10000

/* An agent answers from memory and one directory. */
#define AGENT_TIMEOUT_MS 5000

#define MAX_CREDENTIALS 4096

static void
own(const CdcService *s, CdcOwner *owner)
{
	strlcpy(owner->organization, s->organization_id, sizeof(owner->organization));
	strlcpy(owner->service, s->id, sizeof(owner->service));
	/* one at a time it may, whatever is set: what is not asked at all cannot be deleted either */
	owner->descriptors = (int) Max(cdc_world_limit(s->world, s->organization_id, CDC_LIMIT_DESCRIPTORS), 1);
	owner->requests = (int) Max(cdc_world_limit(s->world, s->organization_id, CDC_LIMIT_REQUESTS), 1);
	owner->bytes = Max(cdc_world_limit(s->world, s->organization_id, CDC_LIMIT_MEMORY), 1) * 1024 * 1024;
}

void
cdc_reach_connect(const CdcService *sink, CdcHttpRequest *request)
{
	own(sink, &request->owner);
	request->kind = CDC_PEER_CONNECT;
	request->forbids = cdc_kc_forbids;
	request->user = sink->kafka.connect_user;
	request->password = sink->kafka.connect_password;
	request->ca = sink->ca;
	request->any_address = sink->any_address;
	request->connect_timeout_ms = cdc_connect_timeout;
	if (request->timeout_ms == 0)
		request->timeout_ms = READ_TIMEOUT_MS;
}

void
cdc_reach_agent(const CdcService *sink, const CdcAgent *agent, CdcHttpRequest *request)
{
	own(sink, &request->owner);
	request->kind = CDC_PEER_AGENT;
	request->forbids = cdc_agent_forbids;
	request->bearer = agent->token;
	request->ca = sink->ca;
	request->any_address = sink->any_address;
	request->connect_timeout_ms = cdc_connect_timeout;
	if (request->timeout_ms == 0)
		request->timeout_ms = AGENT_TIMEOUT_MS;
}

const char *
cdc_reach_sdn(CdcHttpRequest *request, CdcSdnCredentials *credentials)
{
	const char *path = cdc_sdn_credentials_file;
	const char *why;
	char	   *words;
	size_t		length;

	memset(credentials, 0, sizeof(*credentials));
	if (path == NULL || path[0] == '\0')
		return "cdc_pipeline.sdn_credentials_file is not set: name the file with the credentials of the SDN API";
	words = cdc_secret_file(path, MAX_CREDENTIALS, &length, &why);
	if (words == NULL)
		return psprintf("the file \"%s\" of cdc_pipeline.sdn_credentials_file cannot be used: %s", path, why);
	why = cdc_sdn_parse_credentials(words, credentials);
	explicit_bzero(words, length);
	pfree(words);
	if (why)
	{
		cdc_sdn_wipe(credentials);
		return psprintf("the file \"%s\" of cdc_pipeline.sdn_credentials_file cannot be used: %s", path, why);
	}
	request->kind = CDC_PEER_SDN;
	request->forbids = cdc_sdn_forbids;
	request->any_address = true;
	request->user = credentials->user;
	request->password = credentials->password;
	request->bearer = credentials->token;
	request->connect_timeout_ms = cdc_connect_timeout;
	if (request->timeout_ms == 0)
		request->timeout_ms = READ_TIMEOUT_MS;
	return NULL;
}

void
cdc_reach_provider(const CdcService *s, CdcHttpRequest *request)
{
	own(s, &request->owner);
	request->kind = CDC_PEER_PROVIDER;
	request->forbids = cdc_agent_forbids;
	request->connect_timeout_ms = cdc_connect_timeout;
}

void
cdc_reach_node(CdcNode *node, const char *database, CdcPeerKind kind, CdcPgTarget *target)
{
	CdcService *s = node->service;

	memset(target, 0, sizeof(*target));
	target->host = node->address;
	target->port = node->port;
	target->database = database;
	target->user = s->pg.admin_user;
	target->password = s->pg.admin_password;
	target->sslmode = s->pg.sslmode;
	target->ca = s->ca;
	target->client_cert = s->pg.client_cert && s->pg.client_key ? s->pg.client_cert : NULL;
	target->client_key = s->pg.client_key;
	target->password_in_tls = s->pg.password_in_tls;
	target->any_address = s->any_address;
	target->any_method = s->before_rules;
	target->connect_timeout_ms = cdc_connect_timeout;
	target->kind = kind;
	own(s, &target->owner);
}
