#!/usr/bin/env python3
"""
039_hosts.t: the agent that makes services says what it keeps of our epoch.  What cannot be verified stops what is sent to
that agent, and nothing else; a superuser's word ends it; an authentic higher epoch stops this worker, which take_over()
heals; an agent of 0.1, which says nothing of epochs, works.
"""
import json
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

LIES = ("9e18", "9000000000000000000", "-5", '"text"', "1e400", "999999999999999999", "99999999999", '[1]', '""')


class Host(HttpPeer):
    """An agent in provisioning mode that makes nothing: it remembers what it was sent, and keeps the epoch that it is to."""

    def __init__(self):
        self.epoch, self.mark, self.silent, self.refuses = "0", None, False, False
        self.orders, self.changes, self.sent, self.fences = {}, [], [], []
        super().__init__(answer=self.reply)

    def fence(self):
        return "" if self.silent else ', "epoch": %s%s' % (self.epoch, ', "mark": "%s"' % self.mark if self.mark else "")

    def reply(self, request):
        path, _, query = request.path.partition("?")
        word = dict(re.findall(r"(\w+)=([^&]+)", query))
        if path == "/v1/fence":
            self.fences.append(json.loads(request.body)["from"])
            self.epoch, self.mark = word["epoch"], word["mark"]
            return 200, {"epoch": int(self.epoch)}
        id = path.rsplit("/", 1)[1]
        if request.method != "GET":
            self.changes.append((request.method, id))
            self.sent.append((word.get("epoch"), word.get("mark")))
            if self.refuses:
                return http(412, ('{"error": "a control plane with a higher epoch acts here"%s}' % self.fence()).encode())
        if request.method == "PUT":
            self.orders[id] = "postgresql"
        if request.method == "DELETE":
            self.orders.pop(id, None)
        if id not in self.orders:
            return http(404, ('{"error": "there is no such service"%s}' % self.fence()).encode())
        return http(200, ('{"service": {"type": "postgresql", "state": "provisioning", "message": null}%s}' % self.fence()).encode())


def finding(world, id):
    return world.sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'agent_unverified' AND service_id = %s" % literal(id)) == "1"


def order(world, name):
    status, body = world.sql("SELECT status || ' ' || body FROM cdc.rest('POST', '/managed-services', %s)" % literal(json.dumps(
        {"name": name, "database_type": "postgresql", "version": "17", "plan_name": "tier-2", "zone": "se-sto1"})), "alice").split(" ", 1)
    id = json.loads(body).get("id") or json.loads(body).get("service", {}).get("id")
    ok(status == "201" and id, "a service is asked for", body)
    return id


def lies(world, host):
    """Whatever it says, orders wait; and the one that says the truth again gets them."""
    first = order(world, "first")
    ok(wait(lambda: ("PUT", first) in host.changes, 20), "an agent that keeps no epoch gets the order")
    ok(host.sent[-1][0] and host.sent[-1][1], "with our epoch and its mark", str(host.sent))
    missed = []
    for epoch in LIES:
        host.epoch = epoch
        if not wait(lambda: finding(world, first), 20) or not world.passes_round(world.bystander):
            missed.append(epoch)
        host.epoch = "0"
        if not wait(lambda: not finding(world, first), 20):
            missed.append(epoch + ", and back")
    ok(not missed, "an agent that says any of these is a finding, and none when it says the truth", ", ".join(missed))
    host.epoch = "99999999999"
    ok(wait(lambda: finding(world, first), 20), "a high epoch is a finding")
    had = len(host.changes)
    second = order(world, "second")
    ok("cdc.adopt_agent" in world.service_says(second, "cdc.adopt_agent"), "an order waits, and says for what", lambda: world.service_message(second))
    world.sql("SELECT cdc.rest('DELETE', '/managed-services/%s')" % first, "alice")
    ok(wait(lambda: "cdc.adopt_agent" in world.service_message(first), 20), "so does taking one away")
    rounds = world.rounds()
    wait(lambda: world.rounds() > rounds + 3, 20)
    equal(len(host.changes), had, "nothing is sent to it")
    third = world.pipeline("bob", world.bystander_source, world.bystander_sink, name="beside")
    ok(world.running(third), "another organization's pipeline comes up meanwhile", lambda: world.message(third))
    equal(world.sql("SELECT state FROM cdc.worker_state()"), "running", "the worker acts")
    return first, second


def adopted(world, host, first, second):
    said = world.refused("SELECT cdc.adopt_agent('%s', '%s')" % (second, host.url()), "alice")
    ok(said is not None and ("permission denied" in said or "superuser" in said), "adopting is for superusers", said)
    said = world.refused("SELECT cdc.adopt_agent('%s', '%s')" % (world.bystander_source, host.url()))
    ok(said is not None and "no such agent" in said, "and of a service that this agent makes", said)
    world.sql("SELECT cdc.adopt_agent('%s', '%s/')" % (second, host.url()))
    ok(wait(lambda: host.fences, 20) and host.fences[0] == "99999999999" and host.mark, "adopted it is told our epoch in place of that", str(host.fences))
    ok(wait(lambda: ("PUT", second) in host.changes and ("DELETE", first) in host.changes, 20), "then it gets the order, and takes the other one away", str(host.changes))
    ok(wait(lambda: not finding(world, second) and not finding(world, first), 20), "without a finding, for all that it makes")
    ok(wait(lambda: world.sql("SELECT adopt_agents FROM cdc.service WHERE id = '%s'" % second) == "{}", 20), "that is done, and remembered no more")


