-- pipelines/calls.sql: creating, changing and deleting pipelines.

CREATE OR REPLACE FUNCTION cdc.options() RETURNS TABLE (name text, type text, rule text, default_value text, on_live text, meaning text)
	LANGUAGE c STABLE ROWS 30 AS 'MODULE_PATHNAME', 'cdc_options';
COMMENT ON FUNCTION cdc.options IS
	'The rows of view cdc.option. For members.';

CREATE OR REPLACE FUNCTION cdc_inner.create_pipeline(name text, source uuid, sink uuid, tables text[] DEFAULT '{}', database_name text DEFAULT 'defaultdb',
		topic_prefix text DEFAULT NULL, snapshot_mode text DEFAULT 'initial', organization uuid DEFAULT NULL,
		pipeline_type text DEFAULT 'cdc_pg_to_kafka', options jsonb DEFAULT '{}') RETURNS uuid
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made uuid;
BEGIN
	made := cdc_inner.make_pipeline(name, source, sink, tables, database_name, topic_prefix, snapshot_mode, organization, pipeline_type, options,
		jsonb_strip_nulls(jsonb_build_object('database_name', database_name, 'tables', CASE WHEN cardinality(tables) > 0 THEN to_jsonb(tables) END,
			'topic_prefix', topic_prefix, 'snapshot_mode', snapshot_mode, 'options', nullif(options, '{}')))::json);
	IF tables = '{}' AND options ->> 'no_key' IS DISTINCT FROM 'full' THEN
		RAISE WARNING USING MESSAGE = 'tables without a key that come later will refuse UPDATE and DELETE',
			DETAIL = 'All tables are published, and a later one from its first moment: PostgreSQL then wants a primary key or another replica identity.',
			HINT = 'With option "no_key": "full" event triggers on the source give it one in the statement that makes it; else say PRIMARY KEY in each CREATE TABLE.';
	END IF;
	RETURN made;
END
$$;
COMMENT ON FUNCTION cdc_inner.create_pipeline IS
	'Creates a pipeline and returns its id: checks what can be known at once and writes rows; the worker makes it true after COMMIT. name: 1 to 64 letters, '
	'digits, - and _, unique among the organization''s live ones. source, sink: ids of a PostgreSQL and a Kafka service. tables: as parse_ident reads them; '
	'empty: all. database_name: of the source. topic_prefix: topics are <prefix>.<schema>.<table>; NULL: the name. snapshot_mode: initial, always, '
	'initial_only, no_data or when_needed. organization: NULL: the source''s. pipeline_type: cdc_pg_to_kafka. options: an object, by cdc.option. For '
	'members. Errors: 22023 bad argument, 42710 name taken or topics collide, 53400 too many, 42704 unknown service or organization, 42501.';

CREATE OR REPLACE FUNCTION cdc_inner.set_pipeline_database(pipeline uuid, database_name text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_pipeline(pipeline), 'service:create');
	PERFORM cdc_inner.change_database(pipeline, database_name);
END
$$;
COMMENT ON FUNCTION cdc_inner.set_pipeline_database IS
	'Has a pipeline capture another database of its source, while nothing was made for it there yet: where it was created with the wrong one, it waits for '
	'that database or for the tables, and this is the way on. pipeline: its id. database_name: of the source. For members. Errors: 42704, 42501, 22023 no '
	'name of a database, 55000 it is being deleted, or something was made in the source for it: delete it, and create it again.';

CREATE OR REPLACE FUNCTION cdc_inner.delete_pipeline(id uuid, force boolean DEFAULT false) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_pipeline(id), 'service:create');
	PERFORM cdc_inner.end_pipeline(id, force);
	RETURN 'Deleting';
END
$$;
COMMENT ON FUNCTION cdc_inner.delete_pipeline IS
	'Asks for a pipeline to be deleted and returns ''Deleting'', the same when asked again; its name is free at once. id: the pipeline''s. force: give up '
	'on what cannot be reached, and say in an event what is left behind. For members. Errors: 42704, 42501.';

