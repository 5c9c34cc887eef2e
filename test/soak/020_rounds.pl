# 020_rounds.pl: what a health round leaves behind is nothing: a few pipelines that run are
# looked at again and again, SOAK_ROUNDS (100,000) times or for SOAK_SECONDS (600), whichever
# ends first, and the worker's memory is then what it was after the first rounds.  Rounds are
# counted, and what is judged is the worker's own: its memory contexts, and its heap.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/../tap/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my ($rounds, $seconds) = ($ENV{SOAK_ROUNDS} || 100_000, $ENV{SOAK_SECONDS} || 600);
my ($many, $warm) = (10, 1000);
my $c = CdcCluster->new(sim => {}, meta_conf => "cdc_pipeline.health_interval = '100ms'\ncdc_pipeline.event_retention = '1min'\n",
	source_sql => join('', map { "CREATE TABLE t$_ (id int PRIMARY KEY);\n" } 1 .. $many));
my $worker = $c->worker_pid;
my $passed = sub { return $c->sql('SELECT rounds FROM cdc.worker_state()'); };

# Bytes of the worker's memory contexts, and of its private memory.
sub has
{
	my $log = -s $c->{meta}->logfile;
	my $total;

	$c->sql("SELECT pg_log_backend_memory_contexts($worker)");
	$c->poll(sub { ($total) = slurp_file($c->{meta}->logfile, $log) =~ /\[$worker\].*Grand total: (\d+) bytes/; return defined $total; });
	my ($heap) = slurp_file("/proc/$worker/status") =~ /^RssAnon:\s*(\d+)/m;

	return ($total, $heap * 1024);
}

# So many more rounds: they are asked for, since the interval is longer than one takes.
sub pass
{
	my ($n) = @_;
	my $until = $passed->() + $n;
	my $end = time + 180;

	while ($passed->() < $until && time < $end)
	{
		$c->sql('DO $$ BEGIN FOR i IN 1 .. 100 LOOP PERFORM cdc.check_health(); COMMIT; PERFORM pg_sleep(0.002); END LOOP; END $$');
	}
	return $passed->() >= $until;
}

$c->create("p$_", tables => ["t$_"], topic_prefix => "p$_") foreach 1 .. $many;
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline WHERE status = 'Running' AND error_message IS NULL") == $many }, "$many pipelines run", 120);
# what is done once a minute beside the rounds has its plans by then
my $warmed = time + 130;
ok(pass($warm), "$warm rounds");
while (time < $warmed) { pass(100) or last; }
my ($begun, $from, $end) = ($passed->(), time, time + $seconds);
my @first = has();
while ($passed->() - $begun < $rounds && time < $end)
{
	last unless pass(500);
}
my $done = $passed->() - $begun;
my @last = has();
diag(sprintf('%d rounds in %d s; memory contexts %d kB, then %d kB; heap %d kB, then %d kB; %.1f bytes a round',
	$done, time - $from, $first[0] / 1024, $last[0] / 1024, $first[1] / 1024, $last[1] / 1024, ($last[1] - $first[1]) / ($done || 1)));
is($c->worker_pid, $worker, 'it is the same process');
is($c->sql("SELECT count(*) FROM cdc.pipeline WHERE status = 'Running' AND error_message IS NULL"), $many, 'all run');
cmp_ok($done, '>=', 1000, 'rounds went by');
# a context grows by blocks, and malloc keeps what it has been given, in steps
cmp_ok($last[0], '<=', $first[0] + 256 * 1024, 'memory contexts are as they were');
cmp_ok($last[1], '<=', $first[1] + 1024 * 1024, 'and so is the heap');
$c->stop;
done_testing();
