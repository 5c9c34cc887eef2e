/*
 * pg_client.c
 *	  libpq on the worker's loop: connections and their statements.
 *
 * A connection is a small state machine: IDLE (not connected), RESOLVING,
 * CONNECTING, READY, BUSY.  Everything that goes wrong becomes a CdcPgResult.
 * Giving up is PQfinish: PQcancel would block.  How one logs in is pg_login.c's
 * business, with what parameters pg_parameters.c's.
 *
 * libpq reads as much as a server sends, and a single row may be anything: so
 * the bytes that the socket has received are counted before libpq is let to
 * them, whatever they are: rows, notices, notifications.
 *
 * What is called back may close the connection: its memory lives until the
 * outermost of our functions is through (enter, leave).
 */
#include "postgres.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpq-fe.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "common/redact.h"
#include "common/text.h"
#include "worker/io/guard.h"
#include "worker/io/peer_address.h"
#include "worker/io/pg_client.h"
#include "common/pg_login.h"
#include "common/pg_parameters.h"
#include "worker/io/pg_words.h"
#include "worker/io/resolver.h"

#define MAX_ERROR 1024

/* What a server may send while one logs in (certificates, a few hundred settings), and unasked. */
#define GREETING_MAX (256 * 1024)
#define UNASKED_MAX (64 * 1024)
/* The answer to a statement of which nothing is read: what it says of itself. */
#define UNREAD_MAX (256 * 1024)

/* Settings of our sessions. */
#define SESSION_OPTIONS \
	"-c search_path=pg_catalog -c datestyle=ISO -c timezone=UTC -c lock_timeout=5s -c statement_timeout=60s" \
	" -c idle_in_transaction_session_timeout=60s -c jit=off -c plan_cache_mode=force_generic_plan"

/* What is prepared on a connection, by these names. */
#define PREPARED_MAX 2
static const char *const prepared_name[PREPARED_MAX] = {"cdc_pipeline", "cdc_pipeline_2"};

typedef enum CdcPgState
{
	PG_IDLE,
	PG_RESOLVING,
	PG_CONNECTING,
	PG_READY,
	PG_BUSY
} CdcPgState;

typedef struct CdcPgStatement
{
	char	   *sql;
	int			nparams;
	char	  **params;
	const CdcPgShape *shape;
	int			deadline_ms;
	CdcPgDone	done;
	void	   *arg;
	struct CdcPgStatement *next;
} CdcPgStatement;

/* A resolver's answer may come after its connection is gone. */
typedef struct CdcPgResolve
{
	CdcPgConn  *conn;
} CdcPgResolve;

struct CdcPgConn
{
	MemoryContext context;
	char	   *host;
	char	   *hostaddr;
	char		port[12];
	char	   *database;
	char	   *user;
	char	   *password;
	char	   *sslmode;
	char	   *ca;				/* PEM texts, and the memory files that libpq reads */
	char	   *cert;
	char	   *key;
	int			ca_fd;
	int			cert_fd;
	int			key_fd;
	CdcPgAuthPolicy policy;
	bool		any_address;
	int			connect_timeout_ms;
	int64		connect_until;
	CdcAddress	addresses[CDC_RESOLVED_MAX];
	int			naddresses;
	int			address;		/* the next one to be tried */
	CdcPgLogin	login;
	const char *weak;			/* how the last login went, see cdc_pg_weak() */
	const char *tolerated;		/* and to where, see cdc_pg_tolerated() */
	char	   *why;			/* failed, which the timer tells: never from within a call of ours */
	char	   *logged;			/* what the log was told last */
	const char *said;			/* libpq's text while its failure is told, else NULL */
	int			inside;			/* functions of ours on the stack */
	CdcPgState	state;
	PGconn	   *pg;
	int			fd;				/* watched, -1: none */
	CdcTimer   *timer;
	CdcPgStatement *first;
	CdcPgStatement *last;
	int			pending;
	PGresult   *result;			/* what the running statement brought so far */
	uint64		counted;		/* what the socket had received when the question was sent */
	bool		copy;			/* it entered a COPY state: not ours to serve */
	char	   *prepared[PREPARED_MAX]; /* texts of the statements that are prepared */
	int			preparing;		/* number + 1 under which the first statement is, before
								 * it runs; 0: it is not */
	int			version;
	CdcPgResolve *resolving;
	CdcPgLost	lost;
	void	   *lost_arg;
	bool		closing;
	CdcPgConn  *next;			/* all of this process */
};

