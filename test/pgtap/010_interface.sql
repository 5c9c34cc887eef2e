-- The names, arguments, defaults and results of docs/sql-api.md.
BEGIN;
SELECT no_plan();
SET client_min_messages = warning;

-- Of a function with overloads for names the form that takes ids.
SELECT ok(args = ANY (ARRAY(SELECT pg_get_function_arguments(p.oid) FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND p.proname = f)), f || ' takes ' || args)
FROM (VALUES
	('create_organization', 'name text, slug text DEFAULT NULL::text, is_personal boolean DEFAULT false'),
	('add_member', 'organization uuid, member name, role text DEFAULT ''member''::text'),
	('remove_member', 'organization uuid, member name'),
	('register_service', 'name text, database_type text, zone text, connection jsonb, version text DEFAULT NULL::text, organization uuid DEFAULT NULL::uuid'),
	('delete_service', 'id uuid'),
	('set_service_nodes', 'service uuid, nodes jsonb'),
	('set_service_secret', 'service uuid, secret text, value text'),
	('create_pipeline', 'name text, source uuid, sink uuid, tables text[] DEFAULT ''{}''::text[], database_name text DEFAULT ''defaultdb''::text, topic_prefix text DEFAULT NULL::text, snapshot_mode text DEFAULT ''initial''::text, organization uuid DEFAULT NULL::uuid, pipeline_type text DEFAULT ''cdc_pg_to_kafka''::text, options jsonb DEFAULT ''{}''::jsonb'),
	('get_pipeline', 'id uuid'),
	('list_pipelines', 'organization uuid DEFAULT NULL::uuid'),
	('pipeline_status', 'id uuid'),
	('delete_pipeline', 'id uuid, force boolean DEFAULT false'),
	('wait_for_pipeline', 'id uuid, status text DEFAULT ''Running''::text, timeout interval DEFAULT ''00:05:00''::interval'),
	('take_over', ''),
	('adopt', 'pipeline uuid'),
	('adopt_agent', 'service uuid, url text'),
	('check_health', ''),
	('rotate_secret_key', 'old_key_file text'),
	('rotate_password', 'pipeline uuid'),
	('pause_pipeline', 'id uuid'), ('resume_pipeline', 'id uuid'), ('restart_pipeline', 'id uuid'),
	('worker_state', 'OUT pid integer, OUT state text, OUT heartbeat timestamp with time zone, OUT rounds bigint')) v(f, args);

SELECT is((SELECT string_agg(DISTINCT pg_get_function_result(p.oid), '; ') FROM pg_proc p WHERE p.pronamespace = 'cdc'::regnamespace AND p.proname = f), result, f || ' returns ' || result)
FROM (VALUES
	('create_organization', 'uuid'), ('add_member', 'void'), ('register_service', 'uuid'), ('delete_service', 'text'), ('set_service_nodes', 'void'), ('set_service_secret', 'void'),
	('create_pipeline', 'uuid'), ('get_pipeline', 'jsonb'), ('list_pipelines', 'SETOF jsonb'),
	('pipeline_status', 'TABLE(id uuid, status text, connector_name text, connector_state text, task_states jsonb, source_lag_bytes bigint, topic_prefix text, last_health_check_at timestamp with time zone, error_message text)'),
	('delete_pipeline', 'text'), ('wait_for_pipeline', 'text'), ('take_over', 'void'), ('adopt', 'void'), ('adopt_agent', 'void'),
	('check_health', 'TABLE(pipeline_id uuid, name text, status text, error_message text)'), ('rotate_secret_key', 'bigint'), ('rotate_password', 'integer'),
	('pause_pipeline', 'text'), ('resume_pipeline', 'text'), ('restart_pipeline', 'text')) v(f, result);

SELECT columns_are('cdc', 'pipeline', ARRAY['id', 'organization_id', 'name', 'pipeline_type', 'source_service_id', 'sink_service_id', 'status', 'config',
	'provision_step', 'connector_name', 'publication_name', 'slot_name', 'topic_prefix', 'last_connector_state', 'task_states', 'last_health_check_at',
	'error_message', 'source_lag_bytes', 'created_at', 'updated_at', 'database_name', 'tables', 'snapshot_mode', 'options', 'desired_state']);
SELECT columns_are('cdc', 'pipeline_event', ARRAY['id', 'pipeline_id', 'at', 'kind', 'rule', 'status_from', 'status_to', 'step', 'message', 'detail']);
SELECT columns_are('cdc', 'failover_readiness', ARRAY['pipeline_id', 'node', 'ready', 'missing', 'fix_sql']);
SELECT columns_are('cdc', 'state_table', ARRAY['id', 'section', 'statuses', 'guard', 'status_to', 'step', 'action', 'retry', 'message', 'comment']);
SELECT col_type_is('cdc', 'pipeline_event', 'id', 'bigint', 'id is bigint');
SELECT col_type_is('cdc', 'pipeline_event', 'detail', 'jsonb', 'detail is jsonb');

