#!/usr/bin/env python3
"""What stands still while Connect says RUNNING is seen, and told with its reason: a stream that the server
breaks off, a source that lets the connector in no more, a record that Kafka refuses, a stranger on the same topics, a topic that was deleted."""
from lib import *

SNAPSHOT = "waiting for the snapshot to finish"


def since(id_):
    return int(meta.one("SELECT coalesce(max(id), 0) FROM cdc.pipeline_event WHERE pipeline_id = '%s'" % id_))


def told(id_, after):
    return [e["message"] or "" for e in events(id_, "id > %d" % after)]


def broken_off():
    """A row that is no text in the connector's encoding: the server ends each stream at it."""
    database = word("db_")
    source("postgres").rows("CREATE DATABASE %s ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0" % database)
    dropped_databases.append(database)
    source(database).rows("CREATE TABLE ok (id int PRIMARY KEY, note text); INSERT INTO ok VALUES (1, 'a')")
    id_ = create(None, ["ok"], database)
    running_ok(id_)
    stored_ok(id_, "a stream that breaks off")
    before = since(id_)
    source(database).rows(r"INSERT INTO ok VALUES (2, E'caf\351')")
    status_ok(id_, "Running", "what the server says of the row is told",
              r'nothing streams from the replication slot, though Kafka Connect calls the task RUNNING: since \d\d:\d\d:\d\d UTC; .*invalid byte sequence for encoding "UTF8": 0xe9', 25)
    ok(not any(SNAPSHOT in message for message in told(id_, before)), "and nothing of a snapshot, which finished long ago", lambda: story(id_))
    kept = [spec(id_)["error_message"] for _ in range(20) if not time.sleep(0.25)]
    ok(all(message and "0xe9" in message for message in kept), "it is told all the time", lambda: "\n".join(map(str, sorted(set(kept), key=str))))
    equal(source("postgres").one("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE %s" % lit(obj(id_) + "_%")), "0", "what was read by is gone")
    delete(id_)
    gone_ok(id_)


def locked_out():
    """Nobody is let in: told, and over when it is over."""
    database = make_database()
    source(database).rows("CREATE TABLE t (id int PRIMARY KEY)")
    id_ = create(None, ["t"], database)
    running_ok(id_)
    stored_ok(id_, "a database that is closed")
    before = since(id_)
    source("postgres").rows("ALTER DATABASE %s CONNECTION LIMIT 0" % database)
    source("postgres").rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s" % lit(obj(id_)))
    status_ok(id_, "Running", "why the connector does not come in is told", r"nothing streams .*: the database takes no more connections than 0", 30)
    source("postgres").rows("ALTER DATABASE %s CONNECTION LIMIT -1" % database)
    running_ok(id_, "and it streams again")
    ok(not any(SNAPSHOT in message for message in told(id_, before)), "nothing was said of a snapshot", lambda: story(id_))
    ok(any(message.startswith("over after") for message in told(id_, before)), "that it is over is told", lambda: story(id_))
    topic = Topic(spec(id_)["topic_prefix"] + ".public.t")
    source(database).rows("INSERT INTO t VALUES (1)")
    ok(topic.wait(lambda _: len(topic.events) == 1, 60), "and changes come", lambda: story(id_))
    delete(id_)
    gone_ok(id_)


