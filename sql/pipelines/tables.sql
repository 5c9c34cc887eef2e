-- pipelines/tables.sql: what was asked for (spec), what was seen (observed), passwords and events.

-- What the user asked for, and what is remembered of what cannot be seen
-- again (intents).  Written when something happens, not every round.
CREATE TABLE cdc.pipeline_spec (
	id				uuid PRIMARY KEY,
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	name			text NOT NULL,
	pipeline_type	text NOT NULL DEFAULT 'cdc_pg_to_kafka',
	source_service_id uuid NOT NULL REFERENCES cdc.service(id),
	sink_service_id	uuid NOT NULL REFERENCES cdc.service(id),
	config			json NOT NULL DEFAULT '{}',	-- exactly as sent: json keeps the order of keys
	-- effective values
	database_name	text NOT NULL,
	tables			text[] NOT NULL DEFAULT '{}',	-- normalized quoted "schema"."table", sorted, unique; empty: all
	topic_prefix	text NOT NULL,
	snapshot_mode	text NOT NULL,
	options			jsonb NOT NULL DEFAULT '{}',
	desired_state	text NOT NULL DEFAULT 'present' CHECK (desired_state IN ('present', 'deleted')),
	force_delete	boolean NOT NULL DEFAULT false,
	-- where it is
	status			text NOT NULL DEFAULT 'Pending'
					CHECK (status IN ('Pending', 'Provisioning', 'Running', 'Paused', 'Failed', 'Deleting', 'Deleted')),
	provision_step	text CHECK (provision_step IN ('ensure_network', 'install_plugin', 'prepare_source', 'create_publication', 'create_connector')),
	error_message	text,
	-- names: null until the thing was seen to exist
	connector_name	text,
	publication_name text,
	slot_name		text,
	-- intents and memories
	was_running		boolean NOT NULL DEFAULT false,
	discarding		boolean NOT NULL DEFAULT false,
	slot_absent_before boolean NOT NULL DEFAULT false,	-- the slot was seen absent before our connector was made: what is there now is ours
	snapshot_run	bigint,		-- until Connect is seen to have stored that the snapshot has finished: when the walsender of its run began (epoch, us)
	gap				jsonb,		-- {"kind":..,"from_lsn":..,"tables":[..]} while one is being repaired
	streamed		jsonb,		-- {"system":..,"timeline":..,"node":..,"started":..,"usurped":..}: the history on which it streamed last
	failover		jsonb,		-- a verdict on another history, while it is being carried out (src/worker/failover.c)
	offsets_clean	boolean NOT NULL DEFAULT true,	-- no offsets can be stored under our connector's name (cannot be seen while it is absent)
	restarts		timestamptz[] NOT NULL DEFAULT '{}',	-- failures within the last 10 minutes
	password_generation integer NOT NULL DEFAULT 1,	-- the password that is wanted: raised by cdc.rotate_password()
	role_generation	integer NOT NULL DEFAULT 0,	-- the one that the role was given last (cannot be seen without superuser)
	mutated_at		timestamptz,	-- last mutation sent outside (design rule 12)
	created_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	deleted_at		timestamptz,	-- all of it was seen absent: out of users' sight
	settled_at		timestamptz,	-- seen absent again long after the last mutation: not visited any more
	generation		integer NOT NULL DEFAULT 2,	-- of the defaults and the configuration that it was made with: 1 by version 0.1
	adopt_asked	integer NOT NULL DEFAULT 0,	-- raised by cdc.adopt(): what has its names outside is its own, whatever its mark
	adopted		integer NOT NULL DEFAULT 0,	-- of those, carried out
	identities	jsonb,		-- tables that were given REPLICA IDENTITY FULL, and what they had: {oid: relreplident}
	unlogged	jsonb,		-- of all tables those that were seen unlogged: [oid]
	relations	jsonb,		-- what was seen to hold the rows: {oid: [name, relfilenode, parent, rows, rows inserted, attached]}
	snapshot_rounds	integer NOT NULL DEFAULT 0,	-- snapshots in a row that were interrupted
	snapshot_round_at timestamptz,	-- when the last one was
	paused_at	timestamptz,	-- since when a pause is asked for; NULL: none is
	pause_ended	timestamptz,	-- the pause, by its paused_at, that its limit has ended
	restart_asked	integer NOT NULL DEFAULT 0,	-- raised by cdc.restart_pipeline()
	restarted	integer NOT NULL DEFAULT 0,	-- of those, begun
	CHECK (source_service_id <> sink_service_id)
);
CREATE UNIQUE INDEX pipeline_spec_name_key ON cdc.pipeline_spec (organization_id, name)
	WHERE desired_state = 'present' AND deleted_at IS NULL;
