#!/usr/bin/env python3
"""The runner counts what a test says, and tells at the end why one failed: its failed results, and the last words of one that ended badly."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import signal
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import *

spec = importlib.util.spec_from_loader("runner", importlib.machinery.SourceFileLoader("runner", os.path.join(TOP, "test", "run")))
runner = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)


def judged(code, out):
    """What the runner says of a file with this exit code and output: (passed, failed, skipped), and what is told at the end."""
    runner.failures.clear()
    runner.counts.update(passed=0, failed=0, skipped=0)
    with contextlib.redirect_stdout(io.StringIO()):
        runner.judge("it", code, out, 0)
    return tuple(runner.counts.values()), "\n".join(runner.failures.get("it", []))


def perl(text):
    """A test in Perl, run as the runner runs those of test/tap."""
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "it.pl")
        with open(path, "w") as out:
            out.write("use strict;\nuse warnings;\nuse PostgreSQL::Test::Utils;\nuse Test::More;\n" + text)
        env = {"PERL5LIB": runner.PGXS_TEST + "/perl", "TESTDIR": work, "TESTDATADIR": work, "TESTLOGDIR": work}
        return runner.run(runner.perl_command(TOP) + [path], env=env, cwd=work)


def test():
    many = "".join("ok %d - fine\n" % n for n in range(1, 101))
    equal(judged(0, many + "1..100\n"), ((100, 0, 0), ""), "what passes is counted")
    equal(judged(0, "ok 1\nok 2 # SKIP no\n1..2\n")[0], (1, 0, 1), "what is skipped is no success")
    counts, told = judged(1, many + "not ok 101 - this\n# because\nok 102\n1..102\n")
    equal((counts, told), ((101, 1, 0), "not ok 101 - this\n# because"), "a failed result is told with its reason")
    counts, told = judged(32, many + "the reason\n")
    ok(counts == (100, 1, 0) and "the reason\n" in told and "exit code 32, 100 results of None planned" in told, "of a test that ended badly its last lines are", told)
    counts, told = judged(1, "not ok 1 - this\n# because\n" + many + "the reason\n")
    ok(counts == (100, 2, 0) and "# because" in told and "the reason" in told, "beside what had failed before", told)
    counts, told = judged(0, many + "1..101\n")
    ok(counts == (100, 1, 0) and "100 results of 101 planned" in told, "one that says less than it planned has failed", told)
    counts, told = judged(124, many + "# ended after 900 s\n")
    ok(counts == (100, 1, 0) and "ended after 900 s" in told, "so has one that was ended", told)
    with contextlib.redirect_stdout(io.StringIO()):
        runner.simple("a step", 1, "error: no such thing", 0)
    ok("error: no such thing" in runner.failures["a step"], "of a step that failed its last lines are told", runner.failures)

    with contextlib.redirect_stdout(io.StringIO()) as said:
        runner.times.clear()
        runner.times.update({"test/%d" % n: n for n in range(12)})
        runner.summary()
    equal([line.split()[0] for line in said.getvalue().splitlines() if line.startswith("  test/")], ["test/%d" % n for n in range(11, 1, -1)], "the ten slowest are told, before the last line")
    like(said.getvalue().splitlines()[-1], " passed, ", "which has the counts")
    runner.counts.update(passed=0, failed=0, skipped=0)
    runner.other_run("meta", 0, "build\n  test/tap/a.pl     2 passed  7.5 s\n2 passed, 0 failed, 1 skipped\n", "meta: %s")
    equal((tuple(runner.counts.values()), runner.times["meta: test/tap/a.pl"]), ((2, 0, 1), 7.5), "a run within counts, and its files' times")
    runner.other_run("meta", 1, "Traceback\n", "meta: %s")
    equal((runner.counts["failed"], runner.failures["meta"]), (1, ["Traceback"]), "one that breaks has failed")

    done, both = [], threading.Barrier(2)
    def lane(n):
        both.wait(30)
        done.append(n)
    runner.side_by_side([lambda n=n: lane(n) for n in range(4)], 2)
    equal(sorted(done), [0, 1, 2, 3], "lanes run beside each other")
    runner.counts.update(passed=0, failed=0, skipped=0)
    with contextlib.redirect_stdout(io.StringIO()):
        runner.side_by_side([lambda: 1 / 0, lambda: done.append(4)], 2)
    ok(4 in done and runner.counts["failed"] == 1 and "ZeroDivisionError" in "".join(runner.failures["a lane of tests"]), "one that breaks has failed, and the others go on")

    # who is started in the background has it ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt():
        wait(lambda: runner.running)
        os.kill(os.getpid(), signal.SIGINT)
    try:
        runner.side_by_side([lambda: runner.run(["sleep", "60"]), interrupt] + 2 * [lambda: done.append(5)], 2)
        ok(False, "an interrupt is told")
    except KeyboardInterrupt:
        ok(True, "an interrupt ends what runs")
    equal(runner.run(["true"]), (130, "# not run: interrupted"), "nothing is started any more")
    equal(runner.run(["true"], ending=True)[0], 0, "but what ends something")
    runner.interrupted.clear()

    counts, told = judged(*perl("ok(1, 'before');\nsub fails { die 'lost' }\nsub calls { fails() }\ncalls();\n"))
    ok(counts == (1, 1, 0) and "died: lost" in told and "line 6, called at 7, called at 8" in told, "a test in Perl that dies says of what, and where", told)
    counts, told = judged(*perl("is('this', 'that', 'it is');\ndone_testing();\n"))
    ok(counts == (0, 1, 0) and "got: 'this'" in told and "expected: 'that'" in told, "and of a result that failed what it got", told)
    equal(judged(*perl("eval { die 'lost' };\nok(1, 'after');\ndone_testing();\n")), ((1, 0, 0), ""), "what an eval takes is nothing to tell")


run(test)
