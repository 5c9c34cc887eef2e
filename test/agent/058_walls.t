#!/usr/bin/env python3
"""Services of one host behind walls: a shell as the user of one reaches nothing of the others, of the agent's, of the metadata's.

The shells are had in the two ways that there are: as the user id of a service
(whatever bug of a server may give), and by COPY ... PROGRAM as a superuser whose
password leaked.
"""
from lib import *
import pwd

ADDRESSES = ("127.81.0.1", "127.81.0.9")
POSTGRES = pwd.getpwnam("postgres")


def owner(host, id):
    return os.stat(os.path.join(host.services, id, "node-0")).st_uid


def shell(uid, words, **more):
    """(exit code, output) of a shell as that user."""
    done = subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "sh", "-c", words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    return done.returncode, done.stdout.decode(errors="replace")


def program(host, address, words):
    """A shell by a superuser's COPY, as it is had with a password that leaked: (exit code, output)."""
    sql = "CREATE TEMP TABLE said (line text); COPY said FROM PROGRAM $shell$ exec 2>&1; { %s; } | tr '\\\\\\t' '/ '; exit 0 $shell$; SELECT line FROM said" % words
    return host.psql(address, sql, user="postgres", database="postgres")


def victims(host):
    """What nobody may read: the metadata's key, and a directory of root's."""
    key = write(os.path.join(host.place, "metadata.key"), "the-key-of-the-metadata\n", 0o600)
    os.chown(key, POSTGRES.pw_uid, POSTGRES.pw_gid)
    roots = os.path.join(host.place, "roots")
    os.mkdir(roots)
    os.chmod(roots, 0o755)
    write(os.path.join(roots, "file"), "of root\n", 0o644)
    return key, roots


def content(roots):
    return {name: lines_of(os.path.join(roots, name)) for name in os.listdir(roots)}


def test_reading(host, key):
    a, b = owner(host, "a"), owner(host, "b")
    first, last = map(int, host.settings["service_uids"].split("-"))
    ok(first <= a <= last and first <= b <= last and a != b, "each service has a user id of its own, out of the range", (a, b))
    equal({os.stat("/proc/%d" % host.pid_of(id, "node-0")).st_uid for id in "ab"}, {a, b}, "as which it runs")
    equal({id: (os.stat(os.path.join(host.services, id)).st_uid, os.stat(os.path.join(host.services, id)).st_mode & 0o7777) for id in "ab"}, {"a": (0, 0o710), "b": (0, 0o710)}, "its directory is the agent's: nothing in it can be replaced")
    equal([os.lstat(os.path.join(host.services, id, "node-0")).st_mode & 0o7777 for id in "ab"], [0o700, 0o700], "its data is its own alone")
    own = os.path.join(host.services, "a")
    code, out = shell(a, "find %s %s -type f -print 2>/dev/null | while read f; do [ -r \"$f\" ] && echo \"$f\"; done" % (host.services, host.place))
    readable = [path for path in out.split("\n") if path and not path.startswith((own + "/node-0/", host.place + "/roots/"))]
    equal(readable, [], "a shell as one's user reads no file of another, of the agent, of the metadata, nor its own order")
    code, out = shell(a, "for f in %(s)s/b/node-0/PG_VERSION %(s)s/b/order.json %(s)s/a/order.json %(key)s %(place)s/token %(place)s/agent.json; do cat $f; done" % {"s": host.services, "key": key, "place": host.place})
    ok(out.count("Permission denied") >= 5 and "the-key" not in out and not any(p in out for p in PASSWORDS.values()), "nor by its name", out)
    code, out = shell(a, "for p in %s; do kill -0 $p; cat /proc/$p/environ >/dev/null; done" % " ".join(str(host.pid_of("b", n)) for n in ("node-0",)))
    ok("not permitted" in out and "denied" in out, "nor signals its processes, nor reads their environment", out)
    for id, address in zip("ab", ADDRESSES):
        code, out = program(host, address, "id -u; cat %s; cat %s/%s/node-0/postgresql.conf; cat %s/%s/order.json" % (key, host.services, "ba"["ab".index(id)], host.services, id))
        like(out, str(owner(host, id)), "COPY FROM PROGRAM of a superuser of %s is that user" % id)
        ok(out.count("Permission denied") == 3 and "the-key" not in out, "and reads neither the metadata's key, nor the other's data, nor the order", out)


