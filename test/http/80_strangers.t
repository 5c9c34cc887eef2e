#!/usr/bin/env python3
"""Whoever can reach the port and has no credentials: what he can take, whom he can keep out, what he can make believed."""
import select
from lib import *


def told_address(cluster):
    """cdc.rest is told the client's address by the gateway, and by nobody else."""
    cluster.sql("ALTER SYSTEM SET log_min_duration_statement = 0; SELECT pg_reload_conf()".replace("; ", ";\n"), "postgres")
    ok(wait(lambda: cluster.sql("SHOW log_min_duration_statement") == "0"), "the server writes what it is called with")
    token = cluster.sql("SELECT cdc.create_token('address')", user="alice")
    gateway = Gateway(cluster.dsn("gw"), trusted_proxies="127.0.0.1")

    def told(id_, headers):
        """The address in the parameters of the call that had this id."""
        answer = gateway.call("GET", "/organizations", headers=["X-Request-Id: " + id_] + headers)
        found = wait(lambda: [headers for headers in re.findall(r"'(\{[^\n]*?\})'", cluster.log()) if '"%s"' % id_ in headers], 40)
        return answer.status, re.findall(r'"x-cdc-client-address": "([^"]*)"', found[0]) if found else None

    for kind, header in (("a password", basic("alice", PASSWORDS["alice"])), ("a token", "Authorization: Bearer " + token)):
        word = kind.split()[1]
        equal(told("told-1-" + word, [header]), (200, ["127.0.0.1"]), "%s: the call carries the address of the connection" % kind)
        equal(told("told-2-" + word, [header, "X-Forwarded-For: 198.51.100.1, 192.0.2.7"]), (200, ["192.0.2.7"]), "behind a proxy the one that the proxy saw")
        equal(told("told-3-" + word, [header, "X-CDC-Client-Address: 192.0.2.99", "x-cdc-client-address: 192.0.2.98"]), (200, ["127.0.0.1"]), "and what a client writes there itself is not passed on")
    before, start = cluster.log().count("FROM cdc.health()"), time.monotonic()
    with gateway.raw() as raw:
        raw.send(b"GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n" * 300)
        got = [raw.answer() for _ in range(300)]
    asked, seconds = cluster.log().count("FROM cdc.health()") - before, time.monotonic() - start
    # preparing the call is a line of the log, too, and the log may be behind
    ok(all(a.status == 200 and a.json()["status"] for a in got) and asked <= 3 * seconds + 20, "300 times /health is not 300 calls", "%d in %.1f s, %r" % (asked, seconds, got[-1]))
    gateway.stop()
    cluster.sql("ALTER SYSTEM RESET log_min_duration_statement;\nSELECT pg_reload_conf()", "postgres")


MEGABYTE = 1024 * 1024
POST = b"POST /organizations HTTP/1.1\r\nHost: gateway\r\n"


def crowd(gateway, n, data, addresses=8, wait_for=None):
    """n connections from several addresses, each of which has sent data as far as the gateway took it (or wait_for is true)."""
    held = []
    for k in range(n):
        raw = gateway.raw(20, "127.0.1.%d" % (1 + k % addresses))
        raw.socket.setblocking(False)
        raw.left = memoryview(data)
        held.append(raw)
    deadline, still = time.monotonic() + 60, 0
    while time.monotonic() < deadline and still < 10:
        moved = False
        for raw in held:
            try:
                while raw.left:
                    raw.left = raw.left[raw.socket.send(raw.left[:262144]):]
                    moved = True
            except BlockingIOError:
                pass
            except OSError:
                raw.left = raw.left[:0]
        still = 0 if moved else still + 1
        if not moved:
            select.select([], [], [], 0.05)
    return held


def answers(held):
    """The status that each of them has got by now, or None."""
    got = []
    for raw in held:
        raw.socket.settimeout(3)
        try:
            answer = raw.answer()
        except socket.timeout:
            answer = None
        got.append(answer)
        raw.close()
    return got


