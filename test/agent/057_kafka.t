#!/usr/bin/env python3
"""The agent in provisioning mode: a real broker, Kafka Connect and its agent."""
from lib import *
import base64
import struct

HERE = "127.80.0.1"
CONNECT_PASSWORD = "of-the-worker-0123456789"
# AGENT_KAFKA=4.1 after test/lab/version kafka 4.1: the same with another one
VERSION = os.environ.get("AGENT_KAFKA", "3.9")
PLUGIN = os.path.join(CACHE, "debezium-connector-postgres-3.7.0.Final-plugin.tar.gz")


def kafka(host, *words):
    """Runs one of Kafka's tools as app_user; (exit code, output)."""
    config = write(os.path.join(host.place, "client.properties"), "bootstrap.servers=%s:9093\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n"
                   'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="app_user" password="%s";\n' % (HERE, PASSWORDS["app_password"]))
    jars = os.path.join(host.kafka, VERSION, "*")
    done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", jars, words[0], "--bootstrap-server", HERE + ":9093", "--command-config", config] + list(words[1:]),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode().strip()


def connect(method, path, login="worker:" + CONNECT_PASSWORD, body=None):
    """(status, decoded body) of Kafka Connect; login None: no credentials."""
    c = http.client.HTTPConnection(HERE, 8083, timeout=5)
    headers = {"Content-Type": "application/json"}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    c.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = c.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text and answer.status == 200 else None


def connect_answers():
    return connect("GET", "/connector-plugins")[1]


def controller_answers(key):
    """What a KRaft controller gives to a request without credentials; b"": it hangs up."""
    body = struct.pack(">hhih", key, 0, 7, -1) + (b"\0\2\x13__cluster_metadata\2\0\0\0\0\0\0\0" if key == 55 else b"")
    with socket.create_connection((HERE, 9094), timeout=5) as s:
        s.sendall(struct.pack(">i", len(body)) + body)
        try:
            return s.recv(1000)
        except ConnectionResetError:
            return b""


def test_walls(host):
    """What the service's neighbours on the host reach of it."""
    equal(controller_answers(18)[4:8], b"\0\0\0\7", "the controller says which requests it knows")
    equal(controller_answers(55), b"", "and nothing else without a password")
    for login in (None, "worker:wrong", "admin:" + PASSWORDS["admin_password"], "app_user:" + PASSWORDS["app_password"], ":"):
        equal([connect(method, path, login, body)[0] for method, path, body in (("GET", "/connectors", None), ("POST", "/connectors", {"name": "x", "config": {}}), ("GET", "/admin/loggers", None))], [401] * 3,
              "Kafka Connect takes nothing from %s" % (login and login.split(":")[0] or "nobody"))
    pids = {name: host.pid_of("events", name) for name in ("kafka", "connect", "connect-agent")}
    uids = {os.stat("/proc/%d" % pid).st_uid for pid in pids.values()}
    own = os.path.join(host.services, "events")
    equal(uids, {os.stat(own + "/kafka").st_uid}, "all of it runs as the service's own user")
    done = subprocess.run(["setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups", "find", own, "-readable"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    equal(done.stdout, b"", "nobody else reads any of its files")
    told = {name: lines_of("/proc/%d/environ" % pid) + lines_of("/proc/%d/cmdline" % pid) for name, pid in pids.items()}
    ok(not any(p.encode() in words for words in told.values() for p in list(PASSWORDS.values()) + [CONNECT_PASSWORD]), "no argument and no variable of its processes is a password")
    like(lines_of(own + "/kafka.args").decode(), "-Xmx512m", "the broker's memory is bounded")


def test():
    host = Host(addresses="127.80.0.0/24")
    order = {"type": "kafka", "version": VERSION, "admin_user": "admin", "connect": True, "agent_token": PASSWORDS["agent_token"], "connect_user": "worker", "connect_password": CONNECT_PASSWORD}
    equal(host.order("events", **order)[0], 202, "a Kafka with Kafka Connect is ordered")
    # it dies while it is being made, the agent too
    ok(wait(lambda: os.path.exists(os.path.join(host.services, "events", "kafka.pid")), 60), "the broker is started")
    wait(lambda: host.pids())
    host.kill()
    os.kill(host.pid_of("events", "kafka"), signal.SIGKILL)
    host.start()
    made = host.becomes("events", connect="running", seconds=120)
    equal((made["state"], made["bootstrap"], made["connect"]), ("running", HERE + ":9093", {"state": "running", "message": None, "url": "http://%s:8083" % HERE, "agent_url": "http://%s:8085" % HERE}),
          "the broker and the agent have died meanwhile: it runs all the same")
    if os.geteuid() == 0:
        test_walls(host)
    equal(kafka(host, "org.apache.kafka.tools.TopicCommand", "--create", "--topic", "shop")[0], 0, "app_user's SCRAM password opens")


    def ask(method, path, body=None):
        c = http.client.HTTPConnection(HERE, 8085, timeout=10)
        c.request(method, path, json.dumps(body) if body else None, {"Authorization": "Bearer " + PASSWORDS["agent_token"]})
        answer = c.getresponse()
        return answer.status, json.loads(answer.read())

    equal(ask("PUT", "/v1/secrets/one.1", {"value": "a-secret"})[0], 200, "the agent beside Kafka Connect takes secrets")
    pid = host.pid_of("events", "connect")
    status, body = ask("PUT", "/v1/plugins/debezium", {"url": "file://" + PLUGIN, "sha512": sha512(PLUGIN), "version": "3.7.0.Final", "class": CLASS})
    equal(status, 202, "and installs a plugin", )
    job = wait(lambda: (lambda j: j if j["state"] in ("done", "failed") else None)(ask("GET", "/v1/job")[1]["job"]), 120, 0.2)
    equal((job["state"], job.get("error")), ("done", None), "the worker is restarted through it")
    ok(host.pid_of("events", "connect") != pid and any(p["class"] == CLASS for p in connect_answers()), "and lists the plugin")
    equal(host.service("events")["connect"]["state"], "running", "a restart is no error")
    ok(not any(p.encode() in lines_of("/proc/%d/cmdline" % pid) for pid in host.pids() for p in PASSWORDS.values()), "no argument is a password")
    open_files = [os.path.join(where, name) for where, _, names in os.walk(host.services) for name in names
                  if os.lstat(os.path.join(where, name)).st_mode & 0o077 and any(p.encode() in lines_of(os.path.join(where, name)) for p in PASSWORDS.values())]
    equal(open_files, [], "no file with a password may be read by others")
    host.power_off()
    host.start()
    made = host.becomes("events", connect="running", seconds=120)
    equal((made["state"], made["connect"]["state"]), ("running", "running"), "after a reboot all of it comes back")
    code, topics = kafka(host, "org.apache.kafka.tools.TopicCommand", "--list")
    ok(code == 0 and {"connect-configs", "shop"} <= set(topics.split("\n")), "with its topics", topics)
    host.ask("DELETE", "/v1/services/events")
    ok(host.gone("events"), "it goes")
    equal((host.pids(), os.listdir(host.services)), ([], ["deleted.json"]), "with its processes and files")


main(test)
