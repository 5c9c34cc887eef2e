/*
 * visit_parts.h
 *	  What the files of the visit share: visit.c visits, pace.c plans the next
 *	  visit, round.c finds what is due, standbys.c sees to slots on standbys.
 */
#ifndef CDC_VISIT_PARTS_H
#define CDC_VISIT_PARTS_H

#include "worker/visit.h"

/* In pace.c: how long what failed waits, longer and longer (ms). */
extern int64 cdc_pace_backoff(CdcPipeline *pipeline);

/* How long who does not get a turn waits when he is not called to it (ms). */
extern int64 cdc_pace_turn(const CdcPipeline *pipeline);

/* When to look again: on a grid, so that those who wait share a look. */
extern int64 cdc_pace_next_poll(CdcPipeline *pipeline);

/* Was a task started, and is what it does with its slot all that is waited for? */
extern bool cdc_pace_awaits_slot(const CdcPipeline *pipeline);

/* Plans the next visit after a decision that begins nothing; turn_at: when a turn may be free. */
extern void cdc_pace_plan(CdcPipeline *pipeline, const CdcDecision *decision, int64 turn_at);

/* Has what the action would do just been accepted, and not shown yet? */
extern bool cdc_pace_effect_is_coming(const CdcPipeline *pipeline, const CdcDecision *decision);

/* The next visit needs looks that are begun from now on: those whose turn it is. */
extern void cdc_pace_look_again(CdcPipeline *pipeline, int64 now);

/* Is a slot seen streaming whose task Connect, when last asked, did not call RUNNING? */
extern bool cdc_pace_expects_running(CdcPipeline *pipeline);

/* An operation has ended so: what was seen before counts no more, where it may have changed it. */
extern void cdc_pace_ended(CdcPipeline *pipeline, CdcAction action, CdcOpEnd end);

/* All operations of a pipeline were done; the last was this action. */
extern void cdc_pace_done(CdcPipeline *pipeline, CdcAction action);

/* In visit.c: whatever has ended since the last time, in that order. */
extern void cdc_visit_ended(CdcWorld *world);

/* In standbys.c: what looks at nodes have told is seen with the eyes of each pipeline. */
extern void cdc_visit_standbys(CdcWorld *world);

#endif							/* CDC_VISIT_PARTS_H */
