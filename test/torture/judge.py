"""judge.py: compares what a writer did, what the surviving primary has, and what
came out of Kafka.

Pure: plain values in, a Verdict out; no database, no Kafka, no clock.  Its own
test, test/unit/judge_test.py, shows that each kind of damage is seen.

What the writer promises: a key is written by one session only; each version of a
row has a seq, higher than every one before it; each transaction inserts a marker,
a row whose key is minus the transaction's number, before anything else.  So a
transaction has survived exactly when the surviving primary has its marker.

What is counted:
  missing     changes of surviving transactions that have no event at all; with a
              re-snapshot, rows whose last version has none, or deleted rows that
              Kafka still shows
  stale       keys whose last event is not what the surviving primary has
  duplicates  events that were seen before: same key, source.lsn and txId
  phantoms    events of transactions that did not survive
  unreported  phantoms that lie in no reported interval
  slandered   events in a reported interval that are none
  disorder    events, after duplicates and phantoms are dropped, with which the
              seq of a key goes back
  strange     events of changes that nobody made, or made again under another LSN
"""
from collections import defaultdict, namedtuple

UNAVAILABLE = "__debezium_unavailable_value"

# kind: I, U, D.  digest: of the payload after the change, None after a delete.
Op = namedtuple("Op", "key kind seq digest")
# acknowledged: COMMIT was answered.
Txn = namedtuple("Txn", "number ops acknowledged")
# commit_before: LSN of the last commit before the event's own, as Debezium puts it
# first in source.sequence; at: ts_ms.  Of a delete only the key is known.
Event = namedtuple("Event", "op key seq txn digest lsn txid commit_before at")
# Transactions with after < commit LSN <= to (None: no bound) whose events were
# made before a time (ms) are phantoms.
Interval = namedtuple("Interval", "after to before")


class Verdict:
    COUNTS = ("acknowledged", "survived", "events", "missing", "stale", "duplicates", "phantoms", "unreported", "slandered", "disorder", "strange")

    def __init__(self):
        for name in self.COUNTS:
            setattr(self, name, 0)
        self.samples = []

    def note(self, what, *details):
        setattr(self, what, getattr(self, what) + 1)
        if what not in ("duplicates", "phantoms") and len(self.samples) < 400:
            self.samples.append("%s: %s" % (what, " ".join(str(d) for d in details)))

    def clean(self):
        return not (self.missing or self.stale or self.unreported or self.slandered or self.disorder or self.strange)

    def __str__(self):
        return ", ".join("%s %d" % (name, getattr(self, name)) for name in self.COUNTS)


def groups_of(events):
    """Runs of events of one transaction, as [number or None, [event, ...]]; a
    snapshot's events are runs of one.  A run without a number in it (a restart in
    the middle of a transaction, then deletes only) has that of the same txId before."""
    groups, last_of = [], {}
    for event in events:
        if event.op == "r" or not groups or groups[-1][1][0].op == "r" or groups[-1][1][0].txid != event.txid:
            groups.append([None, []])
        group = groups[-1]
        if event.op != "r" and event.txn is not None:
            if group[0] is not None and group[0] != event.txn:
                # the same txId on two histories, one right after the other
                groups.append([None, []])
                group = groups[-1]
            group[0] = last_of[event.txid] = event.txn
        group[1].append(event)
    for group in groups:
        if group[0] is None and group[1][0].op != "r":
            group[0] = last_of.get(group[1][0].txid)
    return groups


def commit_lsns(groups, stops):
    """The LSN of each group's commit, as a consumer finds it: not before (low) the
    group's last change, not after (high) what the next transaction of the same
    history says was committed before it.  That may be a later one that has no event,
    so high is no more than a bound; None for the last group before a stop."""
    found = []
    for n, (_, events) in enumerate(groups):
        high = None
        if n + 1 < len(groups):
            there = groups[n + 1][1][0]
            if not any(events[-1].at < stop <= there.at for stop in stops):
                high = there.commit_before
        found.append((max(event.lsn for event in events) if events[0].op != "r" else 0, high))
    return found


