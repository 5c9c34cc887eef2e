-- Every error with its SQLSTATE, detail and hint, word for word.
-- After a change on purpose: make expected
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN format(E'%s: %s\n    %s\n    %s', code, message, detail, hint);
END
$$;
CREATE ROLE regress_cdc_ann;
CREATE ROLE regress_cdc_vic;
CREATE ROLE regress_cdc_eve;
INSERT INTO cdc.organization (id, name, slug) VALUES ('00000000-0000-0000-0000-00000000000a', 'Regress', 'regress');
INSERT INTO cdc.organization_member (organization_id, member, role) VALUES ('00000000-0000-0000-0000-00000000000a', 'regress_cdc_ann', 'owner');
SELECT * FROM cdc.bind_members(true) \g /dev/null
GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO regress_cdc_ann;
SELECT cdc.add_member('00000000-0000-0000-0000-00000000000a', 'regress_cdc_vic', 'viewer') \g /dev/null
INSERT INTO cdc.service (id, organization_id, name, database_type, zone, addons) VALUES
	('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-00000000000a', 'pg', 'postgresql', 'se-sto1', '{}'),
	('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-00000000000a', 'kafka', 'kafka', 'se-sto1', '{kafka-connect}');
INSERT INTO cdc.pipeline_spec (id, organization_id, name, source_service_id, sink_service_id, database_name, tables, topic_prefix, snapshot_mode, status, error_message)
	VALUES ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-00000000000a', 'taken', '00000000-0000-0000-0000-0000000000b1',
		'00000000-0000-0000-0000-0000000000b2', 'shop', '{"\"public\".\"orders\""}', 'shop', 'initial', 'Failed', 'source service must be postgresql');
INSERT INTO cdc.pipeline_observed (pipeline_id) VALUES ('00000000-0000-0000-0000-0000000000c1');
SELECT cdc_inner.reserve_all_topics() \g /dev/null
\set org '''00000000-0000-0000-0000-00000000000a'''
\set pg '''00000000-0000-0000-0000-0000000000b1'''
\set kafka '''00000000-0000-0000-0000-0000000000b2'''
\set taken '''00000000-0000-0000-0000-0000000000c1'''
\set nothing '''00000000-0000-0000-0000-000000000000'''

