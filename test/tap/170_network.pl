# 170_network.pl: ensure_network against the SDN simulator: both directions are
# made once, whatever goes wrong; every state is told with what to do; a pair is
# shared, kept with its pipelines and removed with the service.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use SdnSim;
use Test::More;
use Time::HiRes qw(time usleep);

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $dir = PostgreSQL::Test::Utils::tempdir();
my $credentials = "$dir/sdn_credentials";
my $sdn = SdnSim->new($dir, provision_ms => 30, activate_ms => 30);
my %n = %SdnSim::network;

# A network more, of Connect's range unless said: its id.
my $networks = 0;
sub add_network
{
	my ($range, %more) = @_;
	my $id = sprintf '03000000-0000-4000-8000-%012x', 256 + ++$networks;
	my $network = SdnSim::a_network('sink', $range || '127.0.0.0/8', uuid => $id, %more);

	$sdn->control('PUT', '/_sim/state', { networks => [ @{ $sdn->control('GET', '/_sim/state')->{networks} }, $network ] });
	return $id;
}

sub write_credentials
{
	my ($words, $mode) = @_;

	open(my $f, '>', "$credentials.new") or die;
	print $f $words;
	close $f;
	chmod $mode // 0600, "$credentials.new";
	rename "$credentials.new", $credentials;
}

my $good = "# of the SDN API\nusername = $sdn->{user}\npassword = $sdn->{password}\n";
write_credentials($good);
my $c = CdcCluster->new(empty => 1, meta_conf => <<"CONF");
cdc_pipeline.sdn_url = '@{[ $sdn->url ]}'
cdc_pipeline.sdn_credentials_file = '$credentials'
cdc_pipeline.settle_after = '1s'
restart_after_crash = on
CONF
$c->sql('CREATE EXTENSION cdc_pipeline');
$c->{org} = $c->sql("SELECT cdc.create_organization('acme')");
$c->{source_id} = $c->register_source('shop-pg', $c->{source}, network_id => $n{source});
$c->{sink_id} = $c->register_sink('shop-kafka', network_id => $n{sink}, connect_cidrs => []);

sub made { my ($id) = @_; return map { $_->{detail}{action} } $c->events($id, "kind IN ('action', 'drift') AND detail ->> 'action' LIKE '%peering'"); }
sub posts { return scalar grep { $_->{method} eq 'POST' } @{ $sdn->mutations }; }
sub between { my ($a, $b) = @_; return grep { $_->{network}{uuid} eq $a && $_->{peer_network}{uuid} eq $b } $sdn->peerings; }
sub pair_row { my ($a, $b) = sort @_; return $c->sql("SELECT count(*) FROM cdc.network_peering WHERE network_a = '$a' AND network_b = '$b'"); }

# A sink in a network of its own, and a pipeline to it: (id, network, sink).
my $sinks = 0;
sub pipeline
{
	my ($network, %options) = @_;
	my $name = 'p' . ++$sinks;
	my $sink = $c->register_sink("kafka-$name", network_id => $network, connect_cidrs => []);

	return $c->create($name, sink => $sink, tables => ['customers'], topic_prefix => $name, %options);
}

