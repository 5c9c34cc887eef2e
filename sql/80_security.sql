-- 80_security.sql: who may read what.  Nothing is granted to anybody here:
-- cdc.add_member does that, role by role.

COMMENT ON SCHEMA cdc IS 'cdc_pipeline: what is called and read. cdc.add_member() gives a role what it needs of it.';
COMMENT ON SCHEMA cdc_inner IS 'cdc_pipeline: what the functions of schema cdc do, and their helpers. Nobody calls it but they.';

REVOKE ALL ON SCHEMA cdc, cdc_inner FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA cdc FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA cdc FROM PUBLIC;

ALTER TABLE cdc.organization ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.organization_member ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.organization_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.zone ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.service ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.service_node ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.service_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.service_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.network_peering ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.pipeline_spec ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.pipeline_observed ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.pipeline_standby ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.pipeline_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.pipeline_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.finding ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.network_owner ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.connect_share ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.failover_expired ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.api_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.work ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.control_plane ENABLE ROW LEVEL SECURITY;

-- Uncorrelated subqueries: asked once a query, not once a row.  Where nobody could be
-- told who asks, the query is refused before its first row (src/extension/entry.c).
CREATE POLICY member_reads ON cdc.organization FOR SELECT USING (id IN (SELECT cdc.caller_organizations()));
CREATE POLICY member_reads ON cdc.organization_member FOR SELECT USING (organization_id IN (SELECT cdc.caller_organizations()));
CREATE POLICY admin_reads ON cdc.organization_event FOR SELECT USING (organization_id IN (SELECT cdc.caller_administers()));
CREATE POLICY all_read ON cdc.zone FOR SELECT USING (true);
CREATE POLICY member_reads ON cdc.service FOR SELECT USING (deleted_at IS NULL AND organization_id IN (SELECT cdc.caller_organizations()));
CREATE POLICY member_reads ON cdc.service_node FOR SELECT USING (service_id IN (SELECT s.id FROM cdc.service s));
CREATE POLICY member_reads ON cdc.service_event FOR SELECT USING (service_id IN (SELECT s.id FROM cdc.service s));
CREATE POLICY member_reads ON cdc.pipeline_spec FOR SELECT USING (deleted_at IS NULL AND organization_id IN (SELECT cdc.caller_organizations()));
CREATE POLICY member_reads ON cdc.pipeline_observed FOR SELECT USING (EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.id = pipeline_id));
CREATE POLICY member_reads ON cdc.pipeline_standby FOR SELECT USING (EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.id = pipeline_id));
-- what a server or a library said of a connection that did not come about is for admins
CREATE POLICY member_reads ON cdc.finding FOR SELECT USING (organization_id IN (SELECT cdc.caller_organizations())
	AND (check_name <> 'peer_said' OR organization_id IN (SELECT cdc.caller_administers())));
-- of deleted pipelines too: the receipt of a forced delete is an event
CREATE POLICY member_reads ON cdc.pipeline_event FOR SELECT USING (pipeline_id IN (SELECT cdc.caller_pipelines()));
-- no policy on secrets, tokens, work, peerings and control_plane: nobody but superusers

