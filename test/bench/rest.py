#!/usr/bin/env python3
"""Figures of the REST API, 10,000 pipelines present, each compared with something in
the same run.

  cdc.rest for the status of one pipeline against the bare SELECT of the same row:
  same role, pgbench, one connection, prepared, in turn; a member's own SELECT of the
  row from cdc.pipeline against a superuser's;
  the gateway: GET /pipelines/{id}/status over 32 keep-alive connections (wrk) against
  the same call of cdc.rest over 32 connections of pgbench, in turn; and what a million
  such requests do to its memory.

On a server of its own, where the reconciler does not act.  Prints the figures; exits
1 when one misses its bound.  Runs as root, after the extension was installed.  On a
machine that does something else beside, only the ratios mean anything.
"""
import base64
import glob
import os
import re
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../http"))
from lib import Cluster, Gateway, PASSWORDS, PG_BIN

PIPELINES = 10000
CONNECTIONS = 32
ROUNDS = 5
SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "1000000"))
TICK = os.sysconf("SC_CLK_TCK")

MAKE = """
SET client_min_messages = warning;
CREATE ROLE alice LOGIN PASSWORD '%(alice)s';
CREATE ROLE gw LOGIN PASSWORD '%(gw)s';
SELECT cdc.grant_gateway('gw');
SELECT cdc.create_organization('Bench', 'bench') AS org \\gset
SELECT cdc.add_member(:'org', 'alice', 'viewer');
INSERT INTO cdc.service (organization_id, name, database_type, zone, status) VALUES (:'org', 'pg', 'postgresql', 'z', 'running'), (:'org', 'kafka', 'kafka', 'z', 'running');
INSERT INTO cdc.pipeline_spec (id, organization_id, name, source_service_id, sink_service_id, config, database_name, tables, topic_prefix, snapshot_mode, status, connector_name)
	SELECT (lpad(to_hex(g), 8, '0') || '-0000-4000-8000-000000000000')::uuid, :'org', 'p' || g, a.id, b.id, '{"tables":["orders"]}', 'shop', '{"\\"public\\".\\"orders\\""}', 'p' || g, 'initial', 'Running', 'mdb-pipeline-x'
	FROM generate_series(1, %(pipelines)d) g, cdc.service a, cdc.service b WHERE a.name = 'pg' AND b.name = 'kafka';
INSERT INTO cdc.pipeline_observed (pipeline_id, connector_state, task_states, source_lag_bytes, last_health_check_at)
	SELECT id, 'RUNNING', '[{"id": 0, "state": "RUNNING"}]', 1234, now() FROM cdc.pipeline_spec;
VACUUM ANALYZE;
"""
ONE = "%08x-0000-4000-8000-000000000000" % (PIPELINES // 2)
BARE = ("SELECT p.id, p.status, p.connector_name, o.connector_state, o.task_states, o.source_lag_bytes, p.topic_prefix, o.last_health_check_at, p.error_message"
        " FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id WHERE p.id = '%s';\n" % ONE)
# what the gateway sends for wrk's request
HEADERS = '{"x-request-id":"0123456789abcdef01234567","host":"127.0.0.1:8080"}'
REST = "SELECT r.status, r.headers, r.body FROM cdc.rest('GET', '/pipelines/%s/status', NULL, '%s') r;\n" % (ONE, HEADERS)
OWN = "SELECT * FROM cdc.pipeline WHERE id = '%s';\n" % ONE

rows = []


def figure(name, ours, other, ratio, bound, good):
    rows.append(good)
    print("%-44s %-34s %-34s %8.3f  %-8s %s" % (name, ours, other, ratio, bound, "ok" if good else "MISSED"), flush=True)


def pgbench(cluster, script, user, *more):
    done = subprocess.run([PG_BIN + "/pgbench", "-h", "127.0.0.1", "-p", str(cluster.port), "-U", user, "-n", "-M", "prepared", "-T", str(SECONDS), "-f", script] + list(more) + ["cdc"],
                          env=dict(os.environ, PGPASSWORD=PASSWORDS.get(user, "")), cwd=cluster.dir, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0 or "number of failed transactions: 0 " not in done.stdout:
        raise RuntimeError("pgbench: %s%s" % (done.stdout, done.stderr[-2000:]))
    return done.stdout


def latency(cluster, script, user):
    """Average ms of one transaction."""
    return float(re.search(r"latency average = ([0-9.]+) ms", pgbench(cluster, script, user)).group(1))


def in_database(cluster, scripts):
    rounds = [[latency(cluster, scripts[name], user) for name, user in (("bare", "postgres"), ("rest", "postgres"), ("own", "postgres"), ("own", "alice"))] for _ in range(ROUNDS)]
    bare, rest, own, members = (statistics.median(column) for column in zip(*rounds))
    ratio = statistics.median(r[1] / r[0] for r in rounds)
    figure("cdc.rest: status of one of %d" % PIPELINES, "%.3f ms" % rest, "bare SELECT %.3f ms" % bare, ratio, "<= 5.0", ratio <= 5.0)
    ratio = statistics.median(r[3] / r[2] for r in rounds)
    figure("a member's SELECT of one from cdc.pipeline", "%.3f ms" % members, "a superuser's %.3f ms" % own, ratio, "<= 3.0", ratio <= 3.0)


def cpu(pid):
    """Seconds of a process."""
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid):
    """Resident bytes."""
    return int(re.search(r"^VmRSS:\s+(\d+) kB", open("/proc/%d/status" % pid).read(), re.M).group(1)) * 1024


def wrk(gateway, seconds):
    """(requests, requests a second, p99 in ms)"""
    header = "Authorization: Basic " + base64.b64encode(("alice:" + PASSWORDS["alice"]).encode()).decode()
    out = subprocess.run(["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", "%ds" % seconds, "--latency", "--timeout", "30s", "-H", header, "http://127.0.0.1:%d/pipelines/%s/status" % (gateway.port, ONE)],
                         check=True, text=True, stdout=subprocess.PIPE).stdout
    if re.search(r"Non-2xx|Socket errors", out):
        raise RuntimeError(out)
    value, unit = re.search(r"^ +99% +([0-9.]+)(us|ms|s|m) *$", out, re.M).groups()
    return int(re.search(r"(\d+) requests in", out).group(1)), float(re.search(r"Requests/sec: +([0-9.]+)", out).group(1)), float(value) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def many(cluster, script):
    """(transactions a second, p99 in ms) of the same call by pgbench."""
    for log in glob.glob(os.path.join(cluster.dir, "pgbench_log*")):
        os.remove(log)
    out = pgbench(cluster, script, "alice", "-c", str(CONNECTIONS), "-j", "1", "-l", "--sampling-rate=0.2")
    times = sorted(int(line.split()[2]) for log in glob.glob(os.path.join(cluster.dir, "pgbench_log*")) for line in open(log))
    return float(re.search(r"tps = ([0-9.]+)", out).group(1)), times[len(times) * 99 // 100] / 1000


def over_http(cluster, scripts):
    gateway = Gateway(cluster.dsn("gw"))
    pid = gateway.process.pid
    wrk(gateway, 2)
    rounds = []
    for _ in range(ROUNDS):
        tps, slow = many(cluster, scripts["rest"])
        before = cpu(pid)
        n, rate, p99 = wrk(gateway, SECONDS)
        rounds.append((rate / tps, p99 / slow, rate, tps, p99, slow, (cpu(pid) - before) / n))
    ratio, ratio99, rate, tps, p99, slow, cost = (statistics.median(column) for column in zip(*rounds))
    figure("gateway: status, %d connections" % CONNECTIONS, "%.0f/s" % rate, "pgbench %.0f/s" % tps, ratio, ">= 0.6", ratio >= 0.6)
    figure("gateway: its p99", "%.1f ms" % p99, "pgbench %.1f ms" % slow, ratio99, "< 2.0", ratio99 < 2.0)
    print("gateway: CPU of a request %.0f us" % (cost * 1e6), flush=True)

    seen = []
    done = 0
    while done < REQUESTS:
        done += wrk(gateway, max(SECONDS, 10))[0]
        seen.append(memory(pid))
    # what it takes at first it may keep; a leak of 16 bytes a request would double it
    first, last = seen[len(seen) // 10], seen[-1]
    figure("gateway: memory over %d requests" % done, "%.1f MB at the end" % (last / 1e6), "%.1f MB after a tenth" % (first / 1e6), last / first, "<= 1.10", last <= first * 1.10)
    if not gateway.stop():
        rows.append(False)


def main():
    cluster = Cluster(settings="cdc_pipeline.enabled = off\n")
    with open(os.path.join(cluster.data, "pg_hba.conf")) as hba:
        text = hba.read()
    with open(os.path.join(cluster.data, "pg_hba.conf"), "w") as hba:
        hba.write("host all postgres 127.0.0.1/32 trust\n" + text)
    cluster.sql("SELECT pg_reload_conf()")
    cluster.sql(MAKE % dict(pipelines=PIPELINES, alice=PASSWORDS["alice"].replace("'", "''"), gw=PASSWORDS["gw"]))
    scripts = {}
    for name, sql in (("bare", BARE), ("rest", REST), ("own", OWN)):
        scripts[name] = os.path.join(cluster.dir, name + ".sql")
        with open(scripts[name], "w") as out:
            out.write(sql)
        if "Running" not in cluster.sql(sql, user="alice" if name != "bare" else "postgres"):
            raise RuntimeError("the row to be measured is not found: " + sql)
    in_database(cluster, scripts)
    over_http(cluster, scripts)
    return 0 if all(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
