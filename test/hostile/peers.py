"""peers.py: a PostgreSQL server and an HTTP server that say what a test wants.

Owns: their sockets and threads, and every byte that came in (heard).  Without
a lie they pass the question on to something that is true, where a test gave
one.  Knows nothing of cdc_pipeline.
"""
import atexit
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

from tap import free_port

ITERATIONS = 4096


def certificate(name="127.0.0.1", directory=None):
    """A self-signed certificate for an address or a name: the paths of its PEM and of its key."""
    if directory is None:
        directory = tempfile.mkdtemp(prefix="cdc_peer.", dir="/var/tmp")
        atexit.register(shutil.rmtree, directory, True)
    pem, key = os.path.join(directory, "crt"), os.path.join(directory, "key")
    kind = "IP" if re.match(r"[0-9.:]+$", name) else "DNS"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=" + name, "-addext", "subjectAltName=%s:%s" % (kind, name), "-keyout", key, "-out", pem],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return pem, key


class Peer:
    """Listens on a port of its own; a thread a connection.  tls: (certificate, key)."""

    def __init__(self, tls=None):
        self.port = free_port()
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.bytes = []
        self.connections = 0
        self.errors = []            # what went wrong in a test's own function
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve_one, args=(client,), daemon=True).start()

    def serve_one(self, client):
        try:
            self.serve(client)
        except (OSError, EOFError, ssl.SSLError):
            pass
        except Exception as error:
            self.errors.append("%s: %s" % (type(error).__name__, error))
        finally:
            client.close()

    def close(self):
        self.listener.close()

    def heard(self):
        """All that anybody sent, decrypted, with the credentials of HTTP in clear behind it."""
        said = b"".join(self.bytes)
        basic = [base64.b64decode(word + b"==") for word in re.findall(rb"(?i)authorization: *basic +([A-Za-z0-9+/]+)", said)]
        return b"\n".join([said] + basic)


# -- PostgreSQL ---------------------------------------------------------------------------
def message(kind, payload=b""):
    return kind.encode() + struct.pack("!I", len(payload) + 4) + payload


def as_bytes(value):
    return value if value is None or isinstance(value, bytes) else str(value).encode()


def columns(*names):
    """A RowDescription of text columns."""
    return message("T", struct.pack("!H", len(names)) + b"".join(name.encode() + b"\0" + struct.pack("!IHIhih", 0, 0, 25, -1, -1, 0) for name in names))


def row(*values):
    """A DataRow; None is NULL."""
    parts = [struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in map(as_bytes, values)]
    return message("D", struct.pack("!H", len(values)) + b"".join(parts))


def complete(tag="SELECT 1"):
    return message("C", tag.encode() + b"\0")


def rows(names, *values):
    """A whole result: names of the columns, then a tuple a row."""
    return columns(*names) + b"".join(row(*v) for v in values) + complete("SELECT %d" % len(values))


def bytes_of(*texts):
    """A look's answer: a bytea a row, in binary; the server's first, then one a pipeline."""
    return columns("j")[:-2] + struct.pack("!h", 1) + b"".join(row(text) for text in texts) + complete("SELECT %d" % len(texts))


def report(kind, text, code="XX000", severity="ERROR"):
    fields = b"S" + severity.encode() + b"\0V" + severity.encode() + b"\0C" + code.encode() + b"\0M" + as_bytes(text) + b"\0\0"
    return message(kind, fields)


def error(text, code="XX000"):
    return report("E", text, code)


def notice(text):
    return report("N", text, "00000", "NOTICE")


def notification(channel, payload):
    return message("A", struct.pack("!i", 1) + as_bytes(channel) + b"\0" + as_bytes(payload) + b"\0")


def ready(state="I"):
    return message("Z", state.encode())


class Wire:
    """Messages of the protocol on a socket."""

    def __init__(self, sock, heard):
        self.sock, self.heard = sock, heard

    def take(self, n):
        data = b""
        while len(data) < n:
            got = self.sock.recv(n - len(data))
            if not got:
                raise EOFError
            data += got
        self.heard.append(data)
        return data

    def read(self):
        """(kind, payload)"""
        head = self.take(5)
        return head[:1].decode("latin-1"), self.take(struct.unpack("!I", head[1:])[0] - 4)

    def send(self, data):
        self.sock.sendall(data)


class Question:
    """One statement: its text, its parameters (text), and the session that asks."""

    def __init__(self, session, sql, params, raw):
        self.session, self.sql, self.params, self.raw = session, sql, params, raw

    def honest(self):
        """What the true server says: [(kind, payload)] up to its ReadyForQuery."""
        return self.session.upstream.ask(self.raw)

    def values(self, column=0):
        """One column of each row that the true server gives; None: NULL."""
        found = []
        for kind, payload in self.honest():
            if kind == "D":
                at = 2
                for n in range(struct.unpack("!H", payload[:2])[0]):
                    size = struct.unpack("!i", payload[at:at + 4])[0]
                    at += 4
                    if n == column:
                        found.append(None if size < 0 else payload[at:at + size])
                    at += max(size, 0)
        return found

    def value(self, column=0):
        """Of the first row; None: NULL or no row."""
        return next(iter(self.values(column)), None)


