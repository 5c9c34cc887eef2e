# 150_copies.pl: two copies of the metadata never act twice: a promoted standby
# beside its isolated old primary, and a restored dump.  And the worker is in
# nobody's way: DROP EXTENSION, DROP DATABASE, a SIGTERM, a user's lock.
#
# On each version of PostgreSQL: promotion, timelines and restored dumps.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use CdcNode;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { snapshot_ms => 50 }, meta_conf => "cdc_pipeline.settle_after = '1s'\n");
my $first = $c->create('first', topic_prefix => 'first');
$c->running_ok($first, 'the first pipeline runs');

# --- a user's lock --------------------------------------------------------------
my $other = $c->create('other', topic_prefix => 'other', tables => ['customers']);
$c->running_ok($other, 'another one runs');
{
	my ($in, $out) = ('', '');
	my $timer = IPC::Run::timeout(60);
	my $psql = IPC::Run::start([ 'psql', '-XqAt', $c->{meta}->connstr('postgres') ], '<', \$in, '>', \$out, $timer);
	$in .= "BEGIN;\nSELECT cdc.delete_pipeline('$other');\n\\echo locked\n";
	$psql->pump until $out =~ /locked/;
	my $third = $c->create('third', topic_prefix => 'third', tables => ['orders']);
	$c->running_ok($third, 'a user who holds a row of one pipeline holds up no other');
	is($c->status($other), 'Running', 'his delete is not seen before his COMMIT');
	$in .= "COMMIT;\n\\q\n";
	$psql->finish;
	$c->wait_ok(sub { $c->spec($other)->{deleted_at} }, 'and carried out after it');
	$c->delete($third);
	$c->wait_ok(sub { $c->spec($third)->{deleted_at} }, 'the third is deleted');
}

# --- a SIGTERM --------------------------------------------------------------------
my $pid = $c->worker_pid;
$c->sql("SELECT pg_terminate_backend($pid)");
$c->wait_ok(sub { !kill(0, $pid) || $c->worker_pid ne $pid }, 'a SIGTERM ends the worker');
$c->wait_ok(sub { my $now = $c->worker_pid; $now && $now ne $pid }, 'and the server starts another');

# --- a standby is promoted, the old primary is cut off --------------------------------
my $backup = 'copy';
$c->{meta}->backup($backup);
my $standby = CdcNode->new('standby');
$standby->init_from_backup($c->{meta}, $backup, has_streaming => 1);
$standby->start;
$c->{meta}->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT pid IS NULL FROM cdc.worker_state()'), 't', 'a standby has no worker');
my $epoch = sub { my ($node) = @_; return $node->safe_psql('postgres', 'SELECT epoch FROM cdc.control_plane'); };
is($epoch->($c->{meta}), '1', 'the epoch is the timeline');
$standby->promote;
my $old = $c->{meta};
$c->{meta} = $standby;
$c->wait_ok(sub { $c->sql("SELECT state FROM cdc.worker_state()") eq 'running' }, 'the promoted standby takes the work over');
is($epoch->($standby), '2', 'with a higher epoch');
my $object = $c->object($first);
$c->wait_ok(sub { $c->source_sql("SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = '$object'") =~ /epoch 2 mark / },
	'which it leaves on what it keeps');
$c->wait_ok(sub { $old->safe_psql('postgres', 'SELECT state FROM cdc.worker_state()') =~ /another control plane with epoch 2/ }, 'the old primary sees it, and stops acting');
my $mutations = @{ $c->mutations };
$old->safe_psql('postgres', "SELECT cdc.delete_pipeline('$first')");
$c->wait_round($first) for 1 .. 2;
is(scalar @{ $c->mutations }, $mutations, 'a delete on the old primary is not carried out');
is($c->status($first), 'Running', 'the pipeline runs on');
my $fourth = $c->create('fourth', topic_prefix => 'fourth', tables => ['customers']);
$c->running_ok($fourth, 'and the new primary makes new ones');
$old->stop('immediate');

