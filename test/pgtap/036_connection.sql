-- A service's connection: its keys by their table, who may change which, and that
-- no secret is sent elsewhere by who may not see it.
BEGIN;
SELECT no_plan();
\ir fixture.inc

CREATE FUNCTION pg_temp.register(connection text, type text DEFAULT 'postgresql') RETURNS text LANGUAGE sql AS
	$$ SELECT format('SELECT cdc.register_service(''tried'', %L, ''z'', %L)', type, connection) $$;
CREATE FUNCTION pg_temp.change(service text, connection text) RETURNS text LANGUAGE sql AS
	$$ SELECT format('SELECT cdc.update_service(%s, %L)', pg_temp.id(service), connection) $$;
CREATE FUNCTION pg_temp.connection(service text) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT s.connection FROM cdc.service s WHERE s.id = (SELECT i.id FROM pg_temp.it i WHERE i.name = service) $$;
CREATE FUNCTION pg_temp.secrets(service text) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(x.purpose || '=' || cdc_inner.decrypt(x.key_id, x.ciphertext, x.service_id::text, x.purpose), ' ' ORDER BY x.purpose)
		FROM cdc.service_secret x WHERE x.service_id = (SELECT i.id FROM pg_temp.it i WHERE i.name = service) $$;
CREATE FUNCTION pg_temp.last_event(service text) RETURNS cdc.service_event LANGUAGE sql AS
	$$ SELECT e FROM cdc.service_event e WHERE e.service_id = (SELECT i.id FROM pg_temp.it i WHERE i.name = service) ORDER BY e.id DESC LIMIT 1 $$;

-- --- the table of keys ------------------------------------------------------------------------
SELECT set_eq($$SELECT key FROM cdc.connection_key WHERE directs_secret AND database_type = 'postgresql'$$, '{nodes,sslmode,ca,network_id,password_in_tls}'::text[], 'what decides where a source''s secrets go');
SELECT set_eq($$SELECT key FROM cdc.connection_key WHERE directs_secret AND database_type = 'kafka'$$, '{connect_urls,agents,ca,network_id,plaintext_connector_password}'::text[], 'and a sink''s');
SELECT is(pg_temp.run_as('vic', 'SELECT count(*) > 20 FROM cdc.connection_key'), 'true', 'a viewer reads it');
-- every key of the table, with a value of another type, at every door
SELECT is((pg_temp.fault_as('mia', pg_temp.register(jsonb_build_object(k.key, 1)::text, k.database_type))).message, format('"%s" in connection must be of JSON type %s', k.key, k.type), 'a number is no ' || k.key)
FROM cdc.connection_key k ORDER BY k.database_type, k.key;
SELECT is((pg_temp.fault_as('ann', pg_temp.change(CASE k.database_type WHEN 'kafka' THEN 'red-kafka' ELSE 'red-pg' END, jsonb_build_object(k.key, 1)::text))).message,
	format('"%s" in connection must be of JSON type %s', k.key, k.type), 'nor when it is changed') FROM cdc.connection_key k ORDER BY k.database_type, k.key;
-- no text that reaches a connector's configuration refers to a secret of its host
SELECT is(pg_temp.run_as('ann', pg_temp.register(jsonb_build_object(k.key, CASE k.type WHEN 'array' THEN '["${dir:/s:x}"]'::jsonb ELSE '"${dir:/s:x}"' END)::text, k.database_type)), '22023', 'no reference in ' || k.key)
FROM cdc.connection_key k WHERE k.type IN ('string', 'array') AND k.key NOT IN ('admin_password', 'connect_password') ORDER BY k.database_type, k.key;

-- --- secrets are one line of printable characters, at every door ------------------------------------
SELECT pg_temp.refused('ann', pg_temp.register(jsonb_build_object('nodes', '[{"address": "h"}]'::jsonb, 'admin_user', 'u', 'admin_password', s)::text), '22023', 'one line of printable', 'no such password: ' || n)
FROM unnest(ARRAY[E'a\r\nX-Evil: 1', E'a\tb', E'a\u009bb', E'a\u202eb', E'a\u2028b']) WITH ORDINALITY x(s, n);
SELECT pg_temp.refused('ann', pg_temp.register(jsonb_build_object('connect_urls', '["http://h:1"]'::jsonb, 'connect_cidrs', '[]'::jsonb, 'agents', jsonb_build_array(jsonb_build_object('url', 'http://h:1', 'token', s)))::text, 'kafka'),
	'22023', 'one word of printable ASCII', 'no such token: ' || n) FROM unnest(ARRAY[E'a\r\nX-Evil: 1', 'a b', 'ä', E'a\n']) WITH ORDINALITY x(s, n);
