# 126_event_trigger.pl: all tables with no_key full.  A table without a key can be
# changed from the statement on that makes it, by whoever makes it and however, since
# an event trigger of ours gives it a replica identity; and no statement of anybody
# ever fails by that trigger.
#
# On each version of PostgreSQL: what a statement tells of itself is the server's.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { snapshot_ms => 50 }, meta_conf => "cdc_pipeline.settle_after = '1s'\ncdc_pipeline.health_interval = '1s'\n");
my $trigger = 'mdb_pipelines_' . substr($c->sql('SELECT installation_id FROM cdc.control_plane'), 0, 8);

# As an application's user, who may do nothing but what PUBLIC and his schema give him; all in one message, or a statement each.
sub plain
{
	my (@statements) = @_;
	my ($out, $err) = ('', '');

	$c->{source}->psql('shop', join(";\n", 'SET SESSION AUTHORIZATION plain', 'SET search_path = app', @statements) . ';', stdout => \$out, stderr => \$err, on_error_stop => 1);
	return $err =~ /^.*ERROR: .*$/m ? $& : '';
}

sub plain_ok
{
	my ($test, @statements) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is(plain(@statements), '', $test);
}

sub identity
{
	my ($table) = @_;

	return $c->source_sql("SELECT relreplident FROM pg_class WHERE oid = to_regclass('$table')");
}

sub finding
{
	my ($id, $column) = @_;

	return $c->sql("SELECT $column FROM cdc.finding WHERE pipeline_id = '$id' AND check_name = 'event_trigger'");
}

# Made, changed, and found with FULL.
sub works_ok
{
	my ($table, $test, @made) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	plain_ok($test, @made, "INSERT INTO $table VALUES (1)", "UPDATE $table SET id = 2", "DELETE FROM $table");
}

$c->source_sql(<<'SQL');
CREATE ROLE plain LOGIN;
CREATE SCHEMA app;
GRANT ALL ON SCHEMA app TO plain;
GRANT CREATE ON DATABASE shop TO plain;
SET SESSION AUTHORIZATION plain;
SET search_path = app;
CREATE TABLE old (id int NOT NULL, note text);
CREATE UNIQUE INDEX old_index ON old (id);
ALTER TABLE old REPLICA IDENTITY USING INDEX old_index;
CREATE TABLE older (id int NOT NULL, note text);
CREATE UNIQUE INDEX older_index ON older (id);
ALTER TABLE older REPLICA IDENTITY USING INDEX older_index;
CREATE TABLE bare (id int);
SQL
my $before = $c->world;
my ($warned) = ($c->try_sql("SELECT cdc.create_pipeline('waits', '$c->{source_id}'::uuid, '$c->{sink_id}'::uuid, database_name => 'shop', organization => '$c->{org}')"))[2];
like($warned, qr/WARNING:  tables without a key that come later will refuse UPDATE and DELETE/, 'of all tables without it that is told at creation');
my $waits = $c->sql("SELECT id FROM cdc.pipeline WHERE name = 'waits'");
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.finding WHERE pipeline_id = '$waits' AND check_name = 'tables_to_come'") }, 'and by a finding');
is($c->source_sql('SELECT count(*) FROM pg_event_trigger'), 0, 'nothing is made for it');
$c->delete($waits);
$c->status_ok($waits, 'Deleted', '(gone)');

my $id = $c->create('all', tables => [], topic_prefix => 'all', options => { no_key => 'full' });
$c->running_ok($id, 'with it, it runs');
is($c->source_sql('SELECT evtname, evtevent, evtenabled FROM pg_event_trigger ORDER BY 1'), "$trigger|ddl_command_end|A\n${trigger}_drop|sql_drop|A", 'event triggers are there');
my $mark = 'cdc_pipeline installation ' . $c->sql('SELECT installation_id FROM cdc.control_plane');
is($c->source_sql("SELECT DISTINCT obj_description(oid, 'pg_event_trigger') FROM pg_event_trigger"), $mark, 'with our mark');
is($c->source_sql("SELECT prosecdef, proconfig[1] FROM pg_proc WHERE proname = 'give_identity'"), 'f|search_path=pg_catalog, pg_temp', 'they run as whoever makes a table, with a search path of their own');
is($c->source_sql('SELECT proacl IS NULL AND nspacl IS NULL FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE proname = \'give_identity\''), 't', 'in a schema that is nobody\'s');
is($c->sql("SELECT count(*) FROM cdc.finding WHERE pipeline_id = '$id' AND check_name IN ('tables_to_come', 'event_trigger')"), 0, 'and there is nothing to tell');
is($c->sql("SELECT string_agg(name, ' ') FROM cdc_inner.left_behind() WHERE kind = 'event triggers'"), $trigger, 'what a delete would have to take away has them');

