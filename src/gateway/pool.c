/*
 * pool.c
 *	  The connections to the metadata database, by role and credential.
 *
 * Knows requests only as texts to pass on and one answer to give.
 */
#include "gateway/pool.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "gateway/config.h"
#include "gateway/health.h"
#include "gateway/known.h"
#include "gateway/throttle.h"

#define BUCKETS 1024
#define KEY_BYTES SHA256_DIGEST_LENGTH
#define MS 1000
#define LARGE (256 * 1024)		/* a call of more bytes is its session's last */
#define DOWN_PAUSE (250 * MS)	/* the database is not asked for again so soon */

/* Whose turn it is when a login becomes possible. */
typedef enum Turn
{
	TURN_PROVEN,				/* the credential was right before */
	TURN_NEW,
	TURN_HOT,					/* many logins of this address at once, or failed ones of it or the role */
	TURNS,
	TURN_NONE = TURNS
} Turn;

typedef struct Identity
{
	dlist_node	in_bucket;
	unsigned char key[KEY_BYTES];
	char	   *role;
	bool		own;
	int			nsessions;
	int			nconnecting;
	dlist_head	idle;			/* PoolSession, the last used first */
	dlist_head	waiting;		/* Request */
	int			nwaiting;
	uint64		proven_at;		/* a login succeeded; 0: never */
	Turn		turn;
	dlist_node	in_turn;
} Identity;

typedef struct PoolSession
{
	Session		session;		/* first */
	Identity   *identity;
	Request    *request;		/* that it works for */
	Turn		turn;			/* of its login */
	uint64		born;
	uint64		idle_since;
	bool		connecting;
	bool		doomed;			/* closes after its call */
	dlist_node	in_identity;
	dlist_node	in_idle;
} PoolSession;

static dlist_head buckets[BUCKETS];
static SHA256_CTX salted;		/* has taken a secret; copied for each hash */
static Identity own;

static dlist_head turns[TURNS];
static dlist_head submitted = DLIST_STATIC_INIT(submitted); /* Requests, oldest first */
static dlist_head idle = DLIST_STATIC_INIT(idle);	/* PoolSessions, idle longest first */
static int	nsessions;
static int	nconnecting[TURNS];
static int	nwaiting;
static int	ntried;				/* requests whose credentials are still to be tried */
static uint64 down_until;

static void login(Session *session, LoginResult result, const char *sqlstate);
static void answer(Session *session, const Outcome *outcome);
static void lost(Session *session);
static void pump(Identity *identity);

static const SessionEvents events = {login, answer, lost};

void
pool_start(void)
{
	unsigned char salt[KEY_BYTES];
	int			i;

	for (i = 0; i < BUCKETS; i++)
		dlist_init(&buckets[i]);
	for (i = 0; i < TURNS; i++)
		dlist_init(&turns[i]);
	if (RAND_bytes(salt, sizeof(salt)) != 1)
		abort();
	SHA256_Init(&salted);
	SHA256_Update(&salted, salt, sizeof(salt));
	explicit_bzero(salt, sizeof(salt));
	own.own = true;
	own.role = (char *) hosts_own_role();
	own.turn = TURN_NONE;
	dlist_init(&own.idle);
	dlist_init(&own.waiting);
}

/* --- identities --------------------------------------------------------- */

static Identity *
find_identity(const char *role, const char *password)
{
	unsigned char key[KEY_BYTES];
	SHA256_CTX	context = salted;
	dlist_head *bucket;
	dlist_iter	iter;
	Identity   *identity;

	/* the role's final zero byte too: nothing else ends it */
	SHA256_Update(&context, role, strlen(role) + 1);
	SHA256_Update(&context, password, strlen(password));
	SHA256_Final(key, &context);
	explicit_bzero(&context, sizeof(context));

	bucket = &buckets[(key[0] | key[1] << 8) % BUCKETS];
	dlist_foreach(iter, bucket)
	{
		identity = dlist_container(Identity, in_bucket, iter.cur);
		if (memcmp(identity->key, key, sizeof(key)) == 0)
			return identity;
	}
	identity = pg_malloc0(sizeof(Identity));
	memcpy(identity->key, key, sizeof(key));
	identity->role = pg_strdup(role);
	identity->turn = TURN_NONE;
	dlist_init(&identity->idle);
	dlist_init(&identity->waiting);
	dlist_push_head(bucket, &identity->in_bucket);
	return identity;
}

