-- organizations/calls.sql: organizations, their members, and invitations to them.

CREATE OR REPLACE FUNCTION cdc_inner.create_organization(name text, slug text DEFAULT NULL, is_personal boolean DEFAULT false) RETURNS uuid
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made uuid;
BEGIN
	IF coalesce(btrim(name), '') = '' OR length(name) > 255 OR name ~ '[[:cntrl:]]' THEN
		PERFORM cdc_inner.raise_invalid('an organization needs a name', format('It was %L.', name), 'Give 1 to 255 characters, on one line.', 'name');
	END IF;
	slug := coalesce(slug, btrim(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), '-'));
	IF slug !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' THEN
		PERFORM cdc_inner.raise_invalid('the slug of an organization must be 1 to 63 lower case letters, digits and hyphens',
			format('It was %L.', slug), 'Give another slug as the second argument.', 'slug');
	END IF;
	IF cdc_inner.is_uuid(slug) THEN
		PERFORM cdc_inner.raise_invalid('the slug of an organization must not look like an id', format('It was %L, which can be read as a UUID.', slug),
			'Give another slug as the second argument.', 'slug');
	END IF;
	PERFORM cdc_inner.admit(NULL, 'organizations', 1, cdc_inner.caller_oid()) WHERE NOT cdc_inner.caller_is_superuser();
	-- one that is being made is not waited for: nobody knows when its maker commits
	IF NOT cdc_inner.try_lock('organization slug ' || slug) THEN
		RAISE duplicate_object USING MESSAGE = format('an organization with slug "%s" is being made at this moment', slug),
			DETAIL = 'Slugs are unique in an installation; the transaction that makes it is not over.', HINT = 'Try again, or give another slug as the second argument.', COLUMN = 'slug';
	END IF;
	BEGIN
		INSERT INTO cdc.organization AS o (name, slug, is_personal, made_by_oid, system_identifier)
			VALUES (name, slug, coalesce(is_personal, false), cdc_inner.caller_oid(), cdc_inner.system_identifier()) RETURNING o.id INTO made;
	EXCEPTION WHEN unique_violation THEN
		RAISE duplicate_object USING MESSAGE = format('an organization with slug "%s" already exists', slug),
			DETAIL = 'Slugs are unique in an installation.', HINT = 'Give another slug as the second argument.', COLUMN = 'slug';
	END;
	INSERT INTO cdc.organization_member (organization_id, member, role, role_oid, system_identifier, made)
		VALUES (made, cdc_inner.caller(), 'owner', cdc_inner.caller_oid(), cdc_inner.system_identifier(), true);
	PERFORM cdc_inner.note_organization(made, 'created', format('made by role "%s"', cdc_inner.caller()));
	IF NOT EXISTS (SELECT FROM cdc.control_plane) THEN
		PERFORM cdc_inner.ask('first', NULL);
		PERFORM cdc_inner.begin_to_act();
	END IF;
	PERFORM cdc_inner.ask('round', made);
	RETURN made;
END
$$;
COMMENT ON FUNCTION cdc_inner.create_organization IS
	'Makes an organization and returns its id; the caller becomes its owner, and a personal one is from then on what a call of his means that names none. '
	'name: 1 to 255 characters on one line. slug: unique in the installation, 1 to 63 lower case letters, digits and hyphens, in no form of a UUID; NULL: '
	'made from the name. is_personal: whether it is the caller''s own. For superusers, and for whom one has granted EXECUTE. Errors: 22023 bad name or '
	'slug, 42710 slug taken, 53400 more than cdc_pipeline.role_organizations.';

CREATE OR REPLACE FUNCTION cdc_inner.add_member(organization uuid, member name, role text DEFAULT 'member') RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	who oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = member);
	before cdc.organization_member;
	state text;
