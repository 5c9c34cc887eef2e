-- Every route of the REST API by everybody: ann owner, ada admin, mia member, vic
-- viewer of red; bob owner of blue; rex, who was in red; eve, who was in none.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc
INSERT INTO it SELECT 'still-pipe', pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(''still'', %s, %s, tables => ''{still}'')', pg_temp.id('red-pg'), pg_temp.id('red-kafka')))::uuid;
\set service '{"name":"s-@","database_type":"kafka","provider":"external","connection":{}}'
\set pipeline '{"name":"p-@","pipeline_type":"cdc_pg_to_kafka","source_service_id":"{red-pg}","sink_service_id":"{red-kafka}","config":{"topic_prefix":"@"}}'
SELECT pg_temp.rest('ann', 'POST', '/managed-services', '{"name":"users","database_type":"kafka","provider":"external","connection":{"users":[{"username":"app_user","password":"x"}]}}') \g /dev/null
INSERT INTO it SELECT 'users', id FROM cdc.service WHERE name = 'users';

CREATE ROLE inv;
ALTER ROLE ann LOGIN;
SELECT pg_temp.run_as('ann', pg_temp.fill($$SELECT cdc.create_token('of ann', '{red}')$$)) \g /dev/null
INSERT INTO it SELECT 'token', id FROM cdc.api_token;

CREATE TEMP TABLE matrix (method text, path text, body text, owner int, admin int, member int, viewer int, stranger int, former int);
INSERT INTO matrix VALUES
	('GET', '/organizations', NULL, 200, 200, 200, 200, 200, 200),
	('GET', '/organizations/{red}', NULL, 200, 200, 200, 200, 404, 404),
	('GET', '/organizations/{red}/pipelines', NULL, 200, 200, 200, 200, 404, 404),
	('POST', '/organizations/{red}/pipelines', :'pipeline', 202, 202, 202, 403, 404, 404),
	('POST', '/organizations/{red}/pipelines', 'nonsense', 400, 400, 400, 403, 404, 404),
	('GET', '/organizations/{red}/pipelines/{red-pipe}', NULL, 200, 200, 200, 200, 404, 404),
	('GET', '/organizations/{blue}/pipelines/{red-pipe}', NULL, 404, 404, 404, 404, 404, 404),
	('PATCH', '/organizations/{red}/pipelines/{red-pipe}', '{"config":{}}', 400, 400, 400, 403, 404, 404),
	('PATCH', '/organizations/{red}/pipelines/{red-pipe}', 'nonsense', 400, 400, 400, 403, 404, 404),
	('PATCH', '/organizations/{blue}/pipelines/{red-pipe}', '{}', 404, 404, 404, 404, 404, 404),
	('DELETE', '/organizations/{blue}/pipelines/{red-pipe}', NULL, 404, 404, 404, 404, 404, 404),
	('GET', '/organizations/{red}/members', NULL, 200, 200, 200, 200, 404, 404),
	('POST', '/organizations/{red}/members', '{"member":"inv","role":"viewer"}', 200, 200, 403, 403, 404, 404),
	('POST', '/organizations/{red}/members', 'nonsense', 400, 400, 403, 403, 404, 404),
	('GET', '/invitations', NULL, 200, 200, 200, 200, 200, 200),
	('POST', '/invitations/{red}/accept', NULL, 200, 200, 200, 200, 404, 404),
	('GET', '/tokens', NULL, 200, 200, 200, 200, 200, 200),
	('DELETE', '/tokens/{token}', NULL, 204, 204, 404, 404, 404, 404),
	('GET', '/pipelines/{red-pipe}/status', NULL, 200, 200, 200, 200, 404, 404),
	('GET', '/managed-services', NULL, 200, 200, 200, 200, 200, 200),
	('POST', '/managed-services', :'service', 201, 201, 201, 403, 201, 403),
	('GET', '/managed-services/{red-pg}', NULL, 200, 200, 200, 200, 404, 404),
	('PATCH', '/managed-services/{red-pg}', '{"plan_name":"p"}', 200, 200, 200, 403, 404, 404),
	('PATCH', '/managed-services/{red-pg}', 'nonsense', 400, 400, 400, 403, 404, 404),
	('GET', '/managed-services/{red-pg}/database-users', NULL, 200, 200, 200, 200, 404, 404),
	('POST', '/managed-services/{users}/database-users/app_user/reveal-password', NULL, 200, 200, 200, 403, 404, 404),
	('POST', '/managed-services/{users}/database-users/nobody/reveal-password', NULL, 404, 404, 404, 403, 404, 404),
	('POST', '/managed-services/{red-pg}/database-users/postgres/reveal-password', NULL, 200, 200, 403, 403, 404, 404),
	('GET', '/metrics', NULL, 403, 403, 403, 403, 403, 403),
	('GET', '/organizations/{red}/limits', NULL, 200, 200, 200, 200, 404, 404),
	('DELETE', '/organizations/{red}/members/postgres', NULL, 204, 403, 403, 403, 404, 404),
	-- at last, since it takes away what the others need
	('DELETE', '/managed-services/{red-pg}', NULL, 409, 409, 409, 403, 404, 404),
	('POST', '/organizations/{red}/pipelines/{still-pipe}/pause', NULL, 202, 202, 202, 403, 404, 404),
	('POST', '/organizations/{red}/pipelines/{still-pipe}/restart', NULL, 409, 409, 409, 403, 404, 404),
	('POST', '/organizations/{red}/pipelines/{still-pipe}/resume', NULL, 202, 202, 202, 403, 404, 404),
	('POST', '/organizations/{blue}/pipelines/{still-pipe}/pause', NULL, 404, 404, 404, 404, 404, 404),
	('GET', '/organizations/{red}/pipelines/{red-pipe}/events', NULL, 200, 200, 200, 200, 404, 404),
	('DELETE', '/organizations/{red}/pipelines/{red-pipe}', NULL, 202, 202, 202, 403, 404, 404),
	('DELETE', '/managed-services/{users}', NULL, 204, 204, 204, 403, 404, 404);
