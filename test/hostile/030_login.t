#!/usr/bin/env python3
"""030_login.t: a source that asks for a login in a way that would give its password away: it hears none."""
import hashlib, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

PASSWORD = "secret-for-nobody-5e"
TRICKLE = 0.001                     # between two bytes: so short that some come together


def request(code, rest=b""):
    return message("R", struct.pack("!I", code) + rest)


SASL = request(10, b"SCRAM-SHA-256\0\0")
PLUS = request(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
CLEARTEXT = request(3)
OK = request(0)


def in_bytes(session, data):
    """One byte a packet."""
    for n in range(len(data)):
        session.send(data[n:n + 1])
        threading.Event().wait(TRICKLE)


def listen(session):
    """What the client still says, until it ends the connection."""
    session.sock.settimeout(3)
    try:
        while True:
            session.take(1)
    except (EOFError, OSError):
        pass


def says(*parts, trickle=False):
    """A login that says these and then only listens."""
    def login(session):
        for part in parts:
            (in_bytes if trickle else Session.send)(session, part)
        listen(session)
        raise EOFError
    return login


def after_scram(request):
    """SCRAM is begun, and then this is asked for."""
    def login(session):
        session.scram(then=lambda: (session.password(), session.send(request), listen(session)), mechanisms=mechanisms(session))
        raise EOFError
    return login


def with_first(request):
    """... in the packet of SCRAM's own request."""
    return says(SASL + request)


def mechanisms(session):
    return ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256") if session.tls else ("SCRAM-SHA-256",)


def no_signature(session):
    session.scram(final=False, mechanisms=mechanisms(session))


def costly(session):
    session.send(SASL)
    first = session.password()
    nonce = re.search(rb"r=([^,]+)", first).group(1)
    session.send(request(11, b"r=" + nonce + b"abc,s=c2FsdHNhbHQ=,i=2000000000"))
    listen(session)
    raise EOFError


CASES = [
    # name, login, what a member is told
    ("clear text", says(CLEARTEXT), "clear text; it was not sent"),
    ("clear text, byte by byte", says(CLEARTEXT, trickle=True), "clear text; it was not sent"),
    ("md5", says(request(5, b"salt")), "MD5 hash"),
    ("md5, byte by byte", says(request(5, b"salt"), trickle=True), "MD5 hash"),
    ("Kerberos", says(request(7)), "a way to log in that is not accepted"),
    ("SSPI", says(request(9)), "a way to log in that is not accepted"),
    ("let in at once", Session.trust, "without asking for a password"),
    ("SCRAM and clear text in one packet", with_first(CLEARTEXT), "clear text; it was not sent"),
    ("SCRAM and md5 in one packet", with_first(request(5, b"salt")), "an order that no PostgreSQL server has"),
    ("SCRAM, then clear text", after_scram(CLEARTEXT), "clear text; it was not sent"),
    ("let in without the final signature", no_signature, "did not prove that it knows the password"),
    ("everything in one packet", says(SASL + request(11, b"r=a,s=c2FsdA==,i=1") + CLEARTEXT + OK + ready()), "clear text; it was not sent"),
    ("two billion iterations", costly, "more iterations"),
    ("not PostgreSQL", says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not PostgreSQL"),
    ("says too much", says(*[message("N", b"S" * 400)] * 40), "not PostgreSQL"),
]

TLS_CASES = [
    ("TLS: clear text", says(CLEARTEXT), "clear text; it was not sent"),
    ("TLS: clear text, byte by byte", says(CLEARTEXT, trickle=True), "clear text; it was not sent"),
    ("TLS: md5", says(request(5, b"salt")), "MD5 hash"),
    ("TLS: let in at once", Session.trust, "without asking for a password"),
    ("TLS: SCRAM without channel binding", Session.scram, "offers no channel binding"),
    ("TLS: SCRAM and clear text in one record", says(PLUS + CLEARTEXT), "clear text; it was not sent"),
]

VERIFIED = [
    ("verified TLS: clear text", says(CLEARTEXT), "clear text; it was not sent"),
    ("verified TLS: let in at once", Session.trust, "without asking for a password"),
    ("verified TLS: no signature", lambda session: session.scram(final=False), "did not prove"),
]


def hear(world, cases, tls=None, **more):
    """Registers a source a case, and waits for all of them at once."""
    made = []
    for name, login, told in cases:
        peer = world.liar(PgPeer(login=login, password=PASSWORD, tls=tls))
        # nobody may hear it: not even the one it is registered for
        service = world.register("alice", "postgresql", dict(world.lying_source(peer, password="planted-" + PASSWORD), admin_password=PASSWORD, **more),
                                 "s-" + re.sub(r"[^a-z0-9]+", "-", name.lower()))
        made.append((name, peer, service, told))
    for name, peer, service, told in made:
        said = world.service_says(service, told, 40)
        ok(told in said, name + ": a member is told", said)
        heard = peer.heard()
        hashed = hashlib.md5(hashlib.md5((PASSWORD + "cdc_admin").encode()).hexdigest().encode() + b"salt").hexdigest().encode()
        ok(peer.connections > 0 and PASSWORD.encode() not in heard and hashed not in heard and not peer.asked, name + ": it hears no password, and no question",
           (peer.connections, heard[-200:], str(peer.asked)[:200]))


def good_ones(world, pair):
    """What is accepted still is."""
    for name, login, tls in (("SCRAM", Session.scram, None), ("SCRAM, byte by byte", trickled, None), ("SCRAM in TLS", Session.scram, pair),
                             ("SCRAM with channel binding in TLS", lambda session: session.scram(mechanisms=mechanisms(session)), pair),
                             ("... byte by byte", trickled, pair), ("clear text that the service allows", Session.cleartext, pair)):
        peer = world.liar(PgPeer(login=login, password="right-one-77", truth=world.source, tls=tls))
        verified = {"sslmode": "verify-full", "ca": open(pair[0]).read()} if name == "SCRAM in TLS" or login == Session.cleartext else {}
        if login == Session.cleartext:
            verified["password_in_tls"] = True
            if world.refused("SELECT cdc.register_service('x', 'postgresql', 'z', '{\"password_in_tls\": 1}')").find("must be of JSON type") < 0:
                continue            # the key is not there yet
        service = world.register("alice", "postgresql", world.lying_source(peer, password="right-one-77", **verified), "good-%d" % peer.port)
        ok(wait(lambda: peer.asked, 40), "%s: it is asked" % name, lambda: world.service_message(service))
        if "binding" in name:
            ok(b"p=tls-server-end-point" in peer.heard(), "... and is bound")


def certificates(world, pair):
    """A certificate that was given for the service is a login where the server asks for it, and nowhere else."""
    own = certificate("cdc_admin")
    given = {"client_cert": open(own[0]).read(), "client_key": open(own[1]).read()}
    for name, asks, tls, let_in in (("asks for it", True, pair, True), ("does not ask for it", False, pair, False), ("has no TLS", False, None, False)):
        peer = world.liar(PgPeer(login=Session.trust, password="unused", truth=world.source, tls=tls))
        if asks:
            peer.context.verify_mode = ssl.CERT_REQUIRED
            peer.context.load_verify_locations(own[0])
        service = world.register("alice", "postgresql", world.lying_source(peer, password=PASSWORD, **given), "cert-%d" % peer.port)
        if let_in:
            ok(wait(lambda: peer.asked, 40), "a server that %s: our certificate is a login" % name, lambda: world.service_message(service))
        else:
            said = world.service_says(service, "without asking for a password", 40)
            ok("without asking for a password" in said and not peer.asked, "one that %s has not let us in by it" % name, said)


def true_tls(world, pair):
    """A true PostgreSQL with TLS: bound where it is not verified, and verified where the service says so."""
    for n, name in enumerate(("server.crt", "server.key")):
        path = os.path.join(world.source.data, name)
        shutil.copyfile(pair[n], path)
        os.chmod(path, 0o600)
        shutil.chown(path, "postgres")
    world.source.sql("ALTER SYSTEM SET ssl = on", "postgres")
    world.source.sql("SELECT pg_reload_conf()", "postgres")
    inside = "SELECT count(*) > 0 FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE s.ssl AND a.usename = '%s'"
    for mode, more in (("prefer", {}), ("require", {}), ("verify-full", {"ca": open(pair[0]).read()})):
        role = "tls_" + mode[:6].replace("-", "_")
        world.source.sql("CREATE ROLE %s SUPERUSER LOGIN PASSWORD %s" % (role, literal(ADMIN_PASSWORD)), "postgres")
        service = world.register("alice", "postgresql", world.true_source(sslmode=mode, admin_user=role, **more), "tls-" + mode)
        ok(wait(lambda: world.source.sql(inside % role, "postgres") == "t", 40), "a true server, sslmode %s: in, by TLS" % mode, lambda: world.service_message(service))


def said(world, service, user="alice"):
    return world.sql("SELECT coalesce(string_agg(node || ' ' || observed, ', '), '') FROM cdc.finding WHERE service_id = '%s' AND check_name = 'peer_said'" % service, user)


def says_it_back(world):
    """A server that knows the password says it in its refusal: admins read the rest of its words, until it lets us in."""
    def refuse(session):
        session.send(message("E", b"SFATAL\0VFATAL\0C28000\0Myours is right-one-79,\xff\nnot a word of ours\0\0"))
        raise EOFError
    peer = world.liar(PgPeer(login=refuse, password="right-one-79", truth=world.source))
    service = world.register("alice", "postgresql", world.lying_source(peer, password="right-one-79"), "says-it-back")
    told = wait(lambda: said(world, service), 40)
    ok(told and told.startswith("127.0.0.1:%d " % peer.port) and "yours is [redacted],? not a word of ours" in told, "an admin reads the server's own words, without the password in them", told)
    equal(said(world, service, "bob"), "", "another organization does not")
    ok("word of ours" not in world.service_message(service), "nor is a member told", world.service_message(service))
    peer.login = "scram"
    world.sql("SELECT cdc_inner.ask('service', '%s')" % service)
    ok(wait(lambda: said(world, service) == "", 40) and peer.asked, "they go when it lets us in", lambda: said(world, service))
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        closed = nobody.getsockname()[1]
    sink = world.register("alice", "kafka", world.sink("http://127.0.0.1:%d" % closed), "nobody-there")
    told = wait(lambda: said(world, sink), 40)
    ok(told and told.startswith("http://127.0.0.1:%d " % closed) and "onnect" in told, "of a Kafka Connect an admin reads libcurl's words", told)
    ok(" ms" not in told, "... without how long it took: one text a failure", told)
    world.sql("SELECT cdc.update_service('%s', '{\"connect_urls\": [\"%s\"]}')" % (sink, world.connect.url()), "alice")
    ok(wait(lambda: said(world, sink) == "", 40), "they go with the URL", lambda: said(world, sink))


def before_the_rules(world):
    """A source and a sink of 0.1 go on as they were, with a finding; named anew, they do not."""
    weak = world.liar(PgPeer(login="cleartext", password="of-zero-one-77", truth=world.source))
    source = world.sql("SELECT cdc.register_service('before', 'postgresql', 'z', '%s', organization => '%s')" %
                       (json.dumps(world.lying_source(weak, password="of-zero-one-77")), world.orgs["alice"]))
    world.sql("UPDATE cdc.service SET connection_set_by = 'before' WHERE id = '%s'; SELECT cdc_inner.ask('service', '%s')" % (source, source))
    ok(wait(lambda: weak.asked, 40) and "of-zero-one-77" in weak.passwords, "a source of 0.1 that asks for clear text has it", weak.passwords)
    query = "SELECT coalesce(string_agg(observed, ', ' ORDER BY observed), '') FROM cdc.finding WHERE service_id = '%s' AND check_name = 'login_weak'" % source
    equal(wait(lambda: world.sql(query)), "it lets the worker in with: the password in clear text", "and a finding says so")
    world.sql("SELECT cdc.set_service_nodes('%s', '[{\"address\":\"127.0.0.1\",\"port\":%d},{\"address\":\"10.255.255.1\"}]')" % (source, weak.port))
    before = len(weak.passwords)
    ok("clear text; it was not sent" in world.service_says(source, "clear text; it was not sent", 40), "with nodes named anew it has not", lambda: world.service_message(source))
    ok(wait(lambda: world.sql(query) == "", 40) and len(weak.passwords) == before, "and the finding is gone", world.sql(query))


def trickled(session):
    send = session.send
    session.send = lambda data: in_bytes_to(send, data)
    try:
        session.scram(mechanisms=mechanisms(session))
    finally:
        session.send = send


def in_bytes_to(send, data):
    for n in range(len(data)):
        send(data[n:n + 1])
        threading.Event().wait(TRICKLE)


def test():
    world = World()
    hear(world, CASES)
    pair = certificate()
    hear(world, TLS_CASES, tls=pair)
    hear(world, VERIFIED, tls=pair, sslmode="verify-full", ca=open(pair[0]).read())
    peer = world.liar(PgPeer(login="cleartext", password=PASSWORD, tls=certificate()))
    service = world.register("alice", "postgresql", dict(world.lying_source(peer, password="planted-x"), admin_password=PASSWORD, sslmode="verify-full", ca=open(pair[0]).read()), "s-foreign")
    ok("TLS failed" in world.service_says(service, "TLS failed", 40), "a certificate of another CA: TLS failed", lambda: world.service_message(service))
    ok(not peer.passwords, "... and it hears no password", peer.passwords)
    good_ones(world, pair)
    certificates(world, pair)
    says_it_back(world)
    before_the_rules(world)
    true_tls(world, pair)
    world.closing_questions("logins that give a password away")


main(test)