# Both directions there, each once.
sub once_ok
{
	my ($network, $test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is_deeply([ scalar between($n{source}, $network), scalar between($network, $n{source}) ], [ 1, 1 ], $test);
}

# --- both directions, and what they are for ------------------------------------------------
my $id = $c->create('orders');
$c->running_ok($id, 'a pipeline between two networks runs');
my ($ab, $ba) = ($sdn->peering('source', 'sink'), $sdn->peering('sink', 'source'));
is_deeply([ $ab->{state}, $ba->{state} ], [ 'active', 'active' ], 'both directions are active');
is_deeply([ made($id) ], [ 'create_peering', 'create_peering' ], 'each was made by an action of its own');
is(posts(), 2, 'and once');
my $installation = $c->sql('SELECT installation_id FROM cdc.control_plane');
is_deeply($ab->{labels}, [ { key => 'cdc_pipeline_installation', value => $installation } ], 'their label says whose they are');
is($c->sql("SELECT network_a || ' ' || network_b || ' ' || state_ab || ' ' || state_ba || ' ' || (peering_ab = '$ab->{uuid}') || ' ' || (requested_at IS NULL) FROM cdc.network_peering"),
	"$n{source} $n{sink} active active true true", 'the row of the pair says what is there');
like($c->{source}->safe_psql('postgres', 'SELECT pg_read_file(current_setting($$hba_file$$))'), qr{^host\s+"shop"\s+"@{[ $c->object($id) ]}"\s+127\.0\.0\.0/8\s}m,
	'pg_hba.conf has the range of the network of the sink');
is($c->sql("SELECT network_ranges FROM cdc.service WHERE id = '$c->{sink_id}'"), '{127.0.0.0/8}', 'as learned from the SDN');
is($c->sql("SELECT observed FROM cdc.finding WHERE check_name = 'connect_cidrs_wide' AND service_id = '$c->{sink_id}'"), 'the ranges of its network: 127.0.0.0/8 (wide)', 'a range that is wide is found');
my ($step) = $c->events($id, "step = 'ensure_network' AND kind = 'transition'");
ok($step, 'the story tells the step');

my $second = $c->create('customers', tables => ['customers'], topic_prefix => 'second');
$c->running_ok($second, 'a second pipeline between the same services');
is(posts(), 2, 'shares the pair');

# --- whose a network is ------------------------------------------------------------------------
# Another organization names our networks: the operator's account could join them.
$c->sql("CREATE ROLE eve LOGIN");
my $her_org = $c->sql("SELECT cdc.create_organization('theirs')");
$c->sql("SELECT cdc.add_member('$her_org', 'eve', 'owner')");
sub as_eve { my ($query) = @_; return $c->sql("SET ROLE eve; $query"); }
sub eves
{
	my ($name, $type, $connection) = @_;
	return as_eve("SELECT cdc.register_service('$name', '$type', 'se-sto1', '" . JSON::PP->new->encode($connection) =~ s/'/''/gr . "', organization => '$her_org')");
}
my $sunk = add_network();
my $eves_source = eves('eves-pg', 'postgresql', { nodes => [ { address => '127.0.0.1', port => $c->{source}->port } ], admin_user => 'cdc_admin',
	admin_password => $CdcCluster::admin_password, network_id => $n{source} });
my $eves_sink = eves('eves-kafka', 'kafka', { connect_urls => [ $c->sim_url ], addons => ['kafka-connect'], plaintext_connector_password => $yes, connect_cidrs => [], network_id => $sunk });
$sdn->forget_mutations;
my $eves = as_eve("SELECT cdc.create_pipeline('eves', '$eves_source', '$eves_sink', '{customers}', 'shop', 'eves', organization => '$her_org')");
$c->message_ok($eves, qr/^waiting for the network between source and sink: nobody has said that network $n{source} of service "eves-pg" is this organization's: give it the label cdc_pipeline_organization = $her_org at the cloud, or have a superuser SELECT cdc\.assign_network\('$n{source}', '$her_org'\)$/,
	'a network that is nobody\'s here is peered with nothing');
$c->wait_ok(sub { $c->sql("SELECT string_agg(concern || ' ' || severity, ', ') FROM cdc.finding WHERE check_name = 'network_not_assigned' AND service_id IN ('$eves_source', '$eves_sink')") eq 'safety blocker, safety blocker' }, 'each of the two is a finding');
my ($code, undef, $error) = $c->try_sql("SET ROLE eve; SELECT cdc.assign_network('$n{source}', '$her_org')");
like($error, qr/permission denied for function assign_network/, 'she cannot say herself that it is hers');
# by a label of the one, a superuser's word of the other
$sdn->control('PUT', '/_sim/state', { networks => [ map { { %$_, $_->{uuid} eq $sunk ? (labels => [ { key => 'CDC_Pipeline_Organization', value => $her_org } ]) : () } } @{ $sdn->control('GET', '/_sim/state')->{networks} } ] });
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'network_not_assigned'") eq '1' }, 'a label at the cloud says whose a network is');
is(posts(), 0, 'nothing was joined until here');
is(scalar(between($n{source}, $sunk)), 0, 'by nobody');
$c->sql("SELECT cdc.assign_network('$n{source}', '$her_org')");
$c->wait_ok(sub { scalar(between($n{source}, $sunk)) }, 'then the networks are joined');
$c->wait_ok(sub { !$c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'network_not_assigned'") }, 'and nothing is found');
$c->sql("SELECT cdc.unassign_network('$n{source}', '$her_org')");
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'network_not_assigned' AND service_id = '$eves_source'") eq '1' }, 'a word that is taken back is a finding');
$c->wait_round($eves);
ok(scalar(between($n{source}, $sunk)), 'and the peerings stay');
$c->sql("SELECT cdc.assign_network('$n{source}', '$her_org')");
$c->wait_ok(sub { !$c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'network_not_assigned'") }, 'until it is given again');
as_eve("SELECT cdc.delete_pipeline('$eves', true)");
$c->wait_ok(sub { $c->sql("SELECT settled_at IS NOT NULL FROM cdc.pipeline_spec WHERE id = '$eves'") eq 't' }, '(her pipeline is gone)');
as_eve("SELECT cdc.delete_service('$_')") foreach $eves_source, $eves_sink;
$c->wait_ok(sub { !$c->sql("SELECT count(*) FROM cdc.network_peering WHERE '$sunk' IN (network_a, network_b)") }, '(so are her services, and the peerings)');

# --- one look a round, for all ------------------------------------------------------------------
my $rounds = $c->sql('SELECT rounds FROM cdc.worker_state()');
$sdn->forget_mutations;
$c->poll(sub { $c->sql('SELECT rounds FROM cdc.worker_state()') >= $rounds + 4 });
my ($asked, $passed) = ($sdn->requests, $c->sql('SELECT rounds FROM cdc.worker_state()') - $rounds);
cmp_ok($asked, '<=', 2 * ($passed + 1), "two pipelines, $passed rounds: $asked requests, a list and the ranges of one network a round");

# --- drift, and every state, under a Running pipeline ---------------------------------------------
sub told { my ($pattern, $test) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; $c->message_ok($id, $pattern, $test); is($c->status($id), 'Running', '... and it is Running'); }
sub well { my ($test) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; $c->running_ok($id, $test); }

$sdn->control('PUT', '/_sim/state', { peerings => [ $ab ] });
$c->wait_ok(sub { my $p = $sdn->peering('sink', 'source'); $p && $p->{state} eq 'active' }, 'a peering that somebody deleted is made again');
well('and all is well');
is((made($id), made($second))[-1], 'create_peering', 'as a repair of drift');
($ab, $ba) = ($sdn->peering('source', 'sink'), $sdn->peering('sink', 'source'));
$sdn->patch($ba->{uuid}, configured_status => 'disabled');
$c->wait_ok(sub { my $p = $sdn->peering('sink', 'source'); $p->{configured_status} eq 'active' && $p->{state} eq 'active' }, 'one of ours that somebody disabled is enabled again');
well('and all is well');
$sdn->patch($ba->{uuid}, labels => []);
$sdn->patch($ba->{uuid}, configured_status => 'disabled');
told(qr/^the network between source and sink is not ready: peering $ba->{uuid} from network $n{sink} to $n{source} is disabled, and not by us: enable it$/, 'what is not ours is told, not touched');
$sdn->patch($ba->{uuid}, configured_status => 'active');
well('until its owner enables it');
$sdn->route('sink', undef);
told(qr/network $n{sink} has no router \(state missing-(peer|local)-router\): attach a router to it$/, 'a network lost its router');
$sdn->route('sink', $SdnSim::router);
$sdn->force($ab->{uuid}, 'conflict-subnet');
told(qr/the address ranges of the networks $n{source} and $n{sink} overlap \(state conflict-subnet\): give one of them another range/, 'conflict-subnet');
$sdn->force($ab->{uuid}, 'missing-local-router');
told(qr/network $n{source} has no router \(state missing-local-router\): attach/, 'missing-local-router');
$sdn->force($ab->{uuid}, 'missing-peer-router');
told(qr/network $n{sink} has no router \(state missing-peer-router\): attach/, 'missing-peer-router');
$sdn->force($ab->{uuid}, 'deleted-peer-network');
told(qr/network $n{sink} does not exist any more \(state deleted-peer-network\): register the service with the network that it has now/, 'deleted-peer-network');
$sdn->force($ab->{uuid}, 'error');
told(qr/UpCloud reports an error of peering $ab->{uuid} .*: delete the peering, and it is made again/, 'error');
$sdn->force($ab->{uuid}, 'on-fire');
told(qr/peering $ab->{uuid} .* is in state "on-fire", which this version does not know/, 'a state that is not known');
$sdn->force($ab->{uuid}, 'pending-peer');
told(qr/is not ready: the peering from network $n{source} to $n{sink} is pending-peer, the one back is active/, 'pending-peer');
$sdn->force($ab->{uuid}, 'peer-disabled');
told(qr/is not ready: the peering .* is peer-disabled/, 'peer-disabled without the other side disabled');
$sdn->force($ab->{uuid}, undef);
well('active again');

# --- credentials ---------------------------------------------------------------------------------------
write_credentials("username = $sdn->{user}\npassword = wrong\n");
told(qr/^the SDN API cannot be asked .*HTTP 401: AUTHENTICATION_FAILED.*put valid credentials into the file that cdc_pipeline\.sdn_credentials_file names/, 'credentials that are refused are told');
write_credentials("token = $sdn->{token}\n");
well('rotated, to a token: read again without a reload');
my $file = add_network();
write_credentials($good, 0640);
my $waiting = pipeline($file);
$c->status_ok($waiting, 'Provisioning', 'a file that others may read is refused', step => 'ensure_network',
	message => qr/^waiting for the SDN API: the file ".*sdn_credentials" of cdc_pipeline\.sdn_credentials_file cannot be used: its owner must be the server's user and its mode 0600 or less$/);
is($c->status($id), 'Running', 'the others run');
unlink $credentials;
$c->message_ok($waiting, qr/cannot be used: No such file or directory$/, 'so is one that is not there');
write_credentials("geheim\n");
$c->message_ok($waiting, qr/cannot be used: a line has no "="$/, 'and one that is no such file');
write_credentials($good);
$c->running_ok($waiting, 'good ones: it goes on');
unlike(PostgreSQL::Test::Utils::slurp_file($c->{meta}->logfile), qr/geheim|$sdn->{password}|$sdn->{token}/, 'no credential is in the log');

# --- answers that go wrong: nothing is made twice -----------------------------------------------------------
$c->set(request_timeout => '2s');
foreach my $case (
	[ 'a 503 without effect', { method => 'POST', status => 503, effect => $no, message => 'SERVICE_UNAVAILABLE: later' } ],
	[ 'a 500 after the effect', { method => 'POST', status => 500, message => 'INTERNAL_ERROR: oops' } ],
	[ 'an answer lost after the effect', { method => 'POST', drop => $yes } ],
	[ 'half an answer to a change', { method => 'POST', truncate => $yes } ],
	[ 'a request lost before its effect', { method => 'POST', drop => $yes, effect => $no } ],
	[ 'an effect that comes late', { method => 'POST', drop => $yes, effect_ms => 700 } ],
	[ 'a slow answer', { method => 'POST', delay_ms => 700 } ],
	[ 'a conflict with what is there', { method => 'POST', status => 409, message => 'PEERING_CONFLICT: it exists' } ],
	[ 'too many requests', { method => 'POST', status => 429, effect => $no } ],
	[ 'half a list', { method => 'GET', path => 'peering', truncate => $yes, count => 2 } ],
	[ 'a list that is none', { method => 'GET', path => 'peering', status => 200, effect => $no } ],
	[ 'a slow list', { method => 'GET', path => 'peering', delay_ms => 900 } ],
	[ 'a change that is never answered', { method => 'POST', delay_ms => 600000 } ],
	[ 'a list that never comes', { method => 'GET', path => 'peering', delay_ms => 600000 } ])
{
	my ($what, $fault) = @$case;
	my $network = add_network();

	$sdn->fault(%$fault);
	my $p = pipeline($network);
	$c->running_ok($p, "$what: it runs in the end", seconds => 45);
	is($sdn->clear_faults, $fault->{count} || 1, '... it went wrong as wanted');
	once_ok($network, '... each direction is there once');
	$c->delete($p);
}

$c->set(request_timeout => undef);

# --- what the API refuses is told, and tried again -------------------------------------------------------------
$sdn->set(problem => 'true');
my $bare = pipeline($n{bare}, name => 'no-router');
$c->status_ok($bare, 'Provisioning', 'a network without a router', step => 'ensure_network',
	message => qr/^waiting for the network between source and sink: the peering from network $n{bare} to $n{source} does not exist, and the SDN API refused to change that: HTTP 409: LOCAL_NETWORK_NO_ROUTER: .*: attach a router to the network$/);
$sdn->set(problem => 'false');
my $nowhere = '03ffffff-0000-4000-8000-000000000000';
my $lost = pipeline($nowhere);
$c->message_ok($lost, qr/PEER_NETWORK_NOT_FOUND: .*: register the service with the network_id that it has now/, 'a network that does not exist');
$sdn->set(max_peerings => 1);
my $limited = pipeline(add_network());
$c->message_ok($limited, qr/NETWORK_PEERINGS_LIMIT_REACHED: .*ask UpCloud's support for a higher limit/, "the account's limit");
$sdn->set(max_peerings => 100);
# what was refused is asked for again: not while others count
$c->delete($_) foreach $bare, $lost, $limited;
$c->status_ok($_, 'Deleted', 'deleted') foreach $bare, $lost, $limited;

# --- a network of another account: its direction is its owner's to make, and is not listed -------------------------------
sub owner { my ($method, $path, $peering) = @_; return scalar(($sdn->request($method, "/1.3/network-peering$path", { network_peering => $peering }, Authorization => SdnSim::basic('other', 'other')))[1]); }
my $abroad = $c->create('abroad', sink => $c->register_sink('kafka-abroad', network_id => $n{foreign}, connect_cidrs => ['127.0.0.0/8']), tables => ['customers'], topic_prefix => 'abroad');
$c->status_ok($abroad, 'Provisioning', 'our direction is made, the other one cannot be', step => 'ensure_network',
	message => qr/the peering from network $n{foreign} to $n{source} does not exist, .*NETWORK_NOT_FOUND: .*if the network is another account's, its owner must create this peering$/);
is($sdn->peering('source', 'foreign')->{state}, 'pending-peer', 'which waits for it');
my $theirs = owner('POST', '', { name => 'theirs', network => { uuid => $n{foreign} }, peer_network => { uuid => $n{source} } })->{network_peering}{uuid};
$c->running_ok($abroad, 'its owner makes it: the pipeline runs', seconds => 45);
owner('PATCH', "/$theirs", { configured_status => 'disabled' });
$c->message_ok($abroad, qr/the peering from network $n{foreign} to $n{source}, of another account, is disabled \(state peer-disabled\): its owner must enable it$/, 'its owner disables it: told');
owner('PATCH', "/$theirs", { configured_status => 'active' });
$c->running_ok($abroad, 'and enables it');
$c->delete($abroad);

# --- one network, or a network on one side only ---------------------------------------------------------------------------
$sdn->forget_mutations;
my $home = $c->create('home', sink => $c->register_sink('kafka-home', network_id => $n{source}, connect_cidrs => ['127.0.0.0/8']), tables => ['customers'], topic_prefix => 'home');
$c->running_ok($home, 'source and sink in one network: it runs');
is(posts(), 0, 'with nothing to join');
my $half = $c->create('half', sink => $c->register_sink('kafka-half'), tables => ['customers'], topic_prefix => 'half');
$c->message_ok($half, qr/^only the source service has a network_id: give one to both services or to neither$/, 'a network on one side alone is told');
$c->delete($_) foreach $home, $half;

# --- it takes too long: told as stuck, and watched on ---------------------------------------------------------------
my $slow = add_network();
$sdn->set(activate_ms => 600000);
my $stuck = pipeline($slow);
$c->message_ok($stuck, qr/^waiting for the network between source and sink: the peering from network .* is provisioning/, 'a network that takes its time is waited for');
$c->set(sdn_stuck_after => '1500ms');
$c->message_ok($stuck, qr/^the network between source and sink is not active after 1500 ms, and is still being watched: .*provisioning.*; ask UpCloud's support/, 'for too long: stuck');
is($c->status($stuck), 'Provisioning', 'it does not fail');
$sdn->set(activate_ms => 0);
$c->running_ok($stuck, 'and goes on when it is active after all');
$c->set(sdn_stuck_after => undef);

# --- the API is away: who runs, runs ------------------------------------------------------------------------------------
$sdn->stop('KILL');
$c->wait_round($id);
is($c->status($id) . $c->message($id), 'Running', 'the API is away: what was seen active is not doubted');
my $later = pipeline($n{third});
$c->status_ok($later, 'Provisioning', 'who needs it waits', step => 'ensure_network', message => qr/^waiting for the SDN API: http:.*(refused|Failed to connect)/);
$sdn->start;
$c->running_ok($later, 'until it is back', seconds => 45);

# --- killed between intent and effect, and between effect and outcome -----------------------------------------------------
foreach my $case ([ 'before the effect', { method => 'POST', delay_ms => 30000, effect_ms => 1500 } ], [ 'after the effect', { method => 'POST', delay_ms => 30000 } ])
{
	my ($what, $fault) = @$case;
	my $network = add_network();

	$sdn->forget_mutations;
	$sdn->fault(%$fault);
	my $p = pipeline($network);
	$c->wait_ok(sub { posts() >= 1 && pair_row($n{source}, $network) }, "$what: a change is under way, its intent is committed");
	my $pid = $c->worker_pid;
	kill 'KILL', $pid;
	$c->wait_ok(sub { my $now = eval { $c->worker_pid }; $now && $now ne $pid }, '... the worker is killed');
	$c->running_ok($p, '... and the pipeline runs', seconds => 45);
	once_ok($network, '... each direction is there once');
	$c->delete($p);
}

# --- a pair outlives its pipelines, and goes with the service -----------------------------------------------------------------
$sdn->clear_faults;
$c->status_ok($_, 'Deleted', 'deleted', seconds => 40) foreach map { $c->delete($_); $_ } $id, $second;
once_ok($n{sink}, 'the peerings stay when the last pipeline is deleted');
my $again = $c->create('again');
$sdn->forget_mutations;
$c->running_ok($again, 'another pipeline finds them');
is(posts(), 0, 'as they are');

# one side of this pair is not ours any more, see above: it stays
my $twin = $c->register_sink('twin', network_id => $n{sink}, connect_cidrs => []);
$c->delete($again);
$c->status_ok($again, 'Deleted', 'and is deleted');
$sdn->set(provision_ms => 400);
is($c->sql("SELECT cdc.delete_service('$c->{sink_id}')"), 'deleting', 'the sink is deleted');
$c->wait_ok(sub { $c->sql("SELECT deleted_at IS NOT NULL FROM cdc.service WHERE id = '$c->{sink_id}'") eq 't' }, 'and gone from sight');
$rounds = $c->sql('SELECT rounds FROM cdc.worker_state()');
$c->sql('SELECT count(*) FROM cdc.check_health()');
$c->wait_ok(sub { $c->sql('SELECT rounds FROM cdc.worker_state()') > $rounds + 2 }, 'rounds later');
is_deeply([ grep { $_->{method} ne 'POST' } @{ $sdn->mutations } ], [], 'another service needs the pair: it stays');
$sdn->fault(method => 'DELETE', drop => $yes);
$sdn->fault(method => 'PATCH', status => 503, effect => $no);
$c->sql("SELECT cdc.delete_service('$twin')");
$c->wait_ok(sub { $c->sql("SELECT deleted_at IS NOT NULL FROM cdc.service WHERE id = '$twin'") eq 't' }, 'the last service is gone from sight at once');
is(pair_row($n{source}, $n{sink}), 1, 'the teardown of its network goes on');
$c->wait_ok(sub { !pair_row($n{source}, $n{sink}) }, 'until it is over', 40);
is($sdn->clear_faults, 2, 'through faults');
is_deeply([ scalar between($n{source}, $n{sink}), scalar between($n{sink}, $n{source}) ], [ 0, 1 ], 'ours is gone, what is not ours stays');
is_deeply([ map { $_->{method} } grep { $_->{method} =~ /PATCH|DELETE/ && $_->{path} =~ $ab->{uuid} && $_->{status} && $_->{status} < 300 } @{ $sdn->mutations } ], ['PATCH'], 'disabled, then deleted');

# --- killed while it is removed; both sides ---------------------------------------------------------------------------------------
my $third = $c->sql("SELECT sink_service_id FROM cdc.pipeline_spec WHERE id = '$later'");
$c->delete($later);
$c->status_ok($later, 'Deleted', 'the pipeline of another pair is deleted');
$sdn->set(provision_ms => 60000);
$c->sql("SELECT cdc.delete_service('$third')");
$c->wait_ok(sub { (($sdn->peering('source', 'third') // {})->{configured_status} // '') eq 'disabled' }, 'its removal has begun');
my $pid = $c->worker_pid;
kill 'KILL', $pid;
$sdn->set(provision_ms => 30);
$c->wait_ok(sub { my $row = eval { pair_row($n{source}, $n{third}) }; defined $row && !$row }, 'killed meanwhile, it ends all the same', 40);
is_deeply([ scalar between($n{source}, $n{third}), scalar between($n{third}, $n{source}) ], [ 0, 0 ], 'both sides are gone');

is($sdn->stop, 0, 'the simulator did nothing wrong') or diag($sdn->log);
$c->stop;
done_testing();
