"""patroni_cluster.py: a source that Patroni runs: etcd, and nodes of Debian's PostgreSQL 15.

Owns their processes and data, beside a lab whose Kafka and control plane are used.
A test makes a Cluster and registers it; the torture's writer and repair find its
nodes by Cluster.follow().  Judges nothing.
"""
import json
import os
import shutil
import signal
import subprocess
import urllib.request

import lib

BIN = "/usr/lib/postgresql/15/bin"
FIRST_PORT = int(lib.env["LAB_PORT_BASE"]) + 70     # etcd and its peers; nodes from + 2, their REST from + 6
ADMIN = dict(item.split("=", 1) for item in lib.SERVER_DSN.split())

CONFIG = """scope: lab
name: %(name)s
log: {level: INFO, dir: %(dir)s}
restapi: {listen: '127.0.0.1:%(rest)d', connect_address: '127.0.0.1:%(rest)d'}
etcd3: {host: '127.0.0.1:%(etcd)d'}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters: {wal_level: logical, hot_standby_feedback: 'on', max_replication_slots: 10, max_wal_senders: 10, wal_log_hints: 'on', fsync: 'off'}
      pg_hba:
      - local all all trust
      - host all %(user)s 127.0.0.1/32 scram-sha-256
      - host replication replicator 127.0.0.1/32 scram-sha-256
  initdb:
  - encoding: UTF8
  - locale: C
postgresql:
  listen: 127.0.0.1:%(port)d
  connect_address: 127.0.0.1:%(port)d
  data_dir: %(dir)s/data
  bin_dir: %(bin)s
  pgpass: %(dir)s/pgpass
  authentication:
    superuser: {username: %(user)s, password: %(password)s}
    replication: {username: replicator, password: replicates}
  parameters: {unix_socket_directories: %(dir)s}
"""


def as_postgres(command, log):
    """Starts a program as user postgres; its pid is the program's own."""
    return subprocess.Popen(["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] + command, cwd="/", stdin=subprocess.DEVNULL,
                            stdout=log, stderr=subprocess.STDOUT, env={"PATH": "/usr/bin:/bin", "HOME": "/var/lib/postgresql", "LC_ALL": "C.UTF-8"})


class Node:
    def __init__(self, cluster, number):
        self.name, self.port, self.rest = "p%d" % number, FIRST_PORT + 1 + number, FIRST_PORT + 5 + number
        self.cluster, self.dir, self.process = cluster, os.path.join(cluster.dir, "p%d" % number), None
        os.makedirs(self.dir)
        with open(self.dir + "/patroni.yml", "w") as f:
            f.write(CONFIG % {"name": self.name, "dir": self.dir, "rest": self.rest, "etcd": FIRST_PORT, "port": self.port, "bin": BIN,
                              "user": ADMIN["user"], "password": ADMIN["password"]})
        shutil.chown(self.dir, "postgres")

    def start(self):
        self.process = as_postgres([os.path.join(self.cluster.python, "bin/python"), "-m", "patroni", self.dir + "/patroni.yml"], self.cluster.log)

    def ask(self, method, path, body=None):
        """Patroni's REST interface; None: no answer."""
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.rest, path), method=method, data=body and json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        return json.loads(text) if text.startswith("{") else text

    def kill(self):
        """SIGKILL of Patroni, the postmaster and all its children, at one moment."""
        pids = [self.process.pid]
        try:
            postmaster = int(open(self.dir + "/data/postmaster.pid").readline())
            os.kill(postmaster, signal.SIGSTOP)     # it has no new children between the list and the kill
            pids += [postmaster] + [int(pid) for pid in subprocess.run(["pgrep", "-P", str(postmaster)], stdout=subprocess.PIPE, text=True).stdout.split()]
        except (OSError, ValueError):
            pass                                    # it does not run
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


class Cluster:
    def __init__(self, nodes=2):
        self.dir = os.path.join(lib.env["CDC_LAB_DATA"], "patroni")
        self.python = subprocess.check_output(["bash", "-c", '. "$1/common.sh" && echo "$LAB_PYTHON"', "-", lib.LAB], text=True).strip()
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir + "/etcd", mode=0o700)
        shutil.chown(self.dir + "/etcd", "postgres")
        self.log = open(self.dir + "/log", "w")
        lib.undo.append(self.close)
        urls = ["http://127.0.0.1:%d" % port for port in (FIRST_PORT, FIRST_PORT + 1)]
        self.etcd = as_postgres(["etcd", "--data-dir", self.dir + "/etcd", "--listen-client-urls", urls[0], "--advertise-client-urls", urls[0],
                                 "--listen-peer-urls", urls[1], "--initial-advertise-peer-urls", urls[1], "--initial-cluster", "default=" + urls[1]], self.log)
        self.nodes = [Node(self, number) for number in range(1, nodes + 1)]
        self.last = None
        for node in self.nodes:
            node.start()
            self.await_members(self.nodes.index(node) + 1)

    def members(self):
        """{name: (role, state)} as Patroni tells it."""
        for node in self.nodes:
            said = node.ask("GET", "/cluster") if node.process and node.process.poll() is None else None
            if said:
                return {m["name"]: (m["role"], m["state"]) for m in said["members"]}
        return {}

    def await_members(self, n, seconds=120):
        """n members run, one of them the leader."""
        def there():
            states = list(self.members().values())
            return sum(state in ("running", "streaming") for _, state in states) == n and sum(role == "leader" for role, _ in states) == 1
        if not lib.wait(there, seconds, 0.2):
            raise RuntimeError("Patroni's members: %s" % self.members())

    def leader(self):
        names = [name for name, (role, state) in self.members().items() if role == "leader" and state == "running"]
        self.last = next((node for node in self.nodes if node.name in names), self.last)
        return self.last

    def listed(self):
        """As writer.nodes(): the leader first, then who else lives."""
        leader = self.leader()
        alive = self.members()
        return [(n.name, n.dir, n.port) for n in sorted(self.nodes, key=lambda n: n is not leader) if n is leader or n.name in alive]

    def follow(self, *modules):
        """Modules of the torture look here for the nodes of their source."""
        for module in modules:
            module.nodes = self.listed
        modules[0].ADDRESS.update((node.port, "127.0.0.1") for node in self.nodes)

    def configure(self, change):
        """patronictl edit-config: merged, a null takes away."""
        if self.leader().ask("PATCH", "/config", change) is None:
            raise RuntimeError("Patroni does not take %s" % change)

    def switchover(self):
        leader = self.leader()
        to = next(node for node in self.nodes if node is not leader)
        if not lib.wait(lambda: leader.ask("POST", "/switchover", {"leader": leader.name, "candidate": to.name}), 60, 1):
            raise RuntimeError("Patroni does not switch over")
        if not lib.wait(lambda: self.leader() is to, 60, 0.1):
            raise RuntimeError("no switchover: %s" % self.members())

    def close(self):
        for node in self.nodes:
            if node.process:
                node.kill()
        self.etcd.kill()
        self.etcd.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
