#!/usr/bin/env python3
"""A primary that is demoted where it is and promoted again, with nobody else in
between: what an HA manager does that has lost its word for a while.  The connector
is stopped while its node is a standby, the slot that it had is the one that it goes
on with, and nothing is missing."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from torture import *
from lib import *


def demoted(torture, what):
    torture.flowing()
    name, _, port = nodes()[0]
    lab("node", "demote", name)
    stopped = lambda: rest("GET", "/connectors/%s/status" % con(torture.repair.id))[1]["connector"]["state"] == "STOPPED"
    ok(wait(stopped, 30), what + ": the connector is stopped while its node is a standby", torture.repair.why)
    status_ok(torture.repair.id, "Running", what + ": and why is said", r"is a standby")
    connection = Connection(port)
    connection.rows("SELECT pg_promote()")
    connection.close()
    torture.flowing()
    torture.repaired()
    told = [e["detail"] for e in events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'")]
    equal([(d["verdict"], d["judgement"], d["gap"]) for d in told[-1:]], [("resume", 100, None)], what + ": it goes on where it was")
    equal(events(torture.repair.id, "kind = 'gap'"), [], what + ": no gap")
    verdict = torture.verdict()
    ok(verdict.clean(), "%s: %s" % (what, verdict), "\n".join(verdict.samples))


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    torture = Torture()
    undo.append(torture.close)
    torture.start()
    demoted(torture, "once")
    demoted(torture, "and again")


main(test)
