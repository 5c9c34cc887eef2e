/*
 * store.c
 *	  The worker's transactions: write what happened, read what is wanted.
 *
 * The only file of the worker with SPI.  Set-based: one statement a table,
 * rows as one JSON parameter.  Does no network I/O and decides nothing.  The
 * loading of rows into the world is in store/load.c.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "common/json.h"
#include "common/lsn.h"
#include "common/pg_json.h"
#include "common/text.h"
#include "extension/settings.h"
#include "worker/world/timeline.h"
#include "worker/world/findings.h"
#include "worker/store/statement.h"
#include "worker/store/store.h"
#include "worker/store/load.h"

/* A row that a user's transaction holds is tried again after this. */
#define LOCKED_MS 100

#ifndef CDC_VERSION
#error "the Makefile defines CDC_VERSION from cdc_pipeline.control"
#endif

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
"  role_generation pg_catalog.int4, offsets_clean pg_catalog.bool, absent pg_catalog.bool, settled pg_catalog.bool)),"
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
"  role_generation = u.role_generation, offsets_clean = u.offsets_clean, gap = u.gap, restarts = coalesce(u.restarts, '{}'), mutated_at = u.mutated_at,"
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
"  connect_claimed = coalesce(r.connect_claimed, '{}'), network_ranges = coalesce(r.network_ranges, '{}'), secret_path = coalesce(s.secret_path, r.secret_path), updated_at = pg_catalog.now()"
" FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  id pg_catalog.uuid, status pg_catalog.text, status_message pg_catalog.text, addon_status pg_catalog.jsonb,"
"  system_identifier pg_catalog.numeric, connect_claimed pg_catalog.text[], network_ranges pg_catalog.text[], secret_path pg_catalog.text)"
" WHERE s.id OPERATOR(pg_catalog.=) r.id";

static const char write_secret_sql[] =
"INSERT INTO cdc.pipeline_secret (pipeline_id, purpose, key_id, ciphertext, generation) VALUES ($1::pg_catalog.uuid, $2, $3, $4, $5)"
" ON CONFLICT (pipeline_id, purpose) DO UPDATE SET key_id = excluded.key_id, ciphertext = excluded.ciphertext, generation = excluded.generation";

static void
put_rows(void *arg)
{
	json_object_put(arg);
}

struct json_object *
cdc_store_rows(void)
{
	MemoryContextCallback *callback = MemoryContextAlloc(TopTransactionContext, sizeof(MemoryContextCallback));

	callback->func = put_rows;
	callback->arg = json_object_new_array();
	MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	return callback->arg;
}

void
cdc_store_write_rows(const char *sql, int expected, struct json_object *rows)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1];

	values[0] = CStringGetTextDatum(json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN));
	/* all is valid where it came in; a turn that fails would fail for everybody */
	cdc_text_clean(VARDATA_ANY(DatumGetPointer(values[0])), VARSIZE_ANY_EXHDR(DatumGetPointer(values[0])));
	cdc_statement_run(sql, expected, 1, types, values, NULL);
}

static void
add_uint(struct json_object *row, const char *key, uint64 value)
{
	char		words[32];

	snprintf(words, sizeof(words), UINT64_FORMAT, value);
	cdc_json_add_string(row, key, value ? words : NULL);
}