def refuses(world, host):
    """One that says so only when it refuses a change."""
    id = order(world, "refused")
    ok(wait(lambda: ("PUT", id) in host.changes, 20), "a service is ordered")
    kept = host.epoch, host.mark
    host.epoch, host.mark, host.refuses = "99999999998", None, True
    world.sql("SELECT cdc.rest('DELETE', '/managed-services/%s')" % id, "alice")
    ok(wait(lambda: finding(world, id), 20), "a 412 with an epoch that is not ours is the same finding", lambda: world.service_message(id))
    equal(world.sql("SELECT state FROM cdc.worker_state()"), "running", "and stops nobody")
    (host.epoch, host.mark), host.refuses = kept, False
    ok(wait(lambda: ("DELETE", id) in host.changes, 20), "and over when it says the truth")


def old(world, host):
    """0.1 says nothing of epochs, and refuses by itself."""
    host.silent = True
    id = order(world, "of-an-old-agent")
    ok(wait(lambda: ("PUT", id) in host.changes, 20), "an agent of 0.1 gets orders", lambda: world.service_message(id))
    host.refuses = True
    had = len(host.changes)
    world.sql("SELECT cdc.rest('DELETE', '/managed-services/%s')" % id, "alice")
    ok("HTTP 412: a control plane with a higher epoch acts here" in world.service_says(id, "HTTP 412"), "what it refuses is told in its words", lambda: world.service_message(id))
    ok(wait(lambda: len(host.changes) > had + 2, 30), "and asked again", str(host.changes[had:]))
    ok(world.passes_round(world.bystander) and not finding(world, id), "it stops nobody")
    host.refuses = False
    ok(wait(lambda: world.sql("SELECT count(*) FROM cdc.service WHERE id = '%s' AND deleted_at IS NULL" % id) == "0", 30), "until it takes it away")
    host.silent = False


def authentic(world, host):
    """Somebody with our key has taken over: what he left there stops this worker."""
    base = world.sql("SELECT epoch_base FROM cdc.control_plane")
    world.sql("SELECT cdc.take_over()")
    had = len(host.sent)
    id = order(world, "higher")
    ok(wait(lambda: len(host.sent) > had and ("PUT", id) in host.changes, 20), "a service is ordered by a higher epoch")
    epoch, mark = host.sent[-1]
    host.epoch = "0"
    host.mark = None
    world.sql("UPDATE cdc.control_plane SET epoch_base = %s" % base)
    ok(wait(lambda: int(world.sql("SELECT epoch FROM cdc.control_plane")) < int(epoch), 20), "a copy of before acts")
    host.epoch, host.mark = epoch, "0123456789abcdef." + mark.split(".")[1]
    ok(wait(lambda: finding(world, id), 20), "with another tie it is not authentic", lambda: world.service_message(id))
    equal(world.sql("SELECT state FROM cdc.worker_state()"), "running", "and stops nobody")
    host.epoch, host.mark = epoch, mark
    state = lambda: world.sql("SELECT state FROM cdc.worker_state()")
    ok(wait(lambda: "another control plane with epoch %s" % epoch in state(), 30), "an authentic higher one stops this worker", state)
    world.sql("SELECT cdc.take_over()")
    ok(wait(lambda: state() == "running", 30), "cdc.take_over() heals", state)
    had = len(host.changes)
    world.sql("SELECT cdc.rest('DELETE', '/managed-services/%s')" % id, "alice")
    ok(wait(lambda: ("DELETE", id) in host.changes[had:], 20), "and it sends changes again", lambda: world.service_message(id))
    ok(int(host.sent[-1][0]) > int(epoch), "with a higher one")


def make_world(**more):
    host = Host()
    world = World("cdc_pipeline.provision_url = '%s'\ncdc_pipeline.health_interval = '500ms'\n" % host.url(), **more)
    world.liar(host)
    token = os.path.join(world.meta.data, "provision.token")
    with open(token, "w") as out:
        out.write(world.plant("token-of-the-hosts-agent-4e", host) + "\n")
    os.chmod(token, 0o600)
    shutil.chown(token, "postgres")
    world.sql("ALTER SYSTEM SET cdc_pipeline.provision_token_file = '%s'" % token)
    world.sql("SELECT pg_reload_conf()")
    return world, host


def test():
    world, host = make_world()
    first, second = lies(world, host)
    adopted(world, host, first, second)
    refuses(world, host)
    old(world, host)
    world.closing_questions("an agent that makes services")
    # without pipelines, whose marks would stop it as well
    authentic(*make_world(bystander=False))


main(test)
