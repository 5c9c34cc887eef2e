-- rest/routes_organizations.sql: organizations, their members, limits, invitations and tokens
-- over REST.  Organizations and tokens are made in SQL: else a request with a token could
-- make one that outlives it.

-- A personal organization is first, and told as one, to who made it: to others it is
-- one of those that they are in.
CREATE OR REPLACE FUNCTION cdc_inner.rest_organization_objects(id uuid) RETURNS TABLE (object text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT row_to_json(x)::text FROM cdc.organization o LEFT JOIN cdc.membership m ON m.organization_id = o.id AND m.role_oid = cdc_inner.caller_oid(),
			LATERAL (SELECT o.id, o.name, o.slug, o.is_personal AND coalesce(m.made, false) AS is_personal, cdc_inner.member_role(o.id) AS role, cdc_inner.rfc3339(o.created_at) AS created_at) x
		WHERE o.id IN (SELECT cdc_inner.caller_organizations()) AND o.id = coalesce(rest_organization_objects.id, o.id)
		ORDER BY x.is_personal DESC, o.created_at, o.id
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_organizations_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT ROW(200, NULL, '{"organizations":[' || coalesce(string_agg(x.object, ','), '') || ']}')::cdc.rest_response FROM cdc_inner.rest_organization_objects(NULL) x
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_organization_get(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.rest_require(r.first, 'service:read');
	RETURN ROW(200, NULL, (SELECT x.object FROM cdc_inner.rest_organization_objects(r.first) x))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_member_objects(organization uuid, member text) RETURNS TABLE (object text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT row_to_json(x)::text FROM (SELECT m.member, m.role, m.state, m.invited_by, cdc_inner.rfc3339(m.created_at) AS created_at
		FROM cdc_inner.list_members(rest_member_objects.organization) m WHERE m.member::text = coalesce(rest_member_objects.member, m.member::text)) x
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_members_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.rest_require(r.first, 'service:read');
	RETURN ROW(200, NULL, (SELECT '{"members":[' || coalesce(string_agg(x.object, ','), '') || ']}' FROM cdc_inner.rest_member_objects(r.first, NULL) x))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_member_add(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	body jsonb;
	message text;
	hint text;
BEGIN
	PERFORM cdc_inner.rest_require(r.first, 'admin');
	SELECT b.body INTO body FROM cdc_inner.rest_body(r) b;
	PERFORM cdc_inner.rest_check(body, '{"member": "string", "role": "string"}', '{member}', true);
	IF octet_length(body ->> 'member') > 63 THEN
		-- as a name it would be cut, and be another's
		PERFORM cdc_inner.raise_invalid('no role has so long a name', format('It has %s bytes.', octet_length(body ->> 'member')), 'Name a role of the metadata database.', 'member');
	END IF;
	BEGIN
		PERFORM cdc_inner.add_member(r.first, (body ->> 'member')::name, coalesce(body ->> 'role', 'member'));
	EXCEPTION WHEN object_not_in_prerequisite_state THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
		PERFORM cdc_inner.rest_refuse(409, 'declined', message, NULL, hint, 'member');
	END;
	RETURN ROW(200, NULL, (SELECT x.object FROM cdc_inner.rest_member_objects(r.first, body ->> 'member') x LIMIT 1))::cdc.rest_response;
END
$$;

-- Oneself: leaves, or declines; that needs to be no member.
CREATE OR REPLACE FUNCTION cdc_inner.rest_member_remove(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF r.second = cdc_inner.caller()::text AND NOT cdc_inner.caller_is_superuser() THEN
		BEGIN
			PERFORM cdc_inner.leave_organization(r.first);
		EXCEPTION WHEN undefined_object THEN
			PERFORM cdc_inner.rest_require(r.first, 'service:read');
		END;
	ELSE
		PERFORM cdc_inner.rest_require(r.first, 'admin');
		IF NOT EXISTS (SELECT FROM cdc_inner.rest_member_objects(r.first, r.second)) THEN
			PERFORM cdc_inner.rest_refuse(404, 'not_found', 'no such member', 'No role of this name is a member of the organization, or invited to it.', 'GET /organizations/{organization_id}/members lists those that are.');
		END IF;
		PERFORM cdc_inner.remove_member(r.first, r.second::name);
	END IF;
	RETURN ROW(204, NULL, NULL)::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_limits_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.rest_require(r.first, 'service:read');
	RETURN ROW(200, NULL, (SELECT '{"limits":[' || string_agg(row_to_json(l)::text, ',' ORDER BY l.what) || ']}' FROM cdc_inner.organization_limits(r.first) l))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_invitations_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT ROW(200, NULL, '{"invitations":[' || coalesce(string_agg(row_to_json(x)::text, ','), '') || ']}')::cdc.rest_response
		FROM (SELECT i.organization AS organization_id, i.slug, i.role, i.invited_by, cdc_inner.rfc3339(i.created_at) AS created_at FROM cdc_inner.invitations() i) x
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_invitation_accept(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	BEGIN
		PERFORM cdc_inner.accept_membership(r.first);
	EXCEPTION WHEN undefined_object THEN
		PERFORM cdc_inner.rest_refuse(404, 'not_found', 'no such invitation', 'The caller is not invited to an organization with this id.', 'GET /invitations lists those that wait.');
	END;
	RETURN ROW(200, NULL, (SELECT x.object FROM cdc_inner.rest_organization_objects(r.first) x))::cdc.rest_response;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_tokens_list(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT ROW(200, NULL, '{"tokens":[' || coalesce(string_agg(row_to_json(x)::text, ','), '') || ']}')::cdc.rest_response
		FROM (SELECT t.id, t.name, t.prefix, t.member, t.organization_id, cdc_inner.rfc3339(t.created_at) AS created_at, cdc_inner.rfc3339(t.expires_at) AS expires_at,
			cdc_inner.rfc3339(t.last_used_at) AS last_used_at, t.last_used_from, cdc_inner.rfc3339(t.revoked_at) AS revoked_at FROM cdc_inner.list_tokens() t) x
$$;

CREATE OR REPLACE FUNCTION cdc_inner.rest_token_revoke(r cdc.rest_request) RETURNS cdc.rest_response
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	BEGIN
		PERFORM cdc_inner.revoke_token(r.first);
	EXCEPTION WHEN undefined_object THEN
		PERFORM cdc_inner.rest_refuse(404, 'not_found', 'no such token', 'No token with this id is visible to the caller.', 'GET /tokens lists those that are.');
	END;
	RETURN ROW(204, NULL, NULL)::cdc.rest_response;
END
$$;
