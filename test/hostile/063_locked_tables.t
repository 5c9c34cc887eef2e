#!/usr/bin/env python3
"""063_locked_tables.t: a table of the metadata is locked, altered or vacuumed by who may: the worker waits for nobody, says who it is, and loses nothing."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

STATE = "SELECT state FROM cdc.worker_state()"


def goes_on(world, case):
    """The loop turns meanwhile: rounds begin."""
    before = world.rounds()
    ok(wait(lambda: world.rounds() >= before + 3), case + ": rounds go on", lambda: "%d, %d before" % (world.rounds(), before))


def recovers(world, case):
    ok(wait(lambda: world.sql(STATE) == "running"), case + ": then it runs", lambda: world.sql(STATE))
    name = "after-" + "".join(c if c.isalnum() else "-" for c in case)[:40]
    id = world.pipeline("bob", world.bystander_source, world.bystander_sink, name=name, topic_prefix=name)
    ok(world.passes_round(world.bystander) and world.running(id), case + ": and nothing is lost", lambda: world.message(id))
    world.sql("SELECT cdc.delete_pipeline('%s')" % id, "bob")


def locked(world):
    for table in ("pipeline_spec", "pipeline_event", "service", "finding", "work", "control_plane"):
        for mode in ("SHARE", "ACCESS EXCLUSIVE"):
            if mode == "SHARE" and table not in ("pipeline_spec", "pipeline_event"):
                continue
            case = "%s in %s mode" % (table, mode)
            held = Held(world.meta, "postgres", "LOCK TABLE cdc.%s IN %s MODE" % (table, mode))
            said = "table cdc.%s is locked (%sLock) by pid %d (role postgres), in a transaction since 2" % (table, mode.title().replace(" ", ""), held.pid)
            ok(wait(lambda: world.sql(STATE).startswith(said)), case + ": it is told", lambda: world.sql(STATE))
            goes_on(world, case)
            if table == "pipeline_event":
                ok(world.passes_round(world.bystander), case + ": all but events is written")
            held.end()
            recovers(world, case)


def altered(world):
    """What holds a table as a command: seen by what it holds."""
    for case, *statements in (("ALTER TABLE", "ALTER TABLE cdc.pipeline_spec ADD COLUMN noted text"),
                              ("REINDEX", "REINDEX TABLE cdc.pipeline_spec"),
                              ("CLUSTER", "CLUSTER cdc.service USING service_pkey"),
                              ("DROP EXTENSION", "SELECT count(*) FROM cdc.abandon_all()", "DROP EXTENSION cdc_pipeline CASCADE")):
        held = Held(world.meta, "postgres", *statements)
        ok(wait(lambda: "is locked" in world.sql(STATE)), case + ": it is told", lambda: world.sql(STATE))
        goes_on(world, case)
        held.end()
        recovers(world, case)


def queued(world):
    """A superuser waits for a table that a member reads in an open transaction: who comes after him waits too, but the worker does not."""
    reader = Held(world.meta, "bob", "SELECT count(*) FROM cdc.pipeline")
    waiter = subprocess.Popen([PG_BIN + "/psql", "-XqAt", "-h", world.meta.dir, "-p", str(world.meta.port), "-U", "postgres", "-d", "cdc", "-c", "BEGIN; LOCK TABLE cdc.pipeline_spec; COMMIT"])
    ok(wait(lambda: world.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'") == "1"), "(a superuser waits for a reader)")
    ok(wait(lambda: "table cdc.pipeline_spec is locked (AccessExclusiveLock)" in world.sql(STATE)), "queued: it is told", lambda: world.sql(STATE))
    goes_on(world, "queued")
    reader.end()
    waiter.wait()
    recovers(world, "queued")


def test():
    world = World()
    locked(world)
    altered(world)
    queued(world)
    ok(world.meta.log().count("neither written nor read meanwhile") < 100, "the log has a line a transaction, not a turn")
    world.closing_questions("locked tables")


main(test)
