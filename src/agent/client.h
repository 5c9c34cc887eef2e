/*
 * client.h
 *	  Who is connected to the agent: a deadline for each thing that a client
 *	  does, and places that strangers cannot keep from who has the token.
 *
 * The library's own timeout begins anew with every byte.  Here each of waiting
 * for a request, receiving it and reading the answer has request_timeout in
 * all; then the socket is shut down and the library sees its end.  Any thread.
 */
#ifndef CDC_AGENT_CLIENT_H
#define CDC_AGENT_CLIENT_H

#include "agent/config.h"

#include <microhttpd.h>

typedef enum AgentClientDoes
{
	AGENT_CLIENT_WAITS,			/* no request is under way */
	AGENT_CLIENT_SENDS,			/* its request comes */
	AGENT_CLIENT_IS_SERVED,		/* no deadline of ours */
	AGENT_CLIENT_READS			/* its answer goes out */
} AgentClientDoes;

/* Starts the thread that ends what is over its time; before the server. */
extern bool agent_client_init(const AgentConfig *config, char **error);

/* The library's callback for connections that begin and end. */
extern void agent_client_notify(void *arg, struct MHD_Connection *connection, void **context,
								enum MHD_ConnectionNotificationCode code);

/* It does something else now. */
extern void agent_client_does(struct MHD_Connection *connection, AgentClientDoes does);

/* It has shown the token: strangers do not take its place. */
extern void agent_client_known(struct MHD_Connection *connection);

#endif							/* CDC_AGENT_CLIENT_H */
