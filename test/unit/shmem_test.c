/* flags: -Wl,--wrap=kill */
/* libs: -lpgport */
/*
 * shmem_test.c
 *	  Ending the worker: only the worker is signalled, whenever it ends by itself.
 *
 * The file is taken in whole, with locks that tell when they are released.
 */
#include "postgres.h"

#include <stdlib.h>

#include "../../src/extension/cdc_shmem.c"	/* NOLINT(bugprone-suspicious-include): its statics are tested */

#undef printf
#undef snprintf
#include "tap.h"

#define WORKER 4711

static CdcShared shared;
static int	released;			/* locks, so far */
static int	ends_at;			/* the worker ends by itself after so many */
static int	signals;
static pid_t wrong;				/* somebody else who was signalled */
static bool locked;
static bool unlocked_signal;

/* what the file needs of a server, and the tests do not */
struct Latch *MyLatch;
volatile sig_atomic_t InterruptPending;
LWLockPadded *MainLWLockArray;
PGPROC	   *MyProc;
int			MyProcPid;
PROC_HDR   *ProcGlobal;
shmem_request_hook_type shmem_request_hook;
shmem_startup_hook_type shmem_startup_hook;
#if PG_VERSION_NUM >= 170000
ProcNumber	MyProcNumber;

uint32
WaitEventExtensionNew(const char *name)
{
	return 0;
}
#endif

LWLockPadded *
GetNamedLWLockTranche(const char *name)
{
	return NULL;
}

void
RegisterXactCallback(XactCallback callback, void *arg)
{
}

void
RequestAddinShmemSpace(Size size)
{
}

void
RequestNamedLWLockTranche(const char *name, int n)
{
}

void
SetLatch(Latch *latch)
{
}

void *
ShmemInitStruct(const char *name, Size size, bool *found)
{
	*found = true;
	return &shared;
}

void
before_shmem_exit(pg_on_exit_callback function, Datum arg)
{
}

extern int	__wrap_kill(pid_t pid, int number); /* NOLINT(bugprone-reserved-identifier): what ld --wrap calls */

int
__wrap_kill(pid_t pid, int number)
{
	signals++;
	unlocked_signal |= !locked;
	if (pid != WORKER)
		wrong = pid ? pid : -1;
	return 0;
}

bool
LWLockAcquire(LWLock *lock, LWLockMode mode)
{
	locked = true;
	return true;
}

void
LWLockRelease(LWLock *lock)
{
	locked = false;
	if (++released == ends_at)
		shared.worker_pid = 0;
}

int
WaitLatch(Latch *latch, int events, long timeout, uint32 info)
{
	return 0;
}

void
ResetLatch(Latch *latch)
{
}

void
ProcessInterrupts(void)
{
}

int
main(void)
{
	cdc_shared = &shared;
	for (ends_at = 1; ends_at <= 6; ends_at++)
	{
		shared.worker_pid = WORKER;
		released = 0;
		cdc_shmem_end_worker();
	}
	ok(wrong == 0, "a worker that ends between two reads of its pid: nobody else is signalled");
	ok(signals == 6 && !unlocked_signal, "it is signalled once, while it cannot take its pid out");
	signals = 0;
	shared.worker_pid = 0;
	cdc_shmem_end_worker();
	ok(signals == 0, "where there is none nobody is");
	return done_testing();
}
