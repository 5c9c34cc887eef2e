# 118_snapshot_rounds.pl: a snapshot that the source refuses is begun again after
# pauses that double, so many times and not for ever, and the server's words are told.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(meta_conf => "cdc_pipeline.settle_after = '1s'\n", sim => { retry_ms => 50 });
$c->{source}->safe_psql('postgres', q{CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0});
$c->source_sql(q{CREATE TABLE bad (id int PRIMARY KEY, note text); INSERT INTO bad VALUES (1, E'caf\351')}, 'bytes');
my $before = $c->world;

my $words = qr/"public"\."bad": invalid byte sequence for encoding "UTF8": 0xe9/;
my $id = $c->create('bytes', database_name => 'bytes', tables => ['bad']);
my $connector = $c->connector($id);
my $begun = sub { return $c->sim_state->{$connector}{slots_made}; };

$c->message_ok($id, qr/^the snapshot was interrupted: 2 times so far, the next one begins at \d\d:\d\d:\d\d UTC: $words/, 'the second time it waits, and says what the server says');
is($c->sql("SELECT snapshot_rounds || ' ' || (snapshot_round_at > now() - interval '10 s') FROM cdc.pipeline_spec WHERE id = '$id'"), '2 true', 'the count is kept');
is($c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '@{[ $c->object($id) ]}'", 'bytes'), 0, 'meanwhile there is no slot');
$c->wait_ok(sub { $c->spec($id)->{snapshot_rounds} == 3 }, 'after the pause it is begun once more', 40);
$c->message_ok($id, qr/^the snapshot was interrupted: 3 times so far/, 'and pauses again');

# The count outlives the worker; what is left of the pauses is taken for over here.
my $pid = $c->worker_pid;
my ($slots, $starts) = ($begun->(), $c->sim_state->{$connector}{starts});
$c->sql("ALTER SYSTEM SET cdc_pipeline.enabled = off");
$c->{meta}->reload;
$c->sql("SELECT pg_terminate_backend($pid)");
$c->wait_ok(sub { my $now = $c->worker_pid; $now && $now ne $pid }, 'another worker');
$c->sql("UPDATE cdc.pipeline_spec SET snapshot_rounds = snapshot_rounds + 1, snapshot_round_at = now() - interval '1 h' WHERE id = '$id'");
$c->sql("ALTER SYSTEM RESET cdc_pipeline.enabled");
$c->{meta}->reload;
$c->status_ok($id, 'Failed', 'after the fifth it is Failed', message => qr/^the snapshot does not come to its end: it was interrupted 5 times: $words/);
is($begun->(), $slots + 1, 'with one slot more');
is((scalar grep { ($_->{status_to} // '') eq 'Failed' } $c->events($id)), 1, 'which is told once');
$c->wait_round($id);
is($begun->(), $slots + 1, 'and no more');

$c->source_sql('DELETE FROM bad', 'bytes');
$c->sql('SELECT count(*) FROM cdc.check_health()');
$c->running_ok($id, 'asked for, it is tried once more, and runs');
is($c->spec($id)->{snapshot_rounds}, 0, 'and begins to count anew');
$c->delete($id);
$c->status_ok($id, 'Deleted', 'it goes');
$c->settled_ok;
$c->same_world_ok($before, 'without a trace');

$c->stop;
done_testing();
