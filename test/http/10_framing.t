#!/usr/bin/env python3
"""Every line of the contract's section on HTTP, byte by byte."""
import select
import threading
from lib import *

GET = b"GET /health/live HTTP/1.1\r\nHost: gateway\r\n"
AUTH = basic("alice", PASSWORDS["alice"]).encode() + b"\r\n"      # without it no body is read


def exchange(gateway, data, pieces=False, ends=False):
    """What comes back for these bytes, and whether the connection ended then (waited for when it ends)."""
    with gateway.raw() as raw:
        if pieces:
            for n in range(len(data)):
                raw.send(data[n:n + 1])
        else:
            raw.send(data)
        answer = raw.answer()
        return answer, answer is not None and raw.ended(20 if ends else 1)


def refused(gateway, name, data, status, flat=True):
    """A test: this is refused, the connection ends, and what follows is not read as a request."""
    with gateway.raw() as raw:
        raw.send(data + b"GET /openapi.yaml HTTP/1.1\r\nHost: smuggled\r\n\r\n")
        answer = raw.answer()
        ended = False
        try:
            while raw.more():
                pass
            ended = True
        except socket.timeout:
            pass
    statuses = status if isinstance(status, tuple) else (status,)
    ok(answer is not None and answer.status in statuses and ended and b" 200 OK" not in raw.buffer and (not flat or answer.flat()) and
       answer.headers.get("connection") == "close", name, lambda: "%r, ended: %s, then %r" % (answer, ended, raw.buffer))


def served(gateway, name, data, status=200, pieces=False):
    answer, _ = exchange(gateway, data, pieces)
    return ok(answer is not None and answer.status == status, name, lambda: repr(answer))


