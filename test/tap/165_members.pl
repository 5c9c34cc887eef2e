# 165_members.pl: members while others change at the same moment, under each
# isolation level; a stranger's advisory lock; roles that are renamed, dropped and
# made again while the worker looks on.
#
# On each version of PostgreSQL: locks, isolation, and roles that go.
use strict;
use warnings;
use File::Basename qw(dirname);
use lib dirname(__FILE__) . '/lib';
use CdcCluster;
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

# Up to the last part the worker stands still: it writes services' rows, and a snapshot that is older than
# such a write is refused (40001) at once where a test waits for it to wait.
my $c = CdcCluster->new(empty => 1, meta_conf => 'cdc_pipeline.enabled = off');
$c->sql('CREATE EXTENSION cdc_pipeline');
$c->sql("CREATE ROLE $_ LOGIN") foreach qw(ann bob joe eve stranger);
my $org = $c->sql("SELECT cdc.create_organization('red')");

# A session as somebody, in a transaction of its own.
sub session
{
	my ($who, $level) = @_;
	my %s = (in => '', out => '', err => '', who => $who);

	$s{timer} = IPC::Run::timeout(60);
	$s{psql} = IPC::Run::start([ 'psql', '-XqAt', '-v', 'VERBOSITY=sqlstate', '-d', $c->{meta}->connstr('postgres') . " user=$who" ],
		'<', \$s{in}, '>', \$s{out}, '2>', \$s{err}, $s{timer});
	$s{in} .= "SELECT pg_backend_pid();\nBEGIN ISOLATION LEVEL $level;\nSELECT 1;\n\\echo begun\n";
	$s{psql}->pump until $s{out} =~ /begun/;
	($s{pid}) = $s{out} =~ /^(\d+)/;
	return \%s;
}

sub says { my ($s, $sql) = @_; $s->{in} .= "$sql;\n\\echo said\n"; $s->{psql}->pump until $s->{out} =~ s/said\n//; }
sub asks { my ($s, $sql) = @_; $s->{in} .= "$sql;\n"; $s->{psql}->pump_nb; }
sub ends { my ($s, $how) = @_; $s->{in} .= "$how;\n\\q\n"; $s->{psql}->finish; }
sub waits_ok
{
	my ($s, $what) = @_;
	$c->wait_ok(sub { $s->{psql}->pump_nb; $c->sql("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $s->{pid}") eq 't' }, $what);
}

sub state_of { my ($who) = @_; return $c->sql("SELECT coalesce(string_agg(role || ' ' || state, ','), 'none') FROM cdc.list_members('$org') WHERE member = '$who'"); }

# --- the first organizations, side by side ------------------------------------------------
# Whoever is second waits for nobody, and if he alone commits his organization makes this server the acting one.
$c->sql('DELETE FROM cdc.control_plane; DELETE FROM cdc.work; GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO eve, joe');
{
	my ($eve, $joe) = (session('eve', 'READ COMMITTED'), session('joe', 'READ COMMITTED'));
	says($eve, "SELECT cdc.create_organization('hers')");
	says($joe, "SET lock_timeout = '10s'; SELECT cdc.create_organization('his')");
	unlike($joe->{err}, qr/\S/, 'who makes an organization waits for nobody who makes the first one');
	ends($joe, 'COMMIT');
	is($c->sql('SELECT count(*) FROM cdc.control_plane'), '0', '(it is not known yet who acts)');
	$c->sql('ALTER SYSTEM SET cdc_pipeline.enabled = on; SELECT pg_reload_conf()');
	$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') eq 'no organization exists yet' }, 'nor does the worker wait');
	ends($eve, 'ROLLBACK');
	$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') eq 'running' }, 'the one that was committed has this server act');
	is($c->sql('SELECT count(*) FROM cdc.control_plane c WHERE c.system_identifier = (pg_control_system()).system_identifier'), '1', 'as one of its own');
	$c->sql("DELETE FROM cdc.organization_member m USING cdc.organization o WHERE o.id = m.organization_id AND o.slug = 'his'");
	$c->sql('ALTER SYSTEM SET cdc_pipeline.enabled = off; SELECT pg_reload_conf()');
	$c->wait_ok(sub { $c->sql('SELECT state FROM cdc.worker_state()') eq 'cdc_pipeline.enabled is off' }, '(it stands still again)');
}

# --- two owners leave, each believing in the other ------------------------------------
foreach my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	$c->sql("SELECT cdc.add_member('$org', '$_', 'owner')") foreach qw(ann bob);
	$c->sql("SELECT cdc.remove_member('$org', 'postgres')") if $level eq 'READ COMMITTED';
	my ($ann, $bob) = (session('ann', $level), session('bob', $level));
	says($ann, "SELECT cdc.leave_organization('$org')");
	asks($bob, "SELECT cdc.leave_organization('$org')");
	waits_ok($bob, "$level: the other waits");
	ends($ann, 'COMMIT');
	ends($bob, 'COMMIT');
	like($bob->{err}, $level eq 'READ COMMITTED' ? qr/22023/ : qr/40001/, "$level: and is refused");
	is($c->sql("SELECT count(*) FROM cdc.membership WHERE role = 'owner'"), '1', "$level: one owner stays");
}

