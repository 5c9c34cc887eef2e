-- cdc.finding: who sees one, who acknowledges it, what check_health tells.
BEGIN;
SELECT no_plan();
\ir fixture.inc

CREATE FUNCTION pg_temp.health(who name) RETURNS text LANGUAGE sql AS
	$$ SELECT pg_temp.run_as(who, 'SELECT string_agg(concat_ws(''|'', status, error_message), E''\n'') FROM cdc.check_health()') $$;
CREATE FUNCTION pg_temp.find(of text, check_name text, concern text, past boolean, node text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO cdc.finding (organization_id, service_id, pipeline_id, node, check_name, concern, severity, observed, past)
	SELECT (SELECT id FROM pg_temp.it WHERE name = split_part(find.of, '-', 1)), CASE WHEN find.of !~ 'pipe' THEN i.id END, CASE WHEN find.of ~ 'pipe' THEN i.id END,
		find.node, find.check_name, find.concern, 'warning', 'seen so', find.past FROM pg_temp.it i WHERE i.name = find.of
$$;
CREATE FUNCTION pg_temp.acknowledge(pipeline text, check_name text) RETURNS text LANGUAGE sql AS
	$$ SELECT format('SELECT cdc.acknowledge(%s, %L)', pg_temp.id(pipeline), check_name) $$;

SELECT is(pg_temp.health('vic'), NULL, '(nothing is the matter)');
SELECT pg_temp.find('red-pg', 'weak', 'safety', false), pg_temp.find('red-pipe', 'dear', 'cost', false) \g /dev/null
SELECT is(pg_temp.health('vic'), NULL, 'what is weak or dear stops no rows');
SELECT pg_temp.find('red-pg', 'slow', 'flow', false, 'a:1') \g /dev/null
SELECT is(pg_temp.health('vic'), 'Pending|slow: a:1: seen so', 'a finding of concern flow of the source is told of its pipelines');
SELECT pg_temp.find('red-pipe', 'rows_missing', 'flow', true) \g /dev/null
SELECT is(pg_temp.health('vic'), 'Pending|rows_missing: seen so; slow: a:1: seen so', 'so is the pipeline''s own');
UPDATE cdc.pipeline_spec SET error_message = 'a fault' WHERE id = (SELECT id FROM it WHERE name = 'red-pipe');
SELECT is(pg_temp.health('vic'), 'Pending|a fault; rows_missing: seen so; slow: a:1: seen so', 'after what holds the pipeline up');
SELECT is(pg_temp.health('bob'), NULL, 'another organization is told nothing');
SELECT is(pg_temp.run_as('vic', 'SELECT count(*) FROM cdc.finding'), '4', 'a viewer reads those of her organization');
SELECT is(pg_temp.run_as('bob', 'SELECT count(*) FROM cdc.finding'), '0', 'and nobody else does');
SELECT is(pg_temp.run_as('mia', 'DELETE FROM cdc.finding'), '42501', 'nobody writes them');

SELECT pg_temp.find('red-pg', 'peer_said', 'flow', false, 'a:1') \g /dev/null
SELECT is(pg_temp.run_as(who, 'SELECT count(*) FROM cdc.finding WHERE check_name = ''peer_said'''), seen, format('what a peer said, read by %s: %s', who, seen))
	FROM (VALUES ('ann', '1'), ('ada', '1'), ('mia', '0'), ('vic', '0'), ('bob', '0')) v(who, seen);
SELECT is(pg_temp.run_as('vic', 'SELECT count(*) FROM cdc.finding'), '4', 'members read the others');
SELECT is(pg_temp.health('vic'), 'Pending|a fault; rows_missing: seen so; slow: a:1: seen so', 'and the health does not tell it');

SELECT throws_ok($$SELECT pg_temp.find('red-pg', 'slow', 'cost', false, 'a:1')$$, '23505', NULL, 'one row a matter');
SELECT lives_ok($$SELECT pg_temp.find('red-pg', 'slow', 'flow', false, 'b:1')$$, 'a node is another matter');

SELECT pg_temp.refused('vic', pg_temp.acknowledge('red-pipe', 'rows_missing'), '42501', '', 'a viewer does not acknowledge');
SELECT pg_temp.refused('bob', pg_temp.acknowledge('red-pipe', 'rows_missing'), '42704', '', 'nor does somebody else');
SELECT pg_temp.refused('mia', pg_temp.acknowledge('red-pipe', 'dear'), '55000', 'is so now', 'what is so now is not acknowledged');
SELECT pg_temp.refused('mia', pg_temp.acknowledge('red-pipe', 'none'), '42704', 'no such finding', 'nor what is not there');
SELECT pg_temp.refused('mia', pg_temp.acknowledge('red-pipe', NULL), '42704', 'no such finding', 'nor nothing');
SELECT is(pg_temp.run_as('mia', pg_temp.acknowledge('red-pipe', 'rows_missing')), '', 'what has happened is');
SELECT is((SELECT count(*) FROM cdc.finding WHERE check_name = 'rows_missing'), 0::bigint, 'its row goes');
SELECT is((SELECT message || ' ' || (detail ->> 'observed') FROM cdc.pipeline_event ORDER BY id DESC LIMIT 1), 'finding "rows_missing" acknowledged by role "mia" seen so', 'and an event says who said so, of what');

SELECT * FROM finish();
ROLLBACK;
