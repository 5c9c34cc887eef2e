#!/usr/bin/env python3
"""Installing: what works, and everything that can be wrong.  After each fault
the former plugin is in use, and nothing is left beside it."""
import zipfile
from lib import *


def test_good(agent, web):
    one, two = plugin("1.0"), plugin("2.0", top="")
    agent.worker.flag("stay_away", False)
    status, body = agent.put("file://" + one, sha512(one), "1.0")
    equal((status, body["job"]["kind"], body["job"]["plugin"]), (202, "install", "debezium"), "an install is a job")
    equal(agent.ended()["state"], "done", "it is done")
    equal(agent.worker.versions(), ["1.0"], "the worker was restarted and lists it")
    path = os.path.join(agent.worker.plugins, "debezium")
    equal(sorted(os.listdir(path)), [".cdc_agent.json", "lib0.jar", "lib1.jar", "lib2.jar", "lib3.jar", "lib4.jar", "version"], "the archive's one directory is the plugin's")
    (listed,) = agent.ask("GET", "/v1/plugins")[1]["plugins"]
    equal((listed["name"], listed["version"], listed["sha512"], listed["managed"]), ("debezium", "1.0", sha512(one), True), "it is listed")
    ok(agent.clean(), "nothing is left beside it")

    restarts = agent.worker.restarts()
    equal(agent.install(one, "1.0")["state"], "done", "the same again is done")
    equal(agent.worker.restarts(), restarts, "without a restart")

    web.answers["/two"] = (200, {}, open(two, "rb").read(), None)
    web.answers["/moved"] = (302, {"Location": web.url("/two")}, b"", None)
    equal(agent.install(two, "2.0", url=web.url("/moved"))["state"], "done", "an upgrade, over HTTP, through a redirect")
    equal((agent.worker.versions(), "lib0.jar" in os.listdir(path)), (["2.0"], True), "is in use; files at the archive's top are the plugin")
    os.unlink(os.path.join(path, "version"))
    agent.worker.kill()
    equal(agent.install(two, "2.0")["state"], "done", "what the worker does not list is installed again")
    equal(agent.worker.versions(), ["2.0"], "and listed")

    z = os.path.join(tempfile.mkdtemp(dir=work), "a.zip")
    with zipfile.ZipFile(z, "w", zipfile.ZIP_DEFLATED) as f:
        f.writestr("p/version", "3.0")
        f.writestr("p/lib.jar", "x" * 10000)
    equal(agent.install(z, "3.0")["state"], "done", "a zip works too")
    for mode in ("w:xz", "w:bz2", "w:"):
        packed = archive([member("p/version", mode.encode().replace(b":", b"-"))], mode=mode)
        equal(agent.install(packed, mode.replace(":", "-"))["state"], "done", "tar " + mode)


