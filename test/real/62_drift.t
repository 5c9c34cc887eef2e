#!/usr/bin/env python3
"""What somebody changed by hand is seen in the next round: repaired, or
reported where a repair could lose data or touch what is not ours.

Rounds come only when this test asks for one, so "within a round" is a count.
"""
from lib import *

REPORTED = "transition"     # the kind of event that only tells


class Case:
    """One pipeline over tables a and b of a database of its own."""

    def __init__(self, **more):
        self.database = make_database()
        self.db = source(self.database)
        self.db.rows("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY)")
        self.prefix = word("p")
        self.id = create(None, ["a", "b"], self.database, self.prefix, **more)
        self.role = self.publication = obj(self.id)
        running_ok(self.id, "a pipeline runs")
        self.topics = {table: Topic("%s.public.%s" % (self.prefix, table)) for table in "ab"}
        self.value = {"a": 0, "b": 0}

    def row(self, table="a"):
        self.value[table] += 1
        self.db.rows("INSERT INTO %s VALUES (%d)" % (table, self.value[table]))
        return self.value[table]

    def seen(self, what, kind, pattern, hand):
        """By hand, then one round: an event of this kind, action or message tells it."""
        last = int(meta.one("SELECT max(id) FROM cdc.pipeline_event WHERE pipeline_id = '%s'" % self.id))
        before = rounds()
        hand()
        meta.one("SELECT count(*) FROM cdc.check_health()")

        def told():
            return [e for e in events(self.id, "kind = '%s' AND id > %d" % (kind, last))
                    if re.search(pattern, (e["detail"] or {}).get("action", "") if kind == "drift" else e["message"] or "")]

        ok(wait(told, 150), what + ": is seen", lambda: story(self.id))
        ok(rounds() <= before + 1, what + ": within a round")

    def flows(self, what, table="a"):
        value = self.row(table)
        flows_ok(self.topics[table], "id", value, what + ": rows flow")
        equal([e["op"] for e in self.topics[table].events if e["after"]["id"] == value], ["c"], what + ": each once")

    def repaired(self, what, action, hand, now):
        """Drift: repaired, and the pipeline is as before; now() tells what was changed."""
        wanted, snapshots = now(), self.snapshots()
        self.seen(what, "drift", "^%s$" % action, hand)
        running_ok(self.id, what + ": the pipeline runs, and says nothing")
        wait(lambda: now() == wanted, 10)
        equal(now(), wanted, what + ": it is as it was")
        self.flows(what)
        equal(self.snapshots(), snapshots, what + ": no new snapshot")

    def gap(self, what, hand, meanwhile="a"):
        """Changes were lost: told, and a new snapshot brings what is there."""
        before, begun = self.snapshots(), len(starts(self.id))
        values = []
        self.seen(what, "gap", "may be missing from Kafka", lambda: (hand(), values.append(self.row(meanwhile))))
        running_ok(self.id, what + ": the pipeline runs again", 90)
        # Connect itself may interrupt one, which is taken again
        ok(before < self.snapshots() <= before + max(1, len(starts(self.id)) - begun), what + ": with a new snapshot", lambda: story(self.id))
        flows_ok(self.topics[meanwhile], "id", values[0], what + ": a row of the time between has come")
        self.flows(what, meanwhile)

    def reported(self, what, pattern, hand, back, read):
        """Not ours to repair: told, not touched, and over when it is put right."""
        self.seen(what, REPORTED, pattern, hand)
        status_ok(self.id, "Running", what + ": it stays Running and says so", pattern)
        changed = read()
        meta.one("SELECT count(*) FROM cdc.check_health()")
        before = rounds()
        wait(lambda: rounds() > before, 10)
        equal(read(), changed, what + ": it is not touched")
        back()
        meta.one("SELECT count(*) FROM cdc.check_health()")
        running_ok(self.id, what + ": put right, the message goes")

    def snapshots(self):
        return len(events(self.id, "kind IN ('drift', 'action') AND detail->>'action' = 'end_discard'"))

    # -- what is there
    def config(self):
        return rest("GET", "/connectors/%s/config" % con(self.id))[1]

    def connector_state(self):
        return rest("GET", "/connectors/%s/status" % con(self.id))[1]["connector"]["state"]

    def published(self):
        return self.db.lines("SELECT puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot, obj_description(p.oid, 'pg_publication'),"
                             " (SELECT string_agg(prrelid::regclass::text, ' ' ORDER BY 1) FROM pg_publication_rel WHERE prpubid = p.oid) FROM pg_publication p WHERE pubname = '%s'" % self.publication)

    def rights(self):
        return self.db.lines("SELECT rolcanlogin, rolreplication, rolsuper, rolpassword, rolvaliduntil IS NULL OR rolvaliduntil = 'infinity', shobj_description(r.oid, 'pg_authid'), has_table_privilege(r.oid, 'a', 'SELECT'),"
                             " has_schema_privilege(r.oid, 'public', 'USAGE'), has_database_privilege(r.oid, current_database(), 'CONNECT') FROM pg_authid r WHERE rolname = '%s'" % self.role)