def kafka_tool(cls, *arguments):
    """A tool of Kafka's, as the lab's administrator of the plain listener."""
    return subprocess.run(["bash", "-c", '. "$1/common.sh"; shift; java $JAVA_FLAGS -cp "$(kafka_classpath)" "$@" --bootstrap-server "$KAFKA_ADDRESS:$KAFKA_SASL_PORT" '
                           '--command-config "$LAB_DIR/kafka/sasl.properties"', "-", LAB, cls] + list(arguments),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout


def topic_deleted():
    """A topic that is deleted under the connector: named, made again, and what is gone is told."""
    database, prefix = make_database(), word("p")
    source(database).rows("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE quiet (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    id_ = create(None, ["t", "quiet"], database, prefix)
    running_ok(id_)
    stored_ok(id_, "a topic that is deleted")
    before = since(id_)
    kafka_tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", prefix + ".public.t")
    source(database).rows("INSERT INTO t VALUES (2)")
    source(database).rows("INSERT INTO t VALUES (3)")
    name = re.escape('table "public"."t", topic %s.public.t' % prefix)
    ok(wait(lambda: any(re.search(name, message) for message in told(id_, before)), 240), "the topic is named", lambda: story(id_))
    topic = Topic(prefix + ".public.t")
    ok(topic.wait(lambda all_: {e["after"]["id"] for e in all_} >= {2, 3}, 60), "the task is started anew, and what waited comes", lambda: story(id_))
    ok(wait(lambda: meta.one("SELECT past FROM cdc.finding WHERE pipeline_id = '%s' AND check_name = 'topic_anew' AND observed LIKE '%%topic %s.public.t of table%%'" % (id_, prefix)) == "t", 150),
       "that what the topic had is gone is a finding", lambda: story(id_))
    running_ok(id_, "and it runs", 60)
    restarts = events(id_, "id > %d AND kind = 'outcome' AND detail ->> 'action' = 'restart_connector'" % before)
    equal(len(restarts), 1, "one restart did it")
    ok(not any("quiet" in message for message in told(id_, before)), "a table of which nothing waits is not named", lambda: story(id_))
    equal(meta.one("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '%s' AND kind = 'gap'" % id_), "0", "it is no gap of the source's")
    delete(id_)
    gone_ok(id_)


def statuses(id_, after):
    return [e["status_to"] for e in events(id_, "id > %d AND kind = 'transition'" % after)]


def refused():
    """A row that Kafka does not take: Failed, and nothing else before something is confirmed."""
    database, prefix = make_database(), word("p")
    source(database).rows("CREATE TABLE big (id int PRIMARY KEY, note text); CREATE TABLE small (id int PRIMARY KEY)")
    id_ = create(None, ["big", "small"], database, prefix)
    running_ok(id_)
    stored_ok(id_, "a row of 2 MB")
    large = "INSERT INTO big VALUES (1, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 65536) i))"
    before = since(id_)
    source(database).rows(large)
    status_ok(id_, "Failed", "a row of 2 MB fails it, and is named", r'connector task failed: .*max.request.size.*the change that waits is of table "public"."big", topic %s.public.big' % prefix, 60)
    ok(wait(lambda: events(id_, "id > %d AND detail ->> 'action' = 'restart_connector' AND kind = 'outcome'" % before), 90), "it is tried again", lambda: story(id_))
    count = rounds()
    wait(lambda: rounds() >= count + 4, 30)
    equal(sorted(set(statuses(id_, before))), ["Failed"], "and it is Failed all the time")
    delete(id_)
    gone_ok(id_)
    id_ = create(None, ["big"], database, word("p"), options={"producer.override.max.request.size": 8388608, "topic.creation.default.max.message.bytes": 8388608})
    running_ok(id_, "with the options for larger records a pipeline runs")
    topic = Topic(spec(id_)["topic_prefix"] + ".public.big")
    ok(topic.wait(lambda all_: any(len(e["after"]["note"]) == 2097152 for e in all_), 60), "and the row comes whole", lambda: story(id_))
    delete(id_)
    gone_ok(id_)


def without_key():
    """A compacted topic and a table without a key."""
    database, prefix = make_database(), word("p")
    source(database).rows("CREATE TABLE t (note text); ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t VALUES ('a')")
    id_ = create(None, ["t"], database, prefix, options={"topic.creation.default.cleanup.policy": "compact"})
    status_ok(id_, "Failed", "a table without a key is refused by a compacted topic, and that is told", "Compacted topic cannot accept message without key", 60)
    ok(len(events(id_, "detail ->> 'action' = 'begin_discard' AND kind = 'outcome'")) == 0, "with no new snapshot in vain", lambda: story(id_))
    delete(id_)
    gone_ok(id_)


def stranger():
    """Somebody else's connector of the same topic.prefix on the same Connect."""
    database, prefix, name = make_database(), word("p"), word("elsewhere-")
    source(database).rows("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    other = create(None, ["t"], database, word("p"))
    running_ok(other)
    config = dict(rest("GET", "/connectors/%s/config" % con(other))[1], **{"name": name, "topic.prefix": prefix, "slot.name": word("slot_")})
    config = {key: value for key, value in config.items() if not key.startswith("cdc.")}
    undo.append(lambda: (rest("DELETE", "/connectors/" + name), source("postgres").rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s AND NOT active" % lit(config["slot.name"]))))
    rest("PUT", "/connectors/%s/config" % name, config)
    ok(wait(lambda: (rest("GET", "/connectors/%s/status" % name)[1].get("tasks") or [{}])[0].get("state") == "RUNNING", 30), "a stranger's connector runs")
    id_ = create(None, ["t"], database, prefix)
    status_ok(id_, "Provisioning", "it is named at once", 'waiting for connector "%s", which is somebody else\'s and has the same topic prefix' % name, 15)
    ok(con(id_) not in rest("GET", "/connectors")[1], "no connector is made beside it")
    rest("DELETE", "/connectors/" + name)
    running_ok(id_, "when it is gone, the pipeline runs", 60)
    wait(lambda: source("postgres").one("SELECT bool_or(active) FROM pg_replication_slots WHERE slot_name = %s" % lit(config["slot.name"])) != "t", 20)
    rest("PUT", "/connectors/%s/config" % name, config)
    status_ok(id_, "Running", "one that comes later is named", 'connector "%s", which is somebody else\'s, writes to topics of the same prefix' % name, 30)
    rest("DELETE", "/connectors/" + name)
    running_ok(id_, "and nothing is said when it is gone")
    for each in (id_, other):
        delete(each)
    for each in (id_, other):
        gone_ok(each)


def test():
    set_meta("cdc_pipeline.health_interval", "2s")
    broken_off()
    locked_out()
    refused()
    without_key()
    stranger()
    topic_deleted()


main(test)