def test_bad_archives(agent, web):
    good = plugin("1.0")
    agent.install(good, "1.0")
    path = os.path.join(agent.worker.plugins, "debezium")
    before, restarts = tree(path), agent.worker.restarts()

    def refused(said, file, what, **more):
        job = agent.install(file, "6.6", **more)
        like(job.get("error"), said, what)
        ok(tree(path) == before and agent.clean() and agent.worker.restarts() == restarts and agent.worker.versions() == ["1.0"], "... and nothing has changed",
           lambda: (job, tree(path) == before, agent.clean(), agent.worker.restarts() - restarts, agent.worker.versions()))

    bad = plugin("6.6")
    data = open(bad, "rb").read()
    refused("does not have the SHA-512 that was asked for", bad, "another checksum", sha512="0" * 128)
    for length in (0, 1, 20, len(data) // 2, len(data) - 9):
        cut = write(os.path.join(tempfile.mkdtemp(dir=work), "cut.tar.gz"), data[:length])
        refused("archive", cut, "an archive that is cut after %d of %d bytes" % (length, len(data)))
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 255
    refused("damaged", write(os.path.join(work, "flipped"), bytes(flipped)), "a damaged one")
    refused("archive", write(os.path.join(work, "text"), b"<html>not found</html>" * 100), "none at all")
    refused("empty", archive([]), "an empty one")

    outside = os.path.join(work, "outside")
    for members, said in (([member("p/../../../escape", b"x")], "leads out"), ([member("../escape", b"x")], "leads out"), ([member("p/x/..", b"x")], "leads out"),
                          ([member("/escape", b"x")], "absolute path"), ([member("//escape", b"x")], "absolute path"),
                          ([member("p/link", type=tarfile.SYMTYPE, linkname=outside), member("p/link/escape", b"x")], "symbolic link"),
                          ([member("p/version", b"6.6"), member("p/hard", type=tarfile.LNKTYPE, linkname="p/version")], "hard link"),
                          ([member("p/hard", type=tarfile.LNKTYPE, linkname="/etc/passwd")], "hard link"),
                          ([member("p/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)], "neither a file nor a directory"),
                          ([member("p/sda", type=tarfile.BLKTYPE, devmajor=8)], "neither a file nor a directory"), ([member("p/fifo", type=tarfile.FIFOTYPE)], "neither a file nor a directory"),
                          ([member("p/a", b"1"), member("p/a", b"2")], "comes twice"), ([member("p/a", b"1"), member("p/a/b", b"2")], "through what is no directory"),
                          ([member("p", type=tarfile.DIRTYPE), member("p", b"1")], "comes twice"), ([member(".", b"1")], "names the directory itself"),
                          ([member("a/" * 40 + "x", b"1")], "too deep"), ([member("x" * 300, b"1")], "too long"),
                          ([member("p/%d" % n) for n in range(300)], "more than 200 entries"), ([member("p/%d/" % n, type=tarfile.DIRTYPE) for n in range(300)], "more than 200 entries"),
                          ([member("p/zeros", bytes(30 * 1024 * 1024))], "max_extracted_bytes"), ([member("p/%d" % n, bytes(1024 * 1024)) for n in range(20)], "max_extracted_bytes")):
        refused(said, archive(members), "entries like %s" % members[-1][0].name[:30])
    ok(not os.path.exists(os.path.join(work, "escape")) and not os.path.exists("/escape") and not os.path.exists(outside) and not os.path.exists(os.path.join(agent.place, "escape")), "nothing escaped")

    refused("allowed_urls", bad, "a URL that is not allowed", url="https://example.org/x")
    refused("allowed_urls", bad, "a path that leaves what is allowed", url="file://%s/../../etc/passwd" % work)
    refused("allowed_urls", bad, "the same, encoded", url="file://%s/%%2e%%2e/x" % work)
    refused("credentials", bad, "credentials in a URL", url="http://a:b@127.0.0.1/")
    refused("failed", bad, "a file that is not there", url="file://%s/nowhere" % work)
    web.answers["/cut"] = (200, {}, data, 1000)
    web.answers["/away"] = (302, {"Location": "file:///etc/passwd"}, b"", None)
    web.answers["/round"] = (302, {"Location": web.url("/round")}, b"", None)
    web.answers["/large"] = (200, {}, bytes(3 * 1024 * 1024), None)
    web.answers["/broken"] = (500, {}, b"no", None)
    refused("failed", bad, "a download that is cut off", url=web.url("/cut"))
    refused("404", bad, "HTTP 404", url=web.url("/nowhere"))
    refused("500", bad, "HTTP 500", url=web.url("/broken"))
    refused("to which it was sent on", bad, "a redirect to what is not allowed", url=web.url("/away"))
    refused("too many redirects", bad, "redirects without end", url=web.url("/round"))
    refused("max_download_bytes", bad, "a download that is too large", url=web.url("/large"))
    refused("failed", bad, "nobody who listens", url="http://127.0.0.1:%d/" % free_port())


def test_bad_worker(agent):
    # waited for to its end, and still enough for a worker that does come back
    agent.stop()
    agent.configure(worker_timeout=8, restart_timeout=8)
    agent.start()
    path = os.path.join(agent.worker.plugins, "debezium")
    agent.install(plugin("1.0"), "1.0")
    before = tree(path)
    worker = agent.worker

    def restored(job, said, what):
        like(job.get("error"), said, what)
        ok(tree(path) == before and agent.clean(), "... the former plugin is in its place, nothing beside it", lambda: job)

    job = agent.install(plugin("2.0", more=[("debezium-connector-postgres/poison", b"x")]), "2.0")
    restored(job, "the worker has not come back within 8 s", "a plugin that ends the worker")
    like(job["error"], "the former plugin is back in use", "it says so")
    equal(worker.versions(), ["1.0"], "and the worker runs with it")
    job = agent.install(plugin("2.1"), "2.2")
    restored(job, "does not list " + CLASS + " 2.2", "a plugin of another version than was said")
    equal(worker.versions(), ["1.0"], "and the worker runs with the former one")
    worker.flag("refuse")
    job = agent.install(plugin("2.0"), "2.0")
    restored(job, "exit code 3: the unit is masked", "a restart that is refused")
    like(job["error"], "but the worker: restart_command failed", "the second one too: it says what is left to do")
    worker.flag("refuse", False)
    worker.flag("hang")
    job = agent.install(plugin("2.0"), "2.0")
    restored(job, "has not ended within 8 s", "a restart that hangs")
    worker.flag("hang", False)
    equal(agent.install(plugin("2.0"), "2.0")["state"], "done", "after that an install works")
    equal(worker.versions(), ["2.0"], "and is in use")

    # others than install
    equal(agent.ask("POST", "/v1/worker/restart")[0], 202, "a restart on demand")
    equal(agent.ended()["state"], "done", "is done")
    equal(agent.ask("GET", "/v1/worker")[1]["state"], "running", "the worker's state is running")
    worker.kill()
    equal(agent.ask("GET", "/v1/worker")[1]["state"], "down", "down when it was killed")
    worker.flag("hang")
    agent.put("file://" + plugin("3.0"), "0" * 128, "3.0")
    agent.ended()
    agent.ask("POST", "/v1/worker/restart")
    equal(agent.put("file:///x" + work, "0" * 128, "3.0")[0], 422, "what is refused at once is refused while a job runs")
    equal(agent.put("file://" + work + "/x", "0" * 128, "3.0")[0], 409, "another job waits its turn")
    equal(agent.ask("GET", "/v1/worker")[1]["state"], "restarting", "restarting meanwhile")
    worker.flag("hang", False)
    agent.ended()
    before = tree(path)
    worker.flag("stay_away")
    agent.ask("DELETE", "/v1/plugins/debezium")
    job = agent.ended()
    restored(job, "has not come back", "a removal after which the worker stays away is undone")
    worker.flag("stay_away", False)
    agent.ask("DELETE", "/v1/plugins/debezium")
    equal((agent.ended()["state"], tree(path), agent.clean(), worker.versions()), ("done", None, True, []), "a removal")
    agent.ask("DELETE", "/v1/plugins/debezium")
    equal(agent.ended()["state"], "done", "twice is fine")
    job = agent.install(plugin("2.0", more=[("debezium-connector-postgres/poison", b"x")]), "2.0")
    equal((job["state"], tree(path), worker.versions()), ("failed", None, []), "a first install that fails leaves none")
    agent.kill()
    agent.configure(restart_command=None)
    agent.start()
    like(agent.install(plugin("2.0"), "2.0")["error"], "restart_command", "no restart_command: it says so, before anything is done")


def test_full_disk():
    place = tempfile.mkdtemp(dir=work)
    if subprocess.call(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], stderr=subprocess.DEVNULL) != 0:
        return skip("a full disk", "only root can mount one")
    atexit.register(lambda: subprocess.call(["umount", "-l", place]))
    agent = Agent(place)
    path = os.path.join(agent.worker.plugins, "debezium")
    agent.install(plugin("1.0"), "1.0")
    before = tree(path)
    big = [("debezium-connector-postgres/big", os.urandom(1200 * 1024))]
    job = agent.install(plugin("2.0", more=big), "2.0")
    like(job["error"], "No space left on device", "the disk is full while it is unpacked")
    ok(tree(path) == before and agent.clean() and agent.worker.versions() == ["1.0"], "the former plugin is in use")
    job = agent.install(plugin("2.0", more=big + [("debezium-connector-postgres/big2", os.urandom(1200 * 1024))]), "2.0")
    like(job["error"], "No space left on device", "the disk is full while it is fetched")
    ok(tree(path) == before and agent.clean(), "nothing has changed")
    rest = os.path.join(place, "rest")
    fd = os.open(rest, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(fd, bytes(4096)):
            pass
    except OSError:
        os.close(fd)
    status, body = agent.ask("PUT", "/v1/secrets/s", {"value": "v"})
    equal((status, os.listdir(agent.settings["secret_dir"])), (500, []), "no secret is half written")
    like(body["error"], "No space left", "and it says why")
    os.unlink(rest)
    equal(agent.install(plugin("2.0"), "2.0")["state"], "done", "with room it works")
    agent.kill()


def test():
    web = Web()
    agent = Agent(max_entries=200, max_extracted_bytes=8 * 1024 * 1024, max_download_bytes=2 * 1024 * 1024)
    test_good(agent, web)
    test_bad_archives(agent, web)
    test_bad_worker(agent)
    test_full_disk()


main(test)
