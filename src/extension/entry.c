/*
 * entry.c
 *	  The way from a caller to the functions of schema cdc_inner.
 *
 * Every function that users call is a pair: an entry in schema cdc, which runs
 * with the caller's rights and is this trampoline, and the function of the same
 * name and arguments in cdc_inner, which runs with the owner's.  The entry
 * takes GetUserId() for the caller, where nobody lends it: inside a SECURITY
 * DEFINER function, and while ANALYZE, REINDEX, CREATE INDEX, REFRESH or
 * autovacuum run code of a table's owner, it refuses.  So do there the tables of
 * schema cdc, whose policies ask the same.
 *
 * The inner function is called without a look at its ACL, which opens it to
 * nobody.  What a caller may do there is the inner function's to check.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "common/compat.h"
#include "extension/entry.h"
#include "extension/identity.h"

PG_FUNCTION_INFO_V1(cdc_entry);

#define ENTRY_SCHEMA "cdc"
#define INNER_SCHEMA "cdc_inner"

/* What an entry calls; kept with the call's own FmgrInfo. */
typedef struct Inner
{
	FmgrInfo	function;
	Oid			owner;
	uint64		catalog;		/* of which state of the catalog this was true */
} Inner;

static ExecutorRun_hook_type next_run;
static uint64 catalog = 1;		/* another number whenever pg_proc has changed */

static void
on_pg_proc(Datum arg, int cache, uint32 hash)
{
	catalog++;
}

/* ERROR 42501: the current user is not who asks. */
static void
refuse(const char *message)
{
	const char *who = GetUserNameFromId(GetUserId(), true);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s", message),
			 InSecurityRestrictedOperation() ?
			 errdetail("A command runs it for role \"%s\", which owns a table, an index or a materialized view.", who ? who : "") :
			 errdetail("A SECURITY DEFINER function of role \"%s\", or a foreign key, runs it.", who ? who : ""),
			 errhint("Make the function around it SECURITY INVOKER, a materialized view a view.")));
}

/* Finds the function of the same name and arguments in cdc_inner. */
static Inner *
find_inner(FmgrInfo *flinfo)
{
	static bool watching = false;
	Inner	   *inner = flinfo->fn_extra;
	HeapTuple	row;
	Oid			found;
	Form_pg_proc form;

	if (likely(inner != NULL && inner->catalog == catalog))
		return inner;
	if (!watching)
	{
		CacheRegisterSyscacheCallback(PROCOID, on_pg_proc, (Datum) 0);
		watching = true;
	}
	if (inner == NULL)
		inner = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(Inner));
	inner->catalog = catalog;

	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(flinfo->fn_oid));
	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for function %u", flinfo->fn_oid);
	form = (Form_pg_proc) GETSTRUCT(row);
	found = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, NameGetDatum(&form->proname),
							PointerGetDatum(&form->proargtypes),
							ObjectIdGetDatum(get_namespace_oid(INNER_SCHEMA, false)));
	if (!OidIsValid(found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("there is no function behind cdc.%s()", NameStr(form->proname)),
				 errdetail("Schema %s has none of this name with these arguments.", INNER_SCHEMA),
				 errhint("ALTER EXTENSION cdc_pipeline UPDATE; or create the extension again.")));
	ReleaseSysCache(row);

	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(found));
	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for function %u", found);
	inner->owner = ((Form_pg_proc) GETSTRUCT(row))->proowner;
	ReleaseSysCache(row);
	fmgr_info_cxt(found, &inner->function, flinfo->fn_mcxt);
	inner->function.fn_expr = flinfo->fn_expr;
	flinfo->fn_extra = inner;
	return inner;
}

static void
leave(CdcIdentity *identity, bool parse, bool rewritten, bool plan)
{
	cdc_identity_pop(identity);
	Debug_print_parse = parse;
	Debug_print_rewritten = rewritten;
	Debug_print_plan = plan;
}

/*
 * Runs the function on behalf of identity.  Meanwhile no query tree is printed:
 * any role may set debug_print_plan and client_min_messages, and would read
 * there what inner functions look up, and what they know of others.  What is
 * refused on purpose, which says in its hint what to do, goes without the lines of
 * context that tell where: they are of use for what was not foreseen.
 */
