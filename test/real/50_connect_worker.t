#!/usr/bin/env python3
"""A Connect cluster of two workers, of which one is killed: the one that has the task.

At once after Running, before Connect has stored that the snapshot has finished:
what may be missing is told as a gap and comes with a new snapshot.  Later:
nothing is missing.
"""
from flow import *


def where(id_, url):
    """Number of the Connect worker that runs a pipeline's task, 0: none."""
    code, body = rest("GET", "/connectors/%s/status" % con(id_), url=url, seconds=0)
    tasks = body.get("tasks") if code == 200 else None
    return int(tasks[0]["worker_id"].rsplit(":", 1)[1]) - int(env["LAB_PORT_BASE"]) - 19 if tasks and tasks[0]["state"] == "RUNNING" else 0


def early():
    """Killed as soon as it is Running."""
    database, table, prefix = make_database(), word("t_"), word("p")
    source(database).rows(TABLE % table)
    flow = Flow(database, table, "%s.public.%s" % (prefix, table))
    db = Db(SERVER_DSN, database)
    copied(flow, db, 2000)
    db.close()
    id_ = create(None, [table], database, prefix)
    flow.read()
    flow.writer(single)
    flow.writer(several)
    running_ok(id_, "early: a pipeline runs")
    victim = wait(lambda: where(id_, connect_urls()[0]))
    ok(victim, "early: a worker has the task")
    undo.append(lambda: connect_worker("start", victim))
    connect_worker("kill", victim)
    ok(wait(lambda: where(id_, connect_urls()[2 - victim]) == 3 - victim, 90), "early: the other worker takes the task over")
    connect_worker("start", victim)
    ok(wait(lambda: spec(id_)["snapshot_run"] is None and spec(id_)["was_running"], 90), "early: in the end a snapshot is stored", lambda: story(id_))
    running_ok(id_, "early: and nothing is the matter any more")
    flow.stop()
    flow.whole_ok("early", order=False)
    diag("gaps: %s" % [(e["detail"].get("kind"), e["message"]) for e in events(id_, "kind = 'gap'")])
    flow.topic.close()
    delete(id_)
    gone_ok(id_)


def test():
    equal(len(connect_urls()), 2, "the lab has two Connect workers")
    set_meta("cdc_pipeline.health_interval", "1s")
    early()
    database, table, prefix = make_database(), word("t_"), word("p")
    source(database).rows(TABLE % table)
    flow = Flow(database, table, "%s.public.%s" % (prefix, table))
    db = Db(SERVER_DSN, database)
    copied(flow, db, 2000)
    db.close()
    id_ = create(None, [table], database, prefix)
    running_ok(id_, "a pipeline runs")
    ok(wait(lambda: spec(id_)["snapshot_run"] is None, 30), "and Connect is seen to have stored that its snapshot has finished", lambda: story(id_))
    flow.read()
    flow.deletes = True
    flow.writer(single)
    flow.writer(several)
    slots = source("postgres")

    def streaming():
        return slots.one("SELECT r.active_pid FROM pg_replication_slots r JOIN pg_stat_replication s ON s.pid = r.active_pid WHERE slot_name = '%s' AND s.state = 'streaming'" % obj(id_))

    # both are killed once, so one of the two times it is the worker that is asked first
    for _ in range(2):
        victim = wait(lambda: where(id_, connect_urls()[0]), 60)
        ok(victim, "a worker has the task") and diag("worker %d" % victim)
        other = connect_urls()[2 - victim]
        undo.append(lambda: connect_worker("start", victim))
        copy = Db(SERVER_DSN, database)
        copied(flow, copy, 3000)
        copy.close()
        pid = streaming()
        last = int(meta.one("SELECT max(id) FROM cdc.pipeline_event WHERE pipeline_id = '%s'" % id_))
        connect_worker("kill", victim)
        ok(wait(lambda: where(id_, other) == 3 - victim, 90), "the other worker takes the task over")
        ok(wait(lambda: streaming() not in (None, pid), 60), "and streams", lambda: story(id_))
        status_ok(id_, "Running", "the pipeline runs", r"^$|%s" % re.escape(connect_urls()[victim - 1]))
        second = create(None, [table], database)
        running_ok(second, "a new pipeline is made on the worker that is left")
        delete(second)
        gone_ok(second, "and deleted")
        connect_worker("start", victim)
        ok(wait(lambda: rest("GET", "/connectors", url=connect_urls()[victim - 1])[1] == [con(id_)], 90), "the killed worker is back")
        running_ok(id_, "and nothing is the matter any more")
        equal([e["status_to"] for e in events(id_, "id > %d AND status_to <> 'Running'" % last)], [], "its status was never lost")
        # the next one to be killed is the one that has taken over
        ok(wait(lambda: where(id_, connect_urls()[0]), 60), "the task runs after the rebalance")
    flow.stop()
    flow.whole_ok("over two kills")
    flow.topic.close()


main(test)
