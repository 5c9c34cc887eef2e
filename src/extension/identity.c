/*
 * identity.c
 *	  On whose behalf a call is answered.
 *
 * Normally the role of the outermost statement.  While cdc.rest_bearer runs it
 * is the role that the token stands for, confined to the token's organisation
 * if it has one: kept in process memory for that call only, out of SQL's
 * reach.  A parallel worker does not know it, so whatever asks is PARALLEL
 * RESTRICTED.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "extension/identity.h"

PG_FUNCTION_INFO_V1(cdc_caller);
PG_FUNCTION_INFO_V1(cdc_caller_confined_to);
PG_FUNCTION_INFO_V1(cdc_caller_has_role);
PG_FUNCTION_INFO_V1(cdc_caller_is_superuser);

static Oid	assumed = InvalidOid;	/* InvalidOid: the session's own */
static bool confined = false;
static pg_uuid_t confined_to;

void
cdc_identity_assume(Oid role, const pg_uuid_t *organization)
{
	if (OidIsValid(assumed))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cdc.rest_bearer() cannot be called inside itself"),
				 errdetail("An identity is assumed already."),
				 errhint("Call cdc.rest_bearer() at the top level.")));
	assumed = role;
	confined = organization != NULL;
	if (confined)
		confined_to = *organization;
}

void
cdc_identity_reset(void)
{
	assumed = InvalidOid;
	confined = false;
}

/* Follows SET ROLE and is not fooled by SECURITY DEFINER. */
static Oid
caller(void)
{
	return OidIsValid(assumed) ? assumed : GetOuterUserId();
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

	if (!confined)
		PG_RETURN_NULL();
	organization = palloc(sizeof(pg_uuid_t));
	*organization = confined_to;
	PG_RETURN_UUID_P(organization);
}
