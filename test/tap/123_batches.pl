# 123_batches.pl: what many pipelines want of one source at once: their actions by SQL
# go in batches, their lines in one rewrite of pg_hba.conf, and who fails or waits for
# a lock costs himself alone.  A role without rights takes every advisory lock.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use IPC::Run qw(start finish);
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $many = 24;
my $c = CdcCluster->new(sim => { snapshot_ms => 10 }, meta_conf => "cdc_pipeline.settle_after = '1s'\n",
	source_conf => "max_replication_slots = 60\nmax_wal_senders = 60\nmax_connections = 300\nlog_statement = 'all'\n",
	source_sql => join('', map { "CREATE TABLE t$_ (id int PRIMARY KEY);\n" } 1 .. $many + 2));
my $before = $c->world;
my $hba = $c->{source}->data_dir . '/pg_hba.conf';

# Statements of the worker in the source's log since then: batches, and rewrites of pg_hba.conf.
sub said
{
	my ($from, $what) = @_;
	my $log = slurp_file($c->{source}->logfile, $from);
	my $n = () = $log =~ /LOG:  statement: [^\n]*$what/g;
	return $n;
}
# of several members, and in all
sub shared { my ($from) = @_; return said($from, "SET LOCAL lock_timeout = '300 ms'; DO"); }
sub batches { my ($from) = @_; return said($from, "SET LOCAL lock_timeout = '300+ ms'; DO"); }
sub rewrites { my ($from) = @_; return said($from, 'COPY \(SELECT pg_catalog\.replace'); }

