/*
 * write_pipelines.c
 *	  What happened to pipelines, into their rows.
 *
 * See store_parts.h.  Set-based: one statement a table, rows as one JSON
 * parameter.
 */
#include "postgres.h"

#include "access/xact.h"

#include "common/compat.h"
#include "common/json.h"
#include "common/lsn.h"
#include "worker/store/store_parts.h"
#include "worker/world/checked.h"
#include "worker/world/index.h"
#include "worker/world/kept.h"
#include "worker/world/shadow.h"
#include "worker/world/timeline.h"

/*
 * Rows that a user's open transaction has locked (delete_pipeline before its
 * COMMIT) are skipped: the worker never waits for a user.  So is one that was
 * abandoned since we loaded it: nothing is begun for it, and this worker ends.  A
 * delete that was committed since then keeps its status.
 */
static const char write_spec_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, id pg_catalog.uuid, status pg_catalog.text, provision_step pg_catalog.text, error_message pg_catalog.text,"
"  connector_name pg_catalog.text, publication_name pg_catalog.text, slot_name pg_catalog.text,"
"  was_running pg_catalog.bool, snapshot_run pg_catalog.int8, discarding pg_catalog.bool, slot_absent_before pg_catalog.bool,"
"  gap pg_catalog.jsonb, restarts pg_catalog.timestamptz[], mutated_at pg_catalog.timestamptz,"
"  streamed pg_catalog.jsonb, failover pg_catalog.jsonb,"
"  role_generation pg_catalog.int4, offsets_clean pg_catalog.bool, adopted pg_catalog.int4, pause_ended pg_catalog.timestamptz, restarted pg_catalog.int4, snapshot_rounds pg_catalog.int4, snapshot_round_at pg_catalog.timestamptz, identities pg_catalog.jsonb, unlogged pg_catalog.jsonb, relations pg_catalog.jsonb, absent pg_catalog.bool, settled pg_catalog.bool)),"
" l AS MATERIALIZED (SELECT u.* FROM cdc.pipeline_spec s JOIN u ON s.id OPERATOR(pg_catalog.=) u.id"
"  WHERE s.settled_at IS NULL FOR NO KEY UPDATE OF s SKIP LOCKED),"
" w AS (UPDATE cdc.pipeline_spec s SET"
"  status = CASE WHEN s.desired_state OPERATOR(pg_catalog.=) 'deleted'"
"    AND u.status OPERATOR(pg_catalog.<>) ALL (ARRAY['Deleting', 'Deleted']) THEN 'Deleting' ELSE u.status END,"
"  provision_step = u.provision_step, error_message = u.error_message,"
"  connector_name = coalesce(s.connector_name, u.connector_name),"
"  publication_name = coalesce(s.publication_name, u.publication_name),"
"  slot_name = coalesce(s.slot_name, u.slot_name),"
"  was_running = u.was_running, snapshot_run = u.snapshot_run, discarding = u.discarding, slot_absent_before = u.slot_absent_before,"
"  streamed = u.streamed, failover = u.failover,"
"  role_generation = u.role_generation, offsets_clean = u.offsets_clean, adopted = u.adopted, pause_ended = u.pause_ended, restarted = u.restarted, snapshot_rounds = u.snapshot_rounds, snapshot_round_at = u.snapshot_round_at, identities = u.identities, unlogged = u.unlogged, relations = u.relations, gap = u.gap, restarts = coalesce(u.restarts, '{}'), mutated_at = u.mutated_at,"
"  updated_at = pg_catalog.now(),"
"  deleted_at = CASE WHEN u.absent THEN coalesce(s.deleted_at, pg_catalog.now()) END,"
"  settled_at = CASE WHEN u.settled THEN pg_catalog.now() END"
"  FROM l u WHERE s.id OPERATOR(pg_catalog.=) u.id)"
" SELECT u.n FROM u JOIN cdc.pipeline_spec s ON s.id OPERATOR(pg_catalog.=) u.id WHERE u.n OPERATOR(pg_catalog.<>) ALL (ARRAY(SELECT l.n FROM l))";

