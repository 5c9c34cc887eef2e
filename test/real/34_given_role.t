#!/usr/bin/env python3
"""A source whose roles and pg_hba.conf are its owner's: two pipelines log in as
the one role that was given, with every special character in its password, and
neither is taken for the other."""
from lib import *


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    set_meta("cdc_pipeline.settle_after", "1s")
    database, role = make_database(), word("given_")
    password = "".join(random.sample([chr(c) for c in range(0x21, 0x7f)], 0x7f - 0x21)) + " \u00e4${x}"
    db = source(database)
    db.rows("""CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 20000);
        CREATE ROLE %s LOGIN REPLICATION PASSWORD %s; GRANT SELECT ON a, b TO %s""" % (role, lit(password), role))
    undo.append(lambda: db.rows("DROP OWNED BY %s; DROP ROLE %s" % (role, role)))
    files = [os.path.join(path, "pg_hba.conf") for path in node_dirs()]
    originals = [open(path, newline="").read() for path in files]

    def put(texts):
        for path, text in zip(files, texts):
            with open(path, "r+", newline="") as f:
                f.write(text)
                f.truncate()
        for dsn in (SERVER_DSN, STANDBY_DSN):
            Db(dsn, "postgres").one("SELECT pg_reload_conf()")

    undo.append(lambda: put(originals))
    # the servers of the lab let nobody in from elsewhere; this line is this test's
    mine = ["host %s %s 127.0.0.0/8 scram-sha-256\n" % (database, role) + text for text in originals]
    put(["host %s %s all reject\n" % (database, role) + text for text in originals])
    nodes = [{"address": "127.0.0.1", "port": int(re.search(r"port=(\d+)", dsn).group(1))} for dsn in (SERVER_DSN, STANDBY_DSN)]
    service = meta.one("SELECT cdc.register_service(%s, 'postgresql', 'se-sto1', %s::jsonb, '17', '%s')" % (lit(word("svc-")), lit(json.dumps(
        {"nodes": nodes, "database": database, "admin_user": "postgres", "admin_password": dict(item.split("=", 1) for item in SERVER_DSN.split())["password"],
         "network_id": env["CDC_SOURCE_NETWORK"],
         "manage_role": False, "manage_hba": False, "connector_user": role, "connector_password": password})), env["CDC_ORG_ID"]))
    prefix = word("p")
    first = create(None, ["a"], database, prefix, service, options={"snapshot.fetch.size": "100"})
    status_ok(first, "Provisioning", "a line in pg_hba.conf that is missing is said", r'^waiting for a line in pg_hba\.conf that lets Kafka Connect in: .*, add there: host "%s" "%s" ' % (database, role))
    put(mine)
    running_ok(first, "written by its owner, the pipeline runs")
    second = create(None, ["b"], database, word("p"), service)
    running_ok(second, "so does another one with the same role")
    names = db.lines("SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = %s ORDER BY 1" % lit(role)).split()
    ok(obj(first) in names and obj(second) in names, "the sessions of the two are told apart", names)
    # Connect may spread its tasks anew when one is added: then a snapshot is interrupted indeed
    mistaken = [(id_, e["rule"], e["message"], starts(id_)) for id_ in (first, second) for e in events(id_, "detail->>'action' = 'begin_discard'")
                if sum(at < datetime.datetime.fromisoformat(e["at"]).timestamp() for at in starts(id_)) < 2]
    ok(not mistaken, "no snapshot was taken for an interrupted one", lambda: "%s\n%s\n%s" % (mistaken, story(first), story(second)))
    equal([e["detail"]["action"] for id_ in (first, second) for e in events(id_, "kind IN ('action', 'drift') AND detail->>'action' IN ('create_role', 'write_hba')")], [], "no role or line was made")
    topic = Topic(prefix + ".public.a")
    db.rows("INSERT INTO a VALUES (0)")
    flows_ok(topic, "id", 0, "rows flow")
    equal(len({e["after"]["id"] for e in topic.events}), 20001, "after the whole snapshot")
    config = rest("GET", "/connectors/%s/config" % con(first))[1]
    ok(config["database.user"] == role and config["database.password"].startswith("${dir:"), "the given password is a reference, too", lambda: config["database.user"])
    delete(first)
    delete(second)
    gone_ok(first, "deleted")
    gone_ok(second, "the other too")
    equal([open(path, newline="").read() for path in files], mine, "pg_hba.conf is as its owner wrote it")
    equal(db.one("SELECT rolcanlogin AND rolreplication AND has_table_privilege(oid, 'a', 'SELECT') FROM pg_roles WHERE rolname = %s" % lit(role)), "t", "and the role as he made it")
    equal(meta.one("SELECT cdc.delete_service('%s')" % service), "deleting", "the service can go")


main(test)
