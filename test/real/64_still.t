#!/usr/bin/env python3
"""Where all is as it should be the worker only looks: over rounds and a restart
nothing outside changes, and every request and statement is a read."""
from lib import *

# a statement of the worker begins so; what moves is the slot on a standby
READS = r"WITH RECURSIVE (given|ask) AS MATERIALIZED|SET transaction_timeout = 0$|SELECT pg_catalog\.pg_is_in_recovery\(\)"
SHADOW = r"SELECT .*pg_replication_slot_advance"


def nodes():
    return [Db(dsn, "postgres") for dsn in (SERVER_DSN, STANDBY_DSN)]


def log_statements(on):
    for db in nodes():
        for name, value in (("log_statement", "all"), ("log_line_prefix", "%a|%u|")):
            db.one("ALTER SYSTEM %s %s %s" % (("SET", name, "= '%s'" % value) if on else ("RESET", name, "")))
        db.one("SELECT pg_reload_conf()")
        wait(lambda: Db(db.dsn).one("SHOW log_statement") == ("all" if on else "none"))


def log_files():
    """Of the nodes, the primary first."""
    names = [line.split()[0] for line in open(os.path.join(env["CDC_LAB_DATA"], "source-nodes"))]
    return [os.path.join(env["CDC_LAB_DATA"], "source-%s.log" % name) for name in names]


def statements(path, since):
    """What the worker ran there since the log had this size."""
    with open(path, errors="replace") as f:
        f.seek(since)
        return re.findall(r"^cdc_pipeline\|[^|]*\|LOG:\s+(?:statement|execute [^:]*): (.*)", f.read(), re.M)


def outside(ids):
    """The world, with all that it leaves out: configurations, offsets' keys, files of secrets."""
    words = [world()]
    for id_ in ids:
        words.append(json.dumps(rest("GET", "/connectors/%s/config" % con(id_))[1], sort_keys=True))
        words.append(json.dumps([offset["partition"] for offset in rest("GET", "/connectors/%s/offsets" % con(id_))[1]["offsets"]]))
        words.append(meta.lines("SELECT to_jsonb(s) - '{updated_at}'::text[] FROM cdc.pipeline_spec s WHERE id = '%s'" % id_))
    secrets = os.path.join(env["LAB_DIR"], "kafka/secrets")
    for path in sorted(os.path.join(secrets, name) for name in os.listdir(secrets)) + [os.path.join(path, "pg_hba.conf") for path in node_dirs()]:
        words.append("%s %d" % (path, os.stat(path).st_mtime_ns))
    return "\n".join(words)


def spread():
    """Has Connect spread its connectors and tasks over all workers?  Until then it moves them."""
    running = [about["status"] for about in rest("GET", "/connectors?expand=status")[1].values()]
    workers = [url.rsplit(":", 1)[1] for url in connect_urls()]
    for where in [c["connector"]["worker_id"] for c in running], [task["worker_id"] for c in running for task in c["tasks"]]:
        each = [sum(worker_id.endswith(":" + worker) for worker_id in where) for worker in workers]
        if sum(each) != len(where) or max(each) - min(each) > 1:
            return False
    return all(part["state"] in ("RUNNING", "STOPPED") for c in running for part in [c["connector"]] + c["tasks"])


def some_rounds(n=5):
    before = rounds()
    meta.one("SELECT count(*) FROM cdc.check_health()")
    return wait(lambda: rounds() >= before + n, 40)


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    set_meta("cdc_pipeline.settle_after", "1s")
    # a machine that stands still for some seconds is no dead source
    set_meta("cdc_pipeline.source_dead_after", "60s")
    relay = Relay(env["CDC_CONNECT_URL"])
    sink = relay.sink()
    database = make_database()
    source(database).rows("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 100)")
    ids = [create(None, ["a"], database, sink_id=sink), create(None, ["a", "b"], database), create(None, [], database, snapshot_mode="initial_only")]
    for id_ in ids:
        running_ok(id_, "a pipeline runs")
    # none is ever ready before 16
    wait_ok(lambda: SOURCE_VERSION < 16 or meta.one("SELECT bool_and(ready) FROM cdc.failover_readiness WHERE pipeline_id IN ('%s', '%s')" % tuple(ids[:2])) == "t",
            "their standbys are ready", 60, lambda: meta.lines("SELECT * FROM cdc.failover_readiness"))
    wait_ok(lambda: meta.one("SELECT count(*) FROM cdc.pipeline_spec WHERE snapshot_run IS NOT NULL AND id IN ('%s', '%s')" % tuple(ids[:2])) == "0", "and Connect has stored their snapshots", 90)
    wait_ok(spread, "Connect has spread them over its workers", 60, lambda: rest("GET", "/connectors?expand=status")[1])
    undo.append(lambda: log_statements(False))
    log_statements(True)
    some_rounds(2)

    sizes = [os.path.getsize(path) for path in log_files()]
    last = meta.one("SELECT max(id) FROM cdc.pipeline_event")
    before = outside(ids)
    del relay.requests[:]
    ok(some_rounds(), "some rounds go by")
    pid = worker_pid()
    meta.one("SELECT pg_terminate_backend(%d)" % pid)
    ok(wait(lambda: worker_pid() not in (None, pid)), "another worker takes over")
    ok(some_rounds(), "and some rounds more")
    same_ok(before, outside(ids), "nothing outside is another than before, nor is what is remembered")
    requests = list(relay.requests)
    ok(len(requests) > 8 and {method for method, _ in requests} == {"GET"}, "Kafka Connect was only asked", requests)
    for n, (path, since) in enumerate(zip(log_files(), sizes)):
        ran = statements(path, since)
        other = [statement for statement in ran if not re.match(READS if n == 0 else READS + "|" + SHADOW, statement)]
        ok(len(ran) > 8, "the worker's statements are in the log of node %d" % n, len(ran))
        equal(sorted({statement[:300] for statement in other}), [], "and each of them only looks" + ("" if n == 0 else ", or moves the slots there with the primary's"))
    ok(meta.one("SELECT count(*) FROM cdc.pipeline_event WHERE id > %s" % last) == "0", "nobody's story goes on", lambda: "\n\n".join(story(id_) for id_ in ids))
    for id_ in ids:
        delete(id_)
    for id_ in ids:
        gone_ok(id_)
    settled_ok(ids[0], "what went through the relay is watched no more, before that ends")
    equal(meta.one("SELECT cdc.delete_service('%s')" % sink), "deleting", "the service can go")


main(test)
