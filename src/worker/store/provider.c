/*
 * provider.c
 *	  How services that are made by a provider are reached, into their rows.
 *
 * See store_parts.h.
 */
#include "postgres.h"

#include "common/json.h"
#include "worker/store/store_parts.h"

/* What is new is read again: so it is loaded as any other. */
static const char write_provided_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS x("
"  n pg_catalog.int4, id pg_catalog.uuid, connection pg_catalog.jsonb, nodes pg_catalog.jsonb, network_id pg_catalog.uuid, limits pg_catalog.text)),"
" l AS MATERIALIZED (SELECT s.id FROM cdc.service s JOIN u ON s.id OPERATOR(pg_catalog.=) u.id FOR NO KEY UPDATE OF s SKIP LOCKED),"
" r AS MATERIALIZED (SELECT x.* FROM u x JOIN l ON l.id OPERATOR(pg_catalog.=) x.id JOIN cdc.service s ON s.id OPERATOR(pg_catalog.=) x.id"
"  WHERE NOT s.connection OPERATOR(pg_catalog.@>) x.connection OR NOT"
"   coalesce(s.network_id OPERATOR(pg_catalog.=) x.network_id, s.network_id IS NULL AND x.network_id IS NULL) OR NOT"
"   coalesce(s.provided_limits OPERATOR(pg_catalog.=) x.limits, s.provided_limits IS NULL AND x.limits IS NULL) OR EXISTS ("
"   SELECT FROM pg_catalog.jsonb_to_recordset(x.nodes) AS y(address pg_catalog.text, port pg_catalog.int4) WHERE NOT EXISTS ("
"    SELECT FROM cdc.service_node k WHERE k.service_id OPERATOR(pg_catalog.=) x.id AND k.address OPERATOR(pg_catalog.=) y.address"
"     AND k.port OPERATOR(pg_catalog.=) y.port))),"
" i AS (INSERT INTO cdc.service_node (service_id, address, port)"
"  SELECT r.id, y.address, y.port FROM r, pg_catalog.jsonb_to_recordset(r.nodes) AS y(address pg_catalog.text, port pg_catalog.int4)"
"  ON CONFLICT DO NOTHING),"
" w AS (INSERT INTO cdc.work (kind, id) SELECT 'service', r.id FROM r),"
" c AS (UPDATE cdc.service s SET connection = s.connection OPERATOR(pg_catalog.||) r.connection, network_id = r.network_id, provided_limits = r.limits, updated_at = pg_catalog.now()"
"  FROM r WHERE s.id OPERATOR(pg_catalog.=) r.id)"
" SELECT u.n FROM u JOIN cdc.service s ON s.id OPERATOR(pg_catalog.=) u.id WHERE NOT EXISTS (SELECT FROM l WHERE l.id OPERATOR(pg_catalog.=) u.id)";

static void
add_provided(struct json_object *rows, const void *owner, int number)
{
	const CdcService *s = owner;
	struct json_object *row = json_tokener_parse(s->made.provided_connection);

	cdc_json_add_string(row, "id", s->id);
	json_object_object_add(row, "n", json_object_new_int(number));
	json_object_array_add(rows, row);
}

const CdcRowWriter cdc_provided_writer = {
	.sql = write_provided_sql,
	.tables = CDC_TABLE(CDC_TABLE_SERVICE) | CDC_TABLE(CDC_TABLE_SERVICE_NODE) | CDC_TABLE(CDC_TABLE_WORK),
	.add = add_provided,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.service WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = cdc_key_of_service
};