static CdcLoop *loop;
static CdcPgConn *all;

static void advance(CdcPgConn *conn);
static void free_conn(CdcPgConn *conn);
static void try_address(CdcPgConn *conn);
static void on_io(int fd, int events, void *arg);

void
cdc_pg_init(CdcLoop *l)
{
	loop = l;
	cdc_resolver_init(l);
	cdc_pg_parameters_init();
}

static void
enter(CdcPgConn *conn)
{
	conn->inside++;
}

/* The last use of conn in a function that may have called back. */
static void
leave(CdcPgConn *conn)
{
	if (--conn->inside == 0 && conn->closing)
		free_conn(conn);
}

static void
wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
}

/* What the socket has received since it was opened, read or not. */
static uint64
received(const CdcPgConn *conn)
{
	struct tcp_info info;
	socklen_t	length = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (conn->pg == NULL || getsockopt(PQsocket(conn->pg), IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
		return 0;
	return info.tcpi_bytes_received;
}

/* Has more come than what is waited for may have?  Then how much, else 0. */
static int
too_much(const CdcPgConn *conn)
{
	const CdcPgShape *shape = conn->state == PG_BUSY ? conn->first->shape : NULL;
	int			most = conn->state == PG_CONNECTING ? GREETING_MAX : conn->state == PG_READY ? UNASKED_MAX :
		shape == NULL ? UNREAD_MAX : CDC_PG_ANSWER_MAX;

	return received(conn) > conn->counted + (uint64) most ? most : 0;
}

static void
ignore_notice(void *arg, const PGresult *result)
{
}

static void
unwatch(CdcPgConn *conn)
{
	if (conn->fd >= 0)
		cdc_loop_forget(loop, conn->fd);
	conn->fd = -1;
}

static void
watch(CdcPgConn *conn, int fd, int events)
{
	if (fd != conn->fd)
		unwatch(conn);
	conn->fd = fd;
	if (fd >= 0)
		cdc_loop_watch(loop, fd, events, on_io, conn);
}

static void
forget_prepared(CdcPgConn *conn)
{
	int			i;

	for (i = 0; i < PREPARED_MAX; i++)
	{
		if (conn->prepared[i])
			pfree(conn->prepared[i]);
		conn->prepared[i] = NULL;
	}
}

/* Ends what libpq has. */
static void
hang_up(CdcPgConn *conn)
{
	unwatch(conn);
	if (conn->pg)
	{
		cdc_pg_login_end(&conn->login);
		PQfinish(conn->pg);
		ReleaseExternalFD();
	}
	conn->pg = NULL;
}

static void
disconnect(CdcPgConn *conn)
{
	cdc_timer_cancel(conn->timer);
	if (conn->result)
		PQclear(conn->result);
	conn->result = NULL;
	conn->copy = false;
	conn->preparing = 0;
	forget_prepared(conn);
	if (conn->resolving)
		conn->resolving->conn = NULL;
	conn->resolving = NULL;
	if (conn->why)
		pfree(conn->why);
	conn->why = NULL;
	hang_up(conn);
	conn->state = PG_IDLE;
}

/* A callback and what it is given, for the guard. */
typedef struct CdcPgCall
{
	const CdcPgStatement *statement;
	const CdcPgResult *result;
} CdcPgCall;

static void
call_done(void *arg)
{
	CdcPgCall  *call = arg;

	call->statement->done(call->result, call->statement->arg);
}

/* Calls back; with an ERROR's words once more where that threw one. */
static void
hand_over(const CdcPgStatement *s, const CdcPgResult *result)
{
	CdcPgCall	call = {s, result};
	CdcPgResult thrown;
	char		why[MAX_ERROR];

	if (cdc_guard(call_done, &call, "the answer of a PostgreSQL server", why, sizeof(why)))
		return;
	memset(&thrown, 0, sizeof(thrown));
	thrown.outcome = CDC_PG_LOST;
	thrown.error = why;
	call.result = &thrown;
	cdc_guard(call_done, &call, "the failure of an answer", why, sizeof(why));
}

/* Ends the first statement; the connection's state is already what it is. */
static void
answer(CdcPgConn *conn, CdcPgOutcome outcome, PGresult *pgresult, const char *error)
{
	CdcPgStatement *s = conn->first;
	CdcPgResult result;
	char		message[MAX_ERROR];
	char		hint[MAX_ERROR];

	memset(&result, 0, sizeof(result));
	result.outcome = outcome;
	result.pgresult = pgresult;
	result.shape = s->shape;
	if (pgresult && outcome == CDC_PG_ERROR)
	{
		const char *primary = PQresultErrorField(pgresult, PG_DIAG_MESSAGE_PRIMARY);
		const char *detail = PQresultErrorField(pgresult, PG_DIAG_MESSAGE_DETAIL);
		const char *state = PQresultErrorField(pgresult, PG_DIAG_SQLSTATE);
		const char *server_hint = PQresultErrorField(pgresult, PG_DIAG_MESSAGE_HINT);
		char		both[4 * MAX_ERROR];

		snprintf(both, sizeof(both), detail ? "%s (%s)" : "%s", primary ? primary : PQresultErrorMessage(pgresult), detail);
		cdc_text_line(message, sizeof(message), both);
		if (state && strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && state[5] == '\0')
			strlcpy(result.sqlstate, state, sizeof(result.sqlstate));
		if (server_hint)
		{
			cdc_text_line(hint, sizeof(hint), server_hint);
			result.hint = hint;
		}
		result.error = message;
	}
	else if (outcome != CDC_PG_OK)
	{
		cdc_text_line(message, sizeof(message), error ? error : "connection closed");
		result.error = message;
		/* a refused connection has no PGresult */
		if (outcome == CDC_PG_REFUSED)
		{
			strlcpy(result.sqlstate, conn->login.auth.sqlstate, sizeof(result.sqlstate));
			result.said = conn->said;
		}
	}
	conn->first = s->next;
	if (conn->first == NULL)
		conn->last = NULL;
	conn->pending--;
	hand_over(s, &result);
	if (pgresult)
		PQclear(pgresult);
	for (int i = 0; i < s->nparams; i++)
	{
		wipe(s->params[i]);
		if (s->params[i])
			pfree(s->params[i]);
	}
	if (s->params)
		pfree(s->params);
	wipe(s->sql);
	pfree(s->sql);
	pfree(s);
}

/* The connection is lost or was never made: what ran is LOST, what waits is REFUSED. */
static void
fail(CdcPgConn *conn, const char *why)
{
	char		error[MAX_ERROR];
	bool		sent = conn->state == PG_BUSY;
	int			waiting;

	cdc_text_line(error, sizeof(error), why);
	disconnect(conn);
	if (sent && conn->first)
		answer(conn, CDC_PG_LOST, NULL, error);
	if (conn->closing)
		return;
	if (sent)
	{
		/* those behind it get a connection of their own */
		advance(conn);
		return;
	}
	for (waiting = conn->pending; waiting > 0 && conn->first && conn->state == PG_IDLE; waiting--)
		answer(conn, CDC_PG_REFUSED, NULL, error);
	if (!conn->closing && conn->first && conn->state == PG_IDLE)
		advance(conn);
}

/*
 * It could not be connected: told from the loop, since who gave the statement
 * may not be called back before it was taken.
 */
static void
fail_soon(CdcPgConn *conn, const char *why)
{
	hang_up(conn);
	conn->state = PG_CONNECTING;
	conn->why = MemoryContextStrdup(conn->context, why);
	cdc_timer_set(conn->timer, cdc_loop_now());
}

/* To the operator, once for each change: what members are not shown.  detail has no secret. */
static void
log_failure(CdcPgConn *conn, const char *words, const char *detail)
{
	char		line[MAX_ERROR];
	char	   *c;

	cdc_text_line(line, sizeof(line), detail);
	for (c = line; *c; c++)
	{
		if ((unsigned char) *c < ' ' || (unsigned char) *c > '~')
			*c = '?';
	}
	if (conn->logged && strcmp(conn->logged, line) == 0)
		return;
	if (conn->logged)
		pfree(conn->logged);
	conn->logged = MemoryContextStrdup(conn->context, line);
	ereport(LOG,
			(errmsg("cdc_pipeline could not log in to %s port %s: %s", conn->host, conn->port, words),
			 line[0] ? errdetail_internal("%s", line) : 0));
}

/* This address did not let us in: the next one, or the end. */
static void
login_failed(CdcPgConn *conn, CdcPgLoginState state)
{
	char		words[MAX_ERROR];
	const char *secrets[] = {conn->password, conn->key};
	char	   *said = cdc_redact(PQerrorMessage(conn->pg), secrets, lengthof(secrets));

	cdc_pg_words(&conn->login, state, conn->user, conn->database, words, sizeof(words));
	log_failure(conn, words, said);
	if (!conn->login.answered && conn->address < conn->naddresses && cdc_loop_now() < conn->connect_until)
		try_address(conn);
	else
	{
		conn->said = said[0] ? said : NULL;
		fail(conn, words);
		conn->said = NULL;
	}
	pfree(said);
}

static void
on_timer(void *arg)
{
	CdcPgConn  *conn = arg;

	enter(conn);
	if (conn->why)
	{
		char		why[MAX_ERROR];

		strlcpy(why, conn->why, sizeof(why));
		fail(conn, why);
	}
	else if (conn->state == PG_BUSY)
		fail(conn, "no answer within the deadline");
	else if (conn->state == PG_RESOLVING)
		fail(conn, "its name was not resolved within the deadline");
	else
		login_failed(conn, CDC_LOGIN_WAIT);
	leave(conn);
}

/*
 * What has parameters comes again and again: it is parsed and planned once a
 * connection.  For the look at a source that is most of its cost.
 */
static int
send_with_params(CdcPgConn *conn, const CdcPgStatement *s)
{
	const char *const *params = (const char *const *) s->params;
	int			binary = s->shape && s->shape->columns[0].type == CDC_PG_BYTES;
	int			i;

	for (i = 0; i < PREPARED_MAX && conn->prepared[i]; i++)
	{
		if (strcmp(conn->prepared[i], s->sql) == 0)
			return PQsendQueryPrepared(conn->pg, prepared_name[i], s->nparams, params, NULL, NULL, binary);
	}
	if (i == PREPARED_MAX)
		return PQsendQueryParams(conn->pg, s->sql, s->nparams, NULL, params, NULL, NULL, binary);
	conn->preparing = i + 1;
	return PQsendPrepare(conn->pg, prepared_name[i], s->sql, s->nparams, NULL);
}

static void
send_first(CdcPgConn *conn)
{
	CdcPgStatement *s = conn->first;
	int			sent;

	conn->state = PG_BUSY;
	conn->copy = false;
	conn->preparing = 0;
	conn->counted = received(conn);
	if (s->nparams > 0)
		sent = send_with_params(conn, s);
	else
		sent = PQsendQuery(conn->pg, s->sql);
	if (!sent)
	{
		fail(conn, PQerrorMessage(conn->pg));
		return;
	}
	cdc_timer_set(conn->timer, cdc_loop_now() + s->deadline_ms);
	watch(conn, PQsocket(conn->pg), PQflush(conn->pg) == 1 ? CDC_IO_READ | CDC_IO_WRITE : CDC_IO_READ);
}

static void
connected(CdcPgConn *conn)
{
	cdc_timer_cancel(conn->timer);
	conn->weak = conn->login.auth.weak;
	if (conn->logged)
		pfree(conn->logged);
	conn->logged = NULL;
	PQsetnonblocking(conn->pg, 1);
	conn->version = PQserverVersion(conn->pg);
	conn->counted = received(conn);
	conn->state = PG_READY;
	watch(conn, PQsocket(conn->pg), CDC_IO_READ);
	if (conn->first)
		send_first(conn);
}

static void
poll_connect(CdcPgConn *conn)
{
	CdcPgLoginState state;
	int			fd = -1;
	bool		wait_write = false;

	/* which file a descriptor's number means may change meanwhile */
	unwatch(conn);
	state = cdc_pg_login_poll(&conn->login, &fd, &wait_write);
	if (state == CDC_LOGIN_WAIT)
		watch(conn, fd, wait_write ? CDC_IO_WRITE : CDC_IO_READ);
	else if (state == CDC_LOGIN_DONE)
		connected(conn);
	else
		login_failed(conn, state);
}

/*
 * libpq wants PEM texts as files: one in memory serves, and leaves nothing
 * behind.  *path is what libpq is given; false: the file cannot be made, and
 * nothing may be tried without it.
 */
static bool
memory_file(const char *name, const char *pem, int *fd, char *path)
{
	if (pem && *fd < 0)
		*fd = cdc_memory_file(name, pem);
	snprintf(path, MAXPGPATH, "/proc/self/fd/%d", *fd);
	return pem == NULL || *fd >= 0;
}

/* Begins a connection to an address that may be connected to. */
static void
start(CdcPgConn *conn, const char *hostaddr)
{
	CdcPgParameters p = {0};
	const char *keys[CDC_PG_PARAMETERS_MAX];
	const char *values[CDC_PG_PARAMETERS_MAX];
	char		ca[MAXPGPATH];
	char		cert[MAXPGPATH];
	char		key[MAXPGPATH];

	if (!memory_file("cdc_pipeline ca", conn->ca, &conn->ca_fd, ca) ||
		!memory_file("cdc_pipeline certificate", conn->cert, &conn->cert_fd, cert) ||
		!memory_file("cdc_pipeline key", conn->key, &conn->key_fd, key))
	{
		fail_soon(conn, "its certificates could not be given to libpq: there is no memory or no file descriptor left");
		return;
	}
	if (!AcquireExternalFD())
	{
		fail_soon(conn, "out of file descriptors");
		return;
	}
	p.host = conn->host;
	p.hostaddr = hostaddr;
	p.port = conn->port;
	p.database = conn->database;
	p.user = conn->user;
	p.password = conn->password;
	p.sslmode = conn->sslmode;
	p.ca = conn->ca ? ca : NULL;
	p.cert = conn->cert ? cert : NULL;
	p.key = conn->key ? key : NULL;
	p.application_name = "cdc_pipeline";
	p.options = SESSION_OPTIONS;
	p.policy = conn->policy;
	cdc_pg_parameters(&p, keys, values);
	conn->pg = PQconnectStartParams(keys, values, 0);
	if (conn->pg == NULL)
	{
		ReleaseExternalFD();
		fail_soon(conn, "out of memory");
		return;
	}
	conn->state = PG_CONNECTING;
	PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
	conn->counted = 0;
	cdc_pg_login_begin(&conn->login, conn->pg, &conn->policy);
	if (PQstatus(conn->pg) == CONNECTION_BAD)
	{
		log_failure(conn, "no way to that address", PQerrorMessage(conn->pg));
		fail_soon(conn, "no way to that address");
		return;
	}
	watch(conn, PQsocket(conn->pg), CDC_IO_WRITE);
}

/* Tries the next address that we may connect to, in its share of the time left. */
static void
try_address(CdcPgConn *conn)
{
	char		literal[CDC_ADDRESS_TEXT];
	char		why[MAX_ERROR];
	const char *refused = NULL;
	int64		now = cdc_loop_now();

	hang_up(conn);
	while (conn->address < conn->naddresses)
	{
		const CdcAddress *address = &conn->addresses[conn->address++];

		refused = cdc_peer_refused(address);
		conn->tolerated = conn->any_address ? refused : NULL;
		if (refused == NULL || conn->any_address)
		{
			cdc_timer_set(conn->timer, now + Max((conn->connect_until - now) / (conn->naddresses - conn->address + 1), 1));
			start(conn, cdc_address_text(address, literal));
			return;
		}
	}
	snprintf(why, sizeof(why), "%s is %s, to which members may not send the worker; cdc_pipeline.member_networks is the operator's list of what is allowed",
			 conn->host, refused ? refused : "no address");
	fail_soon(conn, why);
}

static void
on_address(const CdcAddress *addresses, int n, const char *error, void *arg)
{
	CdcPgResolve *resolve = arg;
	CdcPgConn  *conn = resolve->conn;

	pfree(resolve);
	if (conn == NULL)
		return;
	conn->resolving = NULL;
	if (n == 0)
	{
		char		why[MAX_ERROR];

		snprintf(why, sizeof(why), "could not resolve \"%s\": %s", conn->host, error);
		fail_soon(conn, why);
		return;
	}
	memcpy(conn->addresses, addresses, n * sizeof(CdcAddress));
	conn->naddresses = n;
	conn->address = 0;
	try_address(conn);
}

/* Starts what can be started: a connection, or the next statement. */
static void
advance(CdcPgConn *conn)
{
	if (conn->closing || conn->first == NULL)
		return;
	if (conn->state == PG_READY)
		send_first(conn);
	else if (conn->state == PG_IDLE)
	{
		CdcPgResolve *resolve = MemoryContextAlloc(TopMemoryContext, sizeof(CdcPgResolve));

		resolve->conn = conn;
		conn->resolving = resolve;
		conn->state = PG_RESOLVING;
		memset(&conn->login, 0, sizeof(conn->login));
		conn->connect_until = cdc_loop_now() + conn->connect_timeout_ms;
		cdc_timer_set(conn->timer, conn->connect_until);
		cdc_resolve(conn->host, on_address, resolve);
	}
}

/* Was this the answer to the preparation?  Then the statement itself is sent. */
static bool
was_prepared(CdcPgConn *conn, const PGresult *result)
{
	if (!conn->preparing || PQresultStatus(result) != PGRES_COMMAND_OK)
		return false;
	conn->prepared[conn->preparing - 1] = MemoryContextStrdup(conn->context, conn->first->sql);
	send_first(conn);
	return true;
}

/* All results of the statement are in: conn->result has the one that counts. */
static void
statement_done(CdcPgConn *conn)
{
	PGresult   *result = conn->result;
	ExecStatusType status = result ? PQresultStatus(result) : PGRES_FATAL_ERROR;
	const char *sqlstate;
	char		why[MAX_ERROR];

	conn->result = NULL;
	cdc_timer_cancel(conn->timer);
	conn->counted = received(conn);
	conn->state = PG_READY;
	if (conn->copy || PQstatus(conn->pg) == CONNECTION_BAD)
	{
		cdc_text_line(why, sizeof(why), conn->copy ? "unexpected COPY" :
				 result ? PQresultErrorMessage(result) : PQerrorMessage(conn->pg));
		if (result)
			PQclear(result);
		conn->state = PG_BUSY;
		fail(conn, why);
		return;
	}
	if (result && was_prepared(conn, result))
	{
		PQclear(result);
		return;
	}
	if ((status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) &&
		!cdc_pg_fits(result, conn->first->shape, why, sizeof(why)))
	{
		/* it does not know what it says: nor does it, perhaps, what it did */
		PQclear(result);
		conn->state = PG_BUSY;
		fail(conn, why);
		return;
	}
	sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (sqlstate && strcmp(sqlstate, "26000") == 0)
		forget_prepared(conn);	/* something between us and the server has discarded it */
	watch(conn, PQsocket(conn->pg), CDC_IO_READ);
	answer(conn, status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY ?
		   CDC_PG_OK : CDC_PG_ERROR, result, NULL);
	if (conn->state == PG_READY)
		advance(conn);
}

static void
read_results(CdcPgConn *conn)
{
	while (conn->state == PG_BUSY && !PQisBusy(conn->pg))
	{
		PGresult   *result = PQgetResult(conn->pg);
		ExecStatusType status;

		if (result == NULL)
		{
			statement_done(conn);
			return;
		}
		status = PQresultStatus(result);
		if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
		{
			PQclear(result);
			conn->copy = true;
			statement_done(conn);
			return;
		}
		/* the last result counts, and the first error */
		if (conn->result && PQresultStatus(conn->result) == PGRES_FATAL_ERROR)
			PQclear(result);
		else
		{
			if (conn->result)
				PQclear(conn->result);
			conn->result = result;
		}
	}
}

/* The other side ended a connection on which nothing was under way. */
static void
lost_idle(CdcPgConn *conn)
{
	disconnect(conn);
	if (conn->lost)
		conn->lost(conn, conn->lost_arg);
}

static void
ready(CdcPgConn *conn, int events)
{
	int			most = too_much(conn);

	if (most > 0)
	{
		char		why[MAX_ERROR];

		snprintf(why, sizeof(why), conn->state == PG_BUSY ? "the answer is larger than %d bytes" : "it sent more than %d bytes unasked", most);
		fail(conn, why);
		return;
	}
	switch (conn->state)
	{
		case PG_CONNECTING:
			poll_connect(conn);
			break;
		case PG_BUSY:
		case PG_READY:
			if ((events & (CDC_IO_READ | CDC_IO_ERROR)) && !PQconsumeInput(conn->pg))
			{
				if (conn->state == PG_READY)
				{
					lost_idle(conn);
					return;
				}
				fail(conn, PQerrorMessage(conn->pg));
				return;
			}
			if (conn->state == PG_READY)
			{
				/* nothing is expected: a notice, or the end */
				PQisBusy(conn->pg);
				if (PQstatus(conn->pg) == CONNECTION_BAD)
					lost_idle(conn);
				return;
			}
			switch (PQflush(conn->pg))
			{
				case 0:
					watch(conn, PQsocket(conn->pg), CDC_IO_READ);
					break;
				case 1:
					watch(conn, PQsocket(conn->pg), CDC_IO_READ | CDC_IO_WRITE);
					break;
				default:
					fail(conn, PQerrorMessage(conn->pg));
					return;
			}
			read_results(conn);
			break;
		default:
			break;
	}
}

static void
on_io(int fd, int events, void *arg)
{
	CdcPgConn  *conn = arg;

	enter(conn);
	ready(conn, events);
	leave(conn);
}

CdcPgConn *
cdc_pg_open(const CdcPgTarget *t)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "cdc_pipeline connection",
												  ALLOCSET_SMALL_SIZES);
	CdcPgConn  *conn = MemoryContextAllocZero(context, sizeof(CdcPgConn));

	conn->context = context;
	conn->host = MemoryContextStrdup(context, t->host);
	snprintf(conn->port, sizeof(conn->port), "%d", t->port);
	conn->database = MemoryContextStrdup(context, t->database);
	conn->user = MemoryContextStrdup(context, t->user);
	conn->password = t->password ? MemoryContextStrdup(context, t->password) : NULL;
	conn->sslmode = t->sslmode ? MemoryContextStrdup(context, t->sslmode) : NULL;
	conn->ca = t->ca ? MemoryContextStrdup(context, t->ca) : NULL;
	conn->cert = t->client_cert ? MemoryContextStrdup(context, t->client_cert) : NULL;
	conn->key = t->client_key ? MemoryContextStrdup(context, t->client_key) : NULL;
	conn->ca_fd = conn->cert_fd = conn->key_fd = -1;
	conn->any_address = t->any_address;
	conn->policy.tls_needed = cdc_pg_tls_needed(t->sslmode);
	conn->policy.verified = cdc_pg_verified(t->sslmode);
	conn->policy.cleartext = t->password_in_tls;
	conn->policy.certificate = t->client_cert != NULL;
	conn->policy.any_method = t->any_method;
	conn->connect_timeout_ms = t->connect_timeout_ms;
	conn->fd = -1;
	conn->timer = cdc_timer_create(loop, on_timer, conn);
	conn->next = all;
	all = conn;
	return conn;
}

