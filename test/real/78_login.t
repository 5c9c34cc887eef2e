#!/usr/bin/env python3
"""How Debezium's driver logs in to a source: by SCRAM and, under TLS, bound to
the server's own certificate; who asks for less is given nothing.  The CA's
certificate comes to the Connect hosts by their agents."""
from lib import *


def certificate(directory, name):
    """A CA of its own and a server's certificate for 127.0.0.1: (ca, certificate, key), as text."""
    path = lambda kind: os.path.join(directory, "%s.%s" % (name, kind))

    def openssl(*arguments):
        subprocess.run(["openssl"] + list(arguments), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *ec, "-days", "2", "-subj", "/CN=ca-" + name, "-keyout", path("ca.key"), "-out", path("ca"))
    openssl("req", *ec, "-subj", "/CN=127.0.0.1", "-keyout", path("key"), "-out", path("csr"))
    with open(path("ext"), "w") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", path("csr"), "-CA", path("ca"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", path("ext"), "-out", path("crt"))
    return [open(path(kind)).read() for kind in ("ca", "crt", "key")]


def put(path, text, mode=None):
    """In place: its owner stays."""
    with open(path, "r+" if os.path.exists(path) else "w", newline="") as f:
        f.write(text)
        f.truncate()
    if mode:
        shutil_owner(path)
        os.chmod(path, mode)


def shutil_owner(path):
    import shutil
    shutil.chown(path, "postgres")


def reload(sql=None):
    if sql:
        source("postgres").one(sql)
    source("postgres").one("SELECT pg_reload_conf()")


def service(database, **more):
    port = int(re.search(r"port=(\d+)", SERVER_DSN).group(1))
    return meta.one("SELECT cdc.register_service(%s, 'postgresql', 'se-sto1', %s::jsonb, '17', '%s')" % (lit(word("svc-")), lit(json.dumps(dict(
        {"nodes": [{"address": "127.0.0.1", "port": port}], "database": database, "admin_user": "postgres",
         "admin_password": dict(item.split("=", 1) for item in SERVER_DSN.split())["password"], "network_id": env["CDC_SOURCE_NETWORK"]}, **more))), env["CDC_ORG_ID"]))


def config_of(id_):
    return rest("GET", "/connectors/%s/config" % con(id_))[1]


def by_tls(db, database, ca):
    """Under TLS, verified, and bound; then another CA."""
    files = os.path.join(env["LAB_DIR"], "kafka/secrets")
    ours = lambda id_: sorted(name for name in os.listdir(files) if name.startswith(con(id_) + ".ca-"))
    bound = create(None, ["t"], database, word("p"), service(database, sslmode="require"))
    running_ok(bound, "sslmode require: it runs")
    equal([config_of(bound).get(key) for key in ("driver.requireAuth", "driver.channelBinding", "database.sslrootcert")], ["scram-sha-256", "require", None], "bound to the channel")
    full = create(None, ["t"], database, word("p"), service(database, sslmode="verify-full", ca=ca))
    running_ok(full, "verify-full: it runs, by the service's ca")
    path = config_of(full).get("database.sslrootcert") or ""
    equal((os.path.dirname(path), ours(full)), (files, [os.path.basename(path)]), "whose file the agents keep beside the secrets")
    equal(open(path).read(), ca, "as it was given")
    for id_ in (bound, full):
        equal(db.one("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '%s'" % obj(id_)), "t", "all its sessions have TLS")
    delete(full)
    gone_ok(full, "it is deleted")
    equal(ours(full), [], "and its file is gone")
    delete(bound)
    gone_ok(bound, "the other one too")


