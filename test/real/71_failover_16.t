#!/usr/bin/env python3
"""Failovers of PostgreSQL 16, on a lab whose nodes have networks of their own: a
SIGKILL, and a primary whose network is cut while it lives on."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from own_lab import lab_of

lab_of(16, 16500, LAB_SOURCE_NETNS="1")
from torture import *
from lib import *


def test():
    torture = Torture()
    undo.append(torture.close)
    torture.start()
    verdict = torture.round()
    ok(verdict.clean(), "plain: %s" % verdict)
    cut = nodes()[0]
    # nothing but the pings can notice it
    torture.ready()
    set_meta("cdc_pipeline.health_interval", "1h")
    verdict = torture.round(fault=faults.Cut())
    ok(verdict.clean(), "cut: %s" % verdict)
    noticed = [e["at"] for e in events(torture.repair.id, "kind = 'transition' AND at > to_timestamp(%f)" % torture.killed) if re.match("waiting for the source|source failed over", e["message"] or "")]
    ok(noticed, "it is noticed between rounds")
    diag("%.1f s after the cut" % float(meta.one("SELECT extract(epoch FROM '%s'::timestamptz) - %f" % (noticed[0], torture.killed)) if noticed else "nan"))
    said = events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'")[-1]
    equal(said["detail"]["from"]["node"], "%s:%d" % (ADDRESS[cut[2]], cut[2]), "the failover from the node that is cut off is told")


main(test)
