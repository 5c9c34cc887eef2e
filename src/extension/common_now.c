/*
 * common_now.c
 *	  What decides whether a caller may, as it is at this moment.
 *
 * A REPEATABLE READ transaction sees what was true when it began: whoever is
 * removed could keep one open and go on.  Foreign keys have the same question,
 * and the same answer: such a query has the latest snapshot.  Below that level
 * the snapshot of the calling query is used, as any STABLE function does.
 *
 * Declared in sql/common/helpers_now.sql.  Only reads; who may ask is the callers' to check.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(cdc_live_pipeline_now);
PG_FUNCTION_INFO_V1(cdc_member_role_now);
PG_FUNCTION_INFO_V1(cdc_passwords_now);
PG_FUNCTION_INFO_V1(cdc_pipelines_by_now);

/* The one text that sql gives for the arguments; NULL: no row, or null. */
static Datum
ask(FunctionCallInfo fcinfo, SPIPlanPtr *kept, const char *sql, int nargs, Oid *types)
{
	MemoryContext caller = CurrentMemoryContext;
	Snapshot	snapshot = IsolationUsesXactSnapshot() ? GetLatestSnapshot() : InvalidSnapshot;
	Datum		values[2];
	text	   *found = NULL;
	int			i;

	for (i = 0; i < nargs; i++)
		values[i] = PG_GETARG_DATUM(i);
	if (snapshot != InvalidSnapshot)
		snapshot = RegisterSnapshot(snapshot);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (*kept == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(sql, nargs, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare: %s", sql);
		*kept = plan;
	}
	if (SPI_execute_snapshot(*kept, values, NULL, snapshot, InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute: %s", sql);
	if (SPI_processed == 1)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
		{
			MemoryContext old = MemoryContextSwitchTo(caller);

			found = DatumGetTextPCopy(value);
			MemoryContextSwitchTo(old);
		}
	}
	SPI_finish();
	if (snapshot != InvalidSnapshot)
		UnregisterSnapshot(snapshot);
	if (found == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(found);
}

/* cdc_inner.member_role_now(organization uuid, role_oid oid) -> text: the role's in the organization; NULL: none. */
Datum
cdc_member_role_now(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr kept = NULL;
	Oid			types[2] = {UUIDOID, OIDOID};

	return ask(fcinfo, &kept, "SELECT m.role FROM cdc.membership m WHERE m.organization_id = $1 AND m.role_oid = $2", 2, types);
}

/* cdc_inner.pipelines_by_now(service uuid) -> text: who makes pipelines with it; NULL: nothing was said. */
Datum
cdc_pipelines_by_now(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr kept = NULL;
	Oid			types[1] = {UUIDOID};

	return ask(fcinfo, &kept, "SELECT s.connection ->> 'pipelines_by' FROM cdc.service s WHERE s.id = $1", 1, types);
}

/* cdc_inner.live_pipeline_now(service uuid) -> text: the name of one that uses it; NULL: none does. */
Datum
cdc_live_pipeline_now(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr kept = NULL;
	Oid			types[1] = {UUIDOID};

	return ask(fcinfo, &kept, "SELECT p.name FROM cdc.pipeline_spec p WHERE p.desired_state = 'present' AND p.deleted_at IS NULL"
			   " AND $1 IN (p.source_service_id, p.sink_service_id) ORDER BY p.name LIMIT 1", 1, types);
}

/* cdc_inner.passwords_now(service uuid) -> text: those of pipelines that may be in use there, in words; NULL: none. */
Datum
cdc_passwords_now(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr kept = NULL;
	Oid			types[1] = {UUIDOID};

	return ask(fcinfo, &kept, "SELECT string_agg(format('the password of pipeline \"%s\"', p.name), ', ' ORDER BY p.name) FROM cdc.pipeline_spec p"
			   " WHERE p.settled_at IS NULL AND $1 IN (p.source_service_id, p.sink_service_id)", 1, types);
}
