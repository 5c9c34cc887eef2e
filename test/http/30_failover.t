#!/usr/bin/env python3
"""The metadata database restarts, crashes and fails over under load.

Clients create pipelines all the time.  What the contract says of an answer that
did not come is what they do: wait as long as Retry-After says, send the same
request again, and on 409 look for what is there.  In the end every pipeline that
was accepted is there, and none twice; the gateway was never restarted.
"""
import threading
from lib import *

ANSWER_WITHIN = 30      # s, of the contract


class Client(threading.Thread):
    """Creates pipelines, one after the other, each until it has it."""
    everyone = []

    def __init__(self, gateway, org, source, sink, header, vanishes=False):
        super().__init__(daemon=True)
        self.gateway, self.path, self.header, self.vanishes = gateway, "/organizations/%s/pipelines" % org, header, vanishes
        self.body = {"pipeline_type": "cdc_pg_to_kafka", "source_service_id": source, "sink_service_id": sink}
        self.number = len(Client.everyone)
        self.over = threading.Event()
        self.accepted = {}      # name: id, of 202
        self.found = {}         # name: id, of 409 and a look at the list
        self.answers = []       # (status, code, seconds, when)
        self.faults = []
        self.raw = None
        Client.everyone.append(self)
        self.start()

    def call(self, method, path, body=None, read=True):
        data = json.dumps(body).encode() if body else b""
        for _ in (0, 1):
            if self.raw is None:
                self.raw = self.gateway.raw(ANSWER_WITHIN + 5)
            start = time.monotonic()
            try:
                self.raw.send(("%s %s HTTP/1.1\r\nHost: gateway\r\n%s\r\nContent-Length: %d\r\n\r\n" % (method, path, self.header, len(data))).encode() + data)
                if not read:
                    self.raw.close()
                    self.raw = None
                    return None
                answer = self.raw.answer()
            except OSError as error:
                self.faults.append("%s %s: %r after %.1f s" % (method, path, error, time.monotonic() - start))
                answer = None
            if answer is not None:
                break
            self.faults.append("%s %s: no answer" % (method, path))
            self.raw = None
        else:
            return None
        seconds = time.monotonic() - start
        code = (answer.json() or {}).get("code")
        self.answers.append((answer.status, code, seconds, start))
        if answer.headers.get("connection") == "close":
            self.raw = None
        if seconds > ANSWER_WITHIN:
            self.faults.append("%s %s took %.1f s" % (method, path, seconds))
        if answer.status == 503 and not (answer.headers.get("retry-after", "").isdigit() and answer.flat()):
            self.faults.append("503 without Retry-After: %r" % answer)
        return answer

    def persist(self, method, path, body=None):
        """Repeats while the answer is 503; None when it is over."""
        while True:
            answer = self.call(method, path, body)
            if answer is None or answer.status != 503:
                return answer
            if self.over.wait(int(answer.headers.get("retry-after", "1"))) and time.monotonic() > self.until:
                return None

    until = 0

    def run(self):
        try:
            n = 0
            while not self.over.is_set():
                n += 1
                name = "c%d-%d" % (self.number, n)
                body = dict(self.body, name=name, config={"tables": ["t"], "topic_prefix": name})
                if self.vanishes and n % 2:
                    self.call("POST", self.path, body, read=False)
                answer = self.persist("POST", self.path, body)
                if answer is None:
                    self.faults.append("%s was never answered" % name)
                elif answer.status == 202:
                    self.accepted[name] = answer.json()["id"]
                    answer = self.persist("GET", "/pipelines/%s/status" % self.accepted[name])
                    if answer is None or answer.status != 200:
                        self.faults.append("%s was accepted, then %r" % (name, answer))
                elif answer.status == 409 and answer.json()["code"] == "name_conflict":
                    answer = self.persist("GET", self.path)
                    ids = [p["id"] for p in answer.json()["pipelines"] if p["name"] == name] if answer and answer.status == 200 else []
                    if len(ids) != 1:
                        self.faults.append("%s: 409, but the list has %r" % (name, ids))
                    else:
                        self.found[name] = ids[0]
                else:
                    self.faults.append("%s: %r" % (name, answer))
                self.over.wait(0.05)
        except Exception:
            self.faults.append(traceback.format_exc())


def working(clients, since):
    """Has every client got an answer that is not 503, to a request of after this moment?"""
    return all(any(status != 503 and when > since for status, _, _, when in list(c.answers)) for c in clients)


def disturbed(clients, gateway, name, during, after=None):
    """During the disturbance 503, then all is well, without a restart of the gateway."""
    before = sum(len(c.answers) for c in clients)
    refused = sum(status == 503 for c in clients for status, *_ in list(c.answers))
    during()
    start = time.monotonic()
    seen = wait(lambda: sum(status == 503 for c in clients for status, *_ in list(c.answers)) > refused or (after is None and working(clients, start)), 20)
    if after:
        ok(seen, "%s: 503 while it is away" % name)
        health = gateway.call("GET", "/health")
        ok(health.status == 503 and health.flat() and gateway.call("GET", "/health/live").status == 200, "%s: so says /health, and /health/live that the gateway lives" % name, repr(health))
        after()
        start = time.monotonic()
    ok(wait(lambda: working(clients, start), 30), "%s: then every client is served" % name, lambda: [c.answers[-3:] for c in clients])
    ok(wait(lambda: gateway.call("GET", "/health").status == 200, 40), "%s: and /health says so" % name, lambda: repr(gateway.call("GET", "/health")))
    return sum(len(c.answers) for c in clients) - before