static void
leave_turn(Identity *identity)
{
	if (identity->turn != TURN_NONE)
		dlist_delete(&identity->in_turn);
	identity->turn = TURN_NONE;
}

/* Frees an identity that nothing refers to. */
static void
forget_if_unused(Identity *identity)
{
	if (identity->own || identity->nsessions > 0 || identity->nwaiting > 0)
		return;
	leave_turn(identity);
	dlist_delete(&identity->in_bucket);
	pg_free(identity->role);
	pg_free(identity);
}

static bool
proof_holds(const Identity *identity, int times)
{
	return identity->own ||
		(identity->proven_at != 0 && loop_now - identity->proven_at < (uint64) times * config.revalidate * MS);
}

/* --- sessions ----------------------------------------------------------- */

static void
drop_session(PoolSession *session)
{
	Identity   *identity = session->identity;

	if (session->idle_since != 0)
	{
		dlist_delete(&session->in_identity);
		dlist_delete(&session->in_idle);
	}
	if (session->connecting)
	{
		nconnecting[session->turn]--;
		identity->nconnecting--;
	}
	identity->nsessions--;
	nsessions--;
	session_close(&session->session);
	pg_free(session);
}

static PoolSession *
oldest_idle(dlist_head *list, bool of_identity)
{
	if (dlist_is_empty(list))
		return NULL;
	return of_identity ? dlist_container(PoolSession, in_identity, dlist_tail_node(list))
		: dlist_container(PoolSession, in_idle, dlist_head_node(list));
}

static void
make_idle(PoolSession *session)
{
	session->idle_since = loop_now;
	dlist_push_head(&session->identity->idle, &session->in_identity);
	dlist_push_tail(&idle, &session->in_idle);
}

/* An idle session that still lives, or NULL. */
static PoolSession *
take_idle(Identity *identity)
{
	while (!dlist_is_empty(&identity->idle))
	{
		PoolSession *session = dlist_head_element(PoolSession, in_identity, &identity->idle);

		if (session->doomed || loop_now - session->born > (uint64) config.session_lifetime * MS || session_is_dead(&session->session))
		{
			drop_session(session);
			continue;
		}
		dlist_delete(&session->in_identity);
		dlist_delete(&session->in_idle);
		session->idle_since = 0;
		return session;
	}
	return NULL;
}

/* The gateway's own password, read at each login: it may be changed. */
static char *
own_password(void)
{
	char		line[1024];
	FILE	   *file;

	if (config.password_file == NULL)
		return NULL;
	file = fopen(config.password_file, "r");
	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	if (file != NULL)
		fclose(file);
	line[strcspn(line, "\r\n")] = '\0';
	return pg_strdup(line);
}

/* May another login begin? */
static bool
login_possible(Turn turn)
{
	int			all = nconnecting[TURN_PROVEN] + nconnecting[TURN_NEW] + nconnecting[TURN_HOT];

	if (all >= config.logins || (nsessions >= config.database_connections && dlist_is_empty(&idle)))
		return false;
	return turn != TURN_HOT || nconnecting[TURN_HOT] < Max(config.logins / 4, 1);
}

static Turn
turn_of(const Identity *identity, const Request *request)
{
	if (identity->own || identity->proven_at != 0)
		return TURN_PROVEN;
	/* many at once, or many that failed: others of whom that is not known come first */
	if (peer_logins(request->peer, 0) > Max(config.logins / 4, 1) ||
		throttle_is_hot((const struct sockaddr *) &request->address, request->role))
		return TURN_HOT;
	return TURN_NEW;
}