SELECT pg_temp.refused('ann', format('SELECT cdc.set_service_secret(%s, %L, %L)', pg_temp.id('red-kafka'), p, E'a\r\nX: 1'), '22023', 'printable', 'nor later: ' || p) FROM unnest('{connect_password,agent_token/0}'::text[]) p;
SELECT pg_temp.refused('ann', pg_temp.change('red-kafka', '{"connect_password": "a\r\nX: 1"}'), '22023', 'printable', 'nor by update_service');
SELECT unalike(f::text, '%sEcr%', 'a secret that is refused is not repeated') FROM pg_temp.fault_as('ann', pg_temp.register('{"admin_password": "sEcr\nx"}')) f;

-- --- a secret is not sent elsewhere by who may not see it --------------------------------------------
CREATE TEMP TABLE redirections AS SELECT * FROM (VALUES ('red-pg', '"nodes": [{"address": "evil.example"}]'), ('red-pg', '"nodes": [{"address": "127.0.0.1", "port": 1}, {"address": "evil.example"}]'),
	('red-pg', '"nodes": [{"address": "127.0.0.1", "port": 2}]'), ('red-pg', '"sslmode": "disable"'), ('red-pg', '"ca": "-----BEGIN CERTIFICATE-----"'), ('red-pg', '"password_in_tls": true'),
	('red-pg', '"network_id": "00000000-0000-4000-8000-000000000001"'), ('red-kafka', '"connect_urls": ["http://127.0.0.9:1"]'), ('red-kafka', '"ca": "-----BEGIN CERTIFICATE-----"'),
	('red-kafka', '"agents": [{"url": "https://127.0.0.9:1", "token": "mine"}]'), ('red-kafka', '"plaintext_connector_password": true'),
	('red-kafka', '"network_id": "00000000-0000-4000-8000-000000000001"')) v(service, change);
CREATE TEMP TABLE before AS SELECT s, pg_temp.connection(s) AS connection, pg_temp.secrets(s) AS secrets FROM unnest('{red-pg,red-kafka}'::text[]) s;
SELECT pg_temp.refused('mia', pg_temp.change(service, '{' || change || '}'), '42501', 'decides where secrets are sent', 'a member does not change ' || left(change, 60)) FROM redirections;
-- with the service's own secrets given anew the pipeline's password is still one that she does not know
SELECT pg_temp.refused('mia', pg_temp.change(service, '{' || change || CASE service WHEN 'red-pg' THEN ', "admin_password": "mine"}' ELSE ', "connect_password": "mine"}' END), '42501', 'decides where secrets are sent',
	'nor with what she can give of them: ' || left(change, 60)) FROM redirections;
SELECT is((SELECT count(*) FROM before b WHERE b.connection = pg_temp.connection(b.s) AND b.secrets = pg_temp.secrets(b.s)), 2::bigint, 'nothing of this changed anything');
SELECT is(pg_temp.run_as('ada', pg_temp.change(service, '{' || change || '}')), '', 'an admin does: ' || left(change, 60)) FROM redirections;
SELECT is((e).role || ' ' || (e).message || ' ' || (e).detail, 'ada connection changed: network_id {"network_id": {"to": "00000000-0000-4000-8000-000000000001"}}', 'an event says who changed what, from what, and to what')
FROM (SELECT pg_temp.last_event('red-kafka') AS e) x;
SELECT is_empty($$SELECT * FROM cdc.service_event e WHERE e::text ~ 'visible-secret|mine|kept'$$, 'without any secret');