static struct json_object *
spec_row(CdcPipeline *p)
{
	struct json_object *row = json_object_new_object();
	struct json_object *restarts = json_object_new_array();
	int			i;

	cdc_json_add_string(row, "id", p->id);
	cdc_json_add_string(row, "status", cdc_status_name(p->absent ? CDC_DELETED : p->status));
	cdc_json_add_string(row, "provision_step", cdc_step_name(p->step));
	cdc_json_add_string(row, "error_message", p->error_message);
	cdc_json_add_string(row, "connector_name", p->has_connector_name ? p->connector_name : NULL);
	cdc_json_add_string(row, "publication_name", p->has_publication_name ? p->object_name : NULL);
	cdc_json_add_string(row, "slot_name", p->has_slot_name ? p->object_name : NULL);
	json_object_object_add(row, "was_running", json_object_new_boolean(p->was_running));
	json_object_object_add(row, "snapshot_run", p->snapshot_run ? json_object_new_int64(p->snapshot_run) : NULL);
	json_object_object_add(row, "discarding", json_object_new_boolean(p->discarding));
	json_object_object_add(row, "slot_absent_before", json_object_new_boolean(p->slot_absent_before));
	json_object_object_add(row, "gap", p->gap ? json_tokener_parse(p->gap) : NULL);
	for (i = 0; i < p->nfailures; i++)
		json_object_array_add(restarts, json_object_new_string(timestamptz_to_str(p->failures[i])));
	json_object_object_add(row, "restarts", restarts);
	cdc_store_add_time(row, "mutated_at", p->mutated_at);
	if (p->streamed_timeline != 0)
	{
		struct json_object *streamed = json_object_new_object();

		add_uint(streamed, "system", p->streamed_system);
		json_object_object_add(streamed, "timeline", json_object_new_int64(p->streamed_timeline));
		cdc_timeline_add_switch(streamed, "from", p->streamed_from);
		cdc_json_add_string(streamed, "node", p->streamed_node);
		json_object_object_add(streamed, "usurped", json_object_new_boolean(p->usurped));
		cdc_lsn_json(streamed, "rewritten_lsn", p->rewritten_lsn);
		json_object_object_add(streamed, "started", json_object_new_int64(p->streamed_started));
		cdc_lsn_json(streamed, "came_lsn", p->came_lsn);
		json_object_object_add(row, "streamed", streamed);
	}
	json_object_object_add(row, "failover", p->failover ? json_tokener_parse(p->failover) : NULL);
	json_object_object_add(row, "role_generation", json_object_new_int(p->role_generation));
	json_object_object_add(row, "offsets_clean", json_object_new_boolean(p->offsets_clean));
	json_object_object_add(row, "absent", json_object_new_boolean(p->absent));
	json_object_object_add(row, "settled", json_object_new_boolean(p->status == CDC_DELETED));
	return row;
}

static void
write_specs(CdcWorld *world)
{
	struct json_object *rows = cdc_store_rows();
	ListCell   *cell;
	uint64		i;

	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if (p->spec_dirty)
			json_object_array_add(rows, spec_row(p));
	}
	if (json_object_array_length(rows) > 0)
	{
		cdc_store_write_rows(write_spec_sql, SPI_OK_UPDATE_RETURNING, rows);
		for (i = 0; i < SPI_processed; i++)
		{
			char	   *id = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
			CdcPipeline *p = cdc_world_pipeline(world, id);

			if (p)
				p->spec_written = true;
		}
	}
}

static void
write_secrets(CdcWorld *world)
{
	static Oid	types[5] = {TEXTOID, TEXTOID, TEXTOID, BYTEAOID, INT4OID};
	ListCell   *cell;

	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);
		const char *purposes[2] = {"role_password", "role_verifier"};
		int			i;

		if (!p->secret_dirty)
			continue;
		for (i = 0; i < 2; i++)
		{
			Datum		values[5];

			values[0] = CStringGetTextDatum(p->id);
			values[1] = CStringGetTextDatum(purposes[i]);
			values[2] = CStringGetTextDatum(p->sealed_key[i]);
			values[3] = PointerGetDatum(p->sealed[i]);
			values[4] = Int32GetDatum(p->generation);
			cdc_statement_run(write_secret_sql, SPI_OK_INSERT, 5, types, values, NULL);
		}
	}
}

static void
write_observed(CdcWorld *world)
{
	struct json_object *rows = cdc_store_rows();
	TimestampTz now = GetCurrentTimestamp();
	ListCell   *cell;

	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);
		struct json_object *row;

		if (!p->observed_dirty)
			continue;
		row = json_object_new_object();
		cdc_json_add_string(row, "id", p->id);
		cdc_json_add_string(row, "connector_state", p->connector_state);
		json_object_object_add(row, "task_states", p->task_states ? json_tokener_parse(p->task_states) : NULL);
		json_object_object_add(row, "source_lag_bytes", p->lag >= 0 ? json_object_new_int64(p->lag) : NULL);
		cdc_lsn_json(row, "confirmed_flush_lsn", p->flushed);
		cdc_lsn_json(row, "stored_offset_lsn", p->offsets.lsn);
		add_uint(row, "system_identifier", p->server.system_identifier);
		add_uint(row, "timeline", p->server.timeline);
		cdc_store_add_time(row, "checked_at", p->checked ? now : 0);
		json_object_array_add(rows, row);
	}
	if (json_object_array_length(rows) > 0)
		cdc_store_write_rows(write_observed_sql, SPI_OK_UPDATE, rows);
}

