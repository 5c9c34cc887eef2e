/*
 * pg_client.c
 *	  libpq on the worker's loop.
 *
 * A connection is a small state machine: IDLE (not connected), RESOLVING,
 * CONNECTING, READY, BUSY.  Everything that goes wrong becomes a CdcPgResult.
 * Giving up is PQfinish: PQcancel would block.
 *
 * libpq reads as much as a server sends, and a single row may be anything: so
 * the bytes that the socket has received are counted before libpq is let to
 * them, whatever they are: rows, notices, notifications.
 */
#include "postgres.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libpq-fe.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "common/text.h"
#include "worker/guard.h"
#include "worker/pg_client.h"
#include "worker/resolver.h"

#define MAX_ERROR 1024

/* What a server may send while one logs in (certificates, a few hundred settings), and unasked. */
#define GREETING_MAX (256 * 1024)
#define UNASKED_MAX (64 * 1024)
/* The answer to a statement of which nothing is read: what it says of itself. */
#define UNREAD_MAX (256 * 1024)

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
	char	   *ca;
	int			ca_fd;
	int			connect_timeout_ms;
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
static void on_io(int fd, int events, void *arg);

void
cdc_pg_init(CdcLoop *l)
{
	loop = l;
	cdc_resolver_init(l);
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
		shape == NULL ? UNREAD_MAX : shape->max_bytes ? shape->max_bytes : CDC_PG_ANSWER_MAX;

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
watch(CdcPgConn *conn, int events)
{
	int			fd = PQsocket(conn->pg);

	/* libpq may have gone on to another socket (TLS retry, next address) */
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

static void
disconnect(CdcPgConn *conn)
{
	cdc_timer_cancel(conn->timer);
	unwatch(conn);
	if (conn->result)
		PQclear(conn->result);
	conn->result = NULL;
	conn->copy = false;
	conn->preparing = 0;
	forget_prepared(conn);
	if (conn->resolving)
		conn->resolving->conn = NULL;
	conn->resolving = NULL;
	if (conn->pg)
	{
		PQfinish(conn->pg);
		ReleaseExternalFD();
	}
	conn->pg = NULL;
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
		/* a refused connection has no PGresult; the code is in libpq's text only */
		if (error && strstr(error, "does not exist") && strstr(error, "database"))
			strlcpy(result.sqlstate, "3D000", sizeof(result.sqlstate));
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
		if (s->params[i])
			pfree(s->params[i]);
	}
	if (s->params)
		pfree(s->params);
	explicit_bzero(s->sql, strlen(s->sql));
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
	if (conn->first && conn->state == PG_IDLE)
		advance(conn);
}

static void
on_timer(void *arg)
{
	CdcPgConn  *conn = arg;

	if (conn->state == PG_BUSY)
		fail(conn, "no answer within the deadline");
	else
		fail(conn, "could not connect within the deadline");
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
	watch(conn, PQflush(conn->pg) == 1 ? CDC_IO_READ | CDC_IO_WRITE : CDC_IO_READ);
}

static void
connected(CdcPgConn *conn)
{
	cdc_timer_cancel(conn->timer);
	PQsetnonblocking(conn->pg, 1);
	conn->version = PQserverVersion(conn->pg);
	conn->counted = received(conn);
	conn->state = PG_READY;
	watch(conn, CDC_IO_READ);
	if (conn->first)
		send_first(conn);
}

static void
poll_connect(CdcPgConn *conn)
{
	switch (PQconnectPoll(conn->pg))
	{
		case PGRES_POLLING_READING:
			watch(conn, CDC_IO_READ);
			break;
		case PGRES_POLLING_WRITING:
			watch(conn, CDC_IO_WRITE);
			break;
		case PGRES_POLLING_OK:
			connected(conn);
			break;
		default:
			fail(conn, PQerrorMessage(conn->pg));
			break;
	}
}

/* libpq wants the CA as a file: a memory file serves, and leaves nothing behind. */
static const char *
ca_path(CdcPgConn *conn)
{
	if (conn->ca == NULL)
		return NULL;
	if (conn->ca_fd < 0)
	{
		size_t		len = strlen(conn->ca);

		conn->ca_fd = memfd_create("cdc_pipeline ca", MFD_CLOEXEC);
		if (conn->ca_fd < 0 || write(conn->ca_fd, conn->ca, len) != (ssize_t) len)
			return NULL;
	}
	return psprintf("/proc/self/fd/%d", conn->ca_fd);
}

static void
on_address(const char *address, const char *error, void *arg)
{
	CdcPgResolve *resolve = arg;
	CdcPgConn  *conn = resolve->conn;
	const char *keys[20];
	const char *values[20];
	const char *ca;
	int			n = 0;

	pfree(resolve);
	if (conn == NULL)
		return;
	conn->resolving = NULL;
	if (address == NULL)
	{
		char		why[MAX_ERROR];

		snprintf(why, sizeof(why), "could not resolve \"%s\": %s", conn->host, error);
		fail(conn, why);
		return;
	}
	if (!AcquireExternalFD())
	{
		fail(conn, "out of file descriptors");
		return;
	}
	ca = ca_path(conn);
#define ADD(k, v) (keys[n] = (k), values[n] = (v), n++)
	ADD("host", conn->host);
	ADD("hostaddr", address);
	ADD("port", conn->port);
	ADD("dbname", conn->database);
	ADD("user", conn->user);
	if (conn->password)
		ADD("password", conn->password);
	ADD("sslmode", conn->sslmode ? conn->sslmode : "prefer");
	if (ca)
		ADD("sslrootcert", ca);
	ADD("application_name", "cdc_pipeline");
	ADD("fallback_application_name", "cdc_pipeline");
	ADD("client_encoding", "UTF8");
	ADD("gssencmode", "disable");
	ADD("keepalives_idle", "10");
	ADD("keepalives_interval", "5");
	ADD("keepalives_count", "3");
	ADD("tcp_user_timeout", "30000");
	ADD("options", "-c search_path=pg_catalog -c datestyle=ISO -c timezone=UTC -c lock_timeout=5s -c statement_timeout=60s"
		" -c idle_in_transaction_session_timeout=60s -c jit=off -c plan_cache_mode=force_generic_plan");
	ADD(NULL, NULL);
#undef ADD
	conn->pg = PQconnectStartParams(keys, values, 0);
	if (conn->pg == NULL)
	{
		ReleaseExternalFD();
		fail(conn, "out of memory");
		return;
	}
	conn->counted = 0;
	conn->state = PG_CONNECTING;
	PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
	if (PQstatus(conn->pg) == CONNECTION_BAD)
		fail(conn, PQerrorMessage(conn->pg));
	else
		watch(conn, CDC_IO_WRITE);
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
		cdc_timer_set(conn->timer, cdc_loop_now() + conn->connect_timeout_ms);
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
	watch(conn, CDC_IO_READ);
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
on_io(int fd, int events, void *arg)
{
	CdcPgConn  *conn = arg;
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
					watch(conn, CDC_IO_READ);
					break;
				case 1:
					watch(conn, CDC_IO_READ | CDC_IO_WRITE);
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
	conn->ca_fd = -1;
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
	if (conn->first == s)
		advance(conn);
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
	if (conn->state == PG_BUSY)
		fail(conn, "connection reset");
	else if (conn->state == PG_READY)
		disconnect(conn);
}

static void
free_conn(CdcPgConn *conn)
{
	CdcPgConn **where = &all;

	while (*where != conn)
		where = &(*where)->next;
	*where = conn->next;
	cdc_timer_free(conn->timer);
	if (conn->ca_fd >= 0)
		close(conn->ca_fd);
	if (conn->password)
		explicit_bzero(conn->password, strlen(conn->password));
	MemoryContextDelete(conn->context);
}

void
cdc_pg_close(CdcPgConn *conn)
{
	conn->closing = true;
	disconnect(conn);
	while (conn->first)
		answer(conn, CDC_PG_CANCELLED, NULL, "connection closed");
	free_conn(conn);
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
