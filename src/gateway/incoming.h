/*
 * incoming.h
 *	  From an HTTP request to a call: judges its head, reads whose it is,
 *	  and hands it to the pool, or answers what the gateway itself knows.
 */
#ifndef CDC_GATEWAY_INCOMING_H
#define CDC_GATEWAY_INCOMING_H

#include "gateway/request.h"

/*
 * The head is there.  Fills the request from it; answers when it is refused.
 * A body of more than read_at_most bytes is refused without being read.
 */
extern void incoming_header(Request *request, const char *method, const char *version, uint64 read_at_most);

/* All of it is there. */
extern void incoming_complete(Request *request);

#endif							/* CDC_GATEWAY_INCOMING_H */
