-- organizations/helpers_grants.sql: what may be called and read: what is not here is
-- nobody's but superusers', or a grant of its own.

-- What is granted in schema cdc, a row an object, with all overloads.  To everybody (rights.sql),
-- a line a room: each function asks itself what its caller is, each table's policy what he may
-- see, and who is in no organization gets what there is of none.  Not to each member: a row of
-- the catalog has no room for thousands of roles, and a GRANT locks it until its transaction
-- ends.  Not to a role of ours that members are in: roles are of all databases of a server, in
-- no dump, and anybody's with CREATEROLE before PostgreSQL 16.  To the gateway's
-- and to monitoring's role, for where USAGE is not everybody's, what they need.
CREATE OR REPLACE FUNCTION cdc_inner.grants_of(kind text) RETURNS TABLE (privilege text, type text, object text, acl aclitem[])
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'USAGE', 'SCHEMA', n.nspname::text, n.nspacl FROM pg_namespace n WHERE n.nspname = 'cdc'
	UNION ALL SELECT 'SELECT', 'TABLE', c.oid::regclass::text, c.relacl FROM pg_class c
		WHERE grants_of.kind = 'everybody' AND c.relnamespace = 'cdc'::regnamespace AND c.relname IN (
			'organization', 'organization_member', 'organization_event', 'organization_limit',
			'service', 'service_node', 'service_event', 'zone', 'connection_key',
			'pipeline', 'pipeline_spec', 'pipeline_observed', 'pipeline_event', 'option',
			'finding', 'pipeline_standby', 'failover_readiness', 'state_table', 'failover_table', 'standby_table',
			'rest_route')
	UNION ALL SELECT 'EXECUTE', 'FUNCTION', p.oid::regprocedure::text, p.proacl FROM pg_proc p
		WHERE p.pronamespace = 'cdc'::regnamespace AND p.proname = ANY (CASE grants_of.kind
			WHEN 'everybody' THEN ARRAY[
				'caller', 'caller_organizations', 'caller_pipelines', 'caller_administers',
				'add_member', 'remove_member', 'list_members', 'organization_limits', 'invitations', 'accept_membership', 'leave_organization', 'create_token', 'list_tokens', 'revoke_token',
				'register_service', 'update_service', 'set_service_nodes', 'set_service_secret', 'delete_service', 'connection_keys',
				'create_pipeline', 'get_pipeline', 'list_pipelines', 'pipeline_status', 'wait_for_pipeline', 'set_pipeline_database', 'rotate_password', 'delete_pipeline',
				'pause_pipeline', 'resume_pipeline', 'restart_pipeline', 'options',
				'check_health', 'acknowledge', 'metrics', 'health', 'worker_state', 'rules', 'failover_rules', 'standby_rules',
				'rest', 'rest_routes']
			WHEN 'gateway' THEN ARRAY['rest_bearer', 'health']
			WHEN 'monitoring' THEN ARRAY['rest', 'metrics', 'worker_state', 'health'] END)
$$;

-- Grants what a role lacks of that, to it alone; whoever may be granted something is few.
CREATE OR REPLACE FUNCTION cdc_inner.grant_to(role name, kind text) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	given record;
BEGIN
	FOR given IN SELECT g.privilege, g.type, g.object FROM cdc_inner.grants_of(kind) g
			WHERE NOT EXISTS (SELECT FROM aclexplode(g.acl) a JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname = role AND a.privilege_type = g.privilege) LOOP
		EXECUTE format('GRANT %s ON %s %s TO %I', given.privilege, given.type, given.object, role);
	END LOOP;
END
$$;
