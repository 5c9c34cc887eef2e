"""lib.py: what the hostile tests share: a world with somebody to harm, and the questions at the end.

Owns: a metadata database with its worker, a true source and a true Kafka
Connect (connect_sim), an organization whose pipeline runs while others lie
(the bystander), one that attacks (acme), and closing_questions().  The liars
are in peers.py.  Waits are conditions with a deadline.
"""
import atexit
import json
import os
import re
import shutil
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
sys.path.insert(0, HERE)
from tap import *
from cluster import Cluster, PG_BIN
from peers import *

SIMULATOR = os.path.join(TOP, "build/sim/connect_sim")
ADMIN_PASSWORD = "the-admins-secret-0a1b2c"
LOOK = "WITH RECURSIVE given AS MATERIALIZED"       # what a look at a source says, of the worker's questions it alone

META_SETTINGS = """
log_line_prefix = '%m [%p] %q%a '
cdc_pipeline.health_interval = '500ms'
cdc_pipeline.connect_timeout = '2s'
cdc_pipeline.member_networks = '127.0.0.0/8'
"""

SOURCE_SETTINGS = """
wal_level = logical
max_wal_senders = 20
max_replication_slots = 20
log_line_prefix = '%m [%p] %q%a '
"""


def main(test):
    run(test)


def literal(text):
    return "NULL" if text is None else "'" + str(text).replace("'", "''") + "'"


class Simulator:
    """connect_sim as a true Kafka Connect; kept: its state survives it, which costs a file at each change."""

    def __init__(self, kept=True, **settings):
        self.dir = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_sim.XXXXXX"], text=True).strip()
        atexit.register(shutil.rmtree, self.dir, True)
        command = [SIMULATOR, "--port", "0"] + (["--state", os.path.join(self.dir, "state")] if kept else [])
        for name, value in settings.items():
            command += ["--" + name, str(value)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(os.path.join(self.dir, "log"), "w"))
        atexit.register(self.process.kill)
        self.port = int(self.process.stdout.readline())

    def url(self):
        return "http://127.0.0.1:%d" % self.port

    def get(self, path):
        with socket.create_connection(("127.0.0.1", self.port), 20) as sock:
            sock.sendall(("GET %s HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n" % path).encode())
            said = b""
            while True:
                got = sock.recv(65536)
                if not got:
                    break
                said += got
        return json.loads(said.split(b"\r\n\r\n", 1)[1] or b"null")


