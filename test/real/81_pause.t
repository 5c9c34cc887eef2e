#!/usr/bin/env python3
"""A pipeline that is paused and resumed under load: what was written meanwhile comes
afterwards, nothing is missing and nothing comes twice; restarted, the same; and
through a failover while it is paused, after which it goes on on the new primary."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from torture import *
from lib import *


def ask(torture, what):
    return meta.one("SELECT cdc.%s_pipeline('%s'::uuid)" % (what, torture.repair.id))


def written(torture, n):
    count = len(torture.writer.acknowledged())
    return wait(lambda: len(torture.writer.acknowledged()) > count + n, 60)


def paused(torture, what):
    torture.flowing()
    ask(torture, "pause")
    status_ok(torture.repair.id, "Paused", what + ": it is paused")
    equal(source().one("SELECT active FROM pg_replication_slots WHERE slot_name = '%s'" % obj(torture.repair.id)), "f", what + ": its slot is free")
    count = len(torture.writer.acknowledged())
    ok(written(torture, 100), what + ": the application writes on")
    number = torture.writer.acknowledged()[count + 20][1]
    ok(number not in torture.stream.came, what + ": nothing of that comes")
    return number


def resumed(torture, what, number):
    ask(torture, "resume")
    torture.repaired()
    ok(torture.stream.wait_for(number, 60), what + ": resumed, it does", torture.repair.why)
    torture.flowing()


def judged(torture, what):
    verdict = torture.verdict()
    ok(verdict.clean(), "%s: %s" % (what, verdict), "\n".join(verdict.samples))
    equal(events(torture.repair.id, "kind = 'gap'"), [], what + ": no gap")
    return verdict


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    torture = Torture()
    undo.append(torture.close)
    torture.start()
    for what in ("a pause", "and another"):
        resumed(torture, what, paused(torture, what))
    torture.flowing()
    ask(torture, "restart")
    wait_ok(lambda: spec(torture.repair.id)["restarted"] == 1, "a restart is begun", 60, torture.repair.why)
    torture.repaired()
    torture.flowing()
    equal(judged(torture, "two pauses and a restart").duplicates, 0, "nothing came twice")

    if int(env["LAB_SOURCE_VERSION"]) < 16:
        return
    torture.ready()
    paused(torture, "before a failover")
    torture.failover_only()
    wait_ok(lambda: events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'"), "a failover while it is paused is judged", 120, torture.repair.why)
    ok(written(torture, 100), "the application writes to the new primary")
    number = torture.writer.acknowledged()[-1][1]
    status_ok(torture.repair.id, "Paused", "and it stays paused", seconds=120)
    ok(number not in torture.stream.came, "nothing comes from there")
    resumed(torture, "on the new primary", number)
    equal([e["detail"]["verdict"] for e in events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'")], ["resume"], "once, and nothing was to be repaired")
    judged(torture, "a failover while paused")


main(test)
