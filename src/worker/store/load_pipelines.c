/*
 * load_pipelines.c
 *	  Pipelines, from their rows into the world.
 *
 * See store_parts.h.  One that is known already is given what users want of it;
 * the rest of its row is what the worker wrote there itself.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "common/json.h"
#include "common/lsn.h"
#include "worker/store/store_parts.h"
#include "worker/world/checked.h"
#include "worker/world/findings.h"
#include "worker/world/index.h"
#include "worker/world/kept.h"
#include "worker/world/plan.h"
#include "worker/world/shadow.h"
#include "worker/world/timeline.h"
#include "worker/world/wanted.h"

#define PIPELINES_SQL \
"SELECT pg_catalog.json_build_object('spec', pg_catalog.to_jsonb(s), 'observed', pg_catalog.to_jsonb(o)," \
"  'standbys', (SELECT pg_catalog.json_agg(pg_catalog.to_jsonb(b)) FROM cdc.pipeline_standby b" \
"    WHERE b.pipeline_id OPERATOR(pg_catalog.=) s.id)," \
"  'findings', (SELECT pg_catalog.json_agg(pg_catalog.to_jsonb(f)) FROM cdc.finding f" \
"    WHERE coalesce(f.pipeline_id, f.service_id) OPERATOR(pg_catalog.=) s.id)," \
"  'generation', (SELECT pg_catalog.min(x.generation) FROM cdc.pipeline_secret x WHERE x.pipeline_id OPERATOR(pg_catalog.=) s.id)," \
"  'secrets', " CDC_SECRETS_OF("cdc.pipeline_secret", "pipeline_id") ")::pg_catalog.text, s.id::pg_catalog.text" \
" FROM cdc.pipeline_spec s LEFT JOIN cdc.pipeline_observed o ON o.pipeline_id OPERATOR(pg_catalog.=) s.id" \
" WHERE s.settled_at IS NULL AND "

static const char pipelines_by_id_sql[] = PIPELINES_SQL "s.id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.uuid[]) ORDER BY s.created_at, s.id";

static const char pipelines_page_sql[] = PIPELINES_SQL "s.id OPERATOR(pg_catalog.>) $1::pg_catalog.uuid ORDER BY s.id LIMIT " CDC_PAGE_SQL;

char	  **
cdc_store_read_pipelines(const char *ids, char *after, int *n)
{
	return ids ? cdc_rows_by(pipelines_by_id_sql, ids, NULL, n) : cdc_rows_by(pipelines_page_sql, after, after, n);
}

static CdcStatus
status_of(const char *name)
{
	int			i;

	for (i = 0; i < CDC_NUM_STATUSES; i++)
	{
		if (strcmp(cdc_status_name((CdcStatus) i), name) == 0)
			return (CdcStatus) i;
	}
	return CDC_PENDING;
}

static CdcStep
step_of(const char *name)
{
	int			i;

	for (i = CDC_STEP_ENSURE_NETWORK; name && i <= CDC_STEP_CREATE_CONNECTOR; i++)
	{
		if (strcmp(cdc_step_name((CdcStep) i), name) == 0)
			return (CdcStep) i;
	}
	return CDC_STEP_NONE;
}

static void
load_new_pipeline(CdcPipeline *p, struct json_object *row, struct json_object *spec)
{
	MemoryContext old = MemoryContextSwitchTo(p->context);
	struct json_object *array;
	struct json_object *observed = cdc_row_object(row, "observed");
	struct json_object *streamed;
	CdcPipelineKept kept;
	CdcPipelineSecret secret;
	int			i;
	int			n;

	memset(&kept, 0, sizeof(kept));
	memset(&secret, 0, sizeof(secret));
	p->wanted.name = cdc_row_copy(p->context, cdc_row_text(spec, "name"));
	p->wanted.database = cdc_row_copy(p->context, cdc_row_text(spec, "database_name"));
	p->wanted.topic_prefix = cdc_row_copy(p->context, cdc_row_text(spec, "topic_prefix"));
	p->wanted.snapshot_mode = cdc_row_copy(p->context, cdc_row_text(spec, "snapshot_mode"));
	array = cdc_row_array(spec, "tables", &p->wanted.ntables);
	p->wanted.tables = palloc0(sizeof(char *) * Max(p->wanted.ntables, 1));
	for (i = 0; i < p->wanted.ntables; i++)
		p->wanted.tables[i] = pstrdup(json_object_get_string(json_object_array_get_idx(array, i)));

	kept.status = status_of(cdc_row_text(spec, "status"));
	kept.step = step_of(cdc_row_text(spec, "provision_step"));
	kept.error_message = cdc_row_copy(p->context, cdc_row_text(spec, "error_message"));
	kept.has_connector_name = cdc_row_text(spec, "connector_name") != NULL;
	kept.has_publication_name = cdc_row_text(spec, "publication_name") != NULL;
	kept.has_slot_name = cdc_row_text(spec, "slot_name") != NULL;
	kept.was_running = cdc_row_bool(spec, "was_running", false);
	kept.snapshot_run = cdc_json_int64(spec, "snapshot_run", 0);
	kept.discarding = cdc_row_bool(spec, "discarding", false);
	p->wanted.config_generation = cdc_row_int(spec, "generation", 1);
	kept.slot_absent_before = cdc_row_bool(spec, "slot_absent_before", false);
	kept.offsets_clean = cdc_row_bool(spec, "offsets_clean", true);
	kept.absent = cdc_row_text(spec, "deleted_at") != NULL;
	if (kept.status == CDC_DELETED)
		kept.status = CDC_DELETING; /* to the rules it is, until it has settled */
	kept.snapshot_rounds = cdc_row_int(spec, "snapshot_rounds", 0);
	kept.snapshot_round_at = cdc_row_time(cdc_row_text(spec, "snapshot_round_at"));
	kept.pause_ended = cdc_row_time(cdc_row_text(spec, "pause_ended"));
	kept.restarted = cdc_row_int(spec, "restarted", 0);
	kept.adopted = cdc_row_int(spec, "adopted", 0);
	kept.identities = cdc_row_copy(p->context, cdc_row_text(spec, "identities"));
	kept.unlogged = cdc_row_copy(p->context, cdc_row_text(spec, "unlogged"));
	kept.relations = cdc_row_copy(p->context, cdc_row_text(spec, "relations"));
	kept.gap = cdc_row_copy(p->context, cdc_row_text(spec, "gap"));
	kept.failover = cdc_row_copy(p->context, cdc_row_text(spec, "failover"));
	streamed = cdc_row_object(spec, "streamed");
	if (streamed)
	{
		kept.streamed_system = cdc_row_uint(streamed, "system");
		kept.streamed_timeline = (uint32) cdc_row_int(streamed, "timeline", 0);
		kept.streamed_from = cdc_timeline_switch(streamed, "from");
		kept.streamed_node = cdc_row_copy(p->context, cdc_row_text(streamed, "node"));
		kept.usurped = cdc_row_bool(streamed, "usurped", false);
		kept.rewritten_lsn = cdc_lsn_parse(cdc_row_text(streamed, "rewritten_lsn"));
		kept.streamed_started = cdc_json_int64(streamed, "started", 0);
		kept.came_lsn = cdc_lsn_parse(cdc_row_text(streamed, "came_lsn"));
	}
	array = cdc_row_array(row, "standbys", &n);
	for (i = 0; i < n; i++)
	{
		struct json_object *standby = json_object_array_get_idx(array, i);
		CdcShadow  *shadow = cdc_shadow_of(p, cdc_row_text(standby, "address"), cdc_row_int(standby, "port", 0));

		cdc_shadow_fill(p, shadow, (uint32) cdc_row_int(standby, "slot_timeline", 0), cdc_row_bool(standby, "ready", false),
						cdc_row_text(standby, "missing"), cdc_row_text(standby, "fix_sql"));
	}
	kept.mutated_at = cdc_row_time(cdc_row_text(spec, "mutated_at"));
	array = cdc_row_array(spec, "restarts", &n);
	for (i = 0; i < n && kept.nfailures < (int) lengthof(kept.failures); i++)
		kept.failures[kept.nfailures++] = cdc_row_time(json_object_get_string(json_object_array_get_idx(array, i)));

	secret.password = cdc_store_secret(p->context, row, p->id, "role_password", &secret.secret_error);
	secret.generation = cdc_row_int(row, "generation", 0);
	secret.role_generation = cdc_row_int(spec, "role_generation", 0);
	secret.verifier = cdc_store_secret(old, row, p->id, "role_verifier", &secret.secret_error);
	cdc_kept_fill(p, &kept, &secret);
	if (observed)
	{
		uint64		flushed = cdc_lsn_parse(cdc_row_text(observed, "confirmed_flush_lsn"));
		int64		lag = cdc_json_int64(observed, "source_lag_bytes", -1);

		cdc_checked_fill(p, lag, flushed, cdc_lsn_parse(cdc_row_text(observed, "stored_offset_lsn")), cdc_row_uint(observed, "system_identifier"),
						 (uint32) cdc_json_int64(observed, "timeline", 0), cdc_row_time(cdc_row_text(observed, "last_health_check_at")));
		cdc_kept_fill_observed(p, cdc_row_text(observed, "connector_state"), cdc_row_text(observed, "task_states"), flushed, lag);
	}
	MemoryContextSwitchTo(old);
}

