# 180_agents.pl: the worker and a real cdc_agent beside a simulated Kafka
# Connect: the plugin is installed when it can be, else the pipeline waits and
# says what to do; the password is a file of the agent's host.
use strict;
use warnings;
use Archive::Tar;
use Digest::SHA qw(sha512_hex);
use File::Basename qw(dirname);
use IO::Socket::INET;
use IPC::Run ();
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $token = 'token-of-the-agent-0123456789';
my $c = CdcCluster->new(sim => { plugin => 'false' }, meta_conf => "cdc_pipeline.settle_after = '1s'\ncdc_pipeline.debezium_plugin_version = '1.0'");
my $dir = "$c->{dir}/agent";
my $port = do { IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport };
my $url = "http://127.0.0.1:$port";

sub write_file
{
	my ($path, $words) = @_;

	open(my $f, '>', $path) or die "$path: $!";
	print $f $words;
	close $f;
	chmod 0600, $path;
}

# An archive of the plugin: (its URL, its SHA-512).
sub archive
{
	my ($version) = @_;
	my $tar = Archive::Tar->new;

	$tar->add_data('debezium/version', $version);
	$tar->write("$dir/plugin-$version.tar");
	return ("file://$dir/plugin-$version.tar", sha512_hex(slurp_file("$dir/plugin-$version.tar")));
}

# Connect's "restart": it lists what is in the plugin directory then.
mkdir $_, 0700 foreach $dir, "$dir/plugins", "$dir/state", "$dir/secrets";
write_file("$dir/restart.pl", <<"PERL");
use HTTP::Tiny;
my (\$file) = glob '$dir/plugins/*/version';
my \$version = \$file ? do { local (\@ARGV, \$/) = \$file; <> } : 'none';
open(my \$log, '>>', '$dir/restarts');
print \$log "\$version\\n";
my \$answer = HTTP::Tiny->new->put('@{[ $c->sim_url ]}/_sim/settings', { content => sprintf('{"plugin":%s,"plugin_version":"%s"}', \$file ? 'true' : 'false', \$version) });
exit(\$answer->{success} ? 0 : 1);
PERL
write_file("$dir/restarts", '');
write_file("$dir/agent.json", JSON::PP->new->encode({ port => $port, token_file => "$dir/token", plugin_dir => "$dir/plugins", state_dir => "$dir/state",
	secret_dir => "$dir/secrets", connect_url => $c->sim_url, restart_command => [ $^X, "$dir/restart.pl" ], allowed_urls => ["file://$dir/"], worker_timeout => 10 }));

my $agent;
sub start_agent
{
	my ($of) = @_;
	my $out = '';

	write_file("$dir/token", "$of\n");
	$agent = IPC::Run::start([ "$CdcCluster::top/build/bin/cdc_agent", '--config', "$dir/agent.json" ], '<', \undef, '>', \$out, '2>>', "$dir/log");
	$c->poll(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }, 10) or die 'the agent does not start: ' . slurp_file("$dir/log");
}

sub stop_agent { my ($signal) = @_; $agent->signal($signal); eval { $agent->finish }; }
sub restarts { return [ split /\n/, slurp_file("$dir/restarts") ]; }
sub secrets { my ($of) = @_; return [ grep { !$of || /^\Q$of\E\./ } map { s{.*/}{}r } sort glob "$dir/secrets/*" ]; }
sub set_plugin { my (%to) = @_; $c->set(map { ("debezium_plugin_$_" => $to{$_}) } keys %to); }

# --- no agents -----------------------------------------------------------------------------
my $bare = $c->create('by-hand', sink => $c->register_sink('bare', plaintext_connector_password => $no), topic_prefix => 'bare');
$c->status_ok($bare, 'Provisioning', 'no plugin and no agent: it waits, and says what to do', step => 'install_plugin',
	message => qr/^waiting for the Debezium PostgreSQL plugin: it is missing on http:\S+; install it there and restart the worker, or register the sink with agents$/);
$c->sim_set(plugin => $yes, plugin_version => '1.0');
$c->status_ok($bare, 'Provisioning', 'installed by hand it goes on, to where a password would be readable', step => 'create_connector', seconds => 45,
	message => qr/^waiting for a way to hand the password to Kafka Connect: register the sink with agents, or with "plaintext_connector_password": true$/);
ok(!$c->sim_state->{ $c->connector($bare) }, 'which is not sent unless the sink says so');
$c->delete($bare);
$c->status_ok($bare, 'Deleted', 'and is deleted');
$c->sim_set(plugin => $no);

# --- an agent, and what may be wrong with it ---------------------------------------------------
my $sink = $c->register_sink('with-agent', agents => [ { url => $url, token => $token } ], plaintext_connector_password => $no);
my $id = $c->create('orders', sink => $sink);
$c->status_ok($id, 'Provisioning', 'an agent that does not answer is waited for', step => 'install_plugin',
	message => qr/^waiting for the agents of Kafka Connect, which install the Debezium PostgreSQL plugin: \Q$url\E: /);
