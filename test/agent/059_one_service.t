#!/usr/bin/env python3
"""What is wrong with one service of a host costs that one: its damaged order, and what its user leaves behind."""
from lib import *
import ctypes

PLACES = ("/tmp", "/var/tmp", "/dev/shm")


def owner(host, id):
    return os.stat(os.path.join(host.services, id, "node-0")).st_uid


def test_damaged(host):
    """An order that cannot be read: the agent starts, the others run, and nothing is done to this one."""
    order = os.path.join(host.services, "bad", "order.json")
    good, uid, pid = lines_of(order), owner(host, "bad"), host.pid_of("bad", "node-0")
    for what, words in (("half of it", good[:len(good) // 2]), ("nothing", b""), ("another value", b"[]"), ("another's id", good.replace(b'"uid":%d' % uid, b'"uid":77'))):
        host.kill()
        with open(order, "wb") as out:
            out.write(words)
        host.start()
        equal(host.becomes("well")["state"], "running", "%s in place of an order: the other service is watched over" % what)
        status, body = host.ask("GET", "/v1/services/bad")
        ok(status == 500 and "its order.json on the host cannot be used: " in body["error"], "... the health answer of this one says it", body)
        listed = {s["id"]: s for s in host.ask("GET", "/v1/services")[1]["services"]}
        equal((listed["well"]["state"], listed["bad"]["state"]), ("running", "error"), "... and so does the list")
        like(host.says(), "service bad: its order.json on the host cannot be used: ", "... and the log")
        equal((host.order("bad")[0], host.ask("DELETE", "/v1/services/bad")[0], lines_of(order)), (500, 500, words), "... and it is neither ordered anew nor taken away")
        equal(host.pid_of("bad", "node-0"), pid, "... and runs on")
    host.order("new")
    host.becomes("new")
    ok(owner(host, "new") != uid, "nobody else is given its user")
    host.kill()
    with open(order, "wb") as out:
        out.write(good)
    host.start()
    equal((host.becomes("bad")["state"], host.pid_of("bad", "node-0")), ("running", pid), "mended, it goes on")


def as_user(uid, what):
    """what() in a process of that user; its exit code."""
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        try:
            what()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1]


def test_left(host):
    """What a service's user leaves in shared directories goes with the service; what is another's stays."""
    if os.geteuid() != 0:
        skip("what a user leaves", "the agent is not root: all is one user's")
        return
    uid, mark = owner(host, "new"), "cdc_left.%d.%d" % (os.getpid(), random.randrange(10 ** 9))
    stranger = tempfile.mkdtemp(dir="/var/tmp", prefix="cdc_strangers.")
    os.chmod(stranger, 0o777)
    write(os.path.join(stranger, "file"), "a stranger's\n", 0o666)
    atexit.register(shutil.rmtree, stranger, True)

    def leave():
        for place in PLACES:
            top = os.path.join(place, mark)
            os.makedirs(os.path.join(top, "a/b"))
            os.symlink(stranger, os.path.join(top, "link"))
            os.link(os.path.join(top, "link"), os.path.join(top, "another"), follow_symlinks=False)
            os.mkfifo(os.path.join(top, "fifo"))
            os.chmod(os.path.join(top, "a"), 0)
            os.symlink(stranger, top + ".link")
            open(top + ".file", "w").close()
        libc = ctypes.CDLL(None, use_errno=True)
        for made in (libc.shmget(0, 4096, 0o1600), libc.semget(0, 1, 0o1600), libc.msgget(0, 0o1600)):
            if made < 0:
                raise OSError(ctypes.get_errno(), "ipc")

    def left():
        files = [os.path.join(place, name) for place in PLACES for name in os.listdir(place) if name.startswith(mark)]
        return files + [line for kind in ("shm", "sem", "msg") for line in open("/proc/sysvipc/" + kind).read().split("\n") if str(uid) in line.split()]

    equal(as_user(uid, leave), 0, "(a service's user leaves files, directories, links, and System V's objects)")
    ok(len(left()) >= 12, "(they are there)", left())
    host.ask("DELETE", "/v1/services/new")
    ok(host.gone("new"), "the service is taken back")
    equal(left(), [], "nothing of its user's is left, so that its id can be given to another")
    equal(lines_of(os.path.join(stranger, "file")), b"a stranger's\n", "what its links lead to is as it was")


def test():
    host = Host(addresses="127.84.0.0/24")
    for id in ("well", "bad"):
        host.order(id)
        host.becomes(id)
    test_damaged(host)
    test_left(host)
    for id in ("well", "bad"):
        host.ask("DELETE", "/v1/services/" + id)
    for id in ("well", "bad"):
        ok(host.gone(id), "%s is gone" % id)


main(test)
