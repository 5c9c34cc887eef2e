-- 70_views.sql: what users read.  Views run with the reader's rights.

CREATE OR REPLACE VIEW cdc.pipeline WITH (security_invoker = true) AS
	SELECT p.id, p.organization_id, p.name, p.pipeline_type, p.source_service_id, p.sink_service_id, p.status, p.config::jsonb AS config,
		p.provision_step, p.connector_name, p.publication_name, p.slot_name, p.topic_prefix,
		o.connector_state AS last_connector_state, o.task_states, o.last_health_check_at, p.error_message, o.source_lag_bytes,
		p.created_at, p.updated_at, p.database_name, p.tables, p.snapshot_mode, p.options, p.desired_state
	FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id
	WHERE p.deleted_at IS NULL;

CREATE OR REPLACE VIEW cdc.state_table WITH (security_invoker = true) AS SELECT * FROM cdc.rules();

CREATE OR REPLACE VIEW cdc.connection_key WITH (security_invoker = true) AS
	SELECT k.database_type, k.key, k.type, k.rule, k.set_by, k.secret, k.directs_secret, k.on_change FROM cdc.connection_keys() k;

CREATE OR REPLACE VIEW cdc.option WITH (security_invoker = true) AS SELECT * FROM cdc.options();

CREATE OR REPLACE VIEW cdc.failover_table WITH (security_invoker = true) AS SELECT * FROM cdc.failover_rules();
CREATE OR REPLACE VIEW cdc.standby_table WITH (security_invoker = true) AS SELECT * FROM cdc.standby_rules();

CREATE OR REPLACE VIEW cdc.failover_readiness WITH (security_invoker = true) AS
	SELECT p.id AS pipeline_id, n.address || ':' || n.port AS node, coalesce(b.ready, false) AS ready,
		CASE WHEN b.ready THEN NULL
			ELSE coalesce(b.missing, 'the node does not answer: ' || n.error_message, 'the node was not looked at yet') END AS missing,
		CASE WHEN NOT b.ready THEN b.fix_sql END AS fix_sql
	FROM cdc.pipeline_spec p JOIN cdc.service_node n ON n.service_id = p.source_service_id
		LEFT JOIN cdc.pipeline_standby b ON b.pipeline_id = p.id AND b.address = n.address AND b.port = n.port
	WHERE p.deleted_at IS NULL AND (b.pipeline_id IS NOT NULL OR n.observed_role IS DISTINCT FROM 'primary');
