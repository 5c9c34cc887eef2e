/*
 * request.h
 *	  One HTTP request on its way: what came in, whose it is, what goes out.
 *
 * Made and freed by http.c; the pool has it between pool_submit and
 * request_answer.  Texts that come from the client are as they came.
 */
#ifndef CDC_GATEWAY_REQUEST_H
#define CDC_GATEWAY_REQUEST_H

#include "common/base.h"
#include "lib/ilist.h"
#include <sys/socket.h>

#include "gateway/address.h"
#include "gateway/peer.h"
#include "gateway/session.h"

typedef enum RequestPhase
{
	REQUEST_ARRIVING,
	REQUEST_PROVING,			/* its header is here; its body waits until the credentials are right */
	REQUEST_COMPLETE,			/* waits for its answer */
	REQUEST_ANSWERED,			/* the answer is here, not yet given to the library */
	REQUEST_SENDING
} RequestPhase;

/* Writer: request.c */
typedef struct Request
{
	struct MHD_Connection *connection;
	struct Client *client;
	void		(*goes_on) (struct Request *request);
	uint64		began;			/* loop time */
	char	   *uri;			/* of the request line */
	const char *uri_place;		/* in the library's buffer, for the guard */
	size_t		held;			/* bytes of its peer's for this request */
	RequestPhase phase;			/* Writers: request.c, incoming.c, http.c */
	char		id[129];		/* of as many characters as cdc.rest takes; Writers: request.c, incoming.c */

	/* on its way through the library; Writer: http.c */
	bool		suspended;		/* the library waits for us */
	bool		at_header;		/* it was suspended before its body */
	bool		counted;		/* among the requests in flight */
	bool		close;			/* after the answer */

	/* what came in; Writer: incoming.c */
	bool		metrics;		/* the gateway's own are added to its answer */
	char	   *target;			/* path with query */
	size_t		path_length;
	char		method[16];
	StringInfoData headers;		/* a JSON object, names in lower case, no credentials */
	StringInfoData body;		/* Writers: incoming.c, http.c */
	bool		has_body;		/* or what follows its header cannot be known */
	struct sockaddr_storage address;	/* the client's, behind trusted proxies too */
	Peer	   *peer;			/* what this address holds */
	char		remote[ADDRESS_TEXT];	/* the same as text, "" when it has none */

	/* whose it is; Writer: incoming.c */
	char	   *role;			/* Basic */
	char	   *secret;			/* password or token; wiped */
	bool		credentials;	/* there is an Authorization header */
	bool		bearer;
	Call		call;			/* Writers: incoming.c, pool.c */

	/* Writer: pool.c */
	bool		proven;			/* PostgreSQL has accepted the credentials */
	bool		tried;			/* among its peer's logins */
	bool		probe;			/* asks only whether the credentials are right */
	struct Identity *identity;
	struct PoolSession *session;	/* that makes its call */
	bool		again;			/* its call was lost once and is made again */
	uint64		deadline;
	dlist_node	in_identity;	/* while it waits for a session */
	dlist_node	in_pool;		/* while the pool has it */

	/* what goes out; Writer: request.c */
	uint64		answer_at;		/* a failed login's, later */
	dlist_node	in_delayed;
	int			status;			/* Writers: request.c, http.c */
	char	   *answer_headers; /* JSON, or NULL */
	bool		fixed;			/* the answer is the program's, not ours to free */
	char	   *answer;
	size_t		answer_length;
} Request;

/*
 * A request line was read; uri as it is in the library's buffer now.  goes_on
 * is told when the answer is here, or the body may come: perhaps at once,
 * while the request is in the hands of who asked.
 */
extern Request *request_new(struct MHD_Connection *connection, const char *uri, void (*goes_on) (Request *request));

/* Frees it and wipes what may be secret. */
extern void request_free(Request *request);

/* How many answers to failed logins wait. */
extern int	request_delayed(void);

/* Gives out what failed logins wait for; returns the next such time, or 0. */
extern uint64 request_expire(void);

/* Makes the answer longer, on a line of its own. */
extern void request_append(Request *request, const char *line, size_t length);

/* Its credentials are right: the body may come. */
extern void request_proven(Request *request);

/* Counts bytes that are kept for it; false when that is more than there may be. */
extern bool request_hold(Request *request, size_t bytes);

/*
 * The answer, given once.  headers (a JSON object, or NULL) and body are
 * copied.
 */
extern void request_answer(Request *request, int status, const char *headers, const char *body, size_t length);

/* The same with a body that lives as long as the program. */
extern void request_answer_fixed(Request *request, int status, const char *headers, const char *body, size_t length);

/* 503: bodies and answers have all the memory that they may have. */
extern void request_busy(Request *request);

/* The flat error object; detail and hint may be NULL. */
extern void request_error(Request *request, int status, const char *code, const char *error, const char *detail, const char *hint);

/*
 * A 401.  failed: credentials were given and are wrong (counted, and delayed
 * where there were many); else none were given.
 */
extern void request_unauthorized(Request *request, bool failed, const char *error);

#endif							/* CDC_GATEWAY_REQUEST_H */
