\echo Use "ALTER EXTENSION cdc_pipeline UPDATE" to load this file. \quit

-- From 0.1 to 0.2.  What is below @CODE@ in the built file is sql/3* to sql/8*, as a
-- fresh 0.2 has it.  Here: what those cannot do again, on a database that has rows.
-- Rows change only where a new column has another value for old rows than for new.

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) 'cdc_inner') THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'schema "cdc_inner" exists already',
			DETAIL = 'The extension needs a schema cdc_inner of its own.', HINT = 'ALTER SCHEMA cdc_inner RENAME TO something_else; then update again.';
	END IF;
END
$$;

-- Who could call and read what, for what is made anew below.
CREATE TEMP TABLE cdc_granted ON COMMIT DROP AS
	SELECT p.proname AS name, a.grantee, a.is_grantable FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a
	WHERE p.pronamespace = 'cdc'::pg_catalog.regnamespace AND a.grantee NOT IN (0, p.proowner);

-- @CODE@ makes them anew.
DO $$
DECLARE
	old record;
BEGIN
	FOR old IN SELECT p.polname, p.polrelid FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'cdc'::pg_catalog.regnamespace LOOP
		EXECUTE pg_catalog.format('DROP POLICY %I ON %s', old.polname, old.polrelid::pg_catalog.regclass);
	END LOOP;
END
$$;

CREATE SCHEMA cdc_inner;

-- --- tables and types: each change of sql/20_tables.sql and sql/22_types.sql ---------------

-- every pipeline that is there was made by 0.1, generation 1
ALTER TABLE cdc.pipeline_spec ADD COLUMN generation integer NOT NULL DEFAULT 1;
ALTER TABLE cdc.pipeline_spec ALTER COLUMN generation SET DEFAULT 2;

-- what the agents of a service name is remembered with the next look at them
ALTER TABLE cdc.service ADD COLUMN secret_path text;

CREATE TABLE cdc.finding (
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	service_id	uuid,
	pipeline_id	uuid,
	node		text,
	check_name	text NOT NULL,
	concern		text NOT NULL CHECK (concern IN ('flow', 'safety', 'cost')),
	severity	text NOT NULL CHECK (severity IN ('blocker', 'warning', 'info')),
	observed	text,
	required	text,
	why			text,
	fix_sql		text,
	since		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	past		boolean NOT NULL DEFAULT false,
	CHECK (pg_catalog.num_nonnulls(service_id, pipeline_id) = 1)
);
CREATE UNIQUE INDEX finding_key ON cdc.finding (coalesce(pipeline_id, service_id), check_name, coalesce(node, ''));
CREATE INDEX finding_organization_idx ON cdc.finding (organization_id);

-- --- code ---------------------------------------------------------------------------------

-- @CODE@

-- --- functions that 0.2 does not have, or with other arguments --------------------------------

DROP FUNCTION cdc.check_connection_types(jsonb, jsonb);
DROP FUNCTION cdc.check_ca(jsonb);
DROP FUNCTION cdc.check_users(jsonb);
DROP FUNCTION cdc.check_postgresql_connection(jsonb);
DROP FUNCTION cdc.check_kafka_connection(jsonb);

-- --- grants ---------------------------------------------------------------------------------

-- Who could call a function can call all that have its name now.
DO $$
DECLARE
	missing record;
BEGIN
	FOR missing IN SELECT p.oid::pg_catalog.regprocedure AS function, g.grantee::pg_catalog.regrole AS role, pg_catalog.bool_or(g.is_grantable) AS option
		FROM cdc_granted g JOIN pg_catalog.pg_proc p ON p.proname = g.name AND p.pronamespace = 'cdc'::pg_catalog.regnamespace
		WHERE NOT EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) a WHERE a.grantee = g.grantee)
		GROUP BY p.oid, g.grantee
	LOOP
		EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s %s', missing.function, missing.role, CASE WHEN missing.option THEN 'WITH GRANT OPTION' ELSE '' END);
	END LOOP;
END
$$;

-- Who had been given use has what use is now.
SELECT cdc.grant_use(pg_catalog.pg_get_userbyid(g.grantee)) FROM cdc_granted g WHERE g.name = 'caller_organizations';

-- To make an organization is a grant of its own: it stays with those who own one.
DO $$
DECLARE
	other record;
BEGIN
	FOR other IN SELECT DISTINCT a.grantee::pg_catalog.regrole AS role FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a
		WHERE p.oid = 'cdc.create_organization(text, text, boolean)'::pg_catalog.regprocedure AND a.grantee NOT IN (0, p.proowner)
		AND NOT EXISTS (SELECT FROM cdc.organization_member m WHERE m.member = pg_catalog.pg_get_userbyid(a.grantee) AND m.role = 'owner')
	LOOP
		EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) FROM %s CASCADE', other.role);
	END LOOP;
END
$$;

DROP TABLE cdc_granted;