class Upstream:
    """A session of the true server, without a password, on its socket."""

    def __init__(self, cluster, params):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(os.path.join(cluster.dir, ".s.PGSQL.%d" % cluster.port))
        self.wire = Wire(sock, [])
        body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in params.items() if k != "replication") + b"\0"
        self.wire.send(struct.pack("!II", len(body) + 8, 196608) + body)
        self.greeting = self.until_ready()

    def until_ready(self):
        said = []
        while True:
            said.append(self.wire.read())
            if said[-1][0] in "ZE" and (said[-1][0] == "Z" or len(said) == 1):
                return said

    def ask(self, raw):
        self.wire.send(raw)
        return self.until_ready()


def pass_on(one, other, heard):
    """Everything between two sockets, until either ends."""
    def pump(source, target, ear):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if ear is not None:
                    ear.append(data)
                target.sendall(data)
        except OSError:
            pass
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    back = threading.Thread(target=pump, args=(other, one, None), daemon=True)
    back.start()
    pump(one, other, heard)
    back.join()


class Session(Wire):
    """A client of a PgPeer, while it logs in and afterwards."""

    def __init__(self, peer, sock):
        super().__init__(sock, peer.bytes)
        self.peer, self.params, self.upstream, self.tls = peer, {}, None, False

    def startup(self):
        while True:
            length = struct.unpack("!I", self.take(4))[0]
            body = self.take(length - 4)
            code = struct.unpack("!I", body[:4])[0]
            if code in (80877103, 80877104):
                wanted = code == 80877103 and self.peer.context is not None
                self.send(b"S" if wanted else b"N")
                if wanted:
                    self.sock = self.peer.context.wrap_socket(self.sock, server_side=True)
                    self.tls = True
                continue
            if code != 196608:
                raise EOFError
            words = body[4:].split(b"\0")
            self.params = {words[i].decode(): words[i + 1].decode() for i in range(0, len(words) - 1, 2) if words[i]}
            return

    def password(self):
        """The client's next message, when it is one of type p; else the session ends."""
        kind, payload = self.read()
        if kind != "p":
            raise EOFError
        return payload

    # -- ways to log in: each returns when the client is let in ----------------------
    def trust(self):
        self.send(message("R", struct.pack("!I", 0)))

    def cleartext(self):
        self.send(message("R", struct.pack("!I", 3)))
        self.peer.passwords.append(self.password().rstrip(b"\0").decode())
        self.trust()

    def md5(self):
        self.send(message("R", struct.pack("!I", 5) + b"salt"))
        self.peer.passwords.append(self.password().rstrip(b"\0").decode())
        self.trust()

    def scram(self, final=True, then=None, mechanisms=("SCRAM-SHA-256",)):
        """
        With the peer's password; final False: without the server's signature; then: a request after SASL has begun,
        in place of its end.
        """
        self.send(message("R", struct.pack("!I", 10) + b"".join(m.encode() + b"\0" for m in mechanisms) + b"\0"))
        first = self.password()
        mechanism, rest = first.split(b"\0", 1)
        bare = re.sub(rb"^[^,]*,[^,]*,", b"", rest[4:])
        salt = b"0123456789abcdef"
        server_first = b"r=" + re.search(rb"r=([^,]+)", bare).group(1) + b"abcdef,s=" + base64.b64encode(salt) + b",i=%d" % ITERATIONS
        self.send(message("R", struct.pack("!I", 11) + server_first))
        if then:
            return then()
        last = self.password()
        without = last[:last.rindex(b",p=")]
        salted = hashlib.pbkdf2_hmac("sha256", (self.peer.password or "").encode(), salt, ITERATIONS)
        signature = hmac.new(hmac.new(salted, b"Server Key", "sha256").digest(), bare + b"," + server_first + b"," + without, "sha256").digest()
        if final:
            self.send(message("R", struct.pack("!I", 12) + b"v=" + base64.b64encode(signature)))
        self.trust()


