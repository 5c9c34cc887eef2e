#!/usr/bin/env python3
"""Who is who: passwords, tokens, roles that change, failed logins, the pool, the log, TLS, the end."""
import threading
import warnings
from lib import *


def credentials(gateway, cluster):
    answer = gateway.call("GET", "/organizations")
    ok(answer.status == 401 and answer.flat() and answer.headers["www-authenticate"].startswith("Basic "), "no credentials: 401, with WWW-Authenticate", repr(answer))
    equal([o["slug"] for o in gateway.call("GET", "/organizations", user="alice").json()["organizations"]], ["acme"], "a role sees what is its own")
    for name, header in (("an empty user name", basic("", "x")), ("an empty password", basic("alice", "")), ("no colon", "Authorization: Basic YWxpY2U="),
                         ("no base64", "Authorization: Basic !!!!"), ("a NUL in the name", basic("alice\0x", PASSWORDS["alice"])), ("an unknown scheme", "Authorization: Digest x"),
                         ("an unknown role", basic("nobody-here", "x")), ("another's password", basic("alice", PASSWORDS["bob"])), ("nothing behind Basic", "Authorization: Basic")):
        fresh = Gateway(cluster.dsn("gw"))      # failed logins of one test must not slow the next one down
        answer = fresh.call("GET", "/organizations", headers=[header])
        ok(answer.status == 401 and answer.flat(), name + " is 401", repr(answer))
        fresh.stop()
    answer = gateway.call("GET", "/organizations", headers=[basic("alice", PASSWORDS["alice"]).replace("Basic", "bAsIc")])
    equal(answer.status, 200, "the scheme's name in any case")
    answer = gateway.call("GET", "/organizations", user="stranger")
    equal((answer.status, answer.body), (200, b'{"organizations":[]}'), "a role that nobody has added sees nothing")


def passwords_change(gateway, cluster):
    """Each with a connection that is in use all the time, and one that is not."""
    cluster.sql("CREATE ROLE dora LOGIN PASSWORD 'one'")
    for name, change, back in (("a changed password", "ALTER ROLE dora PASSWORD 'two'", "ALTER ROLE dora PASSWORD 'one'"), ("NOLOGIN", "ALTER ROLE dora NOLOGIN", "ALTER ROLE dora LOGIN"),
                               ("a password that is past its time", "ALTER ROLE dora VALID UNTIL '2001-01-01'", "ALTER ROLE dora VALID UNTIL 'infinity'"),
                               ("a dropped role", "DROP OWNED BY dora; DROP ROLE dora", None)):
        ok(wait(lambda: gateway.call("GET", "/organizations", user="dora", password="one").status == 200), "dora may")
        cluster.sql(change)
        ok(wait(lambda: gateway.call("GET", "/organizations", user="dora", password="one").status == 401, 20, 0.05), "%s stops working within seconds, in the middle of use" % name)
        if back:
            cluster.sql(back)
    cluster.sql("CREATE ROLE dora LOGIN PASSWORD 'two'")
    equal(gateway.call("GET", "/organizations", user="dora", password="two").status, 200, "a new password works at once")


def throttled(cluster):
    """After five failures in a minute each further failing answer waits a second, and no right one does.

    Who is made to wait waits a second every time, a busy machine does not: three times on a gateway of its own, and the quickest tells.
    """
    def timed(user, password):
        start = time.monotonic()
        answer = gateway.call("GET", "/organizations", user=user, password=password)
        return answer.status, time.monotonic() - start

    def crowd():
        start = time.monotonic()
        threads = [threading.Thread(target=timed, args=("alice", "wrong at once %d" % n)) for n in range(20)]
        for thread in threads:
            thread.start()
        good = timed("alice", PASSWORDS["alice"])
        for thread in threads:
            thread.join()
        return good, time.monotonic() - start

    def at_once(status, tries):
        return all(s == status for s, _ in tries) and min(took for _, took in tries) < 1

    first, later, good, none, crowds = [], [], [], [], []
    for _ in range(3):
        gateway = Gateway(cluster.dsn("gw"))
        gateway.call("GET", "/organizations", user="alice")
        first.append([timed("alice", "wrong %d" % n) for n in range(5)])
        later += [timed("alice", "wrong again"), timed("bob", "wrong")]
        good.append([timed("alice", PASSWORDS["alice"]), timed("bob", PASSWORDS["bob"])])
        none.append(timed(None, None))
        crowds.append(crowd())
        gateway.stop()
    ok(all(at_once(401, tries) for tries in zip(*first)), "five wrong passwords are told so at once", first)
    ok(all(status == 401 and took >= 1 for status, took in later), "from then on each waits a second, for another role too", later)
    ok(all(at_once(200, tries) for tries in zip(*good)), "a right password is neither refused nor delayed", good)
    ok(at_once(401, none), "nor is who sends none", none)
    ok(at_once(200, [right for right, _ in crowds]), "a crowd of wrong ones delays no right one", crowds)
    ok(min(took for _, took in crowds) < 6, "waiting answers do not stand in a row", crowds)


