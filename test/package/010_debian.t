#!/usr/bin/env python3
"""The Debian packages: made in a Debian with nothing but what control names, looked at by lintian, installed where there
is PostgreSQL alone, used, upgraded to the next version, purged; and then nothing is left.
"""
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "test", "lib")]
from root import Root, alone
from tap import equal, free_port, like, ok, run, wait

VERSION = re.search(r"^default_version = '(.*)'", open(os.path.join(TOP, "cdc_pipeline.control")).read(), re.M).group(1)
NEXT = "%s.99" % VERSION
PACKAGES = ["cdc-agent", "cdc-gateway", "postgresql-15-cdc-pipeline"]
# What dpkg, apt and ldconfig keep for themselves, and the server of the test.
PASSED_BY = {"/proc", "/dev", "/sys", "/tmp", "/var/lib/dpkg", "/var/lib/apt", "/var/cache", "/var/log", "/etc/ld.so.cache", "/packages", "/data"}
DATA = "/data"
port = free_port()
BIN = "/usr/lib/postgresql/15/bin/"
roots = []


def root(name):
    roots.append(Root(name))
    return roots[-1]


def next_version(tree):
    """The tree as it may be one day: another version, with a way from this one."""
    path = tree + "/cdc_pipeline.control"
    text = open(path).read()
    with open(path, "w") as out:
        out.write(text.replace("default_version = '%s'" % VERSION, "default_version = '%s'" % NEXT))
    with open("%s/sql/updates/cdc_pipeline--%s--%s.sql" % (tree, VERSION, NEXT), "w") as out:
        out.write("DO $$\nDECLARE\n\told record;\nBEGIN\n"
                  "\tFOR old IN SELECT p.polname, p.polrelid FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'cdc'::regnamespace LOOP\n"
                  "\t\tEXECUTE format('DROP POLICY %I ON %s', old.polname, old.polrelid::regclass);\n\tEND LOOP;\nEND\n$$;\n-- @CODE@\n")
    path = tree + "/debian/changelog"
    text = open(path).read()
    with open(path, "w") as out:
        out.write(text.split("\n\n")[0].replace("(%s-1)" % VERSION, "(%s-1)" % NEXT) + "\n\n  * The next one.\n\n" + re.search(r"^ -- .*$", text, re.M).group() + "\n\n" + text)
    path = tree + "/src/gateway/cdc_gateway.conf"
    with open(path, "a") as out:
        out.write("# a line of the next version\n")


def build(builder, version, change=None, options="nocheck parallel=2"):
    """Makes the packages of a version, in a directory of its own; their paths outside."""
    place = "/build-" + version
    tree = builder.inside(place + "/cdc-pipeline-" + version)
    os.makedirs(tree)
    tar = subprocess.Popen(["tar", "-C", TOP, "--exclude=./.git", "--exclude=./build", "--exclude=./test/lab/run", "--exclude=*.o", "--exclude=*.d", "--exclude=*.so", "--exclude=./cdc_pipeline--*", "-cf", "-", "."], stdout=subprocess.PIPE)
    subprocess.check_call(["tar", "-C", tree, "--no-same-owner", "-xf", "-"], stdin=tar.stdout)
    tar.wait()
    if change:
        change(tree)
    code, out = builder.run("dpkg-buildpackage", "-b", "-us", "-uc", env=["DEB_BUILD_OPTIONS=" + options], cwd=place + "/cdc-pipeline-" + version)
    made = sorted(name for name in os.listdir(builder.inside(place)) if name.endswith(".deb") and "dbgsym" not in name)
    ok(code == 0, "version %s is built" % version, "\n".join(out.splitlines()[-40:]))
    equal([name.split("_")[0] for name in made], PACKAGES, "its packages are the extension, the gateway and the agent")
    return place, [builder.inside(place + "/" + name) for name in made]


def install(machine, packages, what):
    shutil.rmtree(machine.inside("/packages"), ignore_errors=True)
    os.mkdir(machine.inside("/packages"))
    for path in packages:
        shutil.copy(path, machine.inside("/packages"))
    # without a network: what they depend on lies in apt's cache, and nothing else would be found
    code, out = machine.run("apt-get", "install", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confdef", *["/packages/" + os.path.basename(path) for path in packages])
    ok(code == 0, what, out)
    return out


def psql(machine, sql, database="cdc"):
    code, out = machine.run(BIN + "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", DATA, "-p", str(port), "-U", "postgres", "-d", database, "-c", sql, user="postgres")
    return out.strip() if code == 0 else "ERROR: " + out


def server(machine, *verb):
    return machine.run(BIN + "pg_ctl", "-D", DATA + "/pg", "-w", "-s", "-l", DATA + "/log", *verb, user="postgres")


def make_server(machine):
    os.mkdir(machine.inside(DATA))
    machine.run("chown", "postgres:", DATA)
    code, out = machine.run(BIN + "initdb", "-D", DATA + "/pg", "-N", "-A", "trust", "--no-instructions", user="postgres")
    with open(machine.inside(DATA + "/pg/postgresql.conf"), "a") as conf:
        conf.write("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n"
                   "shared_preload_libraries = 'cdc_pipeline'\ncdc_pipeline.database_name = 'cdc'\ncdc_pipeline.secret_key_file = '%s/key'\n" % (port, DATA, DATA))
    machine.run("sh", "-c", "head -c 32 /dev/urandom > %s/key && chmod 600 %s/key" % (DATA, DATA), user="postgres")
    code, out = server(machine, "start")
    ok(code == 0, "a server that preloads the library starts", lambda: out + machine.read(DATA + "/log"))


def answer(http, path):
    try:
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (http, path), timeout=5) as got:
            return got.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def serves(machine):
    """The gateway as its unit starts it, but for the address."""
    http = free_port()
    command = ["chroot", machine.path, "/usr/sbin/cdc_gateway", "--config=/etc/cdc_gateway.conf", "--listen=127.0.0.1:%d" % http, "--database=host=127.0.0.1 port=%d dbname=cdc user=cdc_gateway" % port]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return wait(lambda: answer(http, "/health/live") == 200, 30)
    finally:
        process.terminate()
        process.wait()


