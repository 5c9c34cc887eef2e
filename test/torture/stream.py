"""stream.py: reads a topic with one partition from its beginning, beside the test.

Owns one process, test/lab/consume.  Makes events of judge.py out of Debezium's.
"""
import atexit
import hashlib
import json
import os
import signal
import subprocess
import threading
import time

import lib
from judge import UNAVAILABLE, Event


def to_event(value):
    after, source = value.get("after"), value["source"]
    row = after or value["before"]
    payload = after and after["payload"]
    if payload is not None and payload != UNAVAILABLE:
        payload = hashlib.md5(payload.encode()).hexdigest()
    committed = json.loads(source["sequence"])[0] if source.get("sequence") else None
    return Event(value["op"], row["k"], after and after["seq"], after and after["txn"], payload, source["lsn"], source["txId"], int(committed or 0), value["ts_ms"])


class Stream(threading.Thread):
    def __init__(self, topic):
        super().__init__(daemon=True)
        self.events, self.came = [], {}     # came: transaction -> monotonic time of its first event
        self.process = subprocess.Popen([os.path.join(lib.LAB, "consume"), topic, "0", "36000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        atexit.register(self.close)
        self.start()

    def run(self):
        for line in self.process.stdout:
            now = time.monotonic()
            event = to_event(json.loads(line))
            if event.txn is not None:
                self.came.setdefault(event.txn, now)
            self.events.append(event)

    def wait_for(self, number, seconds=60):
        return lib.wait(lambda: number in self.came or self.process.poll() is not None, seconds) and number in self.came

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
