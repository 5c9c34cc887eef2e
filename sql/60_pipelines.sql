-- 60_pipelines.sql: creating, deleting and asking for pipelines.

-- A table name as parse_ident reads it, one or two parts -> '"schema"."table"'.
-- ERROR 22023 otherwise.
CREATE FUNCTION cdc.normalize_table(name text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	parts text[];
BEGIN
	BEGIN
		parts := parse_ident(name);
	EXCEPTION WHEN invalid_parameter_value THEN
		parts := NULL;
	END;
	IF parts IS NULL OR array_length(parts, 1) > 2 OR name ~ '[*(]' OR '' = ANY (parts) THEN
		PERFORM cdc.raise_invalid('a table must be named as table or schema.table', format('It was %L.', name),
			'No wildcard, no column list, no database; quote names with capitals: "Sales"."Order".');
	END IF;
	IF array_length(parts, 1) = 1 THEN
		parts := ARRAY['public'] || parts;
	END IF;
	IF octet_length(parts[1]) > 63 OR octet_length(parts[2]) > 63 THEN
		PERFORM cdc.raise_invalid('a name of a table or schema has at most 63 bytes', format('It was %L.', name), 'PostgreSQL has no longer names.');
	END IF;
	IF parts[1] IN ('pg_catalog', 'information_schema', 'pg_toast') THEN
		PERFORM cdc.raise_invalid('system tables cannot be captured', format('It was %L.', name), 'Name tables of the application.');
	END IF;
	RETURN format('"%s"."%s"', replace(parts[1], '"', '""'), replace(parts[2], '"', '""'));
END
$$;

-- The topic of a table, as Debezium makes it: <prefix>.<schema>.<table> with
-- illegal characters as _ (AbstractTopicNamingStrategy).
CREATE FUNCTION cdc.topic_of(prefix text, tab text) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT regexp_replace(prefix || '.' || (parse_ident(tab))[1] || '.' || (parse_ident(tab))[2], '[^a-zA-Z0-9._-]', '_', 'g')
$$;

-- Kafka's metrics do not tell . from _: topics that are equal so collide.
CREATE FUNCTION cdc.topic_key(topic text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT replace(regexp_replace(topic, '[^a-zA-Z0-9._-]', '_', 'g'), '.', '_')
$$;

-- Options that a pipeline may set: name -> JSON type.  Ours first, then
-- Debezium's and Connect's keys, passed on as they are.
CREATE FUNCTION cdc.known_options() RETURNS jsonb
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT '{"on_gap":"string",
		"binary.handling.mode":"string", "column.exclude.list":"string", "column.include.list":"string",
		"decimal.handling.mode":"string", "heartbeat.interval.ms":"number", "hstore.handling.mode":"string",
		"interval.handling.mode":"string", "max.batch.size":"number", "max.queue.size":"number",
		"max.queue.size.in.bytes":"number", "message.key.columns":"string", "poll.interval.ms":"number",
		"skipped.operations":"string", "snapshot.fetch.size":"number", "time.precision.mode":"string",
		"tombstones.on.delete":"boolean", "topic.creation.default.partitions":"number",
		"topic.creation.default.replication.factor":"number", "unavailable.value.placeholder":"string"}'::jsonb
$$;

CREATE FUNCTION cdc.check_options(options jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item record;
	known jsonb := cdc.known_options();
BEGIN
	IF options IS NULL OR jsonb_typeof(options) <> 'object' THEN
		PERFORM cdc.raise_invalid('options must be a JSON object', format('It was %s.', coalesce(jsonb_typeof(options), 'null')), 'For example ''{"max.batch.size": 4096}''.');
	END IF;
	FOR item IN SELECT * FROM jsonb_each(options) LOOP
		IF NOT known ? item.key THEN
			PERFORM cdc.raise_invalid(format('unknown option "%s"', item.key), 'Only options that cannot break the pipeline''s guarantees may be set.',
				'Known options: ' || (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(known) k) || '.');
		END IF;
		IF jsonb_typeof(item.value) <> known ->> item.key THEN
			PERFORM cdc.raise_invalid(format('option "%s" must be of JSON type %s', item.key, known ->> item.key), format('It was %s.', item.value), 'See docs/sql-api.md, options.');
		END IF;
	END LOOP;
	IF options ->> 'on_gap' NOT IN ('resnapshot', 'halt') THEN
		PERFORM cdc.raise_invalid('unknown value of option "on_gap"', format('It was %L.', options ->> 'on_gap'), 'Use resnapshot or halt.');
	END IF;
	IF (options ->> 'heartbeat.interval.ms')::numeric NOT BETWEEN 100 AND 600000 THEN
		PERFORM cdc.raise_invalid('option "heartbeat.interval.ms" must be from 100 to 600000', format('It was %s.', options ->> 'heartbeat.interval.ms'), 'Without heartbeats a quiet database holds back WAL.');
	END IF;
END
$$;

-- Creates a pipeline: checks what can be known at once, writes rows, and the
-- worker makes it true after the commit.  tables empty: all tables.
-- topic_prefix NULL: the pipeline's name.  organization NULL: the caller's
-- personal or first.  Returns its id.  Needs service:create.
-- Errors: 22023 bad argument, 42710 name taken or topics collide, 42704 unknown
-- service or organisation, 42501 no permission.
CREATE FUNCTION cdc.create_pipeline(name text, source uuid, sink uuid, tables text[] DEFAULT '{}', database_name text DEFAULT 'defaultdb',
		topic_prefix text DEFAULT NULL, snapshot_mode text DEFAULT 'initial', organization uuid DEFAULT NULL,
		pipeline_type text DEFAULT 'cdc_pg_to_kafka', options jsonb DEFAULT '{}') RETURNS uuid
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made uuid;
	effective text[];
	prefix text := coalesce(topic_prefix, name);
	sent jsonb;
	clash record;
	side uuid;
BEGIN
	organization := coalesce(organization, cdc.default_organization());
	PERFORM cdc.require(organization, 'service:create');
	IF name IS NULL OR name !~ '^[A-Za-z0-9_-]{1,64}$' THEN
		PERFORM cdc.raise_invalid('a pipeline''s name must be 1 to 64 letters, digits, hyphens and underscores', format('It was %L.', name), 'Choose another name.');
	END IF;
	IF pipeline_type IS DISTINCT FROM 'cdc_pg_to_kafka' THEN
		PERFORM cdc.raise_invalid('unknown pipeline_type', format('It was %L.', pipeline_type), 'The only type is cdc_pg_to_kafka.');
	END IF;
	IF source = sink THEN
		PERFORM cdc.raise_invalid('source and sink must be different services', format('Both are %s.', source), 'The source is a PostgreSQL service, the sink a Kafka service.');
	END IF;
	FOREACH side IN ARRAY ARRAY[source, sink] LOOP
		IF NOT EXISTS (SELECT FROM cdc.service s WHERE s.id = side AND s.deleted_at IS NULL AND s.status <> 'deleting' AND s.organization_id = organization) THEN
			PERFORM cdc.raise_unknown('service', side);
		END IF;
	END LOOP;
	IF snapshot_mode IS NULL OR snapshot_mode NOT IN ('initial', 'always', 'initial_only', 'no_data', 'when_needed') THEN
		PERFORM cdc.raise_invalid('unknown snapshot_mode', format('It was %L.', snapshot_mode), 'Use initial, always, initial_only, no_data or when_needed.');
	END IF;
	IF coalesce(database_name, '') = '' OR octet_length(database_name) > 63 OR database_name ~ '[[:cntrl:]]' THEN
		PERFORM cdc.raise_invalid('bad database_name', format('It was %L.', database_name), 'Name a database of the source, 1 to 63 bytes.');
	END IF;
	IF tables IS NULL OR array_position(tables, NULL) IS NOT NULL THEN
		PERFORM cdc.raise_invalid('tables must be a list of names', 'It is NULL or has a NULL in it.', 'An empty list means all tables.');
	END IF;
	IF prefix !~ '^[a-zA-Z0-9_.-]+$' OR prefix IN ('.', '..') THEN
		PERFORM cdc.raise_invalid('topic_prefix must be letters, digits, dots, hyphens and underscores', format('It was %L.', prefix), 'Topics are named <prefix>.<schema>.<table>.');
	END IF;
	IF length('__debezium-heartbeat.' || prefix) > 249 THEN
		PERFORM cdc.raise_invalid('topic_prefix is too long', format('"__debezium-heartbeat.%s" has %s characters; Kafka allows 249.', prefix, length('__debezium-heartbeat.' || prefix)), 'Choose a shorter prefix.');
	END IF;
	effective := (SELECT coalesce(array_agg(DISTINCT t ORDER BY t), '{}') FROM (SELECT cdc.normalize_table(n) AS t FROM unnest(tables) n) x);
	SELECT string_agg(t, ' and ') AS both_of, min(cdc.topic_of(prefix, t)) AS topic INTO clash FROM unnest(effective) t GROUP BY cdc.topic_key(cdc.topic_of(prefix, t)) HAVING count(*) > 1 LIMIT 1;
	IF FOUND THEN
		PERFORM cdc.raise_invalid('two tables would share one topic', format('%s both become %s.', clash.both_of, clash.topic), 'Put one of them into another pipeline with another topic_prefix.');
	END IF;
	SELECT t AS tab, cdc.topic_of(prefix, t) AS topic INTO clash FROM unnest(effective) t WHERE length(cdc.topic_of(prefix, t)) > 249 LIMIT 1;
	IF FOUND THEN
		PERFORM cdc.raise_invalid('a topic''s name would be too long', format('%s becomes a topic of %s characters; Kafka allows 249.', clash.tab, length(clash.topic)), 'Choose a shorter topic_prefix.');
	END IF;
	PERFORM cdc.check_options(options);

	-- one creation a sink at a time, so that two cannot both find the topics free
	PERFORM pg_advisory_xact_lock(hashtextextended('cdc_pipeline sink ' || sink, 0));
	IF EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.organization_id = organization AND p.name = name AND p.desired_state = 'present' AND p.deleted_at IS NULL) THEN
		RAISE duplicate_object USING MESSAGE = format('a pipeline named "%s" already exists', name),
			DETAIL = 'Names of pipelines are unique in an organization.', HINT = 'Choose another name, or delete that one first: it then does not hold its name.';
	END IF;
	SELECT p.id, p.name, p.organization_id INTO clash FROM cdc.pipeline_spec p
		WHERE p.sink_service_id = sink AND p.desired_state = 'present' AND p.deleted_at IS NULL
		AND (CASE WHEN cardinality(effective) = 0 OR cardinality(p.tables) = 0 THEN cdc.topic_key(p.topic_prefix) = cdc.topic_key(prefix)
			ELSE EXISTS (SELECT cdc.topic_key(cdc.topic_of(prefix, t)) FROM unnest(effective) t INTERSECT
				SELECT cdc.topic_key(cdc.topic_of(p.topic_prefix, t)) FROM unnest(p.tables) t) OR p.topic_prefix = prefix END)
		LIMIT 1;
	IF FOUND THEN
		RAISE duplicate_object USING MESSAGE = 'another pipeline on this sink writes to the same topics',
			DETAIL = format('Pipeline "%s" has a topic prefix that collides with "%s".', clash.name, prefix), HINT = 'Choose another topic_prefix.';
	END IF;

	sent := jsonb_strip_nulls(jsonb_build_object('database_name', database_name, 'tables', CASE WHEN cardinality(tables) > 0 THEN to_jsonb(tables) END,
		'topic_prefix', topic_prefix, 'snapshot_mode', snapshot_mode, 'options', nullif(options, '{}')));
	LOOP
		made := gen_random_uuid();
		BEGIN
			INSERT INTO cdc.pipeline_spec (id, organization_id, name, pipeline_type, source_service_id, sink_service_id, config,
					database_name, tables, topic_prefix, snapshot_mode, options)
				VALUES (made, organization, name, pipeline_type, source, sink, sent, database_name, effective, prefix, snapshot_mode, options);
			EXIT;
		EXCEPTION WHEN unique_violation THEN
			-- the first eight digits are taken: draw again
			IF EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.organization_id = organization AND p.name = name AND p.desired_state = 'present' AND p.deleted_at IS NULL) THEN
				RAISE duplicate_object USING MESSAGE = format('a pipeline named "%s" already exists', name),
					DETAIL = 'Names of pipelines are unique in an organization.', HINT = 'Choose another name, or delete that one first: it then does not hold its name.';
			END IF;
		END;
	END LOOP;
	INSERT INTO cdc.pipeline_observed (pipeline_id) VALUES (made);
	INSERT INTO cdc.pipeline_event (pipeline_id, kind, status_to, message) VALUES (made, 'user', 'Pending', format('created by role "%s"', cdc.caller()));
	PERFORM cdc.ask('pipeline', made);
	RETURN made;
