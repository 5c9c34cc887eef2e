-- Mallory may create objects in schemas that a superuser has in his search_path.
-- None of them is taken for the server's: while the extension is created or updated,
-- in what it makes, and while it is used.
BEGIN;
SELECT no_plan();
SET client_min_messages = warning;
CREATE ROLE mallory;
CREATE SCHEMA lair AUTHORIZATION mallory;
CREATE SCHEMA commons;
GRANT CREATE, USAGE ON SCHEMA commons TO PUBLIC;
CREATE TABLE public.caught (what text, who name);
GRANT INSERT ON public.caught TO PUBLIC;

SET LOCAL ROLE mallory;
SET LOCAL search_path = pg_catalog;
DO $$
DECLARE
	place text;
	op text;
	f text;
BEGIN
	FOREACH place IN ARRAY ARRAY['lair', 'commons'] LOOP
		EXECUTE format('CREATE FUNCTION %I.trap(text, text) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (''an operator'', current_user); RETURN true; END $f$', place);
		EXECUTE format('CREATE FUNCTION %I.trap(name, name) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (''an operator'', current_user); RETURN true; END $f$', place);
		EXECUTE format('CREATE FUNCTION %I.trap(name, text) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (''an operator'', current_user); RETURN true; END $f$', place);
		EXECUTE format('CREATE FUNCTION %I.trap(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (''an operator'', current_user); RETURN true; END $f$', place);
		EXECUTE format('CREATE FUNCTION %I.trap(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (''an operator'', current_user); RETURN true; END $f$', place);
		EXECUTE format('CREATE FUNCTION %I.trap(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (''an operator'', current_user); RETURN true; END $f$', place);
		EXECUTE format('CREATE FUNCTION %I.trap(jsonb, text) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (''an operator'', current_user); RETURN true; END $f$', place);
		FOREACH op IN ARRAY ARRAY['=', '<>', '<', '<=', '>', '>=', '~', '!~', '||'] LOOP
			FOREACH f IN ARRAY ARRAY['text, text', 'name, name', 'name, text', 'integer, integer', 'oid, oid', 'uuid, uuid'] LOOP
				EXECUTE format('CREATE OPERATOR %I.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %I.trap)', place, op, split_part(f, ', ', 1), split_part(f, ', ', 2), place);
			END LOOP;
		END LOOP;
		EXECUTE format('CREATE OPERATOR %I.? (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = %I.trap)', place, place);
		FOREACH f IN ARRAY ARRAY['format(text, text)', 'format(text, name)', 'lower(text)', 'length(text)', 'btrim(text)', 'left(text, integer)', 'now()', 'clock_timestamp()', 'gen_random_uuid()', 'unnest(text[])', 'num_nonnulls(uuid, uuid)', 'quote_ident(name)',
				'current_setting(text)', 'set_config(text, text, boolean)', 'pg_get_function_arguments(oid)', 'pg_extension_config_dump(regclass, text)', 'caller()', 'rules()', 'caller_organizations()', 'aclexplode(aclitem[])'] LOOP
			EXECUTE format('CREATE FUNCTION %I.%s RETURNS text LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (%L, current_user); RETURN NULL; END $f$', place, f, f);
		END LOOP;
		EXECUTE format('CREATE FUNCTION %I.tell() RETURNS name LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.caught VALUES (''a view'', current_user); RETURN current_user; END $f$', place);
		FOREACH f IN ARRAY ARRAY['pg_proc', 'pg_class', 'pg_namespace', 'pg_roles', 'pg_policy', 'organization', 'service', 'organization_member'] LOOP
			EXECUTE format('CREATE VIEW %I.%I AS SELECT %I.tell() AS id', place, f, place);
		END LOOP;
		EXECUTE format('CREATE DOMAIN %I.jsonb AS text', place);
		EXECUTE format('CREATE DOMAIN %I.uuid AS text', place);
	END LOOP;
END
$$;
RESET search_path;
RESET ROLE;

-- What of the extension rests on something that mallory made.
CREATE FUNCTION pg_temp.rests_on_hers() RETURNS SETOF text LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' on ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) FROM pg_depend d
	WHERE pg_describe_object(d.refclassid, d.refobjid, 0) ~ '\m(lair|commons)\.' AND pg_describe_object(d.classid, d.objid, 0) ~ '\mcdc(_inner)?\.'
