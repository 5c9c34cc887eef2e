/* link: src/worker/io/event_loop.c */
/* libs: -lpgport */
/* flags: -I/usr/include/postgresql -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer */
/*
 * event_loop_test.c
 *	  Timers fire once, in the order of their deadlines, and setting one allocates
 *	  nothing: libcurl's callbacks set them.  A descriptor that was closed and used
 *	  anew gets no event of the one before.
 *
 * The loop on a memory and a wait of the test's own.
 */
#include "postgres.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "worker/io/event_loop.h"
#include "worker/io/guard.h"

#undef printf
#undef snprintf
#include "tap.h"

/* --- memory, counted -------------------------------------------------------------------- */
static int	allocations;
MemoryContext TopMemoryContext;

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	allocations++;
	return malloc(size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	allocations++;
	return calloc(1, size);
}

void *
repalloc(void *pointer, Size size)
{
	allocations++;
	return realloc(pointer, size);
}

void
pfree(void *pointer)
{
	free(pointer);
}

/* --- what else a server has ------------------------------------------------------------- */
struct Latch *MyLatch;

bool
AcquireExternalFD(void)
{
	return true;
}

bool
errstart(int level, const char *domain)
{
	return false;
}

bool
errstart_cold(int level, const char *domain)
{
	abort();
}

void
errfinish(const char *file, int line, const char *function)
{
	abort();
}

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errcode_for_socket_access(void)
{
	return 0;
}

int
errmsg(const char *format,...)
{
	return 0;
}

int
errhint(const char *format,...)
{
	return 0;
}

bool
cdc_guard(void (*call) (void *arg), void *arg, const char *what, char *why, size_t size)
{
	call(arg);
	return true;
}

/* --- a wait for the one descriptor that the loop has there ------------------------------- */
static pgsocket inner = PGINVALID_SOCKET;

#if PG_VERSION_NUM >= 170000
WaitEventSet *
CreateWaitEventSet(ResourceOwner resowner, int nevents)
#else
WaitEventSet *
CreateWaitEventSet(MemoryContext context, int nevents)
#endif
{
	return NULL;
}

int
AddWaitEventToSet(WaitEventSet *set, uint32 events, pgsocket fd, Latch *latch, void *user_data)
{
	if (fd != PGINVALID_SOCKET)
		inner = fd;
	return 0;
}

int
WaitEventSetWait(WaitEventSet *set, long timeout, WaitEvent *occurred, int nevents, uint32 wait_event_info)
{
	struct pollfd fd = {inner, POLLIN, 0};

	if (poll(&fd, 1, (int) timeout) <= 0)
		return 0;
	occurred[0].events = WL_SOCKET_READABLE;
	return 1;
}

#if PG_VERSION_NUM >= 170000
uint32
WaitEventExtensionNew(const char *wait_event_name)
{
	return 1;
}
#endif

void
ResetLatch(Latch *latch)
{
}

/* --- the cases ---------------------------------------------------------------------------- */
#define MANY 300

static CdcLoop *loop;
static CdcTimer *timers[MANY];
static int	order[2 * MANY];
static int	fired;

static void
on_timer(void *arg)
{
	order[fired++] = (int) (intptr_t) arg;
}

static void
timers_in_order(void)
{
	int64		start = cdc_loop_now();
	int			before;
	bool		sorted = true;
	int			i;

	for (i = 0; i < MANY; i++)
		timers[i] = cdc_timer_create(loop, on_timer, (void *) (intptr_t) i);
	before = allocations;
	/* 7 and MANY have no common divisor: each deadline once, in an order of its own */
	for (i = 0; i < MANY; i++)
		cdc_timer_set(timers[i], start - 1 - i * 7 % MANY);
	for (i = 0; i < MANY; i += 3)
		cdc_timer_cancel(timers[i]);
	for (i = 0; i < MANY; i += 6)
		cdc_timer_set(timers[i], start - 1 - i * 7 % MANY);
	ok(allocations == before, "timers are set and cancelled without an allocation");
	cdc_loop_wait(loop, 0);
	is_number(fired, MANY - MANY / 6, "those that are set fire, each once");
	for (i = 1; i < fired; i++)
		sorted = sorted && order[i - 1] * 7 % MANY > order[i] * 7 % MANY;
	ok(sorted, "in the order of their deadlines");
	ok(!cdc_timer_is_set(timers[0]), "one that has fired is not set");
	fired = 0;
	cdc_loop_wait(loop, 0);
	is_number(fired, 0, "and fires no more");
	for (i = 0; i < MANY / 2; i++)
		cdc_timer_free(timers[i]);
	for (i = 0; i < MANY / 2; i++)
		timers[i] = cdc_timer_create(loop, on_timer, (void *) (intptr_t) i);
	before = allocations;
	for (i = 0; i < MANY; i++)
		cdc_timer_set(timers[i], start);
	ok(allocations == before, "nor where others were freed");
	cdc_loop_wait(loop, 0);
	is_number(fired, MANY, "they all fire");
	for (i = 0; i < MANY; i++)
		cdc_timer_free(timers[i]);
}

static int	first[2];
static int	second[2];
static int	calls;
static int	calls_of_new;

static void
on_new(int fd, int events, void *arg)
{
	calls_of_new++;
}

/* Closes the other descriptor and uses its number for one on which nothing is to be read. */
static void
on_readable(int fd, int events, void *arg)
{
	int		   *other = arg;
	int			number = other[0];
	int			fresh[2];

	calls++;
	cdc_loop_forget(loop, fd);
	cdc_loop_forget(loop, number);
	close(number);
	if (pipe(fresh) != 0 || dup2(fresh[0], number) < 0)
		abort();
	if (fresh[0] != number)
		close(fresh[0]);
	other[0] = number;
	close(other[1]);
	other[1] = fresh[1];
	cdc_loop_watch(loop, number, CDC_IO_READ, on_new, NULL);
}

static void
reused_descriptor(void)
{
	if (pipe(first) != 0 || pipe(second) != 0 || write(first[1], "x", 1) != 1 || write(second[1], "x", 1) != 1)
		abort();
	cdc_loop_watch(loop, first[0], CDC_IO_READ, on_readable, second);
	cdc_loop_watch(loop, second[0], CDC_IO_READ, on_readable, first);
	cdc_loop_wait(loop, 1000);
	is_number(calls, 1, "of two that are ready the first one's callback closes the other: that one is not called");
	is_number(calls_of_new, 0, "nor what has its number now");
	if (write(first[1], "y", 1) != 1 || write(second[1], "y", 1) != 1)
		abort();
	cdc_loop_wait(loop, 1000);
	is_number(calls_of_new, 1, "but when there is something for it");
}

int
main(void)
{
	loop = cdc_loop_create();
	timers_in_order();
	reused_descriptor();
	return done_testing();
}
