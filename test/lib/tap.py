"""tap.py: results of a test as TAP, and waiting for a condition with a deadline.

What the lib.py of each folder of Python tests has in common.  Knows nothing of
what is tested.
"""
import random
import socket
import sys
import time
import traceback

count = 0
failed = 0


def diag(text):
    for line in str(text).rstrip("\n").split("\n"):
        print("# " + line, flush=True)


def ok(condition, name, why=None):
    """One result; why (text or a function) is shown when it failed."""
    global count, failed
    count += 1
    failed += not condition
    print("%sok %d - %s" % ("" if condition else "not ", count, name.replace("#", "\\#")), flush=True)
    if not condition and why is not None:
        diag(why() if callable(why) else why)
    return bool(condition)


def equal(got, wanted, name):
    return ok(got == wanted, name, "got    %r\nwanted %r" % (got, wanted))


def like(got, part, name):
    return ok(part in (got or ""), name, "got    %r\nwanted it to say %r" % (got, part))


def skip(name, why):
    global count
    count += 1
    print("ok %d - %s # SKIP %s" % (count, name, why), flush=True)


def skip_all(why):
    """The test says nothing here; ends the process."""
    print("1..0 # SKIP " + why, flush=True)
    sys.exit(0)


def run(test, *endings):
    """Runs a test and exits; then, also when it ends badly, the endings, which end badly by an exception."""
    for part in (test,) + endings:
        try:
            part()
        except BaseException as error:
            where = ["line %d" % frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == sys.argv[0]]
            ok(False, "it runs to its end: " + " ".join(("%s: %s" % (type(error).__name__, error)).split()), ", ".join(where) + "\n" + traceback.format_exc())
    print("1..%d" % count, flush=True)
    sys.exit(1 if failed else 0)


def wait(condition, seconds=30, pause=0.02):
    """The condition's value as soon as it is true, else its last (false) one."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(pause)


reserved = []


def free_port():
    """A port that is this test's until it ends: none of those that the kernel gives to whoever asks for any, and a name keeps it from the tests beside this one."""
    while True:
        port, name = random.randrange(20000, 32000), socket.socket(socket.AF_UNIX)
        try:
            name.bind("\0cdc_test_port_%d" % port)
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        reserved.append(name)
        return port
