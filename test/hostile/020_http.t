#!/usr/bin/env python3
"""
020_http.t: what the worker asks Kafka Connect and an agent is answered by a liar: other types, too much, too deep,
too slow, no end, no text.  One world; the lie changes.
"""
import atexit
import itertools
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

MB = 1024 * 1024
TOKEN = "token-of-the-liars-0123456789"


def endless(part):
    while True:
        yield part


def body_of(size, parts):
    """An answer that says how long it is, and is."""
    return itertools.chain([("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size).encode()], parts)


class LyingConnect:
    """A Connect that tells the truth (the simulator's) until a lie is set, and an agent without faults until then."""

    def __init__(self, world):
        self.world, self.lie, self.told = world, None, 0
        self.agent_lie = None
        self.dir = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_secrets.XXXXXX"], text=True).strip()
        atexit.register(shutil.rmtree, self.dir, True)
        self.peer = world.liar(HttpPeer(answer=self.answer, truth=world.connect.port))
        self.agent = world.liar(HttpPeer(answer=self.agent_answer))

    def answer(self, request):
        lie = self.lie          # the test may take it back meanwhile
        said = lie(request) if lie else None
        self.told += said is not None
        return said

    def agent_answer(self, request):
        lie = self.agent_lie
        said = lie(request) if lie else None
        if said is not None:
            self.told += 1
            return said
        name = request.path.split("?")[0].split("/")[-1]
        if request.path.startswith("/v1/state"):
            return 200, self.state()
        if request.method == "PUT":
            with open(os.path.join(self.dir, name), "w") as out:
                out.write(json.loads(request.body)["value"])
        return 200, {}

    def state(self, **lies):
        return dict({"version": "1", "secret_path": self.dir, "secrets": sorted(os.listdir(self.dir)), "certificates": [], "epoch": 1, "job": None}, **lies)

    def tells(self, lie, times=2, seconds=25):
        self.told, self.lie = 0, lie
        return wait(lambda: self.told >= times, seconds, 0.02)


def to(prefix, said, method="GET"):
    """A lie to what begins so."""
    return lambda r: (said(r) if callable(said) else said) if r.method == method and r.path.startswith(prefix) else None


LIST, PLUGINS = "/connectors?", "/connector-plugins"


def lists(world, liar, pipeline):
    """The list of connectors, and of plugins."""
    before = world.memory()
    deep = b'{"mdb-pipeline-00000000":' + b'{"a":' * 100000
    wide = [b'{"mdb-pipeline-%08d":{"info":{"config":{}}}' % 0] + [b',"mdb-pipeline-%08d":{"info":{"config":{"a":"%s"}}}' % (i, b"b" * 1000) for i in range(1, 40000)] + [b"}"]
    lies = {"59 MB of JSON": lambda r: body_of(59 * MB, itertools.repeat(b'{"a":[' + b"{}," * 300000 + b"0]}", 59)),
            "59 MB of connectors": lambda r: body_of(sum(map(len, wide)), wide),
            "JSON as deep as it gets": lambda r: (200, deep), "a body without end": lambda r: itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], endless(b" " * 65536)),
            "headers without end": lambda r: itertools.chain([b"HTTP/1.1 200 OK\r\n"], endless(b"X-A: " + b"b" * 1000 + b"\r\n")),
            "another type": lambda r: (200, [1, 2]), "types": lambda r: (200, {"mdb-pipeline-1": 1, "b": None, "c": {"status": [], "info": "x"}, "d": {"status": {"tasks": {"id": []}, "connector": 7}, "info": {"config": []}}}),
            "garbage": lambda r: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x00\xff\xfe\x01\x80", "no HTTP": lambda r: b"\xff" * 4000,
            "an error of 59 MB": lambda r: itertools.chain([b"HTTP/1.1 500 no\r\nContent-Length: %d\r\n\r\n" % (59 * MB)], itertools.repeat(b'{"message":"' + b"m" * (MB - 14) + b'"}', 59)),
            "an error without end": lambda r: itertools.chain([b"HTTP/1.1 500 no\r\n\r\n"], endless(b"e" * 65536)),
            "half of it": lambda r: [b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a":{']}
    missed = [name for name, lie in lies.items() if not liar.tells(to(LIST, lie))]
    missed += ["to plugins: " + name for name, lie in lies.items() if name in ("59 MB of JSON", "JSON as deep as it gets", "types") and not liar.tells(to(PLUGINS, lie), 1)]
    liar.lie = None
    ok(not missed, "each was told", ", ".join(missed))
    after = world.memory()
    ok(after - before < 60, "the worker's memory stays bounded: %d MB before, at most %d MB" % (before, after))
    ok(world.running(pipeline), "after all that the truth is believed again", lambda: world.message(pipeline))


def changes(world, liar, source, sink):
    """Answers to changes: an error of 20 MB, one that is no text; what is kept of them is short."""
    said = {"long": lambda r: (400, {"error_code": 400, "message": "no " + "x" * 900000}), "huge": lambda r: body_of(20 * MB, itertools.repeat(b"y" * MB, 20)),
            "no-text": lambda r: b"HTTP/1.1 400 no\r\nContent-Length: 52\r\n\r\n" + b'{"error_code":400,"message":"Zo\xe9 \xff\\u0000 \\ud800 \x80\x80"}'}
    for name, lie in said.items():
        liar.tells(to("/connectors/", lie, "PUT"), 0)
        id = world.pipeline("alice", source, sink, name="put-" + name)
        ok(world.says(id, "put_connector failed"), "a refusal that is %s is told" % name, lambda: world.message(id))
        liar.lie = None
        ok(world.running(id), "and goes on when that ends", lambda: world.message(id))
    longest = int(world.sql("SELECT max(length(message)) FROM cdc.pipeline_event"))
    ok(longest < 6000, "what is kept of an error is short (%d)" % longest)


def agents(world, liar, source):
    """An agent's errors and states."""
    sink = world.register("alice", "kafka", world.sink(liar.peer.url(), agents=[{"url": liar.agent.url(), "token": world.plant(TOKEN, liar.agent)}], plaintext_connector_password=False), "agent-sink")
    lies = {"an error of 900 kB": lambda r: (500, {"error": "no " + "x" * 900000}), "an error of 20 MB": lambda r: body_of(20 * MB, itertools.repeat(b"z" * MB, 20)),
            "other types": lambda r: (200, liar.state(secrets=[1, None, {}], epoch="x", job=[])), "a negative epoch": lambda r: (200, liar.state(epoch=-1)),
            "an error that is no text": lambda r: b"HTTP/1.1 500 no\r\nContent-Length: 19\r\n\r\n" + b'{"error":"Zo\xe9\xff\xfe ."}'}
    missed = []
    busy = lambda r: (409, {"error": "busy " + "w" * 900000}) if r.method == "PUT" else None
    liar.agent_lie = to("/v1/state", lies["other types"])
    id = world.pipeline("alice", source, sink, name="by-agent")
    for name, lie in lies.items():
        liar.told, liar.agent_lie = 0, lambda r, lie=to("/v1/state", lie): lie(r) or busy(r)
        if not wait(lambda: liar.told >= 2, 20):
            missed.append(name)
    ok(not missed, "an agent says what it likes of its state", ", ".join(missed))
    liar.agent_lie = busy
    ok(world.says(id, "put_secret failed"), "... and of a password that it is given", lambda: world.message(id))
    liar.agent_lie = None
    ok(world.running(id), "when it tells the truth the pipeline runs", lambda: world.message(id))
    equal(world.sql("SELECT state FROM cdc.worker_state()"), "running", "the worker acts: a negative epoch is none that fences")


def test():
    world = World("cdc_pipeline.request_timeout = '2s'\n")
    liar = LyingConnect(world)
    source = world.register("alice", "postgresql", world.true_source())
    sink = world.register("alice", "kafka", world.sink(liar.peer.url()))
    pipeline = world.pipeline("alice", source, sink, name="liars")
    ok(world.running(pipeline), "a Connect behind a peer that tells the truth runs", lambda: world.message(pipeline))
    lists(world, liar, pipeline)
    world.closing_questions("lists")
    changes(world, liar, source, sink)
    agents(world, liar, source)
    world.closing_questions("errors")
    step = world.longest_step()
    ok(step < 2, "the loop's longest step is told (%.3f s)" % step)


main(test)
