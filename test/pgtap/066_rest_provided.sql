-- Services that are made, over REST: what is taken, what is refused, what is written.
\ir provider.inc
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc
\set pg '{"name":"orders-pg","database_type":"postgresql","version":"17","plan_name":"tier-2","zone":"se-sto1","storage_size_gb":100,"storage_tier":"maxiops"}'
\set kafka '{"name":"events-kafka","database_type":"kafka","version":"3.9","plan_name":"tier-3","zone":"se-sto1","storage_size_gb":200,"storage_tier":"maxiops","addons":["kafka-connect"]}'

-- The page's two requests, as they stand there.
SELECT pg_temp.gives('mia', 'POST', '/managed-services', :'pg', 201, '"name":"orders-pg","database_type":"postgresql","version":"17","status":"pending","status_message":null,"plan_name":"tier-2","zone":"se-sto1","storage_size_gb":100,"storage_tier":"maxiops","node_count":1,"addons":\[\],"addon_status":\{\}.*"provider":"local"');
SELECT pg_temp.gives('mia', 'POST', '/managed-services', :'kafka', 201, '"status":"pending".*"addons":\["kafka-connect"\],"addon_status":\{"kafka-connect": "pending"\}.*"provider":"local"');
INSERT INTO it SELECT 'pg', id FROM cdc.service WHERE name = 'orders-pg';
INSERT INTO it SELECT 'kafka', id FROM cdc.service WHERE name = 'events-kafka';
SELECT is((SELECT connection FROM cdc.service s JOIN it ON it.id = s.id WHERE it.name = 'pg'), '{"users": ["app_user"], "database": "defaultdb", "admin_user": "postgres"}', 'no secret is in its row');
SELECT is((SELECT array_agg(purpose ORDER BY purpose) FROM cdc.service_secret e JOIN it ON it.id = e.service_id WHERE it.name = 'pg'), '{admin_password,user_password/app_user}', 'passwords of its own');
SELECT is((SELECT array_agg(purpose ORDER BY purpose) FROM cdc.service_secret e JOIN it ON it.id = e.service_id WHERE it.name = 'kafka'), '{admin_password,agent_token/0,connect_password,user_password/app_user}', 'and a password for Kafka Connect, a token for the agent beside it');
SELECT is((SELECT count(*) FROM cdc.work w JOIN it ON it.id = w.id WHERE it.name IN ('pg', 'kafka')), 2::bigint, 'the worker is asked for both');
SELECT is((SELECT message FROM cdc.service_event e JOIN it ON it.id = e.service_id WHERE it.name = 'pg'), 'ordered', 'an event');
SELECT is((SELECT array_agg(n) FROM jsonb_array_elements_text((pg_temp.rest('vic', 'GET', '/managed-services/{pg}')).body::jsonb -> 'notes') n),
	ARRAY['plan_name tier-2: what the service is held to is not known yet', 'storage_size_gb 100: the size is not limited, the service shares the disk of its host', 'storage_tier maxiops: the disk is the host''s'], 'what is not done is said');
