# 050_settings.pl: settings refuse what makes no sense, with a reason.
#
# On each version of PostgreSQL: the hooks of its settings.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = CdcNode->new('settings');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'cdc_pipeline'\ncdc_pipeline.enabled = off\n");
$node->start;
foreach my $setting (q{sdn_url = 'ftp://x'}, q{debezium_plugin_url = 'x'}, q{debezium_plugin_sha512 = 'abc'},
	q{secret_key_file = 'key'}, q{sdn_credentials_file = 'a/b'}, q{health_interval = 0})
{
	my ($out, $error) = ('', '');
	my $code = $node->psql('postgres', "\\set VERBOSITY verbose\nALTER SYSTEM SET cdc_pipeline.$setting", stdout => \$out, stderr => \$error);
	like($error, qr/22023/, "refused: $setting");
	like($error, qr/DETAIL:|outside the valid range/, 'with a reason');
}
# without preloading, the extension says what to do
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
my ($out, $error) = ('', '');
$node->psql('postgres', 'CREATE EXTENSION cdc_pipeline', stdout => \$out, stderr => \$error);
like($error, qr/must be loaded when the server starts.*HINT:.*shared_preload_libraries/s, 'a missing preload is named, with what to do');
# and in another database, which one is right
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'cdc_pipeline'\ncdc_pipeline.database_name = 'elsewhere'\n");
$node->restart;
$node->psql('postgres', 'CREATE EXTENSION cdc_pipeline', stdout => \$out, stderr => \$error);
like($error, qr/belongs into database "elsewhere".*HINT:.*\\c elsewhere/s, 'the wrong database is named, with what to do');
$node->stop('immediate');
# the tests' own: a psql that cannot connect does not read what it is told
my ($code) = $node->psql('postgres', '-- ' . 'x' x 1_000_000);
is($code, 2, 'psql of a server that is away fails, and says so');

done_testing();
