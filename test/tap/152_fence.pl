# 152_fence.pl: copies of the metadata that take over from each other, with real
# workers: the higher epoch acts, the lower one stops and stays so over a restart,
# cdc.take_over() heals either; equal ones are told apart; marks that are put back
# or forged change nothing.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use CdcNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $c = CdcCluster->new(sim => { snapshot_ms => 50 }, meta_conf => "cdc_pipeline.health_interval = '500ms'\n");
my $first = $c->create('first', topic_prefix => 'first');
$c->running_ok($first, 'a pipeline runs');
my $object = $c->object($first);

sub state_of { my ($node) = @_; return $node->safe_psql('postgres', 'SELECT state FROM cdc.worker_state()'); }
sub one { my ($node, $sql) = @_; return $node->safe_psql('postgres', $sql); }
sub comment { return $c->source_sql("SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = '$object'"); }
sub set_comment { my ($words) = @_; $c->source_sql("COMMENT ON PUBLICATION \"$object\" IS '$words'"); return; }
my $stopped = qr/another control plane with epoch/;

# --- a restored dump takes over ------------------------------------------------------------
my $original = $c->{meta};
my $old = comment();
my $dump = "$c->{dir}/dump.sql";
command_ok([ 'pg_dump', '-f', $dump, '-d', $original->connstr('postgres') ], 'the metadata is dumped');
my $copy = $c->make_meta('copy');
command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $copy->connstr('postgres') ], 'and restored');
$c->wait_ok(sub { state_of($copy) =~ /copy of the metadata/ }, 'the copy only reads');
one($copy, 'SELECT cdc.take_over()');
$c->wait_ok(sub { state_of($copy) eq 'running' }, 'after cdc.take_over() it acts');
is(one($copy, 'SELECT installation_id FROM cdc.control_plane'), one($original, 'SELECT installation_id FROM cdc.control_plane'), 'as the same installation');
$c->wait_ok(sub { state_of($original) =~ $stopped }, 'the original stops');
my $new = comment();
isnt($new, $old, 'the mark on the publication is a higher one');
cmp_ok(one($original, 'SELECT seen_epoch FROM cdc.control_plane'), '==', one($copy, 'SELECT epoch FROM cdc.control_plane'), 'the original keeps which');

# --- it stays stopped ------------------------------------------------------------------------
my $log = -s $original->logfile;
$original->restart;
$c->wait_ok(sub { state_of($original) =~ $stopped }, 'over a restart too');
unlike(substr(slurp_file($original->logfile), $log), qr/acts with epoch/, 'without having acted');
my $mutations = @{ $c->mutations };
one($original, "SELECT cdc.delete_pipeline('$first')");
set_comment($old);
$c->wait_ok(sub { comment() eq $new }, 'an old mark that is put back is replaced by who acts');
is(scalar @{ $c->mutations }, $mutations, 'and the original does nothing of what it is asked');
like(state_of($original), $stopped, 'nor thinks that it may');
set_comment("cdc_pipeline $first epoch 999999999999999999");
$c->wait_ok(sub { one($copy, "SELECT count(*) FROM cdc.finding WHERE check_name = 'mark_unverified'") eq '1' }, 'a forged one is a finding');
is(state_of($copy), 'running', 'and stops nobody');
one($copy, "SELECT cdc.adopt('$first')");
$c->wait_ok(sub { comment() eq $new }, 'adopted it is as it was');

# --- and back again ---------------------------------------------------------------------------
one($original, "UPDATE cdc.pipeline_spec SET desired_state = 'present', status = 'Running' WHERE id = '$first'");
one($original, 'SELECT cdc.take_over()');
$c->wait_ok(sub { state_of($original) eq 'running' }, 'cdc.take_over() heals');
$c->wait_ok(sub { state_of($copy) =~ $stopped }, 'now the copy stops');
cmp_ok(one($original, 'SELECT epoch_base FROM cdc.control_plane'), '>', one($copy, 'SELECT epoch_base FROM cdc.control_plane'), 'by its count');

# --- two that are equal ------------------------------------------------------------------------
my $count = one($original, 'SELECT epoch_base + 1000 FROM cdc.control_plane');
one($_, "UPDATE cdc.control_plane SET epoch_base = $count") foreach $original, $copy;
my $both = sub { return join '|', map { one($_, "SELECT epoch >> 24 FROM cdc.control_plane") } $original, $copy };
$c->wait_ok(sub { $both->() eq "$count|$count" }, 'both have the same count');
my %tie = map { $_->name => one($_, 'SELECT tie FROM cdc.control_plane') } $original, $copy;
is(one($original, 'SELECT epoch FROM cdc.control_plane'), one($copy, 'SELECT epoch FROM cdc.control_plane'), 'and the same epoch');
my ($higher, $lower) = $tie{ $original->name } gt $tie{ $copy->name } ? ($original, $copy) : ($copy, $original);
$c->wait_ok(sub { state_of($higher) eq 'running' && state_of($lower) =~ $stopped }, 'the one with the higher tie acts, the other one stops') or diag(state_of($higher), ' / ', state_of($lower));
like(comment(), qr/ mark $tie{ $higher->name }\./, 'whose mark is on the publication');
is(one($higher, "SELECT status FROM cdc.pipeline_spec WHERE id = '$first'"), 'Running', 'the pipeline runs on');

$_->stop('immediate') foreach $original, $copy;
done_testing();
