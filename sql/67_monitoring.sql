-- 67_monitoring.sql: what monitoring reads: metrics in Prometheus' text format.

-- A value of a label.
CREATE OR REPLACE FUNCTION cdc.metric_label(value text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT '"' || replace(replace(replace(value, '\', '\\'), '"', '\"'), E'\n', '\n') || '"'
$$;

CREATE OR REPLACE FUNCTION cdc_inner.metrics() RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	lines text[];
	only_one uuid := cdc.caller_confined_to();
BEGIN
	IF NOT cdc.caller_has_role('pg_monitor') THEN
		RAISE insufficient_privilege USING MESSAGE = 'metrics are for roles with pg_monitor',
			DETAIL = format('Role "%s" has no privileges of role pg_monitor.', cdc_inner.caller()), HINT = format('GRANT pg_monitor TO %I;', cdc_inner.caller());
	END IF;
	lines := ARRAY['# HELP cdc_pipelines Pipelines by status.', '# TYPE cdc_pipelines gauge']
		|| ARRAY(SELECT format('cdc_pipelines{status=%s} %s', cdc.metric_label(s.status), count(p.id))
			FROM unnest('{Pending,Provisioning,Running,Failed,Deleting}'::text[]) WITH ORDINALITY s(status, n)
			LEFT JOIN cdc.pipeline_spec p ON p.status = s.status AND p.deleted_at IS NULL AND p.organization_id = coalesce(only_one, p.organization_id) GROUP BY s.status, s.n ORDER BY s.n)
		|| ARRAY['# HELP cdc_pipeline_info Name and organization of a pipeline, value 1.', '# TYPE cdc_pipeline_info gauge']
		|| ARRAY(SELECT format('cdc_pipeline_info{pipeline=%s,name=%s,organization=%s} 1', cdc.metric_label(p.id::text), cdc.metric_label(p.name), cdc.metric_label(o.slug))
			FROM cdc.pipeline_spec p JOIN cdc.organization o ON o.id = p.organization_id WHERE p.deleted_at IS NULL AND p.organization_id = coalesce(only_one, p.organization_id) ORDER BY p.created_at, p.id)
		|| ARRAY['# HELP cdc_source_lag_bytes WAL of the source that the pipeline''s slot has not confirmed.', '# TYPE cdc_source_lag_bytes gauge']
		|| ARRAY(SELECT format('cdc_source_lag_bytes{pipeline=%s} %s', cdc.metric_label(p.id::text), o.source_lag_bytes)
			FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id WHERE p.deleted_at IS NULL AND o.source_lag_bytes IS NOT NULL AND p.organization_id = coalesce(only_one, p.organization_id) ORDER BY p.created_at, p.id)
		|| ARRAY['# HELP cdc_connector_state State of the pipeline''s connector, value 1.', '# TYPE cdc_connector_state gauge']
		|| ARRAY(SELECT format('cdc_connector_state{pipeline=%s,state=%s} 1', cdc.metric_label(p.id::text), cdc.metric_label(o.connector_state))
			FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id WHERE p.deleted_at IS NULL AND o.connector_state IS NOT NULL AND p.organization_id = coalesce(only_one, p.organization_id) ORDER BY p.created_at, p.id)
		|| CASE WHEN only_one IS NULL THEN ARRAY['# HELP cdc_reconcile_rounds_total Health rounds of the reconciler since it started.', '# TYPE cdc_reconcile_rounds_total counter',
			(SELECT format('cdc_reconcile_rounds_total %s', coalesce(w.rounds, 0)) FROM cdc.worker_state() w),
			'# HELP cdc_reconcile_longest_step_seconds Longest time that the reconciler served nobody else, in this health round and the one before.', '# TYPE cdc_reconcile_longest_step_seconds gauge',
			format('cdc_reconcile_longest_step_seconds %s', coalesce(round(cdc.worker_longest_step()::numeric, 6), 0))] ELSE '{}' END
		|| ARRAY['# HELP cdc_failovers_total Failovers of sources, by what was judged.', '# TYPE cdc_failovers_total counter']
		|| ARRAY(SELECT format('cdc_failovers_total{verdict=%s} %s', cdc.metric_label(f.verdict), sum(f.n))
			FROM (SELECT e.detail ->> 'verdict' AS verdict, 1 AS n, p.organization_id
					FROM cdc.pipeline_event e JOIN cdc.pipeline_spec p ON p.id = e.pipeline_id WHERE e.kind = 'failover' AND e.detail ? 'verdict'
				UNION ALL SELECT x.verdict, x.n, x.organization_id FROM cdc.failover_expired x) f
			WHERE only_one IS NULL OR f.organization_id = only_one GROUP BY f.verdict ORDER BY f.verdict);
	RETURN array_to_string(lines, E'\n') || E'\n';
END
$$;
COMMENT ON FUNCTION cdc_inner.metrics IS
	'Every metric of the database side in Prometheus'' text format, of all organizations; over a token that is confined to one: that one''s. For roles with '
	'pg_monitor (cdc.grant_monitoring()). Errors: 42501.';

-- Keeps the number of failovers when their events expire: one event of each has a verdict.
CREATE OR REPLACE FUNCTION cdc.count_expired_failovers() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO cdc.failover_expired AS x (verdict, n, organization_id) SELECT OLD.detail ->> 'verdict', 1, p.organization_id FROM cdc.pipeline_spec p WHERE p.id = OLD.pipeline_id
		ON CONFLICT (verdict, organization_id) DO UPDATE SET n = x.n + 1;
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER count_expired_failovers AFTER DELETE ON cdc.pipeline_event
	FOR EACH ROW WHEN (OLD.kind = 'failover' AND OLD.detail OPERATOR(pg_catalog.?) 'verdict') EXECUTE FUNCTION cdc.count_expired_failovers();
