/*
 * settings.c
 *	  The settings cdc_pipeline.*: one list, sorted by name.
 *
 * docs/configuration.md has a section for each.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "common/address.h"
#include "common/secrets.h"
#include "extension/limits.h"
#include "extension/settings.h"

int			cdc_connect_timeout;
char	   *cdc_database_name;
char	   *cdc_debezium_plugin_sha512;
char	   *cdc_debezium_plugin_url;
char	   *cdc_debezium_plugin_version;
bool		cdc_enabled;
int			cdc_event_retention;
int			cdc_health_interval;
int			cdc_max_slot_wal;
char	   *cdc_member_networks;
char	   *cdc_provision_token_file;
char	   *cdc_provision_url;
int			cdc_request_timeout;
char	   *cdc_sdn_credentials_file;
int			cdc_sdn_stuck_after;
char	   *cdc_sdn_url;
int			cdc_settle_after;
int			cdc_source_dead_after;

static bool
check_url(char **newval, void **extra, GucSource source)
{
	const char *url = *newval;

	if (url == NULL || url[0] == '\0' ||
		strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
		return true;
	GUC_check_errdetail("It must start with http:// or https://, or be empty.");
	return false;
}

/* The agents fetch it, from where their own configuration allows. */
static bool
check_plugin_url(char **newval, void **extra, GucSource source)
{
	const char *url = *newval;

	if (url == NULL || url[0] == '\0' || strncmp(url, "http://", 7) == 0 ||
		strncmp(url, "https://", 8) == 0 || strncmp(url, "file://", 7) == 0)
		return true;
	GUC_check_errdetail("It must start with https://, http:// or file://, or be empty.");
	return false;
}

static bool
check_path(char **newval, void **extra, GucSource source)
{
	const char *path = *newval;

	if (path == NULL || path[0] == '\0' || path[0] == '/')
		return true;
	GUC_check_errdetail("It must be an absolute path, or empty.");
	return false;
}

static bool
check_sha512(char **newval, void **extra, GucSource source)
{
	const char *hex = *newval;

	if (hex == NULL || hex[0] == '\0' ||
		(strlen(hex) == 128 && strspn(hex, "0123456789abcdefABCDEF") == 128))
		return true;
	GUC_check_errdetail("It must be 128 hexadecimal digits, or empty.");
	return false;
}

static bool
check_database_name(char **newval, void **extra, GucSource source)
{
	const char *name = *newval;

	if (name != NULL && name[0] != '\0' && strlen(name) < NAMEDATALEN)
		return true;
	GUC_check_errdetail("It must be the name of a database, 1 to %d bytes.", NAMEDATALEN - 1);
	return false;
}

static bool
check_networks(char **newval, void **extra, GucSource source)
{
	CdcNetwork	networks[CDC_NETWORKS_MAX];
	const char *bad;
	const char *why;
	int			n;

	bad = *newval ? cdc_networks_parse(*newval, networks, &n, &why) : NULL;
	if (bad == NULL)
		return true;
	GUC_check_errdetail("At \"%s\": %s.", bad, why);
	GUC_check_errhint("Give networks with commas between, as 10.0.0.0/8, 127.0.0.0/8, at most %d.", CDC_NETWORKS_MAX);
	return false;
}

