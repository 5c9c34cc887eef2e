-- What a caller sees of schema cdc: functions that cdc.add_member grants, that are
-- granted one by one, or that are for superusers, the relations that it may read (but the two behind the view
-- cdc.pipeline), the types between them.
-- After a change on purpose: make expected
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE ROLE regress_cdc_reader;
SELECT format(E'%s(%s)\n    returns %s%s%s', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
	CASE WHEN EXISTS (SELECT FROM pg_proc i WHERE i.pronamespace = 'cdc_inner'::regnamespace AND i.proname = p.proname AND i.proargtypes = p.proargtypes) THEN ', entry' ELSE '' END,
	CASE WHEN has_function_privilege('regress_cdc_reader', p.oid, 'EXECUTE') THEN '' ELSE ', not granted to members' END)
FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace
	AND (has_function_privilege('regress_cdc_reader', p.oid, 'EXECUTE') OR EXISTS (SELECT FROM pg_proc i WHERE i.pronamespace = 'cdc_inner'::regnamespace AND i.proname = p.proname
		AND i.proargtypes = p.proargtypes AND (i.prosrc ~ 'require_superuser' OR i.proname = 'create_organization')))
ORDER BY p.proname COLLATE "C", 1;
SELECT format(E'%s %s\n    %s', CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, c.relname,
	string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm')
	AND c.relname NOT IN ('pipeline_spec', 'pipeline_observed') AND has_table_privilege('regress_cdc_reader', c.oid, 'SELECT')
GROUP BY c.oid ORDER BY c.relname COLLATE "C";
SELECT format(E'type %s\n    %s', t.typname, (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
	FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE t.typnamespace = 'cdc'::regnamespace AND c.relkind = 'c' ORDER BY t.typname COLLATE "C";
ROLLBACK;
