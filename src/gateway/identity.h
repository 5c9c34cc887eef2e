/*
 * identity.h
 *	  A role with one password: whether that was right, its sessions, and its
 *	  turn among those that want to log in.
 *
 * Owns the sessions and the order in which logins are tried; what its requests
 * ask is the pool's.  Passwords are not kept: an identity is known by a salted
 * hash.
 */
#ifndef CDC_GATEWAY_IDENTITY_H
#define CDC_GATEWAY_IDENTITY_H

#include "gateway/request.h"

#include <openssl/sha.h>

#define IDENTITY_KEY SHA256_DIGEST_LENGTH

/* Whose turn it is when a login becomes possible. */
typedef enum Turn
{
	TURN_PROVEN,				/* the credential was right before */
	TURN_NEW,
	TURN_HOT,					/* many logins of this address at once, or failed ones of it or the role */
	TURNS,
	TURN_NONE = TURNS
} Turn;

/* Writer: identity.c */
typedef struct Identity
{
	dlist_node	in_bucket;
	unsigned char key[IDENTITY_KEY];
	char	   *role;
	bool		own;
	int			nsessions;
	int			nconnecting;
	dlist_head	idle;			/* PoolSession, the last used first */
	uint64		proven_at;		/* a login succeeded; 0: never */
	Turn		turn;
	dlist_node	in_turn;

	/* Writers: pool.c, identity.c: made there */
	dlist_head	waiting;		/* Request */
	int			nwaiting;
} Identity;

/* Writer: identity.c */
typedef struct PoolSession
{
	Session		session;		/* first */
	Identity   *identity;
	Request    *request;		/* that it works for; Writer: pool.c */
	Turn		turn;			/* of its login */
	uint64		born;
	uint64		idle_since;
	bool		connecting;
	dlist_node	in_identity;
	dlist_node	in_idle;
} PoolSession;

/* events are those of every session. */
extern void identity_start(const SessionEvents *events);

/* The gateway's own; its role is NULL where it has none. */
extern Identity *identity_own(void);

/* Of a role and a password, made where there is none; identity_forget when nothing refers to it any more. */
extern Identity *identity_of(const char *role, const char *password);

/* Frees an identity that neither a request nor a session refers to; else, and of the own, it does nothing. */
extern void identity_forget(Identity *identity);

/* Is its proof not older than so many times config.revalidate? */
extern bool identity_is_proven(const Identity *identity, int times);

/* An idle session that still lives, now the caller's; or NULL. */
extern PoolSession *identity_take_session(Identity *identity);

/* Its call is over: it is idle, or the oldest who wants to log in gets its place. */
extern void identity_give_back(PoolSession *session);

/* Closes and frees it, in whatever state. */
extern void identity_drop_session(PoolSession *session);

/*
 * Begins a login with the credentials of the request, or queues for one; false
 * when none has begun.  All sessions of the identity may be busy: then one of
 * them will serve.
 */
extern bool identity_login(Identity *identity, const Request *request);

/* The same for the gateway's own role, where there is room now, and none of it is under way. */
extern void identity_login_own(void);

/* A login has succeeded: its session is idle, and the identity is proven. */
extern void identity_logged_in(PoolSession *session);

/* One has not; refused: what was proven before is no longer true.  The session is gone. */
extern void identity_login_failed(PoolSession *session, bool refused);

/* The next whose login has become possible, out of the queue; or NULL. */
extern Identity *identity_next_turn(void);

/* Ends sessions that are idle for too long; returns when the next one is, or 0. */
extern uint64 identity_expire(void);

extern int	identity_sessions(void);

#endif							/* CDC_GATEWAY_IDENTITY_H */
