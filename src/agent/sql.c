/*
 * sql.c
 *	  See sql.h.
 */
#include "agent/sql.h"

#include <poll.h>

#include "common/clock.h"
#include "common/pg_login.h"
#include "common/pg_parameters.h"

/* Waits for the socket; false at the deadline. */
static bool
wait_for(int fd, short events, int64 until)
{
	struct pollfd wait = {fd, events, 0};
	int64		left = until - cdc_clock_ms();

	return left > 0 && poll(&wait, 1, (int) left) > 0;
}

/* The first line of what libpq says. */
static char *
fault_of(PGconn *conn, const PGresult *result)
{
	char	   *words = pstrdup(result ? PQresultErrorMessage(result) : PQerrorMessage(conn));

	words[strcspn(words, "\n")] = '\0';
	return words;
}

PGconn *
agent_sql_connect(const char *address, int port, const char *user, const char *password,
				  const char *database, int ms, char **error)
{
	char		words[16];
	const char *keys[CDC_PG_PARAMETERS_MAX];
	const char *values[CDC_PG_PARAMETERS_MAX];
	CdcPgParameters p = {.host = address, .hostaddr = address, .port = words, .user = user, .password = password, .database = database,
		/* in PostgreSQL 14 and before everybody may make functions in public: none is taken for the server's */
		.sslmode = "disable", .application_name = "cdc_agent", .options = CDC_PG_SESSION " -c search_path=pg_catalog"};
	int64		until = cdc_clock_ms() + ms;
	PGconn	   *conn;
	CdcPgLogin	login;
	CdcPgLoginState state = CDC_LOGIN_FAILED;
	int			fd = -1;
	bool		writes = true;

	snprintf(words, sizeof(words), "%d", port);
	cdc_pg_parameters(&p, keys, values);
	conn = PQconnectStartParams(keys, values, 0);
	if (conn == NULL)
	{
		*error = pstrdup("out of memory");
		return NULL;
	}
	cdc_pg_login_begin(&login, conn, &p.policy);
	if (PQstatus(conn) != CONNECTION_BAD)
	{
		fd = PQsocket(conn);
		state = CDC_LOGIN_WAIT;
	}
	while (state == CDC_LOGIN_WAIT && wait_for(fd, writes ? POLLOUT : POLLIN, until))
		state = cdc_pg_login_poll(&login, &fd, &writes);
	if (state == CDC_LOGIN_DONE)
	{
		cdc_pg_login_end(&login);
		return conn;
	}
	/* whoever else listens there, while the server is down, is not told its password */
	*error = state == CDC_LOGIN_WAIT ? psprintf("%s port %d does not answer within %d ms", address, port, ms) :
		state == CDC_LOGIN_REFUSED ? psprintf("%s port %d: %s", address, port, cdc_pg_auth_fault(login.auth.fault)) :
		login.error ? psprintf("%s port %d: %s", address, port, strerror(login.error)) :
		PQerrorMessage(conn)[0] ? fault_of(conn, NULL) : psprintf("%s port %d closed the connection", address, port);
	cdc_pg_login_end(&login);
	PQfinish(conn);
	return NULL;
}

PGresult *
agent_sql(PGconn *conn, const char *sql, int ms, char **error)
{
	int64		until = cdc_clock_ms() + ms;
	PGresult   *last = NULL;
	PGresult   *result;

	if (!PQsendQuery(conn, sql))
	{
		*error = fault_of(conn, NULL);
		return NULL;
	}
	for (;;)
	{
		while (PQisBusy(conn))
		{
			if (!wait_for(PQsocket(conn), POLLIN, until))
			{
				PGcancel   *cancel = PQgetCancel(conn);
				char		ignored[256];

				if (cancel)
					PQcancel(cancel, ignored, sizeof(ignored));
				PQfreeCancel(cancel);
				PQclear(last);
				*error = psprintf("no answer within %d ms", ms);
				return NULL;
			}
			if (!PQconsumeInput(conn))
				break;
		}
		result = PQgetResult(conn);
		if (result == NULL)
			break;
		PQclear(last);
		last = result;
		if (PQstatus(conn) == CONNECTION_BAD)
			break;
	}
	if (last && (PQresultStatus(last) == PGRES_COMMAND_OK || PQresultStatus(last) == PGRES_TUPLES_OK))
		return last;
	*error = fault_of(conn, last);
	PQclear(last);
	return NULL;
}

bool
agent_sql_do(PGconn *conn, const char *sql, int ms, char **error)
{
	PGresult   *result = agent_sql(conn, sql, ms, error);

	PQclear(result);
	return result != NULL;
}
