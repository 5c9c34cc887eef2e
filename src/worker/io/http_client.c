/*
 * http_client.c
 *	  HTTP by curl_multi on the worker's loop: requests that wait, run and end.
 *
 * Owns the multi handle, its sockets and its timer, the limit of requests to
 * one host, and who is next there.  Its callbacks run inside libcurl: they never ereport and never
 * palloc.  Answers are handed on from the loop, outside libcurl.
 */
#include "postgres.h"

#include <pthread.h>
#include <signal.h>

#include "libpq/pqsignal.h"

#include "common/text.h"
#include "utils/memutils.h"
#include "worker/io/guard.h"
#include "worker/io/http_parts.h"
#include "worker/io/names.h"
#include "worker/io/peers.h"

struct CdcHttpHost
{
	char	   *place;
	int			handles;		/* that name it: it is gone with the last */
	int			counted;		/* against its limit */
	CdcFair		queue;			/* of those behind it */
};

static CdcLoop *loop;
static CURLM *multi;
static CdcTimer *timer;
static CdcTimer *soon;			/* something waits that needs no socket */
static CdcNames *hosts;
static dlist_head all = DLIST_STATIC_INIT(all); /* CdcHttpHandle, but for those told soon */
static dlist_head untold = DLIST_STATIC_INIT(untold);	/* which are not sent */
static bool in_curl;			/* libcurl's frames are on the stack */

static void drain(void);
static void finish(CdcHttpHandle *h, CURLcode code, bool cancelled);

/* Threads that libcurl makes (its resolver) must not take our signals. */
static void
socket_action(curl_socket_t fd, int flags)
{
	sigset_t	old;
	int			n;

	pthread_sigmask(SIG_SETMASK, &BlockSig, &old);
	in_curl = true;
	curl_multi_socket_action(multi, fd, flags, &n);
	in_curl = false;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	drain();
}

static void
on_io(int fd, int events, void *arg)
{
	int			flags = 0;

	if (events & CDC_IO_READ)
		flags |= CURL_CSELECT_IN;
	if (events & CDC_IO_WRITE)
		flags |= CURL_CSELECT_OUT;
	if (events & CDC_IO_ERROR)
		flags |= CURL_CSELECT_ERR;
	socket_action(fd, flags);
}

static void
on_timer(void *arg)
{
	socket_action(CURL_SOCKET_TIMEOUT, 0);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socketp)
{
	if (what == CURL_POLL_REMOVE)
		cdc_loop_forget(loop, fd);
	else
		cdc_loop_watch(loop, fd,
					   ((what & CURL_POLL_IN) ? CDC_IO_READ : 0) | ((what & CURL_POLL_OUT) ? CDC_IO_WRITE : 0),
					   on_io, NULL);
	return 0;
}

static int
on_curl_timer(CURLM *m, long ms, void *arg)
{
	if (ms < 0)
		cdc_timer_cancel(timer);
	else
		cdc_timer_set(timer, cdc_loop_now() + ms);
	return 0;
}

static void
on_soon(void *arg)
{
	/* whoever is told may start others, or cancel those behind it */
	while (!dlist_is_empty(&untold))
		finish(dlist_head_element(CdcHttpHandle, link, &untold), CURLE_BAD_FUNCTION_ARGUMENT, false);
}

void
cdc_http_init(CdcLoop *l)
{
	loop = l;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (multi = curl_multi_init()) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not start libcurl")));
	timer = cdc_timer_create(loop, on_timer, NULL);
	soon = cdc_timer_create(loop, on_soon, NULL);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) CDC_HTTP_PER_HOST);
	/* where more are open than that, one that is done is not kept */
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) CDC_HTTP_KEPT);
}

static CdcHttpHost *
host_of(const char *place)
{
	CdcHttpHost *host = cdc_names_find(&hosts, place);

	if (host)
		return host;
	host = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcHttpHost));
	host->place = MemoryContextStrdup(TopMemoryContext, place);
	cdc_fair_init(&host->queue);
	cdc_names_add(&hosts, host->place, host);
	return host;
}