def reported(group, commit, intervals):
    """Does the group lie in an interval?  None: that is not to be told from the
    events, for the last before the interval or the first in it."""
    low, high = commit
    answer = False
    for interval in intervals:
        if group[1][0].at >= interval.before or interval.to is not None and low >= interval.to:
            continue
        if low >= interval.after:
            return True
        if high is None or high > interval.after:
            answer = None
    return answer


def judge(txns, survivors, table, events, intervals=(), every=True):
    """txns: every transaction that was tried.  survivors: numbers of those that the
    surviving primary has.  table: {key: (seq, digest)} there.  events: of one topic
    with one partition, in order.  every: each surviving change must have its event
    (no re-snapshot took place)."""
    verdict = Verdict()
    by_number = {txn.number: txn for txn in txns}
    survivors = set(survivors)
    verdict.events = len(events)
    verdict.acknowledged = sum(txn.acknowledged for txn in txns)
    verdict.survived = len(survivors)

    expected = defaultdict(list)        # key -> ops, in the writer's order
    for txn in txns:
        if txn.number in survivors:
            for op in txn.ops:
                expected[op.key].append(op)
    for ops in expected.values():
        ops.sort(key=lambda op: op.seq)

    groups = groups_of(events)
    commits = commit_lsns(groups, [interval.before for interval in intervals])
    seen = set()                        # (key, lsn, txid)
    got = defaultdict(set)              # key -> seqs
    last = {}                           # key -> (seq, digest or None)
    taken = set()                       # deletes that have had their event, as (txn, key, seq)
    for group, commit in zip(groups, commits):
        number = group[0]
        snapshot = group[1][0].op == "r"
        txn = by_number.get(number)
        if not snapshot:
            phantom = number is not None and txn is not None and number not in survivors
            said = reported(group, commit, intervals)
            for event in group[1]:
                if phantom:
                    verdict.note("phantoms")
                    if said is False:
                        verdict.note("unreported", "transaction", number, event)
                elif said:
                    verdict.note("slandered", "transaction", number, "commit", commit, "in", [i for i in intervals if reported(group, commit, [i])], event)
            if phantom:
                continue
        for event in group[1]:
            if not snapshot:
                if txn is None:
                    verdict.note("strange", "transaction", number, "was never begun", event)
                    continue
                if (event.key, event.lsn, event.txid) in seen:
                    verdict.note("duplicates")
                    continue
                seen.add((event.key, event.lsn, event.txid))
            seq = event.seq
            if event.op == "d":
                deletes = [op.seq for op in txn.ops if op.key == event.key and op.kind == "D" and (number, op.key, op.seq) not in taken]
                if not deletes:
                    verdict.note("strange", "nobody deleted", event)
                    continue
                # of several in one transaction, the one that deletes the version that is there
                seq = min((d for d in deletes if event.key in last and d > last[event.key][0]), default=deletes[0])
                taken.add((number, event.key, seq))
            elif not snapshot and not any(op.key == event.key and op.seq == seq and (op.kind == "I") == (event.op == "c") for op in txn.ops):
                verdict.note("strange", "nobody wrote", event)
                continue
            before = last.get(event.key)
            if before and seq < before[0]:
                verdict.note("disorder", "after seq", before[0], event)
            elif before and seq == before[0] and not snapshot and seq in got[event.key]:
                verdict.note("strange", "again, under another LSN", event)
            got[event.key].add(seq)
            digest = event.digest
            if digest == UNAVAILABLE:
                digest = before[1] if before else None
            last[event.key] = (seq, None if event.op == "d" else digest)

    for key, ops in expected.items():
        if every:
            for op in ops:
                if op.seq not in got[key]:
                    verdict.note("missing", op)
        elif key in table and table[key][0] not in got[key]:
            verdict.note("missing", "last version", ops[-1])
        elif key not in table and last.get(key, (0, None))[1] is not None:
            verdict.note("missing", "delete", ops[-1])
    for key in set(table) | set(last):
        there, here = table.get(key), last.get(key)
        if there and (not here or here != there):
            verdict.note("stale", "key", key, "has", there, "and the last event", here)
        elif not there and here and here[1] is not None and every:
            verdict.note("stale", "key", key, "is gone and the last event", here)
    return verdict
