-- docs/openapi.yaml and cdc.rest in step, both ways: the same routes; examples that
-- its schemas allow and cdc.rest takes; no status that is not given.
\ir provider.inc
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc

\set routes `python3 test/pgtap/openapi.py routes`
SELECT set_eq(format('SELECT r ->> 0 AS method, r ->> 1 AS path FROM jsonb_array_elements(%L) r', :'routes'), 'SELECT method, path FROM cdc.rest_route', 'docs/openapi.yaml has the routes that cdc.rest has');
\set faults `python3 test/pgtap/openapi.py examples`
SELECT is(:'faults'::text, '', 'every example is one that its schema allows');

-- The bodies of the examples are taken, with the ids of services that there are.
\set bodies `python3 test/pgtap/openapi.py bodies`
SELECT is((pg_temp.rest('ann', b ->> 0, replace(replace(replace(b ->> 1, '{organization_id}', '{red}'), '{service_id}', '{red-pg}'), '{pipeline_id}', '{red-pipe}'),
	regexp_replace(regexp_replace(b ->> 3, '"source_service_id": *"[^"]*"', '"source_service_id":"{red-pg}"'), '"sink_service_id": *"[^"]*"', '"sink_service_id":"{red-kafka}"'))).status::text, b ->> 4,
	format('%s %s, example %s', b ->> 0, b ->> 1, b ->> 2)) FROM jsonb_array_elements(:'bodies') b;

