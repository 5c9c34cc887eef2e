#!/usr/bin/env python3
"""make demo-failover's script: a killed primary needs no action, and nothing that was acknowledged is lost."""
from lib import *


def test():
    began = time.monotonic()
    done = subprocess.run([os.path.join(TOP, "test", "demo-failover")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=580, text=True)
    diag("it took %.1f s" % (time.monotonic() - began))
    out = done.stdout
    equal(done.returncode, 0, "the demo returns 0") or diag(out[-6000:])
    counts = {words: int(number) for number, words in re.findall(r"^ +(\d+)  ([a-z].*)$", out, re.M)}
    ok(counts.get("acknowledged to the writer", 0) >= 100, "a writer wrote before and after", counts)
    equal((counts.get("of them missing on the new primary"), counts.get("of them missing in Kafka")), (0, 0), "nothing is missing on the new primary, nor in Kafka")
    ok(re.search(r"^\d\d:\d\d:\d\d\.\d\d\d\|source failed over", out, re.M), "the pipeline's events tell of it", out[-3000:])
    ok(re.search(r"the primary is (\S+) now; no row was taken for", out), "the service's primary is another one")
    equal(sorted(os.listdir(env["CDC_SERVICES"])), ["deleted.json", "fence.json"], "nothing is left")


main(test)
