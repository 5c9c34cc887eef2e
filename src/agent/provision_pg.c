/*
 * provision_pg.c
 *	  A PostgreSQL service: one server, or a primary and a streaming standby.
 *
 * See service.h.  Node n is node-n in the service's directory, complete from the
 * rename that puts it there.  Which node is the primary is in the file "primary",
 * written before a standby is promoted: whatever is killed then, no other node
 * is ever started as one.  A standby that is known to stream has the file
 * node-n.streams: no other one takes over.  There is no quorum: one agent decides,
 * and it sees the primary's processes, not only its port.
 */
#include "agent/service.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"
#include "agent/pg_copy.h"
#include "agent/sql.h"
#include "common/clock.h"

#define PORT 5432
#define LOOK_MS 100				/* processes */
#define PROBE_MS 1000			/* SQL, while all is well */
#define SQL_MS 3000
#define SETUP_MS 30000
#define INITDB_SECONDS 120
#define PROMOTE_MS 65000
#define STOP_SECONDS 30
#define LOST_MS 60000			/* a standby that does not stream for so long is made anew */
#define PRIMARY_FILE "primary"
#define SOCKET "/.s.PGSQL.5432"
#define SOCKET_PATH_MAX 107		/* the kernel's */
#define MAX_HBA (16 * 1024 * 1024)

static void
node_name(char *name, size_t size, int node, const char *more)
{
	snprintf(name, size, "node-%d%s", node, more);
}

static void
node_path(char *path, size_t size, const AgentService *s, int node, const char *more)
{
	snprintf(path, size, "%s/node-%d%s", s->dir, node, more);
}

/* The directory of a node's socket: by it standbys log in, as no other user can listen there. */
static void
socket_name(char *name, size_t size, int node)
{
	snprintf(name, size, "socket-%d", node);
}

/* -- the file "primary" ------------------------------------------------------ */

static bool
read_primary(AgentService *s, char **error)
{
	int			fd = agent_service_open(s, error);
	char	   *words;

	if (fd < 0)
		return false;
	if (!agent_exists(fd, PRIMARY_FILE))
		s->primary = 0;
	else if ((words = agent_read_file(fd, PRIMARY_FILE, 16, error)) != NULL)
	{
		s->primary = atoi(words);
		pfree(words);
		if (s->primary < 0 || s->primary >= s->order.nodes)
		{
			*error = pstrdup("the file \"primary\" is damaged: write the number of the node that is to be it, 0 or 1");
			s->primary = -1;
		}
	}
	close(fd);
	return s->primary >= 0;
}

static bool
write_primary(AgentService *s, int node, char **error)
{
	char		words[16];

	snprintf(words, sizeof(words), "%d\n", node);
	if (!agent_service_keep(s, PRIMARY_FILE, words, error))
		return false;
	s->primary = node;
	return true;
}

/* -- the administrator's password --------------------- */

static bool
write_pgpass(AgentService *s, char **error)
{
	StringInfoData words;
	const char *p;
	bool		ok;
	int			i;
	int			fd;

	/* a superuser's password is where it is needed alone: one node has no other to log in to */
	if (s->order.nodes == 1)
	{
		fd = agent_service_open(s, error);
		ok = fd >= 0 && agent_remove_file(fd, "pgpass", error);
		if (fd >= 0)
			close(fd);
		return ok;
	}
	initStringInfo(&words);
	for (i = 0; i < s->naddresses; i++)
		appendStringInfo(&words, "%s:%d:*:%s:%s\n", s->addresses[i], PORT, s->order.admin_user, s->order.admin_password);
	for (i = 0; i < s->order.nodes; i++)
	{
		for (p = s->dir; *p; p++)
			appendStringInfo(&words, "%s%c", *p == ':' || *p == '\\' ? "\\" : "", *p);
		appendStringInfo(&words, "/socket-%d:%d:*:%s:%s\n", i, PORT, s->order.admin_user, s->order.admin_password);
	}
	ok = agent_service_write(s, "pgpass", words.data, error);
	explicit_bzero(words.data, (size_t) words.len);
	pfree(words.data);
	return ok;
}

/* -- connections -------------------------------------------------------------- */

static void
forget(AgentService *s, int node)
{
	if (s->conns[node])
		PQfinish(s->conns[node]);
	s->conns[node] = NULL;
}

