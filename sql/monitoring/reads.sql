-- monitoring/reads.sql: what is read of health and of how it is judged, in the words of
-- docs/sql-api.md.  Views run with the reader's rights.

COMMENT ON TABLE cdc.finding IS
	'What is wrong or weak with a service or pipeline, one row a matter, kept true by what the worker sees. Readers: members of the organization; '
	'what a peer said (peer_said): its owners and admins.';
COMMENT ON COLUMN cdc.finding.organization_id IS 'Whose it is.';
COMMENT ON COLUMN cdc.finding.service_id IS 'The service; NULL: about a pipeline.';
COMMENT ON COLUMN cdc.finding.pipeline_id IS 'The pipeline; NULL: about a service.';
COMMENT ON COLUMN cdc.finding.node IS 'address:port or URL; NULL: about all of it.';
COMMENT ON COLUMN cdc.finding.check_name IS 'Which matter it is: docs/operations.md has them.';
COMMENT ON COLUMN cdc.finding.concern IS 'flow: rows do not flow, or not as they are; safety; cost.';
COMMENT ON COLUMN cdc.finding.severity IS 'blocker, warning or info.';
COMMENT ON COLUMN cdc.finding.observed IS 'What is; NULL: not told.';
COMMENT ON COLUMN cdc.finding.required IS 'What should be; NULL: not told.';
COMMENT ON COLUMN cdc.finding.why IS 'Why it matters; NULL: not told.';
COMMENT ON COLUMN cdc.finding.fix_sql IS 'What to type; NULL: SQL does not mend it, or a name in it has control characters.';
COMMENT ON COLUMN cdc.finding.since IS 'Since when it holds.';
COMMENT ON COLUMN cdc.finding.past IS 'It is about what has happened: it ends with a new snapshot or cdc.acknowledge().';

COMMENT ON TABLE cdc.pipeline_standby IS
	'What cdc.failover_readiness is made of: each pipeline on each standby of its source. Readers: members of the organization.';
COMMENT ON COLUMN cdc.pipeline_standby.pipeline_id IS 'The pipeline.';
COMMENT ON COLUMN cdc.pipeline_standby.address IS 'Of the standby.';
COMMENT ON COLUMN cdc.pipeline_standby.port IS 'Of the standby.';
COMMENT ON COLUMN cdc.pipeline_standby.slot_timeline IS 'Timeline of the standby when the pipeline''s slot was made there; NULL: it was not made by us.';
COMMENT ON COLUMN cdc.pipeline_standby.ready IS 'The pipeline would survive a failover to it.';
COMMENT ON COLUMN cdc.pipeline_standby.missing IS 'What is not there for that; NULL: nothing.';
COMMENT ON COLUMN cdc.pipeline_standby.fix_sql IS 'What to type; NULL: SQL does not mend it.';
COMMENT ON COLUMN cdc.pipeline_standby.updated_at IS 'When it last changed.';

COMMENT ON TABLE cdc.failover_expired IS 'Failovers whose events have expired, for the counter cdc_failovers_total. Readers: superusers.';
COMMENT ON COLUMN cdc.failover_expired.verdict IS 'What was judged.';
COMMENT ON COLUMN cdc.failover_expired.n IS 'How many.';
COMMENT ON COLUMN cdc.failover_expired.organization_id IS 'Whose; NULL: counted by version 0.1.';

CREATE OR REPLACE VIEW cdc.failover_readiness WITH (security_invoker = true) AS
	SELECT p.id AS pipeline_id, n.address || ':' || n.port AS node, coalesce(b.ready, false) AS ready,
		CASE WHEN b.ready THEN NULL
			ELSE coalesce(b.missing, 'the node does not answer: ' || n.error_message, 'the node was not looked at yet') END AS missing,
		CASE WHEN NOT b.ready THEN b.fix_sql END AS fix_sql
	FROM cdc.pipeline_spec p JOIN cdc.service_node n ON n.service_id = p.source_service_id
		LEFT JOIN cdc.pipeline_standby b ON b.pipeline_id = p.id AND b.address = n.address AND b.port = n.port
	WHERE p.deleted_at IS NULL AND (b.pipeline_id IS NOT NULL OR n.observed_role IS DISTINCT FROM 'primary');