void
cdc_pg_exec(CdcPgConn *conn, const char *sql, int nparams, const char *const *params,
			const CdcPgShape *shape, int deadline_ms, CdcPgDone done, void *arg)
{
	MemoryContext old = MemoryContextSwitchTo(conn->context);
	CdcPgStatement *s = palloc0(sizeof(CdcPgStatement));
	int			i;

	s->sql = pstrdup(sql);
	s->nparams = nparams;
	s->params = nparams > 0 ? palloc0(sizeof(char *) * nparams) : NULL;
	for (i = 0; i < nparams; i++)
		s->params[i] = params[i] ? pstrdup(params[i]) : NULL;
	s->shape = shape;
	s->deadline_ms = deadline_ms;
	s->done = done;
	s->arg = arg;
	MemoryContextSwitchTo(old);
	if (conn->last)
		conn->last->next = s;
	else
		conn->first = s;
	conn->last = s;
	conn->pending++;
	enter(conn);
	if (conn->first == s)
		advance(conn);
	leave(conn);
}

int
cdc_pg_pending(const CdcPgConn *conn)
{
	return conn->pending;
}

int
cdc_pg_server_version(const CdcPgConn *conn)
{
	return conn->version;
}

void
cdc_pg_watch(CdcPgConn *conn, CdcPgLost lost, void *arg)
{
	conn->lost = lost;
	conn->lost_arg = arg;
}

