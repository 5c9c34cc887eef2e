# 117_keys.pl: tables without a key.  Whatever the pipeline does, UPDATE and
# DELETE of the application work; what the application's own DDL breaks is told
# with the SQL to type.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { snapshot_ms => 50 }, meta_conf => "cdc_pipeline.settle_after = '1s'\ncdc_pipeline.health_interval = '1s'\n");

# The application: it changes all of its tables again and again, and counts what is refused.
$c->source_sql(<<'SQL');
CREATE SCHEMA app;
CREATE TABLE app.loop (rounds bigint, over boolean);
INSERT INTO app.loop VALUES (0, false);
CREATE TABLE app.refused (what text);
CREATE TABLE app.watched (name text);
CREATE PROCEDURE app.work() LANGUAGE plpgsql AS $$
DECLARE
	t text;
BEGIN
	WHILE NOT (SELECT over FROM app.loop) LOOP
		FOR t IN SELECT name FROM app.watched LOOP
			BEGIN
				EXECUTE 'UPDATE ' || t || ' SET note = note';
			EXCEPTION WHEN object_not_in_prerequisite_state THEN
				INSERT INTO app.refused VALUES (t || ': ' || SQLERRM);
			END;
			COMMIT;
		END LOOP;
		UPDATE app.loop SET rounds = rounds + 1;
		COMMIT;
	END LOOP;
END
$$;
SQL
my $before = $c->world;
my $worker = $c->{source}->background_psql('shop', on_error_stop => 1);
$worker->query_until(qr/begun/, "\\echo begun\nCALL app.work();\n\\echo ended\n");

# Two whole rounds of the application from now on, and nothing of it refused.
sub works_ok
{
	my ($test) = @_;
	my $round = $c->source_sql('SELECT rounds FROM app.loop');

	$c->wait_ok(sub { $c->source_sql('SELECT rounds FROM app.loop') > $round + 2 }, "($test: the application works)");
	is($c->source_sql('SELECT DISTINCT what FROM app.refused'), '', $test);
}

# It is failing; nobody counts that any more.
sub fails_ok
{
	my ($test) = @_;

	$c->wait_ok(sub { $c->source_sql('SELECT count(*) FROM app.refused') > 0 }, $test);
}

sub watch
{
	$c->source_sql("INSERT INTO app.watched VALUES ('$_')") foreach @_;
}

sub finding
{
	my ($id, $column) = @_;

	return $c->sql("SELECT $column FROM cdc.finding WHERE pipeline_id = '$id' AND check_name = 'tables_without_key'");
}

