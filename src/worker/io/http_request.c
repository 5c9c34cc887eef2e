/*
 * http_request.c
 *	  One request as libcurl has it, and its answer as it comes.
 *
 * See http_parts.h.  libcurl's callbacks run inside its frames: they use malloc,
 * never ereport, never palloc.
 *
 * Where a request of a member may go is asked for each address that libcurl is
 * about to connect to, and again for a connection that it uses anew: that may
 * have been made for somebody who may go further.
 */
#include "postgres.h"

#include <sys/time.h>

#include "worker/io/http_parts.h"
#include "worker/io/peer_address.h"
#include "worker/io/peers.h"

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
		/* who takes it keeps no more of it than that */
		cdc_descriptors_bytes(&h->descriptors, Min(h->body_len, CDC_HTTP_MAX_BODY));
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
		cdc_descriptors_bytes(&h->descriptors, want);
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
	return h->header_len > CDC_HTTP_HEADERS_MAX ? 0 : size * n;
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
host_of(const char *url, char *host)
{
	const char *start = strstr(url, "://");
	size_t		len = start ? (start + 3 - url) + strcspn(start + 3, "/?#") : strcspn(url, "/");

	strlcpy(host, url, Min(len + 1, (size_t) CDC_HTTP_HOST_MAX));
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
cdc_http_request(const CdcHttpRequest *r, CdcHttpDone done, void *arg)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	const char *const credentials[] = {r->user, r->password, r->bearer, r->ca};
	CdcHttpHandle *h;

	h = calloc(1, sizeof(CdcHttpHandle));
	if (h == NULL || (h->request_body = strdup(r->body ? r->body : "")) == NULL || (h->easy = curl_easy_init()) == NULL)
	{
		if (h)
			free(h->request_body);
		free(h);
		return NULL;
	}
	h->done = done;
	h->arg = arg;
	h->consume_max = r->consume_max;
	h->max_body = r->consume ? r->consume_max : CDC_HTTP_MAX_BODY;
	h->consume = r->consume;
	h->consumed = r->consumed;
	h->any_address = r->any_address;
	h->owner = r->owner;
	h->kind = r->kind;
	h->credentials = cdc_peers_credentials(credentials, lengthof(credentials));
	if (!one_line(r->user) || !one_line(r->password) || !one_line(r->bearer) || !one_line(r->url))
		h->unfit = "its credentials or its URL have control characters; give them anew, one line of printable characters";
	host_of(r->url, h->place);
	h->forbids = r->forbids;
	snprintf(h->forbidden, sizeof(h->forbidden), "%s " UINT64_FORMAT, methods[r->method], cdc_peers_credentials(&r->url, 1));
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
	}

	/*
	 * That one alone; and the system's from their one file: only so libcurl keeps
	 * what it has read of them, which is some 10 ms for each connection.
	 */
	curl_easy_setopt(h->easy, CURLOPT_CAPATH, NULL);
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
	h->connect_timeout_ms = r->connect_timeout_ms;
	h->timeout_ms = r->timeout_ms;
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
	return h;
}

void
cdc_http_request_free(CdcHttpHandle *h)
{
	curl_easy_cleanup(h->easy);
	curl_slist_free_all(h->headers);
	explicit_bzero(h->request_body, strlen(h->request_body));
	free(h->request_body);
	free(h->body);
	free(h);
}

void
cdc_http_request_peer(const CdcHttpHandle *h, char *peer, size_t size)
{
	char	   *address = NULL;
	long		port = 0;

	if (curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_IP, &address) != CURLE_OK || address == NULL || address[0] == '\0' ||
		curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_PORT, &port) != CURLE_OK)
		return;
	/* an IPv4 address is the same dressed as IPv6 */
	if (strncasecmp(address, "::ffff:", 7) == 0 && strchr(address, '.') != NULL)
		address += 7;
	snprintf(peer, size, "%s %ld", address, port);
}
