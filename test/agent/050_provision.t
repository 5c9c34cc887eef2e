#!/usr/bin/env python3
"""The agent in provisioning mode: real PostgreSQL servers, made, kept and taken away."""
from lib import *

A = "11111111-1111-4111-8111-111111111111"


def files(host):
    """What is in services_dir, its own notes aside."""
    return [name for name in os.listdir(host.services) if name not in ("fence.json", "deleted.json")]


def test_start():
    for change, said in (({"service_uids": "500-600"}, '"service_uids" must be'), ({"service_uids": "70000-60000"}, '"service_uids" must be'), ({"service_uids": "70000-70010x"}, '"service_uids" must be'), ({"service_user": "nobody-has-this-name"}, "does not exist"), ({"service_user": "root"}, "may not be root"),
                         ({"limits": {"tier-1": {"memory_mb": 1}}}, '"memory_mb" must be'), ({"limits": {"tier-1": {"colour": 1}}}, "is none of"), ({"limits": 1}, '"limits" must be'), ({"service_addresses": "127.0.0.0/8"}, "16 to 29 bits"),
                         ({"service_addresses": "x"}, "must be an IPv4 network"), ({"postgresql_dir": None, "kafka_dir": None}, "is needed with services_dir"), ({"plugin_dir": "/tmp"}, "is beside no worker"), ({"services_dir": "/var/tmp/a b"}, "letters, digits")):
        host = Host(start=False)
        host.configure(**change)
        like(host.refuses_to_start(), said, "it does not start with %s" % change)


def test_orders(host):
    equal(host.ask("GET", "/v1/services")[1]["versions"]["postgresql"], [PG_VERSION], "it says what it can make")
    good = {"type": "postgresql", "version": "15", "admin_user": "postgres", "admin_password": "x" * 12, "app_user": "app_user", "app_password": "y" * 12}
    for change, said in (({"type": "mysql"}, '"type" must be'), ({"version": None}, '"version" is missing'), ({"version": "../15"}, '"version" must be'), ({"node_count": 3}, '"node_count" must be'),
                         ({"node_count": "1"}, '"node_count" must be'), ({"colour": 1}, '"colour" is no member'), ({"admin_password": "short"}, '"admin_password" must be'),
                         ({"app_password": "a'b; DROP"}, '"app_password" must be'), ({"app_user": 'a"b'}, '"app_user" must be'), ({"app_user": "postgres"}, "must differ"), ({"app_user": "pg_x"}, "begin with pg_"),
                         ({"allowed_cidrs": ["all"]}, '"allowed_cidrs" must be'), ({"allowed_cidrs": ["10.0.0.0/8\nhost all all all trust"]}, '"allowed_cidrs" must be'),
                         ({"connect": True}, "is for Kafka"), ({"type": "kafka", "node_count": 2}, "must be 1"), ({"type": "kafka", "connect": True}, "agent_token"), ({"auto_failover": "yes"}, "true or false")):
        status, body = host.ask("PUT", "/v1/services/x", {k: v for k, v in dict(good, **change).items() if v is not None})
        ok(status == 400 and said in body["error"], "an order with %s is refused" % change, body)
    equal(host.ask("PUT", "/v1/services/..%2fx", good)[0], 400, "and an id that is a path")
    equal((host.ask("GET", "/v1/services/x")[0], host.ask("DELETE", "/v1/services/x")[0]), (404, 404), "there is no such service")
    equal(host.ask("GET", "/v1/plugins")[0], 404, "it is beside no worker")
    equal(files(host), [], "nothing was made")


