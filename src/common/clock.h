/*
 * clock.h
 *	  The time that waits and deadlines are counted by: monotonic, so that nobody
 *	  who sets a clock makes one longer or shorter.  Never a time of day.
 */
#ifndef CDC_CLOCK_H
#define CDC_CLOCK_H

#include "common/base.h"

#include <time.h>

/* Microseconds, milliseconds since some moment of the past. */
static inline int64
cdc_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static inline int64
cdc_clock_ms(void)
{
	return cdc_clock_us() / 1000;
}

/* Sleeps, or until a signal.  For threads that have nothing else to do: whoever has a loop waits there. */
static inline void
cdc_clock_pause(long ms)
{
	struct timespec ts = {ms / 1000, (ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

#endif							/* CDC_CLOCK_H */
