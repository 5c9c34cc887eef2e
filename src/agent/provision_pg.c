/*
 * provision_pg.c
 *	  A PostgreSQL service: one server, or a primary and a streaming standby.
 *
 * See service.h.  Which node is the primary is in the file "primary", written
 * before a standby is promoted: whatever is killed then, no other node is ever
 * started as one.  A standby that is known to stream has the file node-n.streams:
 * no other one takes over.  There is no quorum: one agent decides, and it sees the
 * primary's processes, not only its port.
 */
#include "agent/service.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/pg_node.h"
#include "agent/pg_session.h"
#include "common/clock.h"

#define LOOK_MS 100				/* processes */
#define PROBE_MS 1000			/* SQL, while all is well */
#define SETUP_MS 30000
#define PROMOTE_MS 65000
#define STOP_SECONDS 30
#define LOST_MS 60000			/* a standby that does not stream for so long is made anew */
#define PRIMARY_FILE "primary"

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
	PGresult   *probe = agent_pg_ask(s, s->primary, sql, AGENT_PG_SQL_MS, &error);
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
		probe = agent_pg_ask(s, s->primary, "SELECT pg_promote(true, 60)", PROMOTE_MS, &error);
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
	if (error || (sql && !agent_pg_do(s, s->primary, sql, SETUP_MS, &error)))
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
		agent_pg_node_name(name, sizeof(name), standby, ".streams");
	if (s->order.auto_failover && standby >= 0 && s->made && s->seen.nodes[standby].lives && agent_service_has(s, name))
		result = agent_pg_ask(s, standby, "SELECT pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS NOT NULL", AGENT_PG_SQL_MS, &error);
	if (error)
		pfree(error);
	error = NULL;
	if (result == NULL || PQgetvalue(result, 0, 0)[0] != 't')
	{
		PQclear(result);
		agent_service_note(s, "the primary, node %d, is being started", s->primary);
		return agent_pg_start_node(s, s->primary);
	}
	PQclear(result);
	/* a backend that has outlived its postmaster may still commit */
	agent_pg_node_path(data, sizeof(data), s, s->primary, "");
	agent_pg_node_name(name, sizeof(name), s->primary, "");
	if (!agent_service_stop(s, name, data, SIGKILL, 0))
		return agent_service_fault(s, pstrdup("processes of the former primary do not end"));
	agent_pg_forget(s, s->primary);
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

	agent_pg_node_name(name, sizeof(name), node, ".streams");
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

	agent_pg_node_name(signal_file, sizeof(signal_file), node, "/standby.signal");
	agent_pg_node_path(data, sizeof(data), s, node, "");
	agent_pg_node_name(name, sizeof(name), node, "");
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
		agent_pg_forget(s, node);
		if (error || !agent_pg_make_standby(s, node, &error))
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
		*wait = agent_pg_start_node(s, node);
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
	PGresult   *result = s->seen.nodes[node].lives ? agent_pg_ask(s, node, "SELECT 1", AGENT_PG_SQL_MS, &error) : NULL;

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
		agent_pg_node_name(name, sizeof(name), i, "");
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
	agent_pg_node_name(name, sizeof(name), s->primary, "");
	if (!agent_service_has(s, name))
	{
		char		bin[MAXPGPATH];

		if (!agent_pg_find_bin(s, "initdb", bin, sizeof(bin), &error) &&
			!(agent_service_fetch(s, "PostgreSQL", &error) && agent_pg_find_bin(s, "initdb", bin, sizeof(bin), &error)))
			return agent_service_fault(s, error);
		if (s->made)
			return agent_service_fault(s, psprintf("the data directory of the primary, node %d, is not there any more", s->primary));
		agent_service_note(s, "the first node is being made");
		if (!agent_pg_make_primary(s, s->primary, &error))
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
		agent_pg_forget(s, i);
		agent_pg_node_path(data, sizeof(data), s, i, "");
		agent_pg_node_name(name, sizeof(name), i, "");
		ok = agent_service_stop(s, name, data, SIGQUIT, 10) && ok;
	}
	return ok;
}