def test_one(host):
    status, body = host.order("one", database="shop", allowed_cidrs=["10.1.2.0/24", "127.0.0.1"])
    equal((status, body["service"]["state"]), (202, "checking"), "an order is taken")
    made = host.becomes("one")
    equal((made["state"], made["message"], made["nodes"]), ("running", None, [{"address": "127.78.0.1", "port": 5432, "role": "primary", "state": "running"}]), "a PostgreSQL runs on an address of its own")
    equal(made["network_id"], None, "in no network of its own, where there is no SDN API")
    ok(made["version"].startswith(PG_VERSION + "."), "and says its version", made["version"])
    equal(host.psql("127.78.0.1", "CREATE TABLE t (a int); INSERT INTO t VALUES (1); SELECT current_user, current_database(), count(*) FROM t", database="shop"), (0, "app_user|shop|1"), "app_user owns its database")
    equal(host.psql("127.78.0.1", "SHOW wal_level", user="postgres", database="postgres"), (0, "logical"), "the admin's password opens, changes can be captured")
    ok(host.psql("127.78.0.1", "SELECT 1", password="wrong-wrong", database="shop")[0] != 0, "a wrong password does not")
    like(lines_of(os.path.join(host.services, "one/node-0/pg_hba.conf")).decode(), "host all all 10.1.2.0/24 scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n", "allowed_cidrs are in pg_hba.conf")
    pid = host.pid_of("one", "node-0")
    status, body = host.order("one", database="shop", allowed_cidrs=["10.1.2.0/24", "127.0.0.1"])
    equal((status, host.pid_of("one", "node-0"), body["service"]["state"]), (202, pid, "running"), "the same order again changes nothing")
    for change, what in (({"version": "17"}, "version"), ({"node_count": 2}, "node_count"), ({"app_password": "another-password"}, "app_password")):
        status, body = host.order("one", **dict({"database": "shop", "allowed_cidrs": ["10.1.2.0/24", "127.0.0.1"]}, **change))
        equal((status, body["error"]), (409, '"%s" of a service cannot be changed' % what), "%s cannot be changed" % what)
    equal(host.ask("PUT", "/v1/services/two?installation=%s&epoch=7" % A, {})[0], 400, "an epoch is learned")
    equal(host.ask("DELETE", "/v1/services/one?installation=%s&epoch=6" % A)[0], 412, "a control plane that was replaced deletes nothing")
    fence(host)
    return pid


def fence(host):
    """What it keeps of who asks is in each of its answers about a service: whoever asks verifies it."""
    word = "0123456789abcdef." + "0" * 32
    ask = lambda method, id, query="", body=None: host.ask(method, "/v1/services/%s?installation=%s%s" % (id, A, query), body)
    kept = lambda answer: (answer[0], answer[1].get("epoch"), answer[1].get("mark"))
    equal(kept(ask("GET", "one")), (200, 7, None), "a look at a service tells the epoch that is kept")
    equal(kept(ask("GET", "none")), (404, 7, None), "so does a look at none")
    equal(kept(ask("DELETE", "one", "&epoch=6&mark=" + word)), (412, 7, None), "and a refusal")
    equal(kept(ask("DELETE", "none", "&epoch=7&mark=" + word)), (404, 7, word), "with the mark that came with it")
    equal(kept(ask("GET", "one")), (200, 7, word), "which is kept")
    equal(host.ask("PUT", "/v1/fence?installation=%s&epoch=3&mark=%s" % (A, word), {"from": "7"})[0], 200, "a host of services is adopted like any other agent")
    equal(kept(ask("GET", "one")), (200, 3, word), "and keeps what it was told")
    equal([key for key in host.ask("GET", "/v1/services/one")[1] if key != "service"], [], "who does not say who he is is told nothing of it")


def secrets_are_safe(host):
    """Files with a secret are their owner's alone; no process has one among its arguments."""
    open_files = []
    for where, _, names in os.walk(host.services):
        for name in names:
            path = os.path.join(where, name)
            if os.lstat(path).st_mode & 0o077 and any(p.encode() in lines_of(path) for p in PASSWORDS.values()):
                open_files.append(path)
    equal(open_files, [], "no file with a password may be read by others")
    ok(not any(p.encode() in lines_of("/proc/%d/cmdline" % pid) for pid in host.pids() for p in PASSWORDS.values()), "no argument is a password")
    ok(not any(p in host.says() for p in PASSWORDS.values()), "the agent's log has none")


def test_password(host):
    """The administrator's password is changed on the server, whenever the agent dies."""
    more = {"database": "shop", "allowed_cidrs": ["10.1.2.0/24", "127.0.0.1"]}
    former = PASSWORDS["admin_password"]
    opens = lambda password: host.psql("127.78.0.1", "SELECT 1", user="postgres", password=password, database="postgres")[0] == 0
    pid = host.pid_of("one", "node-0")
    for n, dies in enumerate((False, True)):
        PASSWORDS["admin_password"] = "another-one-%d-0123456789" % n
        equal(host.order("one", **more)[0], 202, "an order with another password of the administrator is taken")
        if dies:
            host.kill()
            host.start()
        ok(wait(lambda: opens(PASSWORDS["admin_password"])), "the server has it", lambda: (host.service("one"), host.says()[-1000:]))
        ok(not opens(former), "and the former one does not open any more")
        former = PASSWORDS["admin_password"]
    ok(wait(lambda: b"former_password" not in lines_of(os.path.join(host.services, "one/order.json"))), "which is kept nowhere")
    equal((host.becomes("one")["state"], host.pid_of("one", "node-0")), ("running", pid), "without a restart")


