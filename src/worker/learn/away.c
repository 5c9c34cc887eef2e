/*
 * away.c
 *	  Tables that were away, by another name or in another schema, while the task
 *	  was started.
 *
 * See learn.h.  The publication holds tables by their oid, and is right all the time;
 * Debezium goes by their names, as they are when it starts.  So what is written
 * meanwhile is not lost while the task runs on, and is lost when it starts while they
 * are away.  There and back between two looks is suspected where their rows in the
 * catalog have changed and the task was started in between.  GRANT changes them too, ours
 * for another pipeline as well, so it is told and no more: a new snapshot would cost
 * the deletes of a stream that most often lacks nothing.
 */
#include "postgres.h"

#include "worker/learn/learn_parts.h"
#include "worker/world/facts.h"

/* When the walsender that there is began, by the source's clock; 0: there is none. */
static int64
task_began(const CdcPipeline *p)
{
	return p->look.seen->slot_since_us;
}

/* Away, as the looks see it. */
static void
learn_seen_away(CdcPipeline *p)
{
	CdcPipelineAway *away = &p->learned.away;

	if (p->look.seen->tables_missing)
	{
		if (!away->is)
		{
			away->is = true;
			away->task_began = false;
		}
		/* of a worker that has begun to look just now: left is 0 */
		away->task_began = away->task_began || task_began(p) > away->left_us;
		return;
	}
	if (away->is && (away->task_began || task_began(p) > away->left_us))
		away->missed = true;
	away->is = false;
	away->left_us = p->look.server.now_us;
}

/* There and back between two looks at their columns. */
static void
learn_changed(CdcPipeline *p)
{
	CdcPipelineAway *away = &p->learned.away;
	const CdcColumnsTold *told = &p->look.columns;

	if (told->mark != 0 && told->now_us != away->mark_us && told->at >= away->running_at)
	{
		if (away->mark != 0 && away->mark != told->mark)
		{
			away->changed_from_us = away->mark_us;
			away->changed_to_us = told->now_us;
		}
		away->mark = told->mark;
		away->mark_us = told->now_us;
	}
	if (away->changed_to_us != 0 && task_began(p) > away->changed_from_us && task_began(p) <= away->changed_to_us)
	{
		cdc_learn_tell(p, CDC_CHECK_ROWS_MISSING,
					   "the task was started while a table was changed: if it had another name, or was in another schema, at that moment, what was written since is missing");
		away->changed_to_us = 0;
	}
}

void
cdc_learn_away(CdcPipeline *p)
{
	if (!cdc_source_known(p) || !p->source->is_postgresql)
		return;
	/* all tables go by no name; and what begins anew has missed nothing */
	if (p->wanted.ntables == 0 || p->wanted.want_deleted || !p->kept.was_running || p->kept.discarding || p->kept.gap != NULL)
	{
		memset(&p->learned.away, 0, sizeof(p->learned.away));
		return;
	}
	if (p->learned.away.running_at == 0)
		p->learned.away.running_at = cdc_loop_now();
	learn_seen_away(p);
	learn_changed(p);
}
