# 105_sdn_sim.pl: the SDN simulator that the tests of ensure_network stand on
# speaks UpCloud's API: every call, every state, every error, every fault.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use SdnSim;
use Test::More;
use Time::HiRes qw(time usleep);

my $sim = SdnSim->new(PostgreSQL::Test::Utils::tempdir(), provision_ms => 60, activate_ms => 60);
my %n = %SdnSim::network;
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);

sub code { my ($status, $body) = @_; return "$status " . ($body->{error}{error_code} // 'none'); }

sub becomes
{
	my ($uuid, $state, $test) = @_;
	my $deadline = time + 10;
	my $seen = '';

	while (time < $deadline)
	{
		$seen = $sim->api('GET', "/network-peering/$uuid")->{network_peering}{state};
		last if $seen eq $state;
		usleep(10_000);
	}
	is($seen, $state, $test);
}

# --- transport and authentication ------------------------------------------------------
is(code($sim->request('GET', '/1.3/network-peering')), '401 AUTHENTICATION_FAILED', 'no credentials');
is(code($sim->api('GET', '/network-peering', undef, Authorization => SdnSim::basic('sdn-user', 'wrong'))), '401 AUTHENTICATION_FAILED', 'a wrong password');
is(code($sim->api('GET', '/network-peering', undef, Authorization => 'Bearer ucat_wrong')), '401 AUTHENTICATION_FAILED', 'a wrong token');
is(($sim->api('GET', '/network-peering', undef, Authorization => 'Bearer ucat_01TEST'))[0], 200, 'a token');
my ($status, $body, $headers) = $sim->api('GET', '/network-peering');
is_deeply([ $status, $body, $headers->{'content-type'} ], [ 200, { network_peerings => { network_peering => [] } }, 'application/json; charset=UTF-8' ], 'an empty list');
is(code($sim->request('GET', '/1.2/network-peering', undef, Authorization => SdnSim::basic('sdn-user', 'sdn-password'))), '404 API_VERSION_INVALID', 'another version');
is(code($sim->api('GET', '/nonsense')), '404 RESOURCE_NOT_FOUND', 'another path');
is(code($sim->api('POST', '/network-peering', '{')), '400 JSON_PARSE_ERROR', 'a body that is no JSON');
is(code($sim->api('POST', '/network-peering', { peering => {} })), '400 REQUEST_INVALID', 'a body without its envelope');
is($sim->api('GET', '/account')->{account}{resource_limits}{network_peerings}, 100, 'the account');
ok((grep { $_->{id} eq 'se-sto1' } @{ $sim->api('GET', '/zone')->{zones}{zone} }), 'the zones');

# --- networks, routers, servers ----------------------------------------------------------
($status, $body) = $sim->api('POST', '/router', { router => { name => 'mine', labels => [ { key => 'env', value => 'test' } ] } });
my $router = $body->{router}{uuid};
is_deeply([ $status, $body->{router}{attached_networks}, $router =~ /^04/ ? 1 : 0 ], [ 201, { network => [] }, 1 ], 'a router');
($status, $body) = $sim->api('POST', '/network/', { network => { name => 'svc-pg', zone => 'fi-hel2', router => $router,
	ip_networks => { ip_network => [ { address => '10.71.0.0/24', family => 'IPv4', dhcp => 'yes' } ] }, labels => [ { key => 'service', value => 'a=b' } ] } });
my $network = $body->{network}{uuid};
is_deeply([ $status, @{ $body->{network} }{qw(type zone router)}, $body->{network}{ip_networks}{ip_network}[0]{dhcp}, exists $body->{network}{account} ? 1 : 0 ],
	[ 201, 'private', 'fi-hel2', $router, 'yes', 0 ], 'a network');
is($sim->api('GET', "/router/$router")->{router}{attached_networks}{network}[0]{uuid}, $network, 'is attached');
is(code($sim->api('DELETE', "/router/$router")), '409 ROUTER_ATTACHED', 'its router stays');
is_deeply([ map { $_->{name} } @{ $sim->api('GET', '/network/?zone=fi-hel2')->{networks}{network} } ], ['svc-pg'], 'networks in a zone');
is_deeply([ map { $_->{name} } @{ $sim->api('GET', '/network?label=service%3Da%3Db')->{networks}{network} } ], ['svc-pg'], 'by label');
is_deeply([ map { $_->{name} } @{ $sim->api('GET', '/router?label=ENV')->{routers}{router} } ], ['mine'], 'routers by label, keys without regard to case');
is(scalar(grep { $_->{type} eq 'public' } @{ $sim->api('GET', '/network')->{networks}{network} }), 1, 'shared networks are listed');
is(scalar(grep { $_->{uuid} eq $n{foreign} } @{ $sim->api('GET', '/network')->{networks}{network} }), 0, 'those of others not');
is(code($sim->api('GET', "/network/$n{foreign}")), '404 NETWORK_NOT_FOUND', 'nor shown');
is($sim->api('PUT', "/network/$network", { network => { name => 'renamed', labels => [] } })->{network}{name}, 'renamed', 'a network is changed by PUT');
ok(!exists $sim->api('PUT', "/network/$network", { network => { router => undef } })->{network}{router}, 'its router is taken off');
is($sim->api('PUT', "/network/$network", { network => { router => $router } })->{network}{router}, $router, 'and put on');
is($sim->api('PATCH', "/router/$router", { router => { name => 'new name' } })->{router}{name}, 'new name', 'a router by PATCH');
is(code($sim->api('POST', '/network/', { network => { name => 'x', zone => 'fi-hel2', ip_networks => { ip_network => [ { address => '10.0.0.0/30' } ] } } })), '400 NETWORK_INVALID', 'a bad range');
is(code($sim->api('POST', '/network/', { network => { zone => 'fi-hel2' } })), '400 NAME_INVALID', 'no name');
is(code($sim->api('PUT', "/network/$network", { network => { router => '04ffffff-0000-4000-8000-000000000000' } })), '404 ROUTER_NOT_FOUND', 'an unknown router');
is(code($sim->api('GET', '/router/04ffffff-0000-4000-8000-000000000000')), '404 ROUTER_NOT_FOUND', 'is not there');
is(code($sim->api('GET', '/server/00000000-0000-4000-8000-000000000001/networking')), '404 SERVER_NOT_FOUND', 'an unknown server');
$sim->control('PUT', '/_sim/state', { servers => [ { uuid => '00000000-0000-4000-8000-000000000001', networking => { interfaces => { interface => [
	{ index => 1, type => 'private', network => $network, mac => 'de:ad:be:ef:00:01', ip_addresses => { ip_address => [ { address => '10.71.0.5', family => 'IPv4' } ] } } ] } } } ] });
is($sim->api('GET', '/server/00000000-0000-4000-8000-000000000001/networking')->{networking}{interfaces}{interface}[0]{network}, $network, 'the networking of a server');
is(($sim->api('DELETE', "/network/$network"))[0], 204, 'a network is deleted');
is(($sim->api('DELETE', "/router/$router"))[0], 204, 'then its router');

# --- peerings: the happy path ------------------------------------------------------------------
($status, $body) = $sim->create('source', 'sink', labels => [ { key => 'pipeline', value => 'p1' } ]);
my $ab = $body->{network_peering}{uuid};
is_deeply([ $status, @{ $body->{network_peering} }{qw(configured_status state updated_at)}, $body->{network_peering}{peer_network}, $ab =~ /^0f/ ? 1 : 0 ],
	[ 201, 'active', 'provisioning', undef, { uuid => $n{sink} }, 1 ], 'one direction: provisioning, of the peer only the uuid');
is($body->{network_peering}{network}{ip_networks}{ip_network}[0]{address}, '10.70.0.0/24', 'with the range of its own network');
becomes($ab, 'pending-peer', 'it waits for the other direction');
my $ba = $sim->create('sink', 'source')->{network_peering}{uuid};
becomes($ab, 'active', 'both are active: one');
becomes($ba, 'active', 'the other');
is($sim->api('GET', "/network-peering/$ab")->{network_peering}{peer_network}{ip_networks}{ip_network}[0]{address}, '127.0.0.0/8', 'now the range of the peer is shown');
is_deeply([ map { $_->{uuid} } @{ $sim->api('GET', '/network-peering?label=pipeline%3Dp1')->{network_peerings}{network_peering} } ], [$ab], 'listed by label');
is_deeply([ map { $_->{uuid} } @{ $sim->api('GET', "/network-peering?network_uuid_local=$n{sink}")->{network_peerings}{network_peering} } ], [$ba], 'by local network');
is_deeply([ map { $_->{uuid} } @{ $sim->api('GET', "/network-peering?network_uuid_peer=$n{sink}")->{network_peerings}{network_peering} } ], [$ab], 'by peer network');
is_deeply($sim->api('GET', '/network-peering?label=pipeline&label=nothing')->{network_peerings}{network_peering}, [], 'labels are joined by AND');
is(scalar @{ ($sim->request('GET', '/1.3/network-peering', undef, Authorization => SdnSim::basic('other', 'other')))[1]{network_peerings}{network_peering} }, 0, 'another account sees none');
is_deeply($sim->patch($ab, labels => [ { key => 'x1', value => 'y' } ])->{network_peering}{labels}, [ { key => 'x1', value => 'y' } ], 'labels are replaced as a whole');
is_deeply($sim->patch($ab, name => 'other name')->{network_peering}{labels}, [ { key => 'x1', value => 'y' } ], 'kept when absent');
is_deeply($sim->patch($ab, labels => [])->{network_peering}{labels}, [], 'cleared by an empty list');

# --- states --------------------------------------------------------------------------------------------
is(code($sim->api('DELETE', "/network-peering/$ab")), '409 PEERING_NOT_DISABLED', 'an active one is not deleted');
is($sim->patch($ab, configured_status => 'disabled')->{network_peering}{state}, 'provisioning', 'disabling takes its time');
becomes($ab, 'disabled', 'disabled');
becomes($ba, 'peer-disabled', 'peer-disabled');
$sim->patch($ab, configured_status => 'active');
becomes($ba, 'active', 'active again');
$sim->route('source', undef);
becomes($ab, 'missing-local-router', 'missing-local-router');
becomes($ba, 'missing-peer-router', 'missing-peer-router');
$sim->route('source', $SdnSim::router);
becomes($ba, 'active', 'active when the router is back');
$sim->force($ab, 'error');
becomes($ab, 'error', 'error');
$sim->force($ab, undef);
$sim->patch($ab, configured_status => 'disabled');
becomes($ab, 'disabled', 'disabled, to be deleted');
is(($sim->api('DELETE', "/network-peering/$ab"))[0], 204, 'deleted');
becomes($ba, 'pending-peer', 'the other side stays and waits');
is(code($sim->api('DELETE', "/network-peering/$ab")), '404 PEERING_NOT_FOUND', 'twice: not there');
is(code($sim->patch($ab, name => 'x')), '404 PEERING_NOT_FOUND', 'nor to be changed');
my $over = $sim->create('sink', 'overlapping')->{network_peering}{uuid};
$sim->create('overlapping', 'sink');
becomes($over, 'conflict-subnet', 'conflict-subnet');
$sim->api('DELETE', "/network/$n{overlapping}");
becomes($over, 'deleted-peer-network', 'deleted-peer-network');

# --- errors ----------------------------------------------------------------------------------------------
is(code($sim->create('sink', 'source')), '409 PEERING_CONFLICT', 'the same pair again');
is(code($sim->create('bare', 'source')), '409 LOCAL_NETWORK_NO_ROUTER', 'a network without a router');
is(code($sim->create('foreign', 'source')), '404 NETWORK_NOT_FOUND', 'a network of another account');
is(($sim->create('source', 'foreign'))[0], 201, 'which may be the peer');
is(code($sim->create('source', 'overlapping')), '404 PEER_NETWORK_NOT_FOUND', 'a peer that is gone');
is(code($sim->create('source', 'public')), '400 NETWORK_TYPE_INVALID', 'a public network');
is(code($sim->create('source', 'third', name => '')), '400 NAME_INVALID', 'no name');
is(code($sim->create('source', 'third', configured_status => 'on')), '400 VALIDATION_ERROR', 'a bad status');
is(code($sim->create('source', 'third', labels => [ { key => '_x', value => '' } ])), '400 INVALID_LABEL_KEY', 'a bad label');
is(code($sim->create('source', 'third', labels => [ { key => 'xy', value => '' }, { key => 'XY', value => '' } ])), '400 DUPLICATE_LABEL_KEYS', 'a label twice');
is(code($sim->create('source', 'third', colour => 'red')), '400 UNKNOWN_ATTRIBUTE', 'an unknown attribute');
is(code($sim->patch($ba, network => { uuid => $n{third} })), '400 UNKNOWN_ATTRIBUTE', 'its networks cannot be changed');
$sim->set(max_peerings => 1);
is(code($sim->create('source', 'third')), '403 NETWORK_PEERINGS_LIMIT_REACHED', 'over the limit');
$sim->set(max_peerings => 100, same_zone_only => 'true');
is(code($sim->create('source', 'third')), '409 ZONE_MISMATCH', 'zones matter when they are set to');
$sim->set(same_zone_only => 'false', keep_peered => 'true');
is(code($sim->api('DELETE', "/network/$n{source}")), '409 NETWORK_NOT_EMPTY', 'a network that is peered stays when it is set to');
$sim->set(keep_peered => 'false', problem => 'true');
($status, $body, $headers) = $sim->create('source', 'third', name => '');
is_deeply([ $status, $headers->{'content-type'}, @{$body}{qw(type status)}, $body->{invalid_params}[0]{name} ],
	[ 400, 'application/problem+json', 'https://developers.upcloud.com/1.3/errors#ERROR_NAME_INVALID', 400, 'name' ], 'the other shape of errors');
$sim->set(problem => 'false');

# --- faults ------------------------------------------------------------------------------------------------
$sim->forget_mutations;
$sim->fault(method => 'GET', path => 'peering', status => 503, message => 'SERVICE_UNAVAILABLE: later', effect => $no);
is(code($sim->api('GET', '/network-peering')), '503 SERVICE_UNAVAILABLE', 'a fault: 503');
$sim->fault(method => 'POST', drop => $yes);
is(($sim->create('source', 'third'))[0], 599, 'a fault: the answer is lost');
ok($sim->peering('source', 'third'), 'after the effect');
$sim->fault(method => 'GET', truncate => $yes, count => 2); # HTTP::Tiny asks twice
is(($sim->api('GET', '/network-peering'))[0], 599, 'a fault: half an answer');
$sim->fault(method => 'GET', delay_ms => 300);
my $began = time;
$sim->api('GET', '/network-peering');
cmp_ok(time - $began, '>=', 0.3, 'a fault: slow');
$sim->fault(method => 'POST', drop => $yes, effect_ms => 3000);
$sim->create('third', 'source');
ok(!$sim->peering('third', 'source'), 'a fault: the effect comes late');
my $deadline = time + 30;
usleep(20_000) until $sim->peering('third', 'source') || time > $deadline;
ok($sim->peering('third', 'source'), 'but comes');
is(scalar @{ $sim->mutations }, 2, 'mutations are recorded');
is($sim->clear_faults, 6, 'the faults were taken');

# --- memory --------------------------------------------------------------------------------------------------
my @before = sort map { $_->{uuid} } $sim->peerings;
is($sim->stop, 0, 'it did nothing wrong') or diag($sim->log);
$sim->start;
is_deeply([ sort map { $_->{uuid} } $sim->peerings ], \@before, 'all is there after a restart');
is($sim->stop, 0, 'and ends well') or diag($sim->log);

done_testing();