END
$$;

-- The pipeline's organisation, if the caller may read it; else the same ERROR
-- 42704 as for one that does not exist.
CREATE FUNCTION cdc.organization_of_pipeline(id uuid) RETURNS uuid
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found uuid;
BEGIN
	SELECT p.organization_id INTO found FROM cdc.pipeline_spec p WHERE p.id = organization_of_pipeline.id AND p.deleted_at IS NULL;
	IF found IS NULL OR NOT cdc.may(found, 'service:read') THEN
		PERFORM cdc.raise_unknown('pipeline', id);
	END IF;
	RETURN found;
END
$$;

-- Asks for a pipeline to be deleted; its name is free at once.  force: give up
-- on what cannot be reached, and say what is left behind.  Returns 'Deleting',
-- the same when asked again.  Errors: 42704, 42501.
CREATE FUNCTION cdc.delete_pipeline(id uuid, force boolean DEFAULT false) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	before record;
BEGIN
	PERFORM cdc.require(cdc.organization_of_pipeline(id), 'service:create');
	SELECT p.status, p.desired_state, p.force_delete INTO before FROM cdc.pipeline_spec p WHERE p.id = id FOR NO KEY UPDATE;
	IF before.desired_state = 'present' OR (force AND NOT before.force_delete) THEN
		UPDATE cdc.pipeline_spec p SET desired_state = 'deleted', status = 'Deleting', provision_step = NULL,
			force_delete = p.force_delete OR coalesce(force, false), updated_at = now() WHERE p.id = id;
		INSERT INTO cdc.pipeline_event (pipeline_id, kind, status_from, status_to, message)
			VALUES (id, 'user', before.status, 'Deleting', format('%s by role "%s"', CASE WHEN force THEN 'deleted with force' ELSE 'deleted' END, cdc.caller()));
	END IF;
	PERFORM cdc.ask('pipeline', id);
	RETURN 'Deleting';
