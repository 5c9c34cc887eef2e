# 120_worker.pl: the worker as a process: woken by commits, killed, restarted,
# reloaded, ended while its peers hang, idle when it must not act.
#
# On each version of PostgreSQL: processes, signals and latches are the server's.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;

# a round an hour: what happens here happens because somebody was woken
my $c = CdcCluster->new(sim => { snapshot_ms => 20 }, meta_conf => <<'CONF');
cdc_pipeline.health_interval = '1h'
cdc_pipeline.settle_after = '1s'
restart_after_crash = on
max_prepared_transactions = 5
CONF

my $state = sub { return $c->sql('SELECT state FROM cdc.worker_state()'); };

# A psql that stays, for transactions that overlap.
sub session { return $c->{meta}->background_psql('postgres', on_error_stop => 1); }

# What a session says to a query; 16's leaves the end of the line to us.
sub value { my ($session, $query) = @_; return $session->query_safe($query) =~ s/\n\z//r; }

sub create_sql
{
	my ($name, $prefix) = @_;
	return "SELECT cdc.create_pipeline('$name', '$c->{source_id}', '$c->{sink_id}', '{orders}', 'shop', '" . ($prefix || $name) . "', organization => '$c->{org}')";
}

# --- a commit wakes the worker --------------------------------------------------------
my $first = $c->create('first', tables => ['orders']);
$c->running_ok($first, 'a pipeline runs without a round');
my $ms = $c->sql("SELECT round(1000 * extract(epoch FROM min(at) FILTER (WHERE kind = 'transition') - min(at) FILTER (WHERE kind = 'user'))) FROM cdc.pipeline_event WHERE pipeline_id = '$first'");
cmp_ok($ms, '<', 30000, "the worker began long before its round ($ms ms)");

my ($early, $late) = (session(), session());
$early->query_safe('BEGIN');
my $held = value($early, create_sql('held'));
my $quick = value($late, create_sql('quick'));
$c->running_ok($quick, 'one that came later and was committed first runs');
my (undef, undef, $waited) = $c->try_sql("SET lock_timeout = '50ms'; " . create_sql('held_2', 'held'));
like($waited, qr/lock timeout/, 'only one whose topics are the same waits for it, as at a unique index');
is($c->sql('SELECT count(*) FROM cdc.work'), 0, 'the queue is empty');
$early->query_safe('COMMIT');
$c->running_ok($held, 'one whose place in the queue was passed is not forgotten');

$early->query_safe('BEGIN');
$early->query_safe('SAVEPOINT s');
my $undone = value($early, create_sql('undone'));
$early->query_safe('ROLLBACK TO s');
my $kept = value($early, create_sql('kept'));
$early->query_safe('COMMIT');
$c->running_ok($kept, 'what was kept of a transaction runs');
is($c->sql("SELECT count(*) FROM cdc.pipeline_spec WHERE id = '$undone'"), 0, 'what it took back was never there');

$early->query_safe('BEGIN');
my $prepared = value($early, create_sql('prepared'));
$early->query_safe("PREPARE TRANSACTION 'two'");
$late->query_safe("COMMIT PREPARED 'two'");
$_->quit foreach $early, $late;

# --- a reload ----------------------------------------------------------------------------------
my $rounds = $c->sql('SELECT rounds FROM cdc.worker_state()');
my $pid = $c->worker_pid;
$c->set(health_interval => '300ms');
$c->wait_ok(sub { $c->sql('SELECT rounds FROM cdc.worker_state()') > $rounds + 3 }, 'a shorter interval holds at once, not after the hour');
is($c->worker_pid, $pid, 'in the same process');
$c->running_ok($prepared, 'a round finds what a prepared transaction left in the queue');

# --- what is older than cdc_pipeline.event_retention goes, once a worker begins; the rest stays ---
my @ages = map { "cdc.$_" } qw(pipeline_event service_event organization_event);
$c->sql(join ';', map { "UPDATE $_ SET at = at - interval '31 days'" . (/pipeline/ ? " WHERE pipeline_id = '$kept'" : '') } @ages);
my $young = $c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$first'");
sub old_events { return $c->sql('SELECT ' . join ' + ', map { "(SELECT count(*) FROM $_ WHERE at < now() - interval '30 days')" } @ages); }
cmp_ok(old_events(), '>', 3, 'there are events that are a month old');

# --- the key is missing, and comes back --------------------------------------------------------------
rename($c->{key_file}, "$c->{key_file}.away") or die $!;
$c->{meta}->restart;
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.service WHERE status_message = 'the secret key of cdc_pipeline cannot be used'") >= 1 }, 'a server without the key says so');
is($c->status($first), 'Running', 'what runs is Running');
my (undef, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.register_service('x', 'kafka', 'z', '{\"connect_password\": \"hidden\"}', organization => '$c->{org}')");
like($error, qr/55000.*cannot be used.*DETAIL:.*No such file.*HINT:.*head -c 32/s, 'and registers no secret, with a hint');
unlike($error, qr/hidden/, 'which it does not show');
rename("$c->{key_file}.away", $c->{key_file}) or die $!;
$c->{meta}->reload;
$c->wait_ok(sub { $c->sql('SELECT count(*) FROM cdc.service WHERE status_message IS NOT NULL') == 0 }, 'put back, a reload is enough');
my $after_key = $c->create('after-key', tables => ['customers']);
$c->running_ok($after_key, 'and new pipelines come up');
$c->wait_ok(sub { old_events() == 0 }, 'what is older than its time is gone');
cmp_ok($c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$first'"), '>=', $young, '... and nothing else');

# --- another key: rotated ---------------------------------------------------------------------------------
append_to_file("$c->{key_file}-2", join('', map { chr(97 + $_ % 26) } 1 .. 32));
chmod 0600, "$c->{key_file}-2";
my $secrets = $c->sql('SELECT (SELECT count(*) FROM cdc.service_secret) + (SELECT count(*) FROM cdc.pipeline_secret) + (SELECT count(fence_key) FROM cdc.control_plane)');
$c->set(secret_key_file => "$c->{key_file}-2");
$c->{meta}->restart;
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.service WHERE status_message = 'a secret was encrypted with another key'") >= 1 }, 'with another key nothing is decrypted');
(undef, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.rotate_secret_key('$c->{key_file}-3')");
like($error, qr/55000.*No such file/s, 'a key that is not there rotates nothing');
is($c->sql("SELECT cdc.rotate_secret_key('$c->{key_file}')"), $secrets, 'rotation encrypts all of them anew');
is($c->sql("SELECT cdc.rotate_secret_key('$c->{key_file}')"), 0, 'once');
$c->wait_ok(sub { $c->sql('SELECT count(*) FROM cdc.service WHERE status_message IS NOT NULL') == 0 }, 'and they are read again');
$c->source_sql('ALTER ROLE ' . $c->object($first) . " PASSWORD 'x'");
$c->wait_ok(sub { grep { $_->{kind} eq 'outcome' && $_->{detail}{action} eq 'create_role' && $_->{detail}{result} eq 'done' } $c->events($first, "at > now() - interval '20 s'") },
	'the password of a role is the same as before: drift is repaired with it');
$c->running_ok($first, 'and the pipeline runs on');

# --- kill -9 ------------------------------------------------------------------------------------------------
$c->sim_set(snapshot_ms => 60_000);
my $victim = $c->create('victim', tables => ['orders']);
$c->wait_ok(sub { my $s = $c->sim_state->{ $c->connector($victim) }; $s && $s->{snapshots} }, 'a snapshot has begun');
$pid = $c->worker_pid;
kill 'KILL', $pid;
$c->wait_ok(sub { my ($code, $now) = $c->try_sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'cdc_pipeline%'"); return $code == 0 && $now && $now ne $pid }, 'after a kill -9 the server recovers, and has another worker');
like(slurp_file($c->{meta}->logfile), qr/terminated by signal 9.*reinitializing|reinitializing/s, '(by a crash restart)');
$c->sim_set(snapshot_ms => 20);
$c->running_ok($victim, 'which goes on where the other one was');
my $seen = $c->sim_state->{ $c->connector($victim) };
is($seen->{snapshots_done}, 1, 'with the one snapshot');
is((scalar grep { $_->{method} eq 'PUT' && $_->{path} =~ /config$/ && $_->{path} =~ $c->connector($victim) } @{ $c->mutations }), 1, 'and one connector, made once');
is($c->sql("SELECT string_agg(n || ' ' || a, ', ') FROM (SELECT detail->>'action' AS a, count(*) AS n FROM cdc.pipeline_event WHERE pipeline_id = '$victim' AND kind = 'action' GROUP BY 1 HAVING count(*) > 1) x"), '', 'nothing was done twice');
is((scalar grep { $c->status($_) ne 'Running' } $first, $held, $quick, $kept), 0, 'the others run on');

# another backend is killed: the worker goes down with the server and comes back
my $other = session();
my $other_pid = value($other, 'SELECT pg_backend_pid()');
$pid = $c->worker_pid;
kill 'KILL', $other_pid;
eval { $other->quit };
$c->wait_ok(sub { my ($code, $now) = $c->try_sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'cdc_pipeline%'"); return $code == 0 && $now && $now ne $pid }, 'a crash of another backend restarts it too');
$c->wait_ok(sub { $state->() eq 'running' }, 'and it acts again');

# the postmaster is killed: the worker does not outlive it
$pid = $c->worker_pid;
$c->{meta}->kill9;
$c->wait_ok(sub { !kill(0, $pid) }, 'without its postmaster the worker ends');
# nor do the others, but some are slower
$c->wait_ok(sub { $c->{meta}->start(fail_ok => 1) }, 'the server starts again');
$c->wait_ok(sub { $state->() eq 'running' }, 'and the worker is there again with it');

# --- SIGTERM while peers hang -----------------------------------------------------------------------------------
my $hole = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', LocalPort => 0) or die $!;
$c->register_source('hole', $c->{source}, nodes => [ { address => '127.0.0.1', port => $hole->sockport } ]);
$c->register_sink('hole-kafka', connect_urls => [ 'http://127.0.0.1:' . $hole->sockport ]);
$c->set(connect_timeout => '60s');
$c->fault(method => 'GET', path => '/', count => -1, delay_ms => 60000);
$c->fault(method => 'PUT', path => '/', count => -1, delay_ms => 60000);
$c->source_sql("INSERT INTO orders SELECT g, 1, 1, 'x' FROM generate_series(2000, 2010) g");
my $hanging = $c->create('hanging', tables => ['orders']);
my $locker = $c->{source}->background_psql('shop', on_error_stop => 0);
$locker->query_safe('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
$c->wait_ok(sub { IO::Select->new($hole)->can_read(0.01) }, 'the worker waits for a server that never answers');
foreach my $how ('SIGTERM', 'a fast shutdown')
{
	$pid = $c->worker_pid;
	if ($how eq 'SIGTERM') { kill 'TERM', $pid }
	else { $c->{meta}->stop('fast') }
	# what it waits for is given 60 s; make bench measures how soon it ends
	$c->wait_ok(sub { !kill(0, $pid) }, "$how while Connect and a source hang ends the worker, which does not wait for them", 20);
	$c->wait_ok(sub { $c->worker_pid }, 'and there is another') if $how eq 'SIGTERM';
}
$locker->query_safe('ROLLBACK');
$locker->quit;
$c->clear_faults;
$c->{meta}->start;
$c->running_ok($hanging, 'all goes on afterwards', seconds => 60);

# --- a new library with an old SQL version (design rule 13) --------------------------------------------------------
my $mutations = @{ $c->mutations };
$c->sql("UPDATE pg_extension SET extversion = '0.0' WHERE extname = 'cdc_pipeline'");
my $waiting = $c->create('waiting', tables => ['orders']);
$c->wait_ok(sub { $state->() =~ /^the library is version \S+, the extension 0\.0: run ALTER EXTENSION cdc_pipeline UPDATE$/ }, 'with an old SQL version the worker idles, and says so');
$c->delete($first);
my $beat = $c->sql('SELECT heartbeat FROM cdc.worker_state()');
$c->wait_ok(sub { $c->sql("SELECT heartbeat > '$beat' FROM cdc.worker_state()") eq 't' }, '(it looks again now and then)');
is(scalar @{ $c->mutations }, $mutations, 'nothing is done meanwhile');
is($c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$waiting' AND kind <> 'user'"), 0, 'nor written');
like(slurp_file($c->{meta}->logfile), qr/reconciler is idle: the library is version/, 'the log has it too');
my (undef, undef, $warning) = $c->try_sql('SELECT * FROM cdc.check_health()');
like($warning, qr/WARNING:.*does not act.*DETAIL:.*the library is version.*HINT:/s, 'and check_health() warns');
$c->sql("UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'cdc_pipeline') WHERE extname = 'cdc_pipeline'");
$c->running_ok($waiting, 'updated, it goes on');
$c->status_ok($first, 'Deleted', 'with all that was asked for meanwhile');

$c->stop;
done_testing();
