#!/usr/bin/env python3
"""
035_addresses.t: a member sends the worker to where only the machine itself can
go, in every spelling; and what the worker has of its own, password files and
variables, is lent to nobody.
"""
import os, sys, tempfile
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

# Loopback is where the tests are, so members may go to one address of it; the listener is at another.
ALLOWED, FORBIDDEN = "127.0.0.1", "127.0.0.2"
REFUSED = "to which members may not send the worker"


class Door(HttpPeer):
    """Listens at the forbidden address, and counts who comes."""

    def __init__(self, answer=None):
        super().__init__(answer)
        self.listener.close()
        self.listener = socket.create_server((FORBIDDEN, self.port), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()


def told(message):
    """A spelling is refused as the address that it is, or as neither an address nor a name that somebody has."""
    return REFUSED in message or "resolve" in message


def sources(world, door):
    """Nodes of a PostgreSQL service."""
    number = "%d" % int.from_bytes(socket.inet_aton(FORBIDDEN), "big")
    made = []
    for address in (FORBIDDEN, FORBIDDEN + ".", "0.0.0.0", "169.254.169.254", "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255"):
        made.append((address, world.register("alice", "postgresql", {"nodes": [{"address": address, "port": door.port}], "admin_user": "u",
                     "admin_password": world.plant("secret-of-an-address")}, "a-" + address.replace(".", "-"))))
    for address, service in made:
        said = world.service_says(service, REFUSED if address != FORBIDDEN + "." else "resolve", 40)
        # with a dot behind it is a name, which nobody has
        ok(REFUSED in said or "could not resolve" in said, "a source at %s is refused" % address, said)
    made = []
    for address in (number, "0x7f000002", "0177.0.0.2", "127.2", "localhost.localdomain"):
        why = world.refused("SELECT cdc.register_service('n-%s', 'postgresql', 'z', '{\"nodes\":[{\"address\":\"%s\",\"port\":%d}],\"admin_user\":\"u\",\"admin_password\":\"x\"}', organization => '%s')" %
                            (address.replace(".", "-"), address, door.port, world.orgs["alice"]), "alice")
        if why is None:
            made.append((address, world.sql("SELECT id FROM cdc.service WHERE name = 'n-%s'" % address.replace(".", "-"))))
    for address, service in made:
        ok(wait(lambda: told(world.service_message(service)), 40), "... nor at %s" % address, lambda: world.service_message(service))
    for address in ("::ffff:127.0.0.2", "[::1]", "u@127.0.0.2", "127.0.0.2 host=127.0.0.2", "/var/run/postgresql", "@abstract", "127.0.0.1,127.0.0.2"):
        why = world.refused("SELECT cdc.register_service('s', 'postgresql', 'z', '{\"nodes\":[{\"address\":\"%s\"}],\"admin_user\":\"u\"}', organization => '%s')" % (address, world.orgs["alice"]), "alice")
        ok(why and "22023" in why or why and "address" in why, "... and %s is no address" % address, why)
    equal(door.connections, 0, "nobody came to the door")


def sinks(world, door):
    """URLs of Kafka Connect and of agents: libcurl has spellings of its own."""
    number = "%d" % int.from_bytes(socket.inet_aton(FORBIDDEN), "big")
    made = []
    for host in (FORBIDDEN, number, "0x7f000002", "0177.0.0.2", "127.2", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "[::127.0.0.2]", "[64:ff9b::127.0.0.2]", "[::1]", "0", "127.0.0.2."):
        for agent in (False, True):
            url = "http://%s:%d" % (host, door.port)
            connection = world.sink(url if not agent else world.connect.url(), connect_user="c", connect_password=world.plant("connects-secret-31"))
            if agent:
                connection.update(agents=[{"url": url, "token": world.plant("agents-token-32")}], plaintext_connector_password=False)
            name = "k-%s-%s" % (re.sub("[^a-z0-9]", "-", host), "agent" if agent else "connect")
            try:
                made.append((host, agent, world.register("alice", "kafka", connection, name)))
            except RuntimeError as why:
                ok("URL" in str(why) or "agent" in str(why) or "address" in str(why), "%s is no URL" % url, str(why))
    source = world.register("alice", "postgresql", world.true_source(), "for-agents")
    pipelines = {sink: world.pipeline("alice", source, sink, name="p%d" % n) for n, (host, agent, sink) in enumerate(made) if agent}
    for host, agent, sink in made:
        message = (lambda: world.message(pipelines[sink])) if agent else (lambda: world.service_message(sink))
        ok(wait(lambda: told(message()), 40), "%s at %s is refused" % ("an agent" if agent else "Connect", host), message)
    for pipeline in pipelines.values():
        world.sql("SELECT cdc.delete_pipeline('%s', true)" % pipeline)
    equal(door.connections, 0, "nobody came to the door")


def kept_connection(world, door):
    """A connection that is kept for somebody who may go there is not used for a member."""
    door.answer = lambda request: (200, [] if request.path.startswith("/connector") else {"version": "3.9.0"})
    password = world.plant("the-operators-secret-33", door)
    world.sql("SELECT cdc.register_service('operators', 'kafka', 'z', '%s', organization => '%s')" %
              (json.dumps(world.sink("http://%s:%d" % (FORBIDDEN, door.port), connect_user="o", connect_password=password)), world.orgs["bob"]))
    ok(wait(lambda: door.requests, 40), "a superuser's sink is at the door")
    member = world.register("alice", "kafka", world.sink("http://%s:%d" % (FORBIDDEN, door.port), connect_user="m", connect_password=world.plant("the-members-secret-34")), "members")
    before = len(door.requests)
    ok(REFUSED in world.service_says(member, REFUSED, 40) and wait(lambda: len(door.requests) > before, 40), "a member's sink at the same place is refused", lambda: world.service_message(member))
    heard = door.heard()
    ok(b"the-operators-secret-33" in heard and b"the-members-secret-34" not in heard, "... on the connection that is kept for the other, too")


def redirected(world, door):
    """A Connect at an allowed address sends the worker on to the door: it does not go."""
    peer = world.liar(HttpPeer(lambda request: http(302, headers=("Location: %s%s" % (door.url().replace(ALLOWED, FORBIDDEN), request.path),))))
    before = door.connections
    sink = world.register("alice", "kafka", world.sink(peer.url(), connect_user="c", connect_password=world.plant("the-redirected-secret-35", peer)), "sends-on")
    ok(wait(lambda: len(peer.requests) > 1, 15) and world.service_says(sink, "302", 15), "an answer that sends the worker on is none", lambda: world.service_message(sink))
    equal(door.connections, before, "and it does not go on")


def before_the_rules(world, door):
    """A sink of 0.1 at such an address goes on, with a finding; named anew by a member it does not."""
    sink = world.register("alice", "kafka", world.sink("http://%s:%d" % (FORBIDDEN, door.port)), "of-before")
    world.service_says(sink, REFUSED, 40)
    world.sql("UPDATE cdc.service SET connection_set_by = 'before' WHERE id = '%s'; SELECT cdc_inner.ask('service', '%s')" % (sink, sink))
    query = "SELECT coalesce(string_agg(node || ' ' || observed, ', '), '') FROM cdc.finding WHERE service_id = '%s' AND check_name = 'address_refused'" % sink
    equal(wait(lambda: world.sql(query), 40), "http://%s:%d it is a loopback address" % (FORBIDDEN, door.port), "a sink of 0.1 goes on, with a finding")
    world.sql("SELECT cdc.update_service('%s', '{\"connect_urls\": [\"http://localhost:%d\", \"http://%s:%d\"]}')" % (sink, door.port, FORBIDDEN, door.port), "alice")
    ok(wait(lambda: world.sql(query) == "", 40), "named anew by a member it is refused, and the finding is gone", world.sql(query))
    equal(world.sql("SELECT connection_set_by FROM cdc.service WHERE id = '%s'" % sink), "member", "(they are a member's now)")


def lines(world):
    """A token with line ends: never headers of its own."""
    peer = world.liar(HttpPeer(lambda request: (200, [])))
    sink = world.register("alice", "kafka", world.sink(peer.url(), connect_user="c", connect_password="one-line"), "lines")
    ok(wait(lambda: peer.requests, 40), "(a sink is asked)")
    why = world.refused("SELECT cdc.set_service_secret('%s', 'connect_password', E'two\\r\\nEvil: 1')" % sink, "alice")
    ok(why, "a password of two lines is refused", why)
    agent = world.liar(HttpPeer(lambda request: (200, {"version": "x", "plugins": [], "job": None, "secrets": [], "secret_path": "/s", "connect_url": "x", "epoch": 0})))
    other = world.register("alice", "kafka", world.sink(world.connect.url(), plaintext_connector_password=False, agents=[{"url": agent.url(), "token": "t"}]), "agents")
    # as if it had been stored before there was a rule
    world.sql("""SELECT cdc_inner.write_service_secrets('%s', '{"agent_token/0": "t\\r\\nEvil: 1\\r\\n\\r\\nGET /evil HTTP/1.1"}'); SELECT cdc_inner.ask('service', '%s')""" % (other, other))
    source = world.register("alice", "postgresql", world.true_source(), "for-lines")
    pipeline = world.pipeline("alice", source, other, name="lines")
    said = world.says(pipeline, "control characters", 40)
    ok("control characters" in said, "one that was stored is not sent", said)
    ok(b"Evil" not in agent.heard() and b"Evil" not in peer.heard(), "and makes no headers")


def nothing_is_lent(world):
    """What the postmaster's environment has for libpq is for nobody who registers an address."""
    # SCRAM with the password of the password file would let the worker in
    peer = world.liar(PgPeer(password="from-the-password-file", truth=world.source))
    connection = world.lying_source(peer, password="never-given-41")
    del connection["admin_password"]
    service = world.register("alice", "postgresql", connection, "lent")
    said = world.service_says(service, "%d " % peer.port, 40)
    ok(peer.connections > 0 and not peer.asked and "p=" not in peer.heard().decode("latin-1"), "a source without a password gets none of the password file", (said, str(peer.asked)[:100]))
    ok(b"77MB" not in peer.heard(), "nor options of the environment")
    equal(os.stat("/proc/%d/environ" % world.worker_pid()).st_uid, 0, "the worker leaves no core file: its memory is the kernel's alone to read")


def lend():
    """The environment of whoever starts servers from now on has what libpq would take."""
    lent = tempfile.NamedTemporaryFile("w", dir="/var/tmp", prefix="cdc_pgpass.")
    lent.write("*:*:*:*:from-the-password-file\n")
    lent.flush()
    os.chmod(lent.name, 0o600)
    shutil.chown(lent.name, "postgres")
    os.environ.update(PGPASSFILE=lent.name, PGOPTIONS="-c work_mem=77MB")
    return lent


def test():
    lent = lend()       # noqa: F841  there as long as it is named
    world = World(settings="cdc_pipeline.member_networks = '%s/32'\n" % ALLOWED)
    door = world.liar(Door())
    sources(world, door)
    sinks(world, door)
    redirected(world, door)
    kept_connection(world, door)
    before_the_rules(world, door)
    lines(world)
    nothing_is_lent(world)
    world.closing_questions("addresses of the machine")


main(test)
