-- common/helpers_caller.sql: who calls (src/extension/identity.c), and what he may.

-- These four, and cdc_inner.caller(), are ERROR 42501 where no entry was.
CREATE OR REPLACE FUNCTION cdc_inner.caller_is_superuser() RETURNS boolean
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_caller_is_superuser';

-- Has the caller the privileges of this role?
CREATE OR REPLACE FUNCTION cdc_inner.caller_has_role(role name) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_caller_has_role';

-- The only organisation that the caller's token opens; NULL: no token, or all.
CREATE OR REPLACE FUNCTION cdc_inner.caller_confined_to() RETURNS uuid
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_caller_confined_to';

-- The caller as an OID.
CREATE OR REPLACE FUNCTION cdc_inner.caller_oid() RETURNS oid
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_caller_oid';

-- The id of the REST request that is being answered, for events; NULL: none is.
CREATE OR REPLACE FUNCTION cdc_inner.request_id() RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'cdc_request_id';

CREATE OR REPLACE VIEW cdc.membership WITH (security_invoker = true) AS
	SELECT m.organization_id, m.role_oid, m.role, m.made FROM cdc.organization_member m
		WHERE m.state = 'accepted' AND m.system_identifier = cdc_inner.system_identifier();
COMMENT ON VIEW cdc.membership IS 'Who is a member of what: has accepted, and is known on this server. Readers: superusers.';

-- The caller's role in an organisation, NULL: none.  Superusers are owners
-- of every one that exists.
CREATE OR REPLACE FUNCTION cdc_inner.member_role(organization uuid) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF organization <> cdc_inner.caller_confined_to() THEN
		RETURN NULL;
	END IF;
	IF cdc_inner.caller_is_superuser() THEN
		RETURN (SELECT 'owner' FROM cdc.organization o WHERE o.id = member_role.organization);
	END IF;
	RETURN cdc_inner.member_role_now(organization, cdc_inner.caller_oid());
END
$$;

-- May the caller do this there?  permission: service:read, service:create, admin.
CREATE OR REPLACE FUNCTION cdc_inner.may(organization uuid, permission text) RETURNS boolean
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN coalesce(cdc_inner.member_role(organization) = ANY (CASE permission
		WHEN 'service:read' THEN '{owner,admin,member,viewer}'::text[]
		WHEN 'service:create' THEN '{owner,admin,member}'
		WHEN 'admin' THEN '{owner,admin}' END), false);
END
$$;

-- ERROR unless the caller may: 42704 for an organisation that the caller is not
-- in (whether it exists or not), 42501 for one in which its role is too small.
CREATE OR REPLACE FUNCTION cdc_inner.require(organization uuid, permission text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF cdc_inner.may(organization, permission) THEN
		RETURN;
	END IF;
	IF cdc_inner.may(organization, 'service:read') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('permission %s is needed in this organization', permission),
			DETAIL = format('Role "%s" is %s there.', cdc_inner.caller(), cdc_inner.member_role(organization)),
			HINT = format('Ask an owner or admin of the organization for: SELECT cdc.add_member(%L, %L, %L);', organization, cdc_inner.caller(),
				CASE permission WHEN 'admin' THEN 'admin' ELSE 'member' END);
	END IF;
	PERFORM cdc_inner.raise_unknown('organization', organization);
END
$$;

-- ERROR 42501 unless the caller is a superuser; what: the function's name.
CREATE OR REPLACE FUNCTION cdc_inner.require_superuser(what text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT cdc_inner.caller_is_superuser() THEN
		RAISE insufficient_privilege USING MESSAGE = format('%s is for superusers', what),
			DETAIL = format('Role "%s" is none.', cdc_inner.caller()), HINT = 'Connect as a superuser.';
	END IF;
END
$$;

-- ERROR 42704 unless there is such a role: GRANT takes "public", quoted or not, for everybody.
CREATE OR REPLACE FUNCTION cdc_inner.require_role(role name) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = require_role.role) OR role IS NULL THEN
		RAISE undefined_object USING MESSAGE = format('role "%s" does not exist', role),
			DETAIL = 'One role is given this, and not everybody.', HINT = 'CREATE ROLE ... LOGIN first, and give its name.';
	END IF;
END
$$;

-- The organisation that a call without one means: the personal one that the caller
-- made himself, else the only one that he is in.  What somebody else calls personal
-- is nobody's default: a secret would go where that one can have it shown.
-- ERROR 42704: he is in none; 22023 with the list: it must be said.
CREATE OR REPLACE FUNCTION cdc_inner.default_organization() RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	mine uuid[];
BEGIN
	mine := ARRAY(SELECT m.organization_id FROM cdc.membership m JOIN cdc.organization o ON o.id = m.organization_id
		WHERE m.role_oid = cdc_inner.caller_oid() AND m.organization_id = coalesce(cdc_inner.caller_confined_to(), m.organization_id)
		ORDER BY (o.is_personal AND m.made) DESC, o.created_at, o.id);
	IF cardinality(mine) = 0 AND NOT EXISTS (SELECT cdc_inner.caller_organizations()) THEN
		RAISE undefined_object USING
			MESSAGE = 'no organization was named and this role is in none',
			DETAIL = format('Role "%s" is no member of any organization.', cdc_inner.caller()),
			HINT = coalesce((SELECT format('SET ROLE %I first: that role is a member of one, and being in it is not acting as it. ', min(r.rolname)) FROM cdc.membership m JOIN pg_roles r ON r.oid = m.role_oid
				WHERE pg_has_role(cdc_inner.caller_oid(), r.oid, 'MEMBER') HAVING count(*) > 0), '') || 'An owner of one invites with SELECT cdc.add_member(organization, role); who may SELECT cdc.create_organization(''name'') makes one; or name one: organization => ''...''.';
	END IF;
	-- a superuser may be in none, and act in all
	IF cardinality(mine) <> 1 AND NOT EXISTS (SELECT FROM cdc.membership m JOIN cdc.organization o ON o.id = m.organization_id
			WHERE m.organization_id = mine[1] AND m.role_oid = cdc_inner.caller_oid() AND m.made AND o.is_personal) THEN
		PERFORM cdc_inner.raise_invalid('the organization must be named',
			format('Role "%s" %s: %s.', cdc_inner.caller(), CASE cardinality(mine) WHEN 0 THEN 'is in none, and may act in' ELSE 'is in' END, (SELECT string_agg(format('%s (%s)', o.slug, o.id), ', ' ORDER BY o.slug)
				FROM cdc.organization o WHERE o.id = ANY (mine) OR (cardinality(mine) = 0 AND o.id IN (SELECT cdc_inner.caller_organizations())))),
			'Name one: organization => ''...''.', 'organization_id');
	END IF;
	RETURN mine[1];
END
$$;
