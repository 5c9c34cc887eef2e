/*
 * session.c
 *	  One connection to the metadata database as one role.
 *
 * The only file that talks libpq.  Knows nothing of HTTP and of pools.
 */
#include "gateway/session.h"

#include <libpq-fe.h>
#include <sys/socket.h>

#define HOST_TIMEOUT (3 * 1000000)	/* us for a login at one host */

enum
{
	SESSION_CLOSED,
	SESSION_CONNECTING,
	SESSION_FAILED,				/* said at the next turn of the loop */
	SESSION_PREPARING,
	SESSION_IDLE,
	SESSION_BUSY
};

static const struct
{
	const char *name;
	const char *sql;
	int			nvalues;
	bool		own;			/* of the gateway's own sessions */
}			calls[] = {
	[CALL_REST] = {"rest", "SELECT r.status, r.headers, r.body FROM cdc.rest($1::text, $2::text, $3::text, $4::jsonb) r", 4, false},
	[CALL_BEARER] = {"bearer", "SELECT r.status, r.headers, r.body FROM cdc.rest_bearer($1::text, $2::text, $3::text, $4::text, $5::jsonb) r", 5, true},
	[CALL_HEALTH] = {"health", "SELECT r.status, r.headers, r.body FROM cdc.health() r", 0, true},
};

static dlist_head connecting = DLIST_STATIC_INIT(connecting);

static void advance(Session *session);

static void
ready(LoopSource *source, uint32 events)
{
	advance((Session *) ((char *) source - offsetof(Session, source)));
}

static void
ignore_notice(void *arg, const char *message)
{
}

static void
wait_for(Session *session, uint32 events)
{
	int			fd = PQsocket(session->conn);

	if (session->source.fd == fd)
		loop_change(&session->source, events);
	else
	{
		loop_remove(&session->source);
		loop_add(&session->source, fd, events);
	}
}

/* The same while one logs in: the descriptor to watch need not be libpq's. */
static void
watch(Session *session, int fd, uint32 events)
{
	loop_remove(&session->source);
	loop_add(&session->source, fd, events);
}

static void
stop_guarding(Session *session)
{
	if (session->guarded)
		cdc_pg_login_end(&session->login);
	session->guarded = false;
}

static void
stop_connecting(Session *session)
{
	if (session->deadline != 0)
		dlist_delete(&session->connecting);
	session->deadline = 0;
}

static void
disconnect(Session *session)
{
	loop_remove(&session->source);
	stop_connecting(session);
	PQclear(session->result);
	session->result = NULL;
	stop_guarding(session);
	if (session->conn != NULL)
		PQfinish(session->conn);
	session->conn = NULL;
}

static void
forget_password(Session *session)
{
	if (session->password != NULL)
	{
		explicit_bzero(session->password, strlen(session->password));
		pg_free(session->password);
	}
	session->password = NULL;
}

static void
login_is(Session *session, LoginResult result, const char *sqlstate)
{
	char		copy[6];

	strlcpy(copy, sqlstate != NULL ? sqlstate : "", sizeof(copy));
	stop_connecting(session);
	if (result != LOGIN_DONE)
	{
		disconnect(session);
		session->state = SESSION_CLOSED;
	}
	forget_password(session);
	session->events->login(session, result, copy);
}

/*
 * The SQLSTATE at the end of a failed login's message; libpq has no function
 * for it, but prints it alone when asked to.
 */
