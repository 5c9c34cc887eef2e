/*
 * connect_pg.c
 *	  A simulated task's sessions on its source server.
 *
 * See connect_pg.h.  Knows libpq and the streaming replication protocol, and
 * nothing of when Debezium does what.
 */
#include "connect_pg.h"

#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 10000

/* Microseconds between the epochs of UNIX and of PostgreSQL. */
#define PG_EPOCH_US (INT64_C(946684800) * 1000000)

/* Has the task been told to stop or fail?  Takes the lock. */
static bool
is_told(SimTask *task)
{
	bool		told;

	pthread_mutex_lock(&sim_lock);
	told = task->stop || task->fail;
	pthread_mutex_unlock(&sim_lock);
	return told;
}

static void
drain(SimTask *task)
{
	uint64_t	count;

	while (read(task->wake, &count, sizeof(count)) > 0)
		;
}

bool
sim_told(SimTask *task, int ms)
{
	int64_t		until = sim_now() + ms;

	for (;;)
	{
		struct pollfd p = {task->wake, POLLIN, 0};
		int64_t		left = until - sim_now();

		if (is_told(task))
			return true;
		if (ms >= 0 && left <= 0)
			return false;
		if (poll(&p, 1, ms < 0 ? -1 : (int) left) > 0)
			drain(task);
	}
}

/* Waits for a socket; false when the task was told something or time is up. */
static bool
wait_for(SimTask *task, PGconn *conn, short events, int64_t until)
{
	for (;;)
	{
		struct pollfd p[2] = {{PQsocket(conn), events, 0}, {task->wake, POLLIN, 0}};
		int64_t		left = until - sim_now();

		if (is_told(task) || (until > 0 && left <= 0))
			return false;
		poll(p, 2, until > 0 ? (int) left : -1);
		if (p[1].revents)
			drain(task);
		if (p[0].revents)
			return true;
	}
}

/* libpq's words without its newlines. */
static char *
words_of(PGconn *conn)
{
	char	   *words = strdup(PQerrorMessage(conn));
	char	   *p;

	for (p = words; *p != '\0'; p++)
	{
		if (*p == '\n')
			*p = ' ';
	}
	while (p > words && p[-1] == ' ')
		*--p = '\0';
	return words;
}

/* The server's own words, which are what Debezium's driver shows. */
static char *
server_words(char *words)
{
	char	   *fatal = strstr(words, "FATAL:");

	if (fatal != NULL)
	{
		char	   *copy = strdup(fatal);

		free(words);
		return copy;
	}
	return words;
}

/*
 * ${dir:DIRECTORY:FILE} stands for what is in the file, as for Connect's
 * DirectoryConfigProvider; malloc'd.  Anything else stands for itself.
 */
static char *
resolved(const char *value)
{
	char	   *path;
	char	   *colon;
	char	   *words = NULL;
	size_t		size = 0;
	FILE	   *file;

	if (strncmp(value, "${dir:", 6) != 0 || value[strlen(value) - 1] != '}')
		return strdup(value);
	path = strndup(value + 6, strlen(value) - 7);
	colon = strrchr(path, ':');
	if (colon != NULL)
		*colon = '/';
	file = fopen(path, "r");
	/* a file that is not there: the reference is what is sent, and refused */
	if (file == NULL || getdelim(&words, &size, '\0', file) < 0)
	{
		free(words);
		words = strdup(value);
	}
	if (file != NULL)
		fclose(file);
	free(path);
	return words;
}

static PGconn *
begin_connect(struct json_object *config, const char *application, bool replication)
{
	char	   *password = resolved(sim_config(config, "database.password", ""));
	PGconn	   *conn;
	const char *keywords[] = {"host", "port", "dbname", "user", "password", "sslmode",
		"application_name", "replication", "options", NULL};
	const char *values[] = {
		sim_config(config, "database.hostname", ""),
		sim_config(config, "database.port", "5432"),
		sim_config(config, "database.dbname", ""),
		sim_config(config, "database.user", ""),
		password,
		sim_config(config, "database.sslmode", "prefer"),
		application,
		replication ? "database" : NULL,
		"-c datestyle=ISO -c client_encoding=UTF8", NULL};

	conn = PQconnectStartParams(keywords, values, 0);
	free(password);
	return conn;
}

