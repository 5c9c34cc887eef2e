/*
 * pg_connect.c
 *	  From a name to a connection that is logged in.
 *
 * See pg_parts.h.  A name's addresses are tried in their order, each with its
 * share of the time; whether one may be connected to is peer_address.c's to say.
 * How one logs in is common/pg_login.c's business, with what parameters
 * pg_parameters.c's.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/pg_parameters.h"
#include "common/redact.h"
#include "common/text.h"
#include "worker/io/peer_address.h"
#include "worker/io/pg_parts.h"
#include "worker/io/pg_words.h"

/* Settings of our sessions. */
#define SESSION_OPTIONS \
	CDC_PG_SESSION " -c search_path=pg_catalog -c datestyle=ISO -c timezone=UTC -c lock_timeout=5s -c statement_timeout=60s" \
	" -c idle_in_transaction_session_timeout=60s -c jit=off -c plan_cache_mode=force_generic_plan"

static void
ignore_notice(void *arg, const PGresult *result)
{
}

/*
 * It could not be connected: told from the loop, since who gave the statement
 * may not be called back before it was taken.
 */
static void
fail_soon(CdcPgConn *conn, const char *why)
{
	cdc_pg_hang_up(conn);
	conn->state = PG_CONNECTING;
	conn->why = MemoryContextStrdup(conn->context, why);
	cdc_timer_set(conn->timer, cdc_loop_now());
}

/* To the operator, once for each change: what members are not shown.  detail has no secret. */
static void
log_failure(CdcPgConn *conn, const char *words, const char *detail)
{
	char		line[CDC_PG_ERROR_MAX];
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
	p.replication = conn->replication;
	p.application_name = "cdc_pipeline";
	p.options = SESSION_OPTIONS;
	p.policy = conn->policy;
	cdc_pg_parameters(&p, keys, values);
	conn->pg = PQconnectStartParams(keys, values, 0);
	if (conn->pg == NULL)
	{
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
	cdc_pg_socket_watch(conn, PQsocket(conn->pg), CDC_IO_WRITE);
}

/* Tries the next address that we may connect to, in its share of the time left. */
static void
try_address(CdcPgConn *conn)
{
	char		literal[CDC_ADDRESS_TEXT];
	char		why[CDC_PG_ERROR_MAX];
	const char *refused = NULL;
	int64		now = cdc_loop_now();

	cdc_pg_hang_up(conn);
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
		char		why[CDC_PG_ERROR_MAX];

		snprintf(why, sizeof(why), "could not resolve \"%s\": %s", conn->host, error);
		fail_soon(conn, why);
		return;
	}
	memcpy(conn->addresses, addresses, n * sizeof(CdcAddress));
	conn->naddresses = n;
	conn->address = 0;
	try_address(conn);
}

int
cdc_pg_descriptors(const CdcPgConn *conn)
{
	return 3 + (conn->ca != NULL) + (conn->cert != NULL) + (conn->key != NULL);
}

void
cdc_pg_connect_refused(CdcPgConn *conn, const CdcPeerRefusal *refusal)
{
	memset(&conn->login, 0, sizeof(conn->login));
	strlcpy(conn->login.auth.sqlstate, refusal->sqlstate, sizeof(conn->login.auth.sqlstate));
	if (refusal->said)
		conn->said = MemoryContextStrdup(conn->context, refusal->said);
	fail_soon(conn, refusal->words);
}

void
cdc_pg_connect(CdcPgConn *conn)
{
	CdcPgResolve *resolve = MemoryContextAlloc(TopMemoryContext, sizeof(CdcPgResolve));

	resolve->conn = conn;
	conn->resolving = resolve;
	conn->state = PG_RESOLVING;
	memset(&conn->login, 0, sizeof(conn->login));
	conn->ready_at = 0;
	conn->connect_until = cdc_loop_now() + conn->connect_timeout_ms;
	cdc_timer_set(conn->timer, conn->connect_until);
	cdc_resolve(conn->host, on_address, resolve);
}

static void
logged_in(CdcPgConn *conn)
{
	cdc_timer_cancel(conn->timer);
	conn->weak = conn->login.auth.weak;
	if (conn->logged)
		pfree(conn->logged);
	conn->logged = NULL;
	PQsetnonblocking(conn->pg, 1);
	conn->version = PQserverVersion(conn->pg);
	conn->counted = cdc_pg_socket_received(conn);
	conn->state = PG_READY;
	conn->ready_at = cdc_loop_now();
	cdc_pg_forget_files(conn);
	cdc_descriptors_shrink(&conn->descriptors, 1);
	cdc_pg_socket_watch(conn, PQsocket(conn->pg), CDC_IO_READ);
}

CdcPgLoginState
cdc_pg_connect_poll(CdcPgConn *conn)
{
	CdcPgLoginState state;
	int			fd = -1;
	bool		wait_write = false;

	/* which file a descriptor's number means may change meanwhile */
	cdc_pg_socket_forget(conn);
	state = cdc_pg_login_poll(&conn->login, &fd, &wait_write);
	if (state == CDC_LOGIN_WAIT)
		cdc_pg_socket_watch(conn, fd, wait_write ? CDC_IO_WRITE : CDC_IO_READ);
	else if (state == CDC_LOGIN_DONE)
		logged_in(conn);
	return state;
}

bool
cdc_pg_connect_next(CdcPgConn *conn, CdcPgLoginState state, char *words, size_t size)
{
	const char *const secrets[] = {conn->password, conn->key};
	char	   *said = cdc_redact(PQerrorMessage(conn->pg), secrets, lengthof(secrets));

	cdc_pg_words(&conn->login, state, conn->user, conn->database, conn->connect_timeout_ms, words, size);
	log_failure(conn, words, said);
	if (!conn->login.answered && conn->address < conn->naddresses && cdc_loop_now() < conn->connect_until)
	{
		pfree(said);
		try_address(conn);
		return true;
	}
	if (said[0])
		conn->said = said;
	else
		pfree(said);
	/* what the login was refused for is refused again; what is busy, or starts up, is not */
	if (state == CDC_LOGIN_REFUSED || strncmp(conn->login.auth.sqlstate, "28", 2) == 0)
	{
		CdcPeerRefusal refusal = {words, conn->said, conn->login.auth.sqlstate, 0};

		cdc_peers_note_refused(&conn->owner, conn->place, conn->credentials, cdc_loop_now(), &refusal);
	}
	else if (state == CDC_LOGIN_WAIT)
		cdc_peers_note_silent(&conn->owner, conn->place);
	return false;
}
