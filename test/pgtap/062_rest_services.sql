-- Services and their users over REST.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc
\set pg '{"name":"made","database_type":"postgresql","provider":"external","connection":{"nodes":[{"address":"10.0.0.5","port":5433},{"address":"10.0.0.6"}],"database":"app","admin_user":"boss","admin_password":"p/w@: é","sslmode":"require","users":[{"username":"zed","password":"z"},{"username":"app_user","password":"s3cret"}]}'
\set kafka '{"name":"queue","database_type":"kafka","provider":"external","addons":["kafka-connect"],"connection":{"bootstrap":"10.0.1.7:9093,10.0.1.8:9094","connect_urls":["http://10.0.1.7:8083"],"connect_user":"c","connect_password":"never-shown","users":[{"username":"app_user","password":"kafka pw"}]}'

-- What was sent comes back unchanged.
SELECT pg_temp.rest('mia', 'POST', '/managed-services', :'pg' || ',"plan_name":"tier-2","version":"17","zone":"se-sto1","storage_size_gb":100,"storage_tier":"maxiops","node_count":3,
	"allowed_cidrs":["10.0.0.0/8","1.2.3.4","10.0.0.0/8"],"auto_failover_enabled":true,"replication_mode":"async","encryption_enabled":true,"maintenance_window":"sun:03","labels":{"z":"1","a":"2"},"ephemeral":true,"ttl_hours":24,"preset":"ignored","nonsense":[]}', '{"x-request-id":"s-1"}') \g /dev/null
SELECT is((SELECT status || ' ' || (headers ->> 'location') FROM seen), (SELECT '201 /managed-services/' || id FROM cdc.service WHERE name = 'made'), '201 and Location');
INSERT INTO it SELECT 'made', id FROM cdc.service WHERE name = 'made';
SELECT is((SELECT body FROM seen ORDER BY n DESC LIMIT 1), format('{"id":"%1$s","uuid":"%1$s","organization_id":"%2$s","name":"made","database_type":"postgresql","version":"17","status":"pending","status_message":null,"plan_name":"tier-2","zone":"se-sto1","storage_size_gb":100,"storage_tier":"maxiops","node_count":3,'
	'"addons":[],"addon_status":{},"allowed_cidrs":["10.0.0.0/8","1.2.3.4","10.0.0.0/8"],"dns_records":[],"auto_failover_enabled":true,"encryption_enabled":true,"replication_mode":"async","maintenance_window":"sun:03","labels":{"z":"1","a":"2"},"is_ephemeral":true,"ttl_hours":24,"provider":"external","notes":[],'
	'"created_at":"%3$s","updated_at":"%3$s"}', pg_temp.fill('{made}'), pg_temp.fill('{red}'), cdc_inner.rfc3339(now())), 'everything that was sent, as it was sent');
SELECT is((SELECT body FROM seen ORDER BY n DESC LIMIT 1), (pg_temp.rest('vic', 'GET', '/managed-services/{made}')).body, 'GET gives the same bytes');
SELECT is((SELECT ROW(kind, role, message, detail)::text FROM cdc.service_event e JOIN it ON it.id = e.service_id WHERE it.name = 'made'), ROW('created', 'mia', 'registered', '{"request_id": "s-1"}'::jsonb)::text, 'an event with the request''s id');
SELECT is((SELECT string_agg(address || ':' || port, ' ' ORDER BY address) FROM cdc.service_node n JOIN it ON it.id = n.service_id WHERE it.name = 'made'), '10.0.0.5:5433 10.0.0.6:5432', 'its nodes');
SELECT is((SELECT connection FROM cdc.service s JOIN it ON it.id = s.id WHERE it.name = 'made'), '{"database":"app","admin_user":"boss","sslmode":"require","users":["zed","app_user"]}', 'no secret is in its row');
SELECT pg_temp.gives('mia', 'POST', '/managed-services', :'kafka' || '}', 201, '"name":"queue".*"version":"".*"plan_name":"","zone":"default","storage_size_gb":0,"storage_tier":"","node_count":1,"addons":\["kafka-connect"\]', what => 'the least: texts and numbers are never null');
INSERT INTO it SELECT 'queue', id FROM cdc.service WHERE name = 'queue';

