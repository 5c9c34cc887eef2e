#!/usr/bin/env python3
"""foundrydb-sdk, a client that this project has not written: the whole life of a
pipeline, by its synchronous and by its asynchronous interface."""
import asyncio
from lib import *

run_with_clients()
from foundrydb import AsyncFoundryDB, FoundryDB, FoundryDBError
from foundrydb.types import DataPipelineConfig


def refused(function, status, words, name):
    """A test: the SDK raises its error, with this status and our text."""
    try:
        got = function()
    except FoundryDBError as error:
        return ok(error.status_code == status and re.search(words, str(error)), name, "%s %s" % (error.status_code, error))
    return ok(False, name, "it gave %r" % (got,))


def make_tables():
    db = source()
    schema = word("s_")
    db.rows("CREATE SCHEMA %s; CREATE TABLE %s.orders (id int PRIMARY KEY, total numeric(10,2)); INSERT INTO %s.orders VALUES (1, 99.95)" % (schema, schema, schema))
    undo.append(lambda: db.rows("DROP SCHEMA %s CASCADE" % schema))
    return schema + ".orders"


def look_around(client):
    orgs = client.organizations.list()
    equal([(o.id, o.slug, o.is_personal) for o in orgs], [(env["CDC_ORG_ID"], "lab", True)], "organizations")
    equal(client.organizations.get(env["CDC_ORG_ID"]), orgs[0], "one of them")
    ok(client.organizations.get("00000000-0000-4000-8000-000000000000") is None, "one that is not there is None")
    services = {s.id: s for s in client.services.list()}
    ok({env["CDC_SOURCE_ID"], env["CDC_SINK_ID"]} <= set(services), "services", services)
    pg, kafka = client.services.get(env["CDC_SOURCE_ID"]), client.services.get(env["CDC_SINK_ID"])
    equal((pg.database_type, pg.status, kafka.database_type, kafka.status), ("postgresql", "running", "kafka", "running"), "both run")
    equal(kafka.raw["addon_status"], {"kafka-connect": "running"}, "the addon too")
    cidrs = client.services.update(pg.id, allowed_cidrs=["10.9.0.0/16", "10.8.0.0/16"]).allowed_cidrs
    equal(cidrs, ["10.9.0.0/16", "10.8.0.0/16"], "a change comes back in its order")
    client.services.update(pg.id, allowed_cidrs=pg.allowed_cidrs)
    users = client.users.list(kafka.id)
    equal(users[0].username, env["CDC_KAFKA_USER"], "app_user is the first of the users")
    shown = client.users.reveal_password(kafka.id, users[0].username)
    equal((shown.username, shown.password, "%s:%s" % (shown.host, shown.port)), (env["CDC_KAFKA_USER"], env["CDC_KAFKA_PASSWORD"], env["CDC_KAFKA_BOOTSTRAP"]), "its password, and where to use it")
    refused(lambda: client.users.reveal_password(kafka.id, "nobody"), 404, "no such user", "of a user that is not there: 404")


