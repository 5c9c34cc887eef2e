#!/usr/bin/env python3
"""Where changes may be missing from Kafka without any failover, that is told, and
repaired by the pipeline's policy: a slot dropped, invalidated, used by somebody
else, held back too long, a source restored from a backup."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "torture"))
from torture import *
from lib import *

PG_BIN = "/usr/lib/postgresql/15/bin/"


def admin(*statements):
    for sql in statements:
        result = source("postgres").one(sql)
    return result


def lsn(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


class Flow:
    """A pipeline with one table, and its topic."""

    def __init__(self, **options):
        self.database, self.prefix, self.last = make_database(), word("p"), 0
        source(self.database).rows("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (0)")
        self.id = create(None, ["t"], self.database, self.prefix, **options)
        running_ok(self.id, "it runs")
        self.topic = Topic(self.prefix + ".public.t")
        self.row("it flows")
        self.seen = 0
        self.told()

    def write(self):
        self.last += 1
        source(self.database).rows("INSERT INTO t VALUES (%d)" % self.last)

    def came(self, op, row):
        return any(e["op"] in op and (e["after"] or e["before"])["id"] == row for e in self.topic.events)

    def row(self, what):
        self.write()
        return ok(self.topic.wait(lambda _: self.came("rc", self.last), 60), "%s: row %d has come" % (what, self.last), lambda: story(self.id))

    def told(self):
        """Events of kind gap since the last time."""
        found = events(self.id, "kind = 'gap' AND id > %d" % self.seen)
        self.seen = max([e["id"] for e in found], default=self.seen)
        return found

    def slot(self, column):
        return admin("SELECT %s FROM pg_replication_slots WHERE slot_name = '%s'" % (column, obj(self.id)))

    def gap_ok(self, kind, words, before, action="resnapshot"):
        """Tests: a gap is told, with its positions; before: where WAL was when it was made."""
        ok(wait(lambda: events(self.id, "kind = 'gap' AND id > %d" % self.seen), 60), words + ": the gap is told", lambda: story(self.id))
        opened = events(self.id, "kind = 'gap' AND id > %d" % self.seen)
        detail = opened[0]["detail"] if opened else {}
        equal((detail.get("kind"), detail.get("action"), detail.get("tables")), (kind, action, ['"public"."t"']), words + ": what it is, in which tables, and what is done")
        # what was seen confirmed last, a round ago at most: never later than the damage
        ok(0 < lsn(detail.get("from_lsn") or "0/0") <= lsn(before), words + ": it begins where Kafka was",
           lambda: "%s, and WAL was at %s\n%s" % (detail, before, story(self.id)))

    def closed_ok(self, words):
        running_ok(self.id, words + ": it runs again", 90)
        self.row(words)
        closed = [e for e in self.told() if "closed" in e["message"]]
        ok(len(closed) == 1 and lsn(closed[0]["detail"]["from_lsn"]) <= lsn(closed[0]["detail"]["to_lsn"] or "0/0"), words + ": from where to where is told in the end", lambda: "%s, after event %d\n%s" % (closed, self.seen, story(self.id)))


def dropped():
    flow = Flow()
    stored_ok(flow.id, "slot dropped")
    source(flow.database).rows("INSERT INTO t VALUES (-1)")
    ok(flow.topic.wait(lambda _: flow.came("c", -1)), "a row that will be deleted in the gap has come")
    before = admin("SELECT pg_current_wal_lsn()")
    drop_slot(flow.id)
    source(flow.database).rows("DELETE FROM t WHERE id = -1")
    flow.write()
    in_gap = flow.last
    flow.gap_ok("slot_gone", "slot dropped", before)
    flow.closed_ok("slot dropped")
    ok(flow.came("r", in_gap), "slot dropped: a row that was written in the gap has come with the snapshot")
    return flow


def lost(flow):
    """Its WAL is removed, as max_slot_wal_keep_size wants it."""
    open_one = Db(SERVER_DSN, flow.database)
    open_one.rows("CREATE TABLE held (id int); BEGIN; INSERT INTO held VALUES (1)")      # the slot must keep WAL from here on
    undo.append(lambda: admin("ALTER SYSTEM SET max_slot_wal_keep_size = '4GB'", "SELECT pg_reload_conf()"))
    admin("ALTER SYSTEM SET max_slot_wal_keep_size = '32MB'", "SELECT pg_reload_conf()")

    def lost_now():
        for _ in range(3):
            admin("SELECT pg_logical_emit_message(false, 'nobody', '')", "SELECT pg_switch_wal()")
        admin("CHECKPOINT")
        return flow.slot("wal_status") in ("lost", None) or events(flow.id, "kind = 'gap' AND id > %d" % flow.seen)

    ok(wait(lost_now, 60, 0.2), "the server invalidates the slot")
    before = admin("SELECT pg_current_wal_lsn()")
    open_one.rows("COMMIT")
    open_one.close()
    admin("ALTER SYSTEM SET max_slot_wal_keep_size = '4GB'", "SELECT pg_reload_conf()")
    flow.gap_ok("slot_lost", "slot lost", before)
    flow.closed_ok("slot lost")


def held_back(flow):
    """More WAL than cdc_pipeline.max_slot_wal: a warning, then the end."""
    open_one = Db(SERVER_DSN, flow.database)
    open_one.rows("BEGIN; INSERT INTO held VALUES (2)")
    set_meta("cdc_pipeline.max_slot_wal", "128MB")
    held = lambda: int(flow.slot("pg_current_wal_lsn() - restart_lsn") or 0) >> 20

    def switch():
        admin("SELECT pg_logical_emit_message(false, 'nobody', '')", "SELECT pg_switch_wal()")
        return held() > 100
    ok(wait(switch, 30, 0.05), "more than three quarters of max_slot_wal are held back")
    status_ok(flow.id, "Running", "that is warned of", r"holds back 1\d\d MB of 128 MB of WAL")
    equal(flow.told(), [], "and nothing is given up yet")
    ok(wait(lambda: switch() and (flow.slot("1") is None or held() > 130), 30, 0.05), "more than all of it")
    ok(wait(lambda: flow.slot("1") is None, 60), "the slot is given up", lambda: story(flow.id))
    before = admin("SELECT pg_current_wal_lsn()")
    open_one.rows("COMMIT")
    open_one.close()
    flow.gap_ok("slot_wal", "max_slot_wal", before)
    flow.closed_ok("max_slot_wal")
    meta.one("ALTER SYSTEM RESET cdc_pipeline.max_slot_wal")
    meta.one("SELECT pg_reload_conf()")


def take_slot(flow, name, what):
    """A test: pg_recvlogical, under this name, gets hold of the slot and confirms what it is sent; its process."""
    stream = None

    def taken():
        nonlocal stream
        pid = admin("SELECT pid FROM pg_stat_replication WHERE application_name = '%s'" % name)
        if pid and flow.slot("active_pid") == pid:
            return True
        admin("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '%s' AND active" % obj(flow.id))
        if stream is None or stream.poll() is not None:
            stream = subprocess.Popen([PG_BIN + "pg_recvlogical", "-d", SERVER_DSN + " dbname=%s application_name=%s" % (flow.database, name), "-S", obj(flow.id), "--start", "-n", "-f", "/dev/null",
                                       "-s", "1", "-F", "1", "-o", "proto_version=1", "-o", "publication_names=" + obj(flow.id)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return False

    undo.append(lambda: stream and stream.kill())
    ok(wait(taken, 60, 0.02), what)
    return stream


def usurped(flow):
    """pg_recvlogical takes the slot and confirms what we have not seen."""
    stored_ok(flow.id, "used by somebody else")
    stream = take_slot(flow, "somebody", "somebody else has got hold of the slot")
    before = admin("SELECT pg_current_wal_lsn()")
    flow.write()
    in_gap = flow.last
    status_ok(flow.id, "Running", "who it is is said", r"the replication slot was used by somebody else.*somebody")
    flow.gap_ok("failover", "used by somebody else", before)
    stream.kill()
    stream.wait()
    flow.closed_ok("used by somebody else")
    ok(flow.came("r", in_gap), "used by somebody else: the row that it took has come with the snapshot")


def usurped_at_once():
    """... before Connect has stored that the snapshot is finished: the task takes another one, whose offset is later than what is missing."""
    flow = Flow()
    stream = take_slot(flow, "somebody_at_once", "somebody else has got hold of the slot at once")
    before = admin("SELECT pg_current_wal_lsn()")
    flow.write()
    said = r"the replication slot was used by somebody else|started anew before Kafka Connect had stored"
    ok(wait(lambda: any(re.search(said, e["message"] or "") for e in events(flow.id)), 60), "that is said", lambda: story(flow.id))
    ok(wait(lambda: events(flow.id, "kind = 'gap'"), 60), "used at once: the gap is told", lambda: story(flow.id))
    told = events(flow.id, "kind = 'gap'")[0]["detail"]
    ok(told["kind"] in ("failover", "snapshot") and 0 < lsn(told["from_lsn"]) <= lsn(before), "used at once: it begins where the slot was", lambda: "%s, and WAL was at %s\n%s" % (told, before, story(flow.id)))
    stream.kill()
    stream.wait()
    flow.closed_ok("used at once")
    delete(flow.id)
    gone_ok(flow.id)


def halted():
    flow = Flow(options={"on_gap": "halt"})
    stored_ok(flow.id, "on_gap halt")
    before = admin("SELECT pg_current_wal_lsn()")
    drop_slot(flow.id)
    flow.gap_ok("slot_gone", "on_gap halt", before, "halt")
    status_ok(flow.id, "Failed", "on_gap halt: no new snapshot is taken", r"the replication slot is gone.*on_gap is halt")
    time_of_look = rounds()
    ok(wait(lambda: rounds() > time_of_look + 2), "rounds go by")
    equal(flow.slot("1"), None, "on_gap halt: and no new slot is made")
    delete(flow.id)
    gone_ok(flow.id)


def server(verb, name):
    """Stops or starts a node; no connection of ours survives that."""
    for connection in connections.values():
        connection.close()
    lab("node", verb, name)


def restored(flow, words, noted):
    """
    The files of an hour ago: the same timeline, and less WAL than Kafka has.
    noted: the worker saw that the slot confirmed what came later; else only
    Connect knows, which stored it when the source was away.
    """
    name, path, port = nodes()[0]
    flow.row(words + ": before the backup")
    server("stop", name)
    subprocess.run(["cp", "-a", path, path + ".backup"], check=True)
    server("start", name)
    flow.row(words + ": started again")
    running_ok(flow.id, words + ": and seen to run")
    for _ in range(3):
        last = admin("SELECT pg_current_wal_lsn()")
        flow.row(words + ": after the backup")
        source(flow.database).rows("INSERT INTO t SELECT generate_series(%d000, %d999)" % (flow.last, flow.last))
    flow.row(words + ": after more than a server writes when it starts")
    running_ok(flow.id)
    if noted:
        # Connect stores offsets, and the slot moves, some time later
        ok(wait(lambda: lsn(spec_flushed(flow.id)) >= lsn(last), 60), words + ": the position is noted", lambda: spec_flushed(flow.id))
    server("stop", name)
    if not noted:
        ok(wait(lambda: max(o["offset"]["lsn"] for o in offsets_of(con(flow.id))) > lsn(last), 60), words + ": Connect has stored it", lambda: offsets_of(con(flow.id)))
        ok(lsn(spec_flushed(flow.id)) < lsn(last), words + ": nobody here has seen that", lambda: spec_flushed(flow.id))
    subprocess.run(["rm", "-rf", path], check=True)
    os.rename(path + ".backup", path)
    server("start", name)
    ok(wait(lambda: events(flow.id, "kind = 'gap' AND id > %d" % flow.seen), 60), words + ": the gap is told", lambda: story(flow.id))
    told = events(flow.id, "kind = 'failover' AND detail ? 'verdict'")[-1]["detail"]
    equal((told["verdict"], told["history"]), ("resnapshot", "rewritten"), words + ": judged as a history that was written again")
    ok(told["phantoms"] and lsn(told["phantoms"]["after_lsn"]) < lsn(last) < lsn(told["phantoms"]["to_lsn"]), words + ": what came after it is told as phantoms", told)
    flow.closed_ok(words)


def spec_flushed(id_):
    return meta.one("SELECT confirmed_flush_lsn FROM cdc.pipeline_observed WHERE pipeline_id = '%s'" % id_) or "0/0"


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    flow = dropped()
    lost(flow)
    held_back(flow)
    usurped(flow)
    usurped_at_once()
    halted()
    for other, _, _ in nodes()[1:]:
        lab("node", "drop", other)
    restored(flow, "restored from a backup", True)
    # from here on nothing is looked at that gives no cause
    set_meta("cdc_pipeline.health_interval", "1h")
    restored(flow, "restored unseen", False)
    set_meta("cdc_pipeline.health_interval", "1s")
    lab("add-standby")
    flow.topic.close()


main(test)
