/*
 * identity.c
 *	  Roles with one password each, their sessions, and whose login is next.
 *
 * Closes sessions and forgets identities; answers no request.
 */
#include "gateway/identity.h"

#include <openssl/rand.h>

#include "gateway/config.h"
#include "gateway/throttle.h"

#define BUCKETS 1024
#define MS 1000

static dlist_head buckets[BUCKETS];
static SHA256_CTX salted;		/* has taken a secret; copied for each hash */
static Identity own;

static dlist_head turns[TURNS];
static dlist_head idle = DLIST_STATIC_INIT(idle);	/* PoolSessions, idle longest first */
static int	nsessions;
static int	nconnecting[TURNS];
static const SessionEvents *events;

void
identity_start(const SessionEvents *session_events)
{
	unsigned char salt[IDENTITY_KEY];
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
	events = session_events;
	own.own = true;
	own.role = (char *) hosts_own_role();
	own.turn = TURN_NONE;
	dlist_init(&own.idle);
	dlist_init(&own.waiting);
}

Identity *
identity_own(void)
{
	return &own;
}

/* --- identities --------------------------------------------------------- */

Identity *
identity_of(const char *role, const char *password)
{
	unsigned char key[IDENTITY_KEY];
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

void
identity_forget(Identity *identity)
{
	if (identity->own || identity->nsessions > 0 || identity->nwaiting > 0)
		return;
	leave_turn(identity);
	dlist_delete(&identity->in_bucket);
	pg_free(identity->role);
	pg_free(identity);
}

bool
identity_is_proven(const Identity *identity, int times)
{
	return identity->own ||
		(identity->proven_at != 0 && loop_now - identity->proven_at < (uint64) times * config.revalidate * MS);
}

/* --- sessions ----------------------------------------------------------- */

void
identity_drop_session(PoolSession *session)
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

PoolSession *
identity_take_session(Identity *identity)
{
	while (!dlist_is_empty(&identity->idle))
	{
		PoolSession *session = dlist_head_element(PoolSession, in_identity, &identity->idle);

		if (loop_now - session->born > (uint64) config.session_lifetime * MS || session_is_dead(&session->session))
		{
			identity_drop_session(session);
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

bool
identity_login(Identity *identity, const Request *request)
{
	Turn		turn = request ? turn_of(identity, request) : TURN_PROVEN;
	PoolSession *session;

	if (identity->nsessions >= config.role_connections)
	{
		session = oldest_idle(&identity->idle, true);
		if (session == NULL)
			return false;
		identity_drop_session(session);
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
		identity_drop_session(session);
		if (other != identity)
			identity_forget(other);
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
	if (identity->own || request == NULL)
	{
		char	   *password = own_password();

		session_start(&session->session, events, identity->role, password, true);
		if (password != NULL)
		{
			explicit_bzero(password, strlen(password));
			pg_free(password);
		}
	}
	else
		session_start(&session->session, events, identity->role, request->secret, false);
	return true;
}

void
identity_login_own(void)
{
	if (own.role != NULL && own.nconnecting == 0 && login_possible(TURN_PROVEN))
		identity_login(&own, NULL);
}

static void
stop_connecting(PoolSession *session)
{
	nconnecting[session->turn]--;
	session->identity->nconnecting--;
	session->connecting = false;
}

void
identity_logged_in(PoolSession *session)
{
	Identity   *identity = session->identity;
	PoolSession *old = oldest_idle(&identity->idle, true);

	stop_connecting(session);
	identity->proven_at = loop_now;
	/* one new, one old: a proof does not make the pool grow */
	if (old != NULL)
		identity_drop_session(old);
	make_idle(session);
}

void
identity_login_failed(PoolSession *session, bool refused)
{
	Identity   *identity = session->identity;
	dlist_mutable_iter iter;

	stop_connecting(session);
	identity_drop_session(session);
	if (!refused)
		return;
	identity->proven_at = 0;
	dlist_foreach_modify(iter, &idle)
	{
		PoolSession *other = dlist_container(PoolSession, in_idle, iter.cur);

		if (other->identity == identity)
			identity_drop_session(other);
	}
}

void
identity_give_back(PoolSession *session)
{
	Identity   *identity = session->identity;

	/* Others wait, and this identity has more than its last one. */
	bool		yields = nsessions >= config.database_connections && identity->nsessions > 1 &&
		(!dlist_is_empty(&turns[TURN_PROVEN]) || !dlist_is_empty(&turns[TURN_NEW]));

	if (yields || (!identity->own && identity->proven_at == 0))
		identity_drop_session(session);
	else
		make_idle(session);
}

Identity *
identity_next_turn(void)
{
	int			turn;

	for (turn = 0; turn < TURNS; turn++)
	{
		if (!dlist_is_empty(&turns[turn]) && login_possible(turn))
		{
			Identity   *identity = dlist_head_element(Identity, in_turn, &turns[turn]);

			leave_turn(identity);
			return identity;
		}
	}
	return NULL;
}

uint64
identity_expire(void)
{
	while (!dlist_is_empty(&idle))
	{
		PoolSession *session = oldest_idle(&idle, false);
		uint64		end = session->idle_since + (uint64) config.session_idle * MS;
		Identity   *identity = session->identity;

		if (end > loop_now)
			return end;
		identity_drop_session(session);
		identity_forget(identity);
	}
	return 0;
}

int
identity_sessions(void)
{
	return nsessions;
}
