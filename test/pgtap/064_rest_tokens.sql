-- Bearer tokens, the gateway's role, health, metrics.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc
ALTER ROLE ann LOGIN; ALTER ROLE ada LOGIN; ALTER ROLE mia LOGIN; ALTER ROLE vic LOGIN; ALTER ROLE bob LOGIN; ALTER ROLE rex LOGIN;
CREATE ROLE gate LOGIN;
CREATE TEMP TABLE token (name text PRIMARY KEY, token text);
CREATE FUNCTION pg_temp.make(who name, name text, organization text DEFAULT NULL, expires text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO pg_temp.token SELECT name, pg_temp.run_as(who, format('SELECT cdc.create_token(%L%s%s)', name, ', ' || quote_nullable(pg_temp.fill(organization)) || '::uuid', coalesce(', ' || quote_literal(expires), '')))
$$;
-- Asks with a token, as the gateway's role.
CREATE FUNCTION pg_temp.bearer(token text, method text, path text, body text DEFAULT NULL, headers jsonb DEFAULT '{}') RETURNS cdc.rest_response LANGUAGE plpgsql AS $$
DECLARE
	answer cdc.rest_response;
BEGIN
	SELECT coalesce((SELECT t.token FROM pg_temp.token t WHERE t.name = bearer.token), bearer.token) INTO token;
	path := pg_temp.fill(path);
	SET LOCAL ROLE gate;
	EXECUTE 'SELECT r.status, r.headers, r.body FROM cdc.rest_bearer($1, $2, $3, $4, $5) r' INTO answer.status, answer.headers, answer.body USING token, method, path, pg_temp.fill(body), headers;
	RESET ROLE;
	INSERT INTO pg_temp.seen (who, method, path, status, headers, body) VALUES ('gate', method, path, answer.status, answer.headers, answer.body);
	RETURN answer;
END
$$;

-- The gateway's role may do that and nothing else.
SELECT cdc.grant_gateway('gate'), cdc.grant_gateway('gate') \g /dev/null
SELECT set_eq($$SELECT p.proname::text FROM pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace = 'cdc'::regnamespace AND a.grantee = 'gate'::regrole$$, ARRAY['rest_bearer', 'health'], 'the gateway''s role is granted rest_bearer and health');
SELECT is_empty($$SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'cdc'::regnamespace AND a.grantee = 'gate'::regrole$$, 'and no table');
GRANT EXECUTE ON FUNCTION cdc.grant_gateway(name), cdc.grant_monitoring(name) TO ann;
SELECT pg_temp.refused(current_user, format('SELECT cdc.%s(%L)', f, r), '42704', 'does not exist', f || ' is not for everybody: ' || coalesce(r, 'null'))
FROM unnest('{grant_gateway,grant_monitoring}'::text[]) f, unnest('{public,nobody,NULL}'::text[]) r;
SELECT pg_temp.refused('ann', 'SELECT cdc.grant_gateway(''ann'')', '42501', 'is for superusers', 'grant_gateway is for superusers');
SELECT pg_temp.refused('ann', 'SELECT cdc.grant_monitoring(''ann'')', '42501', 'is for superusers', 'grant_monitoring too');
SELECT is(pg_temp.run_as('mia', 'SELECT (cdc.rest_bearer(''x'', ''GET'', ''/organizations'')).status'), '42501', 'nobody else may try tokens');

-- Making them.
SELECT pg_temp.make('mia', 'all'), pg_temp.make('mia', 'red only', '{red}'), pg_temp.make('bob', 'bob''s', '{blue}'), pg_temp.make('vic', 'viewer''s', '{red}', '1 hour'), pg_temp.make('postgres', 'root'), pg_temp.make('postgres', 'root in blue', '{blue}') \g /dev/null
SELECT matches(token, '^cdc_[A-Za-z0-9]{32}$', name || ': a token') FROM token;
SELECT is((SELECT count(DISTINCT token) FROM token), 6::bigint, 'each another');
SELECT is_empty($$SELECT FROM cdc.api_token a, token t WHERE a::text ~ substr(t.token, 13)$$, 'only a hash is kept');
SELECT is((SELECT count(*) FROM cdc.api_token a JOIN token t ON a.hash = sha256(t.token::bytea) AND a.prefix = left(t.token, 12)), 6::bigint, 'of the token, and its first characters');
SELECT ok(expires_at = now() + interval '90 days', 'for 90 days') FROM cdc.api_token WHERE name = 'all';
SELECT pg_temp.refused('mia', format('SELECT cdc.create_token(%L, expires => %L)', 'x', expires), '22023', 'expires must be', 'expires ' || expires || ' is refused') FROM unnest('{0,"-1 day","11 years"}'::text[]) expires;
SELECT pg_temp.refused('mia', 'SELECT cdc.create_token(''x'', expires => NULL)', '22023', 'expires must be', 'and NULL');
SELECT pg_temp.refused('mia', format('SELECT cdc.create_token(%L)', name), '22023', 'a token needs a name', 'so is name ' || to_json(name)) FROM unnest(ARRAY['', ' ', E'a\nb', repeat('x', 101)]) name;
SELECT pg_temp.refused('mia', pg_temp.fill('SELECT cdc.create_token(''x'', ''{blue}'')'), '42704', 'does not exist', 'and another''s organization');
SELECT pg_temp.refused('rex', 'SELECT cdc.create_token(''x'')', '42704', 'is in none', 'who is in no organization makes none');
ALTER ROLE ada NOLOGIN;
SELECT pg_temp.refused('ada', 'SELECT cdc.create_token(''x'')', '55000', 'may not log in', 'nor who may not log in');
ALTER ROLE ada LOGIN;

-- What they open.
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'blue'), 'mia', 'viewer') \g /dev/null
SELECT is((SELECT array_agg(o ->> 'slug' ORDER BY o ->> 'slug') FROM jsonb_array_elements((pg_temp.bearer(token, 'GET', '/organizations')).body::jsonb -> 'organizations') o), slugs::text[], token || ' opens ' || slugs)
FROM (VALUES ('all', '{blue,red}'), ('red only', '{red}'), ('bob''s', '{blue}'), ('viewer''s', '{red}'), ('root', '{blue,red}'), ('root in blue', '{blue}')) v(token, slugs);
SELECT is((pg_temp.bearer(token, method, path, body)).status, status, token || ': ' || method || ' ' || path || ' -> ' || status)
FROM (VALUES ('all', 'GET', '/pipelines/{blue-pipe}/status', NULL, 200), ('red only', 'GET', '/pipelines/{blue-pipe}/status', NULL, 404), ('red only', 'GET', '/pipelines/{red-pipe}/status', NULL, 200), ('root in blue', 'GET', '/pipelines/{red-pipe}/status', NULL, 404), ('root', 'GET', '/pipelines/{red-pipe}/status', NULL, 200),
	('red only', 'GET', '/organizations/{blue}', NULL, 404), ('red only', 'GET', '/managed-services/{blue-pg}', NULL, 404), ('root in blue', 'GET', '/managed-services/{red-pg}', NULL, 404), ('red only', 'GET', '/organizations/{blue}/pipelines', NULL, 404),
	('viewer''s', 'DELETE', '/organizations/{red}/pipelines/{red-pipe}', NULL, 403), ('viewer''s', 'GET', '/organizations/{red}/pipelines/{red-pipe}', NULL, 200), ('bob''s', 'GET', '/organizations/{red}/pipelines/{red-pipe}', NULL, 404), ('all', 'GET', '/metrics', NULL, 403), ('root', 'GET', '/metrics', NULL, 200), ('all', 'GET', '/nothing', NULL, 404)) v(token, method, path, body, status);
