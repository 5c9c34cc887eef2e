#!/usr/bin/env python3
"""The agent in provisioning mode: a real broker, Kafka Connect and its agent."""
from lib import *

HERE = "127.80.0.1"
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


def connect_answers():
    c = http.client.HTTPConnection(HERE, 8083, timeout=5)
    c.request("GET", "/connector-plugins")
    return json.load(c.getresponse())


def test():
    host = Host(addresses="127.80.0.0/24")
    order = {"type": "kafka", "version": VERSION, "admin_user": "admin", "connect": True, "agent_token": PASSWORDS["agent_token"]}
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
    connect_answers()
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
