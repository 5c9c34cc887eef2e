\echo Use "CREATE EXTENSION cdc_pipeline" to load this file. \quit

-- install.sql: where the extension may be created, before anything is made.

-- Whoever owns the schema, or may create in it, could put functions and operators
-- beside ours, or drop them.
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
		WHERE n.nspname OPERATOR(pg_catalog.=) 'cdc' AND (NOT r.rolsuper
			OR EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE' AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner)
			OR EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
				AND d.refobjid OPERATOR(pg_catalog.=) n.oid AND d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_extension'::pg_catalog.regclass))) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = 'schema "cdc" exists and is not empty or not a superuser''s alone',
			DETAIL = 'The extension needs a schema cdc of its own.',
			HINT = 'ALTER SCHEMA cdc RENAME TO something_else; or DROP SCHEMA cdc; then create the extension again.';
	END IF;
	IF EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) 'cdc_inner') THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'schema "cdc_inner" exists already',
			DETAIL = 'The extension needs a schema cdc_inner of its own.', HINT = 'ALTER SCHEMA cdc_inner RENAME TO something_else; then create the extension again.';
	END IF;
END
$$;

-- What users call is a function of cdc_inner, SECURITY DEFINER, behind an entry of the
-- same name in cdc (entries.sql), which says on whose behalf it runs; no role has USAGE
-- here.  Inner functions and their helpers call each other and never an entry: an entry
-- refuses inside SECURITY DEFINER.
CREATE SCHEMA cdc_inner;

CREATE OR REPLACE FUNCTION cdc_inner.check_installation() RETURNS void
	LANGUAGE c AS 'MODULE_PATHNAME', 'cdc_check_installation';
SELECT cdc_inner.check_installation();
