# CdcCluster.pm: a small world for tests of the worker.
#
# A metadata cluster with the extension preloaded, a source cluster with
# wal_level = logical, and connect_sim as the Kafka Connect of the sink; one
# organization with one service of each kind.  Nothing outside of the test's
# own directories and loopback ports is touched.
#
# Waits are conditions with a deadline, never a fixed time.
package CdcCluster;

use strict;
use warnings;
use Carp;
use CdcNode;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Socket::INET;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our $top = abs_path(dirname(__FILE__) . '/../../..');
our $admin_password = q{a'd"m\\i n:@/?};

my $json = JSON::PP->new->canonical->allow_nonref;
my $sequence = 0;
my @all;

# options: meta_conf, source_conf (text); sim (hash of settings); empty (no
# extension, no services); source_sql (run in database shop of the source)
sub new
{
	my ($class, %options) = @_;
	my $self = bless { options => \%options, sims => [] }, $class;
	my $n = ++$sequence;

	push @all, $self;
	$self->{dir} = PostgreSQL::Test::Utils::tempdir();
	$self->make_key;
	$self->{source} = $self->make_source("source$n", $options{source_conf});
	$self->{meta} = $self->make_meta("meta$n", $options{meta_conf});
	$self->start_sim(%{ $options{sim} || {} });
	$self->{source}->safe_psql('shop', $options{source_sql}) if $options{source_sql};
	$self->create_extension unless $options{empty};
	return $self;
}

sub make_key
{
	my ($self) = @_;
	my $file = $self->{key_file} = "$self->{dir}/secret_key";

	open(my $f, '>', $file) or croak "$file: $!";
	print $f join('', map { chr(65 + $_ % 26) } 1 .. 32);
	close $f;
	chmod 0600, $file;
}

# A source that lets nobody in by TCP but its administrator: the connector
# needs the line that the worker writes.
sub make_source
{
	my ($self, $name, $conf) = @_;
	my $node = CdcNode->new($name);

	$node->init(allows_streaming => 'logical');
	$node->append_conf('postgresql.conf', <<"CONF");
wal_level = logical
listen_addresses = '127.0.0.1'
max_wal_senders = 30
max_replication_slots = 30
max_connections = 120
log_statement = 'ddl'
log_line_prefix = '%m [%p] %q%a '
wal_sender_timeout = 10s
CONF
	$node->append_conf('postgresql.conf', $conf) if $conf;
	$self->write_hba($node);
	$node->start;
	my $password = $admin_password =~ s/'/''/gr;
	$node->safe_psql('postgres', "CREATE ROLE cdc_admin SUPERUSER LOGIN PASSWORD '$password'");
	$node->safe_psql('postgres', 'CREATE DATABASE shop');
	$node->safe_psql('shop', <<'SQL');
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, total numeric(10,2), status text);
CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO orders SELECT g, g % 7, g, 'placed' FROM generate_series(1, 50) g;
INSERT INTO customers SELECT g, 'c' || g FROM generate_series(1, 7) g;
SQL
	return $node;
}

sub write_hba
{
	my ($self, $node) = @_;
	my $file = $node->data_dir . '/pg_hba.conf';

	unlink $file;
	append_to_file($file, <<'HBA');
# the user's own file, which must come back byte for byte
local   all             all                                     trust
host    all             cdc_admin       127.0.0.1/32            scram-sha-256
local   replication     all                                     trust
HBA
	chmod 0600, $file;
}

sub make_meta
{
	my ($self, $name, $conf) = @_;
	my $node = CdcNode->new($name);

	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'cdc_pipeline'
cdc_pipeline.database_name = 'postgres'
cdc_pipeline.health_interval = '500ms'
cdc_pipeline.member_networks = '127.0.0.0/8'
cdc_pipeline.secret_key_file = '$self->{key_file}'
log_line_prefix = '%m [%p] %q%a '
CONF
	$node->append_conf('postgresql.conf', $conf) if $conf;
	$node->start;
	return $node;
}

