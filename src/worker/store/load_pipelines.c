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
	int			i;
	int			n;

	p->wanted.name = cdc_row_copy(p->context, cdc_row_text(spec, "name"));
	p->wanted.database = cdc_row_copy(p->context, cdc_row_text(spec, "database_name"));
	p->wanted.topic_prefix = cdc_row_copy(p->context, cdc_row_text(spec, "topic_prefix"));
	p->wanted.snapshot_mode = cdc_row_copy(p->context, cdc_row_text(spec, "snapshot_mode"));
	array = cdc_row_array(spec, "tables", &p->wanted.ntables);
	p->wanted.tables = palloc0(sizeof(char *) * Max(p->wanted.ntables, 1));
	for (i = 0; i < p->wanted.ntables; i++)
		p->wanted.tables[i] = pstrdup(json_object_get_string(json_object_array_get_idx(array, i)));

	p->kept.status = status_of(cdc_row_text(spec, "status"));
	p->kept.step = step_of(cdc_row_text(spec, "provision_step"));
	p->kept.error_message = cdc_row_copy(p->context, cdc_row_text(spec, "error_message"));
	p->kept.has_connector_name = cdc_row_text(spec, "connector_name") != NULL;
	p->kept.has_publication_name = cdc_row_text(spec, "publication_name") != NULL;
	p->kept.has_slot_name = cdc_row_text(spec, "slot_name") != NULL;
	p->kept.was_running = cdc_row_bool(spec, "was_running", false);
	p->kept.snapshot_run = cdc_json_int64(spec, "snapshot_run", 0);
	p->kept.discarding = cdc_row_bool(spec, "discarding", false);
	p->wanted.config_generation = cdc_row_int(spec, "generation", 1);
	p->kept.slot_absent_before = cdc_row_bool(spec, "slot_absent_before", false);
	p->kept.offsets_clean = cdc_row_bool(spec, "offsets_clean", true);
	p->kept.absent = cdc_row_text(spec, "deleted_at") != NULL;
	if (p->kept.status == CDC_DELETED)
		p->kept.status = CDC_DELETING;	/* to the rules it is, until it has settled */
	p->kept.adopted = cdc_row_int(spec, "adopted", 0);
	cdc_kept_identities(p, cdc_row_text(spec, "identities"));
	p->kept.gap = cdc_row_copy(p->context, cdc_row_text(spec, "gap"));
	p->kept.failover = cdc_row_copy(p->context, cdc_row_text(spec, "failover"));
	streamed = cdc_row_object(spec, "streamed");
	if (streamed)
	{
		p->kept.streamed_system = cdc_row_uint(streamed, "system");
		p->kept.streamed_timeline = (uint32) cdc_row_int(streamed, "timeline", 0);
		p->kept.streamed_from = cdc_timeline_switch(streamed, "from");
		p->kept.streamed_node = cdc_row_copy(p->context, cdc_row_text(streamed, "node"));
		p->kept.usurped = cdc_row_bool(streamed, "usurped", false);
		p->kept.rewritten_lsn = cdc_lsn_parse(cdc_row_text(streamed, "rewritten_lsn"));
		p->kept.streamed_started = cdc_json_int64(streamed, "started", 0);
		p->kept.came_lsn = cdc_lsn_parse(cdc_row_text(streamed, "came_lsn"));
		p->learned.came_at = cdc_loop_now();
	}
	array = cdc_row_array(row, "standbys", &n);
	for (i = 0; i < n; i++)
	{
		struct json_object *standby = json_object_array_get_idx(array, i);
		CdcShadow  *shadow = cdc_shadow_of(p, cdc_row_text(standby, "address"), cdc_row_int(standby, "port", 0));

		shadow->timeline = (uint32) cdc_row_int(standby, "slot_timeline", 0);
		shadow->ready = cdc_row_bool(standby, "ready", false);
		shadow->missing = cdc_row_copy(p->context, cdc_row_text(standby, "missing"));
		shadow->fix_sql = cdc_row_copy(p->context, cdc_row_text(standby, "fix_sql"));
	}
	p->kept.mutated_at = cdc_row_time(cdc_row_text(spec, "mutated_at"));
	array = cdc_row_array(spec, "restarts", &n);
	for (i = 0; i < n && p->kept.nfailures < (int) lengthof(p->kept.failures); i++)
		p->kept.failures[p->kept.nfailures++] = cdc_row_time(json_object_get_string(json_object_array_get_idx(array, i)));

	p->secret.password = cdc_store_secret(p->context, row, p->id, "role_password", &p->secret.secret_error);
	p->secret.generation = cdc_row_int(row, "generation", 0);
	p->secret.role_generation = cdc_row_int(spec, "role_generation", 0);
	cdc_wanted_set_verifier(p, cdc_store_secret(old, row, p->id, "role_verifier", &p->secret.secret_error));
	if (observed)
	{
		p->learned.connector_state = cdc_row_copy(p->context, cdc_row_text(observed, "connector_state"));
		p->learned.task_states = cdc_row_copy(p->context, cdc_row_text(observed, "task_states"));
		p->learned.flushed = p->kept.reached = cdc_lsn_parse(cdc_row_text(observed, "confirmed_flush_lsn"));
		if (cdc_row_text(observed, "source_lag_bytes"))
			p->learned.lag = strtoll(cdc_row_text(observed, "source_lag_bytes"), NULL, 10);
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
	cdc_world_want_deleted(p, cdc_same(cdc_row_text(spec, "desired_state"), "deleted"));
	p->wanted.force = cdc_row_bool(spec, "force_delete", false);
	p->wanted.wanted_generation = cdc_row_int(spec, "password_generation", 1);
	p->wanted.adopt_asked = cdc_row_int(spec, "adopt_asked", 0);
	p->plan.source_since = p->plan.connect_since = p->plan.network_since = cdc_loop_now();
	cdc_plan_at(p, 0);
	p->plan.attempts = 0;
	cdc_world_ready(p);
	json_object_put(row);
}
