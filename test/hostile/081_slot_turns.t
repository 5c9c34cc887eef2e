#!/usr/bin/env python3
"""
081_slot_turns.t: who makes a slot on a source makes the others wait no longer than the source does: tasks of a Connect
that starts none hold up nobody of another Connect; and no more are begun than there are slots for.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *


def large(cluster):
    """A table whose snapshot is no matter of a moment, by the server's statistics."""
    cluster.sql("CREATE TABLE large (id int PRIMARY KEY); SET allow_system_table_mods = on; UPDATE pg_class SET reltuples = 1e9, relpages = 10000000 WHERE relname = 'large'", "shop")


def slots(cluster):
    return int(cluster.sql("SELECT count(*) FROM pg_replication_slots", "postgres"))


def never(world):
    """A Connect that takes configurations and starts no task, before one that does."""
    large(world.source)
    lame = Simulator(start_ms=3600000)
    source = world.register("alice", "postgresql", world.true_source())
    sinks = [world.register("alice", "kafka", world.sink(url)) for url in (lame.url(), world.connect.url())]
    before = slots(world.source)
    stuck = [world.pipeline("alice", source, sinks[0], name="stuck-%d" % n, tables=("large",)) for n in range(6)]
    begun = lambda: sum(1 for c in lame.get("/connectors?expand=status").values() if c["status"]["connector"]["state"] != "STOPPED")
    ok(wait(lambda: begun() > 0, 30), "a pipeline's task is to start, and does not")
    well = world.pipeline("alice", source, sinks[1], name="well", tables=("large",))
    ok("is creating its slot" in world.says(well, "is creating its slot"), "one of another Connect waits for it at first", lambda: world.message(well))
    ok(world.running(well, 80), "and for all six not for long", lambda: world.message(well))
    equal(slots(world.source), before + 1, "while none of them has its slot")
    again = world.pipeline("alice", source, sinks[1], name="again", tables=("large",))
    ok(world.running(again, 30), "nor the next", lambda: world.message(again))
    ok(not [id for id in stuck if (world.spec(id) or {})["status"] == "Running"], "(they still wait)")
    for id in stuck + [well, again]:
        world.sql("SELECT cdc.delete_pipeline('%s')" % id, "alice")


def few(world):
    """Three slots for six pipelines whose tasks take a while to start: three are begun."""
    cluster = Cluster(plain=True, settings=SOURCE_SETTINGS + "max_replication_slots = 3\nmax_wal_senders = 10\n")
    cluster.sql("CREATE ROLE cdc_admin SUPERUSER LOGIN PASSWORD %s" % literal(ADMIN_PASSWORD), "postgres")
    cluster.sql("CREATE DATABASE shop", "postgres")
    cluster.sql("CREATE TABLE orders (id int PRIMARY KEY); ANALYZE orders", "shop")
    slow = Simulator(start_ms=2500)
    source = world.register("alice", "postgresql", dict(world.true_source(), nodes=[{"address": "127.0.0.1", "port": cluster.port}]))
    sink = world.register("alice", "kafka", world.sink(slow.url()))
    ids = [world.pipeline("alice", source, sink, name="few-%d" % n) for n in range(6)]
    states = lambda: [(world.spec(id) or {})["status"] for id in ids]
    ok(wait(lambda: states().count("Running") == 3, 60), "three of six have their slots", lambda: "\n".join(map(world.message, ids)))
    ok(wait(lambda: sum("waiting for a free replication slot" in world.message(id) for id in ids) == 3, 30), "the others say what they wait for", lambda: "\n".join(map(world.message, ids)))
    equal(len(slow.get("/connectors")), 3, "and were not begun")
    failed = world.sql("SELECT string_agg(message, '; ') FROM cdc.pipeline_event WHERE pipeline_id = ANY ('{%s}') AND message ~ 'slots are in use'" % ",".join(ids))
    equal(failed, "", "none was refused a slot")
    cluster.sql("ALTER SYSTEM SET max_replication_slots = 6", "postgres")
    cluster.stop("fast")
    cluster.start()
    ok(wait(lambda: states().count("Running") == 6, 90), "with more slots all run", lambda: "\n".join(map(world.message, ids)))


def test():
    world = World("cdc_pipeline.health_interval = '1s'\n")
    never(world)
    few(world)
    world.closing_questions("turns of slots")


main(test)