bool
cdc_pg_connected(const CdcPgConn *conn)
{
	return conn->state == PG_READY || conn->state == PG_BUSY;
}

void
cdc_pg_reset(CdcPgConn *conn)
{
	enter(conn);
	if (conn->state == PG_BUSY)
		fail(conn, "connection reset");
	else if (conn->state == PG_READY)
		disconnect(conn);
	leave(conn);
}

const char *
cdc_pg_weak(const CdcPgConn *conn)
{
	return conn->weak;
}

const char *
cdc_pg_tolerated(const CdcPgConn *conn)
{
	return conn->tolerated;
}

static void
forget_file(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
free_conn(CdcPgConn *conn)
{
	CdcPgConn **where = &all;

	while (*where != conn)
		where = &(*where)->next;
	*where = conn->next;
	cdc_timer_free(conn->timer);
	forget_file(conn->ca_fd);
	forget_file(conn->cert_fd);
	forget_file(conn->key_fd);
	wipe(conn->password);
	wipe(conn->key);
	MemoryContextDelete(conn->context);
}

void
cdc_pg_close(CdcPgConn *conn)
{
	if (conn->closing)
		return;
	conn->closing = true;
	enter(conn);
	disconnect(conn);
	while (conn->first)
		answer(conn, CDC_PG_CANCELLED, NULL, "connection closed");
	leave(conn);
}

void
cdc_pg_shutdown(void)
{
	while (all)
	{
		CdcPgConn  *conn = all;

		disconnect(conn);
		free_conn(conn);
	}
	cdc_resolver_shutdown();
}
