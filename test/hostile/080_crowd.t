#!/usr/bin/env python3
"""
080_crowd.t: many bad peers at once.  1,500 nodes that say nothing have no descriptors of others: another organization's
pipeline comes about and is followed to a new primary.  Of each kind of bad peer many services, and those who are
well are looked at in each round.

CROWD_SERVICES: of each kind so many (10); CROWD_PIPELINES: so many that are well (30).
"""
import os
import re
import resource
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

SERVICES = int(os.environ.get("CROWD_SERVICES", "10"))
PIPELINES = int(os.environ.get("CROWD_PIPELINES", "30"))
SILENT_SERVICES, SILENT_NODES = 300, 5


def descriptors(world):
    return len(os.listdir("/proc/%d/fd" % world.worker_pid()))


def metric(world, name):
    return float(re.search(r"^%s (\S+)$" % name, world.sql("SELECT cdc.metrics()"), re.M).group(1))


def register_many(world, user, kind, connections, name):
    """One statement for all of them."""
    world.sql("".join("SELECT cdc.register_service(%s, %s, 'se-sto1', %s::jsonb, organization => %s);" %
                      (literal("%s-%d" % (name, n)), literal(kind), literal(json.dumps(connection)), literal(world.orgs[user]))
                      for n, connection in enumerate(connections)), user)


def rounds_of(world, ids):
    """Of each pipeline how often it was looked at so far, at least: times that were seen."""
    seen = {id: set() for id in ids}

    def look():
        for line in world.sql("SELECT id || ' ' || extract(epoch FROM last_health_check_at) FROM cdc.pipeline WHERE last_health_check_at IS NOT NULL").splitlines():
            id, when = line.split()
            if id in seen:
                seen[id].add(when)
        return seen
    look()
    return look


