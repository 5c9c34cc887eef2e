# 119_source_words.pl: what hinders us on a source is told with who and what it is,
# and what need not hinder us does not.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(meta_conf => "cdc_pipeline.settle_after = '1s'\n");
my $source = $c->{source};
my @ids;

# --- an event trigger that everybody else's search path suits ---------------------------
$c->source_sql(<<'SQL');
CREATE TABLE ddl_log (tag text);
CREATE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO ddl_log VALUES (tg_tag); END';
CREATE EVENT TRIGGER "audit it" ON ddl_command_end EXECUTE FUNCTION log_ddl();
SQL
my $before = $c->world;
my $id = $c->create('event-trigger');
push @ids, $id;
$c->message_ok($id, qr/relation "ddl_log" does not exist \(in function public\.log_ddl\(\) of event trigger "audit it"\) \(The search path here is pg_catalog alone: .*ALTER FUNCTION \.\.\. SET search_path/, 'an event trigger that fails is named, and why');
$c->source_sql('ALTER FUNCTION log_ddl() SET search_path = public');
$c->running_ok($id, 'and it goes on', seconds => 60);
$c->source_sql('ALTER FUNCTION log_ddl() RESET search_path; ALTER EVENT TRIGGER "audit it" DISABLE');

# --- a lock --------------------------------------------------------------------------------
my $session = $source->background_psql('shop', on_error_stop => 0);
$session->query_safe("SET application_name = 'vacuum it'; BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE");
$id = $c->create('locked');
push @ids, $id;
$c->message_ok($id, qr/^create_publication failed and is tried again: canceling statement due to lock timeout \(pid \d+, user \S+, application vacuum it, has ShareUpdateExclusiveLock on table public\.orders, its transaction open since \d{4}-.* UTC\)/, 'a lock that is waited for: who has it, on what, since when');
$session->query_safe('COMMIT');
$session->quit;
$c->running_ok($id, 'and it goes on', seconds => 60);

# --- the heartbeat's function -----------------------------------------------------------------
$c->source_sql('REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) FROM PUBLIC');
my $may = "SELECT has_function_privilege('%s', 'pg_logical_emit_message(boolean, text, text)', 'EXECUTE')";
$c->wait_ok(sub { $c->source_sql(sprintf $may, $c->object($ids[0])) eq 't' }, 'what the heartbeat calls was revoked from everybody: the role gets it');
$id = $c->create('revoked');
push @ids, $id;
$c->running_ok($id, 'so does a new one');
is($c->source_sql(sprintf $may, $c->object($id)), 't', '(it has it)');

# --- a synchronous standby that is not there ------------------------------------------------
$source->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'\n");
$source->reload;
$id = $c->create('synchronous');
push @ids, $id;
$c->running_ok($id, 'no COMMIT of ours waits for a standby that is not there');
$source->append_conf('postgresql.conf', "synchronous_standby_names = ''\n");
$source->reload;

# --- timeouts of the database's ----------------------------------------------------------------
$c->sim_set(snapshot_ms => 1500);
my @timeouts = qw(idle_in_transaction_session_timeout idle_session_timeout lock_timeout statement_timeout);
$source->safe_psql('postgres', "ALTER DATABASE shop SET $_ = '300ms'") foreach @timeouts;
$id = $c->create('timeouts');
push @ids, $id;
$c->running_ok($id, 'timeouts of the database do not end the snapshot');
is($c->sim_state($c->connector($id))->{snapshots}, 1, 'it was taken once');
like($c->source_sql("SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = '@{[ $c->object($id) ]}'::regrole"), qr/$_=0/, "(the role has its own $_)") foreach @timeouts;
$source->safe_psql('postgres', "ALTER ROLE @{[ $c->object($id) ]} IN DATABASE shop RESET lock_timeout");
$c->wait_ok(sub { $c->source_sql("SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = '@{[ $c->object($id) ]}'::regrole") =~ /lock_timeout=0/ }, 'and gets it again');

# a role that was given is its owner's
$source->safe_psql('shop', "CREATE ROLE mine LOGIN REPLICATION PASSWORD 'secret'; GRANT SELECT ON orders, customers TO mine; GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) TO mine; GRANT CREATE ON DATABASE shop TO mine");
my $given = $c->register_source('given', $source, manage_role => JSON::PP::false, connector_user => 'mine', connector_password => 'secret');
$id = $c->create('given', source => $given, topic_prefix => 'given');
push @ids, $id;
$c->wait_ok(sub { $c->sql("SELECT observed FROM cdc.finding WHERE pipeline_id = '$id' AND check_name = 'connector_timeouts'") =~ /^idle_in_transaction_session_timeout=300ms, .*statement_timeout=300ms$/ }, 'of one that was given they are found');
$source->safe_psql('postgres', $c->sql("SELECT fix_sql FROM cdc.finding WHERE pipeline_id = '$id' AND check_name = 'connector_timeouts'"));
$c->wait_ok(sub { !$c->sql("SELECT count(*) FROM cdc.finding WHERE check_name = 'connector_timeouts'") }, 'and what the finding says takes them away');

$c->delete($_) foreach @ids;
$c->status_ok($_, 'Deleted', 'gone', seconds => 60) foreach @ids;
$c->settled_ok;
$source->safe_psql('shop', 'ALTER DATABASE shop RESET ALL; GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) TO PUBLIC; DROP OWNED BY mine; DROP ROLE mine');
$c->same_world_ok($before, 'and nothing is left');

$c->stop;
done_testing();
