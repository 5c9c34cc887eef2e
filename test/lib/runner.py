"""runner.py: runs commands, judges their TAP, and runs lanes of them side by side.

Owns: the processes of what is run, the counts, the story that is told again at
the end, how long each file took.  Knows no kind of test.
"""
import concurrent.futures
import os
import re
import signal
import subprocess
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILE_SECONDS = 900
SLOWEST = 10
# Lines of a failed file that are told again at the end: of its failed results, and as many of its last ones.
TOLD = 18

counts = {"passed": 0, "failed": 0, "skipped": 0}
failures = {}           # of a file: what of it is told again at the end
times = {}              # of a file: its seconds
telling = threading.RLock()

running = set()         # processes that an interrupt ends
interrupted = threading.Event()


def say(text):
    with telling:
        print(text, flush=True)


def kill_group(proc):
    try:
        os.killpg(proc.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(command, timeout=FILE_SECONDS, env=None, cwd=TOP, user=None, ending=False):
    """
    The command's exit code and output; a run over its time is ended, with its children.  After an interrupt nothing
    is started any more but what puts an end to something (ending).
    """
    if user:
        keep = ["%s=%s" % item for item in (env or {}).items()]
        command = ["runuser", "-u", user, "--", "env"] + keep + list(command)
    whole = dict(os.environ)
    whole.update(env or {})
    if interrupted.is_set() and not ending:
        return 130, "# not run: interrupted"
    proc = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            cwd=cwd, env=whole, start_new_session=True)
    if not ending:
        running.add(proc)
        if interrupted.is_set():
            kill_group(proc)
    try:
        out, _ = proc.communicate(timeout=timeout)
        return proc.returncode, out.decode(errors="replace")
    except subprocess.TimeoutExpired:
        kill_group(proc)
        out, _ = proc.communicate()
        return 124, out.decode(errors="replace") + "\n# ended after %d s" % timeout
    finally:
        running.discard(proc)


def timed(command, **how):
    start = time.monotonic()
    code, out = run(command, **how)
    return code, out, time.monotonic() - start


def short(lines, badly=True):
    """Every failed result with the two lines of its story that follow it, and the last lines of what ended badly: a log is often seen from its end only."""
    # Test::More tells the result's name once more
    lines = [line for line in lines if not re.match(r"#\s+(Failed test '|at \S+ line \d+\.$)", line)]
    found = []
    for n in [n for n, line in enumerate(lines) if re.match(r"not ok\b", line)]:
        found += [n] + [at for at in (n + 1, n + 2) if all(line.startswith("#") for line in lines[n + 1:at + 1])]
    found = found[:TOLD]
    found += range(max(0, len(lines) - TOLD), len(lines)) if badly else []
    return [lines[n][:300] for n in sorted(set(found)) if n < len(lines) and lines[n].strip()]


def judge(name, code, out, seconds):
    """Counts one file's TAP."""
    passed = failed = skipped = 0
    planned = None
    for line in out.splitlines():
        match = re.match(r"(not )?ok\b(.*)", line)
        if match:
            if re.search(r"#\s*(SKIP|TODO)\b", match.group(2), re.I):
                skipped += 1
            elif match.group(1):
                failed += 1
            else:
                passed += 1
        match = re.match(r"1\.\.(\d+)\s*(#\s*SKIP)?", line, re.I)
        if match:
            planned = int(match.group(1))
            if match.group(2):
                skipped += 1
    complete = planned is not None and passed + failed + skipped >= planned
    badly = (code != 0 and failed == 0) or not complete
    if badly:
        failed += 1
        out += "\n# exit code %d, %s results of %s planned" % (code, passed + failed - 1 + skipped, planned)
    with telling:
        counts["passed"] += passed
        counts["failed"] += failed
        counts["skipped"] += skipped
        times[name] = seconds
        say("  %-44s %4d passed%s%s  %.1f s" % (name, passed, ", %d FAILED" % failed if failed else "",
                                              ", %d skipped" % skipped if skipped else "", seconds))
        if failed:
            interesting = [line for line in out.splitlines() if not re.match(r"\s*ok\b", line)]
            say("\n".join("    | " + line for line in interesting[-80:]))
            failures[name] = short(interesting, badly)


def one(name, command, **how):
    judge(name, *timed(command, **how))


def simple(name, code, out, seconds):
    """A step that has no TAP of its own."""
    judge(name, 0, ("ok 1" if code == 0 else "\n".join(out.splitlines()[-60:]) + "\nnot ok 1") + "\n1..1", seconds)
    if code != 0:
        failures[name] = short(out.splitlines())
    return code == 0


def other_run(name, code, out, path):
    """Counts what another run of this runner has said; path: how its files are called here."""
    match = re.search(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", out, re.M)
    with telling:
        for key, value in zip(counts, match.groups() if match else (0, code != 0, 0)):
            counts[key] += int(value or 0)
        if code != 0 and match and match.group(2) == "0":
            counts["failed"] += 1
        for file, seconds in re.findall(r"^  (test/\S+) .* ([\d.]+) s$", out, re.M):
            times.setdefault(path % file, float(seconds))
        if code != 0:
            failures[name] = [line for line in out.splitlines() if line.startswith(("failed: ", "  | "))] or short(out.splitlines())


def side_by_side(lanes, width):
    """Runs functions, `width` of them at once, in their order; each tells by judge() how it went, and one that breaks has failed."""
    def lane(function):
        try:
            if not interrupted.is_set():
                function()
        except Exception:
            judge("a lane of tests", 1, traceback.format_exc(), 0)

    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        try:
            for future in [pool.submit(lane, function) for function in lanes]:
                future.result()
        except KeyboardInterrupt:
            interrupted.set()
            for proc in list(running):
                kill_group(proc)
            raise


def summary():
    """The slowest files, what has failed, and the last line; the exit code."""
    if len(times) > SLOWEST:
        say("the slowest")
        for name, seconds in sorted(times.items(), key=lambda item: -item[1])[:SLOWEST]:
            say("  %-44s %6.1f s" % (name, seconds))
    for name, told in failures.items():
        say("failed: " + name)
        say("\n".join("  | " + line for line in told))
    line = "%d passed, %d failed" % (counts["passed"], counts["failed"])
    if counts["skipped"]:
        line += ", %d skipped" % counts["skipped"]
    say(line)
    return 1 if counts["failed"] or not counts["passed"] else 0