static void
login_sqlstate(PGconn *conn, char *sqlstate)
{
	const char *message = PQerrorMessage(conn);
	const char *hit = NULL;
	const char *p;

	sqlstate[0] = '\0';
	for (p = message; (p = strstr(p, ":  ")) != NULL; p++)
		hit = p;
	if (hit != NULL && strspn(hit + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
		strlcpy(sqlstate, hit + 3, 6);
}

/* Begins at the next host; false when there is none. */
static bool
next_host(Session *session)
{
	const char *keywords[HOSTS_PARAMS];
	const char *values[HOSTS_PARAMS];

	while (session->tried < hosts_count())
	{
		session->target = hosts_get(session->tried++);
		disconnect(session);
		hosts_params(&session->target, session->role, session->password, keywords, values);
		session->conn = PQconnectStartParams(keywords, values, 0);
		if (session->conn == NULL || PQstatus(session->conn) == CONNECTION_BAD)
			continue;
		PQsetErrorVerbosity(session->conn, PQERRORS_SQLSTATE);
		PQsetNoticeProcessor(session->conn, ignore_notice, NULL);
		/* who listens at the server's address, while it is down or in between, is told no password */
		if (session->password != NULL && !hosts_is_proven(&session->target))
		{
			static const CdcPgAuthPolicy policy = {.verified = true};

			session->guarded = true;
			cdc_pg_login_begin(&session->login, session->conn, &policy);
		}
		session->state = SESSION_CONNECTING;
		session->deadline = loop_now + HOST_TIMEOUT;
		dlist_push_tail(&connecting, &session->connecting);
		wait_for(session, EPOLLOUT);
		return true;
	}
	return false;
}

/* This host did not let us in. */
static void
host_failed(Session *session)
{
	char		sqlstate[6] = "";

	if (session->conn != NULL)
		login_sqlstate(session->conn, sqlstate);
	if (strncmp(sqlstate, "28", 2) == 0)
	{
		/*
		 * A standby may know an older password than the primary: only the
		 * primary's word counts, unless there is no other host.
		 */
		if (hosts_was_primary(&session->target) || hosts_count() == 1)
		{
			login_is(session, LOGIN_REFUSED, sqlstate);
			return;
		}
		session->refused = true;
	}
	else if (strcmp(sqlstate, "42501") == 0)
	{
		login_is(session, LOGIN_FORBIDDEN, sqlstate);
		return;
	}
	if (next_host(session))
		return;
	if (session->unsafe)
		login_is(session, LOGIN_UNSAFE, NULL);
	else
		login_is(session, session->refused && !hosts_primary_known() ? LOGIN_REFUSED : LOGIN_UNREACHABLE, sqlstate);
}

/* Prepares the next call of this kind of session; all are: logged in. */
static void
prepare_next(Session *session)
{
	while (session->prepared < (int) lengthof(calls) && calls[session->prepared].own != session->own)
		session->prepared++;
	if (session->prepared == (int) lengthof(calls))
	{
		session->state = SESSION_IDLE;
		wait_for(session, EPOLLIN);
		login_is(session, LOGIN_DONE, NULL);
		return;
	}
	session->state = SESSION_PREPARING;
	if (!PQsendPrepare(session->conn, calls[session->prepared].name, calls[session->prepared].sql, 0, NULL))
	{
		host_failed(session);
		return;
	}
	wait_for(session, EPOLLIN | (PQflush(session->conn) == 1 ? EPOLLOUT : 0));
}

/* PQconnectPoll, of which the server's messages are looked at first; ACTIVE: to be called again. */
static PostgresPollingStatusType
guarded_poll(Session *session)
{
	bool		write;
	int			fd;

	switch (cdc_pg_login_poll(&session->login, &fd, &write))
	{
		case CDC_LOGIN_WAIT:
			watch(session, fd, write ? EPOLLOUT : EPOLLIN);
			return PGRES_POLLING_ACTIVE;
		case CDC_LOGIN_DONE:
			stop_guarding(session);
			return PGRES_POLLING_OK;
		case CDC_LOGIN_REFUSED:
			/* what is no PostgreSQL is no answer */
			session->unsafe |= session->login.auth.fault != CDC_PG_FAULT_NOT_POSTGRESQL && session->login.auth.fault != CDC_PG_FAULT_TOO_LONG;
			return PGRES_POLLING_FAILED;
		default:
			return PGRES_POLLING_FAILED;
	}
}

static void
connecting_on(Session *session)
{
	PostgresPollingStatusType status;

	/* libpq may close the socket and open another of the same number */
	loop_remove(&session->source);
	status = session->guarded ? guarded_poll(session) : PQconnectPoll(session->conn);
	switch (status)
	{
		case PGRES_POLLING_READING:
			wait_for(session, EPOLLIN);
			break;
		case PGRES_POLLING_WRITING:
			wait_for(session, EPOLLOUT);
			break;
		case PGRES_POLLING_ACTIVE:
			break;				/* watched already */
		case PGRES_POLLING_OK:
			if (!session->own && !PQconnectionUsedPassword(session->conn))
			{
				login_is(session, LOGIN_UNSAFE, NULL);
				break;
			}
			PQsetnonblocking(session->conn, 1);
			hosts_is_primary(&session->target);
			prepare_next(session);
			break;
		default:
			host_failed(session);
			break;
	}
}

/* Results of the statement under way have all come: judge the last one. */
static void
finish(Session *session, PGresult *result)
{
	Outcome		outcome = {.lost = false};
	const char *sqlstate = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

	if (session->state == SESSION_PREPARING)
	{
		if (PQresultStatus(result) == PGRES_COMMAND_OK)
		{
			session->prepared++;
			prepare_next(session);
		}
		else
			login_is(session, LOGIN_FORBIDDEN, sqlstate);
		PQclear(result);
		return;
	}

	if (result == NULL || PQstatus(session->conn) != CONNECTION_OK)
		outcome.lost = true;
	else if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1 || PQgetisnull(result, 0, 0))
		strlcpy(outcome.sqlstate, sqlstate != NULL ? sqlstate : "XX000", sizeof(outcome.sqlstate));
	else
	{
		outcome.status = atoi(PQgetvalue(result, 0, 0));
		outcome.headers = PQgetisnull(result, 0, 1) ? NULL : PQgetvalue(result, 0, 1);
		outcome.body = PQgetisnull(result, 0, 2) ? NULL : PQgetvalue(result, 0, 2);
		outcome.length = PQgetlength(result, 0, 2);
	}
	outcome.dirty = !outcome.lost && PQtransactionStatus(session->conn) != PQTRANS_IDLE;
	if (outcome.lost)
	{
		disconnect(session);
		session->state = SESSION_CLOSED;
	}
	else
		session->state = SESSION_IDLE;
	session->events->answer(session, &outcome);
	PQclear(result);
}

static void
advance(Session *session)
{
	int			unsent;

	if (session->state == SESSION_CONNECTING)
	{
		connecting_on(session);
		return;
	}

	unsent = PQflush(session->conn);
	if (!PQconsumeInput(session->conn) || unsent < 0 || PQstatus(session->conn) == CONNECTION_BAD)
	{
		if (session->state == SESSION_PREPARING)
			host_failed(session);
		else if (session->state == SESSION_BUSY)
			finish(session, NULL);
		else
		{
			disconnect(session);
			session->state = SESSION_CLOSED;
			session->events->lost(session);
		}
		return;
	}
	if (session->state == SESSION_IDLE)
		return;					/* a notice, or a change of a setting */

	/* All results, up to ReadyForQuery: only then is the commit known. */
	while (!PQisBusy(session->conn))
	{
		PGresult   *result = PQgetResult(session->conn);

		if (result == NULL)
		{
			result = session->result;
			session->result = NULL;
			wait_for(session, EPOLLIN);
			finish(session, result);
			return;
		}
		PQclear(session->result);
		session->result = result;
		if (PQstatus(session->conn) == CONNECTION_BAD)
		{
			/* the last words of a server that goes down */
			if (session->state == SESSION_PREPARING)
				host_failed(session);
			else
				finish(session, NULL);
			return;
		}
	}
	if (unsent == 1)
		wait_for(session, EPOLLIN | EPOLLOUT);
}

/* Said at the next turn of the loop, not inside the caller's call. */
static void
fail_soon(Session *session, bool calling)
{
	session->state = SESSION_FAILED;
	session->calling = calling;
	session->deadline = loop_now;
	dlist_push_head(&connecting, &session->connecting);
}

void
session_start(Session *session, const SessionEvents *events, const char *role, const char *password, bool own)
{
	memset(session, 0, sizeof(*session));
	session->source.fd = -1;
	session->source.ready = ready;
	session->events = events;
	session->own = own;
	session->role = pg_strdup(role);
	session->password = password != NULL ? pg_strdup(password) : NULL;
	if (!next_host(session))
		fail_soon(session, false);
}

void
session_call(Session *session, Call call, const char *const *values)
{
	int			unsent = -1;

	session->state = SESSION_BUSY;
	if (PQsendQueryPrepared(session->conn, calls[call].name, calls[call].nvalues, values, NULL, NULL, 0))
		unsent = PQflush(session->conn);
	if (unsent < 0 || PQsocket(session->conn) < 0)
		fail_soon(session, true);
	else if (unsent == 1)
		wait_for(session, EPOLLIN | EPOLLOUT);
}

bool
session_is_dead(Session *session)
{
	char		byte;

	/* a server's last words ("terminating connection") make it readable too */
	return recv(PQsocket(session->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

void
session_close(Session *session)
{
	disconnect(session);
	forget_password(session);
	pg_free(session->role);
	session->role = NULL;
	session->state = SESSION_CLOSED;
}

uint64
session_expire(void)
{
	while (!dlist_is_empty(&connecting))
	{
		Session    *session = dlist_head_element(Session, connecting, &connecting);

		if (session->deadline > loop_now)
			return session->deadline;
		if (session->state == SESSION_FAILED && session->calling)
		{
			stop_connecting(session);
			finish(session, NULL);
		}
		else if (session->state == SESSION_FAILED)
			login_is(session, LOGIN_UNREACHABLE, NULL);
		else
			host_failed(session);
	}
	return 0;
}