END
$$;

-- The REST object of a pipeline.
CREATE FUNCTION cdc.pipeline_object(p cdc.pipeline_spec, o cdc.pipeline_observed) RETURNS jsonb
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('id', p.id, 'organization_id', p.organization_id, 'name', p.name, 'pipeline_type', p.pipeline_type,
		'source_service_id', p.source_service_id, 'sink_service_id', p.sink_service_id, 'status', p.status, 'config', p.config,
		'provision_step', p.provision_step, 'connector_name', p.connector_name, 'publication_name', p.publication_name, 'slot_name', p.slot_name,
		'topic_prefix', p.topic_prefix, 'last_connector_state', o.connector_state, 'last_health_check_at', cdc.rfc3339(o.last_health_check_at),
		'error_message', p.error_message, 'source_lag_bytes', o.source_lag_bytes,
		'created_at', cdc.rfc3339(p.created_at), 'updated_at', cdc.rfc3339(p.updated_at))
$$;

CREATE FUNCTION cdc.get_pipeline(id uuid) RETURNS jsonb
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc.organization_of_pipeline(id);
	RETURN (SELECT cdc.pipeline_object(p, o) FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id WHERE p.id = get_pipeline.id);
END
$$;

-- organization NULL: all that the caller may see.
CREATE FUNCTION cdc.list_pipelines(organization uuid DEFAULT NULL) RETURNS SETOF jsonb
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF organization IS NOT NULL AND NOT cdc.may(organization, 'service:read') THEN
		PERFORM cdc.raise_unknown('organization', organization);
	END IF;
	RETURN QUERY SELECT cdc.pipeline_object(p, o) FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id
		WHERE p.deleted_at IS NULL AND CASE WHEN organization IS NULL THEN cdc.may(p.organization_id, 'service:read') ELSE p.organization_id = organization END
		ORDER BY p.created_at, p.id;
