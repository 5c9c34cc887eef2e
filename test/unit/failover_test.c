/* link: src/reconciler/failover.c */
/*
 * failover_test.c
 *	  The judgement on a changed history: each rule by the one case that it is
 *	  for, and properties of random cases.
 *
 * The properties are checked on a small model of what is true: a history is a
 * list of timelines, a position on one is in the present history or is not.
 * From that it is known which verdicts lose a change, and which repeat more
 * than they must.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/failover.h"

static int	tests;
static int	failures;

static void
ok(bool good, const char *what)
{
	tests++;
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", tests, what);
}

#define S 1000					/* where timeline 2 begins in the cases */

static const CdcTimelineSwitch first_switch[] = {{1, S}};
static const CdcTimelineSwitch second_switch[] = {{1, S}, {2, 2000}};

/* A failover from timeline 1 to 2 at S, nothing lost, the slot is there. */
static CdcFailoverFacts
plain(void)
{
	CdcFailoverFacts f;

	memset(&f, 0, sizeof(f));
	f.streamed_system = f.system = 7;
	f.streamed_timeline = 1;
	f.timeline = 2;
	f.wal_lsn = 1100;
	f.history_known = true;
	f.history = first_switch;
	f.nhistory = 1;
	f.slot = CDC_SLOT_INACTIVE;
	f.slot_lsn = 800;
	f.offsets = CDC_OFFSETS_STREAMING;
	f.offset_lsn = f.commit_lsn = 900;
	return f;
}

static void
expect(int id, CdcVerdict verdict, const CdcFailoverFacts *f, const char *what)
{
	CdcJudgement j = cdc_failover_judge(f); /* analyzer: a struct that another file returns is whole */
	char		words[300];

	snprintf(words, sizeof(words), "%d %s: %s", id, cdc_verdict_name(verdict), what);
	ok(j.rule->id == id && j.verdict == verdict, words);
	if (j.rule->id != id || j.verdict != verdict)
		printf("# rule %d, %s\n", j.rule->id, cdc_verdict_name(j.verdict));
}

