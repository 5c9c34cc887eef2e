-- A database of 0.1, with rows in every state, is updated: what is there then is what
-- a fresh install makes; rows are as they were; whoever could call a function can.
BEGIN;
SELECT no_plan();
SET client_min_messages = warning;

-- Everything that the extension is made of, as text; of grants those of the owner and of PUBLIC.
CREATE FUNCTION pg_temp.acl(acl aclitem[], kind text, owner oid) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE 'owner' END, a.privilege_type, a.is_grantable), ', ' ORDER BY a.grantee, a.privilege_type)
		FROM aclexplode(coalesce(acl, acldefault(kind::"char", owner))) a WHERE a.grantee IN (0, owner)
$$;
CREATE FUNCTION pg_temp.made_of() RETURNS TABLE (kind text, name text, what text) LANGUAGE sql AS $$
	WITH s AS (SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('cdc', 'cdc_inner')),
		r AS (SELECT c.* FROM pg_class c JOIN s ON s.oid = c.relnamespace),
		f AS (SELECT p.* FROM pg_proc p JOIN s ON s.oid = p.pronamespace)
	SELECT 'schema', n.nspname::text, pg_temp.acl(n.nspacl, 'n', n.nspowner) FROM pg_namespace n JOIN s USING (oid)
	UNION ALL SELECT 'relation', r.oid::regclass::text, concat_ws(' | ', r.relkind, r.relpersistence, r.reloptions, r.relrowsecurity, r.relforcerowsecurity, r.relreplident,
		CASE WHEN r.relkind NOT IN ('i', 'c') THEN pg_temp.acl(r.relacl, CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END, r.relowner) END) FROM r
	UNION ALL SELECT 'column', r.oid::regclass || '.' || a.attname, concat_ws(' | ', (SELECT count(*) FROM pg_attribute b WHERE b.attrelid = r.oid AND b.attnum BETWEEN 1 AND a.attnum AND NOT b.attisdropped),
		format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attstorage, a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid))
		FROM r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
	UNION ALL SELECT 'constraint', c.conrelid::regclass || '.' || c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN s ON s.oid = c.connamespace
	UNION ALL SELECT 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN r ON r.oid = i.indexrelid
	UNION ALL SELECT 'function', f.oid::regprocedure::text, concat_ws(' | ', pg_get_function_arguments(f.oid), pg_get_function_result(f.oid), (SELECT l.lanname FROM pg_language l WHERE l.oid = f.prolang), f.prokind, f.provolatile, f.proparallel, f.proisstrict,
		f.prosecdef, f.proleakproof, f.procost, f.prorows, f.proconfig, f.probin, f.prosrc, pg_temp.acl(f.proacl, 'f', f.proowner)) FROM f
	UNION ALL SELECT 'view', r.oid::regclass::text, pg_get_viewdef(r.oid) FROM r WHERE r.relkind = 'v'
	UNION ALL SELECT 'policy', p.tablename || '.' || p.policyname, to_jsonb(p)::text FROM pg_policies p WHERE p.schemaname IN ('cdc', 'cdc_inner')
	UNION ALL SELECT 'trigger', t.tgrelid::regclass || '.' || t.tgname, concat(pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger t JOIN r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
	UNION ALL SELECT 'sequence', q.seqrelid::regclass::text, concat_ws(' | ', q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle) FROM pg_sequence q JOIN r ON r.oid = q.seqrelid
	UNION ALL SELECT 'type', t.oid::regtype::text, concat_ws(' | ', t.typtype, t.typcategory) FROM pg_type t JOIN s ON s.oid = t.typnamespace
	UNION ALL SELECT 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description FROM pg_description d
		WHERE (d.classoid = 'pg_class'::regclass AND d.objoid IN (SELECT oid FROM r)) OR (d.classoid = 'pg_proc'::regclass AND d.objoid IN (SELECT oid FROM f)) OR (d.classoid = 'pg_namespace'::regclass AND d.objoid IN (SELECT oid FROM s))
			OR (d.classoid = 'pg_type'::regclass AND d.objoid IN (SELECT reltype FROM r))
			OR (d.classoid = 'pg_extension'::regclass AND d.objoid = (SELECT oid FROM pg_extension WHERE extname = 'cdc_pipeline'))
	UNION ALL SELECT 'dumped', x.c::regclass::text, e.extcondition[x.n] FROM pg_extension e, unnest(e.extconfig) WITH ORDINALITY x(c, n) WHERE e.extname = 'cdc_pipeline'
	UNION ALL SELECT 'member', pg_describe_object(d.classid, d.objid, d.objsubid), 'of the extension' FROM pg_depend d
		WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cdc_pipeline') AND d.deptype = 'e'
	UNION ALL SELECT 'granted by the script', pg_describe_object(i.classoid, i.objoid, i.objsubid), pg_temp.acl(i.initprivs, 'f', 10) FROM pg_init_privs i
		WHERE i.objoid IN (SELECT oid FROM r UNION SELECT oid FROM f UNION SELECT oid FROM s)
$$;
-- All rows of all tables that have them, without columns that 0.1 has not.
CREATE FUNCTION pg_temp.rows() RETURNS TABLE (t text, r jsonb) LANGUAGE plpgsql AS $$
BEGIN
	FOR t IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind = 'r' ORDER BY 1 LOOP
		RETURN QUERY EXECUTE format('SELECT %L, to_jsonb(x) FROM cdc.%I x', t, t);
	END LOOP;
END
$$;
CREATE FUNCTION pg_temp.callable() RETURNS TABLE (role text, name text) LANGUAGE sql AS $$
	SELECT r.rolname::text, p.proname::text FROM pg_roles r, pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND NOT r.rolsuper AND r.oid >= 16384 AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
	UNION ALL SELECT r.rolname, 'SELECT ' || c.relname FROM pg_roles r, pg_class c WHERE c.relnamespace = 'cdc'::regnamespace AND c.relkind IN ('r', 'v') AND NOT r.rolsuper AND r.oid >= 16384 AND has_table_privilege(r.oid, c.oid, 'SELECT')
$$;

CREATE TEMP TABLE fresh AS SELECT * FROM pg_temp.made_of();
SELECT cmp_ok((SELECT count(*) FROM fresh), '>', 600::bigint, '(much is compared)');
DROP EXTENSION cdc_pipeline CASCADE;
DROP SCHEMA cdc;
CREATE EXTENSION cdc_pipeline VERSION '0.1';
\o /dev/null
\ir ../fixtures/0.1-metadata.sql
\ir ../fixtures/0.1-topics.sql
\o
SET search_path = public;
-- what users made on it
CREATE VIEW public.mine AS SELECT p.name, p.status FROM cdc.pipeline p JOIN cdc.service s ON s.id = p.source_service_id;
GRANT SELECT ON public.mine TO mia;
CREATE VIEW public.ready AS SELECT r.node, cdc.caller() AS who FROM cdc.failover_readiness r;
GRANT SELECT ON public.ready TO mia;
CREATE TEMP TABLE old_rows AS SELECT * FROM pg_temp.rows();
CREATE TEMP TABLE old_callable AS SELECT * FROM pg_temp.callable();
SELECT is((SELECT count(DISTINCT status) FROM cdc.pipeline_spec), 6::bigint, '(there are pipelines in every status)');
SELECT is((SELECT count(DISTINCT status) FROM cdc.service), 5::bigint, '(and services)');

ALTER EXTENSION cdc_pipeline UPDATE;
SELECT is((SELECT extversion FROM pg_extension WHERE extname = 'cdc_pipeline'), (SELECT default_version FROM pg_available_extensions WHERE name = 'cdc_pipeline'), 'the update ends where a fresh install begins');
SELECT results_eq($$SELECT kind, name, what FROM fresh EXCEPT SELECT * FROM pg_temp.made_of() ORDER BY 1, 2$$, $$SELECT '', '', '' WHERE false$$, 'it makes all that a fresh install makes');
SELECT results_eq($$SELECT kind, name, what FROM pg_temp.made_of() EXCEPT SELECT * FROM fresh ORDER BY 1, 2$$, $$SELECT '', '', '' WHERE false$$, 'and leaves nothing else');
SELECT diag(concat_ws(' ', side, kind, name, left(what, 200))) FROM (
	(SELECT '- fresh:', kind, name, what FROM fresh EXCEPT ALL SELECT '- fresh:', kind, name, what FROM pg_temp.made_of())
	UNION ALL (SELECT '+ updated:', kind, name, what FROM pg_temp.made_of() EXCEPT ALL SELECT '+ updated:', kind, name, what FROM fresh)) x(side, kind, name, what) ORDER BY kind, name, side LIMIT 40;

-- --- rows ------------------------------------------------------------------------------------------
SELECT results_eq($$SELECT DISTINCT o.t FROM old_rows o WHERE NOT EXISTS (SELECT FROM pg_temp.rows() n WHERE n.t = o.t AND n.r @> o.r) ORDER BY 1$$, $$SELECT '' WHERE false$$, 'every row is as it was, but for what is new in it');
SELECT results_eq($$SELECT o.t, count(*) FROM old_rows o GROUP BY 1 ORDER BY 1$$, $$SELECT n.t, count(*) FROM pg_temp.rows() n WHERE n.t IN (SELECT t FROM old_rows) GROUP BY 1 ORDER BY 1$$, 'and none was added');

SELECT is_empty('SELECT FROM cdc.pipeline_spec WHERE generation <> 1', 'pipelines keep the generation that they were made with');

-- --- members: each the role that has his name; nobody a maker; tokens as they were --------------
SELECT isnt_empty('SELECT FROM cdc.organization_member', '(there are members)');
SELECT is_empty($$SELECT * FROM cdc.organization_member m LEFT JOIN pg_roles r ON r.rolname = m.member
	WHERE m.state <> 'accepted' OR m.made OR m.role_oid IS DISTINCT FROM r.oid OR m.system_identifier IS DISTINCT FROM CASE WHEN r.oid IS NOT NULL THEN (pg_control_system()).system_identifier END$$, 'every member of 0.1 is one, by the role that has his name');
SELECT is_empty($$SELECT * FROM cdc.api_token t LEFT JOIN pg_roles r ON r.oid = t.role_oid AND r.rolname = t.member WHERE (t.system_identifier IS NULL) <> (r.oid IS NULL)$$, 'a token that opened something does');

-- --- topics that two had: both go on, the younger with a finding; nobody else gets them -----------
SELECT results_eq($$SELECT p.name, f.check_name, f.concern, f.observed FROM cdc.finding f JOIN cdc.pipeline_spec p ON p.id = f.pipeline_id WHERE f.check_name LIKE '%topic%' ORDER BY p.created_at$$,
	$$VALUES ('part-of-mall', 'topic_shared', 'flow', 'pipeline "all-of-mall" writes to topics of this one too'), ('twin-b', 'topic_shared', 'flow', 'pipeline "twin-a" writes to topics of this one too'),
		('wide', 'topic_shared', 'flow', 'pipeline "narrow" writes to topics of this one too'), ('beyond', 'tables_share_topic', 'flow', E'"public"."a__" and "public"."a\U0001F600"')$$, 'what 0.1 did not see is told');
SELECT results_eq($$SELECT p.name, t.topic COLLATE "default" FROM cdc.topic t JOIN cdc.pipeline_spec p ON p.id = t.pipeline_id WHERE t.sharer IS NOT NULL ORDER BY p.created_at, t.topic$$,
	$$VALUES ('part-of-mall', 'mall.public.public.t'), ('twin-b', '__debezium-heartbeat.twin'), ('twin-b', 'twin.public.b'), ('wide', 'wide.')$$, 'the older has a topic, the younger shares it');
SELECT results_eq($$SELECT p.name FROM cdc.pipeline_spec p WHERE p.id::text LIKE '0c0111d%' AND NOT EXISTS (SELECT FROM cdc.topic t WHERE t.pipeline_id = p.id)$$, $$VALUES ('going')$$, 'what is being deleted holds none');
CREATE FUNCTION pg_temp.made(prefix text, tables text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cdc.create_pipeline('new', o.source_service_id, o.sink_service_id, made.tables::text[], topic_prefix => prefix) FROM cdc.pipeline_spec o WHERE o.name = 'orders' AND o.deleted_at IS NULL;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
	RETURN 'made';
WHEN duplicate_object THEN
	RETURN regexp_replace(SQLERRM, '^pipeline "(.*)" on this sink writes to the same topic$', '\1');
END
$$;
SELECT is(pg_temp.made(prefix, tables), owner, format('a new one with %s %s: %s', prefix, tables, owner)) FROM (VALUES ('mall.other', '{t}', 'all-of-mall'), ('twin.public', '{}', 'twin-a'), ('twin', '{d}', 'twin-a'), ('wide.y', '{t}', 'wide'), ('wide.x', '{u}', 'wide'), ('beyond', '{x}', 'beyond'), ('alone', '{}', 'made')) v(prefix, tables, owner);
SELECT cdc.delete_pipeline(id) FROM cdc.pipeline_spec WHERE name IN ('twin-a', 'narrow') \g /dev/null
SELECT results_eq($$SELECT p.name FROM cdc.finding f JOIN cdc.pipeline_spec p ON p.id = f.pipeline_id WHERE f.check_name = 'topic_shared'$$, $$VALUES ('part-of-mall')$$, 'the younger has them when the older is deleted');
SELECT is(pg_temp.made('twin', '{d}'), 'twin-b', 'and nobody else');

-- --- who may what --------------------------------------------------------------------------------------
SELECT results_eq($$SELECT * FROM old_callable WHERE name <> 'create_organization' EXCEPT SELECT * FROM pg_temp.callable() ORDER BY 1, 2$$, $$SELECT '', '' WHERE false$$, 'who could call or read something can');
SELECT is_empty($$SELECT r.rolname, p.oid::regprocedure FROM old_callable o JOIN pg_roles r ON r.rolname = o.role JOIN pg_proc p ON p.proname = o.name AND p.pronamespace = 'cdc'::regnamespace
	WHERE o.name <> 'create_organization' AND NOT has_function_privilege(r.oid, p.oid, 'EXECUTE')$$, 'in all its forms');
SELECT results_eq($$SELECT role FROM pg_temp.callable() WHERE name = 'create_organization' ORDER BY 1$$, $$VALUES ('ann'), ('bob')$$, 'but organizations are made by those who own one');
SELECT ok(has_function_privilege('team', 'cdc.check_health()', 'EXECUTE WITH GRANT OPTION'), 'a grant option stays');
SELECT is_empty($$SELECT a.* FROM cdc_inner.grants_of('everybody') g, aclexplode(g.acl) a WHERE a.grantee <> 0 AND a.grantee <> a.grantor AND NOT a.is_grantable$$, 'what 0.1 granted to each member is everybody''s: no row of the catalog is full of members');
CREATE ROLE new_member;
SELECT is_empty($$SELECT name FROM pg_temp.callable() WHERE role = 'new_member' AND name <> 'create_organization' EXCEPT SELECT name FROM pg_temp.callable() WHERE role = 'vic'$$, 'members of 0.1 can do all that new members can');
SET ROLE mia;
SELECT is((SELECT count(*) FROM public.mine WHERE status = 'Running'), 2::bigint, 'views of users still work');
SELECT is((SELECT DISTINCT who FROM public.ready), 'mia', 'for who asks');
SELECT is((SELECT count(*) FROM cdc.list_pipelines()), (SELECT count(*) FROM cdc.pipeline), 'and so does a member');
RESET ROLE;
SET ROLE bob;
SELECT is((SELECT count(*) FROM cdc.pipeline), 0::bigint, 'nobody sees more');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
