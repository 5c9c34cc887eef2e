#!/usr/bin/env python3
"""016_log.t: what is refused is logged: a password that was given as a parameter is not in the log, one in the statement's text is."""
import sys, os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ctypes
from lib import *

libpq = ctypes.CDLL("libpq.so.5")
for function in ("PQconnectdb", "PQexecParams"):
    getattr(libpq, function).restype = ctypes.c_void_p
for function in ("PQresultErrorField", "PQgetvalue", "PQerrorMessage"):
    getattr(libpq, function).restype = ctypes.c_char_p

given = []


def secret():
    """One that no other case has."""
    given.append("the-password-%d-4c1e" % len(given))
    return given[-1]


class Client:
    """A connection of libpq that sends parameters beside the statement, as every driver can."""

    def __init__(self, cluster, user):
        self.connection = ctypes.c_void_p(libpq.PQconnectdb(("host=%s port=%d dbname=cdc user=%s" % (cluster.dir, cluster.port, user)).encode()))
        if libpq.PQstatus(self.connection) != 0:
            raise RuntimeError(libpq.PQerrorMessage(self.connection).decode())

    def ask(self, statement, *parameters):
        """(value, None) or (None, error's SQLSTATE)"""
        values = (ctypes.c_char_p * len(parameters))(*[None if p is None else p.encode() for p in parameters])
        result = ctypes.c_void_p(libpq.PQexecParams(self.connection, statement.encode(), len(parameters), None, values, None, None, 0))
        state = libpq.PQresultErrorField(result, ord("C"))
        return (None, state.decode()) if state else (libpq.PQgetvalue(result, 0, 0).decode(), None)


REGISTER = "SELECT cdc.register_service($1, 'postgresql', 'se-sto1', $2::jsonb)"


def connection(**more):
    return json.dumps(dict({"nodes": [{"address": "10.0.0.5", "port": 5432}], "admin_user": "postgres"}, **more))


