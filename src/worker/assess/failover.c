/*
 * failover.c
 *	  Has the history under a pipeline changed, what does the judgement say,
 *	  and how far is its verdict carried out?
 *
 * See assess.h.  What is remembered of it is two values of the pipeline: the
 * history on which it streamed last (streamed_*), set when a start on it is
 * committed or streaming is seen, and the verdict that is being carried out
 * (failover, JSON), from when it is judged until streaming is proven.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/timestamp.h"

#include "common/json.h"
#include "common/lsn.h"
#include "extension/settings.h"
#include "worker/assess/assess_parts.h"
#include "worker/world/facts.h"
#include "worker/world/shadow.h"
#include "worker/world/streamed.h"
#include "worker/world/timeline.h"

/* The part of max_slot_wal from which on a slot is warned of. */
#define SLOT_WAL_WARN_PERCENT 75

bool
cdc_failover_needs_offsets(const CdcPipeline *p)
{
	const CdcKcConnector *c = cdc_connector_of(p);
	CdcFailoverIntent intent;

	if (!cdc_failover_may_move(p) || p->look.seen == NULL)
		return false;
	if (cdc_failover_pending(p))
		return c && c->state == CDC_CS_STOPPED && c->ntasks == 0;
	intent = cdc_failover_intent(p);
	if (c && p->kept.came_lsn != 0)
		return true;
	return c && intent.present && !intent.resumed && intent.verdict == CDC_VERDICT_REWIND;
}

static CdcSlot
slot_of(const CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;

	return !seen->slot_exists ? CDC_SLOT_ABSENT : !seen->slot_fits ? CDC_SLOT_FOREIGN :
		seen->slot_lost ? CDC_SLOT_LOST : seen->slot_streaming ? CDC_SLOT_STREAMING :
		seen->slot_active ? CDC_SLOT_ACTIVE : CDC_SLOT_INACTIVE;
}

/*
 * A slot that is there after the timeline has changed was made by us on this
 * standby (then the place of its making is remembered), was synced by the
 * server, or is the one that was streamed from, of a primary that was demoted
 * and promoted again; any other is a leftover.
 */
static bool
slot_is_stale(const CdcPipeline *p)
{
	uint32		timeline;

	if (cdc_failover_same_history(p) || p->look.seen->slot_failover || p->source->pg.primary == NULL ||
		cdc_failover_is_straight(p, p->look.seen->confirmed_flush_lsn))
		return false;
	timeline = cdc_shadow_timeline(p, p->source->pg.primary);
	if (timeline == 0)
		return true;
	return p->look.server.history_known &&
		!cdc_history_contains(p->look.server.timeline, p->look.server.history, p->look.server.nhistory,
							  timeline, p->look.seen->confirmed_flush_lsn);
}

CdcJudgement
cdc_failover_judge_now(const CdcPipeline *p)
{
	CdcFailoverFacts f;

	memset(&f, 0, sizeof(f));
	f.streamed_system = p->kept.streamed_system;
	f.streamed_timeline = p->kept.streamed_timeline;
	f.streamed_from = p->kept.streamed_from;
	f.system = p->look.server.system_identifier;
	f.timeline = p->look.server.timeline;
	f.wal_lsn = p->kept.rewritten_lsn != 0 ? p->kept.rewritten_lsn : p->look.server.wal_lsn;
	f.history_known = p->look.server.history_known;
	f.nhistory = p->look.server.nhistory;
	f.history = p->look.server.history;
	f.slot = slot_of(p);
	f.slot_stale = p->look.seen->slot_exists && slot_is_stale(p);
	f.slot_lsn = p->look.seen->confirmed_flush_lsn;
	f.halt = cdc_gap_halts(p);
	f.dragged = (!cdc_failover_same_history(p) && cdc_same(p->look.seen->slot_user, "role")) || cdc_failover_intent(p).spoiled;
	if (cdc_offsets_are_last(p))
	{
		const char *status = p->look.seen->tx_status;

		f.offsets = p->look.offsets.state;
		f.offset_lsn = p->look.offsets.highest_lsn;
		f.commit_lsn = p->look.offsets.commit_lsn;
		/* one of too long ago is not the end of a stored offset */
		f.tail_committed = p->look.look_at < p->look.offsets_at && cdc_failover_open_txid(p) != 0 ? CDC_UNKNOWN :
			status == NULL || strcmp(status, "committed") == 0 ? CDC_YES : CDC_NO;
	}
	else if (p->kept.offsets_clean && cdc_connector_of(p) == NULL)
		f.offsets = CDC_OFFSETS_NONE;
	else if (f.dragged)
	{
		/* the verdict does not depend on them, and must not wait for them */
		f.offsets = CDC_OFFSETS_STREAMING;
		f.offset_lsn = p->learned.flushed;
	}
	/* an offset may be of a snapshot that was taken while somebody else had the slot */
	if (p->kept.usurped && p->kept.snapshot_run != 0)
		f.lost_lsn = p->learned.flushed;
	return cdc_failover_judge(&f);
}

