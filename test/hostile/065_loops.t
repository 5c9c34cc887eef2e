#!/usr/bin/env python3
"""065_loops.t: alice calls in loops what a member may call: bob's peers hear nothing of it, and hers no more than her share of rounds."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

AT_ONCE = 4             # rounds of an organization, and reads of a row, without a pause; then one a second
A_ROUND = 4             # what a Connect is asked in one, at most
PAUSE = "SELECT pg_sleep(0.02)"     # so that the worker takes each by itself


class Counted:
    """Bob's source and Connect, and what they were asked until now."""

    def __init__(self, world):
        self.world = world
        self.connect = HttpPeer(truth=world.connect.port)
        self.source = world.register("bob", "postgresql", world.true_source())
        self.sink = world.register("bob", "kafka", world.sink(self.connect.url()))

    def looks(self):
        # all that the worker says to the source but the ping, which comes by the clock
        lines = self.world.source.log().splitlines()
        return len([line for line in lines if "cdc_pipeline" in line and "pg_publication" in line])

    def asked(self):
        return len(self.connect.requests), self.looks()

    def is_quiet(self):
        seen = [self.asked()]

        def same():
            seen.append(self.asked())
            return len(seen) > 20 and len(set(seen[-20:])) == 1
        return wait(same, 60, 0.1)


def taken(world):
    """The worker has taken all that was asked of it."""
    return wait(lambda: world.sql("SELECT count(*) FROM cdc.work") == "0", 60, 0.1)


def loop(world, bob, what, *statements):
    before, began = bob.asked(), time.monotonic()
    world.sql(";\n".join(statements), "alice")
    took = time.monotonic() - began
    ok(taken(world), "%s: %d calls are taken" % (what, len(statements)))
    equal(bob.asked(), before, what + ": nobody else's peer was asked anything")
    return took


def share(world, bob, peer, what, statements):
    """Calls on a service or a pipeline that its peer hears of as often as its row may be read again, and as rounds are hers."""
    def heard():
        return len(peer.requests) + peer.connections
    # what calls before these have set off is over
    seen = [heard()]
    wait(lambda: seen.append(heard()) or len(seen) > 15 and len(set(seen[-15:])) == 1, 30, 0.1)
    before = heard()
    took = loop(world, bob, what, *[one for statement in statements for one in (statement, PAUSE)])
    asked, most = heard() - before, 2 * A_ROUND * (AT_ONCE + 2 + took)
    ok(asked <= most, what + ": her own peer hears of it by her share, and not as she calls", "%d requests and connections in %.1f s, %d at most" % (asked, took, most))


def tried(call):
    return "DO $$ BEGIN PERFORM %s; EXCEPTION WHEN undefined_object OR query_canceled OR object_not_in_prerequisite_state THEN NULL; END $$" % call


def test():
    world = World("cdc_pipeline.health_interval = '1h'\n", "log_statement = all\nlog_connections = on\n", bystander=False)
    bob = Counted(world)
    ok(world.running(world.pipeline("bob", bob.source, bob.sink, name="bobs")), "bob's pipeline runs")
    hers = HttpPeer(truth=Simulator().port)
    source = world.register("alice", "postgresql", world.lying_source(hers))
    sink = world.register("alice", "kafka", world.sink(hers.url()))
    pipeline = world.pipeline("alice", source, sink, name="hers")
    ok(taken(world) and bob.is_quiet(), "nothing is asked of bob's peers")

    asked = len(hers.requests)
    took = loop(world, bob, "check_health", *["SELECT count(*) FROM cdc.check_health()"] * 200)
    asked = len(hers.requests) - asked
    ok(asked <= A_ROUND * (AT_ONCE + 2 + took), "her own Connect was asked as often as rounds are hers, and not as she calls", "%d requests in %.1f s" % (asked, took))
    ok(wait(lambda: len(hers.requests) > 0, 20), "(it is asked)")
    share(world, bob, hers, "update_service", ["SELECT cdc.update_service('%s', '{\"pipelines_by\": \"%s\"}')" % (sink, ("admin", "member")[n % 2]) for n in range(300)])
    loop(world, bob, "set_service_nodes", *["SELECT cdc.set_service_nodes('%s', '[{\"address\": \"127.0.0.1\", \"port\": %d}]')" % (source, hers.port if n % 2 else 9) for n in range(60)])
    share(world, bob, hers, "set_service_secret", ["SELECT cdc.set_service_secret('%s', 'connect_password', 'secret-for-liars-7f')" % sink] * 300)
    loop(world, bob, "set_service_secret of a source", *["SELECT cdc.set_service_secret('%s', 'admin_password', 'secret-for-liars-7f')" % source] * 60)
    loop(world, bob, "register and delete services", *["SELECT cdc.delete_service(cdc.register_service('s%d', 'kafka', 'z', '{\"connect_urls\": [\"http://127.0.0.1:%d\"], \"addons\": [\"kafka-connect\"]}'))" % (n, hers.port)
                                                       for n in range(60)])
    loop(world, bob, "create and delete pipelines", *["SELECT cdc.delete_pipeline(cdc.create_pipeline('p%d', '%s', '%s', '{t}', topic_prefix => 'p%d'))" % (n, source, sink, n) for n in range(60)])
    share(world, bob, hers, "rotate_password", ["SELECT cdc.rotate_password('%s')" % pipeline] * 300)
    share(world, bob, hers, "wait_for_pipeline", [tried("cdc.wait_for_pipeline('%s', 'Deleted', '1 ms')" % pipeline)] * 100)
    share(world, bob, hers, "acknowledge", [tried("cdc.acknowledge('%s', 'rows_missing')" % pipeline)] * 100)
    share(world, bob, hers, "create and revoke tokens", ["SELECT count(cdc.create_token('t'))", "SELECT count(cdc.revoke_token(t.id)) FROM cdc.list_tokens() t WHERE t.revoked_at IS NULL"] * 60)

    # what would be seen if it were so
    before = bob.asked()
    world.sql("SELECT count(*) FROM cdc.check_health()", "bob")
    ok(wait(lambda: bob.asked()[0] > before[0] and bob.asked()[1] > before[1], 30), "bob's own call has his peers asked")
    before = bob.asked()
    world.sql("SELECT count(*) FROM cdc.check_health()")
    ok(wait(lambda: bob.asked()[0] > before[0] and bob.asked()[1] > before[1], 30), "and so has a superuser's")


main(test)
