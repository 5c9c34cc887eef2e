/*
 * pool.c
 *	  Requests that wait for a session of their role, or have one.
 *
 * Knows requests only as texts to pass on and one answer to give; whose
 * sessions there are is identity.c's.
 */
#include "gateway/pool.h"

#include "gateway/call_error.h"
#include "gateway/config.h"
#include "gateway/health.h"
#include "gateway/identity.h"
#include "gateway/known.h"
#include "gateway/throttle.h"

#define MS 1000
#define LARGE (256 * 1024)		/* a call of more bytes is its session's last */
#define DOWN_PAUSE (250 * MS)	/* the database is not asked for again so soon */

static dlist_head submitted = DLIST_STATIC_INIT(submitted); /* Requests, oldest first */
static int	nwaiting;
static int	ntried;				/* requests whose credentials are still to be tried */
static uint64 down_until;

static void login(Session *session, LoginResult result, const char *sqlstate);
static void answer(Session *session, const Outcome *outcome);
static void lost(Session *session);

static const SessionEvents events = {login, answer, lost};

void
pool_start(void)
{
	identity_start(&events);
}

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
		bool		proven = identity_is_proven(identity, 2);
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
			session = identity_take_session(identity);
		if (session != NULL)
		{
			stop_waiting(request);
			if (!identity_is_proven(identity, 1) && identity->nconnecting == 0 && loop_now >= down_until)
				identity_login(identity, request);
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
			call_error_no_database(request);
			continue;
		}
		if (!identity_login(identity, request))
			break;
	}
}

/* A login has ended or a session is free: let those go on that waited for it. */
static void
next_turns(void)
{
	Identity   *identity;

	while ((identity = identity_next_turn()) != NULL)
	{
		pump(identity);
		identity_forget(identity);
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
		identity = identity_of(request->role, request->secret);
	else if (identity_own()->role != NULL)
		identity = identity_own();
	else
	{
		request_error(request, 503, "not_configured", "the gateway has no role of its own", NULL,
					  "Name one (user=...) in the gateway's setting database, and grant it with cdc.grant_gateway.");
		return;
	}
	if (is_crowded(identity, request))
	{
		request_error(request, 429, "too_many_requests", "too many requests of this role, or logins of this address, wait already", NULL, "Try again in a second.");
		identity_forget(identity);
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
	identity_forget(identity);
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

static void
login(Session *session_, LoginResult result, const char *sqlstate)
{
	PoolSession *session = (PoolSession *) session_;
	Identity   *identity = session->identity;
	bool		own = identity->own;

	if (result == LOGIN_DONE)
	{
		down_until = 0;
		identity_logged_in(session);
		pump(identity);
		next_turns();
		return;
	}

	identity_login_failed(session, result != LOGIN_UNREACHABLE);
	if (result == LOGIN_UNREACHABLE)
	{
		down_until = loop_now + DOWN_PAUSE;
		health_forget();
	}

	/* None but those that nothing else will serve. */
	while (identity->nwaiting > 0 && identity->nconnecting == 0 &&
		   !(result == LOGIN_UNREACHABLE && identity_is_proven(identity, 2) && identity->nsessions > 0))
	{
		Request    *request = dlist_head_element(Request, in_identity, &identity->waiting);

		stop_waiting(request);
		release(request);
		request->proven |= result == LOGIN_FORBIDDEN;
		call_error_login(request, result, sqlstate, identity->own);
	}
	identity_forget(identity);
	next_turns();

	/* Find the primary, so that a wrong password can be told from no answer. */
	if (result == LOGIN_UNREACHABLE && !own)
		identity_login_own();
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
			call_error_lost(request);
		else if (outcome->sqlstate[0] != '\0')
			call_error_sqlstate(request, outcome->sqlstate);
		else if (request->call == CALL_BEARER && outcome->status == 401)
			request_unauthorized(request, true, "the token is unknown, expired or revoked");
		else
			request_answer(request, outcome->status, outcome->headers, outcome->body, outcome->length);
	}

	/* libpq never gives a large buffer back. */
	if (large || outcome->lost || outcome->dirty || strcmp(outcome->sqlstate, "25006") == 0 || strncmp(outcome->sqlstate, "42", 2) == 0)
		identity_drop_session(session);
	else
		identity_give_back(session);
	pump(identity);
	identity_forget(identity);
	next_turns();
}

static void
lost(Session *session_)
{
	PoolSession *session = (PoolSession *) session_;
	Identity   *identity = session->identity;

	if (identity->own)
		health_forget();
	identity_drop_session(session);
	identity_forget(identity);
	next_turns();
}

/* Its time is over: out of the pool, and the session that works for it is closed. */
static void
abandon(Request *request, const char *error)
{
	Identity   *identity = request->identity;
	bool		under_way = request->session != NULL;

	if (under_way)
		identity_drop_session(request->session);
	else
		stop_waiting(request);
	release(request);
	request_error(request, 503, under_way ? "outcome_unknown" : "busy", error,
				  under_way ? "The request may have been carried out, or not." : "The request was not carried out.",
				  under_way ? "Look before you repeat it." : "Try again.");
	identity_forget(identity);
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
			next = loop_earlier(next, request->deadline);
			break;
		}
		abandon(request, "no answer in time");
		next_turns();
	}
	return loop_earlier(next, identity_expire());
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
	return identity_sessions();
}

int
pool_waiting(void)
{
	return nwaiting;
}
