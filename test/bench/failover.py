#!/usr/bin/env python3
"""failover.py ENV: from the SIGKILL of a source's primary to the first event of a
row that the new primary acknowledged, promotion included.

20 real failovers by the pipeline, and as many by a script that is told of each
one at the moment of the promotion and makes the same repair (torture/repair.py),
by turns.  Exits 1 when a figure misses its bound.
"""
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "..", "torture"), os.path.join(HERE, "..", "real")]
os.environ["LAB_ENV"] = sys.argv[1]
import lib
from repair import Product, Script
from torture import Torture
from writer import Writer

ROUNDS, TURNS = 20, 4
MEDIAN, WORST, RATIO = 2.0, 5.0, 1.3


def measure(repair):
    """A few failovers, one after the other, with a writer that leaves the machine room."""
    torture = Torture(repair)
    torture.writer = Writer(torture.table, fast=1, slow=0, pause=0.05)
    torture.start()
    try:
        for _ in range(ROUNDS // TURNS):
            verdict = torture.round()
            if not verdict.clean():
                raise RuntimeError("rows are missing: %s" % verdict)
        return torture.seconds
    finally:
        torture.close()


def test():
    ours, script = [], []
    for _ in range(TURNS):
        ours += measure(Product)
        script += measure(Script)
    a, b = statistics.median(ours), statistics.median(script)
    good = a < MEDIAN and max(ours) < WORST and a / b <= RATIO
    print("failover of the source, %d times: median %.2f s, worst %.2f s; script that is told: median %.2f s, worst %.2f s; ratio %.3f  < %g s, < %g s, <= %g  %s" % (
        len(ours), a, max(ours), b, max(script), a / b, MEDIAN, WORST, RATIO, "ok" if good else "MISSED"), flush=True)
    lib.ok(good, "the bounds are kept")


lib.main(test)
