-- Whose a topic is: the table of them against the rule that compares every two pipelines,
-- over random pipelines that come and go; what each error says; what 0.1 left behind.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\set VERBOSITY terse

-- The rule, as plainly as it can be said: regular expressions and every pair.
CREATE FUNCTION pg_temp.key_of(topic text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT regexp_replace(topic, '[^a-zA-Z0-9-]', '_', 'g') $$;
-- in Debezium a character is a unit of UTF-16
CREATE FUNCTION pg_temp.units(words text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT regexp_replace(words, E'[\U00010000-\U0010FFFF]', '__', 'g') $$;
CREATE FUNCTION pg_temp.topics(prefix text, tables text[]) RETURNS TABLE (topic text, whole boolean) LANGUAGE sql STABLE AS $$
	SELECT '__debezium-heartbeat.' || prefix, false
	UNION ALL SELECT regexp_replace(prefix || '.' || pg_temp.units((parse_ident(t))[1] || '.' || (parse_ident(t))[2]), '[^a-zA-Z0-9._-]', '_', 'g'), false FROM unnest(tables) t
	UNION ALL SELECT prefix || '.', true WHERE tables = '{}'
$$;
CREATE FUNCTION pg_temp.collide(a_prefix text, a_tables text[], b_prefix text, b_tables text[]) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM pg_temp.topics(a_prefix, a_tables) a, pg_temp.topics(b_prefix, b_tables) b
		WHERE (NOT a.whole AND NOT b.whole AND pg_temp.key_of(a.topic) = pg_temp.key_of(b.topic)) OR (a.whole AND starts_with(b.topic, a.topic)) OR (b.whole AND starts_with(a.topic, b.topic)))
$$;
CREATE FUNCTION pg_temp.owned() RETURNS SETOF text LANGUAGE sql STABLE AS $$
	SELECT format('%s %s %s %s %s', p.id, p.sink_service_id, k.topic, CASE WHEN k.whole THEN k.topic ELSE pg_temp.key_of(k.topic) END, k.whole) FROM cdc.pipeline_spec p, pg_temp.topics(p.topic_prefix, p.tables) k WHERE p.desired_state = 'present'
$$;

SELECT is(cdc_inner.topic_key(cdc_inner.topic_of('p.x', t)), pg_temp.key_of(pg_temp.units('p.x.' || (parse_ident(t))[1] || '.' || (parse_ident(t))[2])), 'the key of ' || t)
	FROM unnest(ARRAY['"public"."t"', '"a.b"."c_d"', '"A b"."ü€𝄞"', '"a""b"."x""c"', '"a"."b."""', '"-"."$"']) t;
SELECT is(cdc_inner.topic_of('p', '"Sales"."a b.ü"'), 'p.Sales.a_b._', 'a topic has its dots, and Debezium''s underscores');
-- for each length of UTF-8 the first and the last character, alone and among others
SELECT is(cdc_inner.topic_of('p', format('"s"."%s"', repeat(chr(c), n) || 'x')), 'p.s.' || repeat('_', n * CASE WHEN c >= 65536 THEN 2 ELSE 1 END) || 'x', format('%s times U+%s', n, to_hex(c)))
	FROM unnest(ARRAY[33, 127, 128, 2047, 2048, 55295, 57344, 65535, 65536, 128512, 1114111]) c, unnest(ARRAY[1, 2, 5]) n;
SELECT is(cdc_inner.topics_of('p', t), ARRAY(SELECT cdc_inner.topic_of('p', u) FROM unnest(t) u), 'the topics of some are those of each') FROM (VALUES ('{}'::text[]), (ARRAY['"a"."b"', '"c"."d"'])) x(t);
SELECT is(cdc_inner.topic_ranges('{a.b_..c,a.x}'), '{a.,a.b_.,a.b_..}'::text[], 'the ranges that a topic can be in, each once');
SELECT throws_ok(format('SELECT cdc_inner.topic_of(''p'', %L)', t), '22023', NULL, 'a table that is not named as it is kept: ' || t) FROM unnest(ARRAY['', 't', '"a"', 'a.b', '"a".b']) t;

-- Random pipelines of one sink, made and deleted: what is refused and what is not is what the rule says.
CREATE FUNCTION pg_temp.storm(steps integer) RETURNS TABLE (step integer, what text, given text, wanted text) LANGUAGE plpgsql AS $$
DECLARE
	prefixes text[] := '{a,b,a.b,a_b,a-b,b.a,a.b.c,a.public,_a,_}';
	names text[] := ARRAY['t', 'u', 'b.t', '"b.c".t', '"b.public".t', '"c"."d.e"', '"t""u"', '"t😀"', '"t__"', '"t_"'];
	prefix text;
	tables text[];
	kept text[];
	clash boolean;
	gone uuid;
BEGIN
	PERFORM setseed(0.42);
	FOR step IN 1 .. steps LOOP
		IF random() < 0.35 THEN
			SELECT p.id INTO gone FROM cdc.pipeline p WHERE p.desired_state = 'present' AND p.name LIKE 's-%' ORDER BY random() LIMIT 1;
			PERFORM cdc.delete_pipeline(gone) WHERE gone IS NOT NULL;
			CONTINUE;
		END IF;
		prefix := prefixes[1 + floor(random() * cardinality(prefixes))];
		tables := CASE WHEN random() < 0.25 THEN '{}' ELSE ARRAY(SELECT n FROM unnest(names) n ORDER BY random() LIMIT 1 + floor(random() * 2)) END;
		kept := ARRAY(SELECT cdc_inner.normalize_table(t) FROM unnest(tables) t);
		clash := EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.desired_state = 'present' AND p.sink_service_id = (SELECT id FROM it WHERE name = 'red-kafka')
			AND pg_temp.collide(prefix, kept, p.topic_prefix, p.tables));
		what := format('%s %s', prefix, tables);
		wanted := CASE WHEN clash THEN '42710' ELSE 'made' END;
		BEGIN
			PERFORM cdc.create_pipeline('s-' || step, (SELECT id FROM it WHERE name = 'red-pg'), (SELECT id FROM it WHERE name = 'red-kafka'), tables => tables, topic_prefix => prefix);
			given := 'made';
		EXCEPTION WHEN OTHERS THEN
			given := SQLSTATE;
		END;
		RETURN NEXT;
	END LOOP;
