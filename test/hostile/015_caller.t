#!/usr/bin/env python3
"""015_caller.t: vic, a viewer, has others run her code and tries to speak as them: autovacuum, a superuser's commands, parallel workers, timeouts."""
import sys, os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

# What the trap got each time that somebody ran it: whoever that is, it asks for all there is.
TRAP = """
CREATE SCHEMA den AUTHORIZATION vic;
-- given by mistake
GRANT EXECUTE ON FUNCTION cdc.take_over() TO vic;
SET ROLE vic;
CREATE TABLE den.told (at timestamptz DEFAULT clock_timestamp(), pid int DEFAULT pg_backend_pid(), who name DEFAULT current_user, said text);
CREATE FUNCTION den.try(what text) RETURNS void LANGUAGE plpgsql AS $f$
DECLARE
	said text := 'it worked';
BEGIN
	BEGIN
		EXECUTE what;
	EXCEPTION WHEN OTHERS THEN
		said := SQLSTATE || ' ' || SQLERRM;
	END;
	INSERT INTO den.told (said) VALUES (said);
END
$f$;
CREATE FUNCTION den.trap(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $f$
BEGIN
	IF n = 1 THEN
		PERFORM den.try('SELECT cdc.add_member(''%(umbrella)s'', ''vic'', ''owner'')');
		PERFORM den.try('SELECT cdc.add_member(''%(acme)s'', ''vic'', ''owner'')');
		PERFORM den.try('SELECT cdc.create_token(''for vic'')');
		PERFORM den.try('SELECT cdc.take_over()');
		PERFORM den.try('SELECT count(*) FROM cdc.service');
	END IF;
	RETURN n;
END
$f$;
CREATE TABLE den.bait (n int) WITH (autovacuum_enabled = off);
INSERT INTO den.bait SELECT generate_series(1, 200);
CREATE INDEX bait_idx ON den.bait (den.trap(n));
CREATE UNIQUE INDEX bait_key ON den.bait (n);
CREATE MATERIALIZED VIEW den.kept AS SELECT b.n, den.trap(b.n) AS trapped FROM den.bait b WITH NO DATA;
CREATE UNIQUE INDEX kept_key ON den.kept (n);
"""


def got(world):
    """What vic has that she should not have."""
    return (world.sql("SELECT string_agg(role, ' ' ORDER BY role) FROM cdc.organization_member WHERE member = 'vic'"),
            world.sql("SELECT count(*) FROM cdc.api_token"), world.sql("SELECT epoch_base FROM cdc.control_plane"))


def commands(world):
    before = got(world)
    equal(before, ("viewer", "0", "0"), "vic is a viewer")
    refused = world.sql("SELECT DISTINCT said FROM den.told WHERE said !~ '^42501 .* cannot tell who (calls|reads) it$'")
    equal(refused, "", "CREATE INDEX of her own is nobody")
    for command in ("ANALYZE den.bait", "VACUUM (FULL, ANALYZE) den.bait", "REINDEX TABLE den.bait", "REINDEX TABLE CONCURRENTLY den.bait", "CREATE INDEX ON den.bait (den.trap(n))",
                    "CREATE INDEX CONCURRENTLY ON den.bait (den.trap(n))", "CLUSTER den.bait USING bait_key", "REFRESH MATERIALIZED VIEW den.kept", "REFRESH MATERIALIZED VIEW CONCURRENTLY den.kept",
                    "ALTER TABLE den.bait ALTER n TYPE bigint", "VACUUM ANALYZE"):
        world.sql("TRUNCATE den.told")
        world.refused(command)
        seen = world.sql("SELECT count(*) || ' ' || count(*) FILTER (WHERE said ~ '^42501 .* cannot tell who (calls|reads) it$') FROM den.told").split()
        ok(seen[0] == seen[1] and (seen[0] != "0" or "TYPE" in command), "a superuser's %s lends nobody" % command, lambda: world.sql("SELECT DISTINCT said FROM den.told"))
    equal(got(world), before, "and vic is what she was")


def autovacuum(world):
    world.sql("TRUNCATE den.told")
    world.sql("ALTER TABLE den.bait SET (autovacuum_enabled = on, autovacuum_analyze_threshold = 1, autovacuum_analyze_scale_factor = 0)")
    # what the statement itself says is not autovacuum's
    world.sql("UPDATE den.bait SET n = n + 1000 WHERE n > 100; DELETE FROM den.told WHERE pid = pg_backend_pid()")
    told = wait(lambda: world.sql("SELECT string_agg(DISTINCT said, '; ') FROM den.told"), 40, 0.1)
    ok(told, "autovacuum runs the trap")
    equal(world.sql("SELECT DISTINCT said FROM den.told WHERE said !~ '^42501 .* cannot tell who (calls|reads) it$'"), "", "and lends nobody")
    equal(got(world), ("viewer", "0", "0"), "vic is what she was")


