/*
 * store.c
 *	  The worker's transactions: write what happened, read what is wanted.
 *
 * The only file that opens the worker's transactions; what is written and read
 * in one is in the files of store_parts.h.  No network I/O, no decision.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "extension/settings.h"
#include "worker/store/store.h"
#include "worker/store/store_parts.h"

/* Events that are too many go so many in one transaction. */
#define EVENTS_AT_ONCE 5000

/*
 * DROP EXTENSION locks the extension before any of its tables.  What locks
 * several of these in another order would be the end of one of the two.
 */
static void
lock_extension(void)
{
	Oid			extension = get_extension_oid("cdc_pipeline", true);

	if (OidIsValid(extension))
		LockDatabaseObject(ExtensionRelationId, extension, 0, AccessShareLock);
}

bool
cdc_store_turn(CdcWorld *world)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool ok = true;
	volatile bool readable = false;
	volatile bool findings = true;
	CdcLoaded  *loaded = palloc0(sizeof(CdcLoaded));

	pgstat_report_activity(STATE_RUNNING, "cdc_pipeline turn");
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PG_TRY();
	{
		lock_extension();
		SPI_connect();
		PushActiveSnapshot(GetTransactionSnapshot());
		readable = cdc_store_interlock(world);
		if (readable && world->acting)
		{
			bool		ending;

			cdc_dirty_due(world, cdc_loop_now());
			ending = cdc_store_pipelines_ending(world) || !dlist_is_empty(&world->gone);
			cdc_store_write_pipelines(world);
			cdc_store_write_services(world);
			cdc_store_write_provided(world);
			cdc_store_write_pairs(world);
			findings = cdc_store_write_findings(world);
			cdc_store_write_events(world);
			CommandCounterIncrement();
			UpdateActiveSnapshotCommandId();
			cdc_store_read_work(world, loaded);
			if (ending || loaded->nservices > 0 || loaded->all)
			{
				loaded->ended = cdc_store_end_services(world, &loaded->nended);
				cdc_store_forget_findings();
			}
		}
		PopActiveSnapshot();
		SPI_finish();
		CommitTransactionCommand();
		MemoryContextSwitchTo(caller);
		if (readable && world->acting)
		{
			cdc_store_pipelines_written(world);
			cdc_store_services_written(world);
			cdc_store_pairs_written(world);
			cdc_store_findings_written(world, findings);
			cdc_store_apply(world, loaded);
		}
		else if (!readable)
			cdc_world_clear(world);
		if (!world->acting)
			world->loaded = false;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
		ereport(LOG,
				(errcode(edata->sqlerrcode),
				 errmsg("cdc_pipeline reconciler: a turn on the metadata failed: %s", edata->message),
				 edata->detail ? errdetail_internal("%s", edata->detail) : 0));
		if (edata->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
			proc_exit(1);
		FreeErrorData(edata);
		ok = false;
	}
	PG_END_TRY();
	cdc_store_loaded_free(loaded);
	pfree(loaded);
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return ok;
}

static void
expire_events(void)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(cdc_event_retention)};

	cdc_statement_run("DELETE FROM cdc.pipeline_event WHERE at OPERATOR(pg_catalog.<) pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1)",
					  SPI_OK_DELETE, 1, types, values, NULL);
	cdc_statement_run("DELETE FROM cdc.service_event WHERE at OPERATOR(pg_catalog.<) pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1)",
					  SPI_OK_DELETE, 1, types, values, NULL);
	cdc_statement_run("DELETE FROM cdc.organization_event WHERE at OPERATOR(pg_catalog.<) pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.make_interval(mins => $1)",
					  SPI_OK_DELETE, 1, types, values, NULL);
}

/* They are counted again when so many were written; with the next look when some are left. */
static int64 events_enough;
static bool events_left;

static int64
number(void)
{
	bool		isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static void
trim_events(void)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(EVENTS_AT_ONCE)};
	int64		written;
	int64		room;

	cdc_statement_run("SELECT cdc_inner.trim_findings()", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	cdc_statement_run("SELECT cdc_inner.events_written()", SPI_OK_SELECT, 0, NULL, NULL, NULL);
	written = number();
	if (written < events_enough)
		return;
	cdc_statement_run("SELECT cdc_inner.trim_events($1)", SPI_OK_SELECT, 1, types, values, NULL);
	room = number();
	events_left = room < 0;
	/* who has all that it may is not counted for each one more */
	events_enough = events_left ? 0 : written + Max(room, EVENTS_AT_ONCE / 10);
}

static void
tend_members(void)
{
	cdc_statement_run("SELECT cdc_inner.tend_members()", SPI_OK_SELECT, 0, NULL, NULL, NULL);
}

/* Housekeeping in a short transaction of its own; a fault is logged. */
static void
keep_house(void (*chore) (void))
{
	MemoryContext caller = CurrentMemoryContext;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PG_TRY();
	{
		lock_extension();
		SPI_connect();
		PushActiveSnapshot(GetTransactionSnapshot());
		chore();
		PopActiveSnapshot();
		SPI_finish();
		CommitTransactionCommand();
		MemoryContextSwitchTo(caller);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
	}
	PG_END_TRY();
	pgstat_report_stat(true);
}

void
cdc_store_expire_events(void)
{
	keep_house(expire_events);
}

bool
cdc_store_trim_events(void)
{
	events_left = false;
	keep_house(trim_events);
	return events_left;
}

void
cdc_store_tend_members(void)
{
	keep_house(tend_members);
}
