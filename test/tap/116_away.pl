# 116_away.pl: a table that is renamed, or moved to another schema, and back.  While the
# task runs on, nothing is lost; where it is started meanwhile, what was written under
# the other name never comes: a gap.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(meta_conf => "cdc_pipeline.health_interval = '1s'\n");
my $n = 0;

sub gaps { my ($id) = @_; return join ' ', map { $_->{detail}{kind} } $c->events($id, "kind = 'gap' AND message LIKE '%may be missing%'"); }

# The task is started anew, and its walsender is another one.
sub restart
{
	my ($id) = @_;
	my $slot = $c->object($id);
	my $pid = "SELECT coalesce(max(active_pid), 0) FROM pg_replication_slots WHERE slot_name = '$slot'";
	my $before = $c->source_sql($pid);

	$c->sim('POST', '/connectors/' . $c->connector($id) . '/restart?includeTasks=true');
	$c->wait_ok(sub { my $now = $c->source_sql($pid); $now != 0 && $now != $before }, '(the task is started anew)');
}

# Two looks at the columns, begun from now on.
sub looked
{
	my ($id) = @_;
	$c->wait_round($id) for 1 .. 2;
}

sub pipeline
{
	my $name = 'a' . ++$n;
	$c->source_sql("CREATE TABLE $name (id int PRIMARY KEY)");
	my $id = $c->create($name, tables => [ $name, 'orders' ]);
	$c->running_ok($id, "($name runs)");
	looked($id);
	return ($name, $id);
}

sub again_ok { my ($id, $test) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1;
	$c->wait_ok(sub { gaps($id) ne '' }, $test);
	is(gaps($id), 'table_away', '... as what it is');
	$c->running_ok($id, '... and a new snapshot is taken');
}

$c->source_sql('CREATE SCHEMA other');
for my $way ([ 'ALTER TABLE %s RENAME TO %s_x', 'ALTER TABLE %s_x RENAME TO %s' ], [ 'ALTER TABLE %s SET SCHEMA other', 'ALTER TABLE other.%s SET SCHEMA public' ])
{
	my ($away, $back) = @$way;
	my ($name, $id) = pipeline();
	$c->source_sql(sprintf $away, $name, $name);
	$c->message_ok($id, qr/^tables of the pipeline are not there any more: public\.$name$/, sprintf("$away: it is not there", $name, $name));
	$c->source_sql(sprintf $back, $name, $name);
	$c->running_ok($id, 'and it is back');
	looked($id);
	is(gaps($id), '', 'without a restart nothing is missing');
	$c->source_sql(sprintf $away, $name, $name);
	$c->message_ok($id, qr/not there any more/, 'it goes again');
	restart($id);
	looked($id);
	is(gaps($id), '', 'the task is started while it is away: no gap yet');
	$c->source_sql(sprintf $back, $name, $name);
	again_ok($id, 'it comes back: a gap');
	looked($id);
	is(gaps($id), 'table_away', 'once');
	$c->delete($id);
	$c->status_ok($id, 'Deleted', '(it goes)');
}

# There and back between two looks.
{
	my ($name, $id) = pipeline();
	$c->set('health_interval', '60s');
	$c->source_sql("BEGIN; ALTER TABLE $name RENAME TO ${name}_x; ALTER TABLE ${name}_x RENAME TO $name; COMMIT");
	restart($id);
	$c->set('health_interval', '1s');
	my $told = sub { return $c->sql("SELECT count(*) FROM cdc.finding WHERE pipeline_id = '$id' AND check_name = 'rows_missing' AND observed LIKE 'the task was started while a table was changed%'"); };
	$c->wait_ok(sub { $told->() eq '1' }, 'there and back between two looks, with a restart: that rows may be missing is told');
	is(gaps($id), '', '... and it is no gap: a GRANT looks the same');
	$c->sql("SELECT cdc.acknowledge('$id', 'rows_missing')");
	looked($id);
	$c->source_sql("GRANT SELECT ON $name TO PUBLIC");
	looked($id);
	is($told->(), '0', 'a GRANT alone is nothing');
	restart($id);
	looked($id);
	is($told->(), '0', 'nor is a restart');
	$c->delete($id);
}

$c->stop;
done_testing();
