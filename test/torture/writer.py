"""writer.py: sessions that write numbered rows to the source's primary, whichever
node that is, and note what was tried and what was acknowledged.

Owns the shape of the rows and of the transactions; promises what judge.py says.
Judges nothing and reads no topic.
"""
import base64
import ctypes
import hashlib
import os
import random
import threading
import time

import lib
from judge import Op, Txn

KEYS = 300              # a session's keys: FIRST_KEY * session and on
FIRST_KEY = 100000
NUMBERS = 10000000      # a session's transactions: NUMBERS * session and on

for name, arguments in (("PQputCopyData", [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]), ("PQputCopyEnd", [ctypes.c_void_p, ctypes.c_char_p]),
                        ("PQgetResult", [ctypes.c_void_p])):
    getattr(lib.pq, name).argtypes = arguments
lib.pq.PQgetResult.restype = ctypes.c_void_p


ADDRESS = {}            # port -> address: a port tells which node it is


def nodes():
    """(name, directory, port) of the source's living nodes, the primary first."""
    found = []
    for line in open(os.path.join(lib.env["CDC_LAB_DATA"], "source-nodes")):
        name, path, port, address = line.split()
        ADDRESS[int(port)] = address
        found.append((name, path, int(port)))
    return found


def node_dsn(port, database="defaultdb"):
    dsn = dict(item.split("=", 1) for item in lib.SERVER_DSN.split())
    dsn.update(host=ADDRESS[port], port=str(port), dbname=database)
    return " ".join("%s=%s" % item for item in dsn.items())


class Connection(lib.Db):
    """To one node; notices within seconds that it does not answer any more."""

    def __init__(self, port, database="defaultdb"):
        super().__init__(node_dsn(port, database))
        self.port = port
        self.dsn += " connect_timeout=2 tcp_user_timeout=2000"

    def copy(self, table, lines):
        """COPY table FROM stdin."""
        self.rows("SELECT 1")
        result = lib.pq.PQexec(self.connection, ("COPY %s FROM STDIN" % table).encode())
        status = lib.pq.PQresultStatus(result)
        lib.pq.PQclear(result)
        if status == 4:
            data = "".join("\t".join(map(str, line)) + "\n" for line in lines).encode()
            lib.pq.PQputCopyData(self.connection, data, len(data))
            lib.pq.PQputCopyEnd(self.connection, None)
            status = None
            while True:
                result = lib.pq.PQgetResult(self.connection)
                if not result:
                    break
                status = lib.pq.PQresultStatus(result)
                lib.pq.PQclear(result)
        if status != 1:
            message = lib.pq.PQerrorMessage(self.connection).decode(errors="replace")
            self.close()
            raise lib.DbError(message)


def digest(payload):
    return hashlib.md5(payload.encode()).hexdigest()


def text(random_):
    """A payload; one in ten is so long that it is TOASTed."""
    if random_.random() < 0.1:
        return base64.b64encode(random_.randbytes(random_.choice((3000, 9000)))).decode()
    return base64.b64encode(random_.randbytes(random_.randint(6, 60))).decode()


