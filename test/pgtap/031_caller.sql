-- On whose behalf a call is answered: the current user where nobody lends it, else
-- nobody.  vic, a viewer of red, tries to be somebody else.
BEGIN;
SELECT no_plan();
\ir fixture.inc
CREATE SCHEMA den;
GRANT CREATE, USAGE ON SCHEMA den TO PUBLIC;

-- One test: nobody is answered, and the hint says how to be somebody.
CREATE FUNCTION pg_temp.nobody(who name, sql text, what text) RETURNS text LANGUAGE sql AS $$
	SELECT is(ROW(f.code, f.message ~ '^[a-z_. ()]* cannot tell who (calls|reads) it$', f.detail <> '', f.hint ~ 'SECURITY INVOKER')::text, '(42501,t,t,t)', what)
		FROM pg_temp.fault_as(who, sql) f
$$;

-- --- who is the caller ---------------------------------------------------------------------------
SELECT is(pg_temp.run_as(who, 'SELECT cdc.caller()'), who, 'SET ROLE ' || who || ' makes ' || who || ' the caller') FROM unnest('{vic,mia,bob,postgres}'::text[]) who;
SET LOCAL SESSION AUTHORIZATION vic;
SELECT is(cdc.caller(), 'vic', 'so does SET SESSION AUTHORIZATION');
RESET SESSION AUTHORIZATION;
SELECT is(cdc.caller(), 'postgres', 'until it is reset');
PREPARE who AS SELECT cdc.caller(), (SELECT array_agg(slug ORDER BY slug) FROM cdc.organization) AS organizations;
SET LOCAL ROLE vic;
EXECUTE who \gset vic_
SET LOCAL ROLE bob;
EXECUTE who \gset bob_
RESET ROLE;
EXECUTE who \gset postgres_
SELECT is(ROW(:'vic_caller', :'vic_organizations', :'bob_caller', :'bob_organizations', :'postgres_caller', :'postgres_organizations')::text,
	ROW('vic', '{red}', 'bob', '{blue}', 'postgres', '{blue,red}')::text, 'a prepared statement asks anew who executes it');
SET LOCAL ROLE vic;
DECLARE held CURSOR FOR SELECT cdc.caller(), o.slug FROM cdc.organization o ORDER BY slug;
DECLARE kept CURSOR WITH HOLD FOR SELECT slug FROM cdc.organization ORDER BY slug;
SET LOCAL ROLE bob;
CREATE FUNCTION pg_temp.fetch(c refcursor) RETURNS SETOF text LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN LOOP FETCH c INTO r; EXIT WHEN NOT FOUND; RETURN NEXT r::text; END LOOP; END $$;
SELECT set_eq($$SELECT pg_temp.fetch('held')$$, ARRAY['(bob,blue)'], 'a cursor answers who fetches its first row');
RESET ROLE;
SELECT is(pg_temp.run_as('vic', 'SELECT (SELECT cdc.caller()) || cdc.caller() || (SELECT count(*) FROM cdc.caller_organizations() o, cdc.list_pipelines(o))'), 'vicvic1', 'calls beside and within each other are one caller''s');
CREATE FUNCTION pg_temp.twice() RETURNS text LANGUAGE plpgsql SET work_mem = '1MB' AS $$ BEGIN RETURN (SELECT string_agg(o ->> 'name', ',') FROM cdc.list_pipelines() o); END $$;
SELECT is(pg_temp.run_as('vic', 'SELECT pg_temp.twice()'), 'pipe', 'a SECURITY INVOKER function is nobody of its own, even with settings');
CREATE TABLE den.journal (n int, who name DEFAULT cdc.caller(), mine boolean CHECK (mine = (cdc.caller() = 'vic')));
GRANT ALL ON den.journal TO PUBLIC;
SELECT is(pg_temp.run_as('vic', 'INSERT INTO den.journal VALUES (1, DEFAULT, true) RETURNING who'), 'vic', 'in a DEFAULT and a CHECK of a user''s table the caller is who writes');
SELECT is(pg_temp.run_as('bob', 'INSERT INTO den.journal VALUES (1, DEFAULT, true) RETURNING who'), '23514', 'and nobody else');

