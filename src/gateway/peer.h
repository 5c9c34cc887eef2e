/*
 * peer.h
 *	  What an address holds here: connections, and memory for bodies and
 *	  answers; and what all of them hold together.
 *
 * An address is one as address_key() says: IPv4, or the first 64 bits of IPv6.
 * There is an entry for who holds something, and for nobody else.  Knows no
 * request and no connection.
 */
#ifndef CDC_GATEWAY_PEER_H
#define CDC_GATEWAY_PEER_H

#include "common/base.h"
#include <sys/socket.h>

typedef struct Peer Peer;

/* The entry of an address; one peer_put for each. */
extern Peer *peer_get(const struct sockaddr *address);
extern void peer_put(Peer *peer);

/* Counts one connection more, and how many it has then; one less. */
extern int	peer_connect(Peer *peer);
extern void peer_disconnect(Peer *peer);

/* How many connections an address has; no entry is made. */
extern int	peer_connections(const struct sockaddr *address);

/*
 * Would so many bytes more be over config.max_memory, or over the quarter of
 * it that one address may have?
 */
extern bool peer_is_full(const Peer *peer, size_t bytes);

/* Counts bytes that are kept for it; given back with the same sum. */
extern void peer_take(Peer *peer, size_t bytes);
extern void peer_give(Peer *peer, size_t bytes);

/* Counts requests whose credentials are still to be tried: change, and how many there are then. */
extern int	peer_logins(Peer *peer, int change);

/* What all hold; for /metrics. */
extern size_t peer_memory(void);

#endif							/* CDC_GATEWAY_PEER_H */
