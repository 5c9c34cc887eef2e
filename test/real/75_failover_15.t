#!/usr/bin/env python3
"""A failover of PostgreSQL 15, where no slot survives: a new slot at once, a new
snapshot, and an event that states the gap.  Every row that there is has come; rows
that were deleted within the gap are all that may be wrong."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from own_lab import lab_of

lab_of(15, 16600)
from torture import *
from lib import *


def test():
    torture = Torture()
    undo.append(torture.close)
    torture.start()
    missing = lambda: meta.one("SELECT missing FROM cdc.failover_readiness WHERE pipeline_id = '%s'" % torture.repair.id) or ""
    ok(wait(lambda: "PostgreSQL 16 or later is needed" in missing(), 30), "that it is not ready is said beforehand", missing)
    verdict = torture.round()
    ok(all(sample.startswith("missing: delete ") for sample in verdict.samples), "failover: %s" % verdict, "\n".join(verdict.samples))
    diag("%d deletes within the gap have no event" % verdict.missing)
    told = events(torture.repair.id, "kind = 'failover' AND detail ? 'verdict'")
    equal([e["detail"]["verdict"] for e in told], ["resnapshot"], "the verdict is a new snapshot")
    ok(wait(lambda: len(events(torture.repair.id, "kind = 'gap'")) > 1, 30), "its end is told")
    opened, closed = [e["detail"] for e in events(torture.repair.id, "kind = 'gap'")][:2]
    equal((opened["action"], opened["tables"]), ("resnapshot", ['"public"."%s"' % torture.table]), "the gap is told: in which table, and what is done")
    position = lambda text: [int(part, 16) for part in text.split("/")]
    ok(position(opened["from_lsn"]) < position(closed["to_lsn"]), "and in the end from which position to which", (opened, closed))
    diag("gap from %s to %s" % (opened["from_lsn"], closed["to_lsn"]))


main(test)
