/*
 * pg_client.c
 *	  libpq on the worker's loop: connections and their statements.
 *
 * A connection is a small state machine: IDLE (not connected), WAITING for a
 * descriptor, RESOLVING, CONNECTING, READY, BUSY.  Here is what follows what; what is done in each is
 * in the files of pg_parts.h.  Everything that goes wrong becomes a CdcPgResult.
 * Giving up is PQfinish: PQcancel would block.
 *
 * What is called back may close the connection: its memory lives until the
 * outermost of our functions is through (enter, leave).
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/pg_parameters.h"
#include "common/text.h"
#include "worker/io/pg_parts.h"
#include "worker/io/pg_words.h"

/*
 * A session keeps the settings of role and database that it began with.  One in
 * which this many statements in a row have failed is given up for a new one, but
 * not a young one: what fails in that fails in the next as well.
 */
#define ERRORS_IN_A_ROW 3
#define RENEW_MS 5000

/* A connection that is lost so soon after it was let in was let in for nothing. */
#define YOUNG_MS 1000

static CdcLoop *loop;
static CdcPgConn *all;

static void fail(CdcPgConn *conn, const char *why);

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

static void
free_conn(CdcPgConn *conn)
{
	CdcPgConn **where = &all;

	while (*where != conn)
		where = &(*where)->next;
	*where = conn->next;
	cdc_timer_free(conn->timer);
	cdc_pg_wipe(conn->password);
	cdc_pg_wipe(conn->key);
	MemoryContextDelete(conn->context);
}

/* The last use of conn in a function that may have called back. */
static void
leave(CdcPgConn *conn)
{
	if (--conn->inside > 0)
		return;
	if (conn->closing)
		free_conn(conn);
	else if (conn->state == PG_READY && conn->first == NULL)
		cdc_descriptors_idle(&conn->descriptors);
}

/* It has its descriptors. */
static void
on_granted(void *arg)
{
	CdcPgConn  *conn = arg;

	conn->state = PG_IDLE;
	cdc_pg_connect(conn);
}

/* Somebody else waits for a descriptor, and this one is idle. */
static bool
on_reclaim(void *arg)
{
	CdcPgConn  *conn = arg;

	if (conn->inside > 0)
		return false;
	cdc_pg_disconnect(conn);
	return true;
}

/* Is left alone, or queues for its descriptors; then it connects. */
static void
want_connection(CdcPgConn *conn)
{
	CdcPeerRefusal refusal;

	if (!cdc_peers_may_ask(&conn->owner, conn->place, conn->credentials, cdc_loop_now(), &refusal))
	{
		cdc_pg_connect_refused(conn, &refusal);
		return;
	}
	conn->state = PG_WAITING;
	cdc_descriptors_ask(&conn->descriptors, &conn->owner, cdc_pool_class(conn->kind, cdc_peers_silent(&conn->owner, conn->place)),
						cdc_pg_descriptors(conn));
}

static void
send_first(CdcPgConn *conn)
{
	if (conn->errors >= ERRORS_IN_A_ROW)
		cdc_pg_renew(conn);
	if (conn->state == PG_IDLE)
	{
		want_connection(conn);
		return;
	}
	cdc_descriptors_busy(&conn->descriptors);
	if (!cdc_pg_query_send(conn))
		fail(conn, PQerrorMessage(conn->pg));
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
		want_connection(conn);
}

/* It is lost: had it only just been let in? */
static void
note_lost(const CdcPgConn *conn, const char *why)
{
	int64		now = cdc_loop_now();

	if (now - conn->ready_at < YOUNG_MS)
		cdc_peers_note_hung_up(&conn->owner, conn->place, conn->credentials, now, why);
	else
		cdc_peers_note_served(&conn->owner, conn->place);
}

/* The connection is lost or was never made: what ran is LOST, what waits is REFUSED. */
static void
fail(CdcPgConn *conn, const char *why)
{
	char		error[CDC_PG_ERROR_MAX];
	bool		sent = conn->state == PG_BUSY;
	int			waiting;

	cdc_text_line(error, sizeof(error), why);
	cdc_pg_disconnect(conn);
	if (sent)
		note_lost(conn, error);
	if (sent && conn->first)
		cdc_pg_answer(conn, CDC_PG_LOST, NULL, error);
	if (conn->closing)
		return;
	if (sent)
	{
		/* those behind it get a connection of their own */
		advance(conn);
		return;
	}
	for (waiting = conn->pending; waiting > 0 && conn->first && conn->state == PG_IDLE; waiting--)
		cdc_pg_answer(conn, CDC_PG_REFUSED, NULL, error);
	if (!conn->closing && conn->first && conn->state == PG_IDLE)
		advance(conn);
}

/* What the other side said was told. */
static void
forget_said(CdcPgConn *conn)
{
	if (conn->said)
		pfree(conn->said);
	conn->said = NULL;
}

/* This address did not let us in: the next one, or the end. */
static void
login_failed(CdcPgConn *conn, CdcPgLoginState state)
{
	char		words[CDC_PG_ERROR_MAX];

	if (cdc_pg_connect_next(conn, state, words, sizeof(words)))
		return;
	fail(conn, words);
	forget_said(conn);
}