END
$$;

-- The REST status object as columns.
CREATE FUNCTION cdc.pipeline_status(id uuid) RETURNS TABLE (id uuid, status text, connector_name text, connector_state text, task_states jsonb,
		source_lag_bytes bigint, topic_prefix text, last_health_check_at timestamptz, error_message text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.id, p.status, p.connector_name, o.connector_state, o.task_states, o.source_lag_bytes, p.topic_prefix, o.last_health_check_at, p.error_message
		FROM (SELECT cdc.organization_of_pipeline($1) AS owner OFFSET 0) x
		JOIN cdc.pipeline_spec p ON p.id = $1 AND p.organization_id = x.owner
		JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id
$$;

-- Waits until a pipeline has a status; 'Deleted' waits for the end of a delete.
-- Returns the status.  Errors: 55000 at once when the pipeline is Failed or
-- gone and that was not asked for, 57014 at the deadline, 25001 when it was
-- created in this very transaction (which the worker cannot see yet).
CREATE FUNCTION cdc.wait_for_pipeline(id uuid, status text DEFAULT 'Running', timeout interval DEFAULT '5 min') RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	deadline timestamptz := clock_timestamp() + timeout;
	seen record;
	pause float8 := 0.01;
BEGIN
	IF status IS NULL OR status NOT IN ('Pending', 'Provisioning', 'Running', 'Failed', 'Deleting', 'Deleted') THEN
		PERFORM cdc.raise_invalid('unknown status', format('It was %L.', status), 'Use Pending, Provisioning, Running, Failed, Deleting or Deleted.');
	END IF;
	SELECT p.organization_id, p.deleted_at, p.xmin INTO seen FROM cdc.pipeline_spec p WHERE p.id = id;
	IF NOT FOUND OR NOT cdc.may(seen.organization_id, 'service:read') THEN
		PERFORM cdc.raise_unknown('pipeline', id);
	END IF;
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE active_sql_transaction USING MESSAGE = 'cdc.wait_for_pipeline sees nothing new in this transaction',
			DETAIL = format('Its isolation level is %s.', current_setting('transaction_isolation')), HINT = 'Call it in a READ COMMITTED transaction of its own.';
	END IF;
	IF seen.xmin::text::bigint = (pg_current_xact_id_if_assigned()::text::bigint & 4294967295) THEN
		RAISE active_sql_transaction USING MESSAGE = 'cdc.wait_for_pipeline cannot wait for what this transaction did itself',
			DETAIL = 'The pipeline was created or changed in this very transaction; nobody else sees it before COMMIT.', HINT = 'COMMIT first, then wait.';
	END IF;
	LOOP
		SELECT p.status, p.error_message, p.deleted_at IS NOT NULL AS gone INTO seen FROM cdc.pipeline_spec p WHERE p.id = id;
		IF NOT FOUND OR seen.gone THEN
			IF status = 'Deleted' THEN
				RETURN 'Deleted';
			END IF;
			RAISE object_not_in_prerequisite_state USING MESSAGE = format('pipeline %s is deleted', id),
				DETAIL = format('Status %s was waited for.', status), HINT = 'Create it again: its name is free.';
		END IF;
		IF seen.status = status THEN
			RETURN seen.status;
		END IF;
		IF seen.status = 'Failed' AND status <> 'Deleted' THEN
			RAISE object_not_in_prerequisite_state USING MESSAGE = format('pipeline %s is Failed', id),
				DETAIL = coalesce(seen.error_message, 'No reason is recorded.'), HINT = format('SELECT * FROM cdc.pipeline_event WHERE pipeline_id = %L ORDER BY id tells its story.', id);
		END IF;
		IF seen.status = 'Deleting' AND status NOT IN ('Deleted', 'Deleting') THEN
			RAISE object_not_in_prerequisite_state USING MESSAGE = format('pipeline %s is being deleted', id),
				DETAIL = format('Status %s was waited for.', status), HINT = 'Wait for Deleted instead.';
		END IF;
		IF clock_timestamp() >= deadline THEN
			RAISE query_canceled USING MESSAGE = format('pipeline %s did not become %s within %s', id, status, timeout),
				DETAIL = format('It is %s%s.', seen.status, coalesce(': ' || seen.error_message, '')), HINT = 'Wait longer, or mend what error_message names.';
		END IF;
		PERFORM pg_sleep(least(pause, extract(epoch FROM deadline - clock_timestamp())));
		pause := least(pause * 1.5, 0.25);
	END LOOP;
END
$$;

-- For pg_cron: asks for a health round now and returns what needs attention as
-- of the last one.  Waits for no network.
CREATE FUNCTION cdc.check_health() RETURNS TABLE (pipeline_id uuid, name text, status text, error_message text)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdc.ask('round', NULL);
	RETURN QUERY SELECT p.id, p.name, p.status, p.error_message FROM cdc.pipeline_spec p
		WHERE p.deleted_at IS NULL AND (p.status = 'Failed' OR p.error_message IS NOT NULL)
		AND cdc.may(p.organization_id, 'service:read') ORDER BY p.name, p.id;
END
$$;

-- Makes this copy of the metadata the acting one: a restored dump, a pg_upgrade,
-- or after a fence.  Superusers only.  The other copy stops at its next change.
CREATE FUNCTION cdc.take_over() RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = cdc.caller()) THEN
		RAISE insufficient_privilege USING MESSAGE = 'cdc.take_over() is for superusers', DETAIL = format('Role "%s" is none.', cdc.caller()), HINT = 'Connect as a superuser.';
	END IF;
	UPDATE cdc.control_plane SET installation_id = CASE WHEN c.system_identifier = control_plane.system_identifier THEN control_plane.installation_id ELSE gen_random_uuid() END,
		system_identifier = c.system_identifier,
		-- above every epoch that the former one can reach by failing over
		epoch_base = greatest(epoch, epoch_base) + 1000, updated_at = now()
		FROM pg_control_system() c;
	PERFORM cdc.ask('round', NULL);
