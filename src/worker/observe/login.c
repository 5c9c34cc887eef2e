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
#include "worker/world/checks.h"

void
cdc_login_check_plugin(CdcService *sink)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_PLUGIN_LOGIN);
	bool		old = false;
	int			i;

	for (i = 0; i < sink->kafka.nurls && !old; i++)
	{
		const char *versions = sink->kafka.workers[i].plugin_versions;

		old = versions && versions[0] != '\0' && !cdc_kc_knows_login(versions);
		if (old)
			finding.observed = psprintf("%s lists Debezium's PostgreSQL connector %s", sink->kafka.connect_urls[i], versions);
	}
	cdc_finding_service(sink, &finding, old);
}

void
cdc_login_check_pipeline(CdcPipeline *p)
{
	CdcFinding	first = cdc_check(CDC_CHECK_CONNECTOR_LOGIN);
	const CdcService *source = p->source;
	bool		no_ca = p->wanted.config_generation >= 2 && source && source->ca && source->pg.sslmode && strncmp(source->pg.sslmode, "verify-", 7) == 0 &&
		p->sink && p->sink->kafka.nagents == 0 && p->sink->kafka.connect_ca_path == NULL;
	CdcFinding	ca = cdc_check(CDC_CHECK_CA_NOT_HANDED_OVER);

	first.observed = "the connector's configuration is of generation 1, as version 0.1 made it";
	ca.observed = no_ca ? psprintf("sslmode of the source is %s, and the sink has no agents that could be handed its ca", source->pg.sslmode) : NULL;
	cdc_finding_pipeline(p, &first, !p->wanted.want_deleted && p->wanted.config_generation < 2);
	cdc_finding_pipeline(p, &ca, !p->wanted.want_deleted && no_ca);
}
