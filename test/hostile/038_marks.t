#!/usr/bin/env python3
"""
038_marks.t: who writes to a source, a Connect or an agent of his own writes epochs there: high ones, no numbers, genuine
marks from elsewhere, old ones.  None of that stops the worker, or anything of a neighbour; a superuser's word ends it.
"""
import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

WORD = "0123456789abcdef.0123456789abcdef0123456789abcdef"


def object_of(id):
    return "mdb_pipeline_" + id[:8]


def comment(world, id):
    return world.source.sql("SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = %s" % literal(object_of(id)), "shop")


def set_comment(world, id, words):
    world.source.sql("COMMENT ON PUBLICATION %s IS %s" % (object_of(id), literal(words)), "shop")


def finding(world, name, id):
    return world.sql("SELECT count(*) FROM cdc.finding WHERE check_name = %s AND coalesce(pipeline_id, service_id) = %s" % (literal(name), literal(id))) == "1"


def neighbour(world, n):
    """A pipeline of the other organization, from nothing to Running, while all that lasts."""
    id = world.pipeline("bob", world.bystander_source, world.bystander_sink, name="neighbour-%d" % n)
    ok(world.running(id), "a neighbour's pipeline comes up meanwhile", lambda: world.message(id))
    equal(world.sql("SELECT state FROM cdc.worker_state()"), "running", "the worker acts")


def publication(world, id):
    ours = comment(world, id)
    elsewhere = comment(world, world.bystander)
    mark = " epoch 99999999999"
    forged = {"a high epoch": mark, "the highest": " epoch 999999999999999999", "more than there is": " epoch 9223372036854775807", "a negative one": " epoch -5",
              "no number": " epoch x", "1e400": " epoch 1e400", "none": "", "a MAC of his own": mark + " mark " + WORD, "words": " epoch 1 mark " + "y" * 5000,
              "a neighbour's mark": elsewhere[elsewhere.index(" epoch "):], "ours under another epoch": mark + ours[ours.index(" mark "):]}
    missed = []
    for name, words in forged.items():
        set_comment(world, id, "cdc_pipeline " + id + words)
        if not wait(lambda: finding(world, "mark_unverified", id), 20) or not world.passes_round(id) or comment(world, id) != "cdc_pipeline " + id + words:
            missed.append(name)
        set_comment(world, id, ours)
        if not wait(lambda: not finding(world, "mark_unverified", id), 20):
            missed.append(name + ", and back")
    ok(not missed, "each is told, and left as it is, while its pipeline runs on; put back it is ours again", ", ".join(missed))
    set_comment(world, id, "cdc_pipeline " + id + mark)
    ok(wait(lambda: finding(world, "mark_unverified", id), 20), "a high epoch is a finding")
    neighbour(world, 1)
    said = world.refused("SELECT cdc.adopt('%s')" % id, "alice")
    ok(said and ("42501" in said or "permission denied" in said or "superuser" in said), "adopting is for superusers", said)
    world.sql("SELECT cdc.adopt('%s')" % id)
    ok(wait(lambda: comment(world, id) == ours, 20), "adopted it is marked anew", lambda: comment(world, id))
    ok(wait(lambda: not finding(world, "mark_unverified", id), 20) and world.running(id), "and the pipeline runs, without a finding", lambda: world.message(id))


def config_of(world, id):
    return world.connect.get("/connectors/mdb-pipeline-%s/config" % id[:8])


def connector(world, id):
    config = config_of(world, id)
    ours = dict(config)
    for epoch, word in (("99999999999", None), ("-5", WORD), ("x", None)):
        config.pop("cdc.mark", None)
        config.update({"cdc.epoch": epoch}, **({"cdc.mark": word} if word else {}))
        request = urllib.request.Request(world.connect.url() + "/connectors/mdb-pipeline-%s/config" % id[:8], json.dumps(config).encode(), {"Content-Type": "application/json"}, method="PUT")
        urllib.request.urlopen(request, timeout=20).read()
        ok(wait(lambda: finding(world, "mark_unverified", id), 20), "a connector with epoch %s is a finding" % epoch)
    ok("nothing is done with the connector" in world.says(id, "nothing is done with the connector"), "and left alone", lambda: world.message(id))
    neighbour(world, 2)
    equal((config_of(world, id) or {}).get("cdc.epoch"), "x", "its configuration is as he left it")
    world.sql("SELECT cdc.adopt('%s')" % id)
    ok(wait(lambda: (config_of(world, id) or {}).get("cdc.mark") == ours["cdc.mark"], 20) and world.running(id), "adopted it is ours again", lambda: world.message(id))


