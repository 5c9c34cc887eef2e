# 031_source_many.pl: a look at many pipelines says of each what a look at it alone says,
# whatever the others are; its answer is bounded, and what it reads of the catalogs
# does not grow with the square of the pipelines.
use strict;
use warnings;
use File::Basename qw(dirname);
use IPC::Run qw(run);
use JSON::PP ();
use lib dirname(__FILE__) . '/lib';
use CdcNode;
use SourceSql qw(built rows);
use PostgreSQL::Test::Utils;
use Test::More;

my $many = 220;
my $json = JSON::PP->new->canonical;
my $node = CdcNode->new('source');
$node->init;
$node->append_conf('postgresql.conf', "wal_level = logical\nmax_replication_slots = 100\njit = off\nmax_locks_per_transaction = 1000\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app; CREATE ROLE shared LOGIN; CREATE ROLE watcher LOGIN');

# What each is like follows from its number, so that no two neighbours are alike.
$node->safe_psql('app', <<"SQL");
SELECT format('CREATE TABLE t%s (id int%s)%s', g, CASE WHEN g % 5 > 0 THEN ' PRIMARY KEY' END, CASE WHEN g % 29 = 0 THEN ' PARTITION BY RANGE (id)' END) FROM generate_series(1, $many) g \\gexec
SELECT format('CREATE TABLE t%s_1 PARTITION OF t%s DEFAULT', g, g) FROM generate_series(1, $many) g WHERE g % 29 = 0 \\gexec
SELECT format('CREATE VIEW v%s AS SELECT 1', g) FROM generate_series(1, $many) g WHERE g % 11 = 0 \\gexec
SELECT format('CREATE ROLE p%s LOGIN %s', g, CASE WHEN g % 3 > 0 THEN 'REPLICATION' END) FROM generate_series(1, $many) g WHERE g % 7 > 0 \\gexec
SELECT format('ALTER ROLE p%s PASSWORD %L', g, 'x' || g) FROM generate_series(1, $many) g WHERE g % 7 > 0 AND g % 2 = 0 \\gexec
SELECT format('COMMENT ON ROLE p%s IS %L', g, 'mark ' || g) FROM generate_series(1, $many) g WHERE g % 7 > 1 \\gexec
SELECT format('GRANT SELECT ON t%s TO p%s', g, g) FROM generate_series(1, $many) g WHERE g % 7 > 0 AND g % 2 = 0 \\gexec
SELECT format('ALTER TABLE t%s ENABLE ROW LEVEL SECURITY', g) FROM generate_series(1, $many) g WHERE g % 26 = 0 \\gexec
SELECT format('CREATE PUBLICATION p%s %s WITH (publish_via_partition_root = %L, publish = %L)', g,
	CASE WHEN g % 13 = 0 THEN 'FOR ALL TABLES' WHEN g % 17 > 0 THEN format('FOR TABLE t%s, t%s', g, g % $many + 1) END, (g % 4 > 0)::text,
	CASE WHEN g % 19 > 0 THEN 'insert, update, delete, truncate' ELSE 'insert' END) FROM generate_series(1, $many) g WHERE g % 6 > 0 \\gexec
SELECT format('COMMENT ON PUBLICATION p%s IS %L', g, 'mark ' || g) FROM generate_series(1, $many) g WHERE g % 6 > 1 \\gexec
SELECT count(pg_create_logical_replication_slot('p' || g, 'pgoutput')) FROM generate_series(1, $many) g WHERE g % 5 = 0;
GRANT CREATE ON SCHEMA public TO p1;
SQL

sub line_of
{
	my ($g) = @_;
	my @tables = $g % 23 ? (qq{"public"."t$g"}) : ();

	push @tables, '"public"."t' . ($g % $many + 1) . '"' if @tables && $g % 4 > 1;
	push @tables, qq{"public"."v$g"} if @tables && $g % 11 == 0;
	push @tables, qq{"public"."gone$g"}, qq{"no such"."t"} =~ s/ /_/r if @tables && $g % 9 == 0;
	return join ' ', "p$g", ($g % 8 == 3 ? 'shared' : '-'), @tables;
}

my $observe = 'PREPARE q(text) AS ' . built(['observe']) . ";\n";

# The answers to asks: of each, its rows, read.
sub answers
{
	my ($settings, @asks) = @_;
	my ($out, $err) = ('', '');
	my $sql = "$settings$observe";

	foreach my $ask (@asks)
	{
		$sql .= "EXECUTE q('" . ($ask =~ s/'/''/gr) . "');\n\\echo end\n";
	}
	run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('app'), '-f', '-' ], '<', \$sql, '>', \$out, '2>', \$err) or die "observation failed: $err";
	return map { [ map { $json->decode($_) } rows($_) ] } split /end\n/, $out;
}

