-- pipelines/reads.sql: what is read of pipelines, in the words of docs/sql-api.md.

COMMENT ON TABLE cdc.pipeline_spec IS
	'What was asked for of each pipeline, and what is remembered of it; cdc.pipeline is for reading. Readers: members of the organization.';
COMMENT ON COLUMN cdc.pipeline_spec.id IS 'Its id.';
COMMENT ON COLUMN cdc.pipeline_spec.organization_id IS 'Whose it is.';
COMMENT ON COLUMN cdc.pipeline_spec.name IS 'Unique among the organization''s pipelines that are not being deleted.';
COMMENT ON COLUMN cdc.pipeline_spec.pipeline_type IS 'cdc_pg_to_kafka.';
COMMENT ON COLUMN cdc.pipeline_spec.source_service_id IS 'The PostgreSQL service.';
COMMENT ON COLUMN cdc.pipeline_spec.sink_service_id IS 'The Kafka service.';
COMMENT ON COLUMN cdc.pipeline_spec.config IS 'The request as it was sent.';
COMMENT ON COLUMN cdc.pipeline_spec.database_name IS 'The database of the source.';
COMMENT ON COLUMN cdc.pipeline_spec.tables IS 'Quoted "schema"."table", sorted, each once; empty: all tables.';
COMMENT ON COLUMN cdc.pipeline_spec.topic_prefix IS 'Topics are <prefix>.<schema>.<table>.';
COMMENT ON COLUMN cdc.pipeline_spec.snapshot_mode IS 'initial, always, initial_only, no_data or when_needed.';
COMMENT ON COLUMN cdc.pipeline_spec.options IS 'By cdc.option.';
COMMENT ON COLUMN cdc.pipeline_spec.desired_state IS 'present or deleted.';
COMMENT ON COLUMN cdc.pipeline_spec.force_delete IS 'The delete gives up on what cannot be reached.';
COMMENT ON COLUMN cdc.pipeline_spec.status IS 'Pending, Provisioning, Running, Paused, Failed, Deleting; Deleted is out of sight.';
COMMENT ON COLUMN cdc.pipeline_spec.provision_step IS
	'Where Provisioning is: ensure_network, install_plugin, prepare_source, create_publication or create_connector; NULL: not in it.';
COMMENT ON COLUMN cdc.pipeline_spec.error_message IS 'What is wrong or waited for; NULL: nothing.';
COMMENT ON COLUMN cdc.pipeline_spec.connector_name IS 'Of the connector in Kafka Connect; NULL: not seen to exist yet.';
COMMENT ON COLUMN cdc.pipeline_spec.publication_name IS 'Of the publication on the source; NULL: not seen to exist yet.';
COMMENT ON COLUMN cdc.pipeline_spec.slot_name IS 'Of the replication slot on the source; NULL: not seen to exist yet.';
COMMENT ON COLUMN cdc.pipeline_spec.was_running IS 'It was Running once.';
COMMENT ON COLUMN cdc.pipeline_spec.discarding IS 'A snapshot is being thrown away, to begin it again.';
COMMENT ON COLUMN cdc.pipeline_spec.slot_absent_before IS 'The slot was seen absent before our connector was made: what is there now is ours.';
COMMENT ON COLUMN cdc.pipeline_spec.snapshot_run IS
	'When the walsender of the run began that takes the snapshot, in microseconds since 1970, until Connect has stored that it has finished; '
	'NULL: none is waited for.';
COMMENT ON COLUMN cdc.pipeline_spec.gap IS 'Changes that may be missing, while that is repaired; NULL: none are.';
COMMENT ON COLUMN cdc.pipeline_spec.streamed IS 'The history on which it streamed last: system, timeline, node; NULL: none yet.';
COMMENT ON COLUMN cdc.pipeline_spec.failover IS 'A verdict on another history, while it is carried out; NULL: none is.';
COMMENT ON COLUMN cdc.pipeline_spec.offsets_clean IS 'No offsets can be stored under our connector''s name.';
COMMENT ON COLUMN cdc.pipeline_spec.restarts IS 'Failures of the task within the last 10 minutes.';
COMMENT ON COLUMN cdc.pipeline_spec.password_generation IS 'Number of the password that is wanted: cdc.rotate_password() raises it.';
COMMENT ON COLUMN cdc.pipeline_spec.role_generation IS 'Number of the one that the role was given last.';
COMMENT ON COLUMN cdc.pipeline_spec.mutated_at IS 'When something outside was changed last; NULL: never.';
COMMENT ON COLUMN cdc.pipeline_spec.created_at IS 'When it was created.';
COMMENT ON COLUMN cdc.pipeline_spec.updated_at IS 'When it was last changed.';
COMMENT ON COLUMN cdc.pipeline_spec.deleted_at IS 'When all of it was seen absent; NULL: it was not, and readers see no other rows.';
COMMENT ON COLUMN cdc.pipeline_spec.settled_at IS 'When that was seen again long after the last change; NULL: not yet.';
COMMENT ON COLUMN cdc.pipeline_spec.generation IS 'Of the configuration that it was made with: 1 by version 0.1.';
COMMENT ON COLUMN cdc.pipeline_spec.adopt_asked IS 'How often a superuser has said that what has its names outside is its own: cdc.adopt().';
COMMENT ON COLUMN cdc.pipeline_spec.adopted IS 'How often that was carried out.';
COMMENT ON COLUMN cdc.pipeline_spec.identities IS
	'Tables that were given REPLICA IDENTITY FULL, by oid, and their pg_class.relreplident before; NULL: none.';