SET ROLE regress_cdc_ann;
-- organisations
SELECT pg_temp.try($$SELECT cdc.create_organization('')$$);
SELECT pg_temp.try($$SELECT cdc.create_organization('x', 'No Slug')$$);
SELECT pg_temp.try($$SELECT cdc.create_organization('Regress')$$);
SELECT pg_temp.try($$SELECT cdc.create_organization('x', '00000000-0000-0000-0000-00000000000a')$$);
SELECT pg_temp.try(format('SELECT cdc.add_member(%L, %L)', :nothing, 'regress_cdc_eve'));
SELECT pg_temp.try(format('SELECT cdc.add_member(%L, %L, %L)', :org, 'regress_cdc_eve', 'boss'));
SELECT pg_temp.try(format('SELECT cdc.add_member(%L, %L)', :org, 'regress_cdc_nobody'));
SELECT pg_temp.try(format('SELECT cdc.add_member(%L, %L, %L)', :org, 'regress_cdc_ann', 'viewer'));
SELECT pg_temp.try(format('SELECT cdc.remove_member(%L, %L)', :org, 'regress_cdc_ann'));
SELECT pg_temp.try(format('SELECT cdc.leave_organization(%L)', :org));
SELECT pg_temp.try(format('SELECT cdc.add_member(%L, %L)', :org, 'pg_monitor'));
SELECT pg_temp.try(format('SELECT cdc.accept_membership(%L)', :nothing));
SELECT pg_temp.try(format('SELECT cdc.leave_organization(%L)', :nothing));
-- services
SELECT pg_temp.try($$SELECT cdc.register_service('a b', 'postgresql', 'z', '{}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', '', '{}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'mysql', 'z', '{}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '[]')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"node":[]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":"x"}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":[]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":[{"address":"h","password":"never-shown"}]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":[{"address":"a b"}]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":[{"address":"h"},{"address":"h","port":5432}]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":[{"address":"h"}]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":[{"address":"h"}],"admin_user":"u","sslmode":"on"}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":[{"address":"h"}],"admin_user":"u","ca":"/etc/ca.pem"}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'postgresql', 'z', '{"nodes":[{"address":"h"}],"admin_user":"u","network_id":"n"}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"nodes":[]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"bootstrap":"h"}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"connect_urls":["http://u:never-shown@h"]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"connect_urls":["h:8083"]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"connect_cidrs":["10.0.1.7/24"]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"agents":[{"url":"https://h","key":"never-shown"}]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"addons":["karapace"]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"addons":["kafka-connect"]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('a', 'kafka', 'z', '{"addons":["kafka-connect"],"connect_urls":["http://h:8083"]}')$$);
SELECT pg_temp.try($$SELECT cdc.register_service('pg', 'kafka', 'z', '{}')$$);
SELECT pg_temp.try(format('SELECT cdc.delete_service(%L)', :nothing));
SELECT pg_temp.try(format('SELECT cdc.delete_service(%L)', :pg));
-- pipelines
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L)', 'a b', :pg, :kafka));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L)', 'taken', :pg, :kafka));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L)', 'p', :pg, :pg));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L)', 'p', :nothing, :kafka));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, pipeline_type => %L)', 'p', :pg, :kafka, 'mirror'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, snapshot_mode => %L)', 'p', :pg, :kafka, 'Initial'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, database_name => %L)', 'p', :pg, :kafka, ''));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, topic_prefix => %L)', 'p', :pg, :kafka, 'a b'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, topic_prefix => %L)', 'p', :pg, :kafka, repeat('x', 229)));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, topic_prefix => %L)', 'p', :pg, :kafka, 'shop'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, tables => %L)', 'p', :pg, :kafka, '{public.*}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, tables => %L)', 'p', :pg, :kafka, '{d.s.t}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, tables => %L)', 'p', :pg, :kafka, '{orders(id)}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, tables => %L)', 'p', :pg, :kafka, '{pg_catalog.pg_class}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, tables => %L)', 'p', :pg, :kafka, '{NULL}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, tables => ARRAY[repeat(''t'', 64)])', 'p', :pg, :kafka));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, tables => %L)', 'p', :pg, :kafka, '{"\"a.b\"","a_b"}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, topic_prefix => %L, tables => ARRAY[repeat(''t'', 40)])', 'p', :pg, :kafka, repeat('x', 210)));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, options => %L)', 'p', :pg, :kafka, '{"database.password":"never-shown"}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, options => %L)', 'p', :pg, :kafka, '{"max.batch.size":0}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, options => %L)', 'p', :pg, :kafka, '{"max.batch.size":[1]}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, options => %L)', 'p', :pg, :kafka, '{"on_gap":"ignore"}'));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, options => %L)', 'p', :pg, :kafka, '[]'));
-- asking and waiting
SELECT pg_temp.try(format('SELECT cdc.get_pipeline(%L)', :nothing));
SELECT pg_temp.try(format('SELECT * FROM cdc.pipeline_status(%L)', :nothing));
SELECT pg_temp.try(format('SELECT cdc.list_pipelines(%L)', :nothing));
SELECT pg_temp.try(format('SELECT cdc.delete_pipeline(%L)', :nothing));
SELECT pg_temp.try(format('SELECT cdc.wait_for_pipeline(%L)', :nothing));
SELECT pg_temp.try(format('SELECT cdc.wait_for_pipeline(%L, %L)', :taken, 'Up'));
SELECT pg_temp.try(format('SELECT cdc.wait_for_pipeline(%L, timeout => %L)', :taken, '-1 s'));
SELECT pg_temp.try(format('SELECT cdc.wait_for_pipeline(%L)', :taken));
-- for superusers
RESET ROLE;
GRANT EXECUTE ON FUNCTION cdc.take_over() TO regress_cdc_ann;
SET ROLE regress_cdc_ann;
SELECT pg_temp.try('SELECT cdc.take_over()');
SELECT pg_temp.try('SELECT * FROM cdc.worker_state()');

-- a viewer
SET ROLE regress_cdc_vic;
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L)', 'p', :pg, :kafka));
SELECT pg_temp.try(format('SELECT cdc.delete_pipeline(%L)', :taken));
SELECT pg_temp.try(format('SELECT cdc.add_member(%L, %L)', :org, 'regress_cdc_eve'));

-- who is in no organisation, and may call
SET ROLE regress_cdc_eve;
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L)', 'p', :pg, :kafka));
SELECT pg_temp.try(format('SELECT cdc.create_pipeline(%L, %L, %L, organization => %L)', 'p', :pg, :kafka, :org));
SELECT pg_temp.try(format('SELECT cdc.get_pipeline(%L)', :taken));
SELECT pg_temp.try(format('SELECT cdc.list_pipelines(%L)', :org));
SELECT pg_temp.try(format('SELECT cdc.register_service(%L, %L, %L, %L)', 'x', 'kafka', 'z', '{}'));
RESET ROLE;
SAVEPOINT members;
UPDATE cdc.organization_member SET state = 'declined' WHERE member = 'regress_cdc_vic';
INSERT INTO cdc.organization (id, name, slug) VALUES ('00000000-0000-0000-0000-00000000000b', 'Other', 'other');
SELECT cdc.add_member('00000000-0000-0000-0000-00000000000b', 'regress_cdc_ann') \g /dev/null
SELECT pg_temp.try(format('SELECT cdc.set_organization_maker(%L, %L)', :org, 'regress_cdc_eve'));
SET ROLE regress_cdc_ann;
SELECT pg_temp.try(format('SELECT cdc.add_member(%L, %L)', :org, 'regress_cdc_vic'));
SELECT pg_temp.try(format('SELECT cdc.register_service(%L, %L, %L, %L)', 'x', 'kafka', 'z', '{}'));
ROLLBACK TO members;

-- in the transaction that made it
SELECT pg_temp.try(format('SELECT cdc.wait_for_pipeline(%L)', (SELECT cdc.create_pipeline('p', :pg, :kafka, topic_prefix => 'other', organization => :org))));
ROLLBACK;