static const char write_observed_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, id pg_catalog.uuid, connector_state pg_catalog.text, task_states pg_catalog.jsonb,"
"  source_lag_bytes pg_catalog.int8, confirmed_flush_lsn pg_catalog.pg_lsn, stored_offset_lsn pg_catalog.pg_lsn,"
"  system_identifier pg_catalog.numeric, timeline pg_catalog.int8, checked_at pg_catalog.timestamptz)),"
" l AS MATERIALIZED (SELECT u.* FROM cdc.pipeline_observed o JOIN u ON o.pipeline_id OPERATOR(pg_catalog.=) u.id"
"  FOR NO KEY UPDATE OF o SKIP LOCKED),"
" w AS (UPDATE cdc.pipeline_observed o SET connector_state = u.connector_state, task_states = u.task_states,"
"   source_lag_bytes = u.source_lag_bytes, confirmed_flush_lsn = u.confirmed_flush_lsn,"
"   stored_offset_lsn = coalesce(u.stored_offset_lsn, o.stored_offset_lsn),"
"   system_identifier = u.system_identifier, timeline = u.timeline,"
"   last_health_check_at = coalesce(u.checked_at, o.last_health_check_at)"
"  FROM l u WHERE o.pipeline_id OPERATOR(pg_catalog.=) u.id)"
" SELECT u.n FROM u JOIN cdc.pipeline_observed o ON o.pipeline_id OPERATOR(pg_catalog.=) u.id"
"  WHERE u.n OPERATOR(pg_catalog.<>) ALL (ARRAY(SELECT l.n FROM l))";

/*
 * Rows of another table that have the pipeline's for their foreign key, which would
 * wait for who holds that against it: such a pipeline's are held.  u, and the owners
 * that are there and can be referred to: p.
 */
#define OWNERS \
	" p AS MATERIALIZED (SELECT s.id FROM cdc.pipeline_spec s WHERE s.id IN (SELECT u.pipeline_id FROM u) FOR KEY SHARE OF s SKIP LOCKED),"

#define SAME_STANDBY(a, b) a ".pipeline_id OPERATOR(pg_catalog.=) " b ".pipeline_id AND " a ".address OPERATOR(pg_catalog.=) " b ".address" \
	" AND " a ".port OPERATOR(pg_catalog.=) " b ".port"

static const char write_standbys_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, pipeline_id pg_catalog.uuid, address pg_catalog.text, port pg_catalog.int4, slot_timeline pg_catalog.int8,"
"  ready pg_catalog.bool, missing pg_catalog.text, fix_sql pg_catalog.text, gone pg_catalog.bool)),"
OWNERS
" l AS MATERIALIZED (SELECT b.pipeline_id, b.address, b.port FROM cdc.pipeline_standby b JOIN u ON " SAME_STANDBY("b", "u")
"  FOR UPDATE OF b SKIP LOCKED),"
" h AS MATERIALIZED (SELECT u.n, u.pipeline_id FROM u JOIN cdc.pipeline_spec s ON s.id OPERATOR(pg_catalog.=) u.pipeline_id WHERE NOT EXISTS (SELECT FROM p WHERE p.id OPERATOR(pg_catalog.=) u.pipeline_id)"
"  UNION SELECT u.n, u.pipeline_id FROM u JOIN cdc.pipeline_standby b ON " SAME_STANDBY("b", "u") " WHERE NOT EXISTS (SELECT FROM l WHERE " SAME_STANDBY("l", "u") ")),"
" d AS (DELETE FROM cdc.pipeline_standby b USING l JOIN u ON " SAME_STANDBY("u", "l") " WHERE u.gone AND " SAME_STANDBY("b", "l") "),"
" w AS (INSERT INTO cdc.pipeline_standby AS b (pipeline_id, address, port, slot_timeline, ready, missing, fix_sql)"
"  SELECT u.pipeline_id, u.address, u.port, u.slot_timeline, u.ready, u.missing, u.fix_sql"
"  FROM u JOIN p ON p.id OPERATOR(pg_catalog.=) u.pipeline_id WHERE NOT u.gone AND NOT EXISTS (SELECT FROM h WHERE h.pipeline_id OPERATOR(pg_catalog.=) u.pipeline_id)"
"  ON CONFLICT (pipeline_id, address, port) DO UPDATE SET slot_timeline = excluded.slot_timeline,"
"   ready = excluded.ready, missing = excluded.missing, fix_sql = excluded.fix_sql, updated_at = pg_catalog.now())"
" SELECT h.n FROM h";

