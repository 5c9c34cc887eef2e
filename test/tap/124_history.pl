# 124_history.pl: the administrator of a source is no superuser.  With REPLICATION
# alone the timeline's history is known, by a walsender; without, that it is not is told.
# On each version of PostgreSQL: sessions of walsenders, and who may begin one.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use CdcNode;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { heartbeat_ms => 100, flush_ms => 200 }, meta_conf => "cdc_pipeline.settle_after = '1s'\ncdc_pipeline.source_dead_after = '2s'\n");

# The owner's lines: none of them for "replication", as for no administrator who is none of a standby.
my $hba_file = $c->{source}->data_dir . '/pg_hba.conf';
my $lines = "host all dba 127.0.0.1/32 scram-sha-256\nhost shop replicator 127.0.0.1/32 scram-sha-256\n";
my $rest = slurp_file($hba_file);
open(my $f, '>', $hba_file) or die $!;
print $f $lines . $rest;
close $f;
$c->{source}->reload;
$c->source_sql(q{CREATE ROLE dba LOGIN NOSUPERUSER NOREPLICATION PASSWORD 'dba-secret' IN ROLE pg_monitor;
	CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'replicator-secret';
	GRANT CREATE ON DATABASE shop TO dba; ALTER TABLE orders OWNER TO dba; ALTER TABLE customers OWNER TO dba;
	GRANT SELECT ON orders, customers TO replicator});

$c->{source}->backup('copy');
my $standby = CdcNode->new('standby');
$standby->init_from_backup($c->{source}, 'copy', has_streaming => 1);
$standby->start;
my $nodes = [ map { { address => '127.0.0.1', port => $_->port } } $c->{source}, $standby ];
my $source = $c->register_source('unprivileged', $c->{source}, nodes => $nodes, admin_user => 'dba', admin_password => 'dba-secret',
	manage_role => JSON::PP::false, manage_hba => JSON::PP::false, connector_user => 'replicator', connector_password => 'replicator-secret');
my $id = $c->create('unprivileged', source => $source);

sub unread { return $c->sql("SELECT observed || ' -- ' || fix_sql FROM cdc.finding WHERE check_name = 'history_unread' AND service_id = '$source'"); }

$c->running_ok($id, 'a pipeline runs whose administrator is no superuser');
$c->wait_ok(sub { unread() eq q{admin_user "dba" is no superuser and lacks REPLICATION -- ALTER ROLE "dba" REPLICATION} }, 'that he could not read a history is told before there is one, with what to type');
$c->source_sql($c->sql("SELECT fix_sql FROM cdc.finding WHERE check_name = 'history_unread' AND service_id = '$source'"));
$c->wait_ok(sub { unread() eq '' }, 'with REPLICATION it is gone');

# --- a failover -------------------------------------------------------------------------
my $judged = sub { return [ grep { defined $_->{detail}{verdict} } $c->events($id, "kind = 'failover'") ]; };
$c->{source}->wait_for_catchup($standby);
$c->{source}->stop('immediate');
$standby->promote;
$c->wait_ok(sub { @{ $judged->() } == 1 }, 'the source fails over, and that is judged');
my $detail = $judged->()->[0]{detail};
is($detail->{history}, 'left', 'the history of the new primary was read: it left the one that was streamed');
my ($left) = slurp_file($standby->data_dir . '/pg_wal/00000002.history') =~ m{^1\t([0-9A-F]+/[0-9A-F]+)}m;
is($detail->{switch_lsn}, $left, '... where its file says');
$c->running_ok($id, 'and the pipeline goes on there');
is(unread(), '', 'nothing is said to be unknown');
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_replication WHERE usename = 'dba'"), '0', 'no session of that is left open');
unlike(slurp_file($standby->logfile), qr/(permission denied|must be superuser)[^\n]*(WAL sender|walsender|pg_read)/i, 'nothing was tried that he may not');

# --- the right goes ------------------------------------------------------------------------
$standby->safe_psql('shop', 'ALTER ROLE dba NOREPLICATION');
$c->wait_ok(sub { unread() =~ /lacks REPLICATION/ }, 'that the right has gone is told');
$standby->safe_psql('shop', 'ALTER ROLE dba REPLICATION CONNECTION LIMIT -1');
$c->wait_ok(sub { unread() eq '' }, 'until it is back');
$c->running_ok($id, 'and the pipeline runs on');

$c->stop;
done_testing();