def test_writing(host, key, roots):
    """What it can change in its own directories makes the agent, which is root, write or read nothing."""
    a = owner(host, "a")
    before = content(roots)
    own = os.path.join(host.services, "a")
    pids = host.pid_of("a", "node-0"), host.pid_of("b", "node-0")
    code, out = shell(a, "cd %(own)s; mv log log.away; ln -s %(roots)s log; ln -s %(roots)s node-1; ln -s %(roots)s/file primary; echo 1 > primary; mv node-0 x; echo '%(pid)d 1' > node-0.pid; rm -f node-0.pid order.json; mkdir y; touch z" %
                      {"own": own, "roots": roots, "pid": pids[1]})
    equal(sorted(os.listdir(own)), ["initdb.pid", "log", "made", "node-0", "node-0.pid", "order.json"], "it makes, moves and removes nothing in its directory")
    code, out = shell(a, "for fd in /proc/%d/fd/*; do case $(readlink $fd) in *node-0.pid) echo \"%d 1\" > $fd;; esac; done" % pids)
    equal((host.pid_of("a", "node-0"), "denied" in out), (pids[0], True), "nor writes its pid file by the descriptor that holds the lock")
    # every name that the agent touches at a start
    code, out = shell(a, "cd %(own)s/node-0 && rm -f postmaster.pid && ln -s %(roots)s/file postmaster.pid && mkfifo fifo && ln -s %(roots)s/file standby.signal.x && kill -9 %(pid)d" % {"own": own, "roots": roots, "pid": pids[0]})
    ok(wait(lambda: host.pid_of("a", "node-0") != pids[0] and host.becomes("a")["state"] == "running"), "with a link in place of postmaster.pid it is started again", lambda: host.service("a"))
    equal(content(roots), before, "and nothing of root's was changed")
    equal(host.pid_of("b", "node-0"), pids[1], "nobody else's process was touched")


def test_standby(host, key, roots):
    """The copy that makes a standby is read and written as the service's user."""
    host.order("pair", node_count=2)
    wait(lambda: [n["state"] for n in host.becomes("pair")["nodes"]] == ["running"] * 2, 60, 0.05)
    uid = owner(host, "pair")
    own = os.path.join(host.services, "pair")
    secret = write(os.path.join(host.place, "linked"), "not to be copied\n", 0o600)
    os.link(secret, os.path.join(host.services, "pair/node-0/hard"))
    shell(uid, "rm -rf %(own)s/node-1/standby.signal %(own)s/node-1/base && ln -s %(roots)s %(own)s/node-1/base" % {"own": own, "roots": roots})
    os.kill(host.pid_of("pair", "node-1"), signal.SIGKILL)
    like(host.becomes("pair", says="Permission denied")["message"], "could not open \"hard\": Permission denied", "what the service may not read is not copied for it")
    os.unlink(os.path.join(host.services, "pair/node-0/hard"))
    shell(uid, "mkfifo %s/node-0/pipe; ln -s %s %s/node-0/out" % (own, key, own))
    like(host.becomes("pair", says="could not copy")["message"], "could not copy", "nor a FIFO, which nobody waits at, nor what a link leads to")
    shell(uid, "rm %s/node-0/pipe %s/node-0/out" % (own, own))
    ok(wait(lambda: [n["state"] for n in host.service("pair")["nodes"]] == ["running"] * 2, 60, 0.05), "without them the standby is made anew", lambda: host.service("pair"))
    equal({os.lstat(os.path.join(where, name)).st_uid for where, _, names in os.walk(own + "/node-1") for name in names}, {uid}, "and all of it is the service's")
    equal(sorted(os.listdir(roots)), ["file"], "root's directory is as it was")