SELECT set_eq($$SELECT method, path FROM cdc.rest_route$$, $$SELECT DISTINCT method, replace(replace(regexp_replace(replace(regexp_replace(replace(replace(replace(replace(path, '{still-pipe}', '{red-pipe}'), '{users}', '{red-pg}'), 'members/postgres', 'members/{member}'), '{token}', '{token_id}'), '/(postgres|app_user|nobody)/', '/{username}/'), '{red-pg}', '{service_id}'), '\{(red|blue)\}', '{organization_id}'), '{red-pipe}', '{pipeline_id}'), '{short}', '') FROM matrix$$,
	'the matrix has every route');

SELECT pg_temp.gives(w.who, m.method, m.path, replace(m.body, '@', w.who), CASE w.who WHEN 'ann' THEN owner WHEN 'ada' THEN admin WHEN 'mia' THEN member WHEN 'vic' THEN viewer WHEN 'bob' THEN stranger ELSE former END)
FROM matrix m, unnest('{vic,bob,eve,rex,mia,ada,ann}'::name[]) w(who);

-- What the strangers were told has nothing of red in it.
SELECT is_empty($$SELECT who, method, path, s.body FROM seen s, it WHERE who IN ('bob', 'eve', 'rex') AND it.name LIKE 'red%' AND s.body ~ it.id::text$$, 'no answer to a stranger has an id of red');
SELECT is_empty($$SELECT who, path, body FROM seen WHERE who IN ('bob', 'eve', 'rex') AND body ~* 'red-|"pipe"|"Red"' AND path !~ 'organizations$'$$, 'nor a name');
SELECT is((SELECT array_agg(DISTINCT body ORDER BY body) FROM seen WHERE who = 'rex' AND path IN ('/managed-services', '/organizations') AND method = 'GET'), '{"{\"organizations\":[]}","{\"services\":[]}"}', 'who is in none sees empty lists');
SELECT is_empty($$SELECT FROM seen s WHERE s.status = 403 AND s.who NOT IN ('eve', 'rex') AND s.path !~ '^/metrics|/members/' AND s.body !~ '"error":"permission (service:create|admin) is needed in this organization","code":"forbidden","detail":"Role \\"(vic|mia)\\" is (viewer|member) there."'$$, 'a 403 says which permission, and what the caller is');

-- Metrics need pg_monitor, not an organization.
GRANT pg_monitor TO rex;
SELECT pg_temp.gives('rex', 'GET', '/metrics', NULL, 200, '^# HELP cdc_pipelines .*\ncdc_pipelines\{status="Pending"\} ');
CREATE ROLE watch;
GRANT pg_monitor TO watch;
SAVEPOINT gate;
REVOKE USAGE ON SCHEMA cdc FROM PUBLIC;
SELECT is(pg_temp.run_as('watch', 'SELECT (cdc.rest(''GET'', ''/metrics'')).status'), '42501', 'where USAGE is not everybody''s, a role with pg_monitor and no grant may not call');
SELECT cdc.grant_monitoring('watch') \g /dev/null
SELECT is(pg_temp.run_as('watch', 'SELECT (cdc.rest(''GET'', ''/metrics'')).status'), '200', 'with it it may');
ROLLBACK TO gate;
SELECT cdc.grant_monitoring('watch') \g /dev/null
SELECT pg_temp.gives('watch', 'GET', '/metrics/', NULL, 200, 'cdc_reconcile_rounds_total 0');
SELECT pg_temp.gives('watch', 'GET', '/organizations', NULL, 200, '^\{"organizations":\[\]\}$', what => 'and sees nothing else');
SELECT pg_temp.gives('watch', 'GET', '/pipelines/{blue-pipe}/status', NULL, 404);
SELECT is((SELECT headers ->> 'content-type' FROM seen WHERE path = '/metrics' AND status = 200), 'text/plain; version=0.0.4; charset=utf-8', 'Prometheus'' text format');
\ir rest_end.inc

SELECT * FROM finish();
ROLLBACK;
