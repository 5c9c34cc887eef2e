-- pipelines/helpers.sql: checking, making and ending pipelines.

-- The pipeline's organisation, if the caller may read it; else the same ERROR
-- 42704 as for one that does not exist.
CREATE OR REPLACE FUNCTION cdc_inner.organization_of_pipeline(id uuid) RETURNS uuid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found uuid;
BEGIN
	SELECT p.organization_id INTO found FROM cdc.pipeline_spec p WHERE p.id = organization_of_pipeline.id AND p.deleted_at IS NULL;
	IF found IS NULL OR NOT cdc_inner.may(found, 'service:read') THEN
		PERFORM cdc_inner.raise_unknown('pipeline', id);
	END IF;
	RETURN found;
END
$$;

-- A table name as parse_ident reads it, one or two parts -> '"schema"."table"'.
-- ERROR 22023 otherwise.
CREATE OR REPLACE FUNCTION cdc_inner.normalize_table(name text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	parts text[];
BEGIN
	-- most names; a subtransaction for each would cost more than all the rest
	IF name ~ '^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$' THEN
		parts := string_to_array(name, '.');
	ELSE
		BEGIN
			parts := parse_ident(name);
		EXCEPTION WHEN invalid_parameter_value THEN
			parts := NULL;
		END;
	END IF;
	IF parts IS NULL OR array_length(parts, 1) > 2 OR '' = ANY (parts) THEN
		PERFORM cdc_inner.raise_invalid('a table must be named as table or schema.table', format('It was %L.', name),
			'No wildcard, no column list, no database; quote names with capitals: "Sales"."Order".', 'config.tables');
	END IF;
	IF array_length(parts, 1) = 1 THEN
		parts := ARRAY['public'] || parts;
	END IF;
	IF octet_length(parts[1]) > 63 OR octet_length(parts[2]) > 63 THEN
		PERFORM cdc_inner.raise_invalid('a name of a table or schema has at most 63 bytes', format('It was %L.', name), 'PostgreSQL has no longer names.', 'config.tables');
	END IF;
	IF parts[1] IN ('pg_catalog', 'information_schema', 'pg_toast') THEN
		PERFORM cdc_inner.raise_invalid('system tables cannot be captured', format('It was %L.', name), 'Name tables of the application.', 'config.tables');
	END IF;
	RETURN format('"%s"."%s"', replace(parts[1], '"', '""'), replace(parts[2], '"', '""'));
END
$$;

-- Their names, and why one cannot be set so.
CREATE OR REPLACE FUNCTION cdc_inner.option_names() RETURNS text
	LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'cdc_option_names';

CREATE OR REPLACE FUNCTION cdc_inner.option_fault(key text, value text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_option_fault';

-- Why a text may not stand in a connector's configuration (what: its name in the sentence).
CREATE OR REPLACE FUNCTION cdc_inner.connect_text_fault(what text, value text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_connect_text_fault_sql';

-- Why Debezium cannot be sent to a database of this name.
CREATE OR REPLACE FUNCTION cdc_inner.database_fault(name text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'cdc_database_fault';

-- Options: their table is in src/remote/debezium_options.c (cdc.option).
CREATE OR REPLACE FUNCTION cdc_inner.check_options(options jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item record;
	known record;
	fault text;
BEGIN
	IF options = '{}' THEN
		RETURN;
	END IF;
	IF jsonb_typeof(options) <> 'object' THEN
		PERFORM cdc_inner.raise_invalid('options must be a JSON object', format('It was of JSON type %s.', jsonb_typeof(options)), 'For example ''{"max.batch.size": 4096}''.', 'config.options');
	END IF;
	FOR item IN SELECT * FROM jsonb_each(options) LOOP
		IF jsonb_typeof(item.value) NOT IN ('string', 'number', 'boolean') THEN
			PERFORM cdc_inner.raise_invalid(format('option "%s" must be a string, a number or a boolean', item.key), format('It was of JSON type %s.', jsonb_typeof(item.value)),
				'Leave it out for its default.', 'config.options');
		END IF;
		fault := cdc_inner.option_fault(item.key, item.value #>> '{}');
		IF fault IS NOT NULL THEN
			-- the value is not shown: who tries database.password sends one
			SELECT o.* INTO known FROM cdc.options() o WHERE o.name = item.key;
			IF FOUND THEN
				PERFORM cdc_inner.raise_invalid(fault, format('%s Its default is %s.', known.meaning, coalesce(known.default_value, 'Debezium''s or the broker''s')),
					format('SELECT * FROM cdc.option WHERE name = %L; has its rule.', item.key), 'config.options');
			END IF;
			PERFORM cdc_inner.raise_invalid(fault, 'Only options that cannot break the pipeline''s guarantees may be set.',
				coalesce('Did you mean "' || cdc_inner.nearest(item.key, string_to_array(cdc_inner.option_names(), ', ')) || '"? ', '') || 'Known options: ' || cdc_inner.option_names() || '.', 'config.options');
		END IF;
	END LOOP;
END
$$;

-- The tables of a request: normalized, sorted, unique.  ERROR 22023 when one is
-- no table name, or when two would share a topic.
CREATE OR REPLACE FUNCTION cdc_inner.effective_tables(tables text[], prefix text) RETURNS text[]
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	result text[];
	clash record;
	n bigint;
	longest integer;
BEGIN
	IF tables = '{}' THEN
		RETURN '{}';
	END IF;
	IF tables IS NULL OR array_ndims(tables) > 1 OR array_position(tables, NULL) IS NOT NULL THEN
		PERFORM cdc_inner.raise_invalid('tables must be a list of names', 'It is NULL, has a NULL in it, or more than one dimension.', 'Give ''{}'' for all tables.', 'config.tables');
	END IF;
	result := ARRAY(SELECT DISTINCT cdc_inner.normalize_table(u) COLLATE "C" AS t FROM unnest(tables) u ORDER BY t);
	SELECT count(DISTINCT cdc_inner.topic_key(k)), max(length(k)) INTO n, longest FROM unnest(cdc_inner.topics_of(prefix, result)) k;
	IF n < cardinality(result) THEN
		SELECT string_agg(t, ' and ' ORDER BY t) AS names, min(cdc_inner.topic_of(prefix, t)) AS topic INTO clash FROM unnest(result) t
			GROUP BY cdc_inner.topic_key(cdc_inner.topic_of(prefix, t)) HAVING count(*) > 1 LIMIT 1;
		PERFORM cdc_inner.raise_invalid('two tables would share one topic', format('%s both become "%s" (Kafka takes a dot and an underscore for the same).', clash.names, clash.topic),
			'Put one of them into another pipeline with another topic_prefix.', 'config.tables');
	END IF;
	IF longest > 249 THEN
		SELECT t AS name, length(cdc_inner.topic_of(prefix, t)) AS length INTO clash FROM unnest(result) t WHERE length(cdc_inner.topic_of(prefix, t)) > 249 LIMIT 1;
		PERFORM cdc_inner.raise_invalid('a topic''s name would be too long', format('%s becomes a topic of %s characters; Kafka allows 249.', clash.name, clash.length),
			'Choose a shorter topic_prefix.', 'config.tables');
	END IF;
	RETURN result;
END
$$;

-- Options that are each allowed, but not beside each other, or not for these tables (effective ones).
CREATE OR REPLACE FUNCTION cdc_inner.check_options_together(options jsonb, tables text[]) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF options ->> 'no_key' = 'insert_only' AND tables = '{}' THEN
		PERFORM cdc_inner.raise_invalid('option "no_key" cannot be insert_only for all tables', 'Of a publication of all tables INSERT alone would be published, of those with a key too.',
			'Name the tables, or choose wait or full.', 'config.options');
	END IF;
	-- a truncate's event has no key, and none of the topic's partitions is its own
	IF options ? 'skipped.operations' AND 't' <> ALL (regexp_split_to_array(lower(options ->> 'skipped.operations'), '\s*,\s*')) THEN
		IF options ->> 'topic.creation.default.cleanup.policy' ~ 'compact' THEN
			PERFORM cdc_inner.raise_invalid('a compacted topic does not take the event of a TRUNCATE', 'Option "skipped.operations" does not name t, and "topic.creation.default.cleanup.policy" is compact.',
				'Add t to skipped.operations, or let topics not be compacted.', 'config.options');
		END IF;
		IF (options ->> 'topic.creation.default.partitions')::bigint > 1 THEN
			PERFORM cdc_inner.raise_invalid('with several partitions the event of a TRUNCATE has no order', 'Option "skipped.operations" does not name t, and "topic.creation.default.partitions" is above 1.',
				'Add t to skipped.operations, or have topics with one partition.', 'config.options');
		END IF;
	END IF;
END
$$;

-- ERROR 42501 unless the caller may make pipelines from or to this service: with
-- "pipelines_by": "admin" only an admin may.  For everything that makes one, or has
-- one read more.
CREATE OR REPLACE FUNCTION cdc_inner.require_pipelines_by(service uuid) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s cdc.service;
BEGIN
	IF cdc_inner.pipelines_by_now(service) IS DISTINCT FROM 'admin' THEN
		RETURN;
	END IF;
	SELECT x.* INTO s FROM cdc.service x WHERE x.id = service;
	IF NOT cdc_inner.may(s.organization_id, 'admin') THEN
		RAISE insufficient_privilege USING MESSAGE = format('only an admin makes pipelines with service "%s"', s.name),
			DETAIL = format('It has "pipelines_by": "admin"; role "%s" is %s in its organization.', cdc_inner.caller(), cdc_inner.member_role(s.organization_id)),
			HINT = 'Ask an owner or admin of the organization to make the pipeline.';
	END IF;
END
$$;

-- ERROR 22023: no name of a database that can be captured.
CREATE OR REPLACE FUNCTION cdc_inner.check_database_name(database_name text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	broken text;
BEGIN
	IF coalesce(database_name, '') = '' OR octet_length(database_name) > 63 OR database_name ~ '[[:cntrl:]]' THEN
		PERFORM cdc_inner.raise_invalid('database_name must be the name of a database', format('It was %L.', database_name), 'Name a database of the source, 1 to 63 bytes.', 'config.database_name');
	END IF;
	IF database_name ~ '^/' THEN
		PERFORM cdc_inner.raise_invalid('the name of a database that is captured cannot begin with a slash', format('It was %L.', database_name),
			'PostgreSQL 16 and later read such a name in pg_hba.conf as a regular expression: rename the database.', 'config.database_name');
	END IF;
	broken := cdc_inner.database_fault(database_name);
	IF broken IS NOT NULL THEN
		PERFORM cdc_inner.raise_invalid(broken, format('It was %L: with %% + ? or / its driver reads a name as another one.', database_name), 'Rename the database.', 'config.database_name');
	END IF;
	broken := cdc_inner.connect_text_fault('database_name', database_name);
	IF broken IS NOT NULL THEN
		PERFORM cdc_inner.raise_invalid(broken, 'A configuration''s references to secrets are made by the worker alone.', 'Name a database of the source.', 'config.database_name');
	END IF;
END
$$;

-- What set_pipeline_database does, for every door.  detail: of the event, NULL or an object.
-- Nothing is sent to the source but after an event that says so was committed with the
-- pipeline's row (design: intent before effect), so who has the row knows.
CREATE OR REPLACE FUNCTION cdc_inner.change_database(pipeline uuid, database_name text, detail jsonb DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	before cdc.pipeline_spec;
	made text;
BEGIN
	PERFORM cdc_inner.check_database_name(database_name);
	SELECT p.* INTO before FROM cdc.pipeline_spec p WHERE p.id = pipeline FOR NO KEY UPDATE;
	IF before.desired_state = 'present' AND before.database_name = database_name THEN
		RETURN;
	END IF;
	SELECT e.detail ->> 'action' INTO made FROM cdc.pipeline_event e WHERE e.pipeline_id = pipeline AND e.kind IN ('action', 'drift')
		AND e.detail ->> 'action' NOT IN ('create_peering', 'enable_peering', 'install_plugin', 'put_secret') ORDER BY e.id LIMIT 1;
	made := coalesce(made, CASE WHEN before.role_generation > 0 THEN 'create_role' END, before.publication_name, before.slot_name, before.connector_name);
	IF before.desired_state = 'deleted' OR made IS NOT NULL THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'the database of this pipeline cannot be changed any more',
			DETAIL = CASE before.desired_state WHEN 'deleted' THEN 'The pipeline is being deleted.' ELSE format('Something was made in the source for database "%s" (%s).', before.database_name, made) END,
			HINT = 'SELECT cdc.delete_pipeline(id), and create it again with the other database: its name is free at once.', COLUMN = 'config.database_name';
	END IF;
	UPDATE cdc.pipeline_spec p SET database_name = database_name, config = (p.config::jsonb || jsonb_build_object('database_name', database_name))::json, updated_at = now() WHERE p.id = pipeline;
	INSERT INTO cdc.pipeline_event (pipeline_id, kind, message, detail)
		VALUES (pipeline, 'user', format('database "%s" in place of "%s", by role "%s"', database_name, before.database_name, cdc_inner.caller()), detail);
	PERFORM cdc_inner.ask('pipeline', pipeline);
END
$$;

-- What create_pipeline does, for every door.  config: the request as it was sent;
-- detail: of the event, NULL or an object.
CREATE OR REPLACE FUNCTION cdc_inner.make_pipeline(name text, source uuid, sink uuid, tables text[], database_name text, topic_prefix text,
		snapshot_mode text, organization uuid, pipeline_type text, options jsonb, config json, detail jsonb DEFAULT NULL) RETURNS uuid
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
	made uuid;
	effective text[];
	prefix text := coalesce(topic_prefix, name);
	side uuid;
BEGIN
	IF organization IS NULL THEN
		SELECT s.organization_id INTO organization FROM cdc.service s WHERE s.id = source AND s.deleted_at IS NULL AND s.organization_id IN (SELECT cdc_inner.caller_organizations());
		IF organization IS NULL THEN
			PERFORM cdc_inner.raise_unknown('service', source, 'source_service_id');
		END IF;
	END IF;
	PERFORM cdc_inner.require(organization, 'service:create');
	IF name IS NULL OR name !~ '^[A-Za-z0-9_-]{1,64}$' THEN
		PERFORM cdc_inner.raise_invalid('a pipeline''s name must be 1 to 64 letters, digits, hyphens and underscores', format('It was %L.', name), 'Choose another name.', 'name');
	END IF;
	IF pipeline_type IS DISTINCT FROM 'cdc_pg_to_kafka' THEN
		PERFORM cdc_inner.raise_invalid('unknown pipeline_type', format('It was %L.', pipeline_type), 'The only type is cdc_pg_to_kafka.', 'pipeline_type');
	END IF;
	IF source = sink THEN
		PERFORM cdc_inner.raise_invalid('source and sink must be different services', format('Both are %s.', source), 'The source is a PostgreSQL service, the sink a Kafka service.', 'sink_service_id');
	END IF;
	FOREACH side IN ARRAY ARRAY[source, sink] LOOP
		-- against an update_service and a delete_service that run beside us; nobody locks another organization's
		PERFORM cdc_inner.lock_shared('service ' || s.id) FROM cdc.service s WHERE s.id = side AND s.organization_id = organization;
		PERFORM FROM cdc.service s WHERE s.id = side AND s.deleted_at IS NULL AND s.status <> 'deleting' AND s.organization_id = organization FOR KEY SHARE;
		IF NOT FOUND THEN
			PERFORM cdc_inner.raise_unknown('service', side, CASE side WHEN source THEN 'source_service_id' ELSE 'sink_service_id' END);
		END IF;
	END LOOP;
	PERFORM cdc_inner.require_pipelines_by(source), cdc_inner.require_pipelines_by(sink);
	IF snapshot_mode IS NULL OR snapshot_mode NOT IN ('initial', 'always', 'initial_only', 'no_data', 'when_needed') THEN
		PERFORM cdc_inner.raise_invalid('unknown snapshot_mode', format('It was %L.', snapshot_mode), 'Use initial, always, initial_only, no_data or when_needed.', 'config.snapshot_mode');
	END IF;
	PERFORM cdc_inner.check_database_name(database_name);
	IF prefix !~ '^[a-zA-Z0-9_.-]+$' OR prefix IN ('.', '..') THEN
		PERFORM cdc_inner.raise_invalid('topic_prefix must be letters, digits, dots, hyphens and underscores', format('It was %L.', prefix), 'Topics are named <prefix>.<schema>.<table>.', 'config.topic_prefix');
	END IF;
	IF prefix ~ '^__debezium-heartbeat' THEN
		PERFORM cdc_inner.raise_invalid('topic_prefix must not be that of Debezium''s heartbeats', format('It was %L.', prefix), 'Topics "__debezium-heartbeat.<prefix>" are made for every prefix.', 'config.topic_prefix');
	END IF;
	IF length('__debezium-heartbeat.' || prefix) > 249 THEN
		PERFORM cdc_inner.raise_invalid('topic_prefix is too long', format('"__debezium-heartbeat.%s" has %s characters; Kafka allows 249.', prefix, length('__debezium-heartbeat.' || prefix)), 'Choose a shorter prefix.', 'config.topic_prefix');
	END IF;
	effective := cdc_inner.effective_tables(tables, prefix);
	options := coalesce(options, '{}');
	PERFORM cdc_inner.check_options(options);
	PERFORM cdc_inner.check_options_together(options, effective);

	PERFORM cdc_inner.admit(organization, 'pipelines'), cdc_inner.admit(organization, 'tables', cardinality(effective));
	-- No subtransaction: a statement that makes many would leave as many, for all to look up.
	LOOP
		made := gen_random_uuid();
		INSERT INTO cdc.pipeline_spec (id, organization_id, name, pipeline_type, source_service_id, sink_service_id, config,
				database_name, tables, topic_prefix, snapshot_mode, options)
			VALUES (made, organization, name, pipeline_type, source, sink, config, database_name, effective, prefix, snapshot_mode, options)
			ON CONFLICT DO NOTHING;
		EXIT WHEN FOUND;
		IF EXISTS (SELECT FROM cdc.pipeline_spec p WHERE p.organization_id = organization AND p.name = name AND p.desired_state = 'present' AND p.deleted_at IS NULL) THEN
			PERFORM cdc_inner.raise_name_taken('pipeline', name);
		END IF;
		-- the first eight digits of the id are taken, or who had the name has given it back: again
	END LOOP;
	PERFORM cdc_inner.reserve_topics(made, organization, sink, prefix, effective);
	INSERT INTO cdc.pipeline_observed (pipeline_id) VALUES (made);
	INSERT INTO cdc.pipeline_event (pipeline_id, kind, status_to, message, detail)
		VALUES (made, 'user', 'Pending', format('created by role "%s"', cdc_inner.caller()), detail);
	PERFORM cdc_inner.ask('pipeline', made);
	RETURN made;
END
$$;

-- What delete_pipeline does, for every door.  detail: of the event, NULL or an object.
CREATE OR REPLACE FUNCTION cdc_inner.end_pipeline(id uuid, force boolean, detail jsonb DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
	before record;
BEGIN
	SELECT p.status, p.desired_state, p.force_delete, p.sink_service_id INTO before FROM cdc.pipeline_spec p WHERE p.id = id FOR NO KEY UPDATE;
	IF before.desired_state = 'present' OR (force AND NOT before.force_delete) THEN
		UPDATE cdc.pipeline_spec p SET desired_state = 'deleted', status = 'Deleting', provision_step = NULL, error_message = NULL,
			force_delete = p.force_delete OR coalesce(force, false), updated_at = now() WHERE p.id = id;
		INSERT INTO cdc.pipeline_event (pipeline_id, kind, status_from, status_to, message, detail)
			VALUES (id, 'user', before.status, 'Deleting', format('%s by role "%s"', CASE WHEN force THEN 'deleted with force' ELSE 'deleted' END, cdc_inner.caller()), detail);
	END IF;
	IF before.desired_state = 'present' THEN
		PERFORM cdc_inner.release_topics(id, before.sink_service_id);
	END IF;
	PERFORM cdc_inner.ask('pipeline', id);
END
$$;

-- What pause_pipeline and resume_pipeline do, for every door.  detail: of the event, NULL
-- or an object.  The status as it is now: the worker changes it.
CREATE OR REPLACE FUNCTION cdc_inner.change_pause(id uuid, pause boolean, detail jsonb DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	before record;
	unprotected text;
BEGIN
	SELECT p.status, p.desired_state, p.paused_at, p.paused_at IS NOT NULL AND p.paused_at IS DISTINCT FROM p.pause_ended AS wanted INTO before
		FROM cdc.pipeline_spec p WHERE p.id = id FOR NO KEY UPDATE;
	IF before.desired_state = 'deleted' THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = format('a pipeline that is being deleted cannot be %s', CASE WHEN pause THEN 'paused' ELSE 'resumed' END),
			DETAIL = 'Its connector is stopped and taken away.', HINT = 'Create it again: its name is free.';
	END IF;
	IF pause AND NOT before.wanted THEN
		SELECT f.observed INTO unprotected FROM cdc.finding f WHERE f.pipeline_id = id AND f.check_name = 'slot_unprotected';
		IF FOUND THEN
			RAISE object_not_in_prerequisite_state USING MESSAGE = 'this pipeline cannot be paused: its replication slot would be dropped meanwhile',
				DETAIL = coalesce(unprotected, 'Its source would not keep a slot that nobody uses.'), HINT = 'When the source keeps it, pause again; finding slot_unprotected is gone then.';
		END IF;
		UPDATE cdc.pipeline_spec p SET paused_at = clock_timestamp(), updated_at = now() WHERE p.id = id;
	ELSIF NOT pause AND before.paused_at IS NOT NULL THEN
		UPDATE cdc.pipeline_spec p SET paused_at = NULL, updated_at = now() WHERE p.id = id;
	END IF;
	IF pause <> before.wanted THEN
		INSERT INTO cdc.pipeline_event (pipeline_id, kind, status_from, message, detail)
			VALUES (id, 'user', before.status, format('%s by role "%s"', CASE WHEN pause THEN 'a pause was asked for' ELSE 'resumed' END, cdc_inner.caller()), detail);
	END IF;
	PERFORM cdc_inner.ask('pipeline', id);
	RETURN before.status;
END
$$;

-- What restart_pipeline does, for every door.  detail: of the event, NULL or an object.
CREATE OR REPLACE FUNCTION cdc_inner.ask_restart(id uuid, detail jsonb DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	before record;
BEGIN
	SELECT p.status, p.paused_at IS NOT NULL AND p.paused_at IS DISTINCT FROM p.pause_ended AS paused INTO before
		FROM cdc.pipeline_spec p WHERE p.id = id FOR NO KEY UPDATE;
	IF before.paused OR before.status NOT IN ('Running', 'Failed') THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'only a pipeline that is Running or Failed can be restarted',
			DETAIL = format('It is %s.', CASE WHEN before.paused AND before.status <> 'Paused' THEN before.status || ', and a pause was asked for' ELSE before.status END),
			HINT = CASE WHEN before.paused OR before.status = 'Paused' THEN 'cdc.resume_pipeline() starts its task anew.'
				WHEN before.status = 'Deleting' THEN 'Create it again: its name is free.'
				ELSE 'A task that is stopped in its first snapshot begins it again: let it come to its end, or delete the pipeline.' END;
	END IF;
	UPDATE cdc.pipeline_spec p SET restart_asked = p.restart_asked + 1, updated_at = now() WHERE p.id = id;
	INSERT INTO cdc.pipeline_event (pipeline_id, kind, status_from, message, detail)
		VALUES (id, 'user', before.status, format('a restart was asked for by role "%s"', cdc_inner.caller()), detail);
	PERFORM cdc_inner.ask('pipeline', id);
	RETURN before.status;
END
$$;

-- The role's password goes with the pipeline; the worker sets settled_at.
CREATE OR REPLACE FUNCTION cdc_inner.forget_pipeline_secrets() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	DELETE FROM cdc.pipeline_secret x WHERE x.pipeline_id = NEW.id;
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER forget_secrets AFTER UPDATE OF settled_at ON cdc.pipeline_spec
	FOR EACH ROW WHEN (OLD.settled_at IS NULL AND NEW.settled_at IS NOT NULL) EXECUTE FUNCTION cdc_inner.forget_pipeline_secrets();

CREATE OR REPLACE VIEW cdc.pipeline_object WITH (security_invoker = true) AS
	SELECT p.id, p.organization_id, p.name, p.pipeline_type, p.source_service_id, p.sink_service_id, p.status, p.provision_step, p.config,
		p.connector_name, p.publication_name, p.slot_name, p.topic_prefix, o.connector_state AS last_connector_state, o.source_lag_bytes,
		cdc_inner.rfc3339(CASE WHEN p.status = 'Running' AND o.last_health_check_at < s.pipelines_checked_at THEN s.pipelines_checked_at ELSE o.last_health_check_at END) AS last_health_check_at, p.error_message,
		cdc_inner.rfc3339(p.created_at) AS created_at, cdc_inner.rfc3339(p.updated_at) AS updated_at
	FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id LEFT JOIN cdc.service s ON s.id = p.source_service_id
	WHERE p.deleted_at IS NULL;
COMMENT ON VIEW cdc.pipeline_object IS 'The REST object of a pipeline, a column a member, in the order of the product page. Readers: superusers.';