# --- each way in which a table comes without a key, or loses it -----------------------------
works_ok('made', 'CREATE TABLE', 'CREATE TABLE made (id int)');
works_ok('copied', 'CREATE TABLE AS', 'CREATE TABLE copied AS SELECT 1 AS id');
works_ok('selected', 'SELECT INTO', 'SELECT 1 AS id INTO selected');
works_ok('executed', 'CREATE TABLE AS EXECUTE', 'PREPARE one AS SELECT 1 AS id', 'CREATE TABLE executed AS EXECUTE one');
works_ok('alike', 'LIKE', 'CREATE TABLE keyed (id int PRIMARY KEY)', 'CREATE TABLE alike (LIKE keyed)');
is(identity('app.keyed'), 'd', 'one with a key is left alone');
works_ok('within.made', 'CREATE SCHEMA with tables', 'CREATE SCHEMA within CREATE TABLE made (id int)');
works_ok('parted', 'partitions', 'CREATE TABLE parted (id int) PARTITION BY RANGE (id)', 'CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (id)',
	'CREATE TABLE parted_1_1 PARTITION OF parted_1 FOR VALUES FROM (0) TO (100)');
works_ok('attached', 'ATTACH', 'CREATE TABLE attached (id int) PARTITION BY RANGE (id)', 'CREATE TABLE leaf (id int)', 'ALTER TABLE leaf REPLICA IDENTITY NOTHING', 'ALTER TABLE attached ATTACH PARTITION leaf FOR VALUES FROM (0) TO (100)');
works_ok('unkeyed', 'DROP CONSTRAINT', 'CREATE TABLE unkeyed (id int PRIMARY KEY)', 'ALTER TABLE unkeyed DROP CONSTRAINT unkeyed_pkey');
works_ok('rooted', 'DROP CONSTRAINT of a root', 'CREATE TABLE rooted (id int PRIMARY KEY) PARTITION BY RANGE (id)', 'CREATE TABLE rooted_1 PARTITION OF rooted FOR VALUES FROM (0) TO (100)', 'ALTER TABLE rooted DROP CONSTRAINT rooted_pkey');
works_ok('dropped', 'DROP COLUMN', 'CREATE TABLE dropped (key int PRIMARY KEY, id int)', 'ALTER TABLE dropped DROP COLUMN key');
works_ok('typed', 'DROP TYPE CASCADE', "CREATE TYPE color AS ENUM ('red')", 'CREATE TABLE typed (key color PRIMARY KEY, id int)', 'DROP TYPE color CASCADE');
works_ok('logged', 'SET LOGGED', 'CREATE UNLOGGED TABLE logged (id int)', 'ALTER TABLE logged SET LOGGED');
works_ok('old', 'DROP INDEX of the identity', 'DROP INDEX old_index');
works_ok('older', 'DROP INDEX CONCURRENTLY', 'DROP INDEX CONCURRENTLY older_index');
works_ok('function', 'in a function and a transaction', 'BEGIN', q{DO 'BEGIN CREATE TABLE app.function (id int); END'}, 'INSERT INTO function VALUES (1)', 'SAVEPOINT a', 'CREATE TABLE undone (id int)', 'ROLLBACK TO a', 'COMMIT');
works_ok('serial', 'SERIALIZABLE', 'BEGIN ISOLATION LEVEL SERIALIZABLE', 'SELECT 1', 'CREATE TABLE serial (id int)', 'COMMIT');
works_ok('temporary', 'a temporary table', 'CREATE TEMP TABLE temporary (id int)');
is($c->source_sql("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind = 'r' AND relreplident <> 'f'"), 'keyed', 'all of them have it, and nobody else');

