/*
 * assess.h
 *	  From what the worker holds to a CdcSnapshot and its details.
 *
 * Reads the world and the clock, changes only what remembers an observation
 * (failure counters, movement); asks nobody, mutates nothing outside.
 */
#ifndef CDC_ASSESS_H
#define CDC_ASSESS_H

#include "remote/pg_hba.h"
#include "worker/world.h"

/* What must be known before the pipeline can be judged: CDC_NEED_* bits. */
extern int	cdc_assess_needs(const CdcPipeline *pipeline);

/*
 * Fills the snapshot; details (strings in the current context) go to
 * pipeline->details.
 */
extern void cdc_assess(CdcPipeline *pipeline, CdcSnapshot *snapshot);

/* The wanted connector configuration, json_object_put by the caller; NULL
 * when it cannot be known yet (no primary, no password). */
extern struct json_object *cdc_assess_config(CdcPipeline *pipeline);

/* The pg_hba lines of a pipeline, one a CIDR; palloc'd. */
extern CdcHbaLine *cdc_assess_hba_lines(const CdcPipeline *pipeline, int *n);

/* What the connector role's password hash must be on the source; palloc'd hex. */
extern char *cdc_assess_verifier_hash(const CdcPipeline *pipeline);

#endif							/* CDC_ASSESS_H */