/* Standbys of pipelines of which something has changed. */
static void
write_standbys(CdcWorld *world)
{
	struct json_object *rows = cdc_store_rows();
	bool		gone = false;
	ListCell   *cell;
	ListCell   *inner;

	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		foreach(inner, p->shadows)
		{
			CdcShadow  *shadow = lfirst(inner);
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
	if (json_object_array_length(rows) > 0)
		cdc_store_write_rows(write_standbys_sql, SPI_OK_INSERT, rows);
	if (gone)
		cdc_store_write_rows(drop_standbys_sql, SPI_OK_DELETE, rows);
}

static void
write_services(CdcWorld *world)
{
	struct json_object *rows = cdc_store_rows();
	struct json_object *nodes = cdc_store_rows();
	ListCell   *cell;
	int			i;

	foreach(cell, world->services)
	{
		CdcService *s = lfirst(cell);

		if (s->dirty)
		{
			struct json_object *row = json_object_new_object();
			struct json_object *ranges = json_object_new_array();
			struct json_object *claimed = json_object_new_array();
			ListCell   *inner;

			cdc_json_add_string(row, "id", s->id);
			cdc_json_add_string(row, "status", s->status);
			cdc_json_add_string(row, "status_message", s->status_message);
			add_uint(row, "system_identifier", s->system_identifier);
			foreach(inner, s->claimed)
				json_object_array_add(claimed, json_object_new_string(lfirst(inner)));
			json_object_object_add(row, "connect_claimed", claimed);
			if (s->has_addon)
			{
				struct json_object *addon = json_object_new_object();

				cdc_json_add_string(addon, "kafka-connect", s->addon_status ? s->addon_status : "pending");
				json_object_object_add(row, "addon_status", addon);
			}
			for (i = 0; i < s->nranges; i++)
				json_object_array_add(ranges, json_object_new_string(s->ranges[i]));
			json_object_object_add(row, "network_ranges", ranges);
			cdc_json_add_string(row, "secret_path", s->secret_path_new ? s->secret_path : NULL);
			json_object_array_add(rows, row);
		}
		for (i = 0; i < s->nnodes; i++)
		{
			CdcNode    *n = &s->nodes[i];
			struct json_object *row;

			if (!n->dirty)
				continue;
			row = json_object_new_object();
			cdc_json_add_string(row, "service_id", s->id);
			cdc_json_add_string(row, "address", n->address);
			json_object_object_add(row, "port", json_object_new_int(n->port));
			cdc_json_add_string(row, "observed_role", !n->reachable ? NULL : n->in_recovery ? "standby" : "primary");
			add_uint(row, "system_identifier", n->system_identifier);
			add_uint(row, "timeline", n->timeline);
			cdc_json_add_string(row, "hba_loaded", n->hba_loaded);
			cdc_store_add_time(row, "last_seen_at", n->last_seen);
			cdc_json_add_string(row, "error_message", n->error);
			json_object_array_add(nodes, row);
		}
	}
	if (json_object_array_length(rows) > 0)
		cdc_store_write_rows(write_services_sql, SPI_OK_UPDATE, rows);
	if (json_object_array_length(nodes) > 0)
		cdc_store_write_rows(write_nodes_sql, SPI_OK_UPDATE, nodes);
}

/*
 * DROP EXTENSION locks the extension before any of its tables.  What locks
 * several of these in another order would be the end of one of the two.
 */
static void
lock_extension(void)
{
	Oid			extension = get_extension_oid("cdc_pipeline", true);

	if (OidIsValid(extension))
		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
}

/*
 * May this server act?  Sets world->acting, epoch and idle_reason.  False
 * when there is nothing to read at all.
 */
static bool
interlock(CdcWorld *world)
{
	const char *reason = NULL;
	bool		readable = false;
	uint64		system_identifier = GetSystemIdentifier();
	char	   *version = NULL;

	cdc_statement_run("SELECT extversion FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'cdc_pipeline'",
					  SPI_OK_SELECT, 0, NULL, NULL, NULL);
	if (SPI_processed > 0)
		version = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

	if (version == NULL)
		reason = "extension cdc_pipeline is not created in this database";
	else if (strcmp(version, CDC_VERSION) != 0)
		reason = psprintf("the library is version %s, the extension %s: run ALTER EXTENSION cdc_pipeline UPDATE",
						  CDC_VERSION, version);
	else if (!cdc_enabled)
		reason = "cdc_pipeline.enabled is off";
	else
	{
		cdc_statement_run("SELECT system_identifier::pg_catalog.text, epoch_base, epoch,"
				" ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8))::pg_catalog.bit(32)::pg_catalog.int8,"
						  " installation_id::pg_catalog.text FROM cdc.control_plane", SPI_OK_SELECT, 0, NULL, NULL, NULL);
		if (SPI_processed == 0)
			reason = "no organization exists yet";
		else
		{
			HeapTuple	tuple = SPI_tuptable->vals[0];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			bool		isnull;
			int64		base = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
			int64		epoch = DatumGetInt64(SPI_getbinval(tuple, desc, 3, &isnull));
			int64		timeline = DatumGetInt64(SPI_getbinval(tuple, desc, 4, &isnull));
			char	   *owner = SPI_getvalue(tuple, desc, 1);
			char		mine[32];

			cdc_set_string(world->context, &world->installation, SPI_getvalue(tuple, desc, 5));
			snprintf(mine, sizeof(mine), UINT64_FORMAT, system_identifier);
			readable = true;
			if (strcmp(owner, mine) != 0)
				reason = psprintf("this is a copy of the metadata of server %s (this server is %s): it only reads until SELECT cdc.take_over()",
								  owner, mine);
			else if (world->fenced_by > (uint64) (base + timeline))
				reason = psprintf("another control plane with epoch " UINT64_FORMAT " acts on these pipelines (ours is " INT64_FORMAT "): it only reads until SELECT cdc.take_over()",
								  world->fenced_by, base + timeline);
			else
			{
				world->epoch = base + timeline;
				if (epoch != world->epoch)
				{
					Oid			types[1] = {INT8OID};
					Datum		values[1] = {Int64GetDatum(world->epoch)};

					cdc_statement_run("UPDATE cdc.control_plane SET epoch = $1, updated_at = pg_catalog.now()",
									  SPI_OK_UPDATE, 1, types, values, NULL);
				}
			}
		}
	}

	world->acting = (reason == NULL);
	if (!cdc_same(world->idle_reason, reason))
	{
		cdc_set_string(world->context, &world->idle_reason, reason);
		if (reason)
			ereport(LOG, (errmsg("cdc_pipeline reconciler is idle: %s", reason)));
		else
			ereport(LOG, (errmsg("cdc_pipeline reconciler acts with epoch " INT64_FORMAT, world->epoch)));
	}
	return readable;
}

/* After the commit: what was written is clean. */
static void
forget_written(CdcWorld *world, struct json_object *events, bool findings)
{
	ListCell   *cell;
	ListCell   *inner;
	int			i;

	if (events)
	{
		json_object_put(world->events);
		world->events = NULL;
	}
	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if (p->spec_written)
			p->spec_dirty = false;
		else if (p->spec_dirty)
			p->locked_until = cdc_loop_now() + LOCKED_MS;
		p->spec_written = false;
		p->secret_dirty = false;
		p->observed_dirty = false;
		p->checked = false;
		foreach(inner, p->shadows)
			((CdcShadow *) lfirst(inner))->dirty = false;
	}
	cdc_store_forget_written_pairs(world);
	if (findings)
		cdc_findings_written(world);
	else
		world->findings_locked_until = cdc_loop_now() + LOCKED_MS;
	foreach(cell, world->services)
	{
		CdcService *s = lfirst(cell);

		s->dirty = s->provided_dirty = s->secret_path_new = false;
		for (i = 0; i < s->nnodes; i++)
			s->nodes[i].dirty = false;
	}
}

