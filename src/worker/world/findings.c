/*
 * findings.c
 *	  See findings.h.
 *
 * Owns the lists in memory.  Does no SQL (store/findings.c writes the rows) and
 * decides nothing: what is a finding is known where it is seen.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "common/json.h"
#include "common/pg_json.h"
#include "common/redact.h"
#include "worker/world/findings.h"

/* Longest text of a row, in bytes; of statements that mend it. */
#define TEXT_MAX 1000
#define FIX_MAX 4000

static const char *const concerns[] = {"flow", "safety", "cost"};
static const char *const severities[] = {"blocker", "warning", "info"};

const char *
cdc_concern_name(CdcConcern concern)
{
	return concerns[concern];
}

const char *
cdc_severity_name(CdcSeverity severity)
{
	return severities[severity];
}

/* The index of a name among n, 0 when it is none of them. */
static int
index_of(const char *name, const char *const *names, int n)
{
	int			i;

	for (i = n - 1; name && i > 0; i--)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return 0;
}

/*
 * At most max bytes of text as one valid line, palloc'd: what is no character of
 * the database's encoding is a question mark, a control character a space, and
 * it ends at a character.  NULL for NULL.
 */
static char *
one_line(const char *words, int max)
{
	int			encoding = GetDatabaseEncoding();
	int			left;
	StringInfoData line;

	if (words == NULL)
		return NULL;
	initStringInfo(&line);
	for (left = (int) strlen(words); left > 0;)
	{
		int			length = pg_encoding_verifymbchar(encoding, words, left);

		if (line.len + Max(length, 1) > max)
		{
			appendStringInfoString(&line, "...");
			break;
		}
		if (length <= 0)
			appendStringInfoChar(&line, '?');
		else if (length == 1 && ((unsigned char) *words < ' ' || *words == 0x7f))
			appendStringInfoChar(&line, ' ');
		else
			appendBinaryStringInfo(&line, words, length);
		words += Max(length, 1);
		left -= Max(length, 1);
	}
	return line.data;
}

/* A whole statement or none: half of one would do something else. */
static char *
whole_statement(const char *sql)
{
	char	   *line;

	if (sql == NULL || strlen(sql) > FIX_MAX)
		return NULL;
	line = one_line(sql, FIX_MAX);
	return strcmp(line, sql) == 0 ? line : NULL;
}

static CdcFindingRow *
find(const List *rows, const char *check_name, const char *node)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		CdcFindingRow *row = lfirst(cell);

		if (strcmp(row->is.check_name, check_name) == 0 && cdc_same(row->is.node, node))
			return row;
	}
	return NULL;
}

static void
set(MemoryContext context, const char **where, const char *value, bool *dirty)
{
	if (cdc_same(*where, value))
		return;
	cdc_set_string(context, (char **) where, value);
	*dirty = true;
}

/* Makes row say what finding says, all its strings being in context. */
static void
keep(MemoryContext context, CdcFindingRow *row, const CdcFinding *finding)
{
	if (row->gone || row->is.concern != finding->concern || row->is.severity != finding->severity || row->is.past != finding->past)
		row->dirty = true;
	row->gone = false;
	row->is.concern = finding->concern;
	row->is.severity = finding->severity;
	row->is.past = finding->past;
	set(context, &row->is.observed, one_line(finding->observed, TEXT_MAX), &row->dirty);
	set(context, &row->is.required, one_line(finding->required, TEXT_MAX), &row->dirty);
	set(context, &row->is.why, one_line(finding->why, TEXT_MAX), &row->dirty);
	set(context, &row->is.fix_sql, whole_statement(finding->fix_sql), &row->dirty);
}

static CdcFindingRow *
add(MemoryContext context, List **rows, const char *check_name, const char *node)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	CdcFindingRow *row = palloc0(sizeof(CdcFindingRow));

	row->is.check_name = pstrdup(check_name);
	row->is.node = node ? pstrdup(node) : NULL;
	row->dirty = true;
	*rows = lappend(*rows, row);
	MemoryContextSwitchTo(old);
	return row;
}

/* Is the row to be written? */
static bool
tell(MemoryContext context, List **rows, const CdcFinding *finding, bool holds)
{
	char	   *node = one_line(finding->node, TEXT_MAX);
	CdcFindingRow *row = find(*rows, finding->check_name, node);

	if (holds)
	{
		if (row == NULL)
			row = add(context, rows, finding->check_name, node);
		keep(context, row, finding);
	}
	else if (row && !row->gone)
		row->gone = row->dirty = true;
	return row && row->dirty;
}

void
cdc_finding_service(CdcService *service, const CdcFinding *finding, bool holds)
{
	if (tell(service->context, &service->findings, finding, holds))
		cdc_dirty_service(service, CDC_ROW_SERVICE_FINDINGS);
}

void
cdc_finding_pipeline(CdcPipeline *pipeline, const CdcFinding *finding, bool holds)
{
	/* what is deleted has none, see forget_others_sql in store/findings.c */
	if (tell(pipeline->context, &pipeline->findings, finding, holds && !pipeline->kept.absent))
		cdc_dirty_pipeline(pipeline, CDC_ROW_PIPELINE_FINDINGS);
}

