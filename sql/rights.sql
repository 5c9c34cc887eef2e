-- rights.sql: who may read what.

COMMENT ON SCHEMA cdc IS 'cdc_pipeline: what is called and read. Anybody may try; cdc.add_member() lets a role see an organization.';
COMMENT ON SCHEMA cdc_inner IS 'cdc_pipeline: what the functions of schema cdc do, and their helpers. Nobody calls it but they.';

REVOKE ALL ON SCHEMA cdc_inner FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA cdc FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA cdc FROM PUBLIC;

-- Every table of ours has row level security, and is carried by pg_dump with its
-- sequence.  Not cdc.work: a restored copy acts only after cdc.take_over(), which asks
-- for everything.  cdc.finding with what was seen: one about something past is seen
-- only once.
DO $$
DECLARE
	ours record;
BEGIN
	FOR ours IN SELECT c.oid::pg_catalog.regclass AS relation, c.relkind, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
			JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid AND e.extname = 'cdc_pipeline'
		WHERE c.relnamespace = 'cdc'::pg_catalog.regnamespace AND c.relkind IN ('r', 'S') ORDER BY c.oid
	LOOP
		IF ours.relkind = 'r' THEN
			EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', ours.relation);
		END IF;
		IF ours.relname NOT IN ('work', 'work_seq_seq') THEN
			PERFORM pg_catalog.pg_extension_config_dump(ours.relation, '');
		END IF;
	END LOOP;
END
$$;

-- Uncorrelated subqueries: asked once a query, not once a row.  Where nobody could be
-- told who asks, the query is refused before its first row (src/extension/entry.c).
CREATE POLICY member_reads ON cdc.organization FOR SELECT USING (id IN (SELECT cdc.caller_organizations()));
CREATE POLICY member_reads ON cdc.organization_member FOR SELECT USING (organization_id IN (SELECT cdc.caller_organizations()));
CREATE POLICY member_reads ON cdc.organization_limit FOR SELECT USING (organization_id IN (SELECT cdc.caller_organizations()));
CREATE POLICY admin_reads ON cdc.organization_event FOR SELECT USING (organization_id IN (SELECT cdc.caller_administers()));
CREATE POLICY all_members_read ON cdc.zone FOR SELECT USING (EXISTS (SELECT cdc.caller_organizations()));
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

-- Everybody gets what shows nothing to who is nobody; USAGE below.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cdc, cdc_inner FROM PUBLIC;
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN SELECT g.privilege, g.type, g.object FROM cdc_inner.grants_of('everybody') g WHERE g.type OPERATOR(pg_catalog.<>) 'SCHEMA' LOOP
		EXECUTE pg_catalog.format('GRANT %s ON %s %s TO PUBLIC', given.privilege, given.type, given.object);
	END LOOP;
END
$$;

-- Nothing to whom a superuser's ALTER DEFAULT PRIVILEGES names: it means tables and
-- functions of applications.  In an update grants are their holders', and stay; and USAGE is
-- whose a superuser has said since.
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
	REVOKE ALL ON SCHEMA cdc FROM PUBLIC;
	GRANT USAGE ON SCHEMA cdc TO PUBLIC;
END
$$;
