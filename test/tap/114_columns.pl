# 114_columns.pl: columns that do not come as they are: for what a new pipeline waits,
# what is told of one that runs, and what a snapshot reads of tables that others
# inherit from.
#
# On each version of PostgreSQL: catalogs of types, domains, keys and inheritance.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new;
my $n = 0;

# What findings of columns a pipeline has, "check: observed" each.
sub told
{
	my ($id) = @_;
	return $c->sql("SELECT coalesce(string_agg(check_name || ': ' || observed, E'\\n' ORDER BY check_name), '') FROM cdc.finding"
		  . " WHERE pipeline_id = '$id' AND check_name IN ('keys_inexact', 'numbers_inexact', 'columns_left_out', 'columns_not_streamed', 'arrays_nested', 'inherited_rows')");
}

sub told_ok
{
	my ($id, $wanted, $test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$c->poll(sub { told($id) eq $wanted });
	return is(told($id), $wanted, $test);
}

# A table of its own for a pipeline of its own.
sub table
{
	my ($columns, %more) = @_;
	my $name = 't' . ++$n;
	$c->source_sql("CREATE TABLE $name ($columns)");
	return ($name, $c->create($name, tables => [$name], %more));
}

sub done { my ($id) = @_; $c->delete($id); $c->status_ok($id, 'Deleted', '(it goes)'); }

$c->source_sql(<<'SQL');
CREATE DOMAIN big AS numeric(20);
CREATE DOMAIN bigger AS big;
CREATE DOMAIN small AS numeric(15);
CREATE DOMAIN tags AS text[];
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('ok');
CREATE TYPE frange AS RANGE (subtype = float8);
SQL

# --- keys: every way by which a column becomes part of one, and every type that is one for two --------
for my $case (
	[ 'id numeric PRIMARY KEY', 'id (numeric)' ], [ 'id numeric(16) PRIMARY KEY', 'id (numeric(16,0))' ], [ 'id numeric(15,500) PRIMARY KEY', 'id (numeric(15,500))', 15 ],
	[ 'id int, m money, PRIMARY KEY (id, m)', 'm (money)' ], [ 'id big PRIMARY KEY', 'id (public.big)' ], [ 'id bigger PRIMARY KEY', 'id (public.bigger)' ], [ 'id numeric(20)[] PRIMARY KEY', 'id (numeric(20,0)[])' ],
	[ 'id numeric NOT NULL UNIQUE', 'id (numeric)' ])
{
	my ($columns, $which, $since) = @$case;
	next if $since && $c->{source}->pg_version < $since;
	my ($name, $id) = table($columns);
	$c->source_sql("ALTER TABLE $name REPLICA IDENTITY FULL") if $columns !~ /PRIMARY/;
	$c->message_ok($id, qr/^waiting for keys that tell rows apart in Kafka: public\.$name\.\Q$which\E, as a double, .* option decimal\.handling\.mode: string or precise$/, "a key of $columns is waited for");
	is($c->spec($id)->{provision_step}, 'prepare_source', 'before anything is made');
	is($c->source_sql("SELECT count(*) FROM pg_roles WHERE rolname = '" . $c->object($id) . "'"), '0', 'not even its role');
	$c->delete($id);
}
for my $columns ('id numeric(15) PRIMARY KEY', 'id numeric(15,2) PRIMARY KEY', 'id small PRIMARY KEY', 'id int PRIMARY KEY', 'id mood PRIMARY KEY', 'id int PRIMARY KEY INCLUDE (id)')
{
	my (undef, $id) = $columns =~ /INCLUDE/ ? table('id int, v numeric, PRIMARY KEY (id) INCLUDE (v)') : table($columns);
	$c->running_ok($id, "$columns is none of them");
	$c->delete($id);
}
for my $mode (qw(string precise))
{
	my (undef, $id) = table('id numeric PRIMARY KEY, v numeric', options => qq({"decimal.handling.mode": "$mode"}));
	$c->running_ok($id, "with $mode any number is a key");
	told_ok($id, '', 'and nothing is told');
	$c->delete($id);
}
{
	my ($name, $id) = table('id name PRIMARY KEY');
	$c->message_ok($id, qr/keys that tell rows apart in Kafka: public\.$name\.id \(name\), which Debezium leaves empty or out/, 'a key of type name is empty in every event');
	$c->delete($id);
	($name, $id) = table('id pg_lsn PRIMARY KEY', options => '{"decimal.handling.mode": "string"}');
	$c->message_ok($id, qr/public\.$name\.id \(pg_lsn\), which Debezium leaves empty or out/, 'and one that is left out is in none');
	$c->source_sql("ALTER TABLE $name ALTER id TYPE text");
	$c->running_ok($id, 'it goes on when the key is another');
	$c->delete($id);
}

# message.key.columns takes the place of the key, where it names the table
{
	my ($name, $id) = table('id numeric PRIMARY KEY, a int, b numeric', options => qq({"message.key.columns": "public.t@{[$n + 1]}:A"}));
	$c->running_ok($id, 'a key that is chosen in place of the numeric one');
	$c->delete($id);
	for my $option ("public.t@{[$n + 1]}:a,b", "public\\\\.t@{[$n + 1]}:b", 'public.(.*):b', 'x.y:z;(.*).t.*: b', "public.t@{[$n + 1]}:[b]")
	{
		my $this = $option =~ s/t(\d+)/'t' . ($n + 1)/er;
		($name, $id) = table('id int PRIMARY KEY, a int, b numeric', options => qq({"message.key.columns": "$this"}));
		$c->message_ok($id, qr/keys that tell rows apart in Kafka: public\.$name\.b \(numeric\)/, "a numeric one that is chosen by $this");
		$c->delete($id);
	}
	($name, $id) = table('id int PRIMARY KEY, b numeric', options => '{"message.key.columns": "public.other:b"}');
	$c->running_ok($id, 'but not one of another table');
	$c->delete($id);
}

# --- a partitioned table and all tables; partitions have the root's key -------------------------------
{
	$c->source_sql('CREATE TABLE parted (id numeric, d int, PRIMARY KEY (id, d)) PARTITION BY RANGE (d); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (9)');
	my $id = $c->create('parted', tables => ['parted']);
	$c->message_ok($id, qr/tell rows apart in Kafka: public\.parted\.id \(numeric\), as/, 'a partitioned table, by its root');
	$c->delete($id);
}
{
	$c->source_sql('CREATE DATABASE every', 'postgres');
	$c->source_sql('CREATE TABLE a (id int PRIMARY KEY, v numeric); CREATE TABLE b (id numeric PRIMARY KEY)', 'every');
	my $id = $c->create('every', tables => [], database_name => 'every');
	$c->message_ok($id, qr/tell rows apart in Kafka: public\.b\.id \(numeric\), as/, 'of all tables the one that has such a key');
	$c->source_sql('ALTER TABLE b ALTER id TYPE bigint', 'every');
	$c->running_ok($id, 'and on it goes');
	told_ok($id, 'numbers_inexact: public.a.v (numeric)', 'with a finding of the numbers that are no keys');
	$c->source_sql('ALTER TABLE b ALTER id TYPE numeric', 'every');
	told_ok($id, "keys_inexact: public.b.id (numeric)\nnumbers_inexact: public.a.v (numeric)", 'of one that runs a key that changes is a finding');
	is($c->status($id), 'Running', 'and it runs on');
	$c->source_sql('ALTER TABLE b ALTER id TYPE bigint; ALTER TABLE a ALTER v TYPE numeric(10,2)', 'every');
	told_ok($id, '', 'findings end with what they are about');
	$c->delete($id);
}

# --- findings -------------------------------------------------------------------------------------
{
	my ($name, $id) = table('id int PRIMARY KEY, ok1 text, ok2 numeric(15,3), ok3 int[], ok4 mood, ok5 tags, ok6 jsonb, ok7 numeric(10,2)[], ok8 mood[], ok9 tstzrange,'
		  . ' n1 numeric, n2 numeric(16,2), n3 money, n4 big[], n5 numeric[], l1 pair, l2 frange, l3 tsquery, l4 pg_lsn, l5 regclass, l6 xid8, l7 interval[], l8 int4multirange, l9 jsonpath,'
		  . ' la xml[], lb money[], lc int2vector, s1 name, s2 int GENERATED ALWAYS AS (id) STORED, m1 int[][], "Odd" name[], oka "char"[], okb macaddr8[], okc timetz[]');
	$c->running_ok($id, 'columns of every kind');
	my $all = sub { my ($sep, @columns) = @_; return join $sep, map { "public.$name.$_" } @columns };
	told_ok($id,
		"arrays_nested: public.$name.m1 (integer[])\n"
		  . 'columns_left_out: ' . $all->(', ', '"Odd" (name[])', 'l1 (public.pair)', 'l2 (public.frange)', 'l3 (tsquery)', 'l4 (pg_lsn)', 'l5 (regclass)', 'l6 (xid8)', 'l7 (interval[])', 'l8 (int4multirange)', 'l9 (jsonpath)', 'la (xml[])',
			'lb (money[])', 'lc (int2vector)', 'n4 (public.big[])')
		  . "\ncolumns_not_streamed: " . $all->(', ', 's1 (name)', 's2 (integer)')
		  . "\nnumbers_inexact: " . $all->(', ', 'lb (money[])', 'n1 (numeric)', 'n2 (numeric(16,2))', 'n3 (money)', 'n4 (public.big[])', 'n5 (numeric[])'),
		'are told as what they come as');
	$c->delete($id);
	my (undef, $with) = table('id int PRIMARY KEY, l1 pair, l7 interval[]', options => '{"include.unknown.datatypes": true}');
	$c->running_ok($with, 'with include.unknown.datatypes');
	told_ok($with, "columns_left_out: public.t$n.l7 (interval[])", 'most are not left out');
	$c->delete($with);
}

# what is told is bounded
{
	my ($name, $id) = table('id int PRIMARY KEY, ' . join ', ', map { "c$_ numeric" } 1001 .. 2590);
	$c->running_ok($id, 'a table of 1,591 columns');
	told_ok($id, 'numbers_inexact: ' . join(', ', map { "public.$name.c$_ (numeric)" } 1001 .. 1020) . ' and 1570 more', 'twenty are named');
	$c->delete($id);
}

# --- inheritance --------------------------------------------------------------------------------------
sub overrides
{
	my ($id) = @_;
	my $config = $c->sim_state($c->connector($id))->{config};
	return join "\n", map { "$_=$config->{$_}" } sort grep { /^snapshot\.select/ } keys %$config;
}
sub requests { my ($id) = @_; my $name = $c->connector($id); return scalar grep { $_->{path} =~ /$name/ } @{ $c->mutations }; }
{
	$c->source_sql('CREATE SCHEMA "S.x"; CREATE TABLE "S.x"."Par""ent" (id int PRIMARY KEY); CREATE TABLE child (PRIMARY KEY (id)) INHERITS ("S.x"."Par""ent"); CREATE TABLE lone (id int PRIMARY KEY)');
	my $id = $c->create('inherited', tables => [ '"S.x"."Par""ent"', 'lone', 'child' ]);
	$c->running_ok($id, 'a table that another inherits from');
	is(overrides($id), qq(snapshot.select.statement.overrides=S.x.Par"ent\nsnapshot.select.statement.overrides.S.x.Par"ent=SELECT * FROM ONLY "S.x"."Par""ent"), 'is read without its children, and no other table is');
	my $requests = requests($id);
	$c->source_sql('CREATE TABLE late () INHERITS (lone)');
	told_ok($id, 'inherited_rows: "public"."lone"', 'a child that is made later is told');
	$c->set('health_interval', '1s');
	$c->wait_round($id) for 1 .. 2;
	is(requests($id), $requests, 'and nothing is configured anew for it');
	$c->source_sql('DROP TABLE late');
	told_ok($id, '', 'until it is gone');
	$c->{meta}->restart;
	$c->wait_round($id) for 1 .. 2;
	is(requests($id), $requests, 'nor when the worker starts anew');
	$c->delete($id);
	$id = $c->create('partition', tables => ['parted'], options => '{"decimal.handling.mode": "string"}');
	$c->running_ok($id, 'a partitioned table');
	is(overrides($id), '', 'is read with its partitions');
	$c->delete($id);
	$id = $c->create('everything', tables => [], database_name => 'every');
	$c->running_ok($id, 'all tables');
	is(overrides($id), '', 'of which none has children');
	$c->delete($id);
	$c->source_sql('CREATE TABLE a_child () INHERITS (a); ALTER TABLE a_child ADD PRIMARY KEY (id)', 'every');
	$id = $c->create('everything-2', tables => [], database_name => 'every');
	$c->running_ok($id, 'all tables, and a child');
	is(overrides($id), qq(snapshot.select.statement.overrides=public.a\nsnapshot.select.statement.overrides.public.a=SELECT * FROM ONLY "public"."a"), 'the parent is read without it');
	$c->delete($id);
}
for my $name ('"a,b"', '"a b"', '"a${b"')
{
	$c->source_sql("CREATE TABLE $name (id int PRIMARY KEY); CREATE TABLE kid_$n () INHERITS ($name)");
	my $id = $c->create('unsayable-' . $n++, tables => [$name]);
	$c->message_ok($id, qr/^waiting for tables of which a snapshot has the rows, and no others: "public"\.\Q$name\E, whose name Debezium does not take/, "a parent named $name cannot be told to be read so");
	$c->source_sql('DROP TABLE kid_' . ($n - 1));
	$c->running_ok($id, 'until it has no children');
	$c->delete($id);
}
{
	my ($name, $id) = table('id int PRIMARY KEY, secret text', options => '{"column.exclude.list": "public.*.secret"}');
	$c->running_ok($id, '(without children)');
	$c->delete($id);
	$c->source_sql("CREATE TABLE kid () INHERITS ($name)");
	$id = $c->create('excluding', tables => [$name], options => '{"column.exclude.list": "public.*.secret"}');
	$c->message_ok($id, qr/no others: "public"."$name", whose snapshot cannot be told .* column\.exclude\.list/, 'nor beside columns that are left out');
	$c->delete($id);
	$id = $c->create('no-data', tables => [$name], snapshot_mode => 'no_data', options => '{"column.exclude.list": "public.*.secret"}');
	$c->running_ok($id, 'where no snapshot is taken there is nothing to tell');
	told_ok($id, '', 'and no finding');
	$c->delete($id);
}
{
	my ($name, $id) = table('id int PRIMARY KEY, c refcursor');
	$c->message_ok($id, qr/no others: public\.$name\.c \(refcursor\) makes the snapshot fail; .*column\.exclude\.list/, 'a column by which the snapshot would fail for ever');
	$c->delete($id);
}

$c->stop;
done_testing();
