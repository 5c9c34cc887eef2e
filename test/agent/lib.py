"""lib.py: what the tests of cdc_agent share.

Owns: a directory of the test's own, the agent (the program in $CDC_AGENT),
a worker to restart (worker.py) and archives.  The worker is a stand-in on
purpose: it comes back, or not, as a test says.  The real one is in test/real.

Waits are conditions with a deadline.
"""
import atexit
import glob
import hashlib
import http.client
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time              # noqa: F401  of the tests
import http.server

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import *

PROGRAM = os.environ.get("CDC_AGENT", os.path.join(TOP, "build/bin/cdc_agent"))
CLASS = "io.debezium.connector.postgresql.PostgresConnector"
TOKEN = "a-token-of-the-tests-0123456789"

def main(test):
    run(test)


# -- the place ----------------------------------------------------------------
work = tempfile.mkdtemp(prefix="cdc_agent_test.")
atexit.register(shutil.rmtree, work, ignore_errors=True)


def write(path, data, mode=0o644):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    os.chmod(path, mode)
    return path


class Worker:
    """A worker that lists what was in its plugin directory when it started."""

    def __init__(self, place):
        self.place, self.port = place, free_port()
        self.plugins = os.path.join(place, "plugins")
        os.makedirs(self.plugins, exist_ok=True)
        self.script = write(os.path.join(place, "restart"), """#!/bin/sh
echo restart >> %(place)s/restarts
[ ! -e %(place)s/refuse ] || { echo "the unit is masked"; exit 3; }
kill -9 $(cat %(place)s/worker.pid) 2>/dev/null
: > %(place)s/worker.pid
while [ -e %(place)s/hang ]; do sleep 0.05; done
[ ! -e %(place)s/stay_away ] || exit 0
setsid %(python)s %(here)s/worker.py %(port)d %(plugins)s >%(place)s/worker.log 2>&1 </dev/null & echo $! >> %(place)s/worker.pid
""" % dict(place=place, here=HERE, port=self.port, plugins=self.plugins, python=sys.executable), 0o755)
        atexit.register(self.kill)

    def flag(self, name, on=True):
        path = os.path.join(self.place, name)
        if on:
            open(path, "w").close()
        elif os.path.exists(path):
            os.unlink(path)

    def kill(self):
        """All of them: commands that hung, and go on together, start one each."""
        for pid in lines_of(os.path.join(self.place, "worker.pid")).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass

    def restarts(self):
        path = os.path.join(self.place, "restarts")
        return open(path).read().count("\n") if os.path.exists(path) else 0

    def versions(self):
        """What it lists; None: it does not answer."""
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            c.request("GET", "/connector-plugins")
            return sorted(p["version"] for p in json.load(c.getresponse()))
        except OSError:
            return None


