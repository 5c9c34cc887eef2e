/*
 * pg_node.c
 *	  See pg_node.h.
 */
#include "agent/pg_node.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/beneath.h"
#include "agent/files.h"
#include "agent/pg_copy.h"
#include "agent/pg_session.h"

#define INITDB_SECONDS 120
#define SOCKET "/.s.PGSQL.5432"
#define SOCKET_PATH_MAX 107		/* the kernel's */
#define MAX_HBA (16 * 1024 * 1024)

void
agent_pg_node_name(char *name, size_t size, int node, const char *more)
{
	snprintf(name, size, "node-%d%s", node, more);
}

void
agent_pg_node_path(char *path, size_t size, const AgentService *s, int node, const char *more)
{
	snprintf(path, size, "%s/node-%d%s", s->dir, node, more);
}

/* The directory of a node's socket: by it standbys log in, as no other user can listen there. */
static void
socket_name(char *name, size_t size, int node)
{
	snprintf(name, size, "socket-%d", node);
}

bool
agent_pg_find_bin(AgentService *s, const char *program, char *path, size_t size, char **error)
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

bool
agent_pg_make_primary(AgentService *s, int node, char **error)
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

	if (!agent_pg_find_bin(s, "initdb", bin, sizeof(bin), error))
		return false;
	if (!agent_service_stop(s, "initdb", NULL, SIGKILL, 5))
	{
		*error = pstrdup("an initdb of before does not end");
		return false;
	}
	agent_pg_node_path(beside, sizeof(beside), s, node, ".new");
	agent_pg_node_name(name, sizeof(name), node, ".new");
	agent_pg_node_name(final, sizeof(final), node, "");
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

bool
agent_pg_make_standby(AgentService *s, int node, char **error)
{
	char		from[64];
	char		name[64];
	char		final[64];
	bool		ok = false;
	PGconn	   *conn = agent_sql_connect(s->addresses[s->primary], AGENT_PG_PORT, s->order.admin_user, s->order.admin_password,
										 "postgres", AGENT_PG_SQL_MS, error);

	agent_pg_node_name(from, sizeof(from), s->primary, "");
	agent_pg_node_name(name, sizeof(name), node, ".new");
	agent_pg_node_name(final, sizeof(final), node, "");
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

	agent_pg_node_name(name, sizeof(name), node, "");
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

int
agent_pg_start_node(AgentService *s, int node)
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

	if (!agent_pg_find_bin(s, "postgres", bin, sizeof(bin), &error) || !agent_pg_write_pgpass(s, &error))
		return agent_service_fault(s, error);
	agent_pg_node_path(data, sizeof(data), s, node, "");
	agent_pg_node_name(name, sizeof(name), node, "");
	if (agent_port_taken(s->addresses[node], AGENT_PG_PORT))
		return agent_service_fault(s, psprintf("another program listens on %s port %d, which is this service's", s->addresses[node], AGENT_PG_PORT));
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
			 host, AGENT_PG_PORT, s->order.admin_user, s->dir, node);
	snprintf(slot, sizeof(slot), "primary_slot_name=node_%d", node);
	agent_pg_forget(s, node);
	launch = agent_service_launch(s, name, data, argv);
	return agent_service_start(s, node, &launch);
}
