/*
 * source.c
 *	  What is remembered of a look at the source: the slot's name and movement, who
 *	  may make the next one.
 *
 * See learn.h.
 */
#include "postgres.h"

#include "worker/learn/learn_parts.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"
#include "worker/world/streamed.h"

/* How far the slot is, and how long its longest silence was. */
static void
learn_flow(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;
	int64		now = cdc_loop_now();

	/* without a slot: where it stood last is where a gap begins */
	if (!seen->slot_exists || !seen->slot_consistent)
		return;
	cdc_keep_lag(p, p->look.server.wal_lsn > seen->confirmed_flush_lsn ? (int64) (p->look.server.wal_lsn - seen->confirmed_flush_lsn) : 0);
	/* what a stranger confirms is not in Kafka: a gap begins where he came */
	if (seen->confirmed_flush_lsn != p->learned.flushed && !p->kept.usurped && !cdc_slot_usurped(p))
	{
		if (p->learned.flushed_at)
			p->learned.flush_interval = Max(p->learned.flush_interval, now - p->learned.flushed_at);
		cdc_keep_flushed(p, seen->confirmed_flush_lsn);
		p->learned.flushed_at = now;
	}
	else if (p->learned.flushed_at == 0)
		p->learned.flushed_at = now;
}

/* Since when the slot is held by what is to let it go. */
static void
learn_held(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;
	bool		held = cdc_source_known(p) && seen->slot_exists && seen->slot_fits && p->kept.slot_absent_before &&
		!seen->slot_lost && (seen->slot_streaming || seen->slot_active);

	if (!p->wanted.want_deleted && !p->kept.discarding && !cdc_failover_pending(p))
		return;
	if (!held)
		p->learned.slot_held_since = 0;
	else if (p->learned.slot_held_since == 0)
		p->learned.slot_held_since = cdc_loop_now();
}

/*
 * Is nobody there who would make its slot?  A request without an answer may still
 * land, and then makes it out of its turn; until then others need not wait for it.
 */
static bool
makes_no_slot(const CdcPipeline *p)
{
	if (p->look.seen->slot_exists || p->sink == NULL || p->sink->kafka.listed_at < p->plan.connect_since)
		return false;
	return p->sink->kafka.connect_reachable == CDC_NO ||
		(cdc_connect_known(p) && cdc_connector_of(p) == NULL && !cdc_connector_is_coming(p));
}

void
cdc_learn_source(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;

	learn_held(p);
	if (!cdc_source_known(p) || !p->source->is_postgresql)
		return;
	if (seen->slot_exists && seen->slot_fits && p->kept.slot_absent_before)
		cdc_keep_names(p, false, false, true);
	if ((seen->slot_exists && seen->slot_consistent) || p->wanted.want_deleted || makes_no_slot(p))
		cdc_turn_give(&p->source->pg.slot_turn, p);
	learn_flow(p);
}
