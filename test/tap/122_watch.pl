# 122_watch.pl: what is seen between two rounds.  Rounds are an hour apart here:
# whatever shows in this file was seen by a watch of the slot or by a ping.
#
# On each version of PostgreSQL: slots, their sessions and what is seen of them.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(meta_conf => "cdc_pipeline.health_interval = '1h'\n", source_conf => "log_statement = 'all'\n", sim => { snapshot_ms => 2000, retry_ms => 1000 });

# --- a task that was started is watched, not looked at -----------------------------------
my $from = $c->source_log_size;
my $id = $c->create('watched');
my $slot = $c->object($id);
$c->running_ok($id, 'a pipeline with a slow snapshot runs');
my $log = slurp_file($c->{source}->logfile, $from);
$log =~ s/.*?CREATE_REPLICATION_SLOT//s;
my $looks = () = $log =~ /execute \S+: WITH RECURSIVE given AS/g;
my $watches = () = $log =~ /execute \S+: SELECT s\.slot_name, pg_catalog\.concat_ws/g;
note "$watches watches, $looks looks";
ok($watches > 2 * $looks, 'while its snapshot is taken, its slot is watched much more often than the source is looked at');
ok($looks > 1, '... which happens too: not everything shows in the slot');

# --- a slot that is gone ------------------------------------------------------------------
sub gaps { return scalar grep { $_->{kind} eq 'gap' } $c->events($id); }
$c->sim_set(snapshot_ms => 0);
is(gaps(), 0, 'nothing is missing');
$c->wait_ok(sub {
	$c->source_sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '$slot' AND active");
	$c->{source}->psql('shop', "SELECT pg_drop_replication_slot('$slot')");
	return $c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$slot'") eq '0';
}, 'somebody drops the slot of a Running pipeline');
$c->wait_ok(sub { gaps() >= 2 }, 'the gap is told, and its end') or diag($c->describe($id));
$c->running_ok($id, 'with a new snapshot it runs again, long before a round is due');

# --- somebody else on the slot --------------------------------------------------------------
$c->sim_set(retry_ms => 600_000);
$c->source_sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '$slot' AND active");
$c->wait_ok(sub { $c->source_sql("SELECT active FROM pg_replication_slots WHERE slot_name = '$slot'") eq 'f' }, 'the connector loses its slot');
my $stranger = IPC::Run::start([ 'pg_recvlogical', '-d', $c->{source}->connstr('shop'), '--slot', $slot, '--start', '-o', 'proto_version=1', '-o', "publication_names=$slot", '-f', '/dev/null', '--no-loop' ],
	'<', \undef, '>', \my $out, '2>', \my $err);
$c->wait_ok(sub { $c->source_sql("SELECT active FROM pg_replication_slots WHERE slot_name = '$slot'") eq 't' }, 'and somebody else takes it');
$c->wait_ok(sub { grep { $_->{kind} eq 'failover' && $_->{message} =~ /used by somebody else/ } $c->events($id) }, 'which is told') or diag($c->describe($id));
unlike(join("\n", map { $_->{message} // '' } $c->events($id)), qr/\(null\)|\b0\/0\b/, 'a position that is not known is said to be so');
$stranger->kill_kill;
$c->sim_set(retry_ms => 1000);
$c->running_ok($id, 'and mended');
$c->stop;
done_testing();
