/*
 * decide.c
 *	  Finds the first rule that matches a snapshot.
 *
 * Owns nothing but the walk over the table.  Must not know any rule.
 */
#include <stddef.h>

#include "reconciler/decide.h"

CdcDecision
cdc_decide(const CdcSnapshot *s)
{
	return cdc_decide_rules(cdc_state_table, s);
}

CdcDecision
cdc_decide_rules(const CdcRule *rules, const CdcSnapshot *s)
{
	CdcDecision d;
	const CdcRule *rule = rules;

	/*
	 * The check at worker start has seen that the last rule matches always, so
	 * this stops at it at the latest and never at the terminator.
	 */
	while ((rule + 1)->id != 0 &&
		   !((rule->statuses & (1U << s->status)) != 0 && rule->guard(s)))
		rule++;

	d.rule = rule;
	d.status = rule->status_to == CDC_STAY ? s->status : (CdcStatus) rule->status_to;
	d.action = rule->action;
	d.retry = rule->retry;

	/* A step is where building is or where it failed; otherwise there is none. */
	d.step = d.status == CDC_PROVISIONING || d.status == CDC_FAILED ?
		rule->step : CDC_STEP_NONE;

	/*
	 * A look that is still outstanding takes nothing back: the worker has just
	 * started, or one answer is late.
	 */
	d.unchanged = rule->looking &&
		(s->status == CDC_RUNNING || s->status == CDC_PAUSED || s->status == CDC_FAILED);

	/*
	 * What waits in Deleting polls or backs off; only when nothing is left to
	 * do is the next round soon enough.
	 */
	d.torn_down = (s->status == CDC_DELETING || s->status == CDC_DELETED) &&
		(d.status == CDC_DELETED || (d.action == CDC_ACT_NONE && d.retry == CDC_RETRY_ROUND));
	return d;
}
