/*
 * http_client.h
 *	  Asynchronous HTTP by libcurl's multi interface, for the worker's loop.
 *
 * Only the http_*.c have curl.h.  A request is a value, an answer is a value, a
 * fault is a value: nothing here ereports after the start, and nothing is thrown
 * inside a libcurl callback.  Knows no vocabulary of any peer.
 */
#ifndef CDC_HTTP_CLIENT_H
#define CDC_HTTP_CLIENT_H

#include "worker/io/event_loop.h"
#include "worker/io/owner.h"

typedef enum CdcHttpMethod
{
	CDC_HTTP_GET,
	CDC_HTTP_POST,
	CDC_HTTP_PUT,
	CDC_HTTP_PATCH,
	CDC_HTTP_DELETE
} CdcHttpMethod;

typedef struct CdcHttpRequest
{
	CdcHttpMethod method;
	const char *url;			/* absolute, http or https */
	const char *body;			/* JSON, or NULL; copied */
	const char *user;			/* Basic, or NULL; copied, never logged */
	const char *password;
	const char *bearer;			/* Bearer token, or NULL; copied, never logged */
	const char *ca;				/* PEM text of the CA for https, or NULL: system's */
	bool		any_address;	/* the operator gave the URL: its addresses are not judged */
	int			connect_timeout_ms;
	int			timeout_ms;		/* whole request */
	CdcOwner	owner;			/* for whom, and what for: by these requests are shared out */
	CdcPeerKind kind;

	/*
	 * Does a 403 with this body refuse us the right to this method and URL, rather
	 * than what was asked for this time?  Then it is left alone for a while, with
	 * whatever body.  Must not throw.  NULL: no 403 does.
	 */
	bool		(*forbids) (const char *body);

	/*
	 * Takes the body of a 2xx answer piece by piece as it comes, in place of
	 * the result's body, and with consumed (which is not freed here) what it
	 * has taken, in all at most consume_max bytes.  Runs inside libcurl: malloc
	 * only, no ereport.  False: the rest is not wanted, and the answer is LOST.
	 * NULL: the body is kept, and has, as every other answer's, at most
	 * CDC_HTTP_MAX_BODY bytes.
	 */
	bool		(*consume) (const char *data, size_t length, void *consumed);
	void	   *consumed;
	int			consume_max;
} CdcHttpRequest;

typedef enum CdcHttpOutcome
{
	CDC_HTTP_ANSWERED,			/* status and body are valid */
	CDC_HTTP_NOT_SENT,			/* refused, unresolvable, TLS failed: the request
								 * did certainly not take effect */
	CDC_HTTP_LOST,				/* timeout, reset, truncated, over the cap: it may
								 * have taken effect, now or later */
	CDC_HTTP_CANCELLED
} CdcHttpOutcome;

typedef struct CdcHttpResult
{
	CdcHttpOutcome outcome;
	int			status;			/* HTTP status when ANSWERED */
	const char *body;			/* NUL-terminated, valid text (common/text.h), valid
								 * during the callback */
	size_t		body_len;
	const char *error;			/* one line without secrets, NULL when ANSWERED */
	const char *said;			/* NOT_SENT or LOST: libcurl's own text, for admins; or NULL */
	const char *tolerated;		/* the kind of its address, where that is none for members
								 * and any_address was given; else NULL */
	char		peer[64];		/* "ip port" that it was connected to, "" not */
	int			elapsed_ms;
	int64		first_byte_out_us;	/* wall clock (epoch us) when the request's
									 * first byte left, 0 if it did not */
} CdcHttpResult;

typedef void (*CdcHttpDone) (const CdcHttpResult *result, void *arg);
typedef struct CdcHttpHandle CdcHttpHandle;

/*
 * Starts libcurl for this process.  In the worker, never in _PG_init.  ERROR
 * on failure.
 */
extern void cdc_http_init(CdcLoop *loop);

/*
 * Starts a request; done is called exactly once, later, from cdc_loop_wait or
 * from cdc_http_cancel; when it throws an ERROR, once more, as LOST: so it frees
 * arg last.  At most CDC_HTTP_PER_HOST requests are under way to one scheme://host:port, and each
 * has a descriptor (descriptors.h): what waits for either has none, and waits as long as it takes, its
 * turn going round robin over owners; its timeouts count from when it is sent.  Who refused our
 * credentials, or what forbids() says of, is left alone for a while (peers.h): a GET is answered as the last one was, whatever else is
 * NOT_SENT.  Answers over CDC_HTTP_MAX_BODY bytes, or consume_max where they are consumed, are LOST.
 * Redirects are not followed.  Connections are kept alive and reused.
 * Returns NULL, having called nothing, only when memory is exhausted.
 */
extern CdcHttpHandle *cdc_http_start(const CdcHttpRequest *request, CdcHttpDone done, void *arg);

/* Ends a request that is not done; done is called with CANCELLED. */
extern void cdc_http_cancel(CdcHttpHandle *handle);

/* Closes everything of this process, silently; for on_proc_exit. */
extern void cdc_http_shutdown(void);

#define CDC_HTTP_PER_HOST	8

/* An answer that is read at once; its JSON is read in one step of the loop. */
#define CDC_HTTP_MAX_BODY	(1024 * 1024)

#endif							/* CDC_HTTP_CLIENT_H */
