#!/usr/bin/env python3
"""040_config.t: somebody wants another's password put into his own connector's configuration, where Kafka Connect tells it in an error.

A reference ${provider:path:key} is given wherever a member, a row of an older
version, or an agent can give something; what is sent to Connect is read by a
peer before it.
"""
import sys, os, urllib.request
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

VICTIM = "${dir:/secrets:mdb-pipeline-deadbeef.1}"
OURS = re.compile(r"\$\{dir:/var/agent/secrets:mdb-pipeline-[0-9a-f]{8}\.[0-9]+\}$")


def ident(name):
    return '"' + name.replace('"', '""') + '"'


class Listener:
    """A Connect that is true, and what was sent to it."""

    def __init__(self, world):
        self.peer = world.liar(HttpPeer(truth=world.connect.port))
        self.url = self.peer.url()

    def configs(self, name=""):
        for request in list(self.peer.requests):
            if request.body and request.method in ("PUT", "POST") and name in request.raw.decode("latin-1"):
                sent = json.loads(request.body)
                yield sent.get("config", sent)

    def references(self):
        """Values with a reference that is not ours."""
        return [(key, value) for config in self.configs() for key, value in config.items() if "${" in str(value) and not (key == "database.password" and OURS.match(value))]


def the_door(world, source, sink):
    """What a member may say."""
    for n, value in enumerate((VICTIM, "x${env:PGPASSWORD}", "$${a:b}")):
        said = world.refused("SELECT cdc.create_pipeline('p%d', '%s', '%s', database_name => %s, organization => '%s')" % (n, source, sink, literal(value), world.orgs["alice"]), "alice")
        ok(said and re.search("database_name.* may not have", said), "database_name = %s is refused" % value, said)
    given = world.true_source(manage_role=False, connector_user=VICTIM, connector_password="p", admin_password="x")
    said = world.refused("SELECT cdc.register_service('s', 'postgresql', 'se-sto1', %s, organization => '%s')" % (literal(json.dumps(given)), world.orgs["alice"]), "alice")
    ok(said and re.search("connector_user.* may not have", said), "connector_user is refused", said)
    said = world.refused("SELECT cdc.create_pipeline('p', '%s', '%s', options => '{\"database.sslrootcert\": \"/dev/zero\"}', organization => '%s')" % (source, sink, world.orgs["alice"]), "alice")
    ok(said and "may not be set" in said, "a file of the Connect host cannot be named", said)


def rows_of_before(world, listener, source, sink):
    """What a database of version 0.1 may have."""
    world.source.sql("CREATE DATABASE " + ident(VICTIM), "postgres")
    world.source.sql("CREATE TABLE orders (id int PRIMARY KEY)", VICTIM)
    database = world.meta.sql("BEGIN; SELECT set_config('test.id', cdc.create_pipeline('by-database', '%s', '%s', '{orders}', organization => '%s')::text, true);"
                              "UPDATE cdc.pipeline_spec SET database_name = %s, generation = 1 WHERE id = current_setting('test.id')::uuid; COMMIT" %
                              (source, sink, world.orgs["alice"], literal(VICTIM))).splitlines()[-1]
    message = world.says(database, 'may not have "${"')
    ok('database.dbname may not have "${"' in message and "deadbeef" not in message, "a database that is named so in a row of before: nothing is sent, and why is told", message)

    world.source.sql("CREATE ROLE %s LOGIN REPLICATION PASSWORD 'p'; GRANT pg_read_all_data TO %s" % (ident(VICTIM), ident(VICTIM)), "postgres")
    given = world.register("alice", "postgresql", world.true_source(manage_role=False, connector_user="r", connector_password="p"))
    world.sql("UPDATE cdc.service SET connection = jsonb_set(connection, '{connector_user}', to_jsonb(%s::text)) WHERE id = '%s'; INSERT INTO cdc.work (kind, id) VALUES ('service', '%s')" %
              (literal(VICTIM), given, given))
    user = world.pipeline("alice", given, sink, name="by-user")
    message = world.says(user, 'may not have "${"')
    ok('database.user may not have "${"' in message, "the same of a connector's role", message)
    given = world.register("alice", "postgresql", world.true_source(manage_role=False, connector_user="given", connector_password=VICTIM))
    world.source.sql("CREATE ROLE given LOGIN REPLICATION PASSWORD '%s'; GRANT pg_read_all_data TO given" % VICTIM, "postgres")
    password = world.pipeline("alice", given, sink, name="by-password")
    message = world.says(password, 'may not have "${"')
    ok('database.password may not have "${"' in message and "deadbeef" not in message, "a password that is a reference is not sent in clear", message)
    equal(listener.references(), [], "Connect has heard no reference")
    return [database, user, password]