END
$$;
CREATE TEMP TABLE happened AS SELECT * FROM pg_temp.storm(400);
SELECT is_empty('SELECT * FROM happened WHERE given <> wanted AND NOT (given = ''22023'' AND what ~ ''\{.*,.*\}'')', 'each of them is made or refused as every pair says');
SELECT ok((SELECT count(*) FILTER (WHERE given = 'made') > 20 AND count(*) FILTER (WHERE given = '42710') > 20 FROM happened), 'and there were enough of both');
SELECT set_eq('SELECT format(''%s %s %s %s %s'', pipeline_id, sink_service_id, topic, key, whole) FROM cdc.topic', 'SELECT pg_temp.owned()', 'at the end the table has what live pipelines write, and nothing else');
SELECT cdc.delete_pipeline(p.id) FROM cdc.pipeline p WHERE p.name LIKE 's-%' \g /dev/null

-- what is said
CREATE FUNCTION pg_temp.make(name text, rest text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT cdc.create_pipeline(%L, %s, %s, %s)', name, pg_temp.id('red-pg'), pg_temp.id('red-kafka'), rest)
$$;
INSERT INTO it SELECT 'all-of-shop', pg_temp.run_as('mia', pg_temp.make('all-of-shop', 'topic_prefix => ''shop'''))::uuid;
SELECT is((f.message, f.detail)::text, '("pipeline ""all-of-shop"" on this sink writes to the same topic","That one captures all tables: every topic that begins with ""shop."" is its own.")',
	'who captures all tables has all below its prefix: ' || how) FROM (VALUES ('topic_prefix => ''shop.eu'', tables => ''{t}'''), ('topic_prefix => ''shop.eu''')) x(how),
	pg_temp.fault_as('mia', pg_temp.make('other', how)) f;
SELECT is(pg_temp.run_as('mia', pg_temp.make('beside-' || p, format('topic_prefix => %L', p))) ~ '^[0-9a-f-]{36}$', true, 'but not ' || p) FROM unnest('{shop-eu,shop_eu,shopping}'::text[]) p;
SELECT is(pg_temp.run_as('mia', pg_temp.make('named', 'topic_prefix => ''hr.eu'', tables => ''{t}''')) ~ '^[0-9a-f-]{36}$', true, '(one that names a table)');
SELECT matches(f.code || f.message || f.detail, '^42710pipeline "named" on this sink.*Topic "hr.eu.public.t": the topic_prefix of that one is "hr.eu"', 'who captures all tables may have no other''s topic below its prefix') FROM pg_temp.fault_as('mia', pg_temp.make('all', 'topic_prefix => ''hr''')) f;
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('all-of-shop'))), 'Deleting', 'one in Deleting');
SELECT is(pg_temp.run_as('mia', pg_temp.make('all-again', 'topic_prefix => ''shop''')) ~ '^[0-9a-f-]{36}$', true, 'holds none of it');
SELECT is_empty(format('SELECT FROM cdc.topic WHERE pipeline_id = %s', pg_temp.id('all-of-shop')), 'and has no row');

