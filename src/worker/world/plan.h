/*
 * plan.h
 *	  When a pipeline is visited: in this turn, at a time, or when the turn that it
 *	  waits for is free.
 *
 * Why, and when, is decided by those who call.  Those that are visited in a turn
 * come round robin: over organizations, then over the sources of one, then in the
 * order in which they were readied.  One for which something is under way is not
 * visited by its time: its plan comes up when that is over.
 */
#ifndef CDC_PLAN_H
#define CDC_PLAN_H

#include "worker/world/world.h"

/* Puts a pipeline among those visited in this turn; takes the next one out, NULL: none is left. */
extern void cdc_world_ready(CdcPipeline *pipeline);
extern CdcPipeline *cdc_plan_next_ready(CdcWorld *world);
extern bool cdc_plan_any_ready(const CdcWorld *world);

/*
 * What was seen of a pipeline counts no more: it is visited in this turn with looks
 * that are begun from now on, at its source, at Connect or at the networks.  What failed is tried at
 * once, and counts no more when it may be other now; or when its time has come.
 */
#define CDC_ANEW_SOURCE		1
#define CDC_ANEW_CONNECT	2
#define CDC_ANEW_NO_BACKOFF	4
#define CDC_ANEW_WHEN_DUE	8
#define CDC_ANEW_NETWORK	16
extern void cdc_world_anew(CdcPipeline *pipeline, int what);

/* Looks that began before this time count no more: at its source, at Connect, at the networks, by those words. */
extern void cdc_plan_since(CdcPipeline *pipeline, int what, int64 when);

/* What it tried failed, and is tried again ever later; or it did not. */
extern void cdc_plan_failed(CdcPipeline *pipeline);
extern void cdc_plan_succeeded(CdcPipeline *pipeline);

/* It waits for looks, or no longer; all that do are visited in this turn. */
extern void cdc_plan_wait(CdcPipeline *pipeline, bool waits);
extern void cdc_plan_ready_waiting(CdcWorld *world);

/* It is due at this time, in place of any other; 0: at none. */
extern void cdc_plan_at(CdcPipeline *pipeline, int64 at);

/* It is due at once. */
extern void cdc_plan_wake(CdcPipeline *pipeline);

/* Takes the next one that is due, whose plan is over; NULL: none is. */
extern CdcPipeline *cdc_plan_next_due(CdcWorld *world, int64 now);

/* When the next one is due, 0: none is planned. */
extern int64 cdc_plan_next(const CdcWorld *world);

/* Something was begun for it, or nothing is under way for it any more. */
extern void cdc_plan_doing_changed(CdcPipeline *pipeline);

/* Of a world that is being made; of a pipeline that is added to, or leaves, the pipelines of its source. */
extern void cdc_plan_create(CdcWorld *world);
extern void cdc_plan_add(CdcPipeline *pipeline);
extern void cdc_plan_leave(CdcPipeline *pipeline);

#endif							/* CDC_PLAN_H */
