-- 20_tables.sql: every table of the extension.  What is wanted, what was
-- promised to the outside (intents), what was observed.  Rights and row level
-- security are in 80_security.sql; nothing here grants anything.

-- Organisations own everything; a member is a PostgreSQL role.
CREATE TABLE cdc.organization (
	id			uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	name		text NOT NULL,
	slug		text NOT NULL UNIQUE,
	is_personal	boolean NOT NULL DEFAULT false,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.now()
);

CREATE TABLE cdc.organization_member (
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	member		name NOT NULL,
	role		text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.now(),
	id			uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	role_oid	oid,		-- who it is, on the server with this identifier; nobody on another, or while null
	system_identifier numeric,
	state		text NOT NULL DEFAULT 'accepted' CHECK (state IN ('invited', 'accepted', 'declined')),
	made		boolean NOT NULL DEFAULT false,	-- this member made the organisation
	invited_by	name,		-- who has added or invited it last
	CONSTRAINT organization_member_role_key UNIQUE (organization_id, role_oid, system_identifier)
);
CREATE INDEX organization_member_role_idx ON cdc.organization_member (role_oid);

-- Zone -> peering region; editable.  A zone that is not here is its own region.
CREATE TABLE cdc.zone (
	zone			text PRIMARY KEY,
	peering_region	text NOT NULL
);

-- A PostgreSQL or Kafka service.  connection holds what register_service was
-- given, without any secret (those are in service_secret).
CREATE TABLE cdc.service (
	id				uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	name			text NOT NULL,
	database_type	text NOT NULL,
	version			text,
	zone			text NOT NULL,
	provider		text NOT NULL DEFAULT 'external',
	connection		jsonb NOT NULL DEFAULT '{}',
	network_id		uuid,
	network_ranges	text[] NOT NULL DEFAULT '{}',	-- CIDRs of that network, as the SDN last showed them
	addons			text[] NOT NULL DEFAULT '{}',
	-- what the REST API takes and gives back; how much of it is honoured is the provider's
	plan_name		text,
	storage_size_gb	integer CHECK (storage_size_gb > 0),
	storage_tier	text,
	node_count		integer CHECK (node_count > 0),
	allowed_cidrs	text[] NOT NULL DEFAULT '{}',	-- order kept
	auto_failover_enabled boolean NOT NULL DEFAULT false,
	replication_mode text,
	encryption_enabled boolean NOT NULL DEFAULT false,
	maintenance_window text,
	labels			json NOT NULL DEFAULT '{}',	-- as sent
	is_ephemeral	boolean NOT NULL DEFAULT false,
	ttl_hours		integer CHECK (ttl_hours > 0),
	status			text NOT NULL DEFAULT 'pending'
					CHECK (status IN ('pending', 'provisioning', 'running', 'error', 'deleting')),
	addon_status	jsonb NOT NULL DEFAULT '{}',	-- {"kafka-connect": "running"}
	status_message	text,
	system_identifier numeric,	-- of the cluster that a PostgreSQL service was first seen to be: no other is followed
	created_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	deleted_at		timestamptz,
	secret_path		text,		-- of a Kafka service: the directory of secrets that its agents named first; whoever gives it other agents sets it to null
	provided_limits	text,		-- what its provider holds it to, in words; null: not known
	-- whose word its addresses are: a superuser's are not judged (cdc_pipeline.member_networks);
	-- 'before': registered before there were rules for addresses and logins, and kept as it was
	connection_set_by text NOT NULL DEFAULT 'member' CHECK (connection_set_by IN ('member', 'superuser', 'before')),
	connect_claimed	text[] NOT NULL DEFAULT '{}'	-- addresses of the Kafka Connect that is the organization's: its credentials were accepted and a pipeline ran
);
CREATE UNIQUE INDEX service_name_key ON cdc.service (organization_id, name) WHERE deleted_at IS NULL;

