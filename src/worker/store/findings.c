/*
 * findings.c
 *	  Rows of cdc.finding: written in a turn, taken away with their owner.
 *
 * See store_parts.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "common/json.h"
#include "worker/store/store_parts.h"
#include "worker/world/findings.h"

/* Findings that a user's transaction holds are tried again after this. */
#define LOCKED_MS 100

#define KEY_OF(x) "coalesce(" x ".pipeline_id, " x ".service_id)"
#define SAME_ROW(f, o) KEY_OF(f) " OPERATOR(pg_catalog.=) " KEY_OF(o) \
	" AND " f ".check_name OPERATOR(pg_catalog.=) " o ".check_name" \
	" AND coalesce(" f ".node, '') OPERATOR(pg_catalog.=) coalesce(" o ".node, '')"

/*
 * A row that a user's transaction holds (cdc.acknowledge before its COMMIT) is
 * left for later: the worker waits for no user.  Nobody else inserts here, so
 * what is not seen is not there.  Says how many were left.
 */
static const char write_findings_sql[] =
"WITH u AS MATERIALIZED (SELECT r.*, coalesce(s.organization_id, p.organization_id) AS organization_id"
"  FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  service_id pg_catalog.uuid, pipeline_id pg_catalog.uuid, node pg_catalog.text, check_name pg_catalog.text, concern pg_catalog.text,"
"  severity pg_catalog.text, observed pg_catalog.text, required pg_catalog.text, why pg_catalog.text, fix_sql pg_catalog.text,"
"  past pg_catalog.bool, gone pg_catalog.bool)"
"  LEFT JOIN cdc.service s ON s.id OPERATOR(pg_catalog.=) r.service_id AND s.deleted_at IS NULL"
"  LEFT JOIN cdc.pipeline_spec p ON p.id OPERATOR(pg_catalog.=) r.pipeline_id AND p.deleted_at IS NULL),"
" l AS MATERIALIZED (SELECT f.service_id, f.pipeline_id, f.node, f.check_name FROM cdc.finding f JOIN u ON " SAME_ROW("f", "u")
"  FOR UPDATE OF f SKIP LOCKED),"
" d AS (DELETE FROM cdc.finding f USING l JOIN u ON " SAME_ROW("u", "l") " WHERE u.gone AND " SAME_ROW("f", "l") "),"
" c AS (UPDATE cdc.finding f SET concern = u.concern, severity = u.severity, observed = u.observed, required = u.required,"
"   why = u.why, fix_sql = u.fix_sql, past = u.past"
"  FROM l JOIN u ON " SAME_ROW("u", "l") " WHERE NOT u.gone AND " SAME_ROW("f", "l") "),"
" i AS (INSERT INTO cdc.finding (organization_id, service_id, pipeline_id, node, check_name, concern, severity, observed, required, why, fix_sql, past)"
"  SELECT u.organization_id, u.service_id, u.pipeline_id, u.node, u.check_name, u.concern, u.severity, u.observed, u.required, u.why, u.fix_sql, u.past"
"  FROM u WHERE NOT u.gone AND u.organization_id IS NOT NULL AND NOT EXISTS (SELECT FROM cdc.finding f WHERE " SAME_ROW("f", "u") "))"
" SELECT pg_catalog.count(*) FROM u JOIN cdc.finding f ON " SAME_ROW("f", "u")
"  WHERE NOT EXISTS (SELECT FROM l WHERE " SAME_ROW("l", "u") ")";

/* Deleted services and pipelines have no findings. */
static const char forget_others_sql[] =
"DELETE FROM cdc.finding f WHERE NOT EXISTS (SELECT FROM cdc.service s WHERE s.id OPERATOR(pg_catalog.=) f.service_id AND s.deleted_at IS NULL)"
" AND NOT EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.id OPERATOR(pg_catalog.=) f.pipeline_id AND p.deleted_at IS NULL)";

static void
add_rows(struct json_object *rows, const char *owner_key, const char *owner, const List *findings)
{
	ListCell   *cell;

	foreach(cell, findings)
	{
		CdcFindingRow *f = lfirst(cell);
		struct json_object *row;

		if (!f->dirty)
			continue;
		row = json_object_new_object();
		cdc_json_add_string(row, owner_key, owner);
		cdc_json_add_string(row, "node", f->is.node);
		cdc_json_add_string(row, "check_name", f->is.check_name);
		cdc_json_add_string(row, "concern", cdc_concern_name(f->is.concern));
		cdc_json_add_string(row, "severity", cdc_severity_name(f->is.severity));
		cdc_json_add_string(row, "observed", f->is.observed);
		cdc_json_add_string(row, "required", f->is.required);
		cdc_json_add_string(row, "why", f->is.why);
		cdc_json_add_string(row, "fix_sql", f->is.fix_sql);
		json_object_object_add(row, "past", json_object_new_boolean(f->is.past));
		json_object_object_add(row, "gone", json_object_new_boolean(f->gone));
		json_object_array_add(rows, row);
	}
}

bool
cdc_store_write_findings(CdcWorld *world)
{
	struct json_object *rows = cdc_rows();
	dlist_mutable_iter iter;
	bool		all = true;

	cdc_dirty_each(CDC_ROW_SERVICE_FINDINGS, iter, world)
		add_rows(rows, "service_id", ((CdcService *) cdc_dirty_owner(iter))->id, ((CdcService *) cdc_dirty_owner(iter))->findings);
	cdc_dirty_each(CDC_ROW_PIPELINE_FINDINGS, iter, world)
		add_rows(rows, "pipeline_id", ((CdcPipeline *) cdc_dirty_owner(iter))->id, ((CdcPipeline *) cdc_dirty_owner(iter))->findings);
	if (json_object_array_length(rows) > 0)
	{
		bool		isnull;

		cdc_rows_write(write_findings_sql, SPI_OK_SELECT, rows);
		all = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) == 0;
	}
	return all;
}

/* What has become of an owner's: all that were written are clean. */
static void
settle(CdcWorld *world, CdcDirty *dirty, List **findings, bool all)
{
	if (all)
	{
		cdc_findings_written(findings);
		cdc_written(world, dirty);
	}
	else
		cdc_not_written(world, dirty, cdc_loop_now() + LOCKED_MS);
}

void
cdc_store_findings_written(CdcWorld *world, bool all)
{
	dlist_mutable_iter iter;

	cdc_dirty_each(CDC_ROW_SERVICE_FINDINGS, iter, world)
		settle(world, dlist_container(CdcDirty, node, iter.cur), &((CdcService *) cdc_dirty_owner(iter))->findings, all);
	cdc_dirty_each(CDC_ROW_PIPELINE_FINDINGS, iter, world)
		settle(world, dlist_container(CdcDirty, node, iter.cur), &((CdcPipeline *) cdc_dirty_owner(iter))->findings, all);
}

void
cdc_store_forget_findings(void)
{
	cdc_statement_run(forget_others_sql, SPI_OK_DELETE, 0, NULL, NULL, NULL);
}
