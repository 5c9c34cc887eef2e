#!/usr/bin/env python3
"""050_doors.t: what is sent where.

A member of an organization who may not see the password of its source has it
sent to a listener of his own; somebody registers the server that holds the
metadata, with a login that works there.
"""
import sys, os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *


def redirected(world):
    """Every key that directs a secret, as a member, at every door."""
    world.meta.sql("CREATE ROLE mallory LOGIN; SELECT cdc.grant_use('mallory'); SELECT cdc.add_member('%s', 'mallory', 'member')" % world.orgs["alice"])
    password = world.plant("the-source-of-alice-4411")
    world.source.sql("CREATE ROLE alices SUPERUSER LOGIN PASSWORD '%s'" % password, "postgres")
    # a server that asks for the password in clear, as an attacker's does
    ear = world.liar(PgPeer(login="cleartext"))
    http = world.liar(HttpPeer())
    source = world.register("alice", "postgresql", world.true_source(admin_user="alices", admin_password=password))
    sink = world.register("alice", "kafka", world.sink(world.connect.url(), connect_user="c", connect_password=world.plant("the-connect-password-88")))
    wait(lambda: world.sql("SELECT status FROM cdc.service WHERE id = '%s'" % source) == "running")
    before = world.sql("SELECT to_jsonb(s) - 'updated_at' FROM cdc.service s WHERE id IN ('%s', '%s') ORDER BY id" % (source, sink))
    nodes = json.dumps([{"address": "127.0.0.1", "port": ear.port}])
    for what, statement in (
            ("its nodes, by set_service_nodes", "SELECT cdc.set_service_nodes('%s', '%s')" % (source, nodes)),
            ("its nodes, by update_service", "SELECT cdc.update_service('%s', '{\"nodes\": %s}')" % (source, nodes)),
            ("its nodes, with the true one beside", "SELECT cdc.update_service('%s', '{\"nodes\": %s}')" % (source, json.dumps([{"address": "127.0.0.1", "port": world.source.port}, {"address": "127.0.0.1", "port": ear.port}]))),
            ("its nodes, with another login", "SELECT cdc.update_service('%s', '{\"nodes\": %s, \"admin_user\": \"mallory\"}')" % (source, nodes)),
            ("sslmode", "SELECT cdc.update_service('%s', '{\"sslmode\": \"disable\"}')" % source),
            ("password_in_tls", "SELECT cdc.update_service('%s', '{\"password_in_tls\": true}')" % source),
            ("the sink's URLs", "SELECT cdc.update_service('%s', '{\"connect_urls\": [\"%s\"]}')" % (sink, http.url()))):
        said = world.refused(statement, "mallory")
        ok(said and "decides where secrets are sent" in said, "a member does not change " + what, said)
    answer = json.loads(world.sql("SELECT to_jsonb(cdc.rest('PATCH', '/managed-services/%s', '{\"connection\": {\"nodes\": %s}}'))" % (source, nodes), "mallory"))
    equal(answer["status"], 403, "nor over REST")
    equal(world.sql("SELECT to_jsonb(s) - 'updated_at' FROM cdc.service s WHERE id IN ('%s', '%s') ORDER BY id" % (source, sink)), before, "nothing of it is so")
    rounds = world.rounds()
    wait(lambda: world.rounds() > rounds + 2)
    equal((ear.heard(), http.heard()), (b"", b""), "and nobody came to the listeners")

    # with every secret given anew the listener hears what the member knows already
    world.sql("SELECT cdc.update_service('%s', '{\"nodes\": %s, \"admin_password\": \"what-mallory-knows\"}')" % (source, nodes), "mallory")
    event = json.loads(world.sql("SELECT to_jsonb(e) FROM cdc.service_event e WHERE service_id = '%s' ORDER BY id DESC LIMIT 1" % source))
    equal((event["role"], event["detail"]["nodes"]["from"][0]["port"], event["detail"]["nodes"]["to"][0]["port"], event["detail"]["secrets_given"]),
          ("mallory", world.source.port, ear.port, ["admin_password"]), "with all secrets given anew she may: an event says who, from where, to where")
    ok(wait(lambda: ear.heard()), "(the worker has gone to the listener)")


def the_metadata_itself(world):
    """Its own server, with a login that it takes."""
    world.meta.sql("CREATE ROLE inside SUPERUSER LOGIN PASSWORD 'a-login-that-works-there'")
    world.source.sql("ALTER ROLE cdc_admin SUPERUSER", "postgres")
    service = world.register("alice", "postgresql", {"nodes": [{"address": "127.0.0.1", "port": world.meta.port}], "admin_user": "inside", "admin_password": "a-login-that-works-there"})
    sink = world.register("alice", "kafka", world.sink(world.connect.url()))
    pipeline = world.pipeline("alice", service, sink, name="inside", tables=("cdc.service_secret",), database="cdc")
    ok("holds the metadata" in world.service_says(service, "holds the metadata"), "it does not get to running", world.service_message(service))
    found = wait(lambda: world.sql("SELECT concern || ' ' || severity || ' ' || fix_sql FROM cdc.finding WHERE service_id = '%s' AND check_name = 'metadata_is_source'" % service, "alice"))
    equal(found, "safety blocker SELECT cdc.update_service('%s', '{\"metadata_server\": true}')" % service, "a finding says so, and whose word is missing")
    said = world.refused("SELECT cdc.update_service('%s', '{\"metadata_server\": true}')" % service, "alice")
    ok(said and "is for superusers" in said, "which its owner does not have", said)
    equal(world.sql("SELECT count(*) FROM pg_publication; SELECT count(*) FROM pg_replication_slots; SELECT count(*) FROM pg_roles WHERE rolname LIKE 'mdb_%'"), "0\n0\n0", "nothing was made there")
    return [pipeline]


def everything():
    world = World()
    redirected(world)
    world.closing_questions("secrets that are redirected")
    forbidden = the_metadata_itself(world)
    world.closing_questions("the metadata's own server", forbidden)


main(everything)