BEGIN
	PERFORM cdc_inner.require_admin_alone(organization);
	IF role IS NULL OR role NOT IN ('owner', 'admin', 'member', 'viewer') THEN
		PERFORM cdc_inner.raise_invalid('unknown role in an organization', format('It was %L.', role), 'Use owner, admin, member or viewer.', 'role');
	END IF;
	IF who IS NULL THEN
		RAISE undefined_object USING MESSAGE = format('role "%s" does not exist', member),
			DETAIL = 'A member of an organization is a PostgreSQL role.', HINT = format('CREATE ROLE %I LOGIN first.', member), COLUMN = 'member';
	END IF;
	IF member ~ '^pg_' THEN
		PERFORM cdc_inner.raise_invalid('a predefined role cannot be a member of an organization', format('It was %L.', member), 'Name a role that somebody made.', 'member');
	END IF;
	SELECT * INTO before FROM cdc.organization_member m
		WHERE m.organization_id = organization AND m.role_oid = who AND m.system_identifier = cdc_inner.system_identifier();
	IF role = 'owner' OR EXISTS (SELECT FROM cdc_inner.member_rows(organization) m WHERE m.member = member AND m.role = 'owner') THEN
		PERFORM cdc_inner.require_owner(organization);
	END IF;
	IF before.state = 'declined' AND NOT cdc_inner.caller_is_superuser() THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = format('role "%s" has declined to be a member of this organization', member),
			DETAIL = 'It is asked once.', HINT = 'A superuser may add it.', COLUMN = 'member';
	END IF;
	state := CASE WHEN cdc_inner.caller_is_superuser() OR before.state = 'accepted' THEN 'accepted' ELSE 'invited' END;
	IF (before.role, before.state) IS NOT DISTINCT FROM (role, state) THEN
		RETURN;
	END IF;
	-- what another server called by this name is replaced
	DELETE FROM cdc.organization_member m USING cdc_inner.member_rows(organization) r WHERE m.id = r.id AND r.member = member AND NOT r.present;
	PERFORM cdc_inner.admit(organization, 'members') WHERE before.id IS NULL;
	INSERT INTO cdc.organization_member AS m (organization_id, member, role, role_oid, system_identifier, state, invited_by)
		VALUES (organization, member, role, who, cdc_inner.system_identifier(), state, cdc_inner.caller())
		ON CONFLICT ON CONSTRAINT organization_member_role_key DO UPDATE SET member = excluded.member, role = excluded.role, state = excluded.state, invited_by = excluded.invited_by;
	IF before.role = 'owner' AND before.state = 'accepted' THEN
		PERFORM cdc_inner.keep_an_owner(organization, member);
	END IF;
	PERFORM cdc_inner.note_organization(organization, CASE WHEN before.state = 'accepted' THEN 'changed' WHEN state = 'accepted' THEN 'added' ELSE 'invited' END,
		format(CASE WHEN before.state = 'accepted' THEN 'role "%s" is %s now' WHEN state = 'accepted' THEN 'role "%s" was added as %s' ELSE 'role "%s" was invited as %s' END, member, role),
		jsonb_build_object('member', member, 'role', role, 'role_before', before.role));
END
$$;
COMMENT ON FUNCTION cdc_inner.add_member IS
	'Adds a PostgreSQL role to an organization, or changes its role there; asked again, nothing. By a superuser, and for who has accepted already, it holds '
	'at once; by others it is an invitation, which gives nothing until cdc.accept_membership(). organization: its id. member: the PostgreSQL role, a '
	'predefined one (pg_...) never. role: owner, admin, member or viewer. For admins; who makes or changes an owner must be one, and one owner always '
	'stays. Errors: 22023, 42704, 42501, 53400 too many, 55000 for a role that has declined.';

CREATE OR REPLACE FUNCTION cdc_inner.remove_member(organization uuid, member name) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	leaving record;
BEGIN
	PERFORM cdc_inner.require_admin_alone(organization);
	FOR leaving IN SELECT r.* FROM cdc_inner.member_rows(organization) r
			WHERE r.member = member AND (r.state <> 'declined' OR NOT r.present OR cdc_inner.caller_is_superuser()) LOOP
		IF leaving.role = 'owner' THEN
			PERFORM cdc_inner.require_owner(organization);
		END IF;
		DELETE FROM cdc.organization_member m WHERE m.id = leaving.id;
		IF leaving.role = 'owner' AND leaving.state = 'accepted' AND leaving.present THEN
			PERFORM cdc_inner.keep_an_owner(organization, member);
		END IF;
		PERFORM cdc_inner.note_organization(organization, 'removed', format(CASE leaving.state WHEN 'accepted' THEN 'role "%s" was removed' WHEN 'invited' THEN 'the invitation of role "%s" was taken back'
			ELSE 'role "%s", which had declined, may be invited again' END, member), jsonb_build_object('member', member, 'role', leaving.role));
	END LOOP;
