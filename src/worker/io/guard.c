/*
 * guard.c
 *	  See guard.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "common/text.h"
#include "worker/io/guard.h"

bool
cdc_guard(void (*call) (void *arg), void *arg, const char *what, char *why, size_t size)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool returned = true;

	PG_TRY();
	{
		call(arg);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		if (IsTransactionState())
			AbortCurrentTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		cdc_text_line(why, size, edata->message);
		ereport(LOG,
				(errcode(edata->sqlerrcode),
				 errmsg("cdc_pipeline reconciler: %s could not be read: %s", what, why)));
		FreeErrorData(edata);
		returned = false;
	}
	PG_END_TRY();
	return returned;
}
