-- Every route of the REST API with every status that it has: routes, bodies, errors.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc

-- What is read.
SELECT pg_temp.gives('mia', 'GET', '/organizations', NULL, 200, '^\{"organizations":\[\{"id":"{red}","name":"Red","slug":"red","is_personal":false,"role":"member","created_at":"[0-9T:-]+Z"\}\]\}$');
SELECT pg_temp.gives('rex', 'GET', '/organizations', NULL, 200, '^\{"organizations":\[\]\}$');
SELECT pg_temp.gives('mia', 'GET', '/organizations/{red}', NULL, 200, '^\{"id":"{red}",');
SELECT pg_temp.gives('mia', 'GET', '/organizations/{red}/pipelines', NULL, 200, '^\{"pipelines":\[\{"id":"{red-pipe}"[^[]*\["orders"\][^[]*\]\}$');
SELECT pg_temp.gives('mia', 'GET', '/organizations/{red}/pipelines/{red-pipe}', NULL, 200, '^\{"id":"{red-pipe}","organization_id":"{red}","name":"pipe"');
SELECT pg_temp.gives('mia', 'GET', '/pipelines/{red-pipe}/status', NULL, 200, '^\{"id":"{red-pipe}","status":"Pending","connector_name":null,"connector_state":null,"task_states":null,"source_lag_bytes":null,"topic_prefix":"pipe","last_health_check_at":null,"error_message":null\}$');
SELECT pg_temp.gives('mia', 'GET', '/managed-services', NULL, 200, '"id":"{red-pg}","uuid":"{red-pg}"');
SELECT pg_temp.gives('mia', 'GET', '/managed-services/{red-kafka}', NULL, 200, '"addons":\["kafka-connect"\],"addon_status":\{\}');
SELECT pg_temp.gives('mia', 'GET', '/managed-services/{red-pg}/database-users', NULL, 200, '^\{"users":\[\{"username":"postgres","roles":\["admin"\],"created_at":"[^"]+"\}\]\}$');
SELECT pg_temp.gives('mia', 'GET', '/managed-services/{red-kafka}/database-users', NULL, 200, '^\{"users":\[\]\}$');

-- A slash at the end, a query that nobody knows, HEAD, percents, an empty body.
SELECT is((pg_temp.rest('mia', 'GET', path)).body, (pg_temp.rest('mia', 'GET', path || variant)).body, path || variant || ' is the same')
FROM unnest(ARRAY['/organizations', '/organizations/{red}', '/organizations/{red}/pipelines', '/organizations/{red}/pipelines/{red-pipe}', '/pipelines/{red-pipe}/status', '/managed-services', '/managed-services/{red-pg}', '/managed-services/{red-pg}/database-users']) path,
	unnest(ARRAY['/', '?nonsense=1', '/?a=%zz']) variant;
SELECT is((pg_temp.rest('mia', 'HEAD', '/pipelines/{red-pipe}/status')).body, (pg_temp.rest('mia', 'GET', '/pipelines/{red-pipe}/status')).body, 'HEAD is GET');
SELECT pg_temp.gives('mia', 'GET', '/organi%7Aations', NULL, 200);
SELECT pg_temp.gives('mia', 'GET', '/pipelines/{red-pipe}/status', 'not looked at', 200);
SELECT pg_temp.gives('mia', 'GET', '/pipelines/{red-pipe}/status', '', 200);

