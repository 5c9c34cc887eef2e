/*
 * clock.h
 *	  The time that waits and deadlines are counted by: monotonic, so that nobody
 *	  who sets a clock makes one longer or shorter.  Never a time of day.
 */
#ifndef CDC_CLOCK_H
#define CDC_CLOCK_H

#include "common/base.h"

#include <time.h>

/* Milliseconds since some moment of the past. */
static inline int64
cdc_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#endif							/* CDC_CLOCK_H */
