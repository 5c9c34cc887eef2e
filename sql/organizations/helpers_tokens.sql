-- organizations/helpers_tokens.sql: bearer tokens.  A token stands for the role that made
-- it, in one organization or in all of the role's, through cdc.rest_bearer and nowhere
-- else.  The role is known as a member's is: by its OID on this server.

-- Writes a token and returns it: shown this once, kept as a hash.
CREATE OR REPLACE FUNCTION cdc_inner.make_token(name text, organization uuid, expires interval, OUT id uuid, OUT token text)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	role record;
BEGIN
	IF coalesce(btrim(name), '') = '' OR length(name) > 100 OR name ~ '[[:cntrl:]]' THEN
		PERFORM cdc_inner.raise_invalid('a token needs a name', format('It was %L.', name), 'Give 1 to 100 characters, on one line: what the token is for.', 'name');
	END IF;
	IF expires IS NULL OR now() + expires <= now() OR now() + expires > now() + interval '10 years' THEN
		PERFORM cdc_inner.raise_invalid('expires must be an interval of more than nothing and at most 10 years', format('It was %L.', expires), 'For example: expires => ''30 days''.', 'expires');
	END IF;
	IF organization IS NOT NULL THEN
		PERFORM cdc_inner.require(organization, 'service:read');
	ELSIF NOT EXISTS (SELECT cdc_inner.caller_organizations()) THEN
		PERFORM cdc_inner.default_organization();
	END IF;
	SELECT r.oid, r.rolname, r.rolcanlogin INTO role FROM pg_roles r WHERE r.oid = cdc_inner.caller_oid();
	IF NOT role.rolcanlogin THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'a token cannot be made for a role that may not log in',
			DETAIL = format('Role "%s" is NOLOGIN.', role.rolname), HINT = 'Connect as a role with LOGIN and call cdc.create_token() as that one.';
	END IF;
	PERFORM cdc_inner.admit(organization, 'tokens', 1, role.oid);
	token := 'cdc_' || cdc_inner.random_secret();
	INSERT INTO cdc.api_token AS t (name, prefix, hash, member, role_oid, system_identifier, organization_id, expires_at)
		VALUES (name, left(token, 12), sha256(convert_to(token, 'UTF8')), role.rolname, role.oid, cdc_inner.system_identifier(), organization, now() + expires)
		RETURNING t.id INTO id;
	PERFORM cdc_inner.note_organization(organization, 'token made', format('role "%s" made token "%s"', role.rolname, name), jsonb_build_object('token', id, 'expires_at', cdc_inner.rfc3339(now() + expires)));
END
$$;

-- Whom a token stands for: no row when it is unknown, expired, revoked, of another
-- server, or its role is gone, may not log in, or is no member any more.  address:
-- whence it was used, NULL: as the session.  Time and address of the last use are written when those that
-- are known are five minutes old, or one minute and of another address; it waits
-- for nobody.
CREATE OR REPLACE FUNCTION cdc_inner.token_identity(token text, address text, OUT role_oid oid, OUT organization_id uuid) RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	known record;
BEGIN
	SELECT t.id, t.role_oid, t.organization_id, t.last_used_at, t.last_used_from INTO known
		FROM cdc.api_token t JOIN pg_roles r ON r.oid = t.role_oid AND t.system_identifier = cdc_inner.system_identifier()
		WHERE t.hash = sha256(convert_to(token, 'UTF8')) AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp() AND r.rolcanlogin
		AND (r.rolsuper OR EXISTS (SELECT FROM cdc.membership m WHERE m.role_oid = t.role_oid AND m.organization_id = coalesce(t.organization_id, m.organization_id)));
	IF NOT FOUND THEN
		RETURN;
	END IF;
	address := left(coalesce(address, host(inet_client_addr())), 64);
	IF (known.last_used_at < clock_timestamp() - CASE WHEN known.last_used_from IS DISTINCT FROM address THEN interval '1 minute' ELSE interval '5 minutes' END) IS NOT FALSE
			AND NOT pg_is_in_recovery() THEN
		UPDATE cdc.api_token t SET last_used_at = clock_timestamp(), last_used_from = address
			WHERE t.id = (SELECT u.id FROM cdc.api_token u WHERE u.id = known.id FOR NO KEY UPDATE SKIP LOCKED);
	END IF;
	token_identity.role_oid := known.role_oid;
	token_identity.organization_id := known.organization_id;
	RETURN NEXT;
END
$$;
