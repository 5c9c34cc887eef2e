/*
 * columns.c
 *	  What is told of the columns of a pipeline's tables that do not come as they are.
 *
 * See learn.h.  Findings alone: for what a new pipeline waits is the rules' business.
 */
#include "postgres.h"

#include "remote/kafka_connect.h"
#include "remote/source_columns.h"
#include "worker/learn/learn_parts.h"
#include "worker/world/checks.h"
#include "worker/world/facts.h"
#include "worker/world/wanted.h"

static void
tell(CdcPipeline *p, CdcCheck check, const char *observed, bool holds)
{
	CdcFinding	finding = cdc_check(check);

	finding.observed = observed;
	cdc_finding_pipeline(p, &finding, holds && observed != NULL);
}

/* Keys that two rows can have; until the connector is made the pipeline waits, and says so. */
static void
tell_keys(CdcPipeline *p, const CdcSourceColumns *columns)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_KEYS_INEXACT);
	const char *numbers = cdc_columns_as_double(p) ? columns->key_numbers : NULL;

	finding.observed = numbers && columns->key_lost ? psprintf("%s; %s", numbers, columns->key_lost) : numbers ? numbers : columns->key_lost;
	finding.required = numbers == NULL ? "a key of other types: name is empty in every key, others are left out" :
		columns->key_lost == NULL ? "a pipeline with option decimal.handling.mode: string or precise" :
		"a pipeline with option decimal.handling.mode: string or precise, and no key of type name or of one that is left out";
	cdc_finding_pipeline(p, &finding, finding.observed != NULL && p->kept.has_connector_name);
}

/* The tables with rows of others in their snapshots, of which the connector was not told; NULL: none. */
static char *
parents_untold(const CdcPipeline *p, const CdcSourceColumns *columns)
{
	int			nonly;
	const char **only = cdc_wanted_only(p, &nonly);
	StringInfoData names;
	int			shown = 0;
	int			i;

	if (columns->nparents == nonly)
		return NULL;
	initStringInfo(&names);
	for (i = 0; i < columns->nparents; i++)
	{
		int			k;

		for (k = 0; k < nonly && strcmp(only[k], columns->parents[i]) != 0; k++)
			;
		if (k == nonly && ++shown <= 20)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", columns->parents[i]);
	}
	if (shown > 20)
		appendStringInfo(&names, " and %d more", shown - 20);
	return names.len > 0 ? names.data : NULL;
}

void
cdc_learn_columns(CdcPipeline *p)
{
	static const CdcSourceColumns nothing;
	const CdcSourceColumns *columns = p->look.columns.told;
	bool		snapshots = strcmp(p->wanted.snapshot_mode, "no_data") != 0;

	if (p->source == NULL || !p->source->is_postgresql || !p->look.columns.known || p->wanted.want_deleted)
		return;
	/* nothing to tell, as mostly, and nothing was told */
	if (columns == NULL && p->findings == NIL)
		return;
	if (columns == NULL)
		columns = &nothing;
	tell_keys(p, columns);
	tell(p, CDC_CHECK_NUMBERS_INEXACT, columns->numbers, cdc_columns_as_double(p));
	tell(p, CDC_CHECK_COLUMNS_LEFT_OUT, columns->left_out, true);
	tell(p, CDC_CHECK_COLUMNS_NOT_STREAMED, columns->stream_differs, true);
	tell(p, CDC_CHECK_ARRAYS_NESTED, columns->flattened, true);
	tell(p, CDC_CHECK_INHERITED_ROWS, snapshots && columns->nparents > 0 ? parents_untold(p, columns) : NULL, cdc_connector_now(p) != NULL);
}