def test_survives(host, pid):
    host.kill()
    equal(host.psql("127.78.0.1", "SELECT count(*) FROM t", database="shop"), (0, "1"), "the server does not need the agent")
    host.start()
    equal((host.becomes("one")["state"], host.pid_of("one", "node-0")), ("running", pid), "an agent that is started again finds it")
    os.kill(pid, signal.SIGKILL)
    ok(wait(lambda: host.psql("127.78.0.1", "SELECT count(*) FROM t", database="shop") == (0, "1") and host.pid_of("one", "node-0") != pid), "a server that died is started again")
    host.power_off()
    host.start()
    equal(host.becomes("one")["state"], "running", "after a reboot it comes back")
    equal(host.psql("127.78.0.1", "SELECT count(*) FROM t", database="shop"), (0, "1"), "with its rows")


def test_deleted(host, ids, address="127.78.0.1"):
    for id in ids:
        status, body = host.ask("DELETE", "/v1/services/" + id)
        equal((status, body["service"]["state"]), (202, "deleting"), "%s: a delete is taken" % id)
    for id in ids:
        ok(host.gone(id), "%s is gone" % id)
    equal(host.pids(), [], "no process stays")
    equal(files(host), [], "no file stays")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 5432))
    equal(host.ask("DELETE", "/v1/services/" + ids[0])[0], 404, "a delete again finds nothing")
    status, body = host.order(ids[0])
    equal((status, body["error"], files(host)), (409, "a service of this id was deleted here", []), "an order that comes late makes nothing")


def test_fetched():
    """A version that is not there is fetched by a command, as whoever the agent is."""
    at = os.path.join(work, "fetch")
    script = write(os.path.join(work, "fetch.sh"), "#!/bin/sh\necho \"$1 $2 $(id -u) ${TOKEN-clean}\" >> %s.log\n. %s\n" % (at, at), 0o755)
    write(at, "echo the shelves are empty >&2; exit 1\n", 0o644)
    host = Host(addresses="127.78.5.0/24", fetch_command=["/bin/sh", script], fetch_timeout=2)
    host.order("fetched", version="16")
    like(host.becomes("fetched", "error")["message"], "PostgreSQL 16 cannot be had here: fetch failed with exit code 1: the shelves are empty", "a fetch that fails says why")
    write(at, "exec sleep 1000\n", 0o644)
    ok(wait(lambda: "fetch has not ended within 2 s" in host.service("fetched")["message"], 30), "one that hangs is ended", lambda: host.service("fetched"))
    write(at, "true\n", 0o644)
    ok(wait(lambda: "there is no %s/16/bin/initdb" % host.postgresql in host.service("fetched")["message"], 30), "one that brings nothing is found out", lambda: host.service("fetched"))
    write(at, "ln -s %s %s/16\n" % (os.path.join(POSTGRESQL, PG_VERSION), host.postgresql), 0o644)
    equal(host.becomes("fetched", seconds=30)["state"], "running", "once it brings the version the service is made of it")
    equal(set(open(at + ".log")), {"postgresql 16 %d clean\n" % os.getuid()}, "it is told what is wanted, and runs as the agent's user")
    host.order("other", version="16")
    host.becomes("other")
    calls = len(open(at + ".log").readlines())
    host.order("kafka", type="kafka", version="0.1", database=None)
    ok(wait(lambda: len(open(at + ".log").readlines()) > calls, 30), "a version that is there was not fetched again, a Kafka is")
    equal(open(at + ".log").readlines()[calls], "kafka 0.1 %d clean\n" % os.getuid(), "by its name")
    for id in ("fetched", "other", "kafka"):
        host.ask("DELETE", "/v1/services/" + id)
    for id in ("fetched", "other", "kafka"):
        ok(host.gone(id), "%s is gone" % id)


