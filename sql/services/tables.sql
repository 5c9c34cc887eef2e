-- services/tables.sql: PostgreSQL and Kafka services, their nodes, secrets and events.

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
	connect_claimed	text[] NOT NULL DEFAULT '{}',	-- addresses of the Kafka Connect that is the organization's: its credentials were accepted and a pipeline ran
	adopt_agents	text[] NOT NULL DEFAULT '{}',	-- urls of agents whose epoch is to be made ours again: cdc.adopt_agent()
	-- of a PostgreSQL service: when a health round had last looked at all of its pipelines. Those that run as
	-- before have this time, and their own rows in pipeline_observed are not written for it
	pipelines_checked_at timestamptz
);
-- one that is being deleted is nobody's to use any more
CREATE UNIQUE INDEX service_name_key ON cdc.service (organization_id, name) WHERE deleted_at IS NULL AND status <> 'deleting';
CREATE INDEX service_deleted_idx ON cdc.service (deleted_at) WHERE deleted_at IS NOT NULL;

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
