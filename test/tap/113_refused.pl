# 113_refused.pl: what Kafka Connect refuses was never made, so nothing of it is
# to be looked for when it is deleted.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $c = CdcCluster->new(meta_conf => "cdc_pipeline.settle_after = '1s'\n");
my $before = $c->world;

sub requests { my ($id) = @_; my $name = $c->connector($id); return map { $_->{method} } grep { $_->{path} =~ /$name/ } @{ $c->mutations }; }

# Connect cannot log in to the database, the worker can.
$c->source_sql('ALTER DATABASE shop CONNECTION LIMIT 0', 'postgres');
my $refused = $c->create('refused');
$c->message_ok($refused, qr/^put_connector failed and is tried again: HTTP 400: /, 'Connect refuses the connector, and it is told why');
$c->wait_ok(sub { scalar(requests($refused)) >= 2 }, '(and again)');
$c->delete($refused);
$c->status_ok($refused, 'Deleted', 'it is deleted without force while Connect still refuses');
is((grep { ($_->{message} // '') =~ /left behind/ } $c->events($refused)), 0, 'with nothing left behind');
is((grep { $_ ne 'PUT' } requests($refused)), 0, 'and nothing was made for that');

# What has no answer may have been accepted: its offsets must be seen gone.
$c->source_sql('ALTER DATABASE shop CONNECTION LIMIT -1', 'postgres');
$c->fault(method => 'PUT', path => '/config$', drop => $yes, effect => $no, count => -1);
my $unanswered = $c->create('unanswered');
$c->message_ok($unanswered, qr/it may still take effect/, 'a request without an answer');
$c->fault(method => 'POST', path => '^/connectors$', status => 400, effect => $no, count => -1, message => 'no');
$c->delete($unanswered);
$c->message_ok($unanswered, qr/^post_stopped failed and is tried again: HTTP 400/, 'is another matter: it is looked for');
is($c->status($unanswered), 'Deleting', 'and the delete waits');
$c->clear_faults;
$c->status_ok($unanswered, 'Deleted', 'until that is possible', seconds => 60);
$c->settled_ok;
$c->same_world_ok($before, 'nothing is left of either');

$c->stop;
done_testing();
