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

-- How many letters two words differ by: changed, missing or too many.  Of longer words
-- the first 64 bytes count.
CREATE OR REPLACE FUNCTION cdc_inner.letters_apart(one text, other text) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdc_letters_apart';

-- The one of these words that is meant by one that is not among them; NULL: none is like it.
CREATE OR REPLACE FUNCTION cdc_inner.nearest(word text, words text[]) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT x.w FROM (SELECT w, cdc_inner.letters_apart(lower(nearest.word), lower(w)) AS n FROM unnest(nearest.words) w) x
		WHERE x.n <= greatest(CASE WHEN length(nearest.word) > 3 THEN 2 ELSE 1 END, length(nearest.word) / 4) AND x.n < length(x.w) ORDER BY x.n, x.w LIMIT 1
$$;

-- The name of what the caller may see and may have meant; NULL: nothing is named like it.
CREATE OR REPLACE FUNCTION cdc_inner.like_name(kind text, words text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN cdc_inner.nearest(words, CASE kind
		WHEN 'organization' THEN ARRAY(SELECT o.slug FROM cdc.organization o WHERE o.id IN (SELECT cdc_inner.caller_organizations()) LIMIT 1000)
		WHEN 'service' THEN ARRAY(SELECT s.name FROM cdc.service s WHERE s.deleted_at IS NULL AND s.status <> 'deleting' AND s.organization_id IN (SELECT cdc_inner.caller_organizations()) LIMIT 1000)
		WHEN 'pipeline' THEN ARRAY(SELECT p.name FROM cdc.pipeline_spec p WHERE p.deleted_at IS NULL AND p.desired_state = 'present' AND p.organization_id IN (SELECT cdc_inner.caller_organizations()) LIMIT 1000)
		END);
END
$$;

-- Where what is visible is read.
CREATE OR REPLACE FUNCTION cdc_inner.what_is_visible(kind text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE kind WHEN 'pipeline' THEN 'SELECT id, name, status FROM cdc.pipeline lists what is visible.'
		WHEN 'service' THEN 'SELECT id, organization_id, name, status FROM cdc.service lists what is visible.'
		WHEN 'invitation' THEN 'SELECT * FROM cdc.invitations() lists those of this role.'
		WHEN 'token' THEN 'SELECT * FROM cdc.list_tokens() lists what is visible.'
		ELSE 'SELECT id, slug, name FROM cdc.organization lists what is visible.' END
$$;

-- One text for what does not exist and for what is somebody else's.
CREATE OR REPLACE FUNCTION cdc_inner.raise_unknown(kind text, id uuid, field text DEFAULT '') RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF id IS NULL THEN
		RAISE undefined_object USING MESSAGE = format('no %s was named', kind), DETAIL = 'The argument is null.',
			HINT = format('Give its id%s. A sub-select that finds nothing is null.', CASE WHEN kind = 'token' THEN '' ELSE ' or its name' END), COLUMN = field;
	END IF;
	RAISE undefined_object USING MESSAGE = format('%s %s does not exist', kind, id),
		DETAIL = 'No such object is visible to this role.', HINT = cdc_inner.what_is_visible(kind), COLUMN = field;
END
$$;

-- The same of one that was asked for by its name.
CREATE OR REPLACE FUNCTION cdc_inner.raise_unnamed(kind text, words text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE undefined_object USING MESSAGE = format('%s "%s" does not exist', kind, left(words, 100)), DETAIL = 'No such object is visible to this role.',
		HINT = coalesce('Did you mean "' || cdc_inner.like_name(kind, words) || '"? ', '') || cdc_inner.what_is_visible(kind);
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
-- slug).  NULL: none.  kind: organization, service or pipeline; "pipeline, deleted too":
-- the one that has the name, else in each organisation the one that had it last;
-- "invitation": an organisation that the caller is invited to; "membership": one that he
-- is in, or invited to.  A name in the form of an id is never one: else it could stand in
-- another's place.  ERROR 42725 with the list: several have the name.
CREATE OR REPLACE FUNCTION cdc_inner.resolve(kind text, words text) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hit record;
BEGIN
	SELECT count(*) AS n, min(x.id::text)::uuid AS id, string_agg(format('%s (in %s)', x.id, o.slug), ', ' ORDER BY o.slug) AS list INTO hit
		FROM (SELECT y.*, rank() OVER (ORDER BY y.gone) AS nth FROM (
			SELECT g.id, g.id AS organization_id, g.slug AS name, false AS gone FROM cdc.organization g WHERE kind IN ('organization', 'invitation', 'membership')
			UNION ALL SELECT s.id, s.organization_id, s.name, false FROM cdc.service s WHERE kind = 'service' AND s.deleted_at IS NULL AND s.status <> 'deleting'
			UNION ALL SELECT p.id, p.organization_id, p.name, false FROM cdc.pipeline_spec p WHERE kind LIKE 'pipeline%' AND p.deleted_at IS NULL AND p.desired_state = 'present'
			UNION ALL (SELECT DISTINCT ON (p.organization_id) p.id, p.organization_id, p.name, true FROM cdc.pipeline_spec p
				WHERE kind = 'pipeline, deleted too' AND p.desired_state = 'deleted' AND p.name = words ORDER BY p.organization_id, p.created_at DESC, p.id)) y
			WHERE CASE WHEN cdc_inner.is_uuid(words) THEN replace(y.id::text, '-', '') = lower(replace(words, '-', '')) ELSE y.name = words END
				AND CASE kind WHEN 'invitation' THEN false ELSE y.organization_id IN (SELECT cdc_inner.caller_organizations()) END
				OR kind IN ('invitation', 'membership') AND y.name = words AND y.organization_id IN (SELECT m.organization_id FROM cdc.organization_member m
					WHERE m.role_oid = cdc_inner.caller_oid() AND m.system_identifier = cdc_inner.system_identifier() AND m.organization_id = coalesce(cdc_inner.caller_confined_to(), m.organization_id))) x
		JOIN cdc.organization o ON o.id = x.organization_id WHERE x.nth = 1;
	IF hit.n > 1 THEN
		RAISE ambiguous_function USING MESSAGE = format('several %ss are named "%s"', split_part(kind, ',', 1), words), DETAIL = format('They are: %s.', hit.list), HINT = 'Give the id.';
	END IF;
	RETURN hit.id;
END
$$;

-- The id that an argument means which takes an id or a name: an id is what it is, and
-- judged by whoever is given it.  kind: as above.  ERROR 42704: nothing has the name; 42725.
CREATE OR REPLACE FUNCTION cdc_inner.meant(kind text, words text) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	hit uuid;
BEGIN
	IF words IS NULL OR cdc_inner.is_uuid(btrim(words, '{}')) THEN
		RETURN words::uuid;
	END IF;
	hit := cdc_inner.resolve(kind, words);
	IF hit IS NULL THEN
		PERFORM cdc_inner.raise_unnamed(CASE kind WHEN 'membership' THEN 'organization' ELSE split_part(kind, ',', 1) END, words);
	END IF;
	RETURN hit;
END
$$;