#define SAME_SECRET(a, b) a ".pipeline_id OPERATOR(pg_catalog.=) " b ".pipeline_id AND " a ".purpose OPERATOR(pg_catalog.=) " b ".purpose"

static const char write_secrets_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, pipeline_id pg_catalog.uuid, purpose pg_catalog.text, key_id pg_catalog.text, ciphertext pg_catalog.text, generation pg_catalog.int4)),"
OWNERS
" l AS MATERIALIZED (SELECT x.pipeline_id, x.purpose FROM cdc.pipeline_secret x JOIN u ON " SAME_SECRET("x", "u") " FOR UPDATE OF x SKIP LOCKED),"
" h AS MATERIALIZED (SELECT u.n, u.pipeline_id FROM u JOIN cdc.pipeline_spec s ON s.id OPERATOR(pg_catalog.=) u.pipeline_id WHERE NOT EXISTS (SELECT FROM p WHERE p.id OPERATOR(pg_catalog.=) u.pipeline_id)"
"  UNION SELECT u.n, u.pipeline_id FROM u JOIN cdc.pipeline_secret x ON " SAME_SECRET("x", "u") " WHERE NOT EXISTS (SELECT FROM l WHERE " SAME_SECRET("l", "u") ")),"
" w AS (INSERT INTO cdc.pipeline_secret (pipeline_id, purpose, key_id, ciphertext, generation)"
"  SELECT u.pipeline_id, u.purpose, u.key_id, pg_catalog.decode(u.ciphertext, 'hex'), u.generation"
"  FROM u JOIN p ON p.id OPERATOR(pg_catalog.=) u.pipeline_id WHERE NOT EXISTS (SELECT FROM h WHERE h.pipeline_id OPERATOR(pg_catalog.=) u.pipeline_id)"
"  ON CONFLICT (pipeline_id, purpose) DO UPDATE SET key_id = excluded.key_id, ciphertext = excluded.ciphertext, generation = excluded.generation)"
" SELECT h.n FROM h";

