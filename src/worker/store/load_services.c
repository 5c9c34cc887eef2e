/*
 * load_services.c
 *	  Services, from their rows into the world.
 *
 * See store_parts.h.  A service whose row changed is made anew, and marked: what
 * its row says is judged by whoever looks at it next.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "extension/settings.h"
#include "worker/store/store_parts.h"
#include "worker/world/agent_fence.h"
#include "worker/world/findings.h"
#include "worker/world/organization.h"
#include "worker/world/index.h"
#include "worker/world/pair.h"
#include "worker/world/service_kept.h"

/* Where nodes are looked at, and pg_hba.conf is written, unless said otherwise. */
#define ADMIN_DATABASE "postgres"

#define SERVICES_SQL \
"SELECT pg_catalog.json_build_object('id', s.id, 'name', s.name, 'database_type', s.database_type, 'zone', s.zone," \
"  'provider', s.provider, 'connection_set_by', s.connection_set_by, 'plan_name', s.plan_name, 'version', s.version, 'node_count', s.node_count, 'auto_failover', s.auto_failover_enabled, 'allowed_cidrs', s.allowed_cidrs," \
"  'region', coalesce(z.peering_region, s.zone), 'connection', s.connection, 'network_id', s.network_id," \
"  'organization_id', s.organization_id, 'network_assigned', s.provider OPERATOR(pg_catalog.<>) 'external'" \
"   OR EXISTS (SELECT FROM cdc.network_owner o WHERE o.network_id OPERATOR(pg_catalog.=) s.network_id AND o.organization_id OPERATOR(pg_catalog.=) s.organization_id)" \
"   OR EXISTS (SELECT FROM cdc.service m WHERE m.network_id OPERATOR(pg_catalog.=) s.network_id AND m.organization_id OPERATOR(pg_catalog.=) s.organization_id" \
"    AND m.provider OPERATOR(pg_catalog.<>) 'external' AND m.deleted_at IS NULL)," \
"  'connect_claimed', s.connect_claimed, 'connect_shared', EXISTS (SELECT FROM cdc.connect_share c" \
"   WHERE c.organization_id OPERATOR(pg_catalog.=) s.organization_id AND s.connection OPERATOR(pg_catalog.->) 'connect_urls' OPERATOR(pg_catalog.?) c.url)," \
"  'network_ranges', s.network_ranges, 'addons', s.addons, 'status', s.status, 'status_message', s.status_message," \
"  'system_identifier', s.system_identifier::pg_catalog.text, 'secret_path', s.secret_path, 'adopt_agents', s.adopt_agents," \
"  'addon_status', s.addon_status OPERATOR(pg_catalog.->>) 'kafka-connect'," \
"  'nodes', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('address', n.address, 'port', n.port, 'hba_loaded', n.hba_loaded," \
"    'timeline', n.timeline, 'system_identifier', n.system_identifier::pg_catalog.text))" \
"    FROM cdc.service_node n WHERE n.service_id OPERATOR(pg_catalog.=) s.id)," \
"  'findings', (SELECT pg_catalog.json_agg(pg_catalog.to_jsonb(f)) FROM cdc.finding f" \
"    WHERE coalesce(f.pipeline_id, f.service_id) OPERATOR(pg_catalog.=) s.id)," \
"  'secrets', " CDC_SECRETS_OF("cdc.service_secret", "service_id") ")::pg_catalog.text, s.id::pg_catalog.text" \
" FROM cdc.service s LEFT JOIN cdc.zone z ON z.zone OPERATOR(pg_catalog.=) s.zone" \
" WHERE s.deleted_at IS NULL AND "

static const char services_by_id_sql[] = SERVICES_SQL "s.id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.uuid[])";

static const char services_page_sql[] = SERVICES_SQL "s.id OPERATOR(pg_catalog.>) $1::pg_catalog.uuid ORDER BY s.id LIMIT " CDC_PAGE_SQL;

static const char regions_sql[] =
"SELECT s.id::pg_catalog.text, coalesce(z.peering_region, s.zone) FROM cdc.service s"
" LEFT JOIN cdc.zone z ON z.zone OPERATOR(pg_catalog.=) s.zone WHERE s.deleted_at IS NULL";

char	  **
cdc_store_read_services(const char *ids, char *after, int *n)
{
	return ids ? cdc_rows_by(services_by_id_sql, ids, NULL, n) : cdc_rows_by(services_page_sql, after, after, n);
}

char	  **
cdc_store_read_regions(int *n)
{
	cdc_statement_run(regions_sql, SPI_OK_SELECT, 0, NULL, NULL, NULL);
	return cdc_rows_keep(2, n);
}

