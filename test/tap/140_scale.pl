# 140_scale.pl: many pipelines on one source and one Connect cluster, made by one
# statement: all come up, nothing is done twice or refused for want of descriptors,
# a round asks each service a few times whatever their number, and they all go
# without a trace.  Counts are judged, never times.
#
# Those that stream have a slot and a walsender each; the others take a snapshot
# and no more, and the simulator takes it without a session on the source.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($many, $streaming) = (300, 30);
my $c = CdcCluster->new(sim => { forgetful => 1, snapshot_ms => 10, flush_ms => 1000, pretend => 'true' }, meta_conf => "cdc_pipeline.health_interval = '2s'\ncdc_pipeline.settle_after = '1s'\n",
	source_conf => "max_replication_slots = 60\nmax_wal_senders = 60\nmax_connections = 300\nlog_statement = 'none'\nlog_min_duration_statement = 0\n",
	source_sql => join('', map { "CREATE TABLE t$_ (id int PRIMARY KEY);\n" } 1 .. $many + 1));
my $before = $c->world;
my $meta_log = -s $c->{meta}->logfile;

$c->sql("SELECT cdc.create_pipeline('p' || g, source => '$c->{source_id}', sink => '$c->{sink_id}', database_name => 'shop', organization => '$c->{org}', tables => ARRAY['t' || g],"
	. " topic_prefix => 'p' || g, snapshot_mode => CASE WHEN g <= $streaming THEN 'initial' ELSE 'initial_only' END) FROM generate_series(1, $many) g");
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline WHERE status = 'Running' AND error_message IS NULL") == $many }, "$many pipelines run", 500);
is($c->source_sql("SELECT count(*) FROM pg_replication_slots WHERE active"), $streaming, 'a slot each that streams');
is($c->sql("SELECT concat_ws(' ', detail->>'action', message, count(*)) FROM cdc.pipeline_event WHERE kind = 'outcome' AND detail->>'result' <> 'done' GROUP BY detail->>'action', message LIMIT 5"),
	'', 'nothing failed on the way');
is($c->sql("SELECT max(n) FROM (SELECT count(*) AS n FROM cdc.pipeline_event WHERE detail->>'action' = 'create_role' AND kind = 'action' GROUP BY pipeline_id) x"), 1, 'nothing was done twice');
my %put;
$put{ $_->{path} }++ foreach grep { $_->{method} eq 'PUT' } @{ $c->mutations };
is(scalar(grep { $_ != 1 } values %put) . " of " . keys %put, "0 of $many", 'Connect was told of each once');

# --- a round asks each service a few times ------------------------------------------
my $rounds = sub { return $c->sql('SELECT rounds FROM cdc.worker_state()'); };
my $requests = sub { return $c->sim('GET', '/_sim/requests')->{requests}; };
# rows of those of which nothing changes, and when each was looked at
my $unchanged = "FROM cdc.pipeline_observed o JOIN cdc.pipeline p ON p.id = o.pipeline_id WHERE p.snapshot_mode = 'initial_only'";
my $rows = sub { return $c->sql("SELECT md5(string_agg(o.pipeline_id || ' ' || o.xmin, ' ' ORDER BY o.pipeline_id)) $unchanged"); };
my $looked_at = sub { return $c->sql("SELECT min(p.last_health_check_at) $unchanged"); };
my $settled = $rounds->();
$c->poll(sub { $rounds->() > $settled + 1 });
my ($from, $asked, $log, $alone) = ($rounds->(), $requests->(), $c->source_log_size, $c->sim('GET', '/_sim/requests')->{alone});
my ($written, $looked) = ($rows->(), $looked_at->());
$c->poll(sub { $rounds->() >= $from + 6 });
my ($passed, $sent) = ($rounds->() - $from, $requests->() - $asked);
is($rows->(), $written, 'no row is written of a pipeline that is as it was,');
isnt($looked_at->(), $looked, 'though the time tells that each was looked at');
is($c->sim('GET', '/_sim/requests')->{alone} - $alone, 0, 'no connector is asked for by itself');
my $told = slurp_file($c->{source}->logfile, $log);
my $queries = () = $told =~ /cdc_pipeline LOG:  duration:[^\n]*(?:execute|statement)/g;
my @looks = map { scalar(() = /mdb_pipeline_/g) } $told =~ /duration:[^\n]*execute[^\n]*\n[^\n]*([Pp]arameters: \$1 = '\{"database":[^\n]*)/g;
note "looks at so many each: @looks";
cmp_ok($passed, '>=', 6, 'rounds go by');
cmp_ok($queries, '<=', 8 * ($passed + 2), "$many pipelines are looked at by a few queries a round");
cmp_ok(scalar(@looks), '>=', $passed - 1, 'of which some ask for pipelines,');
cmp_ok(scalar(@looks), '<=', $passed + 2, '... one a round for all of them');
cmp_ok($sent, '<=', 3 * ($passed + 2), 'and by one list of connectors and one of plugins');
cmp_ok($c->sql("SELECT count(DISTINCT o.xmin::text) FROM cdc.pipeline_observed o JOIN cdc.pipeline p ON p.id = o.pipeline_id WHERE p.snapshot_mode = 'initial'"),
	'<=', 12, 'what has moved is written in a few transactions');

# --- one more -------------------------------------------------------------------------
# beside them it costs what it costs alone: its connector is looked at, not all of them
my $before_one = $c->sim('GET', '/_sim/requests');
$from = $rounds->();
my $one = $c->create('one', tables => ['t' . ($many + 1)], topic_prefix => 'one');
$c->wait_ok(sub { $c->sql("SELECT status = 'Running' AND error_message IS NULL FROM cdc.pipeline WHERE id = '$one'") eq 't' }, 'one more runs', 120);
$c->sql("SELECT cdc.delete_pipeline('$one')");
$c->wait_ok(sub { $c->sql("SELECT deleted_at IS NOT NULL FROM cdc.pipeline_spec WHERE id = '$one'") eq 't' }, 'and goes', 120);
my $after_one = $c->sim('GET', '/_sim/requests');
$passed = $rounds->() - $from;
cmp_ok($after_one->{alone} - $before_one->{alone}, '>', 0, 'its connector is asked for by itself,');
cmp_ok($after_one->{lists} - $before_one->{lists}, '<=', $passed + 1, 'and the list of all is asked for by rounds alone');

# --- and all go ----------------------------------------------------------------------
my $offsets = sub { return $c->sim('GET', '/_sim/requests')->{offsets}; };
$asked = $offsets->();
$c->sql("SELECT cdc.delete_pipeline(id) FROM cdc.pipeline");
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline_spec WHERE deleted_at IS NULL") == 0 }, 'all are deleted', 500);
cmp_ok($offsets->() - $asked, '<=', 6 * $many, 'whose offsets are asked for when they can be the last, not all the time');
$c->wait_ok(sub { $c->sql('SELECT count(*) FROM cdc.pipeline_secret') == 0 }, 'their secrets too, once nothing can come back', 200);
my %was = map { $_ => 1 } split /\n/, $before;
my %now = map { $_ => 1 } split /\n/, $c->world;
is(join("\n", grep { !$was{$_} } sort keys %now), '', 'and nothing of them is left');
is(join("\n", grep { !$now{$_} } sort keys %was), '', 'nor anything else missing');
is(join("\n", grep { /too many open files|out of file descriptors/i } split /\n/, slurp_file($c->{meta}->logfile, $meta_log)), '', 'nobody was short of descriptors');

done_testing();
