-- Pipelines over REST: what a body may have, what comes back, what is left behind.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc
\set path '/organizations/{red}/pipelines'

-- A body as it is sent, with a config and other members.
CREATE FUNCTION pg_temp.body(config text DEFAULT NULL, more text DEFAULT '', name text DEFAULT 'new') RETURNS text LANGUAGE sql AS $$
	SELECT '{"name":' || to_json(name) || ',"pipeline_type":"cdc_pg_to_kafka","source_service_id":"{red-pg}","sink_service_id":"{red-kafka}"'
		|| coalesce(',"config":' || config, '') || more || '}'
$$;
-- The same with one member replaced (value NULL: without it).
CREATE FUNCTION pg_temp.body_with(member text, value text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN value IS NULL THEN (pg_temp.body()::jsonb - member)::text ELSE ((pg_temp.body()::jsonb - member) || jsonb_build_object(member, value::jsonb))::text END
$$;

-- Accepted: the object, Pending, Location, an event with the request's id, and work for the worker.
SELECT pg_temp.rest('mia', 'POST', :'path', pg_temp.body('{"topic_prefix":"first"}'), '{"x-request-id":"create-1"}') \g /dev/null
SELECT is((SELECT status || ' ' || (headers ->> 'location') FROM seen),
	(SELECT format('202 /organizations/%s/pipelines/%s', organization_id, id) FROM cdc.pipeline WHERE name = 'new'), 'accepted, and Location says where it is');
INSERT INTO it SELECT 'new', id FROM cdc.pipeline WHERE name = 'new';
SELECT is((SELECT array_agg(k) FROM json_object_keys((SELECT body::json FROM seen ORDER BY n DESC LIMIT 1)) k), ARRAY['id', 'organization_id', 'name', 'pipeline_type', 'source_service_id', 'sink_service_id', 'status', 'provision_step', 'config',
	'connector_name', 'publication_name', 'slot_name', 'topic_prefix', 'last_connector_state', 'source_lag_bytes', 'last_health_check_at', 'error_message', 'created_at', 'updated_at'], 'every member, in order');
SELECT is((SELECT body FROM seen ORDER BY n DESC LIMIT 1), (pg_temp.rest('mia', 'GET', :'path' || '/{new}')).body, 'a GET straight after gives the same bytes');
SELECT is((SELECT body::jsonb - 'id' - 'organization_id' - 'source_service_id' - 'sink_service_id' - 'created_at' - 'updated_at' FROM seen ORDER BY n DESC LIMIT 1),
	'{"name":"new","pipeline_type":"cdc_pg_to_kafka","status":"Pending","provision_step":null,"config":{"topic_prefix":"first"},"connector_name":null,"publication_name":null,"slot_name":null,"topic_prefix":"first",
	"last_connector_state":null,"source_lag_bytes":null,"last_health_check_at":null,"error_message":null}', 'Pending, with nothing seen yet');
SELECT is((SELECT body::jsonb FROM seen ORDER BY n DESC LIMIT 1), (SELECT cdc.get_pipeline(id) FROM it WHERE name = 'new'), 'which is what SQL gives');
SELECT is((SELECT ROW(kind, status_to, message, detail)::text FROM cdc.pipeline_event e JOIN it ON it.id = e.pipeline_id WHERE it.name = 'new'), ROW('user', 'Pending', 'created by role "mia"', '{"request_id": "create-1"}'::jsonb)::text, 'the event has the request''s id');
SELECT isnt_empty($$SELECT FROM cdc.work w JOIN it ON it.id = w.id WHERE it.name = 'new' AND w.kind = 'pipeline'$$, 'the worker is asked to look');

-- config comes back as it was sent, to the byte; what holds is elsewhere.
CREATE TEMP TABLE echo (n serial, config text, gives text);
INSERT INTO echo (config, gives) VALUES (NULL, '{}'), ('null', '{}'), ('{}', '{}'), ('{ }', '{}'), ('{"tables":[]}', NULL), ('{"tables":null}', NULL), ('{"tables":["b","a","b","public.a","A"]}', NULL), ('{"snapshot_mode":"no_data","database_name":"x","tables":["z"]}', NULL),
	('{"tables":["z"],"snapshot_mode":"no_data"}', NULL), ('{"options":{"max.batch.size":4096,"on_gap":"halt"},"tables":["z"]}', NULL), ('{"database_name":null,"topic_prefix":null}', NULL), ('{ "tables" : [ "z" ] }', NULL), ('{"database_name":"d\u00e9"}', NULL), ('{"options":null}', NULL);
SELECT is((SELECT body::json ->> 'config' FROM pg_temp.rest('mia', 'POST', :'path', pg_temp.body(config, name => 'echo-' || n))), coalesce(gives, config), 'config ' || coalesce(config, 'absent') || ' comes back') FROM echo ORDER BY n;
SELECT is((pg_temp.rest('mia', 'GET', :'path' || '/' || p.id)).body::json ->> 'config', coalesce(e.gives, e.config), 'and with GET') FROM echo e JOIN cdc.pipeline p ON p.name = 'echo-' || e.n ORDER BY e.n;
SELECT is((SELECT tables FROM cdc.pipeline WHERE name = 'echo-7'), '{public.a,public.b}', 'the tables that hold: normalized, once each');
SELECT is((SELECT ROW(database_name, topic_prefix, snapshot_mode, tables, options)::text FROM cdc.pipeline WHERE name = 'echo-1'), ROW('defaultdb', 'echo-1', 'initial', '{}'::text[], '{}'::jsonb)::text, 'defaults of what is absent');
SELECT is((SELECT ROW(database_name, topic_prefix, snapshot_mode, tables)::text FROM cdc.pipeline WHERE name = 'echo-11'), ROW('defaultdb', 'echo-11', 'initial', '{}'::text[])::text, 'null is absent');

-- 400: what is missing, unknown, of another type.
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with(member, NULL), 400, '"code":"missing_field","field":"' || member || '"') FROM unnest('{name,pipeline_type,source_service_id,sink_service_id}'::text[]) member;
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with(member, 'null'), 400, '"code":"missing_field","field":"' || member || '"') FROM unnest('{name,pipeline_type,source_service_id,sink_service_id}'::text[]) member;
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with(member, value), 400, '"code":"invalid_type".*"field":"' || member || '"')
FROM unnest('{name,pipeline_type,source_service_id,sink_service_id,config}'::text[]) member, unnest('{1,true,[],"[\"x\"]"}'::text[]) value;
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with('config', '"x"'), 400, '"field":"config"');
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with(member, value), 400, '"code":"invalid_id".*"field":"' || member || '"')
FROM unnest('{source_service_id,sink_service_id}'::text[]) member, unnest('{"\"\"","\"1234\"","\"00000000000040008000000000000000\"","\"00000000-0000-4000-8000-00000000000g\""}'::text[]) value;
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body(more => ',' || to_json(member) || ':1'), 400, '"code":"unknown_field"') FROM unnest('{organization_id,status,Name,tables,""}'::text[]) member;
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body('{' || to_json(member) || ':["a"]}'), 400, '"error":"unknown field \\"config.' || member || '\\"".*"hint":"Known fields: .*"field":"config.' || member || '"') FROM unnest('{table,Tables,topicPrefix,name}'::text[]) member;
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body('{"' || member || '":' || value || '}'), 400, '"code":"invalid_type".*"field":"config.' || member || '"')
FROM (VALUES ('database_name', '1'), ('tables', '"a"'), ('tables', '{}'), ('tables', '[1]'), ('tables', '[null]'), ('tables', '["a",["b"]]'), ('topic_prefix', '[]'), ('snapshot_mode', 'false'), ('options', '[]'), ('options', '"x"')) v(member, value);
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body('{"tables":["a"],"tables":["b"]}'), 400, '"code":"invalid_json".*"field":"config.tables"');

