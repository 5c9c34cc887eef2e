/*
 * drop_database.c
 *	  Sends the worker away before the metadata database is dropped, renamed
 *	  or moved: its connection would be "in use by other users".
 *
 * The postmaster starts the worker again some seconds later, when the command
 * has ended; a database that is gone then lets it end with a FATAL.
 */
#include "postgres.h"

#include <signal.h>

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"

#include "extension/cdc_shmem.h"
#include "extension/drop_database.h"
#include "extension/settings.h"

static ProcessUtility_hook_type next_hook;

static void
on_utility(PlannedStmt *pstmt, const char *query, bool read_only_tree,
		   ProcessUtilityContext context, ParamListInfo params,
		   QueryEnvironment *env, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *statement = pstmt->utilityStmt;
	const char *name = NULL;

	if (IsA(statement, DropdbStmt))
		name = ((DropdbStmt *) statement)->dbname;
	else if (IsA(statement, RenameStmt) && ((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
		name = ((RenameStmt *) statement)->subname;
	if (name && cdc_shared && cdc_database_name && strcmp(name, cdc_database_name) == 0 &&
		superuser())
		cdc_shmem_end_worker();
	if (next_hook)
		next_hook(pstmt, query, read_only_tree, context, params, env, dest, qc);
	else
		standard_ProcessUtility(pstmt, query, read_only_tree, context, params, env, dest, qc);
}

void
cdc_drop_database_init(void)
{
	next_hook = ProcessUtility_hook;
	ProcessUtility_hook = on_utility;
}
