#!/usr/bin/env python3
"""Nothing that was acknowledged is missing: not from a snapshot that is taken
while commits wait for a synchronous standby, nor over stops and restarts in
the middle of COPY, of long transactions and of many rows a transaction."""
from flow import *

COPIED = 8000
start = time.monotonic()


class Stutter(threading.Thread):
    """Lets the walreceiver of the standby run for a moment now and then."""

    def __init__(self):
        super().__init__(daemon=True)
        db = Db(STANDBY_DSN, "postgres")
        self.pid = int(db.one("SELECT pid FROM pg_stat_wal_receiver"))
        db.close()
        self.over = threading.Event()
        undo.append(self.end)

    def run(self):
        while not self.over.is_set():
            os.kill(self.pid, signal.SIGSTOP)
            self.over.wait(0.25)
            os.kill(self.pid, signal.SIGCONT)
            self.over.wait(0.05)

    def end(self):
        self.over.set()
        if self.is_alive():
            self.join()


def synchronous(on):
    db = source("postgres")
    db.rows("ALTER SYSTEM " + ("SET synchronous_standby_names = 'standby_b'" if on else "RESET synchronous_standby_names"))
    db.rows("SELECT pg_reload_conf()")
    return wait(lambda: db.one("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == ("1" if on else "0"))


def snapshot_under_waiting_commits(flow, table, prefix):
    """The pipeline is made while commits wait for the standby."""
    undo.append(lambda: synchronous(False))
    ok(synchronous(True), "commits wait for a synchronous standby")
    for _ in range(4):
        flow.writer(single)
    flow.writer(several)
    stutter = Stutter()
    stutter.start()
    id_ = create(None, [table], flow.database, prefix)
    db = source("postgres")
    waited = []

    def over():
        # commits that wait while the connector's snapshot is open
        waited.append(db.one("SELECT count(*) FILTER (WHERE wait_event = 'SyncRep' AND state = 'active') FROM pg_stat_activity WHERE EXISTS ("
                             "SELECT FROM pg_stat_activity s WHERE s.usename = '%s' AND s.xact_start IS NOT NULL AND s.backend_type = 'client backend')" % obj(id_)))
        return spec(id_)["status"] == "Running"

    wait(over, 90, 0.002)
    running_ok(id_, "the pipeline runs")
    ok(max(map(int, waited)) > 0, "commits were waiting while the snapshot was taken")
    stutter.end()
    synchronous(False)
    flow.read()
    return id_


def in_the_middle(flow, db, fault, name):
    """A COPY; when some of its rows have come and others have not, a fault."""
    before = len(flow.take())
    keys = copied(flow, db, COPIED)
    first, last = keys[0], keys[-1]

    ok(wait(lambda: any(first <= (e["after"] or {}).get("key", -1) <= last for e in flow.take()[before:]), 60, 0.002), name + ": a COPY begins to come")
    fault()
    came = {e["after"]["key"] for e in flow.take()[before:] if e["op"] == "c"}
    diag("%s: %d of %d rows had come, %.1f s" % (name, len(came.intersection(keys)), COPIED, time.monotonic() - start))
    return 0 < len(came.intersection(keys)) < COPIED


def faults(flow, id_, name):
    db = Db(SERVER_DSN, flow.database)
    slots = source("postgres")

    def pid():
        return slots.one("SELECT active_pid FROM pg_replication_slots WHERE slot_name = '%s'" % obj(id_))

    def streaming():
        return slots.one("SELECT pid FROM pg_replication_slots JOIN pg_stat_replication ON pid = active_pid WHERE slot_name = '%s' AND state = 'streaming'" % obj(id_))

    def stop():
        was = pid()
        equal(rest("PUT", "/connectors/%s/stop" % con(id_))[0], 204, "it is stopped by hand")
        ok(wait(lambda: pid() != was, 60), "and lets its slot go")

    def restart():
        ok(rest("POST", "/connectors/%s/restart?includeTasks=true" % con(id_))[0] in (202, 204), "connector and task are restarted by hand")

    def restart_task():
        equal(rest("POST", "/connectors/%s/tasks/0/restart" % con(id_))[0], 204, "its task is restarted by hand")

    def terminate():
        equal(slots.one("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '%s'" % obj(id_)), "t", "its walsender is terminated")

    flow.deletes = True
    flow.writer(long_one)
    middle = 0
    for fault in (stop, restart, terminate, restart_task):
        was = pid()
        ok(wait(lambda: db.one("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'long_one' AND backend_xid IS NOT NULL") == "1"),
           fault.__name__ + ": a long transaction is open")
        middle += in_the_middle(flow, db, fault, fault.__name__)
        ok(wait(lambda: streaming() not in (None, was), 90),
           fault.__name__ + ": it streams again", lambda: story(id_))
        running_ok(id_, fault.__name__ + ": and runs")
    ok(middle >= 3, "most of the faults came in the middle of a COPY")
    db.close()


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    database, table, prefix = make_database(), word("t_"), word("p")
    source(database).rows(TABLE % table)
    flow = Flow(database, table, "%s.public.%s" % (prefix, table))
    db = Db(SERVER_DSN, database)
    copied(flow, db, 10000)
    db.close()
    id_ = snapshot_under_waiting_commits(flow, table, prefix)
    faults(flow, id_, table)
    flow.stop()
    flow.whole_ok("from the snapshot on")
    equal([e["detail"]["action"] for e in events(id_, "kind = 'drift'") if e["detail"]["action"] == "begin_discard"], [], "it is still the first snapshot")
    flow.topic.close()


main(test)
