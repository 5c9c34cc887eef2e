#!/usr/bin/env python3
"""kill -9 of the worker in each step, right after the intent is committed.

A background worker that dies so takes the whole metadata server through crash
recovery: the crash of the postmaster's children is tested with it.  The
pipeline converges, and nothing is there twice.
"""
from lib import *


class Killer:
    """Kills the worker once in each action of a list, delay seconds after the
    action's intent can be read; notes in which its outcome was not known by then."""

    def __init__(self, id_, actions, delay, after=0):
        self.id, self.left, self.delay, self.seen = id_, list(actions), delay, after
        self.killed, self.in_the_middle = [], []

    def actions(self):
        return meta.rows("SELECT id, detail->>'action', kind FROM cdc.pipeline_event WHERE pipeline_id = '%s' AND id > %d AND detail ? 'action' ORDER BY id" % (self.id, self.seen))

    def kill(self, pid, action):
        time.sleep(self.delay)
        os.kill(pid, signal.SIGKILL)
        self.left.remove(action)
        self.killed.append(action)
        new = wait(lambda: worker_pid() not in (None, pid) and worker_pid(), 30)
        following = self.actions()
        if not following or following[0][2] != "outcome":
            self.in_the_middle.append(action)
        return new

    def run(self, done, seconds):
        """Until done() and nothing new is told, or the deadline."""
        deadline = time.monotonic() + seconds
        pid = worker_pid()
        while time.monotonic() < deadline:
            pid = pid or worker_pid()
            try:
                rows = self.actions() if pid else []
            except DbError:
                rows, pid = [], None
            for row, action, kind in rows:
                self.seen = int(row)
                if kind != "outcome" and action in self.left:
                    pid = self.kill(pid, action)
                    break
            if not rows and pid and done():
                return True
            time.sleep(0.001)
        return done()


def count_of(id_):
    """How often each thing of a pipeline is there, on every node and worker."""
    name = obj(id_)
    db = source(database)
    found = {"role": int(db.one("SELECT count(*) FROM pg_roles WHERE rolname ~ '%s'" % name)),
             "publication": int(db.one("SELECT count(*) FROM pg_publication WHERE pubname ~ '%s'" % name)),
             "slot": int(db.one("SELECT count(*) FROM pg_replication_slots WHERE slot_name ~ '%s'" % name)),
             "connector": sum(name_ == con(id_) for name_ in rest("GET", "/connectors")[1])}
    for n, path in enumerate(node_dirs()):
        found["hba line of node %d" % n] = open(os.path.join(path, "pg_hba.conf")).read().count("cdc_pipeline " + id_)
    return found


def killed_ok(killer, done, what, name):
    ok(killer.run(done, 90), name, lambda: story(killer.id))
    equal(killer.left, [], "%s: killed in %s" % (what, ", ".join(killer.killed)))
    diag("no outcome was known of: " + ", ".join(killer.in_the_middle))
    return killer.in_the_middle


def whole_ok(id_, topic, value, table, what):
    """One of everything, and rows flow."""
    running_ok(id_, "%s: it says nothing" % what)
    equal(set(count_of(id_).values()), {1}, "%s: nothing is there twice" % what)
    source(database).rows("INSERT INTO %s VALUES (%d)" % (table, value))
    flows_ok(topic, "id", value, "%s: rows flow" % what)
    equal(len([e for e in topic.events if e["op"] == "c" and e["after"]["id"] == value]), 1, "%s: the new row came once" % what)


def life(what, delay):
    prefix, table = word("p"), word("t_")
    source(database).rows("CREATE TABLE %s (id int PRIMARY KEY); INSERT INTO %s SELECT generate_series(1, 1000)" % (table, table))
    id_ = create(None, [table], database, prefix)
    running = lambda: (spec(id_) or {}).get("status") == "Running" and not spec(id_)["error_message"]
    middle = killed_ok(Killer(id_, ["create_role", "write_hba", "create_publication", "put_connector"], delay), running,
                       what + ", building", what + ": it converges to Running")
    topic = Topic("%s.public.%s" % (prefix, table))
    whole_ok(id_, topic, 5000, table, what)
    equal(sorted({e["after"]["id"] for e in topic.events if e["op"] == "r"}), list(range(1, 1001)), what + ": every row that was there has come")

    # a gap: the slot is dropped under it, and a new snapshot is due
    last = int(meta.one("SELECT max(id) FROM cdc.pipeline_event WHERE pipeline_id = '%s'" % id_))
    drop_slot(id_)
    meta.one("SELECT cdc.check_health()")
    middle += killed_ok(Killer(id_, ["begin_discard", "delete_offsets", "end_discard"], delay, last),
                        # the gap first: what is read before it is told may be from before it was seen
                        lambda: events(id_, "kind = 'gap' AND id > %d" % last) and running() and not spec(id_)["discarding"],
                        what + ", a new snapshot", what + ": a new snapshot instead of a lost slot")
    whole_ok(id_, topic, 6000, table, what + ", a new snapshot")
    topic.close()

    last = int(meta.one("SELECT max(id) FROM cdc.pipeline_event WHERE pipeline_id = '%s'" % id_))
    delete(id_)
    middle += killed_ok(Killer(id_, ["stop_connector", "delete_offsets", "delete_connector", "drop_slot", "drop_publication", "remove_hba", "drop_role"], delay, last),
                        lambda: bool((spec(id_) or {}).get("deleted_at")), what + ", deleting", what + ": it converges to Deleted")
    equal(set(count_of(id_).values()), {0}, what + ": nothing is left")
    equal(offsets_of(con(id_)), [], what + ": no offsets either")
    settled_ok(id_)
    return middle


def test():
    global database
    set_meta("cdc_pipeline.settle_after", "1s")
    set_meta("cdc_pipeline.health_interval", "1s")
    database = make_database()
    source(database).rows("SELECT 1")
    ok(len(life("at once", 0)) >= 7, "at once: most were killed before their outcome was known")
    life("a little later", 0.03)


main(test)