-- The nodes of a PostgreSQL service, as registered and as last seen.
CREATE TABLE cdc.service_node (
	service_id		uuid NOT NULL REFERENCES cdc.service(id),
	address			text NOT NULL,
	port			integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
	observed_role	text CHECK (observed_role IN ('primary', 'standby')),
	system_identifier numeric,
	timeline		bigint,
	hba_loaded		text,		-- intent: SHA-256 of our lines in the managed block whose reload is known to be done
	last_seen_at	timestamptz,
	error_message	text,
	PRIMARY KEY (service_id, address, port)
);

-- Secrets, AES-256-GCM (src/common/secrets.c).  purpose: admin_password,
-- connector_password, connect_password, agent_token/<n>, user_password/<user>.  The key is in a file
-- outside.
CREATE TABLE cdc.service_secret (
	service_id	uuid NOT NULL REFERENCES cdc.service(id),
	purpose		text NOT NULL,
	key_id		text NOT NULL,
	ciphertext	bytea NOT NULL,
	PRIMARY KEY (service_id, purpose)
);

-- Who did what to a service, and who had a password shown.  No row is ever
-- without the role; no secret is ever in one.
CREATE TABLE cdc.service_event (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	service_id	uuid NOT NULL REFERENCES cdc.service(id),
	at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	kind		text NOT NULL CHECK (kind IN ('created', 'changed', 'deleted', 'revealed')),
	role		name NOT NULL,
	message		text NOT NULL,
	detail		jsonb
);
CREATE INDEX service_event_service_idx ON cdc.service_event (service_id, id);
CREATE INDEX service_event_at_idx ON cdc.service_event (at);

-- One row a pair of networks, shared by the pipelines between them; written
-- before the first peering is made, gone when both are removed.
CREATE TABLE cdc.network_peering (
	id				uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	network_a		uuid NOT NULL,
	network_b		uuid NOT NULL,
	peering_ab		uuid,
	peering_ba		uuid,
	state_ab		text,
	state_ba		text,
	installation_id	uuid,			-- whose label makes a peering of the pair ours
	requested_at	timestamptz,	-- waited for since; null: active
	mutated_at		timestamptz,	-- last change sent to the SDN (design rule 12)
	removing		boolean NOT NULL DEFAULT false,	-- no service needs it any more
	error_message	text,			-- of the last change
	updated_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	CHECK (network_a < network_b),
	UNIQUE (network_a, network_b)
);

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
					CHECK (status IN ('Pending', 'Provisioning', 'Running', 'Failed', 'Deleting', 'Deleted')),
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
	CHECK (source_service_id <> sink_service_id)
);
CREATE UNIQUE INDEX pipeline_spec_name_key ON cdc.pipeline_spec (organization_id, name)
	WHERE desired_state = 'present' AND deleted_at IS NULL;
CREATE UNIQUE INDEX pipeline_spec_short_id_key ON cdc.pipeline_spec (pg_catalog.left(id::text, 8))
	WHERE settled_at IS NULL;
CREATE INDEX pipeline_spec_sink_idx ON cdc.pipeline_spec (sink_service_id) WHERE deleted_at IS NULL;
CREATE INDEX pipeline_spec_source_idx ON cdc.pipeline_spec (source_service_id) WHERE deleted_at IS NULL;

-- What a health round sees, apart from the wide row: HOT updates, and none
-- when nothing changed.  last_health_check_at is written at most once a round
-- for all pipelines together.
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

-- A pipeline on one standby of its source: would it survive a failover there?
CREATE TABLE cdc.pipeline_standby (
	pipeline_id	uuid NOT NULL REFERENCES cdc.pipeline_spec(id),
	address		text NOT NULL,
	port		integer NOT NULL,
	slot_timeline bigint,		-- intent: of the node when we made the pipeline's slot there
	ready		boolean NOT NULL DEFAULT false,
	missing		text,
	fix_sql		text,
	updated_at	timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (pipeline_id, address, port)
);

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

-- Failovers whose events have expired, by verdict: a counter never goes back.
CREATE TABLE cdc.failover_expired (
	verdict		text NOT NULL,
	n			bigint NOT NULL,
	organization_id uuid REFERENCES cdc.organization(id),	-- null: counted before 0.2
	UNIQUE NULLS NOT DISTINCT (verdict, organization_id)
);

