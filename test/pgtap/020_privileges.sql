-- What everybody may call and read, and that it gives nothing to who is nobody; definer functions are safe; what pg_dump carries.
BEGIN;
SELECT no_plan();
\ir fixture.inc

-- Everybody may call what asks itself who calls, and read where a policy asks: what is there.
SELECT set_eq($$SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND has_function_privilege('eve', p.oid, 'EXECUTE')$$, ARRAY[
	'accept_membership', 'acknowledge', 'add_member', 'caller', 'caller_administers', 'caller_organizations', 'caller_pipelines', 'check_health', 'connection_keys', 'create_pipeline', 'create_token',
	'delete_pipeline', 'delete_service', 'failover_rules', 'get_pipeline', 'health', 'invitations', 'leave_organization', 'list_members', 'list_pipelines', 'list_tokens', 'metrics', 'options', 'organization_limits',
	'pause_pipeline', 'pipeline_status', 'register_service', 'remove_member', 'rest', 'rest_routes', 'restart_pipeline', 'resume_pipeline', 'revoke_token', 'rotate_password', 'rules', 'set_pipeline_database', 'set_service_nodes', 'set_service_secret', 'standby_rules', 'update_service',
	'wait_for_pipeline', 'worker_state'], 'PUBLIC may execute these functions');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'cdc_inner'::regnamespace AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)$$, 'and no inner one');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm', 'f')
	AND has_table_privilege('eve', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')$$, 'PUBLIC writes no table or view');
SELECT set_eq($$SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v') AND has_table_privilege('eve', c.oid, 'SELECT')$$,
	$$SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v') AND has_table_privilege('vic', c.oid, 'SELECT')$$, 'and may read what members may');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('eve', c.oid, 'USAGE, SELECT, UPDATE') ELSE false END$$, 'nor on a sequence');
SELECT ok(NOT has_schema_privilege('eve', 'cdc', 'CREATE'), 'nor may it create in the schema');
SELECT is_empty($$SELECT a.grantee::regrole FROM (SELECT relacl FROM pg_class WHERE relnamespace = 'cdc'::regnamespace UNION ALL SELECT proacl FROM pg_proc WHERE pronamespace = 'cdc'::regnamespace
	UNION ALL SELECT nspacl FROM pg_namespace WHERE nspname = 'cdc') x(acl), aclexplode(x.acl) a WHERE a.grantee IN (SELECT m.role_oid FROM cdc.organization_member m WHERE m.member <> current_user)$$, 'a member is granted nothing');
SELECT is(pg_temp.run_as('eve', 'SELECT cdc.create_organization(''x'')'), '42501', 'to make organizations is a grant of its own');
-- who is nobody: every function that everybody may call, with whatever is another's, of every type
CREATE FUNCTION pg_temp.value_of(type oid, name text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT CASE type WHEN 'uuid'::regtype THEN quote_literal(i.id) || '::uuid' WHEN 'jsonb'::regtype THEN '''{}''::jsonb' WHEN 'interval'::regtype THEN '''1 ms''::interval' WHEN 'boolean'::regtype THEN 'true'
		WHEN 'text[]'::regtype THEN '''{orders}''::text[]' WHEN 'jsonb[]'::regtype THEN '''{}''::jsonb[]'
		WHEN 'name'::regtype THEN '''eve''::name' WHEN 'integer'::regtype THEN '1' ELSE format('%L::text', CASE name WHEN 'status' THEN 'Running' WHEN 'role' THEN 'owner' WHEN 'method' THEN 'GET' WHEN 'path' THEN '/organizations' ELSE 'x' END) END
	FROM pg_temp.it i WHERE type = 'uuid'::regtype OR i.name = 'red'
$$;
CREATE TEMP TABLE strangers AS SELECT p.proname::text AS name, format('SELECT string_agg(x::text, '''') FROM cdc.%I(%s) x', p.proname, (SELECT string_agg(CASE p.proargtypes[a - 1] WHEN 'uuid'::regtype THEN quote_literal(i.id) || '::uuid'
		ELSE (SELECT v FROM pg_temp.value_of(p.proargtypes[a - 1], p.proargnames[a]) v) END, ', ' ORDER BY a) FROM generate_series(1, p.pronargs) a)) AS call
	FROM pg_proc p, pg_temp.it i WHERE p.pronamespace = 'cdc'::regnamespace AND p.prosrc = 'cdc_entry' AND has_function_privilege('eve', p.oid, 'EXECUTE');
CREATE FUNCTION pg_temp.state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r regclass;
	one text;
	state text := '';
BEGIN
	FOR r IN SELECT oid FROM pg_class WHERE relnamespace = 'cdc'::regnamespace AND relkind = 'r' ORDER BY oid LOOP
		EXECUTE format('SELECT md5(string_agg(t::text || t.xmin, '''' ORDER BY t::text)) FROM %s t', r) INTO one;
		state := state || coalesce(one, '-') || ' ';
	END LOOP;
	RETURN state || (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid());
END
$$;
CREATE TEMP TABLE heard (call text, said text, before text, after text);
DO $$
DECLARE
	s record;
	before text;
	said text;
BEGIN
	FOR s IN SELECT DISTINCT call FROM strangers LOOP
		before := pg_temp.state();
		SET LOCAL ROLE eve;
		BEGIN
			EXECUTE s.call INTO said;
		EXCEPTION WHEN OTHERS THEN
			said := SQLSTATE || ' ' || SQLERRM;
		END;
		RESET ROLE;
		INSERT INTO heard VALUES (s.call, said, before, pg_temp.state());
	END LOOP;
END
$$;
SELECT cmp_ok((SELECT count(*) FROM heard), '>', 100::bigint, '(eve has called much)');
SELECT is_empty('SELECT call, said FROM heard WHERE before <> after', 'what who is nobody calls changes no row, takes no lock, and asks the worker for nothing');
SELECT is_empty($$SELECT call, said FROM heard WHERE said ~* '\m(red|blue)\M|ann|bob|pipe' AND said !~ '^(42704|22023) '$$, 'and tells nothing of anybody');
SELECT is_empty($$SELECT call, said FROM heard WHERE said IS NOT NULL AND said <> '' AND said !~ '^(42704|42501|22023|22004|42710) ' AND call !~ '\.(caller|health|rest)\('$$, 'but refusals');
SELECT is(pg_temp.run_as('eve', 'SELECT count(*) FROM cdc.' || c.relname), '0', 'who is nobody sees no row of ' || c.relname) FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v') AND has_table_privilege('eve', c.oid, 'SELECT')
	AND c.relname NOT IN ('connection_key', 'option', 'state_table', 'failover_table', 'standby_table', 'rest_route');

-- What a member has: SELECT on some, never more; nothing on secrets.
SELECT is_empty($$SELECT c.oid::regclass, r FROM pg_class c, unnest('{ann,ada,mia,vic,bob}'::name[]) r WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v')
	AND has_table_privilege(r, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')$$, 'members write no table');
SELECT set_eq($$SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v') AND has_table_privilege('vic', c.oid, 'SELECT')$$,
	ARRAY['organization', 'organization_member', 'organization_event', 'organization_limit', 'zone', 'service', 'service_node', 'service_event', 'rest_route', 'pipeline_spec', 'pipeline_observed', 'pipeline_event', 'pipeline', 'pipeline_standby', 'failover_readiness', 'failover_table', 'standby_table', 'state_table', 'finding', 'connection_key', 'option'], 'and read these');
SELECT set_eq($$SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND p.prosrc <> 'cdc_entry'$$,
	ARRAY['connection_keys', 'failover_rules', 'options', 'rest_routes', 'rules', 'standby_rules', 'worker_state'], 'of functions of schema cdc these are no entries: no helper (\df cdc.* shows what is called)');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND p.prosrc <> 'cdc_entry' AND NOT has_function_privilege('vic', p.oid, 'EXECUTE')$$, 'and members call them');
SELECT ok(NOT has_function_privilege('ann', f::regprocedure, 'EXECUTE'), 'owners of organizations may not call ' || f)
FROM unnest('{"cdc.take_over()","cdc.adopt(uuid)","cdc.adopt_agent(uuid,text)","cdc.rotate_secret_key(text)","cdc_inner.encrypt(text,text,text)","cdc_inner.decrypt(text,bytea,text,text)","cdc.rest_bearer(text,text,text,text,jsonb)","cdc.grant_gateway(name)","cdc.grant_monitoring(name)","cdc_inner.token_identity(text,text)","cdc.set_organization_maker(uuid,name)","cdc.bind_members(boolean)","cdc.create_organization(text,text,boolean)","cdc_inner.lock(text)","cdc_inner.tend_members()","cdc_inner.grant_to(name,text)","cdc_inner.reencrypt(text,text,bytea,text,text)","cdc_inner.ask(text,uuid)","cdc_inner.wake()"}'::text[]) f;
-- not even with a grant that an administrator gave by mistake
GRANT EXECUTE ON FUNCTION cdc.take_over(), cdc.rotate_secret_key(text), cdc.adopt(uuid), cdc.adopt(text), cdc.adopt_agent(uuid, text), cdc.adopt_agent(text, text) TO ann;
SELECT pg_temp.refused('ann', format('SELECT cdc.adopt(%L)', gen_random_uuid()), '42501', 'is for superusers', 'adopt is for superusers');
SELECT pg_temp.refused('ann', format('SELECT cdc.adopt_agent(%L, ''http://x'')', gen_random_uuid()), '42501', 'is for superusers', 'adopt_agent is for superusers');
SELECT pg_temp.refused('ann', 'SELECT cdc.take_over()', '42501', 'is for superusers', 'take_over is for superusers');
SELECT pg_temp.refused('ann', 'SELECT cdc.rotate_secret_key(''/x'')', '42501', 'is for superusers', 'rotate_secret_key is for superusers');
SELECT pg_temp.refused('ann', 'SELECT * FROM cdc.worker_state()', '42501', 'permission denied', 'worker_state is for pg_monitor');
GRANT pg_monitor TO ann;
-- an idle worker looks every two seconds whether the extension is there by now
DO $$ BEGIN FOR i IN 1..1000 LOOP EXIT WHEN (SELECT state FROM cdc.worker_state()) = 'cdc_pipeline.enabled is off'; PERFORM pg_sleep(0.02); END LOOP; END $$;
SELECT is(pg_temp.run_as('ann', 'SELECT state FROM cdc.worker_state()'), 'cdc_pipeline.enabled is off', 'which says what the worker does');

-- SECURITY DEFINER: pinned search_path, and no other way in.
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN ('cdc'::regnamespace, 'cdc_inner'::regnamespace) AND p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND (p.proconfig @> '{"search_path=pg_catalog, pg_temp"}') IS NOT TRUE$$, 'every function has search_path = pg_catalog, pg_temp');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind = 'v' AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)$$, 'every view runs with the reader''s rights');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind = 'r' AND NOT c.relrowsecurity$$, 'every table has row level security');
SELECT is_empty($$SELECT * FROM pg_policies WHERE schemaname = 'cdc' AND (tablename IN ('service_secret', 'pipeline_secret', 'api_token', 'failover_expired', 'work', 'control_plane', 'network_peering') OR cmd <> 'SELECT')$$, 'policies let read, and no secrets');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'cdc'::regnamespace AND prosecdef$$, 'none in schema cdc is SECURITY DEFINER');
SELECT is_empty($$SELECT i.oid::regprocedure FROM pg_proc i WHERE i.pronamespace = 'cdc_inner'::regnamespace AND i.prosecdef <> EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace
	AND p.proname = i.proname AND p.proargtypes = i.proargtypes)$$, 'of schema cdc_inner are those that users call, and no helper');
SELECT is_empty($$SELECT i.oid::regprocedure FROM pg_proc i WHERE i.pronamespace = 'cdc_inner'::regnamespace AND i.prosecdef AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace
	AND p.proname = i.proname AND pg_get_function_arguments(p.oid) = pg_get_function_arguments(i.oid) AND pg_get_function_result(p.oid) = pg_get_function_result(i.oid) AND p.prosrc = 'cdc_entry'
	AND (p.provolatile, p.proparallel, p.proisstrict, p.procost, p.prorows) = (i.provolatile, i.proparallel, i.proisstrict, i.procost, i.prorows))$$, 'each behind an entry with its name, arguments, result and labels');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND p.prosrc = 'cdc_entry' AND NOT EXISTS (SELECT FROM pg_proc i WHERE i.pronamespace = 'cdc_inner'::regnamespace
	AND i.proname = p.proname AND i.proargtypes = p.proargtypes)$$, 'and no entry leads nowhere');
SELECT ok(NOT has_schema_privilege(who, 'cdc_inner', 'USAGE'), who || ' may not look into cdc_inner') FROM unnest('{eve,ann,vic}'::name[]) who;
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p, unnest('{eve,ann,vic}'::name[]) who WHERE p.pronamespace = 'cdc_inner'::regnamespace AND has_function_privilege(who, p.oid, 'EXECUTE')$$, 'nor call what is there');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'cdc_inner'::regnamespace$$, 'nor is there anything else');
SELECT is_empty($$SELECT p.proname FROM pg_proc p WHERE p.pronamespace IN ('cdc'::regnamespace, 'cdc_inner'::regnamespace) AND p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND EXISTS (SELECT FROM pg_proc e WHERE e.prosrc = 'cdc_entry' AND regexp_replace(p.prosrc, '--[^\n]*|''([^'']|'''')*''', '', 'g') ~ ('\mcdc\.' || e.proname || '\('))$$, 'and no function of ours calls an entry');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace IN ('cdc'::regnamespace, 'cdc_inner'::regnamespace) AND proowner <> (SELECT extowner FROM pg_extension WHERE extname = 'cdc_pipeline')$$, 'all belong to the extension''s owner');
-- A function of the caller's own is not taken for the server's.
CREATE SCHEMA trap AUTHORIZATION mia;
GRANT CREATE, USAGE ON SCHEMA trap TO mia;
SELECT is(pg_temp.run_as('mia', 'CREATE FUNCTION trap.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS ''text_format_nv'''), '42501', '(an untrusted trap is refused anyway)');
SET LOCAL ROLE mia;
CREATE FUNCTION trap.coalesce_all(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
RESET ROLE;
SET LOCAL ROLE mia;
CREATE FUNCTION trap.octet_length(text) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped as %'', current_user; END';
RESET ROLE;
SET LOCAL search_path = trap, pg_catalog, public;
SELECT is(pg_temp.run_as('mia', 'SELECT octet_length(''x'')'), 'P0001', '(and works)');
SELECT matches(pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(''trap'', %s, %s, tables => ''{t}'')', pg_temp.id('red-pg'), pg_temp.id('red-kafka'))), '^[0-9a-f-]{36}$', 'it does not catch cdc.create_pipeline');
RESET search_path;

-- pg_dump: every table and its sequences but the queue.
SELECT set_eq($$SELECT c.relname::text FROM pg_extension e, unnest(e.extconfig) x JOIN pg_class c ON c.oid = x WHERE e.extname = 'cdc_pipeline' AND c.relkind = 'r'$$,
	$$SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind = 'r' AND c.relname <> 'work'$$, 'pg_dump carries every table but cdc.work');
SELECT set_eq($$SELECT c.relname::text FROM pg_extension e, unnest(e.extconfig) x JOIN pg_class c ON c.oid = x WHERE e.extname = 'cdc_pipeline' AND c.relkind = 'S'$$,
	$$SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind = 'S' AND c.relname <> 'work_seq_seq'$$, 'and their sequences');

SELECT * FROM finish();
ROLLBACK;