-- 404 for a path, 405 with Allow, 400 for an id: in this order.
SELECT pg_temp.gives('mia', 'GET', path, NULL, 404, '"code":"unknown_path"')
FROM unnest(ARRAY['/', '//', '/nothing', '/organizations//', '//organizations', '/organizations/{red}/nothing', '/organizations/{red}/pipelines/{red-pipe}/status', '/pipelines', '/pipelines/{red-pipe}', '/pipelines/{red-pipe}/status/x', '/v1/organizations', '/Organizations', 'organizations', '/rest_fault', '/a/b/c/d/e/f/g/h/i']) path;
SELECT pg_temp.gives('mia', 'GET', '/' || repeat('x', 3000), NULL, 404, '"code":"unknown_path"', what => 'a very long path');
SELECT pg_temp.gives('mia', '', '', NULL, 404, '"code":"unknown_path"');
SELECT is((SELECT r.status || ' ' || (r.headers ->> 'allow') FROM pg_temp.rest('mia', method, path) r), '405 ' || allow, method || ' ' || path || ' is 405 with Allow')
FROM (VALUES ('PUT', '/organizations', 'GET, HEAD'), ('POST', '/organizations/{red}', 'GET, HEAD'), ('DELETE', '/organizations/{red}/pipelines', 'GET, HEAD, POST'),
	('PUT', '/organizations/{red}/pipelines/{red-pipe}', 'GET, HEAD, PATCH, DELETE'), ('POST', '/pipelines/{short}/status', 'GET, HEAD'), ('DELETE', '/managed-services/', 'GET, HEAD, POST'),
	('PUT', '/managed-services/{red-pg}', 'GET, HEAD, PATCH, DELETE'), ('POST', '/managed-services/{red-pg}/database-users', 'GET, HEAD'),
	('GET', '/managed-services/{red-pg}/database-users/postgres/reveal-password', 'POST'), ('HEAD', '/managed-services/{red-pg}/database-users/postgres/reveal-password', 'POST'), ('POST', '/metrics', 'GET, HEAD'), ('get', '/organizations', 'GET, HEAD'), ('BREW', '/organizations', 'GET, HEAD')) v(method, path, allow);
SELECT pg_temp.gives('mia', method, path, NULL, 400, '"code":"invalid_id",.*"field":"' || field || '"')
FROM (VALUES ('GET', '/organizations/{short}', 'organization_id'), ('GET', '/organizations/red', 'organization_id'), ('GET', '/organizations/{short}/pipelines', 'organization_id'), ('POST', '/organizations/{short}/pipelines', 'organization_id'),
	('GET', '/organizations/{red}/pipelines/{short}', 'pipeline_id'), ('DELETE', '/organizations/{red}/pipelines/{short}', 'pipeline_id'), ('GET', '/organizations/{short}/pipelines/{short}', 'organization_id'),
	('GET', '/pipelines/{short}/status', 'pipeline_id'), ('GET', '/managed-services/{short}', 'service_id'), ('GET', '/managed-services/presets', 'service_id'), ('PATCH', '/managed-services/{short}', 'service_id'), ('DELETE', '/managed-services/{short}', 'service_id'),
	('GET', '/managed-services/{short}/database-users', 'service_id'), ('POST', '/managed-services/{short}/database-users/x/reveal-password', 'service_id'),
	('GET', '/pipelines/00000000000040008000000000000000/status', 'pipeline_id'), ('GET', '/pipelines/%7B00000000-0000-4000-8000-00000000000%7D/status', 'pipeline_id'),
	('GET', '/pipelines/00000000-0000-4000-8000-00000000000g/status', 'pipeline_id'), ('GET', '/pipelines/00000000-0000-4000-8000-0000000000000/status', 'pipeline_id')) v(method, path, field);
SELECT pg_temp.gives('mia', 'GET', path, NULL, 400, '"code":"invalid_path"') FROM unnest(ARRAY['/pipelines/%/status', '/pipelines/%4/status', '/pipelines/%00/status', '/pipelines/%C0%80/status', '/pipelines/%FF/status', '/%zz']) path;

-- 404: what there is not, and what is another's: the same bytes.
SELECT pg_temp.gives('mia', 'GET', '/organizations/{nothing}', NULL, 404, '"code":"not_found"');
SELECT pg_temp.gives('mia', method, path, NULL, 404, '"code":"not_found"')
FROM (VALUES ('GET', '/organizations/{nothing}/pipelines'), ('POST', '/organizations/{nothing}/pipelines'), ('GET', '/organizations/{red}/pipelines/{nothing}'), ('DELETE', '/organizations/{red}/pipelines/{nothing}'), ('GET', '/pipelines/{nothing}/status'),
	('GET', '/managed-services/{nothing}'), ('PATCH', '/managed-services/{nothing}'), ('DELETE', '/managed-services/{nothing}'), ('GET', '/managed-services/{nothing}/database-users'), ('POST', '/managed-services/{nothing}/database-users/postgres/reveal-password'),
	('POST', '/managed-services/{red-pg}/database-users/nobody/reveal-password')) v(method, path);
