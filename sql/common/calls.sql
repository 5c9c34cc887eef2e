-- common/calls.sql: what policies and views ask about who calls.

-- PL/pgSQL, here and in the other rooms: it keeps its plans, SQL functions plan at every
-- call.

-- Known to this process only.
CREATE OR REPLACE FUNCTION cdc_inner.caller() RETURNS name
	LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY DEFINER AS 'MODULE_PATHNAME', 'cdc_caller';
COMMENT ON FUNCTION cdc_inner.caller IS
	'The role on whose behalf this is answered: the current role; over REST that of the token. For members: policies and views use it.';

CREATE OR REPLACE FUNCTION cdc_inner.caller_organizations() RETURNS SETOF uuid
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	only_one uuid := cdc_inner.caller_confined_to();
BEGIN
	IF cdc_inner.caller_is_superuser() THEN
		RETURN QUERY SELECT o.id FROM cdc.organization o WHERE o.id = coalesce(only_one, o.id);
	ELSE
		RETURN QUERY SELECT m.organization_id FROM cdc.membership m
			WHERE m.role_oid = cdc_inner.caller_oid() AND m.organization_id = coalesce(only_one, m.organization_id);
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
	RETURN QUERY SELECT o FROM cdc_inner.caller_organizations() o WHERE cdc_inner.may(o, 'admin');
END
$$;
COMMENT ON FUNCTION cdc_inner.caller_administers IS
	'The organizations of which the caller is owner or admin; superusers: all. For members: policies use it.';
