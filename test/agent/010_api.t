#!/usr/bin/env python3
"""The agent's API: who may ask, what is refused, secrets, the fence, TLS."""
from lib import *

A, B, C = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"


def test_start():
    for change, said in (({"colour": 1}, '"colour" is no setting'), ({"port": "x"}, '"port" must be a whole number'), ({"port": 70000}, '"port" is out of range'),
                         ({"plugin_dir": None}, '"plugin_dir" is missing'), ({"plugin_dir": "here"}, "must be an absolute path"), ({"restart_command": []}, "is empty"),
                         ({"restart_command": [1]}, "must be a list of texts"), ({"tls_key": "/x"}, "go together"), ({"listen_address": "localhost.example"}, "is no IP address"),
                         ({"plugin_dir": "/dev/shm"}, "one filesystem"), ({"secret_dir": "/nowhere"}, "could not open directory")):
        agent = Agent(start=False)
        agent.configure(**change)
        like(agent.refuses_to_start(), said, "it does not start with %s" % change)
    agent = Agent(start=False)
    os.chmod(agent.token_file, 0o640)
    like(agent.refuses_to_start(), "chmod 600", "nor with a token that others may read")
    write(agent.token_file, "short", 0o600)
    like(agent.refuses_to_start(), "16 to 512 characters", "nor with a short one")
    write(agent.token_file, TOKEN, 0o600)
    os.chmod(agent.settings["secret_dir"], 0o755)
    like(agent.refuses_to_start(), "chmod o-rwx", "nor with secrets that everybody may look for")
    os.chmod(agent.settings["secret_dir"], 0o700)
    for setting in ("plugin_dir", "state_dir", "secret_dir") if os.geteuid() == 0 else ():
        os.chown(agent.settings[setting], 65533, -1)
        like(agent.refuses_to_start(), '%s "%s" belongs to another user' % (setting, agent.settings[setting]), "nor, as root, in a directory of somebody else's: " + setting)
        os.chown(agent.settings[setting], 0, -1)
    agent.start()
    other = Agent(agent.place, start=False)
    like(other.refuses_to_start(), "another agent uses state_dir", "nor beside another one")
    equal(agent.ask("GET", "/v1/job"), (200, {"job": None}), "which works on")
    equal(agent.stop(), 0, "SIGTERM ends it")


