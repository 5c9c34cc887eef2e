-- cdc.set_service_nodes: the whole list of a source's nodes.
BEGIN;
SELECT no_plan();
\ir fixture.inc

CREATE FUNCTION pg_temp.set_nodes(service text, nodes text) RETURNS text LANGUAGE sql AS
	$$ SELECT format('SELECT cdc.set_service_nodes(%s, %L)', pg_temp.id(service), nodes) $$;
CREATE FUNCTION pg_temp.nodes() RETURNS SETOF text LANGUAGE sql AS
	$$ SELECT address || ':' || port || coalesce(' ' || observed_role, '') FROM cdc.service_node WHERE service_id = (SELECT id FROM pg_temp.it WHERE name = 'red-pg') ORDER BY 1 $$;

UPDATE cdc.service_node SET observed_role = 'primary' WHERE service_id = (SELECT id FROM it WHERE name = 'red-pg');
DELETE FROM cdc.work;
SELECT pg_temp.refused('mia', pg_temp.set_nodes('red-pg', '[{"address":"127.0.0.1","port":1},{"address":"b.example"}]'), '42501', 'decides where secrets are sent', 'who may not see the administrator''s password sends it to no new node');
SELECT pg_temp.run_as('ada', pg_temp.set_nodes('red-pg', '[{"address":"127.0.0.1","port":1},{"address":"b.example"}]')) \g /dev/null
SELECT results_eq('SELECT pg_temp.nodes()', ARRAY['127.0.0.1:1 primary', 'b.example:5432'], 'a node more; what is known of the other stays');
SELECT is((SELECT count(*)::int FROM cdc.work WHERE kind = 'service' AND id = (SELECT i.id FROM it i WHERE name = 'red-pg')), 1, 'and the worker is asked to look');
SELECT pg_temp.run_as('mia', pg_temp.set_nodes('red-pg', '[{"address":"b.example","port":5432}]')) \g /dev/null
SELECT results_eq('SELECT pg_temp.nodes()', ARRAY['b.example:5432'], 'a node less, which a member may take away');

SELECT pg_temp.refused('mia', pg_temp.set_nodes('red-pg', '[]'), '22023', 'at least one node', 'no nodes');
SELECT pg_temp.refused('mia', pg_temp.set_nodes('red-pg', '[{"address":"x"},{"address":"x","port":5432}]'), '22023', 'twice', 'one node twice');
SELECT pg_temp.refused('mia', pg_temp.set_nodes('red-kafka', '[{"address":"x"}]'), '22023', 'only a PostgreSQL service', 'nodes of a Kafka service');
SELECT pg_temp.refused('vic', pg_temp.set_nodes('red-pg', '[{"address":"x"}]'), '42501', '', 'a viewer may not');
SELECT pg_temp.refused('bob', pg_temp.set_nodes('red-pg', '[{"address":"x"}]'), '42704', '', 'another organization''s service is not there');
SELECT results_eq('SELECT pg_temp.nodes()', ARRAY['b.example:5432'], 'and none of these changed anything');

-- whose word its addresses are
CREATE FUNCTION pg_temp.whose() RETURNS text LANGUAGE sql AS $$ SELECT connection_set_by FROM cdc.service WHERE id = (SELECT id FROM pg_temp.it WHERE name = 'red-pg') $$;
SELECT is(pg_temp.whose(), 'member', 'a member''s, who registered it');
SELECT cdc.set_service_nodes((SELECT id FROM it WHERE name = 'red-pg'), '[{"address":"127.0.0.1"}]') \g /dev/null
SELECT is(pg_temp.whose(), 'superuser', 'a superuser''s, who named its nodes last');
SELECT pg_temp.run_as('ada', format('SELECT cdc.update_service(%s, ''{"sslmode":"require"}'')', pg_temp.id('red-pg'))) \g /dev/null
SELECT is(pg_temp.whose(), 'superuser', 'still, when something else was changed');
SELECT pg_temp.run_as('ada', pg_temp.set_nodes('red-pg', '[{"address":"127.0.0.2"}]')) \g /dev/null
SELECT is(pg_temp.whose(), 'member', 'a member''s again');
UPDATE cdc.service SET connection_set_by = 'before' WHERE id = (SELECT id FROM it WHERE name = 'red-pg');
SELECT pg_temp.run_as('ada', format('SELECT cdc.update_service(%s, ''{"manage_hba":false}'')', pg_temp.id('red-pg'))) \g /dev/null
SELECT is(pg_temp.whose(), 'before', 'what was registered before the rules is kept while it directs no secret elsewhere');
SELECT pg_temp.run_as('ada', format('SELECT cdc.update_service(%s, ''{"sslmode":"prefer"}'')', pg_temp.id('red-pg'))) \g /dev/null
SELECT is(pg_temp.whose(), 'member', 'and not after it');

SELECT * FROM finish();
ROLLBACK;