SELECT is(ROW(a.status, a.headers - 'x-request-id', a.body), ROW(b.status, b.headers - 'x-request-id', b.body), method || ' ' || path || ' and of another organization: the same bytes')
FROM (VALUES ('GET', '/organizations/%s', 'nothing', 'blue'), ('GET', '/organizations/%s/pipelines', 'nothing', 'blue'), ('POST', '/organizations/%s/pipelines', 'nothing', 'blue'),
	('GET', '/organizations/{red}/pipelines/%s', 'nothing', 'blue-pipe'), ('DELETE', '/organizations/{red}/pipelines/%s', 'nothing', 'blue-pipe'), ('GET', '/organizations/{blue}/pipelines/%s', 'nothing', 'blue-pipe'), ('GET', '/pipelines/%s/status', 'nothing', 'blue-pipe'),
	('GET', '/managed-services/%s', 'nothing', 'blue-pg'), ('PATCH', '/managed-services/%s', 'nothing', 'blue-pg'), ('DELETE', '/managed-services/%s', 'nothing', 'blue-pg'),
	('GET', '/managed-services/%s/database-users', 'nothing', 'blue-pg'), ('POST', '/managed-services/%s/database-users/postgres/reveal-password', 'nothing', 'blue-pg')) v(method, path, missing, foreign_one),
	LATERAL pg_temp.rest('mia', method, format(path, '{' || missing || '}')) a, LATERAL pg_temp.rest('mia', method, format(path, '{' || foreign_one || '}')) b;
SELECT is((pg_temp.rest('mia', 'POST', '/organizations/{red}/pipelines', replace(body, '?', '{nothing}'))).body, (pg_temp.rest('mia', 'POST', '/organizations/{red}/pipelines', replace(body, '?', '{blue-pg}'))).body, 'so in a body')
FROM (VALUES ('{"name":"n","pipeline_type":"cdc_pg_to_kafka","source_service_id":"?","sink_service_id":"{red-kafka}"}')) v(body);

-- Bodies that are none.
SELECT pg_temp.gives('mia', method, path, body, 400, '"code":"' || code || '"')
FROM (VALUES ('POST', '/organizations/{red}/pipelines'), ('POST', '/managed-services'), ('PATCH', '/managed-services/{red-pg}')) r(method, path),
	(VALUES (NULL, 'missing_body'), ('', 'missing_body'), (E' \n\t', 'missing_body'), ('{', 'invalid_json'), ('nonsense', 'invalid_json'), ('{"a":1}{"a":1}', 'invalid_json'), ('{"a":1,}', 'invalid_json'),
		('[]', 'invalid_type'), ('null', 'invalid_type'), ('"x"', 'invalid_type'), ('1', 'invalid_type'), ('{"name":"\u0000"}', 'invalid_json'), ('{"name":"\ud800"}', 'invalid_json'), ('{"\u0000":1}', 'invalid_json'),
		('{"name":"a","name":"a"}', 'invalid_json'), ('{"storage_size_gb":1e999999}', 'invalid_json'), ('{"labels":' || repeat('[', 20000) || repeat(']', 20000) || '}', 'invalid_json'), ('{"name":1}', 'invalid_type')) b(body, code);
SELECT pg_temp.gives('mia', method, path, '{"x":"' || repeat('y', 1048576) || '"}', 413, '"code":"body_too_large"')
FROM (VALUES ('POST', '/organizations/{red}/pipelines'), ('POST', '/managed-services'), ('PATCH', '/managed-services/{red-pg}')) r(method, path);

-- Headers of an answer; the request's id.
SELECT is((SELECT r.headers FROM pg_temp.rest('mia', 'GET', '/organizations', NULL, '{"x-request-id": "my-1"}') r),
	'{"content-type": "application/json; charset=utf-8", "cache-control": "no-store", "x-request-id": "my-1"}', 'headers of an answer');
SELECT is((SELECT r.headers ->> 'x-request-id' FROM pg_temp.rest('mia', 'GET', '/nothing', NULL, '{"x-request-id": "my-2"}') r), 'my-2', 'and of an error');
SELECT matches((SELECT r.headers ->> 'x-request-id' FROM pg_temp.rest('mia', 'GET', '/organizations', NULL, jsonb_build_object('x-request-id', id)) r), '^[0-9a-f-]{36}$', 'a new id instead of ' || to_json(left(id, 20)))
FROM unnest(ARRAY['', 'a b', E'a\nb', repeat('x', 129), 'é', '"']) id;
SELECT matches((SELECT r.headers ->> 'x-request-id' FROM pg_temp.rest('mia', 'GET', '/organizations', NULL, headers) r), '^[0-9a-f-]{36}$', 'headers that are none: ' || coalesce(headers::text, 'NULL'))
FROM unnest('{NULL,"[]","{}","\"x\"","{\"x-request-id\": 1}"}'::jsonb[]) headers;

