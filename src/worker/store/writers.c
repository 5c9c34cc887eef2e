/*
 * writers.c
 *	  The kinds of rows that are written, in their order.
 *
 * See store_parts.h.
 */
#include "postgres.h"

#include "worker/store/store_parts.h"

/* Intents before all else. */
const CdcRowKind cdc_row_writers[CDC_NUM_ROWS] = {
	{CDC_ROW_SPEC, &cdc_spec_writer},
	{CDC_ROW_SECRET, &cdc_secret_writer},
	{CDC_ROW_OBSERVED, &cdc_observed_writer},
	{CDC_ROW_STANDBYS, &cdc_standbys_writer},
	{CDC_ROW_SERVICE, &cdc_service_writer},
	{CDC_ROW_CHECKED, &cdc_checked_writer},
	{CDC_ROW_PROVIDED, &cdc_provided_writer},
	{CDC_ROW_NODE, &cdc_node_writer},
	{CDC_ROW_PAIR, &cdc_pair_writer},
	{CDC_ROW_PIPELINE_FINDINGS, &cdc_pipeline_findings_writer},
	{CDC_ROW_SERVICE_FINDINGS, &cdc_service_findings_writer}
};

const CdcRowWriter *
cdc_row_writer(CdcRow row)
{
	int			i;

	for (i = 0; cdc_row_writers[i].row != row; i++)
		;
	return cdc_row_writers[i].writer;
}