static void
load_postgresql(CdcService *s, struct json_object *row, struct json_object *connection)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);
	struct json_object *nodes;
	int			i;

	s->pg.admin_user = cdc_row_copy(s->context, cdc_row_text(connection, "admin_user"));
	s->pg.sslmode = cdc_row_copy(s->context, cdc_row_text(connection, "sslmode"));
	s->ca = cdc_row_copy(s->context, cdc_row_text(connection, "ca"));
	s->pg.password_in_tls = cdc_row_bool(connection, "password_in_tls", false);
	s->pg.client_cert = cdc_row_copy(s->context, cdc_row_text(connection, "client_cert"));
	s->pg.client_key = cdc_store_secret(s->context, row, s->id, "client_key", &s->error);
	s->pg.manage_hba = cdc_row_bool(connection, "manage_hba", true);
	s->pg.manage_role = cdc_row_bool(connection, "manage_role", true);
	s->pg.metadata_server = cdc_row_bool(connection, "metadata_server", false);
	s->pg.connector_user = cdc_row_copy(s->context, cdc_row_text(connection, "connector_user"));
	/* who writes pg_hba.conf locks it in one database, the same for everybody */
	if (!s->pg.manage_hba)
		s->pg.admin_database = cdc_row_copy(s->context, cdc_row_text(connection, "database"));
	if (s->pg.admin_database == NULL)
		s->pg.admin_database = pstrdup(ADMIN_DATABASE);
	s->pg.admin_password = cdc_store_secret(s->context, row, s->id, "admin_password", &s->error);
	s->pg.connector_password = cdc_store_secret(s->context, row, s->id, "connector_password", &s->error);

	nodes = cdc_row_array(row, "nodes", &s->pg.nnodes);
	s->pg.nodes = palloc0(sizeof(CdcNode) * Max(s->pg.nnodes, 1));
	for (i = 0; i < s->pg.nnodes; i++)
	{
		struct json_object *node = json_object_array_get_idx(nodes, i);

		s->pg.nodes[i].service = s;
		s->pg.nodes[i].address = cdc_row_copy(s->context, cdc_row_text(node, "address"));
		s->pg.nodes[i].port = cdc_row_int(node, "port", 5432);
		cdc_node_fill(&s->pg.nodes[i], cdc_row_uint(node, "system_identifier"), (uint32) cdc_row_int(node, "timeline", 0), cdc_row_text(node, "hba_loaded"));
	}
	MemoryContextSwitchTo(old);
}

/* Is it one of the texts of an array of a row? */
static bool
is_in(struct json_object *row, const char *key, const char *words)
{
	struct json_object *array;
	int			n;
	int			i;

	array = cdc_row_array(row, key, &n);
	for (i = 0; i < n; i++)
	{
		if (cdc_same(json_object_get_string(json_object_array_get_idx(array, i)), words))
			return true;
	}
	return false;
}

/* The texts of an array of a row, copied; *n: how many. */
static char **
texts_of(struct json_object *row, const char *key, int *n)
{
	struct json_object *array = cdc_row_array(row, key, n);
	char	  **texts = palloc0(sizeof(char *) * Max(*n, 1));
	int			i;

	for (i = 0; i < *n; i++)
		texts[i] = pstrdup(json_object_get_string(json_object_array_get_idx(array, i)));
	return texts;
}

static void
load_kafka(CdcService *s, struct json_object *row, struct json_object *connection)
{
	MemoryContext old = MemoryContextSwitchTo(s->context);
	struct json_object *array;
	int			i;

	s->kafka.connect_urls = texts_of(connection, "connect_urls", &s->kafka.nurls);
	s->kafka.workers = palloc0(sizeof(CdcConnectWorker) * Max(s->kafka.nurls, 1));
	s->kafka.connect_shared = cdc_row_bool(row, "connect_shared", false);
	s->kafka.cidrs = texts_of(connection, "connect_cidrs", &s->kafka.ncidrs);
	s->kafka.cidrs_from_urls = cdc_row_bool(connection, "connect_cidrs_from_urls", false);
	array = cdc_row_array(connection, "agents", &s->kafka.nagents);
	s->kafka.agents = palloc0(sizeof(CdcAgent) * Max(s->kafka.nagents, 1));
	for (i = 0; i < s->kafka.nagents; i++)
	{
		s->kafka.agents[i].url = cdc_row_copy(s->context, cdc_row_text(json_object_array_get_idx(array, i), "url"));
		cdc_agent_fence_fill(&s->kafka.agents[i].fence, is_in(row, "adopt_agents", s->kafka.agents[i].url));
		s->kafka.agents[i].token = cdc_store_secret(s->context, row, s->id, psprintf("agent_token/%d", i), &s->error);
	}
	s->kafka.connect_user = cdc_row_copy(s->context, cdc_row_text(connection, "connect_user"));
	s->kafka.connect_password = cdc_store_secret(s->context, row, s->id, "connect_password", &s->error);
	s->ca = cdc_row_copy(s->context, cdc_row_text(connection, "ca"));
	s->kafka.plaintext_password = cdc_row_bool(connection, "plaintext_connector_password", false);
	s->kafka.connect_ca_path = cdc_row_copy(s->context, cdc_row_text(connection, "connect_ca_path"));
	MemoryContextSwitchTo(old);
}

