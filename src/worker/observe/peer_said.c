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
#include "worker/world/checks.h"

/* said without what the service keeps secret; who listens there may know it and say it back. */
static char *
without_secrets(const CdcService *s, const char *said)
{
	char	   *clean = pstrdup(said);
	const char **secrets = palloc((s->kafka.nagents + 4) * sizeof(char *));
	int			n = 0;
	int			i;

	secrets[n++] = s->pg.admin_password;
	secrets[n++] = s->pg.connector_password;
	secrets[n++] = s->pg.client_key;
	secrets[n++] = s->kafka.connect_password;
	for (i = 0; i < s->kafka.nagents; i++)
		secrets[n++] = s->kafka.agents[i].token;
	cdc_text_clean(clean, strlen(clean));
	return cdc_redact_said(clean, secrets, n);
}

void
cdc_peer_said(CdcService *service, const char *place, const char *said)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_PEER_SAID);

	finding.node = cdc_peer_place(place);
	finding.observed = said ? without_secrets(service, said) : NULL;
	cdc_finding_service(service, &finding, said != NULL);
}
