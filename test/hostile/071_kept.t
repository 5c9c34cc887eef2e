#!/usr/bin/env python3
"""
071_kept.t: of words without end that a source says of itself little is kept; and answers to the request for TLS that
no server gives.
"""
import json
import os
import re
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

KEPT = 10000                        # bytes of one value of a row
LONG = "w\u202e\x1b[2J\n" + "x" * 60000


def id_of(pipeline):
    """As the marks of what is its own have it."""
    found = re.search("[0-9a-f-]{36}", "%s %s" % (pipeline.get("role_mark"), pipeline.get("pub_mark")))
    return found.group() if found else "00000000-0000-4000-8000-000000000000"


def of_pipelines(**more):
    def change(j):
        for pipeline in j["pipelines"]:
            pipeline.update(more)
    return change


def of_node(j):
    node = j.get("node") or {}
    node["conf"] = {"hot_standby_feedback": LONG, "primary_slot_name": LONG, "synchronized_standby_slots": LONG, "wal_level": LONG}
    node["receiver"] = {"status": LONG, "slot": LONG}
    node["slots"] = [{"name": s, "database": LONG, "fits": True, "lost": LONG} for s in ["a"] + [p["id"] for p in j["pipelines"]]]
    j.update(node=node, wal_level=LONG)


LIES = {"missing": of_pipelines(missing=LONG), "bad": of_pipelines(bad=LONG), "no identity": of_pipelines(no_identity=LONG, fix=LONG, small=True),
        "lacks": of_pipelines(pub_exists=True, pub_lacks=LONG, pub_besides=LONG), "marks": of_pipelines(role_exists=True, role_mark=LONG, pub_exists=True, pub_mark=LONG),
        "lost": of_pipelines(slot={"fits": True, "lost": LONG, "user": LONG, "active": True, "pid": 1}), "user": of_pipelines(slot={"fits": True, "user": LONG, "active": True, "pid": 1}),
        "tx": of_pipelines(tx=LONG, role_hash=LONG), "epoch": lambda j: [p.update(pub_exists=True, pub_mark="cdc_pipeline %s epoch 99999999999999999999" % p["id"]) for p in j["pipelines"]],
        "another epoch": lambda j: [p.update(pub_exists=True, pub_mark="cdc_pipeline %s epoch 9223372036854775807" % p["id"]) for p in j["pipelines"]],
        "blocker": lambda j: j.update(blocker=LONG), "hba": lambda j: j.update(hba_error=LONG), "node": of_node,
        "in recovery": lambda j: (of_node(j), j.update(in_recovery=True))}


def kept(world):
    lie = {"which": None, "told": 0}

    def answer(question):
        which = lie["which"]
        if which is None or LOOK not in question.sql:
            return None
        server, *told = [json.loads(text) for text in question.values()]
        server["pipelines"] = [dict(one, id=id_of(one)) for one in told]
        which(server)
        lie["told"] += 1
        told = server.pop("pipelines")
        return bytes_of(*(json.dumps(one).encode() for one in [server] + told))

    peer = world.liar(PgPeer(answer=answer, password="secret-for-liars-7f", truth=world.source))
    source = world.register("alice", "postgresql", world.lying_source(peer), "wordy")
    sink = world.register("alice", "kafka", world.sink(world.connect.url()), "its-sink")
    pipelines = [world.pipeline("alice", source, sink, name="wordy")]
    ok(world.running(pipelines[0]), "a pipeline runs before", lambda: world.message(pipelines[0]))
    missed = []
    for name, which in LIES.items():
        lie.update(which=which, told=0)
        if not wait(lambda: lie["told"] > 2, 20, 0.02):
            missed.append(name)
        pipelines.append(world.pipeline("alice", source, sink, name="wordy-" + name.replace(" ", "-")))
        told = lie["told"]
        wait(lambda: lie["told"] > told + 3, 10, 0.02)
    lie["which"] = None
    ok(not missed, "all was told", ", ".join(missed))
    equal(world.sql("SELECT state FROM cdc.worker_state()"), "running", "and no epoch that nobody can have has stopped the control plane")
    query = world.sql("SELECT string_agg(format('SELECT %L, max(octet_length(%I::text)) FROM cdc.%I', c.relname || '.' || a.attname, a.attname, c.relname), ' UNION ALL ')"
                      " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind = 'r' AND a.attnum > 0"
                      " AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype)")
    long = world.sql("SELECT string_agg(x.name || ': ' || x.most, ', ') FROM (%s) AS x(name, most) WHERE x.most > %d" % (query, KEPT))
    ok(not long, "little of it is kept", long)
    odd = world.sql("SELECT string_agg(DISTINCT left(x.said, 100), '; ') FROM (SELECT message FROM cdc.pipeline_event UNION SELECT error_message FROM cdc.pipeline_spec"
                    " UNION SELECT status_message FROM cdc.service) AS x(said) WHERE x.said ~ '[\\x01-\\x1f\\x7f]'")
    ok(not odd, "what is told has no control characters", repr(odd))


class Greeter(PgPeer):
    """Answers the request for TLS with these bytes, and then listens."""

    def __init__(self, said, **more):
        self.said = said
        super().__init__(**more)

    def serve(self, client):
        client.recv(8)
        client.sendall(self.said)
        client.settimeout(3)
        while True:
            got = client.recv(65536)
            if not got:
                return
            self.bytes.append(got)


def greetings(world):
    cleartext = message("R", struct.pack("!I", 3))
    sasl = message("R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0")
    answers = {"S and a request behind it": b"S" + cleartext, "N and a request": b"N" + cleartext, "an error": b"E" + struct.pack("!I", 40) + b"SERROR\0C28000\0Mno\0\0", "an old error": b"Eno\n\0",
               "G": b"G", "another version": b"N" + message("v", struct.pack("!II", 196608, 0)), "SCRAM and an Ok": b"N" + sasl + message("R", struct.pack("!I", 0)) + ready(),
               "an Ok and more": b"N" + message("R", struct.pack("!I", 0)) * 2 + ready() + rows(["a"], ("1",)), "a notice first": b"N" + notice("x") + cleartext}
    made = {}
    for n, (name, said) in enumerate(answers.items()):
        for mode in ("prefer", "require"):
            peer = world.liar(Greeter(said, password="x"))
            service = world.register("alice", "postgresql", world.lying_source(peer, password="secret-of-greeters-3c", sslmode=mode), "greeter-%d-%s" % (n, mode))
            world.secrets["secret-of-greeters-3c"] = set()
            made[name + ", " + mode] = (peer, service)
    for name, (peer, service) in made.items():
        said = wait(lambda: world.service_message(service), 20)
        ok(said and peer.connections and b"secret-of-greeters-3c" not in peer.heard(), name + ": it hears no password: " + str(said))


def test():
    world = World("cdc_pipeline.source_dead_after = '1s'\n")
    greetings(world)
    kept(world)
    world.closing_questions("words that are kept")


main(test)