def test_faults(host):
    host.order("late", version="16")
    s = host.becomes("late", "error")
    like(s["message"], "PostgreSQL 16 cannot be had here", "a version that is not there is said")
    test_fetched()
    squatters = []
    for n in range(1, 7):
        squatters.append(socket.socket())
        squatters[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatters[-1].bind(("127.78.1.%d" % n, 5432))
        squatters[-1].listen()
    os.symlink(os.path.join(POSTGRESQL, PG_VERSION), os.path.join(host.postgresql, "16"))
    equal(host.becomes("late", seconds=30)["state"], "running", "once it is there it is taken")
    busy = Host(addresses="127.78.1.0/29")
    busy.order("none")
    like(busy.becomes("none", "error")["message"], "no address of 127.78.1.0/29 has its ports free", "no free port is said")
    for s in squatters:
        s.close()
    equal(busy.becomes("none", seconds=30)["state"], "running", "a port that is free again is taken")
    busy.kill()
    os.kill(busy.pid_of("none", "node-0"), signal.SIGKILL)
    wait(lambda: not busy.pids())
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.78.1.1", 5432))
        squatter.listen()
        busy.start()
        said = "another program listens on 127.78.1.1 port 5432"
        like(busy.becomes("none", "error", says=said)["message"], said, "somebody else on its port is said")
    equal(busy.becomes("none", seconds=30)["state"], "running", "and it takes its own port again")
    test_deleted(busy, ["none"], "127.78.1.1")
    busy.kill()


def test_disk():
    where = tempfile.mkdtemp(dir=work)
    if subprocess.call(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0711", "tmpfs", where], stderr=subprocess.DEVNULL) != 0:
        skip("a full disk", "no filesystem of a given size can be mounted")
        return
    try:
        host = Host(services_dir=os.path.join(where, "services"), addresses="127.78.2.0/24")
        host.order("full")
        like(host.becomes("full", "error", says="No space left on device")["message"], "No space left on device", "a full disk is said")
        subprocess.check_call(["mount", "-o", "remount,size=300m", where])
        equal(host.becomes("full", seconds=40)["state"], "running", "with space again it is made")
        test_deleted(host, ["full"], "127.78.2.1")
        host.destroy()
    finally:
        subprocess.call(["umount", "-l", where])


def test_kills():
    """Killed again and again while it makes a primary and a standby."""
    host = Host(start=False, addresses="127.78.3.0/24")
    for n in range(8):
        host.start()
        host.order("pair", node_count=2)
        time.sleep(0.2 * n)
        host.kill()
    halves = [os.path.join(host.services, *where, ".cdc_agent-0123456789abcdef") for where in ((), ("pair",))]
    for half in halves:
        open(half, "w").close()
    host.start()
    equal([half for half in halves if os.path.exists(half)], [], "files that it was writing are gone")
    # it serves as soon as its primary answers, when it ran before one of the kills
    wait(lambda: [n["state"] for n in host.becomes("pair", seconds=90).get("nodes", [])] == ["running"] * 2, 90, 0.05)
    made = host.service("pair")
    equal((made["state"], [n["state"] for n in made["nodes"]], [n["address"] for n in made["nodes"]]), ("running", ["running", "running"], ["127.78.3.1", "127.78.3.2"]), "killed 8 times, a primary and a standby run")
    equal(sorted(name for name in os.listdir(os.path.join(host.services, "pair")) if name.startswith("node-") or name == "pwfile"), ["node-0", "node-0.pid", "node-1", "node-1.pid", "node-1.streams"], "and nothing half-made is left")
    equal(len([p for p in host.pids() if b"-D\0" in lines_of("/proc/%d/cmdline" % p)]), 2, "two servers, no more")
    host.ask("DELETE", "/v1/services/pair")
    time.sleep(0.02)
    host.kill()
    host.start()
    ok(host.gone("pair") and not host.pids() and files(host) == [], "killed while it deletes, nothing stays", lambda: (host.pids(), files(host)))
    host.destroy()


def test():
    test_start()
    host = Host()
    test_orders(host)
    pid = test_one(host)
    test_password(host)
    test_survives(host, pid)
    test_faults(host)
    secrets_are_safe(host)
    test_deleted(host, ["one", "late"])
    host.destroy()
    test_disk()
    test_kills()


main(test)
