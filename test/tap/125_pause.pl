# 125_pause.pl: a pipeline that is paused, resumed and restarted, at each of its moments,
# while the worker, Connect and the metadata server go and come.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP;
use Test::More;

my $c = CdcCluster->new;

sub pause { my ($id) = @_; return $c->sql("SELECT cdc.pause_pipeline('$id'::uuid)"); }
sub resume { my ($id) = @_; return $c->sql("SELECT cdc.resume_pipeline('$id'::uuid)"); }
sub state { my ($id) = @_; return $c->sim_state($c->connector($id)) || {}; }
sub gaps { my ($id) = @_; return scalar grep { $_->{kind} eq 'gap' } $c->events($id); }
sub refused { my ($query) = @_; my ($code, $out, $err) = $c->try_sql($query); return $code ? $err : "it was taken: $out"; }
sub actions { my ($id, $action) = @_; return scalar $c->events($id, "kind <> 'outcome' AND detail ->> 'action' = '$action'"); }
sub connector_state { my ($id) = @_; return $c->sim('GET', '/connectors/' . $c->connector($id) . '/status')->{connector}{state} // ''; }
sub config { my ($id) = @_; return $c->sim('GET', '/connectors/' . $c->connector($id) . '/config'); }
sub slot_active { my ($id) = @_; return $c->source_sql("SELECT active FROM pg_replication_slots WHERE slot_name = '" . $c->object($id) . "'"); }

sub paused_ok
{
	my ($id, $test, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return $c->status_ok($id, 'Paused', $test, message => qr/^$/, %options);
}

# --- a pause and its end -----------------------------------------------------------------
my $id = $c->create('ours');
$c->running_ok($id, 'a pipeline runs');
is(pause($id), 'Running', 'a pause says what the pipeline is now');
is($c->sql("SELECT cdc.wait_for_pipeline('$id'::uuid, 'Paused', '60 s')"), 'Paused', 'it becomes Paused');
is(connector_state($id), 'STOPPED', 'its connector is stopped');
is(slot_active($id), 'f', 'and its slot is free');
is(pause($id), 'Paused', 'asked again it is the same');
is((grep { $_->{kind} eq 'user' && $_->{message} =~ /^a pause was asked for by role "/ } $c->events($id)), 1, 'one event says who asked');
is(state($id)->{snapshots}, 1, 'after one snapshot');
$c->wait_round($id);
paused_ok($id, 'a health round finds it as it is');

# --- all else is kept right ----------------------------------------------------------------
my $role = $c->object($id);
$c->source_sql("ALTER ROLE $role NOREPLICATION");
$c->wait_ok(sub { $c->source_sql("SELECT rolreplication FROM pg_roles WHERE rolname = '$role'") eq 't' }, 'its role is repaired');
paused_ok($id, 'and it is still paused');
my $config = config($id);
$config->{'poll.interval.ms'} = '999';
$c->sim('PUT', '/connectors/' . $c->connector($id) . '/config', $config);
$c->wait_ok(sub { (config($id) || {})->{'poll.interval.ms'} ne '999' }, 'its configuration is set again');
paused_ok($id, 'and it is still paused');
is(connector_state($id), 'STOPPED', 'its connector still stopped');
$c->sim('PUT', '/connectors/' . $c->connector($id) . '/resume');
$c->wait_ok(sub { connector_state($id) eq 'STOPPED' }, 'somebody starts it: it is stopped again');
paused_ok($id, 'and paused');
$c->sim('DELETE', '/connectors/' . $c->connector($id));
$c->wait_ok(sub { (connector_state($id) || '') eq 'STOPPED' }, 'it is deleted: it is made again, stopped');
paused_ok($id, 'and paused');

# --- whoever goes and comes -------------------------------------------------------------------
my $starts = state($id)->{starts};
my $pid = $c->worker_pid;
kill 'TERM', $pid;
$c->wait_ok(sub { my $now = $c->worker_pid; $now && $now ne $pid }, 'the worker goes, and comes again');
$c->wait_round($id);
paused_ok($id, 'it is still paused');
is(state($id)->{starts}, $starts, 'no task was started');
# the counts of another Connect begin at 0
$c->stop_sim('KILL');
$c->start_sim(flush_ms => 50);
$c->wait_round($id);
paused_ok($id, 'Connect is killed: it is still paused');
$c->{meta}->stop('immediate');
$c->{meta}->start;
$c->wait_round($id);
paused_ok($id, 'the metadata server is killed: it is still paused');
is(state($id)->{starts}, 0, 'no task was started');
is(slot_active($id), 'f', 'its slot is free');

is(resume($id), 'Paused', 'it is resumed');
$c->running_ok($id, 'and runs');
is(state($id)->{snapshots}, 0, 'without another snapshot');
is(gaps($id), 0, 'nor a gap');
is(resume($id), 'Running', 'resumed again it is the same');

# --- a snapshot that somebody has signalled for ------------------------------------------------
pause($id);
paused_ok($id, 'paused once more');
foreach my $kind ('INCREMENTAL', 'BLOCKING')
{
	my $stored = $c->sim('GET', '/connectors/' . $c->connector($id) . '/offsets')->{offsets}[0];

	$stored->{offset}{snapshot} = $kind;
	$stored->{offset}{snapshot_completed} = JSON::PP::false;
	$stored->{offset}{last_snapshot_record} = JSON::PP::false;
	$c->sim('PATCH', '/connectors/' . $c->connector($id) . '/offsets', { offsets => [$stored] });
	resume($id);
	$c->running_ok($id, "a stored offset says snapshot $kind: it runs on");
	$c->wait_round($id);
	is(gaps($id), 0, 'that is no gap');
	is(state($id)->{snapshots}, 0, 'and no reason for another snapshot');
	pause($id);
	paused_ok($id, 'paused for the next');
}

# --- a restart ----------------------------------------------------------------------------------
like(refused("SELECT cdc.restart_pipeline('$id'::uuid)"), qr/only a pipeline that is Running or Failed can be restarted/, 'what is paused is not restarted');
resume($id);
$c->running_ok($id, 'it runs');
$starts = state($id)->{starts};
$c->sql("SELECT cdc.restart_pipeline('$id'::uuid)");
$c->wait_ok(sub { state($id)->{starts} == $starts + 1 }, 'a restart starts its task anew');
$c->wait_ok(sub { my $spec = $c->spec($id); $spec->{restarted} == 1 }, 'which is remembered');
$c->running_ok($id, 'and it runs');
$c->wait_round($id);
is(state($id)->{starts}, $starts + 1, 'once');
is(state($id)->{snapshots}, 0, 'without a snapshot');
is(gaps($id), 0, 'nor a gap');

# --- what has failed -----------------------------------------------------------------------------
my $incurable = $c->trace('ERROR: cannot read from logical replication slot "x"');
$c->sim('POST', '/_sim/fail', { connector => $c->connector($id), trace => $incurable });
$c->status_ok($id, 'Failed', 'it fails');
is($c->sql("SELECT cdc.restart_pipeline('$id'::uuid)"), 'Failed', 'a restart of what is Failed');
$c->running_ok($id, 'has it run again at once', seconds => 30);
$c->sim('POST', '/_sim/fail', { connector => $c->connector($id), trace => $incurable });
$c->status_ok($id, 'Failed', 'it fails once more');
pause($id);
paused_ok($id, 'what is Failed is paused too');
resume($id);
$c->running_ok($id, 'and resumed');
is(gaps($id), 0, 'without a gap');

# --- before it has run ------------------------------------------------------------------------------
my $early = $c->create('early', tables => ['to_come']);
$c->message_ok($early, qr/^waiting for tables that do not exist yet/, 'one that waits for its table');
pause($early);
$c->wait_round($early);
is($c->status($early), 'Provisioning', 'is paused when all else is there');
$c->source_sql('CREATE TABLE public.to_come (id integer PRIMARY KEY)');
paused_ok($early, 'which it is now');
ok(!connector_state($early), 'it has no connector');
$c->wait_round($early);
ok(!connector_state($early), 'nor is one made');
resume($early);
$c->running_ok($early, 'resumed it is built to its end');

$c->sim_set(snapshot_ms => 60_000);
my $young = $c->create('young');
$c->wait_ok(sub { (state($young)->{snapshots} // 0) == 1 }, 'another takes its first snapshot');
pause($young);
$c->wait_round($young);
is($c->status($young), 'Provisioning', 'which is not interrupted');
is(connector_state($young), 'RUNNING', 'its task runs on');
like(refused("SELECT cdc.restart_pipeline('$young'::uuid)"), qr/only a pipeline that is Running or Failed can be restarted/, 'nor is it restarted');
$c->sim_set(snapshot_ms => 0);
paused_ok($young, 'when it has come to its end it is paused');
is(state($young)->{snapshots}, 1, 'after one snapshot');
resume($young);
$c->running_ok($young, 'it runs');
is(state($young)->{snapshots}, 1, 'on that snapshot');

# --- WAL that is kept, and its limit -------------------------------------------------------------------
sub finding { my ($id, $name) = @_; return $c->sql("SELECT observed FROM cdc.finding WHERE pipeline_id = '$id' AND check_name = '$name'"); }
sub write_wal { my ($mb) = @_; $c->source_sql("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1024 * 1024)) FROM generate_series(1, $mb)"); return; }

my $ends = $c->create('ends', options => { pause_limit => 'resume' });
$c->running_ok($ends, 'one whose pause its limit ends');
pause($_) foreach ($young, $ends);
paused_ok($_, 'both are paused') foreach ($young, $ends);
$c->wait_ok(sub { finding($young, 'pause_keeps_wal') =~ /^the slot keeps \d+ MB of WAL.*, without a limit$/ }, 'what a pause costs is told');
$c->set(max_slot_wal => '64MB');
$c->wait_ok(sub { finding($young, 'pause_keeps_wal') =~ /given up at cdc_pipeline\.max_slot_wal = 64 MB/ }, 'and where it ends');
paused_ok($ends, 'far from it nothing happens');
write_wal(52);
$c->status_ok($young, 'Paused', 'near it the message says so', message => qr/^paused; resume it before the replication slot is given up: the slot keeps 5\d MB of WAL.* it is given up at cdc_pipeline\.max_slot_wal = 64 MB/);
$c->running_ok($ends, 'and the other one is resumed');
ok(actions($ends, 'end_pause') == 1, 'which an event tells');
is($c->spec($ends)->{pause_ended}, $c->spec($ends)->{paused_at}, 'the pause that was asked for is over');
$c->wait_round($ends);
$c->running_ok($ends, 'and stays so');
pause($ends);
$c->wait_ok(sub { $c->spec($ends)->{paused_at} ne $c->spec($ends)->{pause_ended} }, 'another pause is another one');
paused_ok($ends, 'and is kept, since its slot has moved');
$c->set(max_slot_wal => undef);
resume($young);
$c->running_ok($young, 'resumed it runs');
is(finding($young, 'pause_keeps_wal'), '', 'and the finding has gone');
is(gaps($young) + gaps($ends), 0, 'nothing was given up');

sub patroni_says
{
	my ($dir, $words) = @_;

	open(my $file, '>', "$dir/patroni.dynamic.json") or die $!;
	print $file $words;
	close($file);
	return;
}

# --- where an HA manager drops slots that nobody uses -----------------------------------------------------
my $data = $c->{source}->data_dir;
my $patroni = $c->{source}->background_psql('postgres', on_error_stop => 0);
$patroni->query("SET application_name = 'Patroni heartbeat'");
$c->wait_ok(sub { finding($young, 'slot_unprotected') =~ /^Patroni / }, 'Patroni comes, and says nothing of the slot');
like(refused("SELECT cdc.pause_pipeline('$young'::uuid)"), qr/would be dropped meanwhile/, 'then a pause is refused');
is($c->spec($young)->{paused_at}, undef, 'and not asked for');
$c->wait_ok(sub { $c->status($ends) eq 'Running' && $c->message($ends) =~ /^not paused: Patroni / }, 'what was paused before is resumed, and says why');
patroni_says($data, '{"ignore_slots": [{"type": "logical"}]}');
$c->wait_ok(sub { finding($young, 'slot_unprotected') eq '' }, 'when Patroni is told to keep them that is over');
paused_ok($ends, 'and what was to be paused is');
pause($young);
paused_ok($young, 'the other one may be');
$patroni->quit;

# --- deleted ------------------------------------------------------------------------------------------
$c->delete($young);
like(refused("SELECT cdc.pause_pipeline('$young'::uuid)"), qr/being deleted|no such pipeline|unknown/, 'what is deleted is not paused');
$c->wait_ok(sub { !$c->sql("SELECT count(*) FROM cdc.pipeline_spec WHERE id = '$young' AND deleted_at IS NULL") }, 'what is paused is deleted');
is($c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" . $c->object($young) . "'"), '0', 'with its slot');
$c->delete($_) foreach ($id, $early, $ends);
$c->wait_ok(sub { !$c->sql('SELECT count(*) FROM cdc.pipeline_spec WHERE deleted_at IS NULL') }, 'so are the others');
$c->stop;
done_testing;