static pg_noinline Datum
run_for(CdcIdentity *identity, FunctionCallInfo call)
{
	volatile Datum result = (Datum) 0;
	MemoryContext caller = CurrentMemoryContext;
	bool		parse = Debug_print_parse;
	bool		rewritten = Debug_print_rewritten;
	bool		plan = Debug_print_plan;

	Debug_print_parse = Debug_print_rewritten = Debug_print_plan = false;
	cdc_identity_push(identity);
	PG_TRY();
	{
		result = FunctionCallInvoke(call);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		leave(identity, parse, rewritten, plan);
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		if (error->detail && error->hint)
			error->context = NULL;
		ReThrowError(error);
	}
	PG_END_TRY();
	leave(identity, parse, rewritten, plan);
	return result;
}

/*
 * Every function of schema cdc that asks who calls: runs the one behind it on
 * behalf of the current user, with the arguments as they came.  A set comes
 * back whole, so that none of the inner function's code runs after the return.
 * ERROR 42501 where the current user is not who asks, and whatever the inner
 * function throws.
 */
Datum
cdc_entry(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	CdcIdentity identity;
	Inner	   *inner;
	Datum		result;

	if (fcinfo->flinfo == NULL || !OidIsValid(fcinfo->flinfo->fn_oid))
		elog(ERROR, "cdc_entry needs to know as which function it is called");
	if (unlikely(InSecurityRestrictedOperation() || InLocalUserIdChange()))
		refuse(psprintf("%s.%s() cannot tell who calls it", ENTRY_SCHEMA, get_func_name(fcinfo->flinfo->fn_oid)));
	inner = find_inner(fcinfo->flinfo);

	InitFunctionCallInfoData(*call, &inner->function, PG_NARGS(), PG_GET_COLLATION(), fcinfo->context, fcinfo->resultinfo);
	memcpy(call->args, fcinfo->args, sizeof(NullableDatum) * PG_NARGS());
	if (inner->function.fn_retset && set && IsA(set, ReturnSetInfo))
		set->allowedModes |= SFRM_Materialize_Preferred;

	memset(&identity, 0, sizeof(identity));
	identity.role = GetUserId();
	identity.runs_as = inner->owner;
	result = run_for(&identity, call);
	if (inner->function.fn_retset && set && IsA(set, ReturnSetInfo) && set->returnMode != SFRM_Materialize && set->isDone != ExprEndResult)
		elog(ERROR, "function %u returned its set row by row", inner->function.fn_oid);
	fcinfo->isnull = call->isnull;
	return result;
}

/* Is one of the relations of this query a table of ours? */
static const char *
reads_ours(List *rtable)
{
	Oid			ours = get_namespace_oid(ENTRY_SCHEMA, true);
	ListCell   *cell;

	foreach(cell, rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		/* of a view there may be an entry too */
		if (entry->rtekind == RTE_RELATION && OidIsValid(ours) && get_rel_namespace(entry->relid) == ours &&
			get_rel_relkind(entry->relid) == RELKIND_RELATION)
			return get_rel_name(entry->relid);
	}
	return NULL;
}

/*
 * A policy that asks who calls is reached with the first row only, or never:
 * whether a query is refused would tell what is in the table.  So it is refused
 * before.  Whom no policy concerns reads on.
 */
static void
on_run(CDC_EXECUTOR_RUN_ARGS)
{
	if (unlikely(InSecurityRestrictedOperation() || InLocalUserIdChange()) && !has_bypassrls_privilege(GetUserId()))
	{
		const char *relation = reads_ours(queryDesc->plannedstmt->rtable);

		if (relation)
			refuse(psprintf("relation %s.%s cannot tell who reads it", ENTRY_SCHEMA, relation));
	}
	if (next_run)
		next_run(CDC_EXECUTOR_RUN_PASS);
	else
		standard_ExecutorRun(CDC_EXECUTOR_RUN_PASS);
}

void
cdc_entry_init(void)
{
	next_run = ExecutorRun_hook;
	ExecutorRun_hook = on_run;
}