-- To which organisation.
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'blue'), 'mia', 'member') \g /dev/null
GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO mia;
INSERT INTO it SELECT 'own', pg_temp.run_as('mia', 'SELECT cdc.create_organization(''Own'', is_personal => true)')::uuid;
SELECT is((SELECT (body::json ->> 'organization_id') FROM pg_temp.rest('mia', 'POST', '/managed-services', replace(:'kafka', 'queue', 'q' || n) || more || '}', headers)), pg_temp.fill(organization), 'it goes ' || what)
FROM (VALUES (1, '', '{}'::jsonb, '{own}', 'to the personal one'), (2, '', '{"x-active-org-id":"red"}', '{red}', 'to the active one'), (3, ',"organization_id":"{red}"', '{"x-active-org-id":"blue"}', '{red}', 'to the one in the body before all'), (4, ',"organization_id":null', '{"x-active-org-id":"red"}', '{red}', 'null is absent')) v(n, more, headers, organization, what);
DELETE FROM cdc.organization_member m USING it WHERE m.organization_id = it.id AND it.name IN ('blue', 'own') AND m.member = 'mia';
SELECT pg_temp.gives('mia', 'POST', '/managed-services', :'kafka' || ',"organization_id":"' || id || '"}', status, '"field":"organization_id"') FROM (VALUES ('{blue}', 404), ('{nothing}', 404), ('{short}', 400), ('red', 400)) v(id, status);

-- Without a provider that makes servers.
SELECT pg_temp.gives('mia', 'POST', '/managed-services', body, 422, '"error":"no provider is set up that makes servers".*"hint":"Send \\"provider\\": \\"external\\".*"field":"provider"')
FROM (VALUES ('{"name":"orders-pg","database_type":"postgresql","version":"17","plan_name":"tier-2","zone":"se-sto1","storage_size_gb":100,"storage_tier":"maxiops"}'), ('{"name":"x","database_type":"kafka","plan_name":"tier-3","provider":null}')) v(body);
SELECT pg_temp.gives('mia', 'POST', '/managed-services', '{"name":"x","database_type":"kafka","plan_name":"tier-3","provider":"aws"}', 422, '"error":"unknown provider"');
SELECT pg_temp.gives('mia', 'POST', '/managed-services', (('{"name":"x","database_type":"kafka","plan_name":"p"}'::jsonb) - member)::text, 400, '"code":"missing_field","field":"' || member || '"') FROM unnest('{name,database_type,plan_name}'::text[]) member;
SELECT pg_temp.gives('mia', 'POST', '/managed-services', (((:'kafka' || '}')::jsonb) - member)::text, 400, '"code":"missing_field","field":"' || member || '"') FROM unnest('{name,database_type,connection}'::text[]) member;

-- 400 and 422.
SELECT pg_temp.gives('mia', method, path, '{"' || key || '":' || CASE value WHEN '"string"' THEN '{}' WHEN '"integer"' THEN '1.5' WHEN '"boolean"' THEN '"true"' WHEN '"strings"' THEN '["a",1]' ELSE '[]' END || '}', 400, '"code":"invalid_type".*"field":"' || key || '"')
FROM (SELECT f.key, f.value::text FROM jsonb_each(cdc_inner.rest_service_fields()) f) f, (VALUES ('POST', '/managed-services'), ('PATCH', '/managed-services/{made}')) r(method, path);
SELECT pg_temp.gives('mia', 'PATCH', '/managed-services/{made}', body, 422, '"code":"invalid_value".*"field":"' || field || '"')
FROM (VALUES ('{"storage_size_gb":0}', 'storage_size_gb'), ('{"node_count":-1}', 'node_count'), ('{"storage_size_gb":99999999999999999999}', 'storage_size_gb'), ('{"ttl_hours":1000001}', 'ttl_hours'), ('{"allowed_cidrs":["everywhere"]}', 'allowed_cidrs'), ('{"allowed_cidrs":["10.0.0.0/8","300.0.0.0/8"]}', 'allowed_cidrs'),
	('{"plan_name":"' || repeat('x', 256) || '"}', 'plan_name'), ('{"maintenance_window":"a\nb"}', 'maintenance_window'), ('{"name":"a b"}', 'name'), ('{"name":""}', 'name'), ('{"zone":"other"}', 'zone'), ('{"database_type":"kafka"}', 'database_type'), ('{"version":"18"}', 'version'), ('{"provider":"local"}', 'provider'),
	('{"organization_id":"{blue}"}', 'organization_id'), ('{"addons":["kafka-connect"]}', 'addons'), ('{"connection":{"x":1}}', 'connection')) v(body, field);
