/*
 * event_loop.c
 *	  One wait for latch, postmaster death, sockets and timers.
 *
 * See event_loop.h.  Owns the epoll descriptor, the table of watched
 * descriptors and the timers; does no I/O of its own.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "common/clock.h"
#include "common/compat.h"
#include "worker/io/event_loop.h"
#include "worker/io/guard.h"

#define MAX_EVENTS 64

/* One descriptor; generation tells a reused number from the one that is gone. */
typedef struct CdcWatch
{
	bool		used;
	uint32		generation;
	CdcIoCallback callback;
	void	   *arg;
} CdcWatch;

struct CdcTimer
{
	CdcLoop    *loop;
	CdcTimerCallback callback;
	void	   *arg;
	int64		deadline;
	int			position;		/* in the heap, -1 when disarmed */
};

struct CdcLoop
{
	int			epoll_fd;
	WaitEventSet *set;
	CdcWatch   *watches;		/* by descriptor; malloc'd: libcurl's callbacks grow it */
	int			nwatches;
	int			nwatched;		/* of them are in use */
	CdcTimer  **heap;			/* with room for all timers that there are */
	int			ntimers;
	int			ncreated;
	int			heap_size;
	int64		woken_us;		/* when the last wait ended, 0: never */
	int64		longest_us;		/* the longest time between two waits */
};

int64
cdc_loop_now(void)
{
	return cdc_clock_ms();
}

int64
cdc_loop_longest_step(CdcLoop *loop)
{
	int64		longest = loop->longest_us;

	loop->longest_us = 0;
	return longest;
}