/*
 * Begins a login with the credentials of the request, or queues for one.  All
 * sessions of the identity may be busy: then one of them will serve.
 */
static bool
start_login(Identity *identity, const Request *request)
{
	Turn		turn = request ? turn_of(identity, request) : TURN_PROVEN;
	PoolSession *session;

	if (identity->nsessions >= config.role_connections)
	{
		session = oldest_idle(&identity->idle, true);
		if (session == NULL)
			return false;
		drop_session(session);
	}
	if (!login_possible(turn))
	{
		if (identity->turn == TURN_NONE)
		{
			identity->turn = turn;
			dlist_push_tail(&turns[turn], &identity->in_turn);
		}
		return false;
	}
	if (nsessions >= config.database_connections)
	{
		Identity   *other;

		session = oldest_idle(&idle, false);
		other = session->identity;
		drop_session(session);
		if (other != identity)
			forget_if_unused(other);
	}

	session = pg_malloc0(sizeof(PoolSession));
	session->identity = identity;
	session->turn = turn;
	session->connecting = true;
	session->born = loop_now;
	identity->nsessions++;
	identity->nconnecting++;
	nsessions++;
	nconnecting[turn]++;
	if (identity->own)
	{
		char	   *password = own_password();

		session_start(&session->session, &events, identity->role, password, true);
		if (password != NULL)
		{
			explicit_bzero(password, strlen(password));
			pg_free(password);
		}
	}
	else
		session_start(&session->session, &events, identity->role, request->secret, false);
	return true;
}

/* --- requests ----------------------------------------------------------- */

static void
stop_waiting(Request *request)
{
	dlist_delete(&request->in_identity);
	request->identity->nwaiting--;
	nwaiting--;
}

/* Out of the pool; the caller answers it. */
static void
release(Request *request)
{
	dlist_delete(&request->in_pool);
	if (request->tried)
	{
		(void) peer_logins(request->peer, -1);
		ntried--;
	}
	request->tried = false;
	request->identity = NULL;
	request->session = NULL;
}

static void
no_database(Request *request)
{
	request_error(request, 503, "database_unavailable", "the metadata database cannot be reached",
				  "No host of it that takes writes let the gateway in.", "Try again.");
}

static void
run(PoolSession *session, Request *request)
{
	const char *values[5];
	int			n = 0;

	request->session = session;
	request->proven = request->call == CALL_REST;
	session->request = request;
	if (request->call == CALL_BEARER)
		values[n++] = request->secret;
	if (request->call != CALL_HEALTH)
	{
		/* HEAD is GET whose body is not sent */
		values[n++] = request->probe || strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
		/* no path of the API: what is asked is whether the answer is 401 */
		values[n++] = request->probe ? "/" : request->target;
		values[n++] = request->body.len > 0 ? request->body.data : NULL;
		values[n++] = request->headers.data;
	}
	session_call(&session->session, request->call, values);
}

/* Serves what waits, as far as sessions are there, and asks for more of them. */
static void
pump(Identity *identity)
{
	while (identity->nwaiting > 0)
	{
		Request    *request = dlist_head_element(Request, in_identity, &identity->waiting);
		bool		proven = proof_holds(identity, 2);
		PoolSession *session = NULL;

		if (proven && request->probe && request->call == CALL_REST)
		{
			stop_waiting(request);
			release(request);
			request->probe = false;
			request_proven(request);
			continue;
		}
		if (proven)
			session = take_idle(identity);
		if (session != NULL)
		{
			stop_waiting(request);
			if (!proof_holds(identity, 1) && identity->nconnecting == 0 && loop_now >= down_until)
				start_login(identity, request);
			run(session, request);
			continue;
		}
		/* while a credential is not proven, one login tries it for all */
		if (identity->nconnecting >= (proven ? Min(2, identity->nwaiting) : 1))
			break;
		if (loop_now < down_until)
		{
			/* a session that is busy now will serve it */
			if (proven && identity->nsessions > 0)
				break;
			stop_waiting(request);
			release(request);
			no_database(request);
			continue;
		}
		if (!start_login(identity, request))
			break;
	}
}

