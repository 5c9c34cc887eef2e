# 127_database_gone.pl: the source's database is renamed, or dropped, under a pipeline.
# The server answers all the time: a delete takes away what is the server's, and what
# is where the database is now; what went with it is not spoken of.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { snapshot_ms => 50 }, meta_conf => "cdc_pipeline.settle_after = '1s'\ncdc_pipeline.health_interval = '1s'\n");

sub make_database
{
	my ($name) = @_;

	$c->source_sql("CREATE DATABASE $name", 'postgres');
	$c->source_sql('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE log (id int); INSERT INTO t VALUES (1)', $name);
}

# Nobody is let in until it is done, as its owner has to do it too.
sub without_sessions
{
	my ($name, $now, $statement) = @_;

	$c->source_sql("ALTER DATABASE $name ALLOW_CONNECTIONS false", 'postgres');
	$c->wait_ok(sub { $c->source_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '$name'", 'postgres') == 0 }, "(no session is in $name)");
	$c->source_sql($statement, 'postgres');
	$c->source_sql("ALTER DATABASE $now ALLOW_CONNECTIONS true", 'postgres') if $now;
}

sub left
{
	my ($id) = @_;
	my $object = $c->object($id);

	return join(' ', $c->source_sql("SELECT count(*) FROM pg_roles WHERE rolname = '$object'", 'postgres'), $c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$object'", 'postgres'),
		scalar(() = slurp_file($c->{source}->data_dir . '/pg_hba.conf') =~ /$object/g) ? 1 : 0);
}

my $before = $c->world;

# --- renamed -------------------------------------------------------------------------------
make_database('two');
my $id = $c->create('renamed', database_name => 'two', tables => ['t']);
$c->running_ok($id);
is(left($id), '1 1 1', '(its role, slot and line are there)');
without_sessions('two', 'three', 'ALTER DATABASE two RENAME TO three');
$c->message_ok($id, qr/database "two" does not exist; by its replication slot it is called "three" now: rename it back, or delete the pipeline/, 'a database that was renamed is told by its new name');
$c->delete($id);
$c->status_ok($id, 'Deleted', 'a delete follows it, without force');
is(left($id), '0 0 0', 'role, slot and line are gone');
is($c->source_sql('SELECT count(*) FROM pg_publication', 'three'), 0, 'and so is the publication');
$c->settled_ok('(settled)');

# --- renamed, and there and back -----------------------------------------------------------------
$id = $c->create('back', database_name => 'three', tables => ['t']);
$c->running_ok($id, 'another pipeline');
without_sessions('three', 'four', 'ALTER DATABASE three RENAME TO four');
$c->message_ok($id, qr/it is called "four" now/, 'renamed');
without_sessions('four', 'three', 'ALTER DATABASE four RENAME TO three');
$c->running_ok($id, 'and back: it runs');
$c->delete($id);
$c->status_ok($id, 'Deleted', '(deleted)');
$c->settled_ok('(settled)');

# --- dropped -------------------------------------------------------------------------------
my $keeps = $c->create('keeps', database_name => 'postgres', tables => [], topic_prefix => 'keeps', options => { no_key => 'full' });
$c->running_ok($keeps, 'one of all tables of another database');
$id = $c->create('dropped', database_name => 'three', tables => [], topic_prefix => 'dropped', options => { no_key => 'full' });
$c->running_ok($id, 'one of all tables');
isnt($c->spec($id)->{identities}, undef, '(it has changed a replica identity)');
without_sessions('three', undef, 'DROP DATABASE three');
$c->delete($id);
$c->message_ok($id, qr/^waiting for the database of the source, to take out what was made there: database "three" does not exist; force gives up on it$/, 'a database that is not there is waited for');
$c->delete($id, 1);
$c->status_ok($id, 'Deleted', 'by force it is not');
is(left($id), '0 0 0', 'role and line are gone, and the slot went with the database');
my @events = $c->events($id);
is(scalar(grep { ($_->{message} // '') =~ /left behind/ } @events), 0, 'and nothing is said to be left');
is(scalar(grep { ($_->{detail}{action} // '') =~ /reset_identity|drop_publication|drop_slot/ } @events), 0, 'nothing of the kind was tried elsewhere');
is($c->source_sql('SELECT count(*) FROM pg_event_trigger', 'postgres'), 2, 'what another database has is left alone');
$c->running_ok($keeps, 'its pipeline runs');
$c->settled_ok('(settled)');
$c->delete($keeps);
$c->status_ok($keeps, 'Deleted', '(deleted)');
$c->settled_ok('(settled)');
$c->same_world_ok($before, 'nothing is left');

# --- many wait for a database that is not there: one login answers all of them ------
sub rounds { return $c->sql('SELECT rounds FROM cdc.worker_state()'); }
sub refused { my ($since) = @_; return scalar(() = slurp_file($c->{source}->logfile, $since) =~ /database "nowhere" does not exist/g); }
$c->sql("SELECT count(cdc.create_pipeline('w' || n, '$c->{source_id}', '$c->{sink_id}', '{public.t}', 'nowhere', 'w' || n, organization => '$c->{org}')) FROM generate_series(1, 150) n");
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline WHERE error_message ~ 'database \"nowhere\" does not exist'") == 150 }, 'each of them says so');
my $first = rounds();
my $size = $c->source_log_size;
$c->wait_ok(sub { rounds() >= $first + 5 }, '(rounds pass)');
my $logins = refused($size);
my $passed = rounds() - $first;
cmp_ok($logins, '>', 0, 'it is looked whether the database is there now');
cmp_ok($logins, '<=', 3 * ($passed + 1), "and not once a pipeline ($logins logins in $passed rounds)");

$c->stop;
done_testing();
