-- monitoring/calls.sql: what monitoring calls: the worker, its rules, findings, metrics.

CREATE OR REPLACE FUNCTION cdc.worker_state(OUT pid integer, OUT state text, OUT heartbeat timestamptz, OUT rounds bigint)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_worker_state';
COMMENT ON FUNCTION cdc.worker_state IS
	'What the worker does now. pid: of its process, NULL: there is none on this server (a standby, for example). state: running, or why it does not act, '
	'NULL: not said yet. heartbeat: its last sign of life, NULL: none yet. rounds: health rounds since it started. For roles with pg_monitor. Errors: '
	'42501.';

CREATE OR REPLACE FUNCTION cdc.rules() RETURNS TABLE (id integer, section text, statuses text[], guard text, status_to text,
	step text, action text, retry text, message text, comment text)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_rules';
COMMENT ON FUNCTION cdc.rules IS
	'The rows of view cdc.state_table. For members.';

CREATE OR REPLACE FUNCTION cdc.failover_rules() RETURNS TABLE (id integer, guard text, verdict text, verdict_halt text, reason text, comment text)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_failover_rules';
COMMENT ON FUNCTION cdc.failover_rules IS
	'The rows of view cdc.failover_table. For members.';

CREATE OR REPLACE FUNCTION cdc.standby_rules() RETURNS TABLE (id integer, guard text, action text, final boolean, missing text, fix_sql text, comment text)
	LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'cdc_standby_rules';
COMMENT ON FUNCTION cdc.standby_rules IS
	'The rows of view cdc.standby_table. For members.';

