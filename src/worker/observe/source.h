/*
 * source.h
 *	  Looking at source servers: their databases (observe/source.c) and the
 *	  nodes by themselves (observe/node.c).  Used by observe.c, see observe.h.
 */
#ifndef CDC_OBSERVE_SOURCE_H
#define CDC_OBSERVE_SOURCE_H

#include "worker/world/world.h"

/* Is the pipeline's source known by a look begun at or after source_since? */
extern bool cdc_observe_source_fresh(CdcPipeline *pipeline);

/* Puts the pipeline into the next look at its database, or probes the nodes. */
extern void cdc_observe_source_want(CdcPipeline *pipeline);

/* Starts the looks that are wanted: one a database, for all of its pipelines. */
extern void cdc_observe_source_looks(CdcWorld *world);

/*
 * For one that waits for its slot: has the source watch it, which is much cheaper
 * than a look; when it changes, the pipeline is visited with looks that are
 * begun after that.  False: look, since the last one is too long ago or there
 * is no primary to be asked.
 */
extern bool cdc_observe_source_watch(CdcPipeline *pipeline);

/* ms between two looks for a pipeline that waits, 0: not known yet */
extern int	cdc_observe_source_pace(const CdcPipeline *pipeline);

/*
 * Asks primaries whether they are there, and looks for those that are lost;
 * when the next is due (0: none).
 */
extern int64 cdc_observe_source_due(CdcWorld *world);

/* Looks at one node, unless that is under way. */
extern void cdc_observe_node(CdcNode *node);

/* A connection to a database on one node, whatever it is; opened when it is not. */
extern CdcPgConn *cdc_observe_node_conn(CdcNode *node, const char *database);

#endif							/* CDC_OBSERVE_SOURCE_H */
