#!/usr/bin/env python3
"""Labs of two clones come up at the same time on one machine, neither told of ports; each is its own, and goes without the other."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import equal, ok, run

LABS = ("one", "other")
place = tempfile.mkdtemp(prefix="cdc_two_labs.", dir="/var/tmp")


def lab(name, script, *arguments):
    variables = {key: value for key, value in os.environ.items() if not key.startswith("LAB_") or key == "LAB_CACHE"}
    # what make demo begins with
    variables.update(LAB_DIR=os.path.join(place, name), LAB_REGISTERED="no")
    return subprocess.Popen([os.path.join(TOP, "test/lab", script), *arguments], env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(process):
    out = process.communicate(timeout=240)[0]
    return process.returncode, out


def env(name):
    with open(os.path.join(place, name, "env")) as file:
        return dict(re.findall(r"^(\w+)='?(.*?)'?$", file.read(), re.M))


def system(name):
    """Which server the lab's address leads to."""
    return subprocess.run(["psql", "-XqAt", env(name)["CDC_META_DSN"], "-c", "SELECT system_identifier FROM pg_control_system()"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.strip()


def test():
    os.chmod(place, 0o755)
    for name, (code, out) in zip(LABS, [said(process) for process in [lab(name, "up") for name in LABS]]):
        ok(code == 0, "the lab %s comes up" % name, out)
    equal(len({env(name)["LAB_PORT_BASE"] for name in LABS}), 2, "each has ports of its own")
    systems = [system(name) for name in LABS]
    ok(all(id_.isdigit() for id_ in systems) and systems[0] != systems[1], "and a server of its own behind them", systems)
    equal(said(lab(LABS[0], "down", "--purge"))[0], 0, "one goes")
    equal(system(LABS[1]), systems[1], "the other stays")


def take_away():
    for name in LABS:
        said(lab(name, "down", "--purge"))
    shutil.rmtree(place, ignore_errors=True)


run(test, take_away)
