#!/usr/bin/env python3
"""The agents of two real workers: a plugin is rolled out one worker at a time
and taken back when it is not what was said; passwords are files, and a new one
comes into use whatever is killed meanwhile."""
import hashlib
import io
import tarfile
import zipfile
from lib import *

CLASS = "io.debezium.connector.postgresql.PostgresConnector"
ARCHIVE = None      # of the lab
SECRETS = os.path.join(env["LAB_DIR"], "kafka/secrets")


def other_version(version):
    """The lab's archive, with a connector that says it is of this version."""
    path = os.path.join(env["LAB_DIR"], "plugin-%s.tar.gz" % version)
    with tarfile.open(ARCHIVE) as old, tarfile.open(path, "w:gz", compresslevel=1) as new:
        for member in old:
            data = old.extractfile(member).read() if member.isfile() else b""
            if re.search(r"/debezium-connector-postgres-[^/]*\.jar$", member.name):
                jar = io.BytesIO()
                with zipfile.ZipFile(io.BytesIO(data)) as a, zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as b:
                    for item in a.infolist():
                        words = a.read(item)
                        if item.filename.endswith("build.version"):
                            words = re.sub(rb"3\.7\.0\.Final", version.encode(), words)
                        b.writestr(item, words)
                data = jar.getvalue()
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    undo.append(lambda: os.unlink(path))
    return path


def set_plugin(path, version):
    for name, value in (("url", "file://" + path), ("sha512", hashlib.sha512(open(path, "rb").read()).hexdigest()), ("version", version)):
        meta.one("ALTER SYSTEM SET cdc_pipeline.debezium_plugin_%s = %s" % (name, lit(value)))
    meta.one("SELECT pg_reload_conf()")


def version(url):
    """Of a worker; None: it is away.  One that is slow to answer is not."""
    while True:
        try:
            with urllib.request.urlopen(url + "/connector-plugins", timeout=2) as answer:
                return [p["version"] for p in json.load(answer) if p["class"] == CLASS]
        except OSError as error:
            if not isinstance(getattr(error, "reason", error), TimeoutError):
                return None


def versions():
    """Of both workers, at one time: the first one's was the same before and after the other was asked."""
    first, second = connect_urls()
    while True:
        before, other = version(first), version(second)
        if version(first) == before:
            return [before, other]


def message(id_):
    return meta.one("SELECT error_message FROM cdc.pipeline WHERE id = '%s'" % id_) or ""


def rolls_ok(version, name, seconds=150):
    """Looks on until every worker lists the version: never two are away, and the second changes after the first."""
    seen = []

    def there():
        now = versions()
        if not seen or seen[-1] != now:
            seen.append(now)
        return now == [[version]] * len(now)

    ok(wait(there, seconds, 0.05), name, lambda: seen)
    ok(not any(all(v is None for v in now) for now in seen), name + ": never both workers away", lambda: seen)
    ok(not any(now[0] != [version] and now[1] in (None, [version]) for now in seen), name + ": the second only when the first lists it", lambda: seen)


def agent(verb, n):
    lab("connect-agent", verb, str(n), timeout=60)


def files_of(id_):
    return sorted(name for name in os.listdir(SECRETS) if name.startswith(con(id_) + "."))


def test_rolling(ids, topic, table):
    global ARCHIVE
    first = meta.one("SHOW cdc_pipeline.debezium_plugin_version")
    ARCHIVE = meta.one("SHOW cdc_pipeline.debezium_plugin_url")[len("file://"):]
    good, bad = other_version("3.7.0.Rolled"), other_version("3.7.0.Other")

    def restore():
        for name in ("url", "sha512", "version"):
            meta.one("ALTER SYSTEM RESET cdc_pipeline.debezium_plugin_%s" % name)
        meta.one("SELECT pg_reload_conf()")
        wait(lambda: versions() == [[first]] * 2, 150, 0.3)

    undo.append(restore)
    set_plugin(good, "3.7.0.Rolled")
    rolls_ok("3.7.0.Rolled", "a new version is rolled out")
    for id_ in ids:
        running_ok(id_, "a pipeline runs on it")
    source(database).rows("INSERT INTO %s VALUES (100)" % table)
    flows_ok(topic, "id", 100, "and rows flow")

    # what was named lists another version: the worker gets back what it had
    set_plugin(bad, "3.7.0.Wrong")
    ok(wait(lambda: "does not list " + CLASS + " 3.7.0.Wrong" in message(ids[0]), 150), "a version that the archive does not have is told", lambda: message(ids[0]))
    told = message(ids[0])
    ok("http://127.0.0.1" in told and "the former plugin is back in use" in told, "with the worker, and that the former one is in use", told)
    equal(versions(), [["3.7.0.Rolled"]] * 2, "both workers list what they had: the second was not touched")
    equal(sorted(os.listdir(os.path.join(env["LAB_DIR"], "agent-1/beside"))), [], "nothing is left beside it")
    source(database).rows("INSERT INTO %s VALUES (101)" % table)
    flows_ok(topic, "id", 101, "rows flow meanwhile")
    equal({spec(id_)["status"] for id_ in ids}, {"Running"}, "the pipelines are Running")

    # back, and the agent is killed in the middle
    for name in ("url", "sha512", "version"):
        meta.one("ALTER SYSTEM RESET cdc_pipeline.debezium_plugin_%s" % name)
    meta.one("SELECT pg_reload_conf()")
    meta.one("SELECT count(*) FROM cdc.check_health()")
    job = os.path.join(env["LAB_DIR"], "agent-1/job.json")

    def busy():
        with open(job) as f:
            words = json.load(f)
        return words.get("version") == first and words["state"] in ("swapping", "restarting", "waiting")

    ok(wait(busy, 60, 0.005), "an installation is under way", lambda: open(job).read())
    agent("kill", 1)
    ok(wait(lambda: re.search(r"http://127\.0\.0\.1:\d+: ", message(ids[0])), 30), "the agent was killed: it says so", lambda: message(ids[0]))
    agent("start", 1)
    rolls_ok(first, "started again it goes on")
    for id_ in ids:
        running_ok(id_, "all is well again")


