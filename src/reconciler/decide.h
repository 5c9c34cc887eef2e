/*
 * decide.h
 *	  One question: given this snapshot, what next?
 *
 * Pure: no memory, no clock, no I/O.
 */
#ifndef CDC_DECIDE_H
#define CDC_DECIDE_H

#include "reconciler/state_table.h"

typedef struct CdcDecision
{
	const CdcRule *rule;		/* the rule that fired, never NULL: the table ends
								 * with a rule that always matches */
	CdcStatus	status;			/* the status after the rule */
	CdcStep		step;
	CdcAction	action;
	CdcRetry	retry;
	bool		unchanged;		/* nothing new was seen: status, step and
								 * error_message stay what they are */
	bool		torn_down;		/* deleting: all of ours was seen absent at this
								 * look, or is given up by force */
} CdcDecision;

/*
 * First rule of the table whose statuses and guard match.  step is
 * CDC_STEP_NONE unless the status after the rule is Provisioning or Failed.
 */
extern CdcDecision cdc_decide(const CdcSnapshot *s);

/* cdc_decide over a table of the caller, which must take every status. */
extern CdcDecision cdc_decide_rules(const CdcRule *rules, const CdcSnapshot *s);

#endif							/* CDC_DECIDE_H */
