-- Pausing, resuming and restarting, by SQL and over REST: what is asked for, who asked,
-- and what a pipeline's events are read as.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc
\set path '/organizations/{red}/pipelines/{red-pipe}'
UPDATE cdc.pipeline_spec SET status = 'Running' WHERE id = (SELECT id FROM it WHERE name = 'red-pipe');
CREATE FUNCTION pg_temp.pipe() RETURNS cdc.pipeline_spec LANGUAGE sql AS $$ SELECT p FROM cdc.pipeline_spec p JOIN it ON it.id = p.id WHERE it.name = 'red-pipe' $$;
CREATE FUNCTION pg_temp.outcome(who name, sql text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(f.code, 'ok') FROM pg_temp.fault_as(who, sql) f $$;
CREATE FUNCTION pg_temp.told(n integer) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT x.words FROM (SELECT concat_ws(' ', e.kind, e.status_from, e.message, e.detail ->> 'request_id') AS words, e.id FROM cdc.pipeline_event e JOIN it ON it.id = e.pipeline_id WHERE it.name = 'red-pipe' ORDER BY e.id DESC LIMIT n) x ORDER BY x.id $$;

-- A pause, once, however often it is asked for.
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.pause_pipeline(%s)', pg_temp.id('red-pipe'))), 'Running', 'the status as it is now');
SELECT isnt((pg_temp.pipe()).paused_at, NULL, 'a pause is asked for');
SELECT results_eq('SELECT pg_temp.told(1)', ARRAY['user Running a pause was asked for by role "mia"'], 'and by whom is told');
SELECT isnt_empty($$SELECT FROM cdc.work w JOIN it ON it.id = w.id WHERE it.name = 'red-pipe' AND w.kind = 'pipeline'$$, 'the worker is asked to look');
CREATE TEMP TABLE first_pause AS SELECT (pg_temp.pipe()).paused_at;
SELECT pg_temp.gives('ada', 'POST', :'path' || '/pause', NULL, 202, '"status":"Running"', '{"x-request-id":"pause-2"}');
SELECT is((pg_temp.pipe()).paused_at, paused_at, 'asked again it is the same pause') FROM first_pause;
SELECT results_eq('SELECT pg_temp.told(1)', ARRAY['user Running a pause was asked for by role "mia"'], 'and no other event');

-- The limit has ended it: another one is another pause.
UPDATE cdc.pipeline_spec SET pause_ended = paused_at WHERE id = (SELECT id FROM it WHERE name = 'red-pipe');
SELECT pg_temp.gives('ada', 'POST', :'path' || '/pause', NULL, 202, '', '{"x-request-id":"pause-3"}');
SELECT isnt((pg_temp.pipe()).paused_at, paused_at, 'after its limit has ended one, the next is another') FROM first_pause;
SELECT results_eq('SELECT pg_temp.told(1)', ARRAY['user Running a pause was asked for by role "ada" pause-3'], 'with an event that has the request''s id');

SELECT pg_temp.gives('mia', 'POST', :'path' || '/restart', NULL, 409, '"code":"wrong_state".*"detail":"It is Running, and a pause was asked for."');
SELECT pg_temp.gives('mia', 'POST', :'path' || '/resume', NULL, 202, '', '{"x-request-id":"resume-1"}');
SELECT is((pg_temp.pipe()).paused_at, NULL, 'resumed');
SELECT pg_temp.gives('mia', 'POST', :'path' || '/resume', NULL, 202);
SELECT results_eq('SELECT pg_temp.told(1)', ARRAY['user Running resumed by role "mia" resume-1'], 'one event of it');
SELECT pg_temp.gives('mia', 'POST', :'path' || '/restart', NULL, 202, '', '{"x-request-id":"restart-1"}');
SELECT is((pg_temp.pipe()).restart_asked, 1, 'a restart is asked for');
SELECT results_eq('SELECT pg_temp.told(1)', ARRAY['user Running a restart was asked for by role "mia" restart-1'], 'and told');
SELECT pg_temp.gives('mia', 'POST', :'path' || '/pause', '{"x":1}', 202, '', '{}', 'a body is not read');
SELECT pg_temp.gives('mia', 'POST', :'path' || '/resume', NULL, 202);

-- Where the slot would not be kept.
INSERT INTO cdc.finding (organization_id, pipeline_id, check_name, concern, severity, observed)
	SELECT p.organization_id, p.id, 'slot_unprotected', 'safety', 'warning', 'Patroni drops it' FROM pg_temp.pipe() p;
SELECT is(pg_temp.outcome('mia', format('SELECT cdc.pause_pipeline(%s)', pg_temp.id('red-pipe'))), '55000', 'a slot that would be dropped: refused');
SELECT pg_temp.gives('mia', 'POST', :'path' || '/pause', NULL, 409, '"error":"this pipeline cannot be paused: its replication slot would be dropped meanwhile","code":"wrong_state","detail":"Patroni drops it"');
SELECT is((pg_temp.pipe()).paused_at, NULL, 'and nothing is asked for');
SELECT pg_temp.gives('mia', 'POST', :'path' || '/resume', NULL, 202);
DELETE FROM cdc.finding WHERE check_name = 'slot_unprotected';

-- By a name; each status that may not be restarted.
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.pause_pipeline(%L)', (pg_temp.pipe()).name)), 'Running', 'by its name');
SELECT pg_temp.run_as('mia', format('SELECT cdc.resume_pipeline(%L)', (pg_temp.pipe()).name)) \g /dev/null
CREATE FUNCTION pg_temp.restarted(what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE cdc.pipeline_spec SET status = what WHERE id = (SELECT id FROM it WHERE name = 'red-pipe');
	RETURN pg_temp.outcome('mia', format('SELECT cdc.restart_pipeline(%s)', pg_temp.id('red-pipe')));
END
$$;
SELECT is(pg_temp.restarted(status), gives, 'a restart of what is ' || status)
	FROM (VALUES ('Pending', '55000'), ('Provisioning', '55000'), ('Running', '00000'), ('Paused', '55000'), ('Failed', '00000'), ('Deleting', '55000')) v(status, gives);
SELECT is(pg_temp.outcome('mia', $$SELECT cdc.wait_for_pipeline('00000000-0000-4000-8000-000000000000'::uuid, 'Paused')$$), '42704', 'Paused is a status to wait for');

-- Its events: newest first, by pages, since when.
DELETE FROM cdc.pipeline_event WHERE pipeline_id = (SELECT id FROM it WHERE name = 'red-pipe');
INSERT INTO cdc.pipeline_event (pipeline_id, at, kind, message, detail) SELECT id, '2026-06-22 10:00:00Z'::timestamptz + n * interval '1 min', 'user', 'event ' || n, '{"n":1}' FROM it, generate_series(1, 5) n WHERE name = 'red-pipe' ORDER BY n;
CREATE FUNCTION pg_temp.page(query text) RETURNS jsonb LANGUAGE sql AS $$ SELECT (pg_temp.rest('vic', 'GET', '/organizations/{red}/pipelines/{red-pipe}/events' || query)).body::jsonb $$;
CREATE FUNCTION pg_temp.messages(page jsonb) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(e ->> 'message', ',' ORDER BY n) FROM jsonb_array_elements(page -> 'events') WITH ORDINALITY x(e, n) $$;
SELECT is(pg_temp.messages(pg_temp.page('')), 'event 5,event 4,event 3,event 2,event 1', 'all of them');
SELECT is(pg_temp.page('') -> 'next', NULL, 'and no more follow');
SELECT is(pg_temp.page('') -> 'events' -> 0 ->> 'at', '2026-06-22T10:05:00Z', 'times as everywhere');
SELECT is((SELECT array_agg(k) FROM json_object_keys((SELECT body::json -> 'events' -> 0 FROM seen ORDER BY n DESC LIMIT 1)) k), '{id,at,kind,rule,status_from,status_to,step,message,detail}', 'every member, in order');
SELECT is(pg_temp.messages(pg_temp.page('?limit=2')), 'event 5,event 4', 'a page');
SELECT is(pg_temp.messages(pg_temp.page('?limit=2&before=' || (pg_temp.page('?limit=2') ->> 'next'))), 'event 3,event 2', 'the next');
SELECT is(pg_temp.page('?limit=5') -> 'next', NULL, 'a page that has them all is the last');
SELECT is(pg_temp.messages(pg_temp.page('?since=2026-06-22T10:04:00Z')), 'event 5,event 4', 'since a time');
SELECT is(pg_temp.messages(pg_temp.page('?since=2026-06-22T12:04:00.5%2B02:00')), 'event 5', '... in another zone');
SELECT is(pg_temp.page('?since=2027-01-01T00:00:00Z'), '{"events":[]}', 'none is an empty list');
SELECT pg_temp.gives('vic', 'GET', :'path' || '/events?' || query, NULL, 400, '"code":"invalid_value".*"field":"' || field || '"')
FROM (VALUES ('limit=0', 'limit'), ('limit=1001', 'limit'), ('limit=x', 'limit'), ('before=x', 'before'), ('before=-1', 'before'), ('since=yesterday', 'since'), ('since=2026-13-01T00:00:00Z', 'since'), ('since=2026-06-22', 'since'), ('since=infinity', 'since')) v(query, field);

\ir rest_end.inc

SELECT * FROM finish();
ROLLBACK;
