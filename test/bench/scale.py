#!/usr/bin/env python3
"""Figures of many pipelines: how each grows with their number.

  scale.py [SIZE ...] [--keep FILE] [--draw FILE] [--sources N] [--connects N] [--residents N]

For each SIZE (100, 1,000 and 10,000 unless told otherwise; K stands for thousand)
so many pipelines are made by one statement, run, are looked at, and are deleted
again.  Sources are PostgreSQL servers of their own, each with its tables; Kafka
Connect is test/sim/connect_sim.  What is measured takes a snapshot and no more,
and the simulators take it without a session, so that only the worker and the
servers that it asks work; beside them are --residents pipelines that stream, each
with its slot and walsender.

Each figure stands beside two others: a straight line through the first size, and
something of PostgreSQL's own in the same run.  CPU is the worker's, and counts are
counts; they mean something on a machine that does other things beside.  Times
by the clock (marked ~) do not, there.  Ends with 1 where a bound is missed.

--keep: figures as JSON, too.  --draw: nothing is run, the curves of that file
become a picture beside it.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(TOP, "test", "lib"), os.path.join(TOP, "test", "hostile")]
from cluster import Cluster, PG_BIN
from lib import Simulator, literal
from tap import wait
import curve

PASSWORD = "scale-admin"
PATIENCE = 1800                 # seconds that any wait may take
ALONE = 7                       # how often one more is made
STEADY_ROUNDS = 5

META = """
max_connections = 60
shared_buffers = 256MB
max_wal_size = 4GB
log_line_prefix = '%m [%p] %q%a '
cdc_pipeline.member_networks = '127.0.0.0/8'
cdc_pipeline.settle_after = '1s'
"""

SOURCE = """
wal_level = logical
shared_buffers = 32MB
max_connections = 80
max_wal_senders = 40
max_replication_slots = 40
autovacuum_naptime = 1h
log_line_prefix = '%m [%p] %q%a '
"""


def say(words):
    print("... %s %s" % (datetime.datetime.now().strftime("%H:%M:%S"), words), file=sys.stderr, flush=True)


class Source(Cluster):
    """A source with tables t1, t2, ... of those that are measured and r1, ... of residents and of one more."""

    def __init__(self, tables):
        super().__init__(plain=True, settings=SOURCE)
        self.sql("CREATE ROLE cdc_admin SUPERUSER LOGIN PASSWORD %s" % literal(PASSWORD), "postgres")
        self.sql("CREATE DATABASE shop", "postgres")
        self.sql("DO $$ BEGIN FOR i IN 1 .. %d LOOP EXECUTE 'CREATE TABLE t' || i || ' (id int PRIMARY KEY)'; END LOOP; END $$;"
                 "DO $$ BEGIN FOR i IN 0 .. 20 LOOP EXECUTE 'CREATE TABLE r' || i || ' (id int PRIMARY KEY)'; END LOOP; END $$" % tables, "shop")

    def log_statements(self, on):
        """Tells what it is asked."""
        self.sql("ALTER SYSTEM SET log_min_duration_statement = %d" % (0 if on else -1), "postgres")
        self.sql("SELECT pg_reload_conf()", "postgres")

    def queries_of_worker(self):
        """Looks; not whether it is there, which is asked by the clock."""
        return len(re.findall(r"cdc_pipeline LOG:  duration:[^\n]*(?:execute|statement)[^\n]*\n?[^\n]*", self.log()))


class World:
    """All that is measured, and what it is measured with."""

    def __init__(self, arguments):
        self.residents = arguments.residents
        most = max(arguments.sizes)
        say("%d sources with %d tables each, %d Connects" % (arguments.sources, -(-most // arguments.sources), arguments.connects))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            self.sources = list(pool.map(lambda _: Source(-(-most // arguments.sources)), range(arguments.sources)))
        self.connects = [Simulator(kept=False, pretend="true", flush_ms=2000, heartbeat_ms=5000, snapshot_ms=10) for _ in range(arguments.connects)]
        self.meta = Cluster(settings=META)
        self.register()
        self.pgbench_tables()
        self.wait("the worker runs", lambda: self.sql("SELECT state FROM cdc.worker_state()") == "running")
        self.wait("services are running", lambda: self.sql("SELECT count(*) FROM cdc.service WHERE status <> 'running'") == "0")

    # -- small things --------------------------------------------------------------------
    def sql(self, statement):
        return self.meta.sql(statement)

    def wait(self, what, condition, pause=0.25):
        """Until it is so; every ten seconds a line says how far it is."""
        told = time.monotonic()
        deadline = told + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError("not within %d s: %s\n%s" % (PATIENCE, what, self.what_is()))
            if time.monotonic() > told + 10:
                told += 10
                say("%s? %s" % (what, self.what_is()))
            time.sleep(pause)

    def what_is(self):
        return " ".join(self.sql("SELECT status || ' ' || coalesce(provision_step, '') || ' ' || count(*) || coalesce(': ' || min(left(error_message, 100)), '')"
                                 " FROM cdc.pipeline_spec WHERE settled_at IS NULL GROUP BY status, provision_step, error_message IS NULL").splitlines())

    def worker(self):
        return int(self.sql("SELECT coalesce(pid, 0) FROM cdc.worker_state()"))

    def cpu(self):
        """Seconds of CPU that the worker has used: to the nanosecond where the kernel tells, else by its ticks."""
        pid = self.worker()
        try:
            return int(open("/proc/%d/schedstat" % pid).read().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """(bytes of its own, bytes of memory contexts) of the worker; shared buffers that it has touched are not its own."""
        pid = self.worker()
        resident = int(re.search(r"^RssAnon:\s+(\d+)", open("/proc/%d/status" % pid).read(), re.M).group(1)) * 1024
        length = len(self.meta.log())
        self.sql("SELECT pg_log_backend_memory_contexts(%d)" % pid)
        total = wait(lambda: re.search(r"\[%d\].*Grand total: (\d+) bytes" % pid, self.meta.log()[length:]), 60)
        return resident, int(total.group(1)) if total else 0

    def requests(self):
        return sum(connect.get("/_sim/requests")["requests"] for connect in self.connects)

    def rounds(self):
        return int(self.sql("SELECT rounds FROM cdc.worker_state()"))

    def pass_rounds(self, n):
        until = self.rounds() + n
        self.wait("%d health rounds" % n, lambda: self.rounds() >= until, 0.5)

    def timed(self, statement):
        """(seconds, what it says)"""
        start = time.monotonic()
        said = self.sql(statement)
        return time.monotonic() - start, said

    # -- what is there before --------------------------------------------------------------
    def register(self):
        """An organization for each Connect; sources are dealt out among them."""
        orgs = [self.sql("SELECT cdc.create_organization('Scale %d', 'scale-%d')" % (i, i)) for i in range(len(self.connects))]
        self.sinks = [self.sql("SELECT cdc.register_service('kafka-%d', 'kafka', 'se-sto1', %s::jsonb, organization => %s)" % (i, literal(json.dumps({
            "bootstrap": "127.0.0.1:9093", "addons": ["kafka-connect"], "connect_urls": [connect.url()], "connect_cidrs": ["127.0.0.1/32"],
            "plaintext_connector_password": True})), literal(orgs[i]))) for i, connect in enumerate(self.connects)]
        self.source_ids = [self.sql("SELECT cdc.register_service('pg-%d', 'postgresql', 'se-sto1', %s::jsonb, organization => %s)" % (i, literal(json.dumps({
            "nodes": [{"address": "127.0.0.1", "port": source.port}], "database": "shop", "admin_user": "cdc_admin", "admin_password": PASSWORD})),
            literal(orgs[i % len(orgs)]))) for i, source in enumerate(self.sources)]

    def arrays(self):
        return "ARRAY[%s]::uuid[]" % ",".join(map(literal, self.source_ids)), "ARRAY[%s]::uuid[]" % ",".join(map(literal, self.sinks))

    def create(self, prefix, n, table, mode):
        """By one statement; numbers go round over the sources."""
        sources, sinks = self.arrays()
        return self.timed("SELECT count(cdc.create_pipeline('%s' || g, source => (%s)[1 + g %% %d], sink => (%s)[1 + g %% %d %% %d], tables => ARRAY['%s' || 1 + g / %d],"
                          " database_name => 'shop', topic_prefix => '%s' || g, snapshot_mode => '%s')) FROM generate_series(0, %d) g"
                          % (prefix, sources, len(self.sources), sinks, len(self.sources), len(self.sinks), table, len(self.sources), prefix, mode, n - 1))[0]

    def wait_running(self, prefix, n):
        self.wait("%d Running" % n, lambda: int(self.sql("SELECT count(*) FROM cdc.pipeline_spec WHERE name ~ '^%s[0-9]' AND status = 'Running' AND desired_state = 'present'" % prefix)) >= n)

    def wait_deleted(self):
        self.wait("all are deleted", lambda: self.sql("SELECT count(*) FROM cdc.pipeline_spec WHERE desired_state = 'deleted' AND deleted_at IS NULL") == "0")

    def wait_gone(self):
        """What was deleted is seen absent again, and forgotten."""
        self.wait("all deleted have settled", lambda: self.sql("SELECT count(*) FROM cdc.pipeline_spec WHERE desired_state = 'deleted' AND settled_at IS NULL") == "0")

    def pgbench_tables(self):
        self.pgbench("-i", "-q", "-s", "1")

    def pgbench(self, *arguments):
        done = subprocess.run([os.path.join(PG_BIN, "pgbench"), "-h", self.meta.dir, "-p", str(self.meta.port), "-U", "postgres", *arguments, "cdc"],
                              cwd=self.meta.dir, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise RuntimeError("pgbench: " + done.stdout[-2000:])
        return done.stdout

    def p99(self, *arguments):
        """Of 2,000 transactions, in ms."""
        for name in os.listdir(self.meta.dir):
            if name.startswith("pgbench_log"):
                os.remove(os.path.join(self.meta.dir, name))
        self.pgbench("-n", "-M", "prepared", "-t", "2000", "-l", *arguments)
        times = sorted(int(line.split()[2]) for name in os.listdir(self.meta.dir) if name.startswith("pgbench_log")
                       for line in open(os.path.join(self.meta.dir, name)))
        return times[len(times) * 99 // 100] / 1000

    # -- figures of one size -----------------------------------------------------------------
    def one_more(self):
        """Seconds from the statement to Running, and seconds of the worker's CPU, of one that streams: medians."""
        took, used = [], []
        for i in range(ALONE):
            before, start = self.cpu(), time.monotonic()
            id = self.sql("SELECT cdc.create_pipeline('one%d', source => %s, sink => %s, tables => ARRAY['r0'], database_name => 'shop', topic_prefix => 'one%d')"
                          % (i, literal(self.source_ids[0]), literal(self.sinks[0]), i))
            self.sql("SELECT cdc.wait_for_pipeline(%s, 'Running', '5 min')" % literal(id))
            took.append(time.monotonic() - start)
            used.append(self.cpu() - before)
            self.sql("SELECT cdc.delete_pipeline(%s)" % literal(id))
            self.sql("SELECT cdc.wait_for_pipeline(%s, 'Deleted', '5 min')" % literal(id))
        self.wait_gone()
        return statistics.median(took), statistics.median(used)

    def steady(self):
        """Of some health rounds in which nothing happens: share of a core, requests a Connect and queries a source of one."""
        self.pass_rounds(2)
        for source in self.sources:
            source.log_statements(True)
        self.pass_rounds(1)
        rounds, requests, cpu, start = self.rounds(), self.requests(), self.cpu(), time.monotonic()
        queries = sum(source.queries_of_worker() for source in self.sources)
        self.pass_rounds(STEADY_ROUNDS)
        passed = self.rounds() - rounds
        share = (self.cpu() - cpu) / (time.monotonic() - start)
        requests = (self.requests() - requests) / passed / len(self.connects)
        queries = (sum(source.queries_of_worker() for source in self.sources) - queries) / passed / len(self.sources)
        for source in self.sources:
            source.log_statements(False)
        return share, requests, queries

    def first_action(self):
        """Seconds from the start of a worker, with all there, to the first thing that it does for one that waits."""
        pid = self.worker()
        id = self.sql("SELECT pg_terminate_backend(%d); SELECT cdc.create_pipeline('waits', source => %s, sink => %s, tables => ARRAY['r0'], database_name => 'shop', topic_prefix => 'waits')"
                      % (pid, literal(self.source_ids[0]), literal(self.sinks[0]))).splitlines()[-1]
        said = "SELECT extract(epoch FROM min(e.at) - min(a.backend_start)) FROM cdc.pipeline_event e, pg_stat_activity a WHERE a.pid = (SELECT pid FROM cdc.worker_state()) AND e.pipeline_id = %s AND e.kind = 'action'" % literal(id)
        self.wait("another worker acts", lambda: self.sql(said) != "")
        seconds = float(self.sql(said))
        self.sql("SELECT cdc.delete_pipeline(%s)" % literal(id))
        self.wait_gone()
        return seconds

    def plain_inserts(self):
        """Seconds of INSERTs of the same rows into tables with the same indexes."""
        self.sql("CREATE SCHEMA plain; " + "".join("CREATE TABLE plain.%s (LIKE cdc.%s INCLUDING ALL);" % (name, name) for name in ("pipeline_spec", "pipeline_observed", "pipeline_event", "work")))
        seconds = self.timed("BEGIN; INSERT INTO plain.pipeline_spec SELECT * FROM cdc.pipeline_spec WHERE name ~ '^p[0-9]' AND desired_state = 'present';"
                             "INSERT INTO plain.pipeline_observed (pipeline_id) SELECT id FROM plain.pipeline_spec;"
                             "INSERT INTO plain.pipeline_event (pipeline_id, kind, message) SELECT id, 'user', 'created' FROM plain.pipeline_spec; COMMIT")[0]
        self.sql("DROP SCHEMA plain CASCADE")
        return seconds

    def listing(self):
        """(seconds of the slowest page, pages, rows) of GET .../pipelines of one organization."""
        org = self.sql("SELECT id FROM cdc.organization ORDER BY slug LIMIT 1")
        slowest, pages, rows, path = 0, 0, 0, "/organizations/%s/pipelines" % org
        more = ""
        while more is not None:
            seconds, said = self.timed("SELECT status || ' ' || json_array_length(body::json -> 'pipelines') || ' ' || coalesce(body::json ->> 'next', '-') FROM cdc.rest('GET', %s, NULL, '{}')"
                                       % literal(path + "?limit=1000" + more))
            status, n, last = said.split(" ")
            if status != "200":
                raise RuntimeError("GET %s: %s" % (path, said))
            slowest, pages, rows = max(slowest, seconds), pages + 1, rows + int(n)
            more = None if last == "-" else "&after=" + last
        return slowest, pages, rows

    def measure(self, size):
        figures = {"pipelines": size}
        say("-- %d pipelines" % size)
        files = len(re.findall("too many open files|out of file descriptors|no file descriptors", self.meta.log()))
        alone, alone_cpu = self.one_more()
        empty = self.memory()
        cpu, start = self.cpu(), time.monotonic()
        figures["statement_ms"] = self.create("p", size, "t", "initial_only") * 1000
        say("made in %.2f s" % (figures["statement_ms"] / 1000))
        self.wait_running("p", size)
        figures["all_running_s"] = time.monotonic() - start
        figures["worker_cpu_ms"] = (self.cpu() - cpu) * 1000
        say("all Running after %.1f s, %.2f ms of the worker each" % (figures["all_running_s"], figures["worker_cpu_ms"] / size))
        figures["steady_cores"], figures["requests_a_round"], figures["queries_a_round"] = self.steady()
        full = self.memory()
        figures["resident_bytes"], figures["context_bytes"] = full[0] - empty[0], full[1] - empty[1]
        say("steady: %.2f %% of a core, %.1f kB each" % (figures["steady_cores"] * 100, figures["resident_bytes"] / 1000 / size))
        beside, beside_cpu = self.one_more()
        figures["one_more_ratio"], figures["one_more_cpu_ratio"] = beside / alone, beside_cpu / alone_cpu
        self.sql("DROP TABLE IF EXISTS ids; CREATE TABLE ids AS SELECT row_number() OVER () AS n, id FROM cdc.pipeline_spec WHERE name ~ '^p[0-9]' AND desired_state = 'present'; CREATE UNIQUE INDEX ON ids (n)")
        with open(os.path.join(self.meta.dir, "status.sql"), "w") as script:
            script.write("\\set n random(1, %d)\nSELECT s.status FROM ids i, cdc.pipeline_status(i.id) s WHERE i.n = :n;\n" % size)
        figures["status_p99_ms"], figures["select_p99_ms"] = self.p99("-f", os.path.join(self.meta.dir, "status.sql")), self.p99("-S")
        figures["metrics_s"] = self.timed("SELECT length(cdc.metrics())")[0]
        figures["page_s"], figures["pages"], figures["page_rows"] = self.listing()
        figures["insert_ms"] = self.plain_inserts() * 1000
        figures["first_action_s"] = self.first_action()
        say("the first action of a new worker after %.2f s" % figures["first_action_s"])
        cpu, start = self.cpu(), time.monotonic()
        figures["delete_statement_ms"] = self.timed("SELECT count(cdc.delete_pipeline(id)) FROM cdc.pipeline_spec WHERE name ~ '^p[0-9]' AND desired_state = 'present'")[0] * 1000
        self.wait_deleted()
        figures["all_deleted_s"] = time.monotonic() - start
        self.wait_gone()
        figures["delete_cpu_ms"] = (self.cpu() - cpu) * 1000
        say("all deleted after %.1f s, %.2f ms of the worker each" % (figures["all_deleted_s"], figures["delete_cpu_ms"] / size))
        figures["file_messages"] = len(re.findall("too many open files|out of file descriptors|no file descriptors", self.meta.log())) - files
        return figures