END
$$;

-- Encrypts every secret anew with the key that cdc.secret_key_file names now;
-- old_key_file: the file with the key that they have.  Superusers only.  Returns
-- how many.  Put the new file in place on every standby first.
CREATE FUNCTION cdc.rotate_secret_key(old_key_file text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n bigint;
	m bigint;
BEGIN
	IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = cdc.caller()) THEN
		RAISE insufficient_privilege USING MESSAGE = 'cdc.rotate_secret_key() is for superusers', DETAIL = format('Role "%s" is none.', cdc.caller()), HINT = 'Connect as a superuser.';
	END IF;
	UPDATE cdc.service_secret s SET (key_id, ciphertext) = (SELECT e.key_id, e.ciphertext
		FROM cdc.reencrypt(old_key_file, s.key_id, s.ciphertext, s.service_id::text, s.purpose) e);
	GET DIAGNOSTICS n = ROW_COUNT;
	UPDATE cdc.pipeline_secret s SET (key_id, ciphertext) = (SELECT e.key_id, e.ciphertext
		FROM cdc.reencrypt(old_key_file, s.key_id, s.ciphertext, s.pipeline_id::text, s.purpose) e);
	GET DIAGNOSTICS m = ROW_COUNT;
	RETURN n + m;
END
$$;
