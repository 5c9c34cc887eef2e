#!/usr/bin/env python3
"""The lab's servers start where one was killed before, and say what is in their way."""
import os
import shutil
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "test", "lib"))
from cluster import PG_BIN
from tap import equal, free_port, like, ok, run

BIN = PG_BIN


def lab(work, command):
    """(exit code, what it says) of a command of common.sh."""
    done = subprocess.run(["bash", "-c", '. "%s/test/lab/common.sh"; DATA=%s; %s' % (TOP, work, command)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=dict(os.environ, LAB_DIR=work))
    return done.returncode, done.stderr


def test():
    port = free_port()
    work = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_lab_start.XXXXXX"], text=True).strip()
    data = os.path.join(work, "data")
    start = "server_start source 'node x' %s %s %s.log %d" % (BIN, data, data, port)
    other = subprocess.Popen(["runuser", "-u", "postgres", "--", "sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        shutil.chown(work, "postgres")
        subprocess.run(["runuser", "-u", "postgres", "--", BIN + "/initdb", "-D", data, "-N", "--no-instructions"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        with open(data + "/postgresql.conf", "a") as conf:
            conf.write("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n" % (port, work))
        # as a server leaves it that was killed, whose pid is another's by now
        child = subprocess.check_output(["pgrep", "-P", str(other.pid)], text=True).split()[0]
        with open("%s/.s.PGSQL.%d.lock" % (work, port), "w") as lock:
            lock.write("%s\n%s\n1\n%d\n%s\n\n" % (child, data, port, work))
        shutil.chown(lock.name, "postgres")
        equal(lab(work, start), (0, ""), "a server starts whose former one left the lock of its socket")
        subprocess.run(["runuser", "-u", "postgres", "--", BIN + "/pg_ctl", "-D", data, "-m", "immediate", "-w", "-s", "stop"], check=True, cwd="/")
        with socket.create_server(("127.0.0.1", port)):
            code, said = lab(work, start)
            ok(code != 0, "it does not where somebody has its port")
            like(said, "port %d is held by pid %d:" % (port, os.getpid()), "and who has it is told")
        with open(data + "/postgresql.conf", "a") as conf:
            conf.write("no_such_setting = 1\n")
        code, said = lab(work, start)
        like(said, "no_such_setting", "what it said itself is told")
        equal(said.count("\n"), 1, "in one line")
    finally:
        other.terminate()
        other.wait()
        if os.path.exists(data + "/postmaster.pid"):
            subprocess.run(["runuser", "-u", "postgres", "--", BIN + "/pg_ctl", "-D", data, "-m", "immediate", "-w", "-s", "stop"], check=False, cwd="/")
        shutil.rmtree(work, ignore_errors=True)


run(test)
