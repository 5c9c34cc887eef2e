-- common/helpers.sql: what every room uses: locks, the queue of the worker, errors, names.

-- Of this server: OIDs of roles mean something on it alone.
CREATE OR REPLACE FUNCTION cdc_inner.system_identifier() RETURNS numeric
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdc_system_identifier';

-- Waits for others with the same name; until the transaction ends.  No SQL takes
-- this lock but through these functions, as any role takes an advisory lock.  A name is
-- "kind id more": the caller of a call may choose what is more, and nothing before.
CREATE OR REPLACE FUNCTION cdc_inner.lock(name text) RETURNS void
	LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'cdc_lock';

-- The same, or false where it would wait.
CREATE OR REPLACE FUNCTION cdc_inner.try_lock(name text) RETURNS boolean
	LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'cdc_try_lock';

-- The same beside others that share it.
CREATE OR REPLACE FUNCTION cdc_inner.lock_shared(name text) RETURNS void
	LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'cdc_lock_shared';

-- Was the row with this xmin written by the running transaction?
CREATE OR REPLACE FUNCTION cdc_inner.changed_here(writer xid) RETURNS boolean
	LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'cdc_changed_here';

-- The worker reads cdc.work after this transaction has committed.
CREATE OR REPLACE FUNCTION cdc_inner.wake() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_wake';

-- Asks the worker to look at something after this transaction has committed.
CREATE OR REPLACE FUNCTION cdc_inner.ask(kind text, id uuid) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO cdc.work (kind, id) VALUES (ask.kind, ask.id);
	PERFORM cdc_inner.wake();
END
$$;

-- RFC 3339, UTC, Z, whole seconds.
CREATE OR REPLACE FUNCTION cdc_inner.rfc3339(at timestamptz) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdc_rfc3339';

-- A text in one of the forms that PostgreSQL reads as a UUID, but for braces.
CREATE OR REPLACE FUNCTION cdc_inner.is_uuid(words text) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT replace(words, '-', '') ~ '^[0-9a-fA-F]{32}$'
$$;

-- One text for what does not exist and for what is somebody else's.
CREATE OR REPLACE FUNCTION cdc_inner.raise_unknown(kind text, id uuid, field text DEFAULT '') RETURNS void
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
CREATE OR REPLACE FUNCTION cdc_inner.raise_invalid(message text, detail text, hint text, field text DEFAULT '') RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE invalid_parameter_value USING MESSAGE = message, DETAIL = detail, HINT = hint, COLUMN = field;
END
$$;

-- ERROR 42710.  kind: service or pipeline.
CREATE OR REPLACE FUNCTION cdc_inner.raise_name_taken(kind text, name text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE duplicate_object USING MESSAGE = format('a %s named "%s" already exists', kind, name),
		DETAIL = format('Names of %ss are unique in an organization.', kind),
		HINT = CASE kind WHEN 'pipeline' THEN 'Choose another name, or delete that one first: it then does not hold its name.' ELSE 'Choose another name.' END,
		COLUMN = 'name';
END
$$;

-- The object of the caller's organisations that a text means: one with this id, else,
-- where the text has not the form of an id, one with this name (of an organisation:
-- this slug).  NULL: none.  kind: organization, service, pipeline.
-- ERROR 42725 with the list: several have the name.
CREATE OR REPLACE FUNCTION cdc_inner.resolve(kind text, words text) RETURNS uuid
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
		WHERE CASE WHEN cdc_inner.is_uuid(words) THEN replace(x.id::text, '-', '') = lower(replace(words, '-', '')) ELSE x.name = words END
			AND x.organization_id IN (SELECT cdc_inner.caller_organizations());
	IF hit.n > 1 THEN
		RAISE ambiguous_function USING MESSAGE = format('several %ss are named "%s"', kind, words), DETAIL = format('They are: %s.', hit.list), HINT = 'Give the id.';
	END IF;
	RETURN hit.id;
END
$$;