-- What a member's role needs, with all overloads; idempotent.  One at a time: GRANTs
-- on one object that run beside each other fail with "tuple concurrently updated".
CREATE OR REPLACE FUNCTION cdc.grant_use(member name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc.lock('grants');
	EXECUTE format('GRANT USAGE ON SCHEMA cdc TO %I', member);
	EXECUTE format('GRANT SELECT ON %s TO %I', (SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c
		WHERE c.relnamespace = 'cdc'::regnamespace AND c.relname IN (
			'organization',
			'organization_member',
			'organization_event',
			'zone',
			'service',
			'service_node',
			'service_event',
			'pipeline',
			'pipeline_spec',
			'pipeline_observed',
			'pipeline_standby',
			'pipeline_event',
			'finding',
			'failover_readiness',
			'state_table',
			'failover_table',
			'standby_table',
			'connection_key',
			'option',
			'rest_route')), member);
	EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', (SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
		WHERE p.pronamespace = 'cdc'::regnamespace AND p.proname IN (
			'add_member',
			'remove_member',
			'list_members',
			'invitations',
			'accept_membership',
			'leave_organization',
			'caller_administers',
			'register_service',
			'delete_service',
			'set_service_nodes',
			'set_service_secret',
			'update_service',
			'create_pipeline',
			'get_pipeline',
			'list_pipelines',
			'pipeline_status',
			'rotate_password',
			'delete_pipeline',
			'wait_for_pipeline',
			'check_health',
			'acknowledge',
			'create_token',
			'list_tokens',
			'revoke_token',
			'rest',
			'metrics',
			'health',
			'worker_state',
			'caller',
			'caller_organizations',
			'caller_pipelines',
			'rules',
			'failover_rules',
			'standby_rules',
			'connection_keys',
			'options',
			'rest_routes')), member);
END
$$;

-- What who is invited needs to accept, in SQL and over REST, and no more.
CREATE OR REPLACE FUNCTION cdc.grant_invited(member name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc.lock('grants');
	EXECUTE format('GRANT USAGE ON SCHEMA cdc TO %I', member);
	EXECUTE format('GRANT EXECUTE ON FUNCTION cdc.invitations(), cdc.accept_membership(uuid), cdc.leave_organization(uuid), cdc.rest(text, text, text, jsonb) TO %I', member);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cdc, cdc_inner FROM PUBLIC;

-- Nor from whoever a superuser's ALTER DEFAULT PRIVILEGES names: it means tables and
-- functions of applications.  In an update grants are their holders', and stay.
DO $$
DECLARE
	other record;
BEGIN
	IF pg_catalog.to_regclass('pg_temp.cdc_granted') IS NOT NULL THEN
		RETURN;
	END IF;
	FOR other IN SELECT DISTINCT a.grantee FROM (
			SELECT p.proacl, p.proowner FROM pg_catalog.pg_proc p WHERE p.pronamespace IN ('cdc'::pg_catalog.regnamespace, 'cdc_inner'::pg_catalog.regnamespace)
			UNION ALL SELECT c.relacl, c.relowner FROM pg_catalog.pg_class c WHERE c.relnamespace = 'cdc'::pg_catalog.regnamespace
			UNION ALL SELECT n.nspacl, n.nspowner FROM pg_catalog.pg_namespace n WHERE n.nspname IN ('cdc', 'cdc_inner')) x(acl, owner), pg_catalog.aclexplode(x.acl) a
		WHERE a.grantee NOT IN (0, x.owner)
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cdc, cdc_inner FROM %s', other.grantee::pg_catalog.regrole);
		EXECUTE pg_catalog.format('REVOKE ALL ON ALL TABLES IN SCHEMA cdc FROM %s', other.grantee::pg_catalog.regrole);
		EXECUTE pg_catalog.format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA cdc FROM %s', other.grantee::pg_catalog.regrole);
		EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA cdc, cdc_inner FROM %s', other.grantee::pg_catalog.regrole);
	END LOOP;
END
$$;

-- What pg_dump carries.  Not cdc.work: a restored copy acts only after
-- cdc.take_over(), which asks for everything.
SELECT pg_catalog.pg_extension_config_dump('cdc.organization', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.organization_member', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.organization_event', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.organization_event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.zone', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.service', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.service_node', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.service_secret', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.service_event', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.service_event_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.network_peering', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.pipeline_spec', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.pipeline_observed', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.pipeline_standby', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.pipeline_secret', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.pipeline_event', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.pipeline_event_id_seq', '');
-- with what was seen: one about something past is seen only once
SELECT pg_catalog.pg_extension_config_dump('cdc.finding', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.network_owner', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.connect_share', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.failover_expired', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.api_token', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.control_plane', '');
