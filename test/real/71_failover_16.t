#!/usr/bin/env python3
"""Failovers of PostgreSQL 16, on a lab whose nodes have networks of their own: a
SIGKILL, and a primary whose network is cut while it lives on."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from own_lab import lab_of

lab_of(16, 16500, LAB_SOURCE_NETNS="1")
from torture import *
from writer import ADDRESS
from lib import *


class Unwatched(faults.Cut):
    """The primary's network is gone, and until that is noticed no round looks: nothing but the pings can."""

    def __init__(self, id_):
        self.id = id_

    def prepare(self):
        set_meta("cdc_pipeline.health_interval", "1h")

    def strike(self):
        # beside the thread that has the other connection
        db = Db(env["CDC_META_DSN"])
        last = db.one("SELECT coalesce(max(id), 0) FROM cdc.pipeline_event WHERE pipeline_id = '%s'" % self.id)
        self.noticed = wait(lambda: db.one("SELECT min(at) FROM cdc.pipeline_event WHERE pipeline_id = '%s' AND id > %s AND message ~ '^(waiting for the source|source failed over)'" % (self.id, last)), 60)
        db.one("ALTER SYSTEM SET cdc_pipeline.health_interval = '1s'")
        db.one("SELECT pg_reload_conf()")
        db.close()


def test():
    torture = Torture()
    undo.append(torture.close)
    torture.start()
    verdict = torture.round()
    ok(verdict.clean(), "plain: %s" % verdict)
    cut = nodes()[0]
    fault = Unwatched(torture.repair.id)
    verdict = torture.round(fault=fault)
    ok(verdict.clean(), "cut: %s" % verdict)
    ok(fault.noticed, "it is noticed between rounds")
    diag("%.1f s after the cut" % float(meta.one("SELECT extract(epoch FROM '%s'::timestamptz) - %f" % (fault.noticed, torture.killed)) if fault.noticed else "nan"))
    said = events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'")[-1]
    equal(said["detail"]["from"]["node"], "%s:%d" % (ADDRESS[cut[2]], cut[2]), "the failover from the node that is cut off is told")


main(test)