COMMENT ON COLUMN cdc.pipeline_spec.unlogged IS 'Of a pipeline of all tables those that were seen unlogged, by oid; NULL: none.';
COMMENT ON COLUMN cdc.pipeline_spec.relations IS
	'The tables and partitions that were seen to hold the rows, by oid: name, relfilenode, parent, rows, rows ever inserted, and whether it was attached; NULL: not looked at, or more than 200.';
COMMENT ON COLUMN cdc.pipeline_spec.snapshot_rounds IS 'Snapshots in a row that were interrupted; after the fifth it is Failed.';
COMMENT ON COLUMN cdc.pipeline_spec.snapshot_round_at IS 'When the last one was; NULL: none was, or the next may begin.';
COMMENT ON COLUMN cdc.pipeline_spec.paused_at IS 'Since when a pause is asked for; NULL: none is.';
COMMENT ON COLUMN cdc.pipeline_spec.pause_ended IS 'The pause, by its paused_at, that its limit has ended (option pause_limit); NULL: none was.';
COMMENT ON COLUMN cdc.pipeline_spec.restart_asked IS 'How often cdc.restart_pipeline() has asked.';
COMMENT ON COLUMN cdc.pipeline_spec.restarted IS 'Of those, begun.';

COMMENT ON TABLE cdc.pipeline_observed IS 'What was last seen of each pipeline; cdc.pipeline is for reading. Readers: members of the organization.';
COMMENT ON COLUMN cdc.pipeline_observed.pipeline_id IS 'The pipeline.';
COMMENT ON COLUMN cdc.pipeline_observed.connector_state IS 'As Kafka Connect told last; NULL: not known.';
COMMENT ON COLUMN cdc.pipeline_observed.task_states IS '[{"id": 0, "state": "RUNNING"}]; [] when there are none; NULL: not known.';
COMMENT ON COLUMN cdc.pipeline_observed.source_lag_bytes IS
	'pg_current_wal_lsn() - confirmed_flush_lsn on the primary, in bytes, the last known value; NULL: none yet.';
COMMENT ON COLUMN cdc.pipeline_observed.confirmed_flush_lsn IS 'Of the slot; NULL: not known.';
COMMENT ON COLUMN cdc.pipeline_observed.stored_offset_lsn IS 'The position that Connect has stored; NULL: not known.';
COMMENT ON COLUMN cdc.pipeline_observed.system_identifier IS 'Of the server that was seen; NULL: none yet.';
COMMENT ON COLUMN cdc.pipeline_observed.timeline IS 'Of that server; NULL: not known.';
COMMENT ON COLUMN cdc.pipeline_observed.last_health_check_at IS 'When it was last looked at by itself; NULL: not yet. One that runs as before has the later time of its source, cdc.service.pipelines_checked_at.';

COMMENT ON TABLE cdc.topic IS 'Topics that live pipelines have reserved on their sink. Readers: superusers.';
COMMENT ON COLUMN cdc.topic.sink_service_id IS 'The sink.';
COMMENT ON COLUMN cdc.topic.key IS 'The topic with an underscore for each dot: topics with one key collide. Of all that begin so: the beginning.';
COMMENT ON COLUMN cdc.topic.pipeline_id IS 'Whose it is.';
COMMENT ON COLUMN cdc.topic.whole IS 'Every topic that begins so: the pipeline captures all tables.';
COMMENT ON COLUMN cdc.topic.topic IS 'Its name, or how all begin.';
COMMENT ON COLUMN cdc.topic.sharer IS 'The pipeline again, where an older one has the topic too, since version 0.1; NULL: it is this one''s alone.';

COMMENT ON TABLE cdc.pipeline_secret IS 'Passwords made for pipelines, AES-256-GCM. Readers: superusers.';
COMMENT ON COLUMN cdc.pipeline_secret.pipeline_id IS 'The pipeline.';
COMMENT ON COLUMN cdc.pipeline_secret.purpose IS 'role_password or role_verifier.';
COMMENT ON COLUMN cdc.pipeline_secret.generation IS 'Number of the password.';
COMMENT ON COLUMN cdc.pipeline_secret.key_id IS 'Which key it is encrypted with.';
COMMENT ON COLUMN cdc.pipeline_secret.ciphertext IS 'Nonce, secret and tag.';

