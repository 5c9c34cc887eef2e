# 145_topics.pl: topics while many sessions make and delete pipelines at the same moment,
# in transactions that stay open for a while and some of which are taken back: no two live
# pipelines write to one topic, and the table says what they write.
#
# On each version of PostgreSQL: the wait at a unique index, and locks.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(empty => 1);
$c->sql('CREATE EXTENSION cdc_pipeline');
$c->sql("ALTER SYSTEM SET cdc_pipeline.enabled = off; SELECT pg_reload_conf()");
$c->sql('CREATE ROLE mia LOGIN');
my $org = $c->sql("SELECT cdc.create_organization('red')");
$c->sql("SELECT cdc.add_member('$org', 'mia')");
my $source = $c->sql("SELECT cdc.register_service('source', 'postgresql', 'z', '{\"nodes\":[{\"address\":\"10.0.0.1\"}],\"admin_user\":\"a\",\"connector_user\":\"c\",\"connector_password\":\"x\",\"manage_role\":false,\"admin_password\":\"secret-of-a-test\"}')");
my $sink = $c->sql("SELECT cdc.register_service('sink', 'kafka', 'z', '{\"bootstrap\":\"h:1\"}')");

# Every pair of live pipelines, by the rule as plainly as it can be said.
my $rule = q{
	WITH topics AS (SELECT p.id, k.topic, k.whole, regexp_replace(k.topic, '[^a-zA-Z0-9-]', '_', 'g') AS key FROM cdc.pipeline_spec p, LATERAL (
			SELECT '__debezium-heartbeat.' || p.topic_prefix AS topic, false AS whole
			UNION ALL SELECT p.topic_prefix || '.' || (parse_ident(t))[1] || '.' || (parse_ident(t))[2], false FROM unnest(p.tables) t
			UNION ALL SELECT p.topic_prefix || '.', true WHERE p.tables = '{}') k
		WHERE p.desired_state = 'present') };
my $storm = <<"SQL";
\\set prefix random(1, 8)
\\set kind random(1, 4)
\\set then random(1, 10)
\\set pause random(0, 3000)
BEGIN;
DO \$\$
BEGIN
	PERFORM cdc.delete_pipeline(p.id) FROM (SELECT id FROM cdc.pipeline WHERE desired_state = 'present' ORDER BY random() LIMIT 1) p WHERE :kind >= 3;
	PERFORM cdc.create_pipeline('p-' || gen_random_uuid(), '$source', '$sink', (ARRAY['{}', '{t}', '{b.t,u}', '{t}']::text[])[:kind]::text[], topic_prefix => ('{a,b,a.b,a_b,a.b.c,b.a,a.public,b.b}'::text[])[:prefix]);
EXCEPTION WHEN duplicate_object OR deadlock_detected THEN
	NULL;
END
\$\$;
\\sleep :pause us
\\if :then > 8
ROLLBACK;
\\else
COMMIT;
\\endif
SQL
my $file = PostgreSQL::Test::Utils::tempdir() . '/storm.sql';
PostgreSQL::Test::Utils::append_to_file($file, $storm);
command_ok([ 'pgbench', '-n', '-c', '6', '-j', '2', '-t', '150', '-f', $file, $c->{meta}->connstr('postgres') . ' user=mia' ], 'six sessions make and delete');
cmp_ok($c->sql('SELECT count(*) FROM cdc.pipeline_spec'), '>', 20, 'many were made');
is($c->sql("$rule SELECT count(*) FROM topics a JOIN topics b ON a.id < b.id AND ((NOT a.whole AND NOT b.whole AND a.key = b.key) OR (a.whole AND starts_with(b.topic, a.topic)) OR (b.whole AND starts_with(a.topic, b.topic)))"),
	'0', 'no two live pipelines write to one topic');
is($c->sql("$rule SELECT count(*) FROM (SELECT id, topic, whole FROM topics EXCEPT SELECT pipeline_id, topic, whole FROM cdc.topic) x"), '0', 'what they write is reserved');
is($c->sql("$rule SELECT count(*) FROM (SELECT pipeline_id, topic, whole FROM cdc.topic EXCEPT SELECT id, topic, whole FROM topics) x"), '0', 'and nothing else');

# a limit that many sessions near at the same moment
$c->sql("SELECT cdc.set_organization_limit('$org', 'pipelines', (SELECT count(*) FROM cdc.pipeline_spec) + 20)");
my $most = $c->sql("SELECT most FROM cdc.organization_limit");
my $many = PostgreSQL::Test::Utils::tempdir() . '/many.sql';
PostgreSQL::Test::Utils::append_to_file($many, <<"SQL");
DO \$\$
BEGIN
	PERFORM cdc.create_pipeline('q-' || gen_random_uuid(), '$source', '$sink', '{t}', topic_prefix => 'q-' || gen_random_uuid());
EXCEPTION WHEN configuration_limit_exceeded THEN
	NULL;
END
\$\$;
SQL
command_ok([ 'pgbench', '-n', '-c', '6', '-j', '2', '-t', '10', '-f', $many, $c->{meta}->connstr('postgres') . ' user=mia' ], 'six sessions make ten each, of which twenty may be');
is($c->sql('SELECT count(*) FROM cdc.pipeline_spec'), $most, 'there are as many as may be, and no more');

$c->stop;
done_testing();
