-- The shape of what is read: every key of the objects, with its JSON type; null
-- until there is something to say.
-- After a change on purpose: make expected
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE FUNCTION pg_temp.shape(object jsonb) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s: %s', key, CASE WHEN jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^[0-9a-f]{8}-[0-9a-f-]{27}$' THEN 'an id'
		WHEN jsonb_typeof(value) = 'string' AND value #>> '{}' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$' THEN 'a time, RFC 3339 in UTC' ELSE value::text END)
	FROM jsonb_each(object) ORDER BY key COLLATE "C" $$;
SELECT cdc.create_organization('Regress', 'regress') AS org \gset
SELECT cdc.register_service('pg', 'postgresql', 'se-sto1', '{"nodes":[{"address":"10.0.0.5"},{"address":"db.internal","port":5433}],"admin_user":"postgres",
	"admin_password":"not-to-be-seen","sslmode":"require","database":"shop","manage_hba":false}', '15', :'org') AS source \gset
SELECT cdc.register_service('kafka', 'kafka', 'se-sto1', '{"bootstrap":"10.0.1.7:9093","connect_urls":["http://10.0.1.7:8083","http://10.0.1.8:8083"],
	"connect_user":"c","connect_password":"not-to-be-seen","agents":[{"url":"https://10.0.1.7:8443","token":"not-to-be-seen"},{"url":"https://10.0.1.8:8443","token":"not-to-be-seen"}],"addons":["kafka-connect"]}', NULL, :'org') AS sink \gset
SELECT cdc.create_pipeline('orders-cdc', :'source', :'sink', tables => ARRAY['public.orders', 'Customers', '"Sales"."Order (old)"', 'orders'], database_name => 'shop',
	topic_prefix => 'shop', options => '{"on_gap":"halt","max.batch.size":4096}', organization => :'org') AS id \gset
SELECT cdc.create_pipeline('everything', :'source', :'sink', database_name => 'shop', organization => :'org') AS all \gset
-- get_pipeline
SELECT pg_temp.shape(cdc.get_pipeline(:'id'));
-- the request as it was sent, with no more and no less
SELECT jsonb_pretty(cdc.get_pipeline(:'id') -> 'config'), cdc.get_pipeline(:'all') -> 'config';
-- list_pipelines: the same objects
SELECT o ->> 'name', o = cdc.get_pipeline((o ->> 'id')::uuid) FROM cdc.list_pipelines(:'org') o ORDER BY 1;
-- pipeline_status
\pset expanded on
\pset tuples_only off
SELECT status, connector_name, connector_state, task_states, source_lag_bytes, topic_prefix, last_health_check_at, error_message FROM cdc.pipeline_status(:'id');
-- the row, with what was made of the request
SELECT name, pipeline_type, status, config, provision_step, connector_name, publication_name, slot_name, topic_prefix, last_connector_state, task_states, last_health_check_at,
	error_message, source_lag_bytes, database_name, tables, snapshot_mode, options, desired_state FROM cdc.pipeline WHERE organization_id = :'org' ORDER BY name;
SELECT kind, rule, status_from, status_to, step, message, detail FROM cdc.pipeline_event WHERE pipeline_id = :'id';
-- services show no secret
SELECT name, database_type, version, zone, provider, connection, network_id, addons, status, addon_status, status_message FROM cdc.service WHERE organization_id = :'org' ORDER BY name;
SELECT n.address, n.port, n.observed_role, n.system_identifier, n.timeline, n.last_seen_at, n.error_message FROM cdc.service_node n WHERE service_id = :'source' ORDER BY address;
SELECT s.purpose, length(s.ciphertext) - length('not-to-be-seen') AS more, position('not-to-be-seen'::bytea IN s.ciphertext) AS found
FROM cdc.service_secret s WHERE service_id IN (:'source', :'sink') ORDER BY purpose;
SELECT node, ready, missing, fix_sql FROM cdc.failover_readiness WHERE pipeline_id = :'id' ORDER BY node;
-- the answers of delete, and of a second one
SELECT cdc.delete_pipeline(:'id'), cdc.delete_pipeline(:'id');
SELECT status, error_message FROM cdc.pipeline_status(:'id');
SELECT kind, status_from, status_to, message FROM cdc.pipeline_event WHERE pipeline_id = :'id' ORDER BY cdc.pipeline_event.id;
-- what the worker is asked to look at, in order
SELECT kind, id IS NULL AS all, count(*) OVER () FROM cdc.work ORDER BY seq;
ROLLBACK;
