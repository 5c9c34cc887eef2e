/*
 * observe_source.h
 *	  Looking at source servers; used by observe.c, see observe.h.
 */
#ifndef CDC_OBSERVE_SOURCE_H
#define CDC_OBSERVE_SOURCE_H

#include "worker/world.h"

/* Is the pipeline's source known by a look begun at or after source_since? */
extern bool cdc_observe_source_fresh(CdcPipeline *pipeline);

/* Puts the pipeline into the next look at its database, or probes the nodes. */
extern void cdc_observe_source_want(CdcPipeline *pipeline);

#endif							/* CDC_OBSERVE_SOURCE_H */