-- Settings: context, default; all but the times only for superusers.
SELECT is((SELECT context FROM pg_settings WHERE name = 'cdc_pipeline.' || s), context, s || ' is a setting of context ' || context)
FROM (VALUES ('connect_timeout', 'sighup'), ('database_name', 'postmaster'), ('debezium_plugin_sha512', 'sighup'), ('debezium_plugin_url', 'sighup'),
	('debezium_plugin_version', 'sighup'), ('enabled', 'sighup'), ('event_retention', 'sighup'), ('health_interval', 'sighup'), ('max_slot_wal', 'sighup'), ('member_networks', 'sighup'), ('provision_token_file', 'sighup'), ('provision_url', 'sighup'),
	('request_timeout', 'sighup'), ('role_organizations', 'sighup'), ('sdn_credentials_file', 'sighup'), ('sdn_url', 'sighup'), ('secret_key_file', 'sighup'), ('source_dead_after', 'sighup')) v(s, context);
SELECT is((SELECT count(*)::int FROM pg_settings WHERE name LIKE 'cdc\_pipeline.%' AND name NOT LIKE 'cdc\_pipeline.organization\_%' AND name NOT IN ('cdc_pipeline.settle_after', 'cdc_pipeline.sdn_stuck_after')), 18, 'and there are no others, but two for developers, and an organization''s limits');
SELECT bag_eq($$SELECT name FROM pg_settings WHERE name LIKE 'cdc\_pipeline.organization\_%' AND context = 'sighup'$$, $$SELECT 'cdc_pipeline.organization_' || what FROM cdc_inner.limit_kinds()$$, 'each kind of limit of an organization has a setting');
SELECT is((SELECT boot_val || coalesce(unit, '') FROM pg_settings WHERE name = 'cdc_pipeline.' || s), value, s || ' is ' || value || ' by default')
FROM (VALUES ('connect_timeout', '3000ms'), ('debezium_plugin_version', '3.7.0.Final'), ('enabled', 'on'), ('event_retention', '43200min'),
	('health_interval', '10000ms'), ('max_slot_wal', '0MB'), ('request_timeout', '95000ms'), ('role_organizations', '1000'), ('sdn_url', ''), ('secret_key_file', ''), ('source_dead_after', '3000ms')) v(s, value);
SELECT throws_ok('SET cdc_pipeline.no_such_thing = 1', '42602', NULL, 'a mistyped setting is refused');
CREATE ROLE nobody_special;
GRANT pg_read_all_data TO nobody_special;
SET LOCAL ROLE nobody_special;
CREATE TEMP TABLE seen AS SELECT name FROM pg_settings WHERE name LIKE 'cdc\_pipeline.%';
RESET ROLE;
SELECT results_eq('SELECT name FROM seen ORDER BY 1', ARRAY['cdc_pipeline.connect_timeout', 'cdc_pipeline.event_retention', 'cdc_pipeline.health_interval',
	'cdc_pipeline.request_timeout', 'cdc_pipeline.source_dead_after'], 'others than superusers see the times only');

-- Zones of the product page.
SELECT results_eq('SELECT zone FROM cdc.zone WHERE peering_region = ''europe'' ORDER BY zone COLLATE "C"',
	'SELECT unnest(ARRAY[''de-fra1'', ''dk-cph1'', ''es-mad1'', ''fi-hel1'', ''fi-hel2'', ''nl-ams1'', ''no-svg1'', ''pl-waw1'', ''se-sto1'', ''uk-lon1''])', 'Europe is one region');

-- The table of rules.
SELECT isnt_empty('SELECT FROM cdc.state_table', 'there are rules');
SELECT is_empty('SELECT id FROM (SELECT id, lag(id) OVER () AS before FROM cdc.state_table) t WHERE id <= before', 'in ascending order');
SELECT is_empty($$SELECT id FROM cdc.state_table WHERE guard IS NULL OR comment IS NULL OR cardinality(statuses) = 0$$, 'each says when and why');
SELECT is_empty($$SELECT s FROM unnest('{Pending,Provisioning,Running,Failed,Deleting}'::text[]) s WHERE s NOT IN (SELECT unnest(statuses) FROM cdc.state_table)$$, 'every status is left by some rule');
SELECT is_empty($$SELECT s FROM unnest('{Pending,Provisioning,Running,Failed,Deleting,Deleted}'::text[]) s WHERE s NOT IN (SELECT status_to FROM cdc.state_table WHERE status_to IS NOT NULL)$$, 'and entered by one');

SELECT * FROM finish();
ROLLBACK;
