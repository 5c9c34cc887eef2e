#!/usr/bin/env python3
"""Whoever can reach the port and has no credentials: what he can take, whom he can keep out, what he can make believed."""
import threading
from lib import *


def told_address(cluster):
    """cdc.rest is told the client's address by the gateway, and by nobody else."""
    cluster.sql("ALTER SYSTEM SET log_min_duration_statement = 0; SELECT pg_reload_conf()".replace("; ", ";\n"), "postgres")
    ok(wait(lambda: cluster.sql("SHOW log_min_duration_statement") == "0"), "the server writes what it is called with")
    token = cluster.sql("SELECT cdc.create_token('address')", user="alice")
    gateway = Gateway(cluster.dsn("gw"), trusted_proxies="127.0.0.1")

    def told(id_, headers):
        """The address in the parameters of the call that had this id."""
        answer = gateway.call("GET", "/organizations", headers=["X-Request-Id: " + id_] + headers)
        found = wait(lambda: [headers for headers in re.findall(r"'(\{[^\n]*?\})'", cluster.log()) if '"%s"' % id_ in headers], 10)
        return answer.status, re.findall(r'"x-cdc-client-address": "([^"]*)"', found[0]) if found else None

    for kind, header in (("a password", basic("alice", PASSWORDS["alice"])), ("a token", "Authorization: Bearer " + token)):
        word = kind.split()[1]
        equal(told("told-1-" + word, [header]), (200, ["127.0.0.1"]), "%s: the call carries the address of the connection" % kind)
        equal(told("told-2-" + word, [header, "X-Forwarded-For: 198.51.100.1, 192.0.2.7"]), (200, ["192.0.2.7"]), "behind a proxy the one that the proxy saw")
        equal(told("told-3-" + word, [header, "X-CDC-Client-Address: 192.0.2.99", "x-cdc-client-address: 192.0.2.98"]), (200, ["127.0.0.1"]), "and what a client writes there itself is not passed on")
    gateway.stop()
    cluster.sql("ALTER SYSTEM RESET log_min_duration_statement;\nSELECT pg_reload_conf()", "postgres")


def test():
    cluster = Cluster()
    people(cluster)
    told_address(cluster)


main(test)
