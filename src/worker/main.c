/*
 * main.c
 *	  The reconciler's process: start, one loop, end.
 *
 * Owns the order of things in a loop and the process's life; everything else
 * is in the files that it calls.  I/O happens only between transactions.
 */
#include "postgres.h"

#include <malloc.h>
#include <sys/prctl.h>

#include "libpq/pqsignal.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "common/text.h"
#include "extension/cdc_shmem.h"
#include "extension/settings.h"
#include "reconciler/state_table.h"
#include "worker/io/io.h"
#include "worker/store/store.h"
#include "worker/visit.h"
#include "worker/worker.h"
#include "worker/world/agenda.h"
#include "worker/world/plan.h"

/* How often an idle worker looks whether it may act now. */
#define IDLE_MS 2000
/* A turn that failed is tried again after this. */
#define TURN_RETRY_MS 1000
/* The longest time that a statement waits for a lock. */
#define LOCK_TIMEOUT "100ms"
#define LARGE (512 * 1024)
#define EXPIRE_MS (60 * 60 * 1000)
#define TEND_MS (60 * 1000)
/* Events that are too many go, batch after batch. */
#define TRIM_MS 1000

/* What its statements depend on, whatever ALTER DATABASE says; lock_timeout and the plans' beside it. */
static const struct
{
	const char *name;
	const char *value;
}			session[] =
{
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"transaction_timeout", "0"},
	{"session_replication_role", "origin"},
	{"row_security", "on"},
	{"exit_on_error", "off"},
	{"bytea_output", "hex"},
	{"IntervalStyle", "postgres"},
	{"standard_conforming_strings", "on"},
	{"quote_all_identifiers", "off"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
};

static void
close_peers(int code, Datum arg)
{
	cdc_http_shutdown();
	cdc_pg_shutdown();
}

/* In us since 1970. */
static int64
wall_clock_us(void)
{
	return GetCurrentTimestamp() + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
}

static void
report(CdcWorld *world)
{
	if (cdc_shared == NULL)
		return;
	pg_atomic_write_u64(&cdc_shared->heartbeat_us, (uint64) wall_clock_us());
	cdc_shmem_set_state(world->idle_reason ? world->idle_reason : world->held_by ? world->held_by :
						world->acting ? "running" : "starting");
}

static void
report_descriptors(void)
{
	CdcDescriptorsUse use;

	cdc_descriptors_use(&use);
	cdc_shmem_note_descriptors(use.limit, use.used, use.waiting, use.waiting > 0 ? wall_clock_us() - (cdc_loop_now() - use.waits_since) * 1000 : 0);
}

