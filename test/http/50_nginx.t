#!/usr/bin/env python3
"""nginx as the edge: src/gateway/nginx.conf, with other ports and paths, in Debian's nginx."""
import threading
from lib import *


class Nginx:
    def __init__(self, gateways, directory):
        self.dir, self.port = directory, free_port()
        text = open(os.path.join(TOP, "src/gateway/nginx.conf")).read()
        for old, new in (("server 127.0.0.1:8080 max_fails=3 fail_timeout=2s;", " ".join("server 127.0.0.1:%d max_fails=3 fail_timeout=2s;" % g.port for g in gateways)), ("listen 443 ", "listen 127.0.0.1:%d " % self.port),
                         ("/etc/ssl/cdc_gateway/fullchain.pem", directory + "/edge.crt"), ("/etc/ssl/cdc_gateway/key.pem", directory + "/edge.key")):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        with open(directory + "/site.conf", "w") as out:
            out.write(text)
        with open(directory + "/nginx.conf", "w") as out:
            out.write("worker_processes 1;\npid %(d)s/nginx.pid;\nerror_log %(d)s/error.log;\nevents {}\nhttp {\n\taccess_log off;\n" % {"d": directory} +
                      "".join("\t%s_temp_path %s/%s;\n" % (kind, directory, kind) for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) + "\tinclude %s/site.conf;\n}\n" % directory)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=edge",
                        "-keyout", directory + "/edge.key", "-out", directory + "/edge.crt"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        command = ["nginx", "-c", directory + "/nginx.conf", "-e", directory + "/error.log", "-g", "daemon off;"]
        said = subprocess.run(command[:5] + ["-t"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ok(said.returncode == 0 and "[warn]" not in said.stdout, "nginx takes the file, without a warning", said.stdout)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.stop)
        wait(self.answers)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def raw(self, address="127.0.0.1"):
        return Raw(self.port, True, 40, address)

    def send(self, data, address="127.0.0.1", head=False):
        """These bytes on a connection of their own: the answer."""
        with self.raw(address) as raw:
            raw.send(data)
            return raw.answer(head=head)


def request(method, path, body=None, user="alice", headers=()):
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return ("\r\n".join(["%s %s HTTP/1.1" % (method, path), "Host: api.example.com"] + ([basic(user, PASSWORDS[user])] if user else []) + list(headers) +
                        (["Content-Length: %d" % len(data)] if body is not None else [])) + "\r\n\r\n").encode() + data


def through(nginx, gateways, org, source, sink):
    answer = nginx.send(request("GET", "/organizations"))
    ok(answer.status == 200 and answer.json()["organizations"][0]["slug"] == "acme", "a call comes through, with its credentials", repr(answer))
    answer = nginx.send(request("GET", "/organizations/"))
    equal(answer.status, 200, "with a slash at its end too")
    answer = nginx.send(request("GET", "/organizations", user=None))
    ok(answer.status == 401 and answer.flat() and answer.headers["www-authenticate"].startswith("Basic"), "the gateway's own refusals too", repr(answer))
    answer = nginx.send(request("POST", "/organizations/%s/pipelines" % org, {"name": "edge", "pipeline_type": "cdc_pg_to_kafka", "source_service_id": source, "sink_service_id": sink, "config": {"topic_prefix": "edge"}}))
    ok(answer.status == 202 and answer.json()["status"] == "Pending", "a pipeline is made", repr(answer))
    data = b'{"name": 7}'
    answer = nginx.send(request("POST", "/organizations/%s/pipelines" % org, headers=["Transfer-Encoding: chunked"]) + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (data[:5], data[5:])) + b"0\r\n\r\n")
    ok(answer.status == 400 and answer.json()["field"] == "name", "a body in chunks", repr(answer))
    answer = nginx.send(request("GET", "/organizations/%2e%2e//x", headers=["X-Request-Id: edge.1"]))
    ok(answer.status == 404 and answer.headers["x-request-id"] == "edge.1", "the path as it was sent, the request id too", repr(answer))
    done = subprocess.run(["curl", "-sk", "--http2", "-u", "alice:" + PASSWORDS["alice"], "-w", "\n%{http_version} %{http_code}", "https://127.0.0.1:%d/organizations" % nginx.port], stdout=subprocess.PIPE, text=True)
    ok(done.stdout.endswith("\n2 200"), "HTTP/2 for those who speak it", done.stdout)
    nginx.send(request("GET", "/health/live", user=None, headers=["X-Request-Id: edge.2", "X-Forwarded-For: 192.0.2.1"]), "127.0.0.7")
    line = wait(lambda: [one for g in gateways for one in g.log_lines() if one["request_id"] == "edge.2"])
    equal(line and line[0]["remote"], "127.0.0.7", "the log has the client's address, and not what the client wrote of itself")