-- Bearer tokens.  Of the token itself only a hash is kept: it is random enough
-- that nothing slower than SHA-256 is needed.  role_oid: a role that was dropped
-- and made again under its name does not inherit them.
CREATE TABLE cdc.api_token (
	id			uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	name		text NOT NULL,
	prefix		text NOT NULL,	-- its first characters, to know it by
	hash		bytea NOT NULL UNIQUE,
	member		name NOT NULL,
	role_oid	oid NOT NULL,
	organization_id uuid REFERENCES cdc.organization(id),	-- NULL: all of the role's
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.now(),
	expires_at	timestamptz NOT NULL,
	last_used_at timestamptz,	-- to five minutes
	revoked_at	timestamptz,
	system_identifier numeric,	-- of the server on which role_oid means the role; null: none
	last_used_from text			-- address of the client, as the gateway knew it
) WITH (fillfactor = 80);
CREATE INDEX api_token_member_idx ON cdc.api_token (member);
CREATE INDEX api_token_organization_idx ON cdc.api_token (organization_id);

-- What the worker is asked to look at: appended by the functions, deleted by
-- the worker in the transaction that loads what it names.  kind: pipeline,
-- service, round (a health round now, id null).
CREATE TABLE cdc.work (
	seq			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind		text NOT NULL CHECK (kind IN ('pipeline', 'service', 'round')),
	id			uuid,
	requested_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- Which server may act on this metadata (design section 2, rule 3): at most
-- one row; made by the first organisation, changed by cdc.take_over().
CREATE TABLE cdc.control_plane (
	singleton		boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	installation_id	uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
	system_identifier numeric NOT NULL,
	epoch			bigint NOT NULL,	-- timeline of the metadata server when it last acted
	epoch_base		bigint NOT NULL DEFAULT 0,	-- raised by take_over, so that a restored copy outranks the original
	updated_at		timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- What is wrong or weak with a service or a pipeline, one row a matter, kept
-- true by the worker's looks.  concern: rows do not flow, or not as they are;
-- safety; cost.  No foreign keys to its owner: the worker would wait for a user
-- that holds one.
CREATE TABLE cdc.finding (
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	service_id	uuid,
	pipeline_id	uuid,
	node		text,			-- address:port; null: all of it
	check_name	text NOT NULL,
	concern		text NOT NULL CHECK (concern IN ('flow', 'safety', 'cost')),
	severity	text NOT NULL CHECK (severity IN ('blocker', 'warning', 'info')),
	observed	text,
	required	text,
	why			text,
	fix_sql		text,			-- what to type; null where nothing can be, or a name has control characters
	since		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	past		boolean NOT NULL DEFAULT false,	-- about what has happened: ends with a resync or cdc.acknowledge()
	CHECK (pg_catalog.num_nonnulls(service_id, pipeline_id) = 1)
);
CREATE UNIQUE INDEX finding_key ON cdc.finding (coalesce(pipeline_id, service_id), check_name, coalesce(node, ''));
CREATE INDEX finding_organization_idx ON cdc.finding (organization_id);

-- What was done to organisations, their members and tokens, and by whom.
CREATE TABLE cdc.organization_event (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organization_id	uuid REFERENCES cdc.organization(id),	-- null: a token for all of a role's
	at			timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	kind		text NOT NULL CHECK (kind IN ('created', 'invited', 'accepted', 'declined', 'added', 'changed', 'removed', 'left', 'bound', 'token made', 'token revoked')),
	role		name NOT NULL,
	message		text NOT NULL,
	detail		jsonb
);
CREATE INDEX organization_event_organization_idx ON cdc.organization_event (organization_id, id);
CREATE INDEX organization_event_at_idx ON cdc.organization_event (at);

-- Whose a network is by a superuser's word; a label at the cloud says it too.  A
-- network that is nobody's here is peered with nothing.
CREATE TABLE cdc.network_owner (
	network_id		uuid NOT NULL,
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	assigned_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (network_id, organization_id)
);

-- A superuser's word that an organization may use a Kafka Connect that others use.
CREATE TABLE cdc.connect_share (
	url				text NOT NULL,	-- as in connect_urls
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	shared_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (url, organization_id)
);
