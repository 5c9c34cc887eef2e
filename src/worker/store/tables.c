/*
 * tables.c
 *	  The tables of the metadata, and who has locked one of them.
 *
 * See store_parts.h.  A turn takes the locks that its statements need before it
 * runs any, and waits for none: who vacuums, reindexes or alters a table, or has
 * it locked in a transaction that is open, holds up what is in that table alone.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "worker/store/store_parts.h"

/* By CdcTable. */
static const char *const names[] = {
	"control_plane", "work", "organization", "organization_limit", "service", "service_node", "service_secret", "zone", "network_owner",
	"connect_share", "pipeline_spec", "pipeline_secret", "pipeline_observed", "pipeline_standby", "pipeline_event",
	"finding", "network_peering"
};

StaticAssertDecl(lengthof(names) == CDC_NUM_TABLES, "each table has its name");

static const char holder_sql[] =
"SELECT l.mode, " CDC_HOLDER_COLUMNS
" FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid"
" LEFT JOIN pg_catalog.pg_prepared_xacts x ON ('-1/' OPERATOR(pg_catalog.||) x.transaction::pg_catalog.text) OPERATOR(pg_catalog.=) l.virtualtransaction"
" WHERE l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.relation OPERATOR(pg_catalog.=) $1 AND l.database OPERATOR(pg_catalog.=) $2"
"  AND l.mode OPERATOR(pg_catalog.=) ANY (ARRAY['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'])"
"  AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()"
" ORDER BY l.granted DESC LIMIT 1";

bool
cdc_tables_lock_extension(void)
{
	Oid			extension = get_extension_oid("cdc_pipeline", true);
	LOCKTAG		tag;

	if (!OidIsValid(extension))
		return true;
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, extension, 0);
	if (LockAcquire(&tag, AccessShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	AcceptInvalidationMessages();
	return true;
}

uint32
cdc_tables_lock(void)
{
	Oid			schema = get_namespace_oid("cdc", true);
	uint32		held = 0;
	int			i;

	for (i = 0; i < CDC_NUM_TABLES && OidIsValid(schema); i++)
	{
		Oid			table = get_relname_relid(names[i], schema);

		if (OidIsValid(table) && !ConditionalLockRelationOid(table, RowExclusiveLock))
			held |= CDC_TABLE(i);
	}
	return held;
}

char *
cdc_tables_holder(uint32 held)
{
	Oid			schema = get_namespace_oid("cdc", true);
	int			i;

	for (i = 0; i < CDC_NUM_TABLES && OidIsValid(schema); i++)
	{
		Oid			types[2] = {OIDOID, OIDOID};
		Datum		values[2];
		CdcHolder	holder;

		if (!(held & CDC_TABLE(i)))
			continue;
		values[0] = ObjectIdGetDatum(get_relname_relid(names[i], schema));
		values[1] = ObjectIdGetDatum(MyDatabaseId);
		cdc_statement_run(holder_sql, SPI_OK_SELECT, 2, types, values, NULL);
		if (SPI_processed == 0)
			continue;
		cdc_holder_read(2, &holder);
		return psprintf("table cdc.%s is locked (%s) by %s", names[i], SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1), holder.words);
	}
	return NULL;
}