my @lines = map { line_of($_) } 1 .. $many;
foreach my $who ('', "SET ROLE watcher;\n")
{
	my ($whole) = answers($who, built([ 'asks', 'app' ], join "\n", @lines));
	my ($server, @seen) = @$whole;
	my @alone = answers($who, map { built([ 'asks', 'app' ], $_) } @lines);
	my @differ;

	ok($server->{system_identifier}, 'the server is told' . ($who ? ', to who is no superuser' : ''));
	is(join(' ', map { $_->{nr} } @seen), join(' ', 1 .. $many), 'each is told, in the order of the questions');
	foreach my $i (0 .. $#lines)
	{
		my $one = $alone[$i][1];

		delete @$one{ 'nr' };
		delete $seen[$i]{nr};
		push @differ, "$lines[$i]: " . $json->encode($seen[$i]) . ' alone: ' . $json->encode($one) if $json->encode($seen[$i]) ne $json->encode($one);
	}
	is(scalar(@differ), 0, 'as it is told alone') or diag(join "\n", grep { defined } @differ[ 0 .. 4 ]);
	my %kinds = map { my $seen = $_; map { ($_ => 1) } keys %$seen } @seen;
	is(join(' ', grep { !$kinds{$_} } qw(role_mark grants_ok missing bad no_identity fix pub_mark pub_lacks pub_besides slot)), '', 'and all that can be told is there');
}
my ($elsewhere) = answers('', built([ 'asks', 'postgres' ], $lines[0]));
is(scalar(@$elsewhere), 1, 'asked of another database nothing is told but of the server');

# --- its answer is bounded ------------------------------------------------------------------
my $long = join ' ', map { '"' . ('s' x 60) . '"."' . ('t' x 58) . sprintf('%03d"', $_) } 1 .. 40;
my ($cut) = answers('', built([ 'asks', 'app' ], join "\n", map { "p$_ - $long" } 1 .. $many));
my $told = $#$cut;
cmp_ok($told, '>', 50, 'of many long answers some are told');
cmp_ok($told, '<', $many, '... and not all');
is(join(' ', map { $cut->[$_]{nr} } 1 .. $told), join(' ', 1 .. $told), '... the first ones');
cmp_ok(length($json->encode($cut)), '<', 500_000, '... below the bound');

# --- what it reads grows with what is asked ---------------------------------------------------
# Rows that the plan's nodes made in all: a join of each with each has the square.
sub work
{
	my ($n) = @_;
	my $ask = built([ 'asks', 'app' ], join "\n", @lines[ 0 .. $n - 1 ]) =~ s/'/''/gr;
	my $sql = "SET plan_cache_mode = force_generic_plan;\n${observe}EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, FORMAT JSON) EXECUTE q('$ask');\n";
	my ($out, $err) = ('', '');
	my $sum;

	run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('app'), '-f', '-' ], '<', \$sql, '>', \$out, '2>', \$err) or die "observation failed: $err";
	$sum = sub {
		my ($plan) = @_;
		my $rows = $plan->{'Actual Loops'} * ($plan->{'Actual Rows'} + ($plan->{'Rows Removed by Filter'} // 0) + ($plan->{'Rows Removed by Join Filter'} // 0));

		$rows += $sum->($_) foreach @{ $plan->{Plans} || [] };
		return $rows;
	};
	return $sum->(JSON::PP::decode_json($out)->[0]{Plan});
}

# those that capture all tables read all of them, whoever else asks
@lines = grep { / "/ } @lines;
$node->safe_psql('app', 'ANALYZE');
my ($few, $more) = (work(25), work(200));
note "rows: $few for 25, $more for 200";
cmp_ok($more, '<', 12 * $few, 'eight times as many pipelines are eight times the work, not 64 times');

done_testing();
