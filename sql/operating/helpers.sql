-- operating/helpers.sql: what is ours outside of this database.

-- Everything that was made outside and has not been seen gone: a row a thing.  place: where it is;
-- kind: what it is; name: as it is named there.  What was never sent to anybody is nowhere, and what
-- another server made (this is a copy that has not taken over) is that one's.  The hook that holds
-- DROP EXTENSION asks this too, when functions of ours may be gone already: it calls none.
CREATE OR REPLACE FUNCTION cdc_inner.left_behind() RETURNS TABLE (place text, kind text, name text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH p AS (SELECT x.id, x.database_name, x.topic_prefix, x.source_service_id, x.sink_service_id, 'mdb_pipeline_' || left(x.id::text, 8) AS object, 'mdb-pipeline-' || left(x.id::text, 8) AS connector,
			format('PostgreSQL service "%s"', s.name) AS source, format('Kafka service "%s"', k.name) AS sink, s.connection AS from_connection, k.connection AS to_connection,
			x.tables = '{}' AND x.options ->> 'no_key' = 'full' AS identifies, x.options ->> 'no_key' = 'insert_only' AS inserts
		FROM cdc.pipeline_spec x JOIN cdc.service s ON s.id = x.source_service_id JOIN cdc.service k ON k.id = x.sink_service_id
		WHERE x.settled_at IS NULL AND x.mutated_at IS NOT NULL),
	thing AS (
		SELECT 1 AS n, concat_ws(', ', p.sink, p.to_connection #>> '{connect_urls,0}') AS place, 'connector' AS kind, p.connector AS name FROM p
		UNION ALL SELECT 2, concat_ws(', ', p.sink, a.agent ->> 'url'), 'password file', p.connector || '.*' FROM p, jsonb_array_elements(coalesce(p.to_connection -> 'agents', '[]')) a(agent)
		UNION ALL SELECT 3, format('%s, database "%s"', p.source, p.database_name), 'replication slot', p.object FROM p
		UNION ALL SELECT 4, format('%s, standby %s:%s', p.source, b.address, b.port), 'replication slot', p.object FROM p JOIN cdc.pipeline_standby b ON b.pipeline_id = p.id WHERE b.slot_timeline IS NOT NULL
		UNION ALL SELECT 5, format('%s, database "%s"', p.source, p.database_name), 'publication', p.object FROM p
		UNION ALL SELECT 5, format('%s, database "%s"', p.source, p.database_name), 'publication', n FROM p, LATERAL (VALUES (p.object || '_inserts'), (format('%1$s,%1$s_inserts', p.object))) v(n) WHERE p.inserts
		UNION ALL SELECT DISTINCT 5, format('%s, database "%s"', p.source, p.database_name), 'event triggers', 'mdb_pipelines_' || left(c.installation_id::text, 8) FROM p, cdc.control_plane c WHERE p.identifies
		UNION ALL SELECT 6, p.source, 'role', p.object FROM p WHERE p.from_connection -> 'manage_role' IS DISTINCT FROM 'false'
		UNION ALL SELECT 7, format('%s, node %s:%s', p.source, n.address, n.port), 'lines of pg_hba.conf', p.object FROM p JOIN cdc.service_node n ON n.service_id = p.source_service_id
			WHERE p.from_connection -> 'manage_hba' IS DISTINCT FROM 'false'
		UNION ALL SELECT 8, p.sink, 'topics', t FROM p, LATERAL (VALUES (p.topic_prefix || '.*'), ('__debezium-heartbeat.' || p.topic_prefix)) v(t)
		UNION ALL SELECT 9, 'UpCloud', 'network peering', i::text FROM cdc.network_peering q, LATERAL (VALUES (q.peering_ab), (q.peering_ba)) v(i) WHERE q.installation_id IS NOT NULL AND i IS NOT NULL
		UNION ALL SELECT 10, format('provider %s', s.provider), format('%s service', CASE s.database_type WHEN 'kafka' THEN 'Kafka' ELSE 'PostgreSQL' END), s.name FROM cdc.service s
			WHERE s.provider <> 'external' AND s.deleted_at IS NULL)
	SELECT t.place, t.kind, t.name FROM thing t WHERE EXISTS (SELECT FROM cdc.control_plane c, pg_control_system() y WHERE c.system_identifier = y.system_identifier)
		ORDER BY t.n, t.place, t.name
$$;

-- The worker ends when this transaction commits; the next one reads everything anew.
CREATE OR REPLACE FUNCTION cdc_inner.end_worker() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cdc_end_worker';
