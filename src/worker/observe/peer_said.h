/*
 * peer_said.h
 *	  What libpq, libcurl or the other side said of a connection that did not come
 *	  about: a finding for the organization's admins; members see our words alone.
 */
#ifndef CDC_PEER_SAID_H
#define CDC_PEER_SAID_H

#include "worker/world/world.h"

/*
 * Told after each look at a place of the service: a node as "address:port", or a URL.
 * said is the result's, of any bytes; NULL: it was reached, or our words are all
 * there is.  Copied, without the service's secrets.  No errors.
 */
extern void cdc_peer_said(CdcService *service, const char *place, const char *said);

#endif							/* CDC_PEER_SAID_H */
