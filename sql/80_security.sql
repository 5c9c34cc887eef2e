-- 80_security.sql: who may read what.  Nothing is granted to anybody here:
-- cdc.add_member does that, role by role.

REVOKE ALL ON SCHEMA cdc FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA cdc FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA cdc FROM PUBLIC;

ALTER TABLE cdc.organization ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.organization_member ENABLE ROW LEVEL SECURITY;
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
ALTER TABLE cdc.failover_expired ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.api_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.work ENABLE ROW LEVEL SECURITY;
ALTER TABLE cdc.control_plane ENABLE ROW LEVEL SECURITY;

-- Uncorrelated subqueries: asked once a query, not once a row.
CREATE POLICY member_reads ON cdc.organization FOR SELECT USING (id IN (SELECT cdc.caller_organizations()));
CREATE POLICY member_reads ON cdc.organization_member FOR SELECT USING (organization_id IN (SELECT cdc.caller_organizations()));
CREATE POLICY all_read ON cdc.zone FOR SELECT USING (true);
CREATE POLICY member_reads ON cdc.service FOR SELECT USING (deleted_at IS NULL AND organization_id IN (SELECT cdc.caller_organizations()));
CREATE POLICY member_reads ON cdc.service_node FOR SELECT USING (service_id IN (SELECT s.id FROM cdc.service s));
CREATE POLICY member_reads ON cdc.service_event FOR SELECT USING (service_id IN (SELECT s.id FROM cdc.service s));
CREATE POLICY member_reads ON cdc.pipeline_spec FOR SELECT USING (deleted_at IS NULL AND organization_id IN (SELECT cdc.caller_organizations()));
CREATE POLICY member_reads ON cdc.pipeline_observed FOR SELECT USING (EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.id = pipeline_id));
CREATE POLICY member_reads ON cdc.pipeline_standby FOR SELECT USING (EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.id = pipeline_id));
CREATE POLICY member_reads ON cdc.finding FOR SELECT USING (organization_id IN (SELECT cdc.caller_organizations()));
-- of deleted pipelines too: the receipt of a forced delete is an event
CREATE POLICY member_reads ON cdc.pipeline_event FOR SELECT USING (pipeline_id IN (SELECT cdc.caller_pipelines()));
-- no policy on secrets, tokens, work, peerings and control_plane: nobody but superusers

-- What a member's role needs; idempotent.  One at a time: GRANTs on one object
-- that run beside each other fail with "tuple concurrently updated".
CREATE FUNCTION cdc.grant_use(member name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('cdc_pipeline grants', 0));
	EXECUTE format('GRANT USAGE ON SCHEMA cdc TO %I', member);
	EXECUTE format('GRANT SELECT ON cdc.organization, cdc.organization_member, cdc.zone, cdc.service, cdc.service_node, cdc.service_event, cdc.rest_route, cdc.pipeline_spec,
		cdc.pipeline_observed, cdc.pipeline_event, cdc.pipeline, cdc.pipeline_standby, cdc.failover_readiness, cdc.failover_table, cdc.standby_table, cdc.state_table, cdc.finding TO %I', member);
	EXECUTE format('GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean), cdc.add_member(uuid, name, text), cdc.remove_member(uuid, name),
		cdc.register_service(text, text, text, jsonb, text, uuid), cdc.delete_service(uuid), cdc.set_service_nodes(uuid, jsonb), cdc.set_service_secret(uuid, text, text),
		cdc.create_pipeline(text, uuid, uuid, text[], text, text, text, uuid, text, jsonb), cdc.get_pipeline(uuid), cdc.list_pipelines(uuid),
		cdc.pipeline_status(uuid), cdc.rotate_password(uuid), cdc.delete_pipeline(uuid, boolean), cdc.wait_for_pipeline(uuid, text, interval), cdc.check_health(), cdc.acknowledge(uuid, text),
		cdc.create_token(text, uuid, interval), cdc.list_tokens(), cdc.revoke_token(uuid), cdc.rest(text, text, text, jsonb), cdc.metrics(), cdc.health(),
		cdc.caller(), cdc.caller_organizations(), cdc.caller_pipelines(), cdc.rules(), cdc.failover_rules(), cdc.standby_rules(), cdc.rest_routes(), cdc.worker_state() TO %I', member);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cdc FROM PUBLIC;

-- What pg_dump carries.  Not cdc.work: a restored copy acts only after
-- cdc.take_over(), which asks for everything.
SELECT pg_catalog.pg_extension_config_dump('cdc.organization', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.organization_member', '');
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
SELECT pg_catalog.pg_extension_config_dump('cdc.failover_expired', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.api_token', '');
SELECT pg_catalog.pg_extension_config_dump('cdc.control_plane', '');
