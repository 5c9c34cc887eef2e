/*
 * http_client.c
 *	  HTTP by curl_multi on the worker's loop; the only file with curl.h.
 *
 * libcurl's callbacks run inside its frames: they use malloc, never ereport,
 * never palloc.  Answers are handed on from the loop, outside libcurl.
 *
 * Where a request of a member may go is asked for each address that libcurl is
 * about to connect to, and again for a connection that it uses anew: that may
 * have been made for somebody who may go further.
 */
#include "postgres.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/hashfn.h"
#include "libpq/pqsignal.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "common/text.h"
#include "worker/io/guard.h"
#include "worker/io/http_client.h"
#include "worker/io/peer_address.h"

#define MAX_HOST 256
#define MAX_HEADERS (64 * 1024)
#define MAX_ERROR (CURL_ERROR_SIZE + 64)

/* Failures that the log was told last, one for each place of a table by host. */
#define LOGGED 256

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
	char		host[MAX_HOST]; /* scheme://host:port */
	char		error[CURL_ERROR_SIZE];
	char	   *request_body;	/* libcurl reads it here; wiped */
	bool		any_address;
	const char *refused;		/* the kind of the address to which it may not go, */
	const char *tolerated;		/* or to which it has gone since any_address was given */
	const char *unfit;			/* why it is not sent at all */
	int64		started;
	int64		first_byte_out_us;
	bool		sent;			/* some byte of it may have left */
	bool		running;		/* in the multi handle */
	CdcHttpDone done;
	void	   *arg;
	CdcHttpHandle *next;
};

static CdcLoop *loop;
static CURLM *multi;
static CdcTimer *timer;
static CdcTimer *soon;			/* something waits that needs no socket */
static uint32 logged[LOGGED];
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

/* The heap grows by palloc only beyond its first 64 timers; ours is one. */
static int
on_curl_timer(CURLM *m, long ms, void *arg)
{
	if (ms < 0)
		cdc_timer_cancel(timer);
	else
		cdc_timer_set(timer, cdc_loop_now() + ms);
	return 0;
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	CdcHttpHandle *h = arg;
	size_t		len = size * n;
	long		status = 0;
	bool		consumed;

	if (h->consume)
		curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	consumed = status >= 200 && status < 300;
	if (h->body_len + len > (consumed ? h->consume_max : CDC_HTTP_MAX_BODY))
	{
		h->max_body = consumed ? h->consume_max : CDC_HTTP_MAX_BODY;
		h->overflow = true;
		return 0;
	}
	if (consumed)
	{
		h->body_len += len;
		return h->consume(data, len, h->consumed) ? len : 0;
	}
	if (h->body_len + len + 1 > h->body_size)
	{
		size_t		want = Max(h->body_size * 2, h->body_len + len + 1);
		char	   *grown = realloc(h->body, want);

		if (grown == NULL)
			return 0;
		h->body = grown;
		h->body_size = want;
	}
	memcpy(h->body + h->body_len, data, len);
	h->body_len += len;
	h->body[h->body_len] = '\0';
	return len;
}

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	CdcHttpHandle *h = arg;

	h->header_len += size * n;
	return h->header_len > MAX_HEADERS ? 0 : size * n;
}

/* Tells when the request's first byte leaves. */
static int
on_debug(CURL *easy, curl_infotype type, char *data, size_t size, void *arg)
{
	CdcHttpHandle *h = arg;

	if (type == CURLINFO_HEADER_OUT && h->first_byte_out_us == 0)
	{
		struct timeval tv;

		gettimeofday(&tv, NULL);
		h->first_byte_out_us = (int64) tv.tv_sec * 1000000 + tv.tv_usec;
		h->sent = true;
	}
	return 0;
}

/* libcurl has an address to connect to. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	CdcHttpHandle *h = arg;
	CdcAddress	address;
	const char *refused = NULL;

	if (!h->any_address)
		refused = cdc_address_of(&to->addr, &address) ? cdc_peer_refused(&address) : "no address of the internet";
	if (refused)
	{
		h->refused = refused;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* libcurl has a connection, new or kept, and is about to send. */
