-- Two organizations: no read, no write, no leak; what each role in one may do.
BEGIN;
SELECT no_plan();
\ir fixture.inc
CREATE ROLE may LOGIN;	-- in no organization

-- What comes of sql as a role: ok, or SQLSTATE; nothing of it stays.
CREATE FUNCTION pg_temp.outcome(who name, sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	BEGIN
		EXECUTE sql;
		RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
	EXCEPTION WHEN OTHERS THEN
		result := CASE SQLSTATE WHEN 'ZZZZZ' THEN 'ok' ELSE SQLSTATE END;
	END;
	RESET ROLE;
	RETURN result;
END
$$;

-- --- one error for what does not exist and for what is another's: every byte ----------
-- %1$s: a pipeline, %2$s: a source, %3$s: a sink, %4$s: an organization
CREATE TEMP TABLE foreign_call (what text, sql text);
INSERT INTO foreign_call VALUES
	('get_pipeline', 'SELECT cdc.get_pipeline(%1$s)'),
	('pipeline_status', 'SELECT * FROM cdc.pipeline_status(%1$s)'),
	('delete_pipeline', 'SELECT cdc.delete_pipeline(%1$s)'),
	('delete_pipeline with force', 'SELECT cdc.delete_pipeline(%1$s, true)'),
	('rotate_password', 'SELECT cdc.rotate_password(%1$s)'),
	('pause_pipeline', 'SELECT cdc.pause_pipeline(%1$s)'),
	('resume_pipeline', 'SELECT cdc.resume_pipeline(%1$s)'),
	('restart_pipeline', 'SELECT cdc.restart_pipeline(%1$s)'),
	('wait_for_pipeline', 'SELECT cdc.wait_for_pipeline(%1$s)'),
	('wait_for_pipeline, for the end', 'SELECT cdc.wait_for_pipeline(%1$s, ''Deleted'')'),
	('list_pipelines', 'SELECT cdc.list_pipelines(%4$s)'),
	('delete_service', 'SELECT cdc.delete_service(%2$s)'),
	('register_service', 'SELECT cdc.register_service(''x'', ''kafka'', ''z'', ''{}'', NULL, %4$s)'),
	('create_pipeline with the source', 'SELECT cdc.create_pipeline(''x'', %2$s, (SELECT id FROM it WHERE name = ''blue-kafka''), organization => (SELECT id FROM it WHERE name = ''blue''))'),
	('create_pipeline with the sink', 'SELECT cdc.create_pipeline(''x'', (SELECT id FROM it WHERE name = ''blue-pg''), %3$s, organization => (SELECT id FROM it WHERE name = ''blue''))'),
	('create_pipeline in the organization', 'SELECT cdc.create_pipeline(''x'', %2$s, %3$s, organization => %4$s)'),
	('add_member', 'SELECT cdc.add_member(%4$s, ''bob'')'),
	('remove_member', 'SELECT cdc.remove_member(%4$s, ''ann'')'),
	('list_members', 'SELECT * FROM cdc.list_members(%4$s)'),
	('accept_membership', 'SELECT cdc.accept_membership(%4$s)'),
	('leave_organization', 'SELECT cdc.leave_organization(%4$s)');
CREATE FUNCTION pg_temp.told(who name, call text, pipe text, pg text, kafka text, org text) RETURNS text LANGUAGE sql AS $$
	SELECT replace(replace(replace(replace(f::text, trim(pipe, ''''), 'ID'), trim(pg, ''''), 'ID'), trim(kafka, ''''), 'ID'), trim(org, ''''), 'ID')
	FROM pg_temp.fault_as(who, format(call, pipe, pg, kafka, org)) f $$;
CREATE FUNCTION pg_temp.no_such(n integer) RETURNS text LANGUAGE sql AS $$ SELECT quote_literal(format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0'))) $$;
SELECT is(pg_temp.told(who, sql, pg_temp.id('red-pipe'), pg_temp.id('red-pg'), pg_temp.id('red-kafka'), pg_temp.id('red')),
	pg_temp.told(who, sql, pg_temp.no_such(1), pg_temp.no_such(2), pg_temp.no_such(3), pg_temp.no_such(4)), format('%s: %s hears the same of a foreign and of an unknown id', what, who))
FROM foreign_call, unnest('{bob,may}'::name[]) who WHERE NOT (who = 'may' AND sql ~ 'blue');
SELECT is(pg_temp.outcome('bob', format(sql, pg_temp.id('red-pipe'), pg_temp.id('red-pg'), pg_temp.id('red-kafka'), pg_temp.id('red'))), '42704', what || ': 42704') FROM foreign_call;
SELECT unalike(pg_temp.fault_as('bob', format(sql, pg_temp.id('red-pipe'), pg_temp.id('red-pg'), pg_temp.id('red-kafka'), pg_temp.id('red')))::text,
	'%red%', what || ': no name of theirs') FROM foreign_call;

-- --- what each role may do -----------------------------------------------------------------
CREATE TEMP TABLE privilege (what text, sql text, ann text, ada text, mia text, vic text, bob text, may text);
INSERT INTO privilege
SELECT what, format(sql, pg_temp.id('red-pipe'), pg_temp.id('red-pg'), pg_temp.id('red-kafka'), pg_temp.id('red')), r[1], r[2], r[3], r[4], r[5], r[6] FROM (VALUES
	('read a pipeline', 'SELECT cdc.get_pipeline(%1$s)', '{ok,ok,ok,ok,42704,42704}'::text[]),
	('read its status', 'SELECT * FROM cdc.pipeline_status(%1$s)', '{ok,ok,ok,ok,42704,42704}'),
	('list', 'SELECT cdc.list_pipelines(%4$s)', '{ok,ok,ok,ok,42704,42704}'),
	('list all that may be seen', 'SELECT cdc.list_pipelines()', '{ok,ok,ok,ok,ok,ok}'),
	('wait (for what this transaction made)', 'SELECT cdc.wait_for_pipeline(%1$s)', '{25001,25001,25001,25001,42704,42704}'),
	('check_health', 'SELECT cdc.check_health()', '{ok,ok,ok,ok,ok,ok}'),
	('create a pipeline', 'SELECT cdc.create_pipeline(''new'', %2$s, %3$s, organization => %4$s)', '{ok,ok,ok,42501,42704,42704}'),
	('delete a pipeline', 'SELECT cdc.delete_pipeline(%1$s)', '{ok,ok,ok,42501,42704,42704}'),
	('delete it by force', 'SELECT cdc.delete_pipeline(%1$s, true)', '{ok,ok,ok,42501,42704,42704}'),
	('ask for a new password', 'SELECT cdc.rotate_password(%1$s)', '{ok,ok,ok,42501,42704,42704}'),
	('pause', 'SELECT cdc.pause_pipeline(%1$s)', '{ok,ok,ok,42501,42704,42704}'),
	('resume', 'SELECT cdc.resume_pipeline(%1$s)', '{ok,ok,ok,42501,42704,42704}'),
	('restart what has not run', 'SELECT cdc.restart_pipeline(%1$s)', '{55000,55000,55000,42501,42704,42704}'),
	('register a service', 'SELECT cdc.register_service(''new'', ''kafka'', ''z'', ''{}'', NULL, %4$s)', '{ok,ok,ok,42501,42704,42704}'),
	('delete a service in use', 'SELECT cdc.delete_service(%2$s)', '{55006,55006,55006,42501,42704,42704}'),
	('add a viewer', 'SELECT cdc.add_member(%4$s, ''may'', ''viewer'')', '{ok,ok,42501,42501,42704,42704}'),
	('add an owner', 'SELECT cdc.add_member(%4$s, ''may'', ''owner'')', '{ok,42501,42501,42501,42704,42704}'),
	('make oneself owner', 'SELECT cdc.add_member(%4$s, cdc.caller(), ''owner'')', '{ok,42501,42501,42501,42704,42704}'),
	('make an owner less', 'SELECT cdc.add_member(%4$s, ''ann'', ''viewer'')', '{ok,42501,42501,42501,42704,42704}'),
	('remove an owner', 'SELECT cdc.remove_member(%4$s, ''ann'')', '{ok,42501,42501,42501,42704,42704}'),
	('remove a viewer', 'SELECT cdc.remove_member(%4$s, ''vic'')', '{ok,ok,42501,42501,42704,42704}'),
	('make an organization of one''s own', 'SELECT cdc.create_organization(''mine'')', '{42501,42501,42501,42501,42501,42501}'),
	('list the members', 'SELECT * FROM cdc.list_members(%4$s)', '{ok,ok,ok,ok,42704,42704}'),
	('accept what nobody has offered', 'SELECT cdc.accept_membership(%4$s)', '{ok,ok,ok,ok,42704,42704}'),
	('leave', 'SELECT cdc.leave_organization(%4$s)', '{ok,ok,ok,ok,42704,42704}'),
	('say who made it', 'SELECT cdc.set_organization_maker(%4$s, ''ann'')', '{42501,42501,42501,42501,42501,42501}'),
	('bind members', 'SELECT cdc.bind_members(true)', '{42501,42501,42501,42501,42501,42501}'),
	('take over', 'SELECT cdc.take_over()', '{42501,42501,42501,42501,42501,42501}'),
	('adopt', 'SELECT cdc.adopt(%1$s)', '{42501,42501,42501,42501,42501,42501}'),
	('rotate the key', 'SELECT cdc.rotate_secret_key(''/x'')', '{42501,42501,42501,42501,42501,42501}'),
	('read secrets', 'SELECT FROM cdc.service_secret', '{42501,42501,42501,42501,42501,42501}'),
	('encrypt', 'SELECT cdc_inner.encrypt(''a'', ''b'', ''c'')', '{42501,42501,42501,42501,42501,42501}'),
	('write a row', 'UPDATE cdc.pipeline_spec SET status = ''Running''', '{42501,42501,42501,42501,42501,42501}'),
	('edit the zones', 'INSERT INTO cdc.zone VALUES (''x'', ''y'')', '{42501,42501,42501,42501,42501,42501}')) v(what, sql, r);
-- red has two owners here (the role that made it is one), so that ann may leave
SELECT is(pg_temp.outcome(who, sql), expected, format('%s by %s: %s', what, who, expected))
FROM privilege p, LATERAL (VALUES ('ann'::name, ann), ('ada', ada), ('mia', mia), ('vic', vic), ('bob', bob), ('may', may)) r(who, expected);

-- --- rows: of one's own organization, in every relation ---------------------------------------
CREATE TEMP TABLE seen (who name, relation text, red bigint, other bigint);
GRANT INSERT ON seen TO PUBLIC;
CREATE FUNCTION pg_temp.look(who name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	r text[];
	red text := (SELECT quote_literal(id) FROM it WHERE name = 'red');
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	FOREACH r SLICE 1 IN ARRAY ARRAY[['organization', 'id'], ['organization_member', 'organization_id'], ['organization_event', 'organization_id'], ['service', 'organization_id'], ['pipeline', 'organization_id'],
		['pipeline_spec', 'organization_id'], ['service_node', '(SELECT s.organization_id FROM cdc.service s WHERE s.id = service_id)'],
		['pipeline_observed', '(SELECT s.organization_id FROM cdc.pipeline_spec s WHERE s.id = pipeline_id)'],
		['pipeline_event', '(SELECT s.organization_id FROM cdc.pipeline_spec s WHERE s.id = pipeline_id)'],
		['failover_readiness', '(SELECT s.organization_id FROM cdc.pipeline_spec s WHERE s.id = pipeline_id)']] LOOP
		EXECUTE format('INSERT INTO seen SELECT current_user, %L, count(*) FILTER (WHERE %s = %s), count(*) FILTER (WHERE (%s = %s) IS NOT TRUE) FROM cdc.%I', r[1], r[2], red, r[2], red, r[1]);
	END LOOP;
	RESET ROLE;
END
$$;
SELECT pg_temp.look(w) FROM unnest('{ann,ada,mia,vic,bob,may}'::name[]) w \g /dev/null
SELECT is_empty('SELECT * FROM seen WHERE who IN (''ann'', ''ada'', ''mia'', ''vic'') AND other > 0', 'members of red see nothing of blue');
SELECT is_empty('SELECT * FROM seen WHERE who IN (''ann'', ''ada'', ''mia'', ''vic'') AND red = 0 AND NOT (relation = ''organization_event'' AND who IN (''mia'', ''vic''))', 'and all kinds of rows of red');
SELECT is_empty('SELECT * FROM seen WHERE who IN (''mia'', ''vic'') AND red > 0 AND relation = ''organization_event''', 'but what was done to red is for its admins');
SELECT is_empty('SELECT * FROM seen WHERE who = ''bob'' AND (red > 0 OR other = 0)', 'bob sees nothing of red, and all kinds of rows of blue');
SELECT is_empty('SELECT * FROM seen WHERE who = ''may'' AND red + other > 0', 'who is in none sees no row');
SELECT is(pg_temp.run_as('bob', format('SELECT count(*) FROM cdc.list_pipelines() WHERE list_pipelines ->> ''organization_id'' <> %s', pg_temp.id('blue'))), '0', 'nor does list_pipelines() show any');
UPDATE cdc.pipeline_spec SET status = 'Failed', error_message = 'of red' WHERE id = (SELECT id FROM it WHERE name = 'red-pipe');
SELECT is(pg_temp.run_as('bob', 'SELECT count(*) FROM cdc.check_health()'), '0', 'nor check_health()');
SELECT is(pg_temp.run_as('vic', 'SELECT error_message FROM cdc.check_health()'), 'of red', '(there was one)');

-- a function that tells every row that it is shown, cheaper than any policy
GRANT CREATE ON SCHEMA public TO bob;
SET LOCAL ROLE bob;
CREATE FUNCTION public.tell(org uuid) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	IF org <> (SELECT id FROM it WHERE name = 'blue') THEN
		RAISE EXCEPTION 'told';
	END IF;
	RETURN true;
END $$;
RESET ROLE;
SELECT is(pg_temp.outcome('bob', 'SELECT * FROM cdc.' || r || ' WHERE tell(organization_id)'), 'ok', 'a leaky function in WHERE is shown no row of red in ' || r)
FROM unnest('{service,pipeline,pipeline_spec,organization_member}'::text[]) r;
SELECT is(pg_temp.outcome('postgres', 'SELECT * FROM cdc.service WHERE tell(organization_id)'), 'P0001', '(it would tell)');

-- --- identity ------------------------------------------------------------------------------------
CREATE ROLE team;
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'red'), 'team', 'viewer') \g /dev/null
GRANT team TO bob;
SELECT is(pg_temp.outcome('bob', format('SELECT cdc.get_pipeline(%s)', pg_temp.id('red-pipe'))), '42704', 'being in a role is not acting as it');
SELECT is(pg_temp.outcome('team', format('SELECT cdc.get_pipeline(%s)', pg_temp.id('red-pipe'))), 'ok', 'SET ROLE is');

-- --- who leaves sees nothing any more ----------------------------------------------------------
SELECT cdc.remove_member((SELECT id FROM it WHERE name = 'red'), 'vic') \g /dev/null
DELETE FROM seen;
SELECT pg_temp.look('vic') \g /dev/null
SELECT is_empty('SELECT * FROM seen WHERE red + other > 0', 'a former member sees no row');
SELECT is(pg_temp.outcome('vic', format('SELECT cdc.get_pipeline(%s)', pg_temp.id('red-pipe'))), '42704', 'and asks in vain');
SELECT lives_ok(format('SELECT cdc.remove_member(%s, ''vic'')', pg_temp.id('red')), 'removing again is no error');

-- --- the last owner stays ------------------------------------------------------------------------
SELECT cdc.remove_member((SELECT id FROM it WHERE name = 'red'), 'postgres') \g /dev/null
SELECT pg_temp.refused('ann', format('SELECT cdc.remove_member(%s, ''ann'')', pg_temp.id('red')), '22023', 'keeps at least one owner', 'the last owner cannot leave');
SELECT pg_temp.refused('ann', format('SELECT cdc.add_member(%s, ''ann'', ''admin'')', pg_temp.id('red')), '22023', 'keeps at least one owner', 'nor become less');
SELECT is(pg_temp.run_as('postgres', format('SELECT (cdc.rest(''GET'', ''/organizations/'' || %s)).body::json ->> ''role''', pg_temp.id('red'))), 'owner', 'a superuser is owner everywhere');
SELECT is(pg_temp.run_as('postgres', 'SELECT (cdc.rest(''GET'', ''/organizations/'' || gen_random_uuid())).status'), '404', 'but of what does not exist');

SELECT * FROM finish();
ROLLBACK;