sub create_extension
{
	my ($self) = @_;

	$self->sql('CREATE EXTENSION cdc_pipeline');
	$self->{org} = $self->sql("SELECT cdc.create_organization('acme')");
	$self->{source_id} = $self->register_source('shop-pg', $self->{source});
	$self->{sink_id} = $self->register_sink('shop-kafka');
}

sub literal { my ($words) = @_; return "'" . ($words =~ s/'/''/gr) . "'"; }

sub register
{
	my ($self, $name, $type, $zone, $connection) = @_;
	my $text = ref $connection ? $json->encode($connection) : $connection;

	return $self->sql('SELECT cdc.register_service(' .
		join(', ', map { literal($_) } $name, $type, $zone) . ', ' . literal($text) . "::jsonb, organization => '$self->{org}')");
}

# options override or add keys of the connection; zone is taken out
sub register_source
{
	my ($self, $name, $node, %options) = @_;
	my $zone = delete $options{zone} || 'se-sto1';

	return $self->register($name, 'postgresql', $zone, {
		nodes => [ { address => '127.0.0.1', port => $node->port } ],
		database => 'shop', admin_user => 'cdc_admin', admin_password => $admin_password, %options });
}

sub register_sink
{
	my ($self, $name, %options) = @_;
	my $zone = delete $options{zone} || 'se-sto1';

	return $self->register($name, 'kafka', $zone, {
		bootstrap => '127.0.0.1:9093', connect_urls => [ $self->sim_url ], connect_cidrs => ['127.0.0.1/32'],
		addons => ['kafka-connect'], plaintext_connector_password => JSON::PP::true, %options });
}

# --- the metadata -----------------------------------------------------------

# One value or row set of the metadata, psql -At.
sub sql
{
	my ($self, $query) = @_;

	return $self->{meta}->safe_psql('postgres', $query);
}

# (exit code, output, error): for statements that may fail
sub try_sql
{
	my ($self, $query) = @_;
	my ($out, $err) = ('', '');
	my $code = $self->{meta}->psql('postgres', $query, stdout => \$out, stderr => \$err, on_error_stop => 1);

	return ($code, $out, $err);
}

# name => ..., and any argument of cdc.create_pipeline; tables as list
sub create
{
	my ($self, $name, %options) = @_;
	my %args = (name => literal($name), source => literal($self->{source_id}), sink => literal($self->{sink_id}),
		database_name => "'shop'", tables => "ARRAY['orders', 'customers']", organization => literal($self->{org}));

	foreach my $key (keys %options)
	{
		my $value = $options{$key};
		$args{$key} = ref $value eq 'ARRAY' ? 'ARRAY[' . join(', ', map { literal($_) } @$value) . ']::text[]' :
		  ref $value eq 'HASH' ? literal($json->encode($value)) : literal($value);
	}
	return $self->sql('SELECT cdc.create_pipeline(' . join(', ', map { "$_ => $args{$_}" } sort keys %args) . ')');
}

sub delete
{
	my ($self, $id, $force) = @_;

	return $self->sql("SELECT cdc.delete_pipeline('$id', " . ($force ? 'true' : 'false') . ')');
}

# The row of pipeline_spec as a hash; also of a deleted one.
sub spec
{
	my ($self, $id) = @_;

	return $json->decode($self->sql("SELECT to_jsonb(s) FROM cdc.pipeline_spec s WHERE id = '$id'") || 'null');
}

sub status { my ($self, $id) = @_; my $spec = $self->spec($id); return $spec && $spec->{status}; }
sub message { my ($self, $id) = @_; my $spec = $self->spec($id); return $spec && $spec->{error_message} // ''; }

# The short name that all of a pipeline's objects carry.
sub object { my ($self, $id) = @_; return 'mdb_pipeline_' . substr($id, 0, 8); }
sub connector { my ($self, $id) = @_; return 'mdb-pipeline-' . substr($id, 0, 8); }

sub events
{
	my ($self, $id, $where) = @_;

	return @{ $json->decode($self->sql("SELECT coalesce(jsonb_agg(e ORDER BY id), '[]') FROM cdc.pipeline_event e" .
		" WHERE pipeline_id = '$id'" . ($where ? " AND ($where)" : ''))) };
}

# Polls until the condition is true; dies never, returns its value or ''.
sub poll
{
	my ($self, $condition, $seconds) = @_;
	my $deadline = time + ($seconds || 30);

	for (;;)
	{
		my $value = $condition->();
		return $value if $value;
		return '' if time > $deadline;
		usleep(30_000);
	}
}

# A test of its own: the condition becomes true in time.
sub wait_ok
{
	my ($self, $condition, $test, $seconds) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $value = $self->poll($condition, $seconds);

	ok($value, $test) or $self->describe;
	return $value;
}

# A test: the pipeline gets this status (and its message matches).
sub status_ok
{
	my ($self, $id, $status, $test, %options) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $spec;
	my $value = $self->poll(sub {
		$spec = $self->spec($id);
		return $spec && $spec->{status} eq $status &&
		  (!defined $options{message} || ($spec->{error_message} // '') =~ $options{message}) &&
		  (!defined $options{step} || ($spec->{provision_step} // '') eq $options{step});
	}, $options{seconds});

	ok($value, $test)
	  or do { diag('it is ' . $json->encode($spec)); $self->describe($id); };
	return $value;
}

sub running_ok { my ($self, $id, $test, %options) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $self->status_ok($id, 'Running', $test || 'it runs', message => qr/^$/, %options); }

sub message_ok
{
	my ($self, $id, $pattern, $test, $seconds) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $last = '';
	my $value = $self->poll(sub { $last = $self->message($id); return $last =~ $pattern; }, $seconds);

	ok($value, $test) or do { diag("it says: $last"); $self->describe($id); };
	return $value;
}

# What helps to understand a failed test.
sub describe
{
	my ($self, $id) = @_;

	eval {
		diag($self->sql('SELECT id, name, status, provision_step, error_message FROM cdc.pipeline_spec WHERE settled_at IS NULL'));
		diag($self->sql("SELECT to_char(at, 'HH24:MI:SS.MS'), kind, rule, status_to, message, detail FROM cdc.pipeline_event" .
			" WHERE pipeline_id = '$id' ORDER BY id DESC LIMIT 15")) if $id;
		my @last = map { "$_->{method} $_->{path} $_->{status}" } @{ $self->mutations };
		diag("last mutations:\n" . join("\n", @last > 8 ? @last[ -8 .. -1 ] : @last)) if $self->{sim};
	};
	return;
}

# --- the worker ---------------------------------------------------------------

sub worker_pid
{
	my ($self, $node) = @_;

	return ($node || $self->{meta})->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'cdc_pipeline%' LIMIT 1");
}

# Health rounds since the start of the server, as the shared memory counts them.
sub wait_round
{
	my ($self, $id) = @_;
	my $query = "SELECT last_health_check_at FROM cdc.pipeline WHERE id = '$id'";
	my $last = $self->sql($query);

	$self->poll(sub { return $self->sql($query) ne $last; });
	$last = $self->sql($query);
	return $self->poll(sub { return $self->sql($query) ne $last; });
}

# Settings of the extension, by their names without the prefix; undef takes one back.
sub set
{
	my ($self, %to) = @_;

	$self->sql('ALTER SYSTEM ' . (defined $to{$_} ? "SET cdc_pipeline.$_ = '$to{$_}'" : "RESET cdc_pipeline.$_")) foreach sort keys %to;
	$self->{meta}->reload;
}

# --- the source -----------------------------------------------------------------

sub source_sql { my ($self, $query, $database) = @_; return $self->{source}->safe_psql($database || 'shop', $query); }

sub source_log_size { my ($self) = @_; return -s $self->{source}->logfile || 0; }

# DDL that the source logged since then, by anybody but psql.
sub source_ddl
{
	my ($self, $since) = @_;
	my $words = slurp_file($self->{source}->logfile, $since);

	return grep { /LOG:\s+(statement|execute)/ && !/psql|\.pl LOG:/ } split /\n/, $words;
}

# --- the simulator ----------------------------------------------------------------

sub sim_url { my ($self) = @_; return "http://127.0.0.1:$self->{sim_port}"; }

sub start_sim
{
	my ($self, %settings) = @_;
	my $program = $ENV{CDC_CONNECT_SIM} || "$top/build/sim/connect_sim";
	my ($in, $out) = ('', '');

	-x $program or BAIL_OUT("$program is not built: make -C test/sim");
	%settings = (%{ $self->{sim_settings} || {} }, %settings);
	$self->{sim_settings} = \%settings;
	# forgetful: nothing of it survives it, which costs a whole file at each change
	my @command = ($program, '--port', $self->{sim_port} || 0, $settings{forgetful} ? () : ('--state', "$self->{dir}/connect_state"));
	push @command, "--$_", $settings{$_} foreach grep { $_ ne 'forgetful' } sort keys %settings;
	$self->{sim_in} = \$in;
	$self->{sim_out} = \$out;
	$self->{sim} = IPC::Run::start(\@command, '<', \$in, '>', \$out, '2>', "$self->{dir}/connect_sim.log");
	my $deadline = time + 10;
	while ($out !~ /\n/)
	{
		croak 'connect_sim did not start: ' . slurp_file("$self->{dir}/connect_sim.log") if time > $deadline;
		$self->{sim}->pump_nb;
		usleep(5_000);
	}
	($self->{sim_port}) = $out =~ /^(\d+)/;
}

sub stop_sim
{
	my ($self, $signal) = @_;
	my $sim = delete $self->{sim} or return;

	$sim->signal($signal || 'TERM');
	eval { $sim->finish };
}

# One request, sent once: (status, decoded body), or the body alone.  599 stands
# for no or half an answer.
sub sim
{
	my ($self, $method, $path, $data) = @_;
	my $body = defined $data ? $json->encode($data) : '';
	my ($answer, $status, $length, $said) = ('', 599, undef, undef);
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{sim_port}, Timeout => 20);

	if ($socket)
	{
		local $/ = undef;
		print $socket "$method $path HTTP/1.1\r\nHost: connect\r\nConnection: close\r\nContent-Type: application/json\r\n" .
		  'Content-Length: ' . length($body) . "\r\n\r\n$body";
		$socket->flush;
		$answer = <$socket> // '';
		close $socket;
	}
	if ($answer =~ m{^HTTP/1\.1 (\d+)[^\r]*\r\n(.*?)\r\n\r\n(.*)}s)
	{
		($status, my $headers, $said) = ($1, $2, $3);
		($length) = $headers =~ /^content-length: *(\d+)/mi;
		$status = 599 if defined $length && $length != length($said);
		$said = $status != 599 && $said ne '' ? eval { $json->decode($said) } : undef;
	}
	return wantarray ? ($status, $said) : $said;
}

sub fault { my ($self, %fault) = @_; return $self->sim('POST', '/_sim/faults', \%fault); }
sub clear_faults { my ($self) = @_; return $self->sim('DELETE', '/_sim/faults')->{taken}; }
sub mutations { my ($self) = @_; return scalar $self->sim('GET', '/_sim/mutations'); }
sub forget_mutations { my ($self) = @_; return scalar $self->sim('DELETE', '/_sim/mutations'); }
sub sim_state { my ($self, $name) = @_; my $all = $self->sim('GET', '/_sim/state'); return $name ? $all->{$name} : $all; }
sub sim_set { my ($self, %settings) = @_; return $self->sim('PUT', '/_sim/settings', \%settings); }

# "PUT config" for what was sent, without names.
sub said { my ($self) = @_;
	return map { my ($rest) = $_->{path} =~ m{^/connectors(?:/[^/]+)?/?(.*)$}; $_->{method} . ($rest ne '' ? " $rest" : '') } @{ $self->mutations }; }

# A trace as Debezium's, with this message at its root.
sub trace
{
	my ($self, $message) = @_;

	return "org.apache.kafka.connect.errors.ConnectException: An exception occurred in the change event producer. This connector will be stopped.\n" .
	  "\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:67)\n" .
	  "Caused by: org.postgresql.util.PSQLException: $message\n\tat org.postgresql.Driver.connect(Driver.java:1)\n";
}

# --- everything that a pipeline may leave -------------------------------------------

# A text of all that a pipeline may make outside, and of secrets inside.
sub world
{
	my ($self) = @_;
	my $words = '';
	my $source = $self->{source};

	$words .= $source->safe_psql('postgres', <<'SQL') . "\n";
SELECT 'role', rolname, rolsuper, rolreplication, rolcanlogin, rolbypassrls, rolconnlimit, rolvaliduntil,
  shobj_description(oid, 'pg_authid') FROM pg_roles WHERE oid >= 10 ORDER BY rolname;
SELECT 'member', roleid::regrole, member::regrole FROM pg_auth_members WHERE roleid >= 16384 ORDER BY 2, 3;
SELECT 'database', datname, coalesce(datacl, acldefault('d', datdba)) FROM pg_database ORDER BY datname;
SELECT 'slot', slot_name, plugin, database FROM pg_replication_slots ORDER BY slot_name;
SELECT 'setting', coalesce(setdatabase, 0), setrole, setconfig FROM pg_db_role_setting ORDER BY 2, 3;
SQL
	foreach my $database (split /\n/, $source->safe_psql('postgres', 'SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1'))
	{
		$words .= "in $database\n" . $source->safe_psql($database, <<'SQL') . "\n";
SELECT 'publication', pubname, puballtables, obj_description(oid, 'pg_publication') FROM pg_publication ORDER BY pubname;
SELECT 'relation', oid::regclass, coalesce(relacl, acldefault('r', relowner)), relreplident FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'S') ORDER BY 2;
SELECT 'schema', nspname, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)' ORDER BY nspname;
SELECT 'default', defaclrole::regrole, defaclobjtype, defaclacl FROM pg_default_acl ORDER BY 2, 3;
SQL
	}
	$words .= "pg_hba\n" . slurp_file($source->data_dir . '/pg_hba.conf');
	my $state = $self->sim_state;
	foreach my $name (sort keys %$state)
	{
		$words .= "connector $name\n" if $state->{$name}{exists};
		$words .= "task of $name\n" if $state->{$name}{task};
		$words .= "offset of $name\n" if $state->{$name}{offset};
	}
	$words .= "secrets of pipelines: " . $self->sql('SELECT count(*) FROM cdc.pipeline_secret');
	return $words;
}

# A test: the world is again as it was; what differs is shown.
sub same_world_ok
{
	my ($self, $before, $test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $now = $self->world;
	my (%before, %now);

	$before{$_}++ foreach split /\n/, $before;
	$now{$_}++ foreach split /\n/, $now;
	ok($now eq $before, $test)
	  or diag(join("\n", (map { "- $_" } grep { !$now{$_} } sort keys %before), (map { "+ $_" } grep { !$before{$_} } sort keys %now)));
}

# Everything deleted is seen gone for good (tests set settle_after low).
sub settled_ok
{
	my ($self, $test) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	$self->wait_ok(sub { $self->sql("SELECT count(*) FROM cdc.pipeline_spec WHERE desired_state = 'deleted' AND settled_at IS NULL") eq '0' },
		$test || 'what was deleted has settled');
}

sub stop
{
	my ($self) = @_;

	$self->{meta}->stop('fast') if $self->{meta};
	# what no application says is the worker's
	unlike(PostgreSQL::Test::Utils::slurp_file($self->{meta}->logfile), qr/^[-\d]+ [\d:.]+ \w+ \[\d+\] ERROR:  (?:syntax error|operator (?:does not exist|is not unique)|column .* (?:does not exist|is ambiguous))/m,
		'each statement of the worker is one') if $self->{meta};
	$self->stop_sim('KILL');
	$self->{source}->stop('immediate') if $self->{source};
}

# A test that dies, or never says stop, leaves no simulator behind.
END { local ($?, $@); $_->stop_sim('KILL') foreach grep { defined } @all; }

1;
