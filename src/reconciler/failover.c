/*
 * failover.c
 *	  The table by which a changed history of a source is judged.
 *
 * See failover.h.  First match wins; a rule may rely on everything above it.
 * Must not know how a verdict is carried out: that is in the state table.
 */
#include <stddef.h>

#include "reconciler/failover.h"

#define GUARD(name, expression) \
	static bool \
	name(const CdcFailoverFacts *f, const CdcJudgement *j) \
	{ \
		(void) f; \
		(void) j; \
		return (expression); \
	}

/* Has the offset events of a transaction whose commit it has not? */
static bool
is_open(const CdcFailoverFacts *f)
{
	return f->commit_lsn != 0 && f->offset_lsn > f->commit_lsn;
}

static uint64_t
last_commit(const CdcFailoverFacts *f)
{
	return f->commit_lsn != 0 ? f->commit_lsn : f->offset_lsn;
}

/*
 * Does Kafka have something that this history never had?  A commit is stored by
 * the end of its record, an event by the beginning, so that one that lies just
 * at the switch is beyond it.  A transaction of which all changes were
 * replicated and the commit was not is told by its status alone.
 */
static bool
commit_beyond(const CdcFailoverFacts *f, const CdcJudgement *j)
{
	return j->relation == CDC_HISTORY_LEFT && last_commit(f) > j->switch_lsn;
}

static bool
tail_beyond(const CdcFailoverFacts *f, const CdcJudgement *j)
{
	return j->relation == CDC_HISTORY_LEFT && is_open(f) &&
		(f->offset_lsn >= j->switch_lsn || f->tail_committed == CDC_NO);
}

/* The WAL that Kafka has was written anew from here on. */
static bool
rewritten_below(const CdcFailoverFacts *f, const CdcJudgement *j)
{
	return j->relation == CDC_HISTORY_REWRITTEN && last_commit(f) > f->wal_lsn;
}

/* What the stored offset says of the present history ends here. */
static uint64_t
offset_end(const CdcFailoverFacts *f, const CdcJudgement *j)
{
	if (rewritten_below(f, j))
		return f->wal_lsn;
	if (commit_beyond(f, j))
		return j->switch_lsn;
	if (tail_beyond(f, j))
		return f->commit_lsn;
	if (j->relation == CDC_HISTORY_UNKNOWN && f->slot_lsn != 0 && f->slot_lsn < f->offset_lsn)
		return f->slot_lsn;
	return f->offset_lsn;
}

/* What Kafka has of the present history ends here. */
static uint64_t
common_end(const CdcFailoverFacts *f, const CdcJudgement *j)
{
	uint64_t	end = offset_end(f, j);

	return f->lost_lsn != 0 && f->lost_lsn < end ? f->lost_lsn : end;
}

GUARD(other_cluster, j->relation == CDC_HISTORY_OTHER_CLUSTER)
GUARD(not_seen, f->system == 0 || f->timeline == 0 || f->streamed_timeline == 0 ||
	  f->slot == CDC_SLOT_UNKNOWN || f->offsets == CDC_OFFSETS_UNKNOWN ||
	  (is_open(f) && j->relation == CDC_HISTORY_LEFT && f->tail_committed == CDC_UNKNOWN && !f->dragged))
GUARD(dragged, f->dragged)
GUARD(no_offset, f->offsets != CDC_OFFSETS_STREAMING || f->offset_lsn == 0)
GUARD(stranger, j->relation == CDC_HISTORY_STRANGER)
GUARD(rewritten, j->relation == CDC_HISTORY_REWRITTEN)
GUARD(slot_absent, f->slot == CDC_SLOT_ABSENT)
GUARD(slot_foreign, f->slot == CDC_SLOT_FOREIGN)
GUARD(slot_lost, f->slot == CDC_SLOT_LOST || f->slot_lsn == 0)
GUARD(slot_stale, f->slot_stale)
GUARD(slot_ahead, f->slot_lsn > common_end(f, j))
GUARD(history_unread, j->relation == CDC_HISTORY_UNKNOWN && f->offset_lsn > f->slot_lsn)
GUARD(offset_ahead, commit_beyond(f, j) || tail_beyond(f, j))
GUARD(always, true)

#define G(name)		name, #name
#define V(name)		CDC_VERDICT_##name

