-- Thousands of roles are members: what they may call and read is in no row of the catalog that
-- would have to hold them all.
BEGIN;
SELECT no_plan();
SET client_min_messages = warning;
SELECT cdc.create_organization('Crowd ' || n, 'crowd-' || n) FROM generate_series(1, 32) n \g /dev/null
DO $$
BEGIN
	FOR n IN 1 .. 3200 LOOP
		EXECUTE format('CREATE ROLE crowd%s', n);
	END LOOP;
END
$$;
SELECT lives_ok(format($$SELECT cdc.add_member((SELECT id FROM cdc.organization WHERE slug = 'crowd-%s'), 'crowd' || n, 'viewer') FROM generate_series(%s, %s) n$$, part, part * 100 - 99, part * 100), '100 more roles become members: ' || part * 100)
FROM generate_series(1, 32) part;
SELECT is((SELECT count(DISTINCT member) FROM cdc.organization_member WHERE member ~ '^crowd'), 3200::bigint, 'all of them are');
SELECT is_empty($$SELECT x.oid, a.grantee::regrole FROM (SELECT oid, relacl FROM pg_class UNION ALL SELECT oid, proacl FROM pg_proc UNION ALL SELECT oid, nspacl FROM pg_namespace) x(oid, acl), aclexplode(x.acl) a
	JOIN cdc.organization_member m ON m.role_oid = a.grantee WHERE m.member ~ '^crowd'$$, 'no row of the catalog got larger by them: pg_class has no room for thousands');
CREATE FUNCTION pg_temp.seen(who name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	SELECT string_agg(o.slug, ',') || ' ' || (SELECT count(*) FROM cdc.list_pipelines()) || (SELECT (cdc.rest('GET', '/organizations')).status) INTO result FROM cdc.organization o;
	RESET ROLE;
	RETURN result;
END
$$;
SELECT is(pg_temp.seen('crowd' || n), format('crowd-%s 0200', (n + 99) / 100), 'the ' || n || 'th reads and calls') FROM unnest('{1,2000,3200}'::int[]) n;
CREATE ROLE alone NOINHERIT;
SELECT cdc.add_member((SELECT id FROM cdc.organization WHERE slug = 'crowd-1'), 'alone') \g /dev/null
SELECT is(pg_temp.seen('alone'), 'crowd-1 0200', 'so does one that inherits nothing');
DROP ROLE crowd1, alone;
SELECT is((SELECT count(*) FROM pg_roles WHERE rolname IN ('crowd1', 'alone')), 0::bigint, 'a member''s role is dropped without more');
SELECT * FROM finish();
ROLLBACK;
