#!/usr/bin/env python3
"""Standbys are kept ready for a failover: what makes one unready is named with the
SQL that mends it, and a slot there that breaks is made again."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from torture import *
from writer import ADDRESS
from lib import *

needs_source(16, "slots on standbys")

database, id_ = None, None
FIRST = nodes()[1][0]           # a standby that is there, and one that is not
SECOND = next(name for name in "abc" if name not in [there for there, _, _ in nodes()])


def node(name):
    return next(port for there, _, port in nodes() if there == name)


def on(name, sql):
    """Each statement by itself, as ALTER SYSTEM wants it."""
    connection = Connection(node(name), "postgres")
    try:
        for statement in sql if isinstance(sql, list) else [sql]:
            result = connection.rows(statement)
        return result[0][0] if result and result[0] else None
    finally:
        connection.close()


def primary():
    return nodes()[0][0]


def readiness(name):
    """(ready, missing, fix_sql) of a standby, None when it is not listed."""
    rows = meta.rows("SELECT ready, missing, fix_sql FROM cdc.failover_readiness WHERE pipeline_id = '%s' AND node = '%s:%d'" % (id_, ADDRESS[node(name)], node(name)))
    return rows[0] if rows else None


def ready_ok(name, what, seconds=30):
    return ok(wait(lambda: (readiness(name) or ("f",))[0] == "t", seconds), what, lambda: "%s\n%s" % (readiness(name), story(id_)))


def missing_ok(name, pattern, what, seconds=30):
    """A test: this is said to be missing; returns the SQL that mends it."""
    ok(wait(lambda: re.search(pattern, (readiness(name) or ("", ""))[1] or ""), seconds), what, lambda: readiness(name))
    return (readiness(name) or ("", "", ""))[2]


def slots():
    """What holds and moves the slots, for a test that failed."""
    said = []
    for name, _, _ in nodes():
        connection = Connection(node(name), "postgres")
        for sql in ("SELECT slot_name, active, temporary, restart_lsn, confirmed_flush_lsn, xmin, catalog_xmin, wal_status FROM pg_replication_slots",
                    "SELECT pid, application_name, state, backend_xmin, backend_xid, xact_start FROM pg_stat_activity WHERE backend_xmin IS NOT NULL OR backend_xid IS NOT NULL"):
            said += ["%s: %s" % (name, row) for row in connection.rows(sql)]
        connection.close()
    return "\n".join(said)


def mend(name, fix):
    """What the view says to type, where it says to type it."""
    for line in fix.split("\n"):
        sql, _, where = line.partition(" -- on the ")
        on(primary() if where.startswith("primary") else name, [part.strip() for part in sql.split(";") if part.strip()])


def slot_on(name, column):
    return on(name, "SELECT %s FROM pg_replication_slots WHERE slot_name = '%s'" % (column, obj(id_)))


def row():
    """One more row, and its event."""
    row.last += 1
    source(database).rows("INSERT INTO t VALUES (%d)" % row.last)
    return ok(topic.wait(lambda all_: any(e["after"]["id"] == row.last for e in all_ if e["after"])), "row %d has come" % row.last, lambda: story(id_))


row.last = 0


def comes_and_leaves():
    ready_ok(FIRST, "an idle primary: its standby is ready")
    lab("add-standby", SECOND)
    start = time.monotonic()
    ready_ok(SECOND, "a new standby is prepared", 60)
    diag("in %.1f s" % (time.monotonic() - start))
    equal(slot_on(SECOND, "plugin"), "pgoutput", "it has the pipeline's slot")
    address = "%s:%d" % (ADDRESS[node(SECOND)], node(SECOND))
    lab("node", "drop", SECOND)
    ok(wait(lambda: meta.one("SELECT count(*) FROM cdc.failover_readiness WHERE node = '%s'" % address) == "0"), "one that leaves is not listed any more")
    ok(wait(lambda: meta.one("SELECT count(*) FROM cdc.pipeline_standby WHERE pipeline_id = '%s' AND port = %s" % (id_, address.split(":")[1])) == "0"), "and forgotten")
    running_ok(id_, "which the pipeline does not mind")


def behind_an_open_transaction():
    writer = Db(SERVER_DSN, database)
    writer.rows("CREATE TABLE held (id int); BEGIN; INSERT INTO held VALUES (1)")
    lab("add-standby", SECOND)
    missing_ok(SECOND, r"is being made, which waits for an open write transaction on the primary: pid \d+", "an open write transaction is named, that the new slot waits for")
    row()
    writer.rows("COMMIT")
    writer.close()
    ready_ok(SECOND, "when it ends the slot is made")


def without_feedback():
    """One VACUUM of a catalog invalidates the slots."""
    for name in (FIRST, SECOND):
        on(name, ["ALTER SYSTEM SET hot_standby_feedback = off", "SELECT pg_reload_conf()"])
    fix = [missing_ok(name, "hot_standby_feedback is off there", "%s: no hot_standby_feedback is said" % name) for name in (FIRST, SECOND)]
    log = os.path.join(env["CDC_LAB_DATA"], "source-%s.log" % SECOND)
    before = os.path.getsize(log)

    def invalidated():
        source(database).rows("CREATE TABLE churn AS SELECT 1; DROP TABLE churn")
        # the primary's slot moves on, the one there stays behind: it is moved every 512 kB
        source(database).rows("INSERT INTO t VALUES (0) ON CONFLICT DO NOTHING")
        on(primary(), "SELECT pg_log_standby_snapshot()")
        source(database).rows("VACUUM pg_catalog.pg_class")
        source(database).rows("VACUUM pg_catalog.pg_attribute")
        with open(log) as said:
            said.seek(before)
            return re.search('invalidating obsolete replication slot "%s"' % obj(id_), said.read())

    ok(wait(invalidated, 60, 0.2), "a VACUUM of a catalog invalidates the slot there", slots)
    for name, sql in zip((FIRST, SECOND), fix):
        mend(name, sql)
        ready_ok(name, "%s: the SQL that the view gives mends it, and the slot is made again" % name)
        equal(slot_on(name, "coalesce(to_jsonb(pg_replication_slots) ->> 'invalidation_reason', '')"), "", "%s: it is a good one" % name)


def without_physical_slot():
    on(FIRST, ["ALTER SYSTEM SET primary_slot_name = ''", "SELECT pg_reload_conf()"])
    fix = missing_ok(FIRST, "streams without a physical slot", "a standby without physical slot is said")
    mend(FIRST, fix)
    ready_ok(FIRST, "and mended by the SQL that the view gives")
    made = on(FIRST, "SHOW primary_slot_name")
    on(FIRST, ["ALTER SYSTEM RESET primary_slot_name", "SELECT pg_reload_conf()"])
    wait(lambda: on(primary(), "SELECT active FROM pg_replication_slots WHERE slot_name = 'standby_%s'" % FIRST) == "t")
    ok(wait(lambda: on(primary(), "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots WHERE slot_name = '%s' AND NOT active" % made) == "1"), "as it was")


def outage():
    """More WAL than is moved at once."""
    ready_ok(SECOND, "before the outage")
    behind = slot_on(SECOND, "confirmed_flush_lsn")
    lab("node", "stop", SECOND)
    missing_ok(SECOND, "does not answer", "a standby that is away is said")
    for _ in range(20):
        on(primary(), ["SELECT pg_logical_emit_message(false, 'nobody', '')", "SELECT pg_switch_wal()"])
    row()
    lab("node", "start", SECOND)
    ready_ok(SECOND, "after a long outage it is ready again")
    target = on(primary(), "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '%s'" % obj(id_))
    ok(wait(lambda: slot_on(SECOND, "confirmed_flush_lsn >= '%s'" % behind) == "t" and
            int(on(SECOND, "SELECT ('%s'::pg_lsn - confirmed_flush_lsn)::bigint FROM pg_replication_slots WHERE slot_name = '%s'" % (target, obj(id_)))) < 16 << 20, 30),
       "and its slot has caught up over 320 MB", lambda: "%s of %s" % (slot_on(SECOND, "confirmed_flush_lsn"), target))


def slot_sync_switched_on():
    """PostgreSQL 17: first beside our slots, then for them."""
    on(primary(), "SELECT pg_create_logical_replication_slot('of_the_user', 'pgoutput', false, false, true)")
    for name in (FIRST, SECOND):
        on(name, ["ALTER SYSTEM SET sync_replication_slots = on", "SELECT pg_reload_conf()"])
    user = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'of_the_user' AND synced AND NOT temporary"
    # as a consumer would: a slot that stands still behind what a standby has reserved is never synced
    consume = "SELECT pg_replication_slot_advance('of_the_user', pg_current_wal_lsn()) FROM pg_log_standby_snapshot()"
    ok(wait(lambda: on(primary(), consume) and on(FIRST, user) == "1" and on(SECOND, user) == "1", 120, 0.5), "the user's failover slot is synced beside ours")
    ready_ok(FIRST, "and ours is ready as it was")
    equal(slot_on(FIRST, "synced"), "f", "not synced by the server")

    replication = Db(SERVER_DSN + " replication=database", database)

    def altered():
        try:
            on(primary(), "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '%s' AND active" % obj(id_))
            replication.rows('ALTER_REPLICATION_SLOT "%s" (FAILOVER true)' % obj(id_))
            return True
        except DbError:
            return False

    ok(wait(altered, 30, 0.01), "the pipeline's slot is made a failover slot", lambda: story(id_))
    replication.close()
    # a slot that nobody streams from stands still, and is not synced
    ok(wait(lambda: on(primary(), "SELECT count(*) FROM pg_replication_slots JOIN pg_stat_replication ON pid = active_pid WHERE slot_name = '%s' AND state = 'streaming'" % obj(id_)) == "1", 120),
       "it streams again", lambda: story(id_))
    for name in (FIRST, SECOND):
        ok(wait(lambda: on(primary(), "SELECT pg_log_standby_snapshot()") and slot_on(name, "synced AND NOT temporary") == "t", 90, 0.5),
           "%s: the server syncs it, since ours was taken away" % name, lambda: "%s\n%s" % (readiness(name), slots()))
        ready_ok(name, "%s: then it is ready" % name)
    row()
    running_ok(id_)
    # a member of the list that nobody uses stops the stream
    on(primary(), "SELECT pg_create_physical_replication_slot('of_nobody')")
    on(primary(), ["ALTER SYSTEM SET synchronized_standby_slots = 'of_nobody'", "SELECT pg_reload_conf()"])
    status_ok(id_, "Running", "a stream that waits for a standby which is not there: that it does, and for which", r"sends no changes until .*: nobody uses of_nobody, which synchronized_standby_slots names")
    on(primary(), ["ALTER SYSTEM RESET synchronized_standby_slots", "SELECT pg_reload_conf()"])
    on(primary(), "SELECT pg_drop_replication_slot('of_nobody')")
    row()
    running_ok(id_, "and when it is not waited for any more it flows")


def test():
    global database, id_, topic
    set_meta("cdc_pipeline.health_interval", "1s")
    database = make_database()
    source(database).rows("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (0)")
    prefix = word("p")
    id_ = create(None, ["t"], database, prefix)
    running_ok(id_)
    topic = Topic(prefix + ".public.t")
    comes_and_leaves()
    behind_an_open_transaction()
    without_feedback()
    without_physical_slot()
    outage()
    slot_sync_switched_on()
    topic.close()
    delete(id_)
    gone_ok(id_)
    for name in (FIRST, SECOND):
        ok(wait(lambda: slot_on(name, "1") is None), "%s: nothing is left" % name)
        on(name, ["ALTER SYSTEM RESET sync_replication_slots", "SELECT pg_reload_conf()"])
    on(primary(), "SELECT pg_drop_replication_slot('of_the_user')")
    lab("node", "drop", SECOND)


main(test)
