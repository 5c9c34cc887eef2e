#!/usr/bin/env python3
"""Tables, names and passwords of every kind: from create to event."""
from lib import *

ADMIN_PASSWORD = """'"\\ %&$`{}@:/#?;,=+*~^|<>()[]!. \\'x\\\\$$y${z}%41&amp; é€"""


def all_tables():
    database = make_database()
    db = source(database)
    prefix = word("p")
    db.rows("CREATE TABLE with_key (id int PRIMARY KEY, note text); CREATE TABLE bare (id int, note text); CREATE SCHEMA other CREATE TABLE bare_2 (id int)")
    id_ = create(None, [], database, prefix)
    status_ok(id_, "Provisioning", "all tables: those without replica identity are waited for, by name", r"replica identity of .*other\.bare_2.*public\.bare|replica identity of .*public\.bare.*other\.bare_2", step="prepare_source")
    equal(db.one("SELECT count(*) FROM pg_publication"), "0", "and nothing is published yet")
    db.rows("UPDATE bare SET note = 'works'")
    db.rows("ALTER TABLE bare REPLICA IDENTITY FULL")
    status_ok(id_, "Provisioning", "one has it", r"replica identity of other\.bare_2,")
    db.rows("ALTER TABLE other.bare_2 REPLICA IDENTITY FULL")
    running_ok(id_, "it goes on when all have it")
    equal(db.one("SELECT puballtables FROM pg_publication"), "t", "FOR ALL TABLES")
    topic = Topic(prefix + ".public.bare")
    db.rows("INSERT INTO bare VALUES (1, 'all')")
    flows_ok(topic, "note", "all", "rows of a table without primary key flow")
    db.rows("CREATE TABLE later (id int PRIMARY KEY, note text); INSERT INTO later VALUES (1, 'later')")
    later = Topic(prefix + ".public.later")
    flows_ok(later, "note", "later", "and of a table that was created afterwards")
    db.rows("CREATE TABLE bare_3 (id int)")
    status_ok(id_, "Running", "one without replica identity, created afterwards, is reported", r"refuses UPDATE and DELETE on public\.bare_3.*ALTER TABLE public\.bare_3 REPLICA IDENTITY FULL")
    topic.close()
    later.close()
    delete(id_)
    return id_


def names():
    database = make_database(word("D b.") + "'\"ö")
    db = source(database)
    prefix = word("p")
    db.rows("""CREATE SCHEMA "My Schema.x"; CREATE TABLE "My Schema.x"."Or ders.$1" ("Id" int PRIMARY KEY, "No te" text);
        CREATE TABLE "UPPER" (id int PRIMARY KEY, note text); INSERT INTO "My Schema.x"."Or ders.$1" VALUES (1, 'before')""")
    id_ = create(None, ['"My Schema.x"."Or ders.$1"', '"UPPER"'], database, prefix)
    running_ok(id_, "names with capitals, spaces, dots, quotes and a dollar")
    topic = Topic(prefix + ".My_Schema.x.Or_ders._1")
    flows_ok(topic, "No te", "before", "the rows that were there")
    db.rows("""INSERT INTO "My Schema.x"."Or ders.$1" VALUES (2, 'after')""")
    flows_ok(topic, "No te", "after", "and new ones come to the topic of the table")
    equal(json.loads(meta.one("SELECT to_jsonb(tables) FROM cdc.pipeline WHERE id = '%s'" % id_)), ['"My Schema.x"."Or ders.$1"', 'public."UPPER"'], "the tables are kept as they are called")
    topic.close()
    delete(id_)
    return id_


