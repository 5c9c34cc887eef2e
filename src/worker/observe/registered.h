/*
 * registered.h
 *	  What is weak in how a service was registered: findings that need no look
 *	  at what it holds.
 */
#ifndef CDC_REGISTERED_H
#define CDC_REGISTERED_H

#include "worker/world/world.h"

/* Tells each of its findings; called once the service's row was read. */
extern void cdc_registered_check(CdcService *service);

/*
 * Tells what a service from before the rules for addresses and logins does
 * without them; called when one of its nodes has answered.
 */
extern void cdc_registered_seen(CdcService *service);

/* The same for what answers at a URL of it; place: CdcHttpResult's tolerated. */
extern void cdc_registered_answered(CdcService *service, const char *url, const char *place);

/* The finding about a pg_hba.conf that is too large to be read; whenever it was looked at. */
extern void cdc_registered_hba(CdcNode *node);

/* The finding about the networks that connectors come from; also when they were learned anew. */
extern void cdc_registered_cidrs(CdcService *service);

/* The finding about a network that is nobody's. */
extern void cdc_network_tell_owner(CdcService *service);

#endif							/* CDC_REGISTERED_H */