def refused(nginx, org):
    path = "/organizations/%s/pipelines" % org
    for name, data, status, by_gateway in (
            ("a body over the gateway's limit", request("POST", path, b"x" * 1500000), 413, True), ("a body over nginx's", request("POST", path, b"", headers=[]).replace(b"Content-Length: 0", b"Content-Length: 9000000"), 413, False),
            ("a path over the gateway's limit", request("GET", "/" + "a" * 5000), 414, True), ("a path over nginx's", request("GET", "/" + "a" * 30000), 414, False),
            ("a header over the gateway's limit", request("GET", path, headers=["X: " + "a" * 18000]), 431, True), ("a header over nginx's", request("GET", path, headers=["X: " + "a" * 30000]), 431, False),
            ("no HTTP", b"GET / nonsense\r\n\r\n", 400, False), ("both lengths", request("POST", path, b"{}", headers=["Transfer-Encoding: chunked"]), 400, False), ("two lengths", request("POST", path, b"{}", headers=["Content-Length: 2"]), 400, False),
            ("metrics", request("GET", "/metrics", user="mon"), 404, False), ("metrics with a slash", request("GET", "/metrics/", user="mon"), 404, False)):
        answer = nginx.send(data)
        ok(answer is not None and answer.status == status and answer.flat() and ("x-request-id" in answer.headers) == by_gateway, "%s: %d, a flat object, by %s" % (name, status, "the gateway" if by_gateway else "nginx"), repr(answer))
    got = []
    with nginx.raw("127.0.0.9") as raw:
        raw.send(request("GET", "/health/live", user=None) * 500)
        for _ in range(500):
            got.append(raw.answer())
    statuses = [a and a.status for a in got]
    ok(set(statuses) == {200, 429} and all(a.flat() and a.headers["retry-after"] == "1" for a in got if a.status == 429), "more than an address may: 429 with Retry-After", lambda: repr([a for a in got if not a or a.status != 200][:2]))
    equal(nginx.send(request("GET", "/health/live", user=None), "127.0.0.10").status, 200, "others are served meanwhile")


def rolling(nginx, cluster, gateways, org, source, sink):
    """Each gateway in turn is stopped and started anew on its port, under load: nothing is refused to who reads, nothing is made twice."""
    over, got, faults, names = threading.Event(), [], [], []

    def load(number):
        n = 0
        with nginx.raw("127.0.1.%d" % number) as raw:
            while not over.wait(0.03):
                n += 1
                name = "r%d-%d" % (number, n)
                body = {"name": name, "pipeline_type": "cdc_pg_to_kafka", "source_service_id": source, "sink_service_id": sink, "config": {"tables": ["t"], "topic_prefix": name}}
                for data in (request("GET", "/organizations/" + org), request("POST", "/organizations/%s/pipelines" % org, body)):
                    raw.send(data)
                    answer = raw.answer()
                    got.append(answer and answer.status)
                    if answer is None:
                        return faults.append("the connection ended")
                    if data.startswith(b"POST"):
                        if answer.status == 202:
                            names.append(name)
                        elif answer.status != 503:
                            faults.append(repr(answer))
                    elif answer.status != 200:
                        faults.append(repr(answer))

    threads = [threading.Thread(target=load, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    wait(lambda: len(got) > 20)
    for n in (0, 1, 0, 1):
        port = gateways[n].port
        ok(gateways[n].stop(), "a gateway is stopped under load")
        gateways[n] = Gateway(cluster.dsn("gw"), listen="127.0.0.1:%d" % port, trusted_proxies="127.0.0.1")
        ok(wait(lambda: len(gateways[n].log_lines()) > 5), "and comes back into service")
    over.set()
    for thread in threads:
        thread.join()
    ok(not faults, "four restarts of gateways, one after the other: who reads is always answered, who makes gets 202 or, at worst, 503", faults[:5])
    made = cluster.sql("SELECT name FROM cdc.pipeline_spec WHERE name ~ '^r[0-9]+-'").split()
    ok(len(made) == len(set(made)) and set(names) <= set(made), "what was accepted was made, and once", set(names) ^ set(made))
    diag("%d requests, %d of them 503" % (len(got), got.count(503)))


def test():
    cluster = Cluster()
    org = people(cluster)["acme"]
    source, sink = services(cluster, org, "alice")
    gateways = [Gateway(cluster.dsn("gw"), trusted_proxies="127.0.0.1") for _ in range(2)]
    directory = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_nginx.XXXXXX"], text=True).strip()
    os.chmod(directory, 0o755)
    atexit.register(shutil.rmtree, directory, True)
    nginx = Nginx(gateways, directory)
    through(nginx, gateways, org, source, sink)
    refused(nginx, org)
    rolling(nginx, cluster, gateways, org, source, sink)
    for gateway in gateways:
        gateway.stop()
    answer = nginx.send(request("GET", "/organizations"))
    ok(answer.status == 503 and answer.flat() and answer.headers["retry-after"] == "1", "no gateway there: 503 with Retry-After", repr(answer))
    nginx.stop()


main(test)
