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

#define SAME_PAIR(a, b) a ".network_a OPERATOR(pg_catalog.=) " b ".network_a AND " a ".network_b OPERATOR(pg_catalog.=) " b ".network_b"

/* waiting_since is called requested_at there: since when the pair is asked for.  Nobody else inserts here. */
static const char write_pairs_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, network_a pg_catalog.uuid, network_b pg_catalog.uuid, installation_id pg_catalog.uuid, peering_ab pg_catalog.uuid,"
"  peering_ba pg_catalog.uuid, state_ab pg_catalog.text, state_ba pg_catalog.text, requested_at pg_catalog.timestamptz,"
"  mutated_at pg_catalog.timestamptz, removing pg_catalog.bool, error_message pg_catalog.text, gone pg_catalog.bool)),"
" l AS MATERIALIZED (SELECT n.network_a, n.network_b FROM cdc.network_peering n JOIN u ON " SAME_PAIR("n", "u") " FOR UPDATE OF n SKIP LOCKED),"
" h AS MATERIALIZED (SELECT u.* FROM u JOIN cdc.network_peering n ON " SAME_PAIR("n", "u") " WHERE NOT EXISTS (SELECT FROM l WHERE " SAME_PAIR("l", "u") ")),"
" d AS (DELETE FROM cdc.network_peering n USING l JOIN u ON " SAME_PAIR("u", "l") " WHERE u.gone AND " SAME_PAIR("n", "l") "),"
" w AS (INSERT INTO cdc.network_peering AS n (network_a, network_b, installation_id, peering_ab, peering_ba, state_ab, state_ba,"
"   requested_at, mutated_at, removing, error_message, updated_at)"
"  SELECT u.network_a, u.network_b, u.installation_id, u.peering_ab, u.peering_ba, u.state_ab, u.state_ba, u.requested_at, u.mutated_at, u.removing, u.error_message, pg_catalog.now()"
"  FROM u WHERE NOT u.gone AND NOT EXISTS (SELECT FROM h WHERE " SAME_PAIR("h", "u") ")"
"  ON CONFLICT (network_a, network_b) DO UPDATE SET installation_id = excluded.installation_id,"
"   peering_ab = excluded.peering_ab, peering_ba = excluded.peering_ba, state_ab = excluded.state_ab,"
"   state_ba = excluded.state_ba, requested_at = excluded.requested_at, mutated_at = excluded.mutated_at,"
"   removing = excluded.removing, error_message = excluded.error_message, updated_at = excluded.updated_at)"
" SELECT h.n FROM h";

static const char read_pairs_sql[] = "SELECT pg_catalog.to_jsonb(n)::pg_catalog.text FROM cdc.network_peering n";

static void
add_pair(struct json_object *rows, const void *owner, int number)
{
	const CdcPair *pair = owner;
	struct json_object *row = cdc_row_add(rows, number);

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
	json_object_object_add(row, "gone", json_object_new_boolean(pair->gone));
}

static void
pair_written(void *owner)
{
	cdc_pair_written(owner);
}

static const char *
pair_key(const void *owner)
{
	return ((const CdcPair *) owner)->a;
}

const CdcRowWriter cdc_pair_writer = {
	.sql = write_pairs_sql,
	.tables = CDC_TABLE(CDC_TABLE_PEERING),
	.add = add_pair,
	.written = pair_written,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.network_peering WHERE network_a OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = pair_key
};

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

	cdc_pair_fill(pair, cdc_row_text(row, "installation_id"), cdc_row_text(row, "peering_ab"), cdc_row_text(row, "peering_ba"),
				  cdc_row_text(row, "state_ab"), cdc_row_text(row, "state_ba"), cdc_row_text(row, "error_message"),
				  cdc_row_time(cdc_row_text(row, "requested_at")), cdc_row_time(cdc_row_text(row, "mutated_at")));
	json_object_put(row);
}
