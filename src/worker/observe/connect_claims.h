/*
 * connect_claims.h
 *	  Whose a Kafka Connect is: two organizations do not share one, unless a
 *	  superuser says so.
 *
 * Whoever works on a Connect reads every connector's configuration and errors
 * there.  A service claims its Connect once its credentials were accepted and a
 * pipeline of it ran; a URL that is only registered claims nothing.  The first
 * claim holds: a service of another organization that comes to the same Connect
 * afterwards is refused.  The same it is by the address that a URL led to, and
 * by connectors there that carry the marks of that other organization's
 * pipelines, however it is reached.  A claim is of an address: where a name
 * leads elsewhere, it is judged anew.
 */
#ifndef CDC_CONNECT_CLAIMS_H
#define CDC_CONNECT_CLAIMS_H

#include "worker/world/world.h"

/*
 * A list of connectors was answered, from the address peer ("ip port"): is the
 * Connect another organization's, and if not, is it this one's now?
 */
extern void cdc_connect_claim(CdcService *sink, const char *peer);

/*
 * Which of the connectors of the present list are of none of the sink's pipelines?  To be
 * called for each list, since they point into it.
 */
extern void cdc_connect_strangers(CdcService *sink);

#endif							/* CDC_CONNECT_CLAIMS_H */