-- of a service without a pipeline the secrets can all be given
INSERT INTO it SELECT 'own-pg', pg_temp.run_as('ann', 'SELECT cdc.register_service(''own-pg'', ''postgresql'', ''z'', ''{"nodes": [{"address": "h"}, {"address": "g"}], "admin_user": "u", "admin_password": "hers", "users": [{"username": "app", "password": "apps"}]}'')')::uuid;
SELECT pg_temp.refused('mia', pg_temp.change('own-pg', '{"nodes": [{"address": "evil.example"}]}'), '42501', 'decides where', 'without them she may not');
SELECT is(pg_temp.run_as('mia', pg_temp.change('own-pg', '{"nodes": [{"address": "other.example"}], "admin_password": "mine"}')), '', 'with all of them she may');
SELECT is(pg_temp.secrets('own-pg'), 'admin_password=mine user_password/app=apps', 'and the one before is gone');
SELECT is((e).role || ' ' || (e).message || ' ' || (e).detail,
	'mia connection changed: admin_password, nodes {"nodes": {"to": [{"port": 5432, "address": "other.example"}], "from": [{"port": 5432, "address": "g"}, {"port": 5432, "address": "h"}]}, "secrets_given": ["admin_password"]}',
	'who, from, to, and which secrets')
FROM (SELECT pg_temp.last_event('own-pg') AS e) x;
SELECT pg_temp.refused('mia', pg_temp.change('own-pg', '{"nodes": null}'), '22023', 'at least one node', 'what is needed stays');
SELECT is(pg_temp.run_as('mia', pg_temp.change('own-pg', '{"admin_password": null, "users": null}')), '', 'a null takes away');
SELECT is(pg_temp.secrets('own-pg'), NULL, 'its secret too');
SELECT is(pg_temp.run_as('mia', pg_temp.change('own-pg', '{"database": "d"}')), '', 'what directs nothing is a member''s');
SELECT is(pg_temp.connection('own-pg') ->> 'database', 'd', 'and merged');
SELECT is(pg_temp.run_as('mia', pg_temp.change('own-pg', '{"database": "d"}')), '', 'the same again');
SELECT is((pg_temp.last_event('own-pg')).message, 'connection changed: database', 'is no event');

-- --- who may set what --------------------------------------------------------------------------------
SELECT pg_temp.refused('vic', pg_temp.change('red-pg', '{"database": "d"}'), '42501', '', 'a viewer changes nothing');
SELECT pg_temp.refused('bob', pg_temp.change('red-pg', '{"database": "d"}'), '42704', '', 'another organization''s service is not there');
SELECT pg_temp.refused('ann', pg_temp.change('red-pg', '{"manage_role": false, "connector_user": "u", "connector_password": "p"}'), '55006', 'while a pipeline uses', 'what its pipelines stand on stays');
SELECT pg_temp.refused('ann', pg_temp.change('red-pg', '{"metadata_server": true}'), '42501', 'is for superusers', 'the metadata''s own server is a superuser''s word');
SELECT pg_temp.refused('ann', pg_temp.change('red-kafka', '{"connect_ca_path": "/etc/passwd"}'), '42501', 'is for superusers', 'so is a path on the Connect hosts');
SELECT pg_temp.refused('ann', pg_temp.register('{"connect_ca_path": "/etc/passwd"}', 'kafka'), '42501', 'is for superusers', 'when it is registered too');
SELECT lives_ok(pg_temp.change('red-kafka', '{"connect_ca_path": "/etc/ssl/ca.pem"}'), 'a superuser sets it');
SELECT throws_ok(pg_temp.change('red-kafka', jsonb_build_object('connect_ca_path', p)::text), '22023', NULL, 'to a path, not ' || p) FROM unnest('{../x,x,/a/../b,"/a b"}'::text[]) p;

