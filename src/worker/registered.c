/*
 * registered.c
 *	  See registered.h.
 *
 * Judges what is in memory; no I/O.  What registrations may not say at all is
 * refused by the functions that take them; here is what is taken, and weak.
 */
#include "postgres.h"

#include "common/cidr.h"
#include "worker/findings.h"
#include "worker/registered.h"

/*
 * The line in pg_hba.conf lets the connector's role log in for replication from
 * all of these networks, and such a session may read every file of the server.
 */
static void
check_cidrs(CdcService *s)
{
	StringInfoData wide;
	CdcFinding	finding = {
		.check_name = "connect_cidrs_wide",
		.concern = CDC_CONCERN_SAFETY,
		.severity = CDC_SEVERITY_WARNING,
		.required = "the addresses of the Kafka Connect hosts alone: private networks of /24 or smaller",
		.why = "pg_hba.conf of each source lets the connectors' roles in from there with replication=database; "
		"PostgreSQL lets such a session take a base backup, which has every database and the password verifiers of all roles"
	};
	int			i;

	initStringInfo(&wide);
	for (i = 0; i < s->ncidrs; i++)
	{
		bool		ipv6;
		bool		is_public;
		int			bits;

		if (!cdc_cidr_parse(s->cidrs[i], &ipv6, &bits, &is_public) || !(is_public || cdc_cidr_is_wide(ipv6, bits)))
			continue;
		appendStringInfo(&wide, "%s%s (%s)", wide.len ? ", " : "", s->cidrs[i],
						 is_public ? (cdc_cidr_is_wide(ipv6, bits) ? "public, wide" : "public") : "wide");
	}
	finding.observed = psprintf("connect_cidrs: %s", wide.data);
	cdc_finding_service(s, &finding, wide.len > 0);
}

void
cdc_registered_check(CdcService *s)
{
	if (s->is_kafka)
		check_cidrs(s);
}
