/*
 * compat.h
 *	  The differences between PostgreSQL 15 and 18 that concern us, all here.
 */
#ifndef CDC_COMPAT_H
#define CDC_COMPAT_H

#include "postgres.h"
#include "common/scram-common.h"
#include "executor/executor.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif

/* A set that lives as long as the process. */
static inline WaitEventSet *
cdc_create_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

/* What pg_stat_activity shows while the reconciler waits. */
static inline uint32
cdc_wait_event(void)
{
#if PG_VERSION_NUM >= 170000
	static uint32 event = 0;

	if (event == 0)
		event = WaitEventExtensionNew("CdcReconcilerMain");
	return event;
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* This process's place in ProcGlobal->allProcs. */
static inline int
cdc_my_proc_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyProc->pgprocno;
#endif
}

/* Of this process's present transaction; another one whenever that is another. */
static inline LocalTransactionId
cdc_local_transaction(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* The arguments of ExecutorRun, as they are declared and as they are passed on. */
#if PG_VERSION_NUM >= 180000
#define CDC_EXECUTOR_RUN_ARGS QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define CDC_EXECUTOR_RUN_PASS queryDesc, direction, count
#else
#define CDC_EXECUTOR_RUN_ARGS QueryDesc *queryDesc, ScanDirection direction, uint64 count, bool execute_once
#define CDC_EXECUTOR_RUN_PASS queryDesc, direction, count, execute_once
#endif

/* A SCRAM-SHA-256 verifier, palloc'd; NULL with *why when it cannot be made. */
static inline char *
cdc_scram_build_secret(const char *salt, int salt_length, int iterations, const char *password, const char **why)
{
#if PG_VERSION_NUM >= 180000
	return scram_build_secret(PG_SHA256, SCRAM_SHA_256_KEY_LEN, (const uint8 *) salt, salt_length, iterations, password, why);
#elif PG_VERSION_NUM >= 160000
	return scram_build_secret(PG_SHA256, SCRAM_SHA_256_KEY_LEN, salt, salt_length, iterations, password, why);
#else
	return scram_build_secret(salt, salt_length, iterations, password, why);
#endif
}

#endif							/* CDC_COMPAT_H */
