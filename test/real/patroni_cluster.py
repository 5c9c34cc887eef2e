"""patroni_cluster.py: a source that Patroni runs: etcd, and up to three nodes.

Owns their processes and data, beside a lab whose Kafka and control plane are used.
A test makes a Cluster and registers it; the torture's writer and repair find its
nodes by Cluster.follow().  What may happen to the cluster is a method each; they
return when Patroni has done it.  Judges nothing.
"""
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import lib

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
    maximum_lag_on_failover: 1073741824
%(more)s
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters: {wal_level: logical, hot_standby_feedback: 'on', max_replication_slots: 10, max_wal_senders: 10, wal_log_hints: 'on', fsync: 'off'%(parameters)s}
      pg_hba:
      - local all all trust
      - host all %(user)s 127.0.0.1/32 scram-sha-256
      - host replication replicator 127.0.0.1/32 scram-sha-256
      - host postgres replicator 127.0.0.1/32 scram-sha-256
%(hba)s
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
  basebackup: [{checkpoint: fast}]
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
            f.write(CONFIG % {"name": self.name, "dir": self.dir, "rest": self.rest, "etcd": FIRST_PORT, "port": self.port, "bin": cluster.bin,
                              "user": ADMIN["user"], "password": ADMIN["password"], "more": cluster.more, "hba": cluster.hba,
                              "parameters": ", sync_replication_slots: 'on'" if cluster.native else ""})
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

    def postmaster(self):
        return int(open(self.dir + "/data/postmaster.pid").readline())

    def sql(self, *statements):
        connection = lib.Db("host=127.0.0.1 port=%d user=%s password=%s dbname=postgres connect_timeout=5" % (self.port, ADMIN["user"], ADMIN["password"]))
        try:
            return [connection.one(statement) for statement in statements][-1]
        finally:
            connection.close()

    def kill(self):
        """SIGKILL of Patroni, the postmaster and all its children, at one moment."""
        pids = [self.process.pid]
        try:
            postmaster = self.postmaster()
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
    """hba: lines more for pg_hba.conf; more: of the cluster's dynamic configuration, as YAML;
    native: standbys sync failover slots (17 and later)."""

    def __init__(self, nodes=2, version=15, hba=(), more="", native=False):
        self.dir = os.path.join(lib.env["CDC_LAB_DATA"], "patroni")
        self.python = subprocess.check_output(["bash", "-c", '. "$1/common.sh" && echo "$LAB_PYTHON"', "-", lib.LAB], text=True).strip()
        self.bin = subprocess.check_output([os.path.join(lib.LAB, "whole-postgresql"), str(version)], text=True).strip()
        self.hba, self.more, self.native = "\n".join("      - " + line for line in hba), "\n".join("    " + line for line in more.splitlines()), native
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir + "/etcd", mode=0o700)
        shutil.chown(self.dir + "/etcd", "postgres")
        self.log = open(self.dir + "/log", "w")
        self.known, self.last, self.over = {}, None, threading.Event()
        self.nodes = []
        lib.undo.append(self.close)
        urls = ["http://127.0.0.1:%d" % port for port in (FIRST_PORT, FIRST_PORT + 1)]
        self.etcd = as_postgres(["etcd", "--data-dir", self.dir + "/etcd", "--listen-client-urls", urls[0], "--advertise-client-urls", urls[0],
                                 "--listen-peer-urls", urls[1], "--initial-advertise-peer-urls", urls[1], "--initial-cluster", "default=" + urls[1]], self.log)
        self.nodes = [Node(self, number) for number in range(1, nodes + 1)]
        for node in self.nodes:
            node.start()
            self.await_members(self.nodes.index(node) + 1)
        self.watching = threading.Thread(target=self.watch, daemon=True)
        self.watching.start()

    # -- what Patroni says
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

    def leader(self, members=None):
        names = [name for name, (role, state) in (self.members() if members is None else members).items() if role == "leader" and state == "running"]
        self.last = next((node for node in self.nodes if node.name in names), self.last)
        return self.last

    def standbys(self):
        leader = self.leader()
        return [node for node in self.nodes if node is not leader]

    def watch(self):
        """What who writes asks before each transaction is asked of Patroni some times a second."""
        while not self.over.wait(0.2):
            self.known = self.members()

    def listed(self):
        """As writer.nodes(): the leader first, then who else lives."""
        alive = self.known or self.members()
        leader = self.leader(alive)
        return [(n.name, n.dir, n.port) for n in sorted(self.nodes, key=lambda n: n is not leader) if n is leader or n.name in alive]

    def follow(self, *modules):
        """Modules of the torture look here for the nodes of their source."""
        for module in modules:
            module.nodes = self.listed
        modules[0].ADDRESS.update((node.port, "127.0.0.1") for node in self.nodes)

    # -- what may happen to it
    def configure(self, change):
        """patronictl edit-config: merged, a null takes away."""
        if self.leader().ask("PATCH", "/config", change) is None:
            raise RuntimeError("Patroni does not take %s" % change)

    def await_other_leader(self, than, seconds=120):
        if not lib.wait(lambda: self.leader() is not than, seconds, 0.1):
            raise RuntimeError("nobody was promoted: %s" % self.members())

    def switchover(self):
        leader, to = self.leader(), self.standbys()[0]
        if not lib.wait(lambda: leader.ask("POST", "/switchover", {"leader": leader.name, "candidate": to.name}), 60, 1):
            raise RuntimeError("Patroni does not switch over")
        if not lib.wait(lambda: self.leader() is to, 60, 0.1):
            raise RuntimeError("no switchover: %s" % self.members())

    def failover(self):
        """The leader dies, and comes back when another is promoted."""
        dead = self.leader()
        dead.kill()
        self.await_other_leader(dead)
        dead.start()

    def failover_lossy(self, seconds=2):
        """The same; what is acknowledged in the seconds before dies with it."""
        standbys = self.standbys()
        for node in standbys:
            os.kill(node.process.pid, signal.SIGSTOP)       # it would put right what follows
            node.sql("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
            if not lib.wait(lambda node=node: node.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0", 20):
                raise RuntimeError("the walreceiver of %s does not end" % node.name)
        time.sleep(seconds)
        dead = self.leader()
        dead.kill()
        for node in standbys:
            node.sql("ALTER SYSTEM RESET primary_conninfo", "SELECT pg_reload_conf()")
            os.kill(node.process.pid, signal.SIGCONT)
        self.await_other_leader(dead)
        dead.start()

    def restart(self, node):
        started = node.sql("SELECT pg_postmaster_start_time()")
        if node.ask("POST", "/restart", {}) is None:
            raise RuntimeError("Patroni does not restart %s" % node.name)
        restarted = lambda: node.sql("SELECT pg_postmaster_start_time()") != started
        if not lib.wait(lambda: self.try_(restarted), 60, 0.2):
            raise RuntimeError("%s was not restarted" % node.name)

    def restart_leader(self):
        self.restart(self.leader())

    def restart_standby(self):
        self.restart(self.standbys()[0])

    def reinitialize(self):
        """A standby's data is made anew."""
        node = self.standbys()[0]
        made = os.stat(node.dir + "/data/PG_VERSION").st_ino
        if not lib.wait(lambda: node.ask("POST", "/reinitialize", {"force": True}), 30, 1):
            raise RuntimeError("Patroni does not reinitialize %s" % node.name)
        if not lib.wait(lambda: self.try_(lambda: os.stat(node.dir + "/data/PG_VERSION").st_ino != made), 120, 0.2):
            raise RuntimeError("%s was not reinitialized: %s" % (node.name, self.members()))

    def failover_paused(self):
        """The leader dies while Patroni pauses; it is resumed when nobody has been promoted for longer than its ttl."""
        self.configure({"pause": True})
        paused = lambda: all((node.ask("GET", "/patroni") or {}).get("pause") for node in self.nodes)
        if not lib.wait(paused, 60, 0.2):
            raise RuntimeError("Patroni does not pause")
        dead, others = self.leader(), self.standbys()
        dead.kill()
        if not lib.wait(lambda: "leader" not in [role for role, _ in self.members().values()], 60, 0.2):
            raise RuntimeError("the leader that is dead stays the leader: %s" % self.members())
        if [node.name for node in others if self.try_(lambda node=node: node.sql("SELECT pg_is_in_recovery()") == "f")]:
            raise RuntimeError("somebody is promoted while Patroni pauses")
        if others[0].ask("PATCH", "/config", {"pause": None}) is None:
            raise RuntimeError("Patroni does not resume")
        self.await_other_leader(dead)
        dead.start()

    def lose_etcd(self):
        """Nobody can speak to etcd until the leader has demoted itself; then all can."""
        leader = self.leader()
        os.kill(self.etcd.pid, signal.SIGSTOP)
        try:
            if not lib.wait(lambda: self.try_(lambda: leader.sql("SELECT pg_is_in_recovery()") == "t"), 90, 0.1):
                raise RuntimeError("the leader that has lost etcd does not demote itself")
        finally:
            os.kill(self.etcd.pid, signal.SIGCONT)

    @staticmethod
    def try_(ask):
        try:
            return ask()
        except (lib.DbError, OSError):
            return False

    def close(self):
        self.over.set()
        for node in self.nodes:
            if node.process:
                node.kill()
        self.etcd.kill()
        self.etcd.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
