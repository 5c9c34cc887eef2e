# 100_connect_sim.pl: the simulator that the tests of the worker stand on does
# what Kafka Connect and Debezium do, on a real source.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use Test::More;

# only the source and the simulator: the extension is not needed
my $c = bless { dir => PostgreSQL::Test::Utils::tempdir() }, 'CdcCluster';
$c->{source} = $c->make_source('source');
$c->start_sim(status_ms => 50, flush_ms => 50, retry_ms => 50);
$c->{source}->safe_psql('shop', <<'SQL');
CREATE ROLE dbz LOGIN REPLICATION PASSWORD 'geheim';
GRANT SELECT ON orders TO dbz;
CREATE PUBLICATION pub FOR TABLE orders;
SQL
my $hba = $c->{source}->data_dir . '/pg_hba.conf';
my %config = ('connector.class' => 'io.debezium.connector.postgresql.PostgresConnector',
	'database.hostname' => '127.0.0.1', 'database.port' => $c->{source}->port, 'database.dbname' => 'shop',
	'database.user' => 'dbz', 'database.password' => 'geheim', 'slot.name' => 'dbz_slot',
	'publication.name' => 'pub', 'topic.prefix' => 'shop', 'heartbeat.interval.ms' => '100',
	'heartbeat.action.query' => "SELECT pg_logical_emit_message(false, 'heartbeat', '')", 'errors.max.retries' => '2');

sub slot { return $c->source_sql("SELECT active || ' ' || (confirmed_flush_lsn IS NOT NULL) FROM pg_replication_slots WHERE slot_name = 'dbz_slot'"); }
sub flushed { return $c->source_sql("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'dbz_slot'"); }
sub task { my (undef, $s) = $c->sim('GET', '/connectors/one/status'); return $s->{tasks} && $s->{tasks}[0] ? $s->{tasks}[0]{state} : 'none'; }

my ($status, $body) = $c->sim('GET', '/');
is($body->{version}, '3.9.1', 'the root says its version');
($status, $body) = $c->sim('GET', '/connector-plugins?connectorsOnly=false');
is($body->[0]{class}, $config{'connector.class'}, 'the plugin is listed');
is(($c->sim('GET', '/connectors/one'))[0], 404, 'no connector yet');

# validation
($status, $body) = $c->sim('PUT', '/connectors/one/config', { 'topic.prefix' => 'x' });
is($status, 400, 'no class: 400');
like($body->{message}, qr/contains no connector type/, 'and says so');
($status, $body) = $c->sim('PUT', '/connectors/one/config', \%config);
is($status, 400, 'a database that does not let it in: 400');
like($body->{message}, qr/contains the following 1 error\(s\):\nError while validating connector config: FATAL:.*no pg_hba.conf entry/s, 'in the words of the server');
PostgreSQL::Test::Utils::append_to_file($hba, "host shop dbz 127.0.0.1/32 scram-sha-256\n");
$c->{source}->reload;

