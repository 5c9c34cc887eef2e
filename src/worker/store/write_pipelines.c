/*
 * write_pipelines.c
 *	  What happened to pipelines, into their rows; and events.
 *
 * See store_parts.h.  Set-based: one statement a table, rows as one JSON
 * parameter.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "common/json.h"
#include "common/lsn.h"
#include "worker/store/store_parts.h"
#include "worker/world/index.h"
#include "worker/world/shadow.h"
#include "worker/world/timeline.h"

/* A row that a user's transaction holds is tried again after this. */
#define LOCKED_MS 100

/*
 * Rows that a user's open transaction has locked (delete_pipeline before its
 * COMMIT) are skipped: the worker never waits for a user.  A delete that was
 * committed since we loaded the row keeps its status.
 */
static const char write_spec_sql[] =
"WITH u AS MATERIALIZED (SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  id pg_catalog.uuid, status pg_catalog.text, provision_step pg_catalog.text, error_message pg_catalog.text,"
"  connector_name pg_catalog.text, publication_name pg_catalog.text, slot_name pg_catalog.text,"
"  was_running pg_catalog.bool, snapshot_run pg_catalog.int8, discarding pg_catalog.bool, slot_absent_before pg_catalog.bool,"
"  gap pg_catalog.jsonb, restarts pg_catalog.timestamptz[], mutated_at pg_catalog.timestamptz,"
"  streamed pg_catalog.jsonb, failover pg_catalog.jsonb,"
"  role_generation pg_catalog.int4, offsets_clean pg_catalog.bool, adopted pg_catalog.int4, absent pg_catalog.bool, settled pg_catalog.bool)),"
" l AS MATERIALIZED (SELECT s.id FROM cdc.pipeline_spec s JOIN u ON s.id OPERATOR(pg_catalog.=) u.id"
"  FOR NO KEY UPDATE OF s SKIP LOCKED)"
" UPDATE cdc.pipeline_spec s SET"
"  status = CASE WHEN s.desired_state OPERATOR(pg_catalog.=) 'deleted'"
"    AND u.status OPERATOR(pg_catalog.<>) ALL (ARRAY['Deleting', 'Deleted']) THEN 'Deleting' ELSE u.status END,"
"  provision_step = u.provision_step, error_message = u.error_message,"
"  connector_name = coalesce(s.connector_name, u.connector_name),"
"  publication_name = coalesce(s.publication_name, u.publication_name),"
"  slot_name = coalesce(s.slot_name, u.slot_name),"
"  was_running = u.was_running, snapshot_run = u.snapshot_run, discarding = u.discarding, slot_absent_before = u.slot_absent_before,"
"  streamed = u.streamed, failover = u.failover,"
"  role_generation = u.role_generation, offsets_clean = u.offsets_clean, adopted = u.adopted, gap = u.gap, restarts = coalesce(u.restarts, '{}'), mutated_at = u.mutated_at,"
"  updated_at = pg_catalog.now(),"
"  deleted_at = CASE WHEN u.absent THEN coalesce(s.deleted_at, pg_catalog.now()) END,"
"  settled_at = CASE WHEN u.settled THEN pg_catalog.now() END"
" FROM u JOIN l ON u.id OPERATOR(pg_catalog.=) l.id WHERE s.id OPERATOR(pg_catalog.=) u.id"
" RETURNING s.id::pg_catalog.text";

static const char write_events_sql[] =
"INSERT INTO cdc.pipeline_event (pipeline_id, at, kind, rule, status_from, status_to, step, message, detail)"
" SELECT pipeline_id, at, kind, rule, status_from, status_to, step, message, detail"
" FROM ROWS FROM (pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS ("
"  pipeline_id pg_catalog.uuid, at pg_catalog.timestamptz, kind pg_catalog.text, rule pg_catalog.text,"
"  status_from pg_catalog.text, status_to pg_catalog.text, step pg_catalog.text, message pg_catalog.text,"
"  detail pg_catalog.jsonb)) WITH ORDINALITY"
"  AS r(pipeline_id, at, kind, rule, status_from, status_to, step, message, detail, n)"
" WHERE EXISTS (SELECT FROM cdc.pipeline_spec s WHERE s.id OPERATOR(pg_catalog.=) r.pipeline_id)"
" ORDER BY n";

