/*
 * http_parts.h
 *	  A request by HTTP, for the files that make up the client.
 *
 * http_client.c has the multi handle and what is under way; it calls
 * http_request.c (a request as libcurl has it, and its answer as it comes) and
 * http_fault.c (why there was none, in words), which call none of these.  curl.h
 * is for these files alone.
 */
#ifndef CDC_HTTP_PARTS_H
#define CDC_HTTP_PARTS_H

#include <curl/curl.h>

#include "worker/io/descriptors.h"
#include "worker/io/http_client.h"

#define CDC_HTTP_HOST_MAX 256
#define CDC_HTTP_HEADERS_MAX (64 * 1024)
#define CDC_HTTP_ERROR_MAX (CURL_ERROR_SIZE + 64)

/* A host that requests are under way to, or wait for. */
typedef struct CdcHttpHost CdcHttpHost;

struct CdcHttpHandle
{
	CURL	   *easy;
	struct curl_slist *headers;
	char	   *body;			/* of the answer; malloc'd */
	size_t		body_len;
	size_t		body_size;
	size_t		consume_max;
	size_t		max_body;		/* of the answer that comes */
	size_t		header_len;
	bool		overflow;
	bool		(*consume) (const char *data, size_t length, void *consumed);
	void	   *consumed;
	CdcOwner	owner;
	CdcPeerKind kind;
	uint64		credentials;
	CdcHttpHost *host;
	CdcFairItem turn;			/* while it waits for its host's limit */
	CdcDescriptors descriptors;
	char		place[CDC_HTTP_HOST_MAX];	/* scheme://host:port */
	char		forbidden[64];	/* its method and URL, as what is remembered to be forbidden */
	bool		(*forbids) (const char *body);
	char		error[CURL_ERROR_SIZE];
	char	   *request_body;	/* libcurl reads it here; wiped */
	bool		any_address;
	const char *refused;		/* the kind of the address to which it may not go, */
	const char *tolerated;		/* or to which it has gone since any_address was given */
	const char *unfit;			/* why it is not sent at all */
	int			connect_timeout_ms;
	int			timeout_ms;
	int64		started;
	int64		first_byte_out_us;
	bool		sent;			/* some byte of it may have left */
	int			remembered;		/* it is not sent, but answered by this status; 0: it is */
	bool		counted;		/* against its host's limit: it has a descriptor, or waits for it */
	bool		running;		/* in the multi handle */
	CdcHttpDone done;
	void	   *arg;
	dlist_node	link;			/* all of this process; or those that are told at once */
};

/* --- http_request.c --------------------------------------------------------- */

/*
 * The request as libcurl has it, not started; unfit says when it must not be.
 * NULL: memory is exhausted.
 */
extern CdcHttpHandle *cdc_http_request(const CdcHttpRequest *request, CdcHttpDone done, void *arg);

/* Frees it, its secrets overwritten; it is in no multi handle and in no list. */
extern void cdc_http_request_free(CdcHttpHandle *handle);

/* Which address it was connected to, "ip port", into peer (size bytes); left as it is: none. */
extern void cdc_http_request_peer(const CdcHttpHandle *handle, char *peer, size_t size);

/* --- http_fault.c ----------------------------------------------------------- */

/*
 * Why it was not answered, in our words, into words (size bytes): for whoever may
 * see the service.  libcurl's own text goes to the log, once for each change.
 */
extern void cdc_http_fault(CdcHttpHandle *handle, CURLcode code, char *words, size_t size);

#endif							/* CDC_HTTP_PARTS_H */