def use(machine):
    equal(psql(machine, "CREATE DATABASE cdc", "postgres"), "", "the database is made")
    equal(psql(machine, "CREATE EXTENSION cdc_pipeline"), "", "and the extension in it")
    equal(psql(machine, "SELECT extversion FROM pg_extension WHERE extname = 'cdc_pipeline'"), VERSION, "in the version of the package")
    ok(re.match(r"[0-9a-f-]{36}$", psql(machine, "SELECT cdc.create_organization('acme')")), "an organization is made")
    ok(wait(lambda: psql(machine, "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'cdc_pipeline%'") not in ("0", ""), 60), "the worker is there")
    ok(serves(machine), "the gateway starts with the configuration that is installed")
    code, out = machine.run("/usr/sbin/cdc_agent", "--config", "/etc/cdc_agent/agent.json")
    like(out, "/etc/cdc_agent/token", "the agent misses nothing but its token")
    for name in ("cdc_gateway.service", "cdc_agent.service", "cdc_agent_host.service"):
        started = re.search(r"^ExecStart=(\S+)", machine.read("/lib/systemd/system/" + name), re.M).group(1)
        ok(os.access(machine.inside(started), os.X_OK), "%s starts what is installed" % name)
        ok(not os.path.exists(machine.inside("/etc/systemd/system/multi-user.target.wants/" + name)), "and is not enabled by it")


def upgrade(machine, packages):
    ours = machine.read("/etc/cdc_gateway.conf") + "max_connections = 100\n"
    machine.write("/etc/cdc_gateway.conf", ours)
    for path in ("/etc/cdc_gateway.password", "/etc/cdc_agent/token"):
        machine.write(path, "a secret of the administrator's\n")
    before = psql(machine, "SELECT count(*) FROM cdc.organization")
    install(machine, packages, "the next version is installed over it")
    equal(machine.read("/etc/cdc_gateway.conf"), ours, "what was changed in a configuration stays")
    code, out = server(machine, "-m", "fast", "restart")
    ok(code == 0, "the server starts with the new library", out)
    equal(psql(machine, "ALTER EXTENSION cdc_pipeline UPDATE"), "", "the extension is updated")
    equal(psql(machine, "SELECT extversion FROM pg_extension WHERE extname = 'cdc_pipeline'"), NEXT, "to the next version")
    equal(psql(machine, "SELECT count(*) FROM cdc.organization"), before, "with what was in it")


def purge(machine, before, users):
    equal(psql(machine, "DROP EXTENSION cdc_pipeline CASCADE"), "", "the extension is dropped")
    server(machine, "-m", "fast", "stop")
    code, out = machine.run("apt-get", "purge", "-y", "--autoremove", *PACKAGES)
    ok(code == 0, "the packages are purged", out)
    equal(sorted(machine.files(PASSED_BY) ^ before)[:50], [], "and nothing of them is left, nor anything else gone")
    equal(machine.read("/etc/passwd"), users, "nor a user")


def test():
    builder, machine = root("build"), root("bare")
    place, first = build(builder, VERSION)
    # nobody asked Debian for these packages, so that the first one closes no bug of its
    code, out = builder.run("sh", "-c", "lintian --allow-root --fail-on=error,warning --tag-display-limit=0 --suppress-tags=initial-upload-closes-no-bugs *.changes", cwd=place)
    ok(code == 0, "lintian finds no error and no warning", out)
    shutil.rmtree(builder.inside(place + "/cdc-pipeline-" + VERSION))
    _, second = build(builder, NEXT, next_version, "nocheck noopt parallel=2")
    before, users = machine.files(PASSED_BY), machine.read("/etc/passwd")
    install(machine, first, "they are installed, with nothing but what they depend on")
    try:
        make_server(machine)
        use(machine)
        upgrade(machine, second)
        purge(machine, before, users)
    finally:
        server(machine, "-m", "immediate", "stop")


def take_away():
    for each in roots:
        each.remove()


alone()
run(test, take_away)
