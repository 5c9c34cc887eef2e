#!/usr/bin/env python3
"""
030_text.t: names and lines that are no text of the metadata's encoding, on a true source: roles, databases, prepared
transactions, application names, settings, pg_hba.conf; databases in LATIN1 and in SQL_ASCII.
"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *


class Session:
    """A session of psql on the source that stays, under a name given as bytes."""

    def __init__(self, source, database, role, statements, application=b"psql"):
        self.process = subprocess.Popen(["psql", "-XqAt", "-h", source.dir, "-p", str(source.port), "-d", database], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env=dict(os.environb) | {b"PGUSER": role, b"PGAPPNAME": application})
        self.process.stdin.write(statements.encode())
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def raw_sql(source, database, statement, encoding="SQL_ASCII"):
    """A statement of bytes."""
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", source.dir, "-p", str(source.port), "-U", "postgres", "-d", database], input=statement,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ, PGCLIENTENCODING=encoding))
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    return done.stdout


def rest_is_json(world, user):
    """Every row of REST about pipelines and services is JSON in UTF-8."""
    for path in ("/pipelines", "/services"):
        done = subprocess.run(["psql", "-XqAt", "-h", world.meta.dir, "-p", str(world.meta.port), "-U", user, "-d", "cdc", "-c", "SELECT (cdc.rest('GET', '%s', NULL, '{}')).body" % path], stdout=subprocess.PIPE, check=True)
        json.loads(done.stdout.decode("utf-8"))
    events = subprocess.run(["psql", "-XqAt", "-h", world.meta.dir, "-p", str(world.meta.port), "-U", "postgres", "-d", "cdc", "-c", "SELECT to_jsonb(e) FROM cdc.pipeline_event e"], stdout=subprocess.PIPE, check=True).stdout
    for line in events.decode("utf-8").splitlines():
        json.loads(line)


def test():
    world = World(source_settings="max_prepared_transactions = 5\n")
    source, sink = world.bystander_source, world.bystander_sink
    for name, encoding in (("l1", "LATIN1"), ("ascii", "SQL_ASCII")):
        world.source.sql("CREATE DATABASE %s ENCODING '%s' LOCALE 'C' TEMPLATE template0" % (name, encoding), "postgres")
        raw_sql(world.source, name, b"CREATE TABLE orders (id int PRIMARY KEY, note text)")
    raw_sql(world.source, "l1", b"CREATE TABLE \"caf\xe9\" (id int PRIMARY KEY)", "LATIN1")
    raw_sql(world.source, "l1", b"CREATE ROLE \"Zo\xe9\" LOGIN SUPERUSER", "LATIN1")
    raw_sql(world.source, "ascii", b"CREATE ROLE \"\xff\xfe\" ; CREATE DATABASE \"d\xe9\"; ALTER ROLE \"Zo\xe9\" SET application_name = '\x80'")

    # who holds up the creation of a slot is told, whatever he is called
    session = Session(world.source, "l1", b"Zo\xe9", "BEGIN; SELECT pg_current_xact_id();\n")
    wait(lambda: world.source.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND xact_start < now() - interval '2.2 s'", "postgres") != "0")
    made = {database: world.pipeline("bob", source, sink, name=database, database=database) for database in ("shop", "l1", "ascii")}
    ok(all([world.says(id, "(user Zo") for id in made.values()]), "a role whose name is LATIN1 is told of in each database", lambda: [world.message(id) for id in made.values()])
    rest_is_json(world, "bob")
    session.end()
    ok(all([world.running(id) for id in made.values()]), "and when it ends all run: in a UTF8, a LATIN1 and a SQL_ASCII database", lambda: [world.message(id) for id in made.values()])
    world.closing_questions("a role in LATIN1")

    # a prepared transaction, whose gid and owner are bytes
    raw_sql(world.source, "ascii", b"SET ROLE \"\xff\xfe\"; RESET ROLE; BEGIN; CREATE TABLE t (i int); PREPARE TRANSACTION 'gid\xe9\\\"'")
    wait(lambda: world.source.sql("SELECT count(*) FROM pg_prepared_xacts WHERE prepared < now() - interval '2.2 s'", "postgres") != "0")
    held = {database: world.pipeline("bob", source, sink, name="held-" + database, database=database, topic_prefix="held-" + database) for database in ("shop", "l1", "ascii")}
    ok(all([world.says(id, "prepared transaction \"gid") for id in held.values()]), "so is a prepared transaction", lambda: [world.message(id) for id in held.values()])
    rest_is_json(world, "bob")
    raw_sql(world.source, "ascii", b"ROLLBACK PREPARED 'gid\xe9\\\"'")
    ok(all([world.running(id) for id in held.values()]), "and when it ends all run", lambda: [world.message(id) for id in held.values()])

    # names of tables in a database's own encoding arrive as they are
    cafe = world.pipeline("bob", source, sink, name="cafe", database="l1", tables=('"café"',), topic_prefix="cafe")
    ok(world.running(cafe), "a table named in LATIN1 is found", lambda: world.message(cafe))

    # one bad byte in pg_hba.conf: the line is named, and nobody who runs is bothered
    hba = os.path.join(world.source.data, "pg_hba.conf")
    with open(hba, "ab") as out:
        out.write(b"host all m\xfcller 10.9.0.0/16 scramm\xfc\n")
    new = world.pipeline("bob", source, sink, name="new", topic_prefix="new")
    told = world.says(new, "pg_hba.conf")
    ok(re.search(r", line [0-9]+: .*scramm\\374", told), "a faulty line of pg_hba.conf is told with its number and its byte", told)
    ok(world.passes_round(made["shop"]), "who runs passes rounds meanwhile", lambda: world.message(made["shop"]))
    world.closing_questions("a byte in pg_hba.conf")
    with open(hba, "rb") as file:
        text = file.read()
    with open(hba, "wb") as out:
        out.write(text.replace(b"host all m\xfcller 10.9.0.0/16 scramm\xfc\n", b"host all m\xfcller 10.9.0.0/16 scram-sha-256\n"))
    ok(world.running(new), "mended, it goes on; the byte in a good line stays", lambda: world.message(new))
    ok(b"m\xfcller" in open(hba, "rb").read(), "as it was")


main(test)
