/*
 * decide_cases.h
 *	  Every rule of the state table by the worlds that it is for: from a world
 *	  where all is well, one or two facts on.
 */
#ifndef CDC_DECIDE_CASES_H
#define CDC_DECIDE_CASES_H

#include "reconciler/decide.h"

typedef struct Case
{
	int			rule;			/* the id of the rule that must fire */
	CdcSnapshot s;
	const char *what;			/* how it differs from a world where all is well */
	bool		again;			/* another case once more, in another world */
} Case;

extern const Case *decide_cases(int *n);

#endif							/* CDC_DECIDE_CASES_H */