/* What was seen of it, as it was written. */
static void
load_kept(CdcService *s, struct json_object *row)
{
	char	  **texts;
	int			n;

	cdc_service_fill(s, cdc_row_text(row, "status"), cdc_row_text(row, "status_message"), cdc_row_text(row, "addon_status"),
					 cdc_row_uint(row, "system_identifier"), cdc_row_text(row, "secret_path"));
	texts = texts_of(row, "connect_claimed", &n);
	cdc_service_fill_claimed(s, texts, n);
	texts = texts_of(row, "network_ranges", &n);
	cdc_service_fill_ranges(s, texts, n);
}

/* What is ordered of the service's provider. */
static void
load_order(CdcService *s, struct json_object *row, struct json_object *connection)
{
	CdcOrder   *o = &s->made.order;
	struct json_object *users;
	MemoryContext old = MemoryContextSwitchTo(s->context);
	int			n;

	o->kafka = s->is_kafka;
	o->version = cdc_row_copy(s->context, cdc_row_text(row, "version"));
	o->zone = s->zone;
	o->plan = cdc_row_copy(s->context, cdc_row_text(row, "plan_name"));
	o->nodes = cdc_row_int(row, "node_count", 1);
	o->auto_failover = cdc_row_bool(row, "auto_failover", false);
	o->connect = s->kafka.has_addon;
	o->database = cdc_row_copy(s->context, cdc_row_text(connection, "database"));
	o->admin_user = cdc_row_copy(s->context, cdc_row_text(connection, "admin_user"));
	o->admin_password = cdc_store_secret(s->context, row, s->id, "admin_password", &s->error);
	users = cdc_row_array(connection, "users", &n);
	if (n > 0)
	{
		o->app_user = pstrdup(json_object_get_string(json_object_array_get_idx(users, 0)));
		o->app_password = cdc_store_secret(s->context, row, s->id, psprintf("user_password/%s", o->app_user), &s->error);
	}
	if (o->connect)
	{
		o->agent_token = cdc_store_secret(s->context, row, s->id, "agent_token/0", &s->error);
		o->connect_user = cdc_row_copy(s->context, cdc_row_text(connection, "connect_user"));
		o->connect_password = cdc_store_secret(s->context, row, s->id, "connect_password", &s->error);
	}
	o->cidrs = json_object_get(cdc_row_array(row, "allowed_cidrs", &n));
	MemoryContextSwitchTo(old);
}

void
cdc_store_load_service(CdcWorld *world, const char *words)
{
	struct json_object *row = json_tokener_parse(words);
	struct json_object *connection;
	struct json_object *addons;
	CdcService *s;
	CdcService *former;
	const char *type;
	int			n;
	int			i;

	if (row == NULL)
		return;
	former = cdc_world_service(world, cdc_row_text(row, "id"));
	if (former)
		cdc_world_remove_service(former);
	s = cdc_world_add_service(world, cdc_row_text(row, "id"));
	type = cdc_row_text(row, "database_type");
	s->is_postgresql = type && strcmp(type, "postgresql") == 0;
	s->is_kafka = type && strcmp(type, "kafka") == 0;
	s->name = cdc_row_copy(s->context, cdc_row_text(row, "name"));
	s->zone = cdc_row_copy(s->context, cdc_row_text(row, "zone"));
	s->region = cdc_row_copy(s->context, cdc_row_text(row, "region"));
	s->network_id = cdc_row_copy(s->context, cdc_row_text(row, "network_id"));
	strlcpy(s->organization_id, cdc_row_text(row, "organization_id"), sizeof(s->organization_id));
	s->network_assigned = cdc_row_bool(row, "network_assigned", false);
	load_kept(s, row);
	s->deleting = cdc_same(s->status, "deleting");
	addons = cdc_row_array(row, "addons", &n);
	for (i = 0; i < n; i++)
	{
		if (strcmp(json_object_get_string(json_object_array_get_idx(addons, i)), "kafka-connect") == 0)
			s->kafka.has_addon = true;
	}
	connection = cdc_row_object(row, "connection");
	if (s->is_postgresql)
		load_postgresql(s, row, connection);
	else if (s->is_kafka)
		load_kafka(s, row, connection);
	s->made.provider = cdc_provider_kind(cdc_row_text(row, "provider"));
	s->before_rules = !cdc_provided(s) && cdc_same(cdc_row_text(row, "connection_set_by"), "before");
	s->any_address = s->before_rules || cdc_provided(s) || cdc_same(cdc_row_text(row, "connection_set_by"), "superuser");
	if (cdc_provided(s))
	{
		load_order(s, row, connection);
		cdc_agent_fence_fill(&s->made.host_fence, is_in(row, "adopt_agents", cdc_provision_url));
	}
	cdc_findings_load_service(s, cdc_row_array(row, "findings", &n));
	s->connection = cdc_row_copy(s->context, connection ? json_object_to_json_string_ext(connection, JSON_C_TO_STRING_PLAIN) : NULL);
	cdc_network_join(s);
	cdc_world_want_round(world, s->organization_id, false);
	json_object_put(row);
	cdc_world_ready_all(s);
}

void
cdc_store_load_region(CdcWorld *world, const char *id, const char *region)
{
	CdcService *s = cdc_world_service(world, id);

	if (s == NULL || cdc_same(s->region, region))
		return;
	cdc_set_string(s->context, &s->region, region);
	cdc_world_ready_all(s);
}
