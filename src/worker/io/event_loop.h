/*
 * event_loop.h
 *	  The worker's one wait: latch, postmaster death, sockets, deadlines.
 *
 * A WaitEventSet cannot drop a socket before PostgreSQL 18, so it holds the
 * latch, postmaster death and one epoll descriptor of ours; that one holds
 * the sockets.  Owns the epoll descriptor and the timers; knows nothing of
 * HTTP, libpq or pipelines.  Linux only.
 *
 * Callbacks run from cdc_loop_wait(), outside any transaction, and may add or
 * remove sockets and timers, their own included (generation numbers protect
 * against a descriptor that is closed and reused in the same batch).
 */
#ifndef CDC_EVENT_LOOP_H
#define CDC_EVENT_LOOP_H

#include "postgres.h"
#include "portability/instr_time.h"

#define CDC_IO_READ		1
#define CDC_IO_WRITE	2
#define CDC_IO_ERROR	4		/* reported only: hang up or error */

typedef struct CdcLoop CdcLoop;
typedef struct CdcTimer CdcTimer;

typedef void (*CdcIoCallback) (int fd, int events, void *arg);
typedef void (*CdcTimerCallback) (void *arg);

/*
 * Makes the loop in TopMemoryContext; lives as long as the process.  ERROR
 * when no descriptor is to be had.
 */
extern CdcLoop *cdc_loop_create(void);

/*
 * Watches fd for events (CDC_IO_*), or changes what is watched; events 0
 * keeps the entry but waits only for errors.  Never ereports (safe inside
 * libcurl callbacks): false when epoll refused, errno set.
 */
extern bool cdc_loop_watch(CdcLoop *loop, int fd, int events, CdcIoCallback callback, void *arg);

/* Forgets fd; call it before close().  Unknown fd: nothing. */
extern void cdc_loop_forget(CdcLoop *loop, int fd);

/* Monotonic milliseconds; the only clock of deadlines in the worker. */
extern int64 cdc_loop_now(void);

/*
 * One-shot timers.  cdc_timer_create allocates in TopMemoryContext; set
 * replaces an earlier deadline (monotonic ms); cancel disarms; free also
 * releases.  Set and cancel allocate nothing and never ereport (safe inside
 * libcurl's callbacks).  A timer that fires is disarmed before its callback runs.
 */
extern CdcTimer *cdc_timer_create(CdcLoop *loop, CdcTimerCallback callback, void *arg);
extern void cdc_timer_set(CdcTimer *timer, int64 deadline);
extern void cdc_timer_cancel(CdcTimer *timer);
extern bool cdc_timer_is_set(const CdcTimer *timer);
extern void cdc_timer_free(CdcTimer *timer);

/*
 * Microseconds of the longest step since this was last asked: the time from the
 * end of a wait to the beginning of the next, in which nobody else is served.
 */
extern int64 cdc_loop_longest_step(CdcLoop *loop);

/*
 * Waits until the latch is set, a socket is ready or the earliest of timers
 * and max_wait (ms, -1: no bound) has passed, then runs the callbacks that are
 * due.  Returns true when the latch was set (and has been reset).  Exits the
 * process on postmaster death.  Asserts that no transaction is open.
 * CHECK_FOR_INTERRUPTS is the caller's, after it returns.
 */
extern bool cdc_loop_wait(CdcLoop *loop, long max_wait);

#endif							/* CDC_EVENT_LOOP_H */
