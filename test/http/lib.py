"""lib.py: what the tests of the gateway share.

Owns: people and services in a metadata database (test/lib/cluster.py:
SCRAM on TCP, roles and organizations), the gateway under test (Gateway), and a
client that writes raw bytes (Raw).  $CDC_GATEWAY is the program, else the one
that was built.  Waits are conditions with a deadline.
"""
import atexit
import base64
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time              # noqa: F401  of the tests

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import *
from cluster import Cluster, PG_BIN      # noqa: F401  of the tests

PROGRAM = os.environ.get("CDC_GATEWAY") or os.path.join(TOP, "build/bin/cdc_gateway")


def stop_gateways():
    stopped = [gateway.stop() for gateway in list(Gateway.all)]
    assert all(stopped), "a gateway did not end as it should"


def main(test):
    """Runs a test; what it started is ended also when it ends badly."""
    run(test, stop_gateways)


# -- people and services ------------------------------------------------------------
PASSWORDS = {"alice": "alice's secret: 1", "bob": "bob-secret", "viola": "viola-secret", "stranger": "stranger-secret", "mon": "mon-secret", "gw": "gw-secret"}


def people(cluster):
    """alice owns acme, viola reads there, bob owns umbrella, mon watches, gw is the gateway's own role, stranger is nobody."""
    for name, password in PASSWORDS.items():
        cluster.sql("CREATE ROLE %s LOGIN PASSWORD '%s'" % (name, password.replace("'", "''")))
    cluster.sql("GRANT pg_monitor TO mon; SELECT cdc.grant_gateway('gw'); SELECT cdc.grant_monitoring('mon'); "
                "GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO alice, bob")
    org = {}
    for owner, name in (("alice", "acme"), ("bob", "umbrella")):
        org[name] = cluster.sql("SELECT cdc.create_organization('%s', '%s', true)" % (name, name), user=owner)
    cluster.sql("SELECT cdc.add_member('%s', 'viola', 'viewer')" % org["acme"], user="alice")
    cluster.sql("SELECT cdc.accept_membership('%s')" % org["acme"], user="viola")
    return org


def services(cluster, org, owner):
    """A source and a sink that nobody will reach: (source, sink)."""
    source = cluster.sql("SELECT cdc.register_service('pg', 'postgresql', 'se-sto1', '{\"nodes\":[{\"address\":\"127.0.0.1\",\"port\":1}],\"admin_user\":\"postgres\",\"admin_password\":\"none\"}', '17', '%s')" % org, user=owner)
    sink = cluster.sql("SELECT cdc.register_service('kafka', 'kafka', 'se-sto1', '{\"bootstrap\":\"127.0.0.1:1\",\"connect_urls\":[\"http://127.0.0.1:1\"],\"connect_cidrs\":[\"127.0.0.1/32\"],\"addons\":[\"kafka-connect\"],\"plaintext_connector_password\":true}', '3.9', '%s')" % org, user=owner)
    return source, sink


# -- the gateway -----------------------------------------------------------------------
class Gateway:
    all = []

    def __init__(self, dsn, **options):
        """options: settings of the gateway; own=False: without a role of its own."""
        self.dir = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_gateway.XXXXXX"], text=True).strip()
        atexit.register(shutil.rmtree, self.dir, True)
        listen = options.pop("listen", "127.0.0.1:0")
        self.v6 = listen.startswith("[")
        command = [PROGRAM, "--listen=" + listen, "--database=" + dsn, "--access-log=" + self.path("access")]
        if "user=" in dsn:
            with open(self.path("password"), "w") as out:
                out.write(PASSWORDS["gw"] + "\n")
            command.append("--password-file=" + self.path("password"))
        command += ["--%s=%s" % (name.replace("_", "-"), value) for name, value in options.items()]
        self.command = command
        self.errors = open(self.path("stderr"), "w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors,
                                        env=dict(os.environ, ASAN_OPTIONS="abort_on_error=0:detect_leaks=1:quarantine_size_mb=8", UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"))
        Gateway.all.append(self)
        match = wait(lambda: re.search(r"listening on .*:(\d+)", self.said()) or self.process.poll() is not None)
        if not hasattr(match, "group"):
            raise RuntimeError("the gateway does not start: " + self.said())
        self.port = int(match.group(1))
        self.tls = "tls_certificate" in options

    def path(self, name):
        return os.path.join(self.dir, name)

    def said(self):
        return open(self.path("stderr"), errors="replace").read()

    def log(self):
        """The access log: text."""
        return open(self.path("access"), errors="replace").read()

    def log_lines(self):
        return [json.loads(line) for line in self.log().splitlines()]

    def stop(self):
        """Ends it; a test result when that goes wrong (also what sanitizers find)."""
        if self not in Gateway.all:
            return True
        Gateway.all.remove(self)
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if code == 0 and "Sanitizer" not in self.said() and "runtime error" not in self.said():
            return True
        return ok(False, "the gateway ends well", "exit code %s\n%s" % (code, self.said()[-6000:]))

    def raw(self, timeout=20, address=None):
        """address: the client's own; IPv6 when the gateway listens there."""
        return Raw(self.port, self.tls, timeout, address or ("::1" if self.v6 else "127.0.0.1"), self.v6)

    def memory(self):
        """Bytes of it that are in memory."""
        return int(re.search(r"^VmRSS:\s+(\d+) kB", open("/proc/%d/status" % self.process.pid).read(), re.M).group(1)) * 1024

    def call(self, method, path, body=None, user=None, password=None, headers=(), timeout=40):
        """One request on a connection of its own: an Answer, or None when the connection ended without one."""
        lines = ["%s %s HTTP/1.1" % (method, path), "Host: gateway", "Connection: close"]
        if user:
            lines.append(basic(user, password if password is not None else PASSWORDS[user]))
        lines += list(headers)
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            lines += ["Content-Type: application/json", "Content-Length: %d" % len(data)]
        with self.raw(timeout) as raw:
            raw.send(("\r\n".join(lines) + "\r\n\r\n").encode() + data)
            return raw.answer(head=method == "HEAD")


def basic(user, password):
    return "Authorization: Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def flat(self):
        """Is it the contract's flat error?"""
        value = self.json()
        return isinstance(value, dict) and isinstance(value.get("error"), str) and isinstance(value.get("code"), str) and \
            self.headers.get("content-type") == "application/json; charset=utf-8"

    def __repr__(self):
        return "%s %r %r" % (self.status, self.headers, self.body[:400])


class Raw:
    """A connection that sends what it is told."""

    def __init__(self, port, tls=False, timeout=20, address="127.0.0.1", v6=False):
        """address: the client's own."""
        self.socket = socket.create_connection(("::1" if v6 else "127.0.0.1", port), timeout, (address, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def fileno(self):
        return self.socket.fileno()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def more(self):
        """Reads some; False at the end (a reset counts as one)."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return False
        self.buffer += data
        return bool(data)

    def answer(self, head=False):
        """The next answer (100 is skipped unless it is all), None at the end."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                return None
        text, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = text.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0)) if not head and status not in (100, 204, 304) else 0
        while len(self.buffer) < length:
            if not self.more():
                break
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(status, headers, body)

    def ended(self, seconds=20):
        """Does the server end the connection, in this time, without a word more?"""
        self.socket.settimeout(seconds)
        try:
            return not self.more() and self.buffer == b""
        except socket.timeout:
            return False
