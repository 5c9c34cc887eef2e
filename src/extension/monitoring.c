/*
 * monitoring.c
 *	  What the worker does, and the tables of rules by which it decides, for SQL.
 *
 * Declared in sql/monitoring.  The rules are src/reconciler's; shared memory is
 * read and not written.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "extension/cdc_shmem.h"
#include "reconciler/failover.h"
#include "reconciler/shadow.h"
#include "reconciler/state_table.h"

PG_FUNCTION_INFO_V1(cdc_failover_rules);
PG_FUNCTION_INFO_V1(cdc_metric_label);
PG_FUNCTION_INFO_V1(cdc_rules);
PG_FUNCTION_INFO_V1(cdc_standby_rules);
PG_FUNCTION_INFO_V1(cdc_worker_descriptors);
PG_FUNCTION_INFO_V1(cdc_worker_longest_step);
PG_FUNCTION_INFO_V1(cdc_worker_state);

/*
 * cdc_inner.worker_longest_step() -> double precision: seconds of the longest step of
 * the reconciler's loop in this health round and the one before; NULL without
 * shared memory.
 */
Datum
cdc_worker_longest_step(PG_FUNCTION_ARGS)
{
	if (cdc_shared == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) Max(pg_atomic_read_u64(&cdc_shared->longest_step_us),
								  pg_atomic_read_u64(&cdc_shared->longest_before_us)) / 1000000.0);
}

/*
 * cdc_inner.worker_descriptors() -> (most int, used int, waiting int, seconds double
 * precision): the descriptors that the worker has for peers, and how many connections
 * and requests wait for one, the first of them for so long.  Zeros while there is no worker.
 */
Datum
cdc_worker_descriptors(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};
	uint64		use[4] = {0, 0, 0, 0};
	int64		now = GetCurrentTimestamp() + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (cdc_shared)
	{
		use[0] = pg_atomic_read_u64(&cdc_shared->descriptors);
		use[1] = pg_atomic_read_u64(&cdc_shared->descriptors_used);
		use[2] = pg_atomic_read_u64(&cdc_shared->descriptors_waiting);
		use[3] = pg_atomic_read_u64(&cdc_shared->descriptors_since_us);
	}
	values[0] = Int32GetDatum((int32) use[0]);
	values[1] = Int32GetDatum((int32) use[1]);
	values[2] = Int32GetDatum((int32) use[2]);
	values[3] = Float8GetDatum(use[3] == 0 ? 0 : Max(now - (int64) use[3], 0) / 1000000.0);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * cdc.worker_state() -> (pid, state, heartbeat, rounds); nulls while there is
 * none.  For pg_monitor: GetUserId(), so that our own SECURITY DEFINER
 * functions may ask for everybody.
 */