void
cdc_store_load_pipeline(CdcWorld *world, const char *words)
{
	struct json_object *row = json_tokener_parse(words);
	struct json_object *spec;
	struct json_object *options;
	CdcPipeline *p;
	int			n;

	if (row == NULL)
		return;
	spec = cdc_row_object(row, "spec");
	p = cdc_world_pipeline(world, cdc_row_text(spec, "id"));
	if (p && !cdc_same(p->wanted.database, cdc_row_text(spec, "database_name")))
	{
		/* cdc.set_pipeline_database(): nothing was made in the former one */
		cdc_world_remove_pipeline(p);
		p = NULL;
	}
	if (p == NULL)
	{
		p = cdc_world_add_pipeline(world, cdc_row_text(spec, "id"), cdc_row_text(spec, "organization_id"),
								   cdc_row_text(spec, "source_service_id"), cdc_row_text(spec, "sink_service_id"));
		load_new_pipeline(p, row, spec);
	}
	cdc_findings_load_pipeline(p, cdc_row_array(row, "findings", &n));
	if (p->wanted.options)
		json_object_put(p->wanted.options);
	options = cdc_row_object(spec, "options");
	p->wanted.options = options ? json_object_get(options) : NULL;
	p->wanted.read++;
	cdc_world_want_deleted(p, cdc_same(cdc_row_text(spec, "desired_state"), "deleted"));
	p->wanted.force = cdc_row_bool(spec, "force_delete", false);
	p->wanted.wanted_generation = cdc_row_int(spec, "password_generation", 1);
	p->wanted.paused_at = cdc_row_time(cdc_row_text(spec, "paused_at"));
	p->wanted.restart_asked = cdc_row_int(spec, "restart_asked", 0);
	p->wanted.adopt_asked = cdc_row_int(spec, "adopt_asked", 0);
	cdc_world_anew(p, CDC_ANEW_SOURCE | CDC_ANEW_CONNECT | CDC_ANEW_NETWORK | CDC_ANEW_NO_BACKOFF);
	json_object_put(row);
}
