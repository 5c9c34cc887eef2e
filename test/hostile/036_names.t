#!/usr/bin/env python3
"""
036_names.t: a name with several addresses, for libpq and for libcurl alike: each address is checked, one that is not
allowed is passed over, and one where nobody answers is not the last word.

The names are in an /etc/hosts of the test's own, in a mount namespace.  By RFC 6724 the address that shares more of its
beginning with ours (127.0.0.1) comes first, so the order is known.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

FORBIDDEN, SILENT, GOOD = "127.0.0.2", "127.0.0.8", "127.0.0.16"
NAMES = {"forbidden-first.test": (FORBIDDEN, GOOD), "silent-first.test": (SILENT, GOOD), "forbidden-silent.test": (FORBIDDEN, SILENT),
         "all.test": (FORBIDDEN, SILENT, GOOD), "forbidden.test": (FORBIDDEN,)}
REFUSED = "to which members may not send the worker"


def in_namespace():
    """This program again, where /etc/hosts is its own; False: it cannot be."""
    hosts = os.environ.get("CDC_TEST_HOSTS")
    if hosts:
        os.unlink(hosts)            # it is mounted
        return True
    enter = ["unshare", "-m", "--propagation", "private"]
    if subprocess.run(enter + ["true"], stdin=subprocess.DEVNULL, capture_output=True).returncode != 0:
        return False
    with tempfile.NamedTemporaryFile("w", dir="/var/tmp", prefix="cdc_hosts.", delete=False) as hosts:
        hosts.write(open("/etc/hosts").read() + "".join("\n%s %s" % (address, name) for name, addresses in NAMES.items() for address in addresses) + "\n")
    os.chmod(hosts.name, 0o644)
    os.execvpe(enter[0], enter + ["sh", "-c", 'mount --bind "$CDC_TEST_HOSTS" /etc/hosts && exec "$@"', "sh", sys.executable, os.path.abspath(__file__)],
               dict(os.environ, CDC_TEST_HOSTS=hosts.name))


def at(peer, address, port):
    """The peer listens at this address alone."""
    peer.listener.close()
    peer.listener = socket.create_server((address, port), backlog=64)
    peer.port = port
    threading.Thread(target=peer.accept, daemon=True).start()
    return peer


def ask(world, kind, name, peer, password):
    if kind == "postgresql":
        connection = dict(world.lying_source(peer, password=password), nodes=[{"address": name, "port": peer.port}])
    else:
        connection = world.sink("http://%s:%d" % (name, peer.port), connect_user="c", connect_password=world.plant(password, peer))
    return world.register("alice", kind, connection, "%s-%s" % (kind, name.replace(".", "-")), share=False)


def names(world, kind, good, door):
    """good answers at GOOD, door listens at FORBIDDEN, at one port; nobody is at SILENT."""
    made = {name: ask(world, kind, name, good, "secret-of-names-%s" % kind) for name in NAMES}
    for name, service in made.items():
        if GOOD in NAMES[name]:
            ok(wait(lambda: world.sql("SELECT status FROM cdc.service WHERE id = '%s'" % service) == "running" and not world.service_message(service), 20),
               "%s %s, which is %s: the last of them is reached" % (kind, name, ", ".join(NAMES[name])), lambda: world.service_message(service))
        else:
            said = world.service_says(service, REFUSED, 15) if SILENT not in NAMES[name] else wait(lambda: world.service_message(service), 15)
            ok(said, "%s %s, which is %s: it is told that none is" % (kind, name, ", ".join(NAMES[name])), said)
    ok(good.connections >= 3, "(%d connections to who may be reached)" % good.connections)
    equal(door.connections, 0, "nobody came to the address that is not allowed")


def test():
    world = World(settings="cdc_pipeline.member_networks = '127.0.0.1/32, %s/32, %s/32'\n" % (SILENT, GOOD))
    source = PgPeer(password="secret-of-names-postgresql", truth=world.source)
    connect = HttpPeer(truth=world.connect.port)
    for kind, peer in (("postgresql", source), ("kafka", connect)):
        port = peer.port
        names(world, kind, world.liar(at(peer, GOOD, port)), world.liar(at(HttpPeer(), FORBIDDEN, port)))
    world.closing_questions("names with several addresses")


if in_namespace():
    main(test)
else:
    print("1..0 # SKIP a mount namespace cannot be made here")
