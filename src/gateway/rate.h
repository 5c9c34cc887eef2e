/*
 * rate.h
 *	  How often an address may begin a TLS handshake: the dearest thing that a
 *	  stranger can ask for.
 *
 * Bounded memory: who came longest ago is forgotten first.
 */
#ifndef CDC_GATEWAY_RATE_H
#define CDC_GATEWAY_RATE_H

#include "common/base.h"
#include <sys/socket.h>

/* Counts one; false: not now.  So many a second, and RATE_BURST times that at once. */
#define RATE_BURST 4
extern bool rate_take(const struct sockaddr *address, int per_second);

#endif							/* CDC_GATEWAY_RATE_H */