class Held:
    """
    A transaction that a user leaves open after these statements, until end(); pid: of its session; said: what they gave.
    No statement waits longer than that for a lock: then it is a RuntimeError.
    """

    def __init__(self, cluster, user, *statements, seconds=20):
        self.process = subprocess.Popen([PG_BIN + "/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", cluster.dir, "-p", str(cluster.port), "-U", user, "cdc"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        atexit.register(self.process.kill)
        self.process.stdin.write("SET lock_timeout = '%ds'; BEGIN;\n%s;\nSELECT 'held by ' || pg_backend_pid();\n" % (seconds, ";\n".join(statements)))
        self.process.stdin.flush()
        self.said, line = [], None
        while line is None or not line.startswith("held by "):
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("not held: %s" % "".join(self.said))
            self.said.append(line.rstrip("\n"))
        self.pid = int(self.said.pop().split()[-1])

    def end(self, how="ROLLBACK"):
        self.process.communicate(how + ";\n")


class World:
    """
    Organization "umbrella" (its owner bob) has a source and a sink that are true, and a pipeline that is Running;
    "acme" (its owner alice) is who attacks.  settings: more lines of the metadata's postgresql.conf; preload: a library
    that the metadata's processes load.
    """

    def __init__(self, settings="", source_settings="", bystander=True, preload=None):
        self.secrets, self.peers, self.copies = {}, [], None
        self.source = Cluster(plain=True, settings=SOURCE_SETTINGS + source_settings)
        self.source.sql("CREATE ROLE cdc_admin SUPERUSER LOGIN PASSWORD %s" % literal(ADMIN_PASSWORD), "postgres")
        self.source.sql("CREATE DATABASE shop", "postgres")
        self.source.sql("CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a')", "shop")
        self.connect = Simulator()
        self.meta = Cluster(settings=META_SETTINGS + settings, preload=preload)
        self.orgs = {}
        for owner, name in (("alice", "acme"), ("bob", "umbrella")):
            self.meta.sql("CREATE ROLE %s LOGIN" % owner)
            self.orgs[owner] = self.meta.sql("SELECT cdc.create_organization(%s)" % literal(name))
            self.meta.sql("SELECT cdc.add_member(%s, %s, 'owner')" % (literal(self.orgs[owner]), literal(owner)))
        self.plant(ADMIN_PASSWORD)
        wait(lambda: self.meta.sql("SELECT state FROM cdc.worker_state()") == "running")
        self.worker = self.worker_pid()
        self.bystander = None
        if bystander:
            self.bystander_source = self.register("bob", "postgresql", self.true_source())
            self.bystander_sink = self.register("bob", "kafka", self.sink(self.connect.url()))
            self.bystander = self.pipeline("bob", self.bystander_source, self.bystander_sink, name="bystander")
            if not self.running(self.bystander):
                raise RuntimeError("the bystander does not run: %s" % self.message(self.bystander))

    # -- who is who ---------------------------------------------------------------------
    def plant(self, secret, *peers):
        """A text that only these peers may hear (and the true source and sink)."""
        self.secrets[secret] = set(self.secrets.get(secret, ())) | set(peers)
        return secret

    def liar(self, peer):
        """A peer whose ears are looked into at the end."""
        self.peers.append(peer)
        return peer

    def sql(self, statement, user="postgres"):
        return self.meta.sql(statement, user=user)

    def refused(self, statement, user="postgres"):
        """What the server says to a statement that it refuses; None: it did not."""
        try:
            self.meta.sql(statement, user=user)
        except RuntimeError as why:
            return str(why)
        return None

    # -- services and pipelines -------------------------------------------------------------
    def true_source(self, **more):
        return dict({"nodes": [{"address": "127.0.0.1", "port": self.source.port}], "database": "shop",
                     "admin_user": "cdc_admin", "admin_password": ADMIN_PASSWORD}, **more)

    def lying_source(self, *peers, password=None, **more):
        """Connection of a source at peers; the password that is planted for them."""
        password = self.plant(password or "secret-for-liars-7f", *peers)
        return dict({"nodes": [{"address": "127.0.0.1", "port": peer.port} for peer in peers], "database": "shop",
                     "admin_user": "cdc_admin", "admin_password": password}, **more)

    def sink(self, *urls, **more):
        return dict({"bootstrap": "127.0.0.1:9093", "connect_urls": list(urls), "connect_cidrs": ["127.0.0.1/32"], "addons": ["kafka-connect"],
                     "plaintext_connector_password": True}, **more)

    def register(self, user, kind, connection, name=None, share=True):
        """share: a superuser lets the organization use its Kafka Connect, which is the bystander's too, or leads there."""
        name = name or "%s-%d" % (kind, len(self.sql("SELECT id FROM cdc.service").splitlines()))
        for url in connection.get("connect_urls", []) if share else []:
            self.sql("SELECT cdc.share_connect(%s, %s)" % (literal(url), literal(self.orgs[user])))
        return self.sql("SELECT cdc.register_service(%s, %s, 'se-sto1', %s::jsonb, organization => %s)" %
                        (literal(name), literal(kind), literal(json.dumps(connection)), literal(self.orgs[user])), user)

    def pipeline(self, user, source, sink, name="p", tables=("orders",), database="shop", **more):
        arguments = {"name": literal(name), "source": literal(source), "sink": literal(sink), "database_name": literal(database),
                     "tables": "ARRAY[%s]::text[]" % ", ".join(map(literal, tables)), "organization": literal(self.orgs[user]),
                     "topic_prefix": literal(name)}
        arguments.update({key: literal(json.dumps(value) if isinstance(value, dict) else value) for key, value in more.items()})
        return self.sql("SELECT cdc.create_pipeline(%s)" % ", ".join("%s => %s" % item for item in sorted(arguments.items())), user)

    def spec(self, id):
        return json.loads(self.sql("SELECT to_jsonb(s) FROM cdc.pipeline_spec s WHERE id = %s" % literal(id)) or "null")

    def message(self, id):
        return (self.spec(id) or {}).get("error_message") or ""

    def says(self, id, part, seconds=30):
        """Waits until the pipeline's message has this part; the message as it is then."""
        wait(lambda: part in self.message(id), seconds, 0.1)
        return self.message(id)

    def running(self, id, seconds=40):
        def there():
            spec = self.spec(id)
            return spec and spec["status"] == "Running" and not spec["error_message"]
        return wait(there, seconds, 0.05)

    def service_message(self, id):
        return self.sql("SELECT coalesce(status_message, '') FROM cdc.service WHERE id = %s" % literal(id))

    def service_says(self, id, part, seconds=30):
        wait(lambda: part in self.service_message(id), seconds, 0.1)
        return self.service_message(id)

    # -- the worker ----------------------------------------------------------------------------
    def worker_pid(self):
        return int(self.sql("SELECT coalesce(pid, 0) FROM cdc.worker_state()"))

    def forget_memory(self):
        """What the worker had until now is none of memory()'s."""
        try:
            with open("/proc/%d/clear_refs" % self.worker_pid(), "w") as file:
                file.write("5")
        except OSError:
            pass                        # where the kernel does not let: memory() is the most of all time

    def memory(self):
        """The most memory that the worker has had, in MB; not told where instruments have the most of it."""
        if "CHECK_PG_BIN" in os.environ:
            return 0
        text = open("/proc/%d/status" % self.worker_pid()).read()
        return int(re.search(r"VmHWM:\s*(\d+)", text).group(1)) // 1024

    def longest_step(self):
        """Seconds of the longest step of the worker's loop, of late; not told where instruments make all of them long."""
        if "CHECK_PG_BIN" in os.environ:
            return 0.0
        return float(self.sql("SELECT cdc_inner.worker_longest_step()"))

    def rounds(self):
        return int(self.sql("SELECT rounds FROM cdc.worker_state()"))

    def passes_round(self, id, seconds=20):
        """Is the pipeline looked at by a health round that begins from now on, and found Running?"""
        query = "SELECT last_health_check_at FROM cdc.pipeline WHERE id = %s" % literal(id)
        seen = [self.sql(query)]

        def another():
            now = self.sql(query)
            if now not in seen:
                seen.append(now)
            return len(seen) > 2
        return wait(another, seconds, 0.1) and (self.spec(id) or {}).get("status") == "Running"

    def forget_worker(self):
        """A test that ends the worker itself says so."""
        self.worker = wait(self.worker_pid)

    # -- at the end ------------------------------------------------------------------------------
    def connector_passwords(self):
        found = []
        for name in self.connect.get("/connectors"):
            config = self.connect.get("/connectors/%s/config" % name)
            if isinstance(config, dict) and "$" not in config.get("database.password", "$"):
                found.append(config["database.password"])
        return found

    def closing_questions(self, case, forbidden=()):
        """
        What each case is asked at its end: four results.  forbidden: pipelines that must never have been Running.
        """
        dump = subprocess.run([PG_BIN + "/pg_dump", "-h", self.meta.dir, "-p", str(self.meta.port), "-U", "postgres", "cdc"], check=True, stdout=subprocess.PIPE).stdout
        places = {"a row of the metadata": dump, "the metadata's log": self.meta.log().encode(errors="replace"), "the source's log": self.source.log().encode(errors="replace")}
        found = ["%s... in %s" % (secret[:4], place) for place, text in places.items() for secret in list(self.secrets) + self.connector_passwords() if secret.encode() in text]
        for peer in self.peers:
            heard = peer.heard()
            found += ["%s... sent to port %d" % (secret[:4], peer.port) for secret, may in self.secrets.items() if peer not in may and secret.encode() in heard]
        ok(not found, case + ": no secret is where it does not belong", "; ".join(found))

        harmed = []
        if self.bystander and not self.passes_round(self.bystander):
            harmed.append("the bystander passes no round as Running: %r" % self.spec(self.bystander))
        for id in forbidden:
            if self.sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = %s AND status_to = 'Running'" % literal(id)) != "0":
                harmed.append("pipeline %s was Running" % id)
        harmed += ["a test's peer: " + error for peer in self.peers for error in peer.errors]
        ok(not harmed, case + ": nobody else is harmed", "; ".join(harmed))

        died = re.findall(r".*(?:terminated by signal|exited with exit code|server process .* was|all server processes terminated).*", self.meta.log())
        equal((self.worker_pid(), [line for line in died if "cdc_pipeline" in line or "signal" in line]), (self.worker, []), case + ": the worker is the same process")

        why = self.restore(dump)
        ok(why is None, case + ": the dump restores", why)

    def restore(self, dump):
        """Into a fresh database of another server: None, or why not."""
        try:
            dump.decode("utf-8")
        except UnicodeDecodeError as error:
            return "the dump is not UTF-8: %s" % error
        if self.copies is None:
            self.copies = Cluster(plain=True, settings="shared_preload_libraries = 'cdc_pipeline'\ncdc_pipeline.database_name = 'restored'\ncdc_pipeline.enabled = off\n")
            self.copies.sql("".join("CREATE ROLE %s;" % role for role in self.sql("SELECT quote_ident(rolname) FROM pg_roles WHERE oid >= 16384").splitlines()), "postgres")
        self.copies.sql("DROP DATABASE IF EXISTS restored", "postgres")
        self.copies.sql("CREATE DATABASE restored TEMPLATE template0 ENCODING 'UTF8'", "postgres")
        try:
            self.copies.sql(dump.decode(), "restored")
        except RuntimeError as why:
            return str(why)
        return None if int(self.copies.sql("SELECT count(*) FROM cdc.pipeline_event", "restored")) > 0 or not self.bystander else "no event was restored"
