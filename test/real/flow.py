"""flow.py: writers that note what the source acknowledged, and the comparison
with what came out of the topic.

A row is a key and a version that grows by one with every change of the key; a
key that was deleted is not used again.  What a writer has noted was
acknowledged before, so all of it must arrive, each key's changes in order.
Starts threads in the test's process; no server.
"""
import threading

from lib import *

DELETED = 1 << 30       # the version of a key that is gone
TABLE = "CREATE TABLE %s (key int PRIMARY KEY, version int NOT NULL DEFAULT 1, note text)"


class Flow:
    """A table, its writers, its topic."""

    def __init__(self, database, table, topic):
        self.database, self.table, self.topic_name = database, table, topic
        self.done = {}          # key: versions that were acknowledged, in order
        self.errors, self.threads = [], []
        self.over = threading.Event()
        self.deletes = False    # what is gone before the snapshot leaves no event
        self.begun = {}         # writer: transactions that were acknowledged
        self.next_range = 0
        self.lock = threading.Lock()

    # -- writing
    def keys(self, n):
        with self.lock:
            self.next_range += n
            return range(self.next_range - n, self.next_range)

    def commit(self, changes):
        """Notes what a transaction changed: (key, version) in order."""
        for key, version in changes:
            self.done.setdefault(key, []).append(version)

    def writer(self, function):
        """Starts function(flow, db) again and again, until the end."""
        def run():
            db = Db(SERVER_DSN, self.database)
            name = function.__name__
            try:
                while not self.over.is_set():
                    function(self, db)
                    self.begun[name] = self.begun.get(name, 0) + 1
            except Exception:
                self.errors.append(name + ": " + traceback.format_exc())
            finally:
                db.close()
        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    # -- reading
    def read(self):
        self.topic = Topic(self.topic_name)

    def take(self):
        while self.topic.take():
            pass
        return self.topic.events

    def seen(self):
        """key: [(op, version)] in the order of the topic."""
        seen = {}
        for event in self.topic.events:
            if event["op"] == "d":
                seen.setdefault(event["before"]["key"], []).append(("d", DELETED))
            else:
                seen.setdefault(event["after"]["key"], []).append((event["op"], event["after"]["version"]))
        return seen

    def faults(self):
        """(missing, out of order, never written), as text, and how many events came again."""
        missing, disorder, unknown, again = [], [], [], 0
        seen = self.seen()
        for key, versions in self.done.items():
            came = seen.get(key, [])
            have = {version for _, version in came}
            snapshot = max((version for op, version in came if op == "r"), default=0)
            # a snapshot shows a row as it is: what it was before may not be told
            missing += ["key %d version %d" % (key, v) for v in versions if v not in have and not v < snapshot]
            order = list(dict.fromkeys(version for _, version in came))
            again += len(came) - len(order)
            if order != sorted(order):
                disorder.append("key %d: %s" % (key, came))
        for key, came in seen.items():
            written = set(self.done.get(key, ()))
            unknown += ["key %d version %d" % (key, version) for _, version in came if version not in written]
        return missing, disorder, unknown, again

    def whole_ok(self, what, seconds=90, order=True):
        """Tests: the writers had no error, all they noted is in the topic, in order.
        order False: after a gap, which may tell a key's older changes after its newer state."""
        equal(self.errors, [], what + ": the writers were never refused")
        result = []

        def there():
            self.take()
            result[:] = self.faults()
            return not result[0]

        wait(there, seconds, 0.5)
        missing, disorder, unknown, again = result
        total = sum(map(len, self.done.values()))
        diag("%d changes of %d keys acknowledged (%s), %d events, %d of them again" % (
            total, len(self.done), ", ".join("%s: %d" % item for item in sorted(self.begun.items())), len(self.topic.events), again))
        ok(not missing, what + ": no acknowledged change is missing", lambda: "%d missing: %s" % (len(missing), "; ".join(missing[:20])))
        order and ok(not disorder, what + ": every key's changes are in order", lambda: "\n".join(disorder[:10]))
        ok(not unknown, what + ": nothing else came", lambda: "; ".join(unknown[:20]))
        return again


# -- writers ---------------------------------------------------------------------
def single(flow, db):
    """One row a transaction: made, changed, now and then deleted."""
    for key in flow.keys(20):
        for version in range(1, random.randrange(2, 5)):
            db.rows("INSERT INTO %s VALUES (%d)" % (flow.table, key) if version == 1 else
                    "UPDATE %s SET version = %d WHERE key = %d" % (flow.table, version, key))
            flow.commit([(key, version)])
        if flow.deletes and random.random() < 0.2:
            db.rows("DELETE FROM %s WHERE key = %d" % (flow.table, key))
            flow.commit([(key, DELETED)])
        flow.over.wait(0.02)


def several(flow, db):
    """Many rows a transaction, some of them changed twice in it."""
    keys = flow.keys(40)
    db.rows("BEGIN; INSERT INTO {t} SELECT generate_series({a}, {b}); UPDATE {t} SET version = 2 WHERE key BETWEEN {a} AND {b} AND key % 2 = 0; COMMIT".format(
        t=flow.table, a=keys[0], b=keys[-1]))
    flow.commit([(key, 1) for key in keys] + [(key, 2) for key in keys if key % 2 == 0])
    db.rows("BEGIN; UPDATE {t} SET version = version + 1 WHERE key BETWEEN {a} AND {b}; UPDATE {t} SET version = version + 1 WHERE key BETWEEN {a} AND {b}; COMMIT".format(
        t=flow.table, a=keys[0], b=keys[-1]))
    flow.commit([(key, v + (key % 2 == 0)) for v in (2, 3) for key in keys])
    flow.over.wait(0.4)


def long_one(flow, db):
    """A transaction that stays open for seconds, beside the others."""
    keys = flow.keys(60)
    db.rows("SET application_name = 'long_one'; BEGIN")
    for key in keys:
        db.rows("INSERT INTO %s VALUES (%d)" % (flow.table, key))
        flow.over.wait(0.03)
    db.rows("UPDATE %s SET version = 2 WHERE key BETWEEN %d AND %d" % (flow.table, keys[0], keys[-1]))
    db.rows("COMMIT")
    flow.commit([(key, version) for version in (1, 2) for key in keys])


def copied(flow, db, rows):
    """COPY: many rows whose changes share a position in the WAL.  Returns the keys."""
    keys = flow.keys(rows)
    db.rows("COPY %s (key) FROM PROGRAM 'seq %d %d'" % (flow.table, keys[0], keys[-1]))
    flow.commit([(key, 1) for key in keys])
    return keys