def life(client, table):
    """Create, watch, read, delete."""
    org = env["CDC_ORG_ID"]
    name, prefix = word("sdk-"), word("p")
    config = DataPipelineConfig(database_name="defaultdb", tables=[table], topic_prefix=prefix, snapshot_mode="initial")

    def make():
        return client.data_pipelines.create(org, name=name, pipeline_type="cdc_pg_to_kafka", source_service_id=env["CDC_SOURCE_ID"], sink_service_id=env["CDC_SINK_ID"], config=config)

    pipeline = make()
    made.append(pipeline.id)
    equal((pipeline.status, pipeline.name, pipeline.organization_id, pipeline.provision_step, pipeline.connector_name, pipeline.error_message), ("Pending", name, org, None, None, None), "a pipeline is made: Pending")
    equal(pipeline.config.raw, config.to_dict(), "its config comes back as it was sent")
    equal([p.created_at for p in client.data_pipelines.list(org) if p.id == pipeline.id], [pipeline.created_at], "the list has it, with the same time to the byte")
    refused(make, 409, "a pipeline named .* already exists", "the same again is refused with 409, in words")

    words = []

    def runs():
        status = client.data_pipelines.get_status(pipeline.id)
        step = client.data_pipelines.get(org, pipeline.id).provision_step
        if not words or words[-1] != (status.status, step):
            words.append((status.status, step))
        # any word with Failed or Error in it is the end, anything but Running means: wait
        return status if status.status == "Running" or "Failed" in status.status or "Error" in status.status else None

    status = wait(runs, 90, 0.1)
    ok(status and status.status == "Running", "it runs", lambda: story(pipeline.id))
    ok({s for s, _ in words} <= {"Pending", "Provisioning", "Running"}, "by the words of the page", words)
    ok(status.connector_name == con(pipeline.id) and status.connector_state == "RUNNING" and status.task_states == [{"id": 0, "state": "RUNNING"}] and status.error_message is None, "with all that the status has", status)
    full = client.data_pipelines.get(org, pipeline.id)
    equal((full.publication_name, full.slot_name, full.topic_prefix, full.created_at), (obj(pipeline.id), obj(pipeline.id), prefix, pipeline.created_at), "and the pipeline")

    topic = Topic("%s.%s" % (prefix, table))
    flows_ok(topic, "total", 99.95, "the snapshot flows")
    source().rows("INSERT INTO %s VALUES (2, 1.25)" % table)
    flows_ok(topic, "total", 1.25, "and what comes after it")
    topic.close()
    status = wait(lambda: (lambda s: s if s.source_lag_bytes is not None and s.last_health_check_at else None)(client.data_pipelines.get_status(pipeline.id)), 30)
    ok(status and status.source_lag_bytes >= 0 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status.last_health_check_at), "lag and time of the last look", status)

    ok(client.data_pipelines.delete(org, pipeline.id) is None, "it is deleted")
    client.data_pipelines.delete(org, pipeline.id)
    again = make()
    made.append(again.id)
    ok(again.id != pipeline.id, "the same name again, at once: a replace")
    ok(wait(lambda: client.data_pipelines.get(org, pipeline.id) is None, 60, 0.1), "then the old one is gone: None", lambda: story(pipeline.id))
    ok(client.data_pipelines.get_status(pipeline.id) is None, "its status too")
    refused(lambda: client.data_pipelines.delete(org, pipeline.id), 404, "no such pipeline", "and it cannot be deleted again")
    ok(wait(lambda: client.data_pipelines.get_status(again.id).status == "Running", 90, 0.1), "the new one runs", lambda: story(again.id))
    client.data_pipelines.delete(org, again.id)
    ok(wait(lambda: client.data_pipelines.get(org, again.id) is None, 60, 0.1), "and is deleted", lambda: story(again.id))


async def asynchronously(table):
    async with AsyncFoundryDB(env["CDC_API_URL"] + "/", env["CDC_API_USER"], env["CDC_API_PASSWORD"], organization_id="lab") as client:
        org = (await client.organizations.list())[0].id
        services = await client.services.list()
        pg, kafka = (next(s.id for s in services if s.name == name) for name in ("source", "sink"))
        pipelines = await asyncio.gather(*(client.data_pipelines.create(
            org, name=word("sdk-"), pipeline_type="cdc_pg_to_kafka", source_service_id=pg, sink_service_id=kafka,
            config=DataPipelineConfig(tables=[table], topic_prefix=word("p"))) for _ in range(3)))
        made.extend(p.id for p in pipelines)
        ok(len({p.id for p in pipelines}) == 3 and all(p.status == "Pending" for p in pipelines), "three at once, asynchronously, with X-Active-Org-ID a slug")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            states = await asyncio.gather(*(client.data_pipelines.get_status(p.id) for p in pipelines))
            if all(s.status == "Running" for s in states):
                break
            await asyncio.sleep(0.1)
        equal([s.status for s in states], ["Running"] * 3, "all run")
        await asyncio.gather(*(client.data_pipelines.delete(org, p.id) for p in pipelines))
        while time.monotonic() < deadline + 60:
            left = await asyncio.gather(*(client.data_pipelines.get(org, p.id) for p in pipelines))
            if left == [None] * 3:
                break
            await asyncio.sleep(0.1)
        equal(left, [None] * 3, "and are deleted")


def test():
    table = make_tables()
    with FoundryDB(env["CDC_API_URL"], env["CDC_API_USER"], env["CDC_API_PASSWORD"]) as client:
        look_around(client)
        life(client, table)
    with FoundryDB(env["CDC_API_URL"], env["CDC_API_USER"], "wrong") as client:
        refused(client.services.list, 401, "wrong user name or password", "a wrong password: 401, in words")
    with FoundryDB(env["CDC_API_URL"], env["CDC_API_USER"], env["CDC_API_PASSWORD"], organization_id="00000000-0000-4000-8000-000000000000") as client:
        refused(client.services.list, 404, "no such organization", "an organization that is not there: 404, in words")
    asyncio.run(asynchronously(table))


main(test)