CREATE OR REPLACE FUNCTION cdc_inner.check_health() RETURNS TABLE (pipeline_id uuid, name text, status text, error_message text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	worker record;
BEGIN
	-- of what the caller may read: nobody sets off looks at what is others'
	IF cdc_inner.caller_is_superuser() AND cdc_inner.caller_confined_to() IS NULL THEN
		PERFORM cdc_inner.ask('round', NULL);
	ELSE
		PERFORM cdc_inner.ask('round', o) FROM cdc_inner.caller_organizations() o WHERE NOT EXISTS (SELECT FROM cdc.work w WHERE w.kind = 'round' AND w.id = o);
	END IF;
	SELECT w.pid, w.state INTO worker FROM cdc.worker_state() w;
	IF worker.pid IS NULL OR worker.state NOT IN ('running', 'starting') THEN
		RAISE WARNING USING MESSAGE = 'the reconciler does not act: nothing is looked at and nothing is repaired',
			DETAIL = CASE WHEN worker.pid IS NULL THEN 'It is not running on this server.' ELSE format('It says: %s.', worker.state) END,
			HINT = 'See docs/operations.md.';
	END IF;
	RETURN QUERY SELECT p.id, p.name, p.status, concat_ws('; ', p.error_message, f.told) FROM cdc.pipeline_spec p
		LEFT JOIN LATERAL (SELECT string_agg(concat_ws(': ', x.check_name, x.node, x.observed), '; ' ORDER BY x.check_name, x.node) AS told FROM cdc.finding x
			WHERE (x.concern = 'flow' AND x.check_name <> 'peer_said' OR x.check_name = 'standby_unready') AND coalesce(x.pipeline_id, x.service_id) IN (p.id, p.source_service_id, p.sink_service_id)) f ON true
		WHERE p.deleted_at IS NULL AND (p.status = 'Failed' OR p.error_message IS NOT NULL OR f.told IS NOT NULL)
		AND p.organization_id IN (SELECT cdc_inner.caller_organizations()) ORDER BY p.name, p.id;
END
$$;
COMMENT ON FUNCTION cdc_inner.check_health IS
	'Asks for a health round now, of the organizations that the caller may read (of one of them at most about one a second), and returns their pipelines that '
	'need attention as of the last one; waits for no network, made for pg_cron. WARNING when the reconciler does not act. pipeline_id, name, status: the pipeline and its status. error_message: what is '
	'wrong, with its findings of concern flow, and standbys to which a failover would cost a snapshot. For viewers.';

CREATE OR REPLACE FUNCTION cdc_inner.acknowledge(pipeline uuid, check_name text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	told text;
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_pipeline(pipeline), 'service:create');
	WITH gone AS (DELETE FROM cdc.finding f WHERE f.pipeline_id = pipeline AND f.check_name = check_name AND f.past RETURNING f.observed)
		SELECT string_agg(coalesce(g.observed, ''), '; ') INTO told FROM gone g;
	IF told IS NULL THEN
		IF EXISTS (SELECT FROM cdc.finding f WHERE f.pipeline_id = pipeline AND f.check_name = check_name) THEN
			RAISE object_not_in_prerequisite_state USING MESSAGE = format('finding "%s" is about what is so now', check_name),
				DETAIL = 'It goes by itself when its cause has gone.', HINT = 'SELECT observed, required, fix_sql FROM cdc.finding tells what to do.';
		END IF;
		RAISE undefined_object USING MESSAGE = 'the pipeline has no such finding', DETAIL = format('It was %L.', left(check_name, 100)),
			HINT = 'SELECT check_name, observed FROM cdc.finding WHERE past lists those that are acknowledged.';
	END IF;
	INSERT INTO cdc.pipeline_event (pipeline_id, kind, message, detail)
		VALUES (pipeline, 'user', format('finding "%s" acknowledged by role "%s"', check_name, cdc_inner.caller()), jsonb_build_object('check_name', check_name, 'observed', told));
	PERFORM cdc_inner.ask('pipeline', pipeline);
END
$$;
COMMENT ON FUNCTION cdc_inner.acknowledge IS
	'Ends a finding about something past, such as rows that may be missing; an event says who did. pipeline: its id. check_name: of cdc.finding. For '
	'members. Errors: 42704 pipeline or finding unknown, 42501, 55000 for a finding that goes by itself once its cause is gone.';

CREATE OR REPLACE FUNCTION cdc_inner.metrics() RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	lines text[];
	each record;
	only_one uuid := cdc_inner.caller_confined_to();
BEGIN
	IF NOT cdc_inner.caller_has_role('pg_monitor') THEN
		RAISE insufficient_privilege USING MESSAGE = 'metrics are for roles with pg_monitor',
			DETAIL = format('Role "%s" has no privileges of role pg_monitor.', cdc_inner.caller()), HINT = format('GRANT pg_monitor TO %I;', cdc_inner.caller());
	END IF;
	-- one pass over them, whatever there is of each
	SELECT string_agg(x.info, E'\n' ORDER BY x.created_at, x.id) AS infos, string_agg(x.lag, E'\n' ORDER BY x.created_at, x.id) AS lags,
			string_agg(x.state, E'\n' ORDER BY x.created_at, x.id) AS states INTO each
		FROM (SELECT p.created_at, p.id, format('cdc_pipeline_info{pipeline="%s",name=%s,organization=%s} 1', p.id, cdc_inner.metric_label(p.name), cdc_inner.metric_label(g.slug)) AS info,
				format('cdc_source_lag_bytes{pipeline="%s"} %s', p.id, o.source_lag_bytes) || CASE WHEN o.source_lag_bytes IS NOT NULL THEN '' END AS lag,
				format('cdc_connector_state{pipeline="%s",state=%s} 1', p.id, cdc_inner.metric_label(o.connector_state)) || CASE WHEN o.connector_state IS NOT NULL THEN '' END AS state
			FROM cdc.pipeline_spec p JOIN cdc.organization g ON g.id = p.organization_id LEFT JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id
			WHERE p.deleted_at IS NULL AND p.organization_id = coalesce(only_one, p.organization_id)) x;
	lines := ARRAY['# HELP cdc_pipelines Pipelines by status.', '# TYPE cdc_pipelines gauge']
		|| ARRAY(SELECT format('cdc_pipelines{status=%s} %s', cdc_inner.metric_label(s.status), count(p.id))
			FROM unnest('{Pending,Provisioning,Running,Paused,Failed,Deleting}'::text[]) WITH ORDINALITY s(status, n)
			LEFT JOIN cdc.pipeline_spec p ON p.status = s.status AND p.deleted_at IS NULL AND p.organization_id = coalesce(only_one, p.organization_id) GROUP BY s.status, s.n ORDER BY s.n)
		|| ARRAY['# HELP cdc_pipeline_info Name and organization of a pipeline, value 1.', '# TYPE cdc_pipeline_info gauge', each.infos,
			'# HELP cdc_source_lag_bytes WAL of the source that the pipeline''s slot has not confirmed.', '# TYPE cdc_source_lag_bytes gauge', each.lags,
			'# HELP cdc_connector_state State of the pipeline''s connector, value 1.', '# TYPE cdc_connector_state gauge', each.states]
		|| CASE WHEN only_one IS NULL THEN ARRAY['# HELP cdc_reconcile_rounds_total Health rounds of the reconciler since it started.', '# TYPE cdc_reconcile_rounds_total counter',
			(SELECT format('cdc_reconcile_rounds_total %s', coalesce(w.rounds, 0)) FROM cdc.worker_state() w),
			'# HELP cdc_reconcile_longest_step_seconds Longest time that the reconciler served nobody else, in this health round and the one before.', '# TYPE cdc_reconcile_longest_step_seconds gauge',
			format('cdc_reconcile_longest_step_seconds %s', coalesce(round(cdc_inner.worker_longest_step()::numeric, 6), 0))]
			|| (SELECT ARRAY['# HELP cdc_descriptors File descriptors that the reconciler has for sources, Kafka Connect, agents and APIs.', '# TYPE cdc_descriptors gauge', format('cdc_descriptors %s', d.most),
				'# HELP cdc_descriptors_used Of those, in use or kept open.', '# TYPE cdc_descriptors_used gauge', format('cdc_descriptors_used %s', d.used),
				'# HELP cdc_descriptors_waiting Connections and requests that wait for one.', '# TYPE cdc_descriptors_waiting gauge', format('cdc_descriptors_waiting %s', d.waiting),
				'# HELP cdc_descriptors_waiting_seconds How long the first of them has waited.', '# TYPE cdc_descriptors_waiting_seconds gauge', format('cdc_descriptors_waiting_seconds %s', round(d.seconds::numeric, 3))]
				FROM cdc_inner.worker_descriptors() d) ELSE '{}' END
		|| ARRAY['# HELP cdc_failovers_total Failovers of sources, by what was judged.', '# TYPE cdc_failovers_total counter']
		|| ARRAY(SELECT format('cdc_failovers_total{verdict=%s} %s', cdc_inner.metric_label(f.verdict), sum(f.n))
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

CREATE OR REPLACE FUNCTION cdc_inner.grant_monitoring(role name) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.grant_monitoring()');
	PERFORM cdc_inner.require_role(role);
	PERFORM cdc_inner.grant_to(role, 'monitoring');
END
$$;
COMMENT ON FUNCTION cdc_inner.grant_monitoring IS
	'Gives a role with pg_monitor what it needs to read the metrics, in SQL and over REST. role: its name. For superusers. Errors: 42704.';