-- --- a superuser answers for what he names, and for nothing that a member has named -----------------------
INSERT INTO it SELECT 'trap', pg_temp.run_as('mia', $$SELECT cdc.register_service('trap', 'kafka', 'z', '{"network_id": "00000000-0000-4000-8000-0000000000bb", "connect_urls": ["http://169.254.169.254:80"],
	"connect_cidrs": ["10.0.0.0/24"], "addons": ["kafka-connect"], "agents": [{"url": "http://10.0.0.1:1", "token": "x"}]}')$$)::uuid;
CREATE FUNCTION pg_temp.vouched() RETURNS text LANGUAGE sql AS $$ SELECT s.connection_set_by || ' ' || (SELECT count(*) FROM cdc.network_owner n WHERE n.network_id = s.network_id)
	FROM cdc.service s WHERE s.name = 'trap' $$;
SELECT lives_ok(pg_temp.change('trap', '{"connect_ca_path": "/etc/ssl/ca.pem"}'), '(a superuser sets what is his)');
SELECT is(pg_temp.vouched(), 'member 0', 'it gives no network to the organization');
SELECT lives_ok(pg_temp.change('trap', '{"agents": [{"url": "http://127.0.0.1:1", "token": "x"}]}'), '(and agents)');
SELECT is(pg_temp.vouched(), 'member 0', 'the connect_urls are a member''s');
SELECT lives_ok(pg_temp.change('trap', '{"connect_urls": ["http://127.0.0.1:2"], "agents": [{"url": "http://127.0.0.1:1", "token": "y"}]}'), '(and all addresses)');
SELECT is(pg_temp.vouched(), 'superuser 0', 'these are his');
SELECT lives_ok(pg_temp.change('trap', '{"connect_urls": ["http://127.0.0.1:3"]}'), '(one of them again)');
SELECT is(pg_temp.vouched(), 'superuser 0', 'they stay his');
SELECT lives_ok(pg_temp.change('trap', '{"network_id": "00000000-0000-4000-8000-0000000000bb"}'), '(the network too)');
SELECT is(pg_temp.vouched(), 'superuser 1', 'that is his word');
SELECT pg_temp.refused('mia', format('SELECT cdc.register_service(''long'', ''kafka'', ''z'', ''{"bootstrap": "h:1"}'', version => %L)', v), '22023', 'version must be', 'no such version') FROM unnest(ARRAY[repeat('1', 256), E'1\n2']) v;

SELECT pg_temp.refused('mia', pg_temp.change('red-pg', '{"pipelines_by": "admin"}'), '42501', 'permission admin', 'who may make pipelines is an admin''s to say');

-- --- pipelines_by ------------------------------------------------------------------------------------
SELECT is(pg_temp.run_as('ada', pg_temp.change(s, '{"pipelines_by": "admin"}')), '', 'pipelines of ' || s || ' are admins''') FROM unnest('{red-pg}'::text[]) s;
CREATE FUNCTION pg_temp.pipe(name text) RETURNS text LANGUAGE sql AS
	$$ SELECT format('SELECT cdc.create_pipeline(%L, %s, %s, tables => ''{t}'')', name, pg_temp.id('red-pg'), pg_temp.id('red-kafka')) $$;
SELECT pg_temp.refused('mia', pg_temp.pipe('of-mia'), '42501', 'pipelines.*"red-pg"', 'a member makes none from it');
SELECT matches(pg_temp.run_as('mia', format('SELECT (cdc.rest(''POST'', ''/organizations/%s/pipelines'', %L)).status', (SELECT id FROM it WHERE name = 'red'), jsonb_build_object('name', 'rest', 'pipeline_type', 'cdc_pg_to_kafka',
	'source_service_id', (SELECT id FROM it WHERE name = 'red-pg'), 'sink_service_id', (SELECT id FROM it WHERE name = 'red-kafka'), 'config', '{"tables": ["t"]}'::jsonb))), '^403$', 'nor over REST');
SELECT matches(pg_temp.run_as('ada', pg_temp.pipe('of-ada')), '^[0-9a-f-]{36}$', 'an admin does');
SELECT is(pg_temp.run_as('ada', pg_temp.change('red-pg', '{"pipelines_by": null}')), '', 'until it is taken back');
SELECT is(pg_temp.run_as('ada', pg_temp.change('red-kafka', '{"pipelines_by": "admin"}')), '', '(now the sink''s)');
SELECT pg_temp.refused('mia', pg_temp.pipe('of-mia'), '42501', 'pipelines.*"red-kafka"', 'a member makes none to that sink');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('red-pipe'))), 'Deleting', 'what is there she may delete');

SELECT * FROM finish();
ROLLBACK;
