/*
 * assess.h
 *	  From what the worker holds to a CdcSnapshot and its details.
 *
 * Reads the world and the clock, changes only what remembers an observation
 * (failure counters, movement); asks nobody, mutates nothing outside.
 */
#ifndef CDC_ASSESS_H
#define CDC_ASSESS_H

#include "worker/world/world.h"

/* What must be known before the pipeline can be judged: CDC_NEED_* bits. */
extern int	cdc_assess_needs(const CdcPipeline *pipeline);

/*
 * Fills the snapshot; details (strings in the current context) go to
 * pipeline->details.
 */
extern void cdc_assess(CdcPipeline *pipeline, CdcSnapshot *snapshot);

#endif							/* CDC_ASSESS_H */
