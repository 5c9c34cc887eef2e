#!/usr/bin/env python3
"""061_open_calls.t: a member calls a function and leaves his transaction open: no other organization's call waits for it."""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

number = itertools.count(1)
WAIT = "SET lock_timeout = '10s'; "     # who waits for her fails


def others_call(world, case):
    """What bob can call while alice's transaction is open: everything, with roles that are new."""
    n = next(number)
    world.sql("CREATE ROLE new%d LOGIN; CREATE ROLE guest%d LOGIN; GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO new%d" % (n, n, n))
    umbrella = world.orgs["bob"]
    calls = [("create_organization", "new%d" % n, "SELECT cdc.create_organization('New %d')" % n),
             ("add_member", "bob", "SELECT cdc.add_member('%s', 'guest%d')" % (umbrella, n)),
             ("accept_membership", "guest%d" % n, "SELECT cdc.accept_membership('%s')" % umbrella),
             ("what a member reads", "guest%d" % n, "SELECT name FROM cdc.pipeline"),
             ("create_token", "bob", "SELECT count(cdc.create_token('t'))"),
             ("register_service", "bob", "SELECT cdc.register_service('k%d', 'kafka', 'se-sto1', %s::jsonb)" % (n, literal(json.dumps(world.sink("http://127.0.0.1:9"))))),
             ("update_service", "bob", "SELECT cdc.update_service((SELECT id FROM cdc.service WHERE name = 'k%d'), '{\"connect_user\": \"u\", \"connect_password\": \"p\"}')" % n),
             ("create_pipeline", "bob", "SELECT cdc.create_pipeline('c%d', '%s', '%s', tables => '{orders}', database_name => 'shop', topic_prefix => 'shared')" % (n, world.bystander_source, world.bystander_sink)),
             ("delete_pipeline", "bob", "SELECT cdc.delete_pipeline((SELECT id FROM cdc.pipeline WHERE name = 'c%d'))" % n),
             ("delete_service", "bob", "SELECT cdc.delete_service((SELECT id FROM cdc.service WHERE name = 'k%d'))" % n),
             ("remove_member", "bob", "SELECT cdc.remove_member('%s', 'guest%d')" % (umbrella, n)),
             ("leave_organization", "new%d" % n, "SELECT cdc.add_member(id, 'bob', 'owner') FROM cdc.organization")]
    refused = ["%s: %s" % (name, why.strip()) for name, user, call in calls for why in [world.refused(WAIT + call, user)] if why]
    ok(not refused, case + ": nobody of another organization waits", "; ".join(refused))


def cases(world):
    acme, source, sink, pipeline = world.orgs["alice"], world.alices_source, world.alices_sink, world.alices
    world.sql("CREATE ROLE carl LOGIN; CREATE ROLE dora LOGIN")
    return [("alice", "create_organization", "SELECT cdc.create_organization('Trap')"),
            ("alice", "add_member of a role that is new", "SELECT cdc.add_member('%s', 'carl')" % acme),
            ("carl", "who makes an organization and was nobody", "SELECT cdc.create_organization('Of carl')"),
            ("alice", "remove_member", "SELECT cdc.add_member('%s', 'dora')" % acme, "SELECT cdc.remove_member('%s', 'dora')" % acme),
            ("alice", "create_token", "SELECT cdc.create_token('t')"),
            ("alice", "register_service", "SELECT cdc.register_service('new', 'kafka', 'se-sto1', %s::jsonb)" % literal(json.dumps(world.sink("http://127.0.0.1:9")))),
            ("alice", "update_service", "SELECT cdc.update_service('%s', '{\"pipelines_by\": \"admin\"}')" % source),
            ("alice", "create_pipeline", "SELECT cdc.create_pipeline('open', '%s', '%s', tables => '{orders}', database_name => 'shop', topic_prefix => 'shared_open')" % (source, sink)),
            ("alice", "create_pipeline with another's services", 
             "DO $$ BEGIN PERFORM cdc.create_pipeline('theirs', '%s', '%s'); EXCEPTION WHEN undefined_object THEN NULL; END $$" % (world.bystander_source, world.bystander_sink)),
            ("alice", "delete_pipeline", "SELECT cdc.delete_pipeline('%s')" % pipeline),
            ("alice", "delete_service", "SELECT cdc.delete_pipeline('%s')" % pipeline, "SELECT cdc.delete_service('%s')" % source)]


def slugs(world):
    """A slug that somebody is making, and nobody knows whether he commits."""
    held = Held(world.meta, "alice", "SELECT cdc.create_organization('Wanted')")
    why = world.refused(WAIT + "SELECT cdc.create_organization('Wanted')", "new1") or ""
    like(why, 'an organization with slug "wanted" is being made at this moment', "who wants the same slug is told")
    held.end()
    equal(world.refused(WAIT + "SELECT cdc.create_organization('Wanted')", "new1"), None, "and gets it when its maker gives up")


def rolled_back(world):
    """An invitation that was rolled back is none; who was never asked may ask."""
    world.sql("CREATE ROLE fred LOGIN")
    held = Held(world.meta, "bob", "SELECT cdc.add_member('%s', 'fred')" % world.orgs["bob"])
    held.end()
    equal(world.sql("SELECT count(*) FROM cdc.invitations()", "fred"), "0", "a role whose invitation was rolled back is told nothing")
    equal(world.sql("SELECT count(*) FROM pg_locks WHERE NOT granted"), "0", "nobody waits")
    # a superuser's own grants are nobody else's matter
    held = Held(world.meta, "postgres", "GRANT EXECUTE ON FUNCTION cdc.accept_membership(uuid) TO pg_monitor; GRANT USAGE ON SCHEMA cdc TO pg_monitor; SELECT cdc.grant_monitoring('pg_monitor')")
    world.sql("CREATE ROLE gina LOGIN")
    equal(world.refused(WAIT + "SELECT cdc.add_member('%s', 'gina')" % world.orgs["bob"], "bob"), None, "a superuser's open GRANT holds up no invitation")
    equal(world.refused(WAIT + "SELECT cdc.accept_membership('%s')" % world.orgs["bob"], "gina"), None, "nor who accepts it")
    held.end()


def test():
    world = World()
    world.sql("GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO alice")
    world.alices_source = world.register("alice", "postgresql", world.true_source())
    world.alices_sink = world.register("alice", "kafka", world.sink(world.connect.url()))
    world.alices = world.pipeline("alice", world.alices_source, world.alices_sink, name="a", topic_prefix="shared_a")
    ok(world.running(world.alices), "(alice has a pipeline)", lambda: world.message(world.alices))
    for user, case, *statements in cases(world):
        if user == "carl":
            world.sql("GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO carl")
        held = Held(world.meta, user, *statements)
        others_call(world, case)
        held.end()
    slugs(world)
    rolled_back(world)
    world.closing_questions("open calls")


main(test)
