/*
 * common_helpers.c
 *	  What every room of sql/ uses and SQL cannot do by itself: locks, the
 *	  worker's wake-up, times, where the extension may be created.
 *
 * Declared in sql/common/helpers.sql, cdc_inner.check_installation() in
 * sql/install.sql.  No table is read here.
 */
#include "postgres.h"

#include "fmgr.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "extension/cdc_shmem.h"
#include "extension/lock.h"
#include "extension/settings.h"

/* What sub-object our locks are of; what PostgreSQL locks so has none, or a column's number. */
#define LOCK_SUBID 0xCDC0

PG_FUNCTION_INFO_V1(cdc_changed_here);
PG_FUNCTION_INFO_V1(cdc_check_installation);
PG_FUNCTION_INFO_V1(cdc_end_worker);
PG_FUNCTION_INFO_V1(cdc_letters_apart);
PG_FUNCTION_INFO_V1(cdc_lock);
PG_FUNCTION_INFO_V1(cdc_lock_shared);
PG_FUNCTION_INFO_V1(cdc_rfc3339);
PG_FUNCTION_INFO_V1(cdc_system_identifier);
PG_FUNCTION_INFO_V1(cdc_try_lock);
PG_FUNCTION_INFO_V1(cdc_wake);

/*
 * cdc_inner.changed_here(xid) -> boolean: was a row with this xmin written by the
 * running transaction, in whichever of its subtransactions?
 */
Datum
cdc_changed_here(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TransactionIdIsCurrentTransactionId(PG_GETARG_TRANSACTIONID(0)));
}

/*
 * Of a name "kind id more" the id is not its user's choice, and what follows may
 * be: each half of the tag is of its own part, so that nobody finds words whose
 * lock is somebody else's.
 */
static bool
lock_name(text *name, LOCKMODE mode, bool wait)
{
	const unsigned char *words = (unsigned char *) VARDATA_ANY(name);
	int			length = (int) VARSIZE_ANY_EXHDR(name);
	int			owner = 0;
	int			spaces = 0;
	LOCKTAG		tag;

	while (owner < length && (words[owner] != ' ' || ++spaces < 2))
		owner++;
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, hash_bytes(words, owner), hash_bytes(words + owner, length - owner), LOCK_SUBID);
	return LockAcquire(&tag, mode, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * cdc_inner.lock(text) -> void: waits for whoever holds the lock of this name, and
 * holds it until the transaction ends.  No command of SQL locks a sub-object of
 * that number, while every role may take any advisory lock.
 */
Datum
cdc_lock(PG_FUNCTION_ARGS)
{
	(void) lock_name(PG_GETARG_TEXT_PP(0), ExclusiveLock, true);
	PG_RETURN_VOID();
}

/* cdc_inner.try_lock(text) -> boolean: the same, false in place of waiting. */
Datum
cdc_try_lock(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(lock_name(PG_GETARG_TEXT_PP(0), ExclusiveLock, false));
}

/* cdc_inner.lock_shared(text) -> void: the same beside others that share it. */
Datum
cdc_lock_shared(PG_FUNCTION_ARGS)
{
	(void) lock_name(PG_GETARG_TEXT_PP(0), ShareLock, true);
	PG_RETURN_VOID();
}

/* cdc_inner.system_identifier() -> numeric: of this server; a physical copy has it too. */
Datum
cdc_system_identifier(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(int64_to_numeric((int64) GetSystemIdentifier()));
}

/*
 * cdc_inner.check_installation() -> void: ERROR with what to do when the extension
 * is created where the reconciler does not work.
 */
Datum
cdc_check_installation(PG_FUNCTION_ARGS)
{
	const char *here = get_database_name(MyDatabaseId);

	if (cdc_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cdc_pipeline must be loaded when the server starts"),
				 errdetail("shared_preload_libraries is \"%s\".", GetConfigOption("shared_preload_libraries", true, false)),
				 errhint("Add cdc_pipeline to shared_preload_libraries in postgresql.conf and restart the server.")));
	if (strcmp(here, cdc_database_name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension cdc_pipeline belongs into database \"%s\"", cdc_database_name),
				 errdetail("This is database \"%s\"; the reconciler works in the one that cdc_pipeline.database_name names.", here),
				 errhint("Run: \\c %s, then CREATE EXTENSION cdc_pipeline; or set cdc_pipeline.database_name = '%s' and restart the server.",
						 quote_identifier(cdc_database_name), here)));
	PG_RETURN_VOID();
}

/* cdc_inner.rfc3339(timestamptz) -> text: UTC, Z, whole seconds. */
Datum
cdc_rfc3339(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);
	struct pg_tm tm;
	fsec_t		fraction;
	char		words[64];

	/* no zone: the value is UTC already */
	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	snprintf(words, sizeof(words), "%04d-%02d-%02dT%02d:%02d:%02dZ",
			 tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	PG_RETURN_TEXT_P(cstring_to_text(words));
}

/* cdc_inner.letters_apart(text, text) -> integer: of each the first 64 bytes. */
Datum
cdc_letters_apart(PG_FUNCTION_ARGS)
{
	text	   *words[2] = {PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1)};
	int			length[2];
	int			i;

	for (i = 0; i < 2; i++)
		length[i] = pg_mbcliplen(VARDATA_ANY(words[i]), (int) VARSIZE_ANY_EXHDR(words[i]), 64);
	PG_RETURN_INT32(varstr_levenshtein(VARDATA_ANY(words[0]), length[0], VARDATA_ANY(words[1]), length[1], 1, 1, 1, true));
}

/* cdc_inner.wake() -> void: the worker looks at cdc.work after this commits. */
Datum
cdc_wake(PG_FUNCTION_ARGS)
{
	cdc_wake_worker_at_commit();
	PG_RETURN_VOID();
}

/* cdc_inner.end_worker() -> void: the worker ends after this commits; the server starts another. */
Datum
cdc_end_worker(PG_FUNCTION_ARGS)
{
	cdc_end_worker_at_commit();
	PG_RETURN_VOID();
}