CREATE OR REPLACE FUNCTION cdc_inner.pause_pipeline(id uuid) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_pipeline(id), 'service:create');
	RETURN cdc_inner.change_pause(id, true);
END
$$;
COMMENT ON FUNCTION cdc_inner.pause_pipeline IS
	'Asks for a pipeline to be paused and returns its status as it is now: its connector is stopped in good order, which repeats nothing and loses nothing, '
	'and the status becomes Paused; a first snapshot comes to its end before. All else is kept as it should be, through a failover too. The source keeps '
	'WAL meanwhile: see finding pause_keeps_wal and option pause_limit. id: the pipeline''s. For members. Errors: 42704, 42501, 55000 it is being deleted, '
	'or the source would drop the slot of a stopped connector (finding slot_unprotected).';

CREATE OR REPLACE FUNCTION cdc_inner.resume_pipeline(id uuid) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_pipeline(id), 'service:create');
	RETURN cdc_inner.change_pause(id, false);
END
$$;
COMMENT ON FUNCTION cdc_inner.resume_pipeline IS
	'Ends a pause and returns the status as it is now: it is Running again when it streams from where it was stopped. Of one that is not paused: nothing. '
	'id: the pipeline''s. For members. Errors: 42704, 42501, 55000 it is being deleted.';

CREATE OR REPLACE FUNCTION cdc_inner.restart_pipeline(id uuid) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_pipeline(id), 'service:create');
	RETURN cdc_inner.ask_restart(id);
END
$$;
COMMENT ON FUNCTION cdc_inner.restart_pipeline IS
	'Asks for a pipeline''s connector and task to be started anew, and returns its status as it is now: they are stopped in good order and go on from where '
	'they were; one that is Failed is tried at once. id: the pipeline''s. For members. Errors: 42704, 42501, 55000 it is neither Running nor Failed, or a '
	'pause was asked for.';

CREATE OR REPLACE FUNCTION cdc_inner.rotate_password(pipeline uuid) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	before record;
BEGIN
	PERFORM cdc_inner.require(cdc_inner.organization_of_pipeline(pipeline), 'service:create');
	SELECT p.desired_state, p.password_generation AS wanted, s.connection -> 'manage_role' = 'false' AS by_user,
			(SELECT min(x.generation) FROM cdc.pipeline_secret x WHERE x.pipeline_id = pipeline) AS present INTO before
		FROM cdc.pipeline_spec p JOIN cdc.service s ON s.id = p.source_service_id WHERE p.id = pipeline FOR NO KEY UPDATE OF p;
	IF before.desired_state = 'deleted' OR before.by_user THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'the password of this pipeline''s role cannot be changed',
			DETAIL = CASE WHEN before.by_user THEN 'The source was registered with "manage_role": false.' ELSE 'The pipeline is being deleted.' END,
			HINT = CASE WHEN before.by_user THEN 'ALTER ROLE on the source yourself.' ELSE 'Its role goes with it.' END;
	END IF;
	IF coalesce(before.present, before.wanted) < before.wanted THEN
		RETURN before.wanted;
	END IF;
	UPDATE cdc.pipeline_spec p SET password_generation = p.password_generation + 1, updated_at = now() WHERE p.id = pipeline;
	INSERT INTO cdc.pipeline_event (pipeline_id, kind, message) VALUES (pipeline, 'user', format('a new password was asked for by role "%s"', cdc_inner.caller()));
	PERFORM cdc_inner.ask('pipeline', pipeline);
	RETURN before.wanted + 1;
END
$$;
COMMENT ON FUNCTION cdc_inner.rotate_password IS
	'Gives the connector''s role a new password and returns its number: the worker makes it, hands it to the Connect hosts, gives it to the role and '
	'restarts the task, whatever happens meanwhile; asked again before it has begun, the same one. pipeline: its id. For members. Errors: 42704, 42501, '
	'55000 for a pipeline that is being deleted, or whose role the user manages ("manage_role": false).';
