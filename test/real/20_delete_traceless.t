#!/usr/bin/env python3
"""Deleting leaves no trace: dumps of everything outside, before and after."""
from lib import *


def test():
    set_meta("cdc_pipeline.settle_after", "1s")
    set_meta("cdc_pipeline.health_interval", "1s")
    database = make_database()
    db = source(database)
    schema, table, part = word("s_"), word("t_"), word("p_")
    db.rows("""CREATE SCHEMA %s; CREATE TABLE %s.%s (id int PRIMARY KEY, note text); INSERT INTO %s.%s VALUES (1, 'before');
        CREATE TABLE %s (id int, note text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
        CREATE TABLE %s_1 PARTITION OF %s FOR VALUES FROM (0) TO (1000000);
        GRANT SELECT ON %s TO PUBLIC; REVOKE CREATE ON SCHEMA public FROM PUBLIC""" % (schema, schema, table, schema, table, part, part, part, part))

    # a rule of the user, of the kind that a careless writer would take for ours
    rule = "host  %s\t%s 127.0.0.77/32   scram-sha-256   # cdc_pipeline, says the user" % (database, word("mdb_pipeline_"))
    hba = [os.path.join(path, "pg_hba.conf") for path in node_dirs()]
    originals = [open(path, newline="").read() for path in hba]

    def put_back():
        for path, text in zip(hba, originals):
            if open(path, newline="").read() != text:
                with open(path, "r+", newline="") as f:
                    f.write(text)
                    f.truncate()

    undo.append(put_back)
    for path, text in zip(hba, originals):
        with open(path, "r+", newline="") as f:
            f.write("# the user's own first line\r\n" + text + "\n" + rule + "\n# no newline at the end")
    source("postgres").one("SELECT pg_reload_conf()")

    wait_ok(lambda: meta.one("SELECT count(*) FROM cdc.pipeline_spec WHERE deleted_at IS NOT NULL AND settled_at IS NULL") == "0", "what was deleted before has settled", 60)
    before = world()
    name, prefix = word("t-"), word("p")
    first = create(name, [schema + "." + table, part], database, prefix)
    running_ok(first, "a pipeline runs")
    topic = Topic("%s.%s.%s" % (prefix, schema, table))
    flows_ok(topic, "note", "before", "with its snapshot")
    wait_ok(lambda: offsets_of(con(first)), "Connect has stored its offsets")
    during = world()
    ok(all(("hba %d:" % n) in "".join(line for line in during.splitlines(True) if obj(first) in line) for n in (0, 1)), "its line is in pg_hba.conf on both nodes",
       lambda: "\n".join(line for line in during.splitlines() if line.startswith("hba")))
    ok(all(any(kind in line and (obj(first) in line or first in line) for line in during.splitlines()) for kind in ("role|", "slot|", "publication|", "relation|", "depends|", "secrets: ")) and
       con(first) in during, "and the dump sees all that it made: role, rights, slot, publication, connector, secrets")

    equal(delete(first), "Deleting", "it is deleted")
    gone_ok(first)
    settled_ok(first)
    same_ok(before, world(), "nothing is left, and the user's rules are byte for byte what they were, on both nodes")
    equal(offsets_of(con(first)), [], "no offsets are left under the connector's name")

    # the same name again, at once
    second = create(name, [schema + "." + table, part], database, prefix)
    running_ok(second, "the same name again")
    delete(second)
    third = create(name, [schema + "." + table, part], database, prefix)
    ok(len({first, second, third}) == 3, "and again at once, while the one before goes")
    running_ok(third, "it runs")
    equal(source("postgres").one("SELECT active FROM pg_replication_slots WHERE slot_name = '%s'" % obj(third)), "t", "with a slot of its own")
    db.rows("INSERT INTO %s.%s VALUES (2, 'after')" % (schema, table))
    flows_ok(topic, "note", "after", "a new row flows")
    snapshots = [e for e in topic.events if e["op"] == "r" and e["after"]["id"] == 1]
    more = sum(max(0, len(starts(id_)) - 1) for id_ in (first, second, third))      # Connect itself may interrupt one
    ok(3 <= len(snapshots) <= 3 + more, "each of the three took its own snapshot, one", "%d, %d interrupted" % (len(snapshots), more))
    equal(len([e for e in topic.events if e["op"] == "c" and e["after"]["id"] == 2]), 1, "the new row came once")
    gone_ok(second, "the one before is gone")
    delete(third)
    gone_ok(third, "the last one too")
    settled_ok(second)
    settled_ok(third)
    same_ok(before, world(), "and again nothing is left")

    # force: a source that cannot be reached
    port = 1
    closed = meta.one("SELECT cdc.register_service(%s, 'postgresql', 'se-sto1', %s::jsonb, '17', '%s')" % (lit(word("svc-")), lit(json.dumps(
        {"nodes": [{"address": "127.0.0.1", "port": int(source("postgres").one("SHOW port"))}], "database": "postgres", "admin_user": "postgres", "network_id": env["CDC_SOURCE_NETWORK"],
         "admin_password": dict(item.split("=", 1) for item in SERVER_DSN.split())["password"]})), env["CDC_ORG_ID"]))
    lost = create(None, [schema + "." + table], database, None, closed)
    running_ok(lost, "a pipeline on another service of the same server")
    meta.one("UPDATE cdc.service_node SET port = %d WHERE service_id = '%s'" % (port, closed))
    meta.one("INSERT INTO cdc.work (kind, id) VALUES ('service', '%s')" % closed)
    delete(lost)
    status_ok(lost, "Deleting", "whose server cannot be reached any more is not deleted", r"waiting for the source, to take out what was made there: .*; force gives up on it$")
    equal(rest("GET", "/connectors/%s/status" % con(lost))[1]["connector"]["state"], "STOPPED", "but its connector is stopped")
    equal(delete(lost, True), "Deleting", "force")
    gone_ok(lost, "gives up on it")
    receipt = [e["message"] for e in events(lost, "status_to = 'Deleted'")]
    ok(len(receipt) == 1 and receipt[0].startswith('deleted by force; left behind: replication slot, publication, role and pg_hba.conf line of "%s" on source service' % obj(lost)),
       "and its receipt names what is left behind", lambda: receipt)
    equal(rest("GET", "/connectors/" + con(lost))[0], 404, "the connector, which could be reached, is not there any more")
    equal(meta.one("SELECT cdc.delete_service('%s')" % closed), "deleting", "its service can go")

    # what the receipt says: done by hand
    sdb = source("postgres")
    wait(lambda: sdb.one("SELECT NOT active FROM pg_replication_slots WHERE slot_name = '%s'" % obj(lost)) != "f")
    sdb.rows("SELECT pg_drop_replication_slot('%s')" % obj(lost))
    db.rows("DROP PUBLICATION %s; DROP OWNED BY %s; DROP ROLE %s" % ((obj(lost),) * 3))


main(test)