class Agent:
    def __init__(self, place=None, start=True, **settings):
        self.place = place or tempfile.mkdtemp(dir=work)
        self.worker = Worker(self.place)
        for name, mode in (("state", 0o700), ("secrets", 0o700)):
            os.makedirs(os.path.join(self.place, name), exist_ok=True)
            os.chmod(os.path.join(self.place, name), mode)
        self.token_file = write(os.path.join(self.place, "token"), TOKEN + "\n", 0o600)
        self.settings = {"port": 0, "token_file": self.token_file, "plugin_dir": self.worker.plugins,
                         "state_dir": os.path.join(self.place, "state"), "secret_dir": os.path.join(self.place, "secrets"),
                         "restart_command": [self.worker.script], "connect_url": "http://127.0.0.1:%d" % self.worker.port,
                         "allowed_urls": ["http://127.0.0.1:", "file://" + work + "/"], "worker_timeout": 60, "restart_timeout": 60}
        self.settings.update(settings)
        self.process = None
        self.scheme = "https" if "tls_key" in settings else "http"
        atexit.register(self.end)
        if start:
            self.start()

    def configure(self, **settings):
        self.settings.update(settings)

    def run(self, env=None, program=PROGRAM):
        self.settings = {k: v for k, v in self.settings.items() if v is not None}
        config = write(os.path.join(self.place, "agent.json"), json.dumps(self.settings))
        self.log = open(os.path.join(self.place, "agent.log"), "ab")
        whole = dict({"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1"}, **dict(os.environ, **(env or {})))
        self.process = subprocess.Popen([program, "--config", config], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, env=whole)
        line = self.process.stdout.readline().decode()
        self.port = int(line.split()[-1]) if line else None
        return self.port is not None

    def start(self, **how):
        if not self.run(**how):
            raise RuntimeError("the agent does not start: " + self.says())

    def says(self):
        return open(os.path.join(self.place, "agent.log"), errors="replace").read()

    def refuses_to_start(self):
        """What it says when it does not start."""
        size = os.path.getsize(os.path.join(self.place, "agent.log")) if os.path.exists(os.path.join(self.place, "agent.log")) else 0
        if self.run():
            self.kill()
            return None
        self.process.wait()
        return self.says()[size:]

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)

    def end(self):
        """When the test is over: as it is stopped, for what it has counted is written then (test/lint/coverage)."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def ask(self, method, path, body=None, token=TOKEN, raw=None):
        """(status, decoded body); status 0: no answer."""
        import ssl
        try:
            if self.scheme == "https":
                c = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=ssl._create_unverified_context())
            else:
                c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            headers = {"Authorization": "Bearer " + token} if token is not None else {}
            c.request(method, path, raw if raw is not None else None if body is None else json.dumps(body), headers)
            answer = c.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException):
            return 0, None

    def job(self):
        return (self.ask("GET", "/v1/job")[1] or {}).get("job")

    def ended(self, seconds=90):
        """The last job, once it has ended."""
        def there():
            job = self.job()
            return job if job and job["state"] in ("done", "failed") else None
        return wait(there, seconds)

    def put(self, url, sha512, version, name="debezium", **more):
        return self.ask("PUT", "/v1/plugins/" + name, dict({"url": url, "sha512": sha512, "version": version, "class": CLASS}, **more))

    def install(self, archive, version, name="debezium", **more):
        """Installs a file; the ended job, or the refusal."""
        status, body = self.put(more.pop("url", "file://" + archive), more.pop("sha512", None) or sha512(archive), version, name, **more)
        return self.ended() if status == 202 else body

    def clean(self):
        """Nothing of a job is left in its state directory."""
        state = self.settings["state_dir"]
        return os.listdir(os.path.join(state, "beside")) == [] and not {"download", "unpack"} & set(os.listdir(state))


# -- archives -----------------------------------------------------------------
def sha512(path):
    with open(path, "rb") as f:
        return hashlib.sha512(f.read()).hexdigest()


def member(name, data=b"", **what):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in what.items():
        setattr(info, key, value)
    return info, data


def archive(members, name="a.tar.gz", mode="w:gz"):
    path = os.path.join(tempfile.mkdtemp(dir=work), name)
    with tarfile.open(path, mode, format=tarfile.GNU_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def plugin(version, top="debezium-connector-postgres/", more=(), files=5):
    """A plugin that the worker understands; every file says its version."""
    members = [member(top + "version", version.encode())]
    for n in range(files):
        members.append(member("%slib%d.jar" % (top, n), (version + " %d " % n).encode() * 20000))
    return archive(members + [member(*m) if isinstance(m, tuple) else m for m in more])


def tree(path):
    """Every file below, by content, the manifest aside: what a user would call the plugin."""
    if not os.path.isdir(path):
        return None
    found = []
    for where, _, names in os.walk(path):
        found += [(os.path.relpath(os.path.join(where, n), path), hashlib.md5(open(os.path.join(where, n), "rb").read()).hexdigest())
                  for n in names if n != ".cdc_agent.json"]
    return tuple(sorted(found))


class Web(http.server.ThreadingHTTPServer):
    """Serves what answers says: path -> (status, headers, body, bytes to send before it is cut)."""

    def __init__(self):
        self.answers = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body, cut = outer.answers.get(self.path, (404, {}, b"", None))
                self.send_response(status)
                for item in headers.items():
                    self.send_header(*item)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body if cut is None else body[:cut])
                except OSError:
                    return
                if cut is not None:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.server_address[1], path)


# -- a host of services ---------------------------------------------------------
CACHE = os.environ.get("LAB_CACHE", os.path.join(TOP, "build/cache"))
POSTGRESQL = "/usr/lib/postgresql"
PG_VERSION = "15"
PASSWORDS = {"admin_password": "of-the-admin-0123456789", "app_password": "of-the-app-0123456789", "agent_token": "of-the-agent-0123456789"}


def lines_of(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def some_uids(n=20):
    """A range of user ids that no other agent of this machine has, most likely."""
    first = random.randrange(100_000, 900_000, n)
    return "%d-%d" % (first, first + n - 1)


class Host(Agent):
    """An agent in provisioning mode, with real servers."""

    def __init__(self, start=True, addresses="127.78.0.0/24", **settings):
        os.chmod(work, 0o711)
        self.place = tempfile.mkdtemp(dir=work)
        os.chmod(self.place, 0o711)
        self.services = settings.get("services_dir", os.path.join(self.place, "services"))
        self.postgresql = os.path.join(self.place, "postgresql")
        self.kafka = os.path.join(self.place, "kafka")
        for path in (self.postgresql, self.kafka):
            os.mkdir(path)
        os.symlink(os.path.join(POSTGRESQL, PG_VERSION), os.path.join(self.postgresql, PG_VERSION))
        for name in sorted(os.listdir(CACHE)) if os.path.isdir(CACHE) else []:
            if re.fullmatch(r"kafka-\d+\.\d+\.\d+", name):
                os.symlink(os.path.join(CACHE, name), os.path.join(self.kafka, name[len("kafka-"):].rsplit(".", 1)[0]))
        token = write(os.path.join(self.place, "token"), TOKEN + "\n", 0o600)
        self.settings = {"port": 0, "token_file": token, "services_dir": self.services, "service_uids": some_uids(), "service_addresses": addresses,
                         "postgresql_dir": self.postgresql, "kafka_dir": self.kafka, "allowed_urls": ["file://" + CACHE + "/"]}
        self.settings.update(settings)
        self.process, self.scheme = None, "http"
        atexit.register(self.destroy)
        if start:
            self.start()

    def pids(self):
        """Every process that works below services_dir, the agent aside."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink("/proc/%s/cwd" % entry).startswith(self.services + "/"):
                    found.append(int(entry))
            except OSError:
                pass
        return found

    def power_off(self):
        """The agent and all that it has started die in one moment, as with the machine."""
        self.kill()
        while self.pids():
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass

    def destroy(self):
        self.end()
        self.power_off()
        number = os.stat(self.services).st_ino if os.path.exists(self.services) else 0
        for path in glob.glob("/sys/fs/cgroup/*/cdc_services/*.%d" % number):
            try:
                os.rmdir(path)
            except OSError:
                pass

    def order(self, id, **more):
        body = dict({"type": "postgresql", "version": PG_VERSION, "admin_user": "postgres", "app_user": "app_user",
                     "admin_password": PASSWORDS["admin_password"], "app_password": PASSWORDS["app_password"]}, **more)
        return self.ask("PUT", "/v1/services/" + id, body)

    def service(self, id):
        return (self.ask("GET", "/v1/services/" + id)[1] or {}).get("service")

    def becomes(self, id, state="running", seconds=60, says="", **more):
        """The service in this state (and its connect in that), saying this, or as it was last seen."""
        def there():
            s = self.service(id)
            return s and s["state"] == state and says in (s["message"] or "") and all((s.get(k) or {}).get("state") == v for k, v in more.items()) and s
        return wait(there, seconds, 0.05) or self.service(id)

    def gone(self, id, seconds=30):
        return wait(lambda: self.ask("GET", "/v1/services/" + id)[0] == 404, seconds, 0.05)

    def psql(self, address, sql, user="app_user", password=None, database="defaultdb"):
        """(exit code, output)"""
        password = password or PASSWORDS["app_password" if user == "app_user" else "admin_password"]
        done = subprocess.run([os.path.join(POSTGRESQL, PG_VERSION, "bin/psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", address, "-p", "5432", "-U", user,
                               "-d", database, "-c", sql], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, PGPASSWORD=password, PGCONNECT_TIMEOUT="3"))
        return done.returncode, done.stdout.decode().strip()

    def pid_of(self, id, name):
        """Of the process that was started last; the file is empty while one is being started."""
        return int(wait(lambda: open(os.path.join(self.services, id, name + ".pid")).read().split(), 10, 0.01)[0])