start_agent('another-token-0123456789abcdef');
$c->message_ok($id, qr/\Q$url\E: .*401/, 'one that refuses the token is told', 45);
stop_agent('TERM');
start_agent($token);
$c->message_ok($id, qr/it is missing on http:\S+; set cdc_pipeline.debezium_plugin_url and cdc_pipeline.debezium_plugin_sha512, and the agents install it$/, 'nothing says what to install', 45);
my ($file, $sha512) = archive('1.0');
set_plugin(url => $file, sha512 => '0' x 128);
$c->message_ok($id, qr/^waiting to try again to install the Debezium PostgreSQL plugin 1.0: http:\S+: .*does not have the SHA-512/, 'another checksum: nothing is installed', 45);
is_deeply(restarts(), [], 'and no worker restarted');
set_plugin(sha512 => $sha512);
$c->running_ok($id, 'with the right one it runs', seconds => 45);
is_deeply(restarts(), ['1.0'], 'after one restart');

# --- the password --------------------------------------------------------------------------------
my $name = $c->connector($id);
my $config = $c->sim('GET', "/connectors/$name/config");
is($config->{'database.password'}, "\${dir:$dir/secrets:$name.1}", 'the configuration has a reference');
is_deeply(secrets(), ["$name.1"], 'to the one file');
my $password = slurp_file("$dir/secrets/$name.1");
is(sprintf('%o', (stat "$dir/secrets/$name.1")[2] & 07777), '600', 'which only the worker reads');
unlike(JSON::PP->new->encode($config), qr/\Q$password\E/, 'it is nowhere in it');

# --- there already: no restart -----------------------------------------------------------------------
my $second = $c->create('customers', sink => $sink, topic_prefix => 'second', tables => ['customers']);
$c->running_ok($second, 'a second pipeline');
is_deeply(restarts(), ['1.0'], 'finds the plugin as it is wanted: no restart');

# --- a new version, under Running pipelines ---------------------------------------------------------------
my ($file2, $sha2) = archive('2.0');
set_plugin(url => $file2, sha512 => $sha2, version => '2.0');
$c->wait_ok(sub { @{ restarts() } == 2 }, 'a new version is installed');
$c->running_ok($_, 'under Running pipelines', seconds => 45) foreach $id, $second;
is_deeply(restarts(), [ '1.0', '2.0' ], 'once');
my ($file3, $sha3) = archive('9.9');
set_plugin(url => $file3, sha512 => $sha3, version => '3.0');
$c->message_ok($id, qr/3\.0.*does not list .* 3\.0.*the former plugin is back in use/, 'one that is not what it is said to be is taken back, and told', 60);
is((restarts())->[-1], '2.0', 'the worker has the former one');
is($c->status($id), 'Running', 'and the pipelines run');
set_plugin(url => $file2, sha512 => $sha2, version => '2.0');
$c->running_ok($id, 'all is well with the former settings', seconds => 45);

# --- a new password, and an agent that dies ------------------------------------------------------------------
my $verifier = "SELECT rolpassword FROM pg_authid WHERE rolname = '" . $c->object($id) . "'";
my $before = $c->source_sql($verifier);
is($c->sql("SELECT cdc.rotate_password('$id')"), 2, 'a new password');
$c->wait_ok(sub { "@{ secrets($name) }" eq "$name.2" }, 'its file is in place of the former one', 60);
$c->running_ok($id, 'the pipeline runs with it');
isnt($c->source_sql($verifier), $before, 'the role has it');
is($c->sim('GET', "/connectors/$name/config")->{'database.password'}, "\${dir:$dir/secrets:$name.2}", 'the configuration refers to it');
stop_agent('KILL');
$before = $c->source_sql($verifier);
$c->sql("SELECT cdc.rotate_password('$id')");
$c->message_ok($id, qr/^waiting for the agents of Kafka Connect, which are handed the connector's password: \Q$url\E: /, 'while the agent is away there is no new one', 45);
is($c->source_sql($verifier) . $c->status($id), $before . 'Running', 'the former one is in use');
start_agent($token);
$c->wait_ok(sub { "@{ secrets($name) }" eq "$name.3" }, 'until it is back', 60);
$c->running_ok($id, 'and all is well');

# --- nothing stays --------------------------------------------------------------------------------------------
stop_agent('TERM');
$c->delete($id);
$c->message_ok($id, qr/^waiting for the agents of Kafka Connect, to delete the password's file: .*; force leaves it/, 'a delete waits for the agent, which has the file', 45);
start_agent($token);
$c->status_ok($id, 'Deleted', 'and ends when it is back', seconds => 60);
$c->delete($second);
$c->status_ok($second, 'Deleted', 'the second one too', seconds => 45);
is_deeply(secrets(), [], 'no file is left');
# but for this test's own statements, which the server logs
is_deeply([ grep { /\Q$password\E|\Q$token\E/ && !/statement: SELECT cdc\.register_service/ } split /\n/, slurp_file("$dir/log") . slurp_file($c->{meta}->logfile) ],
	[], 'no log has a password or the token');
stop_agent('TERM');
$c->stop;
done_testing();