def ambiguous(gateway):
    post = b"POST /organizations HTTP/1.1\r\nHost: gateway\r\n"
    body = b"\r\n{}"
    for name, data in (
        ("two lengths, different", post + b"Content-Length: 2\r\nContent-Length: 3\r\n" + body),
        ("two lengths, equal", post + b"Content-Length: 2\r\nContent-Length: 2\r\n" + body),
        ("a list of lengths", post + b"Content-Length: 2, 2\r\n" + body),
        ("both lengths", post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("both lengths, the other way round", post + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"),
        ("a coding that is not chunked", post + b"Transfer-Encoding: gzip\r\n" + body),
        ("chunked behind another", post + b"Transfer-Encoding: gzip, chunked\r\n" + body),
        ("chunked twice", post + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        ("two codings", post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
        ("identity", post + b"Transfer-Encoding: identity\r\n" + body),
        ("chunked with a character before it", post + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
        ("chunked with a blank behind it", post + b"Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n"),
        ("chunked in HTTP/1.0", post.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a blank before the colon", post + b"Content-Length : 2\r\n" + body),
        ("a tab before the colon", post + b"Content-Length\t: 2\r\n" + body),
        ("a blank inside a name", GET + b"X Y: 1\r\n\r\n"),
        ("a name that is no token", GET + b"X\x80: 1\r\n\r\n"),
        ("a header without a name", GET + b": 1\r\n\r\n"),
        ("a control character in a value", GET + b"X: a\x01b\r\n\r\n"),
        ("a lone CR in a value", GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n"),
        ("a NUL in a value", GET + b"X: a\x00b\r\n\r\n"),
        ("a NUL behind a length", post + b"Content-Length: 2\x00\r\n" + body),
        ("a delete in a value", GET + b"X: a\x7fb\r\n\r\n"),
        ("a folded header", GET + b"X: a\r\n b\r\n\r\n"),
        ("a folded length", post + b"Content-Length:\r\n 2\r\n" + body),
        ("a header that begins with a blank", b"GET /health/live HTTP/1.1\r\n X: a\r\nHost: gateway\r\n\r\n"),
        ("a header line that ends with LF alone", GET + b"X: a\n\r\n"),
        ("a request line that ends with LF alone", b"GET /health/live HTTP/1.1\nHost: gateway\r\n\r\n"),
        ("an empty line that is LF alone", GET + b"X: a\r\n\n"),
        ("a negative length", post + b"Content-Length: -1\r\n" + body),
        ("a length with a sign", post + b"Content-Length: +2\r\n" + body),
        ("a length in hexadecimal", post + b"Content-Length: 0x2\r\n" + body),
        ("an empty length", post + b"Content-Length: \r\n" + body),
        ("no Host", b"GET /health/live HTTP/1.1\r\n\r\n"),
        ("two Hosts", GET + b"Host: gateway\r\n\r\n"),
        ("an empty Host", b"GET /health/live HTTP/1.1\r\nHost:\r\n\r\n"),
        ("a Host with a path", b"GET /health/live HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        ("two Hosts in one", b"GET /health/live HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        ("two credentials", GET + b"Authorization: Basic YTpi\r\nAuthorization: Basic YTpj\r\n\r\n"),
        ("a blank in the path", b"GET /health /live HTTP/1.1\r\nHost: gateway\r\n\r\n"),
        ("two blanks behind the method", b"GET  /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n"),
        ("a tab in the path", b"GET /health\t/live HTTP/1.1\r\nHost: gateway\r\n\r\n"),
        ("a control character in the path", b"GET /health\x02 HTTP/1.1\r\nHost: gateway\r\n\r\n"),
    ):
        refused(gateway, name, data, 400, flat=False)
    # those that reach our own code are flat JSON
    refused(gateway, "the guard's answer is the flat object", post + b"Content-Length: 2\r\nContent-Length: 2\r\n" + body, 400)


def malformed(gateway):
    chunked = b"POST /organizations HTTP/1.1\r\nHost: gateway\r\n" + AUTH + b"Transfer-Encoding: chunked\r\n\r\n"
    for name, data, status in (
        ("no request line at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        ("a request line of one word", b"GET\r\n\r\n", 400),
        ("HTTP/0.9", b"GET /health/live\r\n\r\n", 400),
        ("no HTTP at the end", b"GET /health/live FTP/1.1\r\n\r\n", 400),
        ("HTTP in lower case", b"GET /health/live http/1.1\r\nHost: gateway\r\n\r\n", 400),
        ("HTTP/2.0", b"GET /health/live HTTP/2.0\r\nHost: gateway\r\n\r\n", 505),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("HTTP/0.1", b"GET /health/live HTTP/0.1\r\nHost: gateway\r\n\r\n", 505),
        ("a header without a colon", GET + b"Nothing\r\n\r\n", 400),
        ("a chunk size that is none", chunked + b"xyz\r\n{}\r\n0\r\n\r\n", 400),
        ("an empty chunk size", chunked + b"\r\n{}\r\n0\r\n\r\n", 400),
        ("a negative chunk size", chunked + b"-2\r\n{}\r\n0\r\n\r\n", 400),
        ("a chunk size with 0x", chunked + b"0x2\r\n{}\r\n0\r\n\r\n", 400),
        ("a chunk size beyond 64 bits", chunked + b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n", (400, 413)),
        ("a chunk that is longer than it says", chunked + b"2\r\n{}{}\r\n0\r\n\r\n", 400),
        ("a length beyond 64 bits", b"POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: 99999999999999999999999\r\n\r\n", (400, 413)),
        ("a method that is unknown", b"BREW /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n", 501),
        ("a method in lower case", b"get /health/live HTTP/1.1\r\nHost: gateway\r\n\r\n", 501),
        ("an expectation that is unknown", GET + b"Expect: tea\r\n\r\n", 417),
        ("a POST of HTTP/1.0 without a length", b"POST /organizations HTTP/1.0\r\n\r\n", 411),
        ("a path that is too long", b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: gateway\r\n\r\n", 414),
        ("a path that is much too long", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: gateway\r\n\r\n", 414),
        ("a header that is too large", GET + b"X: " + b"a" * 20000 + b"\r\n\r\n", 431),
        ("a header that is much too large", GET + b"X: " + b"a" * 200000 + b"\r\n\r\n", 431),
        ("many small headers", GET + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n", 431),
        ("very many small headers", GET + b"".join(b"X-%d: 1\r\n" % n for n in range(20000)) + b"\r\n", 431),
    ):
        refused(gateway, "%s: %s" % (status, name), data, status, flat=False)


def well_formed(gateway):
    served(gateway, "a request in one piece", GET + b"\r\n")
    served(gateway, "a request byte by byte", GET + b"\r\n", pieces=True)
    served(gateway, "with a slash at the end", b"GET /health/live/ HTTP/1.1\r\nHost: gateway\r\n\r\n")
    served(gateway, "with a query", b"GET /health/live?x=1 HTTP/1.1\r\nHost: gateway\r\n\r\n")
    served(gateway, "with the whole URL", b"GET http://gateway/health/live HTTP/1.1\r\nHost: gateway\r\n\r\n")
    served(gateway, "with an IPv6 Host", b"GET /health/live HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n")
    served(gateway, "of HTTP/1.0, without Host", b"GET /health/live HTTP/1.0\r\n\r\n")
    served(gateway, "with no blank behind a colon, and several", b"GET /health/live HTTP/1.1\r\nHost:gateway\r\nX:   a\r\n\r\n")
    served(gateway, "with a value in Latin-1", GET + b"X: caf\xe9\r\n\r\n")
    served(gateway, "with an empty value", GET + b"X:\r\n\r\n")
    served(gateway, "with empty lines before it", b"\r\n\r\n" + GET + b"\r\n")
    served(gateway, "a POST of HTTP/1.1 without a length has no body: 401, not 411", b"POST /organizations HTTP/1.1\r\nHost: gateway\r\n\r\n", 401)
    served(gateway, "a content type without a body", b"DELETE /organizations HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n\r\n", 401)
    answer, ended = exchange(gateway, b"GET /health/live HTTP/1.0\r\n\r\n", ends=True)
    ok(answer.status == 200 and ended, "HTTP/1.0 ends the connection", repr(answer))
    answer, ended = exchange(gateway, GET + b"\r\n")
    ok(answer.status == 200 and not ended, "HTTP/1.1 keeps it", repr(answer))
    answer, ended = exchange(gateway, GET + b"Connection: close\r\n\r\n", ends=True)
    ok(answer.status == 200 and ended, "unless it is told not to", repr(answer))


def calls(gateway, org):
    """Whole calls: bodies split and chunked, HEAD, Expect, pipelining, keep-alive."""
    auth = basic("alice", PASSWORDS["alice"]).encode() + b"\r\n"
    path = b"/organizations/%s/pipelines" % org.encode()
    head = b"POST " + path + b" HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n" + auth
    body = b'{"name": 7}'
    whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    for name, data, pieces in (("in one piece", whole, False), ("byte by byte", whole, True),
                               ("in chunks", head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + body[:5] + b"\r\n6;x=y\r\n" + body[5:] + b"\r\n0\r\nTrailer: 1\r\n\r\n", False),
                               ("in chunks, byte by byte", head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + body[:5] + b"\r\n6\r\n" + body[5:] + b"\r\n0\r\n\r\n", True)):
        answer, ended = exchange(gateway, data, pieces)
        ok(answer is not None and answer.status == 400 and answer.json().get("field") == "name" and not ended, "a body %s reaches cdc.rest whole" % name, repr(answer))
    for name, body, status in (("a NUL", b'{"name": "a\0b"}', 400), ("bytes that are no UTF-8", b'{"name": "\xff"}', 400), ("U+0000", b'{"name": "\\u0000"}', 400), ("half a surrogate", b'{"name": "\\ud800"}', 400)):
        answer = gateway.call("POST", path.decode(), body, "alice")
        ok(answer.status == status and answer.flat(), "%s in a body is %d" % (name, status), repr(answer))
    answer = gateway.call("GET", "/organizations/%ff/pipelines", user="alice")
    ok(answer.status == 400 and answer.flat(), "and in a path", repr(answer))
    answer = gateway.call("GET", "/caf\xe9", user="alice")
    ok(answer.status in (400, 404) and answer.flat(), "and raw in a path", repr(answer))

    with gateway.raw() as raw:
        raw.send(head + b"Expect: 100-continue\r\nContent-Length: 11\r\n\r\n")
        first = raw.answer()
        raw.send(b'{"name": 7}')
        second = raw.answer()
        ok(first.status == 100 and second.status == 400, "Expect: 100-continue is answered, then the request", "%r %r" % (first, second))
    with gateway.raw() as raw:
        raw.send(head + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n")
        answer = raw.answer()
        ok(answer.status == 413 and answer.flat() and raw.ended(), "one that asks first is told 413 before it sends", repr(answer))

    full = gateway.call("GET", path.decode(), user="alice")
    bare = gateway.call("HEAD", path.decode(), user="alice")
    same = [name for name in full.headers if name not in ("date", "x-request-id") and full.headers[name] != bare.headers.get(name)]
    ok(bare.status == 200 and bare.body == b"" and not same, "HEAD has the headers of GET, its length too, and no body", "%r\n%r" % (full, bare))
    with gateway.raw() as raw:
        get = b"GET " + path + b" HTTP/1.1\r\nHost: gateway\r\n" + auth + b"\r\n"
        raw.send(b"HEAD " + get[4:] + get)
        raw.answer(head=True)
        answer = raw.answer()
        ok(answer is not None and answer.json() == {"pipelines": []}, "what follows a HEAD on its connection is read from the right byte", repr(answer))

    with gateway.raw() as raw:
        ids = ["pipelined-%d" % n for n in range(40)]
        raw.send(b"".join(b"GET " + (path if n % 3 else b"/health/live") + b" HTTP/1.1\r\nHost: gateway\r\nX-Request-Id: " + ids[n].encode() + b"\r\n" + auth + b"\r\n" for n in range(40)))
        got = [raw.answer() for _ in ids]
        ok(all(a and a.status == 200 for a in got) and [a.headers["x-request-id"] for a in got] == ids, "40 pipelined requests are answered in their order", lambda: repr(got[:3]))
    with gateway.raw() as raw:
        raw.send(whole + whole + GET[:20])
        got = [raw.answer(), raw.answer()]
        raw.send(GET[20:] + b"\r\n")
        got.append(raw.answer())
        ok([a and a.status for a in got] == [400, 400, 200], "with bodies, and the last one in two pieces", repr(got))
    with gateway.raw() as raw:
        good = 0
        for _ in range(300):
            raw.send(get)
            good += raw.answer().status == 200
        equal(good, 300, "300 requests on one connection")

    for method in ("OPTIONS", "TRACE", "PUT", "PATCH", "DELETE"):
        answer = gateway.call(method, path.decode(), user="alice")
        ok(answer.status == 405 and answer.headers.get("allow") and answer.flat(), "%s here is 405 with Allow" % method, repr(answer))
    answer = gateway.call("POST", "/health/live")
    ok(answer.status == 405 and "GET" in answer.headers["allow"] and answer.flat(), "so is POST where only the gateway answers", repr(answer))
    answer = gateway.call("OPTIONS", "*", user="alice")
    ok(answer.status == 400 and answer.flat(), "OPTIONS * is refused", repr(answer))
    for method, target in (("CONNECT", "gateway:80"), ("GET", "health")):
        answer = gateway.call(method, target, user="alice")
        ok(answer.status == 400 and answer.flat(), "%s %s is refused" % (method, target), repr(answer))


def limits(gateway, org):
    path = "/organizations/%s/pipelines" % org
    answer = gateway.call("POST", path, b"[" + b"0," * 524200 + b"0]", "alice")
    ok(answer.status == 400 and answer.flat(), "a body just within the limit is read", repr(answer))
    answer = gateway.call("POST", path, b"x" * (1024 * 1024 + 1), "alice")
    ok(answer.status == 413 and answer.flat(), "413: one byte more", repr(answer))
    answer = gateway.call("POST", path, b"x" * (8 * 1024 * 1024), "alice")
    ok(answer.status == 413 and answer.flat(), "413: far more, sent to its end", repr(answer))
    with gateway.raw() as raw:
        raw.send("POST %s HTTP/1.1\r\nHost: gateway\r\n%sContent-Length: 100000000000\r\n\r\n" % (path, AUTH.decode()))
        answer = raw.answer()
        ok(answer.status == 413 and answer.flat() and raw.ended(), "413: much more, announced", repr(answer))
    with gateway.raw() as raw:
        raw.send("POST %s HTTP/1.1\r\nHost: gateway\r\n%sTransfer-Encoding: chunked\r\n\r\n" % (path, AUTH.decode()))
        for _ in range(3):
            raw.send(b"80000\r\n" + b"x" * 0x80000 + b"\r\n")
        raw.send(b"0\r\n\r\n")
        answer = raw.answer()
        ok(answer.status == 413 and answer.flat(), "413: in chunks that do not say how many", repr(answer))
    with gateway.raw() as raw:
        raw.send("POST %s HTTP/1.1\r\nHost: gateway\r\n%sTransfer-Encoding: chunked\r\n\r\n" % (path, AUTH.decode()))
        sent = 0
        try:
            while sent < 200 * 1024 * 1024:
                raw.send(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
                sent += 0x100000
        except OSError:
            pass
        ok(sent < 100 * 1024 * 1024, "chunks without end are cut off", "%d bytes were taken" % sent)


def slow(gateway, fast):
    """Deadlines; all at once, since they take their time."""
    results = {}

    def case(name, target, first, drip=None, seconds=40):
        """Sends first, then drip twice a second: (when it ended, what came)."""
        start = time.monotonic()
        with target.raw(30) as raw:
            raw.send(first)
            gone = False
            while time.monotonic() < start + seconds and not gone:
                readable = select.select([raw.socket], [], [], 0.5)[0]
                if readable:
                    gone = not raw.more()
                elif drip:
                    try:
                        raw.send(drip)
                    except OSError:
                        gone = True
            results[name] = (time.monotonic() - start if gone else None, raw.buffer)

    body = b"POST /organizations HTTP/1.1\r\nHost: gateway\r\n" + AUTH + b"Content-Length: 1000\r\n\r\n"
    cases = [
        ("a byte of a header now and then", gateway, GET + b"X: ", b"a"),
        ("one byte and nothing more", gateway, b"G", None),
        ("a request line and nothing more", gateway, GET, None),
        ("a byte of a body now and then", gateway, body, b"a"),
        ("half a body and nothing more", gateway, body + b"a" * 500, None),
        ("a chunk now and then", gateway, body.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked"), b"1\r\na\r\n"),
        ("a trailer now and then", gateway, body.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked") + b"0\r\n", b"X: a\r\n"),
        ("an empty line now and then", gateway, b"\r\n", b"\r\n"),
        ("the second request of a connection", gateway, GET + b"\r\n" + GET, b"X: a\r\n"),
    ]
    threads = [threading.Thread(target=case, args=c) for c in cases]
    threads.append(threading.Thread(target=case, args=("idle", fast, b"", None)))
    threads.append(threading.Thread(target=case, args=("idle after a request", fast, GET + b"\r\n", None)))
    threads.append(threading.Thread(target=case, args=("idle for 10 s", gateway, GET + b"\r\n", None, 11.5)))
    for thread in threads:
        thread.start()
    # a half request whose client goes away, and one that closes its side only
    with gateway.raw() as raw:
        raw.send(body.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        raw.answer()
    with gateway.raw() as raw:
        raw.send(GET)
        raw.socket.shutdown(socket.SHUT_WR)
        ok(not raw.answer() or True, "a client that closes half way gets nothing")
    for thread in threads:
        thread.join()
    for name, *_ in cases:
        ended, came = results[name]
        ok(ended is not None and 10 <= ended < 30, "%s: over 10 s after its first byte" % name, "%s %r" % (ended, came))
        ok(b" 408 " in came, "and told so by 408", came)
    ended, came = results["idle"]
    ok(ended is not None and ended >= 2 and came == b"", "an idle connection ends after idle_timeout", "%s %r" % (ended, came))
    ended, came = results["idle after a request"]
    ok(ended is not None and ended >= 2 and came.count(b"HTTP/1.1 200") == 1, "after an answer too", "%s %r" % (ended, came))
    ended, came = results["idle for 10 s"]
    ok(ended is None, "which is not the deadline of a request", "%s %r" % (ended, came))


def busy(gateway):
    """A first byte that the library has read before the gateway's loop asks for events has its deadline too."""
    done = threading.Event()

    def noise():
        with gateway.raw() as raw:
            while not done.is_set():
                raw.send(b"GET /openapi.yaml HTTP/1.1\r\nHost: gateway\r\n\r\n")
                raw.answer()

    threads = [threading.Thread(target=noise) for _ in range(2)]
    for thread in threads:
        thread.start()
    raws = [gateway.raw(20) for _ in range(300)]
    for raw in raws:
        raw.send(b"G")
    left = set(raws)
    try:
        wait(lambda: left.difference_update(raw for raw in select.select(left, [], [], 0)[0] if not raw.more()) or not left)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    told = [raw for raw in raws if b" 408 " in raw.buffer]
    ok(not left and len(told) == len(raws), "so it is while the gateway is busy", "%d of %d did not end, %d were told 408" % (len(left), len(raws), len(told)))
    for raw in raws:
        raw.close()


def crowd(gateway):
    """More connections than are allowed: the idle ones make room."""
    held = []
    for _ in range(40):
        held.append(gateway.raw(5))
        held[-1].send(GET + b"\r\n")
        held[-1].answer()
    with gateway.raw(5) as raw:
        raw.send(GET + b"\r\n")
        ok(raw.answer() is not None, "one more is served when max_connections are there")
    for raw in held:
        raw.close()


def test():
    cluster = Cluster()
    org = people(cluster)["acme"]
    gateway = Gateway(cluster.dsn("gw"))
    fast = Gateway(cluster.dsn("gw"), idle_timeout="2s", max_connections=32)
    ambiguous(gateway)
    malformed(gateway)
    well_formed(gateway)
    calls(gateway, org)
    limits(gateway, org)
    slow(gateway, fast)
    busy(Gateway(cluster.dsn("gw"), request_timeout="1s", max_connections=400, address_connections=400))
    crowd(fast)
    lines = gateway.log_lines()
    ok(all(line["status"] > 0 and line["request_id"] for line in lines), "every request is a line of the log", lambda: [line for line in lines if not line["status"]][:3])
    statuses = set(line["status"] for line in lines)
    ok({408, 413, 431, 499} <= statuses, "those that never came to their end too", statuses)
    ok(wait(lambda: gateway.call("GET", "/health/live").status == 200), "and after all that it serves")


main(test)
