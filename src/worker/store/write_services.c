/*
 * write_services.c
 *	  What was seen of services and their nodes, into their rows.
 *
 * See store_parts.h.  Set-based: one statement a table, rows as one JSON
 * parameter.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "common/json.h"
#include "worker/store/store_parts.h"
#include "worker/world/service_kept.h"

#define SAME_NODE(a, b) a ".service_id OPERATOR(pg_catalog.=) " b ".service_id AND " a ".address OPERATOR(pg_catalog.=) " b ".address" \
	" AND " a ".port OPERATOR(pg_catalog.=) " b ".port"

static const char write_nodes_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, service_id pg_catalog.uuid, address pg_catalog.text, port pg_catalog.int4, observed_role pg_catalog.text,"
"  system_identifier pg_catalog.numeric, timeline pg_catalog.int8, hba_loaded pg_catalog.text,"
"  last_seen_at pg_catalog.timestamptz, error_message pg_catalog.text)),"
" l AS MATERIALIZED (SELECT s.service_id, s.address, s.port FROM cdc.service_node s JOIN u ON " SAME_NODE("s", "u")
"  FOR NO KEY UPDATE OF s SKIP LOCKED),"
" w AS (UPDATE cdc.service_node s SET observed_role = coalesce(u.observed_role, s.observed_role),"
"   system_identifier = coalesce(u.system_identifier, s.system_identifier),"
"   timeline = coalesce(u.timeline, s.timeline), hba_loaded = u.hba_loaded,"
"   last_seen_at = coalesce(u.last_seen_at, s.last_seen_at), error_message = u.error_message"
"  FROM u JOIN l ON " SAME_NODE("u", "l") " WHERE " SAME_NODE("s", "u") ")"
" SELECT u.n FROM u JOIN cdc.service_node s ON " SAME_NODE("s", "u") " WHERE NOT EXISTS (SELECT FROM l WHERE " SAME_NODE("l", "u") ")";

/* A service that is being deleted keeps that status whatever is observed. */
static const char write_services_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, id pg_catalog.uuid, status pg_catalog.text, status_message pg_catalog.text, addon_status pg_catalog.jsonb,"
"  system_identifier pg_catalog.numeric, connect_claimed pg_catalog.text[], network_ranges pg_catalog.text[], secret_path pg_catalog.text,"
"  adopted pg_catalog.text[])),"
" l AS MATERIALIZED (SELECT s.id FROM cdc.service s JOIN u ON s.id OPERATOR(pg_catalog.=) u.id FOR NO KEY UPDATE OF s SKIP LOCKED),"
" w AS (UPDATE cdc.service s SET status = CASE WHEN s.status OPERATOR(pg_catalog.=) 'deleting' THEN s.status ELSE u.status END,"
"   status_message = u.status_message, addon_status = coalesce(u.addon_status, s.addon_status),"
"   system_identifier = coalesce(s.system_identifier, u.system_identifier),"
"   connect_claimed = coalesce(u.connect_claimed, '{}'), network_ranges = coalesce(u.network_ranges, '{}'), secret_path = coalesce(s.secret_path, u.secret_path),"
"   adopt_agents = ARRAY(SELECT a FROM pg_catalog.unnest(s.adopt_agents) a WHERE a OPERATOR(pg_catalog.<>) ALL (coalesce(u.adopted, '{}'))), updated_at = pg_catalog.now()"
"  FROM u JOIN l ON u.id OPERATOR(pg_catalog.=) l.id WHERE s.id OPERATOR(pg_catalog.=) u.id)"
" SELECT u.n FROM u JOIN cdc.service s ON s.id OPERATOR(pg_catalog.=) u.id WHERE NOT EXISTS (SELECT FROM l WHERE l.id OPERATOR(pg_catalog.=) u.id)";

static const char write_checked_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r(n pg_catalog.int4, id pg_catalog.uuid, at pg_catalog.timestamptz)),"
" l AS MATERIALIZED (SELECT s.id FROM cdc.service s JOIN u ON s.id OPERATOR(pg_catalog.=) u.id FOR NO KEY UPDATE OF s SKIP LOCKED),"
" w AS (UPDATE cdc.service s SET pipelines_checked_at = u.at"
"  FROM u JOIN l ON u.id OPERATOR(pg_catalog.=) l.id WHERE s.id OPERATOR(pg_catalog.=) u.id)"
" SELECT u.n FROM u JOIN cdc.service s ON s.id OPERATOR(pg_catalog.=) u.id WHERE NOT EXISTS (SELECT FROM l WHERE l.id OPERATOR(pg_catalog.=) u.id)";