-- --- the owner of a function is not the caller -----------------------------------------------------
SET LOCAL ROLE ann;
CREATE FUNCTION den.as_ann(id uuid) RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS 'SELECT cdc.get_pipeline(id)';
CREATE FUNCTION den.for_ann(id uuid) RETURNS jsonb LANGUAGE sql AS 'SELECT den.as_ann(id)';
CREATE FUNCTION den.around_ann(id uuid) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN den.for_ann(id); END';
CREATE FUNCTION den.look(what text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS 'DECLARE n bigint; BEGIN EXECUTE what INTO n; RETURN n; END';
CREATE PROCEDURE den.do_it(what text) LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE what; END';
CREATE FUNCTION den.swallow(what text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE what; RETURN ''ran''; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END';
RESET ROLE;
SELECT pg_temp.nobody(who, format('SELECT den.%s(%s)', f, pg_temp.id('red-pipe')), f || ' called by ' || who || ' is nobody')
FROM unnest('{bob,ann,vic,postgres}'::name[]) who, unnest('{as_ann,around_ann,for_ann}'::text[]) f;
SELECT pg_temp.nobody('bob', format('CALL den.do_it(%L)', format('SELECT cdc.add_member(%s, ''bob'', ''owner'')', pg_temp.id('red'))), 'nor does a SECURITY DEFINER procedure lend its owner');
SELECT pg_temp.nobody(who, format('SELECT den.look(%L)', 'SELECT count(*) FROM cdc.' || r), 'inside one ' || r || ' is refused, and not empty, for ' || who)
FROM unnest('{ann,bob}'::name[]) who, unnest('{organization,organization_member,service,service_node,service_event,pipeline_spec,pipeline_observed,pipeline_standby,pipeline_event,pipeline,failover_readiness,finding}'::text[]) r;
-- an answer must not tell what another organization has: refused before the first row
SELECT pg_temp.nobody('bob', format('SELECT den.look(%L)', format('SELECT count(*) FROM cdc.service WHERE %s', q)), 'whatever is asked for: ' || q)
FROM unnest('{"name = ''red-pg''","name = ''nothing''","id = gen_random_uuid()","false or name = ''x''"}'::text[]) q;
SELECT is(pg_temp.run_as('bob', 'SELECT den.swallow(''SELECT cdc.list_pipelines()'')'), '42501', 'an error that is swallowed inside it');
SELECT is(pg_temp.run_as('bob', 'SELECT den.swallow(''SELECT cdc.list_pipelines()'') || cdc.caller()'), '42501bob', 'leaves the caller who he is');

-- --- commands that run a table owner's code ---------------------------------------------------------
SET LOCAL ROLE vic;
CREATE TABLE den.bait (n int);
INSERT INTO den.bait SELECT generate_series(1, 100);
RESET ROLE;
SET LOCAL ROLE vic;
CREATE FUNCTION den.grab(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n; END';
CREATE INDEX bait_idx ON den.bait (den.grab(n));
RESET ROLE;
SELECT format('CREATE OR REPLACE FUNCTION den.grab(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN PERFORM cdc.add_member(%L, ''vic'', ''owner''); RETURN n; END $f$', id) AS trap FROM it WHERE name = 'blue' \gset
SET LOCAL ROLE vic;
:trap;
RESET ROLE;
SELECT pg_temp.nobody('postgres', command, 'a superuser''s ' || command || ' does not lend him to an index expression')
FROM unnest('{"ANALYZE den.bait","REINDEX TABLE den.bait","REINDEX INDEX den.bait_idx","CREATE INDEX ON den.bait (den.grab(n + 1))","CREATE INDEX ON den.bait (n) WHERE den.grab(n) > 5","CLUSTER den.bait USING bait_idx"}'::text[]) command;
SELECT pg_temp.nobody('vic', command, 'nor vic''s own ' || command || ' vic') FROM unnest('{"ANALYZE den.bait","REINDEX TABLE den.bait"}'::text[]) command;
SET LOCAL ROLE vic;
CREATE MATERIALIZED VIEW den.mine AS SELECT o.slug FROM cdc.organization o WITH NO DATA;
CREATE MATERIALIZED VIEW den.grabbed AS SELECT den.grab(1) WITH NO DATA;
CREATE MATERIALIZED VIEW den.routes AS SELECT r.method, r.path FROM cdc.rest_route r WITH NO DATA;
RESET ROLE;
SELECT pg_temp.nobody(who, 'REFRESH MATERIALIZED VIEW ' || v, format('REFRESH of %s by %s is refused', v, who)) FROM unnest('{vic,postgres}'::name[]) who, unnest('{den.mine,den.grabbed}'::text[]) v;
SELECT is((pg_temp.fault_as('vic', 'REFRESH MATERIALIZED VIEW den.routes')).code, '00000', 'what asks for no caller can be kept in one');
SELECT pg_temp.nobody('vic', 'CREATE MATERIALIZED VIEW den.other AS SELECT cdc.caller()', 'nor is one filled when it is made');
SELECT is((SELECT role FROM cdc.organization_member WHERE member = 'vic' AND organization_id = (SELECT id FROM it WHERE name = 'blue')), NULL, 'vic got nowhere');

-- --- errors, and inner functions from outside ---------------------------------------------------------
SET LOCAL ROLE vic;
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		BEGIN
			PERFORM cdc.register_service('x', 'postgresql', 'z', '{}', organization => (SELECT id FROM cdc.organization));
		EXCEPTION WHEN insufficient_privilege THEN
			BEGIN
				PERFORM cdc.get_pipeline(gen_random_uuid());
			EXCEPTION WHEN undefined_object THEN
				NULL;
			END;
		END;
	END LOOP;
END
$$;
RESET ROLE;
SELECT is(pg_temp.run_as('vic', 'SELECT cdc.caller()'), 'vic', 'an error that is caught leaves nobody behind');
SELECT pg_temp.refused('postgres', sql, '42501', 'not for callers', 'not even a superuser gets an answer from ' || sql)
FROM unnest('{"SELECT cdc_inner.caller()","SELECT cdc_inner.caller_is_superuser()","SELECT cdc_inner.caller_confined_to()","SELECT cdc_inner.caller_has_role(''pg_monitor'')","SELECT * FROM cdc_inner.caller_organizations()","SELECT cdc_inner.list_pipelines()","SELECT cdc_inner.take_over()"}'::text[]) sql;
SELECT is(pg_temp.run_as('postgres', 'SELECT (cdc_inner.rest(''GET'', ''/organizations'')).status'), '403', 'nor over REST');
-- with everything granted by mistake
GRANT USAGE ON SCHEMA cdc_inner TO vic;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cdc, cdc_inner TO vic;
SELECT is(pg_temp.run_as('vic', sql), '42501', 'vic, with every grant there is: ' || sql)
FROM unnest(ARRAY[format('SELECT cdc_inner.add_member(%s, ''vic'', ''owner'')', pg_temp.id('blue')), 'SELECT cdc_inner.take_over()', 'SELECT cdc_inner.caller()', format('SELECT cdc_inner.end_pipeline(%s, true)', pg_temp.id('blue-pipe')),
	format('SELECT cdc_inner.provide_service(%s, ''{}'')', pg_temp.id('blue')), 'SELECT cdc_inner.list_tokens()', 'SELECT cdc_inner.member_role(gen_random_uuid())']) sql;

-- --- a cursor that was opened outside ----------------------------------------------------------------------
SET LOCAL ROLE bob;
DECLARE carried CURSOR FOR SELECT name FROM cdc.service WHERE name = 'red-pg';
DECLARE carried_none CURSOR FOR SELECT name FROM cdc.service WHERE name = 'nothing';
CREATE FUNCTION den.fetch_it(c refcursor) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'DECLARE r record; BEGIN FETCH c INTO r; RETURN r; END';
RESET ROLE;
SELECT pg_temp.nobody('ann', format('SELECT den.fetch_it(%L)', c), 'fetching from it inside a SECURITY DEFINER function is refused, rows or none: ' || c) FROM unnest('{carried,carried_none}'::text[]) c;

-- --- the shape of a query over what policies guard ------------------------------------------------------
CREATE FUNCTION pg_temp.plan(sql text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE line text; whole text := ''; BEGIN FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || sql LOOP whole := whole || line || E'\n'; END LOOP; RETURN whole; END $$;
SELECT matches(pg_temp.run_as('vic', 'SELECT pg_temp.plan(''SELECT * FROM cdc.service'')'), 'hashed SubPlan', 'for which organizations is asked once a query');

SELECT * FROM finish();
ROLLBACK;
