-- What users call and read says what it is (\df+, \d+), whole and true as far as the
-- catalog tells, and docs/sql-api.md has the same words, no more and no less.
BEGIN;
SELECT no_plan();
SET client_min_messages = warning;
CREATE ROLE reader;

-- What users call: entries, and what is granted to members.
CREATE TEMP VIEW calls AS
	SELECT p.oid, p.proname::text AS name, p.prosrc, p.proargnames, p.proargmodes, pg_get_function_arguments(p.oid) AS arguments,
		has_function_privilege('reader', p.oid, 'EXECUTE') AS granted, coalesce(obj_description(p.oid, 'pg_proc'), '') AS words
	FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND (p.prosrc = 'cdc_entry' OR has_function_privilege('reader', p.oid, 'EXECUTE'));
CREATE TEMP VIEW relations AS
	SELECT c.oid, c.relname::text AS name, c.relkind, has_table_privilege('reader', c.oid, 'SELECT') AS granted, coalesce(CASE c.relkind WHEN 'c' THEN obj_description(c.reltype, 'pg_type') ELSE obj_description(c.oid, 'pg_class') END, '') AS words
	FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v', 'c');
CREATE TEMP VIEW columns AS
	SELECT r.*, a.attnum, a.attname::text AS col, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull, coalesce(col_description(r.oid, a.attnum), '') AS said
	FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE r.granted OR r.relkind <> 'v';
SELECT cmp_ok((SELECT count(*) FROM calls), '>', 40::bigint, '(there are functions)');
SELECT cmp_ok((SELECT count(*) FROM columns), '>', 250::bigint, '(and columns)');

SELECT isnt(obj_description(n::regnamespace, 'pg_namespace'), NULL, 'schema ' || n || ' says what it is') FROM unnest('{cdc,cdc_inner}'::text[]) n;

-- --- functions -----------------------------------------------------------------------------------
SELECT is_empty($$SELECT name FROM calls WHERE words !~ '^[A-Z].*\.$|^cdc\..*\.$'$$, 'every function that users call says what it does, in whole sentences');
SELECT is_empty($$SELECT name, a FROM calls, unnest(proargnames) a WHERE words !~ ('\m' || a || '\M') AND words !~ '^The rows of view cdc\.\w+'$$, 'names its arguments and the columns of its result');
SELECT is_empty($$SELECT c.name FROM calls c WHERE c.words ~ '^The rows of view' AND NOT EXISTS (SELECT FROM relations r WHERE r.relkind = 'v' AND c.words ~ ('^The rows of view cdc\.' || r.name || '\M'))$$, '(or the view that has them)');
SELECT is_empty($$SELECT name FROM calls WHERE arguments ~ 'DEFAULT NULL' AND words !~ 'NULL'$$, 'what NULL means');
SELECT is_empty($$SELECT name FROM calls WHERE words !~ '(^|\. )For (viewers|members|admins|superusers|roles with pg_monitor|anybody who is invited|who made it|the gateway)'$$, 'and who may call it');
SELECT is_empty($$SELECT c.name FROM calls c WHERE (c.words ~ '(^|\. )For (superusers|the gateway)') = c.granted$$, 'which is true: members are not granted what is for superusers or the gateway, and all else');
SELECT is_empty($$SELECT c.name FROM calls c JOIN pg_proc i ON i.pronamespace = 'cdc_inner'::regnamespace AND i.proname = c.name
	WHERE i.prosrc ~ 'require_superuser\(''cdc\.' AND c.words !~ 'For superusers\.'$$, 'and so says what asks for a superuser');
SELECT is_empty($$SELECT c.name FROM calls c JOIN pg_proc i ON i.pronamespace = 'cdc_inner'::regnamespace AND i.proname = c.name AND i.proargtypes = (SELECT proargtypes FROM pg_proc p WHERE p.oid = c.oid)
	WHERE c.prosrc = 'cdc_entry' AND obj_description(i.oid, 'pg_proc') IS DISTINCT FROM c.words$$, 'an entry has the comment of what is behind it');

