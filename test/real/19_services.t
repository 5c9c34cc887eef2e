#!/usr/bin/env python3
"""Services that are made, with the worker and the agent killed again and again: no orphan, no double."""
from lib import *

API = env["CDC_API_URL"]
SERVICES = env["CDC_SERVICES"]


def call(method, path, body=None):
    """(status, decoded body) of the REST API."""
    words = ["curl", "-s", "-m", "30", "-u", "%s:%s" % (env["CDC_API_USER"], env["CDC_API_PASSWORD"]), "-X", method, API + path, "-w", "\n%{http_code}"]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    out, _, status = subprocess.check_output(words, text=True).rpartition("\n")
    return int(status), json.loads(out) if out else None


def service(id_):
    status, body = call("GET", "/managed-services/" + id_)
    return body if status == 200 else None


def servers(id_):
    """Postmasters of a service; a child of theirs has the same arguments until it knows what it is for."""
    found = {}
    for entry in os.listdir("/proc"):
        try:
            words = open("/proc/%s/cmdline" % entry, "rb").read().split(b"\0") if entry.isdigit() else []
            if b"-D" in words and words[words.index(b"-D") + 1].startswith((SERVICES + "/" + id_).encode()):
                found[int(entry)] = int(open("/proc/%s/stat" % entry).read().rpartition(")")[2].split()[1])
        except OSError:
            pass
    return [pid for pid, parent in found.items() if parent not in found]


def kill_agent(start=True):
    """SIGKILL, and started again as the lab starts it."""
    kill_process(os.path.join(env["LAB_DIR"], "host.pid"))
    if start:
        lab("part-host", CDC_DATA=env["CDC_LAB_DATA"])


def kill_worker():
    pid = worker_pid()
    os.kill(pid, signal.SIGKILL)
    wait(lambda: meta_try("SELECT pid FROM cdc.worker_state() WHERE pid <> %d" % pid), 60)


def api_answers():
    return wait(lambda: call("GET", "/managed-services")[0] == 200, 60, 0.2)


def test():
    name = word("made-")
    order = {"name": name, "database_type": "postgresql", "version": env["LAB_SOURCE_VERSION"], "plan_name": "tier-1", "zone": "se-sto1", "node_count": 2}
    networks = sdn()
    undo.append(lambda: kill_agent())
    kill_agent(start=False)
    status, body = call("POST", "/managed-services", order)
    equal((status, body["status"]), (201, "pending"), "ordered while the agent is down")
    id_ = body["id"]
    undo.append(lambda: call("DELETE", "/managed-services/" + id_))
    ok(wait(lambda: "does not answer" in (service(id_)["status_message"] or ""), 30, 0.1), "its status says what is the matter", lambda: service(id_))
    equal(call("POST", "/managed-services", order)[0], 409, "a second one of its name is refused")
    kill_agent()
    for n in range(4):
        # each time a little later in its making
        time.sleep(0.3 * n)
        kill_worker()
        kill_agent()
    api_answers()
    ok(wait(lambda: service(id_)["status"] == "running", 180, 0.2), "the worker and the agent have been killed four times each: it runs", lambda: service(id_))
    ok(wait(lambda: len(servers(id_)) == 2, 30, 0.2), "two servers, no more", lambda: servers(id_))
    now = sdn()
    equal([len(now[kind]) - len(networks[kind]) for kind in networks], [1, 1, 0], "one network, with its router")
    equal(meta.one("SELECT network_id FROM cdc.service WHERE id = '%s'" % id_), (set(now["networks"]) - set(networks["networks"])).pop(), "which is in its row")
    equal([entry for entry in sorted(os.listdir(SERVICES)) if entry not in ("deleted.json", "fence.json")], [id_], "one directory")
    equal(meta.one("SELECT count(*) FROM cdc.service_node WHERE service_id = '%s'" % id_), "2", "two nodes in its row")

    status, login = call("POST", "/managed-services/%s/database-users/app_user/reveal-password" % id_)
    equal(subprocess.run(["psql", "-XqAt", login["connection_string"], "-c", "SELECT current_user || current_database()"], stdout=subprocess.PIPE, text=True).stdout.strip(), "app_userdefaultdb", "the revealed password opens")
    pids = sorted(servers(id_))
    kill_worker()
    kill_agent()
    api_answers()
    ok(wait(lambda: service(id_)["status"] == "running" and service(id_)["status_message"] is None, 60, 0.2), "started again, both find what there is", lambda: service(id_))
    equal(sorted(servers(id_)), pids, "and leave it as it is")

    # a broken one says so, by itself
    broken = dict(order, name=word("made-"), version=env["LAB_SOURCE_VERSION"], node_count=1)
    path = os.path.join(env["CDC_LAB_DATA"], "versions/postgresql", broken["version"])
    fetch = os.path.join(env["LAB_DIR"], "fetch-version")
    os.unlink(path)
    os.rename(fetch, fetch + ".away")
    undo.append(lambda: os.path.exists(fetch + ".away") and os.rename(fetch + ".away", fetch))
    with open(fetch, "w") as f:
        f.write("#!/bin/sh\necho 'the repository does not answer' >&2\nexit 1\n")
    os.chmod(fetch, 0o755)
    status, body = call("POST", "/managed-services", broken)
    other = body["id"]
    undo.append(lambda: call("DELETE", "/managed-services/" + other))
    ok(wait(lambda: service(other)["status"] == "error", 60, 0.1) and "PostgreSQL %s cannot be had here: fetch failed with exit code 1: the repository does not answer" % broken["version"] in service(other)["status_message"], "a version that cannot be fetched: error, and why", lambda: service(other))
    sink = meta.one("SELECT cdc.register_service(%s, 'kafka', 'se-sto1', jsonb_build_object('connect_urls', %s::jsonb, 'network_id', %s::text, 'addons', '[\"kafka-connect\"]'::jsonb), NULL, %s)"
                    % (lit(word("sink-")), lit(json.dumps(connect_urls())), lit(env["CDC_SINK_NETWORK"]), lit(env["CDC_ORG_ID"])))
    undo.append(lambda: meta.one("SELECT cdc.delete_service('%s')" % sink))
    refused = call("POST", "/organizations/%s/pipelines" % env["CDC_ORG_ID"], {"name": word("waits-"), "pipeline_type": "cdc_pg_to_kafka", "source_service_id": other, "sink_service_id": sink})
    made.append(refused[1]["id"])
    status_ok(refused[1]["id"], "Pending", "a pipeline on it waits", "cannot be had here")
    call("DELETE", "/organizations/%s/pipelines/%s" % (env["CDC_ORG_ID"], refused[1]["id"]))
    os.rename(fetch + ".away", fetch)
    ok(wait(lambda: service(other)["status"] == "running", 90, 0.2), "once it can be fetched the service is made", lambda: service(other))

    for one in (id_, other):
        equal(call("DELETE", "/managed-services/" + one)[0], 204, "deleted")
    kill_worker()
    kill_agent()
    api_answers()
    ok(wait(lambda: service(id_) is None, 60, 0.2), "both killed meanwhile: it is gone", lambda: service(id_))
    ok(wait(lambda: service(other) is None, 60, 0.2), "the other one too, with its pipeline", lambda: service(other))
    equal(([entry for entry in os.listdir(SERVICES) if entry not in ("deleted.json", "fence.json")], servers(id_) + servers(other)), ([], []), "no file, no process")
    equal(sdn(), networks, "no network")


main(test)