# --- settings that a session may have --------------------------------------------------------
my @settings = ("plpgsql.extra_errors = 'all'", "search_path = ''", "lock_timeout = '1ms'", 'row_security = off', 'standard_conforming_strings = off', 'quote_all_identifiers = on',
	"client_encoding = 'SQL_ASCII'", "client_encoding = 'LATIN1'", 'client_min_messages = debug5', "default_transaction_isolation = 'serializable'", 'transform_null_equals = on', "work_mem = '64kB'",
	'enable_indexscan = off', 'array_nulls = off', "DateStyle = 'German'", "idle_in_transaction_session_timeout = '1s'", 'default_toast_compression = pglz', 'check_function_bodies = off', "xmloption = document", 'jit_above_cost = 0', 'default_transaction_deferrable = on');
my $n = 0;
foreach my $setting (@settings)
{
	$n++;
	works_ok("app.setting_$n", "under $setting", "SET $setting", "CREATE TABLE app.setting_$n (id int)");
}
my $replica = $c->source_sql("SET session_replication_role = replica; CREATE TABLE app.replica (id int); INSERT INTO app.replica VALUES (1); UPDATE app.replica SET id = 2 RETURNING id");
like($replica, qr/^2$/m, 'under session_replication_role = replica');
like($c->source_sql("SET event_triggers = off; CREATE TABLE app.off (id int)"), qr/^$/, 'event_triggers = off') if $c->{source}->safe_psql('shop', 'SHOW server_version_num') >= 170000;
like(plain('BEGIN READ ONLY', 'CREATE TEMP TABLE t (id int)'), qr/cannot execute CREATE TABLE in a read-only transaction/, 'what the server refuses it refuses by itself');

