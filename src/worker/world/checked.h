/*
 * checked.h
 *	  Whom a health round is to look at, whom it has looked at, and where that is
 *	  written.
 *
 * Of pipelines that run as before nothing has changed but the time: it is written
 * once for all of a source, when the last one of it was looked at, and stands in
 * the service's row.  Whoever is not one of these has it in his own.
 */
#ifndef CDC_CHECKED_H
#define CDC_CHECKED_H

#include "worker/world/world.h"

/* A round of all begins: what the former one has come to is written where not all of a source were looked at. */
extern void cdc_checks_begin(CdcService *source);

/* A round is to look at the pipeline; it cannot, since something is under way. */
extern void cdc_check_wanted(CdcPipeline *pipeline);
extern void cdc_check_passed_over(CdcPipeline *pipeline);

/* It has been looked at, if it was to be. */
extern void cdc_checked(CdcPipeline *pipeline);

/* Its row is written. */
extern void cdc_checked_written(CdcPipeline *pipeline);

/* When it is made: its row, each 0 where there is none but lag, which is -1; at: of its last check. */
extern void cdc_checked_fill(CdcPipeline *pipeline, int64 lag, uint64 flushed, uint64 stored, uint64 system_identifier, uint32 timeline, TimestampTz at);

/* The pipeline is forgotten. */
extern void cdc_check_forget(CdcPipeline *pipeline);

#endif							/* CDC_CHECKED_H */
