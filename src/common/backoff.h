/*
 * backoff.h
 *	  How long something is left alone that has failed: ever longer, within bounds.
 */
#ifndef CDC_BACKOFF_H
#define CDC_BACKOFF_H

#include "common/base.h"

/* The pause after so many failures in a row, at least one: first, doubled for each further one, and no longer than most (ms). */
static inline int64
cdc_backoff_ms(int failures, int64 first, int64 most)
{
	int64		ms = first;

	while (--failures > 0 && ms < most)
		ms *= 2;
	return Min(ms, most);
}

#endif							/* CDC_BACKOFF_H */
