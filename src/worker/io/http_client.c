/*
 * http_client.c
 *	  HTTP by curl_multi on the worker's loop: requests that wait, run and end.
 *
 * Owns the multi handle, its sockets and its timer, and the limit of requests to
 * one host.  Its callbacks run inside libcurl: they never ereport and never
 * palloc.  Answers are handed on from the loop, outside libcurl.
 */
#include "postgres.h"

#include <pthread.h>
#include <signal.h>

#include "libpq/pqsignal.h"

#include "common/text.h"
#include "worker/io/guard.h"
#include "worker/io/http_parts.h"

static CdcLoop *loop;
static CURLM *multi;
static CdcTimer *timer;
static CdcTimer *soon;			/* something waits that needs no socket */
static CdcHttpHandle *waiting;	/* behind the limit of their host, in order */
static CdcHttpHandle *running;
static bool in_curl;			/* libcurl's frames are on the stack */

static void drain(void);
static void start_waiting(void);

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
	start_waiting();
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
}

static int
count_running(const char *host)
{
	CdcHttpHandle *h;
	int			n = 0;

	for (h = running; h; h = h->next)
		n += strcmp(h->host, host) == 0;
	return n;
}

static void
unlink_from(CdcHttpHandle **list, CdcHttpHandle *handle)
{
	while (*list && *list != handle)
		list = &(*list)->next;
	if (*list)
		*list = handle->next;
	handle->next = NULL;
}

static void
launch(CdcHttpHandle *h)
{
	sigset_t	old;

	h->next = running;
	running = h;
	h->running = true;
	h->started = cdc_loop_now();
	pthread_sigmask(SIG_SETMASK, &BlockSig, &old);
	in_curl = true;
	curl_multi_add_handle(multi, h->easy);
	in_curl = false;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

CdcHttpHandle *
cdc_http_start(const CdcHttpRequest *r, CdcHttpDone done, void *arg)
{
	CdcHttpHandle *h = cdc_http_request(r, done, arg);
	CdcHttpHandle **last;

	if (h == NULL)
		return NULL;
	if (h->unfit)
		cdc_timer_set(soon, cdc_loop_now());
	if (!h->unfit && !in_curl && count_running(h->host) < CDC_HTTP_PER_HOST)
		launch(h);
	else
	{
		for (last = &waiting; *last; last = &(*last)->next)
			;
		*last = h;
	}
	return h;
}

static void
destroy(CdcHttpHandle *h)
{
	if (h->running)
	{
		curl_multi_remove_handle(multi, h->easy);
		unlink_from(&running, h);
	}
	else
		unlink_from(&waiting, h);
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
	hand_over(h, &result);
	destroy(h);
}

static void
start_waiting(void)
{
	CdcHttpHandle *h = waiting;

	while (h)
	{
		CdcHttpHandle *next = h->next;

		if (h->unfit)
		{
			/* whoever is told may start others, or cancel those behind it */
			finish(h, CURLE_BAD_FUNCTION_ARGUMENT, false);
			next = waiting;
		}
		else if (count_running(h->host) < CDC_HTTP_PER_HOST)
		{
			unlink_from(&waiting, h);
			launch(h);
		}
		h = next;
	}
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
	start_waiting();
}

void
cdc_http_cancel(CdcHttpHandle *h)
{
	finish(h, CURLE_ABORTED_BY_CALLBACK, true);
	start_waiting();
}

void
cdc_http_shutdown(void)
{
	if (multi == NULL)
		return;
	while (running)
		destroy(running);
	while (waiting)
		destroy(waiting);
	curl_multi_cleanup(multi);
	multi = NULL;
}
