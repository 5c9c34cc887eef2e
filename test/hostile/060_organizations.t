#!/usr/bin/env python3
"""060_organizations.t: alice makes organizations to catch what others do, in the name of bob's default, of his organization's id, of a role that was his."""
import os, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *


def home(world, service):
    return world.sql("SELECT o.slug FROM cdc.service s JOIN cdc.organization o ON o.id = s.organization_id WHERE s.name = %s" % literal(service))


def register(name, connection):
    return "SELECT cdc.register_service(%s, 'postgresql', 'se-sto1', %s::jsonb)" % (literal(name), literal(json.dumps(connection)))


def reveal(world, service, user):
    return world.sql("SELECT (cdc.rest('POST', '/managed-services/%s/database-users/cdc_admin/reveal-password')).status" % service, user)


def default(world):
    """bob names no organization, and alice has made one that she calls personal, with him as its owner."""
    trap = world.sql("SELECT cdc.create_organization('Home', 'home', true)", "alice")
    world.sql("SELECT cdc.add_member('%s', 'bob', 'owner')" % trap, "alice")
    service = world.sql(register("bobs-1", world.true_source()), "bob")
    equal(home(world, "bobs-1"), "umbrella", "the superuser's password of a source goes where its owner is")
    equal((reveal(world, service, "alice"), reveal(world, service, "bob")), ("404", "200"), "who invited him cannot have it shown")
    world.sql("SELECT cdc.accept_membership('%s')" % trap, "bob")
    # a statement that is refused is in the server's log
    why = world.refused(register("bobs-2", world.true_source(admin_password="none")), "bob") or ""
    ok("the organization must be named" in why and "home (%s), umbrella (%s)" % (trap, world.orgs["bob"]) in why, "once he is in both, he must say which", why)
    equal(world.sql("SELECT count(*) FROM cdc.service WHERE organization_id = '%s'" % trap), "0", "nothing of his is in hers")
    pipeline = world.sql("SELECT cdc.create_pipeline('by-source', '%s', '%s', tables => '{orders}', database_name => 'shop')" % (service, world.bystander_sink), "bob")
    equal(world.spec(pipeline)["organization_id"], world.orgs["bob"], "a pipeline goes where its source is")
    world.closing_questions("another's default")
    world.sql("SELECT cdc.leave_organization('%s')" % trap, "bob")


def slug(world):
    """A slug that is spelled like the id of bob's organization."""
    umbrella = world.orgs["bob"]
    for words in (umbrella, umbrella.replace("-", "")):
        why = world.refused("SELECT cdc.create_organization('Trap', '%s')" % words, "alice")
        ok(why and "must not look like an id" in why, "no new one: " + words.replace(umbrella.replace("-", ""), "without hyphens").replace(umbrella, "with hyphens"), why)
    # as 0.1 let her
    trap = world.sql("SELECT cdc.create_organization('Trap', 'trap')", "alice")
    world.sql("UPDATE cdc.organization SET slug = '%s' WHERE id = '%s'" % (umbrella, trap))
    world.sql("SELECT cdc.add_member('%s', 'bob', 'owner')" % trap)
    body = json.dumps({"name": "bobs-3", "database_type": "postgresql", "provider": "external", "connection": world.true_source()})
    answer = json.loads(world.sql("SELECT (cdc.rest('POST', '/managed-services', %s, %s)).body" % (literal(body), literal(json.dumps({"x-active-org-id": umbrella}))), "bob"))
    equal(answer.get("organization_id"), umbrella, "X-Active-Org-ID is his organization's id, and not her slug")
    equal(reveal(world, answer["id"], "alice"), "404", "she cannot have the password shown")
    world.closing_questions("a slug like an id")


def waiting(world):
    """Who waits for a pipeline, and is no member, or no superuser, any more, learns nothing of it from then on."""
    for name, before, after in (("dora", "SELECT cdc.add_member('%s', 'dora', 'viewer')" % world.orgs["bob"], "SELECT cdc.remove_member('%s', 'dora')" % world.orgs["bob"]),
                                ("sue", "ALTER ROLE sue SUPERUSER", "ALTER ROLE sue NOSUPERUSER")):
        world.sql(before)
        call = subprocess.Popen(["psql", "-XqAt", "-v", "VERBOSITY=verbose", "-h", world.meta.dir, "-p", str(world.meta.port), "-U", name, "-d", "cdc", "-c",
                                 "SELECT cdc.wait_for_pipeline('%s', 'Deleted', '50 s')" % world.bystander], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ok(wait(lambda: world.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = '%s' AND wait_event = 'PgSleep'" % name) == "1"), "(%s waits)" % name)
        world.sql(after)
        ended = wait(lambda: call.poll() is not None, 30)
        call.kill()
        out, said = call.communicate()
        ok(ended and "42704" in said and "Running" not in said and not out, "%s is told that there is no such pipeline as soon as it is none of hers" % name, (ended, out, said))
    world.closing_questions("who waits")


def again(world):
    """A role of bob's organization is dropped; whoever comes next under its name is somebody else."""
    world.sql("SELECT cdc.add_member('%s', 'carl', 'owner')" % world.orgs["bob"])
    token = world.sql("SELECT cdc.create_token('carls')", "carl")
    world.plant(token)
    status = "SELECT (cdc.rest_bearer('%s', 'GET', '/organizations/%s')).status" % (token, world.orgs["bob"])
    equal(world.sql(status, "gw"), "200", "(carl's token opens it)")
    world.sql("DROP OWNED BY carl; DROP ROLE carl; CREATE ROLE carl LOGIN")
    equal([world.sql("SELECT count(*) FROM cdc." + relation, "carl") for relation in ("organization", "service", "pipeline", "organization_event", "invitations()", "list_tokens()")], ["0"] * 6, "the new carl sees nothing")
    ok("does not exist" in (world.refused("SELECT cdc.add_member('%s', 'alice', 'owner')" % world.orgs["bob"], "carl") or ""), "and may do nothing")
    equal(world.sql(status, "gw"), "401", "the old one's token is dead")
    world.closing_questions("a role made again")


def test():
    world = World()
    world.sql("GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO alice; CREATE ROLE carl LOGIN; CREATE ROLE gw LOGIN; CREATE ROLE dora LOGIN; CREATE ROLE sue LOGIN; SELECT cdc.grant_gateway('gw')")
    default(world)
    slug(world)
    waiting(world)
    again(world)


main(test)