#define CASE(id, verdict, change) \
	do { \
		CdcFailoverFacts f = plain(); \
		change; \
		expect(id, CDC_VERDICT_##verdict, &f, #change); \
	} while (0)

static void
cases(void)
{
	CASE(10, NEVER, f.system = 8);
	CASE(10, NEVER, f.system = 8; f.slot = CDC_SLOT_ABSENT; f.halt = true);
	CASE(20, UNKNOWN, f.slot = CDC_SLOT_UNKNOWN);
	CASE(20, UNKNOWN, f.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(20, UNKNOWN, f.system = 0);
	CASE(20, UNKNOWN, f.timeline = 0);
	CASE(20, UNKNOWN, f.streamed_timeline = 0);
	CASE(30, RESNAPSHOT, f.dragged = true; f.slot = CDC_SLOT_STREAMING);
	CASE(30, HALT, f.dragged = true; f.halt = true);
	CASE(40, RESNAPSHOT, f.offsets = CDC_OFFSETS_NONE; f.offset_lsn = 0);
	CASE(40, RESNAPSHOT, f.offsets = CDC_OFFSETS_SNAPSHOT);
	CASE(50, RESNAPSHOT, f.streamed_timeline = 3);
	CASE(50, RESNAPSHOT, f.timeline = 4; f.streamed_timeline = 3);
	CASE(50, RESNAPSHOT, f.timeline = 3; f.streamed_timeline = 2);
	CASE(50, RESNAPSHOT, f.timeline = 3; f.streamed_timeline = 2; f.streamed_from.timeline = 5; f.streamed_from.lsn = S);
	CASE(52, RESNAPSHOT, f.timeline = 1; f.wal_lsn = 850);
	{
		CdcFailoverFacts f = plain();
		CdcJudgement j;

		f.timeline = 1;
		f.wal_lsn = 850;
		j = cdc_failover_judge(&f);
		ok(j.gap && j.gap_from == 850 && j.phantoms && j.phantom_from == 850 && j.phantom_to == 900,
		   "52: the gap and the phantoms begin where the WAL was seen to end");
	}
	CASE(52, HALT, f.timeline = 1; f.wal_lsn = 850; f.halt = true);
	CASE(60, RESNAPSHOT, f.slot = CDC_SLOT_ABSENT; f.slot_lsn = 0);
	CASE(62, RESNAPSHOT, f.slot = CDC_SLOT_FOREIGN);
	CASE(64, RESNAPSHOT, f.slot = CDC_SLOT_LOST);
	CASE(64, RESNAPSHOT, f.slot_lsn = 0);
	CASE(66, RESNAPSHOT, f.slot_stale = true);
	CASE(70, RESNAPSHOT, f.slot_lsn = 950);
	CASE(70, RESNAPSHOT, f.offset_lsn = f.commit_lsn = 1200; f.slot_lsn = 1100);
	CASE(80, REWIND, f.history_known = false);
	CASE(100, RESUME, f.history_known = false; f.slot_lsn = 900);
	CASE(90, REWIND, f.offset_lsn = f.commit_lsn = 1001);
	CASE(90, REWIND, f.offset_lsn = 1001; f.commit_lsn = 900; f.tail_committed = CDC_NO);
	CASE(90, REWIND, f.offset_lsn = S; f.commit_lsn = 900; f.tail_committed = CDC_YES);
	CASE(90, REWIND, f.offset_lsn = 950; f.commit_lsn = 900; f.tail_committed = CDC_NO);
	CASE(100, RESUME, f.offset_lsn = 950; f.commit_lsn = 900; f.tail_committed = CDC_YES);
	CASE(20, UNKNOWN, f.offset_lsn = 950; f.commit_lsn = 900);
	CASE(90, REWIND, f.offset_lsn = f.commit_lsn = 1001; f.halt = true);
	CASE(100, RESUME, f.offset_lsn = f.commit_lsn = S);
	CASE(100, RESUME, f.slot_lsn = 900);
	CASE(100, RESUME, f.halt = true);
	CASE(100, RESUME, f.timeline = 1);
	/* two failovers: the point where timeline 1 was left counts, not the last one */
	CASE(90, REWIND, f.timeline = 3; f.history = second_switch; f.nhistory = 2; f.offset_lsn = f.commit_lsn = 1500);
	CASE(100, RESUME, f.timeline = 3; f.history = second_switch; f.nhistory = 2; f.streamed_timeline = 2; f.offset_lsn = f.commit_lsn = 1500);
	/* the same number, of a standby that was promoted without knowing of the one before: parted where the first of them began */
#define BEGAN(at) f.streamed_timeline = 2; f.streamed_from.timeline = 1; f.streamed_from.lsn = (at)
	CASE(100, RESUME, BEGAN(S); f.offset_lsn = f.commit_lsn = 1050);
	CASE(90, REWIND, BEGAN(S + 1); f.offset_lsn = f.commit_lsn = 1050);
	CASE(90, REWIND, BEGAN(S - 50); f.offset_lsn = f.commit_lsn = 1050);
	CASE(70, RESNAPSHOT, BEGAN(790); f.offset_lsn = f.commit_lsn = 1050);
	CASE(52, RESNAPSHOT, BEGAN(S); f.offset_lsn = f.commit_lsn = 1200);
	CASE(80, REWIND, BEGAN(S - 50); f.timeline = 3; f.history_known = false);
	/* another number, of one that had heard of it */
	CASE(90, REWIND, BEGAN(S - 50); f.timeline = 3; f.offset_lsn = f.commit_lsn = 1050);
	CASE(90, REWIND, BEGAN(S); f.timeline = 3; f.offset_lsn = f.commit_lsn = 1050);
	CASE(90, REWIND, BEGAN(S - 50); f.timeline = 3; f.history = second_switch; f.nhistory = 2; f.offset_lsn = f.commit_lsn = 1050);
	CASE(100, RESUME, BEGAN(S); f.timeline = 3; f.history = second_switch; f.nhistory = 2; f.offset_lsn = f.commit_lsn = 1050);
	/* an older backup, all the same */
	CASE(50, RESNAPSHOT, BEGAN(S); f.streamed_timeline = 3);
}

static void
values(void)
{
	CdcFailoverFacts f = plain();
	CdcJudgement j;

	f.offset_lsn = f.commit_lsn = 1300;
	j = cdc_failover_judge(&f);
	ok(j.position == S, "lossy: the offset goes back to where the histories part");
	ok(j.phantoms && j.phantoms_certain && j.phantom_from == S && j.phantom_to == 0, "... and what is beyond is phantoms, the offset may lag behind them");
	ok(!j.gap, "... and nothing is missing");
	f.commit_lsn = 850;
	f.tail_committed = CDC_NO;
	j = cdc_failover_judge(&f);
	ok(j.position == 850, "half a transaction is begun again");
	ok(j.phantoms && j.phantoms_certain && j.phantom_from == S, "... whose commit nobody knows");
	f.offset_lsn = 950;
	j = cdc_failover_judge(&f);
	ok(j.position == 850 && j.phantoms && j.phantom_from == S, "a transaction is told by its status, whose changes the new primary has");

	f = plain();
	j = cdc_failover_judge(&f);
	ok(j.phantoms && !j.phantoms_certain && j.phantom_from == S, "a plain failover: there may be phantoms of which no offset was stored");
	f.timeline = 1;
	ok(!cdc_failover_judge(&f).phantoms, "the same history: there are none");

	f = plain();
	f.streamed_timeline = 2;
	f.streamed_from.timeline = 1;
	f.streamed_from.lsn = S - 50;
	f.offset_lsn = f.commit_lsn = 1050;
	j = cdc_failover_judge(&f);
	ok(j.relation == CDC_HISTORY_LEFT && j.switch_lsn == S - 50 && j.position == S - 50, "two of one number: the offset goes back to where the first of them began");
	ok(j.phantoms && j.phantom_from == S - 50, "... and what is beyond is phantoms");
	f.streamed_from.lsn = S + 50;
	ok(cdc_failover_judge(&f).position == S, "... whichever of the two that is");
	ok(cdc_history_begins(first_switch, 1, first_switch[0]) && !cdc_history_begins(first_switch, 1, f.streamed_from), "a history is known by where it began");

	f = plain();
	f.history_known = false;
	j = cdc_failover_judge(&f);
	ok(j.position == 800, "without a history the offset goes back to the slot");

	f = plain();
	f.slot = CDC_SLOT_ABSENT;
	f.slot_lsn = 0;
	f.offset_lsn = f.commit_lsn = 1300;
	j = cdc_failover_judge(&f);
	ok(j.gap && j.gap_from == S && j.gap_to == 0, "no slot: a gap from the end of what is common, up to the new slot");
	ok(j.phantom_from == S, "... and phantoms all the same");

	f = plain();
	f.slot_lsn = 950;
	j = cdc_failover_judge(&f);
	ok(j.gap && j.gap_from == 900 && j.gap_to == 950, "a slot ahead: the gap is what lies between");

	f = plain();
	f.timeline = 1;
	f.slot_lsn = 950;
	f.offset_lsn = f.commit_lsn = 990;
	ok(cdc_failover_judge(&f).verdict == CDC_VERDICT_RESUME, "the same history, a slot behind the offset: nothing is missing");
	f.lost_lsn = 930;
	j = cdc_failover_judge(&f);
	ok(j.rule->id == 70 && j.gap && j.gap_from == 930 && j.gap_to == 950,
	   "somebody else moved the slot, and the offset is of a later snapshot: the gap begins where the slot was taken");
	f.lost_lsn = 950;
	ok(cdc_failover_judge(&f).verdict == CDC_VERDICT_RESUME, "... who moved nothing made no gap");

	ok(cdc_history_contains(2, first_switch, 1, 1, S), "a history contains the switch itself");
	ok(!cdc_history_contains(2, first_switch, 1, 1, S + 1), "... and nothing behind it");
	ok(!cdc_history_contains(3, first_switch, 1, 2, 1), "... nor a timeline that it never had");
	ok(cdc_history_contains(2, first_switch, 1, 2, 99999), "... but all of its own");
}

static unsigned long long state = 88172645463325252ULL;

static unsigned
below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned) (state >> 33) % n;
}

