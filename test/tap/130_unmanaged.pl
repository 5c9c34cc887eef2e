# 130_unmanaged.pl: a source whose roles and pg_hba.conf are not the worker's to
# change: manage_role and manage_hba are false.  It checks, says what to do, and
# touches nothing.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { heartbeat_ms => 100 }, meta_conf => "cdc_pipeline.settle_after = '1s'\n");
my $hba_file = $c->{source}->data_dir . '/pg_hba.conf';
my $admin = "host all dba 127.0.0.1/32 scram-sha-256\n";
my $ours = qq{host shop "Repli cator" 127.0.0.1/32 scram-sha-256\n};

# The owner's own lines come first.
sub hba
{
	my ($lines) = @_;
	my $rest = slurp_file($hba_file) =~ s/^.*?(?=# the user's)//rs;

	open(my $f, '>', $hba_file) or die $!;
	print $f $lines . $rest;
	close $f;
	$c->{source}->reload;
}

# The world but for what the pipelines made.
sub owners
{
	return $c->world =~ s/^(slot|publication)\|mdb_pipeline_.*\n//mgr =~ s/^(connector|task of|offset of) .*\n//mgr =~ s/secrets of pipelines.*//r;
}

$c->source_sql("CREATE ROLE dba SUPERUSER LOGIN PASSWORD 'dba-secret'");
hba($admin);
my $source = $c->register_source('given', $c->{source}, admin_user => 'dba', admin_password => 'dba-secret',
	manage_role => JSON::PP::false, manage_hba => JSON::PP::false, connector_user => 'Repli cator', connector_password => q{given $ecret'});
is($c->sql("SELECT connection ? 'connector_password' FROM cdc.service WHERE id = '$source'"), 'f', 'the password of the role is kept apart');

# --- the role -----------------------------------------------------------------
my $id = $c->create('first', source => $source);
$c->status_ok($id, 'Provisioning', 'a role that does not exist is waited for',
	message => qr/^waiting for the connector role that this source is used with: "Repli cator" does not exist$/);
$c->source_sql(q{CREATE ROLE "Repli cator" NOLOGIN PASSWORD 'given $ecret'''});
$c->message_ok($id, qr/: "Repli cator" may not log in$/, 'what it lacks is said: LOGIN');
$c->source_sql('ALTER ROLE "Repli cator" LOGIN');
$c->message_ok($id, qr/: "Repli cator" lacks REPLICATION$/, 'REPLICATION');
$c->source_sql('ALTER ROLE "Repli cator" REPLICATION; GRANT SELECT ON orders TO "Repli cator"');
$c->message_ok($id, qr/: "Repli cator" lacks SELECT on a table, USAGE on a schema, CONNECT, or EXECUTE on pg_logical_emit_message$/, 'and rights');
$c->source_sql('GRANT SELECT ON customers TO "Repli cator"');

# --- pg_hba.conf ----------------------------------------------------------------
$c->message_ok($id, qr/^waiting for a line in pg_hba\.conf that lets Kafka Connect in: 127\.0\.0\.1:\d+, add there: host "shop" "Repli cator" 127\.0\.0\.1\/32 scram-sha-256/,
	'a line that is missing is waited for, and shown');
is($c->spec($id)->{mutated_at}, undef, 'nothing was touched until here');
hba($ours . $admin);
my $before = owners();
$c->running_ok($id, 'with it the pipeline runs');

# --- two of them share the role -----------------------------------------------------
my $second = $c->create('second', source => $source, tables => ['orders']);
$c->running_ok($second, 'another pipeline logs in as the same role');
is($c->sim_state($c->connector($_))->{snapshots_done}, 1, 'one snapshot') foreach $id, $second;
# the last one that a task begins: from now on none of them logs in again
$c->wait_ok(sub { $c->source_sql(q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'Repli cator' AND query LIKE '%pg_logical_emit_message%'}) eq '2' }, 'their heartbeats are there');
# a session has its own name first, until it has set this one
my $names = join(' ', sort map { $c->object($_) } $id, $second);
$c->wait_ok(sub { $c->source_sql(q{SELECT string_agg(DISTINCT application_name, ' ' ORDER BY application_name) FROM pg_stat_activity WHERE usename = 'Repli cator'}) eq $names },
	'their sessions are told apart by their names');
is($c->source_sql("SELECT string_agg(DISTINCT datname::text, ' ') FROM pg_stat_activity WHERE usename = 'dba'"), 'shop', 'the worker looks from the database that it was given');

# --- under a pipeline that runs ---------------------------------------------------------
$c->source_sql('ALTER ROLE "Repli cator" NOREPLICATION');
$c->message_ok($id, qr/^the connector role would not do for the next connection: "Repli cator" lacks REPLICATION$/, 'a role that is changed is reported');
$c->source_sql('ALTER ROLE "Repli cator" REPLICATION');
$c->running_ok($id, 'until it is put right');
hba($admin);
$c->message_ok($id, qr/^pg_hba\.conf would not do for the next connection: 127\.0\.0\.1:\d+, add there: host "shop" "Repli cator" /, 'so is a line that is gone');
is($c->status($id), 'Running', 'and the pipeline runs on');
hba("host all all samenet scram-sha-256\n" . $admin);
$c->running_ok($id, 'whether a line of other words lets it in is the server\'s to judge');

# --- a file that is too large to be read: not taken for one without the line, nor for a good one ---
my $unread = sub { $c->sql("SELECT observed FROM cdc.finding WHERE check_name = 'hba_unread' AND service_id = '$source' AND concern = 'flow' AND node LIKE '%:%'") };
foreach my $large ([ 'ASCII', '# ' . ('x' x 998) . "\n" ], [ 'bytes that are no text', '# ' . ("\xe9" x 998) . "\n" ])
{
	my ($what, $line) = @$large;

	hba($admin . $line x 600 . $ours);
	$c->wait_ok(sub { $unread->() eq 'its pg_hba.conf is larger than 512 kB' }, "600 kB of $what: it is told that it is not read");
	$c->running_ok($id, 'the source is looked at, and nothing is said of a line that is missing');
	hba($admin);
	$c->message_ok($id, qr/^pg_hba\.conf would not do for the next connection/, 'a shorter one is read');
	$c->wait_ok(sub { $unread->() eq '' }, '... and the finding is gone');
}
hba($ours . $admin);
my (undef, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.rotate_password('$id')");
like($error, qr/55000.*cannot be changed.*"manage_role": false/s, 'its password is not ours to change');

# --- delete ----------------------------------------------------------------------------------
$c->delete($_) foreach $id, $second;
$c->status_ok($_, 'Deleted', 'gone') foreach $id, $second;
$c->settled_ok;
is(owners(), $before, 'role, rights and pg_hba.conf are as their owner made them');
unlike($c->world, qr/mdb.pipeline/, 'and nothing of ours is left');
is((grep { ($_->{detail}{action} // '') =~ /role|hba/ } $c->events($id), $c->events($second)), 0, 'role and file were never touched');

# --- a file that Patroni writes --------------------------------------------------------------
my $patroni = "# Do not edit this file manually!\n# It will be overwritten by Patroni!\n";
hba($patroni . $admin);
my $managed = $c->register_source('patroni', $c->{source}, admin_user => 'dba', admin_password => 'dba-secret');
my $file = slurp_file($hba_file);
$id = $c->create('under-patroni', source => $managed);
$c->message_ok($id, qr/^waiting for our line in pg_hba\.conf, which something else manages: 127\.0\.0\.1:\d+, add to postgresql\.pg_hba in Patroni's dynamic configuration \(patronictl edit-config\): - host "shop" \S+ 127\.0\.0\.1\/32 scram-sha-256$/,
	'a file of which Patroni says that it writes it: which line is missing, and where it goes');
# as the message says it
my ($line) = $c->message($id) =~ /: - (host.*)$/;
is(slurp_file($hba_file), $file, '... and nothing was written to it');
hba($patroni . "$line\n" . $admin);
$file = slurp_file($hba_file);
$c->running_ok($id, 'with that line, which is not marked as ours, it runs');
$c->delete($id);
$c->status_ok($id, 'Deleted', 'gone');
is(slurp_file($hba_file), $file, 'the file was never touched');
is((grep { ($_->{detail}{action} // '') =~ /hba/ } $c->events($id)), 0, 'nor was it tried');

$c->stop;
done_testing();