def silence():
    """Nodes that accept and say nothing, all on one port of 127.0.0.0/8."""
    listener = socket.socket()
    listener.bind(("0.0.0.0", 0))
    listener.listen(4096)
    port = listener.getsockname()[1]
    world = World("cdc_pipeline.source_dead_after = '1s'\ncdc_pipeline.connect_timeout = '2s'\n", bystander=False)
    address = lambda n: "127.1.%d.%d" % (n // 200, n % 200 + 1)
    register_many(world, "alice", "postgresql", [
        {"nodes": [{"address": address(SILENT_NODES * n + i), "port": port} for i in range(SILENT_NODES)], "database": "shop", "admin_user": "cdc_admin",
         "admin_password": "secret-for-the-silent-2b"} for n in range(SILENT_SERVICES)], "silent")
    most = [0]

    def count():
        most[0] = max(most[0], descriptors(world))
        return most[0]
    ok(wait(lambda: count() > 60, 30, 0.05), "1,500 silent nodes are connected to", most[0])
    ok(wait(lambda: metric(world, "cdc_descriptors_waiting") > 100, 30, 0.05) and metric(world, "cdc_descriptors_waiting_seconds") > 0, "how many wait for a descriptor is a metric, and for how long")
    ok(0 < metric(world, "cdc_descriptors_used") <= metric(world, "cdc_descriptors"), "and so is what there is of them")

    standby = Cluster(copy_of=world.source)
    world.bystander_source = world.register("bob", "postgresql", dict(world.true_source(), nodes=[{"address": "127.0.0.1", "port": p} for p in (world.source.port, standby.port)]))
    world.bystander_sink = world.register("bob", "kafka", world.sink(world.connect.url()))
    world.bystander = world.pipeline("bob", world.bystander_source, world.bystander_sink, name="bystander")
    ok(world.running(world.bystander), "another organization's pipeline comes about beside them", lambda: world.message(world.bystander))
    look, from_round = rounds_of(world, [world.bystander]), world.rounds()
    wait(lambda: look() and count() and world.rounds() >= from_round + 6, 60, 0.02)
    looked = len(look()[world.bystander])
    passed = world.rounds() - from_round
    ok(looked + 1 >= passed // 4 and passed >= 6, "and is looked at while rounds go by: %d times in %d rounds" % (looked, passed))

    world.source.stop("immediate")
    standby.promote()
    world.source = standby
    # what was not on the standby when it was promoted is a gap, and told as one: that it is followed is what counts
    ok(wait(lambda: world.sql("SELECT observed_role FROM cdc.service_node WHERE service_id = %s AND port = %d" % (literal(world.bystander_source), standby.port)) == "primary"
            and world.sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = %s AND detail->>'action' = 'judge_failover'" % literal(world.bystander)) != "0", 60, 0.1),
       "and followed to a new primary", lambda: world.message(world.bystander))
    third = 1000 // 3
    ok(count() < third + 40, "the worker has no more open than a third of max_files_per_process: %d" % most[0])
    log = world.meta.log()
    ok(re.search(r"too many open files|out of file descriptors", log, re.I) is None, "and nothing failed for want of a descriptor")
    ok("cdc_pipeline has more to ask than file descriptors" in log and "Raise max_files_per_process" in log, "the log says that descriptors are what is waited for, and which setting raises them")
    listener.close()


def drip(*parts, then=None):
    """An answer that comes a byte at a time, and never ends."""
    def answer(*unused):
        for part in parts:
            yield part
        while True:
            time.sleep(0.2)
            yield b" "
    return answer


def endless(part):
    def answer(*unused):
        while True:
            yield part
    return answer


class Resets(HttpPeer):
    """Ends each connection by a RST."""

    def serve(self, client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def http_kinds():
    head = b"HTTP/1.1 200 x\r\nContent-Type: application/json\r\n"
    return {
        "silent": HttpPeer(answer=lambda request: iter(lambda: time.sleep(60) or b" ", b"")),
        "slow": HttpPeer(answer=drip(head + b"\r\n[")),
        "garbage": HttpPeer(answer=lambda request: os.urandom(200)),
        "closes": HttpPeer(answer=lambda request: iter(())),
        "headers without end": HttpPeer(answer=endless(b"X-A: " + b"a" * 1000 + b"\r\n")),
        "a body without end": HttpPeer(answer=lambda request: endless(b"[" * 4096)() if request.path.startswith("/none") else iter([head + b"\r\n"] + [b"[" * 4096] * 500)),
        "resets": Resets(),
        "TLS": HttpPeer(tls=certificate()),
        "refuses": HttpPeer(answer=lambda request: (401, {"error_code": 401, "message": "no"})),
    }


def pg_kinds():
    def silent(session):
        time.sleep(60)

    def hangs_up(session):
        session.scram()
        session.send(ready())
        raise EOFError

    def refuses(session):
        session.send(error("no", "28P01"))
        raise EOFError

    def ends(session):
        raise EOFError

    def noise(session):
        session.send(os.urandom(200))
        raise EOFError
    password = "secret-for-liars-7f"
    return {
        "silent": PgPeer(login=silent),
        "garbage": PgPeer(login=noise),
        "closes": PgPeer(login=ends),
        "lets in and hangs up": PgPeer(login=hangs_up, password=password),
        "refuses": PgPeer(login=refuses),
        "does not answer": PgPeer(answer=lambda question: iter(lambda: time.sleep(60) or b"", None), password=password),
        "answers without end": PgPeer(answer=lambda question: endless(notice("n" * 1000))(), password=password),
    }


def crowd():
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    world = World("cdc_pipeline.source_dead_after = '2s'\ncdc_pipeline.health_interval = '1s'\n", "max_wal_senders = %d\nmax_replication_slots = %d\nmax_connections = %d\n" % ((PIPELINES + 10,) * 2 + (2 * PIPELINES + 60,)))
    for n in range(PIPELINES - 1):
        world.pipeline("bob", world.bystander_source, world.bystander_sink, name="well-%d" % n)
    ids = world.sql("SELECT id FROM cdc.pipeline_spec").splitlines()
    ok(wait(lambda: world.sql("SELECT count(*) FROM cdc.pipeline_spec WHERE status = 'Running' AND error_message IS NULL") == str(PIPELINES), 120, 0.1),
       "%d pipelines are well" % PIPELINES)
    https, pgs = http_kinds(), pg_kinds()
    for peer in list(https.values()) + list(pgs.values()):
        world.liar(peer)
    for n, peer in enumerate(pgs.values()):
        register_many(world, "alice", "postgresql", [world.lying_source(peer) for i in range(SERVICES)], "pg-%d" % n)
    for n, peer in enumerate(https.values()):
        world.sql("SELECT cdc.share_connect(%s, %s)" % (literal(peer.url()), literal(world.orgs["alice"])))
        register_many(world, "alice", "kafka", [world.sink(peer.url()) for i in range(SERVICES)], "http-%d" % n)
    # a pipeline of each bad source, and of each bad Connect
    sources = world.sql("SELECT id FROM cdc.service WHERE name LIKE 'pg-%-0' ORDER BY name").splitlines()
    sinks = world.sql("SELECT id FROM cdc.service WHERE name LIKE 'http-%-0' ORDER BY name").splitlines()
    for n in range(max(len(sources), len(sinks))):
        world.pipeline("alice", sources[n % len(sources)], sinks[n % len(sinks)], name="bad-%d" % n)
    ok(wait(lambda: all(peer.connections > 0 for peer in list(https.values()) + list(pgs.values())), 60, 0.1), "%d services of each of %d kinds of bad peers are looked at" %
       (SERVICES, len(https) + len(pgs)), lambda: [kind for kind, peer in list(https.items()) + list(pgs.items()) if peer.connections == 0])

    look, before = rounds_of(world, ids), world.rounds()
    tries = {kind: pgs[kind].connections for kind in ("refuses", "lets in and hangs up")}
    wait(lambda: look() and world.rounds() >= before + 12, 120, 0.05)
    passed, seen = world.rounds() - before, look()
    # a look that takes longer than a round is the next one's too; who is held up has none
    fewest = min(len(times) - 1 for times in seen.values())
    ok(passed >= 12 and fewest >= passed // 4, "each that is well is looked at by the rounds: at least %d times in %d rounds" % (fewest, passed))
    ok(world.sql("SELECT count(*) FROM cdc.pipeline_spec WHERE status = 'Running' AND error_message IS NULL AND organization_id = %s" % literal(world.orgs["bob"])) == str(PIPELINES),
       "and runs without a message")
    for kind, had in tries.items():
        now = pgs[kind].connections - had
        ok(now <= SERVICES * (passed // 2 + 2), "a server that %s is left alone for longer and longer: %d connections of %d services in %d rounds" % (kind, now, SERVICES, passed))
    world.closing_questions("a crowd of bad peers")


def test():
    silence()
    crowd()


main(test)
