#!/usr/bin/env python3
"""torture.py [--rounds N] [--lossy] [--fault worker|connect|kafka|meta|cut] [--repair product|script|forgetful|naive] [--json FILE]

Real failovers of the lab's source under load, one after the other: each a SIGKILL
of the primary and all its children, a promotion, a repair, a new standby.  After
each the whole history is judged (judge.py).  The lab is $LAB_ENV's; exit 0 when
every verdict is clean.

Other tests import Torture and fail their servers over as they like.
"""
import argparse
import json
import os
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "..", "real")]
import lib
import faults
from lib import lab
from judge import judge
from repair import Forgetful, Naive, Product, Script
from stream import Stream
from writer import Connection, Writer, nodes


class Torture:
    """A table, its writer, its topic and who repairs."""

    def __init__(self, repair=Product, **how):
        self.table = lib.word("torture_")
        self.writer = Writer(self.table)
        self.repair = repair(self.table, **how)
        self.seconds = []       # from the kill to the first event of the new primary
        self.killed = 0         # when the last primary was, seconds since the epoch
        self.tried = 0

    def start(self, made=None):
        """made: called with the pipeline's id before it is waited for."""
        if len(nodes()) < 2:
            lab("add-standby")
        self.writer.create()
        if made:
            made(self.repair.make())
        self.repair.setup()
        self.stream = Stream(self.repair.topic)
        self.writer.start()
        self.flowing()

    def flowing(self, seconds=60):
        """A new transaction has come through."""
        count = len(self.writer.acknowledged())
        if not lib.wait(lambda: len(self.writer.acknowledged()) > count + 20, seconds):
            raise RuntimeError("nothing can be written: %s" % list(self.writer.errors))
        number = self.writer.acknowledged()[-1][1]
        if not self.stream.wait_for(number, seconds):
            raise RuntimeError("transaction %d does not arrive:\n%s" % (number, self.repair.why()))

    def ready(self, seconds=180):
        """Every standby is; never before PostgreSQL 16, where no slot survives."""
        if int(lib.env["LAB_SOURCE_VERSION"]) < 16:
            return
        if not lib.wait(self.repair.ready, seconds, 0.1):
            raise RuntimeError("not ready for a failover:\n%s" % self.repair.why())

    def failover(self, *arguments, fault=None, seconds=300):
        """Fails over and waits for the first event of a row that the new primary
        acknowledged; its seconds since the kill.  fault: of faults.py, beside it."""
        self.tried += 1
        skew = time.time() - time.monotonic()
        said, broken = {}, []

        def strike():
            try:
                fault.strike()
            except Exception as error:
                broken.append(error)
        beside = threading.Thread(target=strike, daemon=True)

        def line(word, value):
            said[word] = value
            if word == "killed" and fault:
                beside.start()
            if word == "promoted":
                self.repair.told(nodes_now()[0][2])
        def nodes_now():
            return lib.wait(lambda: nodes() if nodes()[0][2] != old else None, 60, 0.002)
        old = nodes()[0][2]
        lab("failover", *arguments, *(fault.arguments if fault else ()), line=line)
        if fault:
            beside.join(seconds)
        if broken:
            raise broken[0]
        self.killed = float(said["killed"])
        killed, port = self.killed - skew, nodes()[0][2]

        def first():
            came = [self.stream.came[number] for at, number, on in self.writer.acknowledged() if at > killed and on == port and number in self.stream.came]
            return min(came, default=None)
        came = lib.wait(first, seconds)
        if not came:
            raise RuntimeError("no event from the new primary in %d s:\n%s" % (seconds, self.repair.why()))
        self.seconds.append(came - killed)
        return came - killed

    def failover_only(self, *arguments):
        """Fails over and waits for nothing."""
        self.tried += 1
        lab("failover", *arguments)

    def repaired(self, seconds=180):
        if not lib.wait(self.repair.repaired, seconds, 0.1):
            raise RuntimeError("not repaired:\n%s" % self.repair.why())

    def verdict(self, every=None):
        """Ends what is open, waits for the last row, judges; writing goes on after it."""
        if not self.writer.hold():
            raise RuntimeError("a session hangs: %s" % list(self.writer.errors))
        number = self.writer.mark()
        arrived = self.stream.wait_for(number)
        connection = Connection(nodes()[0][2])
        table = {int(k): (int(seq), digest) for k, seq, digest in connection.rows("SELECT k, seq, md5(payload) FROM " + self.table)}
        connection.close()
        verdict = judge(self.writer.txns(), [-k for k in table if k < 0], table, list(self.stream.events), self.repair.intervals(),
                        not self.repair.regapped() if every is None else every)
        if not arrived:
            verdict.note("missing", "the last transaction", number, "did not arrive")
        self.writer.resume()
        return verdict

    def round(self, *arguments, fault=None):
        self.ready()
        self.flowing()
        if fault:
            fault.prepare()
        took = self.failover(*arguments, fault=fault)
        self.repaired()
        if fault:
            fault.mend()
        lab("add-standby")
        verdict = self.verdict()
        lib.diag("round %d%s%s: %.2f s to the first event; %s" % (
            self.tried, "".join(" " + a for a in arguments), " with fault " + type(fault).__name__ if fault else "", took, verdict))
        for sample in [] if verdict.clean() else verdict.samples[:40]:
            lib.diag("    " + sample)
        return verdict

    def close(self):
        self.writer.stop()
        self.stream.close()
        self.repair.close()


def row(torture, mode, verdict):
    """One line of the table."""
    return {"version": lib.env["LAB_SOURCE_VERSION"], "failover": mode, "slots": lib.env.get("LAB_SOURCE_SLOTS", "shadow"), "rounds": torture.tried,
            "acknowledged": verdict.acknowledged, "survived": verdict.survived, "events": verdict.events, "missing": verdict.missing + verdict.stale,
            "duplicates": verdict.duplicates, "phantoms": verdict.phantoms, "phantoms said wrong": verdict.unreported + verdict.slandered,
            "out of order": verdict.disorder + verdict.strange,
            "seconds": "%.2f / %.2f / %.2f" % (min(torture.seconds), statistics.median(torture.seconds), max(torture.seconds)) if torture.seconds else "-"}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--lossy", action="store_true")
    options.add_argument("--fault", choices=sorted(faults.BY_NAME))
    options.add_argument("--repair", choices=("product", "script", "forgetful", "naive"), default="product")
    options.add_argument("--json")
    options = options.parse_args()
    native = lib.env.get("LAB_SOURCE_SLOTS") == "native"
    torture = Torture(Product) if options.repair == "product" else Torture({"script": Script, "forgetful": Forgetful, "naive": Naive}[options.repair], native=native)
    good, verdict = True, None

    def test():
        nonlocal good, verdict
        torture.start()
        for _ in range(options.rounds):
            verdict = torture.round(*(["--lossy"] if options.lossy else []), fault=faults.BY_NAME[options.fault]() if options.fault else None)
            if not lib.ok(verdict.clean(), "round %d, %s" % (torture.tried, verdict)):
                good = False
                break
        torture.close()
        if options.json:
            with open(options.json, "a") as out:
                out.write(json.dumps(row(torture, ("lossy" if options.lossy else "plain") + (", " + options.fault if options.fault else ""), verdict)) + "\n")
    lib.main(test)


if __name__ == "__main__":
    main()
