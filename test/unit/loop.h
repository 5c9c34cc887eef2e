/*
 * loop.h
 *	  The worker's event loop for programs of unit that link what waits by it: real
 *	  descriptors by poll(), real time, one event a call.
 *
 * Included once a program, after backend.h and event_loop.h.
 */
#ifndef CDC_UNIT_LOOP_H
#define CDC_UNIT_LOOP_H

#include <poll.h>
#include <time.h>

struct CdcTimer
{
	CdcTimerCallback callback;
	void	   *arg;
	int64		deadline;		/* 0: disarmed */
	struct CdcTimer *next;
};

static struct CdcTimer *timers;
static struct
{
	int			events;			/* 0: not watched */
	CdcIoCallback callback;
	void	   *arg;
}			watched[256];

int64
cdc_loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
cdc_loop_watch(CdcLoop *loop, int fd, int events, CdcIoCallback callback, void *arg)
{
	watched[fd].events = events;
	watched[fd].callback = callback;
	watched[fd].arg = arg;
	return true;
}

void
cdc_loop_forget(CdcLoop *loop, int fd)
{
	watched[fd].events = 0;
}

CdcTimer *
cdc_timer_create(CdcLoop *loop, CdcTimerCallback callback, void *arg)
{
	CdcTimer   *timer = calloc(1, sizeof(CdcTimer));

	timer->callback = callback;
	timer->arg = arg;
	timer->next = timers;
	timers = timer;
	return timer;
}

void
cdc_timer_set(CdcTimer *timer, int64 deadline)
{
	timer->deadline = deadline;
}

void
cdc_timer_cancel(CdcTimer *timer)
{
	timer->deadline = 0;
}

void
cdc_timer_free(CdcTimer *timer)
{
	CdcTimer  **where = &timers;

	while (*where != timer)
		where = &(*where)->next;
	*where = timer->next;
	free(timer);
}

/* One event of those that are due; false: there is none within some milliseconds. */
static bool
turn(void)
{
	struct pollfd fds[256];
	int			n = 0;
	int			i;
	CdcTimer   *timer;

	for (timer = timers; timer; timer = timer->next)
	{
		if (timer->deadline && timer->deadline <= cdc_loop_now())
		{
			timer->deadline = 0;
			timer->callback(timer->arg);
			return true;
		}
	}
	for (i = 0; i < 256; i++)
	{
		if (watched[i].events)
			fds[n++] = (struct pollfd) {i, (watched[i].events & CDC_IO_READ ? POLLIN : 0) | (watched[i].events & CDC_IO_WRITE ? POLLOUT : 0), 0};
	}
	if (poll(fds, n, 10) <= 0)
		return false;
	for (i = 0; i < n; i++)
	{
		if (fds[i].revents)
		{
			watched[fds[i].fd].callback(fds[i].fd, (fds[i].revents & (POLLIN | POLLHUP) ? CDC_IO_READ : 0) | (fds[i].revents & POLLOUT ? CDC_IO_WRITE : 0) |
										(fds[i].revents & POLLERR ? CDC_IO_ERROR : 0), watched[fds[i].fd].arg);
			return true;
		}
	}
	return false;
}

#endif							/* CDC_UNIT_LOOP_H */
