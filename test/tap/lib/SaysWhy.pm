# SaysWhy.pm: a test that dies says of what, where the runner sees it.
#
# PostgreSQL::Test::Utils turns the standard error into a log that goes away
# with the run.  The runner loads this for each test (perl -MSaysWhy).
package SaysWhy;

use strict;
use warnings;
use Test::More ();

$SIG{__DIE__} = sub {
	my ($why) = @_;
	my @lines;

	# whether an eval takes it; undefined while a file is compiled
	return if !defined $^S || $^S;
	for (my $n = 0; my (undef, $file, $line) = caller($n); $n++)
	{
		push @lines, $line if $file eq $0;
	}
	Test::More::diag("died: $why(line " . join(', called at ', @lines) . ')');
};

1;
