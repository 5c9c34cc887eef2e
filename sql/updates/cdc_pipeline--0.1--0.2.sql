\echo Use "ALTER EXTENSION cdc_pipeline UPDATE" to load this file. \quit

-- From 0.1 to 0.2.  What is below @CODE@ in the built file is the code of sql/, as a
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

-- 0.1 was created in a superuser's schema cdc in which others might create, too: they
-- could put functions and operators beside ours.
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
			WHERE n.nspname OPERATOR(pg_catalog.=) 'cdc' AND (NOT r.rolsuper
				OR EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE' AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner)))
		OR EXISTS (SELECT FROM (SELECT p.pronamespace, p.proowner FROM pg_catalog.pg_proc p UNION ALL SELECT o.oprnamespace, o.oprowner FROM pg_catalog.pg_operator o) x(namespace, owner)
			JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) x.namespace JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) x.owner
			WHERE n.nspname OPERATOR(pg_catalog.=) 'cdc' AND NOT r.rolsuper) THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'schema "cdc" exists and is not a superuser''s alone',
			DETAIL = 'Somebody else owns it, may create in it, or owns a function or operator in it.',
			HINT = 'ALTER SCHEMA cdc OWNER TO a superuser, REVOKE CREATE ON SCHEMA cdc from everybody else, drop what is not of the extension; then update again.';
	END IF;
END
$$;

-- Who could call and read what, for what is made anew below.
CREATE TEMP TABLE cdc_granted ON COMMIT DROP AS
	SELECT p.proname AS name, a.grantee, a.is_grantable FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a
	WHERE p.pronamespace = 'cdc'::pg_catalog.regnamespace AND a.grantee NOT IN (0, p.proowner);
CREATE TEMP TABLE cdc_granted_relation ON COMMIT DROP AS
	SELECT DISTINCT c.relname AS name, a.grantee FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a WHERE c.relnamespace = 'cdc'::pg_catalog.regnamespace;

-- What 0.1 granted to each member is everybody's below.  On relations it is taken away here,
-- but for what he may grant on: their row of the catalog may be too full for one more.
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN SELECT c.oid::pg_catalog.regclass AS relation, pg_catalog.string_agg(a.grantee::pg_catalog.regrole::text, ', ') AS roles
		FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
		WHERE c.relnamespace = 'cdc'::pg_catalog.regnamespace AND c.relname IN ('organization', 'organization_member', 'zone', 'service', 'service_node', 'service_event', 'rest_route',
				'pipeline_spec', 'pipeline_observed', 'pipeline_event', 'pipeline', 'pipeline_standby', 'failover_readiness', 'failover_table', 'standby_table', 'state_table')
			AND a.privilege_type = 'SELECT' AND a.grantor = c.relowner AND a.grantee NOT IN (0, c.relowner) AND NOT a.is_grantable
		GROUP BY c.oid
	LOOP
		EXECUTE pg_catalog.format('REVOKE SELECT ON %s FROM %s', given.relation, given.roles);
	END LOOP;
END
$$;

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

-- What no user calls stands there: it is moved, so that triggers keep it; @CODE@ replaces
-- what it does.  Two have other
-- arguments now, one is gone.
DROP FUNCTION cdc.token_identity(text);
DROP FUNCTION cdc.raise_name_taken(text);
DROP FUNCTION cdc.check_topics_free(uuid, text, text[]);
DO $$
DECLARE
	helper record;
BEGIN
	FOR helper IN SELECT p.oid::pg_catalog.regprocedure AS is FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
			JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid AND e.extname = 'cdc_pipeline'
		WHERE p.pronamespace = 'cdc'::pg_catalog.regnamespace AND p.proname IN (
			'ask', 'caller_confined_to', 'caller_has_role', 'caller_is_superuser', 'changed_here', 'check_installation', 'check_options', 'check_provided',
			'count_expired_failovers', 'decrypt', 'default_organization', 'default_provider', 'effective_tables', 'encrypt', 'end_pipeline', 'forget_pipeline_secrets',
			'forget_service_secrets', 'keep_an_owner', 'make_pipeline', 'may', 'member_role', 'metric_label', 'normalize_table', 'option_fault', 'option_names',
			'organization_of_pipeline', 'organization_of_service', 'provide_service', 'raise_invalid', 'raise_name_taken', 'raise_unknown', 'random_secret', 'reencrypt',
			'require', 'require_owner', 'require_superuser', 'rest_active_organization', 'rest_body', 'rest_check', 'rest_check_service', 'rest_decode', 'rest_encode',
			'rest_error', 'rest_fault', 'rest_keep_service', 'rest_metrics', 'rest_new_service_organization', 'rest_no_pipeline', 'rest_no_service', 'rest_note_service',
			'rest_organization_get', 'rest_organization_objects', 'rest_organizations_list', 'rest_parameter', 'rest_pipeline_create', 'rest_pipeline_delete',
			'rest_pipeline_get', 'rest_pipeline_text', 'rest_pipelines_list', 'rest_refuse', 'rest_require', 'rest_service_change', 'rest_service_create', 'rest_service_delete',
			'rest_service_fields', 'rest_service_get', 'rest_service_require', 'rest_service_text', 'rest_service_users', 'rest_services_list', 'rest_user_reveal',
			'rest_users_list', 'rest_uuid', 'rfc3339', 'service_notes', 'token_identity', 'topic_key', 'topic_of', 'wake', 'zone_upsert')
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s SET SCHEMA cdc_inner', helper.is);
	END LOOP;