PARALLEL = "SET force_parallel_mode = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; "


def parallel(world):
    world.sql("CREATE TABLE den.big AS SELECT generate_series(1, 20000) AS n; GRANT SELECT ON den.big TO PUBLIC; ANALYZE den.big; ALTER SYSTEM SET max_parallel_workers = 4")
    setting = PARALLEL if int(world.sql("SHOW server_version_num")) < 160000 else PARALLEL.replace("force_parallel_mode", "debug_parallel_query")
    # functions of users say that they are safe: entries are then called by the workers themselves
    world.sql("CREATE FUNCTION den.me() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $f$ BEGIN RETURN cdc.caller() || pg_backend_pid(); END $f$;"
              "CREATE FUNCTION den.mine() RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS $f$ BEGIN RETURN (SELECT count(*) FROM cdc.caller_organizations()); END $f$;"
              "GRANT USAGE, CREATE ON SCHEMA den TO PUBLIC; SET ROLE bob; CREATE FUNCTION den.lend() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $f$ BEGIN RETURN (SELECT string_agg(DISTINCT den.me(), ' ') FROM den.big); END $f$")
    plan = world.sql(setting + "EXPLAIN SELECT DISTINCT regexp_replace(den.me(), '[0-9]', '', 'g') FROM den.big WHERE den.mine() = 1", "bob")
    ok("Workers Planned" in plan, "(workers are planned)", plan)
    equal(world.sql(setting + "SELECT DISTINCT regexp_replace(den.me(), '[0-9]', '', 'g') FROM den.big WHERE den.mine() = 1", "bob"), "bob", "a parallel worker knows the caller")
    equal(world.sql(setting + "SET ROLE vic; SELECT DISTINCT regexp_replace(den.me(), '[0-9]', '', 'g') FROM den.big WHERE den.mine() = 1"), "vic", "after SET ROLE too")
    why = world.refused(setting + "SELECT den.lend()", "vic") or ""
    ok("cannot tell who calls it" in why, "and is nobody where a SECURITY DEFINER function has started it", why)
    equal(world.sql(setting + "SELECT count(*) FROM den.big b, cdc.service s WHERE s.organization_id IN (SELECT cdc.caller_organizations())", "bob"),
          world.sql("SELECT 20000 * count(*) FROM cdc.service s WHERE s.organization_id = %s" % literal(world.orgs["bob"])), "policies beside parallel scans answer as ever")


def cancelled(world):
    """The caller's stack is empty again after whatever ended a call."""
    pipeline = world.bystander
    for end in ("SET statement_timeout = '100ms'; SELECT cdc.wait_for_pipeline('%s', 'Deleted')" % pipeline,
                "SET lock_timeout = '100ms'; SELECT cdc.delete_pipeline('%s')" % pipeline):
        world.sql("CREATE OR REPLACE FUNCTION public.ended() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN %s; RETURN 'not'; EXCEPTION WHEN OTHERS OR query_canceled THEN RETURN SQLSTATE; END $f$" %
                  end.split("; ")[1].replace("SELECT", "PERFORM"))
        lock = subprocess.Popen([PG_BIN + "/psql", "-XqAt", "-h", world.meta.dir, "-p", str(world.meta.port), "-U", "postgres", "cdc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lock.stdin.write("BEGIN; SELECT 1 FROM cdc.pipeline_spec WHERE id = '%s' FOR UPDATE;\n" % pipeline)
        lock.stdin.flush()
        lock.stdout.readline()
        said = world.sql(end.split("; ")[0] + "; SELECT public.ended(); RESET statement_timeout; RESET lock_timeout; SET ROLE vic; SELECT cdc.caller()").split()
        ok(said[0] in ("57014", "55P03") and said[1] == "vic", "after %s the caller is who asks" % said[0], repr(said))
        why = world.refused(end.split("; ")[0] + "; SELECT public.ended(); SELECT cdc_inner.caller_is_superuser()") or ""
        ok("not for callers" in why, "and nobody is left on the stack", why)
        lock.communicate("ROLLBACK;\n")


def test():
    world = World(settings="autovacuum_naptime = 1s\n")
    world.sql("CREATE ROLE vic LOGIN; SELECT cdc.add_member(%s, 'vic', 'viewer')" % literal(world.orgs["bob"]))
    world.sql(TRAP % {"umbrella": world.orgs["bob"], "acme": world.orgs["alice"]})
    commands(world)
    autovacuum(world)
    parallel(world)
    cancelled(world)
    world.closing_questions("others run her code")


main(test)
