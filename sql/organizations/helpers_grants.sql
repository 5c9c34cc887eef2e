-- organizations/helpers_grants.sql: what users may call and read: what is not here is
-- nobody's but superusers', or a grant of its own.

-- Gives a role the use of these functions of schema cdc; idempotent.  One at a time:
-- GRANTs on one object that run beside each other fail with "tuple concurrently updated".
CREATE OR REPLACE FUNCTION cdc_inner.grant_calls(role name, functions text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.lock('grants');
	EXECUTE format('GRANT USAGE ON SCHEMA cdc TO %I', role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', functions, role);
END
$$;

-- What a member's role needs, a line a room, with all overloads; idempotent.
CREATE OR REPLACE FUNCTION cdc_inner.grant_use(member name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.lock('grants');
	EXECUTE format('GRANT SELECT ON %s TO %I', (SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c
		WHERE c.relnamespace = 'cdc'::regnamespace AND c.relname IN (
			'organization', 'organization_member', 'organization_event',
			'service', 'service_node', 'service_event', 'zone', 'connection_key',
			'pipeline', 'pipeline_spec', 'pipeline_observed', 'pipeline_event', 'option',
			'finding', 'pipeline_standby', 'failover_readiness', 'state_table', 'failover_table', 'standby_table',
			'rest_route')), member);
	PERFORM cdc_inner.grant_calls(member, (SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
		WHERE p.pronamespace = 'cdc'::regnamespace AND p.proname IN (
			'caller', 'caller_organizations', 'caller_pipelines', 'caller_administers',
			'add_member', 'remove_member', 'list_members', 'invitations', 'accept_membership', 'leave_organization', 'create_token', 'list_tokens', 'revoke_token',
			'register_service', 'update_service', 'set_service_nodes', 'set_service_secret', 'delete_service', 'connection_keys',
			'create_pipeline', 'get_pipeline', 'list_pipelines', 'pipeline_status', 'wait_for_pipeline', 'rotate_password', 'delete_pipeline', 'options',
			'check_health', 'acknowledge', 'metrics', 'health', 'worker_state', 'rules', 'failover_rules', 'standby_rules',
			'rest', 'rest_routes')));
END
$$;

-- What who is invited needs to accept, in SQL and over REST, and no more.
CREATE OR REPLACE FUNCTION cdc_inner.grant_invited(member name) RETURNS void
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
	SELECT cdc_inner.grant_calls(member, 'cdc.invitations(), cdc.accept_membership(uuid), cdc.leave_organization(uuid), cdc.rest(text, text, text, jsonb)')
$$;
