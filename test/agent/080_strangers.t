#!/usr/bin/env python3
"""Whoever can reach the agent's port without its token: he takes no place from who has it, and nothing that he does lasts."""
from lib import *

SECONDS = 2                 # request_timeout of the agents here
GET = b"GET /v1/job HTTP/1.1\r\nHost: agent\r\n"
AUTH = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
LEAKS = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:exitcode=23"}


class Raw:
    def __init__(self, agent, data=b"", address="127.0.0.1"):
        host = "::1" if ":" in address else "127.0.0.1"
        self.socket = socket.create_connection((host, agent.port), 20, (address, 0))
        self.send(data)

    def send(self, data):
        self.socket.sendall(data)

    def status(self):
        """Of the next answer (its body is read), None at the end."""
        buffer = b""
        try:
            while b"\r\n\r\n" not in buffer:
                more = self.socket.recv(1)
                if not more:
                    return None
                buffer += more
            length = int(re.search(rb"(?i)content-length: (\d+)", buffer).group(1))
            while length > 0:
                length -= len(self.socket.recv(length))
        except (OSError, ValueError):
            return None
        return int(buffer.split()[1])

    def ended(self, seconds):
        """Does it end in this time?  (what comes before is thrown away)"""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        except socket.timeout:
            return False
        return True

    def close(self):
        self.socket.close()


