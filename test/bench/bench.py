#!/usr/bin/env python3
"""Figures of `make bench`, each compared with something in the same run.

Runs against a lab that is up; its env file is the first argument.  Needs
psql and python3 only.  Prints a table of ratios; exits 1 when a figure misses
its bound.  Times are wall clock, medians.

The script that we compare with is what a person would write by hand: one psql
session, one keep-alive HTTP connection, status polled every 20 ms; so do we.
"""
import http.client
import json
import os
import select
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

LAB = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab")
POLL = 0.020
INSTALL_ROUNDS = 3
ONE_ROUNDS = 7
MANY = 20
COMMITS = 40
IDLE_SECONDS = 20
END_ROUNDS = 5


def read_env(path):
    env = {}
    for line in open(path):
        line = line.strip()
        if line.startswith("export "):
            line = line[7:]
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            env[key] = " ".join(shlex.split(value))
    return env


class Psql:
    """One psql session, asked line by line."""

    def __init__(self, dsn):
        self.proc = subprocess.Popen(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=0", dsn], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)

    def ask(self, sql):
        self.proc.stdin.write(sql.rstrip(";") + ";\n\\echo ---end---\n")
        self.proc.stdin.flush()
        lines = []
        while True:
            line = self.proc.stdout.readline()
            if line == "":
                raise RuntimeError("psql ended: " + "".join(lines))
            if line.rstrip("\n") == "---end---":
                break
            lines.append(line.rstrip("\n"))
        for line in lines:
            if line.startswith("ERROR"):
                raise RuntimeError(" ".join(lines))
        return "\n".join(lines)

    def close(self):
        self.proc.stdin.close()
        self.proc.wait()


class Connect:
    """One keep-alive connection to Kafka Connect, or to its agent."""

    def __init__(self, url, headers=None):
        self.parts = urllib.parse.urlsplit(url)
        self.headers = dict(headers or {}, **{"Content-Type": "application/json"})
        self.used = 0
        self.conn = None

    def call(self, method, path, body=None):
        # Connect closes what was idle for 30 s
        if time.monotonic() - self.used > 10:
            self.conn = http.client.HTTPConnection(self.parts.hostname, self.parts.port)
        self.used = time.monotonic()
        self.conn.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        answer = self.conn.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None


class Bench:
    def __init__(self, env):
        self.env = env
        self.meta = Psql(env["CDC_META_DSN"])
        self.source = Psql(env["CDC_SOURCE_PRIMARY_DSN"])
        self.connect = Connect(env["CDC_CONNECT_URL"])
        self.rows = []
        self.tag = "%x" % int(time.time())

    # -- what both sides work on
    def table(self, name):
        self.source.ask('CREATE TABLE public."%s" (id int PRIMARY KEY, v text)' % name)
        self.source.ask('INSERT INTO public."%s" SELECT g, g::text FROM generate_series(1, 100) g' % name)

    # -- by the extension
    def create(self, name):
        return self.meta.ask(
            "SELECT cdc.create_pipeline('%s', '%s', '%s', tables => '{public.%s}')"
            % (name, self.env["CDC_SOURCE_ID"], self.env["CDC_SINK_ID"], name))

    def wait_running(self, ids, deadline=180):
        end = time.monotonic() + deadline
        wanted = ",".join("'%s'" % i for i in ids)
        while time.monotonic() < end:
            left = self.meta.ask(
                "SELECT count(*) FROM cdc.pipeline WHERE id IN (%s) AND status <> 'Running'" % wanted)
            if left == "0":
                return
            time.sleep(POLL)
        raise RuntimeError(self.meta.ask(
            "SELECT name, status, provision_step, error_message FROM cdc.pipeline WHERE id IN (%s)" % wanted))

    def delete(self, ids):
        for i in ids:
            self.meta.ask("SELECT cdc.delete_pipeline('%s')" % i)
        for i in ids:
            self.meta.ask("SELECT cdc.wait_for_pipeline('%s', 'Deleted', '3 min')" % i)

    # -- by hand
    def by_hand(self, name, template):
        role = name
        self.source.ask("CREATE ROLE \"%s\" LOGIN REPLICATION PASSWORD 'by-hand-%s'" % (role, self.tag))
        self.source.ask('GRANT CONNECT ON DATABASE defaultdb TO "%s"' % role)
        self.source.ask('GRANT USAGE ON SCHEMA public TO "%s"' % role)
        self.source.ask('GRANT SELECT ON public."%s" TO "%s"' % (name, role))
        self.source.ask('CREATE PUBLICATION "%s" FOR TABLE public."%s"' % (name, name))
        config = dict(template)
        config.update({
            "name": name, "database.user": role, "database.password": "by-hand-" + self.tag,
            "topic.prefix": name, "slot.name": name, "publication.name": name,
            "table.include.list": "public\\." + name})
        config.pop("cdc.pipeline.id", None)
        config.pop("cdc.epoch", None)
        config.pop("cdc.mark", None)
        status, answer = self.connect.call("PUT", "/connectors/%s/config" % name, config)
        if status not in (200, 201):
            raise RuntimeError("PUT by hand: %s %s" % (status, answer))
        end = time.monotonic() + 60
        while time.monotonic() < end:
            status, answer = self.connect.call("GET", "/connectors/%s/status" % name)
            tasks = answer.get("tasks", []) if status == 200 else []
            if tasks and tasks[0]["state"] == "RUNNING":
                active = self.source.ask("SELECT active FROM pg_replication_slots WHERE slot_name = '%s'" % name)
                if active == "t":
                    return
            time.sleep(POLL)
        raise RuntimeError("by hand: not RUNNING in 60 s: %s" % answer)

    def undo_by_hand(self, name):
        self.connect.call("PUT", "/connectors/%s/stop" % name)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            status, _ = self.connect.call("DELETE", "/connectors/%s/offsets" % name)
            if status in (200, 404):
                break
            time.sleep(0.1)
        self.connect.call("DELETE", "/connectors/%s" % name)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            active = self.source.ask("SELECT active FROM pg_replication_slots WHERE slot_name = '%s'" % name)
            if active != "t":
                break
            time.sleep(0.1)
        self.source.ask("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '%s'" % name)
        self.source.ask('DROP PUBLICATION IF EXISTS "%s"' % name)
        self.source.ask('DROP OWNED BY "%s"; DROP ROLE "%s"' % (name, name))

    def row(self, what, ours, other, ratio, bound, ok):
        self.rows.append((what, ours, other, ratio, bound, "ok" if ok else "MISSED"))

    # -- the plugin, of the lab's only worker
    def listed(self):
        """Does the worker list the connector?  None: it does not answer."""
        try:
            return any("PostgresConnector" in p["class"] for p in Connect(self.env["CDC_CONNECT_URL"]).call("GET", "/connector-plugins")[1])
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def wait_listed(self, wanted, deadline=120):
        end = time.monotonic() + deadline
        while self.listed() is not wanted:
            if time.monotonic() > end:
                raise RuntimeError("the worker does not come to list %s plugin" % ("the" if wanted else "no"))
            time.sleep(POLL)
        self.connect = Connect(self.env["CDC_CONNECT_URL"])

    def worker(self, verb):
        subprocess.run([os.path.join(LAB, "connect-worker"), verb, "1"], check=True, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, LAB_DIR=self.env["LAB_DIR"], LAB_PORT_BASE=self.env["LAB_PORT_BASE"]))

    def no_plugin(self):
        """Takes away whatever plugin is there, as the agent would, and restarts the worker."""
        agent = Connect(self.env["CDC_AGENT_URL"], {"Authorization": "Bearer " + self.env["CDC_AGENT_TOKEN"]})
        for plugin in agent.call("GET", "/v1/plugins")[1]["plugins"]:
            if plugin["managed"]:
                job = agent.call("DELETE", "/v1/plugins/" + plugin["name"])[1]["job"]["id"]
                while "ended_at" not in agent.call("GET", "/v1/job")[1]["job"]:
                    time.sleep(POLL)
                end = agent.call("GET", "/v1/job")[1]["job"]
                if (end["id"], end["state"]) != (job, "done"):
                    raise RuntimeError("the plugin is not taken away: %s" % end)
        by_hand = os.path.join(self.env["LAB_DIR"], "kafka/plugins-1/by-hand")
        if os.path.exists(by_hand):
            shutil.rmtree(by_hand)
            self.worker("restart")
        self.wait_listed(False)

    def install_by_hand(self):
        url, sha512 = (self.meta.ask("SHOW cdc_pipeline.debezium_plugin_" + what) for what in ("url", "sha512"))
        archive = url[len("file://"):]
        if subprocess.check_output(["sha512sum", archive], text=True).split()[0] != sha512:
            raise RuntimeError("%s is not what the setting says" % archive)
        to = os.path.join(self.env["LAB_DIR"], "kafka/plugins-1/by-hand")
        os.mkdir(to)
        subprocess.run(["tar", "-C", to, "-xf", archive], check=True)
        self.worker("restart")
        self.wait_listed(True)

    # -- the figures
    def figure_install(self):
        """From nothing: no plugin; in the first round no peering either."""
        ours, hand = [], []
        self.say("the plugin, a restart of the worker and a pipeline from nothing, %d times each, in turn" % INSTALL_ROUNDS)
        for i in range(INSTALL_ROUNDS):
            name = "bench_%s_i%d" % (self.tag, i)
            self.no_plugin()
            self.table(name)
            start = time.monotonic()
            pid = self.create(name)
            self.wait_running([pid])
            ours.append(time.monotonic() - start)
            _, template = self.connect.call("GET", "/connectors/mdb-pipeline-%s/config" % pid[:8])
            self.delete([pid])
            name = name + "h"
            self.no_plugin()
            self.table(name)
            start = time.monotonic()
            self.install_by_hand()
            self.by_hand(name, template)
            hand.append(time.monotonic() - start)
            self.undo_by_hand(name)
        # what is measured next finds the plugin as the agent installs it
        self.no_plugin()
        a, b = statistics.median(ours), statistics.median(hand)
        self.row("plugin, restart, Running", "%.1f s" % a, "by hand %.1f s" % b, a / b, "< 8 s, <= 1.25", a < 8 and a / b <= 1.25)

    def figure_create(self):
        # its sessions are open as the script's are: a neighbour runs in the same database
        neighbour = "bench_%s_n" % self.tag
        self.table(neighbour)
        resident = self.create(neighbour)
        self.wait_running([resident])
        template = None
        ours, hand = [], []
        self.say("one pipeline, %d times each, in turn" % ONE_ROUNDS)
        for i in range(ONE_ROUNDS + 1):
            name = "bench_%s_%d" % (self.tag, i)
            self.table(name)
            start = time.monotonic()
            pid = self.create(name)
            self.wait_running([pid])
            took = time.monotonic() - start
            if template is None:
                _, template = self.connect.call("GET", "/connectors/mdb-pipeline-%s/config" % pid[:8])
            self.delete([pid])
            name = name + "h"
            self.table(name)
            start = time.monotonic()
            self.by_hand(name, template)
            hand_took = time.monotonic() - start
            self.undo_by_hand(name)
            if i > 0:       # the first of each warms the JVM
                ours.append(took)
                hand.append(hand_took)
        a, b = statistics.median(ours), statistics.median(hand)
        self.row("create_pipeline to Running", "%.0f ms" % (a * 1e3), "by hand %.0f ms" % (b * 1e3),
                 a / b, "<= 1.0, by hand <= 800 ms", a / b <= 1.0 and b <= 0.8)

        self.say("%d pipelines at once, then %d by hand in a row" % (MANY, MANY))
        names = ["bench_%s_m%d" % (self.tag, i) for i in range(MANY)]
        for name in names:
            self.table(name)
        start = time.monotonic()
        ids = [self.create(name) for name in names]
        self.wait_running(ids)
        many = time.monotonic() - start
        self.figure_idle()
        self.delete(ids)
        names = [name + "h" for name in names]
        for name in names:
            self.table(name)
        start = time.monotonic()
        for name in names:
            self.by_hand(name, template)
        by_hand = time.monotonic() - start
        for name in names:
            self.undo_by_hand(name)
        self.delete([resident])
        self.row("%d at once" % MANY, "%.1f s" % many, "by hand in a row %.1f s" % by_hand,
                 many / by_hand, "<= 0.7", many / by_hand <= 0.7)

    def figure_idle(self):
        self.say("the worker with %d Running pipelines, %d s idle" % (MANY, IDLE_SECONDS))
        pid = self.meta.ask("SELECT pid FROM cdc.worker_state()")
        ticks = os.sysconf("SC_CLK_TCK")

        def cpu():
            fields = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / ticks

        before, start = cpu(), time.monotonic()
        select.select([], [], [], IDLE_SECONDS)
        share = (cpu() - before) / (time.monotonic() - start)
        self.row("worker CPU, idle", "%.2f %% of a core" % (share * 100), "one core",
                 share, "<= 0.005", share <= 0.005)

    def figure_commit(self):
        """Commit acknowledged to the client -> first byte at a Connect that only listens."""
        self.say("commit to first outgoing byte, %d times" % COMMITS)
        seen = []
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        stop = threading.Event()

        def serve(conn):
            buffered = b""
            while not stop.is_set():
                data = conn.recv(65536)
                if not data:
                    return
                seen.append(time.monotonic())
                buffered += data
                while b"\r\n\r\n" in buffered:
                    head, buffered = buffered.split(b"\r\n\r\n", 1)
                    body = b"{}"
                    if b"connector-plugins" in head:
                        body = b"[]"
                    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                                 % (len(body), body))

        def accept():
            while not stop.is_set():
                conn, _ = listener.accept()
                conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=serve, args=(conn,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sink = self.meta.ask(
            "SELECT cdc.register_service('bench-%s', 'kafka', 'se-sto1', '%s', organization => '%s')"
            % (self.tag, json.dumps({"bootstrap": "127.0.0.1:1", "addons": ["kafka-connect"],
                                     "connect_urls": ["http://127.0.0.1:%d" % listener.getsockname()[1]],
                                     "connect_cidrs": ["127.0.0.1/32"], "plaintext_connector_password": True,
                                     "network_id": self.env["CDC_SINK_NETWORK"]}),
               self.env["CDC_ORG_ID"]))
        end = time.monotonic() + 30
        while self.meta.ask("SELECT status FROM cdc.service WHERE id = '%s'" % sink) != "running":
            if time.monotonic() > end:
                raise RuntimeError("the listening sink never became running")
            time.sleep(0.02)
        waits = []
        for i in range(COMMITS):
            quiet = time.monotonic()
            while time.monotonic() - max(seen[-1:] + [quiet]) < 0.15:   # between two polls of others
                time.sleep(0.01)
            seen.clear()
            pid = self.meta.ask(
                "SELECT cdc.create_pipeline('bench-%s-c%d', '%s', '%s', tables => '{public.none_%d}', topic_prefix => 'none%d')"
                % (self.tag, i, self.env["CDC_SOURCE_ID"], sink, i, i))
            acknowledged = time.monotonic()
            end = time.monotonic() + 5
            while not seen and time.monotonic() < end:
                time.sleep(0.0005)
            waits.append(max(0.0, seen[0] - acknowledged) if seen else 5.0)
            self.meta.ask("SELECT cdc.delete_pipeline('%s', true)" % pid)
            self.meta.ask("SELECT cdc.wait_for_pipeline('%s', 'Deleted', '1 min')" % pid)
        stop.set()
        self.meta.ask("SELECT cdc.delete_service('%s')" % sink)
        median = statistics.median(waits)
        self.row("commit to first byte out", "%.2f ms" % (median * 1e3), "3 ms", median / 0.003,
                 "<= 1.0", median <= 0.003)

    def figure_end(self):
        """SIGTERM -> the worker's process is gone, between two rounds."""
        self.say("the worker is told to end, %d times" % END_ROUNDS)
        waits = []
        for _ in range(END_ROUNDS):
            pid = self.worker_pid(None)
            start = time.monotonic()
            self.meta.ask("SELECT pg_terminate_backend(%s)" % pid)
            while os.path.exists("/proc/" + pid):
                time.sleep(0.001)
            waits.append(time.monotonic() - start)
            self.worker_pid(pid)
        median = statistics.median(waits)
        self.row("SIGTERM to the worker's end", "%.0f ms" % (median * 1e3), "1 s", median, "<= 1.0", median <= 1)

    def worker_pid(self, former):
        """Of the worker that is there, or comes to be there after a former one."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pid = self.meta.ask("SELECT pid FROM cdc.worker_state() WHERE state = 'running'")
            if pid not in ("", former):
                return pid
            time.sleep(POLL)
        raise RuntimeError("there is no worker")

    def say(self, text):
        print("... " + text, file=sys.stderr, flush=True)

    def table_out(self):
        head = ("figure", "ours", "compared with", "ratio", "bound", "")
        rows = [head] + [(a, b, c, "%.3f" % d, e, f) for a, b, c, d, e, f in self.rows]
        widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
        for r in rows:
            print("  ".join(r[i].ljust(widths[i]) for i in range(len(head))).rstrip())


def main():
    bench = Bench(read_env(sys.argv[1]))
    bench.figure_install()
    bench.figure_create()
    bench.figure_commit()
    bench.figure_end()
    bench.table_out()
    return 1 if any(row[5] != "ok" for row in bench.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
