-- Where an id of a service, pipeline or organization is taken, a text takes an id or a
-- name: in every function, by one table.
BEGIN;
SELECT no_plan();
\ir fixture.inc

-- Every function that takes such an id, but as a default: all mixtures of ids and texts are there.
CREATE TEMP VIEW takes AS
	SELECT p.proname, p.pronargs, count(*) FILTER (WHERE a.type = 'uuid'::regtype) AS ids, count(*) AS n
	FROM pg_proc p, unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY a(name, type, n)
	WHERE p.pronamespace = 'cdc'::regnamespace AND p.prosrc = 'cdc_entry' AND a.name IN ('id', 'organization', 'service', 'source', 'sink', 'pipeline') AND a.type IN ('uuid'::regtype, 'text'::regtype)
		AND a.n <= p.pronargs - p.pronargdefaults AND p.proname <> 'revoke_token' GROUP BY p.oid;
SELECT is_empty('SELECT proname FROM takes GROUP BY proname, n HAVING count(*) <> 1 << n::integer', 'each is there with ids and with texts, in every mixture');
SELECT cmp_ok((SELECT count(DISTINCT proname) FROM takes), '>', 25::bigint, '(they are many)');
SELECT is_empty($$SELECT p.proname FROM pg_proc p JOIN takes t USING (proname) WHERE p.pronamespace = 'cdc'::regnamespace AND coalesce(obj_description(p.oid, 'pg_proc'), '') = ''$$, 'and says what it is');
SELECT is_empty($$SELECT proname FROM pg_proc WHERE pronamespace = 'cdc'::regnamespace AND proname IN ('list_pipelines', 'register_service', 'create_token') GROUP BY 1 HAVING count(*) > 1$$, 'none where the argument has a default');

SELECT is(pg_temp.run_as('mia', format(sql, 'pipe')), pg_temp.run_as('mia', format(sql, i.id)), sql) FROM it i, (VALUES
	('SELECT cdc.get_pipeline(%L) ->> ''id'''), ('SELECT id FROM cdc.pipeline_status(%L)'), ('SELECT id FROM cdc.pipeline_status(id => %L)')) v(sql) WHERE i.name = 'red-pipe';
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.get_pipeline(%L) ->> ''id''', f)), i.id::text, 'an id in this form: ' || f) FROM it i, LATERAL (VALUES (i.id::text), (upper(i.id::text)), (replace(i.id::text, '-', '')), ('{' || i.id || '}')) v(f) WHERE i.name = 'red-pipe';
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.get_pipeline(%L::uuid) ->> ''id''', i.id)), i.id::text, 'and a uuid as ever') FROM it i WHERE i.name = 'red-pipe';

-- services: all names, all ids, and mixtures
SELECT isnt(pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(%L, %s, %s, tables => ''{t}'', topic_prefix => %L)', 'p' || n, a, b, 'p' || n)), NULL, format('create_pipeline(..., %s, %s)', a, b))
FROM (VALUES (1, '''red-pg''', '''red-kafka'''), (2, '''red-pg''::text', format('%s::uuid', pg_temp.id('red-kafka'))), (3, format('%s::uuid', pg_temp.id('red-pg')), '''red-kafka'''), (4, format('%s::uuid', pg_temp.id('red-pg')), format('%s::uuid', pg_temp.id('red-kafka')))) v(n, a, b);
SELECT is((SELECT count(*) FROM cdc.pipeline WHERE name ~ '^p[1-4]$' AND source_service_id = (SELECT id FROM it WHERE name = 'red-pg') AND sink_service_id = (SELECT id FROM it WHERE name = 'red-kafka')), 4::bigint, 'they are what was meant');
SELECT lives_ok($$SELECT pg_temp.run_as('ann', 'SELECT cdc.set_service_secret(''red-pg'', ''admin_password'', ''visible-secret-1'')')$$, 'set_service_secret');
-- organizations: by their slug
SELECT is(pg_temp.run_as('vic', 'SELECT count(*) FROM cdc.list_members(''red'')'), '5', 'list_members(slug)');
SELECT is(pg_temp.run_as('ann', 'SELECT cdc.add_member(''red'', ''eve'', ''viewer'')'), '', 'add_member(slug)');
SELECT is(pg_temp.run_as('eve', 'SELECT cdc.accept_membership(''blue'')'), '42704', 'one that he is not invited to');
SELECT is(pg_temp.run_as('eve', 'SELECT cdc.accept_membership(''red'')'), '', 'an invitation is accepted by the slug');
SELECT is(pg_temp.run_as('eve', 'SELECT cdc.leave_organization(''red'')'), '', 'and left');

-- whose it is
SELECT pg_temp.refused('mia', 'SELECT cdc.get_pipeline(''blue-pipe'')', '42704', '^pipeline "blue-pipe" does not exist$', 'nobody has this name');
SELECT is((SELECT f::text FROM pg_temp.fault_as('mia', 'SELECT cdc.delete_service(''blue-pg'')') f), replace((SELECT f::text FROM pg_temp.fault_as('mia', 'SELECT cdc.delete_service(''xxxx-xx'')') f), 'xxxx-xx', 'blue-pg'), 'another''s name is as one that is not there');
SELECT is((SELECT f::text FROM pg_temp.fault_as('mia', format('SELECT cdc.get_pipeline(%s)', pg_temp.id('blue-pipe'))) f), (SELECT f::text FROM pg_temp.fault_as('mia', format('SELECT cdc.get_pipeline(%s::uuid)', pg_temp.id('blue-pipe'))) f), 'and its id is refused as ever');
SELECT pg_temp.refused(current_user, 'SELECT cdc.get_pipeline(''pipe'')', '42725', '^several pipelines are named "pipe"$', 'a name that two have');
SELECT ok((SELECT f.detail ~ 'in blue' AND f.detail ~ 'in red' FROM pg_temp.fault_as(current_user, 'SELECT cdc.get_pipeline(''pipe'')') f), 'they are listed');
SELECT is(pg_temp.run_as('bob', 'SELECT cdc.get_pipeline(''pipe'') ->> ''id'''), (SELECT id::text FROM it WHERE name = 'blue-pipe'), 'of one''s own it is one');
-- who names a thing as another's id gets nothing by it
INSERT INTO it SELECT 'trap', pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(%L, ''red-pg'', ''red-kafka'', tables => ''{t2}'')', (SELECT id FROM it WHERE name = 'blue-pipe')))::uuid;
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('blue-pipe'))), '42704', 'a name in the form of an id is never one');