def hba_files():
    return [os.path.join(path, "pg_hba.conf") for path in node_dirs()]


def read(path):
    with open(path, newline="") as f:
        return f.read()


def write(path, text):
    """In place: owner and mode stay."""
    with open(path, "r+", newline="") as f:
        f.write(text)
        f.truncate()


def connector(case):
    name = con(case.id)
    path = "/connectors/" + name

    def delete_it():
        rest("DELETE", path)
        wait(lambda: rest("GET", path)[0] == 404)
        case.between = case.row()

    case.repaired("the connector deleted", "put_connector", delete_it, case.config)
    equal([e["op"] for e in case.topics["a"].events if e["after"]["id"] == case.between], ["c"], "what was committed meanwhile came, once, by its offsets")

    def edit(**changes):
        config = dict(case.config(), **changes)
        code, body = rest("PUT", path + "/config", {key: value for key, value in config.items() if value is not None})
        assert code == 200, body

    case.repaired("its configuration edited", "put_connector", lambda: edit(**{"heartbeat.interval.ms": "77777", "snapshot.mode": "always"}), case.config)
    case.repaired("a key added to it", "put_connector", lambda: edit(**{"tombstones.on.delete": "false"}), case.config)
    case.repaired("a key taken out of it", "put_connector", lambda: edit(**{"plugin.name": None}), case.config)
    wanted = case.config()

    def leave_out():
        walsender = "SELECT active_pid FROM pg_replication_slots WHERE slot_name = '%s'" % obj(case.id)
        before = case.db.one(walsender)
        edit(**{"table.include.list": "public.a"})
        wait(lambda: case.db.one(walsender) not in (None, before) and [task["state"] for task in rest("GET", path + "/status")[1]["tasks"]] == ["RUNNING"])

    case.gap("edited so that it leaves a table out", leave_out, "b")
    equal(case.config(), wanted, "it is as it was")

    def leave_out_and_stop():
        leave_out()
        rest("PUT", path + "/stop")
        wait(lambda: rest("GET", path + "/status")[1]["tasks"] == [])

    case.gap("and stopped after that", leave_out_and_stop, "b")
    equal(case.config(), wanted, "it is as it was again")
    case.repaired("the connector paused", "resume_connector", lambda: (rest("PUT", path + "/pause"), wait(lambda: case.connector_state() == "PAUSED")), case.connector_state)
    case.repaired("the connector stopped", "resume_connector", lambda: (rest("PUT", path + "/stop"), wait(lambda: case.connector_state() == "STOPPED")), case.connector_state)
    mark = case.config()["cdc.pipeline.id"]
    case.reported("our mark taken off the connector", r"^waiting for the name of the connector: .*delete it$",
                  lambda: edit(**{"cdc.pipeline.id": None}), lambda: edit(**{"cdc.pipeline.id": mark}), case.config)
    case.flows("after all that")


def publication(case):
    db, name = case.db, case.publication
    case.repaired("a table added to the publication", "alter_publication", lambda: db.rows("ALTER PUBLICATION %s ADD TABLE c" % name), case.published)
    case.gap("a table taken out of it", lambda: db.rows("ALTER PUBLICATION %s DROP TABLE b" % name), "b")
    wanted = case.published()
    case.gap("an operation taken out of it", lambda: db.rows("ALTER PUBLICATION %s SET (publish = 'delete, truncate')" % name))
    case.gap("the publication dropped", lambda: db.rows("DROP PUBLICATION %s" % name))
    equal(case.published(), wanted, "it is as it was")
    mark = db.one("SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = '%s'" % name)
    case.reported("our mark taken off the publication", r"^waiting for the name of the publication: .*drop or rename it$",
                  lambda: db.rows("COMMENT ON PUBLICATION %s IS NULL" % name), lambda: db.rows("COMMENT ON PUBLICATION %s IS %s" % (name, lit(mark))), case.published)


def slot(case):
    stored_ok(case.id, "the replication slot dropped")
    case.gap("the replication slot dropped", lambda: drop_slot(case.id))
    equal(case.db.one("SELECT count(*) FROM pg_replication_slots WHERE slot_name ~ '%s'" % obj(case.id)), "1", "there is one slot again")