static PGconn *
log_in(AgentService *s, int node, const char *password, char **error)
{
	return agent_sql_connect(s->addresses[node], PORT, s->order.admin_user, password, "postgres", SQL_MS, error);
}

/*
 * The order has another password for the administrator than the server: logs in
 * with the former one and changes it, as a verifier.
 */
static bool
change_password(AgentService *s, int node, char **error)
{
	char	   *ignored = NULL;
	PGconn	   *conn = log_in(s, node, s->former_password, &ignored);
	char	   *verifier = conn ? PQencryptPasswordConn(conn, s->order.admin_password, s->order.admin_user, "scram-sha-256") : NULL;
	char	   *sql = verifier ? psprintf("ALTER ROLE \"%s\" PASSWORD '%s'", s->order.admin_user, verifier) : NULL;
	bool		ok = sql && agent_sql_do(conn, sql, SQL_MS, &ignored);

	if (sql)
	{
		explicit_bzero(sql, strlen(sql));
		pfree(sql);
	}
	if (verifier)
		PQfreemem(verifier);
	PQfinish(conn);
	/* why the order's did not do is what is told */
	if (ignored)
		pfree(ignored);
	if (!ok)
		return false;
	fprintf(stderr, "cdc_agent: service %s: the administrator has another password\n", s->id);
	pfree(*error);
	*error = NULL;
	/* standbys log in with it */
	return write_pgpass(s, error);
}

static PGconn *
conn_to(AgentService *s, int node, char **error)
{
	/* the same while the new order is not taken over yet */
	bool		changes = s->former_password && strcmp(s->former_password, s->order.admin_password) != 0 && node == s->primary;

	/* one that is open was let in by the former password, and tells nothing */
	if (s->conns[node] && (changes || PQstatus(s->conns[node]) != CONNECTION_OK))
		forget(s, node);
	if (s->conns[node])
		return s->conns[node];
	s->conns[node] = log_in(s, node, s->order.admin_password, error);
	if (s->conns[node] == NULL && changes && change_password(s, node, error))
		s->conns[node] = log_in(s, node, s->order.admin_password, error);
	if (s->conns[node] && changes)
	{
		pthread_mutex_lock(&s->lock);
		agent_service_forget_former(s);
		pthread_mutex_unlock(&s->lock);
		if (!agent_service_save(s, error))
			forget(s, node);
	}
	return s->conns[node];
}

/* One row, or NULL: then the connection is begun anew the next time. */
static PGresult *
ask(AgentService *s, int node, const char *sql, int ms, char **error)
{
	PGconn	   *conn = conn_to(s, node, error);
	PGresult   *result = conn ? agent_sql(conn, sql, ms, error) : NULL;

	if (result == NULL || PQntuples(result) != 1)
	{
		forget(s, node);
		if (result)
			*error = pstrdup("the server's answer is not one row");
		PQclear(result);
		return NULL;
	}
	return result;
}

static bool
order_sql(AgentService *s, int node, char *sql, int ms, char **error)
{
	PGconn	   *conn = conn_to(s, node, error);
	bool		ok = conn && agent_sql_do(conn, sql, ms, error);

	explicit_bzero(sql, strlen(sql));
	pfree(sql);
	return ok;
}

/* -- making a node ------------------------------------------------------------- */

/* Finds the server of the ordered version; false with *error naming those that there are. */
static bool
find_bin(AgentService *s, const char *program, char *path, size_t size, char **error)
{
	if (s->config->postgresql_dir)
		snprintf(path, size, "%s/%s/bin/%s", s->config->postgresql_dir, s->order.version, program);
	if (s->config->postgresql_dir && access(path, X_OK) == 0)
		return true;
	*error = psprintf("PostgreSQL %s cannot be had here: there is no %s/%s/bin/%s", s->order.version,
					  s->config->postgresql_dir ? s->config->postgresql_dir : "(postgresql_dir)", s->order.version, program);
	return false;
}

/* A standby, by the socket. */
#define LET_STANDBY_IN "local replication %s scram-sha-256\n"