COMMENT ON TABLE cdc.pipeline_event IS
	'The story of each pipeline, in order of id; kept for cdc_pipeline.event_retention. Readers: members of the organization, of deleted '
	'pipelines too.';
COMMENT ON COLUMN cdc.pipeline_event.id IS 'Of the event.';
COMMENT ON COLUMN cdc.pipeline_event.pipeline_id IS 'The pipeline.';
COMMENT ON COLUMN cdc.pipeline_event.at IS 'When.';
COMMENT ON COLUMN cdc.pipeline_event.kind IS
	'user: somebody asked; transition: a rule that fired; action or drift: what is about to be done; outcome: of that, or a task that failed; '
	'gap; failover.';
COMMENT ON COLUMN cdc.pipeline_event.rule IS 'Id of the rule in cdc.state_table, or of cdc.failover_table for failover and gap; NULL: none fired.';
COMMENT ON COLUMN cdc.pipeline_event.status_from IS 'The status before; NULL: it is not about that.';
COMMENT ON COLUMN cdc.pipeline_event.status_to IS 'The status after; NULL: it is not about that.';
COMMENT ON COLUMN cdc.pipeline_event.step IS 'Of provisioning; NULL: not in it.';
COMMENT ON COLUMN cdc.pipeline_event.message IS 'In words; NULL: none.';
COMMENT ON COLUMN cdc.pipeline_event.detail IS 'The action''s name, the verdict, the id of the REST request; NULL: nothing more.';

CREATE OR REPLACE VIEW cdc.pipeline WITH (security_invoker = true) AS
	SELECT p.id, p.organization_id, p.name, p.pipeline_type, p.source_service_id, p.sink_service_id, p.status, p.config::jsonb AS config,
		p.provision_step, p.connector_name, p.publication_name, p.slot_name, p.topic_prefix,
		o.connector_state AS last_connector_state, o.task_states, 
		CASE WHEN p.status = 'Running' AND o.last_health_check_at < s.pipelines_checked_at THEN s.pipelines_checked_at ELSE o.last_health_check_at END AS last_health_check_at,
		p.error_message, o.source_lag_bytes,
		p.created_at, p.updated_at, p.database_name,
		-- as a person writes them: without the quotes that are not needed
		ARRAY(SELECT pg_catalog.regexp_replace(pg_catalog.regexp_replace(t, '^"([a-z_][a-z0-9_]*)"\.', '\1.'), '\."([a-z_][a-z0-9_]*)"$', '.\1')
			FROM pg_catalog.unnest(p.tables) WITH ORDINALITY x(t, n) ORDER BY n) AS tables, p.snapshot_mode, p.options, p.desired_state
	FROM cdc.pipeline_spec p JOIN cdc.pipeline_observed o ON o.pipeline_id = p.id LEFT JOIN cdc.service s ON s.id = p.source_service_id
	WHERE p.deleted_at IS NULL;
COMMENT ON VIEW cdc.pipeline IS 'Pipelines: the columns of the REST object and more. Readers: members of the organization.';
COMMENT ON COLUMN cdc.pipeline.last_connector_state IS 'As Kafka Connect told last; NULL: not known.';
-- the others are those of the tables behind it
DO $$
DECLARE
	same record;
BEGIN
	FOR same IN SELECT v.attname, pg_catalog.col_description(t.attrelid, t.attnum) AS words
		FROM pg_catalog.pg_attribute v JOIN pg_catalog.pg_attribute t ON t.attname = v.attname AND t.attnum > 0
		WHERE v.attrelid = 'cdc.pipeline'::pg_catalog.regclass AND t.attrelid IN ('cdc.pipeline_spec'::pg_catalog.regclass, 'cdc.pipeline_observed'::pg_catalog.regclass)
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN cdc.pipeline.%I IS %L', same.attname, same.words);
	END LOOP;
END
$$;
COMMENT ON COLUMN cdc.pipeline.last_health_check_at IS 'When it was last looked at; NULL: not yet.';
COMMENT ON COLUMN cdc.pipeline.tables IS 'schema.table, quoted where that is needed, sorted, each once; empty: all tables.';

CREATE OR REPLACE VIEW cdc.option WITH (security_invoker = true) AS SELECT * FROM cdc.options();
COMMENT ON VIEW cdc.option IS 'The options of a pipeline: ours, and those of Debezium and Kafka Connect that may be set. Readers: all members.';
COMMENT ON COLUMN cdc.option.name IS 'A member of options.';
COMMENT ON COLUMN cdc.option.type IS 'What its value is.';
COMMENT ON COLUMN cdc.option.rule IS 'What it may be, in words.';
COMMENT ON COLUMN cdc.option.default_value IS 'What it is when not given; NULL: the default of Debezium or the broker.';
COMMENT ON COLUMN cdc.option.on_live IS 'What a change sets off in a pipeline that runs.';
COMMENT ON COLUMN cdc.option.meaning IS 'What it is for.';
