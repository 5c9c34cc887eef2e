/*
 * held.c
 *	  Rows that somebody's transaction has held for long are told of.
 *
 * See store_parts.h.  By a finding of the owner, which who may see him sees, and a
 * line in the log a transaction.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/store/store_parts.h"
#include "worker/world/checks.h"

/* A transaction that is over by then is told to nobody; one that is not, again after this. */
#define TELL_MS 1000
#define AGAIN_MS 10000
/* So many are asked about in one turn: who holds a row is found in a list of all locks. */
#define ASK_MAX 20

static void
tell(const CdcDirty *dirty, const CdcHolder *holder, bool holds)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_ROW_HELD);

	if (holder)
	{
		finding.observed = holder->words;
		finding.fix_sql = holder->fix_sql;
	}
	if (dirty->row < CDC_NUM_PIPELINE_ROWS)
		cdc_finding_pipeline(dirty->owner, &finding, holds);
	else if (dirty->row < CDC_ROW_NODE)
		cdc_finding_service(dirty->owner, &finding, holds);
	else if (dirty->row == CDC_ROW_NODE)
		cdc_finding_service(((CdcNode *) dirty->owner)->service, &finding, holds);
}

void
cdc_held_written(CdcDirty *dirty)
{
	if (dirty->told_at != 0)
		tell(dirty, NULL, false);
	cdc_dirty_told(dirty, 0);
}

typedef struct Question
{
	CdcDirty   *dirty;
	const char *why;			/* known already; else it is asked: */
	bool		known;
	CdcHolder	holder;
} Question;

/* What is to be found out, and where it is kept beyond the transaction that does. */
typedef struct Inquiry
{
	List	   *questions;
	MemoryContext context;
} Inquiry;

static void
ask(void *arg)
{
	Inquiry    *inquiry = arg;
	ListCell   *cell;

	foreach(cell, inquiry->questions)
	{
		Question   *q = lfirst(cell);
		const CdcRowWriter *writer = cdc_row_writer(q->dirty->row);
		CdcHolder	holder;

		if (q->why || !cdc_holder_of_rows(writer->rows_sql, writer->key(q->dirty->owner), &holder))
			continue;
		q->known = true;
		q->holder.words = MemoryContextStrdup(inquiry->context, holder.words);
		q->holder.fix_sql = MemoryContextStrdup(inquiry->context, holder.fix_sql);
	}
}

static List *
questions_of(List *batches)
{
	List	   *questions = NIL;
	int64		now = cdc_loop_now();
	ListCell   *cell;
	ListCell   *inner;

	foreach(cell, batches)
	{
		CdcBatch   *batch = lfirst(cell);

		foreach(inner, batch->held)
		{
			CdcDirty   *dirty = lfirst(inner);
			Question   *q;

			if (now - dirty->held_since < TELL_MS || (dirty->told_at != 0 && now - dirty->told_at < AGAIN_MS) ||
				list_length(questions) >= ASK_MAX)
				continue;
			q = palloc0(sizeof(Question));
			q->dirty = dirty;
			q->why = batch->waited ? NULL : batch->why;
			questions = lappend(questions, q);
		}
	}
	return questions;
}

void
cdc_held_tell(CdcWorld *world, List *batches)
{
	static char *last = NULL;	/* what was logged last: one transaction may hold many rows */
	Inquiry		inquiry = {questions_of(batches), CurrentMemoryContext};
	ListCell   *cell;

	if (inquiry.questions == NIL)
		return;
	/* of what cannot be asked nothing is known */
	(void) cdc_store_apart(false, ask, &inquiry);
	foreach(cell, inquiry.questions)
	{
		Question   *q = lfirst(cell);

		if (q->why)
			q->holder.words = psprintf("its rows cannot be written: %s", q->why);
		else if (q->known)
			q->holder.words = psprintf("its rows are held by %s", q->holder.words);
		else
			continue;
		tell(q->dirty, &q->holder, true);
		cdc_dirty_told(q->dirty, cdc_loop_now());
		if (!cdc_same(last, q->holder.words))
			ereport(LOG,
					(errmsg("cdc_pipeline reconciler: a service or pipeline waits: %s", q->holder.words),
					 q->holder.fix_sql ? errhint("What ends it: %s;", q->holder.fix_sql) : 0));
		cdc_set_string(TopMemoryContext, &last, q->holder.words);
	}
}
