/*
 * findings.c
 *	  Rows of cdc.finding.
 *
 * See store_parts.h.
 */
#include "postgres.h"

#include "common/json.h"
#include "worker/store/store_parts.h"
#include "worker/world/findings.h"

#define KEY_OF(x) "coalesce(" x ".pipeline_id, " x ".service_id)"
#define SAME_ROW(f, o) KEY_OF(f) " OPERATOR(pg_catalog.=) " KEY_OF(o) \
	" AND " f ".check_name OPERATOR(pg_catalog.=) " o ".check_name" \
	" AND coalesce(" f ".node, '') OPERATOR(pg_catalog.=) coalesce(" o ".node, '')"

/*
 * A row that a user's transaction holds (cdc.acknowledge before its COMMIT) is
 * left for later: the worker waits for no user.  Nobody else inserts here, so
 * what is not seen is not there.
 */
static const char write_findings_sql[] =
"WITH u AS MATERIALIZED (SELECT r.*, coalesce(s.organization_id, p.organization_id) AS organization_id"
"  FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r("
"  n pg_catalog.int4, service_id pg_catalog.uuid, pipeline_id pg_catalog.uuid, node pg_catalog.text, check_name pg_catalog.text, concern pg_catalog.text,"
"  severity pg_catalog.text, observed pg_catalog.text, required pg_catalog.text, why pg_catalog.text, fix_sql pg_catalog.text,"
"  past pg_catalog.bool, gone pg_catalog.bool)"
"  LEFT JOIN cdc.service s ON s.id OPERATOR(pg_catalog.=) r.service_id AND s.deleted_at IS NULL"
"  LEFT JOIN cdc.pipeline_spec p ON p.id OPERATOR(pg_catalog.=) r.pipeline_id AND p.deleted_at IS NULL),"
" l AS MATERIALIZED (SELECT f.service_id, f.pipeline_id, f.node, f.check_name FROM cdc.finding f JOIN u ON " SAME_ROW("f", "u")
"  FOR UPDATE OF f SKIP LOCKED),"
" o AS MATERIALIZED (SELECT o.id FROM cdc.organization o WHERE o.id IN (SELECT u.organization_id FROM u) FOR KEY SHARE OF o SKIP LOCKED),"
" d AS (DELETE FROM cdc.finding f USING l JOIN u ON " SAME_ROW("u", "l") " WHERE u.gone AND " SAME_ROW("f", "l") "),"
" c AS (UPDATE cdc.finding f SET concern = u.concern, severity = u.severity, observed = u.observed, required = u.required,"
"   why = u.why, fix_sql = u.fix_sql, past = u.past"
"  FROM l JOIN u ON " SAME_ROW("u", "l") " WHERE NOT u.gone AND " SAME_ROW("f", "l") "),"
" i AS (INSERT INTO cdc.finding (organization_id, service_id, pipeline_id, node, check_name, concern, severity, observed, required, why, fix_sql, past)"
"  SELECT u.organization_id, u.service_id, u.pipeline_id, u.node, u.check_name, u.concern, u.severity, u.observed, u.required, u.why, u.fix_sql, u.past"
"  FROM u JOIN o ON o.id OPERATOR(pg_catalog.=) u.organization_id WHERE NOT u.gone AND NOT EXISTS (SELECT FROM cdc.finding f WHERE " SAME_ROW("f", "u") "))"
" SELECT u.n FROM u JOIN cdc.finding f ON " SAME_ROW("f", "u") " WHERE NOT EXISTS (SELECT FROM l WHERE " SAME_ROW("l", "u") ")"
" UNION ALL SELECT u.n FROM u WHERE NOT u.gone AND u.organization_id IS NOT NULL AND NOT EXISTS (SELECT FROM o WHERE o.id OPERATOR(pg_catalog.=) u.organization_id)";

static void
add_rows(struct json_object *rows, const char *owner_key, const char *owner, const List *findings, int number)
{
	ListCell   *cell;

	foreach(cell, findings)
	{
		CdcFindingRow *f = lfirst(cell);
		struct json_object *row;

		if (!f->dirty)
			continue;
		row = cdc_row_add(rows, number);
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
	}
}

#define ROWS_SQL "SELECT tableoid, ctid FROM cdc.finding WHERE coalesce(pipeline_id, service_id) OPERATOR(pg_catalog.=) $1::pg_catalog.uuid"
#define TABLES (CDC_TABLE(CDC_TABLE_FINDING) | CDC_TABLE(CDC_TABLE_ORGANIZATION) | CDC_TABLE(CDC_TABLE_SERVICE) | CDC_TABLE(CDC_TABLE_SPEC))

static void
add_of_service(struct json_object *rows, const void *owner, int number)
{
	const CdcService *s = owner;

	add_rows(rows, "service_id", s->id, s->findings, number);
}

static void
written_of_service(void *owner)
{
	cdc_findings_written_service(owner);
}

const CdcRowWriter cdc_service_findings_writer = {
	.sql = write_findings_sql,
	.tables = TABLES,
	.add = add_of_service,
	.written = written_of_service,
	.rows_sql = ROWS_SQL,
	.key = cdc_key_of_service
};

static void
add_of_pipeline(struct json_object *rows, const void *owner, int number)
{
	const CdcPipeline *p = owner;

	add_rows(rows, "pipeline_id", p->id, p->findings, number);
}

static void
written_of_pipeline(void *owner)
{
	cdc_findings_written_pipeline(owner);
}

const CdcRowWriter cdc_pipeline_findings_writer = {
	.sql = write_findings_sql,
	.tables = TABLES,
	.add = add_of_pipeline,
	.written = written_of_pipeline,
	.rows_sql = ROWS_SQL,
	.key = cdc_key_of_pipeline
};