def deleted(world, source, sink):
    """A delete leaves what is not verified, says so, and goes on when it is adopted; force names what stays."""
    ids = [world.pipeline("alice", source, sink, name="deleted-%d" % n) for n in range(2)]
    for id in ids:
        world.running(id)
        set_comment(world, id, "cdc_pipeline " + id + " epoch 99999999999")
        wait(lambda: finding(world, "mark_unverified", id), 20)
        world.sql("SELECT cdc.delete_pipeline('%s')" % id, "alice")
        ok("whose the publication is" in world.says(id, "whose the publication is"), "a delete waits for a word about it", lambda: world.message(id))
    world.sql("SELECT cdc.adopt('%s')" % ids[0])
    ok(wait(lambda: world.source.sql("SELECT count(*) FROM pg_publication WHERE pubname = '%s'" % object_of(ids[0]), "shop") == "0", 20), "adopted it is dropped")
    world.sql("SELECT cdc.delete_pipeline('%s', true)" % ids[1], "alice")
    left = "SELECT string_agg(message, '; ') FROM cdc.pipeline_event WHERE pipeline_id = '%s' AND message LIKE '%%left behind%%publication \"%s\"%%'" % (ids[1], object_of(ids[1]))
    ok(wait(lambda: world.sql(left), 20), "by force it is left, and named")
    equal(comment(world, ids[1]), "cdc_pipeline " + ids[1] + " epoch 99999999999", "as it was")


def copies(world, id):
    """Old marks that somebody has kept."""
    old = comment(world, id)
    world.sql("SELECT cdc.take_over()")
    ok(wait(lambda: comment(world, id) != old, 20), "after cdc.take_over() marks are higher", lambda: comment(world, id))
    new = comment(world, id)
    set_comment(world, id, old)
    ok(wait(lambda: comment(world, id) == new, 20), "an old one of ours, put back, is replaced")
    ok(not finding(world, "mark_unverified", id) and world.running(id), "and changes nothing", lambda: world.message(id))


def agent(world, source):
    lie, fence = {"epoch": "0"}, []
    directory = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_secrets.XXXXXX"], text=True).strip()
    atexit.register(shutil.rmtree, directory, True)
    files = lambda: sorted(os.listdir(directory))

    def answer(request):
        name = request.path.split("?")[0].rsplit("/", 1)[1]
        if request.path.startswith("/v1/state"):
            body = '{"version": "x", "plugins": [], "job": null, "secrets": %s, "secret_path": "%s", "connect_url": "x", "epoch": %s}' % (json.dumps(files()), directory, lie["epoch"])
            return http(200, body.encode())
        if request.path.startswith("/v1/fence"):
            fence.append((request.path, json.loads(request.body)["from"]))
            lie["epoch"] = re.search(r"epoch=(\d+)", request.path).group(1)
            return 200, {"epoch": 1}
        if request.method == "PUT":
            with open(os.path.join(directory, name), "w") as out:
                out.write(json.loads(request.body)["value"])
        if request.method == "DELETE" and name in files():
            os.unlink(os.path.join(directory, name))
        return 200, {"name": name}
    peer = world.liar(HttpPeer(answer))
    sink = world.register("alice", "kafka", world.sink(world.connect.url(), plaintext_connector_password=False, agents=[{"url": peer.url(), "token": world.plant("token-of-a-liar-17", peer)}]))
    first = world.pipeline("alice", source, sink, name="by-agent")
    ok(world.running(first), "a pipeline runs by an agent", lambda: world.message(first))
    missed = []
    for epoch in ("9e18", "9000000000000000000", "-5", '"text"', "1e400", "999999999999999999", "99999999999"):
        lie["epoch"] = epoch
        if not wait(lambda: finding(world, "agent_unverified", sink), 20) or not world.passes_round(world.bystander):
            missed.append(epoch)
        lie["epoch"] = "0"
        if not wait(lambda: not finding(world, "agent_unverified", sink), 20):
            missed.append(epoch + ", and back")
    ok(not missed, "an agent that says any of these is a finding, and none when it says the truth", ", ".join(missed))
    lie["epoch"] = "99999999999"
    wait(lambda: finding(world, "agent_unverified", sink), 20)
    before = files()
    second = world.pipeline("alice", source, sink, name="by-agent-too")
    ok("cdc.adopt_agent" in world.says(second, "cdc.adopt_agent"), "nothing is sent to it", lambda: world.message(second))
    neighbour(world, 3)
    equal(files(), before, "it was handed no password")
    said = world.refused("SELECT cdc.adopt_agent('%s', '%s')" % (sink, peer.url()), "alice")
    ok(said is not None, "adopting is for superusers", said)
    world.sql("SELECT cdc.adopt_agent('%s', '%s/')" % (sink, peer.url()))
    ok(wait(lambda: fence, 20) and fence[0][1] == "99999999999" and "mark=" in fence[0][0], "adopted it is told our epoch in place of that", str(fence))
    ok(world.running(second), "and the pipeline comes up", lambda: world.message(second))
    equal(wait(lambda: world.sql("SELECT adopt_agents FROM cdc.service WHERE id = '%s'" % sink) == "{}", 20), True, "that is done, and remembered no more")


def test():
    world = World()
    source = world.register("alice", "postgresql", world.true_source())
    sink = world.register("alice", "kafka", world.sink(world.connect.url()))
    id = world.pipeline("alice", source, sink, name="marked")
    ok(world.running(id), "a pipeline runs", lambda: world.message(id))
    publication(world, id)
    connector(world, id)
    agent(world, source)
    deleted(world, source, sink)
    copies(world, id)
    world.closing_questions("marks")


main(test)