/* A login has ended or a session is free: let those go on that waited for it. */
static void
next_turns(void)
{
	int			turn;

	for (turn = 0; turn < TURNS; turn++)
	{
		while (!dlist_is_empty(&turns[turn]) && login_possible(turn))
		{
			Identity   *identity = dlist_head_element(Identity, in_turn, &turns[turn]);

			leave_turn(identity);
			pump(identity);
			forget_if_unused(identity);
		}
	}
}

/*
 * Is there no place in the queue?  Strangers (who ask for /health, or guess
 * tokens) do not fill the one in which others stand.
 */
static bool
is_crowded(const Identity *identity, const Request *request)
{
	/* who waits to be known has a place until he is: half of them, and half of an address's, are for others */
	if (!identity->own && identity->proven_at == 0 &&
		(ntried + request_delayed() >= Max(config.max_connections / 2, 8) || peer_logins(request->peer, 0) >= Max(config.address_connections / 2, 8)))
		return true;
	if (identity->nwaiting < config.role_connections)
		return false;
	return identity->nwaiting >= config.max_waiting || request->call == CALL_HEALTH ||
		(request->call == CALL_BEARER && !known_has(request->secret) && throttle_is_hot((const struct sockaddr *) &request->address, NULL));
}

void
pool_submit(Request *request)
{
	Identity   *identity;

	if (request->call == CALL_REST)
		identity = find_identity(request->role, request->secret);
	else if (own.role != NULL)
		identity = &own;
	else
	{
		request_error(request, 503, "not_configured", "the gateway has no role of its own", NULL,
					  "Name one (user=...) in the gateway's setting database, and grant it with cdc.grant_gateway.");
		return;
	}
	if (is_crowded(identity, request))
	{
		request_error(request, 429, "too_many_requests", "too many requests of this role, or logins of this address, wait already", NULL, "Try again in a second.");
		forget_if_unused(identity);
		return;
	}
	request->identity = identity;
	request->tried = !identity->own && identity->proven_at == 0;
	if (request->tried)
	{
		(void) peer_logins(request->peer, 1);
		ntried++;
	}
	request->deadline = loop_now + (uint64) config.answer_timeout * MS;
	dlist_push_tail(&submitted, &request->in_pool);
	dlist_push_tail(&identity->waiting, &request->in_identity);
	identity->nwaiting++;
	nwaiting++;
	pump(identity);
	forget_if_unused(identity);
}

void
pool_prove(Request *request)
{
	request->call = request->bearer ? CALL_BEARER : CALL_REST;
	if (request->bearer && known_has(request->secret))
	{
		request_proven(request);
		return;
	}
	request->probe = true;
	pool_submit(request);
}

/* Why a call was refused by PostgreSQL itself, not by cdc.rest. */
static void
call_failed(Request *request, const char *sqlstate)
{
	if (strcmp(sqlstate, "42501") == 0)
		request_error(request, 403, "forbidden", "this role may not use the API", "PostgreSQL let it in, but it has no rights in schema cdc.",
					  "An administrator of an organization adds it with cdc.add_member.");
	else if (strncmp(sqlstate, "22", 2) == 0)
		request_error(request, 400, "bad_request", "the request has characters that cannot be stored", NULL, "Send UTF-8 without U+0000.");
	else if (strcmp(sqlstate, "57014") == 0)
		request_error(request, 503, "timeout", "the metadata database did not answer in time", "The call was cancelled and has changed nothing.", "Try again.");
	else if (strncmp(sqlstate, "42", 2) == 0 || strncmp(sqlstate, "3F", 2) == 0 || strncmp(sqlstate, "3D", 2) == 0)
		request_error(request, 503, "not_installed", "the metadata database does not have the API", "Its functions could not be called.",
					  "CREATE EXTENSION cdc_pipeline there, or update it.");
	else if (strncmp(sqlstate, "57", 2) == 0 || strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "53", 2) == 0 ||
			 strncmp(sqlstate, "40", 2) == 0 || strcmp(sqlstate, "25006") == 0)
		request_error(request, 503, "database_unavailable", "the metadata database could not carry out the call", "It has changed nothing.", "Try again.");
	else
	{
		/* the message may quote what the client sent: it is in the server's log */
		fprintf(stderr, "cdc_gateway: request %s failed with SQLSTATE %s\n", request->id, sqlstate);
		request_error(request, 500, "internal_error", "the call failed in the metadata database", NULL, "Its log says why; search for the request id.");
	}
}

