# 112_session_settings.pl: settings of roles and databases reach every session
# that begins.  What ours depend on they bring along, on the source as in the
# metadata; what they do not, is over when it is taken back.
#
# On each version of PostgreSQL: which settings there are.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(meta_conf => "cdc_pipeline.settle_after = '1s'\n");
my $source = $c->{source};
my $before = $c->world;

# Each would fail or change what we do there, were it to reach a session of ours.
my %odd = (
	default_transaction_read_only => 'on', default_transaction_isolation => 'serializable', default_transaction_deferrable => 'on',
	statement_timeout => '1ms', lock_timeout => '1ms', idle_in_transaction_session_timeout => '1ms', idle_session_timeout => '100ms',
	search_path => 'nowhere', row_security => 'off', bytea_output => 'escape', DateStyle => 'SQL, DMY', IntervalStyle => 'sql_standard',
	TimeZone => 'Pacific/Chatham', client_encoding => 'LATIN1', jit => 'on', plan_cache_mode => 'force_custom_plan',
	standard_conforming_strings => 'off', quote_all_identifiers => 'on', transform_null_equals => 'on', array_nulls => 'off',
	xmlbinary => 'hex', xmloption => 'document', exit_on_error => 'on');
$odd{transaction_timeout} = '1ms' if $source->safe_psql('postgres', 'SHOW server_version_num') >= 170000;


# Of all of the server those that a connector can live with.
my %anybody = map { $_ => $odd{$_} } grep { !/timeout|exit_on_error|search_path|client_encoding/ } keys %odd;

sub change
{
	my ($whose, $settings) = @_;

	$source->safe_psql('postgres', join('', map { "ALTER $whose SET $_ = '$settings->{$_}'; " } sort keys %$settings));
	# the worker's sessions begin anew
	$c->source_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'cdc_admin'");
}

# The tests' own sessions are as they were.
$ENV{PGOPTIONS} = '-c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed -c statement_timeout=0 -c exit_on_error=off -c idle_session_timeout=0 ' .
	'-c standard_conforming_strings=on -c bytea_output=hex -c quote_all_identifiers=off -c search_path=public -c client_encoding=UTF8';

my @ids;
foreach ([ 'ROLE cdc_admin', \%odd ], [ 'ROLE cdc_admin IN DATABASE shop', \%odd ], [ 'DATABASE postgres', \%odd ], [ 'DATABASE shop', \%anybody ])
{
	my ($whose, $settings) = @$_;
	my $id = $c->create(lc($whose) =~ s/[^a-z]+/-/gr);

	push @ids, $id;
	change($whose, $settings);
	$c->running_ok($id, "$whose has odd settings: a pipeline is made");
	# what is repaired is both seen and done under them
	my $object = $c->object($id);
	my $done = sub { scalar grep { ($_->{detail}{action} // '') eq 'create_role' && ($_->{detail}{result} // '') eq 'done' } $c->events($id) };
	my $repaired = $done->();
	$c->source_sql("REVOKE SELECT ON orders FROM $object");
	$c->wait_ok(sub { $done->() > $repaired }, 'what is taken away is given again');
	$c->running_ok($id, 'and the pipeline runs');
	$source->safe_psql('postgres', "ALTER $whose RESET ALL");
}

# A setting that no session of ours can bring along: what it did is over with it.
# The kept session would have it for ever.
$source->safe_psql('postgres', 'CREATE ROLE powerless; GRANT pg_monitor TO powerless; ALTER ROLE cdc_admin IN DATABASE shop SET role = powerless');
$c->source_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'cdc_admin'");
my $id = $c->create('powerless');
push @ids, $id;
$c->message_ok($id, qr/^create_(role|publication) failed and is tried again: (permission denied|must be superuser)/, 'as a role that may do nothing, it says what the server does');
$source->safe_psql('postgres', 'ALTER ROLE cdc_admin IN DATABASE shop RESET role');
$c->running_ok($id, 'and goes on by itself when that is taken back', seconds => 60);
$source->safe_psql('postgres', 'DROP ROLE powerless');

# The metadata: the worker's own sessions.
my $meta = $c->{meta};
my $pid = $c->worker_pid;
delete $odd{$_} foreach grep { /statement_timeout|idle_/ } keys %odd;
$meta->safe_psql('postgres', join('', map { "ALTER DATABASE postgres SET $_ = '$odd{$_}'; " } sort keys %odd) .
	"ALTER DATABASE postgres SET session_replication_role = replica; SELECT pg_terminate_backend($pid)");
$ENV{PGOPTIONS} .= ' -c session_replication_role=origin' . join('', map { " -c $_=0" } grep { /lock_timeout|transaction_timeout/ } keys %odd);
$c->wait_ok(sub { my $now = $c->worker_pid; $now && $now ne $pid }, 'odd settings of the metadata: the worker is started anew');
$id = $c->create('meta');
push @ids, $id;
$c->running_ok($id, 'and works');
$c->delete($_) foreach @ids;
$c->status_ok($_, 'Deleted', 'all goes') foreach @ids;
$c->settled_ok;
$meta->safe_psql('postgres', 'ALTER DATABASE postgres RESET ALL');
$c->same_world_ok($before, 'and nothing is left');

$c->stop;
done_testing();