static int
on_request(void *arg, char *peer, char *local, int peer_port, int local_port)
{
	CdcHttpHandle *h = arg;
	CdcAddress	address;

	const char *kind = cdc_address_parse(peer, &address) ? cdc_peer_refused(&address) : "no address of the internet";

	if (h->any_address)
		h->tolerated = kind;
	else
		h->refused = kind;
	return h->refused ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
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

static void
host_of(const char *url, char *host)
{
	const char *start = strstr(url, "://");
	size_t		len = start ? (start + 3 - url) + strcspn(start + 3, "/?#") : strcspn(url, "/");

	strlcpy(host, url, Min(len + 1, (size_t) MAX_HOST));
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

/*
 * One line of printable characters, or NULL: what has more would become headers,
 * or whole requests, of its own.  SQL refuses it when it is given; what came
 * otherwise, or before, is refused here.
 */
static bool
one_line(const char *secret)
{
	for (; secret && *secret; secret++)
	{
		if ((unsigned char) *secret < ' ' || *secret == 0x7f)
			return false;
	}
	return true;
}

CdcHttpHandle *
cdc_http_start(const CdcHttpRequest *r, CdcHttpDone done, void *arg)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	CdcHttpHandle *h;
	CdcHttpHandle **last;

	if (!AcquireExternalFD())
		return NULL;
	h = calloc(1, sizeof(CdcHttpHandle));
	if (h == NULL || (h->request_body = strdup(r->body ? r->body : "")) == NULL || (h->easy = curl_easy_init()) == NULL)
	{
		if (h)
			free(h->request_body);
		free(h);
		ReleaseExternalFD();
		return NULL;
	}
	h->done = done;
	h->arg = arg;
	h->consume_max = r->consume_max;
	h->max_body = r->consume ? r->consume_max : CDC_HTTP_MAX_BODY;
	h->consume = r->consume;
	h->consumed = r->consumed;
	h->any_address = r->any_address;
	if (!one_line(r->user) || !one_line(r->password) || !one_line(r->bearer) || !one_line(r->url))
		h->unfit = "its credentials or its URL have control characters; give them anew, one line of printable characters";
	host_of(r->url, h->host);
	h->headers = curl_slist_append(NULL, "Accept: application/json");
	/* also without a body: libcurl would call an empty one a form */
	if (r->method != CDC_HTTP_GET)
		h->headers = curl_slist_append(h->headers, "Content-Type: application/json");
	curl_easy_setopt(h->easy, CURLOPT_URL, r->url);
	curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, methods[r->method]);
	if (r->body || r->method == CDC_HTTP_POST || r->method == CDC_HTTP_PUT || r->method == CDC_HTTP_PATCH)
	{
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE, (long) strlen(h->request_body));
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, h->request_body);
		h->headers = curl_slist_append(h->headers, "Expect:");
	}
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
	if (r->user)
	{
		curl_easy_setopt(h->easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
		curl_easy_setopt(h->easy, CURLOPT_USERNAME, r->user);
		curl_easy_setopt(h->easy, CURLOPT_PASSWORD, r->password ? r->password : "");
	}
	if (r->bearer)
	{
		curl_easy_setopt(h->easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER);
		curl_easy_setopt(h->easy, CURLOPT_XOAUTH2_BEARER, r->bearer);
	}
	if (r->ca)
	{
		struct curl_blob blob;

		blob.data = unconstify(char *, r->ca);
		blob.len = strlen(r->ca);
		blob.flags = CURL_BLOB_COPY;
		curl_easy_setopt(h->easy, CURLOPT_CAINFO_BLOB, &blob);
		/* this one alone: libcurl would take those of its directory as well */
		curl_easy_setopt(h->easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	/*
	 * On a kept connection that turns out dead libcurl sends again by itself:
	 * fine for a look, but a change is sent once, and its loss is an answer.
	 */
	if (r->method != CDC_HTTP_GET)
		curl_easy_setopt(h->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(h->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(h->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(h->easy, CURLOPT_PREREQDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS, (long) r->connect_timeout_ms);
	curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, (long) r->timeout_ms);
	curl_easy_setopt(h->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) h->max_body);
	curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(h->easy, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(h->easy, CURLOPT_DEBUGDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_PRIVATE, h);

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
	curl_easy_cleanup(h->easy);
	curl_slist_free_all(h->headers);
	explicit_bzero(h->request_body, strlen(h->request_body));
	free(h->request_body);
	free(h->body);
	free(h);
	ReleaseExternalFD();
}

/* Why it was not answered, in our words: for whoever may see the service. */
static void
words_of(const CdcHttpHandle *h, CURLcode code, char *words, size_t size)
{
	static const struct
	{
		CURLcode	code;
		const char *words;
	}			known[] =
	{
		{CURLE_COULDNT_RESOLVE_HOST, "its name cannot be resolved"},
		{CURLE_COULDNT_CONNECT, "connection refused, or no way to that address"},
		{CURLE_OPERATION_TIMEDOUT, "no answer in time"},
		{CURLE_SSL_CONNECT_ERROR, "TLS failed: there is none, or none in common"},
		{CURLE_PEER_FAILED_VERIFICATION, "TLS failed: its certificate is not accepted"},
		{CURLE_SEND_ERROR, "the connection was closed"},
		{CURLE_RECV_ERROR, "the connection was closed"},
		{CURLE_GOT_NOTHING, "the connection was closed without an answer"},
		{CURLE_PARTIAL_FILE, "the connection was closed within the answer"},
		{CURLE_UNSUPPORTED_PROTOCOL, "what answers there is not HTTP"},
		{CURLE_WEIRD_SERVER_REPLY, "what answers there is not HTTP"},
		{CURLE_URL_MALFORMAT, "its URL is not well formed"},
	};
	size_t		i;

	if (h->unfit)
		strlcpy(words, h->unfit, size);
	else if (h->refused)
		snprintf(words, size, "it leads to %s, to which members may not send the worker; cdc_pipeline.member_networks is the operator's list of what is allowed",
				 h->refused);
	else if (h->overflow || code == CURLE_FILESIZE_EXCEEDED)
		snprintf(words, size, "the answer is larger than %zu bytes", h->max_body);
	else if (h->header_len > MAX_HEADERS)
		snprintf(words, size, "the answer has more than %d bytes of headers", MAX_HEADERS);
	else if (h->consume && code == CURLE_WRITE_ERROR)
		strlcpy(words, "the answer is not what was asked for", size);
	else
	{
		strlcpy(words, curl_easy_strerror(code), size);
		for (i = 0; i < lengthof(known); i++)
		{
			if (known[i].code == code)
				strlcpy(words, known[i].words, size);
		}
	}
}

/* Takes " after 12 ms" out of libcurl's text: the same failure is to have the same text. */
static void
without_duration(char *error)
{
	static const char *const units[] = {" milliseconds", " ms"};
	char	   *from = strstr(error, " after ");
	char	   *to = from ? from + 7 + strspn(from + 7, "0123456789") : NULL;
	size_t		i;

	for (i = 0; from && i < lengthof(units); i++)
	{
		size_t		length = strlen(units[i]);

		if (to > from + 7 && strncmp(to, units[i], length) == 0)
		{
			memmove(from, to + length, strlen(to + length) + 1);
			return;
		}
	}
}

/* To the operator, once for each change: what members are not shown. */
static void
log_failure(const CdcHttpHandle *h, const char *words)
{
	uint32		host = string_hash(h->host, sizeof(h->host));
	uint32		failure = hash_combine(host, string_hash(h->error, sizeof(h->error)));
	char		detail[CURL_ERROR_SIZE];
	char	   *c;

	if (h->error[0] == '\0' || logged[host % LOGGED] == failure)
		return;
	logged[host % LOGGED] = failure;
	strlcpy(detail, h->error, sizeof(detail));
	for (c = detail; *c; c++)
	{
		if ((unsigned char) *c < ' ' || (unsigned char) *c > '~')
			*c = '?';
	}
	ereport(LOG,
			(errmsg("cdc_pipeline had no answer from %s: %s", h->host, words),
			 errdetail_internal("%s", detail)));
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
	char		why[MAX_ERROR];

	if (cdc_guard(call_done, &call, "an answer by HTTP", why, sizeof(why)))
		return;
	result->outcome = CDC_HTTP_LOST;
	result->body = "";
	result->body_len = 0;
	result->error = why;
	cdc_guard(call_done, &call, "the failure of an answer", why, sizeof(why));
}

/* Which address it was connected to; an IPv4 address is the same dressed as IPv6. */
static void
note_peer(CdcHttpHandle *h, char *peer, size_t size)
{
	char	   *address = NULL;
	long		port = 0;

	if (curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_IP, &address) != CURLE_OK || address == NULL || address[0] == '\0' ||
		curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_PORT, &port) != CURLE_OK)
		return;
	if (strncasecmp(address, "::ffff:", 7) == 0 && strchr(address, '.') != NULL)
		address += 7;
	snprintf(peer, size, "%s %ld", address, port);
}

/* Calls back with a result whose texts live until the handle is gone. */
static void
finish(CdcHttpHandle *h, CURLcode code, bool cancelled)
{
	CdcHttpResult result;
	char		error[MAX_ERROR];
	long		status = 0;

	memset(&result, 0, sizeof(result));
	result.elapsed_ms = h->started ? (int) (cdc_loop_now() - h->started) : 0;
	result.first_byte_out_us = h->first_byte_out_us;
	result.tolerated = h->tolerated;
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	note_peer(h, result.peer, sizeof(result.peer));
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
			words_of(h, code, error, sizeof(error));
			without_duration(h->error);
			log_failure(h, error);
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