# create, snapshot, stream
$c->sim_set(snapshot_ms => 60_000, status_ms => 60_000);
is(($c->sim('PUT', '/connectors/one/config', \%config))[0], 201, 'created');
is(($c->sim('GET', '/connectors/one/status'))[0], 404, 'without a status for a moment');
ok(!exists $c->sim('GET', '/connectors?expand=status&expand=info')->{one}, 'and out of the expanded list meanwhile');
$c->sim_set(status_ms => 50);
$c->wait_ok(sub { task() eq 'RUNNING' }, 'its task runs');
$c->wait_ok(sub { $c->source_sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'Debezium General' AND state = 'idle in transaction'") == 1 }, 'a snapshot holds its transaction');
is(slot(), 'false true', 'the slot is there, not held until it streams');
my $offset;
$c->wait_ok(sub { ($offset) = @{ $c->sim('GET', '/connectors/one/offsets')->{offsets} } }, 'an offset');
is($offset->{offset}{snapshot_completed}, JSON::PP::false, 'of an unfinished snapshot');
$c->sim_set(snapshot_ms => 0);
$c->wait_ok(sub { $c->source_sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name = 'Debezium Streaming'") }, 'it streams then');
is($c->sim_state('one')->{snapshot_rows}, 50, 'with the rows of the snapshot');
my $before = flushed();
$c->wait_ok(sub { flushed() ne $before }, 'heartbeats move the slot');
$c->source_sql("INSERT INTO orders VALUES (1000, 1, 1, 'x'), (1001, 1, 1, 'x')");
$c->wait_ok(sub { $c->sim_state('one')->{changes} == 2 }, 'changes arrive');
($status, $body) = $c->sim('GET', '/connectors?expand=status&expand=info');
is($body->{one}{info}{config}{'slot.name'}, 'dbz_slot', 'the list shows the configuration');
is($body->{one}{status}{connector}{state}, 'RUNNING', 'and the status');

# offsets, pause, stop
($status, $body) = $c->sim('DELETE', '/connectors/one/offsets');
is($status, 400, 'offsets of a running connector stay');
like($body->{message}, qr/must be in the STOPPED state/, 'and says so');
is(($c->sim('PUT', '/connectors/one/pause'))[0], 202, 'paused');
is(task(), 'PAUSED', 'its task says so');
is(slot(), 'true true', 'a paused connector holds its slot');
is(($c->sim('PUT', '/connectors/one/resume'))[0], 202, 'resumed');
$c->sim_set(stop_ms => 60000);
is(($c->sim('PUT', '/connectors/one/stop'))[0], 204, 'stopped');
isnt(task(), 'none', 'the answer comes before the task has ended');
$c->sim_set(stop_ms => 300);
$c->wait_ok(sub { task() eq 'none' }, 'it ends');
$c->wait_ok(sub { slot() eq 'false true' }, 'the slot is released');

# in the middle of a heartbeat, too
$c->source_sql('CREATE TABLE beats (n int)');
$c->source_sql('INSERT INTO beats VALUES (0); GRANT ALL ON beats TO dbz');
is(($c->sim('PUT', '/connectors/one/config', { %config, 'heartbeat.action.query' => 'UPDATE beats SET n = n + 1' }))[0], 200, 'a heartbeat that can be held');
$c->sim('PUT', '/connectors/one/resume');
$c->wait_ok(sub { slot() eq 'true true' && $c->source_sql('SELECT n > 0 FROM beats') }, 'it beats');
my $holder = $c->{source}->background_psql('shop');
$holder->query_safe('BEGIN; LOCK TABLE beats');
$c->wait_ok(sub { $c->source_sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'Debezium Heartbeat' AND wait_event_type = 'Lock'") }, 'its heartbeat waits');
$c->sim_set(stop_ms => 60000);
is(($c->sim('PUT', '/connectors/one/stop'))[0], 204, 'stopped');
isnt(task(), 'none', 'the answer comes before the task has ended');
$c->sim_set(stop_ms => 300);
$c->wait_ok(sub { task() eq 'none' }, 'it ends in order');
$holder->query_safe('ROLLBACK');
$holder->quit;
is(($c->sim('PUT', '/connectors/one/config', \%config))[0], 200, 'the former one again');

# resume without a second snapshot; offsets outlive the connector
$c->sim('PUT', '/connectors/one/resume');
$c->wait_ok(sub { slot() eq 'true true' }, 'it streams again');
is($c->sim_state('one')->{snapshots}, 1, 'without a second snapshot');
is(($c->sim('DELETE', '/connectors/one'))[0], 204, 'deleted');
$c->wait_ok(sub { slot() eq 'false true' }, 'the slot stays behind');
ok($c->sim_state('one')->{offset}, 'and the offset');
is(($c->sim('POST', '/connectors', { name => 'one', config => \%config, initial_state => 'STOPPED' }))[0], 201, 'made again, stopped');
is(($c->sim('POST', '/connectors', { name => 'one', config => \%config }))[0], 409, 'twice is a conflict');
is(scalar @{ $c->sim('GET', '/connectors/one/offsets')->{offsets} }, 1, 'shows the old offset');
$c->source_sql("SELECT pg_drop_replication_slot('dbz_slot')");
$c->sim('PUT', '/connectors/one/resume');
$c->wait_ok(sub { task() eq 'FAILED' }, 'an offset without its slot fails');
like($c->sim('GET', '/connectors/one/status')->{tasks}[0]{trace}, qr/no longer available on the server/, 'with the trace of Debezium');
$c->sim('PUT', '/connectors/one/stop');
is(($c->sim('DELETE', '/connectors/one/offsets'))[0], 200, 'the offset is deleted');
$c->sim('PUT', '/connectors/one/resume');
$c->wait_ok(sub { $c->sim_state('one')->{snapshots_done} == 2 }, 'and a new snapshot is taken');

# failures and restarts
$c->sim('POST', '/_sim/fail', { connector => 'one', trace => $c->trace('ERROR: boom'), starts => 1 });
$c->wait_ok(sub { task() eq 'FAILED' }, 'a failure on request');
my $starts = $c->sim_state('one')->{starts};
is(($c->sim('POST', '/connectors/one/restart?includeTasks=true&onlyFailed=true'))[0], 202, 'restarted');
$c->wait_ok(sub { $c->sim_state('one')->{starts} > $starts && task() eq 'FAILED' }, 'fails once more');
$c->sim('POST', '/connectors/one/restart?includeTasks=true&onlyFailed=true');
$c->wait_ok(sub { task() eq 'RUNNING' }, 'and runs then');
$c->{source}->stop('immediate');
$c->wait_ok(sub { task() eq 'RUNNING' }, 'RUNNING while its source is down');
$c->{source}->start;
$c->wait_ok(sub { slot() eq 'true true' }, 'comes back by itself');

# faults
$c->forget_mutations;
$c->fault(method => 'PUT', path => '/pause$', status => 409, message => 'rebalance', effect => JSON::PP::false);
is(($c->sim('PUT', '/connectors/one/pause'))[0], 409, 'a fault: 409');
is($c->sim('GET', '/connectors/one/status')->{connector}{state}, 'RUNNING', 'without effect');
$c->fault(method => 'PUT', path => '/pause$', drop => JSON::PP::true, effect_ms => 3000);
is(($c->sim('PUT', '/connectors/one/pause'))[0], 599, 'a fault: no answer');
is($c->sim('GET', '/connectors/one/status')->{connector}{state}, 'RUNNING', 'nothing happened yet');
$c->wait_ok(sub { $c->sim('GET', '/connectors/one/status')->{connector}{state} eq 'PAUSED' }, 'it takes effect after all');
$c->fault(method => 'GET', path => '^/connectors$', truncate => JSON::PP::true);
is(($c->sim('GET', '/connectors'))[0], 599, 'a fault: half an answer');
is(($c->sim('GET', '/connectors'))[0], 200, 'once only');
is_deeply([ map { $_->{status} } @{ $c->mutations } ], [ 409, 0 ], 'mutations are recorded, and how they were answered');
is($c->clear_faults, 3, 'three faults were taken');

# the cluster's memory
$c->stop_sim;
$c->start_sim;
is($c->sim('GET', '/connectors/one/status')->{connector}{state}, 'PAUSED', 'connectors outlive a restart of the cluster');
ok($c->sim('GET', '/connectors/one/offsets')->{offsets}[0], 'offsets too');

$c->stop_sim('KILL');
$c->{source}->stop('immediate');
done_testing();