def test_tenant(host):
    """app_user is no superuser and becomes none; what the page's user needs it can do."""
    address = ADDRESSES[0]
    for sql, what in (("CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1); ALTER TABLE orders REPLICA IDENTITY FULL; TRUNCATE orders; CREATE SCHEMA s; CREATE INDEX ON orders (id); ANALYZE orders", "makes tables, schemas and indexes"),
                      ("CREATE EXTENSION pgcrypto; SELECT digest('a', 'sha256')", "installs a trusted extension"),
                      ("CREATE DATABASE more", "makes databases"),
                      ("CREATE PUBLICATION p FOR TABLE orders; DROP PUBLICATION p", "makes publications of its tables")):
        code, out = host.psql(address, sql)
        equal((code, "ERROR" in out), (0, False), "app_user " + what) or diag(out)
    for sql in ("COPY (SELECT 1) TO PROGRAM 'id > /tmp/cdc_walls'", "COPY orders FROM PROGRAM 'echo 1'", "COPY (SELECT 1) TO '/tmp/cdc_walls'", "COPY orders FROM '/etc/passwd'", "SELECT pg_read_file('PG_VERSION')",
                "SELECT pg_ls_dir('.')", "SELECT lo_import('/etc/passwd')", "SELECT lo_export(1, '/tmp/cdc_walls')", "CREATE EXTENSION file_fdw", "CREATE EXTENSION adminpack", "CREATE EXTENSION dblink", "CREATE EXTENSION postgres_fdw",
                "CREATE EXTENSION pageinspect", "CREATE LANGUAGE plpython3u", "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'", "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'pg_backend_pid'",
                "GRANT pg_execute_server_program TO app_user", "GRANT pg_read_server_files TO app_user", "GRANT postgres TO app_user", "CREATE ROLE other SUPERUSER", "CREATE ROLE other", "ALTER ROLE app_user SUPERUSER", "ALTER ROLE app_user REPLICATION",
                "ALTER ROLE postgres PASSWORD 'mine-mine-mine'", "SET ROLE postgres", "SET SESSION AUTHORIZATION postgres", "ALTER SYSTEM SET shared_preload_libraries = 'x'", "SET session_preload_libraries = 'x'", "LOAD '/tmp/x.so'",
                "CREATE TABLESPACE t LOCATION '/tmp'", "SELECT rolpassword FROM pg_authid", "SELECT pg_create_physical_replication_slot('x')", "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p", "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()"):
        code, out = host.psql(address, sql)
        ok(code != 0 and "ERROR" in out and not out.endswith("does not exist") or "already" in out, "refused: " + sql, out)
    ok(not os.path.exists("/tmp/cdc_walls"), "no file was made")
    equal(host.psql(address, "SELECT rolsuper OR rolreplication OR rolcreaterole OR rolbypassrls, (SELECT count(*) FROM pg_auth_members WHERE member = r.oid) FROM pg_roles r WHERE rolname = 'app_user'")[1], "f|0", "it has no right of a superuser, and is a member of nothing")
    # what it can plant must not run as the superuser that watches over the server
    host.psql(address, "SELECT 1", database="postgres")
    code, out = host.psql(address, "CREATE TABLE public.pg_roles (rolname text)", database="postgres")
    like(out, "permission denied", "and makes nothing in the database where the agent asks")