SELECT is((f.code, f.message)::text, '(22023,"two tables would share one topic")', 'a character beyond U+FFFF and two underscores') FROM pg_temp.fault_as('mia', pg_temp.make('emoji', 'tables => ''{"t😀","t__"}''')) f;
SELECT is(pg_temp.run_as('mia', pg_temp.make('emoji', 'tables => ''{"t😀","t_"}''')) ~ '^[0-9a-f-]{36}$', true, 'but not one');

-- what 0.1 had two of: the older keeps it, the younger runs on with a finding, and has it when the older is deleted
CREATE FUNCTION pg_temp.old(name text, prefix text, tables text[], age integer) RETURNS void LANGUAGE sql AS $$
	WITH made AS (INSERT INTO cdc.pipeline_spec (id, organization_id, name, source_service_id, sink_service_id, database_name, tables, topic_prefix, snapshot_mode, created_at)
			SELECT gen_random_uuid(), (SELECT id FROM it WHERE it.name = 'red'), old.name, (SELECT id FROM it WHERE it.name = 'red-pg'), (SELECT id FROM it WHERE it.name = 'red-kafka'), 'd', old.tables, prefix, 'initial',
				now() - make_interval(days => age) RETURNING id),
		seen AS (INSERT INTO cdc.pipeline_observed (pipeline_id) SELECT id FROM made)
		INSERT INTO it SELECT old.name, id FROM made
$$;
SELECT pg_temp.old('old-all', 'o', '{}', 10), pg_temp.old('old-named', 'o.x', '{"\"public\".\"t\""}', 5), pg_temp.old('old-other', 'free', '{"\"public\".\"t\""}', 5),
	pg_temp.old('old-emoji', 'emo', '{"\"public\".\"t__\"","\"public\".\"t😀\"","\"public\".\"u\""}', 5), pg_temp.old('old-far', 'far', '{"\"public\".\"t😀\""}', 5),
	pg_temp.old('old-near', 'far', '{"\"public\".\"t__\""}', 4) \g /dev/null
DELETE FROM cdc.topic;
SELECT cdc_inner.reserve_all_topics() \g /dev/null
SELECT set_eq('SELECT format(''%s %s %s %s %s'', pipeline_id, sink_service_id, topic, key, whole) FROM cdc.topic', 'SELECT pg_temp.owned()', 'an update writes all topics down, those that two have twice');
SELECT results_eq('SELECT i.name, f.observed FROM cdc.finding f JOIN it i ON i.id = f.pipeline_id WHERE f.check_name = ''topic_shared'' ORDER BY 1', $$VALUES ('old-named', 'pipeline "old-all" writes to topics of this one too'), ('old-near', 'pipeline "old-far" writes to topics of this one too')$$,
	'the younger of two has a finding, which names the other');
SELECT results_eq('SELECT i.name, f.observed FROM cdc.finding f JOIN it i ON i.id = f.pipeline_id WHERE f.check_name = ''tables_share_topic''', $$VALUES ('old-emoji', '"public"."t__" and "public"."t😀"')$$,
	'and one whose own tables share a topic has one as well');
SELECT matches(f.code || f.message, '^42710pipeline "old-(all|named)"', 'a third gets none of what two have') FROM pg_temp.fault_as('mia', pg_temp.make('third', 'topic_prefix => ''o.x.public'', tables => ''{t}''')) f;
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('old-all'))), 'Deleting', '(the older goes)');
SELECT is(pg_temp.run_as('mia', format('SELECT cdc.delete_pipeline(%s)', pg_temp.id('old-far'))), 'Deleting', '(another one too)');
SELECT is_empty('SELECT FROM cdc.topic WHERE sharer IS NOT NULL', 'then the younger has it alone');
SELECT is_empty('SELECT FROM cdc.finding WHERE check_name = ''topic_shared''', 'and its finding is gone');
SELECT set_eq('SELECT format(''%s %s %s %s %s'', pipeline_id, sink_service_id, topic, key, whole) FROM cdc.topic', 'SELECT pg_temp.owned()', 'as the table says');

SELECT * FROM finish();
ROLLBACK;