-- X-Active-Org-ID narrows; where the path names the organisation it is not looked at.
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'blue'), 'mia', 'viewer') \g /dev/null
SELECT is((SELECT array_agg(s ->> 'name' ORDER BY s ->> 'name') FROM jsonb_array_elements((pg_temp.rest('mia', 'GET', '/managed-services', NULL, headers)).body::jsonb -> 'services') s), names::text[], 'services with ' || headers::text)
FROM (VALUES ('{}'::jsonb, '{blue-kafka,blue-pg,red-kafka,red-pg}'), ('{"x-active-org-id": ""}', '{blue-kafka,blue-pg,red-kafka,red-pg}'), ('{"x-active-org-id": "blue"}', '{blue-kafka,blue-pg}'),
	((SELECT jsonb_build_object('x-active-org-id', upper(id::text)) FROM it WHERE name = 'red'), '{red-kafka,red-pg}')) v(headers, names);
SELECT pg_temp.gives('mia', 'GET', '/managed-services', NULL, 404, '"field":"X-Active-Org-ID"', '{"x-active-org-id": "green"}');
SELECT pg_temp.gives('mia', 'POST', '/managed-services', '{}', 404, '"field":"X-Active-Org-ID"', '{"x-active-org-id": "green"}');
SELECT pg_temp.gives('mia', 'GET', '/pipelines/{blue-pipe}/status', NULL, 200, '', '{"x-active-org-id": "blue"}');
SELECT pg_temp.gives('mia', 'GET', '/pipelines/{blue-pipe}/status', NULL, 404, 'no such pipeline', '{"x-active-org-id": "red"}');
SELECT pg_temp.gives('mia', 'GET', '/managed-services/{blue-pg}', NULL, 404, 'no such service', '{"x-active-org-id": "red"}');
SELECT pg_temp.gives('mia', 'GET', '/organizations/{red}/pipelines', NULL, 200, '{red-pipe}', '{"x-active-org-id": "green"}');
SELECT is((SELECT string_agg(o ->> 'slug' || ' ' || (o ->> 'is_personal'), ', ' ORDER BY o ->> 'slug') FROM jsonb_array_elements((pg_temp.rest('mia', 'GET', '/organizations', NULL, '{"x-active-org-id": "red"}')).body::jsonb -> 'organizations') o), 'blue false, red false', 'what somebody else made and calls personal is told as another');
GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO mia;
SELECT pg_temp.run_as('mia', 'SELECT cdc.create_organization(''Mia'', ''mia'', true)') \g /dev/null
UPDATE cdc.organization SET created_at = now() + interval '1 day' WHERE slug = 'mia';
SELECT pg_temp.gives('mia', 'GET', '/organizations', NULL, 200, '^\{"organizations":\[\{"id":"[^"]*","name":"Mia","slug":"mia","is_personal":true,', what => 'her own personal one is the first');
DELETE FROM cdc.organization_member m USING cdc.organization o WHERE o.id = m.organization_id AND o.slug = 'mia';
SELECT cdc.remove_member((SELECT id FROM it WHERE name = 'blue'), 'mia') \g /dev/null

-- What nobody foresaw: 500 with the request's id, nothing of the cause, and no effect.
ALTER TABLE cdc.pipeline_observed ADD CONSTRAINT broken CHECK (source_lag_bytes = 42) NOT VALID;
ALTER TABLE cdc.pipeline_observed ALTER source_lag_bytes SET DEFAULT 41;
SELECT pg_temp.gives('mia', 'POST', '/organizations/{red}/pipelines', '{"name":"broken","pipeline_type":"cdc_pg_to_kafka","source_service_id":"{red-pg}","sink_service_id":"{red-kafka}","config":{"topic_prefix":"broken"}}', 500,
	'^\{"error":"internal error","code":"internal_error","detail":"The server''s log has the details under this request id.","request_id":"my-3"\}$', '{"x-request-id": "my-3"}');
ALTER TABLE cdc.pipeline_observed DROP CONSTRAINT broken;
SELECT is_empty($$SELECT FROM cdc.pipeline_spec WHERE name = 'broken'$$, 'what had been written before the fault is gone');
SELECT set_eq('SELECT DISTINCT status FROM seen WHERE status = 500', ARRAY[500], '(one 500)');
SELECT is((SELECT count(*) FROM seen WHERE status >= 500), 1::bigint, 'no other');
\ir rest_end.inc

SELECT * FROM finish();
ROLLBACK;
