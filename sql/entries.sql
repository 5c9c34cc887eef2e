-- entries.sql: an entry for every function of cdc_inner that users call, which are those
-- that are SECURITY DEFINER: the same name, arguments, defaults, result and comment in
-- cdc, run with the caller's own rights by the one trampoline of src/extension/entry.c.

DO $$
DECLARE
	made record;
	entry record;
	path text := pg_catalog.current_setting('search_path');
BEGIN
	-- so that types are written with their schemas
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);

	-- Before them their overloads: where the id of an organization, service or pipeline is
	-- taken, a text takes an id or a name (cdc_inner.meant()), in each mixture of the two, so
	-- that f('name', id) is found too.  What is meant is known by the argument's name.  Not
	-- where the argument has a default: calls that leave it out would be ambiguous.
	FOR made IN WITH argument AS (
			SELECT p.oid, a.n, a.name, a.type, p.pronargs - p.pronargdefaults AS compulsory, pg_get_function_arg_default(p.oid, a.n::int4) AS otherwise,
				CASE WHEN a.type <> 'uuid'::regtype OR a.n > p.pronargs - p.pronargdefaults OR p.proname ~ '_(token|alert)$' THEN NULL
					WHEN a.name = 'organization' THEN CASE p.proname WHEN 'accept_membership' THEN 'invitation' WHEN 'leave_organization' THEN 'membership' ELSE 'organization' END
					WHEN a.name IN ('service', 'source', 'sink') OR (a.name = 'id' AND p.proname ~ 'service') THEN 'service'
					WHEN a.name IN ('pipeline', 'id') THEN CASE WHEN p.proname IN ('wait_for_pipeline', 'adopt') THEN 'pipeline, deleted too' ELSE 'pipeline' END END AS kind
			FROM pg_proc p, unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) WITH ORDINALITY a(name, type, n) WHERE p.pronamespace = 'cdc_inner'::regnamespace AND p.prosecdef AND obj_description(p.oid, 'pg_proc') NOT LIKE 'By an id or a name: %'),
		taken AS (SELECT a.*, count(a.kind) OVER (PARTITION BY a.oid ORDER BY a.n) AS nth, count(a.kind) OVER (PARTITION BY a.oid) AS k FROM argument a),
		-- each set of them that is not empty, as bits
		chosen AS (SELECT t.oid, x.bits, t.n, t.name, t.otherwise, format_type(t.type, NULL) AS type, CASE WHEN x.bits & (1 << (t.nth - 1)::int4) <> 0 THEN t.kind END AS kind
			FROM taken t, generate_series(1, (1 << t.k::int4) - 1) x(bits))
		SELECT p.proname, string_agg(format('%I %s', c.name, CASE WHEN c.kind IS NULL THEN c.type ELSE 'text' END), ', ' ORDER BY c.n) AS arguments,
			'By an id or a name: ' || obj_description(p.oid, 'pg_proc') AS words,
			format('CREATE OR REPLACE FUNCTION cdc_inner.%I(%s) RETURNS %s LANGUAGE %s %s %s SECURITY DEFINER SET search_path = pg_catalog, pg_temp COST %s %s AS %L', p.proname,
				string_agg(format('%I %s', c.name, CASE WHEN c.kind IS NULL THEN c.type ELSE 'text' END) || coalesce(' DEFAULT ' || c.otherwise, ''), ', ' ORDER BY c.n), pg_get_function_result(p.oid),
				-- void of SQL is null
				CASE p.prorettype WHEN 'void'::regtype THEN 'plpgsql' ELSE 'sql' END, CASE p.provolatile WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END, CASE p.proparallel WHEN 'r' THEN 'PARALLEL RESTRICTED' ELSE 'PARALLEL UNSAFE' END,
				p.procost, CASE WHEN p.proretset THEN 'ROWS ' || p.prorows END,
				format(CASE p.prorettype WHEN 'void'::regtype THEN 'BEGIN PERFORM %s cdc_inner.%I(%s); END' ELSE 'SELECT %s cdc_inner.%I(%s)' END, CASE WHEN p.proretset THEN '* FROM' END, p.proname,
					string_agg(CASE WHEN c.kind IS NULL THEN '$' || c.n ELSE format('cdc_inner.meant(%L, $%s)', c.kind, c.n) END, ', ' ORDER BY c.n))) AS statement
		FROM chosen c JOIN pg_proc p USING (oid) GROUP BY p.oid, c.bits ORDER BY p.oid, c.bits
	LOOP
		EXECUTE made.statement;
		EXECUTE format('COMMENT ON FUNCTION cdc_inner.%I(%s) IS %L', made.proname, made.arguments, made.words);
	END LOOP;

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