def test_hogs(host):
    limits = host.service("a")["limits"]
    like(limits, "300 processes", "what a service is held to is said: its plan's")
    forks = "python3 -c 'import os,time\nn=0\ntry:\n while n<5000:\n  p=os.fork()\n  if p==0:\n   time.sleep(20); os._exit(0)\n  n+=1\nexcept OSError as e: print(\"forked\", n, e)'"
    code, out = program(host, ADDRESSES[0], forks)
    made = re.search(r"forked (\d+)", out)
    ok(made and int(made.group(1)) < 300, "a fork bomb ends at the limit", out)
    equal(host.psql(ADDRESSES[1], "SELECT 1")[1], "1", "the other service does not notice")
    if "memory and processors are not limited" in limits:
        skip("a memory hog", "this host has no cgroups")
        return
    like(limits, "300 MB of memory", "its memory is limited")
    pid = host.pid_of("b", "node-0")
    code, out = program(host, ADDRESSES[0], "python3 -c 'x = b\"x\" * (1000 << 20); print(\"has\", \"it\")'; echo ended $?")
    ok("has it" not in out, "one that wants more memory than its plan has is killed", out)
    ok(wait(lambda: host.service("a")["state"] == "running" and host.psql(ADDRESSES[0], "SELECT 1")[1] == "1", 60), "its service runs, or runs again", lambda: host.service("a"))
    equal((host.pid_of("b", "node-0"), host.psql(ADDRESSES[1], "SELECT 1")[1]), (pid, "1"), "the other one never stopped")


def test_end(host, roots):
    """A tree that is made to hurt who removes it, and a process that hides."""
    a = owner(host, "a")
    own = os.path.join(host.services, "a/node-0")
    before = content(roots)
    code, out = shell(a, "cd %s && ln -s %s links && ln -s / slash && mkdir closed && touch closed/file && mkfifo fifo2 && chmod 000 closed && chmod 500 base && for i in $(seq 400); do mkdir d && cd d; done" % (own, roots))
    equal(code, 0, "its data is made hard to remove") or diag(out)
    hidden = subprocess.Popen(["setpriv", "--reuid", str(a), "--regid", str(a), "--clear-groups", "sh", "-c", "cd /; exec sleep 1000"])
    mine = subprocess.Popen(["setpriv", "--reuid", "65533", "--clear-groups", "sleep", "1000"])
    host.ask("DELETE", "/v1/services/a")
    ok(host.gone("a"), "it is deleted", lambda: host.service("a"))
    equal((hidden.wait(10), mine.poll()), (-signal.SIGKILL, None), "a process of its user that held no lock is gone, and nobody else's")
    mine.kill()
    mine.wait()
    ok(not os.path.exists(os.path.join(host.services, "a")), "every file of it is")
    equal(content(roots), before, "what its links led to is as it was")
    equal([path for path in glob.glob("/sys/fs/cgroup/*/cdc_services/*") if os.path.basename(path).startswith("a.%d" % os.stat(host.services).st_ino)], [], "its cgroups are gone")


def test_range(host):
    other = Host(start=False, addresses="127.81.1.0/24", service_uids=host.settings["service_uids"])
    like(other.refuses_to_start(), "another agent of this host has user ids of", "a second agent with the same ids does not start")
    v2 = {"cgroup_dir": "/sys/fs/cgroup/unified"} if os.path.exists("/sys/fs/cgroup/unified/cgroup.procs") else {}
    few = Host(addresses="127.81.2.0/24", service_uids="%s-%s" % ((some_uids().split("-")[0],) * 2), **v2)
    few.order("one")
    few.becomes("one")
    if few.settings.get("cgroup_dir"):
        ok(any(line.endswith("/cdc_services/one.%d" % os.stat(few.services).st_ino) for line in lines_of("/proc/%d/cgroup" % few.pid_of("one", "node-0")).decode().split("\n") if line.startswith("0::")), "it is in a cgroup of version 2, where there is one")
        like(few.service("one")["limits"], "memory and processors are not limited", "and what its controllers do not do is said")
    status, body = few.order("two")
    ok(status == 500 and "no user id of service_uids" in body["error"], "a service gets no user of another", body)
    few.ask("DELETE", "/v1/services/one")
    few.gone("one")
    left = tempfile.mkdtemp(dir="/dev/shm")
    os.chown(left, int(few.settings["service_uids"].split("-")[0]), -1)
    status, body = few.order("two")
    ok(status == 500, "nor one that has left a file somewhere", body)
    os.rmdir(left)
    equal(few.order("two")[0], 202, "without it the id is free again")
    few.becomes("two")
    few.destroy()


