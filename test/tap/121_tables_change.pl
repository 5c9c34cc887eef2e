# 121_tables_change.pl: what becomes of captured tables without an event in the
# stream.  Rows that are missing in Kafka, or left there, are told until somebody
# says that he knows; what only writes the same rows anew is no matter.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { snapshot_ms => 50 }, meta_conf => "cdc_pipeline.settle_after = '1s'\ncdc_pipeline.health_interval = '1s'\n");

sub told
{
	my ($id, $check) = @_;

	return $c->sql("SELECT observed FROM cdc.finding WHERE pipeline_id = '$id' AND check_name = '$check' AND past");
}

sub told_ok
{
	my ($id, $check, $observed, $test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$c->wait_ok(sub { told($id, $check) eq $observed }, $test) or diag(told($id, $check));
}

# What it has seen of the tables until now, a look at them that has begun after this, and one more, which judges.
sub seen
{
	my ($id) = @_;

	$c->wait_round($id) foreach 1 .. 3;
}

sub nothing_ok
{
	my ($id, $test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	seen($id);
	is($c->sql("SELECT string_agg(check_name || ': ' || observed, '; ') FROM cdc.finding WHERE pipeline_id = '$id' AND past"), '', $test);
}

sub events { my ($id) = @_; return join('; ', map { $_->{message} } $c->events($id, "kind = 'drift' AND message IS NOT NULL AND detail IS NULL")); }

$c->source_sql(<<'SQL');
CREATE TABLE parted (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
CREATE TABLE plain (id int PRIMARY KEY, note text);
INSERT INTO parted SELECT i * 10 FROM generate_series(0, 19) AS i;
INSERT INTO plain SELECT i FROM generate_series(1, 100) AS i;
SQL
my $id = $c->create('named', tables => [ 'parted', 'plain' ]);
$c->running_ok($id);
seen($id);

# --- the same rows, written anew ------------------------------------------------------
$c->source_sql('VACUUM FULL plain');
$c->source_sql('CLUSTER plain USING plain_pkey');
$c->source_sql('ALTER TABLE plain ADD COLUMN more text DEFAULT clock_timestamp()::text');
nothing_ok($id, 'a rewrite alone is no matter');
like(events($id), qr/^(table public\.plain was rewritten or emptied(; )?)+$/, 'but it is in the story');
$c->source_sql('CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (200) TO (300); INSERT INTO parted VALUES (201), (202)');
nothing_ok($id, 'nor is a partition that is made, and filled then');
like(events($id), qr/; partition public\.parted_3 has come$/, 'which is in the story too');

# --- rows that Kafka does not hear of -------------------------------------------------
$c->source_sql(q{CREATE TABLE apart (id int PRIMARY KEY, note text); INSERT INTO apart VALUES (301, 'x')});
$c->source_sql('ALTER TABLE parted ATTACH PARTITION apart FOR VALUES FROM (300) TO (400)');
told_ok($id, 'rows_missing', 'partition public.apart was attached with rows', 'a partition that is attached with rows');
is($c->sql("SELECT count(*) FROM cdc.check_health() WHERE error_message LIKE '%public.apart was attached with rows%'"), 1, 'and check_health() says so');
$c->source_sql('CREATE TABLE empty (id int PRIMARY KEY, note text)');
$c->source_sql('ALTER TABLE parted ATTACH PARTITION empty FOR VALUES FROM (400) TO (500)');
seen($id);
is(told($id, 'rows_missing'), 'partition public.apart was attached with rows', 'one that is empty is no matter');
$c->sql("SELECT cdc.acknowledge('$id', 'rows_missing')");
nothing_ok($id, 'it ends with acknowledge()');

# --- rows that are gone, of which Kafka does not hear ------------------------------------
$c->source_sql('TRUNCATE parted_1');
told_ok($id, 'rows_left', 'table public.parted_1 was emptied', 'a partition that is emptied');
$c->source_sql('BEGIN; TRUNCATE plain; INSERT INTO plain SELECT i FROM generate_series(1, 50) AS i; COMMIT');
told_ok($id, 'rows_left', 'table public.parted_1 was emptied; table public.plain was emptied', 'a table that is emptied and filled again, at once');
$c->sql("SELECT cdc.acknowledge('$id', 'rows_left')");
$c->source_sql('ALTER TABLE parted DETACH PARTITION parted_2');
told_ok($id, 'rows_left', 'partition public.parted_2 was detached or dropped', 'a partition that is detached');
my $pid = $c->worker_pid;
$c->sql("SELECT pg_terminate_backend($pid)");
$c->wait_ok(sub { my $now = $c->worker_pid; return $now && $now ne $pid; }, 'the worker is started anew');
$c->source_sql('DROP TABLE parted_3');
told_ok($id, 'rows_left', 'partition public.parted_2 was detached or dropped; partition public.parted_3 was detached or dropped', 'what was seen before it was is known to the next one');
is($c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$id' AND kind = 'gap'"), 0, 'no new snapshot is taken for any of it');
$c->source_sql('DROP PUBLICATION "' . $c->object($id) . '"');
$c->wait_ok(sub { !told($id, 'rows_left') && $c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$id' AND kind = 'gap' AND message LIKE 'the publication%'") == 1 }, 'a new snapshot ends it') or diag(told($id, 'rows_left') . ': ' . $c->sql("SELECT string_agg(kind || ' ' || message, '; ' ORDER BY id) FROM cdc.pipeline_event WHERE pipeline_id = '$id' AND kind IN ('gap', 'drift') AND message IS NOT NULL"));
$c->running_ok($id, 'and it runs');

# --- unlogged ---------------------------------------------------------------------------
$c->source_sql('CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO kept VALUES (1)');
my $all = $c->create('all', tables => [], topic_prefix => 'all');
$c->running_ok($all);
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.finding WHERE pipeline_id = '$all' AND check_name = 'tables_to_come' AND concern = 'safety'") }, 'that all tables are published from their first moment is told');
seen($all);
$c->source_sql('ALTER TABLE kept SET UNLOGGED');
$c->wait_ok(sub { ($c->spec($all)->{unlogged} // [])->[0] }, 'a table that is made unlogged is seen');
$c->source_sql('INSERT INTO kept VALUES (2); ALTER TABLE kept SET LOGGED');
my ($gap) = $c->wait_ok(sub { ($c->events($all, "kind = 'gap'"))[0] }, 'that it is logged again is a gap');
like($gap->{message}, qr/^a table was unlogged, and is logged now: public\.kept: changes after/, 'with its name');
$c->running_ok($all, 'a new snapshot is taken');
is($c->sim_state($c->connector($all))->{snapshots_done}, 2, '... which has its rows');
seen($all);
is($c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$all' AND kind = 'gap' AND message LIKE 'a table was unlogged%'"), 1, 'once');
$c->source_sql('CREATE UNLOGGED TABLE loaded (id int PRIMARY KEY); INSERT INTO loaded VALUES (1); ALTER TABLE loaded SET LOGGED');
told_ok($all, 'rows_missing', 'table public.loaded came rewritten, and may have had rows while it was unlogged', 'what was over before anybody looked is told');
$c->source_sql('CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1)');
seen($all);
is(told($all, 'rows_missing'), 'table public.loaded came rewritten, and may have had rows while it was unlogged', 'a table that comes as tables do is no matter');

$c->delete($_) foreach $id, $all;
$c->status_ok($_, 'Deleted', 'gone') foreach $id, $all;

done_testing();
