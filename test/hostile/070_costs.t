#!/usr/bin/env python3
"""
070_costs.t: answers that are within their limits, and made to cost far more than they are long: lists that are looked
for in lists, names that add up, lines without end; and looks that fail, a thousand times.
"""
import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

# Of the worker's loop, in seconds, and of its memory, in MB: far above what an honest answer needs.
LONGEST = 4
MEMORY = 100


def standbys(j):
    """Half an answer of standbys that are to confirm, half an answer of slots; none is among the others."""
    node = j.setdefault("node", None) or {}
    node["conf"] = dict(node.get("conf") or {}, synchronized_standby_slots="a," * 200000)
    node["physical"] = ["b"] * 120000
    j["node"] = node


def rules(j):
    """A pg_hba.conf of lines without end, none of which is for us."""
    j["hba"] = "a\n" * 200000


LIES = {"standbys that are looked for among standbys": standbys, "lines of pg_hba.conf": rules}
PLUGIN = {"class": "io.debezium.connector.postgresql.PostgresConnector", "type": "source", "version": "v" * 80}


def costs(world, what, told, before):
    ok(told, what + ": told")
    step, memory = float(world.sql("SELECT cdc_inner.worker_longest_step()")), world.memory()
    ok(step < LONGEST, "%s: the loop's longest step is %.1f s" % (what, step))
    ok(memory - before < MEMORY, "%s: the worker's memory stays bounded: %d MB before, at most %d MB" % (what, before, memory))


def sources(world):
    lie = {"which": None, "told": 0}

    def answer(question):
        which = lie["which"]    # the test may take it back meanwhile
        if which is None or LOOK not in question.sql:
            return None
        server, *told = question.values()
        j = json.loads(server)
        which(j)
        lie["told"] += 1
        return bytes_of(json.dumps(j, separators=(",", ":")).encode(), *told)

    peer = world.liar(PgPeer(answer=answer, password="secret-for-liars-7f", truth=world.source))
    source = world.register("alice", "postgresql", world.lying_source(peer, manage_hba=False), "costly")
    sink = world.register("alice", "kafka", world.sink(world.connect.url()), "its-sink")
    pipeline = world.pipeline("alice", source, sink, name="costly")
    ok(world.running(pipeline), "a pipeline runs before", lambda: world.message(pipeline))
    for what, which in LIES.items():
        before = world.memory()
        lie.update(which=which, told=0)
        costs(world, what, wait(lambda: lie["told"] > 3, 40, 0.05), before)
        lie["which"] = None
        ok(world.running(pipeline), what + ": when they end it runs")
    return source


def plugins(world, source):
    """A Connect that names its one plugin thousands of times, with another version each."""
    asked = []

    def answer(request):
        if not request.path.startswith("/connector-plugins"):
            return None
        asked.append(request)
        return 200, [PLUGIN] * 5000

    peer = world.liar(HttpPeer(answer=answer, truth=world.connect.port))
    before = world.memory()
    sink = world.register("alice", "kafka", world.sink(peer.url()), "many-plugins")
    world.pipeline("alice", source, sink, name="plugins")
    costs(world, "versions of a plugin", wait(lambda: asked, 20, 0.05) and world.passes_round(world.bystander), before)


def looks_that_fail(world):
    """Sources that end the connection in each stage: what the worker has open does not grow with their number."""
    def ended(*parts):
        def login(session):
            for part in parts:
                session.send(part)
            raise EOFError
        return login

    sasl = message("R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0")
    pair = certificate()
    peers = [world.liar(PgPeer(login=login, password="x", tls=tls)) for tls in (None, pair)
             for login in (ended(), ended(sasl), ended(error("no", "28P01")), ended(message("R", struct.pack("!I", 3))), ended(b"R\0"), ended(sasl, b"\xff" * 64))]
    for n, peer in enumerate(peers):
        world.register("alice", "postgresql", world.lying_source(peer, ca=open(pair[0]).read()), "ends-%d" % n)
    ends = lambda: sum(peer.connections for peer in peers)
    count = lambda: len(os.listdir("/proc/%d/fd" % world.worker_pid()))
    wait(lambda: min(peer.connections for peer in peers) > 2, 30, 0.05)
    before, files, memory = ends(), count(), world.memory()
    ok(wait(lambda: ends() > before + 300, 60, 0.1), "looks fail", ends() - before)
    fewest = min(wait(count) for _ in range(20))
    ok(fewest <= files + 8, "no descriptor stays open: %d, then %d" % (files, fewest))
    ok(world.memory() - memory < 30, "and memory stays: %d MB, then %d MB" % (memory, world.memory()))


def test():
    world = World("cdc_pipeline.source_dead_after = '1s'\n")
    source = sources(world)
    plugins(world, source)
    looks_that_fail(world)
    world.closing_questions("costs")


main(test)
