/*
 * loop.h
 *	  The one wait of the gateway: an epoll descriptor and a clock.
 *
 * A source is embedded in whatever owns the descriptor.  It may be removed and
 * freed at any time, also while events of the same wait are being handed out.
 */
#ifndef CDC_GATEWAY_LOOP_H
#define CDC_GATEWAY_LOOP_H

#include "common/base.h"
#include <sys/epoll.h>

typedef struct LoopSource LoopSource;
struct LoopSource
{
	int			fd;				/* -1: not in the loop */
	uint32		events;			/* watched for */
	void		(*ready) (LoopSource *source, uint32 events);
};

/* Microseconds of a clock that only goes forward, as of the last wait. */
extern uint64 loop_now;

/* The same, read now. */
extern uint64 loop_clock(void);

/* Of two times, of which 0 is none, the earlier. */
static inline uint64
loop_earlier(uint64 a, uint64 b)
{
	return a == 0 ? b : b == 0 ? a : Min(a, b);
}

extern void loop_start(void);

/* Watches fd; events as of epoll_ctl(2).  Errors of epoll end the process. */
extern void loop_add(LoopSource *source, int fd, uint32 events);
extern void loop_change(LoopSource *source, uint32 events);

/* Before the descriptor is closed.  No effect on a source that is not in. */
extern void loop_remove(LoopSource *source);

/* Waits until something is ready or until the time (0: do not wait). */
extern void loop_wait(uint64 until);

#endif							/* CDC_GATEWAY_LOOP_H */
