# 010_docs.pl: the documentation says what the code does.
#
# Reads the golden files of expected/ (which the regress tests hold against the
# code), the source, and docs/*.md.  A failure says which row is to be added or
# taken out.  Needs no server.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my %doc = map { $_ => slurp_file("$top/docs/$_.md") } qw(architecture sql-api rest-api configuration operations security development);

# The text below a heading, up to the next heading of its level or above.
sub section
{
	my ($document, $heading) = @_;
	my ($level) = $heading =~ /^(#+)/;
	my $depth = length $level;
	my ($words) = $doc{$document} =~ /^\Q$heading\E[^\n]*\n(.*?)(?=^#{1,$depth} |\z)/ms;

	ok(defined $words, "docs/$document.md has a section \"$heading\"");
	return $words // '';
}

# The code spans in the first cell of every row of the tables in a text.
sub first_cells
{
	my ($words) = @_;
	my @spans;

	foreach my $line (split /\n/, $words)
	{
		my ($cell) = $line =~ /^\|\s*(`.*?)\s*\|/ or next;
		push @spans, $cell =~ /`([^`]+)`/g;
	}
	return @spans;
}

# One test: both sets are the same; missing and needless ones are told as what to do.
sub same_ok
{
	my ($has, $wanted, $test, $add, $remove) = @_;
	my %has = map { $_ => 1 } @$has;
	my %wanted = map { $_ => 1 } @$wanted;
	my @missing = grep { !$has{$_} } @$wanted;
	my @needless = grep { !$wanted{$_} } @$has;

	cmp_ok(scalar @$wanted, '>', 0, "($test: there are some)");
	ok(!@missing && !@needless, $test)
	  or diag(join("\n", (map { $add->($_) } @missing), (map { $remove->($_) } @needless)));
}

# --- the runbook: every message of the state table has its row ------------------------------
my (%comment, %rules, $rule);
foreach my $line (split /\n/, slurp_file("$top/expected/state_table.out"))
{
	$rule = $1 if $line =~ /^(\d+) \w+: /;
	push @{ $rules{$1} }, $rule if $line =~ /^    "(.*)"$/;
	$comment{$rule} = $1 if $rule && $line =~ /^    -- (.*)$/;
}
same_ok([ first_cells(section('operations', '## Runbook')) ], [ sort keys %rules ], 'docs/operations.md has a row for every message of cdc.state_table, and no other',
	sub { "Add to a table of \"## Runbook\" in docs/operations.md (rule @{ $rules{$_[0]} }):\n| `$_[0]` | $comment{ $rules{$_[0]}[0] } | what to do |" },
	sub { "No rule says this any more; take it out of \"## Runbook\" in docs/operations.md: `$_[0]`" });

# --- findings -------------------------------------------------------------------------------------
my @checks = map { lc } slurp_file("$top/src/worker/world/checks.c") =~ /\.check_name = (?:"|CDC_)(\w+)/g;
# and what SQL finds
push @checks, map { slurp_file($_) =~ /'(\w+)', '(?:flow|safety|cost)', '(?:blocker|warning|info)'/g } glob("$top/sql/*/helpers*.sql");
same_ok([ first_cells(section('operations', '## Findings')) ], [ sort @checks ], 'docs/operations.md has a row for every check of a finding, and no other',
	sub { "Add to \"## Findings\" in docs/operations.md: `$_[0]`" }, sub { "No check has this name; take its row out of \"## Findings\" in docs/operations.md: `$_[0]`" });
my @elsewhere = grep { !m{/world/(?:checks|findings)\.c$} && slurp_file($_) =~ /\.check_name = / } glob("$top/src/worker/*.c $top/src/worker/*/*.c");
is("@elsewhere", '', 'and no finding has its name from elsewhere');

# --- why the reconciler does not act ------------------------------------------------------------
my $interlock = slurp_file("$top/src/worker/store/interlock.c");
my @reasons = map { s/"\s*U?INT64_FORMAT\s*"/%s/gr =~ s/"\s*"//gr =~ s/%\w+/{}/gr } $interlock =~ /(?:reason = |return )(?:psprintf\()?"((?:[^"]|"\s*U?INT64_FORMAT\s*")*)"/g;
same_ok([ map { s/\{\w+\}/{}/gr } first_cells(section('operations', '## The reconciler does not act')) ], \@reasons, 'docs/operations.md has a row for every reason not to act',
	sub { "Add to \"## The reconciler does not act\" in docs/operations.md: `$_[0]`" }, sub { "src/worker/store/interlock.c does not say this any more; take it out: `$_[0]`" });

# --- settings, with default and context ------------------------------------------------------------
my (%setting, @sections);
foreach my $line (split /\n/, slurp_file("$top/expected/settings.out"))
{
	my ($name, $type, $context, $unit, $default) = $line =~ /^(cdc_pipeline\.\w+): (\w+), (\w+)(?:, unit (\w+))?, default "(.*?)"/ or next;
	$setting{$name} = { context => $context, unit => $unit // '', default => $default };
}
@sections = $doc{configuration} =~ /^### `(cdc_pipeline\.\w+)`/mg;
same_ok(\@sections, [ sort keys %setting ], 'docs/configuration.md has a section for every setting',
	sub { "Add to docs/configuration.md: ### `$_[0]`" }, sub { "There is no setting $_[0] any more: take its section out of docs/configuration.md" });
my $source = join '', map { slurp_file($_) } grep { !m{settings\.[ch]$|/limits\.[ch]$} } glob("$top/src/*/*.[ch] $top/src/*/*/*.[ch]");
foreach my $name (sort keys %setting)
{
	my ($words) = $doc{configuration} =~ /^### `\Q$name\E`[^\n]*\n(.*?)(?=^##)/ms;
	my %is = %{ $setting{$name} };
	my ($default) = ($words // '') =~ /Default (?:`([^`]*)`|(empty))/;
	my %unit = (ms => 1, s => 1000, min => 60000, h => 3600000, d => 86400000, MB => 1);
	my $given = defined $default && $default =~ /^(\d+) (\w+)$/ ? $1 * ($unit{$2} // 0) : $default // '';
	my $wanted = $is{unit} ne '' ? $is{default} * $unit{ $is{unit} } : $is{default};

	is($given, $wanted, "docs/configuration.md has the default of $name ($is{default}$is{unit})");
	like($words // '', $is{context} eq 'postmaster' ? qr/restart/i : qr/reload/i, "and says what makes a change of $name effective");
	# the C variable of cdc_pipeline.x is cdc_x, of an organization's limit its place among them; events and findings are counted in SQL
	my $variable = $name =~ /^cdc_pipeline\.(?:organization|role)_(\w+)$/ ? 'CDC_LIMIT_' . uc $1 : $name =~ s{^cdc_pipeline\.}{cdc_}r;
	my $used = $source =~ /\b\Q$variable\E\b/;
	is((($words // '') =~ /no effect yet/i) ? 'no effect yet' : 'used', $used ? 'used' : 'no effect yet', "$name: \"no effect yet\" stands there while no code reads it, and only then");
}

# --- keys of connection, options -----------------------------------------------------------------------
my $errors = slurp_file("$top/expected/errors.out");
my %keys;
$keys{$_}++ foreach map { split /, / } $errors =~ /^    Known keys: (.*)\.$/mg;
same_ok([ map { first_cells(section('configuration', $_)) } '### A PostgreSQL service', '### A Kafka service' ], [ sort keys %keys ], 'docs/configuration.md has a row for every key of connection',
	sub { "Add to \"## connection\" in docs/configuration.md: | `$_[0]` | ... |" }, sub { "connection has no key $_[0] any more: take its row out of docs/configuration.md" });
# who may set a key, what it directs, what is a secret
my %table = map { /^(\w+) (\w+): \w+, by (\w+)(, secret)?(, directs .*)?$/ ? ("$1 $2" => { by => $3, secret => !!$4, directs => !!$5 }) : () } split /\n/, slurp_file("$top/expected/connection_keys.out");
cmp_ok(scalar keys %table, '>', 20, '(there are keys of connection)');
foreach my $name (sort keys %table)
{
	my ($type, $key) = split / /, $name;
	my ($row) = section('configuration', $type eq 'kafka' ? '### A Kafka service' : '### A PostgreSQL service') =~ /^\|([^|\n]*`$key`[^\n]*)$/m;
	my ($marks) = ($row // '') =~ /`$key`([^`|]*)/;

	is(join(' ', ($marks // '') =~ /(\*)/ ? 'secret' : (), ($marks // '') =~ /→/ ? 'directs' : ()), join(' ', $table{$name}{secret} ? 'secret' : (), $table{$name}{directs} ? 'directs' : ()),
		"docs/configuration.md marks $name as what cdc.connection_key says");
	like($row // '', { member => qr/./, admin => qr/Changed by an owner or admin/, superuser => qr/For superusers/ }->{ $table{$name}{by} }, "and says who sets $name");
}
my ($options) = $errors =~ /^    Known options: (.*)\.$/m;
same_ok([ first_cells(section('configuration', '## options')) ], [ split /, /, $options ], 'docs/configuration.md has a row for every option of a pipeline',
	sub { "Add to \"## options\" in docs/configuration.md: | `$_[0]` | ... |" }, sub { "There is no option $_[0] any more: take its row out of docs/configuration.md" });

# --- functions and relations ----------------------------------------------------------------------------
my $interface = slurp_file("$top/expected/interface.out");
my @functions = $interface =~ /^(\w+)\(.*\)\n    returns /mg;
my %documented = map { $_ => 1 } $doc{'sql-api'} =~ /\bcdc\.(\w+)/g;
my %callable = map { $_ => 1 } @functions;
same_ok([ grep { $callable{$_} } sort keys %documented ], [ sort keys %callable ], 'docs/sql-api.md speaks of every function that callers may call',
	sub { "Add to docs/sql-api.md: cdc.$_[0]" }, sub { '' });
my @relations = $interface =~ /^(?:view|table|type) (\w+)$/mg;
is(join(' ', grep { !$documented{$_} } @relations), '', 'and of every relation that they may read');
my %exists = map { $_ => 1 } @functions, @relations, 'pipeline_spec', 'pipeline_observed', map { /(?:FUNCTION|TABLE|VIEW|TYPE) cdc(?:_inner)?\.(\w+)/g } map { slurp_file($_) } glob("$top/sql/*.sql $top/sql/*/*.sql");
foreach my $document (sort keys %doc)
{
	my %named = map { $_ => 1 } $doc{$document} =~ /\bcdc\.(\w+)/g;
	is(join(' ', grep { !$exists{$_} && !/^(?:pipeline|epoch|mark)$/ } sort keys %named), '', "docs/$document.md names nothing in schema cdc that is not there");
}
# each signature of sql-api.md is the function's
foreach my $signature ($doc{'sql-api'} =~ /^(cdc\.\w+\([^\n]*)$/mg)
{
	my ($name, $arguments) = $signature =~ /^cdc\.(\w+)\((.*)\) +RETURNS/ or next;
	# of those for an id or a name it has the one for ids
	my ($is) = sort { (() = $b =~ /\buuid\b/g) <=> (() = $a =~ /\buuid\b/g) } $interface =~ /^\Q$name\E\((.*)\)\n    returns /mg;
	my $plain = ($is // '') =~ s/::[a-z ]+(?:\[\])?//gr =~ s/\@ 5 mins/5 min/r =~ s/'\@ /'/r;
	is($arguments, $plain, "docs/sql-api.md has the arguments of cdc.$name");
}

# --- links -----------------------------------------------------------------------------------------------------
my %files = (README => slurp_file("$top/README.md"), map { ("docs/$_" => $doc{$_}) } keys %doc);
foreach my $file (sort keys %files)
{
	my @broken = grep { !/^(?:https?:|#)/ && !-e "$top/" . ($file =~ m{^docs/} ? 'docs/' : '') . s/#.*//r } $files{$file} =~ /\]\(([^)\s]+)\)/g;
	is(join(' ', @broken), '', "$file.md links to nothing that is not there");
}
foreach my $document (sort keys %doc)
{
	like($files{README}, qr{\(docs/\Q$document\E\.md\)}, "README.md links docs/$document.md");
}

done_testing();
