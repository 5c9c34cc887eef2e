#!/usr/bin/env python3
"""The private network of a service: made with it through the SDN API, found again, removed with it."""
import base64
import urllib.error
import urllib.request

from lib import *

SIM = os.path.join(TOP, "build/sim/sdn_sim")


class Sdn:
    """The SDN API, simulated."""

    def __init__(self):
        self.port = free_port()
        self.state = os.path.join(work, "sdn_state")
        self.process = None
        atexit.register(self.stop)
        self.start()

    def start(self):
        self.process = subprocess.Popen([SIM, "--port", str(self.port), "--state", self.state, "--user", "sdn", "--password", "sdn-password-of-ours"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait(lambda: self.ask("GET", "/1.3/network")[0] == 200, 20, 0.02)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, method, path, body=None):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path), method=method, data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(b"sdn:sdn-password-of-ours").decode()})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                words = answer.read()
                return answer.status, json.loads(words) if words else None
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None

    def all(self, kind):
        return self.ask("GET", "/_sim/state")[1][kind]

    def fault(self, **fault):
        self.ask("POST", "/_sim/faults", fault)

    def heal(self):
        return self.ask("DELETE", "/_sim/faults")[1]["taken"]


def label(id):
    return [{"key": "cdc_pipeline_service", "value": id}]


def test():
    sdn = Sdn()
    credentials = write(os.path.join(work, "sdn"), "username = sdn\npassword = sdn-password-of-ours\n", 0o600)
    for change, said in (({"sdn_url": None}, "go together"), ({"sdn_credentials_file": None}, "go together"), ({"sdn_url": "ftp://x"}, "must begin with http")):
        host = Host(start=False, sdn_url="http://127.0.0.1:%d" % sdn.port, sdn_credentials_file=credentials)
        host.configure(**change)
        like(host.refuses_to_start(), said, "it does not start with %s" % change)
    host = Host(addresses="127.78.6.0/24", sdn_url="http://127.0.0.1:%d" % sdn.port, sdn_credentials_file=credentials)

    # of another service, and of a name alone: not ours
    sdn.ask("POST", "/1.3/router", {"router": {"name": "cdc_pipeline service one", "labels": label("another")}})
    others = [r["uuid"] for r in sdn.all("routers")]
    host.order("nowhere")
    like(host.becomes("nowhere", "error")["message"], 'private network cannot be made: the order has no "zone"', "without a zone there is no network, and no server")
    host.ask("DELETE", "/v1/services/nowhere")
    ok(host.gone("nowhere"), "which can be deleted")

    os.chmod(credentials, 0o644)
    host.order("open", zone="se-sto1")
    like(host.becomes("open", "error")["message"], "that nobody else may read: chmod 600 it", "credentials that others can read are not used")
    os.chmod(credentials, 0o600)
    host.ask("DELETE", "/v1/services/open")
    ok(host.gone("open"), "(it goes)")

    sdn.stop()
    host.order("one", zone="se-sto1", node_count=2)
    like(host.becomes("one", "error", says="SDN API does not answer")["message"], "its private network cannot be made: the SDN API does not answer", "while the API is away it says so")
    # what was made and not heard of is found; it tries again all the time: not before the faults are there
    host.kill()
    sdn.start()
    sdn.fault(method="POST", path="/1.3/network/", drop=True)
    sdn.fault(method="POST", path="/1.3/router", drop=True)
    host.start()
    made = host.becomes("one", seconds=90)
    equal(sdn.heal(), 2, "two answers were lost")
    network = [n for n in sdn.all("networks") if n["labels"] == label("one")]
    router = [r for r in sdn.all("routers") if r["labels"] == label("one")]
    equal((made["state"], len(network), len(router)), ("running", 1, 1), "one network and one router are there all the same")
    network, router = network[0], router[0]
    equal((made["network_id"], network["router"], network["zone"], network["type"]), (network["uuid"], router["uuid"], "se-sto1", "private"), "it is told, and hangs on the router")
    equal([r["address"] for r in network["ip_networks"]["ip_network"]], ["127.78.6.0/29"], "its range is the service's own")
    equal([n["address"] for n in made["nodes"]], ["127.78.6.1", "127.78.6.2"], "in which all its nodes are")
    host.order("two", zone="fi-hel2")
    two = host.becomes("two")
    equal([n["address"] for n in two["nodes"]], ["127.78.6.9"], "another service's addresses are of another range")
    ok(two["network_id"] not in (None, made["network_id"]), "and its network is its own", two)

    host.kill()
    sdn.stop()
    host.start()
    again = host.becomes("one")
    equal((again["state"], again["network_id"]), ("running", network["uuid"]), "started again while the API is away, the agent knows it")
    sdn.start()
    sdn.ask("DELETE", "/1.3/network/" + network["uuid"])
    host.kill()
    host.start()
    ok(wait(lambda: host.service("one")["network_id"] not in (None, network["uuid"]), 30, 0.05), "one that somebody deleted is made again", lambda: host.service("one"))
    equal(len(sdn.all("routers")), len(others) + 2, "on the router that is there")

    # looked at again and again while the service runs
    host.stop()
    host.configure(network_interval=1)
    host.start()
    former = host.service("two")["network_id"]
    sdn.ask("DELETE", "/1.3/network/" + former)
    ok(wait(lambda: host.service("two")["network_id"] not in (None, former), 30, 0.05), "one that is deleted under a running service too", lambda: host.service("two"))
    equal([n["uuid"] for n in sdn.all("networks") if n["labels"] == label("two")], [host.service("two")["network_id"]], "and it is the one that is told")
    sdn.stop()
    ok(wait(lambda: "service two: its network cannot be looked at" in host.says(), 30, 0.05), "while the API is away that is in the log")
    server = host.pid_of("two", "node-0")
    os.kill(server, signal.SIGKILL)
    ok(wait(lambda: host.pid_of("two", "node-0") != server and host.psql("127.78.6.9", "SELECT 1") == (0, "1"), 60, 0.05), "and the service is attended to all the same", lambda: host.service("two"))
    equal(host.becomes("two")["state"], "running", "it runs")
    sdn.start()

    sdn.fault(method="DELETE", path="/1.3/network/", effect=False, status=409, message="NETWORK_NOT_EMPTY: a peering is there", count=-1)
    host.ask("DELETE", "/v1/services/one")
    ok(wait(lambda: "NETWORK_NOT_EMPTY: a peering is there" in (host.service("one")["message"] or ""), 30, 0.05), "a network that cannot be removed is said to be", lambda: host.service("one"))
    equal(host.service("one")["state"], "deleting", "the service is not gone")
    host.kill()
    host.start()
    sdn.heal()
    ok(host.gone("one"), "when it can it is removed, by an agent that was started again too")
    host.ask("DELETE", "/v1/services/two")
    ok(host.gone("two"), "so is the other")
    equal((sdn.all("networks"), [r["uuid"] for r in sdn.all("routers")]), ([], others), "no network stays, and nobody else's router was touched")
    ok("sdn-password-of-ours" not in host.says(), "the log has no password")


main(test)