def commits_wait(cluster):
    """SHOW tells of the postmaster's reload; that commits wait is the checkpointer's doing, later.  A commit is not ended by statement_timeout."""
    probe = subprocess.Popen(["psql", "-Xq", "-h", cluster.dir, "-p", str(cluster.port), "-U", "postgres", "-d", "cdc", "-c", "SELECT pg_logical_emit_message(true, 'probe', '')"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, PGAPPNAME="probe"))
    waiting = wait(lambda: cluster.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'probe' AND wait_event = 'SyncRep'", "postgres") if probe.poll() is None else "none")
    if waiting != "none":
        cluster.sql("SELECT pg_cancel_backend(%s)" % waiting, "postgres")
    probe.wait()
    return waiting != "none"


def only_when_committed(cluster, org, source, sink):
    """An answer is not given before the commit is known: here it waits for a standby that never comes."""
    gateway = Gateway(cluster.dsn("gw"), answer_timeout="3s")
    path, body = "/organizations/%s/pipelines" % org, {"name": "waits", "pipeline_type": "cdc_pg_to_kafka", "source_service_id": source, "sink_service_id": sink, "config": {"topic_prefix": "waits"}}
    cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'; SELECT pg_reload_conf()")
    wait(lambda: commits_wait(cluster))
    answer = gateway.call("POST", path, body, "alice")
    ok(answer.status == 503 and answer.json()["code"] == "outcome_unknown" and answer.headers["retry-after"].isdigit(), "while the commit waits for its standby there is no 202: 503, outcome unknown", repr(answer))
    cluster.sql("ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()")
    answer = wait(lambda: (lambda a: a if a.status != 503 else None)(gateway.call("POST", path, body, "alice")))
    ok(answer and answer.status == 409 and answer.json()["code"] == "name_conflict", "it had happened: who repeats it is told so by 409", repr(answer))
    ok([p["name"] for p in gateway.call("GET", path, user="alice").json()["pipelines"]] == ["waits"], "and finds it in the list")
    gateway.stop()


def test():
    one = Cluster()
    org = people(one)["acme"]
    source, sink = services(one, org, "alice")
    token = one.sql("SELECT cdc.create_token('load')", user="alice")
    only_when_committed(one, org, source, sink)
    two = Cluster(copy_of=one)
    # what was acknowledged is on both
    one.sql("ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf()")
    ok(wait(lambda: one.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1", 30), "a synchronous standby")
    gateway = Gateway("host=127.0.0.1,127.0.0.1 port=%d,%d dbname=cdc user=gw" % (one.port, two.port))
    clients = [Client(gateway, org, source, sink, header, vanishes) for header, vanishes in
               ((basic("alice", PASSWORDS["alice"]), False), (basic("alice", PASSWORDS["alice"]), True), ("Authorization: Bearer " + token, False), ("Authorization: Bearer " + token, True))]
    ok(wait(lambda: working(clients, 0)), "clients create pipelines", lambda: [c.faults for c in clients])

    disturbed(clients, gateway, "a fast restart", one.stop, one.start)
    disturbed(clients, gateway, "a crash", lambda: one.stop("immediate"), one.start)
    disturbed(clients, gateway, "every session is ended", lambda: one.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cdc_gateway'", "postgres"))
    ok(wait(lambda: one.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1", 30), "the standby follows again")
    disturbed(clients, gateway, "a failover", lambda: one.stop("immediate"), two.promote)

    start = time.monotonic()
    wait(lambda: working(clients, start), 30)
    for client in clients:
        client.until = time.monotonic() + 30
        client.over.set()
    for client in clients:
        client.join(60)
    faults = [fault for c in clients for fault in c.faults]
    ok(not faults, "no answer but those of the contract, each within %d s" % ANSWER_WITHIN, "\n".join(faults[:10]))
    rows = [line.split("|") for line in two.sql("SELECT name, id FROM cdc.pipeline_spec WHERE name ~ '^c[0-9]+-[0-9]+$'").splitlines()]
    names = [name for name, _ in rows]
    accepted = {name: id_ for c in clients for name, id_ in c.accepted.items()}
    known = dict(accepted, **{name: id_ for c in clients for name, id_ in c.found.items()})
    lost = [name for name, id_ in accepted.items() if [name, id_] not in rows]
    ok(len(accepted) >= 10 and not lost, "nothing that was accepted is lost", "%d of %d: %s" % (len(lost), len(accepted), lost[:10]))
    ok(len(names) == len(set(names)), "nothing was made twice", [name for name in names if names.count(name) > 1])
    strangers = [name for name, id_ in rows if known.get(name) != id_]
    ok(not strangers, "and each client knows every pipeline that it made", strangers[:10])
    found = sum(len(c.found) for c in clients)
    ok(gateway.process.poll() is None, "by one and the same gateway")
    ok(found > 0, "some of them by 409, after an answer that was lost")
    statuses = {}
    for c in clients:
        for status, code, _, _ in c.answers:
            statuses[status, code] = statuses.get((status, code), 0) + 1
    diag("%d accepted, %d found after 409; answers: %s; slowest %.1f s" % (len(accepted), found, statuses, max(seconds for c in clients for _, _, seconds, _ in c.answers)))


main(test)
