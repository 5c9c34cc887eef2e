# 102_readme.pl: what README.md has to type works as it stands there, on servers of
# one's own: only addresses and the password are others.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(empty => 1, sim => { snapshot_ms => 50 }, meta_conf => "cdc_pipeline.settle_after = '1s'\n");
my $port = $c->{source}->port;
my $password = JSON::PP->new->allow_nonref->encode($CdcCluster::admin_password) =~ s/'/''/gr;
my $readme = slurp_file("$CdcCluster::top/README.md");
my @blocks = $readme =~ /^```sql\n(.*?)^```/msg;
my @statements = map { /\G\s*(.*?;)[^\n]*\n/sg } @blocks;

# each is here once: a text that changes is looked for in vain
sub replace
{
	my ($from, $to) = @_;
	my $n = 0;

	foreach (@statements) { $n += s/\Q$from\E/$to/g; }
	is($n, 1, "($from stands there)");
}
replace('{"address": "10.0.0.5"}', qq({"address": "127.0.0.1", "port": $port}));
replace('{"address": "10.0.0.6"}', '{"address": "127.0.0.1", "port": 1}');
replace('"admin_user": "postgres"', '"admin_user": "cdc_admin"');
replace('"..."', $password);
replace('http://10.0.1.7:8083', $c->sim_url);

cmp_ok(scalar @blocks, '==', 2, 'two blocks');
cmp_ok(scalar @statements, '==', 9, 'of nine statements');
foreach my $statement (@statements)
{
	my ($code, $out, $error) = $c->try_sql($statement);

	is($code, 0, $statement =~ s/\n.*//sr) or diag($error);
	is($out, 'Running', 'it runs') if $statement =~ /wait_for_pipeline\('[^']*'\)/;
	# as a superuser, over services that were deleted and registered anew
	if ($statement =~ /register_service\('kafka'/)
	{
		$c->sql("SELECT cdc.delete_service('kafka')");
		($code, $out, $error) = $c->try_sql($statement);
		is($code, 0, 'a name is free again at once') or diag($error);
	}
}
$c->wait_ok(sub { $c->source_sql("SELECT count(*) FROM pg_replication_slots") + $c->source_sql("SELECT count(*) FROM pg_roles WHERE rolname ~ '^mdb_'") + $c->source_sql('SELECT count(*) FROM pg_publication') == 0 },
	'and nothing is left on the source');

# --- the wrong database ---------------------------------------------------------------
$c->{org} = $c->sql("SELECT id FROM cdc.organization WHERE slug = 'acme'");
$c->{source_id} = $c->register_source('shop-pg', $c->{source});
$c->{sink_id} = $c->register_sink('shop-kafka');
$c->sql("SELECT cdc.create_pipeline('wrong', 'shop-pg', 'shop-kafka', tables => '{orders}')");
my $id = $c->sql("SELECT id FROM cdc.pipeline WHERE name = 'wrong'");
$c->message_ok($id, qr/database "defaultdb" does not exist/, 'the database of the product page is not there');
$c->sql("SELECT cdc.set_pipeline_database('wrong', 'postgres')");
$c->message_ok($id, qr/waiting for tables that do not exist yet: .*orders/, 'another one, which has not the tables');
$c->sql("SELECT cdc.set_pipeline_database('wrong', 'shop')");
$c->running_ok($id, 'and the right one');
is($c->sql("SELECT config ->> 'database_name' FROM cdc.pipeline WHERE name = 'wrong'"), 'shop', 'which is in the object');
my ($code, undef, $error) = $c->try_sql("\\set VERBOSITY verbose\nSELECT cdc.set_pipeline_database('wrong', 'postgres')");
like($error, qr/55000.*cannot be changed any more.*was made in the source for database "shop"/s, 'once it runs that is over');
is($c->source_sql("SELECT count(*) FROM pg_publication", 'postgres'), '0', 'nothing was made in the wrong one');
$c->delete($id);
$c->settled_ok;

done_testing();
