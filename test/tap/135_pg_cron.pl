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

# --- on whose behalf a job runs: its owner's, whichever way pg_cron runs it ---------------
# (jobs that run when the server starts need no waiting for the minute)
$c->sql('CREATE ROLE mia LOGIN; GRANT USAGE ON SCHEMA cron TO mia; CREATE TABLE public.told (who name, organizations bigint); GRANT INSERT ON public.told TO mia');
$c->sql("SELECT cdc.add_member('$c->{org}', 'mia', 'viewer'); SELECT cdc.create_organization('other')");
my $tell = 'INSERT INTO public.told SELECT cdc.caller(), (SELECT count(*) FROM cdc.organization)';
$c->sql("SELECT cron.unschedule($job); SELECT cron.schedule('\@reboot', '$tell'); SET ROLE mia; SELECT cron.schedule('\@reboot', '$tell')");
$c->sql("UPDATE cron.job SET nodename = '" . $c->{meta}->host . "'");
foreach my $mode ('on', 'off')
{
	$c->sql('TRUNCATE public.told');
	$c->{meta}->append_conf('postgresql.conf', "cron.use_background_workers = $mode");
	$c->{meta}->restart;
	$c->wait_ok(sub { $c->sql('SELECT count(*) FROM public.told') eq '2' }, "jobs run with use_background_workers $mode")
	  or diag($c->sql('SELECT username, status, return_message FROM cron.job_run_details'));
	is($c->sql("SELECT string_agg(who || ' ' || organizations, ', ' ORDER BY who) FROM public.told"), 'mia 1, postgres 2', '... each for its owner');
}

$c->stop;
done_testing();