# --- an invitation is accepted while it is taken back ----------------------------------
foreach my $level ('READ COMMITTED', 'REPEATABLE READ')
{
	my ($by, $joe);
	$c->sql("SET ROLE bob; SELECT cdc.add_member('$org', 'joe', 'admin')");
	is(state_of('joe'), 'admin invited', "$level: joe is invited");
	($by, $joe) = (session('bob', $level), session('joe', $level));
	says($by, "SELECT cdc.remove_member('$org', 'joe')");
	asks($joe, "SELECT cdc.accept_membership('$org')");
	waits_ok($joe, "$level: who accepts waits for who takes it back");
	ends($by, 'COMMIT');
	ends($joe, 'COMMIT');
	like($joe->{err}, $level eq 'READ COMMITTED' ? qr/42704/ : qr/40001/, "$level: and is none");
	is(state_of('joe'), 'none', "$level: there is no row of his");

	# and the other way round: who removes sees the member
	$c->sql("SET ROLE bob; SELECT cdc.add_member('$org', 'joe', 'admin')");
	($by, $joe) = (session('bob', $level), session('joe', $level));
	says($joe, "SELECT cdc.accept_membership('$org')");
	asks($by, "SELECT cdc.remove_member('$org', 'joe')");
	waits_ok($by, "$level: who takes back waits for who accepts");
	ends($joe, 'COMMIT');
	ends($by, 'COMMIT');
	is(state_of('joe'), $level eq 'READ COMMITTED' ? 'none' : 'admin accepted', "$level: " . ($level eq 'READ COMMITTED' ? 'he is removed as the member that he is' : 'or is told to try again'));
	like($by->{err}, qr/40001/, '(told so)') if $level ne 'READ COMMITTED';
	$c->sql("SELECT cdc.remove_member('$org', 'joe')");
}

# an admin who is removed while his own change waits does not carry it out
$c->sql("SELECT cdc.add_member('$org', 'eve', 'admin')");
{
	my ($bob, $eve) = (session('bob', 'READ COMMITTED'), session('eve', 'READ COMMITTED'));
	says($bob, "SELECT cdc.remove_member('$org', 'eve')");
	asks($eve, "SELECT cdc.add_member('$org', 'joe', 'admin')");
	waits_ok($eve, 'an admin waits for who removes her');
	ends($bob, 'COMMIT');
	ends($eve, 'COMMIT');
	like($eve->{err}, qr/42704/, 'and then invites nobody');
	is(state_of('joe'), 'none', 'as the table shows');
}

