#!/usr/bin/env python3
"""010_answers.t: what the worker asks is answered by a liar: NULLs, wrong shapes, too much of everything."""
import sys, os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *


def test():
    world = World()
    lie = {"now": None}
    peer = world.liar(PgPeer(answer=lambda q: lie["now"](q) if lie["now"] else None, password="secret-for-liars-7f", truth=world.source))
    source = world.register("alice", "postgresql", world.lying_source(peer))
    sink = world.register("alice", "kafka", world.sink(world.connect.url()))
    pipeline = world.pipeline("alice", source, sink, name="liars")
    ok(world.running(pipeline), "a source behind a peer that tells the truth runs", lambda: world.message(pipeline))
    world.closing_questions("the truth")


main(test)
