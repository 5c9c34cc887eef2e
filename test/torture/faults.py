"""faults.py: what else may die while the source fails over.

Each fault is a class: prepare() before the failover, strike() beside it, from
the moment at which the primary is killed, mend() when the pipeline has
recovered.  Everything here is a SIGKILL of the real thing; nothing is told to
the worker.
"""
import os
import random
import signal
import time

import lib


class Fault:
    arguments = ()      # of test/lab/failover

    def prepare(self):
        pass

    def strike(self):
        pass

    def mend(self):
        pass


class Worker(Fault):
    """kill -9 of the background worker, again and again: each takes the whole
    metadata server through crash recovery."""
    KILLS = 5

    def strike(self):
        killed = None
        for _ in range(self.KILLS):
            time.sleep(random.uniform(0.05, 0.5))
            pid = lib.wait(lambda: lib.worker_pid() not in (None, killed) and lib.worker_pid(), 30)
            os.kill(pid, signal.SIGKILL)
            killed = pid


class Connect(Fault):
    """Every Connect worker dies and comes back: what it had not stored of its
    offsets is lost."""

    def strike(self):
        time.sleep(random.uniform(0, 1))
        count = int(lib.env["LAB_CONNECT_WORKERS"])
        for n in range(count):
            lib.connect_worker("kill", n + 1)
        for n in range(count):
            lib.connect_worker("start", n + 1)


class Kafka(Fault):
    """The broker dies and comes back."""

    def strike(self):
        time.sleep(random.uniform(0, 1))
        lib.kill_process(os.path.join(lib.env["LAB_DIR"], "kafka.pid"))
        lib.lab("part-kafka", timeout=300)


class Meta(Fault):
    """The metadata database fails over too, and loses its last transactions."""

    def prepare(self):
        lib.lab("meta", "standby")

    def strike(self):
        time.sleep(random.uniform(0, 1.5))
        lib.lab("meta", "failover")
        lib.meta.dsn = lib.read_env()["CDC_META_DSN"] + " connect_timeout=10"


class Cut(Fault):
    """No kill: the primary's network is gone, and it lives on."""
    arguments = ("--cut",)


BY_NAME = {"worker": Worker, "connect": Connect, "kafka": Kafka, "meta": Meta, "cut": Cut}
