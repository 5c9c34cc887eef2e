# 160_dump.pl: pg_dump carries everything but the work queue, no secret in
# clear; the restored copy is the same, for its members too.
#
# On each version of PostgreSQL: what pg_dump takes along.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { snapshot_ms => 20 }, empty => 1);
# the same OIDs on every server, for other roles: mia's of the copies is bob's here
my $members = 'CREATE ROLE mia LOGIN; CREATE ROLE bob LOGIN';
my $members_there = 'CREATE ROLE bob LOGIN; CREATE ROLE mia LOGIN';
my $shown = "never-in-clear";

# every kind of row
$c->sql($members);
$c->create_extension;
$c->sql("SELECT cdc.add_member('$c->{org}', 'mia', 'member')");
$c->sql("CREATE ROLE gw LOGIN; SELECT cdc.grant_gateway('gw')");
my %token = map { $_ => $c->sql("SET ROLE $_; SELECT cdc.create_token('of $_')") } 'mia', 'postgres';
my $opens = sub { my ($node, $who) = @_; return $node->safe_psql('postgres', "SET ROLE gw; SELECT (cdc.rest_bearer('$token{$who}', 'GET', '/organizations')).status"); };
is($opens->($c->{meta}, $_), '200', "(a token of $_ opens here)") foreach 'mia', 'postgres';
$c->sql("SELECT cdc.create_organization('blue'); SELECT cdc.add_member((SELECT id FROM cdc.organization WHERE name = 'blue'), 'bob', 'owner')");
$c->register_sink('secrets', connect_urls => ['http://127.0.0.1:1', 'http://127.0.0.1:4'], connect_user => 'u', connect_password => "$shown-1",
	agents => [ { url => 'https://127.0.0.1:2', token => "$shown-2" }, { url => 'https://127.0.0.1:3', token => "$shown-3" } ]);
$c->sql("UPDATE cdc.zone SET peering_region = 'no-svg1' WHERE zone = 'no-svg1'; INSERT INTO cdc.zone VALUES ('us-nyc1', 'america')");
$c->sql("INSERT INTO cdc.network_peering (network_a, network_b) VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002')");
my $running = $c->create('running', options => { 'max.batch.size' => 4096 });
$c->running_ok($running, 'a pipeline runs');
my $gone = $c->create('gone', topic_prefix => 'gone');
$c->running_ok($gone, 'another one');
$c->delete($gone);
$c->status_ok($gone, 'Deleted', 'and is deleted');
my $failed = $c->create('failed', sink => $c->register_sink('bare', addons => []));
$c->status_ok($failed, 'Failed', 'a third has failed');
my $password = $c->sim('GET', '/connectors/' . $c->connector($running) . '/config')->{'database.password'};
like($password, qr/^[A-Za-z0-9]{32}$/, '(the password of a role, as Connect has it)');

# nothing is written from here on
$c->set(enabled => 'off');
$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') =~ /enabled is off/ }, 'the worker stands still');
$c->sql("SELECT cdc_inner.ask('round', NULL)");

# All rows of all tables, in an order of their own.
sub contents
{
	my ($node) = @_;
	my %rows;

	foreach my $table (split /\n/, $node->safe_psql('postgres', "SELECT relname FROM pg_class WHERE relnamespace = 'cdc'::regnamespace AND relkind = 'r' ORDER BY 1"))
	{
		$rows{$table} = $node->safe_psql('postgres', "SELECT t::text FROM cdc.$table t ORDER BY 1");
	}
	return \%rows;
}

my $before = contents($c->{meta});
cmp_ok((scalar grep { $_ ne '' } values %$before), '>=', 13, 'there are rows in most tables');
my $last_event = $c->sql('SELECT max(id) FROM cdc.pipeline_event');
foreach my $format ('plain', 'custom')
{
	my $file = "$c->{dir}/dump.$format";

	command_ok([ 'pg_dump', '-F', $format, '-f', $file, '-d', $c->{meta}->connstr('postgres') ], "the metadata can be dumped ($format)");
	my $text = slurp_file($file);
	if ($format eq 'plain')
	{
		unlike($text, qr/\Q$_\E/, 'no secret is in it in clear') foreach $CdcCluster::admin_password, $password, "$shown-1", "$shown-2", "$shown-3";
		like($text, qr/COPY cdc\.service_secret /, 'but encrypted');
	}
	my $copy = $c->make_meta("copy_$format");
	$copy->safe_psql('postgres', "$members_there; CREATE ROLE gw LOGIN");
	is($copy->safe_psql('postgres', "SELECT 'bob'::regrole::oid"), $c->sql("SELECT 'mia'::regrole::oid"), '(an OID that is another role there)');
	command_ok($format eq 'plain' ? [ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $copy->connstr('postgres') ] :
		[ 'pg_restore', '-e', '-d', $copy->connstr('postgres'), $file ], 'and restored');
	$copy->poll_query_until('postgres', "SELECT state ~ 'copy of the metadata.*take_over' FROM cdc.worker_state()") or fail('the copy does not say that it only reads');
	my $after = contents($copy);
	foreach my $table (sort keys %$before)
	{
		is($after->{$table}, $table eq 'work' ? '' : $before->{$table}, $table eq 'work' ? 'the work queue is not carried along' : "$table is the same");
	}
	my $sees = sub { my ($who) = @_; return $copy->safe_psql('postgres', "SET ROLE $who; SELECT string_agg(o->>'name', ' ' ORDER BY o->>'name') FROM cdc.list_pipelines() o"); };
	is($sees->('bob'), '', 'an OID means nothing on another server');
	is($sees->('mia'), '', 'nor does a name');
	is($opens->($copy, $_), '401', "a token of $_ is dead there, also where his OID and name are those of today") foreach 'mia', 'postgres';
	is($copy->safe_psql('postgres', 'SELECT * FROM cdc.bind_members()'), "acme|mia|member|t\nacme|postgres|owner|t\nblue|bob|owner|t\nblue|postgres|owner|t", 'cdc.bind_members() shows whom it would bind');
	is($sees->('mia'), '', 'and binds nobody');
	$copy->safe_psql('postgres', 'SELECT * FROM cdc.bind_members(true)');
	is($sees->('mia'), 'failed running', 'cdc.bind_members(true): members may do what they could');
	is($sees->('bob'), '', 'and no more');
	is($opens->($copy, 'mia'), '401', 'tokens stay dead');
	is($copy->safe_psql('postgres', "SELECT has_function_privilege('public', 'cdc.take_over()', 'EXECUTE') OR has_table_privilege('mia', 'cdc.service_secret', 'SELECT')"), 'f', 'nobody got what he did not have');
	$copy->safe_psql('postgres', "SELECT cdc.delete_pipeline('$failed')");
	cmp_ok($copy->safe_psql('postgres', 'SELECT max(id) FROM cdc.pipeline_event'), '>', $last_event, 'new events come after the old ones');
	$copy->stop('immediate');
}

$c->stop;
done_testing();
