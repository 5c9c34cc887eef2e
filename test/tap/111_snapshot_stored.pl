# 111_snapshot_stored.pl: that a snapshot has finished counts when Connect has
# stored it.  A task that is started anew before takes another snapshot on the
# slot that is there, with a hole; whoever looks only when that one is stored
# too must still know.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use Test::More;

my $never = 3_600_000;
my $c = CdcCluster->new;

sub gaps { my ($id) = @_; return scalar grep { $_->{kind} eq 'gap' } $c->events($id); }

# What happens while the worker does not look.
sub unseen
{
	my ($what) = @_;
	my $pid = $c->worker_pid;

	kill 'STOP', $pid;
	$what->();
	kill 'CONT', $pid;
}

sub stored
{
	my ($id) = @_;
	my $offsets = $c->sim('GET', '/connectors/' . $c->connector($id) . '/offsets')->{offsets};

	return ref $offsets eq 'ARRAY' && @$offsets && $offsets->[0]{offset};
}

sub seen_stored_ok
{
	my ($id, $test) = @_;

	$c->wait_ok(sub { my $spec = $c->spec($id); $spec->{was_running} && !defined $spec->{snapshot_run} }, $test);
}

# --- killed before it was stored -------------------------------------------------------
$c->sim_set(flush_ms => $never);
my $id = $c->create('killed');
$c->running_ok($id, 'a pipeline runs');
ok(defined $c->spec($id)->{snapshot_run}, 'of which Connect has not stored that its snapshot has finished');
ok(!stored($id), 'nor anything else');
unseen(sub {
	$c->stop_sim('KILL');
	$c->start_sim(flush_ms => 50);
	$c->wait_ok(sub { my $offset = stored($id); $offset && $offset->{snapshot_completed} }, 'the next run takes a snapshot of its own, which is stored');
});
$c->wait_ok(sub { gaps($id) >= 2 }, 'a gap is told, and its end') or diag($c->describe($id));
seen_stored_ok($id, 'a snapshot on a new slot is stored');
$c->running_ok($id, 'and nothing is the matter any more');
is($c->sim_state($c->connector($id))->{slots_made}, 1, 'with a slot of its own');

# --- killed when it was stored ----------------------------------------------------------
my $gaps = gaps($id);
unseen(sub { $c->stop_sim('KILL'); $c->start_sim(flush_ms => $never); });
$c->wait_round($id);
$c->running_ok($id, 'killed later: it goes on');
is(gaps($id), $gaps, 'without a gap');

# --- stopped in order before it was stored by itself --------------------------------------
my $orderly = $c->create('orderly');
$c->running_ok($orderly, 'another pipeline runs');
ok(!stored($orderly), 'its snapshot is not stored');
unseen(sub {
	my $starts = $c->sim_state($c->connector($orderly))->{starts};

	$c->sim('POST', '/connectors/' . $c->connector($orderly) . '/restart?includeTasks=true');
	$c->wait_ok(sub { $c->sim_state($c->connector($orderly))->{starts} > $starts && stored($orderly) }, 'a stop in order stores it');
});
seen_stored_ok($orderly, 'which is seen by its age');
$c->wait_round($orderly);
is(gaps($orderly), 0, 'and is no gap');
is($c->sim_state($c->connector($orderly))->{snapshots}, 1, 'nor another snapshot');

# --- a gap, and the snapshot that closes it is interrupted ----------------------------------
$c->sim_set(flush_ms => 50);
my $twice = $c->create('twice');
my $slot = $c->object($twice);
$c->running_ok($twice, 'a third one runs');
seen_stored_ok($twice, 'its snapshot is stored');
$c->sim_set(snapshot_ms => 60_000);
$c->wait_ok(sub {
	$c->{source}->psql('shop', "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '$slot' AND active");
	return $c->{source}->psql('shop', "SELECT pg_drop_replication_slot('$slot')") == 0;
}, 'its slot is dropped');
$c->wait_ok(sub { $c->sim_state($c->connector($twice))->{snapshots} == 2 }, 'a new snapshot has begun');
$c->sim('POST', '/_sim/fail', { connector => $c->connector($twice), trace => $c->trace('ERROR: canceling statement due to user request') });
$c->wait_ok(sub { $c->sim_state($c->connector($twice))->{snapshots} == 3 }, 'it failed and is begun again');
$c->sim_set(snapshot_ms => 0);
$c->running_ok($twice, 'and ends');
my @told = grep { $_->{kind} eq 'gap' } $c->events($twice);
is(scalar @told, 2, 'one gap is told, and its end') or diag(explain(\@told));
is($told[-1]{detail}{from_lsn}, $told[0]{detail}{from_lsn}, 'which begins where it was seen to begin');

$c->delete($_) foreach ($id, $orderly, $twice);
$c->stop;
done_testing;
