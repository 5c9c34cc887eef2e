# 155_upgrade.pl: the metadata of a server that ran 0.1 is updated while its
# pipeline runs: nothing restarts, no snapshot is taken, nothing but our own marks
# is sent, nobody is locked out.
#
# On each version of PostgreSQL: what ALTER EXTENSION does, and the library before it.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $fixtures = "$CdcCluster::top/test/fixtures";
# as 0.1 was: nobody had allowed addresses of the server itself
my $c = CdcCluster->new(empty => 1, meta_conf => "cdc_pipeline.member_networks = ''\n");

# --- what 0.1 left outside -------------------------------------------------------
$c->source_sql(slurp_file("$fixtures/0.1-source.sql"));
my ($object) = $c->source_sql('SELECT pubname FROM pg_publication');
my $hba = $c->{source}->data_dir . '/pg_hba.conf';
my $words = slurp_file("$fixtures/0.1-pg_hba.conf") . slurp_file($hba);
open(my $f, '>', $hba) or die $!;
print $f $words;
close $f;
$c->{source}->reload;
my %is = (61001 => $c->{source}->port, '7000000000000000001' => $c->source_sql('SELECT system_identifier FROM pg_control_system()'),
	'7000000000000000002' => $c->sql('SELECT system_identifier FROM pg_control_system()'));
# where the slot is, for the offset of the connector and for what the worker of 0.1 saw last
my ($offset) = slurp_file("$fixtures/0.1-connect.json") =~ /"lsn":(\d+)/;
@is{$offset, sprintf('%X/%X', $offset >> 32, $offset & 0xffffffff)} = split /\|/, $c->source_sql("SELECT confirmed_flush_lsn - '0/0', confirmed_flush_lsn FROM pg_replication_slots");