class PgPeer(Peer):
    """
    login: the name of a way in Session, or a function of one.  answer: a function of a Question that gives
    bytes (messages of a result; what frames them is added), Raw(bytes), an iterator of bytes, or None: the truth,
    which is a Cluster, or else an empty result.  Who logs in under another name than liar_to's is passed on to the
    truth as he comes.
    """

    def __init__(self, answer=None, login="scram", password=None, truth=None, tls=None, liar_to="cdc_admin"):
        self.liar_to = liar_to
        self.answer, self.login, self.password, self.truth = answer, login, password, truth
        self.asked, self.passwords = [], []
        super().__init__(tls)

    def serve(self, client):
        session = Session(self, client)
        session.startup()
        if self.truth and session.params.get("user") != self.liar_to:
            body = struct.pack("!I", 196608) + b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in session.params.items()) + b"\0"
            with socket.create_connection(("127.0.0.1", self.truth.port)) as true:
                true.sendall(struct.pack("!I", len(body) + 4) + body)
                pass_on(session.sock, true, self.bytes)
            return
        (self.login if callable(self.login) else getattr(Session, self.login))(session)
        if self.truth:
            session.upstream = Upstream(self.truth, dict(session.params, user="postgres"))
            greeting = b"".join(message(k, p) for k, p in session.upstream.greeting if k in "SKZE")
        else:
            status = {"server_version": "15.6", "server_encoding": "UTF8", "client_encoding": "UTF8", "standard_conforming_strings": "on", "integer_datetimes": "on", "DateStyle": "ISO"}
            greeting = b"".join(message("S", k.encode() + b"\0" + v.encode() + b"\0") for k, v in status.items()) + message("K", struct.pack("!II", 1, 1)) + ready()
        session.send(greeting)
        statements, batch, frame, question = {}, b"", b"", None
        while True:
            kind, payload = session.read()
            if kind == "X":
                return
            batch += message(kind, payload)
            if kind == "P":
                name, sql, _ = payload.split(b"\0", 2)
                statements[name], frame = sql, frame + message("1")
            elif kind == "B":
                portal, name, rest = payload.split(b"\0", 2)
                n = struct.unpack("!H", rest[:2])[0]
                at, params = 2 + 2 * n, []
                count = struct.unpack("!H", rest[at:at + 2])[0]
                at += 2
                for _ in range(count):
                    size = struct.unpack("!i", rest[at:at + 4])[0]
                    at += 4
                    params.append(None if size < 0 else rest[at:at + size].decode())
                    at += max(size, 0)
                question = (statements.get(name, b"").decode(), params)
                frame += message("2")
            elif kind == "Q":
                question = (payload.rstrip(b"\0").decode(), [])
            if kind in "SQ":
                asked = Question(session, *question, batch) if question else None
                if asked:
                    self.asked.append(asked.sql)
                self.reply(session, asked, batch, frame)
                batch, frame, question = b"", b"", None

    def reply(self, session, asked, batch, frame):
        answer = self.answer
        said = answer(asked) if asked and answer else None
        if said is None and session.upstream:
            session.send(b"".join(message(k, p) for k, p in session.upstream.ask(batch)))
        elif said is None:
            session.send(frame + (rows(["x"]) if asked else b"") + ready())
        elif isinstance(said, Raw):
            session.send(said.data)
        elif isinstance(said, bytes):
            session.send(frame + said + ready())
        else:
            session.send(frame)
            for part in said:
                session.send(part)
            session.send(ready())


class Raw:
    """Bytes that are sent as they are."""

    def __init__(self, data):
        self.data = data


# -- HTTP ---------------------------------------------------------------------------------
class Request:
    def __init__(self, method, path, headers, body, raw):
        self.method, self.path, self.headers, self.body, self.raw = method, path, headers, body, raw

    def __repr__(self):
        return "%s %s" % (self.method, self.path)


def http(status, body=b"", kind="application/json", headers=()):
    """The bytes of an answer; a body that is not bytes becomes JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = ["HTTP/1.1 %d x" % status, "Content-Type: " + kind, "Content-Length: %d" % len(body)] + list(headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class HttpPeer(Peer):
    """
    answer: a function of a Request that gives (status, value), bytes (as they are), an iterator of bytes (the
    connection ends behind it), or None: the truth, a port of 127.0.0.1, or else 404.
    """

    def __init__(self, answer=None, truth=None, tls=None):
        self.answer, self.truth, self.requests = answer, truth, []
        super().__init__(tls)

    def url(self, path=""):
        return "%s://127.0.0.1:%d%s" % ("https" if self.context else "http", self.port, path)

    def serve(self, client):
        if self.context:
            client = self.context.wrap_socket(client, server_side=True)
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                got = client.recv(65536)
                if not got:
                    return
                self.bytes.append(got)
                buffer += got
            head, buffer = buffer.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            method, path = lines[0].split(" ")[:2]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            while len(buffer) < length:
                got = client.recv(65536)
                if not got:
                    return
                self.bytes.append(got)
                buffer += got
            body, buffer = buffer[:length], buffer[length:]
            request = Request(method, path, headers, body, head + b"\r\n\r\n" + body)
            self.requests.append(request)
            answer = self.answer
            said = answer(request) if answer else None
            if said is None:
                said = self.ask_truth(request) if self.truth else (404, {"error_code": 404, "message": "there is nothing here"})
            if isinstance(said, tuple):
                client.sendall(http(*said))
            elif isinstance(said, bytes):
                client.sendall(said)
            else:
                for part in said:
                    client.sendall(part)
                return

    def ask_truth(self, request):
        head = re.sub(rb"(?im)^(connection|host):.*\r\n", b"", request.raw[:request.raw.index(b"\r\n\r\n") + 2])
        with socket.create_connection(("127.0.0.1", self.truth), 60) as sock:
            sock.sendall(head + b"Host: truth\r\nConnection: close\r\n\r\n" + request.body)
            said = b""
            while True:
                got = sock.recv(65536)
                if not got:
                    break
                said += got
        head, body = said.split(b"\r\n\r\n", 1)
        status = int(head.split(b" ")[1])
        return http(status, body)
