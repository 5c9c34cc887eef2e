-- 40_organizations.sql: organisations and their members.

-- Makes an organisation; the caller becomes its owner.  slug: lower case
-- letters, digits and hyphens, made from the name when NULL.  Returns its id.
-- Errors: 22023 bad name or slug, 42710 slug taken.
CREATE OR REPLACE FUNCTION cdc_inner.create_organization(name text, slug text DEFAULT NULL, is_personal boolean DEFAULT false) RETURNS uuid
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made uuid;
BEGIN
	IF coalesce(btrim(name), '') = '' OR length(name) > 255 OR name ~ '[[:cntrl:]]' THEN
		PERFORM cdc.raise_invalid('an organization needs a name', format('It was %L.', name), 'Give 1 to 255 characters, on one line.');
	END IF;
	slug := coalesce(slug, btrim(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), '-'));
	IF slug !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' THEN
		PERFORM cdc.raise_invalid('the slug of an organization must be 1 to 63 lower case letters, digits and hyphens',
			format('It was %L.', slug), 'Give another slug as the second argument.');
	END IF;
	BEGIN
		INSERT INTO cdc.organization AS o (name, slug, is_personal) VALUES (name, slug, coalesce(is_personal, false)) RETURNING o.id INTO made;
	EXCEPTION WHEN unique_violation THEN
		RAISE duplicate_object USING MESSAGE = format('an organization with slug "%s" already exists', slug),
			DETAIL = 'Slugs are unique in an installation.', HINT = 'Give another slug as the second argument.';
	END;
	INSERT INTO cdc.organization_member (organization_id, member, role) VALUES (made, cdc_inner.caller(), 'owner');
	PERFORM cdc.grant_use(cdc_inner.caller());
	-- the first organisation makes this server the acting one
	INSERT INTO cdc.control_plane (system_identifier, epoch)
		SELECT system_identifier, 0 FROM pg_catalog.pg_control_system()
		ON CONFLICT (singleton) DO NOTHING;
	PERFORM cdc.ask('round', NULL);
	RETURN made;
END
$$;

-- Adds a PostgreSQL role to an organisation, or changes its role there, and
-- grants it what callers need; idempotent.  Needs admin; who makes or changes an
-- owner must be one.  The last owner stays.  Errors: 22023, 42704, 42501.
CREATE OR REPLACE FUNCTION cdc_inner.add_member(organization uuid, member name, role text DEFAULT 'member') RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc.require(organization, 'admin');
	IF role IS NULL OR role NOT IN ('owner', 'admin', 'member', 'viewer') THEN
		PERFORM cdc.raise_invalid('unknown role in an organization', format('It was %L.', role), 'Use owner, admin, member or viewer.');
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = member) THEN
		RAISE undefined_object USING MESSAGE = format('role "%s" does not exist', member),
			DETAIL = 'A member of an organization is a PostgreSQL role.', HINT = format('CREATE ROLE %I LOGIN first.', member);
	END IF;
	IF role = 'owner' THEN
		PERFORM cdc.require_owner(organization);
	ELSE
		PERFORM cdc.keep_an_owner(organization, member);
	END IF;
	INSERT INTO cdc.organization_member AS m (organization_id, member, role) VALUES (organization, member, role)
		ON CONFLICT ON CONSTRAINT organization_member_pkey DO UPDATE SET role = excluded.role;
	PERFORM cdc.grant_use(member);
END
$$;

-- Takes a role out of an organisation; one that is not in it is no error.  Needs
-- admin.  What it was granted stays (it may be in others), and shows it nothing.
CREATE OR REPLACE FUNCTION cdc_inner.remove_member(organization uuid, member name) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc.require(organization, 'admin');
	PERFORM cdc.keep_an_owner(organization, member);
	DELETE FROM cdc.organization_member m WHERE m.organization_id = organization AND m.member = member;
END
$$;

CREATE OR REPLACE FUNCTION cdc.require_owner(organization uuid) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF cdc.member_role(organization) IS DISTINCT FROM 'owner' THEN
		RAISE insufficient_privilege USING MESSAGE = 'only an owner makes, changes or removes an owner',
			DETAIL = format('Role "%s" is %s there.', cdc_inner.caller(), cdc.member_role(organization)), HINT = 'Ask an owner of the organization.';
	END IF;
END
$$;

-- ERROR unless leaving may stop being an owner (or is none).
CREATE OR REPLACE FUNCTION cdc.keep_an_owner(organization uuid, leaving name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- two owners that leave at once must see each other
	PERFORM FROM cdc.organization o WHERE o.id = organization FOR NO KEY UPDATE;
	IF NOT EXISTS (SELECT FROM cdc.organization_member m WHERE m.organization_id = organization AND m.member = leaving AND m.role = 'owner') THEN
		RETURN;
	END IF;
	PERFORM cdc.require_owner(organization);
	IF NOT EXISTS (SELECT FROM cdc.organization_member m WHERE m.organization_id = organization AND m.member <> leaving AND m.role = 'owner') THEN
		PERFORM cdc.raise_invalid('an organization keeps at least one owner', format('Role "%s" is its only owner.', leaving), 'Make another member owner first.');
	END IF;
END
$$;
