/*
 * incoming.h
 *	  From an HTTP request to a call: judges its head, reads whose it is,
 *	  and hands it to the pool, or answers what the gateway itself knows.
 */
#ifndef CDC_GATEWAY_INCOMING_H
#define CDC_GATEWAY_INCOMING_H

#include "gateway/request.h"

/*
 * The head is there.  Fills the request from it; answers when it is refused, or
 * asks whether its credentials are right (REQUEST_PROVING) when a body follows:
 * not a byte of one is read for who has none.
 */
extern void incoming_header(Request *request, const char *method, const char *version);

/* All of it is there. */
extern void incoming_complete(Request *request);

#endif							/* CDC_GATEWAY_INCOMING_H */