static void
login(Session *session_, LoginResult result, const char *sqlstate)
{
	PoolSession *session = (PoolSession *) session_;
	Identity   *identity = session->identity;
	dlist_mutable_iter iter;

	nconnecting[session->turn]--;
	identity->nconnecting--;
	session->connecting = false;

	if (result == LOGIN_DONE)
	{
		PoolSession *old = oldest_idle(&identity->idle, true);

		identity->proven_at = loop_now;
		down_until = 0;
		/* one new, one old: a proof does not make the pool grow */
		if (old != NULL)
			drop_session(old);
		make_idle(session);
		pump(identity);
		next_turns();
		return;
	}

	drop_session(session);
	if (result == LOGIN_UNREACHABLE)
	{
		down_until = loop_now + DOWN_PAUSE;
		health_forget();
	}
	else
	{
		/* what was proven before is no longer true */
		identity->proven_at = 0;
		dlist_foreach_modify(iter, &idle)
		{
			PoolSession *other = dlist_container(PoolSession, in_idle, iter.cur);

			if (other->identity == identity)
				drop_session(other);
		}
	}

	/* None but those that nothing else will serve. */
	while (identity->nwaiting > 0 && identity->nconnecting == 0 &&
		   !(result == LOGIN_UNREACHABLE && proof_holds(identity, 2) && identity->nsessions > 0))
	{
		Request    *request = dlist_head_element(Request, in_identity, &identity->waiting);

		stop_waiting(request);
		release(request);
		switch (result)
		{
			case LOGIN_REFUSED:
				if (identity->own)
					request_error(request, 503, "not_configured", "the metadata database refuses the gateway's own role", NULL, "See the gateway's settings database and password_file.");
				else
					request_unauthorized(request, true, "wrong user name or password");
				break;
			case LOGIN_FORBIDDEN:
				request->proven = true;
				call_failed(request, sqlstate);
				break;
			case LOGIN_UNSAFE:
				request_error(request, 503, "not_configured", "the metadata database does not ask for passwords as it must",
							  "It let a role in whose password it did not check, or wants the password itself without a certificate that the gateway checks.",
							  "Its pg_hba.conf must say scram-sha-256 where the gateway comes from, or the gateway's setting database sslmode=verify-full.");
				break;
			default:
				no_database(request);
				break;
		}
	}
	forget_if_unused(identity);
	next_turns();

	/* Find the primary, so that a wrong password can be told from no answer. */
	if (result == LOGIN_UNREACHABLE && own.role != NULL && identity != &own && own.nconnecting == 0 && login_possible(TURN_PROVEN))
		start_login(&own, NULL);
}

