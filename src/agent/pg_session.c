/*
 * pg_session.c
 *	  See pg_session.h.
 */
#include "agent/pg_session.h"

#include <unistd.h>

#include "agent/files.h"

bool
agent_pg_write_pgpass(AgentService *s, char **error)
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
		appendStringInfo(&words, "%s:%d:*:%s:%s\n", s->addresses[i], AGENT_PG_PORT, s->order.admin_user, s->order.admin_password);
	for (i = 0; i < s->order.nodes; i++)
	{
		for (p = s->dir; *p; p++)
			appendStringInfo(&words, "%s%c", *p == ':' || *p == '\\' ? "\\" : "", *p);
		appendStringInfo(&words, "/socket-%d:%d:*:%s:%s\n", i, AGENT_PG_PORT, s->order.admin_user, s->order.admin_password);
	}
	ok = agent_service_write(s, "pgpass", words.data, error);
	explicit_bzero(words.data, (size_t) words.len);
	pfree(words.data);
	return ok;
}

void
agent_pg_forget(AgentService *s, int node)
{
	if (s->conns[node])
		PQfinish(s->conns[node]);
	s->conns[node] = NULL;
}

static PGconn *
log_in(AgentService *s, int node, const char *password, char **error)
{
	return agent_sql_connect(s->addresses[node], AGENT_PG_PORT, s->order.admin_user, password, "postgres", AGENT_PG_SQL_MS, error);
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
	bool		ok = sql && agent_sql_do(conn, sql, AGENT_PG_SQL_MS, &ignored);

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
	return agent_pg_write_pgpass(s, error);
}

static PGconn *
conn_to(AgentService *s, int node, char **error)
{
	/* the same while the new order is not taken over yet */
	bool		changes = s->former_password && strcmp(s->former_password, s->order.admin_password) != 0 && node == s->primary;

	/* one that is open was let in by the former password, and tells nothing */
	if (s->conns[node] && (changes || PQstatus(s->conns[node]) != CONNECTION_OK))
		agent_pg_forget(s, node);
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
			agent_pg_forget(s, node);
	}
	return s->conns[node];
}

PGresult *
agent_pg_ask(AgentService *s, int node, const char *sql, int ms, char **error)
{
	PGconn	   *conn = conn_to(s, node, error);
	PGresult   *result = conn ? agent_sql(conn, sql, ms, error) : NULL;

	if (result == NULL || PQntuples(result) != 1)
	{
		agent_pg_forget(s, node);
		if (result)
			*error = pstrdup("the server's answer is not one row");
		PQclear(result);
		return NULL;
	}
	return result;
}

bool
agent_pg_do(AgentService *s, int node, char *sql, int ms, char **error)
{
	PGconn	   *conn = conn_to(s, node, error);
	bool		ok = conn && agent_sql_do(conn, sql, ms, error);

	explicit_bzero(sql, strlen(sql));
	pfree(sql);
	return ok;
}