# A session that does this and holds it until it is ended by its name.
my %sessions;
sub hold
{
	my ($name, $database, $sql) = @_;
	$sessions{$name} = start([ 'psql', '-XqAt', '-d', $c->{source}->connstr($database) . " application_name=$name", '-c', "BEGIN; $sql; SELECT pg_sleep(3600)" ], '<', '/dev/null', '>', '/dev/null', '2>', '/dev/null');
	$c->poll(sub { $c->source_sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = '$name' AND wait_event = 'PgSleep'", 'postgres') }) or die "$name does not hold";
}

sub release
{
	my ($name) = @_;
	$c->source_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '$name'", 'postgres');
	eval { finish($sessions{$name}) };
}

# --- while a stranger has the advisory lock of 0.1 --------------------------------------
$c->source_sql('CREATE ROLE stranger LOGIN', 'postgres');
hold('stranger', 'postgres', 'SET ROLE stranger; SELECT pg_advisory_lock(7161110432058466)');

# --- one of them waits for a lock, one for a name that somebody else has -------------------
# a mode that needs no transaction id, which would hold up every slot
hold('holder', 'shop', 'LOCK TABLE t' . ($many + 1) . ' IN SHARE UPDATE EXCLUSIVE MODE');
$c->{meta}->append_conf('postgresql.conf', 'cdc_pipeline.enabled = off');
$c->{meta}->reload;
$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') =~ /enabled is off/ }, 'the worker stands still');
my $locked = $c->create('locked', tables => [ 't' . ($many + 1) ], topic_prefix => 'locked');
my $taken = $c->create('taken', tables => [ 't' . ($many + 2) ], topic_prefix => 'taken');
my @ids = map { $c->create("p$_", tables => ["t$_"], topic_prefix => "p$_") } 1 .. $many;
my $from = $c->source_log_size;
$c->{meta}->append_conf('postgresql.conf', 'cdc_pipeline.enabled = on');
# between its look and its turn somebody makes a publication of its name: seen, or met
$c->source_sql("CREATE PUBLICATION @{[ $c->object($taken) ]} FOR TABLE t1");
$c->{meta}->reload;
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline WHERE name ~ '^p' AND status = 'Running' AND error_message IS NULL") == $many }, "$many pipelines run", 120);
note "@{[ batches($from) ]} batches, @{[ shared($from) ]} of several, @{[ rewrites($from) ]} rewrites";
cmp_ok(shared($from), '>', 0, 'roles and publications of several went in one message');
cmp_ok(rewrites($from), '<=', 4, 'and their lines into pg_hba.conf with few rewrites');
$c->message_ok($locked, qr/create_publication failed.*lock timeout/, 'who waits for a lock says so');
$c->message_ok($taken, qr/^waiting for the name of the publication/, 'who waits for a name too');
is($c->sql("SELECT string_agg(DISTINCT detail->>'action' || ' ' || message, ', ') FROM cdc.pipeline_event WHERE kind = 'outcome' AND detail->>'result' <> 'done' AND pipeline_id <> '$locked'"), '', 'nothing failed for anybody else');
is($c->sql("SELECT max(n) FROM (SELECT count(*) AS n FROM cdc.pipeline_event WHERE detail->>'action' = 'create_role' AND kind = 'action' GROUP BY pipeline_id) x"), 1, 'nothing was done twice');
my $late = $c->create('late', tables => ['t1'], topic_prefix => 'late');
$c->running_ok($late, 'one that comes later is not held up by who waits');
release('holder');
$c->source_sql("DROP PUBLICATION @{[ $c->object($taken) ]}");
$c->running_ok($_, 'they run when what they wait for is there', seconds => 60) foreach $locked, $taken;

# --- somebody else writes pg_hba.conf and does not come to an end ---------------------------
open(my $lock, '>>', "$hba.cdc_lock") or die $!;
flock($lock, 2) or die $!;
syswrite($lock, "cdc_pipeline installation 5, pid 7\n");
my $waits = $c->create('waits', tables => ['t2'], topic_prefix => 'waits');
$c->message_ok($waits, qr/write_hba failed.*another control plane is writing pg_hba\.conf: cdc_pipeline installation 5, pid 7$/, 'who is writing is named', 60);
close $lock;
$c->running_ok($waits, 'it goes on when he is through', seconds => 60);

# --- our session ends while it writes: what lands all the same is ours, and no other manager's doing ---
foreach my $n (1, 2)
{
	open($lock, '>>', "$hba.cdc_lock") or die $!;
	flock($lock, 2) or die $!;
	my $cut = $c->create("cut-$n", tables => ['t2'], topic_prefix => "cut$n");
	my $ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'cdc_admin' AND query LIKE '%pg_try_advisory_xact_lock(7161110432058466)%' AND state = 'active'";
	$c->wait_ok(sub { $c->source_sql($ended) ne '0' }, "cut-$n: the session that writes is ended");
	close $lock;
	$c->wait_ok(sub { slurp_file($hba) =~ /$cut/ }, '... and the line is there');
	$c->running_ok($cut, '... and it goes on', seconds => 60);
}

my $after = $c->create('after', tables => ['t2'], topic_prefix => 'after');
$c->running_ok($after, 'the next line is written as well', seconds => 60);

# --- who holds the turn to make a slot, and has nobody who would make it ----------------------
$c->source_sql('CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id)');
$c->fault(method => 'PUT', path => '/config$', drop => JSON::PP::true, effect => JSON::PP::false, count => -1);
my $unanswered = $c->create('unanswered', tables => ['parted'], topic_prefix => 'unanswered');
$c->message_ok($unanswered, qr/put_connector failed.*may still take effect/, 'a PUT without an answer, of a snapshot that may take long');
$c->clear_faults;
$c->fault(method => 'PUT', path => $c->connector($unanswered) . '/config$', drop => JSON::PP::true, effect => JSON::PP::false, count => -1);
my $behind = $c->create('behind', tables => ['t3'], topic_prefix => 'behind');
$c->running_ok($behind, 'one behind it does not wait until the turn is taken from it');
isnt($c->status($unanswered), 'Running', '... which is not through yet');
$c->clear_faults;
$c->running_ok($unanswered, 'it goes on when its PUT is answered', seconds => 60);

# --- and all go ----------------------------------------------------------------------------
$from = $c->source_log_size;
$c->sql("SELECT cdc.delete_pipeline(id) FROM cdc.pipeline");
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline_spec WHERE deleted_at IS NULL") == 0 }, 'all are deleted', 120);
$c->settled_ok;
note "@{[ batches($from) ]} batches, @{[ shared($from) ]} of several, @{[ rewrites($from) ]} rewrites";
cmp_ok(shared($from), '>', 0, 'slots, publications and roles of several went in one message');
cmp_ok(rewrites($from), '<', $many, 'their lines with few rewrites');
release('stranger');
$c->source_sql('DROP ROLE stranger', 'postgres');
$c->source_sql('DROP TABLE parted');
$c->same_world_ok($before, 'nothing is left');

$c->stop;
done_testing();
