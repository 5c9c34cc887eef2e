/*
 * client.h
 *	  One connection of a client: its deadlines, and whether there is room.
 *
 * The library's own timeout is beaten by a byte a second, so each connection
 * has one of ours, by what it is doing; when it is over, the socket is shut
 * down and the library sees its end.  When all places are taken an idle
 * connection makes room; where none can, the new one is told so.  Stands
 * between the socket and http.c; knows no request.
 */
#ifndef CDC_GATEWAY_CLIENT_H
#define CDC_GATEWAY_CLIENT_H

#include "common/base.h"
#include "lib/ilist.h"

#include <microhttpd.h>

#include "gateway/loop.h"
#include "gateway/peer.h"

typedef enum ClientState
{
	CLIENT_IDLE,				/* waits for a request */
	CLIENT_KNOWN,				/* the same, after one whose credentials were right */
	CLIENT_RECEIVING,			/* since its first byte */
	CLIENT_WORKING,				/* complete: no deadline of ours */
	CLIENT_SENDING,
	CLIENT_ENDED,				/* shut down, the library will close it */
	CLIENT_STATES
} ClientState;

/* Writer: client.c */
typedef struct Client
{
	LoopSource	source;			/* tells of new bytes, at their arrival only */
	int			fd;
	struct MHD_Connection *connection;
	ClientState state;
	uint64		deadline;
	uint64		bytes;			/* received when it became idle */
	Peer	   *peer;
	int			refused;		/* status of an answer out of turn, or 0 */
	int			turned_away;	/* there is no room: status of the answer to whatever it asks, or 0 */
	bool		known;			/* the credentials of its last request were right; Writers: client.c, http.c */
	bool		unfinished;		/* it ends before its request is read; Writers: client.c, http.c */
	dlist_node	in_state;
	dlist_node	in_turned;		/* while it is turned away */
} Client;

/* Connections beyond config.max_connections, to tell them so. */
extern int	client_lobby(void);

/* The library's callback before a connection is taken: not more of an address than are answered. */
extern enum MHD_Result client_accept(void *cls, const struct sockaddr *address, socklen_t size);

/* The library's callback for connections that begin and end. */
extern void client_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
						  enum MHD_ConnectionNotificationCode code);

/* The client of a connection. */
extern Client *client_of(struct MHD_Connection *connection);

/* A request has begun, is complete, is being answered, is over. */
extern void client_set(Client *client, ClientState state);

/*
 * An answer out of turn, while the request still comes: for what the library
 * gives no chance to answer.  Its caller ends the connection by the library
 * (MHD_NO), so that the client can send what it has to send and read this.
 */
extern void client_refuse(Client *client, int status, const char *reason, const char *json);

/* Ends what is over its time; returns the next deadline, or 0. */
extern uint64 client_expire(void);

/* A stop: ends the idle ones, now and from now on. */
extern void client_stop(void);

extern int	client_count(void);

#endif							/* CDC_GATEWAY_CLIENT_H */
