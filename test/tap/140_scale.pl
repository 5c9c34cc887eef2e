# 140_scale.pl: many pipelines on one source and one Connect cluster: all come
# up, a round asks each service once, and they all go without a trace.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $many = 50;
my $c = CdcCluster->new(sim => { snapshot_ms => 10 }, meta_conf => "cdc_pipeline.settle_after = '1s'\n",
	source_conf => "max_replication_slots = 120\nmax_wal_senders = 120\nmax_connections = 500\nlog_statement = 'none'\nlog_min_duration_statement = 0\n",
	source_sql => join('', map { "CREATE TABLE t$_ (id int PRIMARY KEY);\n" } 1 .. $many));
my $before = $c->world;

my @ids = map { $c->create("p$_", tables => ["t$_"], topic_prefix => "p$_") } 1 .. $many;
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline WHERE status = 'Running' AND error_message IS NULL") == $many }, "$many pipelines run", 120);
is($c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE active"), $many, 'a slot each');
is($c->sql("SELECT concat_ws(' ', detail->>'action', message) FROM cdc.pipeline_event WHERE kind = 'outcome' AND detail->>'result' <> 'done'"), '', 'nothing failed on the way');
is($c->sql("SELECT max(n) FROM (SELECT count(*) AS n FROM cdc.pipeline_event WHERE detail->>'action' = 'create_role' AND kind = 'action' GROUP BY pipeline_id) x"), 1, 'nothing was done twice');

# --- a round asks each service once -----------------------------------------------
my $rounds = sub { return $c->sql('SELECT rounds FROM cdc.worker_state()'); };
my $settled = $rounds->();
$c->poll(sub { $rounds->() > $settled + 1 });
my $from = $rounds->();
my $log = $c->source_log_size;
$c->poll(sub { $rounds->() >= $from + 6 });
my $passed = $rounds->() - $from;
my $queries = () = slurp_file($c->{source}->logfile, $log) =~ /cdc_pipeline LOG:  duration:[^\n]*(?:execute|statement)/g;
cmp_ok($passed, '>=', 6, 'rounds go by');
cmp_ok($queries, '<=', 4 * ($passed + 2), "$many pipelines are looked at by a few queries a round");

# --- and all go ----------------------------------------------------------------------
$c->sql("SELECT cdc.delete_pipeline(id) FROM cdc.pipeline");
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline_spec WHERE deleted_at IS NULL") == 0 }, 'all are deleted', 120);
$c->wait_ok(sub { $c->sql('SELECT count(*) FROM cdc.pipeline_secret') == 0 }, 'their secrets too, once nothing can come back');
my %was = map { $_ => 1 } split /\n/, $before;
my %now = map { $_ => 1 } split /\n/, $c->world;
is(join("\n", grep { !$was{$_} } sort keys %now), '', 'and nothing of them is left');
is(join("\n", grep { !$now{$_} } sort keys %was), '', 'nor anything else missing');

done_testing();
