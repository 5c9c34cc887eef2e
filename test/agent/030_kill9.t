#!/usr/bin/env python3
"""kill -9 of the agent before every change that it makes on disk, and at moments
in between: afterwards the plugin is exactly the old or the new one, an agent
that is started again ends the job, and asking again gives the new one."""
from lib import *

FILES = 2


def shim():
    path = os.path.join(work, "kill_at.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", path, os.path.join(HERE, "kill_at.c"), "-ldl"], check=True)
    return path


def test():
    # a preload goes before the sanitizers' library, so this is the program as it is installed
    program = os.path.join(TOP, "build/bin/cdc_agent")
    preload = shim()
    files = {v: plugin(v, files=FILES) for v in ("1.0", "2.0")}
    agent = Agent(start=False)
    path = os.path.join(agent.worker.plugins, "debezium")
    trees = {}
    for version in ("2.0", "1.0"):
        agent.start(program=program)
        equal(agent.install(files[version], version)["state"], "done", "version %s is there" % version)
        trees[version] = tree(path)
        agent.kill()
    now = "1.0"

    def other():
        return "2.0" if now == "1.0" else "1.0"

    count_file = os.path.join(work, "count")
    agent.start(program=program, env={"LD_PRELOAD": preload, "CDC_KILL_COUNT": count_file})
    agent.install(files[other()], other())
    now = other()
    agent.kill()
    changes = int(open(count_file).read())
    ok(changes > 40, "an install makes %d changes on disk" % changes)

    faults, moments, finished = [], 0, {"at once": 0, "after": 0}

    def check(what):
        """Old or new; then it converges."""
        nonlocal now, moments
        moments += 1
        wanted = other()
        seen = tree(path)
        if seen not in trees.values():
            faults.append("%s: neither old nor new: %s" % (what, seen and [f for f, _ in seen]))
        finished["after" if seen == trees[wanted] else "at once"] += 1
        agent.start(program=program)
        job = agent.ended()
        if job and job["state"] == "failed":
            faults.append("%s: %s" % (what, job["error"]))
        if agent.install(files[wanted], wanted)["state"] != "done" or tree(path) != trees[wanted] or agent.worker.versions() != [wanted] or not agent.clean():
            faults.append("%s: asked again it does not come to %s: %s, worker %s" % (what, wanted, agent.job(), agent.worker.versions()))
        left = [n for n in os.listdir(agent.settings["secret_dir"])]
        if left:
            faults.append("%s: left %s" % (what, left))
        agent.kill()
        now = wanted

    for n in range(1, changes + 1):
        if agent.run(program=program, env={"LD_PRELOAD": preload, "CDC_KILL_AT": str(n)}):
            agent.put("file://" + files[other()], sha512(files[other()]), other())
            wait(lambda: agent.process.poll() is not None or (agent.job() or {}).get("state") in ("done", "failed"), 20, 0.003)
        agent.kill()
        check("before change %d" % n)
    for n in range(8):
        agent.start(program=program)
        agent.put("file://" + files[other()], sha512(files[other()]), other())
        time.sleep(0.03 * n)
        agent.kill()
        check("after %d ms" % (30 * n))
    equal(faults, [], "killed at %d points: always exactly old or new, and it converges" % moments)
    ok(min(finished.values()) > 3, "some of them before the swap, some after: %s" % finished)

    # a removal
    agent.start(program=program)
    agent.worker.flag("hang")
    agent.ask("DELETE", "/v1/plugins/debezium")
    wait(lambda: (agent.job() or {}).get("state") == "restarting")
    agent.kill()
    agent.worker.flag("hang", False)
    agent.start(program=program)
    equal((agent.ended()["state"], tree(path), agent.clean()), ("done", None, True), "a removal that was killed goes on")

    # an agent that ends again and again in the middle gives up, and says so
    agent.worker.flag("hang")
    restarts = agent.worker.restarts()
    agent.put("file://" + files["1.0"], sha512(files["1.0"]), "1.0")
    for _ in range(5):
        # what it has before it has counted this start would not count
        wait(lambda: (agent.job() or {}).get("state") == "restarting" and agent.worker.restarts() > restarts)
        agent.kill()
        restarts = agent.worker.restarts()
        agent.start(program=program)
    agent.worker.flag("hang", False)
    job = agent.ended()
    like(job["error"], "ended in the middle of it too often", "an agent that is killed again and again gives up")
    equal((tree(path), agent.clean()), (None, True), "and puts back what was there before: nothing")
    agent.kill()


main(test)