const char *
cdc_finding_observed(const List *findings, const char *check_name)
{
	const CdcFindingRow *row = find(findings, check_name, NULL);

	return row && !row->gone ? row->is.observed : NULL;
}

bool
cdc_finding_holds(const List *findings, const char *check_name)
{
	ListCell   *cell;

	foreach(cell, findings)
	{
		CdcFindingRow *row = lfirst(cell);

		if (!row->gone && strcmp(row->is.check_name, check_name) == 0)
			return true;
	}
	return false;
}

static void
forget(List **rows, CdcFindingRow *row)
{
	const char *strings[] = {row->is.check_name, row->is.node, row->is.observed, row->is.required, row->is.why, row->is.fix_sql};
	int			i;

	*rows = list_delete_ptr(*rows, row);
	for (i = 0; i < (int) lengthof(strings); i++)
	{
		if (strings[i])
			pfree((char *) strings[i]);
	}
	pfree(row);
}

static void
load(MemoryContext context, List **rows, struct json_object *array)
{
	int			n = array ? (int) json_object_array_length(array) : 0;
	int			i;

	while (*rows != NIL)
		forget(rows, linitial(*rows));
	for (i = 0; i < n; i++)
	{
		struct json_object *from = json_object_array_get_idx(array, i);
		CdcFinding	finding = {
			.check_name = cdc_json_string(from, "check_name"),
			.node = cdc_json_string(from, "node"),
			.concern = (CdcConcern) index_of(cdc_json_string(from, "concern"), concerns, lengthof(concerns)),
			.severity = (CdcSeverity) index_of(cdc_json_string(from, "severity"), severities, lengthof(severities)),
			.observed = cdc_json_string(from, "observed"),
			.required = cdc_json_string(from, "required"),
			.why = cdc_json_string(from, "why"),
			.fix_sql = cdc_json_string(from, "fix_sql"),
			.past = json_object_get_boolean(cdc_json_get(from, "past"))
		};
		CdcFindingRow *row = add(context, rows, finding.check_name, finding.node);

		keep(context, row, &finding);
		row->dirty = false;
	}
}

/* Is place one of the URLs at which a Kafka service is looked at? */
static bool
is_url_of(const CdcService *service, const char *place)
{
	bool		is = false;
	int			i;

	for (i = 0; i < service->kafka.nurls && !is; i++)
		is = strcmp(place, cdc_peer_place(service->kafka.connect_urls[i])) == 0;
	for (i = 0; i < service->kafka.nagents && !is; i++)
		is = strcmp(place, cdc_peer_place(service->kafka.agents[i].url)) == 0;
	return is;
}

/* Rows of nodes and URLs that the service has no longer do not hold. */
static void
end_of_places(CdcService *service)
{
	ListCell   *cell;

	foreach(cell, service->findings)
	{
		CdcFindingRow *row = lfirst(cell);
		bool		there = row->is.node == NULL;
		int			i;

		if (!service->is_postgresql)
			there = there || strcmp(row->is.check_name, CDC_PEER_SAID) != 0 || is_url_of(service, row->is.node);

		for (i = 0; i < service->pg.nnodes && !there; i++)
			there = strcmp(row->is.node, cdc_node_words(&service->pg.nodes[i])) == 0;
		if (!there)
		{
			row->gone = row->dirty = true;
			cdc_dirty_service(service, CDC_ROW_SERVICE_FINDINGS);
		}
	}
}

/* Who held a row when that was written may not now: it is told again when somebody does.  Was there one? */
static bool
end_of_held(const List *rows)
{
	CdcFindingRow *row = find(rows, CDC_ROW_HELD, NULL);

	if (row)
		row->gone = row->dirty = true;
	return row != NULL;
}

void
cdc_findings_load_service(CdcService *service, struct json_object *rows)
{
	load(service->context, &service->findings, rows);
	end_of_places(service);
	if (end_of_held(service->findings))
		cdc_dirty_service(service, CDC_ROW_SERVICE_FINDINGS);
}

void
cdc_findings_load_pipeline(CdcPipeline *pipeline, struct json_object *rows)
{
	load(pipeline->context, &pipeline->findings, rows);
	if (end_of_held(pipeline->findings))
		cdc_dirty_pipeline(pipeline, CDC_ROW_PIPELINE_FINDINGS);
}

static void
written(List **rows)
{
	List	   *gone = NIL;
	ListCell   *cell;

	foreach(cell, *rows)
	{
		CdcFindingRow *row = lfirst(cell);

		row->dirty = false;
		if (row->gone)
			gone = lappend(gone, row);
	}
	foreach(cell, gone)
		forget(rows, lfirst(cell));
	list_free(gone);
}

void
cdc_findings_written_service(CdcService *s)
{
	written(&s->findings);
}

void
cdc_findings_written_pipeline(CdcPipeline *p)
{
	written(&p->findings);
}

char *
cdc_peer_place(const char *url)
{
	return cdc_redact(url, NULL, 0);
}
