#!/usr/bin/env python3
"""The agent in provisioning mode: a standby takes over, the former primary becomes one."""
from lib import *
import threading

ADDRESSES = ("127.79.0.1", "127.79.0.2")


class Writer(threading.Thread):
    """Commits one row after the other; what was acknowledged, and when."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.host, self.stop, self.acknowledged, self.between = host, False, [], threading.Lock()
        self.start()

    def run(self):
        n = 0
        while not self.stop:
            with self.between:
                for address in ADDRESSES:
                    code, out = self.host.psql(address, "INSERT INTO t SELECT %d WHERE NOT pg_is_in_recovery() RETURNING a" % n)
                    if code == 0 and out:
                        self.acknowledged.append((n, time.monotonic()))
                        break
            n += 1


def roles(host):
    s = host.service("pair")
    return s and [(n["role"], n["state"]) for n in s["nodes"]]


def settled(host, primary):
    wanted = [("standby", "running"), ("standby", "running")]
    wanted[primary] = ("primary", "running")
    return wait(lambda: roles(host) == wanted and host.service("pair")["message"] is None, 60, 0.05)


def fail_over(host, primary, agent_dies):
    """Kills the primary under a writer; gives what was lost."""
    writer = Writer(host)
    wait(lambda: len(writer.acknowledged) >= 5)
    pid = host.pid_of("pair", "node-%d" % primary)
    if agent_dies:
        host.kill()
    # what is acknowledged and not sent yet dies with a primary: it is killed when nothing is
    with writer.between:
        last = str(writer.acknowledged[-1][0])
        ok(wait(lambda: host.psql(ADDRESSES[1 - primary], "SELECT count(*) FROM t WHERE a = %s" % last)[1] == "1"), "the standby has what was acknowledged")
        killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
    if agent_dies:
        host.start()
    back = wait(lambda: any(at > killed + 0.3 and host.psql(ADDRESSES[1 - primary], "SELECT pg_is_in_recovery()")[1] == "f" for _, at in writer.acknowledged[-1:]), 60, 0.05)
    ok(back, "the primary, node %d, dies%s: node %d takes over" % (primary, " with the agent" if agent_dies else "", 1 - primary), lambda: host.service("pair"))
    pause = max((b[1] - a[1] for a, b in zip(writer.acknowledged, writer.acknowledged[1:])), default=0)
    diag("no row was taken for %.1f s" % pause)
    ok(settled(host, 1 - primary), "the former primary streams from it", lambda: (host.service("pair"), host.says()[-2000:]))
    writer.stop = True
    writer.join()
    wanted = [n for n, _ in writer.acknowledged]
    here = set(host.psql(ADDRESSES[1 - primary], "SELECT a FROM t")[1].split("\n"))
    equal([n for n in wanted if str(n) not in here], [], "none of %d acknowledged rows is missing" % len(wanted))
    ok(wait(lambda: set(host.psql(ADDRESSES[primary], "SELECT a FROM t")[1].split("\n")) == here), "the standby has them too")
    equal(host.psql(ADDRESSES[primary], "SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical')")[1], "t|0", "and keeps WAL for nobody")
    equal(host.psql(ADDRESSES[1 - primary], "SELECT string_agg(slot_name || active, ' ') FROM pg_replication_slots")[1], "node_%dtrue" % primary, "the slot of the standby is the only one")
    host.psql(ADDRESSES[1 - primary], "TRUNCATE t")


def plant(host):
    """In PostgreSQL 14 and before everybody may make functions in public, also in the database where the agent asks."""
    host.psql(ADDRESSES[0], "GRANT CREATE ON SCHEMA public TO PUBLIC; CREATE TABLE public.stolen (who name); GRANT ALL ON public.stolen TO PUBLIC", user="postgres", database="postgres")
    for name, takes in (("pg_create_physical_replication_slot", "text, boolean"), ("pg_drop_replication_slot", "text")):
        code, out = host.psql(ADDRESSES[0], "CREATE FUNCTION public.%s(%s) RETURNS int LANGUAGE sql AS 'INSERT INTO public.stolen SELECT current_user RETURNING 1'" % (name, takes), database="postgres")
        equal(code, 0, "app_user has put a %s of its own there" % name) or diag(out)


class Listener(threading.Thread):
    """Another user's program at a server's address while that is down: asks whoever comes for the password in clear."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.said, self.socket = [], socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.bound = wait(lambda: self.bind(address), 20, 0.05)
        self.start()

    def bind(self, address):
        try:
            self.socket.bind((address, 5432))
            self.socket.listen()
            return True
        except OSError:
            return False

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
                client.settimeout(5)
                client.recv(8192)
                client.sendall(b"R\0\0\0\x08\0\0\0\x03")
                self.said.append(client.recv(8192))
                client.close()
            except OSError:
                if self.socket.fileno() < 0:
                    return

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def listened_to(host):
    """The standby, whose primary is down, tells its password to nobody who listens in its place."""
    log = os.path.join(host.services, "pair/log/node-1")
    primary = host.pid_of("pair", "node-0")
    host.kill()
    os.kill(primary, signal.SIGKILL)
    listener = Listener(ADDRESSES[0])
    ok(listener.bound, "while the primary is down somebody else listens in its place")
    before = lines_of(log).count(b"could not connect to the primary server")
    ok(wait(lambda: listener.said or lines_of(log).count(b"could not connect to the primary server") >= before + 2, 60, 0.05), "the standby tries to reach it again and again")
    equal([said for said in listener.said if PASSWORDS["admin_password"].encode() in said], [], "who listens is not told the superuser's password")
    listener.close()
    host.start()
    ok(settled(host, 0), "with the primary the standby streams again", lambda: host.service("pair"))


