/*
 * learn_parts.h
 *	  What learn.c has of the files beside it: one a peer.
 */
#ifndef CDC_LEARN_PARTS_H
#define CDC_LEARN_PARTS_H

#include "worker/learn/learn.h"
#include "worker/world/checks.h"

extern void cdc_learn_source(CdcPipeline *pipeline);

/* What became of the tables and partitions that hold its rows; a new snapshot has all of them. */
extern void cdc_learn_relations(CdcPipeline *pipeline);
extern void cdc_learn_relations_anew(CdcPipeline *pipeline);

/* What was seen of a check about something past: told with what was told of it before. */
extern void cdc_learn_tell(CdcPipeline *pipeline, CdcCheck check, const char *what);

/* What is wrong with its tables. */
extern void cdc_learn_tables(CdcPipeline *pipeline);

/* What of its columns does not come as it is. */
extern void cdc_learn_columns(CdcPipeline *pipeline);

/* Tables that were away while the task was started. */
extern void cdc_learn_away(CdcPipeline *pipeline);

extern void cdc_learn_connect(CdcPipeline *pipeline);

/* After source and connect: whether one walsender streams on and on. */
extern void cdc_learn_stream(CdcPipeline *pipeline);

extern void cdc_learn_agents(CdcPipeline *pipeline);
extern void cdc_learn_network(CdcPipeline *pipeline);
extern void cdc_learn_pause(CdcPipeline *pipeline);

/* The marks on what was seen: names, a control plane above this one, what cannot be verified. */
extern void cdc_learn_fence(CdcPipeline *pipeline);

/* After source and connect. */
extern void cdc_learn_failover(CdcPipeline *pipeline);

#endif							/* CDC_LEARN_PARTS_H */