static void
forget_gone(CdcWorld *world)
{
	ListCell   *cell;

restart:
	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if (p->status == CDC_DELETED && !p->spec_dirty)
		{
			cdc_world_remove_pipeline(p);
			goto restart;
		}
	}
}

bool
cdc_store_turn(CdcWorld *world)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool ok = true;
	volatile bool readable = false;
	volatile bool findings = true;
	CdcLoaded  *loaded = palloc0(sizeof(CdcLoaded));

	pgstat_report_activity(STATE_RUNNING, "cdc_pipeline turn");
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PG_TRY();
	{
		lock_extension();
		SPI_connect();
		PushActiveSnapshot(GetTransactionSnapshot());
		readable = interlock(world);
		if (readable && world->acting)
		{
			struct json_object *events = world->events;
			bool		ending = false;
			ListCell   *cell;

			foreach(cell, world->pipelines)
				ending = ending || ((CdcPipeline *) lfirst(cell))->status == CDC_DELETED ||
					(((CdcPipeline *) lfirst(cell))->absent && ((CdcPipeline *) lfirst(cell))->spec_dirty);
			foreach(cell, world->services)
				ending = ending || ((CdcService *) lfirst(cell))->provider_gone;
			write_specs(world);
			write_secrets(world);
			write_observed(world);
			write_standbys(world);
			write_services(world);
			cdc_store_write_provided(world);
			cdc_store_write_pairs(world);
			findings = cdc_store_write_findings(world);
			if (events)
				cdc_store_write_rows(write_events_sql, SPI_OK_INSERT, events);
			CommandCounterIncrement();
			UpdateActiveSnapshotCommandId();
			cdc_store_read_work(world, loaded);
			if (ending || loaded->nservices > 0 || loaded->all)
			{
				cdc_store_end_services(world);
				cdc_store_note_ended(world, loaded);
				cdc_store_forget_findings();
			}
		}
		PopActiveSnapshot();
		SPI_finish();
		CommitTransactionCommand();
		MemoryContextSwitchTo(caller);
		if (readable && world->acting)
		{
			forget_written(world, world->events, findings);
			forget_gone(world);
			cdc_store_apply(world, loaded);
		}
		else if (!readable)
			cdc_world_clear(world);
		if (!world->acting)
			world->loaded = false;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
		ereport(LOG,
				(errcode(edata->sqlerrcode),
				 errmsg("cdc_pipeline reconciler: a turn on the metadata failed: %s", edata->message),
				 edata->detail ? errdetail_internal("%s", edata->detail) : 0));
		if (edata->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
			proc_exit(1);
		FreeErrorData(edata);
		ok = false;
	}
	PG_END_TRY();
	cdc_store_loaded_free(loaded);
	pfree(loaded);
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return ok;
}

