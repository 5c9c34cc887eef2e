/*
 * holder.c
 *	  Whose transaction holds a row.
 *
 * See store_parts.h.  A row's header names who has locked or changed it last; what
 * that is now pg_locks and pg_stat_activity say.  Waits for nobody, and changes
 * nothing.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/subtrans.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "worker/store/store_parts.h"

static const char holder_sql[] =
"SELECT " CDC_HOLDER_COLUMNS " FROM (VALUES ($1)) t(xid)"
" LEFT JOIN pg_catalog.pg_locks l ON l.locktype OPERATOR(pg_catalog.=) 'transactionid' AND l.transactionid::pg_catalog.text OPERATOR(pg_catalog.=) t.xid AND l.granted"
" LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) l.pid"
" LEFT JOIN pg_catalog.pg_prepared_xacts x ON x.transaction::pg_catalog.text OPERATOR(pg_catalog.=) t.xid"
" WHERE a.pid IS NOT NULL OR x.gid IS NOT NULL LIMIT 1";

/* The transaction that is under way of this one, or of which it is a part; or none. */
static TransactionId
under_way(TransactionId xid)
{
	if (!TransactionIdIsValid(xid) || TransactionIdIsCurrentTransactionId(xid) || !TransactionIdIsInProgress(xid))
		return InvalidTransactionId;
	return SubTransGetTopmostTransaction(xid);
}

/* Who holds the tuple against a change of what is no key; or nobody. */
static TransactionId
holder_of(HeapTupleHeader tuple)
{
	TransactionId xmax = HeapTupleHeaderGetRawXmax(tuple);
	TransactionId found = InvalidTransactionId;

	if (tuple->t_infomask & HEAP_XMAX_INVALID)
		return InvalidTransactionId;
	if (tuple->t_infomask & HEAP_XMAX_IS_MULTI)
	{
		MultiXactMember *members;
		int			n = GetMultiXactIdMembers(xmax, &members, false, HEAP_XMAX_IS_LOCKED_ONLY(tuple->t_infomask));
		int			i;

		for (i = 0; i < n && !TransactionIdIsValid(found); i++)
		{
			if (members[i].status != MultiXactStatusForKeyShare)
				found = under_way(members[i].xid);
		}
		return found;
	}
	return HEAP_XMAX_IS_KEYSHR_LOCKED(tuple->t_infomask) ? InvalidTransactionId : under_way(xmax);
}

static TransactionId
holder_at(Oid table, ItemPointer tid)
{
	TransactionId found = InvalidTransactionId;
	Relation	relation;
	TupleTableSlot *slot;

	if (!ConditionalLockRelationOid(table, AccessShareLock))
		return InvalidTransactionId;
	relation = table_open(table, NoLock);
	slot = table_slot_create(relation, NULL);
	if (table_tuple_fetch_row_version(relation, tid, SnapshotAny, slot))
	{
		bool		ours;
		HeapTuple	tuple = ExecFetchSlotHeapTuple(slot, false, &ours);

		found = holder_of(tuple->t_data);
		if (ours)
			heap_freetuple(tuple);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, NoLock);
	return found;
}

void
cdc_holder_read(int column, CdcHolder *holder)
{
	HeapTuple	tuple = SPI_tuptable->vals[0];
	TupleDesc	desc = SPI_tuptable->tupdesc;

	holder->words = SPI_getvalue(tuple, desc, column);
	holder->fix_sql = SPI_getvalue(tuple, desc, column + 1);
}

bool
cdc_holder_of_rows(const char *sql, const char *key, CdcHolder *holder)
{
	Oid			types[1] = {TEXTOID};
	Datum		values[1] = {CStringGetTextDatum(key)};
	TransactionId found = InvalidTransactionId;
	SPITupleTable *rows;
	uint64		n;
	uint64		i;

	cdc_statement_run(sql, SPI_OK_SELECT, 1, types, values, NULL);
	rows = SPI_tuptable;
	n = SPI_processed;
	for (i = 0; i < n && !TransactionIdIsValid(found); i++)
	{
		bool		isnull;
		Oid			table = DatumGetObjectId(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
		ItemPointer tid = (ItemPointer) DatumGetPointer(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull));

		found = holder_at(table, tid);
	}
	if (!TransactionIdIsValid(found))
		return false;
	values[0] = CStringGetTextDatum(psprintf("%u", found));
	cdc_statement_run(holder_sql, SPI_OK_SELECT, 1, types, values, NULL);
	if (SPI_processed == 0)
		return false;
	cdc_holder_read(1, holder);
	return true;
}
