/*
 * identity.c
 *	  On whose behalf a call is answered.
 *
 * Normally the role of the outermost statement.  While cdc.rest_bearer runs it
 * is the role that the token stands for, confined to the token's organisation
 * if it has one: kept in process memory for that call only, out of SQL's
 * reach, and reset on every way out.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(cdc_caller);
PG_FUNCTION_INFO_V1(cdc_caller_confined_to);
PG_FUNCTION_INFO_V1(cdc_caller_has_role);
PG_FUNCTION_INFO_V1(cdc_caller_is_superuser);
PG_FUNCTION_INFO_V1(cdc_rest_bearer);

typedef struct CdcIdentity
{
	Oid			role;			/* InvalidOid: nobody but the session's own */
	bool		confined;
	pg_uuid_t	organization;	/* when confined */
} CdcIdentity;

static CdcIdentity bearer;

static const char token_sql[] = "SELECT t.role_oid, t.organization_id FROM cdc.token_identity($1) t";
static const char rest_sql[] = "SELECT r FROM cdc.rest($1, $2, $3, $4) r";
static const char refused_sql[] = "SELECT r FROM cdc.rest_unauthorized($1) r";

/* Follows SET ROLE and is not fooled by SECURITY DEFINER. */
static Oid
caller(void)
{
	return OidIsValid(bearer.role) ? bearer.role : GetOuterUserId();
}

/* cdc.caller() -> name: the role on whose behalf the outermost statement runs. */
Datum
cdc_caller(PG_FUNCTION_ARGS)
{
	Name		name = palloc0(NAMEDATALEN);

	namestrcpy(name, GetUserNameFromId(caller(), false));
	PG_RETURN_NAME(name);
}

/* cdc.caller_is_superuser() -> boolean */
Datum
cdc_caller_is_superuser(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(superuser_arg(caller()));
}

/* cdc.caller_has_role(name) -> boolean: has the caller the privileges of this role? */
Datum
cdc_caller_has_role(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(has_privs_of_role(caller(), get_role_oid(NameStr(*PG_GETARG_NAME(0)), false)));
}

/*
 * cdc.caller_confined_to() -> uuid: the only organisation that the caller's
 * token opens; NULL when it has none, or opens all of the role's.
 */
Datum
cdc_caller_confined_to(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *organization;

	if (!OidIsValid(bearer.role) || !bearer.confined)
		PG_RETURN_NULL();
	organization = palloc(sizeof(pg_uuid_t));
	*organization = bearer.organization;
	PG_RETURN_UUID_P(organization);
}

/* The plan of a constant query, made once a session. */
static SPIPlanPtr
planned(SPIPlanPtr *kept, const char *sql, int nargs, Oid *types)
{
	if (*kept == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(sql, nargs, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare: %s", sql);
		*kept = plan;
	}
	return *kept;
}

/* Whom a token stands for; role InvalidOid when it opens nothing. */
static CdcIdentity
identify(Datum token)
{
	static SPIPlanPtr kept = NULL;
	Oid			types[1] = {TEXTOID};
	CdcIdentity found;
	int			rc;

	memset(&found, 0, sizeof(found));
	/* not read-only: the token's last use may be written */
	rc = SPI_execute_plan(planned(&kept, token_sql, 1, types), &token, NULL, false, 1);
	if (rc != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan returned %s", SPI_result_code_string(rc));
	if (SPI_processed == 1)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		value;

		found.role = DatumGetObjectId(SPI_getbinval(row, desc, 1, &isnull));
		value = SPI_getbinval(row, desc, 2, &isnull);
		found.confined = !isnull;
		if (found.confined)
			found.organization = *DatumGetUUIDP(value);
	}
	return found;
}

/* The one row of an answer, in the caller's context. */
static Datum
answer_of(SPIPlanPtr plan, Datum *values, const char *nulls)
{
	Datum		answer;
	bool		isnull;
	int			rc;

	rc = SPI_execute_plan(plan, values, nulls, false, 1);
	if (rc != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "SPI_execute_plan returned %s", SPI_result_code_string(rc));
	answer = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		elog(ERROR, "a REST answer is null");
	return SPI_datumTransfer(answer, false, -1);
}

/*
 * cdc.rest_bearer(token, method, path, body, headers) -> cdc.rest_response:
 * cdc.rest() as the role that the token stands for, or 401.
 */
Datum
cdc_rest_bearer(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr rest_plan = NULL;
	static SPIPlanPtr refused_plan = NULL;
	Oid			types[4] = {TEXTOID, TEXTOID, TEXTOID, JSONBOID};
	Datum		values[4];
	char		nulls[4];
	volatile Datum answer = (Datum) 0;
	CdcIdentity found;
	int			i;

	if (OidIsValid(bearer.role))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cdc.rest_bearer() cannot be called inside itself"),
				 errdetail("An identity is set already."),
				 errhint("Call cdc.rest_bearer() from the top level.")));
	for (i = 0; i < 4; i++)
	{
		values[i] = PG_GETARG_DATUM(i + 1);
		nulls[i] = PG_ARGISNULL(i + 1) ? 'n' : ' ';
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	memset(&found, 0, sizeof(found));
	if (!PG_ARGISNULL(0))
		found = identify(PG_GETARG_DATUM(0));
	if (!OidIsValid(found.role))
		answer = answer_of(planned(&refused_plan, refused_sql, 1, types + 3), values + 3, nulls + 3);
	else
	{
		SPIPlanPtr	plan = planned(&rest_plan, rest_sql, 4, types);

		bearer = found;
		PG_TRY();
		{
			answer = answer_of(plan, values, nulls);
		}
		PG_FINALLY();
		{
			memset(&bearer, 0, sizeof(bearer));
		}
		PG_END_TRY();
	}
	SPI_finish();
	return answer;
}
