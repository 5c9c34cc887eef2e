#!/usr/bin/env python3
"""Pipelines side by side: on one source, behind each other's snapshots, on one
server by two services, and one after the other on the same topics."""
import threading

from lib import *


def hba_of_primary():
    return open(os.path.join(node_dirs()[0], "pg_hba.conf")).read()


def stopped(pid):
    """Stops a session where it waits for its client: elsewhere it may have a lock that
    everybody needs, also the one who asks where it is, who then gets no answer."""
    said = []
    asking = threading.Thread(target=lambda: said.append(source("postgres").one("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %d" % pid)), daemon=True)
    os.kill(pid, signal.SIGSTOP)
    wait(lambda: open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()[0] == "T", 10, 0.0005)
    asking.start()
    asking.join(2)
    if said == ["Client"]:
        return True
    os.kill(pid, signal.SIGCONT)
    asking.join()
    return False


def two_on_one_source():
    database = make_database()
    db = source(database)
    db.rows("""CREATE TABLE big (id int PRIMARY KEY, pad text); INSERT INTO big SELECT g, repeat('x', 40) FROM generate_series(1, 50000) g;
        CREATE TABLE small (id int PRIMARY KEY, note text)""")
    long_, short = word("p"), word("p")
    a = create("long-" + long_, ["big"], database, long_, options={"snapshot.fetch.size": "50"})
    reader = wait(lambda: db.one("SELECT pid FROM pg_stat_activity WHERE usename = '%s' AND backend_xid IS NOT NULL" % obj(a)), 40, 0.005)
    ok(reader, "a long snapshot begins")
    # as long as it must be, however fast the machine is: its session is stopped until that has been said
    ok(wait(lambda: stopped(int(reader)), 40, 0.001), "and is held")
    try:
        b = create(None, ["small"], database, short)
        # before the connector is made, where the snapshot is old enough by then, or after that
        status_ok(b, "Provisioning", "a pipeline behind it says whom it waits for",
                  r'h[eo]ld up.*: the snapshot of pipeline "long-%s", pid %s \(user %s,' % (long_, reader, obj(a)), step="create_connector")
    finally:
        os.kill(int(reader), signal.SIGCONT)
    running_ok(b, "and runs when that is over")
    running_ok(a, "the long one runs too")
    topic_b = Topic(short + ".public.small")
    db.rows("INSERT INTO small VALUES (1, 'both')")
    flows_ok(topic_b, "note", "both", "rows of the short one flow")
    delete(a)
    gone_ok(a, "the long one is deleted")
    db.rows("INSERT INTO small VALUES (2, 'alone')")
    flows_ok(topic_b, "note", "alone", "the other goes on streaming")
    running_ok(b, "and is well")
    hba = hba_of_primary()
    ok(a not in hba and b in hba, "its line in pg_hba.conf stayed, the other's went")

    # a user's transaction; it must be old enough to be no passing one
    writer = Db(SERVER_DSN, database)
    writer.rows("SET application_name = 'payroll'; BEGIN; INSERT INTO small VALUES (3, 'open')")
    pid = writer.one("SELECT pg_backend_pid()")
    wait(lambda: db.one("SELECT clock_timestamp() - xact_start > '2.5 s' FROM pg_stat_activity WHERE pid = %s" % pid) == "t")
    c = create(None, ["big"], database, word("p"), snapshot_mode="no_data")
    status_ok(c, "Provisioning", "an open write transaction of a user is waited for, by its pid",
              r"waiting for an open write transaction .*\bpid %s \(user postgres, application payroll\)" % pid, step="create_connector")
    equal(rest("GET", "/connectors/" + con(c))[0], 404, "the connector is not made meanwhile")
    writer.rows("COMMIT")
    writer.close()
    running_ok(c, "and it goes on when it is over")
    topic_b.close()
    delete(b)
    delete(c)
    return [b, c]


