-- What two readers might read differently: names, topics, defaults, and what is
-- refused before anything is written.  The texts of the errors are in expected/errors.out.
BEGIN;
SELECT no_plan();
\ir fixture.inc
GRANT EXECUTE ON FUNCTION cdc_inner.normalize_table(text) TO mia;

CREATE FUNCTION pg_temp.create_as_mia(name text, rest text DEFAULT '') RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT cdc.create_pipeline(%L, %s, %s%s)', name, pg_temp.id('red-pg'), pg_temp.id('red-kafka'), CASE WHEN rest <> '' THEN ', ' || rest ELSE '' END) $$;
-- The tables that a list of names means, or the SQLSTATE.
CREATE FUNCTION pg_temp.tables_of(names text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN cdc_inner.effective_tables(names, 'p')::text;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

-- --- names of tables, as parse_ident reads them ------------------------------------------------
SELECT is(pg_temp.tables_of(ARRAY[given]), ARRAY[wanted]::text, format('%s is %s', given, wanted)) FROM (VALUES
	('orders', '"public"."orders"'), ('Orders', '"public"."orders"'), ('PUBLIC.ORDERS', '"public"."orders"'), ('"Orders"', '"public"."Orders"'),
	('sales.orders', '"sales"."orders"'), ('"Sales"."Order"', '"Sales"."Order"'), ('"a.b".c', '"a.b"."c"'), ('"a""b"', '"public"."a""b"'),
	(' public . orders ', '"public"."orders"'), ('"all (old)"', '"public"."all (old)"'), ('"*"', '"public"."*"'), ('_x$1', '"public"."_x$1"'),
	('"ünï"', '"public"."ünï"'), ('"two words"."and more"', '"two words"."and more"'), (repeat('t', 63), '"public"."' || repeat('t', 63) || '"')) v(given, wanted);
SELECT is(pg_temp.tables_of(ARRAY[given]), '22023', format('%s is refused', coalesce(quote_literal(given), 'NULL'))) FROM (VALUES
	(''), (' '), ('*'), ('public.*'), ('%'), ('a.b.c'), ('.a'), ('a.'), ('a..b'), ('orders(id)'), ('orders (id, total)'), ('orders;'), ('1st'), ('a b'), ('a,b'), ('"a'),
	('""'), ('"".a'), ('a."'), (NULL), (repeat('t', 64)), ('"' || repeat('ü', 32) || '"'), ('pg_catalog.pg_class'), ('information_schema.tables'), ('pg_toast.x')) v(given);
SELECT is(pg_temp.tables_of('{orders,public.orders,ORDERS,"\"orders\""}'), '{"\"public\".\"orders\""}', 'a table that is named in several ways counts once');
SELECT is(pg_temp.tables_of('{b,a,"\"B\"",z.a}'), '{"\"public\".\"B\"","\"public\".\"a\"","\"public\".\"b\"","\"z\".\"a\""}', 'their order does not matter');
SELECT is(pg_temp.tables_of('{}'), '{}', 'an empty list is all tables');
SELECT is(pg_temp.tables_of(NULL), '22023', 'no list is none');
SELECT is(pg_temp.tables_of('{{a,b},{c,d}}'), '22023', 'nor are rows of them');

-- --- topics: a dot and an underscore are the same to Kafka -------------------------------------
SELECT is(pg_temp.tables_of(given), '22023', format('two topics that collide in one pipeline: %s', given)) FROM (VALUES
	('{"\"a.b\"",a_b}'::text[]), ('{a.b_c,a_b.c}'), ('{"\"a-b\".c","\"a-b\".c","\"x y\"",x_y}'), ('{"\"ü\"","\"ä\""}')) v(given);
SELECT isnt(pg_temp.tables_of('{a.b,"\"a-b\"",a_b}'), '22023', 'a hyphen is none');
SELECT pg_temp.run_as('mia', pg_temp.create_as_mia('first', 'topic_prefix => ''p'', tables => ARRAY[''q."public.r"'']')) \g /dev/null
SELECT pg_temp.refused('mia', pg_temp.create_as_mia('second', 'topic_prefix => ''p.q'', tables => ''{r}'''), '42710', 'writes to the same topic', 'a topic of another live pipeline on the sink');
SELECT pg_temp.refused('mia', pg_temp.create_as_mia('second', 'topic_prefix => ''p'', tables => ''{other}'''), '42710', 'writes to the same topic', 'or its heartbeat''s');
SELECT pg_temp.refused('mia', pg_temp.create_as_mia('second', 'topic_prefix => ''p'''), '42710', 'writes to the same topic', 'which all tables have, too');
INSERT INTO it SELECT 'dot', pg_temp.run_as('mia', pg_temp.create_as_mia('dot', 'topic_prefix => ''x.y'', tables => ''{a}'''))::uuid;
SELECT pg_temp.refused('mia', pg_temp.create_as_mia('second', 'topic_prefix => ''x_y'', tables => ''{b}'''), '42710', 'writes to the same topic', 'a prefix with _ for .');
INSERT INTO it SELECT 'red-kafka-2', pg_temp.run_as('mia', 'SELECT cdc.register_service(''kafka-2'', ''kafka'', ''se-sto1'', ''{}'')')::uuid;
SELECT matches(pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(''elsewhere'', %s, %s, topic_prefix => ''x_y'')', pg_temp.id('red-pg'), pg_temp.id('red-kafka-2'))), '^[0-9a-f-]{36}$', 'another sink has topics of its own');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('dot'))), 'Deleting', 'a pipeline in Deleting');
SELECT matches(pg_temp.run_as('mia', pg_temp.create_as_mia('dot', 'topic_prefix => ''x_y'', tables => ''{b}''')), '^[0-9a-f-]{36}$', 'holds neither its topics nor its name');
SELECT is(pg_temp.run_as('mia', format('SELECT status FROM cdc.pipeline_status(%s)', pg_temp.id('dot'))), 'Deleting', 'and is still seen');
SELECT matches(pg_temp.run_as('mia', pg_temp.create_as_mia(format('long-%s', n), format('topic_prefix => %L, tables => ''{t}''', repeat(chr(96 + n), 228)))), CASE n WHEN 1 THEN '^[0-9a-f-]{36}$' END, 'a heartbeat topic of 249 characters fits') FROM generate_series(1, 1) n;
SELECT is(pg_temp.run_as('mia', pg_temp.create_as_mia('long', format('topic_prefix => %L', repeat('c', 229)))), '22023', 'one of 250 does not');
SELECT pg_temp.refused('mia', pg_temp.create_as_mia('beats', 'topic_prefix => ''__debezium-heartbeat.x'''), '22023', 'must not be that of Debezium', 'nor does the prefix of the heartbeats themselves');
SELECT is(pg_temp.run_as('mia', pg_temp.create_as_mia('long', format('topic_prefix => %L, tables => ''{%s}''', repeat('c', 220), repeat('t', 22)))), '22023', 'nor does a topic of 250');
SELECT is((pg_temp.fault_as('mia', pg_temp.create_as_mia('bad', format('topic_prefix => %L', p)))).code, '22023', format('prefix %s is refused', to_json(p))) FROM unnest(ARRAY['', '.', '..', 'a b', 'a/b', 'ü', 'a"b', E'a\nb']) p;
SELECT is((SELECT topic_prefix FROM cdc.pipeline WHERE id = (SELECT id FROM it WHERE name = 'red-pipe')), 'pipe', 'the prefix is the name when none is given');

-- --- the other arguments of create_pipeline -----------------------------------------------------
SELECT matches(pg_temp.run_as('mia', pg_temp.create_as_mia('mode-' || m, format('snapshot_mode => %L', m))), '^[0-9a-f-]{36}$', 'snapshot_mode ' || m) FROM unnest('{initial,always,initial_only,no_data,when_needed}'::text[]) m;
SELECT is((pg_temp.fault_as('mia', pg_temp.create_as_mia('mode', format('snapshot_mode => %L', m)))).code, '22023', format('snapshot_mode %L is refused', m)) FROM unnest('{Initial,INITIAL,never,schema_only,exported,recovery,configuration_based,custom,"",NULL}'::text[]) m;
SELECT is(pg_temp.run_as('mia', pg_temp.create_as_mia(n)), '22023', format('a pipeline may not be named %s', to_json(n))) FROM unnest(ARRAY['', ' ', 'a b', 'a.b', 'ü', 'a/b', E'a\nb', repeat('n', 65), NULL]) n;
SELECT matches(pg_temp.run_as('mia', pg_temp.create_as_mia(n)), '^[0-9a-f-]{36}$', format('but %L', left(n, 10))) FROM unnest(ARRAY['A_b-9', repeat('n', 64)]) n;
SELECT is((pg_temp.fault_as('mia', pg_temp.create_as_mia('bad', format('database_name => %L', d)))).code, '22023', format('database %s is refused', to_json(d))) FROM unnest(ARRAY['', NULL, E'a\nb', repeat('d', 64), '/.*']) d;
-- every printable character of ASCII, wherever it stands: what the driver's URL would read as another name is refused, all else is taken
SELECT is((SELECT string_agg(DISTINCT chr(c), '' ORDER BY chr(c)) FROM generate_series(32, 126) c, unnest('{@,a@,@b,a@b,a@@b}'::text[]) place
		WHERE (pg_temp.fault_as('mia', pg_temp.create_as_mia('url', format('database_name => %L', replace(place, '@', chr(c)))))).code = '22023'),
	(SELECT string_agg(u, '' ORDER BY u) FROM unnest('{%,+,/,?}'::text[]) u), 'four characters may not be in the name of a database');
SELECT is_empty($$SELECT c FROM unnest('{%,+,/,?}'::text[]) c, unnest('{@,a@,@b,a@b,a@@b}'::text[]) place
	WHERE (pg_temp.fault_as('mia', pg_temp.create_as_mia('url', format('database_name => %L', replace(place, '@', c))))).code <> '22023'$$, 'at no place');
SELECT is((f.message, f.hint)::text, '("database_name may not have ""+"" in it: Debezium would ask for another database","Rename the database.")', 'and it is said why')
	FROM pg_temp.fault_as('mia', pg_temp.create_as_mia('url', 'database_name => ''b+b''')) f;
SELECT is((pg_temp.fault_as('mia', pg_temp.create_as_mia('bad', format('database_name => %L', d)))).code, '22023', format('a database named %s would make Kafka Connect fetch a secret', d))
	FROM unnest(ARRAY['${dir:/secrets:mdb-pipeline-0a1b2c3d.1}', '${file:/etc/x:y}', 'a${env:PGPASSWORD}b', '$${x:y}', '${${x:y}:z}', '${']) d;
SELECT matches(pg_temp.run_as('mia', pg_temp.create_as_mia('dollar', 'database_name => ''$ {x}''')), '^[0-9a-f-]{36}$', 'a dollar sign alone does no harm');
SELECT matches(pg_temp.run_as('mia', pg_temp.create_as_mia('db', 'database_name => ''My "db"''')), '^[0-9a-f-]{36}$', 'any other name of a database is one');
SELECT is((pg_temp.fault_as('mia', pg_temp.create_as_mia('bad', 'pipeline_type => ' || coalesce(quote_literal(t), 'NULL')))).code, '22023', format('pipeline_type %L is refused', t)) FROM unnest('{CDC_PG_TO_KAFKA,mirror,NULL}'::text[]) t;
SELECT is(pg_temp.run_as('mia', pg_temp.create_as_mia('pipe', 'topic_prefix => ''n''')), '42710', 'a name that is taken');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(''a'', %s, %s)', pg_temp.id('red-pg'), pg_temp.id('red-pg'))), '22023', 'source and sink the same');
SELECT is(pg_temp.run_as('mia', 'SELECT cdc.create_pipeline(''a'', NULL, NULL)'), '42704', 'neither');
-- a source of the wrong kind is taken: it is the first of the four Failed of the product page
SELECT matches(pg_temp.run_as('mia', format('SELECT cdc.create_pipeline(''swapped'', %s, %s)', pg_temp.id('red-kafka'), pg_temp.id('red-pg'))), '^[0-9a-f-]{36}$', 'swapped services are for the worker to fail');
SELECT throws_ok(format('INSERT INTO cdc.pipeline_spec (id, organization_id, name, source_service_id, sink_service_id, database_name, topic_prefix, snapshot_mode)
	SELECT overlay(id::text PLACING ''ffff'' FROM 10)::uuid, organization_id, ''twin'', source_service_id, sink_service_id, ''d'', ''p'', ''initial'' FROM cdc.pipeline_spec WHERE id = %s', pg_temp.id('red-pipe')),
	'23505', NULL, 'the first eight digits of an id are unique');

-- --- options ---------------------------------------------------------------------------------------
SELECT is((pg_temp.fault_as('mia', pg_temp.create_as_mia('o', format('options => %L', o)))).code, '22023', 'refused: ' || o) FROM unnest(ARRAY[
	'{"on_gap": "ignore"}', '{"on_gap": true}', '{"nonsense": 1}', '{"slot.name": "x"}', '{"database.hostname": "x"}', '{"publication.name": "x"}', '{"snapshot.mode": "never"}',
	'{"heartbeat.action.query": "DROP TABLE x"}', '{"transforms": "x"}', '{"table.include.list": "x"}', '{"errors.max.retries": -1}', '{"max.batch.size": "many"}', '{"max.batch.size": 1.5}',
	'{"max.batch.size": null}', '{"tombstones.on.delete": "yes"}', '{"decimal.handling.mode": "Double"}', '{"unavailable.value.placeholder": "${file:/etc/passwd:x}"}',
	'{"unavailable.value.placeholder": "a\nb"}', '"text"', 'null', '[]', '{"no_key": "drop"}', '{"no_key": "insert_only"}',
	'{"skipped.operations": "none", "topic.creation.default.cleanup.policy": "compact"}', '{"skipped.operations": "d, u", "topic.creation.default.cleanup.policy": "delete,compact"}',
	'{"skipped.operations": "none", "topic.creation.default.partitions": 2}', '{"skipped.operations": "", "topic.creation.default.partitions": "3"}']) o;
SELECT matches(pg_temp.run_as('mia', pg_temp.create_as_mia('inserts', 'options => ''{"no_key": "insert_only"}'', tables => ''{some}''')), '^[0-9a-f-]{36}$', 'insert_only is for tables that are named');
SELECT matches(pg_temp.run_as('mia', pg_temp.create_as_mia('option-' || n, format('options => %L', o))), '^[0-9a-f-]{36}$', 'taken: ' || o) FROM unnest(ARRAY[
	'{}', '{"on_gap": "halt"}', '{"max.batch.size": 4096}', '{"max.batch.size": "4096"}', '{"tombstones.on.delete": false}', '{"decimal.handling.mode": "string"}',
	'{"topic.creation.default.partitions": 3, "topic.creation.default.replication.factor": 2}', '{"no_key": "full"}', '{"no_key": "wait"}', '{"skipped.operations": "none", "topic.creation.default.partitions": 1}',
	'{"skipped.operations": "d, T", "topic.creation.default.cleanup.policy": "compact", "topic.creation.default.partitions": 3}']) WITH ORDINALITY x(o, n);
SELECT is(pg_temp.run_as('mia', pg_temp.create_as_mia('option-null', 'options => NULL')) ~ '^[0-9a-f-]{36}$', true, 'NULL is no option');
SELECT unalike(pg_temp.fault_as('mia', pg_temp.create_as_mia('o', 'options => ''{"database.password": "hidden-value"}'''))::text, '%hidden-value%', 'the value of an option is not repeated');
SELECT is_empty($$SELECT o FROM unnest(string_to_array(cdc_inner.option_names(), ', ')) o WHERE o !~ '^[a-z._]+$' OR o ~ '(password|hostname|dbname|slot|publication\.|query|include\.list|transforms)'$$, 'no option reaches what keeps the guarantees');

-- --- services: what is kept, and what is made of it ----------------------------------------------------
CREATE FUNCTION pg_temp.registration(type text, connection text, name text DEFAULT 'service') RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT cdc.register_service(%L, %L, ''se-sto1'', %L)', name, type, connection) $$;
CREATE FUNCTION pg_temp.register(type text, connection text, name text DEFAULT 'service') RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.run_as('mia', pg_temp.registration(type, connection, name)) $$;
SELECT is((pg_temp.fault_as('mia', pg_temp.registration('postgresql', c))).code, '22023', 'refused: ' || left(c, 90)) FROM unnest(ARRAY[
	'null', '[]', '{}', '{"nodes": null, "admin_user": "u"}', '{"nodes": [1], "admin_user": "u"}', '{"nodes": ["h"], "admin_user": "u"}', '{"nodes": [{}], "admin_user": "u"}',
	'{"nodes": [{"address": ""}], "admin_user": "u"}', '{"nodes": [{"address": "::1"}], "admin_user": "u"}', '{"nodes": [{"address": "h,g"}], "admin_user": "u"}',
	'{"nodes": [{"address": "h", "port": 0}], "admin_user": "u"}', '{"nodes": [{"address": "h", "port": 65536}], "admin_user": "u"}', '{"nodes": [{"address": "h", "port": "5432"}], "admin_user": "u"}',
	'{"nodes": [{"address": "h", "port": 54.5}], "admin_user": "u"}', '{"nodes": [{"address": "h"}, {"address": "h"}], "admin_user": "u"}', '{"nodes": [{"address": "h"}]}',
	'{"nodes": [{"address": "h"}], "admin_user": ""}', '{"nodes": [{"address": "h"}], "admin_user": "u", "sslmode": "yes"}', '{"nodes": [{"address": "h"}], "admin_user": "u", "manage_hba": "no"}',
	'{"nodes": [{"address": "h"}], "admin_user": "u", "manage_role": false}', '{"nodes": [{"address": "h"}], "admin_user": "u", "manage_role": false, "connector_user": "r"}',
	'{"nodes": [{"address": "h"}], "admin_user": "u", "manage_role": false, "connector_user": "r", "connector_password": ""}', '{"nodes": [{"address": "h"}], "admin_user": "u", "connector_user": "r", "connector_password": "p"}',
	'{"nodes": [{"address": "h"}], "admin_user": "u", "manage_role": false, "connector_user": "/.*", "connector_password": "p"}',
	'{"nodes": [{"address": "h"}], "admin_user": "u", "manage_role": false, "connector_user": "${dir:/secrets:mdb-pipeline-0a1b2c3d.1}", "connector_password": "p"}',
	'{"nodes": [{"address": "h"}], "admin_user": "u", "bootstrap": "x:1"}', '{"nodes": [{"address": "h"}], "admin_user": "u", "ca": "-----BEGIN CERTIFICATE----- -----BEGIN PRIVATE KEY-----"}']) c;
SELECT is((pg_temp.fault_as('mia', pg_temp.registration('kafka', c))).code, '22023', 'refused: ' || left(c, 90)) FROM unnest(ARRAY[
	'null', '"x"', '{"connect_urls": "http://h"}', '{"connect_urls": [1]}', '{"connect_urls": ["ftp://h"]}', '{"connect_urls": ["http://h/path"]}', '{"connect_urls": ["http://u:p@h"]}',
	'{"bootstrap": "h"}', '{"bootstrap": "h:1,,g:2"}', '{"connect_cidrs": ["h"]}', '{"connect_cidrs": ["10.0.0.1/8"]}', '{"addons": ["x"]}', '{"addons": ["kafka-connect"]}',
	'{"addons": ["kafka-connect"], "connect_urls": ["http://host:8083"]}', '{"agents": [{"url": "https://h"}]}', '{"agents": [{"url": "https://h", "token": "t"}]}', '{"connect_urls": ["http://h:1", "http://h:2"], "agents": [{"url": "https://h", "token": "t"}]}', '{"agents": [{"url": "https://h", "token": ""}]}', '{"agents": [{"url": "h", "token": "t"}]}',
	'{"plaintext_connector_password": "yes"}', '{"network_id": "x"}', '{"nodes": []}']) c;
SELECT is((pg_temp.fault_as('mia', pg_temp.registration(t, '{}'))).code, '22023', format('database_type %L is refused', t)) FROM unnest('{mysql,PostgreSQL,"",NULL}'::text[]) t;
SELECT is((pg_temp.fault_as('mia', pg_temp.registration('kafka', '{}', n))).code, '22023', format('a service may not be named %L', n)) FROM unnest(ARRAY['', 'a b', 'ü', repeat('n', 65), NULL]) n;
SELECT is(pg_temp.register('kafka', '{}', 'red-pg'), '42710', 'a name that is taken');
INSERT INTO it VALUES ('port', pg_temp.register('postgresql', '{"nodes": [{"address": "h"}], "admin_user": "u"}', 'default-port')::uuid),
	('cidrs', pg_temp.register('kafka', '{"addons": ["kafka-connect"], "connect_urls": ["http://10.0.0.1:8083", "https://10.0.0.2"]}', 'cidrs')::uuid),
	('cidrs-2', pg_temp.register('kafka', '{"connect_cidrs": ["fd00::/8", "10.0.0.0/8", "10.0.0.0/8"]}', 'cidrs-2')::uuid);
SELECT is((SELECT n.port FROM cdc.service_node n JOIN it ON it.id = n.service_id WHERE it.name = 'port'), 5432, 'the port is 5432 when none is given');
SELECT is((SELECT s.connection -> 'connect_cidrs' FROM cdc.service s JOIN it USING (id) WHERE it.name = 'cidrs'),
	'["10.0.0.1/32", "10.0.0.2/32"]', 'the networks of Connect are its addresses when none are given');
SELECT is((SELECT s.connection -> 'connect_cidrs' FROM cdc.service s JOIN it USING (id) WHERE it.name = 'cidrs-2'), '["10.0.0.0/8", "fd00::/8"]', 'each once');
SELECT is_empty($$SELECT name FROM cdc.service WHERE connection::text ~ 'visible-secret|password"'$$, 'no secret stays in connection');
SELECT is_empty($$SELECT * FROM cdc.service_secret WHERE position('visible-secret'::bytea IN ciphertext) > 0$$, 'nor in clear elsewhere');
SELECT is((SELECT string_agg(purpose, ' ' ORDER BY purpose) FROM cdc.service_secret WHERE service_id = (SELECT id FROM it WHERE name = 'red-kafka')), 'agent_token/0 connect_password', 'they are kept encrypted');
SELECT isnt(a.ciphertext, b.ciphertext, 'two encryptions of one secret differ') FROM cdc_inner.encrypt('same', 'owner', 'purpose') a, cdc_inner.encrypt('same', 'owner', 'purpose') b;

-- --- which organization a call means that names none ------------------------------------------------------
SELECT is((SELECT organization_id FROM cdc.service WHERE id = (SELECT id FROM it WHERE name = 'red-kafka-2')), (SELECT id FROM it WHERE name = 'red'), 'the only one that he is in');
GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO eve;
INSERT INTO it SELECT 'e1', pg_temp.run_as('eve', 'SELECT cdc.create_organization(''Eve Inc.'')')::uuid;
INSERT INTO it SELECT 'e2', pg_temp.run_as('eve', 'SELECT cdc.create_organization(''Eve'', is_personal => true)')::uuid;
SELECT pg_temp.run_as('eve', 'SELECT cdc.register_service(''s'', ''kafka'', ''z'', ''{}'')') \g /dev/null
SELECT is((SELECT organization_id FROM cdc.service WHERE name = 's'), (SELECT id FROM it WHERE name = 'e2'), 'the personal one that he made himself before others');
SELECT is((SELECT string_agg(slug, ' ' ORDER BY slug) FROM cdc.organization WHERE name LIKE 'Eve%'), 'eve eve-inc', 'a slug is made from the name');

-- --- a new password --------------------------------------------------------------------------------------
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.rotate_password(%s)', pg_temp.id('red-pipe'))), '2', 'a new password: its number');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.rotate_password(%s)', pg_temp.id('red-pipe'))), '3', 'none was made yet, so the next one is another');
INSERT INTO cdc.pipeline_secret (pipeline_id, purpose, generation, key_id, ciphertext) SELECT id, 'role_password', 2, '', '' FROM it WHERE name = 'red-pipe';
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.rotate_password(%s)', pg_temp.id('red-pipe'))), '3', 'asked again before the worker has begun: the same');
UPDATE cdc.pipeline_secret SET generation = 3;
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.rotate_password(%s)', pg_temp.id('red-pipe'))), '4', 'after that: the next');
SELECT is((SELECT count(*)::int FROM cdc.pipeline_event WHERE pipeline_id = (SELECT id FROM it WHERE name = 'red-pipe') AND message = 'a new password was asked for by role "mia"'), 3, 'its story tells who asked');
DELETE FROM cdc.pipeline_secret;

