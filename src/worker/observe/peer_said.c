/*
 * peer_said.c
 *	  See peer_said.h.
 *
 * No I/O, decides nothing: the row is kept by findings.c.
 */
#include "postgres.h"

#include "common/redact.h"
#include "common/text.h"
#include "worker/observe/peer_said.h"
#include "worker/world/findings.h"

/* said without what the service keeps secret; who listens there may know it and say it back. */
static char *
without_secrets(const CdcService *s, const char *said)
{
	char	   *clean = pstrdup(said);
	const char **secrets = palloc((s->nagents + 4) * sizeof(char *));
	int			n = 0;
	int			i;

	secrets[n++] = s->admin_password;
	secrets[n++] = s->connector_password;
	secrets[n++] = s->client_key;
	secrets[n++] = s->connect_password;
	for (i = 0; i < s->nagents; i++)
		secrets[n++] = s->agents[i].token;
	cdc_text_clean(clean, strlen(clean));
	return cdc_redact_said(clean, secrets, n);
}

void
cdc_peer_said(CdcService *service, const char *place, const char *said)
{
	CdcFinding	finding = {
		.check_name = CDC_PEER_SAID,
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_INFO,
		.node = cdc_peer_place(place),
		.observed = said ? without_secrets(service, said) : NULL,
		.why = "it is why there is no connection, in the words of libpq, libcurl or the server; shown to admins alone"
	};

	cdc_finding_service(service, &finding, said != NULL);
}
