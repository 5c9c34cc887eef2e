#!/usr/bin/env python3
"""Labs of one machine get ports of their own: each others' and strangers' are passed by, those of a lab that is gone are free again."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from tap import equal, like, ok, run

PORTS = os.path.join(TOP, "test/lab/ports")
LABS = 8


def start(place, name):
    variables = {key: value for key, value in os.environ.items() if not key.startswith("LAB_")}
    variables.update(LAB_DIR=os.path.join(place, name), LAB_PORTS=os.path.join(place, "given"))
    return subprocess.Popen([PORTS], env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(process):
    out = process.communicate(timeout=120)[0]
    return process.returncode, out


def base(place, name):
    with open(os.path.join(place, name, "port-base")) as file:
        return int(file.read())


def stranger(place):
    """Somebody who listens where the next lab would be."""
    said(start(place, "scout"))
    first = base(place, "scout")
    shutil.rmtree(os.path.join(place, "scout"))
    with socket.create_server(("127.0.0.1", first + 42)):
        equal(said(start(place, "beside")), (0, ""), "a lab finds ports beside somebody who listens")
        ok(base(place, "beside") != first, "and not his")
    return first


def test():
    place = tempfile.mkdtemp(prefix="cdc_lab_ports.")
    try:
        names = ["lab%d" % n for n in range(LABS)]
        equal([said(process) for process in [start(place, name) for name in names]], [(0, "")] * LABS, "labs that come up at once get ports")
        got = {name: base(place, name) for name in names}
        equal(len(set(got.values())), LABS, "each its own")
        low, high = map(int, open("/proc/sys/net/ipv4/ip_local_port_range").read().split())
        equal([port for port in got.values() if port + 99 >= low and port <= high], [], "none of those that the kernel gives to whoever asks for any")
        equal((said(start(place, names[3])), base(place, names[3])), ((0, ""), got[names[3]]), "a lab keeps its own")
        free = stranger(place)
        shutil.rmtree(os.path.join(place, names[5]))
        said(start(place, "another"))
        ok(base(place, "another") in (got[names[5]], free), "what a lab had that is gone is given again")
        # 15400, and 20 from 18000 on: some may be strangers'
        answers = [said(start(place, "more%d" % n)) for n in range(21)]
        like("".join(out for _, out in answers), "no hundred ports are free for this lab; who has which stands in " + os.path.join(place, "given"), "where none are left, that is said")
    finally:
        shutil.rmtree(place)


run(test)