const CdcFailoverRule cdc_failover_table[] =
{
	{10, G(other_cluster), V(NEVER), V(NEVER), "the node belongs to another cluster",
		"Another system identifier: it is never followed, whatever it says."},
	{20, G(not_seen), V(UNKNOWN), V(UNKNOWN), "not everything has been seen yet",
		"Nothing is judged before system identifier, timeline, slot and stored offset are known."},
	{30, G(dragged), V(RESNAPSHOT), V(HALT), "something streamed from the slot on the new history before it was judged",
		"The address stayed and the server behind it changed: what was skipped meanwhile is not known."},
	{40, G(no_offset), V(RESNAPSHOT), V(HALT), "no position of streaming is stored in Kafka",
		"Without an offset there is nothing to go on from."},
	{50, G(stranger), V(RESNAPSHOT), V(HALT), "the server's history does not contain the timeline on which the pipeline streamed",
		"Restored from a backup that is older than the last failover."},
	{52, G(rewritten), V(RESNAPSHOT), V(HALT), "the server's WAL ends before what Kafka has, on the same timeline",
		"Restored from a copy of its files: the same positions now mean other changes."},
	{60, G(slot_absent), V(RESNAPSHOT), V(HALT), "no replication slot of the pipeline survived",
		"PostgreSQL 15 and older, or no shadow slot was ready: what was committed until a new slot exists cannot be decoded."},
	{62, G(slot_foreign), V(RESNAPSHOT), V(HALT), "the replication slot of this name is not the pipeline's",
		"Of another database or plugin: it is waited for, then a new slot is made."},
	{64, G(slot_lost), V(RESNAPSHOT), V(HALT), "the replication slot that survived was invalidated",
		"Its WAL or the catalog rows that it needs are gone."},
	{66, G(slot_stale), V(RESNAPSHOT), V(HALT), "the replication slot is from before the node's present history",
		"A former primary came back with its old slot: its position lies on a branch that does not exist any more."},
	{70, G(slot_ahead), V(RESNAPSHOT), V(HALT), "the replication slot is ahead of what Kafka has",
		"The server forwards to the slot's position in silence: what lies between was confirmed to somebody else, or before the slot was ready."},
	{80, G(history_unread), V(REWIND), V(REWIND), "the server's timeline history may not be read: the offset goes back to the slot's position, which every history contains",
		"Some events come again; none is missing."},
	{90, G(offset_ahead), V(REWIND), V(REWIND), "Kafka has changes that the new primary never had",
		"A lossy failover: without going back PostgreSQL would skip everything below the stored offset in silence."},
	{100, G(always), V(RESUME), V(RESUME), "the slot survived and the stored offset lies in the common history",
		"Goes on where it was."},
	{0, NULL, NULL, V(UNKNOWN), V(UNKNOWN), NULL, NULL}
};

bool
cdc_history_contains(uint32_t current, const CdcTimelineSwitch *history, int nhistory,
					 uint32_t timeline, uint64_t lsn)
{
	int			i;

	if (timeline == current)
		return true;
	for (i = 0; i < nhistory; i++)
	{
		if (history[i].timeline == timeline)
			return lsn <= history[i].lsn;
	}
	return false;
}

bool
cdc_history_begins(const CdcTimelineSwitch *history, int nhistory, CdcTimelineSwitch from)
{
	const CdcTimelineSwitch *last = nhistory > 0 ? &history[nhistory - 1] : NULL;

	return from.timeline == 0 || last == NULL || (last->timeline == from.timeline && last->lsn == from.lsn);
}

/* Did both histories leave the same timeline, each at a place of its own? */
static bool
has_parted(const CdcFailoverFacts *f, uint64_t *where)
{
	const CdcTimelineSwitch *from = &f->streamed_from;
	int			i;

	for (i = 0; f->history_known && i < f->nhistory; i++)
	{
		const CdcTimelineSwitch *left = &f->history[i];
		uint32_t	to = i + 1 < f->nhistory ? left[1].timeline : f->timeline;

		if (left->timeline != from->timeline)
			continue;
		*where = left->lsn < from->lsn ? left->lsn : from->lsn;
		return to != f->streamed_timeline || left->lsn != from->lsn;
	}
	return false;
}

