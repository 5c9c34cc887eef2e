/*
 * sql.h
 *	  SQL on a server of one's own, with deadlines.
 *
 * Blocks for at most the time that is given.  Errors are sentences (palloc'd),
 * without passwords.  Frees nothing of the caller's.
 */
#ifndef CDC_AGENT_SQL_H
#define CDC_AGENT_SQL_H

#include "common/base.h"
#include "libpq-fe.h"

/* Connects; NULL with *error. */
extern PGconn *agent_sql_connect(const char *address, int port, const char *user, const char *password,
								 const char *database, int ms, char **error);

/*
 * Runs one statement.  The result is PGRES_COMMAND_OK or PGRES_TUPLES_OK; NULL
 * with *error otherwise, and the connection is not to be used again when
 * PQstatus says so.
 */
extern PGresult *agent_sql(PGconn *conn, const char *sql, int ms, char **error);

/* The same, for a statement whose result is not looked at. */
extern bool agent_sql_do(PGconn *conn, const char *sql, int ms, char **error);

#endif							/* CDC_AGENT_SQL_H */
