/*
 * reach.h
 *	  How a peer is reached: as whom, with which secrets, by whose certificate,
 *	  within which time; and for whom, by which io shares out what it has.
 *
 * Fills targets and requests for those who send them; asks nobody.  Pointers are
 * the service's, and good while it is.
 */
#ifndef CDC_REACH_H
#define CDC_REACH_H

#include "worker/world/world.h"

/* Fills credentials, CA and timeouts of a request to a Connect cluster. */
extern void cdc_reach_connect(const CdcService *sink, CdcHttpRequest *request);

/* Fills credentials, CA and timeouts of a request to an agent. */
extern void cdc_reach_agent(const CdcService *sink, const CdcAgent *agent, CdcHttpRequest *request);

/*
 * Fills URL-independent parts of a request: credentials from their file, read
 * anew, and timeouts.  NULL: fine, else why not.  cdc_sdn_wipe() after the
 * request was started.
 */
extern const char *cdc_reach_sdn(CdcHttpRequest *request, CdcSdnCredentials *credentials);

/* Fills owner and timeout of connecting of a request about a service to its provider. */
extern void cdc_reach_provider(const CdcService *service, CdcHttpRequest *request);

/* How to connect to a database on a node, as the administrator, and what for; points into the node. */
extern void cdc_reach_node(CdcNode *node, const char *database, CdcPeerKind kind, CdcPgTarget *target);

#endif							/* CDC_REACH_H */
