# SourceSql.pm: what src/remote builds for a source server, for tests that run it there.
#
# The statements come from test/unit/source_sql_dump.c, which is compiled when it is
# first asked, unless CDC_SOURCE_SQL_DUMP names the program.
package SourceSql;

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use IPC::Run qw(run);
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(built rows);

my $dump = $ENV{CDC_SOURCE_SQL_DUMP};

sub compile
{
	my $top = abs_path(dirname(__FILE__) . '/../../..');
	my $source = "$top/test/unit/source_sql_dump.c";
	my $words = slurp_file($source);
	my ($link) = $words =~ m{/\* link: (.*?) \*/};
	my ($libs) = $words =~ m{/\* libs: (.*?) \*/};
	my ($flags) = $words =~ m{/\* flags: (.*?) \*/};
	my $config = $ENV{PG_CONFIG} || 'pg_config';
	chomp(my $include = `$config --includedir-server`);
	chomp(my $lib = `$config --pkglibdir`);
	$dump = PostgreSQL::Test::Utils::tempdir() . '/source_sql_dump';
	system("cd '$top' && cc $flags -I'$include' -Isrc -o '$dump' '$source' $link -L'$lib' $libs") == 0
	  or die 'source_sql_dump.c does not compile';
	return;
}

# What the program prints for these arguments and this input.
sub built
{
	my ($args, $input) = @_;
	my ($out, $err) = ('', '');

	compile() if !$dump;
	run([ $dump, @$args ], '<', \($input // ''), '>', \$out, '2>', \$err) or die "source_sql_dump @$args: $err";
	return $out;
}

# The rows of a look, bytea each, as psql shows them.
sub rows
{
	my ($out) = @_;

	return map { /^\\x([0-9a-f]*)$/ ? pack('H*', $1) : $_ } split /\n/, $out;
}

1;
