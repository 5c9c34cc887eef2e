-- 30_functions.sql: identity, permissions, and small helpers of the others.

-- What users call is a function of cdc_inner, SECURITY DEFINER, behind an entry of
-- the same name in cdc (79_entries.sql), which says on whose behalf it runs.  Inner
-- functions, and their helpers here, call each other and never an entry: an entry
-- refuses inside SECURITY DEFINER.  Helpers are the caller's own rights' functions
-- and nobody's to call.

-- Known to this process only.  These four are ERROR 42501 where no entry was.
CREATE OR REPLACE FUNCTION cdc_inner.caller() RETURNS name
	LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER AS 'MODULE_PATHNAME', 'cdc_caller';
COMMENT ON FUNCTION cdc_inner.caller IS
	'The role on whose behalf this is answered: the current role; over REST that of the token. For members: policies and views use it.';
CREATE OR REPLACE FUNCTION cdc.caller_is_superuser() RETURNS boolean
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_caller_is_superuser';
-- Has the caller the privileges of this role?
CREATE OR REPLACE FUNCTION cdc.caller_has_role(role name) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_caller_has_role';
-- The only organisation that the caller's token opens; NULL: no token, or all.
CREATE OR REPLACE FUNCTION cdc.caller_confined_to() RETURNS uuid
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_caller_confined_to';

-- The caller as an OID.
CREATE OR REPLACE FUNCTION cdc.caller_oid() RETURNS oid
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_caller_oid';
-- The id of the REST request that is being answered, for events; NULL: none is.
CREATE OR REPLACE FUNCTION cdc.request_id() RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_request_id';
-- Of this server: OIDs of roles mean something on it alone.
CREATE OR REPLACE FUNCTION cdc.system_identifier() RETURNS numeric
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdc_system_identifier';
-- Waits for others with the same name; until the transaction ends.  No SQL takes
-- this lock but through this function, as any role takes an advisory lock.
CREATE OR REPLACE FUNCTION cdc.lock(name text) RETURNS void
	LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'cdc_lock';
-- The same beside others that share it.
CREATE OR REPLACE FUNCTION cdc.lock_shared(name text) RETURNS void
	LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'cdc_lock_shared';

-- Was the row with this xmin written by the running transaction?
CREATE OR REPLACE FUNCTION cdc.changed_here(writer xid) RETURNS boolean
	LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'cdc_changed_here';

-- The worker reads cdc.work after this transaction has committed.
CREATE OR REPLACE FUNCTION cdc.wake() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_wake';

CREATE OR REPLACE FUNCTION cdc.encrypt(clear text, owner text, purpose text, OUT key_id text, OUT ciphertext bytea)
	LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'cdc_encrypt';

CREATE OR REPLACE FUNCTION cdc.decrypt(key_id text, ciphertext bytea, owner text, purpose text) RETURNS text
	LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'cdc_decrypt';

-- 32 random letters and digits.
CREATE OR REPLACE FUNCTION cdc.random_secret() RETURNS text
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_random_secret';

CREATE OR REPLACE FUNCTION cdc.reencrypt(old_key_file text, old_key_id text, old_ciphertext bytea, owner text, purpose text, OUT key_id text, OUT ciphertext bytea)
	LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'cdc_reencrypt';

-- Seconds of the longest step of the reconciler's loop in this health round and the one before: for metrics().
CREATE OR REPLACE FUNCTION cdc.worker_longest_step() RETURNS double precision
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_worker_longest_step';

CREATE OR REPLACE FUNCTION cdc.worker_state(OUT pid integer, OUT state text, OUT heartbeat timestamptz, OUT rounds bigint)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_worker_state';
COMMENT ON FUNCTION cdc.worker_state IS
	'What the worker does now. pid: of its process, NULL: there is none on this server (a standby, for example). state: running, or why it does not act, '
	'NULL: not said yet. heartbeat: its last sign of life, NULL: none yet. rounds: health rounds since it started. For roles with pg_monitor. Errors: '
	'42501.';

