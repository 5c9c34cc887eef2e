/*
 * cdc_shmem.c
 *	  The extension's shared memory, and the worker's wake-up at commit.
 *
 * Holds numbers and one line of text, never a pointer to process memory.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"

#include "common/compat.h"
#include "extension/cdc_shmem.h"

#define END_WORKER_MS 3000

CdcShared  *cdc_shared = NULL;

static shmem_request_hook_type next_request;
static shmem_startup_hook_type next_startup;
static bool wake_wanted;
static bool end_wanted;

static void
on_request(void)
{
	if (next_request)
		next_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(CdcShared)));
	RequestNamedLWLockTranche("cdc_pipeline", 1);
}

static void
on_startup(void)
{
	bool		found;

	if (next_startup)
		next_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	cdc_shared = ShmemInitStruct("cdc_pipeline", sizeof(CdcShared), &found);
	if (!found)
	{
		memset(cdc_shared, 0, sizeof(CdcShared));
		cdc_shared->lock = &GetNamedLWLockTranche("cdc_pipeline")->lock;
		pg_atomic_init_u32(&cdc_shared->wake_pending, 0);
		pg_atomic_init_u64(&cdc_shared->heartbeat_us, 0);
		pg_atomic_init_u64(&cdc_shared->rounds, 0);
		pg_atomic_init_u64(&cdc_shared->longest_step_us, 0);
		pg_atomic_init_u64(&cdc_shared->longest_before_us, 0);
		pg_atomic_init_u64(&cdc_shared->descriptors, 0);
		pg_atomic_init_u64(&cdc_shared->descriptors_used, 0);
		pg_atomic_init_u64(&cdc_shared->descriptors_waiting, 0);
		pg_atomic_init_u64(&cdc_shared->descriptors_since_us, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
cdc_shmem_init(void)
{
	next_request = shmem_request_hook;
	shmem_request_hook = on_request;
	next_startup = shmem_startup_hook;
	shmem_startup_hook = on_startup;
}

static void
detach_worker(int code, Datum arg)
{
	LWLockAcquire(cdc_shared->lock, LW_EXCLUSIVE);
	/* a successor may have attached already */
	if (cdc_shared->worker_pid == MyProcPid)
	{
		cdc_shared->worker_pid = 0;
		strlcpy(cdc_shared->state, "stopped", sizeof(cdc_shared->state));
		cdc_shmem_note_descriptors(0, 0, 0, 0);
	}
	LWLockRelease(cdc_shared->lock);
}

void
cdc_shmem_attach_worker(void)
{
	before_shmem_exit(detach_worker, (Datum) 0);
	LWLockAcquire(cdc_shared->lock, LW_EXCLUSIVE);
	cdc_shared->worker_pid = MyProcPid;
	cdc_shared->worker_pgprocno = cdc_my_proc_number();
	strlcpy(cdc_shared->state, "starting", sizeof(cdc_shared->state));
	LWLockRelease(cdc_shared->lock);
	pg_atomic_write_u32(&cdc_shared->wake_pending, 0);
}

void
cdc_shmem_set_state(const char *state)
{
	LWLockAcquire(cdc_shared->lock, LW_EXCLUSIVE);
	strlcpy(cdc_shared->state, state, sizeof(cdc_shared->state));
	LWLockRelease(cdc_shared->lock);
}

void
cdc_shmem_note_step(int64 us)
{
	if (cdc_shared && (uint64) us > pg_atomic_read_u64(&cdc_shared->longest_step_us))
		pg_atomic_write_u64(&cdc_shared->longest_step_us, (uint64) us);
}

void
cdc_shmem_begin_round(void)
{
	if (cdc_shared == NULL)
		return;
	pg_atomic_fetch_add_u64(&cdc_shared->rounds, 1);
	pg_atomic_write_u64(&cdc_shared->longest_before_us, pg_atomic_exchange_u64(&cdc_shared->longest_step_us, 0));
}

void
cdc_shmem_note_descriptors(int limit, int used, int waiting, int64 since_us)
{
	if (cdc_shared == NULL)
		return;
	pg_atomic_write_u64(&cdc_shared->descriptors, (uint64) limit);
	pg_atomic_write_u64(&cdc_shared->descriptors_used, (uint64) used);
	pg_atomic_write_u64(&cdc_shared->descriptors_waiting, (uint64) waiting);
	pg_atomic_write_u64(&cdc_shared->descriptors_since_us, (uint64) since_us);
}

/*
 * The worker's pid, 0: there is none; a signal to it when number is not 0.  Under
 * the lock the pid is its own: a worker that ends takes it out first.  Read once
 * more outside it might be 0 by then, which for kill() is all of our own group.
 */
static pid_t
signal_worker(int number)
{
	pid_t		pid;

	LWLockAcquire(cdc_shared->lock, LW_SHARED);
	pid = cdc_shared->worker_pid;
	if (pid > 0 && number != 0)
		kill(pid, number);
	LWLockRelease(cdc_shared->lock);
	return pid;
}

void
cdc_shmem_end_worker(void)
{
	int			waited;

	for (waited = 0; waited < END_WORKER_MS && signal_worker(waited == 0 ? SIGTERM : 0) != 0; waited += 10)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 10, cdc_wait_event());
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
wake_worker(void)
{
	uint32		idle = 0;

	/* one SetLatch a burst: the worker clears the flag before it reads the queue */
	if (!pg_atomic_compare_exchange_u32(&cdc_shared->wake_pending, &idle, 1))
		return;
	LWLockAcquire(cdc_shared->lock, LW_SHARED);
	if (cdc_shared->worker_pid != 0)
		SetLatch(&ProcGlobal->allProcs[cdc_shared->worker_pgprocno].procLatch);
	LWLockRelease(cdc_shared->lock);
}

static void
on_xact(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
	{
		if (wake_wanted && event == XACT_EVENT_COMMIT && cdc_shared)
			wake_worker();
		if (end_wanted && event == XACT_EVENT_COMMIT && cdc_shared)
			(void) signal_worker(SIGTERM);
		wake_wanted = end_wanted = false;
	}
}

static void
watch_transactions(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(on_xact, NULL);
		registered = true;
	}
}

void
cdc_wake_worker_at_commit(void)
{
	watch_transactions();
	wake_wanted = true;
}

void
cdc_end_worker_at_commit(void)
{
	watch_transactions();
	end_wanted = true;
}
