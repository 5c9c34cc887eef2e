/*
 * source.c
 *	  What is remembered of a look at the source: the slot's name and movement, who
 *	  may make the next one.
 *
 * See learn.h.
 */
#include "postgres.h"

#include "common/quote.h"
#include "worker/learn/learn_parts.h"
#include "worker/world/checks.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"
#include "worker/world/streamed.h"
#include "worker/world/wanted.h"

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
	if (p->look.seen->slot_exists || p->sink == NULL || cdc_connect_seen_at(p) < p->plan.connect_since)
		return false;
	return p->sink->kafka.connect_reachable == CDC_NO ||
		(cdc_connect_known(p) && cdc_connector_of(p) == NULL && !cdc_connector_is_coming(p));
}

/* Timeouts that reach the sessions of a role which is not ours to alter. */
static void
learn_timeouts(CdcPipeline *p)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_CONNECTOR_TIMEOUTS);
	const char *seen = p->look.seen->role_timeouts;
	bool		holds = !p->source->pg.manage_role && !p->wanted.want_deleted && p->look.seen->role_exists && seen != NULL;
	StringInfoData fix;
	const char *name;
	char	   *of = NULL;

	if (!holds && !cdc_finding_holds(p->findings, finding.check_name))
		return;
	initStringInfo(&fix);
	if (holds)
		of = cdc_quote_format("ALTER ROLE %I IN DATABASE %I", cdc_wanted_role(p), p->wanted.database);
	for (name = of ? seen : ""; *name != '\0'; name += strcspn(name, ","), name += strspn(name, ", "))
		appendStringInfo(&fix, "%s%s SET %.*s = 0;", fix.len > 0 ? " " : "",
						 of, (int) strcspn(name, "=,"), name);
	finding.observed = holds ? seen : NULL;
	finding.fix_sql = of ? fix.data : NULL;
	cdc_finding_pipeline(p, &finding, holds);
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
	learn_timeouts(p);
}