$$;
-- Runs sql with hers before the server's own.
CREATE FUNCTION pg_temp.under(path text, sql text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_catalog.set_config('search_path', path, true);
	EXECUTE sql;
	PERFORM pg_catalog.set_config('search_path', 'public', true);
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION '% under %: %', sql, path, SQLERRM;
END
$$;

-- the traps work
SELECT pg_temp.under('lair, pg_catalog', 'SELECT ''a''::text = ''b''::text, lower(''A''), (SELECT count(*) FROM pg_class)') \g /dev/null
SELECT cmp_ok((SELECT count(*) FROM public.caught), '>=', 3::bigint, '(who is not careful is caught)');
DELETE FROM public.caught;

SET search_path = public;
SELECT lives_ok(format($f$SELECT pg_temp.under(%L, 'DROP EXTENSION cdc_pipeline CASCADE; DROP SCHEMA cdc; CREATE EXTENSION cdc_pipeline')$f$, path), 'created with search_path ' || path)
FROM unnest(ARRAY['lair, pg_catalog', 'commons, pg_catalog', 'lair, commons']) path;
SELECT is_empty('SELECT * FROM public.caught', 'whoever creates the extension runs nothing of hers');
SELECT is_empty('SELECT pg_temp.rests_on_hers()', 'nor is anything of hers built into it');
SELECT lives_ok($f$SELECT pg_temp.under('lair, commons, pg_catalog', 'DROP EXTENSION cdc_pipeline CASCADE; DROP SCHEMA cdc; CREATE EXTENSION cdc_pipeline VERSION ''0.1''')$f$, '(0.1)');
DELETE FROM public.caught;
-- by another superuser than the one that created it: functions are of two owners then
CREATE ROLE other SUPERUSER;
CREATE ROLE third SUPERUSER;
SELECT lives_ok($f$SELECT pg_temp.under('lair, commons, pg_catalog', 'SET LOCAL ROLE other; ALTER EXTENSION cdc_pipeline UPDATE; RESET ROLE')$f$, 'updated');
ALTER FUNCTION cdc_inner.create_organization(text, text, boolean) OWNER TO third;
SELECT is_empty('SELECT * FROM public.caught', 'whoever updates it runs nothing of hers');
SELECT is_empty('SELECT pg_temp.rests_on_hers()', 'nor is anything of hers built into it');

-- --- in use ----------------------------------------------------------------------------------------
SELECT lives_ok(format($f$SELECT pg_temp.under('lair, commons, pg_catalog', %L)$f$, sql), sql) FROM unnest(ARRAY[
	'SELECT cdc.create_organization(''Red'', ''red'')',
	'SELECT cdc.register_service(''pg'', ''postgresql'', ''se-sto1'', ''{"nodes":[{"address":"10.0.0.1","port":1}],"admin_user":"postgres","admin_password":"x"}''::pg_catalog.jsonb)',
	'SELECT cdc.list_pipelines()', 'SELECT cdc.check_health()', 'SELECT cdc.create_token(''t'')', 'SELECT cdc.metrics()',
	'SELECT (cdc.rest(''GET'', ''/organizations'')).status', 'SELECT * FROM cdc.pipeline', 'SELECT * FROM cdc.failover_readiness', 'SELECT * FROM cdc.state_table', 'SELECT cdc.take_over()']) sql;
SELECT is_empty('SELECT * FROM public.caught', 'whoever uses it runs nothing of hers');

-- --- a schema that was there -------------------------------------------------------------------------
DROP EXTENSION cdc_pipeline CASCADE;
DROP SCHEMA cdc;
CREATE FUNCTION pg_temp.refused_with(setup text, what text, creates text DEFAULT 'CREATE EXTENSION cdc_pipeline') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text := 'created';
BEGIN
	BEGIN
		EXECUTE setup;
		BEGIN
			EXECUTE creates;
		EXCEPTION WHEN object_not_in_prerequisite_state THEN
			said := SQLERRM;
		END;
		RAISE EXCEPTION USING ERRCODE = 'ZZ000';
	EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
	END;
	RETURN matches(said, '^schema "cdc(_inner)?" exists', what);
END
$$;
SELECT pg_temp.refused_with(setup, 'refused in a schema ' || what) FROM (VALUES
	('that mallory owns', 'CREATE SCHEMA cdc AUTHORIZATION mallory'),
	('in which she may create', 'CREATE SCHEMA cdc; GRANT CREATE ON SCHEMA cdc TO mallory'),
	('in which anybody may', 'CREATE SCHEMA cdc; GRANT CREATE ON SCHEMA cdc TO PUBLIC'),
	('with an operator', 'CREATE SCHEMA cdc; CREATE OPERATOR cdc.= (LEFTARG = text, RIGHTARG = text, FUNCTION = lair.trap)'),
	('with a function', 'CREATE SCHEMA cdc; CREATE FUNCTION cdc.f() RETURNS int LANGUAGE sql AS ''SELECT 1'''),
	('with a table', 'CREATE SCHEMA cdc; CREATE TABLE cdc.t ()'),
	('with a collation', 'CREATE SCHEMA cdc; CREATE COLLATION cdc.c FROM "C"'),
	('with a domain', 'CREATE SCHEMA cdc; CREATE DOMAIN cdc.d AS text'),
	('cdc_inner', 'CREATE SCHEMA cdc_inner AUTHORIZATION mallory')) v(what, setup);
CREATE SCHEMA cdc;
SELECT lives_ok('CREATE EXTENSION cdc_pipeline', 'but not in one that is empty');

-- what a superuser gives away by default is what he makes, not this
DROP EXTENSION cdc_pipeline CASCADE;
DROP SCHEMA cdc;
CREATE EXTENSION cdc_pipeline VERSION '0.1';
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO mallory;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO mallory;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO mallory;
SET check_function_bodies = off;	-- cdc_inner is the update's
CREATE FUNCTION pg_temp.hers() RETURNS SETOF text LANGUAGE sql AS $f$ SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace::regnamespace::text ~ '^cdc' AND has_function_privilege('mallory', p.oid, 'EXECUTE')
	UNION ALL SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v') AND has_table_privilege('mallory', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
	UNION ALL SELECT n.nspname FROM pg_namespace n WHERE n.nspname ~ '^cdc' AND has_schema_privilege('mallory', n.oid, 'USAGE, CREATE')
	EXCEPT SELECT g.object FROM cdc_inner.grants_of('everybody') g
	UNION ALL SELECT x.o::regclass::text FROM (SELECT c.oid AS o, c.relacl AS acl FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace) x, aclexplode(x.acl) a WHERE a.grantee = 'mallory'::regrole
	UNION ALL SELECT x.o::regprocedure::text FROM (SELECT p.oid AS o, p.proacl AS acl FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace) x, aclexplode(x.acl) a WHERE a.grantee = 'mallory'::regrole $f$;
RESET check_function_bodies;
ALTER EXTENSION cdc_pipeline UPDATE;
SELECT is_empty('SELECT pg_temp.hers()', 'default privileges give nobody anything of what an update makes');
DROP EXTENSION cdc_pipeline;
CREATE EXTENSION cdc_pipeline;
SELECT is_empty('SELECT pg_temp.hers()', '... nor of the extension');
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM mallory;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM mallory;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM mallory;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM mallory;

-- 0.1 did not look who else may create there
DROP EXTENSION cdc_pipeline CASCADE;
DROP SCHEMA cdc;
SELECT pg_temp.refused_with(setup, 'not updated in a schema ' || what, 'ALTER EXTENSION cdc_pipeline UPDATE') FROM (VALUES
	('that mallory owns', 'CREATE EXTENSION cdc_pipeline VERSION ''0.1''; ALTER SCHEMA cdc OWNER TO mallory'),
	('that is the owner''s of the database', 'CREATE EXTENSION cdc_pipeline VERSION ''0.1''; ALTER SCHEMA cdc OWNER TO pg_database_owner'),
	('in which she may create', 'CREATE SCHEMA cdc; GRANT CREATE ON SCHEMA cdc TO mallory; CREATE EXTENSION cdc_pipeline VERSION ''0.1'''),
	('with a function of hers', 'CREATE EXTENSION cdc_pipeline VERSION ''0.1''; CREATE FUNCTION cdc.f() RETURNS int LANGUAGE sql AS ''SELECT 1''; ALTER FUNCTION cdc.f() OWNER TO mallory'),
	('beside a cdc_inner', 'CREATE EXTENSION cdc_pipeline VERSION ''0.1''; CREATE SCHEMA cdc_inner AUTHORIZATION mallory')) v(what, setup);
CREATE EXTENSION cdc_pipeline VERSION '0.1';
CREATE FUNCTION cdc.of_the_superuser() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT lives_ok('ALTER EXTENSION cdc_pipeline UPDATE', 'but where a superuser has a function of his own there');

SELECT * FROM finish();
ROLLBACK;
