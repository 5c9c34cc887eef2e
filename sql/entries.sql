-- entries.sql: an entry for every function of cdc_inner that users call, which are those
-- that are SECURITY DEFINER: the same name, arguments, defaults, result and comment in
-- cdc, run with the caller's own rights by the one trampoline of src/extension/entry.c.

DO $$
DECLARE
	entry record;
	path text := pg_catalog.current_setting('search_path');
BEGIN
	-- so that types are written with their schemas
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);
	FOR entry IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, obj_description(p.oid, 'pg_proc') AS words, format('CREATE OR REPLACE FUNCTION cdc.%I(%s) RETURNS %s LANGUAGE c %s %s %s COST %s %s AS ''MODULE_PATHNAME'', ''cdc_entry''',
			p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
			CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END,
			CASE p.proparallel WHEN 's' THEN 'PARALLEL SAFE' WHEN 'r' THEN 'PARALLEL RESTRICTED' ELSE 'PARALLEL UNSAFE' END,
			CASE WHEN p.proisstrict THEN 'STRICT' ELSE 'CALLED ON NULL INPUT' END, p.procost, CASE WHEN p.proretset THEN 'ROWS ' || p.prorows END) AS made
		FROM pg_proc p WHERE p.pronamespace = 'cdc_inner'::regnamespace AND p.prosecdef ORDER BY p.oid
	LOOP
		EXECUTE entry.made;
		EXECUTE format('COMMENT ON FUNCTION cdc.%I(%s) IS %L', entry.proname, entry.arguments, entry.words);
	END LOOP;
	PERFORM set_config('search_path', path, true);
END
$$;
