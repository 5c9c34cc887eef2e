#!/usr/bin/env python3
"""docs/rest-api.md: its examples, one after the other in one shell, as they stand
there; only the address, the password and what the reader fills in are others."""
from lib import *

PAGE = open(os.path.join(TOP, "docs/rest-api.md")).read()


def blocks(language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, PAGE, re.S | re.M)


def test():
    cluster = Cluster()
    cluster.sql("CREATE ROLE gw LOGIN PASSWORD '%s'; SELECT cdc.grant_gateway('gw')" % PASSWORDS["gw"])
    gateway = Gateway(cluster.dsn("gw"))
    sql = blocks("sql")
    for n, block in enumerate(sql):
        try:
            cluster.sql(block.replace("'...'", "'secret'"))
            fault = ""
        except RuntimeError as error:
            fault = str(error)
        equal(fault, "", "SQL %d of %d runs" % (n + 1, len(sql)))
    shell = "set -o pipefail\ncurl() { command curl -sS -w '%{stderr}%{http_code} %{method} %{url}\\n' \"$@\"; }\n" + "\n".join(blocks("sh"))
    for old, new in (("http://127.0.0.1:8080", "http://127.0.0.1:%d" % gateway.port), ("PASS=...", "PASS=secret")):
        ok(old in shell, "the page has %s" % old)
        shell = shell.replace(old, new)
    done = subprocess.run(["bash", "-c", shell], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    calls = re.findall(r"^(\d{3}) (\w+) http://[^/]+(\S*)$", done.stderr, re.M)
    equal(len(calls), sum(len(re.findall(r"\bcurl -", block)) for block in blocks("sh")), "each curl line was run")
    bad = [call for call in calls if call[0][0] != "2"]
    # no provider is set up here: the one service that would be made is refused, as the page says
    equal(bad, [("422", "POST", "/managed-services")], "and did what the page says") or diag(done.stdout + done.stderr)
    made = [call[2].rpartition("/")[2] for call in calls if call[1] == "POST" and call[0] == "202"]
    equal(made, ["pipelines", "pause"], "a pipeline was made, and paused")
    equal(cluster.sql("SELECT count(*) FROM cdc.pipeline_spec WHERE name = 'orders-cdc' AND desired_state <> 'present'"), "1", "and deleted")


main(test)
