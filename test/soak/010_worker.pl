# 010_worker.pl: a worker that has been busy for long is as it was: pipelines come,
# go and fail in turns for SOAK_SECONDS (600), and then it has no more memory, files
# or sessions than after the first turns, and nothing of the pipelines is left.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/../tap/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{SOAK_SECONDS} || 600;
my ($many, $warm) = (10, 5);
my $c = CdcCluster->new(sim => { snapshot_ms => 20 }, meta_conf => "cdc_pipeline.settle_after = '1s'\ncdc_pipeline.event_retention = '1min'\n",
	source_sql => join('', map { "CREATE TABLE t$_ (id int PRIMARY KEY);\n" } 1 .. $many));
my $before = $c->world;
my $worker = $c->worker_pid;

# What the worker has: private memory in kB, open files, sessions on the source.
sub has
{
	my ($memory) = slurp_file("/proc/$worker/status") =~ /^RssAnon:\s*(\d+)/m;
	opendir(my $dir, "/proc/$worker/fd") or return ();

	return ($memory, scalar(grep { !/^\./ } readdir $dir), $c->source_sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cdc_pipeline'"));
}

# One turn: all come up, two of them with a task that fails and one with a request that is lost; all go.
sub turn
{
	my ($n) = @_;
	$c->fault(method => 'PUT', path => '/config$', skip => $many / 2, drop => JSON::PP::true);
	my @ids = map { $c->create("p$_", tables => ["t$_"], topic_prefix => "p$n-$_") } 1 .. $many;
	$c->poll(sub { $c->sql("SELECT count(*) FROM cdc.pipeline WHERE status = 'Running' AND error_message IS NULL") == $many }, 120) or return 'not all run';
	$c->sim('POST', '/_sim/fail', { connector => $c->connector($_), trace => $c->trace('ERROR: canceling statement due to user request') }) foreach @ids[ 0, 1 ];
	$c->poll(sub { my $all = $c->sim_state; return !grep { ($all->{ $c->connector($_) }{task} // '') ne 'RUNNING' } @ids[ 0, 1 ]; }, 120) or return 'a failed task is not started again';
	$c->poll(sub { $c->sql("SELECT count(*) FROM cdc.pipeline WHERE status = 'Running' AND error_message IS NULL") == $many }, 120) or return 'not all run again';
	$c->sql('SELECT cdc.delete_pipeline(id) FROM cdc.pipeline');
	$c->poll(sub { $c->sql("SELECT count(*) FROM cdc.pipeline_spec WHERE desired_state = 'deleted' AND settled_at IS NULL") eq '0' }, 120) or return 'not all are gone';
	return '';
}

my ($end, $turns, $said, @first) = (time + $seconds, 0, '');
while (!$said && ($turns <= $warm || time < $end))
{
	$said = turn(++$turns);
	@first = has() if $turns == $warm;
	note(join(' ', "turn $turns:", has())) if $turns % 10 == 0;
}
is($said, '', "$turns turns, each to its end") or $c->describe;
my @last = has();
diag("after $turns turns: $last[0] kB, $last[1] files, $last[2] sessions; after $warm: $first[0] kB, $first[1] files, $first[2] sessions");
is($c->worker_pid, $worker, 'it is the same process');
# malloc keeps what it has been given, in steps
cmp_ok($last[0], '<', $first[0] * 1.25 + 1024, 'it has no more memory');
cmp_ok($last[1], '<=', $first[1] + 2, 'nor more open files');
cmp_ok($last[2], '<=', $first[2] + 1, 'nor more sessions on the source');
$c->same_world_ok($before, 'and nothing of all that is left');
$c->stop;
done_testing();
