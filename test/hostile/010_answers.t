#!/usr/bin/env python3
"""
010_answers.t: what the worker asks a source is answered by a liar: NULLs, wrong shapes, too much of everything,
bytes that are no text.  One world; the lie changes.
"""
import itertools
import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

MB = 1024 * 1024

# The worker's questions, known by what they ask for.
WATCH, PING, HBA_READ, HBA_LOAD = "pg_get_replication_slots() AS s", "pg_is_in_recovery(), (SELECT", "encode(f, 'escape')", "pg_reload_conf()"


def is_look(sql):
    return LOOK in sql


KINDS = {"the look": is_look, "the ping": lambda sql: PING in sql, "the watch": lambda sql: WATCH in sql,
         "pg_hba.conf": lambda sql: HBA_READ in sql, "its loading": lambda sql: HBA_LOAD in sql}


def endless(part):
    while True:
        yield part


class Liar:
    """A source whose peer tells the truth until a lie is set: which question (by KINDS), what is said in place."""

    def __init__(self, world, name):
        self.world, self.which, self.lie, self.told = world, None, None, 0
        self.peer = world.liar(PgPeer(answer=self.answer, password="secret-for-liars-7f", truth=world.source))
        self.source = world.register("alice", "postgresql", world.lying_source(self.peer), name)
        self.sink = world.register("alice", "kafka", world.sink(world.connect.url()), name + "-sink")

    def answer(self, question):
        lie, which = self.lie, self.which       # the test may take it back meanwhile
        if lie is None or not which(question.sql):
            return None
        self.told += 1
        return lie(question)

    def tells(self, which, lie, times=3, seconds=60):
        """The lie is told so many times; was it?"""
        self.told, self.which, self.lie = 0, which if callable(which) else KINDS[which], lie
        return wait(lambda: self.told >= times, seconds, 0.02)

    def truth(self):
        self.lie = None

    def survived(self, pid):
        """Has the worker of this pid, who was told the lie, asked again?"""
        asked = len(self.peer.asked)
        try:
            return wait(lambda: len(self.peer.asked) > asked, 60) and self.world.worker_pid() == pid
        except RuntimeError:            # the server has ended with its worker
            return False


def shapes(world, liar, pipeline):
    """NULL where a value is expected, other columns, other rows, other types, for each question of a round."""
    null = lambda n: lambda q: rows(["c"] * n, (None,) * n)
    lies = {"NULLs": (null(1), null(2)), "five columns": (lambda q: rows("abcde", ("1", "2", "3", "4", "5")),) * 2,
            "no column": (lambda q: rows([], ()),) * 2, "no row": (lambda q: rows(["a"]), lambda q: rows(["a", "b"])),
            "many rows": (lambda q: rows(["a"], *[("t",)] * 1000), lambda q: rows(["a", "b"], *[("t", "x")] * 20000)),
            "no result": (lambda q: complete("DO"),) * 2, "an empty query": (lambda q: message("I"),) * 2,
            "another type": (lambda q: bytes_of(b"[]"), lambda q: rows(["a", "b"], ("maybe", "[1")))}
    for name, (one, two) in lies.items():
        for kind in ("the look", "the ping"):
            pid = wait(world.worker_pid)
            told = liar.tells(kind, one if kind == "the look" else two, times=1)
            liar.truth()
            ok(told and liar.survived(pid), "%s to %s: the worker is told, and lives" % (name, kind), "told %s times" % liar.told)
    ok(world.running(pipeline), "after wrong shapes of looks and pings the truth is believed again", lambda: world.message(pipeline))


