/*
 * apart.c
 *	  What the store does beside the turn: each in a short transaction of its own.
 *
 * See store_parts.h.  The turn itself is store.c's.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "worker/store/store_parts.h"

CdcApart
cdc_store_apart(bool tables, void (*what) (void *arg), void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile CdcApart end = CDC_APART_DONE;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PG_TRY();
	{
		if (cdc_tables_lock_extension() && (!tables || cdc_tables_lock() == 0))
		{
			SPI_connect();
			PushActiveSnapshot(GetTransactionSnapshot());
			what(arg);
			PopActiveSnapshot();
			SPI_finish();
		}
		else
			end = CDC_APART_IN_THE_WAY;
		CommitTransactionCommand();
		MemoryContextSwitchTo(caller);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
		end = CDC_APART_FAILED;
	}
	PG_END_TRY();
	CurrentResourceOwner = owner;
	return end;
}
