/*
 * provider.c
 *	  Rows of services that are made by a provider: how they are reached, and
 *	  their end.
 *
 * See store_parts.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "worker/store/store_parts.h"

/* What is new is read again in this very turn: so it is loaded as any other. */
static const char write_provided_sql[] =
"WITH r AS MATERIALIZED (SELECT x.* FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS x("
"  id pg_catalog.uuid, connection pg_catalog.jsonb, nodes pg_catalog.jsonb, network_id pg_catalog.uuid, limits pg_catalog.text) JOIN cdc.service s ON s.id OPERATOR(pg_catalog.=) x.id"
"  WHERE NOT s.connection OPERATOR(pg_catalog.@>) x.connection OR NOT"
"   coalesce(s.network_id OPERATOR(pg_catalog.=) x.network_id, s.network_id IS NULL AND x.network_id IS NULL) OR NOT"
"   coalesce(s.provided_limits OPERATOR(pg_catalog.=) x.limits, s.provided_limits IS NULL AND x.limits IS NULL) OR EXISTS ("
"   SELECT FROM pg_catalog.jsonb_to_recordset(x.nodes) AS y(address pg_catalog.text, port pg_catalog.int4) WHERE NOT EXISTS ("
"    SELECT FROM cdc.service_node k WHERE k.service_id OPERATOR(pg_catalog.=) x.id AND k.address OPERATOR(pg_catalog.=) y.address"
"     AND k.port OPERATOR(pg_catalog.=) y.port))),"
" n AS (INSERT INTO cdc.service_node (service_id, address, port)"
"  SELECT r.id, y.address, y.port FROM r, pg_catalog.jsonb_to_recordset(r.nodes) AS y(address pg_catalog.text, port pg_catalog.int4)"
"  ON CONFLICT DO NOTHING),"
" w AS (INSERT INTO cdc.work (kind, id) SELECT 'service', r.id FROM r)"
" UPDATE cdc.service s SET connection = s.connection OPERATOR(pg_catalog.||) r.connection, network_id = r.network_id, provided_limits = r.limits, updated_at = pg_catalog.now()"
" FROM r WHERE s.id OPERATOR(pg_catalog.=) r.id";

static const char end_services_sql[] =
"UPDATE cdc.service s SET deleted_at = pg_catalog.now(), updated_at = pg_catalog.now()"
" WHERE s.status OPERATOR(pg_catalog.=) 'deleting' AND s.deleted_at IS NULL"
"  AND (s.provider OPERATOR(pg_catalog.=) 'external' OR s.id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.uuid[]))"
"  AND NOT EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.settled_at IS NULL AND (p.source_service_id OPERATOR(pg_catalog.=) s.id"
"   OR p.sink_service_id OPERATOR(pg_catalog.=) s.id)) RETURNING s.id::pg_catalog.text";

void
cdc_store_write_provided(CdcWorld *world)
{
	struct json_object *rows = cdc_rows();
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_PROVIDED, iter, world)
	{
		const CdcService *s = cdc_dirty_owner(iter);
		struct json_object *row = json_tokener_parse(s->made.provided_connection);

		json_object_object_add(row, "id", json_object_new_string(s->id));
		json_object_array_add(rows, row);
	}
	cdc_rows_write(write_provided_sql, SPI_OK_UPDATE, rows);
}

char	  **
cdc_store_end_services(CdcWorld *world, int *n)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	StringInfoData gone;
	dlist_iter	iter;

	initStringInfo(&gone);
	dlist_foreach(iter, &world->gone)
		appendStringInfo(&gone, "%s%s", gone.len ? "," : "{", dlist_container(CdcService, made.gone_node, iter.cur)->id);
	appendStringInfoString(&gone, gone.len ? "}" : "{}");
	values[0] = CStringGetTextDatum(gone.data);
	cdc_statement_run(end_services_sql, SPI_OK_UPDATE_RETURNING, 1, types, values, NULL);
	return cdc_rows_keep(1, n);
}
