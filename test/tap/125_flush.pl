# 125_flush.pl: a Connect that flushes offsets rarely.  That is told, with what it costs;
# an outage is no silence of the slot; and the end of a snapshot that took long is stored
# by one orderly stop, so that a task that is started after it does not take all of it again.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { heartbeat_ms => 500, flush_ms => 16000 });

sub late { return $c->sql("SELECT observed FROM cdc.finding WHERE check_name = 'offsets_flushed_late' AND service_id = '$c->{sink_id}' AND concern = 'cost'"); }
sub actions { my ($id, $action) = @_; return scalar grep { ($_->{detail}{action} // '') eq $action } $c->events($id, "kind IN ('action', 'drift')"); }

my $quick = $c->create('quick', tables => ['orders']);
$c->running_ok($quick, 'a pipeline runs');

# more than a minute, meanwhile the other one's offsets are flushed some times
$c->sim_set(snapshot_ms => 62000);
my $long = $c->create('long', tables => ['customers']);
$c->running_ok($long, 'another one has a snapshot of more than a minute', seconds => 120);
$c->sim_set(snapshot_ms => 0);
is(actions($quick, 'stop_connector'), 0, '(that of the first was short: its connector is not stopped)');
my $state = sub { return $c->sim_state($c->connector($long)); };
$c->wait_ok(sub { actions($long, 'resume_connector') == 1 && $c->status($long) eq 'Running' && $c->message($long) eq '' }, 'its connector is stopped and resumed, and runs');
is(actions($long, 'stop_connector'), 1, '... once');
is($c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$long' AND message LIKE 'Kafka Connect has not stored yet that a long snapshot has finished%'"), '1', '... and why is told');
$c->sim('POST', '/connectors/' . $c->connector($long) . '/restart?includeTasks=true');
$c->wait_ok(sub { $state->()->{starts} >= 3 }, 'a task that is started just after it');
$c->running_ok($long, '... goes on');
$c->wait_round($long);
is($state->()->{snapshots_done}, 1, '... without another snapshot');
is(scalar($c->events($long, "kind = 'gap'")), 0, '... and without a gap');

$c->wait_ok(sub { late() ne '' }, 'that offsets are flushed rarely is told of the sink', 180);
like(late(), qr/^as seen of pipeline "(quick|long)", positions are confirmed every 1[567] s and no oftener, with heartbeats every 5 s$/, '... as far as it was seen');

$c->stop;
done_testing();
