/*
 * functions.c
 *	  The SQL-callable C functions: what SQL cannot do by itself.
 *
 * Each is declared in sql/30_functions.sql.  No table is read here.
 */
#include "postgres.h"

#include "fmgr.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "catalog/pg_type.h"

#include "common/pg_json.h"
#include "common/secrets.h"
#include "extension/cdc_shmem.h"
#include "extension/settings.h"
#include "reconciler/failover.h"
#include "reconciler/shadow.h"
#include "reconciler/state_table.h"
#include "remote/kafka_connect.h"

PG_FUNCTION_INFO_V1(cdc_changed_here);
PG_FUNCTION_INFO_V1(cdc_check_installation);
PG_FUNCTION_INFO_V1(cdc_decrypt);
PG_FUNCTION_INFO_V1(cdc_encrypt);
PG_FUNCTION_INFO_V1(cdc_failover_rules);
PG_FUNCTION_INFO_V1(cdc_connect_text_fault_sql);
PG_FUNCTION_INFO_V1(cdc_lock);
PG_FUNCTION_INFO_V1(cdc_lock_shared);
PG_FUNCTION_INFO_V1(cdc_option_fault);
PG_FUNCTION_INFO_V1(cdc_option_names);
PG_FUNCTION_INFO_V1(cdc_options);
PG_FUNCTION_INFO_V1(cdc_random_secret);
PG_FUNCTION_INFO_V1(cdc_reencrypt);
PG_FUNCTION_INFO_V1(cdc_rfc3339);
PG_FUNCTION_INFO_V1(cdc_rules);
PG_FUNCTION_INFO_V1(cdc_standby_rules);
PG_FUNCTION_INFO_V1(cdc_system_identifier);
PG_FUNCTION_INFO_V1(cdc_wake);
PG_FUNCTION_INFO_V1(cdc_worker_state);
PG_FUNCTION_INFO_V1(cdc_worker_longest_step);

/*
 * cdc.changed_here(xid) -> boolean: was a row with this xmin written by the
 * running transaction, in whichever of its subtransactions?
 */
Datum
cdc_changed_here(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TransactionIdIsCurrentTransactionId(PG_GETARG_TRANSACTIONID(0)));
}

static void
lock_name(text *name, LOCKMODE mode)
{
	LockDatabaseObject(ExtensionRelationId, hash_bytes((unsigned char *) VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)), 1, mode);
}

/*
 * cdc.lock(text) -> void: waits for whoever holds the lock of this name, and
 * holds it until the transaction ends.  A sub-object of the extension: no
 * command of SQL locks one, while every role may take any advisory lock.
 */
Datum
cdc_lock(PG_FUNCTION_ARGS)
{
	lock_name(PG_GETARG_TEXT_PP(0), ExclusiveLock);
	PG_RETURN_VOID();
}

/* cdc.lock_shared(text) -> void: the same beside others that share it. */
Datum
cdc_lock_shared(PG_FUNCTION_ARGS)
{
	lock_name(PG_GETARG_TEXT_PP(0), ShareLock);
	PG_RETURN_VOID();
}

/* cdc.system_identifier() -> numeric: of this server; a physical copy has it too. */
Datum
cdc_system_identifier(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(int64_to_numeric((int64) GetSystemIdentifier()));
}

/*
 * cdc.check_installation() -> void: ERROR with what to do when the extension
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

static Datum
sealed(FunctionCallInfo fcinfo, const char *clear, const char *owner, const char *purpose)
{
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};
	char	   *key_id;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[1] = PointerGetDatum(cdc_secret_encrypt(clear, owner, purpose, &key_id));
	values[0] = CStringGetTextDatum(key_id);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* cdc.encrypt(clear, owner, purpose) -> (key_id, ciphertext) */
Datum
cdc_encrypt(PG_FUNCTION_ARGS)
{
	return sealed(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)),
				  text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2)));
}