def test_before():
    """A service of before, all of whose files are one user's, gets a user of its own at its next start."""
    host = Host(addresses="127.81.3.0/24", service_user="postgres")
    host.order("old")
    host.becomes("old")
    host.psql("127.81.3.1", "CREATE TABLE t AS SELECT 1 AS a")
    host.power_off()
    own = os.path.join(host.services, "old")
    order = json.loads(lines_of(own + "/order.json"))
    # the user of all could write there an id that is to be another's
    order["uid"] = owner(host, "old")
    del order["adopting"]
    write(own + "/order.json", json.dumps(order), 0o600)
    subprocess.check_call(["chown", "-R", "postgres:postgres", own])
    os.chmod(own, 0o700)
    key, roots = victims(host)
    before = content(roots), os.stat(os.path.join(roots, "file")).st_mode
    subprocess.check_call(["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "ln", key, own + "/node-0/base/1/key"])
    shell("postgres", "cd %s && rm -r log node-0.pid && ln -s %s log && ln -s %s/file node-0.pid && ln -s %s/file node-1.pid" % (own, roots, roots, roots))
    os.symlink(key, own + "/node-0/base/1/link")
    os.lchown(own + "/node-0/base/1/link", POSTGRES.pw_uid, POSTGRES.pw_gid)
    host.start()
    like(host.becomes("old", "error", says="hard link")["message"], '"key" is a hard link', "what is another's file too is given to nobody")
    equal(json.loads(lines_of(own + "/order.json"))["adopting"], True, "the id that its user has written into its order is not believed: it is given one")
    equal((os.stat(key).st_uid, os.stat(own).st_uid), (POSTGRES.pw_uid, 0), "the metadata's key stays the metadata's; the service's directory is the agent's already")
    os.unlink(own + "/node-0/base/1/key")
    like(host.becomes("old", "error", says="does not start")["message"], "node-0.pid", "nor is a link followed to take its lock")
    os.unlink(own + "/node-0.pid")
    equal(host.becomes("old")["state"], "running", "without them the service runs")
    equal(((content(roots), os.stat(os.path.join(roots, "file")).st_mode), os.path.islink(own + "/log")), (before, False), "what its links led to was not written, nor given")
    uid = owner(host, "old")
    first, last = map(int, host.settings["service_uids"].split("-"))
    ok(first <= uid <= last and os.stat("/proc/%d" % host.pid_of("old", "node-0")).st_uid == uid, "as a user of its own", uid)
    equal((host.psql("127.81.3.1", "SELECT a FROM t"), os.stat(key).st_uid), ((0, "1"), POSTGRES.pw_uid), "with its rows; what a link leads to was not given")
    equal({os.lstat(os.path.join(where, name)).st_uid for where, _, names in os.walk(own + "/node-0") for name in names}, {uid}, "all of its data is its own")
    host.destroy()


def test():
    if os.geteuid() != 0:
        skip("everything", "only root has users to give")
        return
    host = Host(addresses="127.81.0.0/24", limits={"default": {"memory_mb": 2048}, "tier-1": {"memory_mb": 300, "cpu_percent": 100, "processes": 300}})
    key, roots = victims(host)
    for id in "ab":
        host.order(id, plan="tier-1" if id == "a" else "tier-2")
        equal(host.becomes(id)["state"], "running", "service %s is made" % id)
    test_reading(host, key)
    test_writing(host, key, roots)
    test_tenant(host)
    test_hogs(host)
    test_standby(host, key, roots)
    test_end(host, roots)
    test_range(host)
    host.destroy()
    test_before()


main(test)