CREATE UNIQUE INDEX pipeline_spec_short_id_key ON cdc.pipeline_spec (pg_catalog.left(id::text, 8))
	WHERE settled_at IS NULL;
CREATE INDEX pipeline_spec_sink_idx ON cdc.pipeline_spec (sink_service_id);
CREATE INDEX pipeline_spec_organization_idx ON cdc.pipeline_spec (organization_id, created_at, id) WHERE settled_at IS NULL;
CREATE INDEX pipeline_spec_source_idx ON cdc.pipeline_spec (source_service_id);
CREATE INDEX pipeline_spec_settled_idx ON cdc.pipeline_spec (settled_at) WHERE settled_at IS NOT NULL;

-- Topics that are reserved: one row a topic, or, of a pipeline that captures all tables,
-- one for all that begin so (whole).  key: see src/extension/pipelines_topics.c; of all
-- that begin so it is the beginning, with its dots: that is no topic's key.
-- sharer: the pipeline, where a database of 0.1 had two with one topic and this is not
-- the first.  No foreign keys: rows go when their pipeline is deleted, in the same
-- transaction.
CREATE TABLE cdc.topic (
	sink_service_id	uuid NOT NULL,
	key			text COLLATE "C" NOT NULL,
	pipeline_id	uuid NOT NULL,
	whole		boolean NOT NULL,
	topic		text COLLATE "C" NOT NULL,
	sharer		uuid,
	CONSTRAINT topic_key UNIQUE NULLS NOT DISTINCT (sink_service_id, key, sharer)
);
CREATE INDEX topic_sharer_idx ON cdc.topic (sink_service_id, key) WHERE sharer IS NOT NULL;
CREATE INDEX topic_topic_idx ON cdc.topic (sink_service_id, topic);
CREATE INDEX topic_pipeline_idx ON cdc.topic (pipeline_id);

-- What a health round sees, apart from the wide row: HOT updates, and none
-- when nothing changed: that one which runs as before was looked at stands in
-- cdc.service.pipelines_checked_at.
CREATE TABLE cdc.pipeline_observed (
	pipeline_id			uuid PRIMARY KEY REFERENCES cdc.pipeline_spec(id),
	connector_state		text,
	task_states			jsonb,
	source_lag_bytes	bigint,
	confirmed_flush_lsn	pg_lsn,
	stored_offset_lsn	pg_lsn,
	system_identifier	numeric,
	timeline			bigint,
	last_health_check_at timestamptz
) WITH (fillfactor = 50);

-- Passwords made for a pipeline: role_password, role_verifier.
CREATE TABLE cdc.pipeline_secret (
	pipeline_id	uuid NOT NULL REFERENCES cdc.pipeline_spec(id),
	purpose		text NOT NULL,
	generation	integer NOT NULL DEFAULT 1,
	key_id		text NOT NULL,
	ciphertext	bytea NOT NULL,
	PRIMARY KEY (pipeline_id, purpose)
);

-- The story of a pipeline.
CREATE TABLE cdc.pipeline_event (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	pipeline_id	uuid NOT NULL REFERENCES cdc.pipeline_spec(id),
	at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	kind		text NOT NULL CHECK (kind IN ('transition', 'action', 'outcome', 'failover', 'gap', 'drift', 'user')),
	rule		text,
	status_from	text,
	status_to	text,
	step		text,
	message		text,
	detail		jsonb
);
CREATE INDEX pipeline_event_pipeline_idx ON cdc.pipeline_event (pipeline_id, id);
CREATE INDEX pipeline_event_at_idx ON cdc.pipeline_event (at);
CREATE INDEX pipeline_event_failover_idx ON cdc.pipeline_event (id) WHERE kind = 'failover';
