/*
 * details.c
 *	  The words beside a snapshot, for messages.
 *
 * See assess_parts.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "worker/assess/assess_parts.h"

void
cdc_set_detail(CdcAssessment *a, CdcDetail which, const char *words)
{
	a->details[which] = words;
}

char *
cdc_time_words(TimestampTz at)
{
	int64		seconds = at / USECS_PER_SEC;

	return psprintf("%02d:%02d:%02d UTC", (int) (seconds / SECS_PER_HOUR % HOURS_PER_DAY),
					(int) (seconds / SECS_PER_MINUTE % MINS_PER_HOUR), (int) (seconds % SECS_PER_MINUTE));
}
