/*
 * shapes.h
 *	  What the answers to the worker's questions to a PostgreSQL must be.
 *
 * The fuzz target of these answers reads them here too, so that no question is asked
 * whose answers it has not seen.  Knows no more than pg_result.h.
 */
#ifndef CDC_SHAPES_H
#define CDC_SHAPES_H

#include "worker/io/io.h"

extern const CdcPgShape cdc_shape_look; /* cdc_source_observe_sql */
extern const CdcPgShape cdc_shape_columns;	/* cdc_source_columns_sql */
extern const CdcPgShape cdc_shape_ping; /* in recovery?, and slots as JSON */
extern const CdcPgShape cdc_shape_watch;	/* cdc_source_watch_sql: slots, and what stands of each */
extern const CdcPgShape cdc_shape_hba;	/* CDC_HBA_READ_SQL */
extern const CdcPgShape cdc_shape_hba_load; /* CDC_HBA_LOAD_SQL */
extern const CdcPgShape cdc_shape_hba_holder;	/* CDC_HBA_HOLDER_SQL */
extern const CdcPgShape cdc_shape_slot_made;	/* where it is; NULL: it was not made */
extern const CdcPgShape cdc_shape_slot_moved;	/* the same of one that was moved; no row: there is none */
extern const CdcPgShape cdc_shape_pending;	/* cdc_source_pending_sql */
extern const CdcPgShape cdc_shape_login_fault;	/* cdc_source_login_fault_sql; no row: the role is not there */
extern const CdcPgShape cdc_shape_why;	/* cdc_source_why_sql: an ERROR; NULL: there was none */
extern const CdcPgShape cdc_shape_identity; /* IDENTIFY_SYSTEM, of a walsender */
extern const CdcPgShape cdc_shape_history;	/* cdc_source_history_sql */
extern const CdcPgShape cdc_shape_batch;	/* cdc_source_batch_sql: what became of each command */

#endif							/* CDC_SHAPES_H */
