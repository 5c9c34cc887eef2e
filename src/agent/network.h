/*
 * network.h
 *	  The private network of a service in the SDN (UpCloud's API): made before
 *	  the service, with a router, so that it can be peered; removed after it.
 *
 * Found by a label with the service's id, so that an answer that was lost makes
 * no second one.  Knows nothing of peerings: who joined the network parts it
 * before the service is taken back.  Without sdn_url there are no networks.
 */
#ifndef CDC_AGENT_NETWORK_H
#define CDC_AGENT_NETWORK_H

#include "agent/service.h"

/* The label that says whose a network or router is; its value is the service's id. */
#define AGENT_NETWORK_LABEL "cdc_pipeline_service"

/*
 * Makes the network where it is missing; blocks.  False with *error: there is
 * none yet.  One that was seen stays known while the API does not answer.
 */
extern bool agent_network_make(AgentService *service, char **error);

/* Removes network and router; blocks.  False with *error: not everything is gone. */
extern bool agent_network_remove(AgentService *service, char **error);

#endif							/* CDC_AGENT_NETWORK_H */
