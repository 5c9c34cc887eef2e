-- What is left of pipelines and services that are gone goes after a time, and nothing that
-- is needed: no events, nothing that is still looked at, no service of a pipeline.
BEGIN;
SELECT no_plan();
\ir fixture.inc

CREATE FUNCTION pg_temp.pipeline(called text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO it SELECT called, pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(%L, %s, %s, tables => %L)', called, pg_temp.id('red-pg'), pg_temp.id('red-kafka'), '{' || called || '}'))::uuid
$$;
SELECT pg_temp.pipeline(n) FROM unnest('{old,old2,old3,told,young,deleting,topical}'::text[]) n \g /dev/null
SELECT pg_temp.make_service(n, 'postgresql', 'ann') FROM unnest('{gone,gone2,gone3,gone_told,gone_young,gone_used}'::text[]) n \g /dev/null
-- as the worker leaves them
UPDATE cdc.pipeline_spec p SET desired_state = 'deleted', status = 'Deleted', deleted_at = now() - interval '41 days', settled_at = CASE WHEN it.name = 'young' THEN now() - interval '39 days' WHEN it.name <> 'deleting' THEN now() - interval '41 days' END
	FROM it WHERE it.id = p.id AND it.name IN ('old', 'old2', 'old3', 'told', 'young', 'deleting', 'topical');
UPDATE cdc.service s SET status = 'deleting', deleted_at = CASE WHEN it.name = 'gone_young' THEN now() - interval '39 days' ELSE now() - interval '41 days' END FROM it WHERE it.id = s.id AND it.name LIKE 'gone%';
UPDATE cdc.pipeline_spec p SET source_service_id = s.id FROM it s, it p2 WHERE s.name = 'gone_used' AND p2.name = 'told' AND p.id = p2.id;
DELETE FROM cdc.pipeline_event;
DELETE FROM cdc.service_event;
INSERT INTO cdc.pipeline_event (pipeline_id, kind, message) SELECT id, 'user', 'the receipt' FROM it WHERE name = 'told';
INSERT INTO cdc.service_event (service_id, kind, role, message) SELECT id, 'deleted', 'ann', 'by ann' FROM it WHERE name = 'gone_told';
DELETE FROM cdc.topic t USING it WHERE it.id = t.pipeline_id AND it.name IN ('old', 'old2', 'old3', 'told', 'young', 'deleting');
INSERT INTO cdc.pipeline_standby (pipeline_id, address, port) SELECT id, 'h', 1 FROM it WHERE name = 'old';
INSERT INTO cdc.pipeline_secret (pipeline_id, purpose, key_id, ciphertext) SELECT id, 'role_password', 'k', '\x00' FROM it WHERE name = 'old' ON CONFLICT DO NOTHING;
INSERT INTO cdc.finding (organization_id, pipeline_id, check_name, concern, severity) SELECT r.id, o.id, 'made_up', 'cost', 'info' FROM it r, it o WHERE r.name = 'red' AND o.name = 'old';
CREATE FUNCTION pg_temp.there() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(it.name, ' ' ORDER BY it.name) FROM it WHERE it.id IN (SELECT id FROM cdc.pipeline_spec UNION ALL SELECT id FROM cdc.service) AND it.name !~ '^(red|blue)'
$$;
CREATE FUNCTION pg_temp.forgotten(most integer DEFAULT 1000) RETURNS bigint LANGUAGE sql AS $$ SELECT cdc_inner.forget_gone(now() - interval '40 days', most) $$;

SELECT is(pg_temp.forgotten(2), 2::bigint, 'so many at once');
SELECT is((SELECT count(*) FROM it WHERE name ~ '^(old|gone.?$)' AND id NOT IN (SELECT id FROM cdc.pipeline_spec UNION ALL SELECT id FROM cdc.service)), 4::bigint, 'of each');
SELECT is(pg_temp.forgotten(2), 1::bigint, 'then the others');
SELECT is(pg_temp.there(), 'deleting gone_told gone_used gone_young told topical young', 'what went was gone for longer, and nothing told of it');
SELECT is(pg_temp.forgotten(), 0::bigint, 'asked again, nothing goes');
SELECT is_empty($$SELECT it.name, t.what FROM it JOIN (SELECT pipeline_id AS id, 'observed' AS what FROM cdc.pipeline_observed UNION ALL SELECT pipeline_id, 'standby' FROM cdc.pipeline_standby UNION ALL SELECT pipeline_id, 'secret' FROM cdc.pipeline_secret
	UNION ALL SELECT service_id, 'node' FROM cdc.service_node UNION ALL SELECT service_id, 'secret' FROM cdc.service_secret UNION ALL SELECT coalesce(pipeline_id, service_id), 'finding' FROM cdc.finding) t USING (id) WHERE it.name ~ '^(old|gone.?$)'$$, 'with all rows of theirs');
SELECT is((SELECT count(*) FROM it JOIN cdc.pipeline_observed o ON o.pipeline_id = it.id WHERE it.name IN ('red-pipe', 'told', 'young')), 3::bigint, 'and none of others''');
SELECT is((SELECT count(*) FROM it WHERE it.name ~ '^(red|blue)-' AND it.id IN (SELECT id FROM cdc.pipeline_spec UNION ALL SELECT id FROM cdc.service)), 6::bigint, 'what is there stays');
-- when its last event has gone the pipeline goes, and then its service
DELETE FROM cdc.pipeline_event;
DELETE FROM cdc.service_event;
SELECT is(pg_temp.forgotten(), 2::bigint, 'without an event nothing tells of them');
SELECT is(pg_temp.there(), 'deleting gone_young topical young', 'a pipeline takes its service along');
DELETE FROM cdc.topic t USING it WHERE it.id = t.pipeline_id AND it.name = 'topical';
UPDATE cdc.pipeline_spec p SET settled_at = now() FROM it WHERE it.id = p.id AND it.name = 'deleting';
SELECT is(cdc_inner.forget_gone(now() - interval '38 days', 1000), 2::bigint, 'a later time, and more');
SELECT is(pg_temp.there(), 'deleting', 'but what has settled just now');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(''old'', %s, %s, tables => ''{old}'')', pg_temp.id('red-pg'), pg_temp.id('red-kafka'))) ~ '-', true, 'a name and topics of theirs are free');

SELECT * FROM finish();
ROLLBACK;
