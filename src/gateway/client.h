/*
 * client.h
 *	  One connection of a client: its deadlines.
 *
 * The library's own timeout is beaten by a byte a second, so each connection
 * has one of ours, by what it is doing; when it is over, the socket is shut
 * down and the library sees its end.  Stands between the socket and http.c;
 * knows no request.
 */
#ifndef CDC_GATEWAY_CLIENT_H
#define CDC_GATEWAY_CLIENT_H

#include "common/base.h"
#include "lib/ilist.h"

#include <microhttpd.h>

#include "gateway/loop.h"

typedef enum ClientState
{
	CLIENT_IDLE,				/* waits for a request */
	CLIENT_RECEIVING,			/* since its first byte */
	CLIENT_WORKING,				/* complete: no deadline of ours */
	CLIENT_SENDING,
	CLIENT_ENDED,				/* shut down, the library will close it */
	CLIENT_STATES
} ClientState;

typedef struct Client
{
	LoopSource	source;			/* tells of new bytes, at their arrival only */
	int			fd;
	struct MHD_Connection *connection;
	ClientState state;
	uint64		deadline;
	uint64		bytes;			/* received when it became idle */
	bool		timed_out;		/* the request did not come in time */
	bool		over;			/* a request was refused while it arrived */
	dlist_node	in_state;
} Client;

/* The library's callback for connections that begin and end. */
extern void client_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
						  enum MHD_ConnectionNotificationCode code);

/* The client of a connection. */
extern Client *client_of(struct MHD_Connection *connection);

/* A request has begun, is complete, is being answered, is over. */
extern void client_set(Client *client, ClientState state);

/*
 * An answer out of turn, while the request still comes, and the end of the
 * connection: for what the library gives no chance to answer.
 */
extern void client_refuse(Client *client, int status, const char *reason, const char *json);

/* Ends what is over its time; returns the next deadline, or 0. */
extern uint64 client_expire(void);

/* A stop: ends the idle ones, now and from now on. */
extern void client_stop(void);

extern int	client_count(void);

#endif							/* CDC_GATEWAY_CLIENT_H */
