/*
 * source.c
 *	  What is remembered of a look at the source: the slot's name and movement, who
 *	  may make the next one.
 *
 * See learn.h.
 */
#include "postgres.h"

#include <stdlib.h>

#include "common/quote.h"
#include "extension/settings.h"
#include "worker/learn/learn_parts.h"
#include "worker/world/checks.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"
#include "worker/world/pause.h"
#include "worker/world/slot_starts.h"
#include "worker/world/streamed.h"
#include "worker/world/wanted.h"

/* A heartbeat that its user has not set (debezium.c). */
#define HEARTBEAT_MS 5000

/* So many intervals tell how often Connect flushes offsets; what is more than this is a recommendation's worth. */
#define FLUSH_MOVES 4
#define FLUSH_SLOW_MS 15000

/*
 * An interval between two moves of the slot under the same walsender, with
 * heartbeats all the time: Connect, by a setting of its workers that cannot be asked
 * for, has not flushed offsets oftener.  The shortest of several tells it, as far as
 * rounds and heartbeats are shorter still.
 */
static void
learn_flush_interval(CdcPipeline *p, int64 interval)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_OFFSETS_FLUSHED_LATE);
	const char *beat = cdc_option_of(p, "heartbeat.interval.ms");
	int64		beats = beat ? strtol(beat, NULL, 10) : HEARTBEAT_MS;
	int64		shortest;
	bool		is_slow;

	p->learned.shortest = p->learned.moves == 0 ? interval : Min(p->learned.shortest, interval);
	shortest = p->learned.shortest;
	if (++p->learned.moves < FLUSH_MOVES || p->sink == NULL || p->wanted.want_deleted)
		return;
	is_slow = shortest >= Max(FLUSH_SLOW_MS, 2 * cdc_health_interval) && shortest >= 2 * beats;
	if (is_slow == cdc_finding_holds(p->sink->findings, finding.check_name))
		return;
	finding.observed = psprintf("as seen of pipeline \"%s\", positions are confirmed every " INT64_FORMAT " s and no oftener, with heartbeats every " INT64_FORMAT " s",
								p->wanted.name, (shortest + 500) / 1000, (beats + 999) / 1000);
	cdc_finding_service(p->sink, &finding, is_slow);
}

/*
 * How far the slot is, and how long its longest silence was.  Silence is of the
 * walsender that there is: while there was none, or until another one came, nothing
 * could be confirmed.  What was told as standing still is no interval to expect again.
 */
static void
learn_flow(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;
	int64		now = cdc_loop_now();
	int64		run = seen->slot_streaming ? seen->slot_since_us : 0;
	bool		another = run == 0 || run != p->learned.flow_run;
	int64		interval = p->learned.flushed_at ? now - p->learned.flushed_at : 0;

	/* without a slot: where it stood last is where a gap begins */
	if (!seen->slot_exists || !seen->slot_consistent)
		return;
	cdc_keep_lag(p, p->look.server.wal_lsn > seen->confirmed_flush_lsn ? (int64) (p->look.server.wal_lsn - seen->confirmed_flush_lsn) : 0);
	/* what a stranger confirms is not in Kafka: a gap begins where he came */
	if (seen->confirmed_flush_lsn != p->learned.flushed && !p->kept.usurped && !cdc_slot_usurped(p))
	{
		if (!another && interval > 0 && interval <= cdc_flow_patience(p))
			p->learned.flush_interval = Max(p->learned.flush_interval, interval);
		if (!another && p->learned.moved)
			learn_flush_interval(p, interval);
		cdc_keep_flushed(p, seen->confirmed_flush_lsn);
		p->learned.flushed_at = now;
		p->learned.moved = !another;
	}
	else if (p->learned.flushed_at == 0 || another)
		p->learned.flushed_at = now;
	if (another)
	{
		p->learned.flow_run = run;
		p->learned.moved = false;
		p->learned.moves = 0;
	}
}

/* Since when the slot is held by what is to let it go. */
static void
learn_held(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;
	bool		held = cdc_source_known(p) && seen->slot_exists && seen->slot_fits && p->kept.slot_absent_before &&
		!seen->slot_lost && (seen->slot_streaming || seen->slot_active);

	if (!p->wanted.want_deleted && !p->kept.discarding && !cdc_failover_pending(p) && !cdc_wants_pause(p) && !cdc_restart_wanted(p))
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
	if (seen->slot_exists)
		cdc_slot_settled(p, true);
	if ((seen->slot_exists && seen->slot_consistent) || p->wanted.want_deleted || makes_no_slot(p))
	{
		cdc_slot_settled(p, false);
		cdc_turn_give(&p->source->pg.slot_turn, p);
	}
	if (p->kept.was_running)
		p->learned.slot_seen_at = 0;
	else if (!seen->slot_exists || !seen->slot_consistent)
		p->learned.slot_seen_at = 0;
	else if (p->learned.slot_seen_at == 0)
		p->learned.slot_seen_at = cdc_loop_now();
	learn_flow(p);
	learn_timeouts(p);
}
