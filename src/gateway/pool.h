/*
 * pool.h
 *	  The connections to the metadata database, by role and credential.
 *
 * A request waits in its identity's queue until one of the identity's sessions
 * is free or a new one has logged in.  Nobody is served on a proof of his
 * password that is older than twice config.revalidate; after once that time a
 * login in the background proves it again.  Passwords are not kept: an identity
 * is known by a salted hash.
 */
#ifndef CDC_GATEWAY_POOL_H
#define CDC_GATEWAY_POOL_H

#include "gateway/request.h"

extern void pool_start(void);

/*
 * Makes the request's call and answers it (request_answer), perhaps before
 * this returns; at the latest after config.answer_timeout.
 */
extern void pool_submit(Request *request);

/*
 * Asks whether the credentials of a request are right, before its body is read:
 * request_proven or request_answer, perhaps before this returns.
 */
extern void pool_prove(Request *request);

/* Does what time has brought; returns when to be called again, or 0. */
extern uint64 pool_expire(void);

/* A stop: what still waits or is under way is answered with 503. */
extern void pool_give_up(void);

/* For /metrics. */
extern int	pool_sessions(void);
extern int	pool_waiting(void);

#endif							/* CDC_GATEWAY_POOL_H */
