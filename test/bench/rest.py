#!/usr/bin/env python3
"""The REST API's cost in the database, 10,000 pipelines present.

cdc.rest() for GET /pipelines/{id}/status against the bare SELECT of the same row,
as the same role, by pgbench over one connection, prepared, in turn.  On a
server of its own, where the reconciler does not act.  Prints the figure; exits 1
when it misses its bound.  Runs as root, after the extension was installed.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

BIN = "/usr/lib/postgresql/15/bin"
PIPELINES = 10000
ROUNDS = 7
SECONDS = 2
BOUND = 5.0

MAKE = """
SET client_min_messages = warning;
CREATE EXTENSION cdc_pipeline;
SELECT cdc.create_organization('Bench', 'bench') AS org \\gset
INSERT INTO cdc.service (organization_id, name, database_type, zone, status) VALUES (:'org', 'pg', 'postgresql', 'z', 'running'), (:'org', 'kafka', 'kafka', 'z', 'running');
INSERT INTO cdc.pipeline_spec (id, organization_id, name, source_service_id, sink_service_id, config, database_name, tables, topic_prefix, snapshot_mode, status, connector_name)
	SELECT (lpad(to_hex(g), 8, '0') || '-0000-4000-8000-000000000000')::uuid, :'org', 'p' || g, a.id, b.id, '{"tables":["orders"]}', 'shop', '{"\\"public\\".\\"orders\\""}', 'p' || g, 'initial', 'Running', 'mdb-pipeline-x'
	FROM generate_series(1, %d) g, cdc.service a, cdc.service b WHERE a.name = 'pg' AND b.name = 'kafka';
INSERT INTO cdc.pipeline_observed (pipeline_id, connector_state, task_states, source_lag_bytes, last_health_check_at)
	SELECT id, 'RUNNING', '[{"id": 0, "state": "RUNNING"}]', 1234, now() FROM cdc.pipeline_spec;
VACUUM ANALYZE;
""" % PIPELINES

SCRIPTS = {
    "bare": "SELECT p.id, p.status, p.connector_name, o.connector_state, o.task_states, o.source_lag_bytes, p.topic_prefix, o.last_health_check_at, p.error_message"
            " FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id WHERE p.id = '%s';\n",
    "rest": "SELECT r.status, r.headers, r.body FROM cdc.rest('GET', '/pipelines/%s/status') r;\n",
}


class Server:
    """A server of the metadata of its own; cdc_pipeline.enabled is off."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="cdc_bench.", dir="/var/tmp")
        shutil.chown(self.dir, "postgres")
        os.chmod(self.dir, 0o755)
        self.data = os.path.join(self.dir, "data")
        self.postgres([BIN + "/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-N"])
        with open(self.data + "/postgresql.conf", "a") as conf:
            conf.write("listen_addresses = ''\nunix_socket_directories = '%s'\nshared_preload_libraries = 'cdc_pipeline'\n"
                       "cdc_pipeline.enabled = off\ncdc_pipeline.database_name = 'postgres'\n" % self.dir)
        self.postgres([BIN + "/pg_ctl", "-D", self.data, "-w", "-s", "-l", self.dir + "/log", "start"])

    def postgres(self, command):
        subprocess.run(["runuser", "-u", "postgres", "--"] + command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def psql(self, sql):
        return subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.dir, "-U", "postgres", "postgres"], input=sql, text=True, check=True, stdout=subprocess.PIPE).stdout.strip()

    def stop(self):
        self.postgres([BIN + "/pg_ctl", "-D", self.data, "-w", "-s", "-m", "immediate", "stop"])
        shutil.rmtree(self.dir)


def latency(server, script):
    """Average ms of one transaction."""
    out = subprocess.run([BIN + "/pgbench", "-h", server.dir, "-U", "postgres", "-n", "-M", "prepared", "-T", str(SECONDS), "-f", script, "postgres"],
                         check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return float(re.search(r"latency average = ([0-9.]+) ms", out).group(1))


def main():
    server = Server()
    try:
        server.psql(MAKE)
        scripts = {}
        for name, sql in SCRIPTS.items():
            scripts[name] = os.path.join(server.dir, name + ".sql")
            with open(scripts[name], "w") as out:
                out.write(sql % ("%08x-0000-4000-8000-000000000000" % (PIPELINES // 2)))
        if '"status":"Running"' not in server.psql(open(scripts["rest"]).read()):
            raise RuntimeError("the row to be measured is not found")
        rounds = [(latency(server, scripts["bare"]), latency(server, scripts["rest"])) for _ in range(ROUNDS)]
    finally:
        server.stop()
    bare, rest = (statistics.median(column) for column in zip(*rounds))
    ratio = statistics.median(r / b for b, r in rounds)
    print("cdc.rest, status of one of %d pipelines  %.3f ms  bare SELECT %.3f ms  %.3f  <= %.1f  %s"
          % (PIPELINES, rest, bare, ratio, BOUND, "ok" if ratio <= BOUND else "MISSED"))
    return 0 if ratio <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