def made_without_sockets(host):
    """A pair that was made before standbys came by a socket does so from its next start."""
    hba = os.path.join(host.services, "pair/node-0/pg_hba.conf")
    host.power_off()
    for node in (0, 1):
        shutil.rmtree(os.path.join(host.services, "pair/socket-%d" % node))
    kept = open(hba).read()
    open(hba, "w").write("".join(line for line in kept.splitlines(True) if not line.startswith("local")))
    host.start()
    ok(settled(host, 0), "without sockets and their line in pg_hba.conf both come up", lambda: (host.service("pair"), host.says()[-2000:]))
    equal(host.psql(ADDRESSES[0], "SELECT count(*), bool_and(client_addr IS NULL) FROM pg_stat_replication", user="postgres")[1], "1|t", "and the standby streams by the socket")


def test():
    host = Host(addresses="127.79.0.0/24")
    host.order("pair", node_count=2, auto_failover=True)
    equal((host.becomes("pair")["state"], settled(host, 0)), ("running", True), "a primary and a standby")
    equal(host.psql(ADDRESSES[0], "CREATE TABLE t (a int)")[0], 0, "a table")
    equal(host.psql(ADDRESSES[0], "SELECT current_setting('hot_standby_feedback'), slot_type, active FROM pg_replication_slots")[1], "on|physical|t", "a physical slot and feedback: fit for shadow slots")
    plant(host)
    fail_over(host, 0, False)
    fail_over(host, 1, True)
    equal(host.psql(ADDRESSES[0], "SELECT * FROM public.stolen", user="postgres", database="postgres"), (0, ""), "nothing that app_user has planted ran as the superuser")
    standby = host.pid_of("pair", "node-1")
    os.kill(standby, signal.SIGKILL)
    ok(wait(lambda: host.pid_of("pair", "node-1") != standby) and settled(host, 0), "a standby that dies is started again")
    host.power_off()
    host.start()
    ok(settled(host, 0), "after a reboot both are what they were", lambda: host.service("pair"))
    # a standby that has not all of it must not take over
    hba = os.path.join(host.services, "pair/node-0/pg_hba.conf")
    kept = open(hba).read()
    open(hba, "w").write("local replication postgres reject\nhost replication postgres samehost reject\n" + kept)
    host.psql(ADDRESSES[0], "SELECT pg_reload_conf(), (SELECT count(pg_terminate_backend(pid)) FROM pg_stat_replication)", user="postgres")
    ok(wait(lambda: roles(host)[1] == ("standby", "not streaming"), 30, 0.05), "a standby that does not stream is told of", lambda: host.service("pair"))
    host.psql(ADDRESSES[0], "INSERT INTO t VALUES (-1)")
    primary = host.pid_of("pair", "node-0")
    os.kill(primary, signal.SIGKILL)
    ok(wait(lambda: host.pid_of("pair", "node-0") != primary and host.psql(ADDRESSES[0], "SELECT a FROM t WHERE a = -1 AND NOT pg_is_in_recovery()") == (0, "-1"), 60, 0.05),
       "it does not take over: the primary is started again", lambda: host.service("pair"))
    open(hba, "w").write(kept)
    host.psql(ADDRESSES[0], "SELECT pg_reload_conf()", user="postgres")
    ok(settled(host, 0), "and follows when it can", lambda: host.service("pair"))
    host.order("pair", node_count=2, auto_failover=False)
    primary = host.pid_of("pair", "node-0")
    os.kill(primary, signal.SIGKILL)
    ok(wait(lambda: host.pid_of("pair", "node-0") != primary) and settled(host, 0), "without auto_failover the primary is started again", lambda: host.service("pair"))
    listened_to(host)
    made_without_sockets(host)
    host.ask("DELETE", "/v1/services/pair")
    ok(host.gone("pair") and not host.pids(), "both go")


main(test)