def an_agent(world, listener, source):
    """What an agent may say of its directory."""
    lie = {"path": "relative"}
    files = set()

    def answer(request):
        if request.path.startswith("/v1/state"):
            return 200, {"version": "x", "plugins": [], "job": None, "secrets": sorted(files), "secret_path": lie["path"], "connect_url": "x", "epoch": 0}
        if request.method == "PUT":
            files.add(request.path.split("?")[0].rsplit("/", 1)[1])
        return 200, {"name": "x"}
    agent = world.liar(HttpPeer(answer))
    sink = world.register("alice", "kafka", world.sink(listener.url, plaintext_connector_password=False, agents=[{"url": agent.url(), "token": world.plant("token-for-the-agent-99", agent)}]))
    # what an agent is handed is its own sink's; the pipeline's password is learned by nobody else
    refused = []
    for n, path in enumerate(("/x}" + VICTIM, "/var/agent/../../secrets", "var/agent", "/a:b", "/" + "x" * 2000)):
        lie["path"] = path
        pipeline = world.pipeline("alice", source, sink, name="lie-%d" % n)
        refused.append(pipeline)
        message = world.says(pipeline, "the directory of secrets that it names")
        ok("the directory of secrets that it names" in message and "deadbeef" not in message, "an agent that names %s... is not believed" % path[:30], message)
        world.sql("SELECT cdc.delete_pipeline('%s', true)" % pipeline)
    equal(world.sql("SELECT coalesce(secret_path, 'none') FROM cdc.service WHERE id = '%s'" % sink), "none", "nor remembered")
    lie["path"] = "/var/agent/secrets"
    good = world.pipeline("alice", source, sink, name="good")
    sent = wait(lambda: [config for config in listener.configs("mdb-pipeline-" + good[:8])], 40)
    ok(sent and OURS.match(sent[-1].get("database.password", "")), "one that names a directory is", sent)
    equal(wait(lambda: world.sql("SELECT secret_path FROM cdc.service WHERE id = '%s'" % sink)), "/var/agent/secrets", "which is remembered")
    lie["path"] = "/secrets"
    finding = wait(lambda: world.sql("SELECT observed || '; ' || required FROM cdc.finding WHERE service_id = '%s' AND check_name = 'agent_secret_path'" % sink), 30)
    ok("names /secrets" in (finding or ""), "another one later is a finding", finding)
    later = world.pipeline("alice", source, sink, name="later")
    message = world.says(later, "and the agents named /var/agent/secrets first")
    ok("and the agents named /var/agent/secrets first" in message, "and is not believed", message)
    equal(listener.references(), [], "Connect has heard no other reference")
    lie["path"] = "/var/agent/secrets"
    ok(wait(lambda: world.sql("SELECT count(*) FROM cdc.finding WHERE service_id = '%s' AND check_name = 'agent_secret_path'" % sink) == "0", 30), "the finding goes with the lie")
    # Connect refuses both again and again; one whose PUT is not answered in time may be making its slot, and holds the turn for two minutes
    for pipeline in (good, later):
        world.sql("SELECT cdc.delete_pipeline('%s', true)" % pipeline)
    return refused


