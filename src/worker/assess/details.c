/*
 * details.c
 *	  The words beside a snapshot, for messages.
 *
 * See assess_parts.h.
 */
#include "postgres.h"

#include "worker/assess/assess_parts.h"

void
cdc_set_detail(CdcAssessment *a, CdcDetail which, const char *words)
{
	a->details[which] = words;
}