# --- a dump, restored elsewhere ------------------------------------------------------
my $dump = "$c->{dir}/dump.sql";
command_ok([ 'pg_dump', '-f', $dump, '-d', $standby->connstr('postgres') ], 'the metadata can be dumped');
my $text = slurp_file($dump);
unlike($text, qr/\Q$CdcCluster::admin_password\E/, 'the dump shows no password of a source');
my $restored = $c->make_meta('restored');
command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $restored->connstr('postgres') ], 'and restored');
is($restored->safe_psql('postgres', 'SELECT count(*) FROM cdc.pipeline'), '2', 'with its pipelines');
is($restored->safe_psql('postgres', "SELECT string_agg(md5(ciphertext), ',' ORDER BY service_id, purpose) FROM cdc.service_secret"),
	$standby->safe_psql('postgres', "SELECT string_agg(md5(ciphertext), ',' ORDER BY service_id, purpose) FROM cdc.service_secret"), 'and its secrets, as they were');
$mutations = @{ $c->mutations };
$c->wait_ok(sub { $restored->safe_psql('postgres', 'SELECT state FROM cdc.worker_state()') =~ /copy of the metadata.*cdc\.take_over/ }, 'the copy says that it only reads');
$restored->safe_psql('postgres', "SELECT cdc.delete_pipeline('$fourth')");
$c->wait_round($fourth) for 1 .. 2;
is(scalar @{ $c->mutations }, $mutations, 'and does');
is($c->status($fourth), 'Running', 'nothing is deleted by it');
$restored->safe_psql('postgres', 'SELECT cdc.take_over()');
$c->wait_ok(sub { $restored->safe_psql('postgres', 'SELECT state FROM cdc.worker_state()') eq 'running' }, 'after cdc.take_over() it acts');
$c->wait_ok(sub { $restored->safe_psql('postgres', "SELECT deleted_at IS NOT NULL FROM cdc.pipeline_spec WHERE id = '$fourth'") eq 't' }, 'and deletes what it was asked to');
$c->wait_ok(sub { $standby->safe_psql('postgres', 'SELECT state FROM cdc.worker_state()') =~ /another control plane/ }, 'the former one stops');

# --- nobody is held up -----------------------------------------------------------------
$c->{meta} = $restored;
my $object_there = sub { $c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$object' UNION ALL SELECT count(*) FROM pg_roles WHERE rolname = '$object'") =~ tr/\n/ /r; };
my ($code, undef, $error) = $c->try_sql('DROP EXTENSION cdc_pipeline CASCADE');
isnt($code, 0, 'DROP EXTENSION is refused while something of it is elsewhere');
like($error, qr/replication slot $object/, 'which it names');
$pid = $c->worker_pid;
like($c->sql("SELECT place || ' ' || name FROM cdc.abandon_all() WHERE kind = 'replication slot'"), qr/service "[\w-]+", database "shop" $object$/m, 'a superuser abandons it');
$c->wait_ok(sub { my $now = $c->worker_pid; $now && $now ne $pid && $c->sql('SELECT state FROM cdc.worker_state()') eq 'running' }, 'a worker that knows nothing of it takes over');
$mutations = @{ $c->mutations };
my $rounds = $c->sql('SELECT rounds FROM cdc.worker_state()');
$c->wait_ok(sub { $c->sql('SELECT rounds FROM cdc.worker_state()') > $rounds + 2 }, '(it goes its rounds)');
is(scalar @{ $c->mutations }, $mutations, 'it sends nothing about it');
is($object_there->(), '1 1', 'what was made is left where it is');
($code, undef, $error) = $c->try_sql("SET lock_timeout = '5s'; DROP EXTENSION cdc_pipeline CASCADE");
is($code, 0, 'DROP EXTENSION is not blocked then') or diag($error);
$c->wait_ok(sub { $c->worker_pid }, 'the worker lives on without the extension');
$c->sql('CREATE EXTENSION cdc_pipeline');
$c->sql("SELECT cdc.create_organization('again')");
$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') eq 'running' }, 'and works again when it is back');
$standby->safe_psql('template1', 'SELECT 1');
my $out = $restored->safe_psql('template1', "DROP DATABASE postgres; SELECT 'dropped'");
like($out, qr/dropped/, 'DROP DATABASE is not blocked');
$restored->stop('immediate');
$standby->stop('immediate');

done_testing();