-- Every status of every operation, once; the files before this one look closer.
\set pipeline '{"name":"p","pipeline_type":"cdc_pg_to_kafka","source_service_id":"{red-pg}","sink_service_id":"{red-kafka}","config":{"topic_prefix":"p"}}'
\set database '{"config":{"database_name":"shop"}}'
INSERT INTO it SELECT 'gone-pipe', pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(''gone'', %s, %s, tables => ''{gone}'')', pg_temp.id('red-pg'), pg_temp.id('red-kafka')))::uuid;
SELECT pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('gone-pipe'))) \g /dev/null
INSERT INTO it SELECT 'ran-pipe', pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(''ran'', %s, %s, tables => ''{ran}'')', pg_temp.id('red-pg'), pg_temp.id('red-kafka')))::uuid;
UPDATE cdc.pipeline_spec SET status = 'Running' WHERE name = 'ran';
\set service '{"name":"s","database_type":"kafka","provider":"external","connection":{"users":[{"username":"app_user","password":"x"}]}}'
SELECT pg_temp.rest('mia', 'POST', '/managed-services', :'service') \g /dev/null
INSERT INTO it SELECT 's', id FROM cdc.service WHERE name = 's';
GRANT pg_monitor TO ann;
CREATE ROLE joe;
ALTER ROLE mia LOGIN;
SELECT pg_temp.run_as('mia', 'SELECT cdc.create_token(''t'')') \g /dev/null
INSERT INTO it SELECT 'token', id FROM cdc.api_token;
SELECT pg_temp.gives(who::name, method, path, body, status, '', CASE WHEN method = 'GET' AND path = '/managed-services' AND status = 404 THEN '{"x-active-org-id":"none"}' ELSE '{}' END::jsonb)
FROM (VALUES
	('mia', 'GET', '/organizations', NULL, 200), ('mia', 'GET', '/organizations/{red}', NULL, 200), ('mia', 'GET', '/organizations/x', NULL, 400), ('mia', 'GET', '/organizations/{blue}', NULL, 404),
	('mia', 'GET', '/organizations/{red}/members', NULL, 200), ('mia', 'GET', '/organizations/x/members', NULL, 400), ('mia', 'GET', '/organizations/{blue}/members', NULL, 404),
	('mia', 'GET', '/organizations/{red}/limits', NULL, 200), ('mia', 'GET', '/organizations/x/limits', NULL, 400), ('mia', 'GET', '/organizations/{blue}/limits', NULL, 404),
	('ann', 'POST', '/organizations/{red}/members', '{"member":"eve"}', 200), ('ann', 'POST', '/organizations/{red}/members', '{}', 400), ('mia', 'POST', '/organizations/{red}/members', '{}', 403), ('mia', 'POST', '/organizations/{blue}/members', '{}', 404), ('ann', 'POST', '/organizations/{red}/members', '{"member":"nobody here"}', 404),
	('eve', 'GET', '/invitations', NULL, 200), ('eve', 'POST', '/invitations/{red}/accept', NULL, 200), ('eve', 'POST', '/invitations/{blue}/accept', NULL, 404), ('eve', 'POST', '/invitations/x/accept', NULL, 400),
	('ann', 'POST', '/organizations/{red}/members', '{"member":"joe"}', 200), ('joe', 'DELETE', '/organizations/{red}/members/joe', NULL, 204), ('ann', 'POST', '/organizations/{red}/members', '{"member":"joe"}', 409), ('ann', 'POST', '/organizations/{red}/members', repeat(' ', 1048577), 413), ('ann', 'POST', '/organizations/{red}/members', '{"member":"joe","role":"boss"}', 422),
	('ann', 'DELETE', '/organizations/{red}/members/eve', NULL, 204), ('ann', 'DELETE', '/organizations/{red}/members/eve', NULL, 404), ('ann', 'DELETE', '/organizations/x/members/eve', NULL, 400), ('mia', 'DELETE', '/organizations/{red}/members/ada', NULL, 403),
	('ann', 'DELETE', '/organizations/{red}/members/postgres', NULL, 204), ('ann', 'DELETE', '/organizations/{red}/members/ann', NULL, 422),
	('mia', 'GET', '/tokens', NULL, 200), ('mia', 'DELETE', '/tokens/x', NULL, 400), ('mia', 'DELETE', '/tokens/{nothing}', NULL, 404), ('mia', 'DELETE', '/tokens/{token}', NULL, 204),
	('mia', 'GET', '/organizations/{red}/pipelines', NULL, 200), ('mia', 'GET', '/organizations/x/pipelines', NULL, 400), ('mia', 'GET', '/organizations/{blue}/pipelines', NULL, 404),
	('mia', 'POST', '/organizations/{red}/pipelines', :'pipeline', 202), ('mia', 'POST', '/organizations/{red}/pipelines', '{}', 400), ('vic', 'POST', '/organizations/{red}/pipelines', '{}', 403), ('mia', 'POST', '/organizations/{blue}/pipelines', '{}', 404),
	('mia', 'POST', '/organizations/{red}/pipelines', :'pipeline', 409), ('mia', 'POST', '/organizations/{red}/pipelines', repeat(' ', 1048577), 413), ('mia', 'POST', '/organizations/{red}/pipelines', replace(:'pipeline', '"p"', '"a b"'), 422),
	('mia', 'GET', '/organizations/{red}/pipelines/{red-pipe}', NULL, 200), ('mia', 'GET', '/organizations/{red}/pipelines/x', NULL, 400), ('mia', 'GET', '/organizations/{red}/pipelines/{blue-pipe}', NULL, 404),
	('mia', 'PATCH', '/organizations/{red}/pipelines/{red-pipe}', :'database', 200), ('mia', 'PATCH', '/organizations/{red}/pipelines/{red-pipe}', '{}', 400), ('vic', 'PATCH', '/organizations/{red}/pipelines/{red-pipe}', :'database', 403),
	('mia', 'PATCH', '/organizations/{red}/pipelines/{blue-pipe}', :'database', 404), ('mia', 'PATCH', '/organizations/{red}/pipelines/{gone-pipe}', :'database', 409), ('mia', 'PATCH', '/organizations/{red}/pipelines/{red-pipe}', repeat(' ', 1048577), 413),
	('mia', 'PATCH', '/organizations/{red}/pipelines/{red-pipe}', replace(:'database', 'shop', ''), 422),
	('mia', 'POST', '/organizations/{red}/pipelines/{red-pipe}/pause', NULL, 202), ('mia', 'POST', '/organizations/{red}/pipelines/x/pause', NULL, 400), ('vic', 'POST', '/organizations/{red}/pipelines/{red-pipe}/pause', NULL, 403), ('mia', 'POST', '/organizations/{red}/pipelines/{blue-pipe}/pause', NULL, 404), ('mia', 'POST', '/organizations/{red}/pipelines/{gone-pipe}/pause', NULL, 409),
	('mia', 'POST', '/organizations/{red}/pipelines/{red-pipe}/resume', NULL, 202), ('mia', 'POST', '/organizations/{red}/pipelines/x/resume', NULL, 400), ('vic', 'POST', '/organizations/{red}/pipelines/{red-pipe}/resume', NULL, 403), ('mia', 'POST', '/organizations/{red}/pipelines/{blue-pipe}/resume', NULL, 404), ('mia', 'POST', '/organizations/{red}/pipelines/{gone-pipe}/resume', NULL, 409),
	('mia', 'POST', '/organizations/{red}/pipelines/{ran-pipe}/restart', NULL, 202), ('mia', 'POST', '/organizations/{red}/pipelines/x/restart', NULL, 400), ('vic', 'POST', '/organizations/{red}/pipelines/{red-pipe}/restart', NULL, 403), ('mia', 'POST', '/organizations/{red}/pipelines/{blue-pipe}/restart', NULL, 404), ('mia', 'POST', '/organizations/{red}/pipelines/{gone-pipe}/restart', NULL, 409),
	('vic', 'GET', '/organizations/{red}/pipelines/{red-pipe}/events', NULL, 200), ('mia', 'GET', '/organizations/{red}/pipelines/x/events', NULL, 400), ('mia', 'GET', '/organizations/{red}/pipelines/{blue-pipe}/events', NULL, 404),
	('mia', 'GET', '/pipelines/{red-pipe}/status', NULL, 200), ('mia', 'GET', '/pipelines/x/status', NULL, 400), ('mia', 'GET', '/pipelines/{blue-pipe}/status', NULL, 404),
	('mia', 'GET', '/managed-services', NULL, 200), ('mia', 'GET', '/managed-services', NULL, 404),
	('mia', 'POST', '/managed-services', replace(:'service', '"s"', '"t"'), 201), ('mia', 'POST', '/managed-services', '{', 400), ('vic', 'POST', '/managed-services', '{}', 403), ('mia', 'POST', '/managed-services', '{"organization_id":"{blue}"}', 404),
	('mia', 'POST', '/managed-services', :'service', 409), ('mia', 'POST', '/managed-services', repeat(' ', 1048577), 413), ('mia', 'POST', '/managed-services', '{"name":"x","database_type":"kafka","plan_name":"p"}', 422),
	('mia', 'GET', '/managed-services/{s}', NULL, 200), ('mia', 'GET', '/managed-services/x', NULL, 400), ('mia', 'GET', '/managed-services/{blue-pg}', NULL, 404),
	('mia', 'PATCH', '/managed-services/{s}', '{}', 200), ('mia', 'PATCH', '/managed-services/{s}', '[]', 400), ('vic', 'PATCH', '/managed-services/{s}', '{}', 403), ('mia', 'PATCH', '/managed-services/{blue-pg}', '{}', 404), ('mia', 'PATCH', '/managed-services/{s}', '{"name":"t"}', 409),
	('mia', 'PATCH', '/managed-services/{s}', repeat(' ', 1048577), 413), ('mia', 'PATCH', '/managed-services/{s}', '{"name":"a b"}', 422),
	('mia', 'GET', '/managed-services/{s}/database-users', NULL, 200), ('mia', 'GET', '/managed-services/x/database-users', NULL, 400), ('mia', 'GET', '/managed-services/{blue-pg}/database-users', NULL, 404),
	('mia', 'POST', '/managed-services/{s}/database-users/app_user/reveal-password', NULL, 200), ('mia', 'POST', '/managed-services/x/database-users/app_user/reveal-password', NULL, 400), ('vic', 'POST', '/managed-services/{s}/database-users/app_user/reveal-password', NULL, 403),
	('mia', 'POST', '/managed-services/{s}/database-users/other/reveal-password', NULL, 404),
	('mia', 'DELETE', '/managed-services/x', NULL, 400), ('vic', 'DELETE', '/managed-services/{s}', NULL, 403), ('mia', 'DELETE', '/managed-services/{blue-pg}', NULL, 404), ('mia', 'DELETE', '/managed-services/{red-pg}', NULL, 409), ('mia', 'DELETE', '/managed-services/{s}', NULL, 204),
	('mia', 'DELETE', '/organizations/{red}/pipelines/x', NULL, 400), ('vic', 'DELETE', '/organizations/{red}/pipelines/{red-pipe}', NULL, 403), ('mia', 'DELETE', '/organizations/{red}/pipelines/{blue-pipe}', NULL, 404), ('mia', 'DELETE', '/organizations/{red}/pipelines/{red-pipe}', NULL, 202),
	('ann', 'GET', '/metrics', NULL, 200), ('mia', 'GET', '/metrics', NULL, 403)) v(who, method, path, body, status);
\set file `mktemp`
SELECT json_build_object('method', method, 'path', path, 'status', status, 'headers', headers, 'body', body) FROM seen ORDER BY n \g :file
\set faults `python3 test/pgtap/openapi.py unseen :'file'`
SELECT is(:'faults'::text, '', 'the document describes each answer, and has no status that is not given');
\setenv file :file
\! rm -f "$file"

SELECT * FROM finish();
ROLLBACK;
\ir provider_end.inc
