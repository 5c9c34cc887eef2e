-- 70_views.sql: what users read.  Views run with the reader's rights.

CREATE VIEW cdc.pipeline WITH (security_invoker = true) AS
	SELECT p.id, p.organization_id, p.name, p.pipeline_type, p.source_service_id, p.sink_service_id, p.status, p.config::jsonb AS config,
		p.provision_step, p.connector_name, p.publication_name, p.slot_name, p.topic_prefix,
		o.connector_state AS last_connector_state, o.task_states, o.last_health_check_at, p.error_message, o.source_lag_bytes,
		p.created_at, p.updated_at, p.database_name, p.tables, p.snapshot_mode, p.options, p.desired_state
	FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id
	WHERE p.deleted_at IS NULL;

-- The reconciler's rules, in the order in which they are tried.
CREATE VIEW cdc.state_table WITH (security_invoker = true) AS SELECT * FROM cdc.rules();

-- One row a pipeline and standby: would the pipeline survive a failover to it?
CREATE VIEW cdc.failover_readiness WITH (security_invoker = true) AS
	SELECT p.id AS pipeline_id, n.address || ':' || n.port AS node, false AS ready,
		CASE WHEN n.last_seen_at IS NULL THEN coalesce('the node was never reached: ' || n.error_message, 'the node was not looked at yet')
			WHEN n.error_message IS NOT NULL THEN 'the standby does not answer: ' || n.error_message
			WHEN n.hba_loaded IS NULL THEN 'pg_hba.conf has not been prepared'
			ELSE 'the standby has no replication slot of the pipeline' END AS missing,
		NULL::text AS fix_sql
	FROM cdc.pipeline_spec p JOIN cdc.service_node n ON n.service_id = p.source_service_id
	WHERE p.deleted_at IS NULL AND n.observed_role IS DISTINCT FROM 'primary';