def test():
    meta = Cluster(settings="cdc_pipeline.enabled = off\nlog_error_verbosity = verbose\n")
    meta.sql("CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN")
    org = meta.sql("SELECT cdc.create_organization('acme')")
    meta.sql("SELECT cdc.add_member('%s', 'alice', 'admin'), cdc.add_member('%s', 'bob', 'viewer')" % (org, org))
    equal((meta.sql("SHOW log_min_error_statement"), meta.sql("SHOW log_parameter_max_length_on_error")), ("error", "0"), "the server logs as PostgreSQL does by default")
    alice, bob = Client(meta, "alice"), Client(meta, "bob")

    # the kind that the documentation warns of
    written = secret()
    try:
        meta.sql("SELECT cdc.register_service('bad name', 'postgresql', 'se-sto1', %s)" % literal(connection(admin_password=written)), user="alice")
    except RuntimeError:
        pass
    ok(written in meta.log(), "a password in the text of a refused statement is in the log")
    given[:] = ["not this one"]

    id = alice.ask(REGISTER, "pg", connection(admin_password=secret(), users=[{"username": "app", "password": secret()}]))[0]
    ok(id, "a service is registered by parameters")
    cases = [("a bad name", alice, REGISTER, "bad name", connection(admin_password=secret())),
             ("a name that is taken", alice, REGISTER, "pg", connection(admin_password=secret())),
             ("a key that does not exist", alice, REGISTER, "pg2", connection(admin_passwort=secret())),
             ("a value of another type", alice, REGISTER, "pg2", connection(admin_password=[secret()])),
             ("a password where a node should be", alice, REGISTER, "pg2", connection(nodes=[secret()])),
             ("a password for an sslmode", alice, REGISTER, "pg2", connection(sslmode="require", ca=secret())),
             ("no permission", bob, REGISTER, "pg2", connection(admin_password=secret())),
             ("no such service", alice, "SELECT cdc.set_service_secret($1::uuid, 'admin_password', $2)", "00000000-0000-4000-8000-000000000000", secret()),
             ("no such secret", alice, "SELECT cdc.set_service_secret($1::uuid, $2, 'x')", id, secret()),
             ("permission to set none", bob, "SELECT cdc.set_service_secret($1::uuid, 'admin_password', $2)", id, secret()),
             ("a change with a key that does not exist", alice, "SELECT cdc.update_service($1::uuid, $2::jsonb)", id, json.dumps({"no_key": secret()})),
             ("an option", alice, "SELECT cdc.create_pipeline('p', $1::uuid, $1::uuid, options => $2::jsonb)", id, json.dumps({"database.password": secret()}))]
    for name, client, statement, *parameters in cases:
        value, state = client.ask(statement, *parameters)
        ok(state is not None, "refused: " + name, lambda: value)
    # any role may have its query trees printed, into the log and to itself
    def printed(text):
        return " ".join(map(str, text.encode())) in " ".join(meta.log().split())
    seen, hers = secret(), secret()
    looked_at = alice.ask(REGISTER, "looked-at", connection(admin_password=hers))[0]
    theirs = meta.sql("SELECT cdc.create_organization('others')")
    foreign = meta.sql("SELECT cdc.register_service('theirs', 'kafka', 'z', '{\"bootstrap\":\"h:1\"}', organization => '%s')" % theirs)
    looking = Client(meta, "alice")
    for setting, value in ("debug_pretty_print", "off"), ("debug_print_parse", "on"), ("debug_print_rewritten", "on"), ("debug_print_plan", "on"):
        looking.ask("SELECT set_config($1, $2, false)", setting, value)
    looking.ask("SELECT %s" % literal(seen))
    ok(printed(seen), "(her own constants are printed)")
    given.remove(seen)
    equal(looking.ask("SELECT cdc.update_service($1::uuid, '{}')", foreign)[1], "42704", "(another organization's)")
    signed = " ".join(str(b - 256 if b > 127 else b) for b in bytes.fromhex(theirs.replace("-", "")))
    ok(signed not in " ".join(meta.log().split()), "but not whose a foreign service is")
    ok(hers in looking.ask("SELECT (cdc.rest('POST', $1, NULL)).body", "/managed-services/%s/database-users/postgres/reveal-password" % looked_at)[0], "(a password is shown)")
    ok(not printed(hers), "and not to the log")

    meta.sql("ALTER SYSTEM SET cdc_pipeline.secret_key_file = '/nonexistent'; SELECT pg_reload_conf()")
    wait(lambda: meta.sql("SHOW cdc_pipeline.secret_key_file") == "/nonexistent")
    for name, statement, *parameters in (("register_service", REGISTER, "pg3", connection(admin_password=secret())), ("set_service_secret", "SELECT cdc.set_service_secret($1::uuid, 'admin_password', $2)", id, secret())):
        equal(wait(lambda: alice.ask(statement, *parameters)[1]), "55000", "refused for want of the key: " + name)
    log = meta.log()
    ok("bad name" in log or "a service's name must be" in log, "(refusals are logged)")
    equal([s for s in given if s in log], [], "no password that was a parameter is in the log")
    alice.ask("SET log_min_error_statement = panic")
    ok("permission denied to set parameter" in meta.log(), "who is no superuser cannot keep a statement out of the log otherwise")

    # what an administrator can turn on
    meta.sql("ALTER ROLE alice SET log_parameter_max_length_on_error = -1")
    told, other = secret(), secret()
    Client(meta, "alice").ask(REGISTER, "bad name", connection(admin_password=told))
    ok(told not in meta.log(), "log_parameter_max_length_on_error = -1: a refusal of ours says no parameters all the same")
    Client(meta, "alice").ask("SELECT 1 / (length($1) - length($1))", other)
    ok(other in meta.log(), "(any other statement's are put there)")


main(test)