static void
answer(Session *session_, const Outcome *outcome)
{
	PoolSession *session = (PoolSession *) session_;
	Identity   *identity = session->identity;
	Request    *request = session->request;
	bool		large = request->body.len > LARGE || outcome->length > LARGE;

	session->request = NULL;
	request->session = NULL;
	if (outcome->lost && !request->again && (request->probe || strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0))
	{
		/* reading twice does no harm */
		request->again = true;
		dlist_push_head(&identity->waiting, &request->in_identity);
		identity->nwaiting++;
		nwaiting++;
	}
	else
	{
		bool		answered = !outcome->lost && outcome->sqlstate[0] == '\0';
		bool		probe = request->probe;

		if (outcome->lost)
			health_forget();
		release(request);
		request->probe = false;
		if (answered && request->call == CALL_BEARER)
		{
			request->proven = outcome->status != 401;
			if (request->proven)
				known_add(request->secret);
			else
				known_remove(request->secret);
		}
		if (answered && request->call == CALL_HEALTH)
			health_learn(outcome->status, outcome->headers, outcome->body, outcome->length);
		if (answered && probe && request->proven)
			request_proven(request);
		else if (outcome->lost)
			request_error(request, 503, "outcome_unknown", "the connection to the metadata database was lost",
						  "The request may have been carried out, or not.", "Look before you repeat it: what is there already is refused with 409, not made twice.");
		else if (outcome->sqlstate[0] != '\0')
			call_failed(request, outcome->sqlstate);
		else if (request->call == CALL_BEARER && outcome->status == 401)
			request_unauthorized(request, true, "the token is unknown, expired or revoked");
		else
			request_answer(request, outcome->status, outcome->headers, outcome->body, outcome->length);
	}

	/* libpq never gives a large buffer back. */
	if (large)
		session->doomed = true;
	/* Others wait, and this identity has more than its last one. */
	if (nsessions >= config.database_connections && identity->nsessions > 1 &&
		(!dlist_is_empty(&turns[TURN_PROVEN]) || !dlist_is_empty(&turns[TURN_NEW])))
		session->doomed = true;
	if (outcome->lost || outcome->dirty || session->doomed || strcmp(outcome->sqlstate, "25006") == 0 || strncmp(outcome->sqlstate, "42", 2) == 0 ||
		(!identity->own && identity->proven_at == 0))
		drop_session(session);
	else
		make_idle(session);
	pump(identity);
	forget_if_unused(identity);
	next_turns();
}

static void
lost(Session *session_)
{
	PoolSession *session = (PoolSession *) session_;
	Identity   *identity = session->identity;

	if (identity->own)
		health_forget();
	drop_session(session);
	forget_if_unused(identity);
	next_turns();
}

/* Its time is over: out of the pool, and the session that works for it is closed. */
static void
abandon(Request *request, const char *error)
{
	Identity   *identity = request->identity;
	bool		under_way = request->session != NULL;

	if (under_way)
		drop_session(request->session);
	else
		stop_waiting(request);
	release(request);
	request_error(request, 503, under_way ? "outcome_unknown" : "busy", error,
				  under_way ? "The request may have been carried out, or not." : "The request was not carried out.",
				  under_way ? "Look before you repeat it." : "Try again.");
	forget_if_unused(identity);
}

uint64
pool_expire(void)
{
	uint64		next = session_expire();

	while (!dlist_is_empty(&submitted))
	{
		Request    *request = dlist_head_element(Request, in_pool, &submitted);

		if (request->deadline > loop_now)
		{
			next = next == 0 ? request->deadline : Min(next, request->deadline);
			break;
		}
		abandon(request, "no answer in time");
		next_turns();
	}
	while (!dlist_is_empty(&idle))
	{
		PoolSession *session = oldest_idle(&idle, false);
		uint64		end = session->idle_since + (uint64) config.session_idle * MS;
		Identity   *identity = session->identity;

		if (end > loop_now)
		{
			next = next == 0 ? end : Min(next, end);
			break;
		}
		drop_session(session);
		forget_if_unused(identity);
	}
	return next;
}

void
pool_give_up(void)
{
	while (!dlist_is_empty(&submitted))
		abandon(dlist_head_element(Request, in_pool, &submitted), "the gateway stops");
}

int
pool_sessions(void)
{
	return nsessions;
}

int
pool_waiting(void)
{
	return nwaiting;
}