SELECT is((pg_temp.bearer('red only', 'POST', '/managed-services', '{"name":"by-token","database_type":"kafka","provider":"external","connection":{}}', '{"x-request-id":"t-1"}')).body::json ->> 'organization_id', pg_temp.fill('{red}'), 'a new service goes to the token''s organization');
SELECT is((SELECT role FROM cdc.service_event WHERE detail ->> 'request_id' = 't-1'), 'mia', 'by the role that the token stands for');
SELECT is((pg_temp.bearer('red only', 'GET', '/managed-services', NULL, '{"x-active-org-id":"blue"}')).status, 404, 'a header does not widen it');
-- the identity ends with the call, whatever happened in it
SELECT is((pg_temp.bearer('all', 'POST', '/organizations/{red}/pipelines', '{')).status, 400, '(a call that ends with an error)');
SELECT is(pg_temp.run_as('mia', 'SELECT cdc.caller()'), 'mia', 'afterwards the caller is the session''s again');
GRANT USAGE ON SCHEMA cdc TO gate; GRANT EXECUTE ON FUNCTION cdc.caller(), cdc.caller_organizations(), cdc.rest(text, text, text, jsonb) TO gate;
SELECT is(pg_temp.run_as('gate', 'SELECT cdc.caller()'), 'gate', 'and so for the gateway''s role');
SELECT is(pg_temp.run_as('gate', 'SELECT count(*) FROM cdc.caller_organizations()'), '0', 'which is in no organization');
CREATE FUNCTION pg_temp.canceled(sql text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN false; EXCEPTION WHEN query_canceled THEN RETURN true; END $$;
CREATE FUNCTION pg_temp.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(10); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE UPDATE ON cdc.service FOR EACH ROW EXECUTE FUNCTION pg_temp.slow();
SET LOCAL statement_timeout = '200ms';
SELECT ok(pg_temp.canceled($$SELECT pg_temp.bearer('red only', 'PATCH', '/managed-services/{red-pg}', '{"plan_name":"x"}')$$), 'a timeout is an ERROR and no answer');
RESET statement_timeout;
DROP TRIGGER slow ON cdc.service;
SELECT is(pg_temp.run_as('gate', 'SELECT cdc.caller()'), 'gate', 'and the identity ends with that too');
SELECT is((pg_temp.bearer('red only', 'GET', '/organizations')).status, 200, 'and the next call works');

-- Last use: written when the known one is old.
SELECT ok(last_used_at > now() - interval '1 min', 'the last use is known') FROM cdc.api_token WHERE name = 'all';
UPDATE cdc.api_token SET last_used_at = clock_timestamp() - interval '4 min 50 s' WHERE name = 'all';
SELECT is((pg_temp.bearer('all', 'GET', '/organizations')).status, 200, '(another use)');
SELECT ok(last_used_at < now() - interval '4 min', 'no write a request') FROM cdc.api_token WHERE name = 'all';
UPDATE cdc.api_token SET last_used_at = clock_timestamp() - interval '6 min' WHERE name = 'all';
SELECT is((pg_temp.bearer('all', 'GET', '/nothing')).status, 404, '(another use, which ends with an error)');
SELECT ok(last_used_at > now() - interval '1 min', 'but every five minutes') FROM cdc.api_token WHERE name = 'all';

-- Whence: the client of whom the gateway says so; another address is seen within a minute.
SELECT is(last_used_from, host(inet_client_addr()), 'without a word of the gateway, the session''s') FROM cdc.api_token WHERE name = 'all';
UPDATE cdc.api_token SET last_used_at = NULL WHERE name = 'all';
CREATE FUNCTION pg_temp.used(header jsonb, age interval) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE cdc.api_token SET last_used_at = clock_timestamp() - age WHERE name = 'all';
	PERFORM pg_temp.bearer('all', 'GET', '/organizations', NULL, header);
	RETURN (SELECT concat_ws(' ', last_used_from, CASE WHEN last_used_at > clock_timestamp() - interval '5 s' THEN 'now' END) FROM cdc.api_token WHERE name = 'all');
END
$$;
SELECT is(pg_temp.used('{"x-cdc-client-address":"192.0.2.7"}', '1 hour'), '192.0.2.7 now', 'the address that the gateway gives');
SELECT is(pg_temp.used('{"x-cdc-client-address":"192.0.2.7"}', '2 min'), '192.0.2.7', 'the same again is not written');
SELECT is(pg_temp.used('{"x-cdc-client-address":"192.0.2.8"}', '2 min'), '192.0.2.8 now', 'another is');
SELECT is(pg_temp.used('{"x-cdc-client-address":"192.0.2.9"}', '50 s'), '192.0.2.8', 'once a minute');
SELECT is(pg_temp.used('{"client":"192.0.2.10", "x-forwarded-for":"192.0.2.10", "x-real-ip":"192.0.2.10"}', '2 min'), coalesce(host(inet_client_addr()) || ' ', '') || 'now', 'what a client sends is not believed');
SELECT is(length(pg_temp.used(jsonb_build_object('x-cdc-client-address', repeat('x', 1000)), '1 hour')), 68, 'and a long one is cut');
SELECT is(pg_temp.used('{"x-cdc-client-address":7}', '1 hour'), coalesce(host(inet_client_addr()) || ' ', '') || 'now', '(nor is what is no text)');
SELECT is(pg_temp.used('{"x-cdc-client-address":"192.0.2.7"}', '1 hour'), '192.0.2.7 now', '(back)');
SELECT is(pg_temp.run_as('mia', 'SELECT last_used_from FROM cdc.list_tokens() WHERE name = ''all'''), '192.0.2.7', 'the list tells');

-- 401 for everything that opens nothing, with the same bytes.
SELECT is((SELECT ROW(r.status, r.headers - 'x-request-id')::text FROM pg_temp.bearer('cdc_nonsense', 'GET', '/organizations') r),
	ROW(401, '{"content-type": "application/json; charset=utf-8", "cache-control": "no-store", "www-authenticate": "Basic realm=\"cdc_pipeline\", Bearer error=\"invalid_token\""}'::jsonb)::text, '401 with WWW-Authenticate');
SELECT is((pg_temp.bearer(token, 'GET', '/nothing')).status, 401, 'token ' || coalesce(to_json(left(token, 20))::text, 'NULL')) FROM unnest(ARRAY[NULL, '', 'all ', repeat('x', 100000), (SELECT prefix FROM cdc.api_token WHERE name = 'all'), (SELECT encode(hash, 'hex') FROM cdc.api_token WHERE name = 'all')]) token;
SAVEPOINT before;
CREATE FUNCTION pg_temp.dead(token text, change text, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT is((pg_temp.bearer(token, 'GET', '/organizations')).status, 200, '(it works before)');
	EXECUTE pg_temp.fill(change);
	RETURN NEXT is((SELECT ROW(r.status, r.body)::text FROM pg_temp.bearer(token, 'GET', '/organizations') r), (SELECT ROW(r.status, r.body)::text FROM pg_temp.bearer('cdc_nonsense', 'GET', '/organizations') r), what);
END
$$;
SELECT pg_temp.dead('viewer''s', $$UPDATE cdc.api_token SET expires_at = clock_timestamp() WHERE name = 'viewer''s'$$, 'expired');
SELECT pg_temp.dead('bob''s', 'ALTER ROLE bob NOLOGIN', 'its role may not log in');
SELECT pg_temp.dead('red only', 'SELECT cdc.remove_member(''{red}'', ''mia'')', 'its role is no member of its organization any more');
SELECT is((pg_temp.bearer('all', 'GET', '/organizations')).status, 200, 'one for all organizations still opens the other');
SELECT pg_temp.dead('all', 'SELECT cdc.remove_member(''{blue}'', ''mia'')', 'until there is none');
SELECT pg_temp.make('ada', 'ada''s', '{red}') \g /dev/null
ALTER ROLE ada RENAME TO adam; CREATE ROLE ada LOGIN;
SELECT is((pg_temp.bearer('ada''s', 'GET', '/organizations')).status, 200, 'a token follows a role that is renamed, as its membership does');
SELECT is(pg_temp.run_as('adam', 'SELECT string_agg(concat(name, '' '', member), '','') FROM cdc.list_tokens() WHERE name = ''ada''''s'''), 'ada''s adam', 'whose list has the name of today');
SELECT is(pg_temp.run_as('ada', 'SELECT count(*) FROM cdc.list_tokens()'), '0', 'a new role of the old name has not that token');
DROP OWNED BY ada; DROP ROLE ada;
ALTER ROLE adam RENAME TO ada;
SAVEPOINT here;
SELECT pg_temp.dead('ada''s', 'UPDATE cdc.api_token SET system_identifier = 1', 'on another server, where the OID is somebody else''s');
ROLLBACK TO here;
DROP OWNED BY ada; DROP ROLE ada; CREATE ROLE ada LOGIN;
SELECT is((pg_temp.bearer('ada''s', 'GET', '/organizations')).status, 401, 'a role that was made again under the name does not inherit it');
ROLLBACK TO before;
SELECT cdc.remove_member((SELECT id FROM it WHERE name = 'blue'), 'mia') \g /dev/null

-- Listing and revoking: one's own; admins those of their organization.
SELECT is(pg_temp.run_as(who, 'SELECT array_agg(name ORDER BY name) FROM cdc.list_tokens()'), names, who || ' sees ' || coalesce(names, 'none'))
FROM (VALUES ('mia', '{all,"red only"}'), ('vic', '{viewer''s}'), ('ada', '{"red only",viewer''s}'), ('ann', '{"red only",viewer''s}'), ('bob', '{bob''s,"root in blue"}'), ('rex', NULL)) v(who, names);
INSERT INTO it SELECT 'token ' || name, id FROM cdc.api_token;
SELECT pg_temp.refused(who, format('SELECT cdc.revoke_token(%s)', pg_temp.id('token ' || token)), '42704', '^token .* does not exist$', who || ' cannot revoke ' || token)
FROM (VALUES ('vic', 'red only'), ('bob', 'red only'), ('ada', 'all'), ('rex', 'all')) v(who, token);
SELECT is(pg_temp.run_as(who, format('SELECT cdc.revoke_token(%s)', pg_temp.id('token ' || token))), '', who || ' revokes ' || token) FROM (VALUES ('mia', 'all'), ('mia', 'all'), ('ada', 'red only')) v(who, token);
SELECT is((pg_temp.bearer(token, 'GET', '/organizations')).status, 401, token || ' is revoked') FROM unnest('{all,"red only"}'::text[]) token;
SELECT is((SELECT count(*) FROM cdc.api_token WHERE revoked_at IS NOT NULL), 2::bigint, 'and can be seen to be');

-- Health.
SELECT is((SELECT r.status FROM cdc.health() r), 200, 'the worker''s heartbeat is young');
SELECT matches((SELECT r.body FROM cdc.health() r), '^\{"status":"ok","database":"ok","heartbeat_age_seconds":[0-9.]+\}$', 'and its age is told');
SELECT is(pg_temp.run_as('gate', 'SELECT (cdc.health()).status'), '200', 'to the gateway''s role too');

-- Metrics: every series, escaped labels, a counter that does not go back.
UPDATE cdc.pipeline_observed SET source_lag_bytes = 42, connector_state = 'RUNNING' FROM it WHERE it.name = 'red-pipe' AND pipeline_id = it.id;
UPDATE cdc.organization SET slug = E'b"l\\u\ne' WHERE slug = 'blue';
INSERT INTO cdc.pipeline_event (pipeline_id, kind, detail) SELECT id, 'failover', d::jsonb FROM it, unnest(ARRAY['{"verdict": "resume"}', '{"verdict": "resume"}', '{"verdict": "rewind"}', '{"ms": 1}', NULL]) d WHERE it.name = CASE WHEN d ~ 'rewind' THEN 'blue-pipe' ELSE 'red-pipe' END;
CREATE TEMP TABLE metric AS SELECT m FROM string_to_table(cdc.metrics(), E'\n') m;
SELECT ok(EXISTS (SELECT FROM metric WHERE m = pg_temp.fill(line)), line) FROM unnest(ARRAY['cdc_pipelines{status="Pending"} 2', 'cdc_pipelines{status="Running"} 0', 'cdc_source_lag_bytes{pipeline="{red-pipe}"} 42', 'cdc_connector_state{pipeline="{red-pipe}",state="RUNNING"} 1',
	'cdc_pipeline_info{pipeline="{red-pipe}",name="pipe",organization="red"} 1', 'cdc_pipeline_info{pipeline="{blue-pipe}",name="pipe",organization="b\"l\\u\ne"} 1', 'cdc_reconcile_rounds_total 0', 'cdc_descriptors_waiting 0', 'cdc_descriptors_waiting_seconds 0.000', 'cdc_failovers_total{verdict="resume"} 2', 'cdc_failovers_total{verdict="rewind"} 1']) line;
SELECT is((SELECT count(*) FROM metric WHERE m ~ '^cdc_failovers_total'), 2::bigint, 'and no others: an event without a verdict is no failover');
SELECT is_empty($$SELECT m FROM metric WHERE m !~ '^(# (HELP|TYPE) cdc_[a-z_]+ .+|cdc_[a-z_]+(\{[a-z]+="[^\n]*"\})? [0-9]+(\.[0-9]+)?|)$'$$, 'every line is one that Prometheus reads');
-- a token that is confined to one organization sees that one's
SELECT pg_temp.make('ada', 'metrics of red', '{red}') \g /dev/null
GRANT pg_monitor TO ada;
CREATE TEMP TABLE confined AS SELECT m FROM string_to_table((pg_temp.bearer('metrics of red', 'GET', '/metrics')).body, E'\n') m;
SELECT ok(EXISTS (SELECT FROM confined WHERE m = pg_temp.fill(line)), 'confined: ' || line) FROM unnest(ARRAY['cdc_pipelines{status="Pending"} 1', 'cdc_source_lag_bytes{pipeline="{red-pipe}"} 42', 'cdc_pipeline_info{pipeline="{red-pipe}",name="pipe",organization="red"} 1', 'cdc_failovers_total{verdict="resume"} 2']) line;
SELECT is_empty($$SELECT m FROM confined WHERE m ~ pg_temp.fill('{blue-pipe}|organization="b|rounds|descriptors|rewind')$$, 'and nothing of blue, nor of the installation');
DELETE FROM cdc.pipeline_event WHERE kind = 'failover';
SELECT is((SELECT string_agg(m, ' ' ORDER BY m) FROM string_to_table((pg_temp.bearer('metrics of red', 'GET', '/metrics')).body, E'\n') m WHERE m ~ '^cdc_failovers'), 'cdc_failovers_total{verdict="resume"} 2', 'nor when the events have expired');
SELECT matches(cdc.metrics(), E'cdc_failovers_total\\{verdict="resume"\\} 2\n', 'failovers are counted after their events have expired');
SELECT pg_temp.refused('mia', 'SELECT cdc.metrics()', '42501', 'metrics are for roles with pg_monitor', 'metrics are for pg_monitor');
\ir rest_end.inc

SELECT * FROM finish();
ROLLBACK;
