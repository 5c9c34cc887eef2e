# 115_leaving.pl: a service that is deleted after its pipelines, and never answers
# again: they are watched until what was sent has had its time, then it goes.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use Test::More;

my $c = CdcCluster->new(meta_conf => <<'CONF');
cdc_pipeline.health_interval = '500ms'
cdc_pipeline.request_timeout = '1s'
cdc_pipeline.connect_timeout = '500ms'
CONF

sub settled { my ($id) = @_; return $c->sql("SELECT settled_at IS NOT NULL FROM cdc.pipeline_spec WHERE id = '$id'") eq 't'; }
sub service_gone { my ($id) = @_; return $c->sql("SELECT deleted_at IS NOT NULL FROM cdc.service WHERE id = '$id'") eq 't'; }

# A pipeline that is gone for its users, and watched for as long as the test wants.
sub deleted
{
	my ($name) = @_;
	my $id = $c->create($name);

	$c->set(settle_after => '1h');
	$c->running_ok($id, "$name runs");
	$c->delete($id);
	$c->status_ok($id, 'Deleted', "$name is deleted");
	ok(!settled($id), "$name is watched still");
	return $id;
}

sub told_ok
{
	my ($id, $pattern, $test) = @_;
	my ($last) = ($c->events($id))[-1];

	like($last->{message}, $pattern, $test);
	ok(!$c->sql("SELECT count(*) FROM cdc.pipeline_secret WHERE pipeline_id = '$id'"), 'its password is forgotten');
}

# --- Kafka Connect is never seen again ---------------------------------------------
my $id = deleted('connect-gone');
$c->stop_sim('KILL');
$c->set(settle_after => '4s');
$c->wait_ok(sub { $c->sql("SELECT bool_and(now() - mutated_at > '5 s') FROM cdc.pipeline_spec WHERE id = '$id'") eq 't' }, 'what was sent has had its time');
ok(!settled($id), 'a service that stays may answer again: it is waited for');
is($c->sql("SELECT cdc.delete_service('$c->{sink_id}')"), 'deleting', 'the service is deleted');
$c->wait_ok(sub { settled($id) && service_gone($c->{sink_id}) }, 'it goes, and its pipeline with it');
told_ok($id, qr/what cannot be looked at once more.*connector "mdb-pipeline-.*on sink service "shop-kafka"/, 'what was not looked at again is told');

# --- nor the source ------------------------------------------------------------------
$c->start_sim;
$c->{sink_id} = $c->register_sink('other-kafka');
$id = deleted('source-gone');
is($c->sql("SELECT cdc.delete_service('$c->{source_id}')"), 'deleting', 'its source is deleted while it is watched');
$c->{source}->stop('immediate');
$c->set(settle_after => '4s');
$c->wait_ok(sub { settled($id) && service_gone($c->{source_id}) }, 'and goes, when what was sent has had its time');
told_ok($id, qr/what cannot be looked at once more.*replication slot.*on source service "shop-pg"/, 'what was not looked at again is told');
ok($c->sql("SELECT settled_at - mutated_at >= '4 s' FROM cdc.pipeline_spec WHERE id = '$id'") eq 't', 'not before that');

$c->stop;
done_testing();
