#!/usr/bin/env python3
"""Two organizations: every route by owner, admin, member, viewer, a stranger, who left,
who may not call, and nobody; with a password and with a token, over HTTP.

test/pgtap/063_rest_permissions.sql has the same matrix in SQL, with what the
answers say; here are the ways in.
"""
from lib import *

WHO = ("owner", "admin", "member", "viewer", "stranger", "former", "alone", "nobody")
# method, path, body, statuses in the order of WHO
PIPELINE = {"name": "@", "pipeline_type": "cdc_pg_to_kafka", "source_service_id": "{pg}", "sink_service_id": "{kafka}", "config": {"topic_prefix": "@"}}
SERVICE = {"name": "@", "database_type": "kafka", "provider": "external", "connection": {}}
READ = (200, 200, 200, 200, 404, 404, 404, 401)
WRITE = (200, 200, 200, 403, 404, 404, 404, 401)
MATRIX = (
    ("GET", "/organizations", None, (200, 200, 200, 200, 200, 200, 200, 401)),
    ("HEAD", "/organizations", None, (200, 200, 200, 200, 200, 200, 200, 401)),
    ("GET", "/organizations/{red}", None, READ),
    ("GET", "/organizations/{red}/pipelines", None, READ),
    ("POST", "/organizations/{red}/pipelines", PIPELINE, (202, 202, 202, 403, 404, 404, 404, 401)),
    ("GET", "/organizations/{red}/pipelines/{pipe}", None, READ),
    ("GET", "/organizations/{blue}/pipelines/{pipe}", None, (404, 404, 404, 404, 404, 404, 404, 401)),
    ("PATCH", "/organizations/{red}/pipelines/{pipe}", {"config": {"database_name": "shop"}}, WRITE),
    ("POST", "/organizations/{red}/pipelines/{pipe}/pause", None, (202, 202, 202, 403, 404, 404, 404, 401)),
    ("POST", "/organizations/{red}/pipelines/{pipe}/restart", None, (409, 409, 409, 403, 404, 404, 404, 401)),
    ("POST", "/organizations/{red}/pipelines/{pipe}/resume", None, (202, 202, 202, 403, 404, 404, 404, 401)),
    ("GET", "/organizations/{red}/pipelines/{pipe}/events", None, READ),
    ("GET", "/pipelines/{pipe}/status", None, READ),
    ("GET", "/organizations/{red}/limits", None, READ),
    ("GET", "/managed-services", None, (200, 200, 200, 200, 200, 200, 200, 401)),
    ("POST", "/managed-services", SERVICE, (201, 201, 201, 403, 201, 403, 403, 401)),
    ("GET", "/managed-services/{pg}", None, READ),
    ("PATCH", "/managed-services/{pg}", {"plan_name": "p"}, WRITE),
    ("GET", "/managed-services/{pg}/database-users", None, READ),
    ("POST", "/managed-services/{pg}/database-users/postgres/reveal-password", None, (200, 200, 403, 403, 404, 404, 404, 401)),
    ("POST", "/managed-services/{kafka}/database-users/app_user/reveal-password", None, WRITE),
    ("GET", "/metrics", None, (403, 403, 403, 403, 403, 403, 403, 401)),
    ("DELETE", "/managed-services/{pg}", None, (409, 409, 409, 403, 404, 404, 404, 401)),
    ("GET", "/nowhere", None, (404, 404, 404, 404, 404, 404, 404, 401)),
    ("PUT", "/organizations", None, (405, 405, 405, 405, 405, 405, 405, 401)),
    ("GET", "/organizations/no-id", None, (400, 400, 400, 400, 400, 400, 400, 401)),
    # at last: it takes away what the others need
    ("DELETE", "/organizations/{red}/pipelines/{pipe}", None, (202, 202, 202, 403, 404, 404, 404, 401)),
)
NOTHING = "00000000-0000-4000-8000-000000000000"