sub here
{
	my ($file) = @_;
	my $text = slurp_file("$fixtures/$file");

	$text =~ s/\b$_\b/$is{$_}/g foreach keys %is;
	return $text;
}
$c->stop_sim;
open($f, '>', "$c->{dir}/connect_state") or die $!;
print $f here('0.1-connect.json');
close $f;
$c->start_sim;
$is{61002} = $c->{sim_port};
my ($connector) = grep { $c->sim_state($_)->{exists} } keys %{ $c->sim_state };
$c->wait_ok(sub { $c->source_sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") eq '1' }, 'the connector of 0.1 streams');

# --- 0.1 under the new library ------------------------------------------------------
$c->sql("CREATE EXTENSION cdc_pipeline VERSION '0.1'");
open($f, '>', "$c->{dir}/metadata.sql") or die $!;
print $f here('0.1-metadata.sql');
close $f;
command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', "$c->{dir}/metadata.sql", '-d', $c->{meta}->connstr('postgres') ], 'its metadata is loaded');
my $id = $c->sql("SELECT id FROM cdc.pipeline_spec WHERE name = 'orders'");
is($c->connector($id), $connector, '(one pipeline has that connector)');
$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') =~ /the extension 0\.1: run ALTER EXTENSION cdc_pipeline UPDATE/ }, 'before the update the worker waits, and says for what');
my (undef, undef, $err) = $c->try_sql('SET ROLE mia; SELECT cdc.list_pipelines()');
like($err, qr/ALTER EXTENSION cdc_pipeline UPDATE/, 'and a caller is told');

# What streams: another process, task or slot would show.
sub stream
{
	my $state = $c->sim_state($connector);

	return join ' ', map { $_ // '' } $c->source_sql('SELECT pid, backend_start FROM pg_stat_replication'), @{$state}{qw(starts snapshots slots_made task)},
	  $c->source_sql("SELECT xmin FROM pg_authid WHERE rolname = '$object'"), $c->source_sql("SELECT xmin FROM pg_publication"), slurp_file($hba);
}
# 0.1 took a key without a value, too
$c->sql("INSERT INTO cdc.service (organization_id, name, database_type, zone, connection) SELECT organization_id, 'valueless', database_type, zone, connection || '{\"connect_urls\": null, \"agents\": null, \"ca\": null}' FROM cdc.service WHERE name = 'shop-kafka' LIMIT 1");
# somebody else's first snapshot, on a Connect of which no pipeline has run yet
$c->sql(<<'SQL');
INSERT INTO cdc.organization (name, slug) VALUES ('second', 'second');
INSERT INTO cdc.service (organization_id, name, database_type, zone, connection, addons)
	SELECT o.id, 'second-' || s.database_type, s.database_type, s.zone, s.connection || '{"connect_urls": ["http://127.0.0.1:9"]}', s.addons FROM cdc.service s, cdc.organization o WHERE s.name IN ('shop-pg', 'shop-kafka') AND o.slug = 'second';
INSERT INTO cdc.pipeline_spec SELECT (jsonb_populate_record(p, jsonb_build_object('id', gen_random_uuid(), 'organization_id', o.id, 'name', 'first-snapshot', 'was_running', false, 'status', 'Provisioning',
	'connector_name', 'mdb-pipeline-77777777', 'publication_name', 'mdb_pipeline_77777777', 'slot_name', 'mdb_pipeline_77777777', 'topic_prefix', 'second',
	'source_service_id', (SELECT id FROM cdc.service WHERE name = 'second-postgresql'), 'sink_service_id', (SELECT id FROM cdc.service WHERE name = 'second-kafka')))).*
	FROM cdc.pipeline_spec p, cdc.organization o WHERE p.name = 'orders' AND o.slug = 'second';
SQL
my $stream = stream();
my $config = $c->sim('GET', "/connectors/$connector/config");
my $log = $c->source_log_size;
$c->forget_mutations;

# --- the update ---------------------------------------------------------------------
my $worker = $c->worker_pid;
$c->sql('ALTER EXTENSION cdc_pipeline UPDATE');
$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') eq 'running' }, 'after the update the worker acts');
$c->wait_round($id) foreach 1 .. 3;
$c->running_ok($id, 'the pipeline runs');
is($c->worker_pid, $worker, 'under the same worker');
is($c->sql("SELECT url FROM cdc.connect_share c JOIN cdc.organization o ON o.id = c.organization_id WHERE o.slug = 'second'"), 'http://127.0.0.1:9', 'who was in a first snapshot may go on with it');
is(stream(), $stream, 'in the same task and walsender, with the same role, publication and pg_hba.conf');
my @sent = grep { $_->{path} =~ /\Q$connector\E/ } @{ $c->mutations };
is_deeply([ map { "$_->{method} $_->{path}" } @sent ], [], 'no request that changes something is sent');
is_deeply(scalar $c->sim('GET', "/connectors/$connector/config"), $config, 'the configuration is as 0.1 made it');
is($c->sql("SELECT generation FROM cdc.pipeline_spec WHERE id = '$id'"), 1, 'whose generation it keeps');
is($c->sql("SELECT count(*) FROM cdc.finding WHERE pipeline_id = '$id' AND check_name = 'connector_login'"), 1, 'which a finding tells');
is(join("\n", $c->source_ddl($log)), '', 'the source is not touched');
is((grep { $_->{kind} =~ /^(gap|failover|drift)$/ } $c->events($id, "at > now() - interval '10 min'")), 0, 'and the story tells of none of it');
$c->source_sql("INSERT INTO orders VALUES (2001, 42, 99.95, 'placed')");
$c->wait_ok(sub { $c->sim_state($connector)->{changes} >= 1 }, 'a new row is streamed');

# --- a configuration that has to be sent is that of 0.1, with our marks ------------------
my $now;
$c->sim('PUT', "/connectors/$connector/config", { %$config, 'poll.interval.ms' => '777' });
$c->wait_ok(sub { $now = $c->sim('GET', "/connectors/$connector/config"); return $now->{'poll.interval.ms'} ne '777' }, 'what was changed by hand is sent again');
is_deeply([ grep { !/^cdc\./ && ($config->{$_} // '') ne ($now->{$_} // '') } sort keys %{ { %$config, %$now } } ], [], 'as 0.1 had it');
$c->running_ok($id, 'and the pipeline runs');

# --- who was there -----------------------------------------------------------------------
my $there = $c->sql('SELECT count(*) FROM cdc.pipeline');
cmp_ok($there, '>', 8, '(there is much to see)');
is($c->sql("SET ROLE $_; SELECT count(*) FROM cdc.list_pipelines(); SELECT count(*) FROM cdc.pipeline"), "$there\n$there", "$_ sees what was there") foreach qw(ann ada mia vic team);
is($c->sql("SET ROLE $_; SELECT count(*) FROM cdc.pipeline"), 0, "$_ does not") foreach qw(bob eve);
my $made = $c->sql("SET ROLE mia; SELECT cdc.create_pipeline('after', (SELECT id FROM cdc.service WHERE name = 'shop-pg'), (SELECT id FROM cdc.service WHERE name = 'shop-kafka'), ARRAY['orders'], 'shop', organization => '" . $c->spec($id)->{organization_id} . "')");
like($made, qr/^[0-9a-f-]{36}$/, 'a member of 0.1 makes a pipeline');
is($c->sql("SET ROLE mia; SELECT cdc.delete_pipeline('$made')"), 'Deleting', 'and deletes it');

# --- what is done to the pipeline of 0.1 from here on: the server restarts, its password is another, it goes ----
my $snapshots = $c->sim_state($connector)->{snapshots};
$c->{meta}->restart;
$c->wait_round($id);
$c->running_ok($id, 'after a restart of the metadata it runs');
my $password = $c->sim('GET', "/connectors/$connector/config")->{'database.password'};
$c->sql("SET ROLE mia; SELECT cdc.rotate_password('$id')");
$c->wait_ok(sub { $c->sim('GET', "/connectors/$connector/config")->{'database.password'} ne $password }, 'its password is changed');
$c->wait_round($id);
$c->running_ok($id, 'with the new one it runs');
$c->source_sql("INSERT INTO orders VALUES (2002, 42, 99.95, 'placed')");
$c->wait_ok(sub { $c->sim_state($connector)->{changes} >= 1 }, 'and streams');
is($c->sim_state($connector)->{snapshots}, $snapshots, 'without another snapshot');
is($c->sql("SELECT generation FROM cdc.pipeline_spec WHERE id = '$id'"), 1, 'still of its generation');
$c->sql("SET ROLE mia; SELECT cdc.delete_pipeline('$id')");
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.pipeline WHERE id = '$id'") eq '0' }, 'it is deleted');
is($c->source_sql("SELECT (SELECT count(*) FROM pg_replication_slots) || ' ' || (SELECT count(*) FROM pg_publication) || ' ' || (SELECT count(*) FROM pg_roles WHERE rolname = '$object')"), '0 0 0', 'without a trace on the source');
unlike(slurp_file($hba), qr/\Q$object\E/, 'or in its pg_hba.conf');

$c->stop;
done_testing();