static const char write_observed_sql[] =
"UPDATE cdc.pipeline_observed o SET connector_state = r.connector_state, task_states = r.task_states,"
"  source_lag_bytes = r.source_lag_bytes, confirmed_flush_lsn = r.confirmed_flush_lsn,"
"  stored_offset_lsn = coalesce(r.stored_offset_lsn, o.stored_offset_lsn),"
"  system_identifier = r.system_identifier, timeline = r.timeline,"
"  last_health_check_at = coalesce(r.checked_at, o.last_health_check_at)"
" FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  id pg_catalog.uuid, connector_state pg_catalog.text, task_states pg_catalog.jsonb,"
"  source_lag_bytes pg_catalog.int8, confirmed_flush_lsn pg_catalog.pg_lsn, stored_offset_lsn pg_catalog.pg_lsn,"
"  system_identifier pg_catalog.numeric, timeline pg_catalog.int8, checked_at pg_catalog.timestamptz)"
" WHERE o.pipeline_id OPERATOR(pg_catalog.=) r.id";

static const char write_standbys_sql[] =
"INSERT INTO cdc.pipeline_standby AS b (pipeline_id, address, port, slot_timeline, ready, missing, fix_sql)"
" SELECT r.pipeline_id, r.address, r.port, r.slot_timeline, r.ready, r.missing, r.fix_sql"
" FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  pipeline_id pg_catalog.uuid, address pg_catalog.text, port pg_catalog.int4, slot_timeline pg_catalog.int8,"
"  ready pg_catalog.bool, missing pg_catalog.text, fix_sql pg_catalog.text, gone pg_catalog.bool)"
" WHERE NOT r.gone AND EXISTS (SELECT FROM cdc.pipeline_spec s WHERE s.id OPERATOR(pg_catalog.=) r.pipeline_id)"
" ON CONFLICT (pipeline_id, address, port) DO UPDATE SET slot_timeline = excluded.slot_timeline,"
"  ready = excluded.ready, missing = excluded.missing, fix_sql = excluded.fix_sql, updated_at = pg_catalog.now()";

static const char drop_standbys_sql[] =
"DELETE FROM cdc.pipeline_standby b USING pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  pipeline_id pg_catalog.uuid, address pg_catalog.text, port pg_catalog.int4, gone pg_catalog.bool)"
" WHERE r.gone AND b.pipeline_id OPERATOR(pg_catalog.=) r.pipeline_id"
"  AND b.address OPERATOR(pg_catalog.=) r.address AND b.port OPERATOR(pg_catalog.=) r.port";

static const char write_secret_sql[] =
"INSERT INTO cdc.pipeline_secret (pipeline_id, purpose, key_id, ciphertext, generation) VALUES ($1::pg_catalog.uuid, $2, $3, $4, $5)"
" ON CONFLICT (pipeline_id, purpose) DO UPDATE SET key_id = excluded.key_id, ciphertext = excluded.ciphertext, generation = excluded.generation";

static struct json_object *
spec_row(CdcPipeline *p)
{
	struct json_object *row = json_object_new_object();
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
	json_object_object_add(row, "absent", json_object_new_boolean(p->kept.absent));
	json_object_object_add(row, "settled", json_object_new_boolean(p->kept.status == CDC_DELETED));
	return row;
}

static void
write_specs(CdcWorld *world)
{
	struct json_object *rows = cdc_rows();
	dlist_mutable_iter iter;
	uint64		i;

	cdc_dirty_each(CDC_ROW_SPEC, iter, world)
		json_object_array_add(rows, spec_row(cdc_dirty_owner(iter)));
	if (json_object_array_length(rows) > 0)
	{
		cdc_rows_write(write_spec_sql, SPI_OK_UPDATE_RETURNING, rows);
		for (i = 0; i < SPI_processed; i++)
		{
			char	   *id = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
			CdcPipeline *p = cdc_world_pipeline(world, id);

			if (p)
				p->kept.spec_written = true;
		}
	}
}

static void
write_secrets(CdcWorld *world)
{
	static Oid	types[5] = {TEXTOID, TEXTOID, TEXTOID, BYTEAOID, INT4OID};
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_SECRET, iter, world)
	{
		CdcPipeline *p = cdc_dirty_owner(iter);
		const char *purposes[2] = {"role_password", "role_verifier"};
		int			i;

		for (i = 0; i < 2; i++)
		{
			Datum		values[5];

			values[0] = CStringGetTextDatum(p->id);
			values[1] = CStringGetTextDatum(purposes[i]);
			values[2] = CStringGetTextDatum(p->secret.sealed_key[i]);
			values[3] = PointerGetDatum(p->secret.sealed[i]);
			values[4] = Int32GetDatum(p->secret.generation);
			cdc_statement_run(write_secret_sql, SPI_OK_INSERT, 5, types, values, NULL);
		}
	}
}