class Session(threading.Thread):
    """One connection, one range of keys.  slow: its transactions stay open for
    seconds, so that there is always one that a failover interrupts."""

    def __init__(self, writer, number, slow):
        super().__init__(daemon=True)
        self.writer, self.number, self.slow = writer, number, slow
        self.random = random.Random(writer.seed * 1000 + number)
        self.txns = []              # Txn, in the order of the session
        self.acked = {}             # number -> (monotonic time, port)
        self.seq = 0
        self.next = NUMBERS * number
        self.rows = {}              # key -> digest: what is there as far as we know
        self.connection = None
        self.idle = threading.Event()

    # -- one transaction
    def insert(self, keys, copy=False):
        values = []
        ops = []
        for key in keys:
            payload = text(self.random)
            self.seq += 1
            values.append((key, self.seq, self.next, payload))
            ops.append(Op(key, "I", self.seq, digest(payload)))
            self.now[key] = ops[-1].digest
        if copy:
            return ("copy", values, ops)
        return ("sql", "INSERT INTO %s VALUES %s" % (self.writer.table, ", ".join("(%d, %d, %d, '%s')" % v for v in values)), ops)

    def update(self, keys, payload=True):
        """One statement: all rows get one payload and one seq, or keep their payloads."""
        new = text(self.random) if payload else None
        self.seq += 1
        ops = []
        for key in keys:
            if payload:
                self.now[key] = digest(new)
            ops.append(Op(key, "U", self.seq, self.now[key]))
        return ("sql", "UPDATE %s SET seq = %d, txn = %d%s WHERE k IN (%s)" % (
            self.writer.table, self.seq, self.next, ", payload = '%s'" % new if payload else "", ", ".join(map(str, keys))), ops)

    def delete(self, keys):
        self.seq += 1
        for key in keys:
            del self.now[key]
        return ("sql", "DELETE FROM %s WHERE k IN (%s)" % (self.writer.table, ", ".join(map(str, keys))), [Op(key, "D", self.seq, None) for key in keys])

    def some(self, most, there=True):
        keys = list(self.now) if there else [k for k in range(FIRST_KEY * self.number, FIRST_KEY * self.number + KEYS) if k not in self.now]
        return self.random.sample(keys, min(len(keys), self.random.randint(1, most)))

    def any_step(self, most):
        what = self.random.choices("iutd", (4, 4, 1, 2))[0]
        keys = self.some(most, what != "i")
        if not keys:
            return None
        return {"i": lambda: self.insert(keys), "u": lambda: self.update(keys), "t": lambda: self.update(keys, False), "d": lambda: self.delete(keys)}[what]()

    def plan(self):
        """Steps of one transaction, without BEGIN and the end, and how it ends."""
        kind = self.random.choices(("small", "rows", "copy", "savepoint", "again", "rollback"), (10, 3, 2, 3, 2, 1))[0]
        steps = []
        if kind == "rows":
            steps += [self.any_step(40), self.any_step(40)]
        elif kind == "copy":
            keys = self.some(50, False)
            steps += [self.insert(keys, True) if keys else None, self.any_step(3)]
        elif kind == "savepoint":
            steps += [self.any_step(4), ("sql", "SAVEPOINT a", [])]
            kept = dict(self.now)
            undone = self.any_step(10)
            if undone:
                steps += [(undone[0], undone[1], [])]
            self.now = kept
            steps += [("sql", "ROLLBACK TO a", []), self.any_step(4), ("sql", "SAVEPOINT b", []), self.any_step(4), ("sql", "RELEASE b", [])]
        elif kind == "again":
            keys = self.some(2, False)
            if keys:
                steps += [self.insert(keys), self.update(keys), self.update(keys, False), self.delete(keys), self.insert(keys), self.update(keys)]
        else:
            for _ in range(self.random.randint(1, 3)):
                steps.append(self.any_step(3))
        return [step for step in steps if step], "ROLLBACK" if kind == "rollback" else "COMMIT"

    def do(self, step):
        if step[0] == "copy":
            self.connection.copy(self.writer.table, step[1])
        else:
            self.connection.rows(step[1])

    def transact(self, alone=False):
        """alone: nothing but the marker, whose event is then the last there is."""
        self.next += 1
        self.now = dict(self.rows)
        self.seq += 1
        marker = ("sql", "INSERT INTO %s VALUES (%d, %d, %d, '')" % (self.writer.table, -self.next, self.seq, self.next), [Op(-self.next, "I", self.seq, digest(""))])
        steps, end = ([], "COMMIT") if alone else self.plan()
        steps.insert(0, marker)
        ops = [op for step in steps for op in step[2]] if end == "COMMIT" else []
        position = len(self.txns)
        self.txns.append(Txn(self.next, ops, False))
        self.connection.rows("BEGIN")
        for step in steps:
            self.do(step)
            if self.slow:
                self.writer.wake.wait(self.random.uniform(0.05, 0.6))
        self.connection.rows(end)
        if end == "COMMIT":
            self.acked[self.next] = (time.monotonic(), self.connection.port)
            self.txns[position] = Txn(self.next, ops, True)
            self.rows = self.now

    def connect(self):
        """To the primary, and what is there of ours."""
        port = nodes()[0][2]
        connection = Connection(port)
        try:
            if connection.one("SELECT pg_is_in_recovery()") != "f":
                raise lib.DbError("in recovery")
            first = FIRST_KEY * self.number
            self.rows = {int(k): d for k, d in connection.rows("SELECT k, md5(payload) FROM %s WHERE k >= %d AND k < %d" % (self.writer.table, first, first + KEYS))}
        except lib.DbError:
            connection.close()
            raise
        self.connection = connection

    def run(self):
        while not self.writer.over:
            if self.writer.held:
                self.idle.set()
                time.sleep(0.01)
                continue
            self.idle.clear()
            try:
                if self.connection is None or self.connection.port != nodes()[0][2]:
                    self.close()
                    self.connect()
                self.transact()
                time.sleep(self.writer.pause)
            except lib.DbError as error:
                self.writer.errors[str(error).strip().split("\n")[0]] = time.monotonic()
                self.close()
                time.sleep(0.02)
            except (OSError, IndexError, ValueError):       # the list of nodes is being replaced
                time.sleep(0.02)
        self.close()
        self.idle.set()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Writer:
    """A table and the sessions that write to it."""

    def __init__(self, table, fast=3, slow=1, pause=0.01, seed=None):
        self.table, self.pause = table, pause
        self.seed = random.SystemRandom().randrange(1 << 30) if seed is None else seed
        self.over, self.held = False, True
        self.wake = threading.Event()       # set: slow transactions come to their end
        self.errors = {}
        self.sessions = [Session(self, n + 1, n >= fast) for n in range(fast + slow)]

    def create(self):
        connection = Connection(nodes()[0][2])
        connection.rows("CREATE TABLE %s (k bigint PRIMARY KEY, seq bigint NOT NULL, txn bigint NOT NULL, payload text); "
                        "ALTER TABLE %s ALTER payload SET STORAGE EXTERNAL" % (self.table, self.table))
        connection.close()

    def start(self):
        for session in self.sessions:
            session.start()
        self.resume()

    def resume(self):
        self.wake.clear()
        self.held = False

    def hold(self, seconds=60):
        """No transaction is open any more when this returns True."""
        self.held = True
        self.wake.set()
        return all(session.idle.wait(seconds) for session in self.sessions)

    def stop(self):
        self.over = True
        self.wake.set()
        for session in self.sessions:
            session.join(60)

    def txns(self):
        return [txn for session in self.sessions for txn in list(session.txns)]

    def acknowledged(self):
        """(time, number, port) of each acknowledged transaction, in order of time."""
        return sorted((at, number, port) for session in self.sessions for number, (at, port) in list(session.acked.items()))

    def mark(self):
        """One more row, while the sessions are held; the number of its transaction once it is acknowledged.
        When its event has come, all have."""
        session = self.sessions[0]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if session.connection is None or session.connection.port != nodes()[0][2]:
                    session.close()
                    session.connect()
                session.transact(alone=True)
                if session.next in session.acked:
                    return session.next
            except (lib.DbError, OSError, IndexError, ValueError):
                session.close()
                time.sleep(0.02)
        raise RuntimeError("the primary does not take a row")