static void
add_spec(struct json_object *rows, const void *owner, int number)
{
	const CdcPipeline *p = owner;
	struct json_object *row = cdc_row_add(rows, number);
	struct json_object *restarts = json_object_new_array();
	int			i;

	cdc_json_add_string(row, "id", p->id);
	cdc_json_add_string(row, "status", cdc_status_name(p->kept.absent ? CDC_DELETED : p->kept.status));
	cdc_json_add_string(row, "provision_step", cdc_step_name(p->kept.step));
	cdc_json_add_string(row, "error_message", p->kept.error_message);
	cdc_json_add_string(row, "connector_name", p->kept.has_connector_name ? p->connector_name : NULL);
	cdc_json_add_string(row, "publication_name", p->kept.has_publication_name ? p->object_name : NULL);
	cdc_json_add_string(row, "slot_name", p->kept.has_slot_name ? p->object_name : NULL);
	json_object_object_add(row, "was_running", json_object_new_boolean(p->kept.was_running));
	json_object_object_add(row, "snapshot_run", p->kept.snapshot_run ? json_object_new_int64(p->kept.snapshot_run) : NULL);
	json_object_object_add(row, "discarding", json_object_new_boolean(p->kept.discarding));
	json_object_object_add(row, "slot_absent_before", json_object_new_boolean(p->kept.slot_absent_before));
	json_object_object_add(row, "gap", p->kept.gap ? json_tokener_parse(p->kept.gap) : NULL);
	for (i = 0; i < p->kept.nfailures; i++)
		json_object_array_add(restarts, json_object_new_string(timestamptz_to_str(p->kept.failures[i])));
	json_object_object_add(row, "restarts", restarts);
	cdc_row_add_time(row, "mutated_at", p->kept.mutated_at);
	if (p->kept.streamed_timeline != 0)
	{
		struct json_object *streamed = json_object_new_object();

		cdc_row_add_uint(streamed, "system", p->kept.streamed_system);
		json_object_object_add(streamed, "timeline", json_object_new_int64(p->kept.streamed_timeline));
		cdc_timeline_add_switch(streamed, "from", p->kept.streamed_from);
		cdc_json_add_string(streamed, "node", p->kept.streamed_node);
		json_object_object_add(streamed, "usurped", json_object_new_boolean(p->kept.usurped));
		cdc_lsn_json(streamed, "rewritten_lsn", p->kept.rewritten_lsn);
		json_object_object_add(streamed, "started", json_object_new_int64(p->kept.streamed_started));
		cdc_lsn_json(streamed, "came_lsn", p->kept.came_lsn);
		json_object_object_add(row, "streamed", streamed);
	}
	json_object_object_add(row, "failover", p->kept.failover ? json_tokener_parse(p->kept.failover) : NULL);
	json_object_object_add(row, "role_generation", json_object_new_int(p->secret.role_generation));
	json_object_object_add(row, "offsets_clean", json_object_new_boolean(p->kept.offsets_clean));
	json_object_object_add(row, "adopted", json_object_new_int(p->kept.adopted));
	cdc_row_add_time(row, "pause_ended", p->kept.pause_ended);
	json_object_object_add(row, "restarted", json_object_new_int(p->kept.restarted));
	json_object_object_add(row, "identities", p->kept.identities ? json_tokener_parse(p->kept.identities) : NULL);
	json_object_object_add(row, "unlogged", p->kept.unlogged ? json_tokener_parse(p->kept.unlogged) : NULL);
	json_object_object_add(row, "relations", p->kept.relations ? json_tokener_parse(p->kept.relations) : NULL);
	json_object_object_add(row, "snapshot_rounds", json_object_new_int(p->kept.snapshot_rounds));
	cdc_row_add_time(row, "snapshot_round_at", p->kept.snapshot_round_at);
	json_object_object_add(row, "absent", json_object_new_boolean(p->kept.absent));
	json_object_object_add(row, "settled", json_object_new_boolean(p->kept.status == CDC_DELETED));
}

/* A pipeline whose end was written is forgotten. */
static void
spec_written(void *owner)
{
	CdcPipeline *p = owner;

	if (p->kept.status == CDC_DELETED)
		cdc_world_remove_pipeline(p);
}

const CdcRowWriter cdc_spec_writer = {
	.sql = write_spec_sql,
	.tables = CDC_TABLE(CDC_TABLE_SPEC) | CDC_TABLE(CDC_TABLE_SECRET),	/* a trigger takes the secrets of what has settled */
	.add = add_spec,
	.written = spec_written,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.pipeline_spec WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = cdc_key_of_pipeline
};

static void
add_secret(struct json_object *rows, const void *owner, int number)
{
	const CdcPipeline *p = owner;
	const char *purposes[2] = {"role_password", "role_verifier"};
	int			i;

	for (i = 0; i < 2; i++)
	{
		struct json_object *row = cdc_row_add(rows, number);
		int			length = (int) VARSIZE_ANY_EXHDR(p->secret.sealed[i]);
		char	   *digits = palloc(2 * length + 1);

		digits[hex_encode(VARDATA_ANY(p->secret.sealed[i]), length, digits)] = '\0';
		cdc_json_add_string(row, "pipeline_id", p->id);
		cdc_json_add_string(row, "purpose", purposes[i]);
		cdc_json_add_string(row, "key_id", p->secret.sealed_key[i]);
		cdc_json_add_string(row, "ciphertext", digits);
		json_object_object_add(row, "generation", json_object_new_int(p->secret.generation));
	}
}

