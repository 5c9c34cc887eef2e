#!/usr/bin/env python3
"""What only Debezium itself can say: a snapshot of a table that another inherits from has
its own rows alone; and its driver asks for the database that is named, or that name is
refused at the door."""
from lib import *

CLASS = "io.debezium.connector.postgresql.PostgresConnector"


def children():
    database = make_database()
    db = source(database)
    prefix = word("p")
    db.rows("""CREATE TABLE par (id int PRIMARY KEY, note text); CREATE TABLE chi (PRIMARY KEY (id)) INHERITS (par); INSERT INTO par VALUES (1, 'p'); INSERT INTO chi VALUES (2, 'c');
        CREATE SCHEMA "S.x"; CREATE TABLE "S.x"."Par""ent" (id int PRIMARY KEY, note text); CREATE TABLE kid () INHERITS ("S.x"."Par""ent"); INSERT INTO "S.x"."Par""ent" VALUES (1, 'p'); INSERT INTO kid VALUES (2, 'c')""")
    id_ = create(None, ["par", '"S.x"."Par""ent"'], database, prefix)
    running_ok(id_, "tables that others inherit from")
    db.rows("""INSERT INTO chi VALUES (4, 'new'); INSERT INTO par VALUES (5, 'own'); INSERT INTO kid VALUES (4, 'new'); INSERT INTO "S.x"."Par""ent" VALUES (5, 'own')""")
    for table in "public.par", "S.x.Par_ent":
        topic = Topic(prefix + "." + table)
        ok(topic.wait(lambda all_: 5 in {e["after"]["id"] for e in all_}), table + ": its own rows come", lambda: topic.events)
        equal(sorted({e["after"]["id"] for e in topic.events}), [1, 5], "and no child's")
        topic.close()
    delete(id_)
    gone_ok(id_)


def names():
    """A database that is not there is named by the server in its answer."""
    dsn = dict(item.split("=", 1) for item in SERVER_DSN.split())
    other = []
    for c in map(chr, range(32, 127)):
        name = "q%sz" % c
        _, body = rest("PUT", "/connector-plugins/%s/config/validate" % CLASS, {
            "connector.class": CLASS, "name": "v", "topic.prefix": "v", "plugin.name": "pgoutput", "database.hostname": dsn["host"], "database.port": dsn["port"],
            "database.user": dsn["user"], "database.password": dsn["password"], "database.dbname": name})
        if json.dumps('database "%s" does not exist' % name)[1:-1] not in json.dumps(body):
            other.append(c)
    refused = [c for c in map(chr, range(32, 127)) if meta.one("SELECT cdc_inner.database_fault(%s)" % lit("q%sz" % c))]
    equal("".join(other), "".join(refused), "the driver asks for another database than the named one by those characters that are refused")
    equal("".join(refused), "%+/?", "which are these")


def test():
    children()
    names()


main(test)
