/*
 * store.c
 *	  The turn: what happened is written, what is wanted is read.
 *
 * Opens the turn's transactions; what is written and read in one is in the files of
 * store_parts.h.  Waits for nobody: what somebody's transaction holds is left for
 * later and costs its own service alone.  No network I/O, no decision.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "extension/settings.h"
#include "worker/store/store.h"
#include "worker/store/store_parts.h"
#include "worker/world/agenda.h"

/* Subtransactions in one transaction; PGPROC_MAX_CACHED_SUBXIDS is as many. */
#define SUBTRANSACTIONS 64
/* A turn that failed writes service by service for so long: the loop has other things to do. */
#define APART_MS 500
/* The queue is looked at again after this when a table is locked. */
#define QUEUE_HELD_MS 250

/* One transaction of a turn. */
typedef struct Turn
{
	CdcWorld   *world;
	List	   *batches;		/* CdcBatch: to be written */
	CdcLoaded  *loaded;			/* to be read into, NULL: nothing is */
	bool		begun;			/* the extension could be had */
	bool		another;		/* it is not the one that was there before */
	bool		readable;		/* this server has something to read */
	bool		acting;			/* and may act on it */
	uint32		tables_held;
	const char *holder;			/* of one of these, palloc'd in caller */
	int64		until;			/* no batch is begun after that */
	MemoryContext caller;
} Turn;

/*
 * Runs part in a transaction of its own.  NULL, or what went wrong (palloc'd): then
 * it is rolled back, and told in the log.  Nothing of it is left in memory.
 */