CREATE OR REPLACE FUNCTION cdc.rules() RETURNS TABLE (id integer, section text, statuses text[], guard text, status_to text,
	step text, action text, retry text, message text, comment text)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_rules';
COMMENT ON FUNCTION cdc.rules IS
	'The rows of view cdc.state_table. For members.';

CREATE OR REPLACE FUNCTION cdc.failover_rules() RETURNS TABLE (id integer, guard text, verdict text, verdict_halt text, reason text, comment text)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_failover_rules';
COMMENT ON FUNCTION cdc.failover_rules IS
	'The rows of view cdc.failover_table. For members.';
CREATE OR REPLACE FUNCTION cdc.standby_rules() RETURNS TABLE (id integer, guard text, action text, final boolean, missing text, fix_sql text, comment text)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_standby_rules';
COMMENT ON FUNCTION cdc.standby_rules IS
	'The rows of view cdc.standby_table. For members.';

CREATE OR REPLACE FUNCTION cdc.options() RETURNS TABLE (name text, type text, rule text, default_value text, on_live text, meaning text)
	LANGUAGE c STABLE ROWS 30 AS 'MODULE_PATHNAME', 'cdc_options';
COMMENT ON FUNCTION cdc.options IS
	'The rows of view cdc.option. For members.';
-- Their names, and why one cannot be set so.
CREATE OR REPLACE FUNCTION cdc.option_names() RETURNS text
	LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'cdc_option_names';