END
$$;

-- --- tables and types: each change of sql/*/tables*.sql and types.sql -------------------------

-- every pipeline that is there was made by 0.1, generation 1
ALTER TABLE cdc.pipeline_spec ADD COLUMN generation integer NOT NULL DEFAULT 1;
ALTER TABLE cdc.pipeline_spec ALTER COLUMN generation SET DEFAULT 2;

-- what the agents of a service name is remembered with the next look at them
ALTER TABLE cdc.service ADD COLUMN secret_path text, ADD COLUMN provided_limits text;

-- Who is a member stays one: the role that has the name now.  One whose role is gone is
-- bound to none, and nobody is known as the maker of an organization.
ALTER TABLE cdc.organization_member DROP CONSTRAINT organization_member_pkey,
	ADD COLUMN id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	ADD COLUMN role_oid oid,
	ADD COLUMN system_identifier numeric,
	ADD COLUMN state text NOT NULL DEFAULT 'accepted' CHECK (state IN ('invited', 'accepted', 'declined')),
	ADD COLUMN made boolean NOT NULL DEFAULT false,
	ADD COLUMN invited_by name,
	ADD CONSTRAINT organization_member_role_key UNIQUE (organization_id, role_oid, system_identifier);
CREATE INDEX organization_member_role_idx ON cdc.organization_member (role_oid);
UPDATE cdc.organization_member m SET role_oid = r.oid, system_identifier = c.system_identifier
	FROM pg_catalog.pg_roles r, pg_catalog.pg_control_system() c WHERE r.rolname OPERATOR(pg_catalog.=) m.member;

CREATE TABLE cdc.organization_event (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organization_id	uuid REFERENCES cdc.organization(id),
	at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	kind		text NOT NULL CHECK (kind IN ('created', 'invited', 'accepted', 'declined', 'added', 'changed', 'removed', 'left', 'bound', 'token made', 'token revoked')),
	role		name NOT NULL,
	message		text NOT NULL,
	detail		jsonb
);
CREATE INDEX organization_event_organization_idx ON cdc.organization_event (organization_id, id);
CREATE INDEX organization_event_at_idx ON cdc.organization_event (at);

CREATE TABLE cdc.organization_limit (
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	what		text NOT NULL,
	most		bigint NOT NULL CHECK (most >= 0),
	PRIMARY KEY (organization_id, what)
);

ALTER TABLE cdc.work DROP CONSTRAINT work_kind_check, ADD CONSTRAINT work_kind_check CHECK (kind IN ('pipeline', 'service', 'round', 'first'));

ALTER TABLE cdc.organization ADD COLUMN made_by_oid oid, ADD COLUMN system_identifier numeric;
CREATE INDEX organization_made_by_idx ON cdc.organization (made_by_oid);

-- tokens that open something go on to
ALTER TABLE cdc.api_token ADD COLUMN system_identifier numeric, ADD COLUMN last_used_from text;
UPDATE cdc.api_token t SET system_identifier = c.system_identifier FROM pg_catalog.pg_roles r, pg_catalog.pg_control_system() c
	WHERE r.oid OPERATOR(pg_catalog.=) t.role_oid AND r.rolname OPERATOR(pg_catalog.=) t.member;

ALTER TABLE cdc.failover_expired DROP CONSTRAINT failover_expired_pkey,
	ADD COLUMN organization_id uuid REFERENCES cdc.organization(id),
	ADD UNIQUE NULLS NOT DISTINCT (verdict, organization_id);

-- its result has one more column
DROP FUNCTION cdc.list_tokens();
-- every service that is there keeps its address and its way to log in, with a finding
ALTER TABLE cdc.service ADD COLUMN connection_set_by text NOT NULL DEFAULT 'before' CHECK (connection_set_by IN ('member', 'superuser', 'before'));
ALTER TABLE cdc.service ALTER COLUMN connection_set_by SET DEFAULT 'member';

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

-- who uses a network today goes on using it
CREATE TABLE cdc.network_owner (
	network_id		uuid NOT NULL,
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	assigned_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (network_id, organization_id)
);
INSERT INTO cdc.network_owner (network_id, organization_id)
	SELECT DISTINCT s.network_id, s.organization_id FROM cdc.service s WHERE s.network_id IS NOT NULL AND s.deleted_at IS NULL AND s.provider OPERATOR(pg_catalog.=) 'external';

-- so does who uses a Kafka Connect, be it in a first snapshot
ALTER TABLE cdc.service ADD COLUMN connect_claimed text[] NOT NULL DEFAULT '{}';
CREATE TABLE cdc.connect_share (
	url				text NOT NULL,
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	shared_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (url, organization_id)
);
INSERT INTO cdc.connect_share (url, organization_id)
	SELECT DISTINCT u, s.organization_id FROM cdc.service s, pg_catalog.jsonb_path_query(s.connection, '$.connect_urls[*] ? (@.type() == "string")') j,
		LATERAL (SELECT j OPERATOR(pg_catalog.#>>) '{}' AS u) x
	WHERE s.deleted_at IS NULL AND s.provider OPERATOR(pg_catalog.=) 'external'
		AND EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.sink_service_id OPERATOR(pg_catalog.=) s.id AND p.connector_name IS NOT NULL AND p.settled_at IS NULL);

DROP INDEX cdc.pipeline_spec_sink_idx, cdc.pipeline_spec_source_idx;
CREATE INDEX pipeline_spec_sink_idx ON cdc.pipeline_spec (sink_service_id);
CREATE INDEX pipeline_spec_source_idx ON cdc.pipeline_spec (source_service_id);
CREATE INDEX pipeline_spec_settled_idx ON cdc.pipeline_spec (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX service_deleted_idx ON cdc.service (deleted_at) WHERE deleted_at IS NOT NULL;
DROP INDEX cdc.service_name_key;
CREATE UNIQUE INDEX service_name_key ON cdc.service (organization_id, name) WHERE deleted_at IS NULL AND status OPERATOR(pg_catalog.<>) 'deleting';
CREATE INDEX pipeline_spec_organization_idx ON cdc.pipeline_spec (organization_id, created_at, id) WHERE settled_at IS NULL;
CREATE TABLE cdc.topic (
	sink_service_id	uuid NOT NULL,
	key			text COLLATE "C" NOT NULL,
	pipeline_id	uuid NOT NULL,
	whole		boolean NOT NULL,
	topic		text COLLATE "C" NOT NULL,
	sharer		uuid,
	CONSTRAINT topic_key UNIQUE NULLS NOT DISTINCT (sink_service_id, key, sharer)
);
CREATE INDEX topic_sharer_idx ON cdc.topic (sink_service_id, key) WHERE sharer IS NOT NULL;
CREATE INDEX topic_topic_idx ON cdc.topic (sink_service_id, topic);
CREATE INDEX topic_pipeline_idx ON cdc.topic (pipeline_id);

-- The epoch of 0.1 was the sum of epoch_base and a timeline; the worker writes it anew.  A
-- count is 0 or a time.
ALTER TABLE cdc.control_plane
	ADD COLUMN tie text NOT NULL DEFAULT '',
	ADD COLUMN seen_epoch bigint NOT NULL DEFAULT 0,
	ADD COLUMN seen_tie text NOT NULL DEFAULT '',
	ADD COLUMN fence_key_id text,
	ADD COLUMN fence_key bytea;
ALTER TABLE cdc.pipeline_spec ADD COLUMN adopt_asked integer NOT NULL DEFAULT 0, ADD COLUMN adopted integer NOT NULL DEFAULT 0;
ALTER TABLE cdc.pipeline_spec ADD COLUMN identities jsonb, ADD COLUMN unlogged jsonb, ADD COLUMN relations jsonb;
ALTER TABLE cdc.pipeline_spec ADD COLUMN snapshot_rounds integer NOT NULL DEFAULT 0, ADD COLUMN snapshot_round_at timestamptz;
ALTER TABLE cdc.pipeline_spec ADD COLUMN paused_at timestamptz, ADD COLUMN pause_ended timestamptz,
	ADD COLUMN restart_asked integer NOT NULL DEFAULT 0, ADD COLUMN restarted integer NOT NULL DEFAULT 0,
	DROP CONSTRAINT pipeline_spec_status_check,
	ADD CONSTRAINT pipeline_spec_status_check CHECK (status IN ('Pending', 'Provisioning', 'Running', 'Paused', 'Failed', 'Deleting', 'Deleted'));
ALTER TABLE cdc.service ADD COLUMN adopt_agents text[] NOT NULL DEFAULT '{}';
ALTER TABLE cdc.service ADD COLUMN pipelines_checked_at timestamptz;
UPDATE cdc.control_plane SET epoch_base = greatest(epoch_base, 16777216) WHERE epoch_base OPERATOR(pg_catalog.<>) 0;

-- --- code ---------------------------------------------------------------------------------

-- @CODE@

-- what version 0.1 let two pipelines have both go on having, with a finding
SELECT cdc_inner.reserve_all_topics();

-- --- functions that 0.2 does not have, or with other arguments --------------------------------

DROP FUNCTION cdc.check_connection_types(jsonb, jsonb);
DROP FUNCTION cdc.grant_use(name);
DROP FUNCTION cdc.check_ca(jsonb);
DROP FUNCTION cdc.check_users(jsonb);
DROP FUNCTION cdc.check_postgresql_connection(jsonb);
DROP FUNCTION cdc.check_kafka_connection(jsonb);

-- --- grants ---------------------------------------------------------------------------------

-- What is new is nobody's by the default privileges of who updates.
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN
		SELECT 'FUNCTION ' || p.oid::pg_catalog.regprocedure AS what, a.grantee::pg_catalog.regrole AS role FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a
			WHERE a.grantee NOT IN (0, p.proowner) AND (p.pronamespace = 'cdc_inner'::pg_catalog.regnamespace OR p.pronamespace = 'cdc'::pg_catalog.regnamespace
				AND NOT EXISTS (SELECT FROM cdc_granted g WHERE g.name = p.proname AND g.grantee = a.grantee))
		UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::pg_catalog.regclass, a.grantee::pg_catalog.regrole FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
			WHERE c.relnamespace = 'cdc'::pg_catalog.regnamespace AND c.relkind IN ('r', 'v', 'S') AND a.grantee NOT IN (0, c.relowner)
			AND NOT EXISTS (SELECT FROM cdc_granted_relation g WHERE g.name = c.relname AND g.grantee = a.grantee)
		UNION ALL SELECT 'SCHEMA cdc_inner', a.grantee::pg_catalog.regrole FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
			WHERE n.nspname = 'cdc_inner' AND a.grantee NOT IN (0, n.nspowner)
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %s CASCADE', given.what, given.role);
	END LOOP;
END
$$;

-- Who could call a function can call all that have its name now.
DO $$
DECLARE
	missing record;
BEGIN
	FOR missing IN SELECT p.oid::pg_catalog.regprocedure AS function, g.grantee::pg_catalog.regrole AS role, pg_catalog.bool_or(g.is_grantable) AS option
		FROM cdc_granted g JOIN pg_catalog.pg_proc p ON p.proname = g.name AND p.pronamespace = 'cdc'::pg_catalog.regnamespace
		WHERE NOT EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) a WHERE a.grantee = g.grantee OR a.grantee = 0 AND NOT g.is_grantable)
		GROUP BY p.oid, g.grantee
	LOOP
		EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s %s', missing.function, missing.role, CASE WHEN missing.option THEN 'WITH GRANT OPTION' ELSE '' END);
	END LOOP;
END
$$;

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

-- So with what members of 0.1 were granted on functions and the schema; what others than
-- the owner have given stays.
GRANT USAGE ON SCHEMA cdc TO PUBLIC;
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN SELECT g.privilege, g.type, g.object, pg_catalog.string_agg(a.grantee::pg_catalog.regrole::text, ', ') AS roles
		FROM cdc_inner.grants_of('everybody') g, pg_catalog.aclexplode(g.acl) a
		WHERE a.privilege_type = g.privilege AND a.grantee <> 0 AND NOT a.is_grantable AND a.grantor IN (SELECT p.proowner FROM pg_catalog.pg_proc p WHERE p.oid = 'cdc.caller()'::pg_catalog.regprocedure)
			AND a.grantee <> a.grantor
		GROUP BY g.privilege, g.type, g.object
	LOOP
		EXECUTE pg_catalog.format('REVOKE %s ON %s %s FROM %s', given.privilege, given.type, given.object, given.roles);
	END LOOP;
END
$$;

DROP TABLE cdc_granted, cdc_granted_relation;