const CdcRowWriter cdc_secret_writer = {
	.sql = write_secrets_sql,
	.tables = CDC_TABLE(CDC_TABLE_SPEC) | CDC_TABLE(CDC_TABLE_SECRET),
	.add = add_secret,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.pipeline_secret WHERE pipeline_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid"
	" UNION ALL SELECT tableoid, ctid FROM cdc.pipeline_spec WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = cdc_key_of_pipeline
};

static void
add_observed(struct json_object *rows, const void *owner, int number)
{
	const CdcPipeline *p = owner;
	struct json_object *row = cdc_row_add(rows, number);

	cdc_json_add_string(row, "id", p->id);
	cdc_json_add_string(row, "connector_state", p->learned.connector_state);
	json_object_object_add(row, "task_states", p->learned.task_states ? json_tokener_parse(p->learned.task_states) : NULL);
	json_object_object_add(row, "source_lag_bytes", p->learned.lag >= 0 ? json_object_new_int64(p->learned.lag) : NULL);
	cdc_lsn_json(row, "confirmed_flush_lsn", p->learned.flushed);
	cdc_lsn_json(row, "stored_offset_lsn", p->look.offsets.lsn);
	cdc_row_add_uint(row, "system_identifier", p->look.server.system_identifier);
	cdc_row_add_uint(row, "timeline", p->look.server.timeline);
	cdc_row_add_time(row, "checked_at", p->plan.checked ? p->plan.checked_at : 0);
}

static void
observed_written(void *owner)
{
	cdc_checked_written(owner);
}

const CdcRowWriter cdc_observed_writer = {
	.sql = write_observed_sql,
	.tables = CDC_TABLE(CDC_TABLE_OBSERVED),
	.add = add_observed,
	.written = observed_written,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.pipeline_observed WHERE pipeline_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = cdc_key_of_pipeline
};

static void
add_standbys(struct json_object *rows, const void *owner, int number)
{
	const CdcPipeline *p = owner;
	ListCell   *cell;

	foreach(cell, p->shadows)
	{
		CdcShadow  *shadow = lfirst(cell);
		struct json_object *row;

		if (!shadow->dirty)
			continue;
		row = cdc_row_add(rows, number);
		cdc_json_add_string(row, "pipeline_id", p->id);
		cdc_json_add_string(row, "address", shadow->address);
		json_object_object_add(row, "port", json_object_new_int(shadow->port));
		json_object_object_add(row, "slot_timeline", shadow->timeline ? json_object_new_int64(shadow->timeline) : NULL);
		json_object_object_add(row, "ready", json_object_new_boolean(shadow->ready));
		cdc_json_add_string(row, "missing", shadow->missing);
		cdc_json_add_string(row, "fix_sql", shadow->fix_sql);
		json_object_object_add(row, "gone", json_object_new_boolean(shadow->gone));
	}
}

static void
standbys_written(void *owner)
{
	cdc_shadows_written(owner);
}

const CdcRowWriter cdc_standbys_writer = {
	.sql = write_standbys_sql,
	.tables = CDC_TABLE(CDC_TABLE_SPEC) | CDC_TABLE(CDC_TABLE_STANDBY),
	.add = add_standbys,
	.written = standbys_written,
	.rows_sql = "SELECT tableoid, ctid FROM cdc.pipeline_standby WHERE pipeline_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid"
	" UNION ALL SELECT tableoid, ctid FROM cdc.pipeline_spec WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
	.key = cdc_key_of_pipeline
};