# who was removed, or lost a service, while a transaction of hers stands still, changes nothing
foreach my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
	$c->sql("SELECT cdc.add_member('$org', 'eve', 'admin')");
	my $initial = substr($level, 0, 1);
	my $pg = $c->sql(qq{SELECT cdc.register_service('s-$initial', 'postgresql', 'z', '{"nodes":[{"address":"127.0.0.1","port":1}],"admin_user":"u","admin_password":"p"}', organization => '$org')});
	my $kafka = $c->sql(qq{SELECT cdc.register_service('k-$initial', 'kafka', 'z', '{"bootstrap":"127.0.0.1:1"}', organization => '$org')});
	my %tries = (
		'a service' => q{SELECT cdc.register_service('hers', 'kafka', 'z', '{"bootstrap":"h:1"}', organization => '} . "$org')",
		'the nodes' => qq{SELECT cdc.set_service_nodes('$pg', '[{"address":"evil.example"}]')},
		'the connection' => qq{SELECT cdc.update_service('$pg', '{"sslmode":"disable"}')},
		'a secret' => qq{SELECT cdc.set_service_secret('$pg', 'admin_password', 'hers')},
		'a deletion' => "SELECT cdc.delete_service('$pg')",
		'a pipeline' => "SELECT cdc.create_pipeline('hers', '$pg', '$kafka')",
		'a password' => "SELECT (cdc.rest('POST', '/managed-services/$pg/database-users/u/reveal-password')).status");
	my %eve = map { $_ => session('eve', $level) } sort keys %tries;

	$c->sql("SELECT cdc.remove_member('$org', 'eve')");
	foreach my $what (sort keys %tries)
	{
		asks($eve{$what}, $tries{$what});
		ends($eve{$what}, 'COMMIT');
		like($eve{$what}{err} . $eve{$what}{out}, $what eq 'a password' ? qr/^40[34]$/m : qr/42704/, "$level: who was removed meanwhile: not $what");
	}
	$c->sql("SELECT cdc.add_member('$org', 'eve', 'member')");
	my $member = session('eve', $level);
	$c->sql(qq{SELECT cdc.update_service('$pg', '{"pipelines_by":"admin"}')});
	asks($member, $tries{'a pipeline'});
	ends($member, 'COMMIT');
	like($member->{err}, qr/42501|40001/, "$level: a source that was reserved meanwhile is");
	$c->sql("SELECT cdc.remove_member('$org', 'eve')");
}

# who may not see a pipeline's password does not have its service's address changed beside its beginning
foreach my $level ('READ COMMITTED', 'REPEATABLE READ')
{
	my ($i) = $level =~ m{ (\w)};
	my $pg = $c->sql("SELECT id FROM cdc.service WHERE name = 's-R'");
	my ($first, $second, $third) = map { $c->sql(qq{SELECT cdc.register_service('urls-$i-$_', 'kafka', 'z', '{"bootstrap":"h:1","addons":["kafka-connect"],"connect_urls":["http://10.9.9.9:1"]}', organization => '$org')}) } 1 .. 3;
	my $to_evil = q{SELECT cdc.update_service('%s', '{"connect_urls":["http://10.6.6.6:1"]}')};

	$c->sql("SELECT cdc.add_member('$org', 'eve', 'member')");
	# reserved above
	$c->sql(qq{SELECT cdc.update_service('$pg', '{"pipelines_by":null}')});
	my ($eve, $bob) = (session('eve', $level), session('bob', $level));
	says($eve, sprintf($to_evil, $first));
	asks($bob, "SELECT cdc.create_pipeline('pipe-$i-1', '$pg', '$first')");
	waits_ok($bob, "$level: a pipeline waits for a change of its sink");
	ends($eve, 'COMMIT');
	ends($bob, 'COMMIT');

	($eve, $bob) = (session('eve', $level), session('bob', $level));
	says($bob, "SELECT cdc.create_pipeline('pipe-$i-2', '$pg', '$second')");
	asks($eve, sprintf($to_evil, $second));
	waits_ok($eve, "$level: a change waits for a pipeline");
	ends($bob, 'COMMIT');
	ends($eve, 'COMMIT');
	like($eve->{err}, qr/42501|40001/, "$level: and is refused, for there is one now");

	($eve, $bob) = (session('eve', $level), session('bob', $level));
	says($bob, "SELECT cdc.create_pipeline('pipe-$i-3', '$pg', '$third')");
	asks($eve, "SELECT cdc.delete_service('$third')");
	waits_ok($eve, "$level: so does a deletion");
	ends($bob, 'COMMIT');
	ends($eve, 'COMMIT');
	like($eve->{err}, qr/55006|40001/, "$level: and is refused too");
	$c->sql("SELECT cdc.remove_member('$org', 'eve')");
}