SELECT is((pg_temp.rest('mia', 'GET', '/managed-services/{pg}/database-users')).body::jsonb #>> '{users,0,username}', 'app_user', 'app_user is the first');
SELECT ok((pg_temp.rest('mia', 'POST', '/managed-services/{pg}/database-users/app_user/reveal-password')).body::jsonb ->> 'password' ~ '^[A-Za-z0-9]{32}$', 'its password can be shown');
SELECT is(jsonb_array_length((pg_temp.rest('ann', 'GET', '/managed-services/{pg}/database-users')).body::jsonb -> 'users'), 1, 'it is the only one: the superuser is the operator''s');
SELECT pg_temp.gives(who, 'POST', '/managed-services/{pg}/database-users/postgres/reveal-password', NULL, 403, 'is its operator''s', what => format('%s, %s, is not shown the superuser''s password', who, role))
FROM (VALUES ('ann', 'an owner'), ('mia', 'a member')) v(who, role);
SELECT is((SELECT count(*) FROM cdc.service_event e JOIN it ON it.id = e.service_id WHERE it.name = 'pg' AND e.kind = 'revealed' AND e.message LIKE '%"postgres"%'), 0::bigint, 'nor is it noted as shown');
UPDATE cdc.service SET provided_limits = '2048 MB of memory' FROM it WHERE it.id = cdc.service.id AND it.name = 'pg';
SELECT is((pg_temp.rest('vic', 'GET', '/managed-services/{pg}')).body::jsonb #>> '{notes,0}', 'plan_name tier-2: the service is held to 2048 MB of memory', 'what it is held to is said as its provider said it');
SELECT isnt((pg_temp.rest('mia', 'POST', '/managed-services/{pg}/database-users/app_user/reveal-password')).body::jsonb ->> 'password',
	(pg_temp.rest('mia', 'POST', '/managed-services/{kafka}/database-users/app_user/reveal-password')).body::jsonb ->> 'password', 'each service has another one');
SELECT pg_temp.gives('mia', 'POST', '/managed-services', :'pg', 409, '"error":"a service named \\"orders-pg\\" already exists","code":"name_conflict"');
SELECT pg_temp.gives('mia', 'POST', '/managed-services', (:'kafka'::jsonb - '{version,zone,storage_size_gb,storage_tier,addons}'::text[] || '{"name":"least"}')::text, 201, '"version":"3.9".*"zone":"default".*"addons":\[\],"addon_status":\{\}');
SELECT pg_temp.gives('mia', 'POST', '/managed-services', (:'pg'::jsonb || '{"name":"two","node_count":2,"auto_failover_enabled":true,"allowed_cidrs":["10.0.0.0/8"],"provider":"local","connection":null}')::text, 201, '"node_count":2.*"auto_failover_enabled":true');
SELECT pg_temp.gives('mia', 'POST', '/managed-services', '{"name":"mine","database_type":"kafka","provider":"external","connection":{}}', 201, '"provider":"external"', what => 'servers that exist are registered as ever');

-- What is refused, and what is said of it.
SELECT pg_temp.gives('mia', 'POST', '/managed-services', (:'pg'::jsonb || '{"name":"x"}' || change)::text, 422, format('(?=.*%s).*"code":"invalid_value".*"field":"%s"', said, (SELECT k FROM jsonb_object_keys(change) k ORDER BY k = 'database_type', k LIMIT 1)))
FROM (VALUES ('{"database_type":"mysql"}'::jsonb, 'Use postgresql or kafka'), ('{"name":"a b"}', 'letters, digits'), ('{"plan_name":"huge"}', 'Use tier-1 to tier-15'), ('{"plan_name":"tier-0"}', 'tier'), ('{"version":"13"}', 'Use 14, 15, 16, 17 or 18'), ('{"version":"17.6"}', 'a major version alone'),
	('{"zone":"mars-1"}', 'Use one of .*se-sto1'), ('{"storage_tier":"tape"}', 'Use maxiops'), ('{"storage_size_gb":9}', 'It was 9'), ('{"node_count":3}', 'Use 1, or 2'), ('{"addons":["kafka-connect"]}', 'is for kafka'), ('{"allowed_cidrs":["2001:db8::/32"]}', 'IPv4'), ('{"allowed_cidrs":["x"]}', 'no network'),
	('{"connection":{}}', 'Leave it out'), ('{"provider":"aws"}', 'and \\"local\\"'), ('{"database_type":"kafka","version":"17"}', 'Use 3.9'), ('{"database_type":"kafka","version":"4.x"}', 'Use 3.9'), ('{"database_type":"kafka","node_count":3,"version":"3.9"}', 'one broker'),
	('{"addons":["karapace"],"database_type":"kafka","version":"3.9"}', 'kafka-connect')) v(change, said);
SELECT pg_temp.gives('mia', 'POST', '/managed-services', (:'pg'::jsonb - member)::text, 400, '"code":"missing_field","field":"' || member || '"') FROM unnest('{name,database_type,plan_name}'::text[]) member;
SELECT pg_temp.gives('vic', 'POST', '/managed-services', :'pg', 403, 'forbidden', what => 'a viewer orders nothing');
SELECT is((SELECT count(*) FROM cdc.service WHERE name = 'x'), 0::bigint, 'nothing of that was written');

-- PATCH: what it was made with stays.
SELECT pg_temp.gives('mia', 'PATCH', '/managed-services/{pg}', body, 422, '"field":"' || field || '"') FROM (VALUES ('{"node_count":2}', 'node_count'), ('{"allowed_cidrs":["10.0.0.0/8"]}', 'allowed_cidrs'), ('{"version":"18"}', 'version'), ('{"plan_name":"x"}', 'plan_name'), ('{"storage_size_gb":1}', 'storage_size_gb')) v(body, field);
SELECT pg_temp.gives('mia', 'PATCH', '/managed-services/{pg}', '{"auto_failover_enabled":true,"node_count":1,"plan_name":"tier-3","maintenance_window":"sun:03"}', 200, '"auto_failover_enabled":true.*"notes":\["plan_name tier-3.*auto_failover_enabled: with one node.*maintenance_window');
SELECT throws_ok(format('SELECT cdc.set_service_nodes(%L, ''[{"address":"h"}]'')', id), '22023', 'the nodes of this service are its provider''s') FROM it WHERE name = 'pg';

-- Its superuser's password is another one when a superuser says so, and for nobody else.
SELECT throws_ok(format('SELECT cdc.set_service_secret(%L, ''user_password/app_user'', ''x'')', id), '55000', 'the secrets of this service are its provider''s') FROM it WHERE name = 'pg';
SELECT throws_ok(format('SELECT cdc.set_service_secret(%L, ''admin_password'', ''a b c d e f'')', id), '22023', 'a made server takes no such password') FROM it WHERE name = 'pg';
SELECT pg_temp.refused(who, format('SELECT cdc.set_service_secret(%L, ''admin_password'', ''mine-mine-mine'')', id), '55000', 'its provider''s', who || ' does not') FROM it, (VALUES ('ann'), ('mia')) v(who) WHERE name = 'pg';
DELETE FROM cdc.work w USING it WHERE it.id = w.id AND it.name = 'pg';
SELECT lives_ok(format('SELECT cdc.set_service_secret(%L, ''admin_password'', cdc_inner.random_secret())', id), 'a superuser does') FROM it WHERE name = 'pg';
SELECT is((SELECT count(*) FROM cdc.work w JOIN it ON it.id = w.id WHERE it.name = 'pg'), 1::bigint, 'and it is ordered anew');

-- DELETE: it stays until its provider has taken it away.
SELECT pg_temp.gives('mia', 'DELETE', '/managed-services/{pg}', NULL, 204);
SELECT pg_temp.gives('mia', 'GET', '/managed-services/{pg}', NULL, 200, '"status":"deleting"');
\ir rest_end.inc

SELECT * FROM finish();
ROLLBACK;
\ir provider_end.inc
