# 110_faults.pl: Kafka Connect and the source at their worst.  A transient
# fault never fails a pipeline; error_message says what is waited for.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $c = CdcCluster->new(meta_conf => <<'CONF');
cdc_pipeline.settle_after = '6s'
cdc_pipeline.request_timeout = '1s'
cdc_pipeline.connect_timeout = '500ms'
CONF
my $before = $c->world;

# --- what is waited for long is over when something else is to be done -------------------
# the only one of the source: another would write the line too
my $hba = $c->{source}->data_dir . '/pg_hba.conf';
$c->fault(method => 'PUT', path => '/config$', status => 409, effect => $no, count => -1, message => 'Cannot complete request because of a conflicting operation (e.g. worker rebalance)');
my $waits = $c->create('patient');
# the next one comes 12 to 20 s after the seventh
$c->wait_ok(sub { @{ $c->mutations } >= 7 }, 'a put is refused again and again', 60);
my $lines = slurp_file($hba);
append_to_file("$hba.new", join '', grep { !/$waits/ } split /^/m, $lines);
rename "$hba.new", $hba or die "$hba: $!";
# a session that ends is a reason to look at the nodes; theirs are in another database
$c->source_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'cdc_admin' AND state = 'idle' AND datname = 'shop'");
my $step = "kind = 'transition' AND status_to = 'Provisioning' AND step = 'prepare_source'";
my $again = "kind = 'action' AND detail->>'action' = 'write_hba'";
$c->wait_ok(sub { $c->events($waits, "kind = 'outcome' AND detail->>'action' = 'write_hba' AND detail->>'result' = 'done'") == 2 }, 'our line, taken out of pg_hba.conf meanwhile, is written again');
is(slurp_file($hba), $lines, 'it is as it was');
my @took = map { $c->sql("SELECT extract(epoch FROM max(at)) FROM cdc.pipeline_event WHERE pipeline_id = '$waits' AND $_") } $again, $step;
cmp_ok($took[0] - $took[1], '<', 6, 'and not when the put would have been tried again');
$c->clear_faults;
$c->running_ok($waits, 'it goes on afterwards', seconds => 60);
$c->forget_mutations;