CREATE OR REPLACE FUNCTION cdc.option_fault(key text, value text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_option_fault';

-- Why a text may not stand in a connector's configuration (what: its name in the sentence).
CREATE OR REPLACE FUNCTION cdc.connect_text_fault(what text, value text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_connect_text_fault_sql';

-- PL/pgSQL, here and below: it keeps its plans, SQL functions plan at every call.

CREATE OR REPLACE VIEW cdc.membership WITH (security_invoker = true) AS
	SELECT m.organization_id, m.role_oid, m.role, m.made FROM cdc.organization_member m
		WHERE m.state = 'accepted' AND m.system_identifier = cdc.system_identifier();
COMMENT ON VIEW cdc.membership IS 'Who is a member of what: has accepted, and is known on this server. Readers: superusers.';

CREATE OR REPLACE FUNCTION cdc_inner.caller_organizations() RETURNS SETOF uuid
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	only_one uuid := cdc.caller_confined_to();
BEGIN
	IF cdc.caller_is_superuser() THEN
		RETURN QUERY SELECT o.id FROM cdc.organization o WHERE o.id = coalesce(only_one, o.id);
	ELSE
		RETURN QUERY SELECT m.organization_id FROM cdc.membership m
			WHERE m.role_oid = cdc.caller_oid() AND m.organization_id = coalesce(only_one, m.organization_id);
	END IF;
END
$$;
COMMENT ON FUNCTION cdc_inner.caller_organizations IS
	'The organizations that the caller may read; superusers: all; over a token that is confined to one: that one. For members: policies and views use it.';

CREATE OR REPLACE FUNCTION cdc_inner.caller_pipelines() RETURNS SETOF uuid
	LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.id FROM cdc.pipeline_spec p WHERE p.organization_id IN (SELECT cdc_inner.caller_organizations())
$$;
COMMENT ON FUNCTION cdc_inner.caller_pipelines IS
	'The pipelines of the organizations that the caller may read, deleted ones too: their events outlive them. For members: policies and views use it.';

CREATE OR REPLACE FUNCTION cdc_inner.caller_administers() RETURNS SETOF uuid
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT o FROM cdc_inner.caller_organizations() o WHERE cdc.may(o, 'admin');
END
$$;
COMMENT ON FUNCTION cdc_inner.caller_administers IS
	'The organizations of which the caller is owner or admin; superusers: all. For members: policies use it.';

-- Of this moment, and not of when a REPEATABLE READ transaction began: who has kept
-- one open since before he was removed changes nothing any more.
CREATE OR REPLACE FUNCTION cdc.member_role_now(organization uuid, role_oid oid) RETURNS text
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'cdc_member_role_now';
CREATE OR REPLACE FUNCTION cdc.pipelines_by_now(service uuid) RETURNS text
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'cdc_pipelines_by_now';
CREATE OR REPLACE FUNCTION cdc.live_pipeline_now(service uuid) RETURNS text
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'cdc_live_pipeline_now';
CREATE OR REPLACE FUNCTION cdc.passwords_now(service uuid) RETURNS text
	LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'cdc_passwords_now';

-- The caller's role in an organisation, NULL: none.  Superusers are owners
-- of every one that exists.
CREATE OR REPLACE FUNCTION cdc.member_role(organization uuid) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF organization <> cdc.caller_confined_to() THEN
		RETURN NULL;
	END IF;
	IF cdc.caller_is_superuser() THEN
		RETURN (SELECT 'owner' FROM cdc.organization o WHERE o.id = member_role.organization);
	END IF;
	RETURN cdc.member_role_now(organization, cdc.caller_oid());
END
$$;

-- May the caller do this there?  permission: service:read, service:create, admin.
CREATE OR REPLACE FUNCTION cdc.may(organization uuid, permission text) RETURNS boolean
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN coalesce(cdc.member_role(organization) = ANY (CASE permission
		WHEN 'service:read' THEN '{owner,admin,member,viewer}'::text[]
		WHEN 'service:create' THEN '{owner,admin,member}'
		WHEN 'admin' THEN '{owner,admin}' END), false);
END
$$;

-- One text for what does not exist and for what is somebody else's.
CREATE OR REPLACE FUNCTION cdc.raise_unknown(kind text, id uuid, field text DEFAULT '') RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE undefined_object USING
		MESSAGE = format('%s %s does not exist', kind, coalesce(id::text, 'null')),
		DETAIL = 'No such object is visible to this role.',
		HINT = CASE kind WHEN 'pipeline' THEN 'SELECT id, name, status FROM cdc.pipeline lists what is visible.'
			WHEN 'service' THEN 'SELECT id, organization_id, name, status FROM cdc.service lists what is visible.'
			WHEN 'invitation' THEN 'SELECT * FROM cdc.invitations() lists those of this role.'
			WHEN 'token' THEN 'SELECT * FROM cdc.list_tokens() lists what is visible.'
			ELSE 'SELECT id, name FROM cdc.organization lists what is visible.' END, COLUMN = field;
END
$$;

-- field: where in a REST request the value stands.
CREATE OR REPLACE FUNCTION cdc.raise_invalid(message text, detail text, hint text, field text DEFAULT '') RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE invalid_parameter_value USING MESSAGE = message, DETAIL = detail, HINT = hint, COLUMN = field;
END
$$;

-- ERROR unless the caller may: 42704 for an organisation that the caller is not
-- in (whether it exists or not), 42501 for one in which its role is too small.
CREATE OR REPLACE FUNCTION cdc.require(organization uuid, permission text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF cdc.may(organization, permission) THEN
		RETURN;
	END IF;
	IF cdc.may(organization, 'service:read') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('permission %s is needed in this organization', permission),
			DETAIL = format('Role "%s" is %s there.', cdc_inner.caller(), cdc.member_role(organization)),
			HINT = format('Ask an owner or admin of the organization for: SELECT cdc.add_member(%L, %L, %L);', organization, cdc_inner.caller(),
				CASE permission WHEN 'admin' THEN 'admin' ELSE 'member' END);
	END IF;
	PERFORM cdc.raise_unknown('organization', organization);
END
$$;

-- ERROR 42501 unless the caller is a superuser; what: the function's name.
CREATE OR REPLACE FUNCTION cdc.require_superuser(what text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT cdc.caller_is_superuser() THEN
		RAISE insufficient_privilege USING MESSAGE = format('%s is for superusers', what),
			DETAIL = format('Role "%s" is none.', cdc_inner.caller()), HINT = 'Connect as a superuser.';
	END IF;
END
$$;

-- RFC 3339, UTC, Z, whole seconds.
CREATE OR REPLACE FUNCTION cdc.rfc3339(at timestamptz) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdc_rfc3339';

-- Asks the worker to look at something after this transaction has committed.
CREATE OR REPLACE FUNCTION cdc.ask(kind text, id uuid) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO cdc.work (kind, id) VALUES (ask.kind, ask.id);
	SELECT cdc.wake();
$$;

-- The organisation that a call without one means: the personal one that the caller
-- made himself, else the only one that he is in.  What somebody else calls personal
-- is nobody's default: a secret would go where that one can have it shown.
-- ERROR 42704: he is in none; 22023 with the list: it must be said.
CREATE OR REPLACE FUNCTION cdc.default_organization() RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	mine uuid[];
BEGIN
	mine := ARRAY(SELECT m.organization_id FROM cdc.membership m JOIN cdc.organization o ON o.id = m.organization_id
		WHERE m.role_oid = cdc.caller_oid() AND m.organization_id = coalesce(cdc.caller_confined_to(), m.organization_id)
		ORDER BY (o.is_personal AND m.made) DESC, o.created_at, o.id);
	IF cardinality(mine) = 0 AND NOT EXISTS (SELECT cdc_inner.caller_organizations()) THEN
		RAISE undefined_object USING
			MESSAGE = 'no organization was named and this role is in none',
			DETAIL = format('Role "%s" is no member of any organization.', cdc_inner.caller()),
			HINT = 'An owner of one invites with SELECT cdc.add_member(organization, role); who may SELECT cdc.create_organization(''name'') makes one; or name one: organization => ''...''.';
	END IF;
	-- a superuser may be in none, and act in all
	IF cardinality(mine) <> 1 AND NOT EXISTS (SELECT FROM cdc.membership m JOIN cdc.organization o ON o.id = m.organization_id
			WHERE m.organization_id = mine[1] AND m.role_oid = cdc.caller_oid() AND m.made AND o.is_personal) THEN
		PERFORM cdc.raise_invalid('the organization must be named',
			format('Role "%s" %s: %s.', cdc_inner.caller(), CASE cardinality(mine) WHEN 0 THEN 'is in none, and may act in' ELSE 'is in' END, (SELECT string_agg(format('%s (%s)', o.slug, o.id), ', ' ORDER BY o.slug)
				FROM cdc.organization o WHERE o.id = ANY (mine) OR (cardinality(mine) = 0 AND o.id IN (SELECT cdc_inner.caller_organizations())))),
			'Name one: organization => ''...''.', 'organization_id');
	END IF;
	RETURN mine[1];
END
$$;

-- The object of the caller's organisations that a text means: one with this id, else,
-- where the text has not the form of an id, one with this name (of an organisation:
-- this slug).  NULL: none.  kind: organization, service, pipeline.
-- ERROR 42725 with the list: several have the name.
CREATE OR REPLACE FUNCTION cdc.resolve(kind text, words text) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hit record;
BEGIN
	-- a name in the form of an id is never one: else it could stand in another's place
	SELECT count(*) AS n, min(x.id::text)::uuid AS id, string_agg(format('%s (in %s)', x.id, o.slug), ', ' ORDER BY o.slug) AS list INTO hit
		FROM (SELECT g.id, g.id AS organization_id, g.slug AS name FROM cdc.organization g WHERE kind = 'organization'
			UNION ALL SELECT s.id, s.organization_id, s.name FROM cdc.service s WHERE kind = 'service' AND s.deleted_at IS NULL
			UNION ALL SELECT p.id, p.organization_id, p.name FROM cdc.pipeline_spec p WHERE kind = 'pipeline' AND p.deleted_at IS NULL AND p.desired_state = 'present') x
		JOIN cdc.organization o ON o.id = x.organization_id
		WHERE CASE WHEN cdc.is_uuid(words) THEN replace(x.id::text, '-', '') = lower(replace(words, '-', '')) ELSE x.name = words END
			AND x.organization_id IN (SELECT cdc_inner.caller_organizations());
	IF hit.n > 1 THEN
		RAISE ambiguous_function USING MESSAGE = format('several %ss are named "%s"', kind, words), DETAIL = format('They are: %s.', hit.list), HINT = 'Give the id.';
	END IF;
	RETURN hit.id;
END
$$;
