"""lib.py: what the tests of the real stack share.

Owns: connections to the lab's databases (libpq by ctypes, so that a look
costs no process), Kafka Connect's REST interface, a reader of topics, and a
dump of everything that a pipeline may leave behind.  Starts no server.

A test imports it, gives main() a function, and uses names of its own for
whatever it makes: all tests share one lab, whose env file is $LAB_ENV or
$LAB_DIR/env: one must be set, since these tests kill, change settings and are
never run by accident on a lab that somebody works with.  Waits are conditions
with a deadline.
"""
import atexit
import ctypes
import ctypes.util
import datetime
import glob
import http.server
import json
import os
import random
import re
import shlex
import signal
import string
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import *

LAB = os.path.join(TOP, "test", "lab")


def lab(script, *arguments, timeout=120, line=None, **variables):
    """Runs a script of the lab: what it printed, as {word: value}; line(word, value)
    is called for each line as it comes.  RuntimeError tells in its own words why not."""
    process = subprocess.Popen([os.path.join(LAB, script)] + list(arguments), env=dict(os.environ, **variables), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    late = threading.Timer(timeout, process.kill)
    late.start()
    said = {}
    for text in process.stdout:
        word, _, value = text.strip().partition(" ")
        said[word] = value
        if line:
            line(word, value)
    error = process.stderr.read()
    code = process.wait()
    late.cancel()
    if code != 0:
        raise RuntimeError("%s %s: %s" % (script, " ".join(arguments), "not done in %d s" % timeout if code == -signal.SIGKILL else error.strip() or "exit code %d" % code))
    return said


def read_env():
    """The lab's env file: shell assignments."""
    path = os.environ.get("LAB_ENV") or os.environ.get("LAB_DIR") and os.path.join(os.environ["LAB_DIR"], "env")
    if not path:
        sys.exit("set LAB_DIR: these tests kill servers' processes and change settings, so they choose no lab by themselves")
    values = {}
    for line in open(path):
        name, _, value = line.rstrip("\n").partition("=")
        values[name] = "".join(shlex.split(value))
    return values


env = read_env()
for key in ("LAB_DIR", "LAB_PORT_BASE", "LAB_SOURCE_VERSION", "LAB_CONNECT_WORKERS", "LAB_NETWORK", "LAB_SOURCE_SLOTS", "LAB_SOURCE_NETNS", "LAB_REGISTERED"):
    os.environ[key] = env[key]


def run_with_clients():
    """Starts the test anew in the Python that has the clients from PyPI (test/lab/setup), unless this is it."""
    python = subprocess.check_output(["bash", "-c", '. "$1/common.sh" && echo "$LAB_PYTHON"', "-", LAB], text=True).strip()
    if os.path.realpath(sys.prefix) != os.path.realpath(python):
        os.execv(os.path.join(python, "bin/python"), [os.path.join(python, "bin/python")] + sys.argv)


SOURCE_VERSION = int(env["LAB_SOURCE_VERSION"])


def needs_source(version, what):
    """A test that has nothing to say of older sources, which lack what."""
    if SOURCE_VERSION < version:
        skip_all("PostgreSQL %d has no %s" % (SOURCE_VERSION, what))


def main(test):
    """Runs a test; what it made is removed also when it ends badly."""
    run(test, clean_up)


def wait_ok(condition, name, seconds=30, why=None):
    value = wait(condition, seconds)
    ok(value, name, why or (lambda: "not in %s s" % seconds))
    return value


def word(prefix="", length=7):
    """A random name."""
    return prefix + random.choice(string.ascii_lowercase) + "".join(random.choices(string.ascii_lowercase + string.digits, k=length - 1))


# -- databases --------------------------------------------------------------------
pq = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
for function, result in (("PQconnectdb", ctypes.c_void_p), ("PQexec", ctypes.c_void_p), ("PQgetvalue", ctypes.c_char_p),
                         ("PQerrorMessage", ctypes.c_char_p), ("PQresultErrorField", ctypes.c_char_p), ("PQresultErrorMessage", ctypes.c_char_p)):
    getattr(pq, function).restype = result
for function in ("PQstatus", "PQfinish", "PQerrorMessage", "PQresultStatus", "PQntuples", "PQnfields", "PQclear", "PQresultErrorMessage", "PQbackendPID"):
    getattr(pq, function).argtypes = [ctypes.c_void_p]
pq.PQconnectdb.argtypes = [ctypes.c_char_p]
pq.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
pq.PQgetvalue.argtypes = pq.PQgetisnull.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
pq.PQresultErrorField.argtypes = [ctypes.c_void_p, ctypes.c_int]
NOTICES = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
ignore = NOTICES(lambda _, __: None)
pq.PQsetNoticeProcessor.argtypes = [ctypes.c_void_p, NOTICES, ctypes.c_void_p]


class DbError(Exception):
    def __init__(self, message, code=None):
        super().__init__(message)
        self.code = code


class Db:
    """A connection that is made when it is needed, and again when it was lost."""

    def __init__(self, dsn, database=None):
        self.dsn = dsn + (" dbname='%s'" % re.sub(r"(['\\])", r"\\\1", database) if database else "") + " connect_timeout=10"
        self.connection = None

    def close(self):
        if self.connection:
            pq.PQfinish(self.connection)
        self.connection = None

    def rows(self, sql):
        """Rows of text and None of the last statement; DbError otherwise."""
        if self.connection is None:
            connection = pq.PQconnectdb(self.dsn.encode())
            if pq.PQstatus(connection) != 0:
                message = pq.PQerrorMessage(connection).decode(errors="replace")
                pq.PQfinish(connection)
                raise DbError(message)
            pq.PQsetNoticeProcessor(connection, ignore, None)
            self.connection = connection
        result = pq.PQexec(self.connection, sql.encode())
        try:
            if pq.PQresultStatus(result) not in (1, 2):
                code = pq.PQresultErrorField(result, ord("C"))
                message = (pq.PQresultErrorMessage(result) or pq.PQerrorMessage(self.connection)).decode(errors="replace")
                if pq.PQstatus(self.connection) != 0:
                    self.close()
                raise DbError(message + "in: " + sql[:300], code and code.decode())
            return [tuple(None if pq.PQgetisnull(result, row, column) else pq.PQgetvalue(result, row, column).decode()
                          for column in range(pq.PQnfields(result))) for row in range(pq.PQntuples(result))]
        finally:
            pq.PQclear(result)

    def one(self, sql):
        """The first value, or None."""
        rows = self.rows(sql)
        return rows[0][0] if rows and rows[0] else None

    def lines(self, sql):
        return "".join("|".join("" if v is None else v for v in row) + "\n" for row in self.rows(sql))


def lit(text):
    """As an SQL literal."""
    return "NULL" if text is None else (" E" if "\\" in text else "") + "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def ident(name):
    return '"' + name.replace('"', '""') + '"'


meta = Db(env["CDC_META_DSN"])
SERVER_DSN = re.sub(r"\s*dbname=\S+", "", env["CDC_SOURCE_PRIMARY_DSN"])
STANDBY_DSN = re.sub(r"\s*dbname=\S+", "", env["CDC_SOURCE_STANDBY_DSN"])
connections = {}


def source(database="defaultdb"):
    if database not in connections:
        connections[database] = Db(SERVER_DSN, database)
    return connections[database]


def node_dirs():
    """Data directories of the source's nodes, the primary first."""
    return [line.split()[1] for line in open(os.path.join(env["CDC_LAB_DATA"], "source-nodes"))]


def meta_try(sql):
    """As meta.one; None while the metadata server restarts."""
    try:
        return meta.one(sql)
    except DbError as error:
        if error.code is None or error.code.startswith("57"):
            return None
        raise


# -- pipelines --------------------------------------------------------------------
made = []           # ids
settings = []
dropped_databases = []
undo = []           # functions


def create(name=None, tables=(), database="defaultdb", prefix=None, source_id=None, sink_id=None, **more):
    name = name or word("t-")
    args = {"name": lit(name), "source": lit(source_id or env["CDC_SOURCE_ID"]), "sink": lit(sink_id or env["CDC_SINK_ID"]),
            "tables": "ARRAY[%s]::text[]" % ", ".join(lit(t) for t in tables), "database_name": lit(database),
            "topic_prefix": lit(prefix or word("p")), "organization": lit(env["CDC_ORG_ID"])}
    args.update((key, lit(value if isinstance(value, str) else json.dumps(value))) for key, value in more.items())
    made.append(meta.one("SELECT cdc.create_pipeline(%s)" % ", ".join("%s => %s" % item for item in args.items())))
    return made[-1]


def delete(id_, force=False):
    return meta.one("SELECT cdc.delete_pipeline('%s', %s)" % (id_, "true" if force else "false"))


def spec(id_):
    """The row of a pipeline, also of a deleted one; None while the server restarts."""
    row = meta_try("SELECT to_jsonb(s) FROM cdc.pipeline_spec s WHERE id = '%s'" % id_)
    return row and json.loads(row)


def events(id_, where="true"):
    return json.loads(meta.one("SELECT coalesce(jsonb_agg(e ORDER BY id), '[]') FROM cdc.pipeline_event e WHERE pipeline_id = '%s' AND (%s)" % (id_, where)))


def story(id_):
    return "\n".join("%s %s %s %s %s %s" % (e["at"][11:23], e["kind"], e["rule"], e["status_to"] or e["detail"] and (e["detail"].get("action"), e["detail"].get("result"), e["detail"].get("ms")) or "",
                                           e["step"] or "", e["message"] or "") for e in events(id_)[-25:])


def status_ok(id_, status, name, message=None, seconds=60, step=None):
    """A test: the pipeline gets this status, and a message that matches (None: any; "": none)."""
    last = {}

    def there():
        row = spec(id_)
        if not row:
            return False
        last.clear()
        last.update(row)
        text = row["error_message"] or ""
        return row["status"] == status and (step is None or row["provision_step"] == step) and \
            (message is None or (text == "" if message == "" else re.search(message, text)))

    return ok(wait(there, seconds), name,
              lambda: "it is %s %s: %s\n%s" % (last.get("status"), last.get("provision_step"), last.get("error_message"), story(id_)))


def running_ok(id_, name="it runs", seconds=60):
    return status_ok(id_, "Running", name, "", seconds)


def stored_ok(id_, what):
    """A test, by rounds of its own: Connect has stored the last snapshot.  Until then a
    task that loses its slot takes another one by itself (50_connect_worker.t)."""
    def stored():
        before = rounds()
        meta.one("SELECT count(*) FROM cdc.check_health()")
        wait(lambda: rounds() > before)
        return not spec(id_)["snapshot_run"]

    return ok(wait(stored, 90), what + ": Connect has stored the snapshot", lambda: story(id_))


def gone_ok(id_, name="it is gone", seconds=60):
    last = {}

    def gone():
        row = spec(id_)
        last.update(row or {})
        return row and row["deleted_at"]

    return ok(wait(gone, seconds), name, lambda: "it is %s: %s\n%s" % (last.get("status"), last.get("error_message"), story(id_)))


def settled_ok(id_, name="and nothing can come back late", seconds=30):
    return ok(wait(lambda: (spec(id_) or {}).get("settled_at"), seconds), name, lambda: story(id_))


def obj(id_):
    """The name of role, publication and slot."""
    return "mdb_pipeline_" + id_[:8]


def con(id_):
    """The name of the connector."""
    return "mdb-pipeline-" + id_[:8]


def set_meta(name, value):
    """A setting of the metadata server, until the test ends."""
    before = meta.one("SELECT clock_timestamp()")
    meta.one("ALTER SYSTEM SET %s = %s" % (name, lit(value)))
    meta.one("SELECT pg_reload_conf()")
    settings.append(name)

    def loaded():
        # a new session has what the postmaster has
        session = Db(env["CDC_META_DSN"])
        try:
            return session.one("SELECT pg_conf_load_time() > %s" % lit(before)) == "t"
        finally:
            session.close()
    wait(loaded)


def pause_worker():
    """It acts no more, until set_meta("cdc_pipeline.enabled", "on")."""
    set_meta("cdc_pipeline.enabled", "off")
    wait(lambda: "enabled is off" in (meta.one("SELECT state FROM cdc.worker_state()") or ""))


def make_database(name=None):
    name = name or word("db_")
    source("postgres").rows("CREATE DATABASE %s" % ident(name))
    dropped_databases.append(name)
    return name


def clean_up():
    """Each step for itself: what one cannot put right must not keep the next from it."""
    def delete_one(id_):
        row = wait(lambda: spec(id_), 30)
        if row and not row["deleted_at"]:
            delete(id_)

    def gone(id_):
        if not wait(lambda: (spec(id_) or {}).get("deleted_at"), 45):
            diag("pipeline %s is still there:\n%s" % (id_, story(id_)))

    def drop(name):
        if name in connections:
            connections.pop(name).close()
        source("postgres").rows("DROP DATABASE IF EXISTS %s WITH (FORCE)" % ident(name))

    def reset(name):
        meta.one("ALTER SYSTEM RESET %s" % name)
        meta.one("SELECT pg_reload_conf()")

    for step, arguments in ((delete_one, made), (gone, made), (reset, sorted(set(settings))), (None, reversed(undo)), (drop, dropped_databases)):
        for argument in arguments:
            try:
                step(argument) if step else argument()
            except Exception as error:
                diag("not cleaned up: %s %s: %s" % (step.__name__ if step else "undo", argument, error))


def drop_slot(id_):
    """Takes a pipeline's slot away under its walsender."""
    db = source("postgres")

    def dropped():
        db.rows("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '%s' AND active" % obj(id_))
        try:
            db.rows("SELECT pg_drop_replication_slot('%s')" % obj(id_))
            return True
        except DbError as error:
            if error.code not in ("55006", "42704"):
                raise
            return error.code == "42704"
    return wait(dropped, 20, 0.005)


def kill_process(path):
    """SIGKILL of the process that a file names, if it is there, and it is gone: until then it holds its ports and its files."""
    subprocess.run(["bash", "-c", '. "$1/common.sh" && kill_process "$2"', "-", LAB, path], check=True, stdin=subprocess.DEVNULL)


# -- the worker ---------------------------------------------------------------------
def worker_pid():
    pid = meta_try("SELECT pid FROM cdc.worker_state()")
    return int(pid) if pid else None


def rounds():
    return int(meta.one("SELECT rounds FROM cdc.worker_state()"))


# -- Kafka Connect -------------------------------------------------------------------
def connect_urls():
    return ["%s:%d" % (env["CDC_CONNECT_URL"].rsplit(":", 1)[0], int(env["LAB_PORT_BASE"]) + 20 + n) for n in range(int(env["LAB_CONNECT_WORKERS"]))]


def rest(method, path, body=None, url=None, seconds=20):
    """(status, decoded body; text as it is when not JSON: Jetty's own errors are HTML); a rebalance (409) is waited out; 0: no answer."""
    deadline = time.monotonic() + seconds
    while True:
        request = urllib.request.Request((url or env["CDC_CONNECT_URL"]) + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                code, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            code, text = error.code, error.read()
        except OSError as error:
            code, text = 0, json.dumps(str(error)).encode()
        again = code in (0, 500) and method in ("GET", "PUT") or code == 409 and b"already exists" not in text
        if again and time.monotonic() < deadline:
            time.sleep(0.2)
            continue
        try:
            return code, json.loads(text) if text else None
        except ValueError:
            return code, text.decode(errors="replace")


def sdn():
    """What the SDN has: UUIDs of its networks, routers and peerings."""
    with urllib.request.urlopen(env["CDC_SDN_URL"] + "/_sim/state", timeout=20) as answer:
        state = json.loads(answer.read())
    return {kind: sorted(item["uuid"] for item in state[kind]) for kind in ("networks", "routers", "peerings")}


def offsets_of(name):
    """Offsets that are stored under a connector's name, of an absent one too."""
    code, _ = rest("GET", "/connectors/" + name)
    absent = code == 404
    if absent:
        dsn = dict(item.split("=", 1) for item in SERVER_DSN.split())
        code, body = rest("POST", "/connectors", {"name": name, "initial_state": "STOPPED", "config": {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": "look", "plugin.name": "pgoutput",
            "database.hostname": dsn["host"], "database.port": dsn["port"], "database.user": dsn["user"], "database.password": dsn["password"], "database.dbname": "postgres"}})
        assert code == 201, (code, body)
    try:
        code, body = rest("GET", "/connectors/%s/offsets" % name)
        assert code == 200, (code, body)
        return body["offsets"]
    finally:
        if absent:
            rest("DELETE", "/connectors/" + name)
            wait(lambda: rest("GET", "/connectors/" + name)[0] == 404)


def connect_worker(verb, n):
    lab("connect-worker", verb, str(n), timeout=330)


def starts(id_):
    """When Connect began to start the pipeline's task, each time: by its logs, which tell local time."""
    found = []
    for path in glob.glob(os.path.join(env["LAB_DIR"], "log/connect-*")):
        with open(path, errors="replace") as f:
            found += re.findall(r"^\[([0-9-]+ [0-9:]+),(\d+)\] INFO Creating task %s-0 " % con(id_), f.read(), re.M)
    return [datetime.datetime.strptime(at, "%Y-%m-%d %H:%M:%S").timestamp() + int(ms) / 1000 for at, ms in found]


def snapshot_once(id_, events):
    """
    Events of one pipeline that nobody interrupted.  Connect itself may: a worker
    that catches up with the configurations, or spreads tasks anew, starts a task
    twice, whose snapshot is then rightly taken again; only the last one's rows.
    """
    lsn = [e["source"]["lsn"] for e in events if e["op"] == "r"]
    return events if len(starts(id_)) < 2 else [e for e in events if e["op"] != "r" or e["source"]["lsn"] == lsn[-1]]


class Relay:
    """In front of a Connect worker: notes every request, and can let changes
    wait until they are released, whether or not anybody still waits for them."""

    def __init__(self, target):
        self.requests = []          # (method, path), as they came
        self.held = []              # (method, path) of those that waited
        self.landed = []            # and what became of them: (method, path, status)
        self.rewrite = None         # what is sent on in place of their body
        self.open = threading.Event()
        self.open.set()
        self.holding = None
        self.over = False
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                if relay.over:
                    self.close_connection = True    # of before the end, kept alive
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                relay.requests.append((self.command, self.path))
                late = False
                if relay.holding and re.search(relay.holding, self.command + " " + self.path):
                    relay.held.append((self.command, self.path))
                    relay.open.wait(120)
                    late = True
                    body = relay.rewrite(body) if relay.rewrite else body
                code, answer = 502, b""
                request = urllib.request.Request(target + self.path, method=self.command, data=body or None, headers={"Content-Type": "application/json"})
                try:
                    with urllib.request.urlopen(request, timeout=60) as got:
                        code, answer = got.status, got.read()
                except urllib.error.HTTPError as error:
                    code, answer = error.code, error.read()
                except OSError:
                    pass
                if late:
                    relay.landed.append((self.command, self.path, code))
                try:
                    self.send_response(code)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    self.close_connection = True    # it waits no more

            do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = answer

            def handle(self):
                try:
                    super().handle()
                except ConnectionError:
                    pass                            # nor does it say goodbye

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def hold(self, pattern):
        """From now on, what matches "METHOD path" waits."""
        self.open.clear()
        self.holding = pattern

    def release(self):
        self.holding = None
        self.open.set()

    def end(self):
        """Nobody is reached through this any more."""
        self.over = True
        self.server.shutdown()
        self.server.server_close()

    def sink(self):
        """A service of the lab's organization whose Connect is reached through this."""
        return meta.one("SELECT cdc.register_service(%s, 'kafka', 'se-sto1', %s::jsonb, NULL, '%s')" % (lit(word("svc-")), lit(json.dumps(
            {"bootstrap": env["CDC_KAFKA_BOOTSTRAP"], "connect_urls": [self.url], "connect_cidrs": ["127.0.0.0/8"], "addons": ["kafka-connect"],
             "plaintext_connector_password": True, "network_id": env["CDC_SINK_NETWORK"]})), env["CDC_ORG_ID"]))


# -- topics ------------------------------------------------------------------------------
class Topic:
    """Reads a topic from its beginning, beside the test."""

    def __init__(self, name):
        self.events = []
        self.process = subprocess.Popen([os.path.join(LAB, "consume"), name, "0", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = b""
        atexit.register(self.close)

    def take(self):
        try:
            data = os.read(self.process.stdout.fileno(), 1 << 20)
        except BlockingIOError:
            return False
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.events += [json.loads(line) for line in lines if line]
        return bool(data)

    def wait(self, condition, seconds=30):
        """The events, once condition(events) holds; else []."""
        def there():
            while self.take():
                pass
            return condition(self.events)
        return self.events if wait(there, seconds) else []

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def flows_ok(topic, key, value, name, seconds=40):
    """A test: an event after which the row has this value."""
    return ok(topic.wait(lambda all_: any((e.get("after") or {}).get(key) == value for e in all_), seconds), name,
              lambda: "events: %d, the last: %s" % (len(topic.events), json.dumps(topic.events[-3:])[:1500]))


# -- everything that a pipeline may leave ---------------------------------------------------
SHARED = """
SELECT 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolpassword, rolvaliduntil,
  shobj_description(oid, 'pg_authid') FROM pg_authid ORDER BY 2;
SELECT 'member', roleid::regrole, member::regrole, admin_option FROM pg_auth_members ORDER BY 2, 3;
SELECT 'database', datname, datdba::regrole, coalesce(datacl, acldefault('d', datdba)), shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 2;
SELECT 'tablespace', spcname, coalesce(spcacl, acldefault('t', spcowner)) FROM pg_tablespace ORDER BY 2;
SELECT 'setting', setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 2, 3;
SELECT 'parameter', parname, paracl FROM pg_parameter_acl ORDER BY 2;
SELECT 'slot', slot_name, plugin, slot_type, database, active FROM pg_replication_slots ORDER BY 2;
SELECT 'origin', roname FROM pg_replication_origin ORDER BY 2"""
LOCAL = """
SELECT 'publication', pubname, pubowner::regrole, puballtables, pubviaroot, obj_description(oid, 'pg_publication') FROM pg_publication ORDER BY 2;
SELECT 'published', p.pubname, prrelid::regclass FROM pg_publication_rel r JOIN pg_publication p ON p.oid = prpubid ORDER BY 2, 3;
SELECT 'relation', oid::regclass, relowner::regrole, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)), relreplident, relrowsecurity
  FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relnamespace <> ALL (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast|temp)') ORDER BY oid;
SELECT 'column', attrelid::regclass, attname, attacl FROM pg_attribute WHERE attacl IS NOT NULL ORDER BY attrelid, attnum;
SELECT 'schema', nspname, nspowner::regrole, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)' ORDER BY 2;
SELECT 'function', oid::regprocedure, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc WHERE proacl IS NOT NULL OR oid >= 16384 ORDER BY oid;
SELECT 'default', defaclrole::regrole, defaclnamespace, defaclobjtype, defaclacl FROM pg_default_acl ORDER BY 2, 3, 4;
SELECT 'depends', classid::regclass, objid, refobjid::regrole, deptype FROM pg_shdepend
  WHERE refclassid = 'pg_authid'::regclass AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AND NOT refobjid::regrole::text = 'postgres' ORDER BY 2, 3, 4, 5;
SELECT 'trigger', evtname, evtowner::regrole FROM pg_event_trigger ORDER BY 2;
SELECT 'extension', extname, extversion FROM pg_extension ORDER BY 2"""


def world(prefix=""):
    """Everything outside and inside that a pipeline may leave, as text; slots of
    standbys are told apart by their order of nodes."""
    words = []
    for statement in SHARED.split(";"):
        if "pg_parameter_acl" in statement and SOURCE_VERSION < 15:
            continue
        words.append(source("postgres").lines(statement))
    for (database,) in source("postgres").rows("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1"):
        db = Db(SERVER_DSN, database)
        for statement in LOCAL.split(";"):
            words.append("".join("in %s: %s\n" % (database, line) for line in db.lines(statement).splitlines()))
        db.close()
    standby = Db(STANDBY_DSN, "postgres")
    words.append("".join("standby: " + line + "\n" for line in standby.lines("SELECT 'slot', slot_name FROM pg_replication_slots ORDER BY 2").splitlines()))
    standby.close()
    for n, path in enumerate(node_dirs()):
        words.append("".join("hba %d: %s" % (n, line) for line in open(os.path.join(path, "pg_hba.conf"), newline="")))
        words.append("".join("file %d: %s\n" % (n, name) for name in sorted(os.listdir(path)) if not re.match(r"postmaster\.(pid|opts)$|current_logfiles$", name)))
    for url in connect_urls():
        # 404: it has just been started
        code, names = wait(lambda: (lambda got: got if got[0] == 200 else None)(rest("GET", "/connectors", url=url)), 60) or (None, None)
        words.append("".join("connector at %s: %s\n" % (url, name) for name in sorted(names)) if code == 200 else "connectors at %s: unknown %s\n" % (url, code))
    words.append("files of secrets: %s\n" % " ".join(sorted(os.listdir(os.path.join(env["LAB_DIR"], "kafka/secrets")))))
    words.append("secrets: %s\n" % meta.one("SELECT coalesce(string_agg(pipeline_id || ' ' || purpose, ', ' ORDER BY 1), 'none') FROM cdc.pipeline_secret"))
    return "".join(words)


def same_ok(before, after, name):
    import difflib
    return ok(before == after, name, lambda: "\n".join(list(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=0))[:40]))