-- 422: well-formed, and not acceptable; with the field.
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with('name', to_json(value)::text), 422, '"field":"name"') FROM unnest(ARRAY['', 'a b', 'é', 'a.b', repeat('x', 65), E'a\n', 'a/b']) value;
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with('pipeline_type', '"cdc_mysql_to_kafka"'), 422, '"error":"unknown pipeline_type".*"field":"pipeline_type"');
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with('sink_service_id', '"{red-pg}"'), 422, '"field":"sink_service_id"');
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body(config), 422, '"code":"invalid_value".*"field":"config.' || field || '"')
FROM (VALUES ('{"snapshot_mode":"Initial"}', 'snapshot_mode'), ('{"snapshot_mode":""}', 'snapshot_mode'), ('{"tables":["a.b.c"]}', 'tables'), ('{"tables":[""]}', 'tables'), ('{"tables":["public.*"]}', 'tables'), ('{"tables":["pg_catalog.pg_class"]}', 'tables'),
	('{"tables":["a_b","\"a.b\""]}', 'tables'), ('{"database_name":""}', 'database_name'), ('{"topic_prefix":""}', 'topic_prefix'), ('{"topic_prefix":"a b"}', 'topic_prefix'), ('{"topic_prefix":"' || repeat('x', 240) || '"}', 'topic_prefix'),
	('{"options":{"database.password":"never-shown"}}', 'options'), ('{"options":{"max.batch.size":[]}}', 'options')) v(config, field);
SELECT is_empty($$SELECT FROM seen WHERE body ~ 'never-shown'$$, 'a secret that was sent by mistake is not repeated');

-- 404 with the field; 409.
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body_with(member, to_json(id)::text), 404, '"error":"no such service".*"field":"' || member || '"')
FROM unnest('{source_service_id,sink_service_id}'::text[]) member, unnest('{"{nothing}","{blue-pg}","{blue-kafka}"}'::text[]) id;
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body(), 409, '^\{"error":"a pipeline named \\"new\\" already exists","code":"name_conflict".*"field":"name"');
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body('{"topic_prefix":"first"}', name => 'other'), 409, '"code":"topic_conflict".*"field":"config.topic_prefix"');
SELECT is((SELECT count(*) FROM cdc.pipeline WHERE name IN ('other', 'a b')), 0::bigint, 'nothing of what was refused is there');