static char *
in_transaction(void (*part) (Turn *turn), Turn *turn)
{
	char	   *volatile why = NULL;
	ResourceOwner owner = CurrentResourceOwner;

	turn->caller = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PG_TRY();
	{
		turn->begun = cdc_tables_lock_extension();
		if (turn->begun)
		{
			SPI_connect();
			PushActiveSnapshot(GetTransactionSnapshot());
			part(turn);
			PopActiveSnapshot();
			SPI_finish();
		}
		CommitTransactionCommand();
		MemoryContextSwitchTo(turn->caller);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(turn->caller);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(turn->caller);
		ereport(LOG,
				(errcode(edata->sqlerrcode),
				 errmsg("cdc_pipeline reconciler: a turn on the metadata failed: %s", edata->message),
				 edata->detail ? errdetail_internal("%s", edata->detail) : 0));
		if (edata->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
			proc_exit(1);
		why = pstrdup(edata->message);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	/* its end leaves none, and what is read is then taken over: hashes want one */
	CurrentResourceOwner = owner;
	return why;
}

/*
 * Is it the extension that the world was read from?  One that was dropped and
 * created again, between two looks, is another one: nothing of the world is in it.
 */
static bool
is_the_same(void)
{
	static Oid	known = InvalidOid;
	Oid			now = get_extension_oid("cdc_pipeline", true);
	bool		same = !OidIsValid(known) || now == known;

	known = now;
	return same;
}

/* What every transaction of a turn begins with.  False: there is nothing to write or read. */
static bool
begin(Turn *turn)
{
	turn->another = !is_the_same();
	if (turn->another)
	{
		turn->readable = turn->acting = false;
		return false;
	}
	turn->tables_held = cdc_tables_lock();
	if (turn->tables_held)
	{
		const char *holder = cdc_tables_holder(turn->tables_held);

		turn->holder = holder ? MemoryContextStrdup(turn->caller, holder) : NULL;
	}
	if (turn->tables_held & CDC_TABLE(CDC_TABLE_CONTROL_PLANE))
	{
		turn->begun = false;
		return false;
	}
	turn->readable = cdc_store_interlock(turn->world);
	turn->acting = turn->readable && turn->world->acting;
	return turn->acting;
}

/* Where one of the tables is not to be had nothing is read: what is in the queue waits. */
static bool
may_read(const Turn *turn)
{
	return (turn->tables_held & ~CDC_TABLES_NOT_READ) == 0;
}

static void
read_work(Turn *turn)
{
	if (turn->loaded && may_read(turn))
		cdc_store_read_work(turn->world, turn->loaded);
}

static void
write_all(Turn *turn)
{
	if (begin(turn))
	{
		cdc_batch_write(turn->world, linitial(turn->batches), turn->tables_held);
		read_work(turn);
	}
}

static void
only_read(Turn *turn)
{
	if (begin(turn))
		read_work(turn);
}

/*
 * Each batch in a subtransaction: one that fails costs none of the others.  No more
 * of them than PostgreSQL keeps in a process's place: beyond that who looks at rows
 * has to ask on disk.
 */
static void
write_apart(Turn *turn)
{
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext inside = CurrentMemoryContext;
	ListCell   *cell;

	if (!begin(turn))
		return;
	foreach(cell, turn->batches)
	{
		CdcBatch   *batch = lfirst(cell);

		if (cdc_loop_now() >= turn->until)
			break;
		batch->tried = true;
		BeginInternalSubTransaction(NULL);
		MemoryContextSwitchTo(inside);
		PG_TRY();
		{
			cdc_batch_write(turn->world, batch, turn->tables_held);
			ReleaseCurrentSubTransaction();
		}
		PG_CATCH();
		{
			ErrorData  *edata;

			MemoryContextSwitchTo(turn->caller);
			edata = CopyErrorData();
			FlushErrorState();
			RollbackAndReleaseCurrentSubTransaction();
			if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED || edata->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
				ReThrowError(edata);
			batch->why = pstrdup(edata->message);
			batch->waited = edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
			FreeErrorData(edata);
		}
		PG_END_TRY();
		MemoryContextSwitchTo(inside);
		CurrentResourceOwner = owner;
	}
}

/*
 * A batch that failed is written again, a service at a time, as far as there is time
 * for it.  False: that fails as well.  *batches: those, settled or not.
 */
static bool
write_by_service(CdcWorld *world, CdcBatch *failed, List **batches)
{
	int64		until = cdc_loop_now() + APART_MS;
	bool		ok = true;
	int			done = 0;

	*batches = cdc_batch_split(world, failed);
	failed->events = NIL;
	while (ok && done < list_length(*batches) && cdc_loop_now() < until)
	{
		Turn		part = {.world = world, .until = until};
		ListCell   *cell;

		for (; done < list_length(*batches) && list_length(part.batches) < SUBTRANSACTIONS; done++)
			part.batches = lappend(part.batches, list_nth(*batches, done));
		ok = in_transaction(write_apart, &part) == NULL;
		foreach(cell, part.batches)
		{
			CdcBatch   *batch = lfirst(cell);

			if (ok && part.acting && batch->tried)
				cdc_batch_settle(world, batch);
		}
	}
	return ok;
}

/* What stands in the way of all is told by the worker's state, and once in the log. */
static void
tell_tables(CdcWorld *world, const Turn *turn)
{
	const char *words = turn->tables_held ? turn->holder : turn->begun ? NULL : "the extension is locked by another session";

	if (words && !cdc_same(words, world->held_by))
		ereport(LOG, (errmsg("cdc_pipeline reconciler: what is in it is neither written nor read meanwhile: %s", words)));
	if (words || turn->tables_held == 0)
		cdc_agenda_held(world, words);
}

bool
cdc_store_turn(CdcWorld *world)
{
	CdcBatch   *batch = cdc_batch_take(world);
	CdcLoaded  *loaded = palloc0(sizeof(CdcLoaded));
	Turn		turn = {.world = world, .batches = list_make1(batch), .loaded = loaded};
	List	   *batches = turn.batches;
	ListCell   *cell;
	bool		ok;

	pgstat_report_activity(STATE_RUNNING, "cdc_pipeline turn");
	cdc_chores_expect(batch);
	ok = in_transaction(write_all, &turn) == NULL;
	if (ok && turn.acting)
		cdc_batch_settle(world, batch);
	else if (!ok)
	{
		/* what was read is gone with the transaction */
		cdc_store_loaded_free(loaded);
		memset(loaded, 0, sizeof(CdcLoaded));
		ok = write_by_service(world, batch, &batches);
		ok = in_transaction(only_read, &turn) == NULL && ok;
	}
	ok = ok && turn.begun;
	foreach(cell, batches)
		cdc_batch_give_back(world, lfirst(cell));
	tell_tables(world, &turn);
	if (ok && turn.acting)
		cdc_held_tell(world, batches);
	if (ok && turn.acting && may_read(&turn))
		cdc_store_apply(world, loaded);
	else if (ok && turn.acting)
		cdc_agenda_turn_at(world, cdc_loop_now() + QUEUE_HELD_MS);
	else if (ok && !turn.readable)
	{
		cdc_world_clear(world);
		if (turn.another)
			cdc_agenda_turn(world);
	}
	if (ok && !turn.acting)
		cdc_agenda_read_all(world);
	/* half of what there is would be taken for all of it */
	if (!world->loaded)
		cdc_agenda_stop(world);
	if (ok && world->acting)
		cdc_chores_run(world, loaded->nservices > 0 || loaded->all);
	cdc_store_loaded_free(loaded);
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return ok;
}