def proxies(cluster):
    gateway = Gateway(cluster.dsn("gw"), trusted_proxies="127.0.0.0/8, 10.0.0.0/8")
    for name, headers, remote in (("no header", [], "127.0.0.1"), ("one address", ["X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
                                  ("what the client wrote is not believed", ["X-Forwarded-For: 198.51.100.1, 192.0.2.7"], "192.0.2.7"),
                                  ("a chain of proxies", ["X-Forwarded-For: 192.0.2.7, 10.1.2.3"], "192.0.2.7"), ("two headers", ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-For: 10.1.2.3"], "192.0.2.7"),
                                  ("IPv6", ["X-Forwarded-For: 2001:db8::1"], "2001:db8::1"), ("no address", ["X-Forwarded-For: somebody"], "127.0.0.1"),
                                  ("IPv4 in IPv6 is IPv4", ["X-Forwarded-For: ::ffff:192.0.2.7"], "192.0.2.7"), ("a number is no address", ["X-Forwarded-For: 3221225991"], "127.0.0.1"),
                                  ("nothing is believed that stands before a word that is none", ["X-Forwarded-For: 198.51.100.1, unknown"], "127.0.0.1"),
                                  ("nor in a header before it", ["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: unknown"], "127.0.0.1"),
                                  ("an empty place is no address", ["X-Forwarded-For: 198.51.100.1,"], "127.0.0.1")):
        id_ = gateway.call("GET", "/health/live", headers=headers).headers["x-request-id"]
        line = wait(lambda: [one for one in gateway.log_lines() if one["request_id"] == id_])[0]
        equal(line["remote"], remote, "behind a trusted proxy: " + name)
    for n in range(6):
        gateway.call("GET", "/organizations", user="nobody%d" % n, password="x", headers=["X-Forwarded-For: 192.0.2.7"])
    took = []
    for _ in range(3):
        start = time.monotonic()
        gateway.call("GET", "/organizations", user="nobody8", password="x", headers=["X-Forwarded-For: 192.0.2.8"])
        took.append(time.monotonic() - start)
    ok(min(took) < 1, "failed logins are counted for the client, not for the proxy", took)
    gateway.stop()


def tokens(gateway, cluster, org):
    token = cluster.sql("SELECT cdc.create_token('test', '%s')" % org, user="alice")
    header = ["Authorization: Bearer " + token]
    gateway.call("GET", "/organizations", headers=header + ["X-CDC-Client-Address: 198.51.100.9", "X-Forwarded-For: 198.51.100.9"])
    equal(cluster.sql("SELECT last_used_from FROM cdc.list_tokens()", user="alice"), "127.0.0.1", "whence it was used is the client's address, not what he writes")
    equal([o["slug"] for o in gateway.call("GET", "/organizations", headers=header).json()["organizations"]], ["acme"], "a token is its role")
    answer = gateway.call("GET", "/organizations", headers=["Authorization: Bearer " + token[:-1] + ("y" if token[-1] == "x" else "x")])
    ok(answer.status == 401 and answer.flat(), "a wrong one is 401", repr(answer))
    cluster.sql("SELECT cdc.revoke_token(id) FROM cdc.list_tokens()", user="alice")
    equal(gateway.call("GET", "/organizations", headers=header).status, 401, "a revoked one too, at once")
    ok(token not in gateway.log() and token not in cluster.log(), "no token is in a log")


def the_pool(cluster, org):
    """Bounded, and its owner's sessions are nobody else's."""
    gateway = Gateway(cluster.dsn("gw"), database_connections=6, role_connections=3, logins=2, session_idle="2s")
    results = []

    def many(user):
        with gateway.raw() as raw:
            for _ in range(30):
                raw.send("GET /organizations HTTP/1.1\r\nHost: gateway\r\n%s\r\n\r\n" % basic(user, PASSWORDS[user]))
                answer = raw.answer()
                results.append((user, answer.status, [o["slug"] for o in answer.json().get("organizations", [])]))

    def connections():
        return int(cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cdc_gateway'", "postgres"))

    most = 0
    threads = [threading.Thread(target=many, args=(user,)) for user in ("alice", "bob", "viola") * 6]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        now = connections()
        for _ in range(5):
            # one that is closed is counted until its process has ended
            if now > 6:
                now = min(now, connections())
        most = max(most, now)
    for thread in threads:
        thread.join()
    wanted = {"alice": ["acme"], "bob": ["umbrella"], "viola": ["acme"]}
    ok(len(results) == 540 and all(status == 200 and slugs == wanted[user] for user, status, slugs in results), "540 requests of three roles, each answered as itself",
       [r for r in results if r[1] != 200 or r[2] != wanted[r[0]]][:3])
    ok(0 < most <= 6, "on no more connections than allowed", most)
    ok(wait(lambda: cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cdc_gateway' AND usename <> 'gw'", "postgres") == "0"), "that end when nobody uses them")
    gateway.stop()

    # a queue that is full, and a call that takes too long
    gateway = Gateway(cluster.dsn("gw"), role_connections=1, max_waiting=2, answer_timeout="3s")
    gateway.call("GET", "/organizations", user="alice")
    lock = subprocess.Popen(["psql", "-XqAt", "-h", cluster.dir, "-p", str(cluster.port), "-U", "postgres", "-d", "cdc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lock.stdin.write("BEGIN; LOCK cdc.organization IN ACCESS EXCLUSIVE MODE; SELECT 1;\n")
    lock.stdin.flush()
    lock.stdout.readline()
    held = []
    for _ in range(5):
        raw = gateway.raw()
        raw.send("GET /organizations HTTP/1.1\r\nHost: gateway\r\n%s\r\n\r\n" % basic("alice", PASSWORDS["alice"]))
        held.append(raw)
    answers = [raw.answer() for raw in held]
    ok(all(a is not None and a.status in (429, 503) and a.flat() and a.headers["retry-after"].isdigit() for a in answers) and {429, 503} == set(a.status for a in answers),
       "more than may wait: 429; no answer in time: 503; both with Retry-After", repr(answers))
    lock.stdin.write("ROLLBACK;\n")
    lock.stdin.close()
    lock.wait()
    ok(wait(lambda: gateway.call("GET", "/organizations", user="alice").status == 200, 40), "and then it goes on")
    gateway.stop()


def the_log(gateway, cluster):
    secret = "a-password-typed-as-a-name"
    gateway.call("GET", "/organizations?token=in-the-query", user=secret, password="in-the-header")
    word = "my-own.id_7:/+=-" + 112 * "x"
    answer = gateway.call("GET", "/organizations", user="alice", headers=["X-Request-Id: " + word])
    equal(answer.headers["x-request-id"], word, "a request's id is in the answer")
    line = wait(lambda: [one for one in gateway.log_lines() if one["request_id"] == word])[0]
    ok(line["role"] == "alice" and line["status"] == 200 and line["ms"] > 0 and line["path"] == "/organizations", "and in the log, with role, path, status and time", line)
    for bad in ('a"b', 129 * "x", ""):
        answer = gateway.call("GET", "/organizations", user="alice", headers=["X-Request-Id: " + bad])
        ok(re.fullmatch("[0-9a-f]{24}", answer.headers["x-request-id"]), "an id that is no word of 1 to 128 characters is replaced", repr(answer))
    everything = gateway.log() + gateway.said() + " ".join(gateway.command) + open("/proc/%d/cmdline" % gateway.process.pid).read() + open("/proc/%d/environ" % gateway.process.pid).read()
    found = [word for word in [secret, "in-the-query", "in-the-header"] + list(PASSWORDS.values()) if word in everything]
    equal(found, [], "no password, query or wrong name is in the logs or the process list")


def monitoring(gateway):
    text = gateway.call("GET", "/metrics", user="mon").body.decode()
    for name in ("cdc_http_requests_total{route=", "cdc_http_request_seconds_bucket{route=", "cdc_http_connections", "cdc_pipelines", "cdc_reconcile_rounds_total"):
        ok(name in text, "/metrics has " + name, text[:2000])
    bad = [line for line in text.splitlines() if not re.fullmatch(r'#.*|[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? [-+0-9.e]+(Inf|NaN)?', line)]
    equal(bad, [], "and nothing that Prometheus would not read")
    for user, status in (("alice", 403), (None, 401)):
        equal(gateway.call("GET", "/metrics", user=user).status, status, "not for %s: %d" % (user, status))
    for n in range(50):
        gateway.call("GET", "/unknown/%d" % n)
    text = gateway.call("GET", "/metrics", user="mon").body.decode()
    ok("/unknown" not in text, "unknown paths are one route")
    equal(gateway.call("GET", "/health").status, 200, "/health without credentials")
    answer = gateway.call("GET", "/openapi.yaml")
    ok(answer.status == 200 and answer.headers["content-type"].startswith("application/yaml") and answer.body == open(os.path.join(TOP, "docs/openapi.yaml"), "rb").read(), "/openapi.yaml is docs/openapi.yaml", repr(answer))


def no_sign_of_life(gateway, worker):
    """The reconciler has been stopped while other tests ran."""
    answer = wait(lambda: (lambda a: a if a.status != 200 else None)(gateway.call("GET", "/health")), 45, 0.2)
    ok(answer and answer.status == 503 and answer.flat() and "sign of life" in answer.json()["error"] and answer.headers["retry-after"].isdigit(), "/health: 503 and why, when the reconciler has not been seen for 30 s", repr(answer))
    ok(gateway.call("GET", "/organizations", user="alice").status == 200, "which is no reason not to serve")
    os.kill(worker, signal.SIGCONT)
    ok(wait(lambda: gateway.call("GET", "/health").status == 200), "200 again when it lives")


def make_certificate(directory, name):
    path = os.path.join(directory, name)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                    "-keyout", path + ".key", "-out", path + ".crt"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path


def tls(cluster):
    directory = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_tls.XXXXXX"], text=True).strip()
    atexit.register(shutil.rmtree, directory, True)
    one, two = make_certificate(directory, "one"), make_certificate(directory, "two")
    for end in (".crt", ".key"):
        shutil.copy(one + end, directory + "/live" + end)
    gateway = Gateway(cluster.dsn("gw"), tls_certificate=directory + "/live.crt", tls_key=directory + "/live.key", request_timeout="2s", idle_timeout="5s")

    def shown():
        with gateway.raw() as raw:
            der = raw.socket.getpeercert(True)
        return next((name for name in ("one", "two") if ssl.PEM_cert_to_DER_cert(open(os.path.join(directory, name + ".crt")).read()) == der), None)

    equal(shown(), "one", "TLS with the certificate that is configured")
    with gateway.raw() as raw:
        get = "GET /organizations HTTP/1.1\r\nHost: gateway\r\n%s\r\n\r\n" % basic("alice", PASSWORDS["alice"])
        raw.send(get)
        equal(raw.answer().status, 200, "a call over TLS")
        for end in (".crt", ".key"):
            shutil.copy(two + end, directory + "/live" + end)
        gateway.process.send_signal(signal.SIGHUP)
        equal(wait(lambda: shown() == "two") and "two", "two", "SIGHUP: the new certificate")
        raw.send(get + get)
        equal([raw.answer().status, raw.answer().status], [200, 200], "and connections go on")
        shutil.copy(one + ".crt", directory + "/live.crt")
        gateway.process.send_signal(signal.SIGHUP)
        ok(wait(lambda: "stays in use" in gateway.said()), "a certificate that does not fit its key is refused, and the old one stays", gateway.said())
        equal(shown(), "two", "in use")
    with gateway.raw() as raw:
        raw.send("GET /health")
        answer = raw.answer()
        ok(answer is not None and answer.status == 408, "408 over TLS", repr(answer))
    with socket.create_connection(("127.0.0.1", gateway.port)) as plain:
        plain.settimeout(20)
        ok(plain.recv(100) == b"", "a handshake that does not come ends too")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        with socket.create_connection(("127.0.0.1", gateway.port)) as plain:
            old.wrap_socket(plain)
        refused = False
    except (ssl.SSLError, OSError):
        refused = True
    ok(refused, "TLS 1.1 is refused")
    gateway.stop()


def the_end(cluster):
    """SIGTERM: answers in flight come, idle connections end, nothing new is taken."""
    gateway = Gateway(cluster.dsn("gw"))
    gateway.call("GET", "/organizations", user="alice")
    idle = gateway.raw()
    idle.send("GET /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n")
    idle.answer()
    busy = [gateway.raw() for _ in range(5)]
    lock = subprocess.Popen(["psql", "-XqAt", "-h", cluster.dir, "-p", str(cluster.port), "-U", "postgres", "-d", "cdc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lock.stdin.write("BEGIN; LOCK cdc.organization IN ACCESS EXCLUSIVE MODE; SELECT 1;\n")
    lock.stdin.flush()
    lock.stdout.readline()
    for raw in busy:
        raw.send("GET /organizations HTTP/1.1\r\nHost: gateway\r\n%s\r\n\r\n" % basic("alice", PASSWORDS["alice"]))
    half = gateway.raw()
    half.send("GET /health/live HTTP/1.1\r\n")
    wait(lambda: int(cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cdc_gateway' AND wait_event_type = 'Lock'", "postgres")) > 0)
    gateway.process.send_signal(signal.SIGTERM)
    ok(wait(lambda: "stopping" in gateway.said()), "SIGTERM")
    ok(idle.ended(), "an idle connection ends")
    try:
        gateway.raw(2)
        taken = True
    except OSError:
        taken = False
    ok(not taken, "a new one is not taken")
    half.send("Host: gateway\r\n\r\n")
    answer = half.answer()
    ok(answer is not None and answer.status == 200 and answer.headers["connection"] == "close", "a request that had begun is answered", repr(answer))
    lock.stdin.write("ROLLBACK;\n")
    lock.stdin.close()
    lock.wait()
    answers = [raw.answer() for raw in busy]
    ok(all(a is not None and a.status == 200 and a.headers["connection"] == "close" for a in answers), "so are those in flight", repr(answers))
    ok(wait(lambda: gateway.process.poll() is not None, 20), "then it ends")
    ok(gateway.stop(), "well")


def in_its_place():
    """Somebody else listens where the metadata server should be, and asks for passwords in clear."""
    heard = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
                client.settimeout(5)
                if client.recv(8192)[:8] == b"\0\0\0\x08\x04\xd2\x16\x2f":
                    client.sendall(b"N")
                    client.recv(8192)
                client.sendall(b"R\0\0\0\x08\0\0\0\x03")
                try:
                    said = client.recv(8192)
                except OSError:
                    said = b""              # who leaves with something unread resets
                heard.append(said)
                client.close()
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    gateway = Gateway("host=127.0.0.1 port=%d dbname=postgres user=gw" % listener.getsockname()[1])
    answers = [gateway.call("GET", "/organizations", user="alice"), gateway.call("GET", "/organizations", headers=["Authorization: Bearer x"])]
    ok(wait(lambda: len(heard) >= 2) and all(a is not None and a.status == 503 for a in answers), "who listens in the metadata server's place is asked", answers)
    equal([said for said in heard if said], [], "and is told neither a user's password nor the gateway's own")
    gateway.stop()
    listener.close()


def settings(cluster):
    """Mistakes are said at the start, with the name of the setting."""
    for arguments, words in ((["--nonsense=1"], 'unknown setting "nonsense"'), (["--max-body=lots"], "max_body"), (["--database=host=x password=y"], "password_file"), (["--tls-key=/x"], "tls_certificate"),
                             (["--listen=nowhere"], "listen"), (["--database=nonsense"], "database"), (["--trusted-proxies=somebody"], "trusted_proxies"), (["--config=/nowhere"], "/nowhere"), (["-x"], "--help"),
                             (["--tls-certificate=/nowhere", "--tls-key=/nowhere"], "/nowhere"), (["--access-log=/nowhere/x"], "access_log")):
        done = subprocess.run([PROGRAM, "--listen=127.0.0.1:0"] + arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=30)
        ok(done.returncode == 1 and words in done.stdout, "%s is refused" % arguments[0], done.stdout)
    done = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, text=True)
    manual = open(os.path.join(TOP, "docs/gateway.md")).read()
    missing = [line.split()[0] for line in done.stdout.splitlines() if re.match(r"  [a-z_]+ +\S", line) and "`%s`" % line.split()[0] not in manual]
    equal(missing, [], "every setting of --help is in docs/gateway.md")
    # a server that lets everybody in is no proof of a password
    hba = os.path.join(cluster.data, "pg_hba.conf")
    before = open(hba).read()
    with open(hba, "w") as out:
        out.write("local all all trust\nhost all all 127.0.0.1/32 trust\n")
    cluster.sql("SELECT pg_reload_conf()")
    gateway = Gateway(cluster.dsn())
    answer = wait(lambda: (lambda a: a if a.status != 401 else None)(gateway.call("GET", "/organizations", user="alice", password="anything")))
    ok(answer is not None and answer.status == 503 and answer.json()["code"] == "not_configured", "a server that does not ask for passwords lets nobody in", repr(answer))
    with open(hba, "w") as out:
        out.write("local all all trust\nhost all all 127.0.0.1/32 password\n")
    cluster.sql("SELECT pg_reload_conf()")
    answer = wait(lambda: (lambda a: a if b"certificate" in a.body else None)(gateway.call("GET", "/organizations", user="alice")))
    ok(answer is not None and answer.status == 503 and answer.json()["code"] == "not_configured", "one that asks for the password in clear is not told it", repr(answer))
    with open(hba, "w") as out:
        out.write(before)
    cluster.sql("SELECT pg_reload_conf()")
    ok(wait(lambda: gateway.call("GET", "/organizations", user="alice").status == 200), "with SCRAM it lets in again")
    answer = gateway.call("GET", "/organizations", headers=["Authorization: Bearer x"])
    ok(answer.status == 503 and answer.json()["code"] == "not_configured", "tokens need a role of the gateway's own", repr(answer))
    gateway.stop()


def test():
    cluster = Cluster()
    org = people(cluster)["acme"]
    the_pool(cluster, org)
    gateway = Gateway(cluster.dsn("gw"))
    credentials(gateway, cluster)
    monitoring(gateway)
    worker = int(cluster.sql("SELECT pid FROM cdc.worker_state()"))
    atexit.register(lambda: os.path.exists("/proc/%d" % worker) and os.kill(worker, signal.SIGCONT))

    def stopped():
        """With no lock: tests lock a table for themselves."""
        os.kill(worker, signal.SIGSTOP)
        if cluster.sql("SELECT count(*) FROM pg_locks WHERE pid = %d" % worker) == "0":
            return True
        os.kill(worker, signal.SIGCONT)
        return False

    ok(wait(stopped), "the reconciler is stopped between two transactions")
    tokens(gateway, cluster, org)
    passwords_change(gateway, cluster)
    proxies(cluster)
    tls(cluster)
    the_end(cluster)
    settings(cluster)
    in_its_place()
    the_log(gateway, cluster)
    no_sign_of_life(gateway, worker)
    throttled(cluster)


main(test)
