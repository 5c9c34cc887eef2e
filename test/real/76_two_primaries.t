#!/usr/bin/env python3
"""Who is followed: of two nodes that claim to be primary the higher timeline, and
the other is named; a node of another cluster never."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from torture import *
from writer import ADDRESS
from lib import *

needs_source(16, "slots on standbys")


def postgres(command):
    subprocess.run(["runuser", "-u", "postgres", "--"] + command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd="/")


class Stranger:
    """A primary of another cluster, with a timeline higher than ours."""

    def __init__(self):
        self.path, self.port = os.path.join(env["CDC_LAB_DATA"], "stranger"), int(env["LAB_PORT_BASE"]) + 4
        server = dict(item.split("=", 1) for item in SERVER_DSN.split())
        bin_ = next(os.path.join(env["CDC_LAB_DATA"], name, "bin/") for name in os.listdir(env["CDC_LAB_DATA"]) if name.startswith("bin-"))
        self.ctl = [bin_ + "pg_ctl", "-D", self.path, "-w", "-s", "-l", self.path + ".log"]
        postgres([bin_ + "initdb", "-D", self.path, "-U", server["user"], "-A", "scram-sha-256", "--pwfile", os.path.join(env["CDC_LAB_DATA"], "source.pw"), "-N"])
        with open(os.path.join(self.path, "postgresql.conf"), "a") as conf:
            conf.write("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nwal_level = logical\n" % self.port)
        undo.append(self.close)
        # each promotion is one timeline more
        for _ in range(6):
            open(os.path.join(self.path, "standby.signal"), "w").close()
            shutil.chown(os.path.join(self.path, "standby.signal"), "postgres")
            postgres(self.ctl + ["start"])
            postgres(self.ctl + ["promote"])
            postgres(self.ctl + ["-m", "fast", "stop"])
        postgres(self.ctl + ["start"])

    def close(self):
        subprocess.run(["runuser", "-u", "postgres", "--"] + self.ctl + ["-m", "immediate", "stop"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(self.path, ignore_errors=True)


def set_nodes(ports):
    meta.one("SELECT cdc.set_service_nodes('%s', %s)" % (env["CDC_SOURCE_ID"], lit(json.dumps([{"address": ADDRESS.get(port, "127.0.0.1"), "port": port} for port in ports]))))


def another_cluster(torture):
    stranger = Stranger()
    own = [port for _, _, port in nodes()]
    undo.append(lambda: set_nodes([port for _, _, port in nodes()]))
    set_nodes(own + [stranger.port])
    said = lambda: meta.one("SELECT error_message FROM cdc.service_node WHERE service_id = '%s' AND port = %d" % (env["CDC_SOURCE_ID"], stranger.port))
    ok(wait(lambda: "belongs to another cluster" in (said() or ""), 30), "a node of another cluster is named", said)
    missing = lambda: meta.one("SELECT missing FROM cdc.failover_readiness WHERE pipeline_id = '%s' AND node LIKE '%%:%d'" % (torture.repair.id, stranger.port))
    ok(wait(lambda: "belongs to another cluster" in (missing() or ""), 30), "and is no standby that is ready", missing)
    ok(wait(lambda: meta.one("SELECT bool_and(ready) FROM cdc.failover_readiness WHERE pipeline_id = '%s' AND node NOT LIKE '%%:%d'" % (torture.repair.id, stranger.port)) == "t", 60),
       "the standby is ready", torture.repair.why)
    torture.flowing()
    torture.failover()
    torture.repaired()
    told = events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'")
    equal([e["detail"]["to"]["node"] for e in told], ["%s:%d" % (ADDRESS[nodes()[0][2]], nodes()[0][2])], "a failover while it claims to be primary: our own standby is followed")
    set_nodes(own)
    stranger.close()
    lab("add-standby")
    verdict = torture.verdict()
    ok(verdict.clean(), "nothing is missing: %s" % verdict, "\n".join(verdict.samples))


def two_primaries(torture):
    torture.ready()
    torture.flowing()
    old = nodes()[0]
    torture.failover("--split")
    status_ok(torture.repair.id, "Running", "of two that claim to be primary the one that is not followed is named",
              r"two nodes of the source claim to be the primary: \S+:%d \(timeline \d+\) is followed, \S+:%d \(timeline \d+\) is not" % (nodes()[0][2], old[2]))
    torture.flowing()
    lab("add-standby", old[0])
    torture.repaired()
    verdict = torture.verdict()
    ok(verdict.clean(), "two primaries: %s" % verdict, "\n".join(verdict.samples))
    torture.ready()


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    torture = Torture()
    undo.append(torture.close)
    torture.start()
    another_cluster(torture)
    two_primaries(torture)


main(test)
