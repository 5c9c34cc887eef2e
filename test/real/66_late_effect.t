#!/usr/bin/env python3
"""A Connect that answers late: requests that timed out land when the pipeline
is long gone for its user, and leave nothing (design: a late effect is still
an effect).  And force, where Kafka Connect cannot be reached."""
from lib import *


def test():
    set_meta("cdc_pipeline.health_interval", "1s")
    set_meta("cdc_pipeline.settle_after", "1s")
    relay = Relay(env["CDC_CONNECT_URL"])
    sink = relay.sink()
    database = make_database()
    source(database).rows("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 100)")
    if not any("PostgresConnector" in plugin["class"] for url in connect_urls() for plugin in rest("GET", "/connector-plugins", url=url)[1]):
        # a bare lab: behind the relay there is no agent to install it
        bare = create(None, ["a"], database)
        running_ok(bare, "the plugin is installed", 180)
        delete(bare)
        gone_ok(bare)
    wait_ok(lambda: meta.one("SELECT status FROM cdc.service WHERE id = '%s'" % sink) == "running", "a sink behind a relay")
    unsettled = ("SELECT p.id, p.name, p.database_name, p.deleted_at, p.error_message FROM cdc.pipeline_spec p WHERE p.deleted_at IS NOT NULL AND p.settled_at IS NULL"
                 " AND (SELECT count(*) FROM cdc.service s WHERE s.id IN (p.source_service_id, p.sink_service_id) AND s.status = 'running') = 2")
    wait_ok(lambda: meta.lines(unsettled) == "", "what was deleted before has settled, where its servers are still there", 90,
            lambda: meta.lines(unsettled) + "".join(story(row[0]) for row in meta.rows(unsettled)))
    before = world()

    # the PUT that makes the connector
    set_meta("cdc_pipeline.request_timeout", "1s")
    relay.hold(r"^PUT .*/config$")
    late = create(None, ["a"], database, sink_id=sink)
    ok(wait(lambda: events(late, "kind = 'outcome' AND detail->>'action' = 'put_connector' AND detail->>'result' = 'unknown'"), 60), "the PUT is not answered in time", lambda: story(late))
    status_ok(late, "Provisioning", "which is said", r"^put_connector failed .*it may still take effect")
    # watched for as long as it takes
    set_meta("cdc_pipeline.settle_after", "1h")
    delete(late)
    gone_ok(late, "the pipeline is deleted meanwhile")
    equal((rest("GET", "/connectors/" + con(late))[0], spec(late)["settled_at"]), (404, None), "there is no connector yet, and it is still watched")
    set_meta("cdc_pipeline.request_timeout", "95s")
    server = dict(item.split("=", 1) for item in SERVER_DSN.split())

    def validated(body):
        """Connect looks at the source before it takes a configuration; one that had done that would not mind that the role has gone since."""
        return json.dumps(dict(json.loads(body), **{"database.user": server["user"], "database.password": server["password"]})).encode()

    relay.rewrite = validated
    del relay.requests[:]
    relay.release()
    ok(wait(lambda: ("PUT", "/connectors/%s/config" % con(late), 201) in relay.landed, 60), "what was held lands", lambda: relay.landed)
    ok(wait(lambda: ("DELETE", "/connectors/" + con(late)) in relay.requests, 60), "and is undone", lambda: relay.requests[-10:])
    set_meta("cdc_pipeline.settle_after", "5s")
    settled_ok(late, "nothing can come back any more", 90)
    equal(rest("GET", "/connectors/" + con(late))[0], 404, "no orphan connector")
    equal(offsets_of(con(late)), [], "no orphan offsets")
    same_ok(before, world(), "and nothing else is left")

    # force, while Kafka Connect cannot be reached
    lost = create(None, ["a"], database, sink_id=sink)
    running_ok(lost, "a pipeline on the same sink")
    relay.end()
    delete(lost)
    status_ok(lost, "Deleting", "without Kafka Connect it is not deleted", r"^waiting for Kafka Connect, to delete the connector: ")
    delete(lost, True)
    gone_ok(lost, "force gives up on it")
    receipt = [e["message"] for e in events(lost, "status_to = 'Deleted'")]
    ok(len(receipt) == 1 and re.match(r'deleted by force; left behind: connector "%s" and its offsets on sink service "[^"]+"$' % con(lost), receipt[0]), "and its receipt names what is left behind", receipt)
    equal(rest("GET", "/connectors/" + con(lost))[0], 200, "the connector, as it says")
    equal(source(database).lines("SELECT rolname FROM pg_roles WHERE rolname = '{0}' UNION ALL SELECT pubname FROM pg_publication WHERE pubname = '{0}'"
                                 " UNION ALL SELECT slot_name FROM pg_replication_slots WHERE slot_name = '{0}'".format(obj(lost))), "", "the source's side is gone")
    rest("PUT", "/connectors/%s/stop" % con(lost))
    wait(lambda: rest("GET", "/connectors/%s/status" % con(lost))[1]["tasks"] == [])
    wait(lambda: rest("DELETE", "/connectors/%s/offsets" % con(lost))[0] == 200)
    rest("DELETE", "/connectors/" + con(lost))
    equal(meta.one("SELECT cdc.delete_service('%s')" % sink), "deleting", "the service can go")


main(test)