def partitions_and_keys():
    database = make_database()
    db = source(database)
    prefix = word("p")
    db.rows("""CREATE TABLE parted (id int, note text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
        CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100); CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
        INSERT INTO parted VALUES (1, 'one'), (101, 'two');
        CREATE TABLE keyless (id int, note text); ALTER TABLE keyless REPLICA IDENTITY FULL; INSERT INTO keyless VALUES (1, 'x'), (1, 'x')""")
    id_ = create(None, ["parted", "keyless", "not_yet"], database, prefix)
    status_ok(id_, "Provisioning", "a table that does not exist yet is waited for, by name", r"do not exist yet: public\.not_yet$", step="prepare_source")
    db.rows("CREATE TABLE not_yet (id int PRIMARY KEY, note text)")
    running_ok(id_, "and it goes on when it appears")
    topic = Topic(prefix + ".public.parted")
    ok(topic.wait(lambda all_: {e["after"]["note"] for e in all_ if e["op"] == "r"} >= {"one", "two"}), "partitions come to one topic with the root's name", lambda: topic.events)
    db.rows("INSERT INTO parted VALUES (2, 'three'), (102, 'four'); CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (200) TO (300); INSERT INTO parted VALUES (201, 'five')")
    ok(topic.wait(lambda all_: {e["after"]["note"] for e in all_ if e["op"] == "c"} == {"three", "four", "five"}), "their changes too, also of a partition that is new", lambda: topic.events)
    equal(len(snapshot_once(id_, topic.events)), 5, "each once")
    topic.close()
    topic = Topic(prefix + ".public.keyless")
    ok(topic.wait(lambda all_: len(snapshot_once(id_, all_)) == 2), "a table without primary key: both equal rows", lambda: topic.events)
    db.rows("UPDATE keyless SET note = 'y' WHERE ctid = '(0,1)'; DELETE FROM keyless WHERE note = 'x'")
    ok(topic.wait(lambda all_: [(e["op"], e["before"]["note"]) for e in snapshot_once(id_, all_)[2:]] == [("u", "x"), ("d", "x")]), "its update and delete have the row before", lambda: topic.events)
    topic.close()
    delete(id_)
    return id_


def password():
    role = word("adm_")
    undo.append(lambda: source("postgres").rows("DROP ROLE IF EXISTS %s" % role))
    source("postgres").rows("CREATE ROLE %s SUPERUSER LOGIN PASSWORD %s" % (role, lit(ADMIN_PASSWORD)))
    nodes = [{"address": "127.0.0.1", "port": int(re.search(r"port=(\d+)", dsn).group(1))} for dsn in (SERVER_DSN, STANDBY_DSN)]
    wait(lambda: Db(STANDBY_DSN, "postgres").one("SELECT 1 FROM pg_roles WHERE rolname = '%s'" % role))
    service = meta.one("SELECT cdc.register_service(%s, 'postgresql', 'se-sto1', %s::jsonb, '17', '%s')" % (lit(word("svc-")), lit(json.dumps(
        {"nodes": nodes, "database": "postgres", "network_id": env["CDC_SOURCE_NETWORK"], "admin_user": role, "admin_password": ADMIN_PASSWORD})), env["CDC_ORG_ID"]))
    database = make_database()
    source(database).rows("CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'pw')")
    prefix = word("p")
    id_ = create(None, ["t"], database, prefix, service)
    running_ok(id_, "an administrator's password with every special character")
    topic = Topic(prefix + ".public.t")
    flows_ok(topic, "note", "pw", "events flow")
    topic.close()
    told = meta.lines("SELECT to_jsonb(e) FROM cdc.pipeline_event e") + meta.lines("SELECT to_jsonb(s) FROM cdc.service s") + json.dumps(rest("GET", "/connectors/" + con(id_))[1])
    told += open(os.path.join(env["CDC_LAB_DATA"], "meta.log"), errors="replace").read()
    ok(ADMIN_PASSWORD not in told and json.dumps(ADMIN_PASSWORD)[1:-1] not in told and "\\\\'x" not in told, "and it is told nowhere")
    delete(id_)
    gone_ok(id_, "deleted with that password too")
    equal(meta.one("SELECT cdc.delete_service('%s')" % service), "deleting", "its service can go")


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    going = [all_tables(), names(), partitions_and_keys()]
    password()
    for id_ in going:
        gone_ok(id_)


main(test)
