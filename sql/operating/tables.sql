-- operating/tables.sql: which server acts, its queue, networks and what superusers share.

-- Which server may act on this metadata (design section 2, rule 3): at most
-- one row; made by the first organisation, changed by cdc.take_over().
CREATE TABLE cdc.control_plane (
	singleton		boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	installation_id	uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
	system_identifier numeric NOT NULL,
	epoch			bigint NOT NULL,	-- epoch_base * 2^24 + timeline of the metadata server, when it last acted
	epoch_base		bigint NOT NULL DEFAULT 0,	-- the count that take_over raises, so that a restored copy outranks the original
	updated_at		timestamptz NOT NULL DEFAULT pg_catalog.now(),
	tie				text NOT NULL DEFAULT '',	-- between equal epochs of two copies: random, drawn with each epoch
	seen_epoch		bigint NOT NULL DEFAULT 0,	-- highest authentic one that was seen on anything, and its tie
	seen_tie		text NOT NULL DEFAULT '',
	fence_key_id	text,			-- key of marks, AES-256-GCM like service_secret; null until the worker has made it
	fence_key		bytea
);

-- What the worker is asked to look at: appended by the functions, deleted by
-- the worker in the transaction that loads what it names.  kind: pipeline,
-- service, round (a health round now, id null).
CREATE TABLE cdc.work (
	seq			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind		text NOT NULL CHECK (kind IN ('pipeline', 'service', 'round', 'first')),
	id			uuid,
	requested_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

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
