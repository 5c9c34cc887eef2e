-- organizations/helpers.sql: changing members.
--
-- A member is a PostgreSQL role, by its OID on the server whose system identifier
-- the row has: a role that is renamed stays one, a role that was made anew under
-- an old name is none, and on another server nobody is until cdc.bind_members().
-- The name in a row is for people, and for binding.

-- What was done to an organisation, by the caller; with the REST request's id.
CREATE OR REPLACE FUNCTION cdc_inner.note_organization(organization uuid, kind text, message text, detail jsonb DEFAULT NULL) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO cdc.organization_event (organization_id, kind, role, message, detail)
		VALUES (note_organization.organization, note_organization.kind, cdc_inner.caller(), note_organization.message,
			nullif(jsonb_strip_nulls(coalesce(note_organization.detail, '{}') || jsonb_build_object('request_id', cdc_inner.request_id())), '{}'))
$$;

-- One change of an organisation's members after the other.  Written and not only
-- locked: who waits under REPEATABLE READ gets an error then, instead of deciding
-- by what was true before.
CREATE OR REPLACE FUNCTION cdc_inner.lock_organization(organization uuid) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	UPDATE cdc.organization o SET slug = o.slug WHERE o.id = lock_organization.organization
$$;

-- ERROR as cdc_inner.require('admin'); no member of the organisation changes until the
-- transaction ends.  Asked again behind the lock: the caller may have been removed.
CREATE OR REPLACE FUNCTION cdc_inner.require_admin_alone(organization uuid) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require(organization, 'admin');
	PERFORM cdc_inner.lock_organization(organization);
	PERFORM cdc_inner.require(organization, 'admin');
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.require_owner(organization uuid) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF cdc_inner.member_role(organization) IS DISTINCT FROM 'owner' THEN
		RAISE insufficient_privilege USING MESSAGE = 'only an owner makes, changes or removes an owner',
			DETAIL = format('Role "%s" is %s there.', cdc_inner.caller(), cdc_inner.member_role(organization)), HINT = 'Ask an owner of the organization.';
	END IF;
END
$$;

-- ERROR when an owner has just left, or become less, and was the last that there
-- is: one who has not accepted, or whose role is gone, is none.
CREATE OR REPLACE FUNCTION cdc_inner.keep_an_owner(organization uuid, leaving name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM cdc.membership m JOIN pg_roles r ON r.oid = m.role_oid WHERE m.organization_id = organization AND m.role = 'owner') THEN
		PERFORM cdc_inner.raise_invalid('an organization keeps at least one owner', format('Role "%s" is its only owner.', leaving), 'Make another member owner first.');
	END IF;
END
$$;

-- The rows of an organisation's members with the names that their roles have now.
-- present: the row is bound to a role of this server.
CREATE OR REPLACE FUNCTION cdc_inner.member_rows(organization uuid) RETURNS TABLE (id uuid, member name, role text, state text, present boolean,
		invited_by name, created_at timestamptz)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT m.id, coalesce(r.rolname, m.member), m.role, m.state, r.oid IS NOT NULL, m.invited_by, m.created_at
		FROM cdc.organization_member m LEFT JOIN pg_roles r ON r.oid = m.role_oid AND m.system_identifier = cdc_inner.system_identifier()
		WHERE m.organization_id = member_rows.organization
$$;

-- For the worker, now and then: the names of roles that were renamed, by which a
-- restored copy is bound; the memberships and tokens of roles that were dropped,
-- which end.  Names were given by their holders' superusers; nobody is asked, and rows
-- that somebody's transaction holds are left for the next time.
CREATE OR REPLACE FUNCTION cdc_inner.tend_members() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE cdc.organization_member m SET member = r.rolname FROM pg_roles r
		WHERE r.oid = m.role_oid AND m.id IN (SELECT x.id FROM cdc.organization_member x JOIN pg_roles y ON y.oid = x.role_oid
			WHERE x.system_identifier = cdc_inner.system_identifier() AND y.rolname <> x.member FOR NO KEY UPDATE OF x SKIP LOCKED);
	UPDATE cdc.api_token t SET member = r.rolname FROM pg_roles r
		WHERE r.oid = t.role_oid AND t.id IN (SELECT x.id FROM cdc.api_token x JOIN pg_roles y ON y.oid = x.role_oid
			WHERE x.system_identifier = cdc_inner.system_identifier() AND y.rolname <> x.member FOR NO KEY UPDATE OF x SKIP LOCKED);
	UPDATE cdc.api_token t SET revoked_at = now() WHERE t.id IN (SELECT x.id FROM cdc.api_token x WHERE x.revoked_at IS NULL
		AND x.system_identifier = cdc_inner.system_identifier() AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = x.role_oid) FOR NO KEY UPDATE OF x SKIP LOCKED);
	WITH gone AS (DELETE FROM cdc.organization_member m WHERE m.id IN (SELECT x.id FROM cdc.organization_member x
			WHERE x.system_identifier = cdc_inner.system_identifier() AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = x.role_oid) FOR UPDATE OF x SKIP LOCKED)
			RETURNING m.organization_id, m.member, m.role)
		INSERT INTO cdc.organization_event (organization_id, kind, role, message, detail)
			SELECT g.organization_id, 'removed', current_user, format('role "%s" was dropped', g.member), jsonb_build_object('member', g.member, 'role', g.role) FROM gone g;
END
$$;

-- The first organization makes this server the acting one: who makes it asks for that, and
-- does it himself where no other transaction is about to, for which nobody waits; else the
-- worker does, when it finds that nothing acts (src/worker/store/interlock.c).  Not where a
-- restored copy has organizations and no row yet: the queue is in no dump.
CREATE OR REPLACE FUNCTION cdc_inner.begin_to_act() RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM cdc.control_plane) AND EXISTS (SELECT FROM cdc.work w WHERE w.kind = 'first') AND cdc_inner.try_lock('first organization') THEN
		INSERT INTO cdc.control_plane (system_identifier, epoch) VALUES (cdc_inner.system_identifier(), 0) ON CONFLICT (singleton) DO NOTHING;
	END IF;
END
$$;
