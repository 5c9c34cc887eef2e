#!/usr/bin/env python3
"""060_turns.t: turns that fail, again and again, leave nothing behind; the metric of the loop's longest step."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

TURNS = 300


def heap(world):
    """Bytes of the worker's own memory, in kB."""
    return int(re.search(r"RssAnon:\s*(\d+)", open("/proc/%d/status" % world.worker_pid()).read()).group(1))


def failed(world):
    return world.meta.log().count("a turn on the metadata failed")


def fail_turns(world, n):
    """So many transactions of turns fail, at their commits, written together or apart, since each round writes of a source that its pipelines were looked at: whoever reloads has the worker try again at once."""
    from_now = failed(world)
    world.sql("CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';"
              "CREATE CONSTRAINT TRIGGER zz_no AFTER INSERT OR UPDATE ON cdc.service DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.no()")
    pid = int(open(os.path.join(world.meta.data, "postmaster.pid")).readline())

    def enough():
        subprocess.run(["kill", "-HUP", str(pid)], check=True)
        return failed(world) >= from_now + n
    told = wait(enough, 90, 0.01)
    world.sql("DROP TRIGGER zz_no ON cdc.service; DROP FUNCTION public.no()")
    return told


def test():
    world = World("log_min_messages = log\n")
    others = [world.pipeline("bob", world.bystander_source, world.bystander_sink, name="p%d" % n, topic_prefix="p%d" % n) for n in range(8)]
    ok(all([world.running(id) for id in others]), "pipelines run")
    ok(fail_turns(world, 50), "turns fail")
    ok(world.passes_round(world.bystander), "and succeed again")
    before = heap(world)
    ok(fail_turns(world, TURNS), "many turns fail")
    ok(world.passes_round(world.bystander), "and succeed again")
    after = heap(world)
    ok(after - before < 1500, "%d failed turns leave nothing: %d kB before, %d kB after" % (TURNS, before, after))
    world.closing_questions("failed turns")
    ok(re.search(r"^cdc_reconcile_longest_step_seconds 0\.[0-9]*[1-9]", world.sql("SELECT cdc.metrics()"), re.M), "the loop's longest step is a metric")


main(test)