def bodies(cluster):
    """900 connections with a megabyte each: who says nothing of himself, and who says something wrong."""
    for name, credentials in (("no credentials", b""), ("a wrong password", basic("alice", "wrong").encode() + b"\r\n"), ("no role's name", basic("x" * 64, "wrong").encode() + b"\r\n"), ("a wrong token", b"Authorization: Bearer nonsense\r\n"),
                              ("a scheme that is none", b"Authorization: Tea hot\r\n")):
        for how, head in (("with a length", b"Content-Length: %d\r\n\r\n" % (MEGABYTE - 10)), ("in chunks", b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (MEGABYTE - 10))):
            n = 900 if not credentials else 200
            gateway = Gateway(cluster.dsn("gw"), database_connections=8, logins=4)
            gateway.call("GET", "/health")
            before = gateway.memory()
            # a byte is missing: what was kept would be there still
            held = crowd(gateway, n, POST + credentials + head + b"x" * (MEGABYTE - 20))
            after = gateway.memory()
            ok(after - before < n * MEGABYTE // 8, "%d bodies %s, %s: not an eighth of them is in memory" % (n, how, name), "%d MB before, %d after" % (before // MEGABYTE, after // MEGABYTE))
            ok(gateway.call("GET", "/organizations", user="alice").status == 200, "others are served meanwhile")
            got = answers(held[:50])
            ok(all(a is not None and a.status in (401, 429) and a.flat() and a.headers["connection"] == "close" for a in got), "and each is told", lambda: repr([a for a in got if a is None or a.status != 401][:3]))
            for raw in held:
                raw.close()
            gateway.stop()


def before_the_body(cluster):
    """What is said before a byte of a body, and how the connection ends then."""
    gateway = Gateway(cluster.dsn("gw"))
    token = cluster.sql("SELECT cdc.create_token('bodies')", user="alice")
    with gateway.raw() as raw:
        raw.send(POST + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n")
        answer = raw.answer()
        ok(answer.status == 401 and answer.flat() and raw.ended(), "who asks first, without credentials, is told 401 and not 100", repr(answer))
    for name, credentials, status in (("a wrong password", basic("alice", "wrong"), 401), ("a wrong token", "Authorization: Bearer nonsense", 401), ("a right password", basic("alice", PASSWORDS["alice"]), 100), ("a right token", "Authorization: Bearer " + token, 100),
                                      ("a right token that was right before", "Authorization: Bearer " + token, 100)):
        with gateway.raw() as raw:
            raw.send(POST + credentials.encode() + b"\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n")
            answer = raw.answer()
            equal(answer.status, status, "who asks first, with %s, is told %d" % (name, status))
            if status == 100:
                raw.send(b'{"name": 77}')
                answer = raw.answer()
                ok(answer.status == 405, "then the request is carried out", repr(answer))
    with gateway.raw() as raw:
        raw.send(POST + b"Content-Length: 40\r\n\r\n" + b"GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        answer = raw.answer()
        ok(answer.status == 401 and raw.ended(), "what follows a 401 on its connection is not read as a request", repr(answer))
    with gateway.raw() as raw:
        get = b"GET /organizations HTTP/1.1\r\nHost: gateway\r\n"
        raw.send((get + b"\r\n") * 20 + get + basic("alice", PASSWORDS["alice"]).encode() + b"\r\n\r\n")
        got = [raw.answer() for _ in range(21)]
        equal([a and a.status for a in got], [401] * 20 + [200], "requests without a body go on after a 401: 20 of them pipelined, then one that may")
    # a client that writes all of it before it reads: curl, and a socket
    with open(gateway.path("big"), "wb") as out:
        out.write(b"x" * (MEGABYTE - 1))
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@" + gateway.path("big"), "http://127.0.0.1:%d/organizations" % gateway.port], stdout=subprocess.PIPE, text=True)
    equal((done.returncode, done.stdout), (0, "401"), "curl understands it")
    for size in (MEGABYTE - 1, 8 * MEGABYTE):
        with gateway.raw() as raw:
            raw.send(POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
            answer = raw.answer()
            ok(answer is not None and answer.status == 401 and raw.ended(), "%d bytes that nobody asked for are no reset: the 401 is there when they are sent" % size, repr(answer))
    answer = gateway.call("POST", "/health/live", {"a": 1})
    ok(answer.status == 400 and answer.flat(), "a path that is open to everybody takes no body", repr(answer))
    for name, role in (("a line end", "alice\nLOG:  forged"), ("an escape", "\x1b[2J"), ("64 bytes", "x" * 64), ("bytes that are no UTF-8", None)):
        header = basic(role, "x") if role else "Authorization: Basic " + base64.b64encode(b"al\xffice:x").decode()
        ok(gateway.call("GET", "/organizations", headers=[header]).status == 401, "a role's name with %s is no role" % name)
    ok("forged" not in cluster.log() and "\x1b" not in cluster.log(), "and is not asked for at the database, whose log it would get into")
    gateway.stop()


def memory(cluster):
    """Right credentials, and more bodies than there is memory for."""
    gateway = Gateway(cluster.dsn("gw"), max_memory="8MB", request_timeout="15s")
    gateway.call("GET", "/organizations", user="alice")
    before = gateway.memory()
    head = POST + basic("alice", PASSWORDS["alice"]).encode() + b"\r\n"
    held = crowd(gateway, 60, head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (MEGABYTE - 10) + b"x" * (MEGABYTE - 20), 20)
    grown = gateway.memory() - before
    ok(grown < 30 * MEGABYTE, "60 bodies of a megabyte with 8 MB for all: not half of them is there", "%d bytes more" % grown)
    for raw in held:
        raw.close()
    kept = lambda: int(re.search(r"cdc_http_memory_bytes (\d+)", gateway.call("GET", "/metrics", user="mon").body.decode()).group(1))
    ok(wait(lambda: kept() < 10000), "what is gone is not counted any more")
    held = []
    for n in range(8):
        held.append(gateway.raw(20, "127.0.1.%d" % (1 + n)))
        held[-1].send(head + b"Content-Length: %d\r\n\r\n" % (MEGABYTE - 10) + b"x" * (MEGABYTE - 20 if n < 7 else MEGABYTE // 2))
    ok(wait(lambda: kept() > 7.4 * MEGABYTE), "seven bodies and a half are there", kept)
    answer = gateway.call("POST", "/organizations", b"x" * (MEGABYTE - 1), "alice")
    ok(answer.status == 503 and answer.flat() and answer.headers["retry-after"] == "1" and answer.json()["code"] == "busy", "a new one is told 503 with Retry-After", repr(answer))
    for raw in held:
        raw.close()
    ok(wait(lambda: gateway.call("POST", "/organizations", b"x" * (MEGABYTE - 1), "alice").status == 405), "and is taken when the others are gone")
    # one address has a quarter of it
    held = crowd(gateway, 8, head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (MEGABYTE - 10) + b"x" * (MEGABYTE - 20), 1)
    ok(gateway.call("POST", "/organizations", b"x" * (MEGABYTE - 1), "alice").status == 405, "what one address sends takes a quarter of it, and no more")
    for raw in held:
        raw.close()
    gateway.stop()


def connections(gateway):
    """How many it has, this one aside."""
    return int(re.search(r"cdc_http_connections (\d+)", gateway.call("GET", "/metrics", user="mon").body.decode()).group(1)) - 1


def full(cluster):
    """More connections than there are places."""
    gateway = Gateway(cluster.dsn("gw"), max_connections=64, address_connections=1000, request_timeout="30s")
    get = b"GET /health/live HTTP/1.1\r\nHost: gateway\r\n"
    known = gateway.raw()
    known.send(b"GET /organizations HTTP/1.1\r\nHost: gateway\r\n" + basic("alice", PASSWORDS["alice"]).encode() + b"\r\n\r\n")
    equal(known.answer().status, 200, "somebody who is known")
    idle = [gateway.raw() for _ in range(63)]
    for raw in idle[:1] + idle[2:]:
        raw.send(get + b"\r\n")
        raw.answer()
    ok(wait(lambda: gateway.call("GET", "/health/live").status == 200), "a new connection is served when all places are taken by idle ones")
    ended = [n for n, raw in enumerate(idle) if select.select([raw.socket], [], [], 0)[0]]
    equal(ended, [1], "the one that is idle longest makes room, one for one")
    for _ in range(80):
        equal_status = gateway.call("GET", "/health/live").status
        if equal_status != 200:
            break
    equal(equal_status, 200, "80 more are served one after the other")
    known.send(b"GET /organizations HTTP/1.1\r\nHost: gateway\r\n" + basic("alice", PASSWORDS["alice"]).encode() + b"\r\n\r\n")
    answer = known.answer()
    ok(answer is not None and answer.status == 200, "strangers make room before who is known", repr(answer))
    for raw in idle + [known]:
        raw.close()
    ok(wait(lambda: connections(gateway) == 0), "all of them are gone")
    # all of them busy: suspended in a call that waits
    lock = subprocess.Popen(["psql", "-XqAt", "-h", cluster.dir, "-p", str(cluster.port), "-U", "postgres", "-d", "cdc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lock.stdin.write("BEGIN; LOCK cdc.organization IN ACCESS EXCLUSIVE MODE; SELECT 1;\n")
    lock.stdin.flush()
    lock.stdout.readline()
    busy = []
    for _ in range(64):
        busy.append(gateway.raw())
        busy[-1].send(b"GET /organizations HTTP/1.1\r\nHost: gateway\r\n" + basic("alice", PASSWORDS["alice"]).encode() + b"\r\n\r\n")
    answer = wait(lambda: (lambda a: a if a is None or a.status != 200 else False)(gateway.call("GET", "/health/live")))
    ok(answer and answer.status == 503 and answer.flat() and answer.headers["retry-after"] == "1", "where none is idle a new one is told 503", repr(answer))
    got = [gateway.call("GET", "/health/live") for _ in range(100)]
    ok(all(a is not None and a.status == 503 for a in got), "and so are a hundred more: none is reset", lambda: repr([a for a in got if a is None or a.status != 503][:3]))
    lock.stdin.write("ROLLBACK;\n")
    lock.stdin.close()
    lock.wait()
    equal([raw.answer().status for raw in busy], [200] * 64, "those who were there are served")
    for raw in busy:
        raw.close()
    # slow ones hold places for a second, not for request_timeout
    slow = [gateway.raw() for _ in range(64)]
    for raw in slow:
        raw.send(get)
    ok(wait(lambda: (lambda a: a is not None and a.status == 200)(gateway.call("GET", "/health/live")), 20), "strangers whose requests do not come to an end make room after a second")
    for raw in slow:
        raw.close()
    gateway.stop()


def of_one_address(cluster):
    """An address, or an IPv6 network of 64 bits, has its share."""
    for listen, mine, others in (("127.0.0.1:0", "127.0.0.1", "127.0.0.2"), ("[::1]:0", "::1", None)):
        gateway = Gateway(cluster.dsn("gw"), listen=listen, max_connections=200, address_connections=20)
        get = b"GET /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n"
        held = [gateway.raw(10, mine) for _ in range(20)]
        for raw in held:
            raw.send(get)
        equal([raw.answer().status for raw in held], [200] * 20, "%s: 20 connections of one address" % mine)
        with gateway.raw(10, mine) as raw:
            raw.send(get)
            answer = raw.answer()
            ok(answer is not None and answer.status == 429 and answer.flat() and answer.headers["retry-after"] == "1" and raw.ended(), "one more is told 429", repr(answer))
        if others:
            with gateway.raw(10, others) as raw:
                raw.send(get)
                equal(raw.answer().status, 200, "another address is served")
        held.pop().close()
        ok(wait(lambda: (lambda a: a is not None and a.status == 200)(gateway.call("GET", "/health/live"))), "and this one when one of its own has ended")
        for raw in held:
            raw.close()
        gateway.stop()
    gateway = Gateway(cluster.dsn("gw"), address_connections=1, trusted_proxies="127.0.0.1")
    held = [gateway.raw() for _ in range(30)]
    for raw in held:
        raw.send(get)
    equal([raw.answer().status for raw in held], [200] * 30, "a trusted proxy has as many as it needs")
    for raw in held:
        raw.close()
    gateway.stop()


def slow_readers(cluster):
    """Who asks and does not read."""
    gateway = Gateway(cluster.dsn("gw"), idle_timeout="3s")
    held = []
    for _ in range(100):
        raw = gateway.raw()
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.send(b"GET /openapi.yaml HTTP/1.1\r\nHost: gateway\r\n\r\n" * 200)
        held.append(raw)
    ok(wait(lambda: len(gateway.log_lines()) >= 100), "a hundred ask for far more than they read")
    ok(wait(lambda: connections(gateway) == 0, 20), "their connections end when idle_timeout is over")
    for raw in held:
        raw.close()
    gateway.stop()


def storm(cluster):
    """A stranger who tries 300 names at once, from one address: others' first logins come before his."""
    gateway = Gateway(cluster.dsn("gw"), logins=4, address_connections=1000, answer_timeout="5min")
    before = cluster.log().count("password authentication failed")
    held = []
    for n in range(300):
        raw = gateway.raw(120, "127.0.3.1")
        raw.send(b"GET /organizations HTTP/1.1\r\nHost: gateway\r\n" + basic("nobody%d" % n, "x").encode() + b"\r\n\r\n")
        held.append(raw)
    answer = gateway.call("GET", "/organizations", user="bob")
    tried = cluster.log().count("password authentication failed") - before
    ok(answer.status == 200 and tried < 150, "somebody else is served before half of them are tried", "%d %r" % (tried, answer))
    ok(all(raw.answer().status == 401 for raw in held), "they are told 401 in the end")
    for raw in held:
        raw.close()
    gateway.stop()
    # places are not for those alone who wait to be known
    gateway = Gateway(cluster.dsn("gw"), logins=1, address_connections=1000, max_connections=40)
    equal(gateway.call("GET", "/organizations", user="bob").status, 200, "bob is known")
    held = []
    for n in range(40):
        raw = gateway.raw(40, "127.0.3.%d" % (1 + n % 10))
        raw.send(b"GET /organizations HTTP/1.1\r\nHost: gateway\r\n" + basic("noone%d" % n, "x").encode() + b"\r\n\r\n")
        held.append(raw)
    wait(lambda: len(select.select([raw.socket for raw in held], [], [], 0)[0]) >= 10)
    answer = gateway.call("GET", "/organizations", user="bob")
    ok(answer is not None and answer.status == 200, "as many wrong logins as there are places, and there is one left", repr(answer))
    got = [raw.answer() for raw in held]
    ok(set(a and a.status for a in got) <= {401, 429, None} and sum(a is not None and a.status == 429 for a in got) > 0, "some of them are told 429", lambda: repr([a and a.status for a in got]))
    for raw in held:
        raw.close()
    gateway.stop()


def handshakes(cluster):
    """TLS: who begins one handshake after the other, and who begins and does not go on."""
    directory = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_tls.XXXXXX"], text=True).strip()
    atexit.register(shutil.rmtree, directory, True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=gateway", "-keyout", directory + "/key", "-out", directory + "/crt"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    gateway = Gateway(cluster.dsn("gw"), tls_certificate=directory + "/crt", tls_key=directory + "/key", address_handshakes=5, request_timeout="3s", max_connections=32)
    # without a word: what is counted is that they come
    held = [Raw(gateway.port, False, 20, "127.0.4.1") for _ in range(60)]
    gone = wait(lambda: select.select([raw.socket for raw in held], [], [], 0)[0], 20)
    ok(0 < len(gone) <= 40, "one address has its burst of handshakes, and then none", "%d of 60 were refused" % len(gone))
    for raw in held:
        raw.close()
    get = b"GET /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n"
    with gateway.raw(20, "127.0.4.2") as raw:
        raw.send(get)
        equal(raw.answer().status, 200, "another one is served")
    # the first bytes of a handshake, then nothing: from many addresses
    held = [Raw(gateway.port, False, 20, "127.0.5.%d" % (1 + n)) for n in range(60)]
    for raw in held:
        raw.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")

    def served():
        try:
            with gateway.raw(20, "127.0.4.3") as raw:
                raw.send(get)
                answer = raw.answer()
                return answer is not None and answer.status
        except OSError:
            return None

    ok(wait(lambda: served() == 200, 20, 0.3), "sixty half handshakes on 32 places keep nobody out")
    ok(wait(lambda: all(select.select([raw.socket], [], [], 0)[0] for raw in held), 60), "and end after request_timeout")
    body = POST + b"Content-Length: 1000000\r\n\r\n"
    with gateway.raw(20, "127.0.4.4") as raw:
        raw.send(body + b"x" * 1000000)
        answer = raw.answer()
        ok(answer is not None and answer.status == 401 and answer.flat(), "by TLS, too, a body without credentials is told 401 and no reset", repr(answer))
    for raw in held:
        raw.close()
    gateway.stop()


def the_log(cluster):
    """What a stranger writes is one line of JSON each, and bounded."""
    gateway = Gateway(cluster.dsn("gw"))
    for target in (b"/a\x1b[2J", b"/a\nb", b"/\xff\xfe", b'/"},{"forged":1', b"/" + b"\xff" * 3900, b"/a\x00b", b"/a\rb"):
        with gateway.raw() as raw:
            raw.send(b"GET " + target + b" HTTP/1.1\r\nHost: gateway\r\nX-Request-Id: a\\nb\r\nUser-Agent: \x1b\r\n\r\n")
            raw.answer()
    gateway.call("GET", "/health/live")
    ok(wait(lambda: gateway.log().count("\n") >= 6), "they are in the log")
    lines = open(gateway.path("access"), "rb").read().split(b"\n")
    parsed = [json.loads(line) for line in lines if line]
    ok(all(all(0x20 <= c < 0x7f for c in line) and len(line) < 32768 for line in lines) and not any("forged" in line for line in parsed), "every line is printable ASCII, bounded, and one request", lines[:3])
    gateway.stop()


def test():
    cluster = Cluster()
    people(cluster)
    told_address(cluster)
    before_the_body(cluster)
    full(cluster)
    of_one_address(cluster)
    memory(cluster)
    slow_readers(cluster)
    storm(cluster)
    handshakes(cluster)
    the_log(cluster)
    bodies(cluster)


main(test)
