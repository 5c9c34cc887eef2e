#!/usr/bin/env python3
"""ensure_network on real subnets: Debezium reaches the source only while both
peerings are active, and pg_hba.conf lets in the sink's subnet and no other.

Needs a lab in its network mode.
"""
import base64

from lib import *

if env.get("LAB_NETWORK") != "1":
    skip_all("the lab is not in its network mode (LAB_NETWORK=1)")

SUBNET = re.sub(r".*//(\d+\.\d+\.\d+)\..*", r"\1.0/24", env["CDC_CONNECT_URL"])
SOURCE = dict(item.split("=", 1) for item in SERVER_DSN.split())


def sdn(method, path, body=None):
    """(status, decoded body) of the SDN API, or of the simulator's doors."""
    login = base64.b64encode(("%s:%s" % (env["CDC_SDN_USER"], env["CDC_SDN_PASSWORD"])).encode()).decode()
    request = urllib.request.Request(env["CDC_SDN_URL"] + path, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json", "Authorization": "Basic " + login})
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def peerings():
    return sdn("GET", "/1.3/network-peering")[1]["network_peerings"]["network_peering"]


def reaches():
    """Can a process beside Connect open a connection to the source?"""
    words = subprocess.run([os.path.join(LAB, "network"), "in", "sink", "timeout", "2", "bash", "-c",
                            "exec 3<>/dev/tcp/%s/%s && echo yes || echo no" % (SOURCE["host"], SOURCE["port"])], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # 124: nothing answers in 2 s
    assert words.returncode == 124 or words.stdout.endswith(("yes\n", "no\n")), (words.returncode, words.stdout)
    return words.stdout == "yes\n"


def debezium_says():
    """What Debezium says of a configuration that names the source and its superuser."""
    config = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "name": "look", "topic.prefix": "look", "plugin.name": "pgoutput",
              "database.hostname": SOURCE["host"], "database.port": SOURCE["port"], "database.user": SOURCE["user"],
              "database.password": SOURCE["password"], "database.dbname": "postgres"}
    code, body = rest("PUT", "/connector-plugins/PostgresConnector/config/validate", config, seconds=60)
    return " ".join(error for item in body["configs"] for error in item["value"]["errors"]) if code == 200 else "HTTP %d" % code


def test():
    table, prefix = word("t_"), word("p")
    undo.append(lambda: sdn("PUT", "/_sim/settings", {"activate_ms": "300"}))
    source().rows("CREATE TABLE %s (id int PRIMARY KEY); INSERT INTO %s SELECT generate_series(1, 100)" % (table, table))
    undo.append(lambda: source().rows("DROP TABLE IF EXISTS %s" % table))

    equal(peerings(), [], "there is no peering yet")
    ok(not reaches(), "the source cannot be reached from where Connect is")

    sdn("PUT", "/_sim/settings", {"activate_ms": "600000"})
    id_ = create(None, [table], prefix=prefix)
    status_ok(id_, "Provisioning", "a pipeline waits until the peerings are active", r"^waiting for the network between source and sink: the peering from network .* is provisioning", step="ensure_network")
    equal(len(peerings()), 2, "both directions are made")
    ok(not reaches(), "made is not active: the source cannot be reached yet")

    sdn("PUT", "/_sim/settings", {"activate_ms": "0"})
    running_ok(id_, "it runs when they are", 120)
    ok(reaches(), "now the source is reached")
    said = debezium_says()
    ok("no pg_hba.conf entry for host \"%s" % SUBNET.rsplit(".", 1)[0] in said, "by Debezium too: the source refuses its superuser from there", said)
    equal({p["state"] for p in peerings()}, {"active"}, "both are active")
    for n, path in enumerate(node_dirs()):
        text = open(os.path.join(path, "pg_hba.conf")).read()
        line = re.search(r'^host\s+"defaultdb"\s+"%s"\s+(\S+)' % obj(id_), text, re.M)
        equal(line and line.group(1), SUBNET, "pg_hba.conf of node %d lets in the sink's subnet" % n)
    clients = source().rows("SELECT DISTINCT client_addr <<= '%s' FROM pg_stat_activity WHERE usename = '%s'" % (SUBNET, obj(id_)))
    equal(clients, [("t",)], "and it is from there that Debezium comes")
    topic = Topic("%s.public.%s" % (prefix, table))
    source().rows("INSERT INTO %s VALUES (5000)" % table)
    flows_ok(topic, "id", 5000, "events flow")
    equal(sorted({e["after"]["id"] for e in topic.events if e["op"] == "r"}), list(range(1, 101)), "after a snapshot of every row")

    # a peering fails: the route is gone, and comes back with it
    uuid = peerings()[0]["uuid"]
    sdn("PUT", "/_sim/peering", {"uuid": uuid, "state": "error"})
    undo.append(lambda: sdn("PUT", "/_sim/peering", {"uuid": uuid, "state": None}))
    wait_ok(lambda: not reaches(), "a peering fails: the source is out of reach")
    ok(re.search(r"unreachable|connect|timeout", debezium_says(), re.I), "for Debezium too")
    status_ok(id_, "Running", "which is told, and costs no status", r"UpCloud reports an error of peering %s" % uuid)
    source().rows("INSERT INTO %s VALUES (6000)" % table)
    sdn("PUT", "/_sim/peering", {"uuid": uuid, "state": None})
    wait_ok(reaches, "it works again")
    flows_ok(topic, "id", 6000, "and the row of meanwhile comes", 90)
    running_ok(id_, "all is well", 90)
    equal(len([e for e in topic.events if e["op"] == "c"]), 2, "each new row came once")
    topic.close()

    delete(id_)
    gone_ok(id_, "the pipeline is deleted")
    equal({p["state"] for p in peerings()}, {"active"}, "the peerings stay")


main(test)
