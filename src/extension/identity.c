/*
 * identity.c
 *	  On whose behalf a call is answered: a stack in the process's memory.
 *
 * An entry (entry.c) pushes the role that called it, cdc.rest_bearer the one
 * that its token stands for, confined to the token's organization if it has
 * one.  Only code that runs as an inner function's owner may ask, and only
 * below an entry: nobody's own function inherits an identity, and an inner
 * function that was reached by another way has none.  A parallel worker has
 * another stack, so whatever asks is PARALLEL RESTRICTED.
 *
 * Nothing here decides who may push: that is entry.c's.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"

#include "extension/identity.h"

PG_FUNCTION_INFO_V1(cdc_caller);
PG_FUNCTION_INFO_V1(cdc_caller_confined_to);
PG_FUNCTION_INFO_V1(cdc_caller_has_role);
PG_FUNCTION_INFO_V1(cdc_caller_is_superuser);
PG_FUNCTION_INFO_V1(cdc_caller_oid);

static CdcIdentity *top = NULL;

/* Leaves none that a transaction or subtransaction has pushed which has ended. */
static void
unwind(int nest_level)
{
	while (top && top->nest_level >= nest_level)
		top = top->outer;
}

static void
on_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		unwind(GetCurrentTransactionNestLevel());
}

static void
on_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		unwind(0);
}

void
cdc_identity_push(CdcIdentity *identity)
{
	static bool watching = false;

	if (!watching)
	{
		RegisterSubXactCallback(on_subtransaction, NULL);
		RegisterXactCallback(on_transaction, NULL);
		watching = true;
	}
	identity->outer = top;
	identity->nest_level = GetCurrentTransactionNestLevel();
	top = identity;
}

void
cdc_identity_pop(CdcIdentity *identity)
{
	top = identity->outer;
}

const CdcIdentity *
cdc_identity(void)
{
	/* an update by another superuser leaves functions of more than one owner */
	if (top == NULL || (GetUserId() != top->runs_as && !superuser_arg(GetUserId())))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a function of cdc_pipeline was called that is not for callers"),
				 errdetail("It asks on whose behalf it runs, and no function of schema cdc has called it."),
				 errhint("Call the function of the same name in schema cdc; after an update of the installed files: ALTER EXTENSION cdc_pipeline UPDATE.")));
	return top;
}

/* cdc_inner.caller() -> name: the role on whose behalf the entry was called. */
Datum
cdc_caller(PG_FUNCTION_ARGS)
{
	Name		name = palloc0(NAMEDATALEN);

	namestrcpy(name, GetUserNameFromId(cdc_identity()->role, false));
	PG_RETURN_NAME(name);
}

/* cdc_inner.caller_oid() -> oid: the same role. */
Datum
cdc_caller_oid(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(cdc_identity()->role);
}

/* cdc_inner.caller_is_superuser() -> boolean */
Datum
cdc_caller_is_superuser(PG_FUNCTION_ARGS)
{
	/* a call that waits takes no lock anew, with which it would hear of ALTER ROLE */
	AcceptInvalidationMessages();
	PG_RETURN_BOOL(superuser_arg(cdc_identity()->role));
}

/* cdc_inner.caller_has_role(name) -> boolean: has the caller the privileges of this role? */
Datum
cdc_caller_has_role(PG_FUNCTION_ARGS)
{
	AcceptInvalidationMessages();
	PG_RETURN_BOOL(has_privs_of_role(cdc_identity()->role, get_role_oid(NameStr(*PG_GETARG_NAME(0)), false)));
}

/*
 * cdc_inner.caller_confined_to() -> uuid: the only organization that the caller's
 * token opens; NULL when it has none, or opens all of the role's.
 */
Datum
cdc_caller_confined_to(PG_FUNCTION_ARGS)
{
	const CdcIdentity *identity = cdc_identity();
	pg_uuid_t  *organization;

	if (!identity->confined)
		PG_RETURN_NULL();
	organization = palloc(sizeof(pg_uuid_t));
	*organization = identity->organization;
	PG_RETURN_UUID_P(organization);
}
