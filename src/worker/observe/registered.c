/*
 * registered.c
 *	  See registered.h.
 *
 * Judges what is in memory; no I/O.  What registrations may not say at all is
 * refused by the functions that take them; here is what is taken, and weak.
 */
#include "postgres.h"

#include "common/cidr.h"
#include "common/pg_json.h"
#include "common/pg_parameters.h"
#include "common/quote.h"
#include "remote/connection_keys.h"
#include "worker/observe/registered.h"
#include "worker/world/checks.h"
#include "worker/world/pair.h"
#include "worker/world/service_kept.h"

/*
 * The line in pg_hba.conf lets the connector's role log in for replication from
 * all of these networks, and such a session may read every file of the server.
 */
void
cdc_registered_cidrs(CdcService *s)
{
	StringInfoData wide;
	CdcFinding	finding = cdc_check(CDC_CHECK_CONNECT_CIDRS_WIDE);
	bool		learned = cdc_network_gives_ranges(s);
	int			n = learned ? s->kafka.nranges : s->kafka.ncidrs;
	char	  **cidrs = learned ? s->kafka.ranges : s->kafka.cidrs;
	int			i;

	initStringInfo(&wide);
	for (i = 0; i < n; i++)
	{
		bool		ipv6;
		bool		is_public;
		int			bits;

		if (!cdc_cidr_parse(cidrs[i], &ipv6, &bits, &is_public) || !(is_public || cdc_cidr_is_wide(ipv6, bits)))
			continue;
		appendStringInfo(&wide, "%s%s (%s)", wide.len ? ", " : "", cidrs[i],
						 is_public ? (cdc_cidr_is_wide(ipv6, bits) ? "public, wide" : "public") : "wide");
	}
	finding.observed = psprintf("%s: %s", learned ? "the ranges of its network" : "connect_cidrs", wide.data);
	cdc_finding_service(s, &finding, wide.len > 0);
}

/* A server that is not verified: who is in between may be it. */
static void
check_sslmode(CdcService *s)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_SSLMODE_WEAK);

	if (!cdc_pg_tls_needed(s->pg.sslmode))
		finding.why = "whoever is between Kafka Connect, or the worker, and the server can pretend that it has no TLS: he reads and changes every row "
			"that is captured, and speaks in the sessions of the connectors and of admin_user once these have logged in; of the passwords he gets what a guess can be tried on";
	finding.observed = psprintf("sslmode is %s", s->pg.sslmode ? s->pg.sslmode : "prefer");
	cdc_finding_service(s, &finding, !cdc_provided(s) && !cdc_same(s->pg.sslmode, "verify-full"));
}

/* where: a node, or a URL; place: the kind of its address, NULL: one for anybody. */
static void
check_place(CdcService *s, const char *where, const char *place)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_ADDRESS_REFUSED);

	finding.node = where;
	finding.observed = psprintf("it is %s", place ? place : "");
	cdc_finding_service(s, &finding, place != NULL);
}

/* What a source from before the rules for logins does without them. */
static void
check_login(CdcService *s, const char *node, const char *weak)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_LOGIN_WEAK);

	finding.node = node;
	finding.observed = psprintf("it lets the worker in with: %s", weak ? weak : "");
	cdc_finding_service(s, &finding, weak != NULL);
}

void
cdc_registered_answered(CdcService *s, const char *url, const char *place)
{
	if (s->before_rules)
		check_place(s, url, place);
}

void
cdc_registered_seen(CdcService *s)
{
	int			i;

	for (i = 0; i < s->pg.nnodes; i++)
	{
		const CdcNode *n = &s->pg.nodes[i];
		char	   *node = cdc_node_words(n);

		if (n->admin && cdc_pg_connected(n->admin))
		{
			check_login(s, node, cdc_pg_weak(n->admin));
			check_place(s, node, cdc_pg_tolerated(n->admin));
		}
	}
}

void
cdc_registered_hba(CdcNode *n)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_HBA_UNREAD);

	finding.node = cdc_node_words(n);
	finding.observed = "its pg_hba.conf is larger than 512 kB";
	if (n->service->pg.manage_hba)
		finding.why = "it is not read to its end and not written: lines for new pipelines, or new addresses of Kafka Connect, cannot be added";
	cdc_finding_service(n->service, &finding, n->hba_cut);
}

/* Whoever names addresses anew ends what was kept from before. */
static void
check_changed(CdcService *s)
{
	static const char *const kept[] = {"login_weak", "address_refused"};
	ListCell   *cell;
	size_t		i;

	foreach(cell, s->findings)
	{
		CdcFinding	finding = ((CdcFindingRow *) lfirst(cell))->is;

		for (i = 0; i < lengthof(kept); i++)
		{
			if (strcmp(finding.check_name, kept[i]) == 0)
				cdc_finding_service(s, &finding, false);
		}
	}
}

/*
 * What is stored is checked by the table that every door reads: what an older
 * version took, or was written past the doors, is used as it is, and told.
 */
static void
check_keys(CdcService *s)
{
	struct json_object *connection = s->connection ? json_tokener_parse(s->connection) : NULL;
	const CdcConnectionPeer *peer = cdc_connection_peer(s->is_kafka ? "kafka" : "postgresql");
	CdcFault	fault = {"", "", ""};
	CdcFinding	finding = cdc_check(CDC_CHECK_CONNECTION_KEY_REFUSED);
	bool		holds = !cdc_provided(s) && connection && !cdc_connection_check(peer, connection, true, &fault);

	finding.observed = psprintf("%s: %s", fault.message, fault.detail);
	finding.required = fault.hint;
	cdc_finding_service(s, &finding, holds);
	json_object_put(connection);
}

/* Of a Kafka service without one nothing answers that could be looked at. */
static const char no_connect[] =
"it has no Kafka Connect, by which alone it is looked at: a pipeline needs \"connect_urls\" and \"addons\": [\"kafka-connect\"], by cdc.update_service()";

void
cdc_registered_check(CdcService *s)
{
	if (s->is_postgresql || s->is_kafka)
		check_keys(s);
	if (!s->before_rules)
		check_changed(s);
	if (s->is_postgresql)
		check_sslmode(s);
	if (s->is_kafka)
	{
		cdc_registered_cidrs(s);
		if (!cdc_provided(s) && s->kafka.nurls == 0)
			(void) cdc_service_keep_status(s, s->status, s->kafka.addon_status, no_connect);
	}
	cdc_network_tell_owner(s);
}

void
cdc_network_tell_owner(CdcService *s)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_NETWORK_NOT_ASSIGNED);
	bool		holds = cdc_network_needs_label(s) && s->network_labelled == CDC_NO;

	if (holds)
	{
		finding.observed = cdc_network_owner_missing(s);
		finding.fix_sql = cdc_quote_format("SELECT cdc.assign_network(%L, %L)", s->network_id, s->organization_id);
	}
	/* what is not known takes nothing back */
	if (holds || !cdc_network_needs_label(s) || s->network_labelled == CDC_YES)
		cdc_finding_service(s, &finding, holds);
}