def test_requests(agent):
    for token, what in ((None, "no token"), ("", "an empty token"), ("x", "a wrong token"), (TOKEN[:-1], "a part of it"), (TOKEN + "x", "more than it")):
        equal(agent.ask("GET", "/v1/state", token=token)[0], 401, what + " is refused")
    equal(agent.ask("PUT", "/v1/secrets/x", {"value": "v"}, token="x")[0], 401, "for a change too")
    equal(os.listdir(agent.settings["secret_dir"]), [], "which did not happen")
    status, state = agent.ask("GET", "/v1/state?installation=" + A)
    equal((status, sorted(state)), (200, ["connect_url", "epoch", "job", "plugins", "secret_path", "secrets", "version"]), "the token opens")
    equal((state["job"], state["plugins"], state["secrets"], state["epoch"]), (None, [], [], 0), "there is nothing yet")
    for method, path, status in (("GET", "/", 404), ("GET", "/v1", 404), ("GET", "/v2/state", 404), ("GET", "/v1/state/", 404), ("POST", "/v1/state", 405), ("DELETE", "/v1/secrets", 405),
                                 ("PATCH", "/v1/plugins/x", 405), ("GET", "/v1/secrets/x", 405)):
        equal(agent.ask(method, path)[0], status, "%s %s is %d" % (method, path, status))
    for name in ("", "..", ".", ".hidden", "a/b", "a%2fb", "..%2f..%2fetc%2fpasswd", "%00", "a%00b", "a%0ab", "a b", "a" * 129, "%c3%a4", "-x", "_x"):
        for kind, body in (("secrets", {"value": "v"}), ("plugins", {"url": "file:///x", "sha512": "0" * 128, "version": "1"})):
            status = agent.ask("PUT", "/v1/%s/%s" % (kind, name.replace(" ", "%20")), body)[0]
            ok(status in (400, 404), "PUT %s/%s is refused" % (kind, name[:40]), status)
    equal(os.listdir(agent.settings["secret_dir"]), [], "nothing was written")
    for raw in ("", "x", "[]", "{", '{"value": 1}', '{"value": ""}', '{}', '{"value": "v", "more": "x"}', '{"value": "a\\u0000b"}', '{"value": "v"} x', '{"value": "%s"}' % ("x" * 4097), b"\xff\xfe", b'{"value": "v\0"}'):
        equal(agent.ask("PUT", "/v1/secrets/x", raw=raw)[0], 400, "the body %r is refused" % raw[:40])
    equal(agent.ask("PUT", "/v1/secrets/x", raw="x" * 70000)[0], 413, "a large body too")
    good = {"url": "file:///x", "sha512": "0" * 128, "version": "1"}
    for key, value in (("url", "file:///\n"), ("url", "http://x/ y"), ("url", "h" * 3000), ("sha512", "0" * 127), ("sha512", "g" * 128), ("version", ""), ("version", "1/2"), ("class", "a b"), ("url", None), ("sha512", None), ("version", None)):
        body = dict(good, **{key: value})
        equal(agent.ask("PUT", "/v1/plugins/x", {k: v for k, v in body.items() if v is not None})[0], 400, "a plugin with %s %r is refused" % (key, value and value[:20]))
    for query in ("installation=x&epoch=y", "installation=x", "epoch=3", "installation=a%20b&epoch=3", "installation=x&epoch=-1", "installation=x&epoch=99999999999999999999"):
        equal(agent.ask("PUT", "/v1/secrets/x?" + query, {"value": "v"})[0], 400, query + " is refused")
    with socket.create_connection(("127.0.0.1", agent.port)) as s:
        s.sendall(b"\0\1\2 nonsense\r\n\r\n" + os.urandom(4096))
        s.settimeout(5)
        ok(b" 200 " not in s.recv(4096), "nonsense gets no answer that counts")
    equal(agent.ask("GET", "/v1/job")[0], 200, "and it answers still")


def test_secrets(agent):
    where = agent.settings["secret_dir"]
    value = "p\u00e4ss 'w\"ord\\ \n with everything ${dir:/x:y}"
    equal(agent.ask("PUT", "/v1/secrets/mdb-pipeline-1234abcd.1", {"value": value}), (200, {"name": "mdb-pipeline-1234abcd.1"}), "a secret is put")
    path = os.path.join(where, "mdb-pipeline-1234abcd.1")
    equal(open(path, encoding="utf-8", newline="").read(), value, "byte for byte")
    equal(os.stat(path).st_mode & 0o7777, 0o600, "mode 0600")
    agent.ask("PUT", "/v1/secrets/b", {"value": "x"})
    equal(agent.ask("GET", "/v1/secrets"), (200, {"secrets": ["b", "mdb-pipeline-1234abcd.1"]}), "names are listed")
    ok(value not in agent.says() and "with everything" not in agent.says(), "the log does not know it")

    # whoever reads sees one value or the other, never a part
    one, two = "1" * 4000, "2" * 4000
    agent.ask("PUT", "/v1/secrets/b", {"value": one})
    seen, going = set(), [True]

    def read():
        while going[0]:
            seen.add(open(os.path.join(where, "b")).read())
    thread = threading.Thread(target=read)
    thread.start()
    for n in range(50):
        agent.ask("PUT", "/v1/secrets/b", {"value": two if n % 2 else one})
    going[0] = False
    thread.join()
    ok(seen <= {one, two}, "it changes in one step", lambda: [len(s) for s in seen])

    outside = write(os.path.join(agent.place, "outside"), "untouched")
    os.symlink(outside, os.path.join(where, "link"))
    equal(agent.ask("PUT", "/v1/secrets/link", {"value": "x"})[0], 200, "a symbolic link of the name is replaced")
    ok(open(outside).read() == "untouched" and not os.path.islink(os.path.join(where, "link")), "not followed")
    for name in ("link", "b", "mdb-pipeline-1234abcd.1", "never-there"):
        equal(agent.ask("DELETE", "/v1/secrets/" + name)[0], 200, "%s is deleted" % name)
    equal(os.listdir(where), [], "nothing is left")