# Runs a create under a fault of this kind, then lifts the fault.
sub survives
{
	my ($what, $pattern, %fault) = @_;
	my $name = $what =~ s/[^a-z0-9]/-/gr;

	$c->fault(count => -1, %fault);
	my $id = $c->create($name);
	$c->status_ok($id, 'Provisioning', "$what: it waits and says for what", message => $pattern);
	ok($c->clear_faults > 0, "$what: the fault was met");
	$c->running_ok($id, "$what: it goes on afterwards");
	is((grep { ($_->{status_to} // '') eq 'Failed' } $c->events($id)), 0, "$what: it never failed");
	is($c->sim_state($c->connector($id))->{snapshots_done}, 1, "$what: one snapshot");
	return $id;
}

# --- each kind of bad answer, to looks and to changes ------------------------------
my @done = (
	survives('rebalance of a put', qr/put_connector failed.*HTTP 409.*conflicting operation/s,
		method => 'PUT', path => '/config$', status => 409, effect => $no, message => 'Cannot complete request because of a conflicting operation (e.g. worker rebalance)'),
	survives('late error after a put', qr/put_connector failed.*HTTP 500.*may still take effect/s,
		method => 'PUT', path => '/config$', status => 500, delay_ms => 400, effect => $no, message => 'Request timed out. The worker is currently flushing updates to the status topic'),
	survives('hanging put', qr/put_connector failed.*(time|Time).*may still take effect/s,
		method => 'PUT', path => '/config$', delay_ms => 5000, effect => $no, drop => $yes),
	survives('dropped put', qr/put_connector failed.*may still take effect/s,
		method => 'PUT', path => '/config$', drop => $yes, effect => $no),
	survives('rebalance of the list', qr/waiting for Kafka Connect: http.*HTTP 409/,
		method => 'GET', path => '^/connectors$', status => 409, message => 'Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.'),
	survives('half a list', qr/waiting for Kafka Connect: http/, method => 'GET', path => '^/connectors$', truncate => $yes),
	survives('a list that is none', qr/waiting for Kafka Connect: .*not Kafka Connect's/, method => 'GET', path => '^/connectors$', status => 200, message => 'hello'),
	survives('dropped list', qr/waiting for Kafka Connect: http/, method => 'GET', path => '^/connectors$', drop => $yes));
is((scalar grep { $_->{method} eq 'PUT' && $_->{effect} } @{ $c->mutations }), scalar @done, 'every connector was made once');

# an effect whose answer is lost is found by looking, not done twice
$c->forget_mutations;
$c->fault(method => 'PUT', path => '/config$', drop => $yes);
my $lost = $c->create('lost-answer');
$c->running_ok($lost, 'an answer that is lost');
is((scalar grep { $_->{method} eq 'PUT' } @{ $c->mutations }), 1, 'is not asked for again when the effect is seen');

# --- Connect away while all runs ------------------------------------------------------
$c->stop_sim('KILL');
$c->message_ok($lost, qr/^waiting for Kafka Connect: http.*(refused|connect)/i, 'refused: a running pipeline says so');
is($c->status($lost), 'Running', 'and stays Running');
my $new = $c->create('while-away');
$c->status_ok($new, 'Provisioning', 'a new one waits', message => qr/^waiting for Kafka Connect/);
$c->start_sim;
$c->running_ok($lost, 'back: the message goes');
$c->running_ok($new, 'and the new one is made');

# --- the source away ---------------------------------------------------------------------
$c->{source}->stop('immediate');
$c->message_ok($new, qr/^waiting for the source: 127\.0\.0\.1:\d+ /, 'source down: a running pipeline says so');
is($c->status($new), 'Running', 'and stays Running');
my $newer = $c->create('source-away');
$c->status_ok($newer, 'Provisioning', 'a new one waits', message => qr/^waiting for the source/);
$c->{source}->start;
$c->running_ok($new, 'back: the message goes', seconds => 40);
$c->running_ok($newer, 'and the new one is made', seconds => 40);

# --- the administrator's password is changed on the source --------------------------------
$c->source_sql("ALTER ROLE cdc_admin PASSWORD 'another one'");
$c->source_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cdc_admin'");
$c->message_ok($new, qr/^waiting for the source: .*password authentication failed/, 'another password on the source: a pipeline says so');
is($c->status($new), 'Running', 'and stays Running');
$c->sql("SELECT cdc.set_service_secret('$c->{source_id}', 'admin_password', 'another one')");
$c->running_ok($new, 'and goes on when it is told the new one');

# --- an open write transaction holds up a new slot ----------------------------------------
my $session = $c->{source}->background_psql('shop', on_error_stop => 0);
$session->query_safe("SET application_name = 'payroll'; BEGIN; INSERT INTO customers VALUES (500, 'x')");
$c->poll(sub { $c->source_sql("SELECT now() - xact_start > '2.5 s' FROM pg_stat_activity WHERE application_name = 'payroll'") eq 't' });
my $blocked = $c->create('blocked');
$c->status_ok($blocked, 'Provisioning', 'an old write transaction is named before the connector is made',
	step => 'create_connector', message => qr/open write transaction on the source.*application payroll/);
ok(!$c->sim_state->{ $c->connector($blocked) }, 'which is not made meanwhile');
$session->query_safe('COMMIT');
$session->quit;
$c->running_ok($blocked, 'it goes on after the COMMIT');

# --- two at once: one new slot at a time -----------------------------------------------------
$c->sim_set(snapshot_ms => 600);
my @two = map { $c->create("turn-$_") } 1 .. 2;
$c->wait_ok(sub { grep { $c->message($_) =~ /waiting for another pipeline of the same source/ || $c->status($_) eq 'Running' } @two }, 'one waits for the other');
$c->running_ok($_, 'both run in the end') foreach @two;
my $once = $c->create('turn-once', snapshot_mode => 'initial_only');
$c->running_ok($once, 'one that makes no slot runs');
$c->running_ok($c->create('turn-3'), 'and holds up no other');
$c->sim_set(snapshot_ms => 0);

# --- a plugin that is missing ---------------------------------------------------------------
$c->sim_set(plugin => $no);
my $plugin = $c->create('plugin');
$c->status_ok($plugin, 'Provisioning', 'a missing plugin is waited for, and where', step => 'install_plugin', message => qr/Debezium PostgreSQL plugin: it is missing on http:/);
$c->sim_set(plugin => $yes);
$c->running_ok($plugin, 'it goes on when it is there', seconds => 45);

# --- snapshots that are interrupted are begun again --------------------------------------------
$c->sim_set(snapshot_ms => 60_000);
my $broken = $c->create('interrupted');
my $connector = $c->connector($broken);
$c->wait_ok(sub { my $s = $c->sim_state->{$connector}; $s && $s->{snapshots} == 1 }, 'a snapshot has begun');
$c->sim('POST', '/_sim/fail', { connector => $connector, trace => $c->trace('ERROR: canceling statement due to user request') });
$c->wait_ok(sub { $c->sim_state->{$connector}{snapshots} == 2 }, 'it failed and is begun again');
$c->sim_set(snapshot_ms => 0);
$c->running_ok($broken, 'and ends');
is($c->sim_state->{$connector}{slots_made}, 2, 'on a slot of its own run');
ok((grep { ($_->{detail}{action} // '') eq 'begin_discard' } $c->events($broken)), 'the story tells it');

# --- failures of the task: four restarts, then Failed ---------------------------------------------
my $failing = $c->create('ladder');
$c->running_ok($failing, 'a pipeline runs');
$c->forget_mutations;
$c->sim('POST', '/_sim/fail', { connector => $c->connector($failing), starts => 100, trace => $c->trace('FATAL: sorry, too many clients already') });
my $incurable = $c->create('incurable');
$c->running_ok($incurable, 'meanwhile another');
$c->sim('POST', '/_sim/fail', { connector => $c->connector($incurable), starts => 100,
	trace => $c->trace('ERROR: cannot read from logical replication slot "x"') });
$c->status_ok($incurable, 'Failed', 'what no restart cures is Failed at once', message => qr/^connector task failed: ERROR: cannot read from logical replication slot "x"$/);
# one that is Failed is tried again now and then
my $failed_at = $c->sql("SELECT extract(epoch FROM min(at)) FROM cdc.pipeline_event WHERE pipeline_id = '$incurable' AND status_to = 'Failed'");
is((grep { $_->{path} =~ /restart/ && $_->{path} =~ $c->connector($incurable) && $_->{at} < $failed_at } @{ $c->mutations }), 0, 'without a restart before');
$c->message_ok($failing, qr/^waiting to restart the connector task, which failed: FATAL: sorry, too many clients already/, 'the other waits for its restart');
is($c->status($failing), 'Running', 'and is Running by status');

# --- meanwhile: a PUT that lands after the DELETE (design rule 12) ---------------------------------
# it lands long after the pipeline is gone from sight, and long before it is settled; what is tried again meanwhile has no effect
$c->set(settle_after => '1h');
$c->fault(method => 'PUT', path => '/config$', drop => $yes, effect_ms => 15_000);
$c->fault(method => 'PUT', path => '/config$', drop => $yes, effect => $no, count => -1);
my $late = $c->create('late-effect');
my $sent = sub { my ($method, $rest) = @_; my $name = $c->connector($late); return grep { $_->{method} eq $method && $_->{path} =~ /$name$rest$/ } @{ $c->mutations }; };
my $landed = sub { return scalar grep { ($_->{effect} // 0) == 201 } $sent->('PUT', '/config'); };
my $undone = sub { return scalar grep { $_->{status} == 204 } $sent->('DELETE', ''); };
$c->wait_ok(sub { grep { $_->{kind} eq 'outcome' && ($_->{detail}{result} // '') eq 'unknown' } $c->events($late) }, 'a PUT without an answer');
$c->delete($late);
$c->clear_faults;
$c->status_ok($late, 'Deleted', 'it is deleted before the PUT lands');
# the teardown makes the connector, stopped, to see its offsets, and deletes that one
my $before_it = $undone->();
ok(!$c->sim_state->{ $c->connector($late) } || !$c->sim_state->{ $c->connector($late) }{exists}, 'no connector yet');
is($landed->(), 0, 'nor has it landed');
$c->wait_ok($landed, 'then it lands');
$c->wait_ok(sub { $undone->() > $before_it }, 'and is undone');
$c->set(settle_after => undef);
$c->wait_ok(sub { $c->spec($late)->{settled_at} }, 'and the pipeline is watched until that is undone');
ok(!$c->sim_state->{ $c->connector($late) }{exists}, 'no orphan connector');
ok(!$c->sim_state->{ $c->connector($late) }{offset}, 'no orphan offsets');
is($c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '@{[ $c->object($late) ]}'"), 0, 'no orphan slot');

# --- the ladder's end ------------------------------------------------------------------------------------
$c->status_ok($failing, 'Failed', 'the fifth failure is final', seconds => 110, message => qr/^connector task failed: FATAL: sorry/);
my @restarts = map { $_->{at} } grep { $_->{path} =~ /restart/ && $_->{path} =~ $c->connector($failing) } @{ $c->mutations };
is(scalar @restarts, 4, 'after four restarts');
my @plans = map { $_->{detail} } $c->events($failing, "detail ? 'failure'");
is(join(' ', map { $_->{failure} } @plans), '1 2 3 4 5', 'each failure is told once');
my @delays = map { $_->{restart_in_ms} // 'none' } @plans;
ok($delays[0] eq '0' && $delays[1] >= 5000 && $delays[1] < 6250 && $delays[2] >= 15000 && $delays[2] < 18750 && $delays[3] >= 45000 && $delays[3] < 56250 && $delays[4] eq 'none',
	"with the restart that is planned: at once, after 5, 15 and 45 s and up to a quarter more, then none (@delays)");
is((grep { exists $_->{detail}{restart_in_ms} } $c->events($incurable, "detail ? 'failure'")), 0, 'none is planned for what no restart cures');
$c->sim('POST', '/_sim/fail', { connector => $_, starts => 0, now => $no }) foreach $c->connector($failing), $c->connector($incurable);
$c->sql('SELECT count(*) FROM cdc.check_health()');
$c->running_ok($_, 'what failed runs when its cause is gone') foreach $failing, $incurable;

# --- force ---------------------------------------------------------------------------------------------------
my @all = split /\n/, $c->sql("SELECT id FROM cdc.pipeline ORDER BY created_at");
my ($forced, $patient) = splice @all, 0, 2;
$c->{source}->stop('immediate');
$c->message_ok($forced, qr/^waiting for the source/, 'the source is down');
$c->delete($forced);
$c->delete($patient);
$c->status_ok($forced, 'Deleting', 'a delete waits for it and says so', message => qr/^waiting for the source, to take out what was made there: .*force gives up on it/);
$c->delete($forced, 1);
$c->status_ok($forced, 'Deleted', 'force gives up on it');
like($c->message($forced), qr/^$|left behind/, 'its message is the receipt or none');
my ($receipt) = grep { ($_->{message} // '') =~ /left behind: / } $c->events($forced);
my $object = $c->object($forced);
like($receipt->{message}, qr/left behind: .*"$object" on source service "shop-pg"/, 'the receipt says what was left behind');
ok(!$c->sim_state->{ $c->connector($forced) }{exists}, 'the connector is gone');
$c->{source}->start;
$c->status_ok($patient, 'Deleted', 'the other ends when the source is back', seconds => 40);
is($c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '$object'"), 1, 'what force left is left');
$c->source_sql("SELECT pg_drop_replication_slot('$object'); DROP PUBLICATION $object; REVOKE ALL ON orders, customers FROM $object; DROP ROLE $object");

$c->delete($_) foreach @all;
$c->status_ok($_, 'Deleted', 'gone', seconds => 40) foreach @all;
$c->settled_ok;
my ($world) = map { s/^host "shop" "$object".*\n//mr } $c->world;
$world =~ s/^# (BEGIN|END) cdc_pipeline.*\n//mg;
is($world, $before, 'nothing is left but the line that force left');

$c->stop;
done_testing();
