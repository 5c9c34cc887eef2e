#!/usr/bin/env python3
"""The judge of the torture test sees each kind of damage, and no damage in what is whole.

A synthetic history: transactions that insert, update, delete and insert again
the same keys, several rows at one LSN as COPY has them, a failover in which the
last transactions are lost, events sent again after it.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from judge import UNAVAILABLE, Event, Interval, Op, Txn, judge

count = failed = 0


def ok(condition, name, why=""):
    global count, failed
    count += 1
    failed += not condition
    print("%sok %d - %s" % ("" if condition else "not ", count, name))
    if not condition:
        print("\n".join("# " + line for line in str(why).splitlines()))


SWITCH = 1500      # the new primary leaves the old history here
STOPPED = 5000     # ms: the connector was seen stopped


def history():
    """txns, survivors, table, events.  Transactions 1 to 9 survive; 10, 11 are lost
    with the old primary, 10 begins before the switch; 12 to 14 are of the new one."""
    txns, events, table = [], [], {}
    seq = 0
    lsn = 1000
    last_commit = 900

    def run(number, changes, at, lost=False, txid=None, first_lsn=None):
        nonlocal seq, lsn, last_commit
        ops, made = [], []
        for position, (kind, key) in enumerate([("I", -number)] + changes):
            seq += 1
            if kind != "C":
                lsn += 10
            here = first_lsn + position if first_lsn else lsn
            digest = {"D": None, "T": UNAVAILABLE}.get(kind, "digest %d" % seq)
            real = {"C": "I", "T": "U"}.get(kind, kind)
            was = table.get(key)
            ops.append(Op(key, real, seq, was[1] if kind == "T" else digest))
            made.append(Event({"I": "c", "U": "u", "D": "d"}[real], key, None if real == "D" else seq, None if real == "D" else number,
                              digest, here, txid or 700 + number, last_commit, at + position))
            if not lost:
                if real == "D":
                    del table[key]
                else:
                    table[key] = (seq, ops[-1].digest)
        lsn += 10
        last_commit = lsn
        txns.append(Txn(number, ops, True))
        events.extend(made)

    run(1, [("I", 1), ("I", 2), ("I", 3)], 1000)
    run(2, [("C", 4), ("C", 5), ("C", 6)], 1100)
    run(3, [("U", 1), ("U", 2)], 1200)
    run(4, [("D", 3), ("I", 3), ("D", 3)], 1300)
    run(5, [("T", 4)], 1400)
    run(6, [("D", 5)], 1500)
    run(7, [("U", 1), ("U", 6)], 1600)
    run(8, [("D", 6)], 1700)
    run(9, [("I", 7)], 1800)
    assert last_commit < SWITCH - 20
    survivors_at = last_commit
    lsn = SWITCH + 10
    run(10, [("U", 1), ("D", 2)], 2000, lost=True, first_lsn=SWITCH - 20)
    run(11, [("U", 7), ("I", 8)], 2100, lost=True)
    to = last_commit
    # the new history: the same LSNs and transaction ids again
    lsn, last_commit = SWITCH + 5, survivors_at
    run(12, [("U", 1), ("D", 2)], 6000, txid=710)
    run(13, [("I", 8), ("U", 7)], 6100, txid=711)
    run(14, [("D", 4), ("U", 8)], 6200)
    # one DELETE of several rows: they share a seq
    run(15, [("I", 20), ("I", 21)], 6300)
    run(16, [("D", 20), ("D", 21)], 6400)
    ops = txns[-1].ops
    ops[2] = ops[2]._replace(seq=ops[1].seq)
    return txns, {15, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14}, table, events, to


def check(name, wanted, change=None, interval=True, every=True, to=None):
    """A verdict's non-zero counts, but those of what is no damage."""
    txns, survivors, table, events, end = history()
    if change:
        events = change(list(events), txns, survivors, table) or events
    verdict = judge(txns, survivors, table, events, [Interval(SWITCH, end if to is None else to, STOPPED)] if interval is True else interval or [], every)
    found = {key: getattr(verdict, key) for key in ("missing", "stale", "unreported", "slandered", "disorder", "strange") if getattr(verdict, key)}
    ok(found == wanted, name, "wanted %s\n%s\n%s" % (wanted, verdict, "\n".join(verdict.samples)))
    ok(verdict.clean() == (not wanted), name + ": " + ("clean" if not wanted else "not clean"))
    return verdict


