#!/usr/bin/env python3
"""make demo-sql's script, with random tables, columns, prefix and name."""
import socket
import tempfile

from lib import *


def value():
    return random.choice([("integer", str(random.randrange(1, 10 ** 6))), ("text", "'%s'" % word()), ("numeric(10,2)", "%d.95" % random.randrange(1, 1000))])


def demo(environment):
    # stdin is not ours to give: a demo that asks anything would hang here
    done = subprocess.run([os.path.join(TOP, "test", "demo-sql")], env=dict(os.environ, **environment), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240)
    return done.returncode, done.stdout.decode(errors="replace")


def test_taken_port():
    """Another lab has the port: said before anything is made."""
    with socket.socket() as other, tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run([os.path.join(TOP, "test/lab/up")], env=dict(os.environ, LAB_DIR=place, LAB_PORT_BASE=str(port)), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        out = done.stdout.decode()
        ok(done.returncode == 1 and out.startswith("lab: lab: port %d is taken by pid %d: " % (port, os.getpid())) and out.count("\n") == 1,
           "a lab whose port is taken says by whom, in one line", out)


def test():
    test_taken_port()
    db = source()
    tables = [word("t_"), word("t_")]
    schema = word("s_")
    key, columns = word("k_"), [word("c_") for _ in range(3)]
    types, values = zip(*(value() for _ in columns))
    number = random.randrange(1, 10 ** 6)
    name, prefix = word("demo-"), word("p")
    db.rows("CREATE SCHEMA %s" % schema)
    undo.append(lambda: db.rows("DROP SCHEMA %s CASCADE; DROP TABLE IF EXISTS %s" % (schema, tables[1])))
    first = "%s.%s" % (schema, tables[0])
    environment = {
        "DEMO_NAME": name, "DEMO_PREFIX": prefix, "DEMO_TABLE_1": first, "DEMO_TABLE_2": "public." + tables[1],
        "DEMO_COLUMNS_1": ", ".join(["%s integer PRIMARY KEY" % key] + ["%s %s" % item for item in zip(columns, types)]),
        "DEMO_COLUMNS_2": "%s integer PRIMARY KEY" % key,
        "DEMO_INSERT": "INSERT INTO %s (%s) VALUES (%d, %s)" % (first, ", ".join([key] + columns), number, ", ".join(values)),
        "DEMO_UNDO": "DELETE FROM %s WHERE %s = %d" % (first, key, number)}
    after = {key: number}
    for column, type_, text in zip(columns, types, values):
        after[column] = text.strip("'") if type_ == "text" else float(text) if "." in text else int(text)

    def event_ok(out, what):
        found = re.search(r"^\{\n.*?^\}", out, re.S | re.M)
        event = json.loads(found.group()) if found else {}
        equal((event.get("op"), event.get("before"), event.get("after")), ("c", None, after), what + ": the event of the row, with its values")
        equal({k: event.get("source", {}).get(k) for k in ("connector", "db", "schema", "table")},
              {"connector": "postgresql", "db": "defaultdb", "schema": schema, "table": tables[0]}, what + ": and where it is from")

    bare = sum(not any("PostgresConnector" in plugin["class"] for plugin in rest("GET", "/connector-plugins", url=url)[1]) for url in connect_urls())
    joined = meta.one("SELECT count(*) FROM cdc.network_peering WHERE state_ab = 'active' AND state_ba = 'active'") == "1"
    began = time.monotonic()
    code, out = demo(environment)
    equal(code, 0, "the demo returns 0") or diag(out)
    diag("it took %.1f s" % (time.monotonic() - began))
    id_ = meta.one("SELECT id FROM cdc.pipeline WHERE name = %s" % lit(name))
    ok(id_, "its pipeline is there", out) and made.append(id_)
    event_ok(out, "first run")
    steps = re.findall(r"^  \d\d:\d\d:\d\d\.\d\d\d  (?:Provisioning|Running) ?(\w*)", out, re.M)
    # the first pipeline of a lab finds no network and no plugin there
    equal(list(dict.fromkeys(steps)), ["ensure_network"] * (not joined) + ["install_plugin"] * (bare > 0) + ["prepare_source", "create_publication", "create_connector", ""],
          "it shows each step as it happens")
    ok(re.search(r"^ +source +\| postgresql +\| %s\n +sink +\| kafka +\| %s$" % (env["CDC_SOURCE_NETWORK"], env["CDC_SINK_NETWORK"]), out, re.M), "and the networks of both sides", out)
    equal([int(n) for n in re.findall(r"^(?:peerings of the two networks|plugins of Kafka Connect) before: (\d+)$", out, re.M)], [2 * joined, len(connect_urls()) - bare],
          "and what was there before")
    ok(re.search(r"^status +\| Running$", out, re.M) and re.search(r"^connector_name +\| %s$" % con(id_), out, re.M), "and the status", out)
    ok("make lab-down" in out and "cdc.delete_pipeline('%s')" % id_ in out, "and how to look around and to stop the lab", out)

    def everything():
        return meta.lines("SELECT id, name, status FROM cdc.pipeline ORDER BY 1") + "".join(world())

    before = everything()
    code, out = demo(environment)
    equal(code, 0, "a second run returns 0") or diag(out)
    ok("The pipeline of an earlier run is there: " + id_ in out, "it finds the pipeline", out)
    event_ok(out, "second run")
    same_ok(before, everything(), "and makes nothing new")
    # a snapshot that Connect itself interrupted is taken again
    discard = ("begin_discard", "drop_slot", "delete_offsets", "end_discard") if len(starts(id_)) > 1 else ()
    equal([e["detail"]["action"] for e in events(id_, "kind IN ('action', 'drift')") if e["detail"]["action"] not in discard],
          ["create_peering"] * 2 * (not joined) + ["install_plugin"] * bare + ["put_secret", "create_role", "write_hba", "create_publication", "put_connector"],
          "nothing was done twice, and the network and the plugin where they were missing")


main(test)