-- --- deleting ------------------------------------------------------------------------------------------------
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('red-pipe'))), 'Deleting', 'delete says Deleting');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.rotate_password(%s)', pg_temp.id('red-pipe'))), '55000', 'no new password for what is being deleted');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('red-pipe'))), 'Deleting', 'and the same when asked again');
SELECT is((SELECT count(*)::int FROM cdc.pipeline_event WHERE pipeline_id = (SELECT id FROM it WHERE name = 'red-pipe') AND status_to = 'Deleting'), 1, 'which its story tells once');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s, true)', pg_temp.id('red-pipe'))), 'Deleting', 'force may come later');
SELECT is((SELECT force_delete FROM cdc.pipeline_spec WHERE id = (SELECT id FROM it WHERE name = 'red-pipe')), true, 'and is remembered');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('red-pipe'))), 'Deleting', 'a delete without force');
SELECT is((SELECT force_delete FROM cdc.pipeline_spec WHERE id = (SELECT id FROM it WHERE name = 'red-pipe')), true, 'does not take it back');

-- --- words ----------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.option(options text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE sql AS
	$$ SELECT * FROM pg_temp.fault_as('mia', format('SELECT cdc.create_pipeline(''words'', ''red-pg'', ''red-kafka'', tables => ''{w}'', options => %L)', options)) $$;
SELECT ok(f.message ~ 'max.batch.size.*from 1 to' AND f.hint !~ 'poll.interval.ms' AND f.detail ~ 'default' AND f.hint ~ 'cdc\.option', 'a bad value is answered with that option''s rule') FROM pg_temp.option('{"max.batch.size": 0}') f;
SELECT ok(f.hint ~ '^Did you mean "max.batch.size"\? Known options: ', 'an option that is misspelt: with the one that is like it') FROM pg_temp.option('{"max.bacth.size": 10}') f;
SELECT ok(f.hint ~ '^Known options: ', 'or with all') FROM pg_temp.option('{"database.password": "x"}') f;
SELECT ok(f.message = 'a node''s port must be a number' AND f.detail ~ '45001', 'a number in quotes') FROM pg_temp.fault_as('ann', 'SELECT cdc.update_service(''red-pg'', ''{"nodes": [{"address": "127.0.0.1", "port": "45001"}]}'')') f;
-- what is refused on purpose comes without the lines that tell where in our code; what was not foreseen has them
CREATE FUNCTION pg_temp.context(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	words text;
BEGIN
	EXECUTE sql;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS words = PG_EXCEPTION_CONTEXT;
	RETURN words;
END
$$;
SELECT unalike(pg_temp.context('SELECT cdc.get_pipeline(''nothing of this name'')'), '%cdc_inner%', 'an error says nothing of our functions');
SELECT alike(pg_temp.context(format('SELECT cdc.wait_for_pipeline(%s, timeout => ''1000000000 days'')', pg_temp.id('red-pipe'))), '%cdc_inner%', 'unless it was not foreseen');
SELECT pg_temp.run_as('mia', 'SELECT cdc.create_pipeline(''odd'', ''red-pg'', ''red-kafka'', tables => ARRAY[''"Sales"."Order"'', ''orders'', ''"a.b".c'', ''"x"".""y"''])') \g /dev/null
SELECT is((SELECT tables FROM cdc.pipeline WHERE name = 'odd'), '{"\"Sales\".\"Order\"","\"a.b\".c",public.orders,"public.\"x\"\".\"\"y\""}'::text[], 'tables as a person writes them');

SELECT * FROM finish();
ROLLBACK;
