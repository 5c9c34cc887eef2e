# CdcNode.pm: a PostgreSQL of a test, whose psql reads its statements from a file.
#
# PostgreSQL::Test::Cluster writes them into psql's standard input; a psql that
# ends before it has read them, since its server does not let it in or a
# statement fails, ends the test with "Broken pipe" in place of telling.
package CdcNode;

use strict;
use warnings;
use parent 'PostgreSQL::Test::Cluster';
use PostgreSQL::Test::Utils;

my $file;

# As PostgreSQL::Test::Cluster's.
sub psql
{
	my ($self, $database, $sql, %params) = @_;

	$file //= PostgreSQL::Test::Utils::tempdir() . '/statements.sql';
	open(my $f, '>', $file) or die "$file: $!";
	print $f $sql;
	close $f or die "$file: $!";
	return $self->SUPER::psql($database, '', %params, extra_params => [ @{ $params{extra_params} || [] }, '-f', $file ]);
}

# As PostgreSQL::Test::Cluster's; its error has the statement.
sub safe_psql
{
	my ($self, $database, $sql, %params) = @_;
	my $out;

	eval { $out = $self->SUPER::safe_psql($database, $sql, %params); 1 } or die "$@running: $sql\n";
	return $out;
}

1;