PGconn *
sim_pg_connect(SimTask *task, const char *application, bool replication, char **error)
{
	PGconn	   *conn = begin_connect(task->config, application, replication);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	int64_t		until = sim_now() + CONNECT_TIMEOUT_MS;

	*error = NULL;
	if (conn != NULL && PQstatus(conn) != CONNECTION_BAD)
	{
		while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED)
		{
			if (!wait_for(task, conn, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until))
			{
				if (!is_told(task))
					*error = strdup("The connection attempt failed.");
				PQfinish(conn);
				return NULL;
			}
			status = PQconnectPoll(conn);
		}
		if (status == PGRES_POLLING_OK)
		{
			const char *initial = sim_config(task->config, "database.initial.statements", "");
			PGresult   *result = NULL;

			if (initial[0] == '\0' || sim_pg_run(task, conn, initial, &result, error))
			{
				PQclear(result);
				return conn;
			}
			PQfinish(conn);
			return NULL;
		}
	}
	*error = server_words(words_of(conn));
	PQfinish(conn);
	return NULL;
}

char *
sim_check_login(struct json_object *config)
{
	PGconn	   *conn = begin_connect(config, "Debezium Validate Connection", false);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	int64_t		until = sim_now() + CONNECT_TIMEOUT_MS;
	char	   *error = NULL;

	while (PQstatus(conn) != CONNECTION_BAD && status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED)
	{
		struct pollfd p = {PQsocket(conn), status == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
		int64_t		left = until - sim_now();

		if (left <= 0 || poll(&p, 1, (int) left) == 0)
		{
			error = strdup("The connection attempt failed.");
			break;
		}
		status = PQconnectPoll(conn);
	}
	if (error == NULL && status != PGRES_POLLING_OK)
		error = server_words(words_of(conn));
	PQfinish(conn);
	return error;
}

bool
sim_pg_run(SimTask *task, PGconn *conn, const char *sql, PGresult **result, char **error)
{
	PGresult   *next;

	*result = NULL;
	*error = NULL;
	if (!PQsendQuery(conn, sql))
	{
		*error = words_of(conn);
		return false;
	}
	for (;;)
	{
		while (PQisBusy(conn))
		{
			if (!wait_for(task, conn, POLLIN, 0))
				return false;
			if (!PQconsumeInput(conn))
			{
				*error = words_of(conn);
				return false;
			}
		}
		next = PQgetResult(conn);
		if (next == NULL)
			break;
		if (*result != NULL)
			PQclear(*result);
		*result = next;
		if (PQresultStatus(next) == PGRES_COPY_BOTH)
			return true;
	}
	if (*result == NULL || (PQresultStatus(*result) != PGRES_TUPLES_OK && PQresultStatus(*result) != PGRES_COMMAND_OK))
	{
		*error = words_of(conn);
		PQclear(*result);
		*result = NULL;
		return false;
	}
	return true;
}

bool
sim_pg_value(SimTask *task, PGconn *conn, const char *sql, char **value, char **error)
{
	PGresult   *result;

	*value = NULL;
	if (!sim_pg_run(task, conn, sql, &result, error))
		return false;
	if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		*value = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	return true;
}

char *
sim_pg_literal(PGconn *conn, const char *value)
{
	char	   *quoted = PQescapeLiteral(conn, value, strlen(value));
	char	   *copy = strdup(quoted);

	PQfreemem(quoted);
	return copy;
}

char *
sim_pg_create_slot_sql(const char *slot)
{
	char	   *sql;

	if (asprintf(&sql, "CREATE_REPLICATION_SLOT \"%s\" LOGICAL pgoutput", slot) < 0)
		abort();
	return sql;
}

/* Messages are asked for as Debezium does: heartbeats move the slot by them. */
char *
sim_pg_start_sql(const char *slot, const char *publication)
{
	char	   *sql;

	if (asprintf(&sql, "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (\"proto_version\" '1', "
				 "\"publication_names\" '\"%s\"', \"messages\" 'true')", slot, publication) < 0)
		abort();
	return sql;
}

static void
put_u64(char *to, uint64_t value)
{
	value = htobe64(value);
	memcpy(to, &value, sizeof(value));
}

bool
sim_pg_confirm(PGconn *conn, uint64_t lsn)
{
	char		message[34];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	message[0] = 'r';
	put_u64(message + 1, lsn);
	put_u64(message + 9, lsn);
	put_u64(message + 17, lsn);
	put_u64(message + 25, (uint64_t) ((int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000 - PG_EPOCH_US));
	message[33] = 0;
	return PQputCopyData(conn, message, sizeof(message)) > 0 && PQflush(conn) >= 0;
}

uint64_t
sim_pg_lsn(const char *words)
{
	unsigned	high;
	unsigned	low;

	if (words == NULL || sscanf(words, "%X/%X", &high, &low) != 2)
		return 0;
	return ((uint64_t) high << 32) | low;
}
