-- monitoring/tables.sql: findings, the state of standbys, what was counted.

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

-- Failovers whose events have expired, by verdict: a counter never goes back.
CREATE TABLE cdc.failover_expired (
	verdict		text NOT NULL,
	n			bigint NOT NULL,
	organization_id uuid REFERENCES cdc.organization(id),	-- null: counted before 0.2
	UNIQUE NULLS NOT DISTINCT (verdict, organization_id)
);