/*
 * Random cases.  Positions 1..40; the present history has n switches.  Returns
 * the words of the property that is broken, or NULL.
 */
static const char *
random_case(CdcFailoverFacts *f, CdcTimelineSwitch *history)
{
	CdcJudgement j;
	uint64_t	common;			/* what both histories have, as far as Kafka got */
	bool		known = false;
	bool		parted = false;
	uint64_t	until = 0;		/* where the streamed timeline ends in the present history, 0: nowhere */
	bool		open;
	unsigned	i;

	memset(f, 0, sizeof(*f));
	f->streamed_system = 7;
	f->system = below(10) ? 7 : 8;
	f->timeline = 1 + below(4);
	f->streamed_timeline = 1 + below(4);
	f->history_known = below(5) != 0;
	f->history = history;
	for (i = 1; i < f->timeline; i++)
	{
		if (below(6) == 0)
			continue;			/* a branch that this history did not take */
		history[f->nhistory].timeline = i;
		history[f->nhistory].lsn = (f->nhistory ? history[f->nhistory - 1].lsn : 0) + 1 + below(12);
		f->nhistory++;
	}
	/* where the streamed timeline began: as here, or elsewhere, or it is not remembered */
	if (f->streamed_timeline > 1 && below(4) != 0)
	{
		f->streamed_from.timeline = 1 + below(f->streamed_timeline - 1);
		f->streamed_from.lsn = 1 + below(30);
		for (i = 0; below(2) && i < (unsigned) f->nhistory; i++)
		{
			if ((i + 1 < (unsigned) f->nhistory ? history[i + 1].timeline : f->timeline) == f->streamed_timeline)
				f->streamed_from = history[i];
		}
	}
	f->wal_lsn = 1 + below(40);
	f->slot = (CdcSlot) below(CDC_SLOT_STREAMING + 1);
	f->slot_stale = below(8) == 0;
	f->slot_lsn = f->slot == CDC_SLOT_CREATING ? 0 : below(40);
	f->offsets = (CdcOffsets) below(CDC_OFFSETS_STREAMING + 1);
	f->offset_lsn = below(40);
	f->commit_lsn = below(2) ? f->offset_lsn : below((unsigned) f->offset_lsn + 1);
	f->dragged = below(8) == 0;
	f->tail_committed = (CdcTri) below(3);
	f->halt = below(2);
	j = cdc_failover_judge(f);

	if ((f->system != 7) != (j.verdict == CDC_VERDICT_NEVER))
		return "another cluster, and it alone, is never followed";
	if (f->system != 7)
		return NULL;
	if (j.verdict == CDC_VERDICT_RESNAPSHOT && f->halt)
		return "a new snapshot against on_gap halt";
	if (j.verdict == CDC_VERDICT_HALT && !f->halt)
		return "a halt that nobody wanted";
	if (j.gap != (j.verdict == CDC_VERDICT_RESNAPSHOT || j.verdict == CDC_VERDICT_HALT))
		return "a gap and its verdict come together";
	if (j.verdict != CDC_VERDICT_RESUME && j.verdict != CDC_VERDICT_REWIND)
		return NULL;

	/* it goes on: then it is known how far the histories are one */
	if (f->offsets != CDC_OFFSETS_STREAMING || f->dragged)
		return "going on from nothing known";
	if (f->slot != CDC_SLOT_INACTIVE && f->slot != CDC_SLOT_ACTIVE && f->slot != CDC_SLOT_STREAMING)
		return "going on without a slot";
	if (f->slot_stale)
		return "going on with a slot of another branch";
	open = f->commit_lsn != 0 && f->offset_lsn > f->commit_lsn;
	common = f->offset_lsn;
	for (i = 0; f->history_known && i < (unsigned) f->nhistory; i++)
	{
		uint32_t	next = i + 1 < (unsigned) f->nhistory ? history[i + 1].timeline : f->timeline;

		if (history[i].timeline == f->streamed_timeline && until == 0)
			until = history[i].lsn;
		if (f->streamed_from.timeline == history[i].timeline &&
			(next != f->streamed_timeline || history[i].lsn != f->streamed_from.lsn))
		{
			/* what was streamed left this timeline elsewhere: it ends where the first of the two left it */
			parted = true;
			until = history[i].lsn < f->streamed_from.lsn ? history[i].lsn : f->streamed_from.lsn;
		}
	}
	if (f->timeline == f->streamed_timeline && !parted)
		known = true;
	else if (until != 0)
	{
		uint64_t	commit = f->commit_lsn != 0 ? f->commit_lsn : f->offset_lsn;

		known = true;
		if (commit > until)
			common = until;
		else if (open && (f->tail_committed == CDC_NO || f->offset_lsn >= until))
			common = commit;
		else if (open && f->tail_committed == CDC_UNKNOWN)
			return "the end of the offset is not known";
	}
	if (f->timeline == f->streamed_timeline && !parted && f->wal_lsn < f->offset_lsn)
		return "going on on a rewritten history";
	if (!known && f->history_known)
		return "going on on a history that never had what was streamed";
	if (f->timeline < f->streamed_timeline)
		return "going on on an older timeline";
	{
		uint64_t	from = j.verdict == CDC_VERDICT_REWIND ? j.position : f->offset_lsn;

		if (known && from > common)
			return "what lies between the histories' end and the offset is skipped";
		if (!known && from > f->slot_lsn)
			return "beyond the slot on an unknown history";
		if (f->slot_lsn > (known ? common : f->offset_lsn))
			return "the server would forward over what Kafka lacks";
		if (j.verdict == CDC_VERDICT_REWIND && known && f->offset_lsn <= common)
			return "events are repeated for nothing";
		if (j.verdict == CDC_VERDICT_REWIND && from > f->offset_lsn)
			return "the offset is set forward";
	}
	if (known && j.phantoms_certain != (f->offset_lsn > common))
		return "phantoms are certain when the offset has some, and then only";
	if (j.phantoms != (j.phantoms_certain || (known && (parted || f->timeline != f->streamed_timeline) && !f->dragged)))
		return "phantoms are told wherever there may be some, and where what is beyond the switch is one";
	return NULL;
}

