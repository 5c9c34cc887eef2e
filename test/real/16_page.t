#!/usr/bin/env python3
"""The product page's own commands, straight out of test/spec/product-page.txt.

Each curl line runs in a shell as it stands there, with the variables that the
page names; only the host is another.  What the page shows as the answer is
compared with what came.  The two commands that make servers are counted here,
and run in 17_whole_page.t.
"""
from lib import *

sys.path.insert(0, os.path.join(TOP, "test/spec"))
import page as spec
from page import PAGE, commands, shown


class Shell(spec.Shell):
    def __init__(self, directory):
        super().__init__(directory, env["CDC_API_URL"], USER=env["CDC_API_USER"], PASS=env["CDC_API_PASSWORD"], ORG_ID=env["CDC_ORG_ID"], PG_ID=env["CDC_SOURCE_ID"],
                         KAFKA_ID=env["CDC_SINK_ID"], KAFKA_HOST=env["CDC_KAFKA_HOST"])

    def run(self, command):
        """(HTTP status, output) of a command of the page."""
        code, status, out, said = super().run(command)
        if code != 0:
            diag("%s\n%s\n%s%s" % (code, command, out, said))
        return status, out


def test():
    directory = subprocess.check_output(["mktemp", "-d"], text=True).strip()
    undo.append(lambda: subprocess.run(["rm", "-rf", directory], check=True))
    shell = Shell(directory)
    kinds = spec.curl_commands()
    equal({kind: len(found) for kind, found in kinds.items()}, {"servers": 2, "create": 1, "delete": 1, "service": 4, "status": 1, "monitor": 1, "reason": 1}, "the page has these commands")

    db = source()
    db.rows("CREATE TABLE public.orders (id int PRIMARY KEY, customer_id int, total numeric(10,2), status text); CREATE TABLE public.customers (id int PRIMARY KEY)")
    undo.append(lambda: db.rows("DROP TABLE public.orders, public.customers"))

    for command, _ in kinds["service"]:
        status, out = shell.run(command)
        equal((status, out), (200, '"running"\n'), "$PG_ID, $KAFKA_ID: running")

    # nothing acts until the first look at it
    pause_worker()
    (command, after), = kinds["create"]
    page = shown(after)
    status, out = shell.run(command)
    equal(status, 202, "create: 202 Accepted") or diag(out)
    answer = json.loads(out)
    id_ = answer["id"]
    made.append(id_)
    shell.variables["PIPELINE_ID"] = id_
    own = {"id": id_, "organization_id": env["CDC_ORG_ID"], "source_service_id": env["CDC_SOURCE_ID"], "sink_service_id": env["CDC_SINK_ID"], "created_at": answer["created_at"]}
    equal({key: answer.get(key) for key in page}, dict(page, **own), "with the object that the page shows")
    equal(list(answer["config"]), list(page["config"]), "config in the order in which it was sent")
    ok(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["created_at"]), "and the time as the page writes it", answer["created_at"])

    (command, after), = kinds["status"]
    early = shown(after)
    late = shown(after, after.index("When provisioning completes"))
    seen = []

    def runs():
        status, out = shell.run(command)
        seen.append(json.loads(out))
        return status == 200 and seen[-1]["status"] in ("Running", "Failed") and seen[-1]["last_health_check_at"]

    runs()
    set_meta("cdc_pipeline.enabled", "on")
    ok(wait(runs, 120, 0.1), "it comes to Running", lambda: story(id_))
    ok(all(list(s) == list(early) for s in seen), "the status has the page's members, in the page's order", seen[0])
    before = [s for s in seen if s["connector_name"] is None]
    ok(before and all(s == dict(early, id=id_, status=s["status"], last_health_check_at=s["last_health_check_at"], source_lag_bytes=s["source_lag_bytes"], error_message=s["error_message"]) and
                      s["status"] in ("Pending", "Provisioning") for s in before), "before there is a connector it says null, as on the page", before)
    last = seen[-1]
    equal({key: last[key] for key in late}, dict(late, connector_name=con(id_), source_lag_bytes=last["source_lag_bytes"], last_health_check_at=last["last_health_check_at"]), "when it runs it says what the page says")
    # what the round sees that made it Running, or the next one
    ok(wait(lambda: runs() and isinstance(seen[-1]["source_lag_bytes"], int), 60, 0.1), "with the lag a number", lambda: seen[-1])

    db.rows(spec.insert_statement())
    properties = os.path.join(directory, "sasl.properties")
    with open(properties, "w") as out:
        out.write(spec.sasl_properties(env["CDC_KAFKA_PASSWORD"]))
    with open(os.path.join(directory, "kafka-console-consumer"), "w") as out:
        out.write("#!/bin/bash\n. '%s/common.sh'\nexec java $JAVA_FLAGS -cp \"$(kafka_classpath)\" org.apache.kafka.tools.consumer.ConsoleConsumer \"$@\" 2>/dev/null\n" % LAB)
    os.chmod(os.path.join(directory, "kafka-console-consumer"), 0o755)
    (command, after), = commands("kafka-console-consumer")
    _, out = shell.run(command.replace("/tmp/sasl.properties", properties))
    event = json.loads(out)
    page = shown(PAGE, PAGE.index("The message is a Debezium envelope"))
    event["source"] = {key: event["source"].get(key) for key in page["source"]}
    page["source"]["lsn"] = event["source"]["lsn"]
    equal({key: event.get(key) for key in page}, page, "the page's row arrives as the page's event")

    (command, _), = kinds["monitor"]
    said = {}

    def well():
        said["status"], said["out"] = shell.run(command)
        got = json.loads(said["out"])
        return said["status"] == 200 and (got["status"], got["connector_state"], got["error"]) == ("Running", "RUNNING", None) and got["source_lag_bytes"] >= 0 and got["last_health_check_at"]

    ok(wait(well, 30, 0.2), "ongoing monitoring", said)
    (command, _), = kinds["reason"]
    status, out = shell.run(command)
    equal((status, json.loads(out)), (200, {"status": "Running", "error": None, "step": None}), "the reason of a failure: none")

    (command, _), = kinds["delete"]
    status, out = shell.run(command)
    equal((status, json.loads(out)["status"]), (202, "Deleting"), "delete: 202 Accepted")
    gone_ok(id_)
    status, out = shell.run(kinds["reason"][0][0])
    equal(status, 404, "and then it is not there")
    equal(db.one("SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s') + (SELECT count(*) FROM pg_publication WHERE pubname = '%s')" % (obj(id_), obj(id_))), "0", "slot and publication neither")
    ok(not any(obj(id_) in open(os.path.join(path, "pg_hba.conf")).read() for path in node_dirs()), "nor its line in pg_hba.conf")


main(test)
