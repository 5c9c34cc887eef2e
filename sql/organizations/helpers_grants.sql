-- organizations/helpers_grants.sql: what users may call and read: what is not here is
-- nobody's but superusers', or a grant of its own.

-- What a role is granted in schema cdc, by what it is, a row an object, with all overloads:
-- a member a line a room; who is invited what he needs to accept, in SQL and over REST.
CREATE OR REPLACE FUNCTION cdc_inner.grants_of(kind text) RETURNS TABLE (privilege text, type text, object text, acl aclitem[])
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'USAGE', 'SCHEMA', n.nspname::text, n.nspacl FROM pg_namespace n WHERE n.nspname = 'cdc'
	UNION ALL SELECT 'SELECT', 'TABLE', c.oid::regclass::text, c.relacl FROM pg_class c
		WHERE grants_of.kind = 'member' AND c.relnamespace = 'cdc'::regnamespace AND c.relname IN (
			'organization', 'organization_member', 'organization_event', 'organization_limit',
			'service', 'service_node', 'service_event', 'zone', 'connection_key',
			'pipeline', 'pipeline_spec', 'pipeline_observed', 'pipeline_event', 'option',
			'finding', 'pipeline_standby', 'failover_readiness', 'state_table', 'failover_table', 'standby_table',
			'rest_route')
	UNION ALL SELECT 'EXECUTE', 'FUNCTION', p.oid::regprocedure::text, p.proacl FROM pg_proc p
		WHERE p.pronamespace = 'cdc'::regnamespace AND p.proname = ANY (CASE grants_of.kind
			WHEN 'member' THEN ARRAY[
				'caller', 'caller_organizations', 'caller_pipelines', 'caller_administers',
				'add_member', 'remove_member', 'list_members', 'organization_limits', 'invitations', 'accept_membership', 'leave_organization', 'create_token', 'list_tokens', 'revoke_token',
				'register_service', 'update_service', 'set_service_nodes', 'set_service_secret', 'delete_service', 'connection_keys',
				'create_pipeline', 'get_pipeline', 'list_pipelines', 'pipeline_status', 'wait_for_pipeline', 'rotate_password', 'delete_pipeline', 'options',
				'check_health', 'acknowledge', 'metrics', 'health', 'worker_state', 'rules', 'failover_rules', 'standby_rules',
				'rest', 'rest_routes']
			WHEN 'invited' THEN ARRAY['invitations', 'accept_membership', 'leave_organization', 'rest']
			WHEN 'gateway' THEN ARRAY['rest_bearer', 'health']
			WHEN 'monitoring' THEN ARRAY['rest', 'metrics', 'worker_state', 'health'] END)
$$;

-- The statements that give a role what it lacks of that; none: it has all.
CREATE OR REPLACE FUNCTION cdc_inner.grants_missing(who oid, kind text) RETURNS SETOF text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('GRANT %s ON %s %s TO %I', g.privilege, g.type, string_agg(g.object, ', ' ORDER BY g.object), r.rolname)
		FROM cdc_inner.grants_of(grants_missing.kind) g, pg_roles r
		WHERE r.oid = grants_missing.who AND NOT EXISTS (SELECT FROM aclexplode(g.acl) a WHERE a.grantee = r.oid AND a.privilege_type = g.privilege)
		GROUP BY g.privilege, g.type, r.rolname ORDER BY g.type DESC
$$;

-- Grants in the running transaction, one at a time: those on one object that run beside
-- each other fail with "tuple concurrently updated".
CREATE OR REPLACE FUNCTION cdc_inner.grant_here(who oid, kind text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	statement text;
BEGIN
	PERFORM cdc_inner.lock('grants');
	FOR statement IN SELECT cdc_inner.grants_missing(who, kind) LOOP
		EXECUTE statement;
	END LOOP;
END
$$;

-- The same in a transaction of its own (src/extension/organizations_grants.c), which is
-- over when this returns.  False: there is no such role but in the running transaction.
CREATE OR REPLACE FUNCTION cdc_inner.grant_apart(who oid, kind text) RETURNS boolean
	LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'cdc_grant_apart';

-- Gives a role what it lacks of what it is (cdc_inner.grants_of).  Who leaves his
-- transaction open holds nobody's up: grants are locked until their transaction ends, and
-- everybody's are on the same objects.  They stay when his is rolled back: they show
-- nothing to who is no member.
CREATE OR REPLACE FUNCTION cdc_inner.grant_to(role name, kind text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	who oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = role);
BEGIN
	IF NOT EXISTS (SELECT cdc_inner.grants_missing(who, kind)) THEN
		RETURN;
	END IF;
	-- what is ours is being made or granted here already: no other transaction can
	IF EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND cdc_inner.changed_here(p.xmin)) OR NOT cdc_inner.grant_apart(who, kind) THEN
		PERFORM cdc_inner.grant_here(who, kind);
	END IF;
END
$$;

CREATE OR REPLACE FUNCTION cdc_inner.grant_use(member name) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT cdc_inner.grant_to(grant_use.member, 'member')
$$;

CREATE OR REPLACE FUNCTION cdc_inner.grant_invited(member name) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT cdc_inner.grant_to(grant_invited.member, 'invited')
$$;