def test_certificates(agent):
    where = agent.settings["secret_dir"]
    pem, key = os.path.join(agent.place, "ca.pem"), os.path.join(agent.place, "ca.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=ca", "-keyout", key, "-out", pem],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    one, private = open(pem).read(), open(key).read()
    put = lambda value, name="c.ca-1": agent.ask("PUT", "/v1/certificates/" + name, {"value": value})
    equal(put(one), (200, {"name": "c.ca-1"}), "a certificate is put")
    path = os.path.join(where, "c.ca-1")
    equal((open(path).read(), os.stat(path).st_mode & 0o7777), (one, 0o600), "as it is, mode 0600")
    equal(put("# a comment\n" + one + "more\n" + one)[0], 200, "several, with words between them")
    equal(open(path).read(), one + one, "which are left out")
    equal(agent.ask("GET", "/v1/state")[1]["secrets"], ["c.ca-1"], "it is listed with the secrets")
    for name, value in (("nothing", "x"), ("a key", private), ("a key behind it", one + private), ("a broken one", one.replace("M", "N", 3)), ("half of one", one[:len(one) // 2]),
                        ("bytes behind its end", one.replace("-----END", "AAAA\n-----END"))):
        equal(put(value)[0], 422, name + " is refused")
    equal(put(one * 60)[0], 400, "as is one that is too long")
    equal(open(path).read(), one + one, "and changes nothing")
    equal(put(one, "../x")[0], 400, "nor outside of the directory")
    equal(agent.ask("GET", "/v1/certificates/c.ca-1")[0], 405, "none is given back")
    equal(agent.ask("DELETE", "/v1/secrets/c.ca-1")[0], 200, "it is deleted like a secret")
    equal(os.listdir(where), [], "nothing is left")


def marks(agent):
    """An epoch's mark: kept with it, and what decides between equal epochs."""
    mark = lambda tie, mac="0" * 32: "%016x.%s" % (tie, mac)
    put = lambda epoch, word: agent.ask("PUT", "/v1/secrets/f?installation=%s&epoch=%d%s" % (C, epoch, "&mark=" + word if word else ""), {"value": "v"})[0]
    state = lambda: [agent.ask("GET", "/v1/state?installation=" + C)[1].get(key) for key in ("epoch", "mark")]
    fence = lambda sent, epoch, word: agent.ask("PUT", "/v1/fence?installation=%s&epoch=%d&mark=%s" % (C, epoch, word), {"from": sent})[0]
    equal((put(3, None), state()), (200, [3, None]), "a control plane of 0.1 says none")
    equal((put(3, mark(5)), state()), (200, [3, mark(5)]), "one is kept")
    equal((put(3, None), state()), (200, [3, mark(5)]), "... and not forgotten for none")
    equal((put(3, mark(4)), put(3, mark(6)), put(3, mark(5)), state()), (412, 200, 412, [3, mark(6)]), "of equal epochs the higher one acts")
    equal((put(3, mark(6, "f" * 32)), state()), (200, [3, mark(6)]), "a MAC is not looked at")
    equal((put(4, None), state()), (200, [4, None]), "a mark is its own epoch's")
    equal((put(999999999999999999, None), put(5, mark(1))), (200, 412), "whoever has the token can write any epoch")
    equal((fence("4", 5, mark(1)), state()), (412, [999999999999999999, None]), "it is replaced by who has seen it alone")
    for body in ({}, {"from": 4}, {"from": "-1"}, {"from": "4x"}, {"from": "1" * 19}, {"from": "4", "x": "y"}):
        equal(agent.ask("PUT", "/v1/fence?installation=%s&epoch=5" % C, body)[0], 400, "not by %s" % body)
    equal(agent.ask("PUT", "/v1/fence", {"from": "4"})[0], 400, "nor by who does not say who he is")
    equal((fence("999999999999999999", 5, mark(1)), state()), (200, [5, mark(1)]), "and then it is what it is to be")
    equal((put(5, mark(1)), put(4, mark(9))), (200, 412), "for who says it, and no other")
    agent.kill()
    agent.start()
    equal(state(), [5, mark(1)], "it is on disk")
    equal(agent.ask("PUT", "/v1/secrets/f?installation=%s&epoch=6&mark=%s" % (C, "a%20b"), {"value": "v"})[0], 400, "a mark is a word")


def test_fence(agent):
    def put(installation, epoch):
        return agent.ask("PUT", "/v1/secrets/f?installation=%s&epoch=%d" % (installation, epoch), {"value": "e%d" % epoch})[0]

    def value():
        return open(os.path.join(agent.settings["secret_dir"], "f")).read()

    equal((put(A, 5), value()), (200, "e5"), "a control plane with epoch 5 acts")
    equal((put(A, 4), value()), (412, "e5"), "one with a lower epoch does not")
    equal((put(A, 5), put(A, 7), put(A, 5), value()), (200, 200, 412, "e7"), "a higher one replaces it")
    equal(put(B, 1), 200, "another installation has epochs of its own")
    for method, path in (("DELETE", "/v1/secrets/f"), ("DELETE", "/v1/plugins/x"), ("POST", "/v1/worker/restart"), ("PUT", "/v1/plugins/x")):
        body = {"url": "file:///x", "sha512": "0" * 128, "version": "1"} if path == "/v1/plugins/x" and method == "PUT" else None
        equal(agent.ask(method, "%s?installation=%s&epoch=6" % (path, A), body)[0], 412, "%s %s too" % (method, path))
    equal(agent.ask("GET", "/v1/state?installation=" + A)[1]["epoch"], 7, "the state tells the epoch")
    marks(agent)
    agent.kill()
    agent.start()
    equal((put(A, 6), put(A, 8)), (412, 200), "it is remembered over a kill")
    agent.kill()
    write(os.path.join(agent.settings["state_dir"], "fence.json"), "{")
    like(agent.refuses_to_start(), "fence.json in state_dir is damaged", "a damaged memory is no permission")


def test_tls():
    place = tempfile.mkdtemp(dir=work)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", place + "/key", "-out", place + "/cert"],
                   check=True, stderr=subprocess.DEVNULL)
    agent = Agent(tls_certificate=place + "/cert", tls_key=place + "/key")
    equal(agent.ask("GET", "/v1/job")[0], 200, "by TLS")
    agent.scheme = "http"
    ok(agent.ask("GET", "/v1/job")[0] != 200, "and not without")
    agent.kill()
    agent = Agent(start=False, tls_certificate=place + "/key", tls_key=place + "/key")
    like(agent.refuses_to_start(), "tls_certificate and tls_key", "a certificate that is none")


def test_token(agent):
    write(agent.token_file, "another-token-0123456789\n", 0o600)
    agent.process.send_signal(signal.SIGHUP)
    ok(wait(lambda: agent.ask("GET", "/v1/job", token="another-token-0123456789")[0] == 200), "SIGHUP reads the token again")
    equal(agent.ask("GET", "/v1/job")[0], 401, "the old one is refused")
    os.chmod(agent.token_file, 0o644)
    agent.process.send_signal(signal.SIGHUP)
    ok(wait(lambda: "the token stays what it was" in agent.says()), "one that others may read is not taken")
    equal(agent.ask("GET", "/v1/job", token="another-token-0123456789")[0], 200, "and the one before goes on")


def test():
    test_start()
    agent = Agent()
    test_requests(agent)
    test_secrets(agent)
    test_certificates(agent)
    test_fence(agent)
    test_tls()
    test_token(Agent())


main(test)
