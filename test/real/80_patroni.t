#!/usr/bin/env python3
"""A source that Patroni runs, on PostgreSQL 15, where no slot survives a failover but
the one that Patroni keeps: pg_hba.conf is its own, the slot is declared in its
configuration, and a switchover and a kill of the leader lose nothing."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
import repair
import torture as torture_module
import writer
from torture import *
from lib import *
from patroni_cluster import ADMIN, Cluster


def registered(cluster):
    connection = {"nodes": [{"address": "127.0.0.1", "port": node.port} for node in cluster.nodes], "database": "postgres",
                  "admin_user": ADMIN["user"], "admin_password": ADMIN["password"], "network_id": env["CDC_SOURCE_NETWORK"]}
    return meta.one("SELECT cdc.register_service(%s, 'postgresql', 'se-sto1', %s, NULL, '%s')" % (lit(word("patroni-")), lit(json.dumps(connection)), env["CDC_ORG_ID"]))


def hba_is_patronis(cluster, id_):
    """Until a line is in Patroni's configuration the pipeline waits, and shows it."""
    status_ok(id_, "Provisioning", "pg_hba.conf is Patroni's: which line is missing is said",
              r"which something else manages: 127\.0\.0\.1:\d+, add to postgresql\.pg_hba in Patroni's dynamic configuration \(patronictl edit-config\): - host ")
    line = re.search(r": - (host .*)$", spec(id_)["error_message"]).group(1)
    rules = cluster.leader().ask("GET", "/config")["postgresql"]["pg_hba"]
    cluster.configure({"postgresql": {"pg_hba": rules + [line]}})
    running_ok(id_, "with it the pipeline runs")
    text = open(cluster.leader().dir + "/data/pg_hba.conf").read()
    ok("cdc_pipeline" not in text and line in text, "... and nothing of ours is in the file", text)


def declared(cluster, torture):
    missing = lambda: meta.one("SELECT missing FROM cdc.failover_readiness WHERE pipeline_id = '%s'" % torture.repair.id) or ""
    ok(wait(lambda: "PostgreSQL 16 or later is needed" in missing(), 30), "that nothing survives is said", missing)
    found = lambda: meta.one("SELECT observed FROM cdc.finding WHERE pipeline_id = '%s' AND check_name = 'standby_unready'" % torture.repair.id) or ""
    ok(wait(lambda: "PostgreSQL 16 or later is needed" in found(), 90, 0.5), "by a finding, when it has lasted", found)
    told = lambda: meta.one("SELECT error_message FROM cdc.check_health() WHERE pipeline_id = '%s'" % torture.repair.id) or ""
    ok(wait(lambda: "standby_unready" in told(), 30, 0.5), "which check_health tells", told)
    cluster.configure({"slots": {obj(torture.repair.id): {"type": "logical", "database": "defaultdb", "plugin": "pgoutput"}}})
    ok(wait(torture.repair.ready, 90, 0.2), "a slot that Patroni keeps makes the standby ready", torture.repair.why)
    ok(wait(lambda: found() == "", 30), "and ends the finding", found)


def judged(torture, what):
    torture.flowing()
    torture.repaired()
    told = [e["detail"] for e in events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'")]
    ok(told and told[-1]["verdict"] in ("resume", "rewind"), what + ": the slot survived", told)
    verdict = torture.verdict()
    ok(verdict.clean(), "%s: %s" % (what, verdict), "\n".join(verdict.samples))


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    cluster = Cluster()
    cluster.follow(writer, repair, torture_module)
    admin = Connection(cluster.leader().port, "postgres")
    admin.rows("CREATE DATABASE defaultdb")
    admin.close()
    env["CDC_SOURCE_ID"] = registered(cluster)
    undo.append(lambda: meta.one("SELECT cdc.delete_service('%s')" % env["CDC_SOURCE_ID"]))
    torture = Torture()
    undo.append(torture.close)
    torture.start(lambda id_: hba_is_patronis(cluster, id_))
    id_ = torture.repair.id
    declared(cluster, torture)

    torture.flowing()
    cluster.switchover()
    judged(torture, "switchover")
    cluster.await_members(2)
    torture.ready()
    ok(wait(torture.repair.ready, 90, 0.2), "the former leader is ready as a standby", torture.repair.why)

    torture.flowing()
    dead = cluster.leader()
    dead.kill()
    judged(torture, "kill of the leader")
    dead.start()
    cluster.await_members(2)

    delete(id_)
    status_ok(id_, "Deleting", "a delete waits until the slot is not declared any more", r"taken out of Patroni's configuration")
    cluster.configure({"slots": {obj(id_): None}})
    gone_ok(id_, "then it is gone")
    # one that has come back is started anew for the copy of the slot
    left = lambda: [cluster.try_(lambda node=node: node.sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s'" % obj(id_))) for node in cluster.nodes]
    ok(wait(lambda: left() == ["0", "0"], 60, 1), "and its slot on every node", left)


main(test)