def where(events, **what):
    return next(n for n, e in enumerate(events) if all(getattr(e, key) == value for key, value in what.items()))


def without(**what):
    def change(events, *_):
        del events[where(events, **what)]
        return events
    return change


verdict = check("a whole history", {})
ok((verdict.phantoms, verdict.duplicates, verdict.acknowledged, verdict.survived) == (6, 0, 16, 14), "phantoms, acknowledged and survived are counted", verdict)


def again(events, *_):
    # after the failover everything from transaction 6 on is sent once more
    start, end = where(events, txid=706), where(events, txid=710)
    resent = [e._replace(at=e.at + 4000) for e in events[start:end]]
    first_new = where(events, at=6000)
    return events[:first_new] + resent + events[first_new:]


verdict = check("events sent again after a rewind", {}, again)
ok(verdict.duplicates == 9, "are counted as duplicates", verdict)


def cut(events, *_):
    # a restart in the middle of transaction 4: its first half comes twice
    position = where(events, txid=704)
    return events[:position + 2] + events[position:]


check("a transaction that is begun again after a restart", {}, cut)

# damage
check("a lost insert", {"missing": 1}, without(key=7, op="c"))
check("a lost update in the middle", {"missing": 1}, without(key=1, op="u", txid=703))
check("a lost last update", {"missing": 1, "stale": 1}, without(key=8, op="u"))
check("a lost delete", {"missing": 1, "stale": 1}, without(key=5, op="d"))
check("a lost delete of a key that comes again", {"missing": 1}, without(key=3, op="d"))
check("a lost marker", {"missing": 1, "stale": 1}, without(key=-9))


def one_of_copy(events, *_):
    # the rest of a COPY after a restart: rows at one LSN
    return [e for e in events if e.key not in (5, 6) or e.txid != 702]


check("the rest of a COPY", {"missing": 2}, one_of_copy)
check("a whole transaction, the last", {"missing": 3, "stale": 3}, lambda events, *_: [e for e in events if e.txid != 714])
check("a lost last version does not pass for a re-snapshot either", {"missing": 1, "stale": 1}, without(key=8, op="u"), every=False)
check("a lost delete neither", {"missing": 1}, without(key=5, op="d"), every=False)
check("but a version in between may be missing then", {}, without(key=1, op="u", txid=703), every=False)


def late(events, *_):
    # transaction 3 arrives after transaction 7, which writes the same key
    moved = [e for e in events if e.txid == 703]
    rest = [e for e in events if e.txid != 703]
    position = where(rest, txid=708)
    return rest[:position] + moved + rest[position:]


verdict = check("a transaction that arrives late", {"disorder": 1}, late)


def other_lsn(events, *_):
    position = where(events, txid=710)
    return events[:position] + [e._replace(lsn=e.lsn + 1) for e in events if e.txid == 709] + events[position:]


check("the same change under another LSN", {"strange": 2}, other_lsn)
check("a change that nobody made", {"strange": 1}, lambda events, *_: events + [events[-1]._replace(key=99)])
check("a delete that nobody made", {"strange": 1}, lambda events, *_: events + [events[-1]._replace(key=1, op="d", seq=None, txn=None)])


def rolled_back(events, txns, survivors, table):
    return events + [Event("c", 50, 999, 77, "x", 9000, 777, 8900, 9000)]


check("an event of a transaction that was never begun", {"strange": 1}, rolled_back)
check("an old payload", {"stale": 1}, lambda events, *_: [e._replace(digest="old") if e.key == 8 and e.op == "u" else e for e in events])

# phantoms
check("phantoms that nobody reports", {"unreported": 6}, interval=False)
check("an interval that begins too late", {"unreported": 3}, interval=[Interval(SWITCH + 50, 99999, STOPPED)])
check("an interval that begins too early", {"slandered": 2}, interval=[Interval(SWITCH - 190, 99999, STOPPED)])
check("an interval without an upper bound", {}, interval=[Interval(SWITCH, None, STOPPED)])
check("an interval that takes in the new history", {"slandered": 15}, interval=[Interval(SWITCH, None, 99999)])
check("an interval where nothing was lost", {"slandered": 2},
      lambda events, txns, survivors, table: [e for e in events if e.txid not in (710, 711) or e.at > 5000], interval=[Interval(SWITCH - 190, 99999, STOPPED)])

print("1..%d" % count)
sys.exit(1 if failed else 0)
