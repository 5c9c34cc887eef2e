-- pipelines/calls_status.sql: asking for pipelines, and waiting for them.

CREATE OR REPLACE FUNCTION cdc_inner.get_pipeline(id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.organization_of_pipeline(id);
	RETURN (SELECT to_jsonb(v) FROM cdc.pipeline_object v WHERE v.id = get_pipeline.id);
END
$$;
COMMENT ON FUNCTION cdc_inner.get_pipeline IS
	'A pipeline as the REST object, every key always there. id: the pipeline''s. For viewers. Errors: 42704.';

CREATE OR REPLACE FUNCTION cdc_inner.list_pipelines(organization uuid DEFAULT NULL) RETURNS SETOF jsonb
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF organization IS NOT NULL THEN
		PERFORM cdc_inner.require(organization, 'service:read');
	END IF;
	RETURN QUERY SELECT to_jsonb(v) FROM cdc.pipeline_spec p JOIN cdc.pipeline_object v ON v.id = p.id
		WHERE p.organization_id IN (SELECT cdc_inner.caller_organizations()) AND (organization IS NULL OR p.organization_id = organization)
		ORDER BY p.created_at, p.id;
END
$$;
COMMENT ON FUNCTION cdc_inner.list_pipelines IS
	'Pipelines as the REST objects, oldest first. organization: whose; NULL: of all that the caller may read. For viewers. Errors: 42704.';

CREATE OR REPLACE FUNCTION cdc_inner.pipeline_status(id uuid) RETURNS TABLE (id uuid, status text, connector_name text, connector_state text, task_states jsonb,
		source_lag_bytes bigint, topic_prefix text, last_health_check_at timestamptz, error_message text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.id, p.status, p.connector_name, o.connector_state, o.task_states, o.source_lag_bytes, p.topic_prefix,
		CASE WHEN p.status = 'Running' AND o.last_health_check_at < s.pipelines_checked_at THEN s.pipelines_checked_at ELSE o.last_health_check_at END, p.error_message
		FROM (SELECT cdc_inner.organization_of_pipeline($1) AS owner OFFSET 0) x
		JOIN cdc.pipeline_spec p ON p.id = $1 AND p.organization_id = x.owner
		JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id
		LEFT JOIN cdc.service s ON s.id = p.source_service_id
$$;
COMMENT ON FUNCTION cdc_inner.pipeline_status IS
	'The status of a pipeline as columns. id: the pipeline''s. status: Pending, Provisioning, Running, Paused, Failed or Deleting. connector_name: NULL: not seen '
	'yet. connector_state: as Connect told last, NULL: not known. task_states: [{"id": 0, "state": "RUNNING"}], NULL: not known. source_lag_bytes: WAL that '
	'the slot has not confirmed, in bytes, NULL: not known. topic_prefix: its topics begin with it. last_health_check_at: of the last look, NULL: none yet. '
	'error_message: what is wrong or waited for, NULL: nothing. For viewers. Errors: 42704.';

CREATE OR REPLACE FUNCTION cdc_inner.wait_for_pipeline(id uuid, status text DEFAULT 'Running', timeout interval DEFAULT '5 min') RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	deadline timestamptz := clock_timestamp() + timeout;
	seen record;
	owner uuid;
	pause float8 := 0.005;
BEGIN
	IF status IS NULL OR status NOT IN ('Pending', 'Provisioning', 'Running', 'Paused', 'Failed', 'Deleting', 'Deleted') THEN
		PERFORM cdc_inner.raise_invalid('unknown status', format('It was %L.', status), 'Use Pending, Provisioning, Running, Paused, Failed, Deleting or Deleted.');
	END IF;
	IF timeout IS NULL OR timeout < interval '0' THEN
		PERFORM cdc_inner.raise_invalid('timeout must be an interval, not negative', format('It was %L.', timeout), 'For example: timeout => ''5 min''.');
	END IF;
	SELECT p.organization_id, cdc_inner.changed_here(p.xmin) AS ours INTO seen FROM cdc.pipeline_spec p
		WHERE p.id = id AND (p.deleted_at IS NULL OR status = 'Deleted');
	IF NOT FOUND OR NOT cdc_inner.may(seen.organization_id, 'service:read') THEN
		PERFORM cdc_inner.raise_unknown('pipeline', id);
	END IF;
	owner := seen.organization_id;
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE active_sql_transaction USING MESSAGE = 'cdc.wait_for_pipeline sees nothing new in this transaction',
			DETAIL = format('Its isolation level is %s.', current_setting('transaction_isolation')), HINT = 'Call it in a READ COMMITTED transaction of its own.';
	END IF;
	IF seen.ours THEN
		RAISE active_sql_transaction USING MESSAGE = 'cdc.wait_for_pipeline cannot wait for what this transaction did itself',
			DETAIL = 'The pipeline was created or changed in this very transaction; nobody else sees it before COMMIT.', HINT = 'COMMIT first, then wait.';
	END IF;
	LOOP
		-- each statement has a snapshot of its own; who is removed meanwhile learns no more
		IF NOT cdc_inner.may(owner, 'service:read') THEN
			PERFORM cdc_inner.raise_unknown('pipeline', id);
		END IF;
		SELECT p.status, p.error_message INTO seen FROM cdc.pipeline_spec p WHERE p.id = id AND p.deleted_at IS NULL;
		IF NOT FOUND THEN
			IF status = 'Deleted' THEN
				RETURN 'Deleted';
			END IF;
			RAISE object_not_in_prerequisite_state USING MESSAGE = format('pipeline %s is deleted', id),
				DETAIL = format('Status %s was waited for.', status), HINT = 'Create it again: its name is free.';
		END IF;
		IF seen.status = status THEN
			RETURN status;
		END IF;
		IF seen.status = 'Failed' THEN
			RAISE object_not_in_prerequisite_state USING MESSAGE = format('pipeline %s is Failed', id),
				DETAIL = coalesce(seen.error_message, 'No reason is recorded.'), HINT = format('SELECT * FROM cdc.pipeline_event WHERE pipeline_id = %L ORDER BY id; tells its story.', id);
		END IF;
		IF seen.status = 'Deleting' AND status <> 'Deleted' THEN
			RAISE object_not_in_prerequisite_state USING MESSAGE = format('pipeline %s is being deleted', id),
				DETAIL = format('Status %s was waited for.', status), HINT = 'Wait for Deleted instead.';
		END IF;
		IF clock_timestamp() >= deadline THEN
			RAISE query_canceled USING MESSAGE = format('pipeline %s did not become %s within %s', id, status, timeout),
				DETAIL = format('It is %s%s.', seen.status, coalesce(': ' || seen.error_message, '')), HINT = 'Wait longer, or mend what error_message names.';
		END IF;
		PERFORM pg_sleep(least(pause, extract(epoch FROM deadline - clock_timestamp())));
		pause := least(pause * 1.3, 0.1);
	END LOOP;
END
$$;
COMMENT ON FUNCTION cdc_inner.wait_for_pipeline IS
	'Waits until a pipeline has a status, and returns it. id: the pipeline''s. status: Pending, Provisioning, Running, Paused, Failed, Deleting, or Deleted for the '
	'end of a delete. timeout: for how long. For viewers, as long as they are. Errors: 55000 at once when it is Failed or gone and that was not asked for, 57014 at the '
	'deadline, 25001 when it was created or changed in this very transaction, or this one is not READ COMMITTED.';
