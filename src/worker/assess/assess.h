/*
 * assess.h
 *	  From what the worker holds to a CdcSnapshot and its details.
 *
 * Reads the world and the clock, changes only what remembers an observation
 * (failure counters, movement); asks nobody, mutates nothing outside.
 */
#ifndef CDC_ASSESS_H
#define CDC_ASSESS_H

#include "reconciler/failover.h"
#include "reconciler/shadow.h"
#include "worker/world/world.h"

/* What must be known before the pipeline can be judged: CDC_NEED_* bits. */
extern int	cdc_assess_needs(const CdcPipeline *pipeline);

/*
 * Fills the snapshot; details (strings in the current context) go to
 * pipeline->details.
 */
extern void cdc_assess(CdcPipeline *pipeline, CdcSnapshot *snapshot);

/* Is the source's history, as last seen, another one than was streamed, and not judged? */
extern bool cdc_failover_pending(const CdcPipeline *pipeline);

/* Must the stored offset be known now? */
extern bool cdc_failover_needs_offsets(const CdcPipeline *pipeline);

/* The judgement on what was last seen; something was. */
extern CdcJudgement cdc_failover_judge_now(const CdcPipeline *pipeline);

/* What happened and what is done about it, for users; palloc'd. */
extern const char *cdc_failover_words(const CdcPipeline *pipeline, const CdcJudgement *judgement);

/* Is what is known of them not enough for this pipeline? */
extern bool cdc_agents_needed(const CdcPipeline *pipeline);

/* A standby with the eyes of one pipeline; strings are palloc'd. */
typedef struct CdcStandbyView
{
	bool		ready;
	char	   *missing;		/* NULL when ready */
	char	   *fix_sql;		/* what to type, or NULL */
	bool		followed;		/* the slot there is on the node's timeline now */
	CdcShadowAction action;		/* what is to be done there next */
	uint64		target;			/* ... to which position */
} CdcStandbyView;

extern CdcStandbyView cdc_assess_standby(const CdcPipeline *pipeline, const CdcNode *node, const CdcShadow *shadow);

#endif							/* CDC_ASSESS_H */
