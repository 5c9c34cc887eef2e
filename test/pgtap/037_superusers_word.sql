-- What a superuser allows, and takes back: Kafka Connects that are shared, networks that are an organization's.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\set network '03000000-0000-4000-8000-0000000000ff'
UPDATE cdc.service SET network_id = :'network' WHERE id = (SELECT id FROM it WHERE name = 'red-pg');

CREATE FUNCTION pg_temp.asked(service text) RETURNS bigint LANGUAGE sql AS
	$$ SELECT count(*) FROM cdc.work w JOIN pg_temp.it i ON i.id = w.id WHERE w.kind = 'service' AND i.name = service $$;

-- A Kafka Connect: with and without the slash at its end it is the same.
SELECT cdc.share_connect('http://127.0.0.1:1/', (SELECT id FROM it WHERE name = 'red')), cdc.share_connect('http://127.0.0.1:1', (SELECT id FROM it WHERE name = 'blue')) \g /dev/null
SELECT is((SELECT count(*) FROM cdc.connect_share), 4::bigint, '(shared with two)');
DELETE FROM cdc.work;
SELECT cdc.unshare_connect('http://127.0.0.1:1', (SELECT id FROM it WHERE name = 'red')) \g /dev/null
SELECT is((SELECT count(*) FROM cdc.connect_share s JOIN it ON it.id = s.organization_id WHERE it.name = 'red'), 0::bigint, 'what was shared is not any more');
SELECT is((SELECT count(*) FROM cdc.connect_share s JOIN it ON it.id = s.organization_id WHERE it.name = 'blue'), 2::bigint, 'another''s share stays');
SELECT is((SELECT array_agg(pg_temp.asked(s) ORDER BY s) FROM unnest('{red-kafka,blue-kafka}'::text[]) s), '{0,1}'::bigint[], 'the worker is asked to look at its sinks');
SELECT is((SELECT status FROM cdc.pipeline WHERE id = (SELECT id FROM it WHERE name = 'red-pipe')), 'Pending', 'its pipelines are what they were');
SELECT lives_ok(format('SELECT cdc.unshare_connect(''http://127.0.0.1:1'', %s)', pg_temp.id('red')), 'again: it is so');

-- A network.
SELECT cdc.assign_network(:'network', id) FROM it WHERE name IN ('red', 'blue') \g /dev/null
DELETE FROM cdc.work;
SELECT cdc.unassign_network(:'network', (SELECT id FROM it WHERE name = 'red')) \g /dev/null
SELECT is((SELECT array_agg(it.name) FROM cdc.network_owner o JOIN it ON it.id = o.organization_id), '{blue}', 'a network is not the organization''s any more; another''s word stays');
SELECT is(pg_temp.asked('red-pg'), 1::bigint, 'the worker is asked to look at what is in it');
SELECT lives_ok(format('SELECT cdc.unassign_network(%L, %s)', :'network', pg_temp.id('red')), 'again: it is so');

-- Whose word it is.
SELECT is(pg_temp.run_as('ann', sql), '42501', 'an owner has not the right: ' || sql)
	FROM (VALUES (format('SELECT cdc.unshare_connect(''http://127.0.0.1:1'', %s)', pg_temp.id('blue'))), (format('SELECT cdc.unassign_network(%L, %s)', :'network', pg_temp.id('blue')))) v(sql);
GRANT EXECUTE ON FUNCTION cdc.unshare_connect(text, uuid), cdc.unassign_network(uuid, uuid), cdc.unshare_connect(text, text), cdc.unassign_network(uuid, text) TO ann;
SELECT pg_temp.refused('ann', format('SELECT cdc.unshare_connect(''http://127.0.0.1:1'', %s)', pg_temp.id('red')), '42501', 'is for superusers', 'granted or not: shares');
SELECT pg_temp.refused('ann', format('SELECT cdc.unassign_network(%L, %s)', :'network', pg_temp.id('red')), '42501', 'is for superusers', 'granted or not: networks');
SELECT pg_temp.refused(current_user, 'SELECT cdc.unshare_connect(''http://127.0.0.1:1'', gen_random_uuid())', '42704', '', 'an organization that is not there');
SELECT pg_temp.refused(current_user, format('SELECT cdc.unshare_connect(NULL, %s)', pg_temp.id('red')), '22023', 'a URL must be named', 'no URL');
SELECT pg_temp.refused(current_user, format('SELECT cdc.unassign_network(NULL, %s)', pg_temp.id('red')), '22023', 'a network must be named', 'no network');

SELECT * FROM finish();
ROLLBACK;
