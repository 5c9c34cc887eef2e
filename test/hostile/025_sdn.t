#!/usr/bin/env python3
"""025_sdn.t: the operator's SDN API is answered by a liar: too much, too deep, no text, other types, peerings that nobody has; errors that say the credentials back."""
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
PASSWORD = "sdn-account-of-the-operator-5b"
NETWORKS = ("03000000-0000-4000-8000-0000000000a1", "03000000-0000-4000-8000-0000000000a2")


def whole(size, parts):
    return itertools.chain([("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size).encode()], parts)


def peering(**lies):
    return dict({"uuid": "0c000000-0000-4000-8000-000000000001", "name": "x", "configured_status": "active", "state": "active", "labels": [],
                 "network": {"uuid": NETWORKS[0]}, "peer_network": {"uuid": NETWORKS[1]}}, **lies)


def listed(*items):
    return 200, {"network_peerings": {"network_peering": list(items)}}


# Of lists; none of them is two active directions.
LIES = {
    "garbage": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x00\xff\xfe\x01\x80",
    "no HTTP": b"\xff" * 4000,
    "another type": (200, [1, 2]),
    "types": listed(None, 7, [], {}, peering(uuid=7), peering(network=[]), peering(peer_network={"uuid": {}}), peering(state=["active"]), peering(labels={"a": 1})),
    "ids that are none": listed(peering(uuid="../../x"), peering(network={"uuid": "' OR true --"}), peering(uuid="x" * 100000)),
    "words": listed(peering(state="\u202e\x1b[2J\nactive" + "w" * 60000), peering(state="active" + "\ud800")),
    "empty objects": (200, b'{"network_peerings":{"network_peering":[' + b"{}," * 500000 + b"0]}}"),
    "depth": (200, b'{"network_peerings":' + b"[" * 100000),
    "an error that says the password back": (400, {"type": "x", "title": "no: password=%s, you are sdn:%s " % (PASSWORD, PASSWORD) + "e" * 90000, "status": 400}),
    "an error that is no text": b"HTTP/1.1 500 no\r\nContent-Length: 19\r\n\r\n" + b'{"title":"Zo\xe9\xff\xfe ."}'}


def endless(request):
    return itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b" " * 65536))


def test():
    lie = {"says": None, "told": 0}

    def answer(request):
        says = lie["says"]
        if says is None:
            return 503, {"title": "away"}
        lie["told"] += 1
        return says(request) if callable(says) else says

    peer = HttpPeer(answer)
    directory = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_sdn.XXXXXX"], text=True).strip()
    atexit.register(shutil.rmtree, directory, True)
    credentials = os.path.join(directory, "credentials")
    with open(credentials, "w") as out:
        out.write("username = sdn\npassword = %s\n" % PASSWORD)
    os.chmod(credentials, 0o600)
    os.chmod(directory, 0o755)
    shutil.chown(credentials, "postgres")
    world = World("cdc_pipeline.sdn_url = '%s'\ncdc_pipeline.sdn_credentials_file = '%s'\ncdc_pipeline.request_timeout = '2s'\n" % (peer.url(), credentials))
    world.liar(peer)
    world.plant(PASSWORD, peer)
    for network in NETWORKS:
        world.sql("SELECT cdc.assign_network('%s', '%s')" % (network, world.orgs["alice"]))
    source = world.register("alice", "postgresql", world.true_source(network_id=NETWORKS[0]))
    sink = world.register("alice", "kafka", world.sink(world.connect.url(), network_id=NETWORKS[1]))
    pipeline = world.pipeline("alice", source, sink, name="far")
    ok(world.says(pipeline, "away"), "an SDN API that is away is told", lambda: world.message(pipeline))
    before = world.memory()
    missed = []
    for name, says in dict(LIES, **{"a body without end": endless, "59 MB": lambda r: whole(59 * MB, itertools.repeat(b"[" + b"{}," * 349524 + b"0]" + b" ", 59))}).items():
        lie.update(says=says, told=0)
        if not wait(lambda: lie["told"] >= 2, 30, 0.02):
            missed.append(name)
    ok(not missed, "each was told", ", ".join(missed))
    after = world.memory()
    ok(after - before < 60, "the worker's memory stays bounded: %d MB before, at most %d MB" % (before, after))
    # longer than any answer that is read at once, and true: networks of others, and at its end the two directions of ours
    others = [json.dumps(peering(uuid="0d000000-0000-4000-8000-%012d" % i, network={"uuid": "04000000-0000-4000-8000-%012d" % i}, name="n" * 400)).encode() for i in range(6000)]
    mine = [json.dumps(peering(uuid="0c000000-0000-4000-8000-00000000000%d" % i, state="pending-peer" if i == 1 else "peer-disabled", network={"uuid": NETWORKS[i - 1]}, peer_network={"uuid": NETWORKS[2 - i]})).encode() for i in (1, 2)]
    text = b'{"network_peerings":{"network_peering":[' + b",".join(others + mine) + b"]}}"
    world.longest_step()
    lie.update(says=lambda r: whole(len(text), [text]), told=0)
    ok(world.says(pipeline, "peer-disabled"), "a list of %.1f MB is read to its end" % (len(text) / MB), lambda: world.message(pipeline))
    step = world.longest_step()
    ok(step < 1, "and no step of the loop takes long (%.3f s)" % step)
    lie["says"] = None
    odd = world.sql("SELECT string_agg(DISTINCT left(x.said, 100), '; ') FROM (SELECT message FROM cdc.pipeline_event UNION SELECT error_message FROM cdc.pipeline_spec UNION SELECT error_message FROM cdc.network_peering)"
                    " AS x(said) WHERE x.said ~ '[\\x01-\\x1f\\x7f]' OR length(x.said) > 6000")
    ok(not odd, "what is told is short and on one line", odd)
    equal(world.sql("SELECT count(*) FROM cdc.network_peering WHERE peering_ab IS NOT NULL AND peering_ab::text !~ '^0c0'"), "0", "and no peering is one that nobody has")
    world.closing_questions("an SDN API that lies", forbidden=[pipeline])


main(test)