def an_echo(world, source):
    """A Connect, and an agent, that say the password back in words of their own."""
    heard = set()

    def connect(request):
        if request.method in ("PUT", "POST") and request.body:
            password = json.loads(request.body).get("config", json.loads(request.body)).get("database.password", "")
            heard.add(password)
            return 400, {"error_code": 400, "message": "it is " + password + " and in JSON " + json.dumps(password)}
        return None
    peer = world.liar(HttpPeer(connect, truth=world.connect.port))
    for role, words in (({}, "put_connector failed"), ({"manage_role": False, "connector_user": "given", "connector_password": "g3h3im'\"\\7z"}, "put_connector failed")):
        pipeline = world.pipeline("alice", world.register("alice", "postgresql", world.true_source(**role)) if role else source,
                                  world.register("alice", "kafka", world.sink(peer.url())), name="echo-%d" % len(role))
        message = world.says(pipeline, words)
        ok(words in message and "[redacted]" in message, "what Connect says back is told without it", message)

    def agent(request):
        if request.path.startswith("/v1/state"):
            return 200, {"version": "x", "plugins": [], "job": None, "secrets": [], "secret_path": "/s", "connect_url": "x", "epoch": 0}
        value = json.loads(request.body)["value"]
        heard.add(value)
        return 422, {"error": "%s is no secret for %s" % (value, request.headers["authorization"].split(" ")[1])}
    liar = world.liar(HttpPeer(agent))
    token = world.plant("token-of-an-echo-41", liar)
    sink = world.register("alice", "kafka", world.sink(world.connect.url(), plaintext_connector_password=False, agents=[{"url": liar.url(), "token": token}]))
    pipeline = world.pipeline("alice", source, sink, name="echo-agent")
    message = world.says(pipeline, "put_secret failed")
    ok("[redacted] is no secret for [redacted]" in message, "what an agent says back, too", message)
    working = lambda request: (200, {"version": "x", "plugins": [], "job": {"id": "j", "state": token + " " + "x" * 200000}, "secrets": [], "secret_path": "/s", "connect_url": "x", "epoch": 0})
    liar = world.liar(HttpPeer(working))
    world.plant(token, liar)
    bare = world.liar(HttpPeer(lambda request: (200, []) if "/connector-plugins" in request.path else None, truth=world.connect.port))
    sink = world.register("alice", "kafka", world.sink(bare.url(), plaintext_connector_password=False, agents=[{"url": liar.url(), "token": token}]))
    busy = world.pipeline("alice", source, sink, name="echo-job")
    message = world.says(busy, "is [redacted] xxx")
    ok("is [redacted] xxx" in message and len(message) < 5000, "what an agent calls its work, too, and not all of it", "%d: %s" % (len(message), message[:300]))
    kept = world.sql("SELECT string_agg(x::text, ' ') FROM (SELECT to_jsonb(e) FROM cdc.pipeline_event e UNION ALL SELECT to_jsonb(s) FROM cdc.pipeline_spec s) t(x)") + world.meta.log()
    equal([secret[:3] for secret in heard if secret in kept or json.dumps(secret)[1:-1] in kept], [], "no event and no log has it")
    ok(len(heard) == 3, "(of three)", len(heard))


def what_a_login_is_worth(world, listener, sink):
    """Findings: what is weak, and goes when it is not any more."""
    def finding(owner, check):
        return world.sql("SELECT observed FROM cdc.finding WHERE coalesce(pipeline_id, service_id) = '%s' AND check_name = '%s'" % (owner, check))

    def plugin(version):
        body = json.dumps({"plugin_version": version}).encode()
        urllib.request.urlopen(urllib.request.Request(world.connect.url() + "/_sim/settings", data=body, method="PUT"), timeout=20).close()
    source = world.register("alice", "postgresql", world.true_source(sslmode="disable"))
    why = lambda: world.sql("SELECT why FROM cdc.finding WHERE service_id = '%s' AND check_name = 'sslmode_weak'" % source)
    ok(wait(lambda: "reads and changes every row" in why(), 20), "of a source without TLS it is told what somebody in between gets", why)
    old = world.pipeline("alice", source, sink, name="of-before")
    ok(wait(lambda: (world.spec(old) or {}).get("status") == "Running", 40), "a pipeline", world.message(old))
    equal(finding(old, "connector_login"), "", "that is new has none of its login")
    before = world.sql("SELECT id FROM cdc.pipeline_spec WHERE name = 'by-database'")
    ok("generation 1" in finding(before, "connector_login"), "one of version 0.1 has", finding(before, "connector_login"))
    plugin("3.6.1.Final")
    ok(wait(lambda: "3.6.1.Final" in finding(sink, "plugin_login"), 40), "a plugin whose driver gives passwords to whoever asks is one", finding(sink, "plugin_login"))
    plugin("3.7.0.Final")
    ok(wait(lambda: finding(sink, "plugin_login") == "", 40), "until there is another")
    world.sql("SELECT cdc.delete_pipeline('%s')" % old)


def test():
    world = World()
    listener = Listener(world)
    source = world.register("alice", "postgresql", world.true_source())
    sink = world.register("alice", "kafka", world.sink(listener.url))
    the_door(world, source, sink)
    never = rows_of_before(world, listener, source, sink)
    never += an_agent(world, listener, source)
    an_echo(world, source)
    what_a_login_is_worth(world, listener, sink)
    world.closing_questions("references", never)


main(test)