static void
set_session(void)
{
	int			i;

	/*
	 * No user's lock is waited for, whatever the database's settings say: what a
	 * turn writes it takes only where that is free.  Left are the few that nobody
	 * can ask for before (a key that somebody is inserting, catalogs): long enough
	 * for a short transaction to end, short enough that nobody notices the loop stand.
	 */
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	/* each statement sees what is so then: rows that were changed meanwhile are no error */
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_OVERRIDE);
	for (i = 0; i < (int) lengthof(session); i++)
	{
		/* not every version has all of them */
		if (GetConfigOption(session[i].name, true, false) != NULL)
			SetConfigOption(session[i].name, session[i].value, PGC_SUSET, PGC_S_OVERRIDE);
	}
	/* It finds its rows by their keys, a few of many, whatever statistics say of a queue and of what JSON has in it. */
	SetConfigOption("enable_hashjoin", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("enable_mergejoin", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("enable_seqscan", "off", PGC_USERSET, PGC_S_OVERRIDE);
	/* and compiles no plan: what a table without an index is charged for by that would be above its threshold */
	SetConfigOption("jit", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("DateStyle", "ISO, YMD", PGC_USERSET, PGC_S_OVERRIDE);
	/* what comes from outside is UTF-8: no other database can hold all of it */
	cdc_text_ascii_only(GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII);
	if (strcmp(GetConfigOption("synchronous_commit", false, false), "off") == 0)
		SetConfigOption("synchronous_commit", "on", PGC_USERSET, PGC_S_OVERRIDE);
}

/* When what is done beside the turn is done next. */
typedef struct Chores
{
	int64		expiry_at;
	int64		tending_at;
	int64		trim_at;
} Chores;

static void
do_chores(Chores *chores, int64 now)
{
	if (now >= chores->expiry_at)
		chores->expiry_at = cdc_store_expire_events() ? now : now + EXPIRE_MS;
	if (now >= chores->trim_at)
		chores->trim_at = now + (cdc_store_trim_events() ? TRIM_MS : TEND_MS);
	if (now >= chores->tending_at)
	{
		cdc_store_tend_members();
		chores->tending_at = now + TEND_MS;
	}
}

/* What is to be written is, what is to be read is, and what was to wait for that is begun.  False: it is tried again. */
static bool
take_turn(CdcWorld *world, ResourceOwner owner)
{
	bool		done;

	cdc_agenda_turn_begins(world);
	if (cdc_shared)
		pg_atomic_write_u32(&cdc_shared->wake_pending, 0);
	done = cdc_store_turn(world);
	/* hashes outside a transaction want an owner; its end left none */
	CurrentResourceOwner = owner;
	if (done && world->acting)
		cdc_visit_dispatch(world);
	if (!done)
		cdc_agenda_turn(world);
	report(world);
	return done;
}

void
cdc_worker_main(Datum arg)
{
	CdcLoop    *loop;
	CdcWorld   *world;
	MemoryContext tick;
	ResourceOwner owner;
	const char *fault;
	Chores		chores;
	int64		retry_at = 0;

#ifdef M_MMAP_THRESHOLD
	/* What is large is an answer or a list, and does not stay: its pages go back, in place of holes among what stays. */
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TRIM_THRESHOLD, LARGE);
#endif
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(cdc_database_name, NULL, 0);

	/* it has every source's password: no core file, no debugger of its own user */
	(void) prctl(PR_SET_DUMPABLE, 0);
	pgstat_report_appname("cdc_pipeline reconciler");

	set_session();
	if (!cdc_state_table_check(&fault))
	{
		ereport(LOG,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("the state table of cdc_pipeline is not well formed: %s", fault)));
		proc_exit(1);
	}

	loop = cdc_loop_create();
	cdc_descriptors_init(loop);
	cdc_http_init(loop);
	cdc_pg_init(loop);
	on_proc_exit(close_peers, (Datum) 0);
	world = cdc_world_create(loop);
	tick = AllocSetContextCreate(TopMemoryContext, "cdc_pipeline tick", ALLOCSET_DEFAULT_SIZES);
	owner = ResourceOwnerCreate(NULL, "cdc_pipeline reconciler");
	cdc_shmem_attach_worker();
	chores.expiry_at = cdc_loop_now();
	chores.tending_at = cdc_loop_now();
	chores.trim_at = cdc_loop_now() + TEND_MS;
	MemoryContextSwitchTo(tick);
	CurrentResourceOwner = owner;

	for (;;)
	{
		int64		now;
		int64		next;

		Assert(CurrentMemoryContext == tick);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			cdc_visit_reloaded(world);
			cdc_agenda_turn(world);
			retry_at = 0;
		}

		cdc_visit_due(world);
		if (world->acting)
			cdc_visit_ready(world);
		now = cdc_loop_now();
		if ((world->work_pending || (world->acting && cdc_visit_dirty(world))) && now >= retry_at)
			retry_at = take_turn(world, owner) ? 0 : now + TURN_RETRY_MS;
		if (world->acting)
			do_chores(&chores, now);
		CurrentResourceOwner = owner;

		now = cdc_loop_now();
		cdc_shmem_note_step(cdc_loop_longest_step(loop));
		report_descriptors();
		next = world->acting ? cdc_visit_next(world) : now + IDLE_MS;
		if (retry_at && retry_at < next)
			next = retry_at;
		if (retry_at == 0 && (world->work_pending || (world->acting && (cdc_plan_any_ready(world) || cdc_visit_dirty(world)))))
			next = now;
		MemoryContextReset(tick);
		if (cdc_loop_wait(loop, next <= now ? 0 : (long) (next - now)))
			cdc_agenda_turn(world);
		else if (!world->acting)
			cdc_agenda_turn(world); /* look again whether we may act */
		MemoryContextSwitchTo(tick);
	}
}
