# 101_life.pl: a pipeline from create to nothing left, and everything that
# may hold it up on the way without anybody's fault.
#
# On each version of PostgreSQL: the worker's whole way, with the source's slots.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { snapshot_ms => 100 }, meta_conf => "cdc_pipeline.settle_after = '1s'\n");
my $before = $c->world;

# --- create -------------------------------------------------------------------
my $id = $c->create('orders-cdc', topic_prefix => 'shop', tables => [ 'public.orders', 'public.customers' ]);
my $object = $c->object($id);
is($c->sql("SELECT cdc.wait_for_pipeline('$id')"), 'Running', 'wait_for_pipeline sees it run');
my $spec = $c->spec($id);
is_deeply([ @{$spec}{qw(provision_step error_message connector_name publication_name slot_name)} ],
	[ undef, undef, $c->connector($id), $object, $object ], 'its row: no step, no message, all names');
is($c->source_sql("SELECT active || ' ' || plugin FROM pg_replication_slots WHERE slot_name = '$object'"), 'true pgoutput', 'the slot is held');
is($c->source_sql("SELECT rolreplication || ' ' || rolcanlogin || ' ' || rolsuper FROM pg_roles WHERE rolname = '$object'"), 'true true false', 'the role may replicate and is no superuser');
like($c->source_sql("SELECT rolpassword FROM pg_authid WHERE rolname = '$object'"), qr/^SCRAM-SHA-256\$1000:/, 'its password is random, and costs the connector few iterations at each login');
is($c->source_sql("SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = '$object'"), 'customers orders', 'the publication has the tables');
like($c->source_sql("SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = '$object'"), qr/^cdc_pipeline $id epoch 1 mark [0-9a-f]{16}\.[0-9a-f]{32} pipeline "[^"]+"$/, 'and our mark with the epoch, and the pipeline\'s name');
like($c->source_sql("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '$object'"), qr/^cdc_pipeline $id pipeline "[^"]+"$/, 'the role has its name too');
like(slurp_file($c->{source}->data_dir . '/pg_hba.conf'), qr/^# BEGIN cdc_pipeline[^\n]*\nhost "shop" "$object" 127\.0\.0\.1\/32 scram-sha-256 # cdc_pipeline $id\n# END cdc_pipeline\n# the user's own file/, 'the line is in a block at the top of pg_hba.conf');
unlike(slurp_file($c->{source}->logfile), qr/PASSWORD '(?!SCRAM-SHA-256|a'')/, 'no password in clear in the log of the source');
is($c->sim_state($c->connector($id))->{snapshot_rows}, 57, 'the rows that were there were snapshotted');
$c->source_sql("INSERT INTO orders VALUES (1001, 42, 99.95, 'placed')");
$c->wait_ok(sub { $c->sim_state($c->connector($id))->{changes} == 1 }, 'and a new one is streamed');
my ($state, $tasks) = split /\|/, $c->sql("SELECT connector_state, task_states FROM cdc.pipeline_status('$id')");
is($state, 'RUNNING', 'the status shows the state of the connector');
is_deeply(JSON::PP::decode_json($tasks), [ { id => 0, state => 'RUNNING' } ], 'and of its task');
$c->wait_ok(sub { $c->sql("SELECT last_health_check_at IS NOT NULL AND source_lag_bytes IS NOT NULL FROM cdc.pipeline_status('$id')") eq 't' }, 'a health round looked at it');

# --- its story ------------------------------------------------------------------
my @events = $c->events($id);
is($events[0]{kind}, 'user', 'the story begins with the user');
my @actions = map { $_->{detail}{action} } grep { $_->{kind} eq 'action' } @events;
is_deeply(\@actions, [qw(create_role write_hba create_publication put_connector)], 'what was done, in order');
my %under_way;
my %beside = map { $_ => 1 } qw(put_secret create_role write_hba create_publication);
my $ordered = 1;
my $most = 0;
foreach my $event (@events)
{
	my $action = $event->{detail}{action};
	$ordered &&= delete $under_way{$action} if $event->{kind} eq 'outcome';
	next if $event->{kind} ne 'action';
	$ordered &&= !grep { !$beside{$_} } keys %under_way, %under_way ? $action : ();
	$under_way{$action} = 1;
	$most = keys %under_way if keys %under_way > $most;
}
ok($ordered && !%under_way, 'every action has its outcome before the next one, but for those that prepare the source');
is($most, 3, '... which are done side by side');
is((grep { $_->{kind} eq 'outcome' && $_->{detail}{result} ne 'done' } @events), 0, 'none failed');
my @steps = map { $_->{step} // '' } grep { $_->{kind} eq 'transition' } @events;
my @distinct = map { $steps[$_] } grep { $_ == 0 || $steps[$_] ne $steps[ $_ - 1 ] } 0 .. $#steps;
is_deeply(\@distinct, [ 'prepare_source', 'create_publication', 'create_connector', '' ], 'the steps, in order');
is($events[-1]{status_to}, 'Running', 'it ends with Running');
my %rules = map { $_ => 1 } split /\n/, $c->sql('SELECT id FROM cdc.state_table');
is((grep { !$rules{ $_->{rule} } } grep { $_->{kind} eq 'transition' } @events), 0, 'every transition names its rule');

# --- what wait_for_pipeline refuses -----------------------------------------------
my ($code, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.wait_for_pipeline('00000000-0000-0000-0000-000000000000')");
like($error, qr/42704/, 'an unknown id');
(undef, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.wait_for_pipeline('$id', 'Failed', '200 ms')");
like($error, qr/57014.*did not become Failed/s, 'the deadline');
(undef, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nBEGIN; SELECT cdc.create_pipeline('rolled-back', '$c->{source_id}', '$c->{sink_id}') AS id \\gset\nSELECT cdc.wait_for_pipeline(:'id');");
like($error, qr/25001/, 'one that was created in the same transaction');
is($c->sql("SELECT count(*) FROM cdc.pipeline WHERE name = 'rolled-back'"), 0, 'which is gone with it');

# --- delete to nothing ---------------------------------------------------------------
# in one transaction: who asks later may find nothing
is($c->sql("BEGIN; SELECT cdc.delete_pipeline('$id'); SELECT cdc.delete_pipeline('$id'); COMMIT"), "Deleting\nDeleting", 'delete answers at once, and the same when asked again');
is($c->sql("SELECT cdc.wait_for_pipeline('$id', 'Deleted')"), 'Deleted', 'and comes to its end');
$c->settled_ok('nothing can come back late any more');
$c->same_world_ok($before, 'nothing is left: roles, rights, slots, publications, pg_hba.conf, connectors, offsets, secrets');
(undef, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.wait_for_pipeline('$id')");
like($error, qr/42704/, 'it is gone for whoever waits for it');
is($c->sql("SELECT cdc.wait_for_pipeline('$id', 'Deleted')"), 'Deleted', 'but for its end');
(undef, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.get_pipeline('$id')");
like($error, qr/42704/, 'and for whoever asks');
# what does not show soon is asked for again
my @undone;
foreach my $action (map { $_->{detail}{action} } $c->events($id, "kind = 'action' AND id > $events[-1]{id}"))
{
	push @undone, $action if !@undone || $undone[-1] ne $action;
}
is_deeply(\@undone,
	[qw(stop_connector delete_offsets delete_connector drop_slot drop_publication remove_hba drop_role)], 'what was undone, in order');

# --- the same name again, at once, while the old one goes --------------------------------
my $first = $c->create('again');
$c->running_ok($first, 'a pipeline');
$c->sim_set(stop_ms => 400);
$c->delete($first);
my $second = $c->create('again');
isnt($second, $first, 'the same name, another id');
$c->running_ok($second, 'the same name again at once runs');
is($c->sim_state($c->connector($second))->{snapshots_done}, 1, 'with a snapshot of its own');
$c->status_ok($first, 'Deleted', 'the old one comes to its end');
my ($older) = map { $_->{at} } grep { $_->{method} eq 'DELETE' && $_->{path} =~ /\/offsets$/ && $_->{path} =~ substr($first, 0, 8) } @{ $c->mutations };
my ($newer) = map { $_->{at} } grep { $_->{method} eq 'PUT' && $_->{path} =~ substr($second, 0, 8) } @{ $c->mutations };
my ($stopped) = map { $_->{at} } grep { $_->{path} =~ /stop$/ && $_->{path} =~ substr($first, 0, 8) } @{ $c->mutations };
ok($newer > $stopped + 0.39, 'two writers on one topic never overlapped');
$c->delete($second);
$c->status_ok($second, 'Deleted', 'away with it');
$c->sim_set(stop_ms => 20);

# --- nobody's fault: what is waited for ---------------------------------------------------
my $missing = $c->create('missing', tables => [ 'orders', 'later', '"La ter"."T"' ]);
$c->status_ok($missing, 'Provisioning', 'a table that does not exist yet is waited for, by name',
	step => 'prepare_source', message => qr/do not exist yet: "La ter"\."T", public\.later/);
$c->source_sql('CREATE TABLE later (id int PRIMARY KEY)');
$c->message_ok($missing, qr/do not exist yet: "La ter"\."T"$/, 'one of them is there');
$c->source_sql('CREATE SCHEMA "La ter" CREATE TABLE "T" (id int PRIMARY KEY)');
$c->running_ok($missing, 'it goes on when they are there');

my $bare = $c->create('all-tables', tables => []);
$c->source_sql('CREATE TABLE bare (x int)');
my $all = $c->create('all-tables-bare', tables => []);
$c->status_ok($all, 'Provisioning', 'all tables: one without replica identity is waited for', message => qr/replica identity of public\.bare.*ALTER TABLE public\.bare REPLICA IDENTITY FULL/);
$c->source_sql('ALTER TABLE bare REPLICA IDENTITY FULL');
$c->running_ok($all, 'and it goes on when it has one');
$c->running_ok($bare, 'the one before too');

my $other_sink = $c->register_sink('away', connect_urls => ['http://127.0.0.1:1']);
my $pending = $c->create('pending', sink => $other_sink);
$c->status_ok($pending, 'Pending', 'Pending while a service does not run', message => qr/^waiting for both services and the kafka-connect addon to run: sink service "away" is pending/);
is($c->spec($pending)->{mutated_at}, undef, 'and nothing was touched for it');
my $source2_port = PostgreSQL::Test::Cluster::get_free_port();
my $other_source = $c->register_source('down', $c->{source}, nodes => [ { address => '127.0.0.1', port => $source2_port } ]);
my $pending2 = $c->create('pending2', source => $other_source);
$c->status_ok($pending2, 'Pending', 'or the source', message => qr/source service "down" is pending/);
$c->delete($pending);
$c->status_ok($pending, 'Deleted', 'a Pending one goes without its services');
is($c->sql("SELECT cdc.delete_pipeline('$pending2')"), 'Deleting', 'the other too');
$c->status_ok($pending2, 'Deleted', 'at once');

my $nodb = $c->create('nodb', database_name => 'not there');
$c->status_ok($nodb, 'Provisioning', 'a database that does not exist', message => qr/database "not there" does not exist/);
$c->source_sql('CREATE DATABASE "not there"', 'postgres');
$c->source_sql('CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE customers (id int PRIMARY KEY)', 'not there');
$c->running_ok($nodb, 'it goes on when it is there');
$c->delete($_) foreach $missing, $bare, $all, $nodb;
$c->status_ok($_, 'Deleted', 'gone') foreach $missing, $bare, $all, $nodb;
$c->wait_ok(sub { $c->source_sql(q{SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'not there'}, 'postgres') eq 't' },
	'and no session of ours is left in its database')
	or diag($c->source_sql(q{SELECT application_name, state, backend_start, now(), query FROM pg_stat_activity WHERE datname = 'not there'}, 'postgres'));
$c->source_sql('DROP DATABASE "not there"', 'postgres');
$c->source_sql('DROP SCHEMA "La ter" CASCADE; DROP TABLE later, bare');
$c->settled_ok;
$c->same_world_ok($before, 'and again nothing is left');

# --- the four texts of the product page, word for word; each heals -------------------------
my $kafka = $c->register_sink('other-kafka');
my $wrong = $c->create('wrong-kind', source => $kafka);
my $bare_sink = $c->register_sink('no-addon', addons => []);
my $addon = $c->create('no-addon', sink => $bare_sink);
my $far = $c->register_sink('far', zone => 'us-nyc1');
my $nowhere = $c->create('nowhere', sink => $far, topic_prefix => 'nowhere');
$c->running_ok($nowhere, 'without an SDN there is no region to be in: two zones are no fault');
$c->set('sdn_url' => 'http://127.0.0.1:1/1.3');
my $zone = $c->create('far', sink => $far);
$c->status_ok($wrong, 'Failed', 'source of the wrong kind', message => qr/^source service must be postgresql$/);
$c->status_ok($addon, 'Failed', 'sink without the addon', message => qr/^sink service does not have the kafka-connect addon enabled$/);
$c->status_ok($zone, 'Failed', 'zones apart', message => qr/^source zone se-sto1 and sink zone us-nyc1 are not in the same peering region$/);
is($c->sql("SELECT count(*) FROM cdc.check_health() WHERE status = 'Failed'"), 3, 'check_health() shows them');
(undef, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.wait_for_pipeline('$zone')");
like($error, qr/55000.*is Failed.*not in the same peering region/s, 'and wait_for_pipeline says so at once');
my $lone = $c->register_sink('lone', network_id => '11111111-2222-3333-4444-555555555555');
my $sided = $c->create('one-sided', sink => $lone);
$c->status_ok($sided, 'Failed', 'a network on one side only', message => qr/^only the sink service has a network_id/);

$c->sql("INSERT INTO cdc.zone VALUES ('us-nyc1', (SELECT peering_region FROM cdc.zone WHERE zone = 'se-sto1'))");
$c->running_ok($zone, 'an edited zone heals it');
$c->sql("UPDATE cdc.service SET addons = '{kafka-connect}' WHERE id = '$bare_sink'; SELECT cdc_inner.ask('service', '$bare_sink')");
$c->running_ok($addon, 'an addon that was added too');
$c->sql("UPDATE cdc.service SET network_id = NULL WHERE id = '$lone'; SELECT cdc_inner.ask('service', '$lone')");
$c->running_ok($sided, 'and a network that was taken back');
$c->delete($wrong);
$c->status_ok($wrong, 'Deleted', 'what cannot heal can be deleted');

my $task = $c->create('failing');
$c->running_ok($task, 'a pipeline runs');
my $text = 'ERROR: column "x" of relation "y" does not exist';
$c->sim('POST', '/_sim/fail', { connector => $c->connector($task), starts => 100,
	trace => "org.apache.kafka.connect.errors.ConnectException: first\n\tat a.b\nCaused by: io.debezium.DebeziumException: RecordTooLargeException\nCaused by: org.postgresql.util.PSQLException: $text\n  Detail: more\n\tat c.d\n" });
$c->status_ok($task, 'Failed', 'the task failed for good: the last cause, its first line', message => qr/^connector task failed: \Q$text\E$/);
$c->sql('SELECT count(*) FROM cdc.check_health()');
$c->wait_ok(sub { grep { $_->{path} =~ /restart/ && $_->{path} =~ $c->connector($task) } @{ $c->mutations } }, 'it is tried again');
# also who asks while that is under way is answered
$c->sim('POST', '/_sim/fail', { connector => $c->connector($task), starts => 0 });
$c->sql('SELECT count(*) FROM cdc.check_health()');
$c->running_ok($task, 'it heals when its cause is gone and somebody asks');

$c->delete($_) foreach $zone, $nowhere, $addon, $sided, $task;
$c->status_ok($_, 'Deleted', 'gone') foreach $zone, $nowhere, $addon, $sided, $task;
$c->settled_ok;
$c->same_world_ok($before, 'nothing is left');

# --- what is not ours is never touched -----------------------------------------------------
$c->{meta}->append_conf('postgresql.conf', 'cdc_pipeline.enabled = off');
$c->{meta}->reload;
$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') =~ /enabled is off/ }, 'the worker stands still');
my %foreign = map { $_ => $c->create("foreign-$_") } qw(role publication connector slot);
$c->source_sql("CREATE ROLE @{[ $c->object($foreign{role}) ]} NOLOGIN");
$c->source_sql("CREATE PUBLICATION @{[ $c->object($foreign{publication}) ]} FOR TABLE customers");
$c->source_sql("SELECT pg_create_logical_replication_slot('@{[ $c->object($foreign{slot}) ]}', 'pgoutput')");
$c->sim('POST', '/connectors', { name => $c->connector($foreign{connector}), initial_state => 'STOPPED', config => {
	'connector.class' => 'io.debezium.connector.postgresql.PostgresConnector', 'topic.prefix' => 'x', 'database.hostname' => '127.0.0.1',
	'database.port' => $c->{source}->port, 'database.user' => 'cdc_admin', 'database.password' => $CdcCluster::admin_password, 'database.dbname' => 'shop' } });
my $foreign_before = $c->world;
$c->{meta}->append_conf('postgresql.conf', 'cdc_pipeline.enabled = on');
$c->{meta}->reload;
$c->status_ok($foreign{$_}, 'Provisioning', "a foreign $_ of our name: it waits and says so", message => qr/^waiting for the name of the .*\Q$_\E/)
  foreach sort keys %foreign;
$c->delete($_) foreach values %foreign;
$c->status_ok($foreign{$_}, 'Deleted', "deleted beside the foreign $_") foreach sort keys %foreign;
$c->settled_ok;
$c->same_world_ok($foreign_before, 'all of them are as they were');
my $name = $c->object($foreign{role});
is($c->source_sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = '$name'"), 'f', 'the foreign role too');

$c->stop;
done_testing();