# --- a stranger's lock ------------------------------------------------------------------
{
	my $source = $c->sql(q{SELECT cdc.register_service('s', 'postgresql', 'z', '{"nodes":[{"address":"127.0.0.1","port":1}],"admin_user":"u"}', organization => '} . $org . q{')});
	my $sink = $c->sql(q{SELECT cdc.register_service('k', 'kafka', 'z', '{"bootstrap":"127.0.0.1:1"}', organization => '} . $org . q{')});
	my $stranger = session('stranger', 'READ COMMITTED');

	# every advisory lock that the extension ever took
	says($stranger, "SELECT pg_advisory_lock(hashtextextended('cdc_pipeline grants', 0))");
	says($stranger, "SELECT pg_advisory_lock(hashtextextended('cdc_pipeline topics $sink shop', 0))");
	my ($code, undef, $error) = $c->try_sql("SET lock_timeout = '5s'; SELECT cdc.add_member('$org', 'joe'); SELECT cdc.create_pipeline('p', '$source', '$sink', topic_prefix => 'shop')");
	is($code, 0, 'no stranger holds up a grant or a pipeline') or diag($error);
	is($c->sql("SELECT count(*) FROM pg_proc WHERE pronamespace IN ('cdc'::regnamespace, 'cdc_inner'::regnamespace) AND prosrc ~ 'pg_(try_)?advisory'"), '0', 'the extension takes no advisory lock here');
	ends($stranger, 'COMMIT');
	$c->sql("SELECT cdc.remove_member('$org', 'joe')");
}

# --- roles, while the worker looks on ------------------------------------------------------
$c->set(enabled => 'on');
$c->sql("SELECT cdc.add_member('$org', 'joe', 'admin')");
my $token = $c->sql("SET ROLE joe; SELECT cdc.create_token('x', '$org')");
$c->sql('ALTER ROLE joe RENAME TO joseph; CREATE ROLE joe LOGIN');
is(state_of('joseph') . ', ' . state_of('joe'), 'admin accepted, none', 'a renamed role is the member, at once');
# the worker looks when it begins, and once a minute
my $again = sub { my $pid = $c->worker_pid; $c->sql("SELECT pg_terminate_backend($pid)"); };
$again->();
$c->wait_ok(sub { $c->sql("SELECT member FROM cdc.organization_member WHERE role_oid = 'joseph'::regrole") eq 'joseph' }, 'and the name by which a copy is bound follows');
is($c->sql("SELECT member FROM cdc.api_token"), 'joseph', 'of his token too');
$c->sql('DROP OWNED BY joseph; DROP ROLE joseph; CREATE ROLE joseph LOGIN');
is(state_of('joseph'), 'admin absent', 'a role that was made again is nobody');
# so does what is to be forgotten when it begins
my $gone = $c->sql("SELECT cdc.register_service('gone', 'kafka', 'z', '{\"bootstrap\":\"h:1\"}', NULL, '$org')");
my $kept = $c->sql("SELECT cdc.register_service('kept', 'kafka', 'z', '{\"bootstrap\":\"h:1\"}', NULL, '$org')");
$c->sql("UPDATE cdc.service SET status = 'deleting', deleted_at = now() - interval '29 days' WHERE id = '$kept'");
$c->sql("UPDATE cdc.service SET status = 'deleting', deleted_at = now() - interval '31 days' WHERE id = '$gone'; UPDATE cdc.service_event SET at = now() - interval '31 days' WHERE service_id IN ('$gone', '$kept')");
$again->();
$c->wait_ok(sub { $c->sql("SELECT count(*) FROM cdc.service WHERE id = '$gone'") eq '0' }, 'what was deleted longer ago than events are kept is forgotten');
is($c->sql("SELECT count(*) FROM cdc.service WHERE id = '$kept'"), '1', 'what was not is there');
$c->wait_ok(sub { state_of('joseph') eq 'none' }, 'and the row of the old one goes');
is($c->sql("SELECT message FROM cdc.organization_event ORDER BY id DESC LIMIT 1"), 'role "joseph" was dropped', 'with an event');
is($c->sql("SELECT revoked_at IS NOT NULL FROM cdc.api_token"), 't', 'and his token');

$c->stop;
done_testing();