def who_asks_for_less(db, database, hba):
    """A given role whose line says trust, md5, password: nothing runs, and why is told."""
    original = open(hba, newline="").read()
    undo.append(lambda: (put(hba, original), reload()))
    role = word("given_")
    db.rows("SET password_encryption = 'md5'; CREATE ROLE %s LOGIN REPLICATION PASSWORD 'its-password'; RESET password_encryption; GRANT SELECT ON t TO %s" % (role, role))
    undo.append(lambda: db.rows("DROP OWNED BY %s; DROP ROLE %s" % (role, role)))
    for method in ("trust", "md5", "password"):
        put(hba, "host %s %s 127.0.0.0/8 %s\n" % (database, role, method) + original)
        reload()
        id_ = create(None, ["t"], database, word("p"), service(database, manage_role=False, manage_hba=False, connector_user=role, connector_password="its-password"))
        said = wait(lambda: [m for m in [(spec(id_) or {}).get("error_message") or ""] if re.search("requireAuth|not allowed|login|SCRAM", m)], 40)
        ok(said, "%s: why it does not run is told" % method, lambda: story(id_))
        diag("%s: %s" % (method, said and said[0]))
        equal(events(id_, "status_to = 'Running'"), [], "%s: it never ran" % method)
        delete(id_, True)
        gone_ok(id_, "it is deleted")
    put(hba, original)
    reload()


def in_clear_where_it_is_known_who_asks(db, database, hba, ca):
    """A source that has to have the password itself (LDAP, PAM): under verify-full, and only when the service says so."""
    original = open(hba, newline="").read()
    undo.append(lambda: (put(hba, original), reload()))
    role = word("given_")
    db.rows("CREATE ROLE %s LOGIN REPLICATION PASSWORD 'its-password'; GRANT SELECT ON t TO %s" % (role, role))
    undo.append(lambda: db.rows("DROP OWNED BY %s; DROP ROLE %s" % (role, role)))
    put(hba, "hostssl %s %s 127.0.0.0/8 password\n" % (database, role) + original)
    reload()
    given = dict(sslmode="verify-full", ca=ca, manage_role=False, manage_hba=False, connector_user=role, connector_password="its-password")
    said = create(None, ["t"], database, word("p"), service(database, password_in_tls=True, **given))
    running_ok(said, "password_in_tls: it runs where the source asks for the password itself")
    equal([config_of(said).get(key) for key in ("driver.requireAuth", "driver.channelBinding")], ["password,scram-sha-256", None], "which the driver is told")
    unsaid = create(None, ["t"], database, word("p"), service(database, **given))
    ok(wait(lambda: re.search("not allowed by requireAuth|Channel binding is required", (spec(unsaid) or {}).get("error_message") or ""), 40), "without the service's word it does not", lambda: story(unsaid))
    for id_ in (said, unsaid):
        delete(id_, True)
        gone_ok(id_, "it is deleted")
    put(hba, original)
    reload()


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    set_meta("cdc_pipeline.settle_after", "1s")
    database = make_database()
    db = source(database)
    db.rows("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)")
    plain = create(None, ["t"], database, word("p"))
    running_ok(plain, "without TLS: it runs")
    equal([config_of(plain).get(key) for key in ("driver.requireAuth", "driver.channelBinding")], ["scram-sha-256", None], "by SCRAM")
    delete(plain)
    gone_ok(plain, "it is deleted")
    data = node_dirs()[0]
    who_asks_for_less(db, database, os.path.join(data, "pg_hba.conf"))

    ca, crt, key = certificate(env["LAB_DIR"], word("tls"))
    put(os.path.join(data, "test_server.crt"), crt, 0o600)
    put(os.path.join(data, "test_server.key"), key, 0o600)
    undo.append(lambda: [os.unlink(os.path.join(data, "test_server." + kind)) for kind in ("crt", "key")])
    for sql in ("ssl_cert_file = 'test_server.crt'", "ssl_key_file = 'test_server.key'", "ssl = on"):
        undo.append(lambda name=sql.split()[0]: reload("ALTER SYSTEM RESET " + name))
        source("postgres").one("ALTER SYSTEM SET " + sql)
    reload()
    if ok(wait(lambda: Db(SERVER_DSN + " sslmode=require", "postgres").one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t", 20), "the source has TLS"):
        by_tls(db, database, ca)
        in_clear_where_it_is_known_who_asks(db, database, os.path.join(data, "pg_hba.conf"), ca)


main(test)
