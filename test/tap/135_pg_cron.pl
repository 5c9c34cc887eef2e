# 135_pg_cron.pl: cdc.check_health() as the documentation schedules it, by the
# real pg_cron: its round finds what no other one would.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($library) = (`pg_config --pkglibdir` =~ s/\n//r) . '/pg_cron.so';
plan skip_all => 'pg_cron is not installed for this PostgreSQL' unless -e $library;

# rounds come from nobody else; a job runs as a background worker, without a login
my $c = CdcCluster->new(meta_conf => <<'CONF');
shared_preload_libraries = 'cdc_pipeline,pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
cdc_pipeline.health_interval = '1h'
CONF

my ($docs) = slurp_file("$CdcCluster::top/docs/operations.md") =~ /^(SELECT cron\.schedule\(.*?\);)/m;
ok($docs, 'the documentation says how');
$c->sql('CREATE EXTENSION pg_cron');
my $id = $c->create('watched');
$c->running_ok($id, 'a pipeline runs');
my $rounds = $c->sql('SELECT rounds FROM cdc.worker_state()');
my $job = $c->sql($docs);
$c->source_sql('ALTER ROLE ' . $c->object($id) . ' NOREPLICATION');
$c->wait_ok(sub { $c->sql("SELECT status FROM cron.job_run_details WHERE jobid = $job ORDER BY runid LIMIT 1") eq 'succeeded' },
	'within a minute pg_cron has run it', 100) or diag($c->sql('SELECT status, return_message FROM cron.job_run_details'));
$c->wait_ok(sub { $c->source_sql("SELECT rolreplication FROM pg_roles WHERE rolname = '" . $c->object($id) . "'") eq 't' },
	'its round finds what was changed by hand, and repairs it');
cmp_ok($c->sql('SELECT rounds FROM cdc.worker_state()'), '>', $rounds, 'it was a round of its own');
is((grep { $_->{kind} eq 'drift' && $_->{detail}{action} eq 'create_role' } $c->events($id)), 1, 'and the story tells it');

$c->stop;
done_testing();
