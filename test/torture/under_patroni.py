#!/usr/bin/env python3
"""under_patroni.py [--version 15|16|17|18] [--slots ignored|declared|native] [--nodes N] [--rounds N] [--only WORD] [--json FILE]

A cluster that Patroni runs, beside the lab of $LAB_ENV, and a pipeline from it under
load.  In each round everything that an HA manager does to its cluster happens once:
switchover, kill of the leader, restart of leader and of standby, reinitialization,
pause, loss of etcd, lossy failover.  After each the whole history is judged
(judge.py); exit 0 when every verdict is clean and none was a new snapshot.

What keeps the slot: ignored: ours on every standby, and ignore_slots (16 and later);
declared: Patroni's own copy, by slots; native: failover slots, which the server
syncs (17 and later).  Other tests import start().
"""
import argparse
import json
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "..", "real")]
import lib
import repair
import torture as torture_module
import writer
from judge import Verdict
from lib import env, lit, meta, obj, word
from patroni_cluster import ADMIN, Cluster
from torture import Torture

IGNORE = "ignore_slots:\n- {type: logical, plugin: pgoutput, database: defaultdb}"
# what lets the connector's role in from the beginning; a name by pattern is of 16 and later
LET_IN = "host defaultdb /^mdb_pipeline_ 127.0.0.1/32 scram-sha-256"

# What happens, by the name that the table has for it: a method of Cluster, and does it lose what was acknowledged?
HAPPENS = {
    "switchover": Cluster.switchover,
    "kill of the leader": Cluster.failover,
    "restart of the leader": Cluster.restart_leader,
    "restart of a standby": Cluster.restart_standby,
    "reinitialized standby": Cluster.reinitialize,
    "leader dies in pause": Cluster.failover_paused,
    "etcd away": Cluster.lose_etcd,
    "lossy failover": Cluster.failover_lossy,
}


def register(cluster):
    """The cluster as a service, with database defaultdb; deleted when the test ends."""
    cluster.leader().sql("CREATE DATABASE defaultdb")
    connection = {"nodes": [{"address": "127.0.0.1", "port": node.port} for node in cluster.nodes], "database": "postgres",
                  "admin_user": ADMIN["user"], "admin_password": ADMIN["password"], "network_id": env["CDC_SOURCE_NETWORK"]}
    env["CDC_SOURCE_ID"] = meta.one("SELECT cdc.register_service(%s, 'postgresql', 'se-sto1', %s, NULL, '%s')" % (
        lit(word("patroni-")), lit(json.dumps(connection)), env["CDC_ORG_ID"]))
    lib.undo.append(lambda: meta.one("SELECT cdc.delete_service('%s')" % env["CDC_SOURCE_ID"]))


def follow(cluster):
    cluster.follow(writer, repair, torture_module)


def declare(cluster, id_, yes=True):
    cluster.configure({"slots": {obj(id_): {"type": "logical", "database": "defaultdb", "plugin": "pgoutput"} if yes else None}})


class Counts:
    """What a kind of event did, over all rounds."""

    def __init__(self):
        self.rounds, self.flowing, self.ready = 0, [], []
        self.sums = dict.fromkeys(Verdict.COUNTS, 0)

    def add(self, before, verdict):
        for name in Verdict.COUNTS:
            self.sums[name] += getattr(verdict, name) - getattr(before, name)


def seconds(values):
    return "%.1f / %.1f / %.1f" % (min(values), statistics.median(values), max(values)) if values else "-"


def happen(cluster, torture, what, counts, before):
    """Once: flows again, repaired, judged, all members there and ready.  The verdict."""
    torture.flowing()
    seen = max([event["id"] for event in lib.events(torture.repair.id)], default=0)
    HAPPENS[what](cluster)
    start = time.monotonic()
    torture.flowing(180)
    torture.repaired()
    counts.flowing.append(time.monotonic() - start)
    cluster.await_members(len(cluster.nodes), 180)
    if not lib.wait(torture.repair.ready, 240, 0.2):
        raise RuntimeError("after %s it is not ready for a failover:\n%s" % (what, torture.repair.why()))
    counts.ready.append(time.monotonic() - start)
    verdict = torture.verdict()
    counts.rounds += 1
    counts.add(before, verdict)
    told = [event["detail"] for event in lib.events(torture.repair.id, "id > %d AND kind = 'failover' AND detail ? 'verdict'" % seen)]
    gaps = lib.events(torture.repair.id, "id > %d AND kind = 'gap'" % seen)
    lib.diag("%s: flows after %.1f s, ready after %.1f s, %s; %s" % (
        what, counts.flowing[-1], counts.ready[-1], ", ".join("%s (%s)" % (d["verdict"], d["judgement"]) for d in told) or "no verdict", verdict))
    lib.ok(verdict.clean() and not gaps, "%s, round %d: nothing is missing, no gap" % (what, counts.rounds),
           lambda: "\n".join(verdict.samples[:40] + [json.dumps(gap) for gap in gaps]) + "\n" + torture.repair.why())
    return verdict, verdict.clean() and not gaps


def start(version, slots, nodes):
    """A cluster, and a Torture on it that flows and is ready for a failover."""
    cluster = Cluster(nodes, version, [LET_IN] if version >= 16 else ["host defaultdb all 127.0.0.1/32 scram-sha-256"],
                      IGNORE if slots == "ignored" else "", slots == "native")
    follow(cluster)
    register(cluster)
    torture = Torture()
    lib.undo.append(torture.close)
    torture.start()
    if slots == "declared":
        declare(cluster, torture.repair.id)
    if not lib.wait(torture.repair.ready, 240, 0.2):
        raise RuntimeError("not ready for a failover:\n%s" % torture.repair.why())
    return cluster, torture


def rows(options, counts):
    """Lines of the table."""
    for what, count in counts.items():
        if count.rounds:
            n = count.sums
            yield {"version": options.version, "nodes": options.nodes, "slots": options.slots, "what happens": what, "rounds": count.rounds,
                   "acknowledged": n["acknowledged"], "survived": n["survived"], "events": n["events"], "missing": n["missing"] + n["stale"],
                   "duplicates": n["duplicates"], "phantoms": n["phantoms"], "phantoms told wrong": n["unreported"] + n["slandered"],
                   "out of order": n["disorder"] + n["strange"], "seconds until it flows": seconds(count.flowing), "until all are ready": seconds(count.ready)}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--version", type=int, default=17)
    options.add_argument("--slots", choices=("ignored", "declared", "native"), default="ignored")
    options.add_argument("--nodes", type=int, default=3)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--only", default="")
    options.add_argument("--json")
    options = options.parse_args()
    counts = {what: Counts() for what in HAPPENS if options.only in what}

    def rounds(cluster, torture):
        verdict = Verdict()
        for _ in range(options.rounds):
            for what, count in counts.items():
                verdict, good = happen(cluster, torture, what, count, verdict)
                if not good:
                    return

    def test():
        lib.set_meta("cdc_pipeline.health_interval", "1s")
        cluster, torture = start(options.version, options.slots, options.nodes)
        try:
            rounds(cluster, torture)
        finally:
            if options.slots == "declared":
                declare(cluster, torture.repair.id, False)      # a delete waits for it
            if options.json:
                with open(options.json, "a") as out:
                    out.writelines(json.dumps(row) + "\n" for row in rows(options, counts))
    lib.main(test)


if __name__ == "__main__":
    main()
