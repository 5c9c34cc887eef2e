-- cdc.set_service_secret: another value for what a service was registered with.
BEGIN;
SELECT no_plan();
\ir fixture.inc

CREATE FUNCTION pg_temp.set_secret(service text, secret text, value text) RETURNS text LANGUAGE sql AS
	$$ SELECT format('SELECT cdc.set_service_secret(%s, %L, %L)', pg_temp.id(service), secret, value) $$;
CREATE FUNCTION pg_temp.secrets(service text) RETURNS SETOF text LANGUAGE sql AS
	$$ SELECT s.purpose || ' ' || md5(s.ciphertext) FROM cdc.service_secret s WHERE s.service_id = (SELECT id FROM pg_temp.it WHERE name = service) ORDER BY 1 $$;

CREATE TEMP TABLE before AS SELECT s AS secret FROM pg_temp.secrets('red-pg') s;
DELETE FROM cdc.work;
SELECT pg_temp.refused('mia', pg_temp.set_secret('red-pg', 'admin_pasword', 's3cret-typo'), '22023', 'no such secret', 'a mistyped name');
SELECT pg_temp.refused('mia', pg_temp.set_secret('red-pg', 'connect_password', 's3cret'), '22023', 'no such secret', 'a secret of the other kind');
SELECT pg_temp.refused('mia', pg_temp.set_secret('red-pg', 'connector_password', 's3cret'), '22023', 'no such secret', 'one that connectors have');
SELECT pg_temp.refused('mia', pg_temp.set_secret('red-pg', 'admin_password', ''), '22023', 'must not be empty', 'no value');
SELECT pg_temp.refused('vic', pg_temp.set_secret('red-pg', 'admin_password', 's3cret'), '42501', '', 'a viewer may not');
SELECT pg_temp.refused('bob', pg_temp.set_secret('red-pg', 'admin_password', 's3cret'), '42704', '', 'another organization''s service is not there');
SELECT results_eq($$ SELECT pg_temp.secrets('red-pg') $$, 'SELECT secret FROM before', 'and none of these changed anything');
SELECT is_empty('SELECT FROM cdc.work', 'nor asked for anything');

SELECT pg_temp.run_as('mia', pg_temp.set_secret('red-pg', 'admin_password', 's3cret-new')) \g /dev/null
SELECT results_ne($$ SELECT pg_temp.secrets('red-pg') $$, 'SELECT secret FROM before', 'a new value is kept');
SELECT is((SELECT count(*)::int FROM pg_temp.secrets('red-pg') s WHERE s LIKE 'admin_password %'), 1, 'instead of the other one');
SELECT unalike((SELECT string_agg(encode(ciphertext, 'escape'), ' ') FROM cdc.service_secret), '%s3cret-new%', 'encrypted');
SELECT is((SELECT count(*)::int FROM cdc.work WHERE kind = 'service' AND id = (SELECT i.id FROM it i WHERE name = 'red-pg')), 1, 'and the worker is asked to take it');
SELECT pg_temp.run_as('ann', pg_temp.set_secret('red-kafka', 'connect_password', 'first')) \g /dev/null
SELECT is((SELECT count(*)::int FROM pg_temp.secrets('red-kafka') s WHERE s LIKE 'connect_password %'), 1, 'a password where there was none');

SELECT * FROM finish();
ROLLBACK;
