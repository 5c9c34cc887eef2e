#!/usr/bin/env python3
"""062_held_rows.t: rows that a transaction holds cost their own service only: another organization's pipelines come, run and go; who holds them is told."""
import itertools
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

number = itertools.count(1)


def lives(world, case):
    """Somebody else's pipeline, from its create until it is gone."""
    name = "life%d" % next(number)
    id = world.pipeline("bob", world.bystander_source, world.bystander_sink, name=name, topic_prefix=name)
    ran = ok(world.running(id), case + ": another organization's pipeline runs", lambda: world.message(id) or repr(world.spec(id)))
    world.sql("SELECT cdc.delete_pipeline('%s')" % id, "bob")
    ok(ran and wait(lambda: world.spec(id)["deleted_at"], 30), case + ": and is deleted", lambda: repr(world.spec(id)))


def disturb(world):
    """Alice's role may not log in to her source: there is something to be written of every row of hers."""
    world.source.sql("ALTER ROLE alices NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'alices'", "postgres")


def moves(world):
    """Alice's slot falls behind: there is something to be written of what was seen of her pipeline, which is not where nothing moves."""
    world.source.sql("SELECT pg_logical_emit_message(false, 'x', 'y')", "shop")


def calm(world):
    """She may again; a round that is asked for does not leave her source alone any longer for having refused her."""
    world.source.sql("ALTER ROLE alices LOGIN", "postgres")
    world.sql("SELECT cdc.check_health()")


def told(world, pid):
    """The rows of alice's services and pipelines that are said to be held by this session."""
    return world.sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'row_held' AND organization_id = %s AND observed LIKE 'its rows are held by pid %d (role %%), in a transaction since 2%%'"
                     " AND fix_sql = 'SELECT pg_catalog.pg_terminate_backend(%d)'" % (literal(world.orgs["alice"]), pid, pid))


