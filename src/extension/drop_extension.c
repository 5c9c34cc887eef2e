/*
 * drop_extension.c
 *	  Refuses that the extension is dropped, by whatever statement, while connectors,
 *	  slots, roles and lines of pg_hba.conf would stay of which nobody knew any more.
 *
 * What depends on an extension is dropped before it, so the question is asked at
 * the first of its members: the tables are there to be read.  What would stay is
 * cdc_inner.left_behind()'s to say.  Nothing is changed here.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "common/compat.h"
#include "extension/drop_extension.h"

#define EXTENSION_NAME "cdc_pipeline"
/* Lines of the list; the others are counted. */
#define SHOWN 30

static const char left_sql[] =
"SELECT pg_catalog.format('%s %s (%s)', l.kind, l.name, l.place) FROM cdc_inner.left_behind() l";

/* Version 0.1 cannot say what it made. */
static const char left_old_sql[] =
"SELECT pg_catalog.format('what was made for pipeline %s (its source and its sink)', p.id)"
" FROM cdc.pipeline_spec p WHERE p.settled_at IS NULL AND p.mutated_at IS NOT NULL";

static object_access_hook_type next_access;

/*
 * Of which extension it was found, in which (sub)transaction, that nothing would
 * stay: as long as that one lives, it is being dropped or gone.
 */
static Oid	asked_extension;
static LocalTransactionId asked_transaction;
static SubTransactionId asked_subtransaction;

/* Who owns the extension: reads its tables whatever their policies are. */
static Oid
owner_of(Oid extension)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	Oid			owner;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	row = systable_getnext(scan);
	owner = HeapTupleIsValid(row) ? ((Form_pg_extension) GETSTRUCT(row))->extowner : GetUserId();
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

/* What would stay, a line each, in list; how many they are. */
static uint64
left_behind(StringInfo list)
{
	bool		old = !OidIsValid(LookupFuncName(list_make2(makeString("cdc_inner"), makeString("left_behind")), 0, NULL, true));
	uint64		n;
	uint64		i;

	SPI_connect();
	if (SPI_execute(old ? left_old_sql : left_sql, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "what would stay cannot be read");
	n = SPI_processed;
	for (i = 0; i < n && i < SHOWN; i++)
		appendStringInfo(list, "%s%s", i ? "\n" : "", SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	if (n > SHOWN)
		appendStringInfo(list, "\nand " UINT64_FORMAT " more", n - SHOWN);
	SPI_finish();
	return n;
}

/* ERROR 2BP01 with the list when something would stay. */
static void
ask(Oid extension)
{
	Oid			user;
	int			context;
	bool		pushed = !ActiveSnapshotSet();
	StringInfoData list;
	uint64		n;

	initStringInfo(&list);
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner_of(extension), 0);
	n = left_behind(&list);
	SetUserIdAndSecContext(user, context);
	if (pushed)
		PopActiveSnapshot();
	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("extension %s cannot be dropped: what it made would stay, and nobody would know of it", EXTENSION_NAME),
				 errdetail("%s", list.data),
				 errhint("SELECT cdc.delete_pipeline(id) FROM cdc.pipeline, and the services that were made, and wait until this list is empty; or, to leave it all where it is, as a superuser: SELECT * FROM cdc.abandon_all().")));
	pfree(list.data);
	asked_extension = extension;
	asked_transaction = cdc_local_transaction();
	asked_subtransaction = GetCurrentSubTransactionId();
}

static void
on_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (next_access)
		next_access(access, class_id, object_id, sub_id, arg);
	if (access == OAT_DROP && sub_id == 0 && IsTransactionState())
	{
		Oid			extension = get_extension_oid(EXTENSION_NAME, true);

		/* its own scripts drop what a new version has not */
		if (!OidIsValid(extension) || (creating_extension && CurrentExtensionObject == extension))
			return;
		if (extension == asked_extension && asked_transaction == cdc_local_transaction() &&
			asked_subtransaction == GetCurrentSubTransactionId())
			return;
		if ((class_id == ExtensionRelationId && object_id == extension) || getExtensionOfObject(class_id, object_id) == extension)
			ask(extension);
	}
}

void
cdc_drop_extension_init(void)
{
	next_access = object_access_hook;
	object_access_hook = on_access;
}
