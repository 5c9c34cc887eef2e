#!/usr/bin/env python3
"""A failover of the source, and something else dies at the same time: the worker,
Connect, Kafka, the metadata database.  Nothing is missing."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from torture import *
from lib import *

needs_source(16, "slots on standbys")


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    torture = Torture()
    undo.append(torture.close)
    torture.start()
    # two of the metadata database: the second brings it back to where it was
    for fault in (faults.Worker(), faults.Connect(), faults.Kafka(), faults.Meta(), faults.Meta()):
        verdict = torture.round(fault=fault)
        ok(verdict.clean(), "%s: %s" % (fault.__doc__.split(".")[0].split(":")[0].replace("\n    ", " "), verdict))


main(test)
