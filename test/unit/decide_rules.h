/*
 * decide_rules.h
 *	  What must be true of every single decision, whatever the table says.
 */
#ifndef CDC_DECIDE_RULES_H
#define CDC_DECIDE_RULES_H

#include "reconciler/decide.h"

/* The words of the rule that the decision breaks, or NULL. */
extern const char *decision_fault(const CdcSnapshot *s, const CdcDecision *d);

/*
 * The same when any one field that s does not know turns out to have any
 * value: an action must be right whatever the truth is.
 */
extern const char *decision_fault_in_ignorance(const CdcSnapshot *s, const CdcDecision *d,
											   const char **field);

#endif							/* CDC_DECIDE_RULES_H */
