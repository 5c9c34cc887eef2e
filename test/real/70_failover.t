#!/usr/bin/env python3
"""Failovers of a source under load: nothing that survived is missing, and every
phantom is said to be one.

SIGKILL with and without loss, planned switchover and back to the node that it
was (which rejoins with the slot that it had), restart in place, a second
failover before the first is done, one to a standby that never heard of the
failover before.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from torture import *
from lib import *
from repair import lsn

needs_source(16, "slots on standbys: 75_failover_15 is of those")


def failovers(torture):
    """Verdicts that were told since the last time."""
    found = [e["detail"] for e in events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'")]
    new, torture.told = found[torture.told:], len(found)
    return [detail["verdict"] for detail in new], new


def clean_ok(torture, name, *arguments):
    verdict = torture.round(*arguments)
    ok(verdict.clean(), "%s: %s" % (name, verdict))
    return verdict


def plain_and_lossy(torture):
    clean_ok(torture, "plain")
    verdicts, told = failovers(torture)
    ok(len(verdicts) == 1 and verdicts[0] in ("resume", "rewind"), "one verdict was told", told)
    before = torture.verdict()
    verdict = clean_ok(torture, "lossy", "--lossy")
    verdicts, told = failovers(torture)
    equal(verdicts, ["rewind"], "the verdict on a lossy failover is to rewind")
    ok(told and told[0]["phantoms"] and told[0]["gap"] is None, "its phantoms are told, and that there is no gap", told)
    ok(verdict.phantoms > before.phantoms, "there were phantoms")
    phantoms_told(torture, told[0])


def phantoms_told(torture, detail):
    """Where they lie, in which tables, and no number that nobody knows."""
    said = detail["phantoms"]
    equal((said["certain"], said["timeline"], said["tables"], said["after_lsn"]),
          (True, detail["from"]["timeline"], ['"public"."%s"' % torture.table], detail["switch_lsn"]), "of which history they are, and in which tables")
    after, stored = lsn(said["after_lsn"]), lsn(said["stored_lsn"])
    interval = torture.repair.intervals()[-1]
    last = max((event.lsn for event in list(torture.stream.events) if event.op != "r" and event.at < interval.before), default=0)
    ok(after < last <= stored and said["stored_bytes"] == stored - after, "how far Kafka has them: the last event before the stop lies there", (said, last))
    found = lambda: meta.rows("SELECT concern, severity, past, observed FROM cdc.finding WHERE pipeline_id = '%s' AND check_name = 'phantoms'" % torture.repair.id)
    ok(wait(found, 30), "a finding tells them")
    concern, severity, past, observed = found()[0]
    equal((concern, severity, past), ("flow", "warning", "t"), "it is about what has happened")
    ok(all(word in observed for word in ("timeline %d" % said["timeline"], said["after_lsn"], said["stored_lsn"], '"public"."%s"' % torture.table, "how many only the topics tell")),
       "with the same words", observed)
    meta.one("SELECT cdc.acknowledge('%s', 'phantoms')" % torture.repair.id)
    equal(found(), [], "it goes when it is acknowledged")


def planned_and_back(torture):
    torture.ready()
    torture.flowing()
    before, old = torture.verdict().duplicates, nodes()[0][0]
    torture.failover_only("--planned")
    lab("add-standby", "--rejoin", old)     # alive, and demoted
    torture.flowing()
    torture.repaired()
    verdicts, told = failovers(torture)
    ok(verdicts == ["resume"], "planned switchover: it goes on where it was", told)
    verdict = torture.verdict()
    ok(verdict.clean(), "planned: %s" % verdict, "\n".join(verdict.samples))
    equal(verdict.duplicates, before, "planned: nothing came twice")
    torture.ready()
    slot = Connection(nodes()[1][2]).one("SELECT confirmed_flush_lsn <= (SELECT pg_last_wal_replay_lsn()) FROM pg_replication_slots WHERE slot_name = '%s'" % obj(torture.repair.id))
    equal(slot, "t", "the former primary is ready as a standby, with a slot that was made anew")
    clean_ok(torture, "back to the former primary")
    equal(nodes()[0][0], old, "which it is")
    failovers(torture)


def restarted_in_place(torture):
    torture.ready()
    lab("node", "restart", nodes()[0][0])
    torture.flowing()
    torture.repaired()
    equal(failovers(torture)[1], [], "a primary that is restarted in place: no failover is told")
    verdict = torture.verdict()
    ok(verdict.clean(), "restarted in place: %s" % verdict, "\n".join(verdict.samples))


def second_before_the_first_is_done(torture):
    lab("add-standby", "c")
    torture.ready()
    torture.flowing()
    torture.failover_only()
    took = torture.failover()
    torture.repaired()
    verdict = torture.verdict()
    ok(verdict.clean(), "a second failover before the first is done (%.1f s): %s" % (took, verdict), "\n".join(verdict.samples))
    diag("verdicts: %s" % failovers(torture)[0])
    lab("add-standby")
    lab("add-standby")
    torture.ready()
    lab("node", "drop", nodes()[2][0])


def to_one_that_never_heard_of_it(torture):
    """A standby that was left behind before a failover, and is promoted in the next: it takes the number that the one between has."""
    lab("add-standby", next(name for name in "abc" if name not in [there for there, _, _ in nodes()]))
    torture.ready()
    torture.flowing()
    path = os.path.join(env["CDC_LAB_DATA"], "source-nodes")
    left_behind = nodes()[2]
    connection = Connection(left_behind[2])
    connection.rows("ALTER SYSTEM SET primary_conninfo = ''")
    connection.rows("SELECT pg_reload_conf()")
    if not wait(lambda: connection.one("SELECT count(*) FROM pg_stat_wal_receiver") == "0"):
        raise RuntimeError("the walreceiver does not end")
    connection.close()
    lines = open(path).readlines()
    with open(path, "w") as f:
        f.writelines(lines[:2])
    torture.flowing()
    torture.failover()
    torture.repaired()
    torture.flowing()
    failovers(torture)
    with open(path, "a") as f:
        f.write(lines[2])
    torture.failover("--to", left_behind[0])
    torture.repaired()
    verdicts, told = failovers(torture)
    equal([(detail["verdict"], detail["history"], detail["from"]["timeline"] == detail["to"]["timeline"]) for detail in told], [("rewind", "left", True)],
          "to a standby that never heard of the failover before: another history, of the same number")
    verdict = torture.verdict()
    ok(verdict.clean(), "and nothing is missing: %s" % verdict, "\n".join(verdict.samples))
    lab("add-standby")
    torture.ready()


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    torture = Torture()
    torture.told = 0
    undo.append(torture.close)
    torture.start()
    plain_and_lossy(torture)
    planned_and_back(torture)
    restarted_in_place(torture)
    second_before_the_first_is_done(torture)
    to_one_that_never_heard_of_it(torture)
    equal([e for e in events(torture.repair.id, "kind = 'transition'") if e["status_to"] not in ("Pending", "Provisioning", "Running")], [], "it was Running throughout")


main(test)
