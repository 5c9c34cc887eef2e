/*
 * organizations_grants.c
 *	  Grants in a transaction of their own: cdc_inner.grant_apart().
 *
 * A GRANT locks what it is about until its transaction ends, and all roles are
 * granted the same objects: whoever left a transaction open in which somebody
 * had become a member would hold up every organization.  So a process is started
 * for it, which commits and ends while the caller waits.  What is granted is SQL,
 * sql/organizations/helpers_grants.sql; whether it may be is the callers' to check.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "common/compat.h"

/* The longest time that the process waits for who grants beside it. */
#define LOCK_TIMEOUT "2s"
/* The longest time that a caller waits for the process to be had. */
#define SLOT_MS 5000
#define SLOT_POLL_MS 20

typedef enum OrderEnd
{
	ORDER_LOST = 0,				/* the process ended, or never began */
	ORDER_DONE,
	ORDER_NO_ROLE,				/* it sees no such role */
	ORDER_FAILED				/* see sqlstate and words */
} OrderEnd;

/* What the two share. */
typedef struct Order
{
	Oid			database;
	Oid			role;
	char		kind[16];
	OrderEnd	end;
	int			sqlstate;
	char		words[512];
} Order;

PG_FUNCTION_INFO_V1(cdc_grant_apart);

extern PGDLLEXPORT void cdc_grant_main(Datum arg);

/* The process's transaction; ERROR when it fails. */
static void
grant(Order *order)
{
	Oid			types[2] = {OIDOID, TEXTOID};
	Datum		values[2] = {ObjectIdGetDatum(order->role), CStringGetTextDatum(order->kind)};

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(order->role)))
	{
		order->end = ORDER_NO_ROLE;
		return;
	}
	if (SPI_execute_with_args("SELECT cdc_inner.grant_here($1, $2)", 2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute grant_here");
	order->end = ORDER_DONE;
}

void
cdc_grant_main(Datum arg)
{
	dsm_segment *segment;
	Order	   *order;
	OrderEnd	end;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "cdc_pipeline grants");
	segment = dsm_attach(DatumGetUInt32(arg));
	if (segment == NULL)
		proc_exit(0);			/* nobody waits any more */
	dsm_pin_mapping(segment);
	order = dsm_segment_address(segment);
	BackgroundWorkerInitializeConnectionByOid(order->database, InvalidOid, 0);
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_OVERRIDE);

	PG_TRY();
	{
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		SPI_connect();
		PushActiveSnapshot(GetTransactionSnapshot());
		pgstat_report_activity(STATE_RUNNING, "cdc_pipeline grants");
		grant(order);
		end = order->end;
		order->end = ORDER_LOST;
		PopActiveSnapshot();
		SPI_finish();
		CommitTransactionCommand();
		order->end = end;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(TopMemoryContext);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		order->sqlstate = edata->sqlerrcode;
		strlcpy(order->words, edata->message, sizeof(order->words));
		order->end = ORDER_FAILED;
	}
	PG_END_TRY();
	proc_exit(0);
}

/* Starts the process; ERROR when there is no place for it. */
static BackgroundWorkerHandle *
start(dsm_segment * segment)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	int			waited;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "cdc_pipeline", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "cdc_grant_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "cdc_pipeline grants", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "cdc_pipeline grants", sizeof(worker.bgw_type));
	for (waited = 0; !RegisterDynamicBackgroundWorker(&worker, &handle); waited += SLOT_POLL_MS)
	{
		if (waited >= SLOT_MS)
			ereport(ERROR,
					(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					 errmsg("no background worker is free to give a role what a member needs"),
					 errdetail("max_worker_processes is %d, and all of them were in use for %d seconds.", max_worker_processes, SLOT_MS / 1000),
					 errhint("Try again; or raise max_worker_processes and restart the server.")));
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, SLOT_POLL_MS, cdc_wait_event());
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return handle;
}

/*
 * cdc_inner.grant_apart(who oid, kind text) -> boolean: gives the role what it
 * lacks of cdc_inner.grants_of(kind), committed when this returns true.  False:
 * no other transaction than the running one sees such a role.
 */
Datum
cdc_grant_apart(PG_FUNCTION_ARGS)
{
	Oid			role = PG_GETARG_OID(0);
	dsm_segment *segment = dsm_create(sizeof(Order), 0);
	Order	   *order = dsm_segment_address(segment);
	Order		end;

	memset(order, 0, sizeof(Order));
	order->database = MyDatabaseId;
	order->role = role;
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(1), order->kind, sizeof(order->kind));
	WaitForBackgroundWorkerShutdown(start(segment));
	end = *order;
	dsm_detach(segment);
	if (end.end == ORDER_LOST)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("role \"%s\" could not be given what a member needs", GetUserNameFromId(role, false)),
				 errdetail("The background worker that grants it ended before it had."),
				 errhint("Try again; the server's log tells why it ended.")));
	if (end.end == ORDER_FAILED)
		ereport(ERROR,
				(errcode(end.sqlstate),
				 errmsg("role \"%s\" could not be given what a member needs", GetUserNameFromId(role, false)),
				 errdetail("The background worker that grants it: %s.", end.words),
				 end.sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ?
				 errhint("A superuser's open transaction changes functions, tables or grants of cdc_pipeline: SELECT pid, usename, xact_start FROM pg_stat_activity ORDER BY xact_start; finds it.") : 0));
	PG_RETURN_BOOL(end.end == ORDER_DONE);
}