-- --- relations -------------------------------------------------------------------------------------
SELECT is_empty($$SELECT name FROM relations WHERE words !~ '^[A-Z].*\.$'$$, 'every table, view and type says what it holds');
SELECT is_empty($$SELECT name FROM relations WHERE relkind <> 'c' AND words !~ ' Readers: .+\.$'$$, 'and who reads it');
SELECT is_empty($$SELECT name FROM relations WHERE relkind <> 'c' AND (words ~ 'Readers: superusers\.$') = granted$$, 'which is true');
SELECT is_empty($$SELECT name, col FROM columns WHERE said !~ '\.$'$$, 'every column says what it is');
SELECT is_empty($$SELECT name, col FROM columns WHERE relkind = 'r' AND attnotnull = (said ~ 'NULL')$$, 'and what NULL means where it may be, and only there');
SELECT is_empty($$SELECT c.name, c.col, v[1] FROM columns c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[c.attnum],
	regexp_matches(pg_get_constraintdef(k.oid), '''([^'']+)''::text', 'g') v WHERE c.said !~ ('\m' || v[1] || '\M')$$, 'every value that it may have is told');
SELECT is_empty($$SELECT name, col FROM columns WHERE col ~ '_(bytes|gb|hours)$' AND said !~ '\m(bytes|GB|hours)\M'$$, 'and its unit');

-- --- docs/sql-api.md ---------------------------------------------------------------------------------
\set docs `cat docs/sql-api.md`
CREATE TEMP TABLE docs AS SELECT line, n FROM regexp_split_to_table(:'docs', '\n') WITH ORDINALITY x(line, n);
SELECT is_empty($$SELECT DISTINCT c.name FROM calls c WHERE NOT EXISTS (SELECT FROM docs d WHERE d.line ~ ('\mcdc\.' || c.name || '\(') OR d.line ~ ('`(cdc\.)?' || c.name || '[`(]'))$$, 'docs/sql-api.md speaks of every function');
SELECT is_empty($$SELECT m[1] FROM docs d, regexp_matches(d.line, '\mcdc\.(\w+)\(', 'g') m WHERE NOT EXISTS (SELECT FROM calls c WHERE c.name = m[1])$$, 'and of no other');
SELECT is_empty($$SELECT m[1] FROM docs d, regexp_matches(d.line, '^cdc\.(\w+)\(', 'g') m JOIN calls c ON c.name = m[1] WHERE c.words = ''$$, '(each of which says what it is)');
-- below "## Columns": ### `cdc.x`, its comment, a table of its columns
CREATE TEMP TABLE told AS
	SELECT h AS name, row_number() OVER (PARTITION BY h ORDER BY n) AS nth, line FROM (
		SELECT d.n, d.line, (SELECT substring(e.line FROM '^### `cdc\.(\w+)`$') FROM docs e WHERE e.n < d.n AND e.line ~ '^##' ORDER BY e.n DESC LIMIT 1) AS h
		FROM docs d WHERE d.line ~ '\S' AND d.n > (SELECT n FROM docs WHERE line = '## Columns')) x WHERE h IS NOT NULL AND line !~ '^#';
CREATE TEMP VIEW wanted AS
	SELECT name, row_number() OVER (PARTITION BY name ORDER BY nth) AS nth, line FROM (
		SELECT r.name, -2 AS nth, r.words AS line FROM relations r WHERE r.granted OR r.name = 'rest_response'
		UNION ALL SELECT r.name, k, l FROM relations r, (VALUES (-1, '| column | type | holds |'), (0, '|---|---|---|')) t(k, l) WHERE r.granted OR r.name = 'rest_response'
		UNION ALL SELECT c.name, c.attnum, format('| `%s` | %s | %s |', c.col, c.type, c.said) FROM columns c WHERE c.granted OR c.name = 'rest_response') x
	WHERE name NOT IN ('pipeline_spec', 'pipeline_observed');
SELECT is_empty('SELECT name, nth, line FROM wanted EXCEPT SELECT name, nth, line FROM told', 'docs/sql-api.md has every relation that members read, with its columns, in the comments'' words');
SELECT is_empty('SELECT name, nth, line FROM told EXCEPT SELECT name, nth, line FROM wanted', 'and nothing else there');
SELECT diag(format(E'### `cdc.%s` in docs/sql-api.md is to be:\n%s', w.name, string_agg(w.line, E'\n' ORDER BY w.nth))) FROM wanted w
	WHERE w.name IN ((SELECT name FROM (SELECT * FROM wanted EXCEPT SELECT * FROM told) x) UNION (SELECT name FROM (SELECT * FROM told EXCEPT SELECT * FROM wanted) x)) GROUP BY w.name ORDER BY w.name;

SELECT * FROM finish();
ROLLBACK;
