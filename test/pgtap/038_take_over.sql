-- cdc.take_over() makes an epoch above all that this copy has been and has seen; cdc.adopt() and cdc.adopt_agent() ask for what the worker then does.
BEGIN;
SELECT no_plan();
\ir fixture.inc

-- the count that comes of it, on a row that is so
CREATE FUNCTION pg_temp.count_after(changes text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	UPDATE cdc.control_plane SET epoch = 0, epoch_base = 0, seen_epoch = 0;
	EXECUTE 'UPDATE cdc.control_plane SET ' || changes;
	PERFORM cdc.take_over();
	RETURN (SELECT p.epoch_base FROM cdc.control_plane p);
END
$$;
SELECT cmp_ok(abs(pg_temp.count_after('epoch = 3') - extract(epoch FROM clock_timestamp())::bigint), '<=', 60::bigint, 'never taken over: the clock''s seconds');
SELECT is(pg_temp.count_after('epoch_base = 5000000000'), 5000000001, 'above its own count');
SELECT is(pg_temp.count_after('epoch = (5000000000::bigint << 24) + 7'), 5000000001, 'above what it has acted with');
SELECT is(pg_temp.count_after('epoch = 5000000007'), 5000000008, 'be that a sum of 0.1');
SELECT is(pg_temp.count_after('seen_epoch = (5000000000::bigint << 24) + 16777215'), 5000000001, 'above the highest that it has seen');
SELECT is(pg_temp.count_after('epoch_base = 59604644773'), 59604644774, 'up to the highest that there is');
SELECT throws_ok($$SELECT pg_temp.count_after('epoch_base = 59604644774')$$, '55000', 'there is no higher epoch', 'and no further');
SELECT cmp_ok(pg_temp.count_after('epoch_base = -7, epoch = -7, seen_epoch = -7'), '>', 1700000000::bigint, 'negative ones count for nothing');

-- on another server
CREATE TEMP TABLE before AS SELECT installation_id FROM cdc.control_plane;
UPDATE cdc.control_plane SET system_identifier = 1;
SELECT lives_ok('SELECT cdc.take_over()', 'a copy takes over');
SELECT results_eq('SELECT installation_id, system_identifier FROM cdc.control_plane', 'SELECT b.installation_id, c.system_identifier::numeric FROM before b, pg_control_system() c', 'it is the same installation, on this server');

SELECT throws_ok(format('SELECT cdc.adopt(%L)', gen_random_uuid()), '42704', NULL, 'no such pipeline is adopted');
SELECT throws_ok('SELECT cdc.adopt(NULL)', '42704', NULL, 'nor none');
SELECT throws_ok(format('SELECT cdc.adopt_agent(%L, ''http://a'')', gen_random_uuid()), '42704', NULL, 'no agent of no service');
SELECT lives_ok(format('SELECT cdc.adopt(%s)', pg_temp.id('red-pipe')), 'a pipeline is adopted');
SELECT results_eq(format('SELECT adopt_asked, adopted FROM cdc.pipeline_spec WHERE id = %s', pg_temp.id('red-pipe')), 'VALUES (1, 0)', 'which the worker is asked for');
SELECT isnt_empty(format($$SELECT FROM cdc.pipeline_event WHERE pipeline_id = %s AND kind = 'user' AND message LIKE 'what has its names outside was adopted by role %%'$$, pg_temp.id('red-pipe')), 'and its story tells');

SELECT * FROM finish();
ROLLBACK;