# --- faults: nobody's statement fails ----------------------------------------------------------
sub all_ways_ok
{
	my ($test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$n++;

	plain_ok($test, "CREATE TABLE a_$n (id int PRIMARY KEY)", "CREATE TABLE b_$n AS SELECT 1 AS id", "ALTER TABLE a_$n DROP CONSTRAINT a_${n}_pkey", "CREATE TABLE p_$n (id int) PARTITION BY RANGE (id)",
		"CREATE TABLE q_$n PARTITION OF p_$n DEFAULT", "CREATE SCHEMA s_$n CREATE TABLE t (id int NOT NULL)", "CREATE UNIQUE INDEX i_$n ON s_$n.t (id)", "ALTER TABLE s_$n.t REPLICA IDENTITY USING INDEX i_$n",
		"DROP INDEX s_$n.i_$n", "DROP TABLE p_$n", "DROP SCHEMA s_$n CASCADE");
}

my $log = $c->source_log_size;
$c->source_sql('REVOKE EXECUTE ON FUNCTION pg_event_trigger_ddl_commands(), pg_event_trigger_dropped_objects() FROM PUBLIC');
all_ways_ok('what it calls was revoked from everybody');
like(substr(slurp_file($c->{source}->logfile), $log), qr/LOG:  cdc_pipeline: no replica identity for what was made \(SQLSTATE 42501\)/, 'which the server\'s log says');
$c->source_sql('GRANT EXECUTE ON FUNCTION pg_event_trigger_ddl_commands(), pg_event_trigger_dropped_objects() TO PUBLIC');
$c->wait_ok(sub { identity("app.b_$n") eq 'f' }, 'the next round sees to what was made meanwhile');

$c->source_sql(q{CREATE FUNCTION public.refuses() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF current_setting('search_path') LIKE 'pg_catalog%' THEN RAISE EXCEPTION 'not so, mein Schlüssel'; END IF; END $$});
$c->source_sql(q{CREATE EVENT TRIGGER refuses ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.refuses()});
all_ways_ok('what it does is refused by another event trigger');
plain_ok('nor is an error in letters that the client does not know', "SET client_encoding = 'SQL_ASCII'", 'SET client_min_messages = debug5', 'CREATE TABLE letters (id int)');
$c->source_sql('DROP EVENT TRIGGER refuses; DROP FUNCTION public.refuses()');

my $holder = $c->{source}->background_psql('shop', on_error_stop => 1);
plain_ok('(a partition of old)', 'CREATE TABLE held (id int) PARTITION BY RANGE (id)', 'CREATE TABLE held_1 PARTITION OF held DEFAULT');
$c->source_sql("UPDATE pg_class SET relreplident = 'd' WHERE oid = 'app.held_1'::regclass");
$holder->query_safe('BEGIN; LOCK TABLE app.held_1 IN SHARE MODE');
plain_ok('a partition that somebody has locked is not waited for', "SET statement_timeout = '20s'", 'ALTER TABLE ONLY held REPLICA IDENTITY FULL');
$holder->query_safe('COMMIT');
$holder->quit;

# --- it is changed, dropped, disabled -----------------------------------------------------------
$c->source_sql("CREATE OR REPLACE FUNCTION $trigger.give_identity() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'");
$c->wait_ok(sub { $c->source_sql("SELECT length(prosrc) FROM pg_proc WHERE proname = 'give_identity'") > 100 }, 'a function that somebody changed is made anew');
$c->source_sql("DROP EVENT TRIGGER $trigger");
$c->wait_ok(sub { $c->source_sql('SELECT count(*) FROM pg_event_trigger') == 2 }, 'so is an event trigger that was dropped');
$c->source_sql("SET client_min_messages = error; DROP SCHEMA $trigger CASCADE");
all_ways_ok('nobody misses it when all of it was dropped');
$c->wait_ok(sub { $c->source_sql('SELECT count(*) FROM pg_event_trigger') == 2 }, 'and it comes back');
$c->running_ok($id, 'the pipeline runs');
is($c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$id' AND kind = 'gap'"), 0, 'without a gap');

$c->source_sql("ALTER EVENT TRIGGER $trigger DISABLE");
$c->wait_ok(sub { finding($id, 'observed') =~ /^event trigger $trigger or its other half is disabled there$/ }, 'one that its owner disabled is a finding');
$c->wait_round($id);
is($c->source_sql("SELECT evtenabled FROM pg_event_trigger WHERE evtname = '$trigger'"), 'D', 'and is not fought');
all_ways_ok('statements go on');
$c->running_ok($id, 'as does the pipeline');
$c->source_sql(finding($id, 'fix_sql'));
$c->wait_ok(sub { finding($id, 'count(*)') == 0 }, 'what it gives to type enables it');
works_ok('again', 'which works', 'CREATE TABLE again (id int)');

# --- what it did is remembered; two have it in common --------------------------------------------
my $oid = $c->source_sql("SELECT 'app.again'::regclass::oid");
$c->wait_ok(sub { exists(($c->spec($id)->{identities} // {})->{$oid}) }, 'what it gave a table is found by a look, and remembered');
my $second = $c->create('second', tables => [], topic_prefix => 'second', options => { no_key => 'full' });
$c->running_ok($second, 'a second pipeline of the database');
is($c->source_sql('SELECT count(*) FROM pg_event_trigger'), 2, 'has the same ones');
$c->delete($id);
$c->status_ok($id, 'Deleted', 'the first goes');
works_ok('meanwhile', 'the second still needs them', 'CREATE TABLE meanwhile (id int)');
is(identity('app.again'), 'f', 'and so do the tables');
my $meanwhile = $c->source_sql("SELECT 'app.meanwhile'::regclass::oid");
$c->wait_ok(sub { exists(($c->spec($second)->{identities} // {})->{$meanwhile}) && exists($c->spec($second)->{identities}{$oid}) }, '(it has heard of them)');
$c->delete($second);
$c->status_ok($second, 'Deleted', 'with the last one');
is($c->source_sql('SELECT count(*) FROM pg_event_trigger') . $c->source_sql("SELECT count(*) FROM pg_namespace WHERE nspname = '$trigger'"), '00', 'they go');
is(join(' ', map { identity("app.$_") } qw(made again meanwhile bare)), 'd d d d', 'and tables have what they had, or would have had: what the first one remembered was not forgotten with it');

# both at once, with something of somebody else's in the schema
$id = $c->create('all', tables => [], topic_prefix => 'all', options => { no_key => 'full' });
$second = $c->create('second', tables => [], topic_prefix => 'second', options => { no_key => 'full' });
$c->running_ok($_, 'both again') foreach $id, $second;
$c->source_sql("CREATE TABLE $trigger.theirs (id int PRIMARY KEY)");
$c->delete($_) foreach $id, $second;
$c->status_ok($_, 'Deleted', 'both are deleted') foreach $id, $second;
is($c->source_sql('SELECT count(*) FROM pg_event_trigger'), 0, 'neither leaves it to the other');
is($c->source_sql("SELECT count(*) FROM $trigger.theirs") . ($c->source_sql("SELECT obj_description('$trigger'::regnamespace, 'pg_namespace')") // ''), '0', 'what somebody put there stays, and is not ours any more');
like(join('', map { $_->{message} // '' } map { $c->events($_) } $id, $second), qr/schema $trigger is left, since there is something in it that is not ours/, 'which is told');
$c->settled_ok;

# --- somebody has the name; we are no superuser ---------------------------------------------------
$id = $c->create('all', tables => [], topic_prefix => 'all', options => { no_key => 'full' });
$c->wait_ok(sub { finding($id, 'observed') =~ /^what is named $trigger there is not of this installation/ }, 'a schema of that name is somebody else\'s: a finding');
$c->running_ok($id, 'and the pipeline runs without');
$c->delete($id);
$c->status_ok($id, 'Deleted', 'it goes');
is($c->source_sql("SELECT count(*) FROM $trigger.theirs"), 0, 'what is somebody else\'s does not');
$c->source_sql("SET client_min_messages = error; DROP SCHEMA $trigger CASCADE");

my $hba = $c->{source}->data_dir . '/pg_hba.conf';
my $lines = slurp_file($hba);
$c->source_sql("CREATE ROLE dba SUPERUSER LOGIN PASSWORD 'dba-secret'");
append_to_file($hba, "host all all 127.0.0.1/32 scram-sha-256\n");
$c->{source}->reload;
my $source = $c->register_source('given', $c->{source}, admin_user => 'dba', admin_password => 'dba-secret', manage_hba => JSON::PP::false);
$id = $c->create('all', source => $source, tables => [], topic_prefix => 'all', options => { no_key => 'full' });
$c->running_ok($id, 'a source by another user');
$c->source_sql("SET client_min_messages = error; ALTER ROLE dba NOSUPERUSER CREATEROLE REPLICATION; DROP SCHEMA $trigger CASCADE; GRANT pg_monitor TO dba;
	SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dba'");
$c->wait_ok(sub { finding($id, 'observed') =~ /^there is none in database "shop", and the user of the service is no superuser/ }, 'who is no superuser cannot make them: a finding');
$c->source_sql(finding($id, 'fix_sql'));
$c->wait_ok(sub { finding($id, 'count(*)') == 0 }, 'what it gives to type makes them');
works_ok('typed_out', 'as ours are', 'CREATE TABLE typed_out (id int)');
$c->source_sql("ALTER ROLE dba SUPERUSER; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dba'");
$c->delete($id);
$c->status_ok($id, 'Deleted', 'deleted');
is($c->source_sql('SELECT count(*) FROM pg_event_trigger'), 0, 'ours, whoever has typed them');
$c->sql("SELECT cdc.delete_service('$source')");
$c->settled_ok;

$c->source_sql("DROP ROLE dba");
open(my $f, '>', $hba) or die $!;
print $f $lines;
close $f;
$c->{source}->reload;
$c->source_sql(q{DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relnamespace IN ('app'::regnamespace, 'within'::regnamespace) AND relkind IN ('r', 'p') AND NOT relispartition
	AND relname NOT IN ('old', 'older', 'bare') LOOP EXECUTE format('DROP TABLE %s', t); END LOOP; END $$; SET client_min_messages = error; DROP SCHEMA within CASCADE; DROP TYPE IF EXISTS app.color});
$c->source_sql('CREATE UNIQUE INDEX old_index ON app.old (id); ALTER TABLE app.old REPLICA IDENTITY USING INDEX old_index; CREATE UNIQUE INDEX older_index ON app.older (id); ALTER TABLE app.older REPLICA IDENTITY USING INDEX older_index');
$c->same_world_ok($before, 'nothing is left');

done_testing();
