# 190_findings.pl: cdc.finding is kept true: a row is made when something is
# seen, keeps its time, survives the worker, and goes when it is not so any more
# or when its owner has gone.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(meta_conf => "cdc_pipeline.settle_after = '1s'\n");

sub finding
{
	my ($service, $column) = @_;

	return $c->sql("SELECT $column FROM cdc.finding WHERE service_id = '$service' AND check_name = 'connect_cidrs_wide'");
}

sub connection
{
	my ($service, $change) = @_;

	$c->sql("UPDATE cdc.service SET connection = connection || '$change' WHERE id = '$service'; SELECT cdc_inner.ask('service', '$service')");
}

sub restart_worker
{
	my $pid = $c->worker_pid;

	$c->sql("SELECT pg_terminate_backend($pid)");
	$c->wait_ok(sub { my $now = $c->worker_pid; return $now && $now ne $pid; }, 'the worker is started anew');
}

my $sink = $c->register_sink('wide', connect_cidrs => [ '10.0.0.0/8', '10.1.1.0/24', '8.8.8.8/32' ]);
$c->wait_ok(sub { finding($sink, 'count(*)') }, 'a wide network is found when it is registered');
is(finding($sink, "concern || ' ' || severity || ' ' || observed"), 'safety warning connect_cidrs: 10.0.0.0/8 (wide), 8.8.8.8/32 (public)', 'with what is wide or public in it');
is(finding($sink, 'organization_id'), $c->{org}, 'and whose it is');
is(finding($c->{sink_id}, 'count(*)'), 0, 'a narrow one is none');

my $since = finding($sink, 'since');
restart_worker();
my $second = $c->register_sink('wide-too', connect_cidrs => ['0.0.0.0/0']);
$c->wait_ok(sub { finding($second, 'count(*)') }, '(the new worker looks)');
is(finding($sink, 'since'), $since, 'the row is the same');

connection($sink, '{"connect_cidrs": ["10.0.0.0/12"]}');
$c->wait_ok(sub { finding($sink, 'observed') eq 'connect_cidrs: 10.0.0.0/12 (wide)' }, 'what was seen is kept true');
is(finding($sink, 'since'), $since, 'and is as old as the matter');

# What an older version took is told by the rules of today, with no value lost.
connection($sink, '{"bootstrap": "nonsense"}');
$c->wait_ok(sub { $c->sql("SELECT observed FROM cdc.finding WHERE service_id = '$sink' AND check_name = 'connection_key_refused'") eq "bootstrap must be host:port, or several with commas between: It was 'nonsense'." },
	'a stored key that the rules refuse is found');
connection($sink, '{"bootstrap": "h:1"}');
$c->wait_ok(sub { !$c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'connection_key_refused'") }, 'until it is changed');

# A row that a user's transaction holds holds up nobody, and is written later.
my $holder = $c->{meta}->background_psql('postgres', on_error_stop => 1);
$holder->query_safe("BEGIN; SELECT FROM cdc.finding WHERE service_id = '$sink' FOR UPDATE");
connection($sink, '{"connect_cidrs": ["10.0.0.0/24"]}');
connection($second, '{"connect_cidrs": ["10.0.0.0/24"]}');
$c->wait_ok(sub { !finding($second, 'count(*)') }, 'the row of another goes');
is(finding($sink, 'count(*)'), 1, '(this one is held)');
$holder->query_safe('COMMIT');
$c->wait_ok(sub { !finding($sink, 'count(*)') }, 'and goes then');
$holder->quit;

connection($sink, '{"connect_cidrs": ["0.0.0.0/0"]}');
$c->wait_ok(sub { finding($sink, 'count(*)') }, '(there it is again)');
$c->sql("SELECT cdc.delete_service('$sink')");
$c->wait_ok(sub { !finding($sink, 'count(*)') }, 'a service that is gone has none');

is($c->sql("SELECT severity || ': ' || observed FROM cdc.finding WHERE service_id = '$c->{source_id}' AND check_name = 'sslmode_weak'"), 'warning: sslmode is prefer', 'a source that is not verified has one') if $c->{source_id};

# One about something past: the worker's memory follows what the user says.
my $id = $c->create('first');
$c->running_ok($id);
$c->sql("INSERT INTO cdc.finding (organization_id, pipeline_id, check_name, concern, severity, observed, past)
	VALUES ('$c->{org}', '$id', 'rows_missing', 'flow', 'warning', 'x', true)");
restart_worker();
is($c->sql("SELECT count(*) FROM cdc.check_health() WHERE error_message = 'rows_missing: x'"), 1, 'what has happened outlives the worker');
$c->sql("SELECT cdc.acknowledge('$id', 'rows_missing')");
$c->wait_round($id);
is($c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'rows_missing'"), 0, 'until it is acknowledged');
$c->sql("INSERT INTO cdc.finding (organization_id, pipeline_id, check_name, concern, severity, past)
	VALUES ('$c->{org}', '$id', 'rows_missing', 'flow', 'warning', true)");

# A pg_hba.conf that is too large is neither cut nor taken for one that lacks what is behind its beginning.
my $hba = $c->{source}->data_dir . '/pg_hba.conf';
my $whole = slurp_file($hba);
append_to_file($hba, "# " . ('x' x 998) . "\n") foreach 1 .. 600;
$c->wait_ok(sub { $c->sql("SELECT observed FROM cdc.finding WHERE check_name = 'hba_unread'") eq 'its pg_hba.conf is larger than 512 kB' }, 'a file that is too large is told');
$c->running_ok($id, 'a pipeline whose line is in it runs on');
my $large = -s $hba;
my $late = $c->create('late', tables => ['orders']);
$c->message_ok($late, qr/pg_hba\.conf is larger than 512 kB, which is more than is read and written/, 'another one is told why its line cannot be written');
is(-s $hba, $large, 'the file is as it was');
open(my $f, '>', $hba) or die $!;
print $f $whole;
close $f;
$c->running_ok($late, 'in a shorter one it can');
$c->wait_ok(sub { !$c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'hba_unread'") }, 'and the finding is gone');
$c->delete($_) foreach $id, $late;
$c->wait_ok(sub { !$c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'rows_missing'") }, 'or until the pipeline is gone');

done_testing();
