-- organizations/calls_tokens.sql: bearer tokens.

CREATE OR REPLACE FUNCTION cdc_inner.create_token(name text, organization uuid DEFAULT NULL, expires interval DEFAULT '90 days') RETURNS text
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT t.token FROM cdc_inner.make_token(name, organization, expires) t
$$;
COMMENT ON FUNCTION cdc_inner.create_token IS
	'Makes a bearer token for the caller and returns it: shown this once, kept as a hash. name: 1 to 100 characters, what it is for. organization: the only '
	'one that it opens; NULL: all of the caller''s, later ones too. expires: for how long it is good, at most 10 years. For viewers. Errors: 22023 bad name '
	'or expiry, 42704 unknown organization or none at all, 53400 too many, 55000 for a role that may not log in.';

CREATE OR REPLACE FUNCTION cdc_inner.list_tokens() RETURNS TABLE (id uuid, name text, prefix text, member name, organization_id uuid,
		created_at timestamptz, expires_at timestamptz, last_used_at timestamptz, revoked_at timestamptz, last_used_from text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT t.id, t.name, t.prefix, coalesce(r.rolname, t.member), t.organization_id, t.created_at, t.expires_at, t.last_used_at, t.revoked_at, t.last_used_from
		FROM cdc.api_token t LEFT JOIN pg_roles r ON r.oid = t.role_oid AND t.system_identifier = cdc_inner.system_identifier()
		WHERE (r.oid = cdc_inner.caller_oid() OR cdc_inner.may(t.organization_id, 'admin') OR cdc_inner.caller_is_superuser())
			AND (cdc_inner.caller_confined_to() IS NULL OR t.organization_id = cdc_inner.caller_confined_to())
		ORDER BY t.created_at DESC, t.id
$$;
COMMENT ON FUNCTION cdc_inner.list_tokens IS
	'The tokens that the caller made, and those of the organizations that it administers; newest first. id: for cdc.revoke_token(). name: what it is for. '
	'prefix: its first characters. member: the role that it stands for. organization_id: the only organization that it opens, NULL: all of the role''s. '
	'created_at, expires_at: when it was made and ends. last_used_at, last_used_from: when and from which address it was used, to five minutes, NULL: '
	'never. revoked_at: NULL: it was not. For viewers.';

CREATE OR REPLACE FUNCTION cdc_inner.revoke_token(id uuid) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	known record;
BEGIN
	SELECT t.name, t.organization_id INTO known FROM cdc_inner.list_tokens() t WHERE t.id = id;
	IF NOT FOUND THEN
		PERFORM cdc_inner.raise_unknown('token', id);
	END IF;
	UPDATE cdc.api_token t SET revoked_at = now() WHERE t.id = id AND t.revoked_at IS NULL;
	IF FOUND THEN
		PERFORM cdc_inner.note_organization(known.organization_id, 'token revoked', format('token "%s" was revoked', known.name), jsonb_build_object('token', id));
	END IF;
END
$$;
COMMENT ON FUNCTION cdc_inner.revoke_token IS
	'Ends a token; one that is revoked already is no error. id: of cdc.list_tokens(). For who made it, and for admins of its organization. Errors: 42704.';