static void
write_observed(CdcWorld *world)
{
	struct json_object *rows = cdc_rows();
	TimestampTz now = GetCurrentTimestamp();
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_OBSERVED, iter, world)
	{
		CdcPipeline *p = cdc_dirty_owner(iter);
		struct json_object *row = json_object_new_object();

		cdc_json_add_string(row, "id", p->id);
		cdc_json_add_string(row, "connector_state", p->learned.connector_state);
		json_object_object_add(row, "task_states", p->learned.task_states ? json_tokener_parse(p->learned.task_states) : NULL);
		json_object_object_add(row, "source_lag_bytes", p->learned.lag >= 0 ? json_object_new_int64(p->learned.lag) : NULL);
		cdc_lsn_json(row, "confirmed_flush_lsn", p->learned.flushed);
		cdc_lsn_json(row, "stored_offset_lsn", p->look.offsets.lsn);
		cdc_row_add_uint(row, "system_identifier", p->look.server.system_identifier);
		cdc_row_add_uint(row, "timeline", p->look.server.timeline);
		cdc_row_add_time(row, "checked_at", p->plan.checked ? now : 0);
		json_object_array_add(rows, row);
	}
	cdc_rows_write(write_observed_sql, SPI_OK_UPDATE, rows);
}

/* Standbys of pipelines of which something has changed. */
static void
write_standbys(CdcWorld *world)
{
	struct json_object *rows = cdc_rows();
	bool		gone = false;
	dlist_mutable_iter iter;
	ListCell   *cell;

	cdc_dirty_each(CDC_ROW_STANDBYS, iter, world)
	{
		CdcPipeline *p = cdc_dirty_owner(iter);

		foreach(cell, p->shadows)
		{
			CdcShadow  *shadow = lfirst(cell);
			struct json_object *row;

			if (!shadow->dirty)
				continue;
			row = json_object_new_object();
			cdc_json_add_string(row, "pipeline_id", p->id);
			cdc_json_add_string(row, "address", shadow->address);
			json_object_object_add(row, "port", json_object_new_int(shadow->port));
			json_object_object_add(row, "slot_timeline", shadow->timeline ? json_object_new_int64(shadow->timeline) : NULL);
			json_object_object_add(row, "ready", json_object_new_boolean(shadow->ready));
			cdc_json_add_string(row, "missing", shadow->missing);
			cdc_json_add_string(row, "fix_sql", shadow->fix_sql);
			json_object_object_add(row, "gone", json_object_new_boolean(shadow->gone));
			json_object_array_add(rows, row);
			gone = gone || shadow->gone;
		}
	}
	cdc_rows_write(write_standbys_sql, SPI_OK_INSERT, rows);
	if (gone)
		cdc_rows_write(drop_standbys_sql, SPI_OK_DELETE, rows);
}

void
cdc_store_write_pipelines(CdcWorld *world)
{
	write_specs(world);
	write_secrets(world);
	write_observed(world);
	write_standbys(world);
}

void
cdc_store_write_events(CdcWorld *world)
{
	if (world->events)
		cdc_rows_write(write_events_sql, SPI_OK_INSERT, world->events);
}

/* A pipeline whose end was written is forgotten. */
static void
specs_written(CdcWorld *world)
{
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_SPEC, iter, world)
	{
		CdcPipeline *p = cdc_dirty_owner(iter);

		if (p->kept.spec_written)
			cdc_written(world, &p->dirty[CDC_ROW_SPEC]);
		else
			cdc_not_written(world, &p->dirty[CDC_ROW_SPEC], cdc_loop_now() + LOCKED_MS);
		if (p->kept.spec_written && p->kept.status == CDC_DELETED)
			cdc_world_remove_pipeline(p);
		else
			p->kept.spec_written = false;
	}
}

void
cdc_store_pipelines_written(CdcWorld *world)
{
	dlist_mutable_iter iter;

	if (world->events)
	{
		json_object_put(world->events);
		world->events = NULL;
	}
	cdc_dirty_each(CDC_ROW_OBSERVED, iter, world)
		((CdcPipeline *) cdc_dirty_owner(iter))->plan.checked = false;
	cdc_dirty_each(CDC_ROW_STANDBYS, iter, world)
		cdc_shadows_written(cdc_dirty_owner(iter));
	cdc_written_all(world, CDC_ROW_OBSERVED);
	cdc_written_all(world, CDC_ROW_STANDBYS);
	cdc_written_all(world, CDC_ROW_SECRET);
	specs_written(world);
}

bool
cdc_store_pipelines_ending(CdcWorld *world)
{
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_SPEC, iter, world)
	{
		const CdcPipeline *p = cdc_dirty_owner(iter);

		if (p->kept.absent || p->kept.status == CDC_DELETED)
			return true;
	}
	return false;
}