CdcLoop *
cdc_loop_create(void)
{
	CdcLoop    *loop = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcLoop));

	if (!AcquireExternalFD())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("out of file descriptors for the reconciler's event loop"),
				 errhint("Raise max_files_per_process or the server's open files limit.")));
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll descriptor: %m")));
	loop->set = cdc_create_wait_event_set(3);
	AddWaitEventToSet(loop->set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(loop->set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(loop->set, WL_SOCKET_READABLE, loop->epoll_fd, NULL, NULL);
	return loop;
}

bool
cdc_loop_watch(CdcLoop *loop, int fd, int events, CdcIoCallback callback, void *arg)
{
	struct epoll_event event;
	CdcWatch   *watch;
	bool		fresh;

	if (fd >= loop->nwatches)
	{
		int			n = Max(64, fd * 2);
		CdcWatch   *grown = realloc(loop->watches, n * sizeof(CdcWatch));

		if (grown == NULL)
		{
			errno = ENOMEM;
			return false;
		}
		memset(grown + loop->nwatches, 0, (n - loop->nwatches) * sizeof(CdcWatch));
		loop->watches = grown;
		loop->nwatches = n;
	}
	watch = &loop->watches[fd];
	fresh = !watch->used;
	if (fresh)
		watch->generation++;
	memset(&event, 0, sizeof(event));
	event.events = ((events & CDC_IO_READ) ? EPOLLIN | EPOLLRDHUP : 0) | ((events & CDC_IO_WRITE) ? EPOLLOUT : 0);
	event.data.u64 = ((uint64) watch->generation << 32) | (uint32) fd;
	if (epoll_ctl(loop->epoll_fd, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) < 0)
	{
		/* closed and opened again behind our back, or the other way round */
		if (errno != (fresh ? EEXIST : ENOENT) ||
			epoll_ctl(loop->epoll_fd, fresh ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
			return false;
	}
	loop->nwatched += !watch->used;
	watch->used = true;
	watch->callback = callback;
	watch->arg = arg;
	return true;
}

void
cdc_loop_forget(CdcLoop *loop, int fd)
{
	if (fd < 0 || fd >= loop->nwatches || !loop->watches[fd].used)
		return;
	loop->watches[fd].used = false;
	loop->nwatched--;
	loop->watches[fd].generation++;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void
heap_put(CdcLoop *loop, int position, CdcTimer *timer)
{
	loop->heap[position] = timer;
	timer->position = position;
}

static void
heap_up(CdcLoop *loop, int i)
{
	CdcTimer   *timer = loop->heap[i];

	while (i > 0 && loop->heap[(i - 1) / 2]->deadline > timer->deadline)
	{
		heap_put(loop, i, loop->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(loop, i, timer);
}

static void
heap_down(CdcLoop *loop, int i)
{
	CdcTimer   *timer = loop->heap[i];

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= loop->ntimers)
			break;
		if (child + 1 < loop->ntimers &&
			loop->heap[child + 1]->deadline < loop->heap[child]->deadline)
			child++;
		if (loop->heap[child]->deadline >= timer->deadline)
			break;
		heap_put(loop, i, loop->heap[child]);
		i = child;
	}
	heap_put(loop, i, timer);
}

CdcTimer *
cdc_timer_create(CdcLoop *loop, CdcTimerCallback callback, void *arg)
{
	CdcTimer   *timer = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcTimer));

	if (loop->ncreated == loop->heap_size)
	{
		int			size = loop->heap_size ? loop->heap_size * 2 : 64;

		loop->heap = loop->heap ? repalloc(loop->heap, size * sizeof(CdcTimer *)) :
			MemoryContextAlloc(TopMemoryContext, size * sizeof(CdcTimer *));
		loop->heap_size = size;
	}
	loop->ncreated++;
	timer->loop = loop;
	timer->callback = callback;
	timer->arg = arg;
	timer->position = -1;
	return timer;
}

void
cdc_timer_cancel(CdcTimer *timer)
{
	CdcLoop    *loop = timer->loop;
	int			i = timer->position;

	if (i < 0)
		return;
	timer->position = -1;
	loop->ntimers--;
	if (i < loop->ntimers)
	{
		heap_put(loop, i, loop->heap[loop->ntimers]);
		heap_up(loop, i);
		heap_down(loop, i);
	}
}

void
cdc_timer_set(CdcTimer *timer, int64 deadline)
{
	CdcLoop    *loop = timer->loop;

	cdc_timer_cancel(timer);
	timer->deadline = deadline;
	heap_put(loop, loop->ntimers++, timer);
	heap_up(loop, timer->position);
}

bool
cdc_timer_is_set(const CdcTimer *timer)
{
	return timer->position >= 0;
}

void
cdc_timer_free(CdcTimer *timer)
{
	cdc_timer_cancel(timer);
	timer->loop->ncreated--;
	pfree(timer);
}

/* A callback that is due; what it throws, itself or for a peer, is logged. */
typedef struct CdcDue
{
	CdcIoCallback io;
	CdcTimerCallback timer;
	int			fd;
	int			events;
	void	   *arg;
} CdcDue;

static void
call_due(void *arg)
{
	const CdcDue *due = arg;

	if (due->io)
		due->io(due->fd, due->events, due->arg);
	else
		due->timer(due->arg);
}

static void
run_due(const CdcDue *due)
{
	char		why[256];

	cdc_guard(call_due, unconstify(CdcDue *, due), due->io ? "a socket" : "a timer", why, sizeof(why));
}

bool
cdc_loop_wait(CdcLoop *loop, long max_wait)
{
	WaitEvent	occurred[3];
	struct epoll_event ready[MAX_EVENTS];
	bool		latched = false;
	bool		io = false;
	int			batch;
	int			n;
	int			i;

	Assert(!IsTransactionState());
	if (loop->ntimers > 0)
	{
		int64		left = loop->heap[0]->deadline - cdc_loop_now();

		if (left < 0)
			left = 0;
		if (max_wait < 0 || left < max_wait)
			max_wait = (long) left;
	}
	if (loop->woken_us != 0)
		loop->longest_us = Max(loop->longest_us, cdc_clock_us() - loop->woken_us);
	n = WaitEventSetWait(loop->set, max_wait, occurred, lengthof(occurred), cdc_wait_event());
	loop->woken_us = cdc_clock_us();
	for (i = 0; i < n; i++)
	{
		if (occurred[i].events & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			latched = true;
		}
		if (occurred[i].events & WL_SOCKET_READABLE)
			io = true;
	}
	/* all that is ready, before deadlines pass: an answer that is here is in time, behind however many others */
	for (batch = 0; io && batch <= loop->nwatched / MAX_EVENTS; batch++)
	{
		n = epoll_wait(loop->epoll_fd, ready, MAX_EVENTS, 0);
		io = n == MAX_EVENTS;
		for (i = 0; i < n; i++)
		{
			int			fd = (int) (uint32) ready[i].data.u64;
			uint32		generation = (uint32) (ready[i].data.u64 >> 32);
			CdcWatch   *watch = &loop->watches[fd];
			CdcDue		due = {watch->callback, NULL, fd, 0, watch->arg};

			/* an earlier callback of this batch may have closed or reused it */
			if (!watch->used || watch->generation != generation)
				continue;
			if (ready[i].events & (EPOLLIN | EPOLLRDHUP))
				due.events |= CDC_IO_READ;
			if (ready[i].events & EPOLLOUT)
				due.events |= CDC_IO_WRITE;
			if (ready[i].events & (EPOLLERR | EPOLLHUP))
				due.events |= CDC_IO_ERROR;
			run_due(&due);
		}
	}
	while (loop->ntimers > 0 && loop->heap[0]->deadline <= cdc_loop_now())
	{
		CdcTimer   *timer = loop->heap[0];
		CdcDue		due = {NULL, timer->callback, -1, 0, timer->arg};

		cdc_timer_cancel(timer);
		run_due(&due);
	}
	return latched;
}