int
main(void)
{
	const CdcFailoverRule *rule;
	CdcTimelineSwitch history[8];
	CdcFailoverFacts f = {0};
	const char *broken = NULL;
	int			fired[200] = {0};
	int			last = 0;
	bool		ascending = true;
	bool		all = true;
	int			i;

	cases();
	values();
	for (rule = cdc_failover_table; rule->id != 0; rule++)
	{
		ascending = ascending && rule->id > last && rule->guard && rule->reason && rule->comment;
		last = rule->id;
	}
	ok(ascending, "the table is well formed");
	for (i = 0; i < 300000 && broken == NULL; i++)
	{
		broken = random_case(&f, history);
		fired[cdc_failover_judge(&f).rule->id]++;
	}
	ok(broken == NULL, "no verdict loses a change, none repeats for nothing");
	if (broken)
		printf("# %s: timelines %u -> %u, wal %d, slot %d at %d%s, offsets %d at %d (commit %d)%s\n", broken, f.streamed_timeline, f.timeline,
			   (int) f.wal_lsn, f.slot, (int) f.slot_lsn, f.slot_stale ? " stale" : "", f.offsets, (int) f.offset_lsn, (int) f.commit_lsn,
			   f.history_known ? "" : ", history unknown");
	for (rule = cdc_failover_table; rule->id != 0; rule++)
	{
		all = all && fired[rule->id] > 0;
		if (fired[rule->id] == 0)
			printf("# rule %d %s never fired\n", rule->id, rule->guard_name);
	}
	ok(all, "every rule fired");
	printf("1..%d\n", tests);
	return failures > 0;
}
