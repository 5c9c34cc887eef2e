/*
 * cdc_shmem.h
 *	  The extension's few bytes of shared memory and how the worker is woken.
 *
 * Holds numbers only, never a pointer to process memory.
 */
#ifndef CDC_SHMEM_H
#define CDC_SHMEM_H

#include "postgres.h"
#include "storage/lwlock.h"

typedef struct CdcShared
{
	LWLock	   *lock;
	pid_t		worker_pid;		/* 0: no worker */
	int			worker_pgprocno;	/* whose latch wakes it */
	pg_atomic_uint32 wake_pending;	/* one SetLatch a burst */
	pg_atomic_uint64 heartbeat_us;	/* wall clock of the worker's last turn, epoch us */
	pg_atomic_uint64 rounds;	/* health rounds since start */
	pg_atomic_uint64 longest_step_us;	/* of the loop, in the present health round */
	pg_atomic_uint64 longest_before_us; /* and in the one before */
	pg_atomic_uint64 descriptors;	/* that the worker may have for peers */
	pg_atomic_uint64 descriptors_used;
	pg_atomic_uint64 descriptors_waiting;	/* connections and requests that wait for one */
	pg_atomic_uint64 descriptors_since_us;	/* wall clock since when the first of them does, epoch us; 0: none */
	char		state[256];		/* what the worker does, in words, e.g. "running",
								 * "disabled", "idle: ..."; under lock */
} CdcShared;

extern CdcShared *cdc_shared;	/* NULL when not preloaded */

/* From _PG_init while preloading: requests the memory, installs the hooks. */
extern void cdc_shmem_init(void);

/* Worker: publishes this process as the one to wake; cleared at exit. */
extern void cdc_shmem_attach_worker(void);

/* Worker: says what it does (shown by cdc.worker_state()). */
extern void cdc_shmem_set_state(const char *state);

/* Worker: a step of the loop took so long; a new health round has begun. */
extern void cdc_shmem_note_step(int64 us);
extern void cdc_shmem_begin_round(void);

/* Worker: so many descriptors it has for peers, uses so many, and so many wait, the first since then (0: none). */
extern void cdc_shmem_note_descriptors(int limit, int used, int waiting, int64 since_us);

/* Ends the worker (SIGTERM) and waits up to 3 s until it is gone. */
extern void cdc_shmem_end_worker(void);

/* Sets the worker's latch after this transaction commits, once a burst. */
extern void cdc_wake_worker_at_commit(void);

/* Ends the worker after this transaction commits: the next one reads everything anew. */
extern void cdc_end_worker_at_commit(void);

#endif							/* CDC_SHMEM_H */
