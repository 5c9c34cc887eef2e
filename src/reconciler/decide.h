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

/*
 * What may be done side by side with the action of d, which was decided on s:
 * true when the action that would follow if that one were done needs nothing
 * of it.  So it is with what prepares the source for a connector that does not
 * exist yet: password's file, role, pg_hba.conf, publication; nobody uses them
 * before all of them are seen.  s becomes the world in which d's action is done
 * (to be asked about next), and *beside is decided on it.
 */
extern bool cdc_decide_beside(const CdcRule *rules, CdcSnapshot *s, const CdcDecision *d, CdcDecision *beside);

/* cdc_decide over a table of the caller, which must take every status. */
extern CdcDecision cdc_decide_rules(const CdcRule *rules, const CdcSnapshot *s);

#endif							/* CDC_DECIDE_H */