# What the finding gives is typed; then all is well again.
sub mended_ok
{
	my ($id, $test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$c->source_sql(finding($id, 'fix_sql'));
	$c->source_sql('DELETE FROM app.refused');
	$c->running_ok($id, "$test: what it gives to type mends it");
	$c->wait_ok(sub { !finding($id, 'count(*)') }, '... and the finding is gone');
	works_ok('... the application works again');
}

# --- by default it waits ---------------------------------------------------------
$c->source_sql(<<'SQL');
CREATE TABLE log (id int, note text);
INSERT INTO log VALUES (1, 'a');
CREATE TABLE parted (id int, note text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
CREATE TABLE "Parted 2 1" PARTITION OF parted_2 FOR VALUES FROM (100) TO (200);
ALTER TABLE parted_1 REPLICA IDENTITY FULL;
INSERT INTO parted VALUES (1, 'a'), (101, 'b');
SQL
$c->source_sql('CREATE TABLE orders_2 (id int PRIMARY KEY, note text); INSERT INTO orders_2 VALUES (1)');
watch('log', 'parted', 'orders_2');
my $log = $c->create('log', tables => [ 'log', 'orders_2' ]);
$c->status_ok($log, 'Provisioning', 'a named table without a key is waited for',
	step => 'prepare_source', message => qr/^waiting for a replica identity of public\.log, .*: ALTER TABLE public\.log REPLICA IDENTITY FULL;$/);
my $parted = $c->create('parted', tables => ['parted']);
$c->status_ok($parted, 'Provisioning', 'of a partitioned one its partitions',
	step => 'prepare_source', message => qr/^waiting for a replica identity of public\."Parted 2 1", .*: ALTER TABLE public\."Parted 2 1" REPLICA IDENTITY FULL;$/);
is($c->source_sql('SELECT count(*) FROM pg_publication'), 0, 'nothing is published');
works_ok('the application notices nothing');
foreach my $id ($log, $parted)
{
	my ($fix) = $c->message($id) =~ /: (ALTER TABLE.*)/;
	$c->source_sql($fix);
	$c->running_ok($id, 'what it gives to type is what it waits for');
}
works_ok('nor when all of it is published');

# --- while it runs ---------------------------------------------------------------------
$c->source_sql('ALTER TABLE orders_2 DROP CONSTRAINT orders_2_pkey');
fails_ok('PostgreSQL refuses UPDATE of a published table whose key is dropped');
$c->message_ok($log, qr/^PostgreSQL refuses UPDATE and DELETE on public\.orders_2, which have no replica identity: ALTER TABLE public\.orders_2 REPLICA IDENTITY FULL;$/, 'that is told');
is(finding($log, "concern || ' ' || severity || ' ' || observed"), 'flow blocker public.orders_2', 'as a finding too');
is($c->sql("SELECT count(*) FROM cdc.check_health() WHERE name = 'log' AND error_message LIKE '%orders_2%'"), 1, 'and by check_health()');
mended_ok($log, 'a key that was dropped');

$c->source_sql('ALTER TABLE log ALTER id SET NOT NULL; CREATE UNIQUE INDEX log_id ON log (id); ALTER TABLE log REPLICA IDENTITY USING INDEX log_id');
$c->wait_round($log);
is($c->message($log), '', 'an index serves as well');
$c->source_sql('DROP INDEX log_id');
$c->wait_ok(sub { finding($log, 'observed') eq 'public.log' }, 'until it is dropped');
mended_ok($log, 'an index that was dropped');
$c->source_sql('ALTER TABLE log REPLICA IDENTITY NOTHING');
$c->wait_ok(sub { finding($log, 'observed') eq 'public.log' }, 'or the identity is changed');
mended_ok($log, 'an identity that was changed');

$c->source_sql('CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (200) TO (300)');
$c->wait_ok(sub { finding($parted, 'observed') eq 'public.parted_3' }, 'a new partition without a key is told');
mended_ok($parted, 'a new partition');
$c->source_sql("CREATE TABLE apart (id int, note text); INSERT INTO apart VALUES (300, 'x'); ALTER TABLE parted ATTACH PARTITION apart FOR VALUES FROM (300) TO (400)");
$c->wait_ok(sub { finding($parted, 'observed') eq 'public.apart' }, 'and one that is attached');
mended_ok($parted, 'an attached partition');

# --- what is made again is made without breaking anything -------------------------------
my $object = $c->object($log);
$c->source_sql(qq{BEGIN; ALTER TABLE log REPLICA IDENTITY NOTHING; DROP PUBLICATION "$object"; COMMIT});
$c->message_ok($log, qr/^waiting for a replica identity of public\.log, before they are published again and the connector is started: ALTER TABLE public\.log REPLICA IDENTITY FULL;$/,
	'a publication that was dropped is not made again over a table without a key');
works_ok('the application notices nothing of that');
$c->source_sql('ALTER TABLE log REPLICA IDENTITY FULL');
$c->running_ok($log, 'it is when the table has one');
works_ok('nor of its return');

$c->delete($_) foreach $log, $parted;
$c->status_ok($_, 'Deleted', 'gone') foreach $log, $parted;
$c->source_sql('TRUNCATE app.watched; DROP TABLE log, parted, orders_2');

# --- no_key: full ----------------------------------------------------------------------
sub identity
{
	my ($table) = @_;

	return $c->source_sql("SELECT relreplident FROM pg_class WHERE oid = '$table'::regclass");
}

$c->source_sql(<<'SQL');
CREATE TABLE log (id int, note text);
CREATE TABLE nothing (id int PRIMARY KEY, note text);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE TABLE keyed (id int PRIMARY KEY, note text);
CREATE TABLE parted (id int, note text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
INSERT INTO log VALUES (1); INSERT INTO nothing VALUES (1); INSERT INTO keyed VALUES (1); INSERT INTO parted VALUES (1);
SQL
$c->settled_ok;
my $as_it_was = $c->world;
watch('log', 'nothing', 'keyed', 'parted');
my $holder = $c->{source}->background_psql('shop', on_error_stop => 1);
$holder->query_safe('BEGIN; LOCK TABLE nothing IN ACCESS SHARE MODE');
my $full = $c->create('full', tables => [ 'log', 'nothing', 'keyed', 'parted' ], options => { no_key => 'full' });
$c->message_ok($full, qr/^set_identity failed and is tried again: .*lock timeout/, 'a table that is in use is not waited for');
works_ok('nor does anybody wait for us');
isnt($c->spec($full)->{identities}, undef, 'what will be changed is remembered before it is');
$holder->query_safe('COMMIT');
$holder->quit;
$c->running_ok($full, 'the tables are given an identity');
is(join(' ', map { identity($_) } qw(log nothing keyed parted parted_1)), 'f f d d f', 'those that had none');
is(join(' ', sort values %{ $c->spec($full)->{identities} }), 'd d n', 'and what they had is remembered');
works_ok('the application notices nothing');
$c->source_sql('ALTER TABLE keyed DROP CONSTRAINT keyed_pkey; CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200)');
$c->wait_ok(sub { identity('keyed') eq 'f' && identity('parted_2') eq 'f' }, 'a key that is dropped and a partition that comes without are seen to within a round');
$c->running_ok($full, 'as before');
$c->source_sql('DELETE FROM app.refused');
works_ok('the application works again');

# what somebody else changed since, or needs, is left
$c->source_sql(q{ALTER TABLE log ADD PRIMARY KEY (id); ALTER TABLE log REPLICA IDENTITY DEFAULT; CREATE PUBLICATION theirs FOR TABLE parted; ALTER TABLE parted_2 REPLICA IDENTITY NOTHING});
$c->wait_ok(sub { identity('parted_2') eq 'f' }, 'an identity that is changed is set again');
$c->source_sql('DELETE FROM app.refused');
$c->delete($full);
$c->status_ok($full, 'Deleted', 'deleted');
is(join(' ', map { identity($_) } qw(log nothing keyed parted_1 parted_2)), 'd n d f f', 'it is set back, but for what another publication has');
my ($left) = grep { ($_->{detail}{action} // '') eq 'reset_identity' && $_->{kind} eq 'outcome' } $c->events($full);
is($left->{message}, 'REPLICA IDENTITY FULL is left on what other publications have: public.parted_1, public.parted_2', 'which is told');
my @order = map { $_->{detail}{action} } grep { $_->{kind} eq 'action' && $_->{detail}{action} =~ /identity|publication/ } $c->events($full);
is_deeply([ $order[0], @order[ -2, -1 ] ], [qw(set_identity drop_publication reset_identity)], 'set before anything is published, set back when nothing is any more');
works_ok('the application notices nothing of that');
$c->source_sql('DROP PUBLICATION theirs; ALTER TABLE parted_1 REPLICA IDENTITY DEFAULT; DROP TABLE parted_2; ALTER TABLE log DROP CONSTRAINT log_pkey; ALTER TABLE log ALTER id DROP NOT NULL; ALTER TABLE keyed ADD PRIMARY KEY (id)');
$c->settled_ok;
$c->same_world_ok($as_it_was, 'nothing else is left');

# all tables
my $all = $c->create('all', tables => [], options => { no_key => 'full' });
$c->running_ok($all, 'all tables, and all have an identity now');
works_ok('the application notices nothing of all tables');
$c->source_sql('CREATE TABLE later (id int, note text)');
$c->wait_ok(sub { identity('later') eq 'f' }, 'a table that comes later is seen to within a round');
$c->source_sql('DROP TABLE later');
$c->delete($all);
$c->status_ok($all, 'Deleted', 'gone');
$c->settled_ok;
$c->same_world_ok($as_it_was, 'and all have what they had');

# --- no_key: insert_only ---------------------------------------------------------------
# Which tables are in the publication, and what it publishes.
sub published
{
	my ($publication) = @_;

	return $c->source_sql("SELECT string_agg(m.prrelid::regclass::text, ' ' ORDER BY m.prrelid::regclass::text), p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate FROM pg_publication p LEFT JOIN pg_publication_rel m ON m.prpubid = p.oid" .
		" WHERE p.pubname = '$publication' GROUP BY p.oid");
}

my $mixed = $c->create('mixed', tables => [ 'log', 'keyed', 'parted' ], options => { no_key => 'insert_only' });
$c->running_ok($mixed, 'tables with a key and without are captured by one pipeline');
my $own = $c->object($mixed);
my $second = "${own}_inserts";
is(published($own), 'keyed|t|t|t|t', 'those with a key whole');
is(published($second), 'log parted|t|f|f|f', 'of those without INSERT alone');
is(published("$own,$second"), '|t|f|f|f', 'and an empty one has the name of both');
is((($c->sim('GET', '/connectors/' . $c->connector($mixed)))[1] // {})->{config}{'publication.name'}, "$own,$second", 'which Debezium is given');
is(join(' ', map { identity($_) } qw(log parted parted_1)), 'd d d', 'the tables are as they were');
works_ok('the application notices nothing of it');
$c->source_sql(qq{ALTER PUBLICATION "$second" SET (publish = 'insert, update')});
$c->wait_ok(sub { published($second) eq 'log parted|t|f|f|f' }, 'one that was widened is narrowed again');
$c->source_sql('DELETE FROM app.refused');
$c->source_sql('ALTER TABLE log ADD PRIMARY KEY (id)');
$c->wait_round($mixed);
is(published($second), 'log parted|t|f|f|f', 'a key that comes later changes nothing');
$c->source_sql('ALTER TABLE keyed DROP CONSTRAINT keyed_pkey');
$c->wait_ok(sub { published($own) eq '|t|t|t|t' && published($second) eq 'keyed log parted|t|f|f|f' }, 'a key that is dropped makes its table one without');
$c->source_sql('DELETE FROM app.refused');
works_ok('and the application works again');
$c->source_sql(qq{DROP PUBLICATION "$own,$second"});
$c->wait_ok(sub { published("$own,$second") }, 'the name of both comes back');
$c->running_ok($mixed, 'it runs');
is($c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$mixed' AND kind = 'gap'"), 0, 'and there was no gap');
$c->source_sql(qq{ALTER PUBLICATION "$second" DROP TABLE ONLY log});
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline_event WHERE pipeline_id = '$mixed' AND kind = 'gap'") }, 'a table that was taken out of it is one');
$c->running_ok($mixed, 'which is repaired');
is(published($own), 'log|t|t|t|t', 'and what has a key by then is whole');
works_ok('nor does the application notice that');
$c->source_sql(qq{DROP PUBLICATION "$own"});
$c->delete($mixed);
$c->status_ok($mixed, 'Deleted', 'gone');
is($c->source_sql('SELECT count(*) FROM pg_publication'), 0, 'with all three');
$c->source_sql('ALTER TABLE log DROP CONSTRAINT log_pkey; ALTER TABLE log ALTER id DROP NOT NULL');
my $inserts = $c->create('inserts', tables => [ 'log', 'parted' ], topic_prefix => 'inserts', options => { no_key => 'insert_only' });
$c->running_ok($inserts, 'those without a key alone');
is(published($c->object($inserts)), '|t|t|t|t', 'leave the first one empty');
works_ok('nor for the application');
$c->source_sql('CREATE PUBLICATION "' . $c->object($inserts) . '_theirs"');
$c->delete($inserts);
$c->status_ok($inserts, 'Deleted', 'gone');
$c->source_sql('DROP PUBLICATION "' . $c->object($inserts) . '_theirs"');

$c->source_sql('UPDATE app.loop SET over = true');
$worker->quit;
$c->settled_ok;
$c->source_sql('DROP TABLE log, nothing, keyed, parted; TRUNCATE app.watched');
$c->same_world_ok($before, 'nothing is left');

done_testing();
