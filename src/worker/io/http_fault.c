/*
 * http_fault.c
 *	  Why a request was not answered: in our words for members, in libcurl's for
 *	  the log.
 *
 * See http_parts.h.  Owns what the log was told last.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "worker/io/http_parts.h"

/* Failures that the log was told last, one for each place of a table by host. */
#define LOGGED 256

static uint32 logged[LOGGED];

/* How long it was waited for: for a connection, or for all of the answer. */
static void
late_words(const CdcHttpHandle *h, char *words, size_t size)
{
	curl_off_t	connected = 0;
	bool		in_time = curl_easy_getinfo(h->easy, CURLINFO_CONNECT_TIME_T, &connected) == CURLE_OK && connected > 0;
	int			ms = in_time || h->connect_timeout_ms <= 0 ? h->timeout_ms : Min(h->connect_timeout_ms, h->timeout_ms);

	snprintf(words, size, "no answer in time: within %g s", ms / 1000.0);
}

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
		{CURLE_SSL_CONNECT_ERROR, "TLS failed: there is none, or none in common"},
		{CURLE_PEER_FAILED_VERIFICATION, "TLS failed: its certificate is not accepted"},
		{CURLE_SEND_ERROR, "the connection was closed"},
		{CURLE_RECV_ERROR, "the connection was closed"},
		{CURLE_PARTIAL_FILE, "the connection was closed within the answer"},
		{CURLE_UNSUPPORTED_PROTOCOL, "what answers there is not HTTP: it may speak TLS (https://)"},
		{CURLE_WEIRD_SERVER_REPLY, "what answers there is not HTTP: it may speak TLS (https://)"},
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
	else if (h->header_len > CDC_HTTP_HEADERS_MAX)
		snprintf(words, size, "the answer has more than %d bytes of headers", CDC_HTTP_HEADERS_MAX);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		late_words(h, words, size);
	else if (code == CURLE_GOT_NOTHING || ((code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && h->header_len == 0))
		strlcpy(words, "the connection was closed without an answer: what is there may be a Kafka broker, or speak TLS (https://)", size);
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
	uint32		host = string_hash(h->place, sizeof(h->place));
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
			(errmsg("cdc_pipeline had no answer from %s: %s", h->place, words),
			 errdetail_internal("%s", detail)));
}

void
cdc_http_fault(CdcHttpHandle *h, CURLcode code, char *words, size_t size)
{
	words_of(h, code, words, size);
	without_duration(h->error);
	log_failure(h, words);
}
