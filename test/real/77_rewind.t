#!/usr/bin/env python3
"""A rewind to a position at which the very next record is a change of a
transaction that is still open, and that has written before: all of it arrives.

The rewind is the worker's own: it finds the verdict written down and a stored
offset ahead of it, as it does when it was killed between the two.
"""
from lib import *

needs_source(15, "pg_walinspect")

BEFORE, HEARTBEAT = 500, "60000"


def lsn_of(number):
    return "%X/%X" % (number >> 32, number & 0xffffffff)


def position(db, expression="pg_current_wal_insert_lsn()"):
    return int(db.one("SELECT %s - '0/0'" % expression))


def commit_with_a_change_behind(db, opened):
    """b: a commit ends there, and there the opened transaction's next change begins; by WAL itself.  None: something else came in between."""
    key = int(opened.one("SELECT max(id) + 1 FROM t"))
    db.rows("INSERT INTO aside VALUES (DEFAULT)")
    b = position(db)
    opened.rows("INSERT INTO t VALUES (%d)" % key)
    db.one("SELECT pg_switch_wal()")     # all of it is flushed, which pg_walinspect needs
    start, xid, resource, type_ = db.rows("SELECT start_lsn - '0/0', xid, resource_manager, record_type FROM pg_get_wal_record_info('%s')" % lsn_of(b))[0]
    commit = db.rows("SELECT record_type, end_lsn - '0/0' FROM pg_get_wal_records_info('%s', '%s') WHERE end_lsn <= '%s' ORDER BY start_lsn DESC LIMIT 1" %
                     (lsn_of(b - 4096), lsn_of(b), lsn_of(b)))
    diag("at %s: %s %s of %s; before it %s" % (lsn_of(b), resource, type_, xid, commit))
    mine = opened.one("SELECT pg_current_xact_id_if_assigned()::xid")
    return b if int(start) == b and xid == mine and resource == "Heap" and "INSERT" in type_ and commit and commit[0][0] == "COMMIT" and int(commit[0][1]) == b else None


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    database, prefix = make_database(), word("p")
    db, opened = source(database), Db(SERVER_DSN, database)
    db.rows("CREATE EXTENSION pg_walinspect; CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE aside (id serial)")
    # nothing else commits in the stream: the first one would tell Debezium where it is
    id_ = create(None, ["t"], database, prefix, options={"heartbeat.interval.ms": HEARTBEAT})
    running_ok(id_)
    stored_ok(id_, "it runs")
    db.rows("INSERT INTO t VALUES (0)")
    topic = Topic(prefix + ".public.t")
    topic.wait(lambda all_: all_)
    pause_worker()
    rest("PUT", "/connectors/%s/stop" % con(id_))
    slot_free = lambda: db.one("SELECT NOT active FROM pg_replication_slots WHERE slot_name = '%s'" % obj(id_)) == "t"
    ok(wait(lambda: rest("GET", "/connectors/%s/status" % con(id_))[1].get("tasks") == [] and slot_free(), 60), "the connector stands still")

    opened.rows("BEGIN")
    opened.rows("INSERT INTO t SELECT generate_series(1, %d)" % BEFORE)
    b = wait(lambda: commit_with_a_change_behind(db, opened), 60)
    if not ok(b, "a commit ends where the next change of an open transaction begins"):
        return
    rows = int(opened.one("SELECT count(*) FROM t"))

    # Kafka has more than the history: what a lossy failover leaves
    db.rows("INSERT INTO aside SELECT FROM generate_series(1, 1000)")
    ahead = b + 4096
    partition = offsets_of(con(id_))[0]["partition"]
    code, _ = rest("PATCH", "/connectors/%s/offsets" % con(id_), {"offsets": [{"partition": partition, "offset": {
        "lsn": ahead, "lsn_proc": ahead, "lsn_commit": ahead, "txId": 1, "ts_usec": 1}}]})
    equal(code, 200, "the stored offset is ahead")
    streamed = spec(id_)["streamed"]
    meta.one("UPDATE cdc.pipeline_spec SET failover = %s WHERE id = '%s' RETURNING 1" % (lit(json.dumps(
        {"verdict": "rewind", "system": streamed["system"], "timeline": streamed["timeline"], "from": streamed.get("from"), "node": streamed["node"],
         "position": lsn_of(b), "slot_lsn": lsn_of(position(db, "(SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '%s')" % obj(id_))),
         "since_ms": int(time.time() * 1000), "resumed": False, "words": "the stored offset goes back"})), id_))
    # memory is read anew
    before = worker_pid()
    meta.one("SELECT pg_terminate_backend(%d)" % before)
    wait(lambda: worker_pid() not in (None, before), 60)
    set_meta("cdc_pipeline.enabled", "on")

    done = "kind = 'outcome' AND detail->>'action' = 'patch_offsets' AND detail->>'result' = 'done'"
    ok(wait(lambda: events(id_, done), 60), "the worker has set it back", lambda: story(id_))
    opened.rows("COMMIT")
    came = lambda all_: len({e["after"]["id"] for e in all_ if e.get("after")})
    ok(topic.wait(lambda all_: came(all_) >= rows, 60), "every row of the transaction arrives", lambda: "%d of %d\n%s" % (came(topic.events), rows, story(id_)))
    running_ok(id_, "and it runs")
    topic.close()
    opened.close()


main(test)
