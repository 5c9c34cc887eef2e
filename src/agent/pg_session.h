/*
 * pg_session.h
 *	  The agent's sessions on the servers of a PostgreSQL service, as its
 *	  administrator, and where his password is kept for standbys.
 *
 * Owns the connections.  Decides nothing about a node.
 */
#ifndef CDC_AGENT_PG_SESSION_H
#define CDC_AGENT_PG_SESSION_H

#include "agent/service.h"
#include "agent/sql.h"

#define AGENT_PG_PORT 5432
#define AGENT_PG_SQL_MS 3000

/* The file by which nodes log in to each other; false with *error. */
extern bool agent_pg_write_pgpass(AgentService *service, char **error);

/* Ends the session on a node; the next question begins another one. */
extern void agent_pg_forget(AgentService *service, int node);

/*
 * One row, PQclear() by the caller; NULL with *error: then the connection is
 * begun anew the next time.
 */
extern PGresult *agent_pg_ask(AgentService *service, int node, const char *sql, int ms, char **error);

/* A statement without an answer; wipes and frees sql.  False with *error. */
extern bool agent_pg_do(AgentService *service, int node, char *sql, int ms, char **error);

#endif							/* CDC_AGENT_PG_SESSION_H */