def role(case):
    db, name = case.db, case.role
    for what, sql in (("may not log in", "ALTER ROLE %s NOLOGIN"), ("lacks REPLICATION", "ALTER ROLE %s NOREPLICATION"), ("has another password", "ALTER ROLE %s PASSWORD 'other'"),
                      ("has no password", "ALTER ROLE %s PASSWORD NULL"), ("has expired", "ALTER ROLE %s VALID UNTIL '2001-01-01'"), ("lacks a grant", "REVOKE SELECT ON a FROM %s"),
                      ("lacks USAGE", "REVOKE USAGE ON SCHEMA public FROM PUBLIC, %s")):
        case.repaired("the role " + what, "create_role", lambda: db.rows(sql % name), case.rights)
    case.repaired("the role dropped", "create_role", lambda: db.rows("DROP OWNED BY %s; DROP ROLE %s" % (name, name)), case.rights)
    equal([e["message"] for e in events(case.id) if "somebody else" in (e["message"] or "")], [], "its session, which has the slot, is not taken for a stranger's")
    mark = db.one("SELECT shobj_description(oid, 'pg_authid') FROM pg_authid WHERE rolname = '%s'" % name)
    case.reported("our mark taken off the role", r"^the connector role would not do for the next connection: a role named \"%s\" exists" % name,
                  lambda: db.rows("COMMENT ON ROLE %s IS NULL" % name), lambda: db.rows("COMMENT ON ROLE %s IS %s" % (name, lit(mark))), case.rights)


def tables(case):
    case.seen("a table dropped", REPORTED, r"^tables of the pipeline are not there any more: public\.b$", lambda: case.db.rows("DROP TABLE b"))
    case.flows("the other table")
    status_ok(case.id, "Running", "it stays Running and says so", r"^tables of the pipeline are not there any more: public\.b$")
    case.topics["b"].close()
    case.value["b"] = 1000
    case.gap("made anew, the table", lambda: case.db.rows("CREATE TABLE b (id int PRIMARY KEY)"), "a")
    case.topics["b"] = Topic(case.prefix + ".public.b")
    case.flows("made anew", "b")


def pg_hba(case):
    """Last: what vanishes twice belongs to somebody else, until the worker starts anew."""
    files = hba_files()
    wanted = [read(path) for path in files]

    def take_out(path):
        write(path, "".join(line for line in read(path).splitlines(True) if case.id not in line))

    case.repaired("our line taken out of pg_hba.conf of the primary", "write_hba", lambda: take_out(files[0]), lambda: read(files[0]))
    case.repaired("our line taken out of a standby's", "write_hba", lambda: take_out(files[1]), lambda: read(files[1]))
    equal([read(path) for path in files], wanted, "both files are byte for byte what they were")
    # a line of somebody else lets the role in: ours is not fought for
    take_out(files[0])
    taken = read(files[0])
    before = rounds()
    meta.one("SELECT count(*) FROM cdc.check_health()")
    wait(lambda: rounds() > before, 10)
    running_ok(case.id, "our line taken out again, where another one lets the role in: nothing is said")
    equal(read(files[0]), taken, "... nor written")
    case.reported("and then the role refused", r"^pg_hba\.conf would not do for the next connection: 127\.0\.0\.1:\d+, add there: host \"%s\" \"%s\" " % (case.database, case.role),
                  lambda: write(files[0], 'host all "%s" 0.0.0.0/0 reject\n' % case.role + taken), lambda: write(files[0], wanted[0]), lambda: read(files[0]))
    pid = worker_pid()
    meta.one("SELECT pg_terminate_backend(%d)" % pid)
    wait(lambda: worker_pid() not in (None, pid))


def halt():
    """on_gap = halt: reported, and nothing is touched."""
    case = Case(options={"on_gap": "halt"})
    config = case.config()
    stored_ok(case.id, "on_gap = halt")
    taken = case.snapshots()
    case.seen("a slot dropped under on_gap = halt", "gap", "the replication slot is gone", lambda: drop_slot(case.id))
    status_ok(case.id, "Failed", "it fails, and says how to go on", r"^the replication slot is gone: changes after [0-9A-F/]+ may be missing from Kafka; on_gap is halt")
    equal((case.config(), case.db.one("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s'" % obj(case.id))), (config, "0"), "no new slot, the connector as it was")
    equal(case.snapshots(), taken, "and no new snapshot")
    delete(case.id)
    gone_ok(case.id)


def test():
    set_meta("cdc_pipeline.settle_after", "1s")
    case = Case()
    set_meta("cdc_pipeline.health_interval", "1h")
    # and pings, which cause looks between them, are rare
    set_meta("cdc_pipeline.source_dead_after", "60s")
    # the round that was planned before
    before = rounds()
    meta.one("SELECT count(*) FROM cdc.check_health()")
    wait(lambda: rounds() > before)
    for step in (connector, publication, slot, role, tables, pg_hba):
        step(case)
    halt()
    delete(case.id)
    gone_ok(case.id)


main(test)