def deadlines():
    """A byte now and then does not prolong anything."""
    agent = Agent(request_timeout=SECONDS)
    many = b"".join(b"X-%d: 1\r\n" % n for n in range(20))
    results = {}

    def case(name, first, drip):
        raw, start = Raw(agent, first), time.monotonic()
        raw.socket.settimeout(0.3)
        ended = None
        while ended is None and time.monotonic() < start + 30:
            try:
                if raw.socket.recv(65536) == b"":
                    ended = time.monotonic() - start
            except socket.timeout:
                try:
                    raw.send(drip)
                except OSError:
                    ended = time.monotonic() - start
            except ConnectionError:
                ended = time.monotonic() - start
        results[name] = ended
        raw.close()

    cases = [("a byte of the request line now and then", b"GET /v1/job", b"a"), ("a byte of a header", GET + many, b"a"), ("an empty line", b"", b"\r\n"),
             ("a byte of a body, with the token", b"PUT /v1/secrets/x HTTP/1.1\r\nHost: a\r\n" + AUTH + b"Content-Length: 4000\r\n\r\n", b"a"),
             ("a chunk, with the token", b"PUT /v1/secrets/x HTTP/1.1\r\nHost: a\r\n" + AUTH + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
             ("a body without end, with the token", b"PUT /v1/secrets/x HTTP/1.1\r\nHost: a\r\n" + AUTH + b"Content-Length: 100000000000\r\n\r\n", b"a" * 100000)]
    threads = [threading.Thread(target=case, args=c) for c in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, _, _ in cases:
        ok(results[name] is not None and results[name] >= SECONDS - 0.5, "%s: over after request_timeout" % name, results[name])
    # who does not read his answer
    agent.ask("GET", "/v1/state")
    raw = Raw(agent)
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    start, sent = time.monotonic(), True
    raw.socket.settimeout(0.3)
    while sent and time.monotonic() < start + 90:
        try:
            raw.send((GET + AUTH + b"\r\n") * 2000)
        except socket.timeout:
            pass
        except OSError:
            sent = False
    ok(not sent, "an answer that is not read is over after it, too", time.monotonic() - start)
    equal(agent.ask("GET", "/v1/job")[0], 200, "and the agent answers")
    equal(agent.stop(), 0, "it ends well")


def places(address, listen, others):
    """Strangers take all places that there are; who has the token gets one all the same."""
    agent = Agent(listen_address=listen, max_connections=16, address_connections=8, request_timeout=30)
    known = Raw(agent, GET + AUTH + b"\r\n", address)
    equal(known.status(), 200, "%s: somebody with the token" % address)
    held = [Raw(agent, GET, a) for a in others for _ in range(40)]
    ok(wait(lambda: sum(raw.ended(0.01) for raw in held) >= len(held) - 16), "of %d connections of strangers at most 16 stay" % len(held))
    got = []
    for _ in range(20):
        raw = Raw(agent, GET + AUTH + b"\r\n", address)
        got.append(raw.status())
        raw.close()
    equal(got, [200] * 20, "who has the token comes in, twenty times")
    known.send(GET + AUTH + b"\r\n")
    equal(known.status(), 200, "and keeps the connection that he had")
    for raw in held:
        raw.close()
    # one address alone
    held = [Raw(agent, GET, others[0]) for _ in range(40)]
    ok(wait(lambda: sum(raw.ended(0.01) for raw in held) >= 32), "of 40 of one address at most 8 stay")
    for raw in held:
        raw.close()
    agent.stop()


def bodies():
    """Without the token nothing is read, with it no more than 64 KiB are kept."""
    agent = Agent(max_connections=100, address_connections=100)
    memory = lambda: int(re.search(r"^VmRSS:\s+(\d+) kB", open("/proc/%d/status" % agent.process.pid).read(), re.M).group(1)) * 1024
    raw = Raw(agent, b"PUT /v1/secrets/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n")
    equal(raw.status(), 401, "a wrong token is told so before the body")
    ok(raw.ended(5), "and the connection ends")
    before, held = memory(), []
    for _ in range(60):
        raw = Raw(agent, b"PUT /v1/secrets/x HTTP/1.1\r\nHost: a\r\n" + AUTH + b"Content-Length: 2000000\r\n\r\n")
        raw.socket.settimeout(2)
        try:
            raw.send(b"x" * 1999999)
        except OSError:
            pass
        held.append(raw)
    grown = memory() - before
    ok(grown < 60 * 2000000 // 4, "sixty bodies of 2 MB are not kept", grown)
    for raw in held:
        raw.close()
    equal(os.listdir(agent.settings["secret_dir"]), [], "nothing was written")
    agent.stop()


def secret_paths():
    for path in ("/var/${env:HOME}", "/a:b", "/a}", "/a b", "/a/../b", "/a/..", "/a/./b", "/a//b", "/", "/" + "a" * 2000, "/a\nb", "/\u00e4"):
        agent = Agent(start=False, secret_path=path)
        like(agent.refuses_to_start(), "secret_path", "secret_path %r is refused" % path[:20])
    agent = Agent(secret_path="/run/connect-secrets/a_b.c")
    equal(agent.ask("GET", "/v1/state")[1]["secret_path"], "/run/connect-secrets/a_b.c", "a plain one is told")
    agent.stop()


def words():
    """What an answer says is text, whatever the host's files and peers say."""
    agent = Agent(connect_url="http://127.0.0.1:1")
    os.mkdir(os.path.join(agent.worker.plugins.encode(), b"odd\xff\xfename"))
    write(os.path.join(agent.settings["secret_dir"].encode(), b"odd\xff"), "x")
    status, state = agent.ask("GET", "/v1/state")
    equal((status, state and state["secrets"], [p["name"] for p in (state or {}).get("plugins", [])]), (200, [], []), "names that the agent cannot have made are not told")
    write(agent.worker.script, "#!/bin/sh\nprintf 'bad \\377 %s\\n' " + "x" * 100000 + "\nexit 1\n", 0o755)
    agent.ask("POST", "/v1/worker/restart")
    job = agent.ended()
    ok(job and job["state"] == "failed" and len(job["error"]) <= 1000 and "bad ?" in job["error"], "what a command said is valid, and bounded", job)
    agent.stop()


def leaks():
    """A look leaves nothing behind: plugins that are not ours, workers that do not answer, requests that are refused."""
    agent = Agent(start=False, connect_url="http://127.0.0.1:1")
    os.mkdir(os.path.join(agent.worker.plugins, "by-hand"))
    os.mkdir(os.path.join(agent.worker.plugins, "damaged"))
    write(os.path.join(agent.worker.plugins, "damaged", ".cdc_agent.json"), "{")
    write(os.path.join(agent.worker.plugins, "a-file"), "")
    agent.start(env=LEAKS)
    for _ in range(20):
        for method, path, body in (("GET", "/v1/state", None), ("GET", "/v1/plugins", None), ("GET", "/v1/worker", None), ("GET", "/v1/job", None), ("GET", "/v1/secrets", None), ("GET", "/nowhere", None),
                                   ("PUT", "/v1/secrets/x", {"value": 1}), ("PUT", "/v1/secrets/x?installation=a&epoch=1", {"value": "v"}), ("PUT", "/v1/secrets/x?installation=a&epoch=0", {"value": "v"}),
                                   ("DELETE", "/v1/secrets/never", None), ("PUT", "/v1/plugins/x", {"url": "ftp://x/", "sha512": "0" * 128, "version": "1"}), ("PUT", "/v1/services/x", {"type": "x"})):
            agent.ask(method, path, body)
            agent.ask(method, path, body, token="wrong")
    agent.worker.flag("refuse")
    for n in range(3):
        agent.ask("POST", "/v1/worker/restart")
        agent.ended()
        agent.put("file://" + os.path.join(work, "nothing"), "0" * 128, "1.%d" % n)
        agent.ended()
    agent.stop()
    ok("LeakSanitizer" not in agent.says(), "240 requests and six jobs leave no memory behind", agent.says()[-4000:])


def test():
    leaks()
    secret_paths()
    words()
    bodies()
    places("127.0.0.1", "127.0.0.1", ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
    places("::1", "::1", ["::1"])
    deadlines()


main(test)
