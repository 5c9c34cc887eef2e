/*
 * shapes.c
 *	  See shapes.h.
 */
#include "worker/world/shapes.h"

#include "remote/source.h"

const CdcPgShape cdc_shape_look = {.min_rows = 1, .max_rows = CDC_SOURCE_LOOK_MAX + 1, .ncolumns = 1, .columns = {{.type = CDC_PG_BYTES}}};

const CdcPgShape cdc_shape_columns = {.min_rows = 1, .max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_BYTES}}};

const CdcPgShape cdc_shape_ping = {.min_rows = 1, .max_rows = 1, .ncolumns = 2,
	.columns = {{.type = CDC_PG_BOOL}, {.type = CDC_PG_TEXT, .may_be_null = true}}};

/* As many slots as anybody has; names and numbers. */
const CdcPgShape cdc_shape_watch = {.max_rows = 10000, .ncolumns = 2,
	.columns = {{.type = CDC_PG_TEXT, .max = NAMEDATALEN}, {.type = CDC_PG_TEXT, .max = 200}}};

const CdcPgShape cdc_shape_hba = {.min_rows = 1, .max_rows = 1, .ncolumns = 4,
	.columns = {{.type = CDC_PG_TEXT, .max = 4096}, {.type = CDC_PG_TEXT, .may_be_null = true}, {.type = CDC_PG_TEXT, .max = 64}, {.type = CDC_PG_COUNT}}};

const CdcPgShape cdc_shape_hba_load = {.max_rows = 10000, .ncolumns = 2,
	.columns = {{.type = CDC_PG_COUNT}, {.type = CDC_PG_TEXT, .may_be_null = true}}};

const CdcPgShape cdc_shape_hba_holder = {.min_rows = 1, .max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_TEXT, .may_be_null = true}}};

const CdcPgShape cdc_shape_slot_made = {.min_rows = 1, .max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_LSN, .may_be_null = true}}};

const CdcPgShape cdc_shape_slot_moved = {.max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_LSN, .may_be_null = true}}};

const CdcPgShape cdc_shape_why = {.min_rows = 1, .max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_TEXT, .may_be_null = true}}};

/* Cluster, timeline, position, database. */
const CdcPgShape cdc_shape_identity = {.min_rows = 1, .max_rows = 1, .ncolumns = 4,
	.columns = {{.type = CDC_PG_TEXT, .max = 20}, {.type = CDC_PG_COUNT}, {.type = CDC_PG_LSN}, {.type = CDC_PG_TEXT, .may_be_null = true, .max = NAMEDATALEN}}};

/* The file's name, and what is in it: some fifty bytes a switch. */
const CdcPgShape cdc_shape_history = {.min_rows = 1, .max_rows = 1, .ncolumns = 2,
	.columns = {{.type = CDC_PG_TEXT, .max = NAMEDATALEN}, {.type = CDC_PG_TEXT, .max = 65536}}};

const CdcPgShape cdc_shape_pending = {.min_rows = 1, .max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_TEXT, .may_be_null = true}}};

const CdcPgShape cdc_shape_login_fault = {.max_rows = 1, .ncolumns = 1, .columns = {{.type = CDC_PG_TEXT, .may_be_null = true, .max = 1000}}};

const CdcPgShape cdc_shape_batch = {.min_rows = 1, .max_rows = CDC_SOURCE_BATCH, .ncolumns = 4,
	.columns = {{.type = CDC_PG_COUNT}, {.type = CDC_PG_TEXT, .max = 5}, {.type = CDC_PG_TEXT}, {.type = CDC_PG_TEXT}}};