-- Services of the wrong kind are no error of the request.
SELECT pg_temp.gives('mia', 'POST', :'path', '{"name":"swapped","pipeline_type":"cdc_pg_to_kafka","source_service_id":"{red-kafka}","sink_service_id":"{red-pg}"}', 202, '"status":"Pending"');

-- What the worker has seen is in both objects.
UPDATE cdc.pipeline_spec p SET status = 'Running', provision_step = 'create_connector', error_message = E'line\n"two"', connector_name = 'c', publication_name = 'p', slot_name = 's', created_at = '2026-06-22 12:00:00.987654+02' FROM it WHERE it.name = 'new' AND p.id = it.id;
UPDATE cdc.pipeline_observed o SET connector_state = 'RUNNING', task_states = '[{"id":0,"state":"RUNNING"}]', source_lag_bytes = 9007199254740993, last_health_check_at = '2026-06-22 10:04:12.5+00' FROM it WHERE it.name = 'new' AND o.pipeline_id = it.id;
SELECT pg_temp.gives('mia', 'GET', '/pipelines/{new}/status', NULL, 200, '^\{"id":"{new}","status":"Running","connector_name":"c","connector_state":"RUNNING","task_states":\[\{"id": ?0, ?"state": ?"RUNNING"\}\],"source_lag_bytes":9007199254740993,"topic_prefix":"first","last_health_check_at":"2026-06-22T10:04:12Z","error_message":"line\\n\\"two\\""\}$');
SELECT pg_temp.gives('mia', 'GET', :'path' || '/{new}', NULL, 200, '"provision_step":"create_connector".*"connector_name":"c","publication_name":"p","slot_name":"s".*"last_connector_state":"RUNNING","source_lag_bytes":9007199254740993,.*"created_at":"2026-06-22T10:00:00Z"');
SELECT is((SELECT jsonb_agg(p -> 'created_at') FROM jsonb_array_elements((pg_temp.rest('mia', 'GET', :'path')).body::jsonb -> 'pipelines') p WHERE p ->> 'name' = 'new'), '["2026-06-22T10:00:00Z"]', 'and in the list');
SELECT is((SELECT array_agg(p ->> 'id') FROM jsonb_array_elements((pg_temp.rest('mia', 'GET', :'path')).body::jsonb -> 'pipelines') p), (SELECT array_agg(p.id::text ORDER BY p.created_at, p.id) FROM cdc.pipeline p JOIN it ON it.id = p.organization_id WHERE it.name = 'red'), 'a list is in order of created_at, id');

-- DELETE: 202 with the object, again while Deleting; its name is free; afterwards 404.
SELECT pg_temp.gives('mia', 'DELETE', :'path' || '/{new}', NULL, 202, '^\{"id":"{new}".*"status":"Deleting"', '{"x-request-id":"delete-1"}');
SELECT pg_temp.gives('mia', 'DELETE', :'path' || '/{new}', NULL, 202, '"status":"Deleting"', what => 'again while it is Deleting');
SELECT is((SELECT array_agg(e.detail ->> 'request_id' ORDER BY e.id) FROM cdc.pipeline_event e JOIN it ON it.id = e.pipeline_id WHERE it.name = 'new'), '{create-1,delete-1}', 'one event of the delete');
SELECT pg_temp.gives('mia', 'POST', :'path', pg_temp.body('{"topic_prefix":"first"}'), 202, '"name":"new"', what => 'a replace: the same name and topics at once');
SELECT is((SELECT count(*) FROM jsonb_array_elements((pg_temp.rest('mia', 'GET', :'path')).body::jsonb -> 'pipelines') p WHERE p ->> 'name' = 'new'), 2::bigint, 'the list has what is being deleted too');
SELECT ok(NOT force_delete, 'not by force') FROM cdc.pipeline_spec p JOIN it ON it.id = p.id WHERE it.name = 'new';
SELECT pg_temp.gives('mia', 'DELETE', :'path' || '/{new}?x=y&force=maybe', NULL, 400, '"field":"force"');
SELECT pg_temp.gives('mia', 'DELETE', :'path' || '/{new}?x=y&force=%66alse', NULL, 202);
SELECT ok(NOT force_delete, 'force=false is not by force') FROM cdc.pipeline_spec p JOIN it ON it.id = p.id WHERE it.name = 'new';
SELECT pg_temp.gives('mia', 'DELETE', :'path' || '/{new}?x=y&force=true', NULL, 202);
SELECT ok(force_delete, 'by force') FROM cdc.pipeline_spec p JOIN it ON it.id = p.id WHERE it.name = 'new';
UPDATE cdc.pipeline_spec p SET status = 'Deleted', deleted_at = now() FROM it WHERE it.name = 'new' AND p.id = it.id;
SELECT pg_temp.gives('mia', method, path, NULL, 404, '"error":"no such pipeline"')
FROM (VALUES ('GET', '/organizations/{red}/pipelines/{new}'), ('DELETE', '/organizations/{red}/pipelines/{new}'), ('GET', '/pipelines/{new}/status')) v(method, path);
\ir rest_end.inc

SELECT * FROM finish();
ROLLBACK;
