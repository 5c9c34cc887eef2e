/*
 * plan.h
 *	  When a pipeline is visited: in this turn, or at a time.
 *
 * Why, and when, is decided by those who call; here is only what becomes of it.
 */
#ifndef CDC_PLAN_H
#define CDC_PLAN_H

#include "worker/world/world.h"

/* Puts a pipeline among those visited in this turn. */
extern void cdc_world_ready(CdcPipeline *pipeline);

/*
 * What was seen of a pipeline counts no more: it is visited in this turn with looks
 * that are begun from now on, at its source or at Connect.  What failed is tried at
 * once, and counts no more when it may be other now; or when its time has come.
 */
#define CDC_ANEW_SOURCE		1
#define CDC_ANEW_CONNECT	2
#define CDC_ANEW_NO_BACKOFF	4
#define CDC_ANEW_WHEN_DUE	8
extern void cdc_world_anew(CdcPipeline *pipeline, int what);

#endif							/* CDC_PLAN_H */
