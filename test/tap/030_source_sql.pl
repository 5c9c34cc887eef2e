# 030_source_sql.pl: what src/remote builds for a source server, run on one.
#
# Compared with what PostgreSQL really does, not with what we believe.
#
# On each version of PostgreSQL: what is compared is what PostgreSQL does.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Temp ();
use IPC::Run qw(run start finish timeout);
use JSON::PP ();
use POSIX ();
use lib dirname(__FILE__) . '/lib';
use CdcNode;
use SourceSql qw(built rows);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $scratch = PostgreSQL::Test::Utils::tempdir();

my $id = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890';
my $name = 'mdb_pipeline_a1b2c3d4';
my @listed = ('"public"."orders"', '"S x"."T,a""b"', '"public"."parted"', q{"public"."q$cdc$'\; --"});

my $node = CdcNode->new('source');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', <<'CONF');
wal_level = logical
max_prepared_transactions = 5
shared_preload_libraries = 'pg_stat_statements'
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'SQL');
CREATE EXTENSION pg_stat_statements;
CREATE TABLE orders (id int PRIMARY KEY, x text);
CREATE SCHEMA "S x";
CREATE TABLE "S x"."T,a""b" (id int PRIMARY KEY);
CREATE TABLE parted (id int, day int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE VIEW v AS SELECT 1;
CREATE TABLE "q$cdc$'\; --" (id int PRIMARY KEY);
SQL

# Runs commands as one batch; the rows of its answer as [state, words and hint], as ddl.c reads them.
sub batch
{
	my (@commands) = @_;
	my ($out, $err) = ('', '');
	run([ 'psql', '-XqAt', '-F', "\t", '-R', "\1", '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('app'), '-c', built([ 'batch', @commands ]) ], '>', \$out, '2>', \$err)
	  or die "batch failed: $err";
	return map { /(?:^|\n)\d+\t(\w*)\t([^\t]*)\t([^\t]*)$/ ? [ $1, $2, $3 ] : () } split /[\1]/, $out =~ s/\n\z//r;
}

# The same for those that were not begun, until none is left.
sub batches
{
	my (@commands) = @_;
	my @rows;

	while (@commands)
	{
		my @begun = batch(@commands[ 0 .. ($#commands < 9 ? $#commands : 9) ]);	# as many as an argument may have

		die 'nothing was begun' if !@begun;
		push @rows, @begun;
		splice @commands, 0, scalar @begun;
	}
	return @rows;
}

# Runs an action's command; returns (status, output, error).
sub action
{
	my ($what, $extra, @tables) = @_;
	my $sql = built([ $what, $id, $name, 'app', $extra, @tables ]);
	my ($row) = batch($sql);
	return ($row->[0] eq '', $row->[0] eq '' ? $row->[1] : '', "$row->[0]: $row->[1] ($row->[2])");
}

sub action_ok
{
	my ($test, @args) = @_;
	my ($ok, $out, $err) = action(@args);
	ok($ok, $test) or diag($err);
	my @lines = split /\n/, $out;
	return $lines[-1] // '';
}

# Observes and reads the answer as cdc_source_parse does; a hash of strings.
sub observe_on
{
	my ($server, $full, $user, @tables) = @_;
	my $ask = built([ 'ask', $id, $name, 'app', $full, @tables ]);
	(my $literal = $ask) =~ s/'/''/g;
	my $sql = 'PREPARE q(text) AS ' . built(['observe']) . ";\nEXECUTE q(E'" . ($literal =~ s/\\/\\\\/gr) . "');\n";
	my ($out, $err) = ('', '');
	my $conn = $server->connstr('app') . ($user ? " user=$user" : '');
	run([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $conn, '-f', '-' ], '<', \$sql, '>', \$out, '2>', \$err)
	  or die "observation failed: $err";
	my %seen = map { /^([^=]+)=(.*)$/s ? ($1, $2) : () } split /\n/, built([ 'parse' ], join("\n", rows($out)));
	return \%seen;
}

sub observe { return observe_on($node, 'false', undef, @_); }

# Polls a condition; never longer than 30 s.
sub wait_until
{
	my ($what, $condition) = @_;
	my $deadline = time + 30;
	my $last;
	while (time < $deadline)
	{
		my ($done, $value) = $condition->();
		return pass($what) if $done;
		$last = $value;
		usleep(50_000);
	}
	fail("$what: not within 30 s");
	diag("last seen: $last") if defined $last;
	return;
}

# Every right, role, publication and slot, semantically.
sub world
{
	my $per_db = <<'SQL';
SELECT 'class', c.oid::regclass::text, array_to_string(ARRAY(SELECT a::text FROM unnest(coalesce(c.relacl, acldefault('r', c.relowner))) a ORDER BY 1), ',')
FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384
UNION ALL SELECT 'schema', n.nspname, array_to_string(ARRAY(SELECT a::text FROM unnest(coalesce(n.nspacl, acldefault('n', n.nspowner))) a ORDER BY 1), ',')
FROM pg_namespace n WHERE n.nspname !~ '^pg_(toast_)?temp'
UNION ALL SELECT 'publication', p.pubname, p::text FROM pg_publication p
UNION ALL SELECT 'comment', d.classoid::text, d.description FROM pg_description d WHERE d.objoid >= 16384
ORDER BY 1, 2, 3
SQL
	my $shared = <<'SQL';
SELECT 'role', a.rolname, a::text FROM pg_authid a
UNION ALL SELECT 'member', m.roleid::regrole::text, m.member::regrole::text FROM pg_auth_members m
UNION ALL SELECT 'database', d.datname, coalesce(d.datacl, acldefault('d', d.datdba))::text FROM pg_database d
UNION ALL SELECT 'slot', s.slot_name, s.plugin FROM pg_replication_slots s
UNION ALL SELECT 'comment', s.classoid::text, s.description FROM pg_shdescription s
UNION ALL SELECT 'depends', s.classid::text, s.refobjid::text FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass
ORDER BY 1, 2, 3
SQL
	return $node->safe_psql('app', $per_db) . "\n" . $node->safe_psql('postgres', $shared);
}

my $before = world();

note 'the server as it is';
my $seen = observe(@listed);
is($seen->{in_recovery}, 0, 'a primary');
is($seen->{timeline}, 1, 'timeline');
is($seen->{system_identifier}, $node->safe_psql('postgres', 'SELECT system_identifier FROM pg_control_system()'), 'system identifier');
is($seen->{version}, $node->safe_psql('postgres', 'SHOW server_version_num'), 'version');
is($seen->{wal_level}, 'logical', 'wal_level');
cmp_ok($seen->{wal_lsn}, '>', 0, 'position');
cmp_ok(abs($seen->{now_us} / 1e6 - time), '<', 30, 'clock');
is($seen->{free_slots}, $node->safe_psql('postgres', 'SHOW max_replication_slots'), 'free slots');
is($seen->{free_senders}, $node->safe_psql('postgres', 'SHOW max_wal_senders'), 'free WAL senders');
is($seen->{superuser}, 1, 'superuser');
is($seen->{hba_length}, -1, 'no file unless asked for');
is($seen->{role_exists} . $seen->{pub_exists} . $seen->{slot_exists}, '000', 'nothing of ours is there');

note 'tables';
$seen = observe(@listed, '"public"."gone"', '"no such"."t"', '"public"."v"', '"pg_catalog"."pg_class"');
is($seen->{tables_missing}, '"no such".t, public.gone', 'missing tables are named');
is($seen->{tables_bad_kind}, 'pg_catalog.pg_class (system table), public.v (view)', 'what is no table is named');

note 'role';
my $verifier = $node->safe_psql('postgres', <<'SQL');
SET password_encryption = 'scram-sha-256';
BEGIN;
CREATE ROLE throwaway PASSWORD 'it''s \secret';
SELECT rolpassword FROM pg_authid WHERE rolname = 'throwaway';
ROLLBACK;
SQL
like($verifier, qr/^SCRAM-SHA-256\$/, 'a verifier');
my ($ok, $out, $err);

$node->safe_psql('postgres', qq{CREATE ROLE "$name" LOGIN});
($ok, $out, $err) = action('role', $verifier, @listed);
ok(!$ok, 'a role without our mark is refused');
like($err, qr/a role named "$name" exists that this pipeline did not make/, '... and named');
is(action_ok('dropping it', 'drop_role', '-'), 'kept: this pipeline did not make it', '... keeps it');
$node->safe_psql('postgres', qq{COMMENT ON ROLE "$name" IS 'cdc_pipeline a1b2c3d4-e5f6-7890-abcd-ef1234567891'});
($ok, $out, $err) = action('role', $verifier, @listed);
ok(!$ok, 'a role with the mark of another is refused');
$node->safe_psql('postgres', qq{DROP ROLE "$name"});

action_ok('role is made', 'role', $verifier, @listed);
$seen = observe(@listed);
is($seen->{role_exists} . $seen->{role_login} . $seen->{role_replication} . $seen->{grants_ok}, '1111', 'as wanted');
is($seen->{role_mark}, "cdc_pipeline $id", 'mark');
is($seen->{role_password_hash}, $node->safe_psql('postgres', "SELECT encode(sha256('" . $verifier . "'), 'hex')"), 'hash of the verifier');
is($seen->{role_has_dependents}, 0, 'our own grants are no dependents');
my $with_role = world();
action_ok('role again', 'role', $verifier, @listed);
is(world(), $with_role, '... changes nothing');
is($node->safe_psql('app', "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%SCRAM-SHA%' AND query LIKE '%DO %'"), 0, 'no verifier in pg_stat_statements');
unlike($with_role, qr/schema\|public\|.*$name/, 'what PUBLIC has is not granted again');

$node->safe_psql('app', qq{REVOKE SELECT ON orders FROM "$name"});
is(observe(@listed)->{grants_ok}, 0, 'a revoked right is seen');
$node->safe_psql('app', qq{ALTER ROLE "$name" NOLOGIN NOREPLICATION VALID UNTIL '2020-01-01' PASSWORD 'x'});
$seen = observe(@listed);
is($seen->{role_login} . $seen->{role_replication}, '00', 'changed attributes are seen');
isnt($seen->{role_password_hash}, observe_on($node, 'false', undef)->{nothing} // '', 'changed password is seen');
action_ok('role is repaired', 'role', $verifier, @listed);
$seen = observe(@listed);
is($seen->{role_login} . $seen->{role_replication} . $seen->{grants_ok}, '111', '... as wanted again');

$node->safe_psql('app', 'ALTER TABLE orders ENABLE ROW LEVEL SECURITY');
is(observe(@listed)->{grants_ok}, 1, 'row level security hides nothing from our role');
$node->safe_psql('app', qq{ALTER ROLE "$name" NOBYPASSRLS});
is(observe(@listed)->{grants_ok}, 0, '... and is seen when it would');
$node->safe_psql('app', 'ALTER TABLE orders DISABLE ROW LEVEL SECURITY');
action_ok('role is repaired again', 'role', $verifier, @listed);

note 'publication';
action_ok('publication is made', 'publication', 3, @listed);
$seen = observe(@listed);
is($seen->{pub_exists} . $seen->{pub_ok} . $seen->{pub_lacks}, '110', 'as wanted');
is($seen->{pub_mark}, "cdc_pipeline $id epoch 3", 'mark with epoch');
is($node->safe_psql('app', "SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY tablename COLLATE \"C\") FROM pg_publication_tables WHERE pubname = '$name'"),
	q{S x.T,a"b public.orders public.parted public.q$cdc$'\; --}, 'the root of partitions, not the leaves');
my $with_publication = world();
action_ok('publication again', 'publication', 3, @listed);
is(world(), $with_publication, '... changes nothing');

my @drifts = (
	[ qq{ALTER PUBLICATION "$name" SET (publish = 'insert, update')}, 1, 'it does not publish delete, truncate' ],
	[ qq{ALTER PUBLICATION "$name" SET (publish_via_partition_root = false)}, 1, 'publish_via_partition_root is off' ],
	[ qq{ALTER PUBLICATION "$name" DROP TABLE orders}, 1, 'it lacks public.orders' ],
	[ qq{ALTER PUBLICATION "$name" ADD TABLE other}, 0, 'it also has public.other' ],
	[ qq{ALTER PUBLICATION "$name" SET TABLE orders WHERE (id > 1), "S x"."T,a""b", parted, "q\$cdc\$'\\; --"}, 1, 'it has a row filter on public.orders' ],
	[ qq{ALTER PUBLICATION "$name" SET TABLE orders (id), "S x"."T,a""b", parted, "q\$cdc\$'\\; --"}, 1, 'it has a column list on public.orders' ],
	[ qq{ALTER PUBLICATION "$name" ADD TABLES IN SCHEMA "S x"}, 0, 'it also has whole schemas' ],
	[ qq{DROP PUBLICATION "$name"; CREATE PUBLICATION "$name" FOR ALL TABLES WITH (publish_via_partition_root = true);
		COMMENT ON PUBLICATION "$name" IS 'cdc_pipeline $id epoch 3'}, 0, 'it is for all tables' ]);
@drifts = grep { $_->[0] !~ /WHERE|\(id\)|IN SCHEMA/ } @drifts if $seen->{version} < 150000;
$node->safe_psql('app', 'CREATE TABLE other (id int PRIMARY KEY)');
foreach my $drift (@drifts)
{
	my ($sql, $lacks, $words) = @$drift;
	$node->safe_psql('app', $sql);
	$seen = observe(@listed);
	is($seen->{pub_ok} . ' ' . $seen->{pub_lacks} . ' ' . $seen->{pub_wrong}, "0 $lacks $words", "drift: $words");
	action_ok('... is repaired', 'publication', 3, @listed);
	$seen = observe(@listed);
	is($seen->{pub_ok} . $seen->{pub_lacks}, '10', '... to what is wanted') or diag($seen->{pub_wrong});
}
($ok, $out, $err) = action('publication', 2, @listed);
ok(!$ok, 'a mark that was not looked at is not overwritten');
like($err, qr/the mark on publication "$name" is another one than was looked at.*epoch 3/s, '... and told so');
($ok, $out, $err) = action('publication', '4:2', @listed);
ok(!$ok && $err =~ /another one than was looked at/, '... nor when another one was');
($ok) = action('drop_publication', ':2');
ok(!$ok, '... nor dropped');
($ok, $out, $err) = action('publication', 3, @listed, '"public"."gone"');
ok(!$ok && $err =~ /table "public"."gone" does not exist/, 'a missing table is named');

# Raising the epoch must not lock the tables.
my $holder = $node->background_psql('app', on_error_die => 1);
$holder->query_safe('BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE') if $holder->can('query_safe');
SKIP:
{
	skip 'no query_safe in this version', 1 unless $holder->can('query_safe');
	action_ok('the epoch is raised while a table is locked', 'publication', '4:3', @listed);
}
if ($holder->can('quit')) { $holder->quit; }
else { $holder->finish; action_ok('the epoch is raised', 'publication', '4:3', @listed); }
is(observe(@listed)->{pub_mark}, "cdc_pipeline $id epoch 4", 'epoch 4');

note 'a publication that is not ours';
$node->safe_psql('app', qq{COMMENT ON PUBLICATION "$name" IS NULL});
($ok, $out, $err) = action('publication', '4:4', @listed);
ok(!$ok && $err =~ /a publication named "$name" exists that this pipeline did not make/, 'is not altered');
($ok) = action('drop_publication', '-');
ok(!$ok, '... nor dropped');
action_ok('... but when it is adopted', 'publication', '4:any', @listed);
is(observe(@listed)->{pub_mark}, "cdc_pipeline $id epoch 4", '... it is marked');
action_ok('ours is dropped', 'drop_publication', ':4');
action_ok('... and again', 'drop_publication', ':4');
is(observe(@listed)->{pub_exists}, 0, '... gone');

note 'all tables, and what PostgreSQL refuses without replica identity';
$node->safe_psql('app', <<'SQL');
CREATE TABLE i_none (a int);
CREATE TABLE i_full (a int); ALTER TABLE i_full REPLICA IDENTITY FULL;
CREATE TABLE i_nothing (a int PRIMARY KEY); ALTER TABLE i_nothing REPLICA IDENTITY NOTHING;
CREATE TABLE i_index (a int NOT NULL UNIQUE); ALTER TABLE i_index REPLICA IDENTITY USING INDEX i_index_a_key;
CREATE TABLE i_dropped (a int NOT NULL UNIQUE); ALTER TABLE i_dropped REPLICA IDENTITY USING INDEX i_dropped_a_key;
ALTER TABLE i_dropped DROP CONSTRAINT i_dropped_a_key;
CREATE TABLE i_deferrable (a int PRIMARY KEY DEFERRABLE);
CREATE UNLOGGED TABLE i_unlogged (a int);
CREATE TABLE i_root (a int) PARTITION BY LIST (a);
CREATE TABLE i_leaf PARTITION OF i_root FOR VALUES IN (1);
CREATE TABLE i_leaf_full PARTITION OF i_root FOR VALUES IN (2);
ALTER TABLE i_leaf_full REPLICA IDENTITY FULL;
INSERT INTO i_none VALUES (1); INSERT INTO i_full VALUES (1); INSERT INTO i_nothing VALUES (1);
INSERT INTO i_index VALUES (1); INSERT INTO i_dropped VALUES (1); INSERT INTO i_deferrable VALUES (1);
INSERT INTO i_unlogged VALUES (1); INSERT INTO i_root VALUES (1), (2);
SQL
$seen = observe();
my $named = $seen->{tables_no_identity};
my $fix = $seen->{tables_fix};
is(observe(qw("public"."i_root" "public"."orders" "public"."i_unlogged"))->{tables_no_identity}, 'public.i_leaf', 'named tables: a partitioned one is seen by its partitions');
is(observe(qw("public"."i_leaf" "public"."i_root"))->{tables_fix}, 'ALTER TABLE public.i_leaf REPLICA IDENTITY FULL;', '... each once');
foreach my $tables ([], ['"public"."i_none"'], ['"public"."orders"', '"public"."i_root"'])
{
	my ($done, undef, $why) = action('publication', 1, @$tables);
	ok(!$done && $why =~ /would refuse UPDATE and DELETE on public\.i_/, 'what has no replica identity is not published: ' . (join(' ', @$tables) || 'all tables'));
}
action_ok('what has one is', 'publication', 1, '"public"."orders"');
$node->safe_psql('app', qq{ALTER PUBLICATION "$name" SET (publish = 'insert'); ALTER TABLE orders REPLICA IDENTITY NOTHING});
($ok, $out, $err) = action('publication', '2:1', '"public"."orders"');
ok(!$ok && $err =~ /on public\.orders, which have no replica identity/, 'nor is UPDATE published of what has lost it');
($ok, $out, $err) = action('publication', '2:1', '"public"."orders"', '"public"."parted"');
ok(!$ok && $err =~ /on public\.orders/, '... together with another table');
$node->safe_psql('app', qq{UPDATE orders SET id = id; ALTER TABLE orders REPLICA IDENTITY DEFAULT});
action_ok('it is when it has one again', 'publication', '2:1', '"public"."orders"');
action_ok('... and dropped', 'drop_publication', ':2');
$node->safe_psql('app', 'CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_via_partition_root = true)');
my @refused;
foreach my $t (qw(i_deferrable i_dropped i_full i_index i_leaf i_leaf_full i_none i_nothing i_root i_unlogged orders parted))
{
	my $column = $t =~ /^i_/ ? 'a' : 'id';
	my ($rc, $o, $e) = $node->psql('app', "UPDATE $t SET $column = $column");
	push @refused, "public.$t" if $rc && $e =~ /does not have a replica identity/;
}
# An UPDATE through the root is refused by the leaf.
@refused = grep { $_ ne 'public.i_root' } @refused;
is($named, join(', ', @refused), 'exactly the tables whose UPDATE the server refuses');
is(scalar(@refused), 5, '... of which there are five');
$node->safe_psql('app', $fix);
is(observe()->{tables_no_identity}, '(null)', 'tables_fix is the cure');
foreach my $t (@refused)
{
	$node->safe_psql('app', "UPDATE $t SET a = a");
}
$node->safe_psql('app', 'DROP PUBLICATION everything');

$seen = observe();
is($seen->{grants_ok}, 0, 'all tables: not all are granted');
action_ok('all are granted', 'role', $verifier);
is(observe()->{grants_ok}, 1, '... seen');
is($node->safe_psql('app', "SELECT string_agg(relname, ' ') FROM pg_class WHERE relacl::text LIKE '%$name%' AND (relispartition OR relpersistence <> 'p' OR relkind = 'v')"),
	'', '... but no partition, no unlogged table, no view: they would be in the snapshot');
$node->safe_psql('app', 'CREATE SCHEMA later; CREATE TABLE later.t (id int PRIMARY KEY)');
is(observe()->{grants_ok}, 0, 'a later table is seen');
action_ok('... and granted', 'role', $verifier);
is(observe()->{grants_ok}, 1, '... as wanted');
action_ok('publication for all tables', 'publication', 5);
$seen = observe();
is($seen->{pub_ok} . $seen->{pub_lacks}, '10', '... as wanted');
action_ok('... turned into one for some', 'publication', 5, @listed);
is(observe()->{pub_wrong}, 'it is not for all tables', '... seen by who wants all');
action_ok('... and back', 'publication', 5);
is(observe()->{pub_ok}, 1, '... as wanted');
action_ok('... dropped', 'drop_publication', ':5');

note 'slot';
$node->safe_psql('app', "SELECT pg_create_logical_replication_slot('$name', 'test_decoding')");
$seen = observe(@listed);
is($seen->{slot_exists} . $seen->{slot_fits}, '10', 'another plugin does not fit');
action_ok('... and is not dropped', 'drop_slot', '-');
is(observe(@listed)->{slot_exists}, 1, '... still there');
$node->safe_psql('app', "SELECT pg_drop_replication_slot('$name')");
$node->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')");
is(observe(@listed)->{slot_fits}, 0, 'another database does not fit');
action_ok('... and is not dropped', 'drop_slot', '-');
is(observe(@listed)->{slot_exists}, 1, '... still there');
$node->safe_psql('postgres', "SELECT pg_drop_replication_slot('$name')");

my $made_after = time;
$node->safe_psql('app', "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')");
my $made_before = time;
$seen = observe(@listed);
is($seen->{slot_exists} . $seen->{slot_fits} . $seen->{slot_active} . $seen->{slot_lost} . $seen->{slot_consistent}, '11001', 'ours, idle');
cmp_ok($seen->{slot_made_us} / 1e6, '>=', $made_after, 'made: never before it was');
cmp_ok($seen->{slot_made_us} / 1e6, '<', $made_before + 1, 'made: at most a second late');
cmp_ok($seen->{restart_lsn}, '>', 0, 'restart_lsn');
cmp_ok($seen->{confirmed_flush_lsn}, '>', 0, 'confirmed_flush_lsn');
is($seen->{free_slots}, $node->safe_psql('postgres', 'SHOW max_replication_slots') - 1, 'one slot less');

action_ok('publication to stream', 'publication', 5, @listed);
my $receiver = start([ 'pg_recvlogical', '-d', $node->connstr('app'), '-S', $name, '--start', '-n',
		'-o', 'proto_version=1', '-o', "publication_names=$name", '-f', "$scratch/stream" ], '2>', \my $receiver_err);
wait_until('the slot is seen streaming', sub { my $s = observe(@listed); $s->{slot_active} && $s->{slot_streaming} && $s->{slot_pid} > 0 });
is(observe(@listed)->{slot_since_us}, $node->safe_psql('postgres', 'SELECT (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_replication'), 'since its walsender began');
($ok, $out, $err) = action('drop_slot', '-');
ok(!$ok && $err =~ /is active for PID/, 'an active slot is not dropped');
$node->safe_psql('app', built([ 'terminate', $id, $name, 'app', '-' ]));
wait_until('the slot is seen idle', sub { observe(@listed)->{slot_active} == 0 });
eval { finish($receiver) };
action_ok('the slot is dropped', 'drop_slot', '-');
action_ok('... and again', 'drop_slot', '-');
is($node->safe_psql('app', built([ 'terminate', $id, $name, 'app', '-' ])), '', 'nobody to terminate');
is(observe(@listed)->{slot_exists}, 0, '... gone');

$node->safe_psql('app', "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')");
$node->safe_psql('app', "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
$node->reload;
foreach (1 .. 4)
{
	$node->safe_psql('app', "SELECT pg_logical_emit_message(false, 'x', 'x'); SELECT pg_switch_wal()");
}
$node->safe_psql('app', 'CHECKPOINT');
$seen = observe(@listed);
is($seen->{slot_exists} . $seen->{slot_fits} . $seen->{slot_lost}, '111', 'a lost slot is seen');
like($seen->{slot_lost_why}, qr/^(its WAL was removed|invalidated: wal_removed)/, '... and why');
action_ok('... and dropped', 'drop_slot', '-');
$node->safe_psql('app', 'ALTER SYSTEM RESET max_slot_wal_keep_size');
$node->reload;

note 'a session of the role, an old transaction';
is(observe(@listed)->{sessions_since_us}, 0, 'no session of the role');
is(observe(@listed)->{blocker}, '(null)', 'nothing is in the way');
my $writer = start([ 'psql', '-XqAt', '-d', $node->connstr('app') . " application_name='it\\'s %s'" , '-c', 'BEGIN', '-c', 'INSERT INTO other VALUES (99)', '-c', 'SELECT pg_sleep(60)' ],
	'<', '/dev/null', '>', \my $o1, '2>', \my $e1);
wait_until('an open write transaction is named', sub { my $b = observe(@listed)->{blocker}; (scalar($b =~ /^pid \d+ \(user \S+, application it's %s\), open since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, active$/), $b) });
$node->safe_psql('app', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()");
eval { finish($writer) };
$node->safe_psql('app', "BEGIN; INSERT INTO other VALUES (98); PREPARE TRANSACTION 'left over'");
wait_until('a prepared transaction is named', sub { my $b = observe(@listed)->{blocker}; (scalar($b =~ /^prepared transaction "left over" \(user \S+, database app\), open since /), $b) });
$node->safe_psql('app', "ROLLBACK PREPARED 'left over'");
is(observe(@listed)->{blocker}, '(null)', 'nothing is in the way any more');

note 'somebody else\'s objects on the role';
$node->safe_psql('app', qq{GRANT INSERT ON other TO "$name"});
$node->safe_psql('postgres', qq{CREATE TABLE theirs (a int); GRANT SELECT ON theirs TO "$name"});
is(observe(@listed)->{role_has_dependents}, 1, 'rights in another database are dependents');
like(action_ok('the role is not dropped', 'drop_role', '-'),
	qr/^kept: it owns, or was given rights on: objects in database postgres, table public\.other$/, '... and the receipt says why');
$seen = observe(@listed);
is($seen->{role_exists} . $seen->{role_login} . $seen->{role_replication}, '100', '... but disarmed');
$node->safe_psql('postgres', 'DROP TABLE theirs');
is(observe(@listed)->{role_has_dependents}, 1, '... and still has dependents, here');
like(action_ok('again', 'drop_role', '-'), qr/^kept: .*: table public\.other$/, '... and the receipt says so');
$node->safe_psql('app', qq{REVOKE INSERT ON other FROM "$name"});
is(observe(@listed)->{role_has_dependents}, 0, '... until the last is gone');
is(action_ok('the role is dropped', 'drop_role', '-'), 'dropped', '... says so');
is(action_ok('... and again', 'drop_role', '-'), 'absent', '... says so');
action_ok('publication is dropped', 'drop_publication', ':5');

$node->safe_psql('app', <<'SQL');
DROP TABLE other, i_none, i_full, i_nothing, i_index, i_dropped, i_deferrable, i_unlogged, i_root;
DROP SCHEMA later CASCADE;
SQL
is(world(), $before, 'nothing is left of it all');

note 'schema and database that PUBLIC may not use';
$node->safe_psql('app', 'REVOKE CONNECT ON DATABASE app FROM PUBLIC; REVOKE USAGE ON SCHEMA public FROM PUBLIC');
my $closed = world();
action_ok('role where nothing is public', 'role', $verifier, @listed);
is(observe(@listed)->{grants_ok}, 1, '... may read');
is(action_ok('... is dropped', 'drop_role', '-'), 'dropped', '... says so');
is(world(), $closed, '... and nothing is left');
$node->safe_psql('app', 'GRANT CONNECT ON DATABASE app TO PUBLIC; GRANT USAGE ON SCHEMA public TO PUBLIC');

note 'many actions in one message';
{
	my $n = 0;
	my $command = sub { my ($what, $extra, @tables) = @_; $n++; return built([ $what, sprintf('%08x-e5f6-7890-abcd-ef1234567890', $n), "mdb_pipeline_$n", 'app', $extra, @tables ]); };
	my $log = -s $node->logfile;

	$node->safe_psql('app', 'CREATE TABLE held (id int PRIMARY KEY); CREATE PUBLICATION mdb_pipeline_4 FOR TABLE orders; CREATE ROLE mdb_pipeline_5');
	my $holder = $node->background_psql('app');
	$holder->query_safe('BEGIN; LOCK TABLE held');
	my @rows = batches($command->('role', $verifier, '"public"."orders"'), $command->('publication', 1, '"public"."gone"'), $command->('publication', 1, '"public"."held"'),
		$command->('publication', 1, '"public"."orders"'), $command->('role', $verifier, '"public"."orders"'));
	is(join(' ', map { $_->[0] || 'done' } @rows), 'done 42P01 55P03 42710 42710', 'each has its own end: what is there, a missing table, one that is locked, names that somebody else has')
	  or diag(map { "@$_\n" } @rows);
	like($rows[1][1], qr/^table "public"\."gone" does not exist$/, '... with its words');
	like($rows[3][1] . $rows[3][2], qr/^a publication named "mdb_pipeline_4" exists that this pipeline did not make.*Rename or drop it/, '... and its hint');
	@rows = batch($command->('publication', 1, '"public"."orders"'));
	is($rows[0][0], '', 'one behind them is made');
	is($node->safe_psql('app', "SELECT string_agg(x, ' ' ORDER BY x) FROM (SELECT rolname FROM pg_roles WHERE rolname ~ '^mdb_pipeline_\\d\$' UNION ALL SELECT pubname FROM pg_publication WHERE pubname ~ '^mdb_pipeline_\\d\$') AS n(x)"),
		'mdb_pipeline_1 mdb_pipeline_4 mdb_pipeline_5 mdb_pipeline_6', 'nothing else was made');
	@rows = batch('SELECT pg_sleep(0.2)', $command->('publication', 1, '"public"."orders"'), 'SELECT 1');
	is(scalar @rows, 1, 'who comes when the time is over is not begun');
	is($node->safe_psql('app', "SELECT count(*) FROM pg_publication WHERE pubname = 'mdb_pipeline_7'"), 0, '... and has done nothing');
	$holder->query_safe('COMMIT');
	$holder->quit;
	@rows = batches(map { $command->('publication', 1, $_ == 17 ? '"public"."gone"' : '"public"."orders"') } 1 .. 50);
	is(join(' ', grep { $rows[$_][0] } 0 .. $#rows), '16', 'one bad table among 50 costs itself');
	is($node->safe_psql('app', "SELECT count(*) FROM pg_publication WHERE pubname ~ '^mdb_pipeline_(8|9|\\d\\d)\$'"), 49, '... the others are there');
	unlike(substr(slurp_file($node->logfile), $log), qr/^\S+ \S+ \S+ \[\d+\] \S+ (?:ERROR|STATEMENT|CONTEXT):/m, 'what fails is told to who asked, and not to the log, with what was asked');
	$node->safe_psql('app', "DO \$\$ DECLARE r record; BEGIN FOR r IN SELECT pubname FROM pg_publication WHERE pubname ~ '^mdb_pipeline_\\d+\$' LOOP EXECUTE format('DROP PUBLICATION %I', r.pubname); END LOOP; END \$\$; DROP OWNED BY mdb_pipeline_1, mdb_pipeline_5; DROP ROLE mdb_pipeline_1, mdb_pipeline_5; DROP TABLE held");
}

note 'without superuser';
$node->safe_psql('postgres', 'CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher');
$seen = observe_on($node, 'true', 'watcher', @listed);
is($seen->{superuser} . $seen->{hba_length}, '0-1', 'the observation works, without what only a superuser may see');
$node->safe_psql('postgres', 'DROP ROLE watcher');

note 'pg_hba.conf';
my $hba = $node->data_dir . '/pg_hba.conf';
my $original = slurp_file($hba) . "# caf\xe9 \\ 'quoted' \$HOME `x` \"y\"\r\nhost all all 203.0.113.0/24 scram-sha-256";
sub write_file { my ($path, $content) = @_; open(my $fh, '>', $path) or die $!; binmode $fh; print $fh $content; close $fh; }
sub read_raw { my ($path) = @_; open(my $fh, '<', $path) or die $!; binmode $fh; local $/; my $c = <$fh>; close $fh; return $c; }

# (path, bytes, hash) as the server gives them.
sub hba_read
{
	my ($o, $e) = ('', '');
	run([ 'psql', '-XqAt', '-F', "\t", '-d', $node->connstr('postgres'), '-c', built(['hba_read']) ], '>', \$o, '2>', \$e) or die $e;
	chomp $o;
	my ($path, $escaped, $hash) = $o =~ /\A([^\t]*)\t(.*)\t([0-9a-f]{64})\t\d+\z/s or die "unexpected: $o";
	return ($path, built(['hba_decode'], $escaped), $hash);
}

sub hba_write
{
	my ($path, $hash, $content) = @_;
	my ($o, $e) = ('', '');
	my $done = run([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \built([ 'hba_write', $path, $hash ], $content), '>', \$o, '2>', \$e)
	  && $e !~ /ERROR/;
	return ($done, $e);
}

sub leftovers { my ($dir) = @_; opendir(my $d, $dir) or die $!; return join ' ', grep { /cdc_/ } readdir $d; }

write_file($hba, $original);
chmod 0640, $hba;
my ($path, $content, $hash) = hba_read();
is($path, $hba, 'path');
is($content, $original, 'every byte is read, also one that is no UTF-8');
my $wanted = built([ 'hba_apply', $id, 'app', $name, '127.0.0.1/32' ], $content);
my ($done, $why) = hba_write($path, $hash, $wanted);
ok($done, 'written') or diag($why);
is(read_raw($hba), $wanted, '... every byte');
is(sprintf('%o', (stat $hba)[2] & 07777), '640', '... mode kept');
is(leftovers($node->data_dir), '', '... nothing beside it');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL'), 0, '... no error in it');
is($node->safe_psql('postgres', "SELECT type || ' ' || array_to_string(database, ',') || ' ' || array_to_string(user_name, ',') || ' ' || address || ' ' || auth_method FROM pg_hba_file_rules WHERE user_name = ARRAY['$name']"),
	"host app $name 127.0.0.1 scram-sha-256", '... and the rule is ours');
$seen = observe_on($node, 'true', undef, @listed);
is($seen->{hba_length}, length($wanted), 'the full observation has the file');

($done, $why) = hba_write($path, $hash, $original);
ok(!$done, 'somebody else wrote meanwhile: refused');
like($why, qr/exit code 3/, '... with exit status 3');
is(read_raw($hba), $wanted, '... the file is untouched');
is(leftovers($node->data_dir), '', '... nothing beside it');

($path, $content, $hash) = hba_read();
($done) = hba_write($path, $hash, built([ 'hba_remove', $id ], $content));
ok($done, 'line is removed');
is(read_raw($hba), $original, '... byte for byte as before');

write_file($hba, $original . "\nhost nonsense\n");
like(observe_on($node, 'true', undef)->{hba_error}, qr/^line \d+: end-of-line before/, 'the errors of the user are seen');
write_file($hba, $original);

note 'Patroni: by its sessions, and what they asked last';
{
	my $heartbeat = $node->background_psql('app', on_error_die => 1);
	my $patroni = sub { my $at = observe_on($node, 'true', undef); return "$at->{patroni} $at->{patroni_spares}"; };
	# the beginning of Postgresql.cluster_info_query as 4.1.0 and 4.0.7 make it
	my $asks = sub { $heartbeat->query_safe("SELECT 0, CASE WHEN latest_end_lsn IS NULL THEN NULL ELSE received_tli END, $_[0] FROM pg_catalog.pg_stat_get_wal_receiver()"); };

	is($patroni->(), '0 -1', 'no session of its name: it is not there');
	$heartbeat->query_safe("SET application_name = 'Patroni heartbeat'");
	is($patroni->(), '1 -1', 'a session of its name: it is there, and of which version is not known');
	$asks->('slot_name, conninfo');
	is($patroni->(), '1 0', 'what it asks before 4.1.0: failover slots are not left alone');
	$asks->("pg_catalog.pg_wal_lsn_diff(written_lsn, '0/0')::bigint, slot_name");
	is($patroni->(), '1 1', 'what it asks since: they are');
	$heartbeat->quit;
}

note 'who writes pg_hba.conf: one at a time, and nobody\'s lines are lost';
{
	my $rounds = 8;
	my @writers;
	my $refusals = PostgreSQL::Test::Utils::tempdir() . '/refusals';

	# what a control plane does, in a process of its own: reads, adds a line, writes; again where somebody else wrote meanwhile
	foreach my $writer (1 .. 3)
	{
		my $pid = fork() // die $!;
		if ($pid)
		{
			push @writers, $pid;
			next;
		}
		foreach my $round (1 .. $rounds)
		{
			foreach my $try (1 .. 100)
			{
				my ($path, $content, $hash) = hba_read();
				my $line = built([ 'hba_apply', sprintf('%08x-0000-4000-8000-%012x', $writer, $round), 'app', "writer_${writer}_$round", '127.0.0.1/32' ], $content);
				my ($done, $why) = hba_write($path, $hash, $line);
				last if $done;
				next if $why =~ /exit code [36]$/m && $try < 100;
				append_to_file($refusals, "writer $writer, round $round, try $try: $why\n");
				POSIX::_exit(1);
			}
		}
		POSIX::_exit(0);
	}
	my $failed = 0;
	foreach my $pid (@writers) { waitpid($pid, 0); $failed ||= $?; }
	is($failed, 0, 'three writers at once, again and again: each gets through') or diag(-e $refusals ? slurp_file($refusals) : 'nothing is told');
	my @lines = read_raw($hba) =~ /"writer_(\d_\d+)"/g;
	is(join(' ', sort @lines), join(' ', sort map { my $w = $_; map { "${w}_$_" } 1 .. $rounds } 1 .. 3), 'every line of each is there');
	is(leftovers($node->data_dir), '', 'and nothing beside the file');
	write_file($hba, $original);

	my $lock = "$hba.cdc_lock";
	my $holder = start([ 'sh', '-c', "exec 9>>'$lock'; flock 9; echo 'cdc_pipeline installation 2, pid 5' >&9; echo held; exec sleep 60" ], '<', '/dev/null', '>', \my $held, '2>', \my $e2);
	wait_until('somebody else writes', sub { $holder->pump_nb; ($held =~ /held/, $held) });
	my ($path, $content, $hash) = hba_read();
	my ($done, $why) = hba_write($path, $hash, $wanted);
	ok(!$done && $why =~ /exit code 6$/m, 'who writes is waited for, not for ever') or diag($why);
	is(read_raw($hba), $original, '... the file is untouched');
	like($node->safe_psql('postgres', built(['hba_holder'])), qr/^cdc_pipeline installation 2, pid 5$/m, '... and it can be told who it is');
	$holder->signal('KILL');
	eval { finish($holder) };
	ok(-e $lock, 'he is killed and leaves his file');
	write_file("$hba.cdc_89abcdef", 'what he had written so far');
	($done, $why) = hba_write($path, $hash, $wanted);
	ok($done && read_raw($hba) eq $wanted, 'the next one writes all the same') or diag($why);
	is(leftovers($node->data_dir), '', '... and takes away what was left');
	is($node->safe_psql('postgres', built(['hba_load'])), '0|', 'the server loads it');
	write_file($hba, $wanted . "\nhost nonsense\n");
	like($node->safe_psql('postgres', built(['hba_load'])), qr/^\d+\|end-of-line before/, 'what has errors is not loaded: they are told');
	write_file($hba, $original);

	# an rm that tells whether somebody could take the lock while the writer takes away his files
	my $programs = PostgreSQL::Test::Utils::tempdir();
	append_to_file("$programs/rm", "#!/bin/sh\nfor f; do [ \"\$f\" != '$lock' ] || flock -n \"\$f\" echo free >> '$programs/told' || echo held >> '$programs/told'; done\nexec /bin/rm \"\$@\"\n");
	chmod 0755, $programs, "$programs/rm";
	{
		local $ENV{PATH} = "$programs:$ENV{PATH}";
		$node->restart;
	}
	($path, $content, $hash) = hba_read();
	($done, $why) = hba_write($path, $hash, $wanted);
	ok($done, 'one more is written') or diag($why);
	is(slurp_file("$programs/told"), "held\n", 'the lock is held until its file is gone');
	$node->restart;
	write_file($hba, $original);
}

# A path with every special character, through a symbolic link.
my $odd = "$scratch/it's a \"dir\" \$(touch x) `y` \\ %s";
mkdir $odd or die $!;
write_file("$odd/real", $original);
symlink("$odd/real", "$odd/link") or die $!;
write_file("$odd/real.cdc_12345678", 'left by a power cut');
my $hash_of = sub { my ($o, $e); run(['sha256sum', $_[0]], '>', \$o); return $o =~ /([0-9a-f]{64})/ ? $1 : die "no digest: $o"; };
write_file("$scratch/plain", $original);
($done, $why) = hba_write("$odd/link", $hash_of->("$scratch/plain"), $wanted);
ok($done, 'an odd path through a symbolic link') or diag($why);
ok(-l "$odd/link", '... the link stays');
is(read_raw("$odd/real"), $wanted, '... its target is written');
is(leftovers($odd), '', '... nothing beside it');
($done, $why) = hba_write("$odd/nothing", $hash, $wanted);
ok(!$done && $why =~ /exit code 4/, 'a file that is not there is not made');
my $large = $original . ('# ' . 'x' x 70 . "\n") x 4000;
write_file("$odd/real", $large);
($done, $why) = hba_write("$odd/link", '0' x 64, $large);
ok(!$done && $why =~ /exit code 3/, 'a large file that was changed: refused by status, not by a broken pipe');
write_file("$scratch/plain", $large);
($done, $why) = hba_write("$odd/link", $hash_of->("$scratch/plain"), $large . "# end\n");
ok($done && read_raw("$odd/real") eq $large . "# end\n", 'a large file is written') or diag($why);

note 'a hot standby';
$node->backup('copy');
my $standby = CdcNode->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
$seen = observe_on($standby, 'true', undef, @listed);
is($seen->{in_recovery} . $seen->{timeline} . $seen->{n}, '111', 'the observation works there');
cmp_ok($seen->{wal_lsn}, '>', 0, 'replay position');
is($seen->{system_identifier}, observe(@listed)->{system_identifier}, 'the same cluster');
$standby->promote;
is(observe_on($standby, 'false', undef)->{timeline}, 2, 'the new timeline is seen at once after a promotion');

done_testing();