SELECT pg_temp.gives('mia', 'POST', '/managed-services', body, 422, pattern)
FROM (VALUES ('{"name":"a b","database_type":"kafka","provider":"external","connection":{}}', 'name'), ('{"name":"x","database_type":"mysql","provider":"external","connection":{}}', 'unknown database_type'), ('{"name":"x","database_type":"postgresql","provider":"external","connection":{}}', 'at least one node'),
	('{"name":"x","database_type":"postgresql","provider":"external","addons":["kafka-connect"],"connection":{"nodes":[{"address":"h"}],"admin_user":"u"}}', '"field":"addons"'), ('{"name":"x","database_type":"kafka","provider":"external","addons":["karapace"],"connection":{}}', 'unknown addon'),
	('{"name":"x","database_type":"kafka","provider":"external","connection":{"users":[{"username":"a"}]}}', 'a user must be'), ('{"name":"x","database_type":"kafka","provider":"external","connection":{"users":[{"username":"a","password":"1"},{"username":"a","password":"2"}]}}', 'named twice'), ('{"name":"x","database_type":"kafka","provider":"external","connection":{"password":"never-shown"}}', 'unknown key')) v(body, pattern);
SELECT pg_temp.gives('mia', 'POST', '/managed-services', :'kafka' || '}', 409, '"error":"a service named \\"queue\\" already exists","code":"name_conflict"');
SELECT is_empty($$SELECT FROM seen WHERE body ~ 'never-shown|s3cret'$$, 'no answer has had a secret in it');

-- PATCH: what is absent or null stays.
SELECT pg_temp.gives('mia', 'PATCH', '/managed-services/{made}', '{"name":"made2","plan_name":"tier-3","storage_size_gb":200.0,"allowed_cidrs":[],"maintenance_window":"mon:01","labels":{"b":"1"},"auto_failover_enabled":false,"node_count":null,"zone":"se-sto1","addons":[],"organization_id":"{red}","unknown":1}', 200,
	'"name":"made2".*"plan_name":"tier-3".*"storage_size_gb":200,"storage_tier":"maxiops","node_count":3,.*"allowed_cidrs":\[\].*"auto_failover_enabled":false,"encryption_enabled":true,.*"maintenance_window":"mon:01","labels":\{"b":"1"\}', '{"x-request-id":"s-2"}');
SELECT pg_temp.gives('mia', 'PATCH', '/managed-services/{made}', '{}', 200, '"name":"made2"');
SELECT pg_temp.gives('mia', 'PATCH', '/managed-services/{made}', '{"name":"queue"}', 409, '"code":"name_conflict".*"field":"name"');
SELECT is((SELECT message FROM cdc.service_event WHERE detail ->> 'request_id' = 's-2'), 'changed: addons, allowed_cidrs, auto_failover_enabled, labels, maintenance_window, name, node_count, organization_id, plan_name, storage_size_gb, zone', 'the event says what was sent');

-- Users: app_user first; passwords are shown, and that is written down.
SELECT is((SELECT array_agg(u ->> 'username') FROM jsonb_array_elements((pg_temp.rest('vic', 'GET', '/managed-services/{made}/database-users')).body::jsonb -> 'users') u), '{app_user,zed,boss}', 'users, app_user first');
SELECT is((pg_temp.rest('mia', 'POST', '/managed-services/{made}/database-users/app_user/reveal-password', NULL, '{"x-request-id":"s-3"}')).body,
	'{"username":"app_user","password":"s3cret","host":"10.0.0.5","port":5433,"database":"app","connection_string":"postgresql://app_user:s3cret@10.0.0.5:5433/app?sslmode=require"}', 'a password, and how to connect');