def settles(world, case):
    """Nothing was lost: alice's own are as they should be again."""
    calm(world)
    ok(wait(lambda: world.sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'row_held'") == "0"), case + ": when it has ended the finding goes", lambda: world.sql("SELECT * FROM cdc.finding WHERE check_name = 'row_held'"))
    ok(wait(lambda: world.sql("SELECT string_agg(status, ' ') FROM cdc.service WHERE id IN ('%s', '%s')" % (world.alices_source, world.alices_sink)) == "running running") and world.running(world.alices), case + ": and what had happened is written",
       lambda: world.message(world.alices) + world.sql("SELECT string_agg(concat(status, status_message), ' ') FROM cdc.service"))


def calls(world):
    """Alice's calls, left open."""
    acme, source, sink, pipeline = world.orgs["alice"], world.alices_source, world.alices_sink, world.alices
    past = "INSERT INTO cdc.finding (organization_id, pipeline_id, check_name, concern, severity, past) VALUES ('%s', '%s', 'was', 'flow', 'info', true)" % (acme, pipeline)
    nodes = json.dumps([{"address": "127.0.0.1", "port": world.source.port}, {"address": "127.0.0.1", "port": 9}])
    for held, case, *statements in (
            (True, "delete_service", "SELECT cdc.delete_pipeline('%s')" % pipeline, "SELECT cdc.delete_service('%s')" % source),
            (True, "delete_pipeline", "SELECT cdc.delete_pipeline('%s')" % pipeline),
            (True, "update_service", "SELECT cdc.update_service('%s', '{\"pipelines_by\": \"admin\"}')" % source),
            (True, "set_service_nodes", "SELECT cdc.set_service_nodes('%s', '%s')" % (source, nodes)),
            (True, "rotate_password", "SELECT cdc.rotate_password('%s')" % pipeline),
            (False, "create_pipeline", "SELECT cdc.create_pipeline('open', '%s', '%s', tables => '{orders}', database_name => 'shop')" % (source, sink)),
            (False, "acknowledge", "SELECT cdc.acknowledge('%s', 'was')" % pipeline),
            (False, "add_member", "SELECT cdc.add_member('%s', 'bob')" % acme)):
        if case == "acknowledge":
            world.sql(past)
        transaction = Held(world.meta, "alice", *statements)
        disturb(world)
        lives(world, case)
        if held:
            ok(wait(lambda: told(world, transaction.pid) != "0", 20), case + ": who holds the rows is told", lambda: world.sql("SELECT * FROM cdc.finding WHERE check_name = 'row_held'"))
        transaction.end()
        settles(world, case)


def superusers(world):
    """Rows locked by who may: each table that the worker writes."""
    pipeline = world.alices
    of_pipeline = ["pipeline_spec WHERE id", "pipeline_observed WHERE pipeline_id", "pipeline_secret WHERE pipeline_id"]
    of_service = ["service WHERE id", "service_node WHERE service_id"]
    for rows, id in [(rows, pipeline) for rows in of_pipeline] + [(rows, world.alices_source) for rows in of_service]:
        transaction = Held(world.meta, "postgres", "SELECT 1 FROM cdc.%s = '%s' FOR UPDATE" % (rows, id))
        observed = rows.startswith("pipeline_observed")
        if not observed:
            disturb(world)
        lives(world, rows.split()[0])
        if rows != "pipeline_secret WHERE pipeline_id":
            ok(wait(lambda: (moves(world) if observed else None) or told(world, transaction.pid) != "0", 20), rows.split()[0] + ": who holds the rows is told", lambda: world.sql("SELECT * FROM cdc.finding WHERE check_name = 'row_held'"))
        transaction.end()
        settles(world, rows.split()[0])
    transaction = Held(world.meta, "postgres", "SELECT 1 FROM cdc.organization WHERE id = '%s' FOR UPDATE" % world.orgs["alice"], "SELECT 1 FROM cdc.control_plane FOR UPDATE")
    disturb(world)
    lives(world, "organization and control_plane")
    transaction.end()
    settles(world, "organization and control_plane")


def prepared(world):
    """A transaction without a session."""
    transaction = Held(world.meta, "alice", "SELECT cdc.delete_pipeline('%s')" % world.alices)
    transaction.end("PREPARE TRANSACTION 'forgotten'")
    disturb(world)
    lives(world, "prepared transaction")
    said = "SELECT count(*) FROM cdc.finding WHERE check_name = 'row_held' AND observed LIKE 'its rows are held by prepared transaction ''forgotten'' of role alice, of 2%' AND fix_sql = 'ROLLBACK PREPARED ''forgotten'''"
    ok(wait(lambda: world.sql(said) == "1", 20), "a prepared transaction is told of", lambda: world.sql("SELECT * FROM cdc.finding WHERE check_name = 'row_held'"))
    world.sql("ROLLBACK PREPARED 'forgotten'")
    settles(world, "prepared transaction")


def queue(world):
    """A row of the queue that somebody holds waits for him; the others do not."""
    os.kill(world.worker, signal.SIGSTOP)
    world.sql("INSERT INTO cdc.work (kind, id) VALUES ('pipeline', '%s')" % world.alices)
    transaction = Held(world.meta, "postgres", "SELECT 1 FROM cdc.work FOR UPDATE")
    os.kill(world.worker, signal.SIGCONT)
    lives(world, "queue")
    equal(world.sql("SELECT count(*) FROM cdc.work"), "1", "what somebody holds of the queue is left there")
    transaction.end()
    ok(wait(lambda: world.sql("SELECT count(*) FROM cdc.work") == "0"), "and taken when he has ended")


def intents(world):
    """Nothing goes out of which the intent is not committed: a pipeline that is made while somebody holds its row."""
    source = world.register("alice", "postgresql", world.true_source(), name="second")
    os.kill(world.worker, signal.SIGSTOP)
    id = world.pipeline("alice", source, world.alices_sink, name="held-intent", topic_prefix="held-intent")
    transaction = Held(world.meta, "postgres", "SELECT 1 FROM cdc.pipeline_spec WHERE id = '%s' FOR UPDATE" % id)
    os.kill(world.worker, signal.SIGCONT)
    lives(world, "intent")
    ok(wait(lambda: world.sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'row_held' AND pipeline_id = '%s'" % id) == "1", 20), "it is told that its row is held")
    outside = world.source.sql("SELECT count(*) FROM pg_roles WHERE rolname ~ '%s'" % id[:8], "shop")
    equal((outside, world.sql("SELECT count(*) FROM cdc.pipeline_event WHERE kind = 'action' AND pipeline_id = '%s'" % id)), ("0", "0"), "nothing was done for it, and no event says so")
    transaction.end()
    ok(world.running(id), "then it runs", lambda: world.message(id))
    world.sql("SELECT cdc.delete_pipeline('%s')" % id, "alice")
    ok(wait(lambda: world.spec(id)["deleted_at"]), "(and goes)")


def bad_row(world):
    """A row that cannot be written at all costs its own service."""
    world.sql("CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'; CREATE TRIGGER zz_no BEFORE UPDATE ON cdc.pipeline_observed FOR EACH ROW WHEN (OLD.pipeline_id = '%s') EXECUTE FUNCTION public.no()" % world.alices)
    lives(world, "bad row")
    ok(world.passes_round(world.bystander), "bad row: others' rounds are written")
    ok(wait(lambda: moves(world) or world.sql("SELECT observed FROM cdc.finding WHERE check_name = 'row_held' AND pipeline_id = '%s'" % world.alices) == "its rows cannot be written: no", 20), "bad row: it is told why it is not written")
    world.sql("DROP TRIGGER zz_no ON cdc.pipeline_observed; DROP FUNCTION public.no()")
    settles(world, "bad row")


def test():
    world = World("max_prepared_transactions = 5\n")
    world.source.sql("CREATE ROLE alices SUPERUSER LOGIN PASSWORD %s" % literal(ADMIN_PASSWORD), "postgres")
    world.alices_source = world.register("alice", "postgresql", world.true_source(admin_user="alices"))
    world.alices_sink = world.register("alice", "kafka", world.sink(world.connect.url()))
    world.alices = world.pipeline("alice", world.alices_source, world.alices_sink, name="a", topic_prefix="a")
    ok(world.running(world.alices), "(alice has a pipeline)", lambda: world.message(world.alices))
    calls(world)
    superusers(world)
    prepared(world)
    queue(world)
    intents(world)
    bad_row(world)
    world.closing_questions("held rows")


main(test)