void
cdc_settings_init(void)
{
	DefineCustomIntVariable("cdc_pipeline.connect_timeout",
							"Time within which a connection to a source or to Kafka Connect must be made.",
							NULL, &cdc_connect_timeout, 3000, 100, 600000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);

	/*
	 * Only at server start: when the library is loaded later, defining a
	 * setting of the postmaster is a FATAL.  cdc_inner.check_installation() then says
	 * what is missing.
	 */
	if (process_shared_preload_libraries_in_progress)
		DefineCustomStringVariable("cdc_pipeline.database_name",
								   "Database in which the extension is created and the reconciler works.",
								   NULL, &cdc_database_name, "postgres",
								   PGC_POSTMASTER, GUC_SUPERUSER_ONLY, check_database_name, NULL, NULL);
	DefineCustomStringVariable("cdc_pipeline.debezium_plugin_sha512",
							   "SHA-512 that the Debezium archive must have, in hexadecimal.",
							   NULL, &cdc_debezium_plugin_sha512, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_sha512, NULL, NULL);
	DefineCustomStringVariable("cdc_pipeline.debezium_plugin_url",
							   "Where the Debezium PostgreSQL connector's archive is fetched from.",
							   NULL, &cdc_debezium_plugin_url, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_plugin_url, NULL, NULL);
	DefineCustomStringVariable("cdc_pipeline.debezium_plugin_version",
							   "Version of the Debezium PostgreSQL connector that is wanted.",
							   NULL, &cdc_debezium_plugin_version, "3.7.0.Final",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomBoolVariable("cdc_pipeline.enabled",
							 "Whether the reconciler acts.",
							 "Off: nothing is looked at and nothing is changed outside. Needed on a physical clone of the metadata server.",
							 &cdc_enabled, true,
							 PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomIntVariable("cdc_pipeline.event_retention",
							"How long the rows of cdc.pipeline_event are kept.",
							NULL, &cdc_event_retention, 30 * 24 * 60, 1, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("cdc_pipeline.health_interval",
							"Time between two health rounds.",
							NULL, &cdc_health_interval, 10000, 100, 3600000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("cdc_pipeline.max_slot_wal",
							"WAL that a slot of ours may hold back before it is given up; 0: no bound.",
							NULL, &cdc_max_slot_wal, 0, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MB | GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("cdc_pipeline.member_networks",
							   "Networks that members may register servers in although they lead to this machine or to its neighbours on the link.",
							   "Loopback, link-local, multicast and metadata addresses, and this server's own, are refused otherwise.",
							   &cdc_member_networks, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_networks, NULL, NULL);
	cdc_limits_init();
	DefineCustomStringVariable("cdc_pipeline.provision_token_file",
							   "File with the token of the agent that makes servers.",
							   NULL, &cdc_provision_token_file, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_path, NULL, NULL);
	DefineCustomStringVariable("cdc_pipeline.provision_url",
							   "Address of the agent that makes servers; empty: services are registered, not made.",
							   NULL, &cdc_provision_url, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_url, NULL, NULL);
	DefineCustomIntVariable("cdc_pipeline.request_timeout",
							"Time within which Kafka Connect must answer a change; its own limit is 90 s.",
							NULL, &cdc_request_timeout, 95000, 1000, 3600000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomStringVariable("cdc_pipeline.sdn_credentials_file",
							   "File with the credentials for the SDN API.",
							   NULL, &cdc_sdn_credentials_file, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_path, NULL, NULL);
	DefineCustomIntVariable("cdc_pipeline.sdn_stuck_after",
							"Time after which a network that is not active is reported as stuck.",
							"A developer's setting: tests shorten it.",
							&cdc_sdn_stuck_after, 15 * 60 * 1000, 100, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS | GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomStringVariable("cdc_pipeline.sdn_url",
							   "Address of the SDN API; empty: there is no network to wire.",
							   NULL, &cdc_sdn_url, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_url, NULL, NULL);
	DefineCustomStringVariable("cdc_pipeline.secret_key_file",
							   "File with the 32 bytes of the key that encrypts secrets in the tables.",
							   NULL, &cdc_secret_key_file, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_path, NULL, NULL);
	DefineCustomIntVariable("cdc_pipeline.settle_after",
							"Time after which a request that timed out is taken not to take effect any more.",
							"A developer's setting: tests shorten it. Shorter than Kafka Connect's own 90 s, a late request may leave an orphan.",
							&cdc_settle_after, 120000, 0, 3600000,
							PGC_SIGHUP, GUC_UNIT_MS | GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomIntVariable("cdc_pipeline.source_dead_after",
							"Time after which a source's primary that does not answer is taken for gone.",
							NULL, &cdc_source_dead_after, 3000, 100, 600000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	MarkGUCPrefixReserved("cdc_pipeline");
}