UPDATE cdc.service_node n SET observed_role = CASE address WHEN '10.0.0.6' THEN 'primary' ELSE 'standby' END FROM it WHERE it.name = 'made' AND n.service_id = it.id;
SELECT is((pg_temp.rest('ada', 'POST', '/managed-services/{made}/database-users/boss/reveal-password/', 'ignored')).body,
	'{"username":"boss","password":"p/w@: é","host":"10.0.0.6","port":5432,"database":"app","connection_string":"postgresql://boss:p%2Fw%40%3A%20%C3%A9@10.0.0.6:5432/app?sslmode=require"}', 'the host is the primary; the password stands in the URI as it must');
SELECT pg_temp.gives('mia', 'POST', '/managed-services/{made}/database-users/boss/reveal-password', NULL, 403, 'permission admin', what => 'the server''s superuser''s password is for owners and admins');
SELECT is((pg_temp.rest('mia', 'POST', '/managed-services/{queue}/database-users/%61pp_user/reveal-password')).body, '{"username":"app_user","password":"kafka pw","host":"10.0.1.7","port":9093,"database":"","connection_string":"10.0.1.7:9093,10.0.1.8:9094"}', 'of Kafka');
SELECT pg_temp.gives('mia', 'POST', '/managed-services/{queue}/database-users/' || name || '/reveal-password', NULL, 404, '"error":"no such user"') FROM unnest('{c,nobody,App_user,connect_password}'::text[]) name;
SELECT is((SELECT array_agg(role::text || ': ' || message || ' ' || (detail ->> 'request_id') ORDER BY id) FROM cdc.service_event WHERE detail ->> 'request_id' = 's-3' OR message ~ 'boss'),
	ARRAY['mia: the password of user "app_user" was shown s-3', (SELECT 'ada: the password of user "boss" was shown ' || (headers ->> 'x-request-id') FROM seen WHERE who = 'ada')], 'each time is an event, with who and the request');
SELECT is_empty($$SELECT FROM cdc.service_event WHERE to_jsonb(service_event)::text ~ 's3cret|p/w'$$, 'and no secret in it');
SELECT is(pg_temp.run_as('vic', 'SELECT count(*) FROM cdc.service_event'), (SELECT count(*)::text FROM cdc.service_event e JOIN cdc.service s ON s.id = e.service_id JOIN it ON it.id = s.organization_id WHERE it.name = 'red'), 'members read the events of their organization');

-- DELETE.
SELECT pg_temp.gives('mia', 'DELETE', '/managed-services/{red-pg}', NULL, 409, '"code":"in_use","detail":"Pipeline \\"pipe\\" \({red-pipe}\) does."');
SELECT pg_temp.gives('mia', 'DELETE', '/organizations/{red}/pipelines/{red-pipe}', NULL, 202);
SELECT is((SELECT ROW(r.status, r.body)::text FROM pg_temp.rest('mia', 'DELETE', '/managed-services/{red-pg}') r), '(204,)', 'a pipeline in Deleting does not count: 204, no body');
SELECT pg_temp.gives('mia', 'DELETE', '/managed-services/{red-pg}', NULL, 204, what => 'the same again');
SELECT pg_temp.gives('mia', 'GET', '/managed-services/{red-pg}', NULL, 200, '"status":"deleting"');
SELECT pg_temp.gives('mia', 'GET', '/managed-services', NULL, 200, '"id":"{red-pg}"');
SELECT pg_temp.gives('mia', 'POST', '/organizations/{red}/pipelines', '{"name":"late","pipeline_type":"cdc_pg_to_kafka","source_service_id":"{red-pg}","sink_service_id":"{red-kafka}"}', 404, '"field":"source_service_id"', what => 'no pipeline begins on it');
UPDATE cdc.service s SET deleted_at = now() FROM it WHERE it.name = 'red-pg' AND s.id = it.id;
SELECT pg_temp.gives('mia', method, '/managed-services/{red-pg}' || rest, NULL, 404, '"error":"no such service"') FROM (VALUES ('GET', ''), ('DELETE', ''), ('PATCH', ''), ('GET', '/database-users'), ('POST', '/database-users/postgres/reveal-password')) v(method, rest);
\ir rest_end.inc

SELECT * FROM finish();
ROLLBACK;
