/*
 * sql.c
 *	  See sql.h.
 */
#include "agent/sql.h"

#include <poll.h>

#include "common/clock.h"

/* Waits for the socket; false at the deadline. */
static bool
wait_for(PGconn *conn, short events, int64 until)
{
	struct pollfd wait = {PQsocket(conn), events, 0};
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
	/* what others have put into a database means nothing to us */
	static const char search_path[] = "-c search_path=pg_catalog";
	char		words[16];
	const char *keys[] = {"hostaddr", "port", "user", "password", "dbname", "sslmode", "application_name", "gssencmode", "options", NULL};
	const char *values[] = {address, words, user, password, database, "disable", "cdc_agent", "disable", search_path, NULL};
	int64		until = cdc_clock_ms() + ms;
	PGconn	   *conn;
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	snprintf(words, sizeof(words), "%d", port);
	conn = PQconnectStartParams(keys, values, 0);
	while (conn && PQstatus(conn) != CONNECTION_BAD && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED)
	{
		if (!wait_for(conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
		{
			*error = psprintf("%s port %d does not answer within %d ms", address, port, ms);
			PQfinish(conn);
			return NULL;
		}
		state = PQconnectPoll(conn);
	}
	if (conn && state == PGRES_POLLING_OK)
		return conn;
	*error = conn ? fault_of(conn, NULL) : pstrdup("out of memory");
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
			if (!wait_for(conn, POLLIN, until))
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
