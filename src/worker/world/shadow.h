/*
 * shadow.h
 *	  Records of the pipelines' slots on standbys: found, made, read.
 */
#ifndef CDC_WORLD_SHADOW_H
#define CDC_WORLD_SHADOW_H

#include "worker/world/world.h"

/* The memory of a pipeline's slot on a node, made when there is none. */
extern CdcShadow *cdc_shadow_of(CdcPipeline *pipeline, const char *address, int port);

/* The timeline on which the pipeline's slot on this node was made; 0: not by us. */
extern uint32 cdc_shadow_timeline(const CdcPipeline *pipeline, const CdcNode *node);

/* Is a slot of ours on a reachable standby?  UNKNOWN: one was not looked at. */
extern CdcTri cdc_shadow_left(const CdcPipeline *pipeline);

/* What is said of it, where it differs from what was; and on which timeline it is. */
extern void cdc_shadow_note_readiness(CdcPipeline *pipeline, CdcShadow *shadow, bool ready, const char *missing, const char *fix_sql);

/* A look has judged it: a finding where it was not ready for a while. */
extern void cdc_shadow_tell(CdcPipeline *pipeline, CdcShadow *shadow);

extern void cdc_shadow_note_timeline(CdcPipeline *pipeline, CdcShadow *shadow, uint32 timeline);

/*
 * A look has found the pipeline's slot there at this position (0: there is none), on a
 * node that follows the primary.  One that was moved, and not by us, is kept by somebody
 * else: what was seen to move on the node's history is of that history, as if we had
 * made it on it.
 */
extern void cdc_shadow_note_seen(CdcPipeline *pipeline, CdcShadow *shadow, uint64 lsn, uint32 timeline);

/* As its row has it, when it is made; nothing is marked. */
extern void cdc_shadow_fill(CdcPipeline *pipeline, CdcShadow *shadow, uint32 timeline, bool ready, const char *missing, const char *fix_sql);

/* It was moved now. */
extern void cdc_shadow_moved(CdcShadow *shadow);

/* After a commit: what was written of them is clean. */
extern void cdc_shadows_written(CdcPipeline *pipeline);

/* Memories of nodes that are not standbys of the service any more go. */
extern void cdc_shadow_forget_others(CdcPipeline *pipeline);

#endif							/* CDC_WORLD_SHADOW_H */
