/*
 * cdc_pipeline.c
 *	  What PostgreSQL loads: settings, shared memory, the worker's registration.
 *
 * Does nothing else: no I/O, no connection, no library is initialized here,
 * since a preloaded library runs this in the postmaster.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"

#include "extension/cdc_shmem.h"
#include "extension/drop_database.h"
#include "extension/drop_extension.h"
#include "extension/entry.h"
#include "extension/settings.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void); /* NOLINT(bugprone-reserved-identifier): PostgreSQL's name for it */

void
_PG_init(void)
{
	BackgroundWorker worker;

	cdc_settings_init();
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;

	cdc_shmem_init();
	cdc_drop_database_init();
	cdc_drop_extension_init();
	cdc_entry_init();

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	/* on the primary only: when the metadata fails over, so does the worker */
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "cdc_pipeline", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "cdc_worker_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_name, "cdc_pipeline reconciler", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "cdc_pipeline reconciler", sizeof(worker.bgw_type));
	RegisterBackgroundWorker(&worker);
}