static void
expire_events(void)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(cdc_event_retention)};

	cdc_statement_run("DELETE FROM cdc.pipeline_event WHERE at OPERATOR(pg_catalog.<) pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1)",
					  SPI_OK_DELETE, 1, types, values, NULL);
	cdc_statement_run("DELETE FROM cdc.service_event WHERE at OPERATOR(pg_catalog.<) pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1)",
					  SPI_OK_DELETE, 1, types, values, NULL);
	cdc_statement_run("DELETE FROM cdc.organization_event WHERE at OPERATOR(pg_catalog.<) pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1)",
					  SPI_OK_DELETE, 1, types, values, NULL);
}

static void
tend_members(void)
{
	cdc_statement_run("SELECT cdc.tend_members()", SPI_OK_SELECT, 0, NULL, NULL, NULL);
}

/* Housekeeping in a short transaction of its own; a fault is logged. */
static void
keep_house(void (*chore) (void))
{
	MemoryContext caller = CurrentMemoryContext;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PG_TRY();
	{
		lock_extension();
		SPI_connect();
		PushActiveSnapshot(GetTransactionSnapshot());
		chore();
		PopActiveSnapshot();
		SPI_finish();
		CommitTransactionCommand();
		MemoryContextSwitchTo(caller);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
	}
	PG_END_TRY();
	pgstat_report_stat(true);
}

void
cdc_store_expire_events(void)
{
	keep_house(expire_events);
}

void
cdc_store_tend_members(void)
{
	keep_house(tend_members);
}