CdcHistory
cdc_failover_relation(const CdcFailoverFacts *f, uint64_t *switch_lsn)
{
	uint64_t	parted;
	int			i;

	if (f->system == 0 || f->timeline == 0 || f->streamed_timeline == 0)
		return CDC_HISTORY_UNKNOWN;
	if (f->streamed_system != 0 && f->system != f->streamed_system)
		return CDC_HISTORY_OTHER_CLUSTER;
	if (f->timeline >= f->streamed_timeline && has_parted(f, &parted))
	{
		if (switch_lsn != NULL)
			*switch_lsn = parted;
		return CDC_HISTORY_LEFT;
	}
	if (f->timeline == f->streamed_timeline)
		return f->wal_lsn != 0 && f->wal_lsn < f->offset_lsn ?
			CDC_HISTORY_REWRITTEN : CDC_HISTORY_SAME;

	/* a history file lists ancestors only: a lower timeline cannot descend */
	if (f->timeline < f->streamed_timeline)
		return CDC_HISTORY_STRANGER;
	if (!f->history_known)
		return CDC_HISTORY_UNKNOWN;
	for (i = 0; i < f->nhistory; i++)
	{
		if (f->history[i].timeline == f->streamed_timeline)
		{
			if (switch_lsn != NULL)
				*switch_lsn = f->history[i].lsn;
			return CDC_HISTORY_LEFT;
		}
	}
	return CDC_HISTORY_STRANGER;
}

CdcJudgement
cdc_failover_judge(const CdcFailoverFacts *f)
{
	CdcJudgement j = {0};
	const CdcFailoverRule *rule = cdc_failover_table;

	j.relation = cdc_failover_relation(f, &j.switch_lsn);
	while ((rule + 1)->id != 0 && !rule->guard(f, &j))
		rule++;
	j.rule = rule;
	j.verdict = f->halt ? rule->verdict_halt : rule->verdict;

	/*
	 * Events reach Kafka before their offset is stored, which a kill of Connect
	 * or of Kafka may prevent: that there are no phantoms is never known.  But
	 * until something streamed on the new history each event that is committed
	 * beyond the switch is one.
	 */
	j.phantoms_certain = commit_beyond(f, &j) || tail_beyond(f, &j) || rewritten_below(f, &j);
	j.phantoms = j.phantoms_certain || (j.relation == CDC_HISTORY_LEFT && !f->dragged);
	if (j.phantoms)
	{
		j.phantom_from = j.relation == CDC_HISTORY_REWRITTEN ? f->wal_lsn : j.switch_lsn;
		if ((f->dragged || j.relation == CDC_HISTORY_REWRITTEN) && !is_open(f))
			j.phantom_to = f->offset_lsn;
	}
	if (j.verdict == CDC_VERDICT_REWIND)
	{
		j.position = common_end(f, &j);
		/* a transaction of which only a part was stored is begun again */
		if (f->commit_lsn != 0 && f->commit_lsn < j.position)
			j.position = f->commit_lsn;
	}
	if (rule->verdict == CDC_VERDICT_RESNAPSHOT)
	{
		j.gap = true;
		j.gap_from = common_end(f, &j);
		if (f->slot != CDC_SLOT_ABSENT && f->slot_lsn > j.gap_from && !f->slot_stale)
			j.gap_to = f->slot_lsn;
	}
	return j;
}

const char *
cdc_verdict_name(CdcVerdict verdict)
{
	static const char *const names[] = {
		[CDC_VERDICT_UNKNOWN] = "unknown",
		[CDC_VERDICT_RESUME] = "resume",
		[CDC_VERDICT_REWIND] = "rewind",
		[CDC_VERDICT_RESNAPSHOT] = "resnapshot",
		[CDC_VERDICT_HALT] = "halt",
		[CDC_VERDICT_NEVER] = "never",
	};

	return (unsigned) verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "unknown";
}

const char *
cdc_history_name(CdcHistory history)
{
	static const char *const names[] = {
		[CDC_HISTORY_UNKNOWN] = "unknown",
		[CDC_HISTORY_SAME] = "same",
		[CDC_HISTORY_LEFT] = "left",
		[CDC_HISTORY_REWRITTEN] = "rewritten",
		[CDC_HISTORY_STRANGER] = "stranger",
		[CDC_HISTORY_OTHER_CLUSTER] = "other_cluster",
	};

	return (unsigned) history < sizeof(names) / sizeof(names[0]) ? names[history] : "unknown";
}
