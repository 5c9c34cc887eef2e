/*
 * shadow.h
 *	  Keeps standbys ready: the pipelines' slots there, and what is said of
 *	  them in cdc.failover_readiness.
 *
 * In execute/shadow.c.  What is done is decided by cdc_standby_decide().
 * Nothing here waits, and no pipeline waits for it.
 */
#ifndef CDC_WORKER_SHADOW_H
#define CDC_WORKER_SHADOW_H

#include "worker/world/world.h"

/*
 * A node was looked at, or did not answer: judges it for every pipeline of
 * its service, starts what is to be done there.
 */
extern void cdc_shadow_look(CdcNode *node);

/* The primary's slots have moved: so may those on all standbys. */
extern void cdc_shadow_follow(CdcService *source);

/* The action drop_shadows. */
extern void cdc_execute_drop_shadows(CdcOp *op);

#endif							/* CDC_WORKER_SHADOW_H */