static void
on_timer(void *arg)
{
	CdcPgConn  *conn = arg;
	char		why[CDC_PG_ERROR_MAX];

	enter(conn);
	if (conn->why)
	{
		strlcpy(why, conn->why, sizeof(why));
		fail(conn, why);
		forget_said(conn);
	}
	else if (conn->state == PG_BUSY)
	{
		cdc_peers_note_silent(&conn->owner, conn->place);
		cdc_pg_late("no answer in time", conn->first ? conn->first->deadline_ms : 0, why, sizeof(why));
		fail(conn, why);
	}
	else if (conn->state == PG_RESOLVING)
	{
		cdc_peers_note_silent(&conn->owner, conn->place);
		cdc_pg_late("its name was not resolved in time", conn->connect_timeout_ms, why, sizeof(why));
		fail(conn, why);
	}
	else
		login_failed(conn, CDC_LOGIN_WAIT);
	leave(conn);
}

static void
poll_connect(CdcPgConn *conn)
{
	CdcPgLoginState state = cdc_pg_connect_poll(conn);

	if (state == CDC_LOGIN_DONE)
		advance(conn);
	else if (state != CDC_LOGIN_WAIT)
		login_failed(conn, state);
}

static void
read_results(CdcPgConn *conn)
{
	char		why[CDC_PG_ERROR_MAX];
	CdcPgStep	step = cdc_pg_query_read(conn, why, sizeof(why));
	PGresult   *result = conn->result;

	if (step == PG_STEP_LOST)
		fail(conn, why);
	else if (step == PG_STEP_ANSWERED)
	{
		ExecStatusType status = PQresultStatus(result);

		conn->result = NULL;
		if (cdc_loop_now() - conn->ready_at >= YOUNG_MS)
			cdc_peers_note_served(&conn->owner, conn->place);
		cdc_descriptors_bytes(&conn->descriptors, 0);
		conn->errors = status == PGRES_FATAL_ERROR ? conn->errors + 1 : 0;
		cdc_pg_answer(conn, status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY ?
					  CDC_PG_OK : CDC_PG_ERROR, result, NULL);
		if (conn->state == PG_READY)
			advance(conn);
	}
}

/* The other side ended a connection on which nothing was under way. */
static void
lost_idle(CdcPgConn *conn)
{
	cdc_pg_disconnect(conn);
	note_lost(conn, "the connection was closed");
	if (conn->lost)
		conn->lost(conn, conn->lost_arg);
}

/* Is the connection ended, because more has come than may have? */
static bool
ended_by_too_much(CdcPgConn *conn)
{
	int			most = cdc_pg_socket_too_much(conn);
	char		why[CDC_PG_ERROR_MAX];

	if (most == 0)
		return false;
	snprintf(why, sizeof(why), conn->state == PG_BUSY ? "the answer is larger than %d bytes" : "it sent more than %d bytes unasked", most);
	fail(conn, why);
	return true;
}

static void
ready(CdcPgConn *conn, int events)
{
	if (ended_by_too_much(conn))
		return;
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
			/* what came while libpq read: parsed, it would be copied */
			if (ended_by_too_much(conn))
				return;
			cdc_descriptors_bytes(&conn->descriptors, (int64) (cdc_pg_socket_received(conn) - conn->counted));
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
					cdc_pg_socket_watch(conn, PQsocket(conn->pg), CDC_IO_READ);
					break;
				case 1:
					cdc_pg_socket_watch(conn, PQsocket(conn->pg), CDC_IO_READ | CDC_IO_WRITE);
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
	const char *const credentials[] = {t->user, t->password, t->client_cert, t->client_key, t->ca, t->sslmode};
	char		place[256];

	/* who may log in but not for replication is refused the one and not the other */
	snprintf(place, sizeof(place), "%s:%d %s%s", t->host, t->port, t->database, t->replication ? " (replication)" : "");
	conn->context = context;
	conn->loop = loop;
	conn->on_io = on_io;
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
	conn->owner = t->owner;
	conn->kind = t->kind;
	conn->place = MemoryContextStrdup(context, place);
	conn->credentials = cdc_peers_credentials(credentials, lengthof(credentials));
	conn->descriptors.granted = on_granted;
	conn->descriptors.reclaim = on_reclaim;
	conn->descriptors.arg = conn;
	conn->any_address = t->any_address;
	conn->replication = t->replication;
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
		cdc_pg_disconnect(conn);
	leave(conn);
}

void
cdc_pg_renew(CdcPgConn *conn)
{
	if (conn->state == PG_READY && cdc_loop_now() - conn->ready_at >= RENEW_MS)
		cdc_pg_disconnect(conn);
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

void
cdc_pg_close(CdcPgConn *conn)
{
	if (conn->closing)
		return;
	conn->closing = true;
	enter(conn);
	cdc_pg_disconnect(conn);
	while (conn->first)
		cdc_pg_answer(conn, CDC_PG_CANCELLED, NULL, "connection closed");
	leave(conn);
}

void
cdc_pg_shutdown(void)
{
	while (all)
	{
		CdcPgConn  *conn = all;

		cdc_pg_disconnect(conn);
		free_conn(conn);
	}
	cdc_resolver_shutdown();
}
