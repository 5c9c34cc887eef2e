/*
 * learn.h
 *	  From what was seen to what is remembered: failures counted, movement of the
 *	  slot, what was seen gone since when, names that were seen, fences.
 *
 * Between looking and judging: changes records of the world and adds events;
 * asks nobody, decides nothing.
 */
#ifndef CDC_LEARN_H
#define CDC_LEARN_H

#include "worker/world/world.h"

/* Before a pipeline is assessed, whenever all that its visit asked for is known. */
extern void cdc_learn(CdcPipeline *pipeline);

/* It runs from now on: what was learned of its start counts no more. */
extern void cdc_learn_running(CdcPipeline *pipeline);

/* A gap was found: it is remembered and told; name and words: of its kind. */
extern void cdc_learn_gap(CdcPipeline *pipeline, const char *name, const char *words);

/* What an assessment of one of its pipelines said of a sink's workers. */
extern void cdc_learn_workers(CdcService *sink, bool rolling, bool settled);

#endif							/* CDC_LEARN_H */
