/*
 * assess.h
 *	  From what the worker holds to a CdcSnapshot and its details.
 *
 * Reads the world and the clock; asks nobody and changes nothing: what is to be
 * remembered of what was seen was learned before (learn.h), and what the
 * assessment itself finds out stands in it.
 */
#ifndef CDC_ASSESS_H
#define CDC_ASSESS_H

#include "reconciler/failover.h"
#include "reconciler/shadow.h"
#include "worker/world/world.h"

/* What must be known before the pipeline can be judged: CDC_NEED_* bits. */
extern int	cdc_assess_needs(const CdcPipeline *pipeline);

typedef struct CdcAssessment
{
	CdcSnapshot snapshot;
	const char *details[CDC_NUM_DETAILS];	/* in the current context, or as long-lived as the visit */
	CdcGap		gap;			/* one that was not known before; CDC_GAP_NONE */
	const char *gap_name;		/* its kind, as it is kept */
	const char *gap_words;
	bool		captures_other; /* so the connector's configuration */
	bool		rolling;		/* workers are restarted one by one: look often */
	bool		plugin_settled; /* no worker lacks the plugin, at its wanted version */
	int64		turn_at;		/* when the slot turn of a neighbour may be over */
} CdcAssessment;

/* Fills all of it. */
extern void cdc_assess(const CdcPipeline *pipeline, CdcAssessment *assessment);

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