static void
add_hba(StringInfo words, const AgentService *s)
{
	size_t		n = s->order.cidrs ? json_object_array_length(s->order.cidrs) : 0;
	size_t		i;

	appendStringInfo(words, "# Made by cdc_agent with the service.  Add lines as you like.\n"
					 LET_STANDBY_IN "host all %s samehost scram-sha-256\nhost replication %s samehost scram-sha-256\n", s->order.admin_user, s->order.admin_user, s->order.admin_user);
	if (n == 0)
		appendStringInfoString(words, "host all all 0.0.0.0/0 scram-sha-256\n");
	for (i = 0; i < n; i++)
	{
		const char *cidr = json_object_get_string(json_object_array_get_idx(s->order.cidrs, i));

		appendStringInfo(words, "host all all %s%s scram-sha-256\n", cidr, strchr(cidr, '/') ? "" : "/32");
	}
}

static const char settings[] =
"\n# Made by cdc_agent with the service.\n"
"listen_addresses = ''\t\t# given at the start\n"
"unix_socket_directories = ''\n"
"wal_level = logical\n"
"hot_standby_feedback = on\n"
"max_replication_slots = 100\n"
"max_wal_senders = 100\n"
"max_connections = 200\n"
"wal_receiver_status_interval = 1s\n"
"max_slot_wal_keep_size = 4GB\n"
"password_encryption = 'scram-sha-256'\n"
"log_line_prefix = '%m [%p] %q%u@%d '\n";

/* The files of a new node that initdb has made, as its user. */
static bool
write_settings(AgentService *s, const char *name, char **error)
{
	StringInfoData words;
	int			fd = agent_service_open_as(s, name, error);
	int			conf;
	bool		ok;

	if (fd < 0)
		return false;
	conf = agent_beneath_open(fd, "postgresql.conf", O_WRONLY | O_APPEND, 0);
	ok = conf >= 0 && write(conf, settings, strlen(settings)) == (ssize_t) strlen(settings);
	if (!ok)
		*error = psprintf("could not write postgresql.conf: %m");
	if (conf >= 0)
		close(conf);
	initStringInfo(&words);
	add_hba(&words, s);
	ok = ok && agent_write_file(fd, "pg_hba.conf", words.data, (size_t) words.len, 0600, error) && agent_sync_tree(fd, ".", error);
	pfree(words.data);
	agent_service_close(fd);
	return ok;
}

