# SdnSim.pm: the SDN simulator in a test, and requests to it.
package SdnSim;

use strict;
use warnings;
use Carp;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time usleep);

my $json = JSON::PP->new->canonical->allow_nonref;

# Networks of every test; all have a router but "bare".  What is called sink is
# where the simulated Kafka Connect comes from.
our %network = (
	source => '03000000-0000-4000-8000-000000000001', sink => '03000000-0000-4000-8000-000000000002',
	third => '03000000-0000-4000-8000-000000000003', bare => '03000000-0000-4000-8000-000000000004',
	overlapping => '03000000-0000-4000-8000-000000000005', foreign => '03000000-0000-4000-8000-000000000006',
	public => '03000000-0000-4000-8000-000000000007');
our $router = '04000000-0000-4000-8000-000000000001';
our $foreign_router = '04000000-0000-4000-8000-000000000002';

# dir: where its files go; settings: of sdn_sim
sub new
{
	my ($class, $dir, %settings) = @_;
	my $self = bless { dir => $dir, user => 'sdn-user', password => 'sdn-password', token => 'ucat_01TEST', settings => \%settings }, $class;

	$self->start;
	$self->control('PUT', '/_sim/accounts', [
		{ name => 'main', user => $self->{user}, password => $self->{password}, token => $self->{token} },
		{ name => 'other', user => 'other', password => 'other' } ]);
	$self->reset;
	return $self;
}

sub a_network
{
	my ($name, $range, %more) = @_;

	return { uuid => $network{$name}, name => $name, zone => 'se-sto1', router => $router, labels => [],
		ip_networks => { ip_network => [ { address => $range, family => 'IPv4', dhcp => 'yes', dhcp_default_route => 'no' } ] }, %more };
}

# The world as it is at the start of every test.
sub reset
{
	my ($self, @more) = @_;
	my $bare = a_network('bare', '10.74.0.0/24');

	delete $bare->{router};
	$self->control('PUT', '/_sim/state', { peerings => [], servers => [],
		routers => [ { uuid => $router, name => 'main', type => 'normal', static_routes => [] },
			{ uuid => $foreign_router, name => 'other', type => 'normal', static_routes => [], account => 'other' } ],
		networks => [ a_network('source', '10.70.0.0/24'), a_network('sink', '127.0.0.0/8'), a_network('third', '127.0.0.0/8', zone => 'fi-hel1'), $bare,
			a_network('overlapping', '127.1.0.0/16'), a_network('foreign', '10.76.0.0/24', account => 'other', router => $foreign_router),
			a_network('public', '100.64.0.0/22', account => '', type => 'public'), @more ] });
}

sub start
{
	my ($self) = @_;
	my $program = $ENV{CDC_SDN_SIM} || "$CdcCluster::top/build/sim/sdn_sim";
	my %settings = %{ $self->{settings} };
	my @command = ($program, '--port', $self->{port} || 0, '--state', "$self->{dir}/sdn_state", '--user', $self->{user},
		'--password', $self->{password}, '--token', $self->{token}, map { ("--$_", $settings{$_}) } sort keys %settings);
	my ($in, $out) = ('', '');

	-x $program or croak "$program is not built: make -C test/sim";
	$self->{buffers} = [ \$in, \$out ];
	$self->{process} = IPC::Run::start(\@command, '<', \$in, '>', \$out, '2>', "$self->{dir}/sdn_sim.log");
	my $deadline = time + 20;
	while ($out !~ /\n/)
	{
		croak 'sdn_sim did not start: ' . slurp_file("$self->{dir}/sdn_sim.log") if time > $deadline;
		$self->{process}->pump_nb;
		usleep(5_000);
	}
	($self->{port}) = $out =~ /^(\d+)/;
}

# Its exit code: 0 when it did nothing wrong.
sub stop
{
	my ($self, $signal) = @_;
	my $process = delete $self->{process} or return 0;

	$process->signal($signal || 'TERM');
	eval { $process->finish };
	return $process->full_result(0) >> 8;
}

sub url { my ($self) = @_; return "http://127.0.0.1:$self->{port}"; }
sub log { my ($self) = @_; return slurp_file("$self->{dir}/sdn_sim.log"); }

# One request: (status, decoded body, headers); 599 stands for no or half an answer.
sub request
{
	my ($self, $method, $path, $data, %headers) = @_;
	my $answer = HTTP::Tiny->new(timeout => 20, keep_alive => 0)->request($method, $self->url . $path,
		{ headers => { Accept => 'application/json', 'Content-Type' => 'application/json', %headers },
		  defined $data ? (content => ref $data ? $json->encode($data) : $data) : () });
	my $body = $answer->{content} =~ /^\s*[\[{]/ ? eval { $json->decode($answer->{content}) } : undef;

	return ($answer->{status}, $body, $answer->{headers});
}

sub basic { my ($user, $password) = @_; return 'Basic ' . encode_base64("$user:$password", ''); }

# To the API, as the main account: (status, body, headers), or the body.
sub api
{
	my ($self, $method, $path, $data, %headers) = @_;
	my @all = $self->request($method, "/1.3$path", $data, Authorization => basic($self->{user}, $self->{password}), %headers);

	return wantarray ? @all : $all[1];
}

sub control { my ($self, $method, $path, $data) = @_; return scalar(($self->request($method, $path, $data))[1]); }
sub set { my ($self, %settings) = @_; return $self->control('PUT', '/_sim/settings', { map { $_ => "$settings{$_}" } keys %settings }); }
sub fault { my ($self, %fault) = @_; return $self->control('POST', '/_sim/faults', \%fault); }
sub clear_faults { my ($self) = @_; return $self->control('DELETE', '/_sim/faults')->{taken}; }
sub mutations { my ($self) = @_; return $self->control('GET', '/_sim/mutations'); }
sub forget_mutations { my ($self) = @_; return $self->control('DELETE', '/_sim/mutations'); }
sub requests { my ($self) = @_; return $self->control('GET', '/_sim/requests')->{requests}; }
sub peerings { my ($self) = @_; return @{ $self->control('GET', '/_sim/state')->{peerings} }; }
sub force { my ($self, $uuid, $state) = @_; return $self->control('PUT', '/_sim/peering', { uuid => $uuid, state => $state }); }

# The peering from one network of %network to another, or undef.
sub peering
{
	my ($self, $from, $to) = @_;

	return (grep { $_->{network}{uuid} eq $network{$from} && $_->{peer_network}{uuid} eq $network{$to} } $self->peerings)[0];
}

# Makes one direction as somebody else than the worker would.
sub create
{
	my ($self, $from, $to, %more) = @_;

	return $self->api('POST', '/network-peering', { network_peering => { name => "$from to $to",
		network => { uuid => $network{$from} }, peer_network => { uuid => $network{$to} }, %more } });
}

sub patch { my ($self, $uuid, %change) = @_; return $self->api('PATCH', "/network-peering/$uuid", { network_peering => \%change }); }

# Gives a network a router or takes it away.
sub route { my ($self, $name, $to) = @_; return $self->api('PUT', "/network/$network{$name}", { network => { router => $to } }); }

1;