/* It has its descriptor. */
static void
launch(void *arg)
{
	CdcHttpHandle *h = arg;
	sigset_t	old;

	h->running = true;
	h->started = cdc_loop_now();
	pthread_sigmask(SIG_SETMASK, &BlockSig, &old);
	in_curl = true;
	curl_multi_add_handle(multi, h->easy);
	in_curl = false;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Starts what the host's limit lets: it is sent when it has a descriptor. */
static void
start_at(CdcHttpHost *host)
{
	CdcFairItem *item;

	while (host->counted < CDC_HTTP_PER_HOST && (item = cdc_fair_first(&host->queue, NULL, NULL)) != NULL)
	{
		CdcHttpHandle *h = (CdcHttpHandle *) ((char *) item - offsetof(CdcHttpHandle, turn));

		cdc_fair_take(&host->queue, item);
		h->counted = true;
		host->counted++;
		cdc_descriptors_ask(&h->descriptors, &h->owner, cdc_pool_class(h->kind, cdc_peers_silent(&h->owner, h->place)), 1);
	}
}

/* Who refused us is not asked now: the handle has what it said. */
static bool
is_remembered(CdcHttpHandle *h)
{
	CdcPeerRefusal refusal;
	int64		now = cdc_loop_now();

	if (cdc_peers_may_ask(&h->owner, h->place, h->credentials, now, &refusal) &&
		cdc_peers_may_ask(&h->owner, h->forbidden, h->credentials, now, &refusal))
		return false;
	h->remembered = refusal.status;
	h->body = strdup(refusal.said ? refusal.said : "");
	h->body_len = h->body ? strlen(h->body) : 0;
	return true;
}

CdcHttpHandle *
cdc_http_start(const CdcHttpRequest *r, CdcHttpDone done, void *arg)
{
	CdcHttpHandle *h = cdc_http_request(r, done, arg);

	Assert(!in_curl);
	if (h == NULL)
		return NULL;
	if (h->unfit || is_remembered(h))
	{
		dlist_push_tail(&untold, &h->link);
		cdc_timer_set(soon, cdc_loop_now());
		return h;
	}
	h->descriptors.granted = launch;
	h->descriptors.arg = h;
	h->host = host_of(h->place);
	cdc_fair_join(&h->host->queue, &h->owner, &h->turn);
	h->host->handles++;
	dlist_push_tail(&all, &h->link);
	start_at(h->host);
	return h;
}

static void
leave_host(CdcHttpHost *host)
{
	if (--host->handles > 0)
	{
		start_at(host);
		return;
	}
	cdc_names_remove(&hosts, host->place);
	pfree(host->place);
	pfree(host);
}

static void
destroy(CdcHttpHandle *h)
{
	CdcHttpHost *host = h->host;

	if (h->running)
		curl_multi_remove_handle(multi, h->easy);
	dlist_delete(&h->link);
	if (host)
	{
		cdc_fair_leave(&host->queue, &h->turn);
		host->counted -= h->counted;
		cdc_descriptors_give(&h->descriptors);
		leave_host(host);
	}
	cdc_http_request_free(h);
}

/* A callback and what it is given, for the guard. */
typedef struct CdcHttpCall
{
	const CdcHttpHandle *handle;
	const CdcHttpResult *result;
} CdcHttpCall;

static void
call_done(void *arg)
{
	CdcHttpCall *call = arg;

	call->handle->done(call->result, call->handle->arg);
}

/* Calls back; with an ERROR's words once more where that threw one. */
static void
hand_over(const CdcHttpHandle *h, CdcHttpResult *result)
{
	CdcHttpCall call = {h, result};
	char		why[CDC_HTTP_ERROR_MAX];

	if (cdc_guard(call_done, &call, "an answer by HTTP", why, sizeof(why)))
		return;
	result->outcome = CDC_HTTP_LOST;
	result->body = "";
	result->body_len = 0;
	result->error = why;
	cdc_guard(call_done, &call, "the failure of an answer", why, sizeof(why));
}

/* What this answer says of the peer, for those who ask next. */
static void
remember(const CdcHttpHandle *h, const CdcHttpResult *result, CURLcode code)
{
	if (h->remembered || h->unfit)
		return;
	if (result->outcome == CDC_HTTP_ANSWERED && (result->status == 401 || (result->status == 403 && h->forbids && h->forbids(result->body))))
	{
		CdcPeerRefusal refusal = {NULL, result->body, "", result->status};

		/* it does not know us; or it does, and this we may not, whatever it is for */
		cdc_peers_note_refused(&h->owner, result->status == 401 ? h->place : h->forbidden, h->credentials, cdc_loop_now(), &refusal);
	}
	else if (result->outcome == CDC_HTTP_ANSWERED)
	{
		cdc_peers_note_served(&h->owner, h->place);
		cdc_peers_note_served(&h->owner, h->forbidden);
	}
	else if (result->outcome != CDC_HTTP_CANCELLED && code == CURLE_OPERATION_TIMEDOUT)
		cdc_peers_note_silent(&h->owner, h->place);
}

/* Calls back with a result whose texts live until the handle is gone. */
static void
finish(CdcHttpHandle *h, CURLcode code, bool cancelled)
{
	CdcHttpResult result;
	char		error[CDC_HTTP_ERROR_MAX];
	long		status = 0;

	memset(&result, 0, sizeof(result));
	result.elapsed_ms = h->started ? (int) (cdc_loop_now() - h->started) : 0;
	result.first_byte_out_us = h->first_byte_out_us;
	result.tolerated = h->tolerated;
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	cdc_http_request_peer(h, result.peer, sizeof(result.peer));
	if (cancelled)
		result.outcome = CDC_HTTP_CANCELLED;
	else if (code == CURLE_OK)
		result.outcome = CDC_HTTP_ANSWERED;
	else
		result.outcome = h->sent ? CDC_HTTP_LOST : CDC_HTTP_NOT_SENT;
	result.status = (int) status;
	if (h->body)
		cdc_text_clean(h->body, h->body_len);
	if (h->remembered && !cancelled)
	{
		result.outcome = CDC_HTTP_ANSWERED;
		result.status = h->remembered;
	}
	result.body = h->body ? h->body : "";
	result.body_len = h->body ? h->body_len : 0;
	if (result.outcome != CDC_HTTP_ANSWERED)
	{
		if (cancelled)
			strlcpy(error, "cancelled", sizeof(error));
		else
		{
			cdc_http_fault(h, code, error, sizeof(error));
			/* of what we refused ourselves, or did not read on, our words say it all */
			if (h->error[0] && status == 0 && h->refused == NULL && h->unfit == NULL)
				result.said = h->error;
		}
		result.error = error;
	}
	remember(h, &result, code);
	hand_over(h, &result);
	destroy(h);
}

static void
drain(void)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CdcHttpHandle *h;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &h);
		finish(h, message->data.result, false);
	}
}

void
cdc_http_cancel(CdcHttpHandle *h)
{
	finish(h, CURLE_ABORTED_BY_CALLBACK, true);
}

void
cdc_http_shutdown(void)
{
	if (multi == NULL)
		return;
	cdc_descriptors_shutdown();
	while (!dlist_is_empty(&all))
		destroy(dlist_head_element(CdcHttpHandle, link, &all));
	while (!dlist_is_empty(&untold))
		destroy(dlist_head_element(CdcHttpHandle, link, &untold));
	curl_multi_cleanup(multi);
	multi = NULL;
}
