-- The extension is not dropped while something that it made elsewhere would stay, by
-- whatever statement; what a superuser abandons is forgotten here and named.
BEGIN;
SELECT no_plan();
\ir fixture.inc
CREATE VIEW public.of_users AS SELECT name FROM cdc.pipeline;

-- What is tried is undone.
CREATE FUNCTION pg_temp.tried(sql text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE sql AS $$ SELECT * FROM pg_temp.fault_as(current_user, sql) $$;
CREATE TEMP TABLE ways (sql text);
INSERT INTO ways VALUES ('DROP EXTENSION cdc_pipeline CASCADE'), ('DROP SCHEMA cdc CASCADE'), 
	('SET LOCAL client_min_messages = error; DROP SCHEMA cdc CASCADE; CREATE EXTENSION cdc_pipeline'),
	('DO $_$ BEGIN EXECUTE ''DROP EXTENSION cdc_pipeline CASCADE''; END $_$');

SELECT is((SELECT f.code FROM pg_temp.tried(w.sql) f), '00000', 'nothing was sent to anybody yet: ' || w.sql) FROM ways w;
SELECT is_empty('SELECT * FROM cdc_inner.left_behind()', '(nothing would stay)');

UPDATE cdc.pipeline_spec SET mutated_at = now() WHERE id = (SELECT id FROM it WHERE name = 'red-pipe');
SELECT 'mdb_pipeline_' || left(id::text, 8) AS object, 'mdb-pipeline-' || left(id::text, 8) AS connector FROM it WHERE name = 'red-pipe' \gset
SELECT is((SELECT f.code FROM pg_temp.tried(w.sql) f), '2BP01', 'refused: ' || w.sql) FROM ways w;
SELECT ok((SELECT f.detail ~ ('connector ' || :'connector') AND f.detail ~ ('replication slot ' || :'object') AND f.detail ~ ('role ' || :'object') AND f.detail ~ 'lines of pg_hba.conf .*node 127.0.0.1:1'
	AND f.hint ~ 'cdc\.delete_pipeline' AND f.hint ~ 'cdc\.abandon_all' FROM pg_temp.tried('DROP EXTENSION cdc_pipeline CASCADE') f), 'with the list of what would stay where, and what to do');
SELECT is((SELECT f.code FROM pg_temp.tried('DROP EXTENSION plpgsql CASCADE') f), '2BP01', 'refused: with what it is made of');
-- asked again where it was refused, or allowed and undone, before
SAVEPOINT allowed;
UPDATE cdc.pipeline_spec SET mutated_at = NULL;
DROP EXTENSION cdc_pipeline CASCADE;
ROLLBACK TO allowed;
SELECT is((SELECT f.code FROM pg_temp.tried('DROP EXTENSION cdc_pipeline CASCADE') f), '2BP01', 'a drop that was undone answers for no other');
-- by one who owns the extension and may not read its tables
CREATE ROLE dan SUPERUSER;
UPDATE pg_extension SET extowner = 'dan'::regrole WHERE extname = 'cdc_pipeline';
UPDATE pg_shdepend SET refobjid = 'dan'::regrole WHERE classid = 'pg_extension'::regclass AND objid = (SELECT oid FROM pg_extension WHERE extname = 'cdc_pipeline');
INSERT INTO pg_shdepend SELECT d.oid, 'pg_extension'::regclass, e.oid, 0, 'pg_authid'::regclass, 'dan'::regrole, 'o' FROM pg_extension e, pg_database d WHERE e.extname = 'cdc_pipeline' AND d.datname = current_database();
SELECT is((SELECT f.code FROM pg_temp.tried('DROP OWNED BY dan CASCADE') f), '2BP01', 'refused: DROP OWNED BY');
SELECT is((SELECT f.code FROM pg_temp.tried('REASSIGN OWNED BY dan TO postgres') f), '00000', 'REASSIGN OWNED BY drops nothing');
SELECT is((SELECT f.code FROM pg_temp.tried('DROP VIEW public.of_users; CREATE TABLE public.t (i int); DROP TABLE public.t') f), '00000', 'what is not the extension''s is dropped as ever');

-- Deleted is what is not only out of sight.
SAVEPOINT deleted;
UPDATE cdc.pipeline_spec SET desired_state = 'deleted', status = 'Deleted', deleted_at = now() WHERE mutated_at IS NOT NULL;
SELECT is((SELECT f.code FROM pg_temp.tried('DROP EXTENSION cdc_pipeline CASCADE') f), '2BP01', 'what was seen gone once may come back: refused');
UPDATE cdc.pipeline_spec SET settled_at = now() WHERE mutated_at IS NOT NULL;
SELECT is((SELECT f.code FROM pg_temp.tried('DROP EXTENSION cdc_pipeline CASCADE') f), '00000', 'what has settled has not');
-- What is not a pipeline's.
INSERT INTO cdc.network_peering (network_a, network_b, peering_ab, installation_id) VALUES ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003', gen_random_uuid());
SELECT ok((SELECT f.code = '2BP01' AND f.detail ~ 'network peering 00000000-0000-4000-8000-000000000003' FROM pg_temp.tried('DROP EXTENSION cdc_pipeline CASCADE') f), 'a peering that was made stays');
DELETE FROM cdc.network_peering;
UPDATE cdc.service SET provider = 'local' WHERE name = 'red-pg' OR id = (SELECT id FROM it WHERE name = 'red-pg');
SELECT ok((SELECT f.code = '2BP01' AND f.detail ~ 'PostgreSQL service red-pg' FROM pg_temp.tried('DROP EXTENSION cdc_pipeline CASCADE') f), 'so does a server');
ROLLBACK TO deleted;
-- A copy that only reads has made nothing.
SAVEPOINT copied;
UPDATE cdc.control_plane SET system_identifier = 1;
SELECT is((SELECT f.code FROM pg_temp.tried('DROP EXTENSION cdc_pipeline CASCADE') f), '00000', 'of a copy nothing stays: it is the original''s');
ROLLBACK TO copied;

-- --- abandoned ---------------------------------------------------------------------------------------
SELECT is(pg_temp.run_as('ann', 'SELECT cdc.abandon_all()'), '42501', 'an owner abandons nothing');
GRANT EXECUTE ON FUNCTION cdc.abandon_all() TO ann;
SELECT pg_temp.refused('ann', 'SELECT cdc.abandon_all()', '42501', 'is for superusers', 'granted or not');
CREATE TEMP TABLE before AS SELECT * FROM cdc_inner.left_behind();
SELECT results_eq('SELECT * FROM cdc.abandon_all()', 'SELECT * FROM before', 'what is left where is returned');
SELECT bag_eq('SELECT kind FROM before', $$VALUES ('connector'), ('password file'), ('replication slot'), ('publication'), ('role'), ('lines of pg_hba.conf'), ('topics'), ('topics')$$, 'each kind of it');
SELECT is_empty('SELECT FROM cdc.pipeline_spec WHERE settled_at IS NULL OR deleted_at IS NULL UNION ALL SELECT FROM cdc.service WHERE deleted_at IS NULL', 'no pipeline and no service is known any more');
SELECT is_empty('SELECT FROM cdc.service_secret UNION ALL SELECT FROM cdc.pipeline_secret UNION ALL SELECT FROM cdc.topic', 'nor their secrets, nor topics that are reserved');
SELECT isnt_empty($$SELECT FROM cdc.pipeline_event WHERE message ~ '^abandoned by role'$$, 'the story says who');
SELECT isnt_empty('SELECT FROM cdc.organization_member', 'members stay');
SELECT is_empty('SELECT * FROM cdc.abandon_all()', 'again: nothing');
SELECT is((SELECT f.code FROM pg_temp.tried(w.sql) f), '00000', 'and it can be dropped: ' || w.sql) FROM ways w;

SELECT * FROM finish();
ROLLBACK;
