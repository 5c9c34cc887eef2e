#!/usr/bin/env python3
"""schemathesis: whatever docs/openapi.yaml lets a client send, and what it does not,
against the real gateway, with a live reconciler behind it.

Every check of schemathesis, as test/http/schemathesis.toml says.  How many cases
of each kind an operation gets: $SCHEMATHESIS_EXAMPLES (10, the same ones in every run).
"""
import collections
from lib import *

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES")
SOURCE = '{"nodes":[{"address":"127.0.0.1","port":1}],"admin_user":"postgres","admin_password":"none"}'
SINK = '{"bootstrap":"127.0.0.1:1","connect_urls":["http://127.0.0.1:1"],"connect_cidrs":["127.0.0.1/32"],"addons":["kafka-connect"],"plaintext_connector_password":true,"users":[{"username":"app_user","password":"none"}]}'


def fill(cluster, org, directory):
    """Services and pipelines, and the files with their ids."""
    register = "SELECT cdc.register_service('%s-' || g, '%s', 'se-sto1', '%s', NULL, '" + org + "') FROM generate_series(1, 30) g"
    ids = {"organizations": [org], "sources": cluster.sql(register % ("pg", "postgresql", SOURCE), user="bob").split(), "sinks": cluster.sql(register % ("kafka", "kafka", SINK), user="bob").split()}
    ids["services"] = ids["sources"] + ids["sinks"]
    # each second one has a source that is none, and is Failed at once: such a one can be restarted
    ids["pipelines"] = cluster.sql("SELECT cdc.create_pipeline('p-' || g, CASE g %% 2 WHEN 0 THEN '%s' ELSE '%s' END::uuid, '%s'::uuid, '{t}', 'shop', 'prefix-' || g, organization => '%s') FROM generate_series(1, 60) g" %
                                   (ids["sources"][0], ids["sinks"][1], ids["sinks"][0], org), user="bob").split()
    wait(lambda: cluster.sql("SELECT count(*) FROM cdc.pipeline_spec WHERE status = 'Failed'") == "30", 60)
    # who can be invited, and removed; tokens to revoke
    ids["members"] = ["m%d" % n for n in range(30)]
    cluster.sql("".join("CREATE ROLE %s; SELECT cdc.add_member('%s', '%s');" % (name, org, name) for name in ids["members"]))
    ids["tokens"] = cluster.sql("SELECT cdc.create_token('t' || g) FROM generate_series(1, 20) g", user="bob") and cluster.sql("SELECT id FROM cdc.list_tokens()", user="bob").split()
    for name, values in ids.items():
        with open(os.path.join(directory, name + ".dict"), "w") as out:
            out.write("".join('"%s"\n' % value for value in values))
    shutil.copy(os.path.join(HERE, "schemathesis.toml"), directory)


def test():
    cluster = Cluster()
    org = people(cluster)
    cluster.sql("GRANT pg_monitor TO bob; SELECT cdc.grant_monitoring('bob')")
    gateway = Gateway(cluster.dsn("gw"))
    fill(cluster, org["umbrella"], gateway.dir)
    python = subprocess.check_output(["bash", "-c", '. "$1/test/lab/common.sh" && echo "$LAB_PYTHON"', "-", TOP], text=True).strip()
    done = subprocess.run([os.path.join(python, "bin/python"), "-m", "schemathesis.cli", "--config-file", gateway.path("schemathesis.toml"), "run", os.path.join(TOP, "docs/openapi.yaml"),
                           "--url", "http://127.0.0.1:%d" % gateway.port, "--auth", "bob:" + PASSWORDS["bob"]] +
                          (["--max-examples", EXAMPLES] if EXAMPLES else ["--max-examples", "10", "--seed", "1"]),
                          cwd=gateway.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = gateway.log_lines()
    ok(done.returncode == 0, "schemathesis finds nothing in %d requests" % len(lines), done.stdout[-30000:])
    cases = re.search(r"^ *(\d+) generated", done.stdout, re.M)
    ok(cases and int(cases.group(1)) >= 500 and len(lines) >= int(cases.group(1)), "each case was a request", done.stdout[-2000:])
    slow = [line for line in lines if line["status"] >= 500 or line["status"] == 499 or line["ms"] > 60000]
    ok(not slow, "no 5xx, no hang", slow[:5])
    ok(wait(lambda: gateway.call("GET", "/health").status == 200, 30), "and all is well")
    counts = collections.Counter((line["route"], line["status"]) for line in lines)
    routes = {line["route"] for line in lines if line["route"] != "other"}
    ok(all(any(status // 100 == 2 for route, status in counts if route == wanted) for wanted in routes), "every route was also used with success", counts)
    made = cluster.sql("SELECT count(*) FROM cdc.pipeline_spec WHERE name !~ '^p-[0-9]+$'")
    ok(int(made) > 0, "pipelines were made", counts)
    diag("%s cases, %d requests" % (cases and cases.group(1), len(lines)))
    for (route, status), n in sorted(counts.items()):
        diag("%6d  %d  %s" % (n, status, route))


main(test)
