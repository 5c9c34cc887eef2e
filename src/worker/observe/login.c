/*
 * login.c
 *	  See login.h.
 *
 * Judges what is in memory; no I/O, changes nothing.  What a login is told to
 * be is in src/remote/debezium.c.
 */
#include "postgres.h"

#include "worker/observe/login.h"
#include "worker/observe/observe.h"
#include "worker/world/findings.h"

void
cdc_login_check_plugin(CdcService *sink)
{
	CdcFinding	finding = {
		.check_name = "plugin_login",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "3.7.0 or later, whose driver knows requireAuth",
		.why = "an older driver does not hear that it is to log in by SCRAM alone, and gives its password to whoever asks for it in clear at the source's address"
	};
	bool		old = false;
	int			i;

	for (i = 0; i < sink->nurls && !old; i++)
	{
		const char *versions = sink->plugin_versions[i];

		old = versions && versions[0] != '\0' && !cdc_kc_knows_login(versions);
		if (old)
			finding.observed = psprintf("%s lists Debezium's PostgreSQL connector %s", sink->connect_urls[i], versions);
	}
	cdc_finding_service(sink, &finding, old);
}

void
cdc_login_check_pipeline(CdcPipeline *p)
{
	CdcFinding	first = {
		.check_name = "connector_login",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.observed = "the connector's configuration is of generation 1, as version 0.1 made it",
		.required = "generation 2: its driver logs in by SCRAM alone, and under TLS bound to the server's certificate",
		.why = "the driver gives the password to whoever asks for it in clear at the source's address; a pipeline keeps its generation until it is made anew"
	};
	const CdcService *source = p->source;
	bool		no_ca = p->config_generation >= 2 && source && source->ca && source->sslmode && strncmp(source->sslmode, "verify-", 7) == 0 &&
		p->sink && p->sink->nagents == 0 && p->sink->connect_ca_path == NULL;
	CdcFinding	ca = {
		.check_name = "ca_not_handed_over",
		.concern = CDC_CONCERN_FLOW,
		.severity = CDC_SEVERITY_WARNING,
		.observed = no_ca ? psprintf("sslmode of the source is %s, and the sink has no agents that could be handed its ca", source->sslmode) : NULL,
		.required = "agents beside Kafka Connect, or connect_ca_path of the sink, which a superuser sets",
		.why = "Debezium verifies the server by Java's own list of CAs, in which the source's is not, as a rule: then the connector cannot log in"
	};

	cdc_finding_pipeline(p, &first, !p->want_deleted && p->config_generation < 2);
	cdc_finding_pipeline(p, &ca, !p->want_deleted && no_ca);
}
