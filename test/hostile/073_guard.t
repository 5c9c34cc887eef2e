#!/usr/bin/env python3
"""
073_guard.t: an ERROR in the middle of the reading of an answer, which is a fault of ours, ends that look and no more.
The fault is a preload (throw.c) that throws where an answer has certain words; who sends them is a liar.
"""
import atexit
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

WORDS = "a-fault-in-the-reader-5c1d"
PG_CONFIG = PG_BIN + "/pg_config"
TOKEN = "token-of-the-guarded-01234567"


def preload():
    directory = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_throw.XXXXXX"], text=True).strip()
    atexit.register(shutil.rmtree, directory, True)
    os.chmod(directory, 0o755)
    include = subprocess.check_output([PG_CONFIG, "--includedir-server"], text=True).strip()
    path = os.path.join(directory, "throw.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-D_GNU_SOURCE", "-Wl,-z,lazy", "-I" + include, "-o", path, os.path.join(HERE, "throw.c"), "-ldl"], check=True)
    return path


def test():
    world = World(preload=preload())
    lie = {"to": None, "told": 0}

    def tells(what):
        lie["told"] += lie["to"] == what
        return lie["to"] == what

    def source_answer(question):
        if LOOK in question.sql and tells("a look at a source"):
            server, *told = question.values()
            return bytes_of(json.dumps(dict(json.loads(server), blocker=WORDS)).encode(), *told)
        if "pg_is_in_recovery(), (SELECT" in question.sql and tells("a ping of a source"):
            return rows(["a", "b"], ("f", json.dumps({WORDS: 1})))
        return None

    def connect_answer(request):
        if request.path.startswith("/connector-plugins") and tells("a list of plugins"):
            return 200, [{"class": WORDS}]
        if request.path.startswith("/connectors?") and tells("an error of Kafka Connect"):
            return 500, {"error_code": 500, "message": WORDS}
        return None

    def agent_answer(request):
        return (200, {"version": WORDS}) if tells("an agent's state") else (503, {"error": "away"})

    pg = world.liar(PgPeer(answer=source_answer, password="secret-for-liars-7f", truth=world.source))
    connect = world.liar(HttpPeer(connect_answer, truth=world.connect.port))
    agent = world.liar(HttpPeer(agent_answer))
    source = world.register("alice", "postgresql", world.lying_source(pg), "faulty")
    sink = world.register("alice", "kafka", world.sink(connect.url()))
    with_agent = world.register("alice", "kafka", world.sink(connect.url(), agents=[{"url": agent.url(), "token": world.plant(TOKEN, agent)}], plaintext_connector_password=False), "agents")
    pipeline = world.pipeline("alice", source, sink, name="guarded")
    ok(world.running(pipeline), "a pipeline runs before", lambda: world.message(pipeline))
    by_agent = world.pipeline("alice", source, with_agent, name="by-agent")
    for what in ("a look at a source", "a ping of a source", "a list of plugins", "an error of Kafka Connect", "an agent's state"):
        thrown = world.meta.log().count("the reader has a fault")
        lie.update(to=what, told=0)
        told = wait(lambda: lie["told"] >= 2 and world.meta.log().count("could not be read: the reader has a fault") > thrown, 40, 0.05)
        ok(told, "%s: the ERROR is caught and logged, and it is asked again" % what, lambda: lie)
        equal(world.worker_pid(), world.worker, "... by the same process")
        ok(world.passes_round(world.bystander), "... which goes on for others")
        if what == "a look at a source":
            ok(world.says(pipeline, "the reader has a fault"), "... and says it where it happened", lambda: world.message(pipeline))
        lie["to"] = None
        ok(world.running(pipeline), "... and for this one when it ends", lambda: world.message(pipeline))
    world.closing_questions("a fault in a reader", forbidden=[by_agent])


main(test)
