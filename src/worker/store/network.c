/*
 * network.c
 *	  Rows of cdc.network_peering: written in a turn, read at the start.
 *
 * See store_parts.h.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/timestamp.h"

#include "common/json.h"
#include "worker/store/store_parts.h"
#include "worker/world/pair.h"

/* waiting_since is called requested_at there: since when the pair is asked for. */
static const char write_pairs_sql[] =
"INSERT INTO cdc.network_peering AS n (network_a, network_b, installation_id, peering_ab, peering_ba, state_ab, state_ba,"
"  requested_at, mutated_at, removing, error_message, updated_at)"
" SELECT r.*, pg_catalog.now() FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  network_a pg_catalog.uuid, network_b pg_catalog.uuid, installation_id pg_catalog.uuid, peering_ab pg_catalog.uuid,"
"  peering_ba pg_catalog.uuid, state_ab pg_catalog.text, state_ba pg_catalog.text, requested_at pg_catalog.timestamptz,"
"  mutated_at pg_catalog.timestamptz, removing pg_catalog.bool, error_message pg_catalog.text)"
" ON CONFLICT (network_a, network_b) DO UPDATE SET installation_id = excluded.installation_id,"
"  peering_ab = excluded.peering_ab, peering_ba = excluded.peering_ba, state_ab = excluded.state_ab,"
"  state_ba = excluded.state_ba, requested_at = excluded.requested_at, mutated_at = excluded.mutated_at,"
"  removing = excluded.removing, error_message = excluded.error_message, updated_at = excluded.updated_at";

static const char delete_pairs_sql[] =
"DELETE FROM cdc.network_peering n USING pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  network_a pg_catalog.uuid, network_b pg_catalog.uuid)"
" WHERE n.network_a OPERATOR(pg_catalog.=) r.network_a AND n.network_b OPERATOR(pg_catalog.=) r.network_b";

static const char read_pairs_sql[] = "SELECT pg_catalog.to_jsonb(n)::pg_catalog.text FROM cdc.network_peering n";

void
cdc_store_write_pairs(CdcWorld *world)
{
	struct json_object *rows = cdc_rows();
	struct json_object *gone = cdc_rows();
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_PAIR, iter, world)
	{
		CdcPair    *pair = cdc_dirty_owner(iter);
		struct json_object *row = json_object_new_object();

		cdc_json_add_string(row, "network_a", pair->a);
		cdc_json_add_string(row, "network_b", pair->b);
		cdc_json_add_string(row, "installation_id", pair->installation);
		cdc_json_add_string(row, "peering_ab", pair->peering_ab[0] ? pair->peering_ab : NULL);
		cdc_json_add_string(row, "peering_ba", pair->peering_ba[0] ? pair->peering_ba : NULL);
		cdc_json_add_string(row, "state_ab", pair->state_ab);
		cdc_json_add_string(row, "state_ba", pair->state_ba);
		cdc_row_add_time(row, "requested_at", pair->waiting_since);
		cdc_row_add_time(row, "mutated_at", pair->mutated_at);
		json_object_object_add(row, "removing", json_object_new_boolean(pair->removing));
		cdc_json_add_string(row, "error_message", pair->error);
		json_object_array_add(pair->gone ? gone : rows, row);
	}
	cdc_rows_write(write_pairs_sql, SPI_OK_INSERT, rows);
	cdc_rows_write(delete_pairs_sql, SPI_OK_DELETE, gone);
}

void
cdc_store_pairs_written(CdcWorld *world)
{
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_PAIR, iter, world)
	{
		CdcPair    *pair = cdc_dirty_owner(iter);

		cdc_written(world, &pair->dirty);
		if (pair->gone)
			cdc_pair_forget(pair);
		else
			pair->stored = true;
	}
	world->pairs_due = 0;
}

char	  **
cdc_store_read_pairs(int *n)
{
	cdc_statement_run(read_pairs_sql, SPI_OK_SELECT, 0, NULL, NULL, NULL);
	return cdc_rows_keep(1, n);
}

void
cdc_store_load_pair(CdcWorld *world, const char *words)
{
	struct json_object *row = json_tokener_parse(words);
	CdcPair    *pair = cdc_pair_make(world, cdc_row_text(row, "network_a"), cdc_row_text(row, "network_b"));

	pair->stored = true;
	if (cdc_row_text(row, "installation_id"))
		cdc_set_string(world->context, &pair->installation, cdc_row_text(row, "installation_id"));
	strlcpy(pair->peering_ab, cdc_row_text(row, "peering_ab") ? cdc_row_text(row, "peering_ab") : "", sizeof(pair->peering_ab));
	strlcpy(pair->peering_ba, cdc_row_text(row, "peering_ba") ? cdc_row_text(row, "peering_ba") : "", sizeof(pair->peering_ba));
	cdc_set_string(world->context, &pair->state_ab, cdc_row_text(row, "state_ab"));
	cdc_set_string(world->context, &pair->state_ba, cdc_row_text(row, "state_ba"));
	cdc_set_string(world->context, &pair->error, cdc_row_text(row, "error_message"));
	pair->waiting_since = cdc_row_time(cdc_row_text(row, "requested_at"));
	pair->mutated_at = cdc_row_time(cdc_row_text(row, "mutated_at"));
	json_object_put(row);
}