Datum
cdc_worker_state(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {true, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read the reconciler's state"),
				 errdetail("Role \"%s\" has no privileges of role pg_monitor.", GetUserNameFromId(GetUserId(), false)),
				 errhint("GRANT pg_monitor TO %s;", quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	if (cdc_shared)
	{
		uint64		beat = pg_atomic_read_u64(&cdc_shared->heartbeat_us);

		LWLockAcquire(cdc_shared->lock, LW_SHARED);
		values[0] = Int32GetDatum((int32) cdc_shared->worker_pid);
		nulls[0] = cdc_shared->worker_pid == 0;
		values[1] = CStringGetTextDatum(cdc_shared->state);
		nulls[1] = cdc_shared->state[0] == '\0';
		LWLockRelease(cdc_shared->lock);
		values[2] = TimestampTzGetDatum((TimestampTz) beat -
										(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY);
		nulls[2] = beat == 0;
		values[3] = Int64GetDatum((int64) pg_atomic_read_u64(&cdc_shared->rounds));
		nulls[3] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* cdc_inner.metric_label(text) -> text: a label's value in Prometheus' text format, in its quotes. */
Datum
cdc_metric_label(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	const char *words = VARDATA_ANY(value);
	const char *end = words + VARSIZE_ANY_EXHDR(value);
	StringInfoData label;

	initStringInfo(&label);
	appendStringInfoChar(&label, '"');
	for (; words < end; words++)
	{
		if (*words == '\\' || *words == '"')
			appendStringInfoChar(&label, '\\');
		if (*words == '\n')
			appendStringInfoString(&label, "\\n");
		else
			appendStringInfoChar(&label, *words);
	}
	appendStringInfoChar(&label, '"');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(label.data, label.len));
}

static Datum
text_or_null(const char *words, bool *isnull)
{
	*isnull = words == NULL;
	return words ? CStringGetTextDatum(words) : (Datum) 0;
}

/* cdc.rules() -> the reconciler's table of rules, in order. */
Datum
cdc_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const CdcRule *rule;

	InitMaterializedSRF(fcinfo, 0);
	for (rule = cdc_state_table; rule->id != 0; rule++)
	{
		Datum		values[10];
		bool		nulls[10];
		Datum		statuses[CDC_NUM_STATUSES];
		int			n = 0;
		int			i;

		memset(nulls, 0, sizeof(nulls));
		for (i = 0; i < CDC_NUM_STATUSES; i++)
		{
			if (rule->statuses & (1u << i))
				statuses[n++] = CStringGetTextDatum(cdc_status_name((CdcStatus) i));
		}
		values[0] = Int32GetDatum(rule->id);
		values[1] = CStringGetTextDatum(rule->section);
		values[2] = PointerGetDatum(construct_array(statuses, n, TEXTOID, -1, false, TYPALIGN_INT));
		values[3] = CStringGetTextDatum(rule->guard_name);
		values[4] = text_or_null(rule->status_to == CDC_STAY ? NULL :
								 cdc_status_name((CdcStatus) rule->status_to), &nulls[4]);
		values[5] = text_or_null(cdc_step_name(rule->step), &nulls[5]);
		values[6] = CStringGetTextDatum(cdc_action_name(rule->action));
		values[7] = CStringGetTextDatum(cdc_retry_name(rule->retry));
		values[8] = text_or_null(rule->message, &nulls[8]);
		values[9] = text_or_null(rule->comment, &nulls[9]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* cdc.failover_rules() -> the table by which another history is judged, in order. */
Datum
cdc_failover_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const CdcFailoverRule *rule;

	InitMaterializedSRF(fcinfo, 0);
	for (rule = cdc_failover_table; rule->id != 0; rule++)
	{
		Datum		values[6];
		bool		nulls[6] = {false, false, false, false, false, false};

		values[0] = Int32GetDatum(rule->id);
		values[1] = CStringGetTextDatum(rule->guard_name);
		values[2] = CStringGetTextDatum(cdc_verdict_name(rule->verdict));
		values[3] = CStringGetTextDatum(cdc_verdict_name(rule->verdict_halt));
		values[4] = CStringGetTextDatum(rule->reason);
		values[5] = CStringGetTextDatum(rule->comment);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* cdc.standby_rules() -> the table by which standbys are kept ready, in order. */
Datum
cdc_standby_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const CdcStandbyRule *rule;

	InitMaterializedSRF(fcinfo, 0);
	for (rule = cdc_standby_table; rule->id != 0; rule++)
	{
		Datum		values[7];
		bool		nulls[7] = {false, false, false, false, false, false, false};

		values[0] = Int32GetDatum(rule->id);
		values[1] = CStringGetTextDatum(rule->guard_name);
		values[2] = CStringGetTextDatum(cdc_shadow_action_name(rule->action));
		values[3] = BoolGetDatum(rule->final);
		values[4] = text_or_null(rule->missing, &nulls[4]);
		values[5] = text_or_null(rule->fix_sql, &nulls[5]);
		values[6] = CStringGetTextDatum(rule->comment);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
