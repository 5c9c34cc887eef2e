-- organizations/tables.sql: organizations, their members, tokens and events.

-- Organisations own everything; a member is a PostgreSQL role.
CREATE TABLE cdc.organization (
	id			uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	name		text NOT NULL,
	slug		text NOT NULL UNIQUE,
	is_personal	boolean NOT NULL DEFAULT false,
	created_at	timestamptz NOT NULL DEFAULT pg_catalog.now(),
	made_by_oid	oid,		-- who made it, on the server with this identifier; null: 0.1 did not store it
	system_identifier numeric
);
CREATE INDEX organization_made_by_idx ON cdc.organization (made_by_oid);

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

-- What a superuser has said that an organization may have or use, in the kinds of
-- src/extension/limits.c; of which nothing is said, the setting cdc_pipeline.organization_<what>
-- holds.
CREATE TABLE cdc.organization_limit (
	organization_id	uuid NOT NULL REFERENCES cdc.organization(id),
	what		text NOT NULL,
	most		bigint NOT NULL CHECK (most >= 0),
	PRIMARY KEY (organization_id, what)
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