def test_password(id_, topic, table):
    name = con(id_)
    config = rest("GET", "/connectors/%s/config" % name)[1]
    equal(config["database.password"], "${dir:%s:%s.1}" % (SECRETS, name), "the configuration has a reference")
    equal(files_of(id_), [name + ".1"], "the file is there")
    path = os.path.join(SECRETS, name + ".1")
    equal((os.stat(path).st_mode & 0o7777, os.path.getsize(path)), (0o600, 32), "0600, 32 characters")
    secret = open(path).read()
    shown = json.dumps([rest("GET", path_, url=url)[1] for url in connect_urls() for path_ in ("/connectors/%s/config" % name, "/connectors/%s/tasks" % name, "/connectors?expand=info&expand=status")])
    ok(secret not in shown, "which Connect shows nowhere")
    ok(secret not in meta.lines("SELECT e::text FROM cdc.pipeline_event e"), "nor any event")

    def verifier():
        return source("postgres").one("SELECT rolpassword FROM pg_authid WHERE rolname = '%s'" % obj(id_))

    def started():
        return source("postgres").one("SELECT min(backend_start) FROM pg_stat_activity WHERE usename = '%s'" % obj(id_))

    value = 200
    for number, what in enumerate((None, "put_secret", "create_role", "put_connector", "delete_secret", "agent"), 2):
        before, before_start, last = verifier(), wait(started), int(meta.one("SELECT max(id) FROM cdc.pipeline_event"))
        what_for = "a new password" + (", killed in " + what if what else "")
        if what == "agent":
            agent("kill", 2)
            wait(lambda: "an agent of Kafka Connect does not answer" in message(id_), 20)
        equal(meta.one("SELECT cdc.rotate_password('%s')" % id_), str(number), what_for + ": its number")
        if what == "agent":
            ok(wait(lambda: "which are handed the connector's password" in message(id_), 20), "while an agent is away it waits, and says so", lambda: message(id_))
            equal(verifier(), before, "with the former password")
            agent("start", 2)
        elif what:
            pid = worker_pid()
            ok(wait(lambda: events(id_, "id > %d AND detail->>'action' = '%s' AND kind <> 'outcome'" % (last, what)), 30, 0.001), what_for + ": it comes to that", lambda: story(id_))
            os.kill(pid, signal.SIGKILL)
            wait(lambda: worker_pid() not in (None, pid), 30)
        ok(wait(lambda: files_of(id_) == ["%s.%d" % (name, number)], 60), what_for + ": the new file alone is left", lambda: "%s\n%s" % (files_of(id_), story(id_)))
        running_ok(id_, what_for + ": it says nothing")
        equal(rest("GET", "/connectors/%s/config" % name)[1]["database.password"], "${dir:%s:%s.%d}" % (SECRETS, name, number), what_for + ": the configuration refers to it")
        ok(verifier() != before and open(os.path.join(SECRETS, files_of(id_)[0])).read() != secret, what_for + ": it is another one, the role's too")
        secret = open(os.path.join(SECRETS, files_of(id_)[0])).read()
        ok(wait(lambda: (started() or "") > before_start, 30), what_for + ": the sessions of the connector are new", lambda: (before_start, started()))
        value += 1
        source(database).rows("INSERT INTO %s VALUES (%d)" % (table, value))
        flows_ok(topic, "id", value, what_for + ": rows flow")
    equal([e["after"]["id"] for e in topic.events if e["op"] == "c" and e["after"]["id"] > 200], list(range(201, value + 1)), "each row came once, in order")


def test():
    global database
    set_meta("cdc_pipeline.settle_after", "1s")
    set_meta("cdc_pipeline.health_interval", "1s")
    equal(len(connect_urls()), 2, "there are two workers")
    database = make_database()
    prefix, table = word("p"), word("t_")
    source(database).rows("CREATE TABLE %s (id int PRIMARY KEY); INSERT INTO %s VALUES (1)" % (table, table))
    ids = [create(None, [table], database, prefix), create(None, [table], database)]
    for id_ in ids:
        running_ok(id_, "a pipeline runs")
    topic = Topic("%s.public.%s" % (prefix, table))
    flows_ok(topic, "id", 1, "its snapshot")
    test_password(ids[0], topic, table)
    test_rolling(ids, topic, table)
    topic.close()
    for id_ in ids:
        delete(id_)
    for id_ in ids:
        gone_ok(id_)
        equal(files_of(id_), [], "with its password's file")


main(test)