END
$$;
COMMENT ON FUNCTION cdc_inner.remove_member IS
	'Takes a role out of an organization, or an invitation back; one that is not in it is no error. That a role has declined is not forgotten, but by a superuser. organization: its id. member: the PostgreSQL role. For admins; an '
	'owner is removed by an owner, the last one never. Errors: 22023, 42704, 42501.';

CREATE OR REPLACE FUNCTION cdc_inner.list_members(organization uuid) RETURNS TABLE (member name, role text, state text, invited_by name, created_at timestamptz)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdc_inner.require(organization, 'service:read');
	RETURN QUERY SELECT r.member, r.role, CASE WHEN r.present THEN r.state ELSE 'absent' END, r.invited_by, r.created_at
		FROM cdc_inner.member_rows(organization) r ORDER BY r.member, r.created_at;
END
$$;
COMMENT ON FUNCTION cdc_inner.list_members IS
	'The members of an organization, who is invited to it, and who has declined, by name. organization: its id. member: the PostgreSQL role. role: owner, '
	'admin, member or viewer. state: accepted, invited, declined, or absent: bound to no role of this server (cdc.bind_members()). invited_by: the role '
	'that has added or invited it last, NULL: not known. created_at: since when. For viewers. Errors: 42704.';

CREATE OR REPLACE FUNCTION cdc_inner.invitations() RETURNS TABLE (organization uuid, slug text, role text, invited_by name, created_at timestamptz)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT o.id, o.slug, m.role, m.invited_by, m.created_at FROM cdc.organization_member m JOIN cdc.organization o ON o.id = m.organization_id
		WHERE m.role_oid = cdc_inner.caller_oid() AND m.system_identifier = cdc_inner.system_identifier() AND m.state = 'invited'
			AND o.id = coalesce(cdc_inner.caller_confined_to(), o.id)
		ORDER BY m.created_at, o.id
$$;
COMMENT ON FUNCTION cdc_inner.invitations IS
	'What the caller was invited to and has neither accepted nor declined. organization: its id. slug: its short name; the name, which its owner words, is '
	'not shown. role: what he would be there. invited_by: the role that asks. created_at: since when. For anybody who is invited.';

CREATE OR REPLACE FUNCTION cdc_inner.accept_membership(organization uuid) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF EXISTS (SELECT FROM cdc_inner.invitations() i WHERE i.organization = organization) THEN
		-- it may be taken back at this moment
		PERFORM cdc_inner.lock_organization(organization);
		UPDATE cdc.organization_member m SET state = 'accepted', member = cdc_inner.caller()
			WHERE m.organization_id = organization AND m.role_oid = cdc_inner.caller_oid() AND m.system_identifier = cdc_inner.system_identifier() AND m.state = 'invited';
		IF FOUND THEN
			PERFORM cdc_inner.note_organization(organization, 'accepted', format('role "%s" has accepted', cdc_inner.caller()), jsonb_build_object('member', cdc_inner.caller()));
			RETURN;
		END IF;
	END IF;
	IF NOT EXISTS (SELECT FROM cdc.membership m WHERE m.organization_id = organization AND m.role_oid = cdc_inner.caller_oid()
			AND m.organization_id = coalesce(cdc_inner.caller_confined_to(), m.organization_id)) THEN
		PERFORM cdc_inner.raise_unknown('invitation', organization);
	END IF;
END
$$;
COMMENT ON FUNCTION cdc_inner.accept_membership IS
	'The caller becomes a member of the organization that he was invited to; asked again, nothing. organization: its id. For anybody who is invited. '
	'Errors: 42704 when he is not.';

CREATE OR REPLACE FUNCTION cdc_inner.leave_organization(organization uuid) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	leaving record;
BEGIN
	-- before the lock, which is for those who have a row there
	FOR n IN 1 .. 2 LOOP
		SELECT m.id, m.state, m.role INTO leaving FROM cdc.organization_member m
			WHERE m.organization_id = organization AND m.role_oid = cdc_inner.caller_oid() AND m.system_identifier = cdc_inner.system_identifier()
				AND m.organization_id = coalesce(cdc_inner.caller_confined_to(), m.organization_id);
		IF NOT FOUND THEN
			PERFORM cdc_inner.raise_unknown('organization', organization);
		END IF;
		PERFORM cdc_inner.lock_organization(organization) WHERE n = 1;
	END LOOP;
	IF leaving.state = 'invited' THEN
		UPDATE cdc.organization_member m SET state = 'declined' WHERE m.id = leaving.id;
		PERFORM cdc_inner.note_organization(organization, 'declined', format('role "%s" has declined', cdc_inner.caller()), jsonb_build_object('member', cdc_inner.caller()));
	ELSIF leaving.state = 'accepted' THEN
		DELETE FROM cdc.organization_member m WHERE m.id = leaving.id;
		PERFORM cdc_inner.keep_an_owner(organization, cdc_inner.caller()) WHERE leaving.role = 'owner';
		PERFORM cdc_inner.note_organization(organization, 'left', format('role "%s" has left', cdc_inner.caller()), jsonb_build_object('member', cdc_inner.caller(), 'role', leaving.role));
	END IF;