def two_services_of_one_server():
    """Each has lines of its own in the one block of pg_hba.conf."""
    database = make_database()
    db = source(database)
    db.rows("CREATE TABLE t (id int PRIMARY KEY)")
    mine = create(None, ["t"], database)
    running_ok(mine, "a pipeline of one service")
    nodes = [{"address": "127.0.0.1", "port": int(re.search(r"port=(\d+)", dsn).group(1))} for dsn in (SERVER_DSN, STANDBY_DSN)]
    service = meta.one("SELECT cdc.register_service(%s, 'postgresql', 'se-sto1', %s::jsonb, '17', '%s')" % (lit(word("svc-")), lit(json.dumps(
        {"nodes": nodes, "database": "postgres", "admin_user": "postgres", "network_id": env["CDC_SOURCE_NETWORK"],
         "admin_password": dict(item.split("=", 1) for item in SERVER_DSN.split())["password"]})), env["CDC_ORG_ID"]))
    last = events(mine)[-1]["id"]
    for turn in ("first", "second"):
        theirs = create(None, ["t"], database, source_id=service)
        running_ok(theirs, "the other service's %s pipeline" % turn)
        ok(mine in hba_of_primary() and theirs in hba_of_primary(), "both lines are in pg_hba.conf")
        delete(theirs)
        gone_ok(theirs, "comes and goes")
    seen = rounds()
    wait(lambda: rounds() > seen + 1)
    equal([e for e in events(mine, "id > %d AND kind <> 'transition'" % last)], [], "nothing of that is drift to the first one")
    again = create(None, ["t"], database)
    running_ok(again, "and its service makes new ones: nobody fights over the file")
    equal(meta.one("SELECT cdc.delete_service('%s')" % service), "deleting", "the other service can go")
    delete(mine)
    delete(again)
    return [mine, again]


class Writers(threading.Thread):
    """Watches two slots and two connectors as fast as it can; most that ever wrote at once."""

    def __init__(self, ids):
        super().__init__(daemon=True)
        self.ids, self.most, self.looks, self.over = ids, 0, 0, False

    def run(self):
        db = Db(SERVER_DSN, "postgres")
        names = ", ".join(lit(obj(id_)) for id_ in self.ids)
        while not self.over:
            slots = int(db.one("SELECT count(*) FROM pg_replication_slots WHERE active AND slot_name IN (%s)" % names))
            code, list_ = rest("GET", "/connectors?expand=status")
            tasks = sum(bool(list_.get(con(id_), {}).get("status", {}).get("tasks")) for id_ in self.ids) if code == 200 else 0
            self.most = max(self.most, slots, tasks)
            self.looks += 1
            time.sleep(0.01)
        db.close()


def same_topics():
    database = make_database()
    db = source(database)
    db.rows("CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'old')")
    prefix = word("p")
    name = word("t-")
    old = create(name, ["t"], database, prefix)
    running_ok(old, "a pipeline runs")
    topic = Topic(prefix + ".public.t")
    flows_ok(topic, "note", "old", "with its snapshot")

    # its teardown is held up: a user has its row, taken while nothing acts
    pause_worker()
    delete(old)
    holder = Db(env["CDC_META_DSN"])
    holder.rows("BEGIN; SELECT 1 FROM cdc.pipeline_spec WHERE id = '%s' FOR NO KEY UPDATE" % old)
    new = create(name, ["t"], database, prefix)
    watch = Writers([old, new])
    watch.start()
    set_meta("cdc_pipeline.enabled", "on")
    status_ok(new, "Provisioning", "a new one of the same name on the same topics waits for it",
              r"^waiting for connector %s, which is being deleted, to stop writing to the same topics$" % con(old), step="create_connector")
    equal(rest("GET", "/connectors/%s/status" % con(old))[1]["tasks"][0]["state"], "RUNNING", "which still writes")
    db.rows("INSERT INTO t VALUES (2, 'between')")
    flows_ok(topic, "note", "between", "and streams")
    equal(rest("GET", "/connectors/" + con(new))[0], 404, "the new connector is not made meanwhile")
    holder.rows("COMMIT")
    holder.close()
    running_ok(new, "the new one runs")
    db.rows("INSERT INTO t VALUES (3, 'new')")
    flows_ok(topic, "note", "new", "and streams")
    watch.over = True
    watch.join()
    diag("looked %d times" % watch.looks)
    equal(watch.most, 1, "there were never two writers")
    came = [(e["op"], e["after"]["id"]) for e in topic.events]
    if len(starts(old)) > 1 or len(starts(new)) > 1:
        # Connect itself interrupted a snapshot, which is taken again: repeated rows count once
        came = [item for n, item in enumerate(came) if item not in came[max([m + 1 for m in range(n) if came[m][0] == "c"], default=0):n]]
    equal(came, [("r", 1), ("c", 2), ("r", 1), ("r", 2), ("c", 3)], "its own snapshot is in the topic after everything of the old one")
    gone_ok(old, "the old one is gone")
    topic.close()
    delete(new)
    return [new]


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    going = same_topics() + two_services_of_one_server() + two_on_one_source()
    for id_ in going:
        gone_ok(id_)


main(test)