-- words
SELECT ok((SELECT f.hint ~ '^Did you mean "red-pg"\? ' FROM pg_temp.fault_as('mia', 'SELECT cdc.delete_service(''rde-pg'')') f), 'did you mean: a service');
SELECT ok((SELECT f.hint ~ '^Did you mean "pipe"\? ' FROM pg_temp.fault_as('mia', 'SELECT cdc.get_pipeline(''pip'')') f), 'a pipeline');
SELECT ok((SELECT f.hint ~ '^Did you mean "red"\? ' FROM pg_temp.fault_as('mia', 'SELECT cdc.list_members(''rad'')') f), 'an organization');
SELECT is((SELECT f.hint FROM pg_temp.fault_as('mia', 'SELECT cdc.delete_service(''blue-pg'')') f), 'SELECT id, organization_id, name, status FROM cdc.service lists what is visible.', 'what is another''s is not');
SELECT pg_temp.refused('mia', sql, '42704', '^no ' || kind || ' was named$', 'null: ' || sql) FROM (VALUES ('SELECT cdc.get_pipeline(NULL)', 'pipeline'), ('SELECT cdc.get_pipeline(NULL::uuid)', 'pipeline'),
	('SELECT cdc.create_pipeline(''n'', (SELECT id FROM cdc.service WHERE name = ''none''), ''red-kafka'')', 'service'), ('SELECT cdc.list_members(NULL)', 'organization')) v(sql, kind);

-- a name that was given back
SELECT is(pg_temp.run_as('mia', 'SELECT cdc.delete_pipeline(''p1'')'), 'Deleting', 'delete_pipeline');
SELECT is(pg_temp.run_as('mia', 'SELECT cdc.get_pipeline(''p1'')'), '42704', 'its name is free');
SELECT is(pg_temp.run_as('mia', 'SELECT cdc.wait_for_pipeline(''p1'', ''Deleted'', ''0 s'')'), '25001', 'who waits for the end finds it (here: in the very transaction)');
SELECT is(pg_temp.run_as('mia', 'SELECT cdc.delete_service(''red-pg'')'), '55006', 'a service in use');
SELECT pg_temp.run_as('ann', 'SELECT cdc.delete_pipeline(id) FROM cdc.pipeline WHERE desired_state = ''present''') \g /dev/null
UPDATE cdc.pipeline_spec SET desired_state = 'deleted', status = 'Deleting' WHERE desired_state = 'present';
SELECT is(pg_temp.run_as('mia', 'SELECT cdc.delete_service(''red-pg'')'), 'deleting', 'delete_service');
SELECT is(pg_temp.run_as('mia', 'SELECT cdc.delete_service(''red-pg'')'), '42704', 'its name is free');
SELECT pg_temp.make_service('red-pg-2', 'postgresql', 'ann') \g /dev/null
SELECT isnt(pg_temp.run_as('ann', 'SELECT cdc.register_service(''red-pg'', ''postgresql'', NULL, ''{"nodes":[{"address":"127.0.0.1","port":1}],"admin_user":"postgres","admin_password":"visible-secret-1"}'')'), '42710', 'at once, and a zone need not be said');
SELECT is((SELECT zone FROM cdc.service WHERE name = 'red-pg' AND status <> 'deleting'), 'default', '(it is default)');

-- members of a group role
CREATE ROLE crew; CREATE ROLE gus IN ROLE crew;
SELECT cdc.add_member('red', 'crew', 'member') \g /dev/null
GRANT USAGE ON SCHEMA cdc TO gus; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cdc TO gus;
SELECT ok((SELECT f.hint ~ 'SET ROLE crew first' FROM pg_temp.fault_as('gus', 'SELECT cdc.register_service(''s'', ''kafka'', NULL, ''{}'')') f), 'who is in a role that is a member is told to SET ROLE');

SELECT * FROM finish();
ROLLBACK;
