#!/usr/bin/env python3
"""050_doors.t: what is sent where.

A member of an organization who may not see the password of its source has it
sent to a listener of his own; somebody registers the server that holds the
metadata, with a login that works there; an organization comes to another one's
Kafka Connect.
"""
import sys, os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *


def redirected(world):
    """Every key that directs a secret, as a member, at every door."""
    world.meta.sql("CREATE ROLE mallory LOGIN; SELECT cdc.add_member('%s', 'mallory', 'member')" % world.orgs["alice"])
    password = world.plant("the-source-of-alice-4411")
    world.source.sql("CREATE ROLE alices SUPERUSER LOGIN PASSWORD '%s'" % password, "postgres")
    # a server that asks for the password in clear, as an attacker's does
    ear = world.liar(PgPeer(login="cleartext"))
    http = world.liar(HttpPeer())
    source = world.register("alice", "postgresql", world.true_source(admin_user="alices", admin_password=password))
    sink = world.register("alice", "kafka", world.sink(world.connect.url(), connect_user="c", connect_password=world.plant("the-connect-password-88")), share=False)
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
    sink = world.register("alice", "kafka", world.sink(world.connect.url()), share=False)
    pipeline = world.pipeline("alice", service, sink, name="inside", tables=("cdc.service_secret",), database="cdc")
    ok("holds the metadata" in world.service_says(service, "holds the metadata"), "it does not get to running", world.service_message(service))
    found = wait(lambda: world.sql("SELECT concern || ' ' || severity || ' ' || fix_sql FROM cdc.finding WHERE service_id = '%s' AND check_name = 'metadata_is_source'" % service, "alice"))
    equal(found, "safety blocker SELECT cdc.update_service('%s', '{\"metadata_server\": true}')" % service, "a finding says so, and whose word is missing")
    said = world.refused("SELECT cdc.update_service('%s', '{\"metadata_server\": true}')" % service, "alice")
    ok(said and "is for superusers" in said, "which its owner does not have", said)
    equal(world.sql("SELECT count(*) FROM pg_publication; SELECT count(*) FROM pg_replication_slots; SELECT count(*) FROM pg_roles WHERE rolname LIKE 'mdb_%'"), "0\n0\n0", "nothing was made there")
    return [pipeline]


def another_ones_connect(world):
    """The bystander's Kafka Connect, whose connectors' configurations and errors would be seen."""
    source = world.register("alice", "postgresql", world.true_source())
    # by its own URL, by another name of it, and by way of a relay of her own
    relay = world.liar(HttpPeer(truth=world.connect.port))
    sinks = [world.register("alice", "kafka", world.sink(url), share=False) for url in
             (world.connect.url(), world.connect.url() + "/", "http://localhost:%d" % world.connect.port, relay.url())]
    pipelines = [world.pipeline("alice", source, sink, name="guest-%d" % n) for n, sink in enumerate(sinks)]
    for pipeline in pipelines:
        message = world.says(pipeline, "another organization uses")
        ok("another organization uses the one at http" in message and "cdc.share_connect" in message, "she is refused, and told whose word is missing", message)
    found = wait(lambda: world.sql("SELECT string_agg(concern || ' ' || severity, ', ') FROM cdc.finding WHERE check_name = 'connect_not_shared' AND service_id IN ('%s')" % "', '".join(sinks), "alice") == ", ".join(["safety blocker"] * len(sinks)))
    ok(found, "a finding for each of her sinks", world.sql("SELECT to_jsonb(f) FROM cdc.finding f"))
    equal([request for request in relay.requests if request.method != "GET"], [], "nothing was sent through the relay but questions")
    equal(world.sql("SELECT count(*) FROM cdc.finding WHERE organization_id = '%s' AND check_name = 'connect_not_shared'" % world.orgs["bob"]), "0", "who was there first is not")
    said = world.refused("SELECT cdc.share_connect('%s', '%s')" % (world.connect.url(), world.orgs["alice"]), "alice")
    ok(said and "permission denied" in said, "she cannot say it herself", said)

    # a pipeline that ran elsewhere, whose sink is then said to be there: it is no claim
    own = Simulator()
    moved = world.register("alice", "kafka", world.sink(own.url()), share=False)
    there = world.pipeline("alice", source, moved, name="moved")
    ok(world.running(there), "on a Kafka Connect of her own she runs")
    ok(wait(lambda: world.sql("SELECT connect_claimed <> '{}' FROM cdc.service WHERE id = '%s'" % moved) == "t"), "which is hers then")
    world.sql("SELECT cdc.update_service('%s', '{\"connect_urls\": [\"%s\"]}')" % (moved, world.connect.url()), "alice")
    message = world.says(there, "another organization uses")
    ok("another organization uses" in message, "what ran elsewhere is refused there too", message)
    theirs = world.connect.get("/connectors")
    equal(len(theirs), 1, "only the bystander's connector is there")

    # what was hers leads to the bystander's now: by the same address
    turned = world.liar(HttpPeer(truth=own.port))
    behind = world.pipeline("alice", source, world.register("alice", "kafka", world.sink(turned.url()), share=False), name="behind")
    ok(world.running(behind), "(another one runs by way of a relay)")
    turned.truth = world.connect.port
    message = world.says(behind, "another organization uses")
    ok("another organization uses" in message, "a relay that is turned to the bystander's is refused by the marks there", message)
    equal(len(world.connect.get("/connectors")), 1, "and nothing was made there")

    # nobody squats: a URL that is only registered keeps nobody from it
    new = Simulator()
    squatter = world.register("alice", "kafka", world.sink(new.url(), connect_user="x", connect_password=world.plant("what-the-squatter-gave")), share=False)
    world.pipeline("alice", world.register("alice", "postgresql", dict(world.true_source(), nodes=[{"address": "127.0.0.1", "port": 1}])), squatter, name="squatter")
    owner = world.pipeline("bob", world.bystander_source, world.register("bob", "kafka", world.sink(new.url()), share=False), name="owner")
    ok(world.running(owner), "who runs a pipeline there is let in beside who has only registered it")
    ok("another organization uses" in world.says(pipelines[0], "another organization uses"), "(she is still refused)")
    world.sql("SELECT cdc.share_connect('%s', '%s')" % (world.connect.url(), world.orgs["alice"]))
    ok(world.running(pipelines[0]), "with a superuser's word she runs")
    world.sql("SELECT cdc.unshare_connect('%s/', '%s')" % (world.connect.url(), world.orgs["alice"]))
    message = world.says(pipelines[0], "another organization uses")
    ok("another organization uses" in message, "when the word is taken back it is told", message)
    ok(wait(lambda: world.sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'connect_not_shared' AND service_id = '%s'" % sinks[0]) == "1"), "... by a finding too")
    name = world.spec(pipelines[0])["connector_name"]
    equal((world.spec(pipelines[0])["status"], world.connect.get("/connectors/%s/status" % name)["tasks"][0]["state"]), ("Running", "RUNNING"), "... and nothing is stopped")
    world.sql("SELECT cdc.share_connect('%s', '%s')" % (world.connect.url(), world.orgs["alice"]))
    ok(world.running(pipelines[0]), "... until it is given again")
    # the second one's URL is the same
    return pipelines[2:]


def everything():
    # a server that could be a source
    world = World(settings="wal_level = logical\n")
    redirected(world)
    world.closing_questions("secrets that are redirected")
    forbidden = the_metadata_itself(world)
    world.closing_questions("the metadata's own server", forbidden)
    forbidden = another_ones_connect(world)
    world.closing_questions("another organization's Kafka Connect", forbidden)


main(everything)