/* Removes a node's directory, complete or not. */
static bool
remove_node(AgentService *s, const char *name, char **error)
{
	int			fd = agent_service_open(s, error);
	bool		ok = fd >= 0 && agent_beneath_remove(fd, name, error);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A node's directory that is complete gets its name. */
static bool
put_into_place(AgentService *s, const char *name, const char *final, char **error)
{
	int			fd = agent_service_open(s, error);
	bool		ok = fd >= 0 && agent_rename(fd, name, fd, final, error);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* The first node: initdb beside, its files, then into place. */
static bool
make_primary(AgentService *s, int node, char **error)
{
	char		bin[MAXPGPATH];
	char		beside[MAXPGPATH + 64];
	char		pwfile[MAXPGPATH + 64];
	char		name[64];
	char		final[64];
	bool		ok;
	int			fd;
	const char *argv[] = {bin, "-D", beside, "-U", s->order.admin_user, "-A", "scram-sha-256", "--pwfile", pwfile, "-E", "UTF8", "--locale=C",
	"--data-checksums", NULL};
	AgentLaunch launch;

	if (!find_bin(s, "initdb", bin, sizeof(bin), error))
		return false;
	if (!agent_service_stop(s, "initdb", NULL, SIGKILL, 5))
	{
		*error = pstrdup("an initdb of before does not end");
		return false;
	}
	node_path(beside, sizeof(beside), s, node, ".new");
	node_name(name, sizeof(name), node, ".new");
	node_name(final, sizeof(final), node, "");
	snprintf(pwfile, sizeof(pwfile), "%s/pwfile", s->dir);
	launch = agent_service_launch(s, "initdb", beside, argv);
	launch.named = true;
	ok = remove_node(s, name, error) && agent_service_mkdir(s, name, error) &&
		agent_service_write(s, "pwfile", s->order.admin_password, error) && agent_process_run(&launch, INITDB_SECONDS, error);
	fd = agent_service_open(s, ok ? error : &(char *) {NULL});
	if (fd >= 0)
	{
		unlinkat(fd, "pwfile", 0);
		close(fd);
	}
	return ok && write_settings(s, name, error) && put_into_place(s, name, final, error);
}

/* A standby: a copy of the primary beside, then into place. */
static bool
make_standby(AgentService *s, int node, char **error)
{
	char		from[64];
	char		name[64];
	char		final[64];
	bool		ok = false;
	PGconn	   *conn = agent_sql_connect(s->addresses[s->primary], PORT, s->order.admin_user, s->order.admin_password,
										 "postgres", SQL_MS, error);

	node_name(from, sizeof(from), s->primary, "");
	node_name(name, sizeof(name), node, ".new");
	node_name(final, sizeof(final), node, "");
	if (conn)
		ok = remove_node(s, name, error) && agent_service_mkdir(s, name, error) && agent_pg_copy(conn, s, from, name, error) &&
			remove_node(s, final, error) && put_into_place(s, name, final, error);
	PQfinish(conn);
	if (ok)
		fprintf(stderr, "cdc_agent: service %s: node %d is a copy of node %d\n", s->id, node, s->primary);
	return ok;
}

/* -- starting a node ------------------------------------------------------------ */

/* pg_hba.conf of a node that was made without sockets lets the standby in by one. */
static bool
let_standby_in(const AgentService *s, int dirfd, char **error)
{
	char	   *words = agent_read_file(dirfd, "pg_hba.conf", MAX_HBA, error);
	char	   *line = psprintf("\n" LET_STANDBY_IN, s->order.admin_user);
	bool		ok = words != NULL;
	int			fd;

	if (ok && strstr(words, line) == NULL)
	{
		fd = agent_beneath_open(dirfd, "pg_hba.conf", O_WRONLY | O_APPEND, 0);
		ok = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t) strlen(line);
		if (!ok)
			*error = psprintf("could not write pg_hba.conf: %m");
		if (fd >= 0)
			close(fd);
	}
	if (words)
		pfree(words);
	pfree(line);
	return ok;
}

/*
 * What a start leaves as it is: nothing of the node lives, whoever has the pids
 * in its files by now.
 */
static bool
make_ready(AgentService *s, int node, char **error)
{
	char		name[64];
	char		sockets[64];
	bool		ok;
	int			fd;

	node_name(name, sizeof(name), node, "");
	socket_name(sockets, sizeof(sockets), node);
	fd = agent_service_open_as(s, name, error);
	if (fd < 0)
		return false;
	unlinkat(fd, "postmaster.pid", 0);
	ok = s->order.nodes == 1 || let_standby_in(s, fd, error);
	agent_service_close(fd);
	if (!ok || s->order.nodes == 1)
		return ok;
	if (strlen(s->dir) + 1 + strlen(sockets) + strlen(SOCKET) > SOCKET_PATH_MAX)
	{
		*error = psprintf("the path of services_dir is too long for a socket: %s/%s" SOCKET, s->dir, sockets);
		return false;
	}
	fd = agent_service_mkdir(s, sockets, error) ? agent_service_open_as(s, sockets, error) : -1;
	if (fd < 0)
		return false;
	unlinkat(fd, SOCKET ".lock" + 1, 0);
	agent_service_close(fd);
	return true;
}

static int
start_node(AgentService *s, int node)
{
	char		bin[MAXPGPATH];
	char		data[MAXPGPATH + 64];
	char		listen[64];
	char		sockets[MAXPGPATH + 128] = "unix_socket_directories=";
	char		conninfo[MAXPGPATH * 2 + 256];
	char		host[MAXPGPATH + 64];
	char		slot[64];
	char		name[64];
	char	   *error = NULL;
	const char *argv[] = {bin, "-D", data, "-p", "5432", "-c", listen, "-c", sockets, "-c", conninfo, "-c", slot, NULL};
	AgentLaunch launch;
	int			from = node == s->primary ? (s->primary + 1) % Max(s->order.nodes, 2) : s->primary;

	if (!find_bin(s, "postgres", bin, sizeof(bin), &error) || !write_pgpass(s, &error))
		return agent_service_fault(s, error);
	node_path(data, sizeof(data), s, node, "");
	node_name(name, sizeof(name), node, "");
	if (agent_port_taken(s->addresses[node], PORT))
		return agent_service_fault(s, psprintf("another program listens on %s port %d, which is this service's", s->addresses[node], PORT));
	if (!make_ready(s, node, &error))
		return agent_service_fault(s, error);
	snprintf(listen, sizeof(listen), "listen_addresses=%s", s->addresses[node]);
	if (s->order.nodes > 1)
		snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s/socket-%d", s->dir, node);
	/* at its address another user may listen while it is down, and ask libpq for the password in clear; one that was started before there were sockets has none */
	socket_name(host, sizeof(host), from);
	if (node == s->primary || agent_service_has(s, host))
		snprintf(host, sizeof(host), "%s/socket-%d", s->dir, from);
	else
		strlcpy(host, s->addresses[from], sizeof(host));
	/* a primary does not look at the two */
	snprintf(conninfo, sizeof(conninfo), "primary_conninfo=host=%s port=%d user=%s passfile=%s/pgpass application_name=node_%d dbname=postgres sslmode=disable",
			 host, PORT, s->order.admin_user, s->dir, node);
	snprintf(slot, sizeof(slot), "primary_slot_name=node_%d", node);
	forget(s, node);
	launch = agent_service_launch(s, name, data, argv);
	return agent_service_start(s, node, &launch);
}

/* -- the primary ------------------------------------------------------------------ */

static const char probe_sql[] =
"SELECT pg_is_in_recovery(), current_setting('server_version'),"
" (SELECT count(*) FROM pg_roles WHERE rolname = '%s'), (SELECT count(*) FROM pg_database WHERE datname = '%s'),"
" (SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'node_0'), (SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'node_1'),"
" (SELECT count(*) FROM pg_stat_replication WHERE application_name = 'node_0' AND state = 'streaming'),"
" (SELECT count(*) FROM pg_stat_replication WHERE application_name = 'node_1' AND state = 'streaming')";

/* The next thing that the probe has shown missing; NULL: nothing. */
static char *
missing_sql(AgentService *s, const PGresult *probe, char **error)
{
	char	   *verifier;
	char	   *sql;
	int			i;

	if (strcmp(PQgetvalue(probe, 0, 2), "0") == 0)
	{
		/* as a verifier: the password is in no statement */
		verifier = PQencryptPasswordConn(s->conns[s->primary], s->order.app_password, s->order.app_user, "scram-sha-256");
		if (verifier == NULL)
		{
			*error = pstrdup("the password cannot be made a verifier");
			return NULL;
		}
		sql = psprintf("CREATE ROLE \"%s\" LOGIN CREATEDB PASSWORD '%s'", s->order.app_user, verifier);
		PQfreemem(verifier);
		return sql;
	}
	if (strcmp(PQgetvalue(probe, 0, 3), "0") == 0)
		return psprintf("CREATE DATABASE \"%s\" OWNER \"%s\"", s->order.database, s->order.app_user);
	for (i = 0; i < s->order.nodes; i++)
	{
		bool		there = strcmp(PQgetvalue(probe, 0, 4 + i), "0") != 0;

		if (i != s->primary && !there)
			return psprintf("SELECT pg_create_physical_replication_slot('node_%d', true)", i);
		/* one that was this node's own, when it was a standby, keeps WAL for nobody */
		if (i == s->primary && there)
			return psprintf("SELECT pg_drop_replication_slot('node_%d')", i);
	}
	return NULL;
}

/* Looks at the primary; >= 0: the step is over. */
static int
attend_primary(AgentService *s)
{
	AgentSaidNode *said = &s->seen.nodes[s->primary];
	char	   *error = NULL;
	char	   *sql = psprintf(probe_sql, s->order.app_user, s->order.database);
	PGresult   *probe = ask(s, s->primary, sql, SQL_MS, &error);
	int			i;

	pfree(sql);
	if (probe == NULL)
	{
		agent_service_note(s, "the primary does not answer yet: %s", error);
		pfree(error);
		return LOOK_MS;
	}
	said->answers = true;
	strlcpy(s->seen.version, PQgetvalue(probe, 0, 1), sizeof(s->seen.version));
	if (PQgetvalue(probe, 0, 0)[0] == 't')
	{
		/* a promotion was begun, and not done */
		PQclear(probe);
		agent_service_note(s, "node %d is being promoted", s->primary);
		probe = ask(s, s->primary, "SELECT pg_promote(true, 60)", PROMOTE_MS, &error);
		if (probe == NULL)
			return agent_service_fault(s, error);
		PQclear(probe);
		s->seen.failovers++;
		fprintf(stderr, "cdc_agent: service %s: node %d is the primary now\n", s->id, s->primary);
		return 0;
	}
	for (i = 0; i < s->order.nodes; i++)
		s->seen.nodes[i].streams = strcmp(PQgetvalue(probe, 0, 6 + i), "0") != 0;
	sql = missing_sql(s, probe, &error);
	PQclear(probe);
	if (error || (sql && !order_sql(s, s->primary, sql, SETUP_MS, &error)))
		return agent_service_fault(s, error);
	if (sql)
		return 0;
	return -1;
}

/*
 * The primary's processes are gone.  Where a standby answers it takes over;
 * otherwise, and after a start of the machine, the primary is started again.
 */
static int
replace_primary(AgentService *s)
{
	int			standby = s->order.nodes == 2 ? 1 - s->primary : -1;
	char	   *error = NULL;
	PGresult   *result = NULL;
	char		data[MAXPGPATH + 64];
	char		name[64];

	if (standby >= 0)
		node_name(name, sizeof(name), standby, ".streams");
	if (s->order.auto_failover && standby >= 0 && s->made && s->seen.nodes[standby].lives && agent_service_has(s, name))
		result = ask(s, standby, "SELECT pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS NOT NULL", SQL_MS, &error);
	if (error)
		pfree(error);
	error = NULL;
	if (result == NULL || PQgetvalue(result, 0, 0)[0] != 't')
	{
		PQclear(result);
		agent_service_note(s, "the primary, node %d, is being started", s->primary);
		return start_node(s, s->primary);
	}
	PQclear(result);
	/* a backend that has outlived its postmaster may still commit */
	node_path(data, sizeof(data), s, s->primary, "");
	node_name(name, sizeof(name), s->primary, "");
	if (!agent_service_stop(s, name, data, SIGKILL, 0))
		return agent_service_fault(s, pstrdup("processes of the former primary do not end"));
	forget(s, s->primary);
	fprintf(stderr, "cdc_agent: service %s: the primary, node %d, is gone: node %d takes over\n", s->id, s->primary, standby);
	if (!write_primary(s, standby, &error))
		return agent_service_fault(s, error);
	return attend_primary(s);
}

/* -- standbys ------------------------------------------------------------------------ */

/*
 * Remembers whether a standby streams from the primary, which answers: one that
 * did not, when the primary died, may lack any amount of what was acknowledged.
 */
static bool
note_streams(AgentService *s, int node, bool streams, char **error)
{
	char		name[64];
	bool		noted;
	bool		ok = true;

	node_name(name, sizeof(name), node, ".streams");
	noted = agent_service_has(s, name);
	if (streams && !noted)
		ok = agent_service_keep(s, name, "", error);
	else if (!streams && noted)
	{
		int			fd = agent_service_open(s, error);

		ok = fd >= 0 && agent_remove_file(fd, name, error);
		if (fd >= 0)
			close(fd);
	}
	return ok;
}

/* Brings a standby up; false: something was begun or failed, *wait until the next look. */
static bool
attend_standby(AgentService *s, int node, int *wait)
{
	AgentSaidNode *said = &s->seen.nodes[node];
	char		signal_file[96];
	char		data[MAXPGPATH + 64];
	char		name[64];
	char	   *error = NULL;
	bool		anew;

	node_name(signal_file, sizeof(signal_file), node, "/standby.signal");
	node_path(data, sizeof(data), s, node, "");
	node_name(name, sizeof(name), node, "");
	if (!note_streams(s, node, said->streams, &error))
	{
		*wait = agent_service_fault(s, error);
		return false;
	}
	if (said->streams)
	{
		s->standby_lost[node] = 0;
		s->starts[node].quick = 0;
		return true;
	}
	/* what was a primary once has a history of its own */
	anew = !agent_service_has(s, signal_file) || (s->standby_lost[node] && cdc_clock_ms() - s->standby_lost[node] > LOST_MS) || s->starts[node].quick >= 3;
	if (anew)
	{
		agent_service_note(s, "node %d is being made a standby of node %d", node, s->primary);
		if (!agent_service_stop(s, name, data, SIGQUIT, STOP_SECONDS))
			error = psprintf("processes of node %d do not end", node);
		forget(s, node);
		if (error || !make_standby(s, node, &error))
		{
			*wait = agent_service_fault(s, error);
			return false;
		}
		s->standby_lost[node] = 0;
		memset(&s->starts[node], 0, sizeof(s->starts[node]));
		said->lives = false;
	}
	if (!said->lives)
	{
		*wait = start_node(s, node);
		return false;
	}
	if (s->standby_lost[node] == 0)
		s->standby_lost[node] = cdc_clock_ms();
	agent_service_note(s, "node %d does not stream from node %d yet", node, s->primary);
	*wait = LOOK_MS;
	return false;
}

static void
look_at_standby(AgentService *s, int node)
{
	char	   *error = NULL;
	PGresult   *result = s->seen.nodes[node].lives ? ask(s, node, "SELECT 1", SQL_MS, &error) : NULL;

	s->seen.nodes[node].answers = result != NULL;
	PQclear(result);
	if (error)
		pfree(error);
}

int
agent_pg_step(AgentService *s)
{
	char	   *error = NULL;
	char		name[64];
	bool		lives[AGENT_MAX_NODES];
	bool		all = true;
	int			wait;
	int			i;
	pid_t		pid;

	if (s->primary < 0 && !read_primary(s, &error))
		return agent_service_fault(s, error);
	for (i = 0; i < s->order.nodes; i++)
	{
		/* backends that outlive their postmaster make no server */
		node_name(name, sizeof(name), i, "");
		lives[i] = agent_process_lives(s->dir, name, &pid) && pid != 0;
		all = all && lives[i];
	}
	if (all && s->probed_at != 0 && cdc_clock_ms() < s->probed_at + PROBE_MS)
		return LOOK_MS;
	s->probed_at = 0;
	for (i = 0; i < s->order.nodes; i++)
	{
		AgentSaidNode *said = &s->seen.nodes[i];

		memset(said, 0, sizeof(*said));
		said->primary = i == s->primary;
		said->lives = lives[i];
	}
	node_name(name, sizeof(name), s->primary, "");
	if (!agent_service_has(s, name))
	{
		char		bin[MAXPGPATH];

		if (!find_bin(s, "initdb", bin, sizeof(bin), &error) &&
			!(agent_service_fetch(s, "PostgreSQL", &error) && find_bin(s, "initdb", bin, sizeof(bin), &error)))
			return agent_service_fault(s, error);
		if (s->made)
			return agent_service_fault(s, psprintf("the data directory of the primary, node %d, is not there any more", s->primary));
		agent_service_note(s, "the first node is being made");
		if (!make_primary(s, s->primary, &error))
			return agent_service_fault(s, error);
		s->failures = 0;
		return 0;
	}
	if (!s->seen.nodes[s->primary].lives)
		return replace_primary(s);
	wait = attend_primary(s);
	if (wait >= 0)
		return wait;
	for (i = 0; i < s->order.nodes; i++)
	{
		bool		ok;

		if (i == s->primary)
			continue;
		look_at_standby(s, i);
		ok = attend_standby(s, i, &wait);
		/* a service that ran once serves while its standby is made anew */
		if (!ok && s->made)
			s->seen.state = AGENT_SERVICE_RUNNING;
		if (!ok)
			return Min(wait, s->made ? 1000 : wait);
	}
	s->failures = 0;
	s->seen.message[0] = '\0';
	s->seen.state = AGENT_SERVICE_RUNNING;
	agent_service_made(s);
	s->probed_at = cdc_clock_ms();
	return LOOK_MS;
}

bool
agent_pg_end(AgentService *s)
{
	bool		ok = agent_service_stop(s, "initdb", NULL, SIGKILL, 5);
	int			i;

	ok = agent_process_end(s->dir, "fetch", geteuid(), NULL, SIGKILL, 5) && ok;
	for (i = 0; i < AGENT_MAX_NODES; i++)
	{
		char		data[MAXPGPATH + 64];
		char		name[64];

		/* nobody wants the data any more: no checkpoint */
		forget(s, i);
		node_path(data, sizeof(data), s, i, "");
		node_name(name, sizeof(name), i, "");
		ok = agent_service_stop(s, name, data, SIGQUIT, 10) && ok;
	}
	return ok;
}