END
$$;
COMMENT ON FUNCTION cdc_inner.leave_organization IS
	'The caller leaves an organization, or declines an invitation to it; declined already: nothing. organization: its id. For viewers, and for anybody who '
	'is invited. Errors: 42704 for one that he is neither in nor invited to, 22023 for its last owner.';

CREATE OR REPLACE FUNCTION cdc_inner.set_organization_maker(organization uuid, maker name) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	found_id uuid;
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.set_organization_maker()');
	PERFORM cdc_inner.require_admin_alone(organization);
	SELECT r.id INTO found_id FROM cdc_inner.member_rows(organization) r WHERE r.member = maker AND r.present AND r.state = 'accepted';
	IF maker IS NOT NULL AND found_id IS NULL THEN
		PERFORM cdc_inner.raise_invalid('the maker of an organization must be a member of it', format('Role "%s" is none.', maker), 'SELECT cdc.add_member(organization, maker, role) first.');
	END IF;
	UPDATE cdc.organization_member m SET made = m.id IS NOT DISTINCT FROM found_id
		WHERE m.organization_id = organization AND m.made <> (m.id IS NOT DISTINCT FROM found_id);
	PERFORM cdc_inner.note_organization(organization, 'changed', coalesce(format('role "%s" is known as its maker', maker), 'nobody is known as its maker'), jsonb_build_object('maker', maker));
END
$$;
COMMENT ON FUNCTION cdc_inner.set_organization_maker IS
	'Says who made an organization, which version 0.1 did not store: a personal one is what a call of that member means that names none. organization: its '
	'id. maker: one of its members; NULL: nobody. For superusers. Errors: 42704 unknown organization, 22023 no member of it.';

CREATE OR REPLACE FUNCTION cdc_inner.bind_members(apply boolean DEFAULT false) RETURNS TABLE (organization text, member name, role text, bound boolean)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	found record;
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.bind_members()');
	FOR found IN SELECT m.id, m.organization_id, o.slug, m.member, m.role, r.oid AS who
			FROM cdc.organization_member m JOIN cdc.organization o ON o.id = m.organization_id LEFT JOIN pg_roles r ON r.rolname = m.member
			WHERE m.system_identifier IS DISTINCT FROM cdc_inner.system_identifier() ORDER BY o.slug, m.member, m.created_at LOOP
		IF apply AND found.who IS NOT NULL THEN
			PERFORM cdc_inner.lock_organization(found.organization_id);
			IF EXISTS (SELECT FROM cdc.organization_member m WHERE m.organization_id = found.organization_id AND m.role_oid = found.who AND m.system_identifier = cdc_inner.system_identifier()) THEN
				DELETE FROM cdc.organization_member m WHERE m.id = found.id;
			ELSE
				UPDATE cdc.organization_member m SET role_oid = found.who, system_identifier = cdc_inner.system_identifier() WHERE m.id = found.id;
				PERFORM cdc_inner.note_organization(found.organization_id, 'bound', format('role "%s" of this server is its %s', found.member, found.role), jsonb_build_object('member', found.member, 'role', found.role));
			END IF;
		END IF;
		organization := found.slug;
		member := found.member;
		role := found.role;
		bound := found.who IS NOT NULL;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION cdc_inner.bind_members IS
	'After a restore on another server, or pg_upgrade: the members and invitations that are bound to no role of this server. apply: whether to bind them to '
	'the roles that have their names now. organization: its slug. member: the name. role: owner, admin, member or viewer. bound: there is such a role, so '
	'that it is bound, or would be. Who was added here since under the same name stays what he was added as; tokens of the other server stay dead. For '
	'superusers.';