def run(arguments):
    world = World(arguments)
    if world.residents:
        say("%d that stream, to be there all the time" % world.residents)
        world.create("r", world.residents, "r", "initial")
        world.wait_running("r", world.residents)
    kept = {"date": datetime.date.today().isoformat(), "sources": arguments.sources, "connects": arguments.connects, "residents": arguments.residents,
            "load": os.getloadavg()[1], "cores": os.cpu_count(), "sizes": []}
    for size in arguments.sizes:
        kept["sizes"].append(world.measure(size))
        if arguments.keep:
            with open(arguments.keep, "w") as out:
                json.dump(kept, out, indent=1)
                out.write("\n")
    return kept


def number(text):
    return int(text.lower().replace("k", "000"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=number, metavar="SIZE")
    parser.add_argument("--keep", metavar="FILE")
    parser.add_argument("--draw", metavar="FILE")
    parser.add_argument("--sources", type=int, default=20)
    parser.add_argument("--connects", type=int, default=4)
    parser.add_argument("--residents", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.draw:
        curve.draw(json.load(open(arguments.draw)), os.path.splitext(arguments.draw)[0] + ".svg")
        return 0
    arguments.sizes = sorted(arguments.sizes or [100, 1000, 10000])
    try:
        kept = run(arguments)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print("bench-scale: %s" % error, file=sys.stderr)
        return 1
    return 0 if curve.judge(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