static void
add_service(struct json_object *rows, const void *owner, int number)
{
	const CdcService *s = owner;
	struct json_object *row = cdc_row_add(rows, number);
	struct json_object *ranges = json_object_new_array();
	struct json_object *claimed = json_object_new_array();
	struct json_object *adopted = json_object_new_array();
	ListCell   *inner;
	int			i;

	cdc_json_add_string(row, "id", s->id);
	cdc_json_add_string(row, "status", s->status);
	cdc_json_add_string(row, "status_message", s->status_message);
	cdc_row_add_uint(row, "system_identifier", s->pg.system_identifier);
	foreach(inner, s->kafka.claimed)
		json_object_array_add(claimed, json_object_new_string(lfirst(inner)));
	json_object_object_add(row, "connect_claimed", claimed);
	if (s->kafka.has_addon)
	{
		struct json_object *addon = json_object_new_object();

		cdc_json_add_string(addon, "kafka-connect", s->kafka.addon_status ? s->kafka.addon_status : "pending");
		json_object_object_add(row, "addon_status", addon);
	}
	for (i = 0; i < s->kafka.nranges; i++)
		json_object_array_add(ranges, json_object_new_string(s->kafka.ranges[i]));
	json_object_object_add(row, "network_ranges", ranges);
	for (i = 0; i < s->kafka.nagents; i++)
	{
		if (s->kafka.agents[i].fence.adopted)
			json_object_array_add(adopted, json_object_new_string(s->kafka.agents[i].url));
	}
	if (s->made.host_fence.adopted && s->made.host)
		json_object_array_add(adopted, json_object_new_string(s->made.host));
	json_object_object_add(row, "adopted", adopted);
	cdc_json_add_string(row, "secret_path", s->kafka.secret_path_new ? s->kafka.secret_path : NULL);
}

static void
service_written(void *owner)
{
	cdc_service_written(owner);
}

const CdcRowWriter cdc_service_writer = {
	.sql = write_services_sql,
	.tables = CDC_TABLE(CDC_TABLE_SERVICE),
	.add = add_service,
	.written = service_written,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.service WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = cdc_key_of_service
};

static void
add_checked(struct json_object *rows, const void *owner, int number)
{
	const CdcService *s = owner;
	struct json_object *row = cdc_row_add(rows, number);

	cdc_json_add_string(row, "id", s->id);
	cdc_row_add_time(row, "at", s->users->checked_at);
}

const CdcRowWriter cdc_checked_writer = {
	.sql = write_checked_sql,
	.tables = CDC_TABLE(CDC_TABLE_SERVICE),
	.add = add_checked,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.service WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = cdc_key_of_service
};

static void
add_node(struct json_object *rows, const void *owner, int number)
{
	const CdcNode *n = owner;
	struct json_object *row = cdc_row_add(rows, number);

	cdc_json_add_string(row, "service_id", n->service->id);
	cdc_json_add_string(row, "address", n->address);
	json_object_object_add(row, "port", json_object_new_int(n->port));
	cdc_json_add_string(row, "observed_role", !n->reachable ? NULL : n->in_recovery ? "standby" : "primary");
	cdc_row_add_uint(row, "system_identifier", n->system_identifier);
	cdc_row_add_uint(row, "timeline", n->timeline);
	cdc_json_add_string(row, "hba_loaded", n->hba_loaded);
	cdc_row_add_time(row, "last_seen_at", n->last_seen);
	cdc_json_add_string(row, "error_message", n->error);
}

static const char *
node_key(const void *owner)
{
	return ((const CdcNode *) owner)->service->id;
}

const CdcRowWriter cdc_node_writer = {
	.sql = write_nodes_sql,
	.tables = CDC_TABLE(CDC_TABLE_SERVICE_NODE),
	.add = add_node,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.service_node WHERE service_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = node_key
};