static const char *
what_happened(const CdcPipeline *p)
{
	const CdcNode *n = p->source->pg.primary;

	if (cdc_failover_same_history(p) && p->kept.usurped)
		return psprintf("the replication slot was used by somebody else%s%s",
						p->look.seen->slot_user && strcmp(p->look.seen->slot_user, "role") != 0 ? ": " : "",
						p->look.seen->slot_user && strcmp(p->look.seen->slot_user, "role") != 0 ? p->look.seen->slot_user : "");
	if (cdc_failover_is_rewritten(p))
		return psprintf("source %s:%d was restored: its WAL ends at %s, and %s was streamed", n->address, n->port,
						cdc_lsn_words(p->kept.rewritten_lsn), cdc_lsn_words(p->kept.reached));
	return psprintf("source failed over from %s (timeline %u) to %s:%d (timeline %u)",
					p->kept.streamed_node ? p->kept.streamed_node : "its primary", p->kept.streamed_timeline,
					n->address, n->port, p->look.server.timeline);
}

const char *
cdc_failover_words(const CdcPipeline *p, const CdcJudgement *j)
{
	const char *what = what_happened(p);

	switch (j->verdict)
	{
		case CDC_VERDICT_RESUME:
			return psprintf("%s; it goes on where it was", what);
		case CDC_VERDICT_REWIND:
			return psprintf("%s: %s; the stored offset goes back to %s", what, j->rule->reason, cdc_lsn_words(j->position));
		case CDC_VERDICT_RESNAPSHOT:
		case CDC_VERDICT_HALT:
			return psprintf("%s: %s", what, j->rule->reason);
		default:
			return what;
	}
}

/* How much WAL the slot holds back, of how much it may. */
static void
assess_slot_wal(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	uint64		bound = (uint64) cdc_max_slot_wal * 1024 * 1024;
	uint64		held;

	s->slot_wal_high = CDC_NO;
	if (bound == 0 || p->look.seen->restart_lsn == 0 || p->look.server.wal_lsn <= p->look.seen->restart_lsn)
		return;
	held = p->look.server.wal_lsn - p->look.seen->restart_lsn;
	if (held > bound / 100 * SLOT_WAL_WARN_PERCENT)
	{
		s->slot_wal_high = CDC_YES;
		cdc_set_detail(a, CDC_DETAIL_SLOT_WAL,
					   psprintf(UINT64_FORMAT " MB of %d MB", held / (1024 * 1024), cdc_max_slot_wal));
	}
}

void
cdc_assess_failover(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcService *source = p->source;
	CdcFailoverIntent intent;

	s->offsets_ahead = s->confirmed = CDC_UNKNOWN;
	s->two_primaries = source && source->pg.other_primary ? CDC_YES : CDC_NO;
	if (s->two_primaries == CDC_YES)
		cdc_set_detail(a, CDC_DETAIL_OTHER_PRIMARY,
					   psprintf("%s:%d (timeline %u) is followed, %s:%d (timeline %u) is not",
								source->pg.primary->address, source->pg.primary->port, source->pg.primary->timeline,
								source->pg.other_primary->address, source->pg.other_primary->port, source->pg.other_primary->timeline));
	if (!cdc_source_known(p))
		return;
	assess_slot_wal(p, a);
	s->standbys_awaited = CDC_NO;
	if (p->look.seen->slot_failover && source->pg.primary && source->pg.primary->conf.sync_missing)
	{
		s->standbys_awaited = CDC_YES;
		cdc_set_detail(a, CDC_DETAIL_STANDBY_SLOTS, source->pg.primary->conf.sync_missing);
	}

	intent = cdc_failover_intent(p);
	if (!cdc_failover_may_move(p) || p->kept.streamed_timeline == 0)
		s->move = CDC_MOVE_NONE;
	else if (intent.present)
		s->move = intent.resumed ? CDC_MOVE_RESUMED : CDC_MOVE_JUDGED;
	else if (cdc_failover_pending(p))
		s->move = CDC_MOVE_PENDING;
	else
		s->move = CDC_MOVE_NONE;

	if (s->move == CDC_MOVE_PENDING)
	{
		CdcJudgement j;

		j = cdc_failover_judge_now(p);
		s->verdict = j.verdict;
		if (s->connector != CDC_OBJ_ABSENT && (p->learned.stopped_seen == 0 || p->look.offsets_at < p->learned.stopped_seen))
			s->offsets = CDC_OFFSETS_UNKNOWN;
		cdc_set_detail(a, CDC_DETAIL_FAILOVER, cdc_failover_words(p, &j));
		return;
	}
	if (!intent.present)
		return;
	s->verdict = intent.verdict;
	cdc_set_detail(a, CDC_DETAIL_FAILOVER, intent.words);
	if (intent.verdict == CDC_VERDICT_REWIND && p->look.offsets_known == CDC_YES && p->look.offsets_at >= p->plan.connect_since)
		s->offsets_ahead = p->look.offsets.highest_lsn > intent.position ? CDC_YES : CDC_NO;
	s->confirmed = p->look.seen->slot_exists && p->look.seen->confirmed_flush_lsn > intent.slot_lsn ? CDC_YES : CDC_NO;
}