/*
 * cdc.reencrypt(old_key_file, key_id, ciphertext, owner, purpose) -> (key_id,
 * ciphertext) with the present key.  The clear text never reaches SQL.
 */
Datum
cdc_reencrypt(PG_FUNCTION_ARGS)
{
	char	   *owner = text_to_cstring(PG_GETARG_TEXT_PP(3));
	char	   *purpose = text_to_cstring(PG_GETARG_TEXT_PP(4));
	char	   *clear;
	Datum		result;

	clear = cdc_secret_decrypt_with(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_BYTEA_PP(2),
									text_to_cstring(PG_GETARG_TEXT_PP(1)), owner, purpose);
	result = sealed(fcinfo, clear, owner, purpose);
	explicit_bzero(clear, strlen(clear));
	return result;
}

/*
 * cdc.decrypt(key_id, ciphertext, owner, purpose) -> text.  For
 * cdc.rest_reveal_password alone; granted to nobody.
 */
Datum
cdc_decrypt(PG_FUNCTION_ARGS)
{
	char	   *clear = cdc_secret_decrypt(PG_GETARG_BYTEA_PP(1), text_to_cstring(PG_GETARG_TEXT_PP(0)),
										   text_to_cstring(PG_GETARG_TEXT_PP(2)), text_to_cstring(PG_GETARG_TEXT_PP(3)));
	text	   *result = cstring_to_text(clear);

	explicit_bzero(clear, strlen(clear));
	PG_RETURN_TEXT_P(result);
}

/* cdc.random_secret() -> text: 32 random letters and digits. */
Datum
cdc_random_secret(PG_FUNCTION_ARGS)
{
	char	   *secret = cdc_secret_password();
	text	   *result = cstring_to_text(secret);

	explicit_bzero(secret, strlen(secret));
	PG_RETURN_TEXT_P(result);
}

/* cdc.rfc3339(timestamptz) -> text: UTC, Z, whole seconds. */
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

/* cdc.option_fault(key, value) -> text: why an option cannot be set so, or NULL. */
Datum
cdc_option_fault(PG_FUNCTION_ARGS)
{
	char	   *fault = cdc_kc_option_check(CDC_KC_GENERATION, text_to_cstring(PG_GETARG_TEXT_PP(0)),
											text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (fault == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(fault));
}

/* cdc.connect_text_fault(what, value) -> text: why a text may not stand in a connector's configuration, or NULL. */
Datum
cdc_connect_text_fault_sql(PG_FUNCTION_ARGS)
{
	char	   *fault = cdc_connect_text_fault(text_to_cstring(PG_GETARG_TEXT_PP(0)),
											   text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (fault == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(fault));
}

/* cdc.option_names() -> text: the options of Debezium that may be set, "a, b". */
Datum
cdc_option_names(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(cdc_kc_option_names()));
}

/* cdc.wake() -> void: the worker looks at cdc.work after this commits. */
Datum
cdc_wake(PG_FUNCTION_ARGS)
{
	cdc_wake_worker_at_commit();
	PG_RETURN_VOID();
}

/*
 * cdc.worker_longest_step() -> double precision: seconds of the longest step of
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

static Datum
text_or_null(const char *words, bool *isnull)
{
	*isnull = words == NULL;
	return words ? CStringGetTextDatum(words) : (Datum) 0;
}

/* cdc.options() -> the options of a pipeline. */
Datum
cdc_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CdcKcOption option;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	for (n = 0; cdc_kc_option_describe(n, &option); n++)
	{
		Datum		values[6];
		bool		nulls[6] = {false, false, false, false, false, false};

		values[0] = CStringGetTextDatum(option.name);
		values[1] = CStringGetTextDatum(option.type);
		values[2] = CStringGetTextDatum(option.rule);
		values[3] = text_or_null(option.default_value, &nulls[3]);
		values[4] = CStringGetTextDatum(option.on_live);
		values[5] = CStringGetTextDatum(option.meaning);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
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
