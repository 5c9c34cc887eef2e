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

static const char write_nodes_sql[] =
"UPDATE cdc.service_node n SET observed_role = coalesce(r.observed_role, n.observed_role),"
"  system_identifier = coalesce(r.system_identifier, n.system_identifier),"
"  timeline = coalesce(r.timeline, n.timeline), hba_loaded = r.hba_loaded,"
"  last_seen_at = coalesce(r.last_seen_at, n.last_seen_at), error_message = r.error_message"
" FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  service_id pg_catalog.uuid, address pg_catalog.text, port pg_catalog.int4, observed_role pg_catalog.text,"
"  system_identifier pg_catalog.numeric, timeline pg_catalog.int8, hba_loaded pg_catalog.text,"
"  last_seen_at pg_catalog.timestamptz, error_message pg_catalog.text)"
" WHERE n.service_id OPERATOR(pg_catalog.=) r.service_id AND n.address OPERATOR(pg_catalog.=) r.address"
"  AND n.port OPERATOR(pg_catalog.=) r.port";

/* A service that is being deleted keeps that status whatever is observed. */
static const char write_services_sql[] =
"UPDATE cdc.service s SET status = CASE WHEN s.status OPERATOR(pg_catalog.=) 'deleting' THEN s.status ELSE r.status END,"
"  status_message = r.status_message, addon_status = coalesce(r.addon_status, s.addon_status),"
"  system_identifier = coalesce(s.system_identifier, r.system_identifier),"
"  connect_claimed = coalesce(r.connect_claimed, '{}'), network_ranges = coalesce(r.network_ranges, '{}'), secret_path = coalesce(s.secret_path, r.secret_path),"
"  adopt_agents = ARRAY(SELECT a FROM pg_catalog.unnest(s.adopt_agents) a WHERE a OPERATOR(pg_catalog.<>) ALL (coalesce(r.adopted, '{}'))), updated_at = pg_catalog.now()"
" FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  id pg_catalog.uuid, status pg_catalog.text, status_message pg_catalog.text, addon_status pg_catalog.jsonb,"
"  system_identifier pg_catalog.numeric, connect_claimed pg_catalog.text[], network_ranges pg_catalog.text[], secret_path pg_catalog.text,"
"  adopted pg_catalog.text[])"
" WHERE s.id OPERATOR(pg_catalog.=) r.id";

static struct json_object *
service_row(const CdcService *s)
{
	struct json_object *row = json_object_new_object();
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
		if (s->kafka.agents[i].adopted)
			json_object_array_add(adopted, json_object_new_string(s->kafka.agents[i].url));
	}
	json_object_object_add(row, "adopted", adopted);
	cdc_json_add_string(row, "secret_path", s->kafka.secret_path_new ? s->kafka.secret_path : NULL);
	return row;
}

static struct json_object *
node_row(const CdcNode *n)
{
	struct json_object *row = json_object_new_object();

	cdc_json_add_string(row, "service_id", n->service->id);
	cdc_json_add_string(row, "address", n->address);
	json_object_object_add(row, "port", json_object_new_int(n->port));
	cdc_json_add_string(row, "observed_role", !n->reachable ? NULL : n->in_recovery ? "standby" : "primary");
	cdc_row_add_uint(row, "system_identifier", n->system_identifier);
	cdc_row_add_uint(row, "timeline", n->timeline);
	cdc_json_add_string(row, "hba_loaded", n->hba_loaded);
	cdc_row_add_time(row, "last_seen_at", n->last_seen);
	cdc_json_add_string(row, "error_message", n->error);
	return row;
}

void
cdc_store_write_services(CdcWorld *world)
{
	struct json_object *rows = cdc_rows();
	struct json_object *nodes = cdc_rows();
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_SERVICE, iter, world)
		json_object_array_add(rows, service_row(cdc_dirty_owner(iter)));
	cdc_dirty_each(CDC_ROW_NODE, iter, world)
		json_object_array_add(nodes, node_row(cdc_dirty_owner(iter)));
	cdc_rows_write(write_services_sql, SPI_OK_UPDATE, rows);
	cdc_rows_write(write_nodes_sql, SPI_OK_UPDATE, nodes);
}

void
cdc_store_services_written(CdcWorld *world)
{
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_SERVICE, iter, world)
	{
		CdcService *s = cdc_dirty_owner(iter);
		int			i;

		s->kafka.secret_path_new = false;
		for (i = 0; i < s->kafka.nagents; i++)
			s->kafka.agents[i].adopted = false;
	}
	cdc_written_all(world, CDC_ROW_SERVICE);
	cdc_written_all(world, CDC_ROW_PROVIDED);
	cdc_written_all(world, CDC_ROW_NODE);
}