def while_built(world, liar):
    """The questions that come while something is built: the watch of a slot, pg_hba.conf and its loading, the end of a role."""
    for kind, columns_ in (("pg_hba.conf", 4), ("its loading", 2), ("the watch", 2)):
        liar.which, liar.told = KINDS[kind], 0
        liar.lie = lambda q, n=columns_: rows(["c"] * n, (None,) * n)
        made = world.pipeline("alice", liar.source, liar.sink, name="built-" + kind.replace(" ", "-").replace(".", "-"))
        told = wait(lambda: liar.told > 0, 40)
        liar.truth()
        ok((told or kind == "the watch") and world.running(made), "NULLs to %s: it is built when they end" % kind, lambda: "%s told, %s" % (liar.told, world.message(made)))
    gone = world.pipeline("alice", liar.source, liar.sink, name="gone")
    world.running(gone)
    liar.which, liar.told, liar.lie = (lambda sql: "cdc_source.outcome" in sql), 0, lambda q: rows(["x"], (None,))
    world.sql("SELECT cdc.delete_pipeline(%s)" % literal(gone), "alice")
    ok(wait(lambda: liar.told > 1, 20), "a NULL in place of what became of a role")
    liar.truth()
    ok(wait(lambda: world.spec(gone) is None or world.spec(gone)["status"] == "Deleted", 30, 0.1), "its pipeline is deleted when that ends", lambda: world.message(gone))


def too_much(world, liar, pipeline):
    """More than a question may bring, in each way; the worker's memory is what tells."""
    big = b"x" * (12 * MB)
    lies = {"a value of 12 MB": lambda q: bytes_of(big), "rows without end": lambda q: itertools.chain([columns("a")], endless(row("y" * 1000) * 100)),
            "notices without end": lambda q: endless(notice("n" * 1000) * 100), "notifications without end": lambda q: endless(notification("c", "p" * 1000) * 100),
            "settings without end": lambda q: endless(message("S", b"a\0" + b"b" * 1000 + b"\0") * 100),
            "an error of 12 MB": lambda q: error(big), "a message that says it has 1 GB": lambda q: Raw(b"D" + struct.pack("!I", 1 << 30) + b"\0" * 3 * MB),
            "JSON of 900 kB, nested without end": lambda q: bytes_of(b"[" * 900000),
            "JSON of 900 kB, of nothing but lists": lambda q: bytes_of(b"[" + b"[]," * 300000 + b"[]]")}
    steps = {}
    for name, lie in lies.items():
        pid = wait(world.worker_pid)
        world.forget_memory()
        before = world.memory()
        told = liar.tells("the look", lie, times=2)
        steps[name] = world.longest_step()
        ok(told and wait(lambda: world.service_message(liar.source), 30, 0.05), name + ": told, and said to be none", "told %s times" % liar.told)
        after = world.memory()
        liar.truth()
        ok(liar.survived(pid) and wait(lambda: not world.service_message(liar.source), 60) and after - before < 40, "... the worker lives, and its memory stays bounded: %d MB before, at most %d MB" % (before, after))
    ok(max(steps.values()) < 1, "no step of its loop takes long", steps)
    diag("longest steps: %s" % steps)
    ok(world.running(pipeline), "after too much of everything the truth is believed again", lambda: world.message(pipeline))


def no_text(world, liar, pipeline):
    """Bytes that are no text, in each place where a source's words are kept."""
    def honest_but(q, key, value):
        server, *told = q.values()
        j = dict(json.loads(server), **{key: "@@@"})
        return bytes_of(json.dumps(j).encode().replace(b"@@@", value), *told)
    ok(liar.tells(is_look, lambda q: error(b"Zo\xe9 \xff\xfe " + "é€😀".encode() * 400 + b"\x1b[2J")), "an error with bytes that are no text")
    ok(world.says(pipeline, "Zo?"), "it is shown with question marks")
    ok(liar.tells(is_look, lambda q: honest_but(q, "blocker", b"pid 1 (user Zo\xe9, application \\u0000 \\ud800)")), "a role's name in LATIN1")
    world.closing_questions("no text")
    liar.truth()
    world.running(pipeline)


def test():
    world = World("cdc_pipeline.source_dead_after = '1s'\n")
    liar = Liar(world, "liar")
    pipeline = world.pipeline("alice", liar.source, liar.sink, name="liars")
    ok(world.running(pipeline), "a source behind a peer that tells the truth runs", lambda: world.message(pipeline))
    shapes(world, liar, pipeline)
    while_built(world, liar)
    world.closing_questions("wrong shapes")
    too_much(world, liar, pipeline)
    world.closing_questions("too much")
    no_text(world, liar, pipeline)


main(test)
