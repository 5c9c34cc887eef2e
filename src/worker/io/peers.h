/*
 * peers.h
 *	  What is remembered of peers that did not serve us: how long each is left alone.
 *
 * Who refuses our login refuses it again, and a server that counts such things locks
 * the account; who lets us in and hangs up would be asked in a circle.  Both are left
 * alone for a pause that grows from PEER_FIRST_MS to PEER_LAST_MS; what is asked
 * meanwhile is answered from here, with the words of the last answer.  The pause is over
 * at once when the credentials are other ones, when the service is loaded anew, and
 * when somebody asks for it (cdc_peers_retry()).  Who was silent is asked at any time,
 * but as one of the silent ones (pool.h).
 *
 * A peer is a service's: what one service heard costs another nothing.  Pure but for
 * its memory; bounded by what services there are.
 */
#ifndef CDC_PEERS_H
#define CDC_PEERS_H

#include "postgres.h"

#include "worker/io/owner.h"

#define CDC_PEER_FIRST_MS	1000
#define CDC_PEER_LAST_MS	60000
/* The first time that it hangs up may be a restart. */
#define CDC_PEER_HUNG_UP_MS	100

typedef struct CdcPeer CdcPeer;

/* What it said when it refused us, for who asks again meanwhile. */
typedef struct CdcPeerRefusal
{
	const char *words;			/* one line */
	const char *said;			/* its own words, or the body of its answer; NULL */
	const char *sqlstate;		/* of a PostgreSQL server, or "" */
	int			status;			/* of an HTTP server, or 0 */
} CdcPeerRefusal;

/*
 * May the peer be asked now, with these credentials (cdc_peers_credentials)?  False: not
 * before its pause is over; *refusal, good until the next call of this file, is what it said.
 */
extern bool cdc_peers_may_ask(const CdcOwner *owner, const char *place, uint64 credentials, int64 now, CdcPeerRefusal *refusal);

/* Was it silent when it was last asked? */
extern bool cdc_peers_silent(const CdcOwner *owner, const char *place);

/* It refused these credentials, or let them in and hung up: a pause begins.  Copied. */
extern void cdc_peers_note_refused(const CdcOwner *owner, const char *place, uint64 credentials, int64 now, const CdcPeerRefusal *refusal);
extern void cdc_peers_note_hung_up(const CdcOwner *owner, const char *place, uint64 credentials, int64 now, const char *words);

/* It did not answer in time. */
extern void cdc_peers_note_silent(const CdcOwner *owner, const char *place);

/* It has served us: nothing is remembered. */
extern void cdc_peers_note_served(const CdcOwner *owner, const char *place);

/* All pauses of a service's peers (NULL: of all) are over for those that were last asked PEER_FIRST_MS ago, or longer. */
extern void cdc_peers_retry(const char *service, int64 now);

/* What is remembered of a service's peers is forgotten: it is loaded anew, or gone. */
extern void cdc_peers_forget(const char *service);

/* A number for credentials, each may be NULL: other ones have another, as good as surely. */
extern uint64 cdc_peers_credentials(const char *const *words, int n);

#endif							/* CDC_PEERS_H */