COMMENT ON VIEW cdc.failover_readiness IS
	'Would the pipeline survive a failover to this standby? One row a pipeline and standby. Readers: members of the organization.';
COMMENT ON COLUMN cdc.failover_readiness.pipeline_id IS 'The pipeline.';
COMMENT ON COLUMN cdc.failover_readiness.node IS 'address:port of the standby.';
COMMENT ON COLUMN cdc.failover_readiness.ready IS 'It would.';
COMMENT ON COLUMN cdc.failover_readiness.missing IS 'What is not there for that; NULL: nothing.';
COMMENT ON COLUMN cdc.failover_readiness.fix_sql IS 'What to type; NULL: SQL does not mend it.';

CREATE OR REPLACE VIEW cdc.state_table WITH (security_invoker = true) AS SELECT * FROM cdc.rules();
COMMENT ON VIEW cdc.state_table IS 'The rules of the reconciler, in the order in which they are tried. Readers: all members.';
COMMENT ON COLUMN cdc.state_table.id IS 'Of the rule; events have it.';
COMMENT ON COLUMN cdc.state_table.section IS 'What it is about.';
COMMENT ON COLUMN cdc.state_table.statuses IS 'The statuses in which it is tried.';
COMMENT ON COLUMN cdc.state_table.guard IS 'What must hold for it to fire.';
COMMENT ON COLUMN cdc.state_table.status_to IS 'The status after; NULL: as it was.';
COMMENT ON COLUMN cdc.state_table.step IS 'The provision_step after; NULL: none.';
COMMENT ON COLUMN cdc.state_table.action IS 'What is done outside; none: nothing.';
COMMENT ON COLUMN cdc.state_table.retry IS 'When the pipeline is looked at again.';
COMMENT ON COLUMN cdc.state_table.message IS 'The error_message after; NULL: none.';
COMMENT ON COLUMN cdc.state_table.comment IS 'Why.';

CREATE OR REPLACE VIEW cdc.failover_table WITH (security_invoker = true) AS SELECT * FROM cdc.failover_rules();
COMMENT ON VIEW cdc.failover_table IS 'How a source with another history is judged, in the order in which the rules are tried. Readers: all members.';
COMMENT ON COLUMN cdc.failover_table.id IS 'Of the rule; events have it.';
COMMENT ON COLUMN cdc.failover_table.guard IS 'What must hold for it to fire.';
COMMENT ON COLUMN cdc.failover_table.verdict IS 'resume, rewind, resnapshot, halt, never or unknown, where "on_gap" is resnapshot.';
COMMENT ON COLUMN cdc.failover_table.verdict_halt IS 'The same where "on_gap" is halt.';
COMMENT ON COLUMN cdc.failover_table.reason IS 'As the event tells it.';
COMMENT ON COLUMN cdc.failover_table.comment IS 'Why.';

CREATE OR REPLACE VIEW cdc.standby_table WITH (security_invoker = true) AS SELECT * FROM cdc.standby_rules();
COMMENT ON VIEW cdc.standby_table IS 'How standbys are kept ready, in the order in which the rules are tried. Readers: all members.';
COMMENT ON COLUMN cdc.standby_table.id IS 'Of the rule.';
COMMENT ON COLUMN cdc.standby_table.guard IS 'What must hold for it to fire.';
COMMENT ON COLUMN cdc.standby_table.action IS 'What is done with the slot there: none, make, advance, drop or nudge.';
COMMENT ON COLUMN cdc.standby_table.final IS 'The standby is judged by it: no further rule is tried.';
COMMENT ON COLUMN cdc.standby_table.missing IS 'What is not there; NULL: nothing.';
COMMENT ON COLUMN cdc.standby_table.fix_sql IS 'What to type; NULL: SQL does not mend it.';
COMMENT ON COLUMN cdc.standby_table.comment IS 'Why.';