def make(cluster):
    """Roles, organizations and services: (ids, tokens)."""
    for who in WHO[:-1]:
        PASSWORDS[who] = who + "-secret"
        cluster.sql("CREATE ROLE %s LOGIN PASSWORD '%s-secret'" % (who, who))
    cluster.sql("CREATE ROLE gw LOGIN PASSWORD '%s'; SELECT cdc.grant_gateway('gw'); "
                "GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO owner, stranger" % PASSWORDS["gw"])
    red = cluster.sql("SELECT cdc.create_organization('Red', 'red')", user="owner")
    blue = cluster.sql("SELECT cdc.create_organization('Blue', 'blue')", user="stranger")
    for who in ("admin", "member", "viewer", "former"):
        cluster.sql("SELECT cdc.add_member('%s', '%s', '%s')" % (red, who, "member" if who == "former" else who), user="owner")
        cluster.sql("SELECT cdc.accept_membership('%s')" % red, user=who)
    tokens = {who: cluster.sql("SELECT cdc.create_token('matrix')", user=who) for who in WHO[:6]}
    cluster.sql("SELECT cdc.remove_member('%s', 'former')" % red, user="owner")
    pg = cluster.sql("SELECT cdc.register_service('pg', 'postgresql', 'z', '{\"nodes\":[{\"address\":\"127.0.0.1\",\"port\":1}],\"admin_user\":\"postgres\",\"admin_password\":\"none\"}', NULL, '%s')" % red, user="owner")
    kafka = cluster.sql("SELECT cdc.register_service('kafka', 'kafka', 'z', '{\"bootstrap\":\"127.0.0.1:1\",\"connect_urls\":[\"http://127.0.0.1:1\"],\"addons\":[\"kafka-connect\"],\"users\":[{\"username\":\"app_user\",\"password\":\"none\"}]}', NULL, '%s')" % red, user="owner")
    return {"red": red, "blue": blue, "pg": pg, "kafka": kafka}, tokens


def fill(thing, ids, name):
    text = thing if isinstance(thing, str) else json.dumps(thing)
    for key, value in ids.items():
        text = text.replace("{%s}" % key, value)
    return text.replace("@", name)


def test():
    # nothing acts: what is deleted stays in Deleting
    cluster = Cluster(settings="cdc_pipeline.enabled = off\n")
    ids, tokens = make(cluster)
    # so many wrong ones would slow each other down, which is tested elsewhere
    gateway = Gateway(cluster.dsn("gw"), trusted_proxies="127.0.0.1")
    serial = 0
    said = {}
    for way in ("password", "token"):
        ids["pipe"] = cluster.sql("SELECT cdc.create_pipeline('pipe-%s', '%s', '%s', topic_prefix => 'pipe-%s', organization => '%s')" % (way, ids["pg"], ids["kafka"], way, ids["red"]), user="owner")
        for method, path, body, wanted in MATRIX:
            got = {}
            # the smallest first: what the greater take away must still be there
            for who in reversed(WHO):
                serial += 1
                headers, user = ["X-Forwarded-For: 192.0.2.%d" % (serial % 250), "X-Request-Id: same"], None
                if who != "nobody" and way == "password":
                    user = who
                elif who != "nobody":
                    headers.append("Authorization: Bearer " + tokens.get(who, "cdc_none"))
                answer = gateway.call(method, fill(path, ids, ""), None if body is None else fill(body, ids, "m%d" % serial).encode(), user=user, headers=headers)
                got[who] = answer and answer.status
                said[way, method, path, who] = answer
                if answer is None or (answer.status >= 400 and method != "HEAD" and not answer.flat()) or (answer.status == 401 and not answer.headers["www-authenticate"].startswith("Basic ")):
                    ok(False, "a flat answer", repr(answer))
            expect = dict(zip(WHO, wanted))
            if way == "token":
                # a token of who is in no organization opens nothing, and so does none
                expect.update(former=401, alone=401)
            equal(got, expect, "%s %s, with a %s" % (method, path, way))
    leaks = [key for key, answer in said.items() if key[3] in ("stranger", "former", "alone", "nobody") and any(ids[name].encode() in answer.body for name in ("red", "pg", "kafka", "pipe"))]
    equal(leaks, [], "no answer to an outsider has an id of the organization in it")
    for path in ("/organizations/{red}", "/organizations/{red}/pipelines/{pipe}", "/pipelines/{pipe}/status", "/managed-services/{pg}"):
        missing = gateway.call("GET", re.sub(r"\{\w+\}", NOTHING, path), user="stranger", headers=["X-Request-Id: same"])
        there = said["password", "GET", path, "stranger"]
        equal((there.status, there.headers, there.body), (missing.status, dict(missing.headers, date=there.headers["date"]), missing.body), "%s: foreign and missing give the same bytes" % path)


main(test)
