#!/usr/bin/env python3
"""A database where nothing happens: its slot moves all the same, whatever the
connector stored last before its task was started again."""
from lib import *

database = None


def position(id_):
    return int(source(database).one("SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = '%s'" % obj(id_)) or 0)


def moves_ok(id_, name):
    before = position(id_)
    ok(wait(lambda: position(id_) > before, 45, 0.1), name, lambda: "it stands at %s\n%s\n%s" % (before, offsets_of(con(id_)), story(id_)))


def offset_of(id_):
    return offsets_of(con(id_))[0]["offset"]


def restarted(id_):
    """Stopped in order, so that the last offset is stored, and resumed; the offset.  The worker would resume it at once."""
    pause_worker()
    try:
        rest("PUT", "/connectors/%s/stop" % con(id_))
        if not wait(lambda: rest("GET", "/connectors/%s/status" % con(id_))[1].get("tasks") == [], 60, 0.05):
            raise RuntimeError("the connector does not stop")
        stored = offset_of(id_)
        rest("PUT", "/connectors/%s/resume" % con(id_))
        return stored
    finally:
        set_meta("cdc_pipeline.enabled", "on")


def test():
    global database
    database, prefix = make_database(), word("p")
    db = source(database)
    db.rows("CREATE TABLE t (id int PRIMARY KEY)")
    id_ = create(None, ["t"], database, prefix, options={"heartbeat.interval.ms": "2000"})
    running_ok(id_)
    topic = Topic(prefix + ".public.t")
    moves_ok(id_, "a slot of a database in which nothing was ever written moves")
    restarted(id_)
    moves_ok(id_, "after a restart whose last offset is of a heartbeat")
    db.rows("INSERT INTO t VALUES (0)")
    topic.wait(lambda events: events, 30)
    restarted(id_)
    moves_ok(id_, "after one whose last offset is of a change")
    # a heartbeat between a commit and what comes next stores the commit: Debezium then waits for a later one
    for n in range(1, 20):
        db.rows("INSERT INTO t VALUES (%d)" % n)
        if wait(lambda: offset_of(id_)["messageType"] == "COMMIT", 12, 0.05) and restarted(id_)["messageType"] == "COMMIT":
            break
    ok(n < 19, "the last offset is of a commit")
    moves_ok(id_, "after one whose last offset is of a commit")
    equal(sorted(e["after"]["id"] for e in topic.wait(lambda events: len(events) > n)), list(range(n + 1)), "every row came once")
    topic.close()

    def synchronous(how):
        for sql in ("ALTER SYSTEM %s" % how, "SELECT pg_reload_conf()"):
            source("postgres").one(sql)

    undo.append(lambda: synchronous("RESET synchronous_standby_names"))
    synchronous("SET synchronous_standby_names = 'one_that_is_away'")
    wait(lambda: Db(SERVER_DSN, "postgres").one("SHOW synchronous_standby_names") == "one_that_is_away")
    seen = set()
    ok(wait(lambda: seen.add(position(id_)) or len(seen) > 3, 60, 0.1), "a synchronous standby that is away holds no heartbeat up", lambda: "%s\n%s" % (sorted(seen), story(id_)))
    undo.pop()()


main(test)
