/*
 * request.c
 *	  The life of a request's memory, and its answer.
 */
#include "gateway/request.h"

#include <json-c/json.h>
#include <openssl/rand.h>

#include "gateway/client.h"
#include "gateway/throttle.h"

#define ID_BYTES 12

/* Failed logins whose answer waits; all wait the same time. */
static dlist_head delayed = DLIST_STATIC_INIT(delayed);
static int	ndelayed;

/* Many ids' bytes are asked for at once: each asking costs more than they do. */
static void
random_id(char *id)
{
	static const char digits[] = "0123456789abcdef";
	static unsigned char bytes[ID_BYTES * 64];
	static size_t used = sizeof(bytes);
	size_t		i;

	if (used == sizeof(bytes))
	{
		if (RAND_bytes(bytes, sizeof(bytes)) != 1)
			abort();
		used = 0;
	}
	for (i = 0; i < ID_BYTES; i++, used++)
	{
		*id++ = digits[bytes[used] >> 4];
		*id++ = digits[bytes[used] & 15];
	}
	*id = '\0';
}

Request *
request_new(struct MHD_Connection *connection, const char *uri, void (*goes_on) (Request *request))
{
	Request    *request = pg_malloc0(sizeof(Request));

	request->connection = connection;
	request->client = client_of(connection);
	request->goes_on = goes_on;
	request->uri = pg_strdup(uri);
	request->uri_place = uri;
	request->began = loop_clock();
	random_id(request->id);
	return request;
}

static void
wipe(char *secret)
{
	if (secret != NULL)
	{
		explicit_bzero(secret, strlen(secret));
		pg_free(secret);
	}
}

void
request_free(Request *request)
{
	pg_free(request->uri);
	pg_free(request->target);
	if (request->headers.data != NULL)
		pg_free(request->headers.data);
	if (request->body.data != NULL)
	{
		/* it may hold the password of a service; what was not written needs no page */
		explicit_bzero(request->body.data, request->body.len);
		pg_free(request->body.data);
	}
	pg_free(request->role);
	wipe(request->secret);
	pg_free(request->answer_headers);
	if (request->peer != NULL)
	{
		peer_give(request->peer, request->held);
		peer_put(request->peer);
	}
	if (request->answer != NULL && !request->fixed)
	{
		explicit_bzero(request->answer, request->answer_length);
		pg_free(request->answer);
	}
	pg_free(request);
}

static void
keep(Request *request, int status, const char *headers, const char *body, size_t length)
{
	request->status = status;
	request->answer_headers = pg_strdup(headers != NULL ? headers : "{\"Content-Type\": \"application/json; charset=utf-8\"}");
	if (body != NULL)
	{
		request->answer = pg_malloc(length + 1);
		memcpy(request->answer, body, length);
		request->answer_length = length;
	}
}

static void
answered(Request *request)
{
	request->phase = REQUEST_ANSWERED;
	request->goes_on(request);
}

bool
request_hold(Request *request, size_t bytes)
{
	if (peer_is_full(request->peer, bytes))
		return false;
	peer_take(request->peer, bytes);
	request->held += bytes;
	return true;
}

void
request_proven(Request *request)
{
	request->phase = REQUEST_ARRIVING;
	request->goes_on(request);
}

void
request_busy(Request *request)
{
	request_error(request, 503, "busy", "the gateway has no memory for this now", "Bodies and answers of other requests have all of it.", "Try again in a second.");
}

void
request_answer(Request *request, int status, const char *headers, const char *body, size_t length)
{
	if (!request_hold(request, length))
	{
		/* What was read can be read again; what was done is told, whatever it takes. */
		if (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0)
		{
			request_busy(request);
			return;
		}
		peer_take(request->peer, length);
		request->held += length;
	}
	keep(request, status, headers, body, length);
	answered(request);
}

void
request_answer_fixed(Request *request, int status, const char *headers, const char *body, size_t length)
{
	keep(request, status, headers, NULL, 0);
	request->fixed = true;
	request->answer = (char *) body;
	request->answer_length = length;
	answered(request);
}

static void
keep_error(Request *request, int status, const char *code, const char *error, const char *detail, const char *hint)
{
	struct json_object *object = json_object_new_object();
	const char *headers = NULL;
	const char *str;

	json_object_object_add(object, "error", json_object_new_string(error));
	json_object_object_add(object, "code", json_object_new_string(code));
	if (detail != NULL)
		json_object_object_add(object, "detail", json_object_new_string(detail));
	if (hint != NULL)
		json_object_object_add(object, "hint", json_object_new_string(hint));
	switch (status)
	{
		case 401:
			headers = "{\"Content-Type\": \"application/json; charset=utf-8\", \"WWW-Authenticate\": \"Basic realm=\\\"cdc_pipeline\\\", charset=\\\"UTF-8\\\"\"}";
			break;
		case 405:
			headers = "{\"Content-Type\": \"application/json; charset=utf-8\", \"Allow\": \"GET, HEAD\"}";
			break;
		case 429:
		case 503:
			headers = "{\"Content-Type\": \"application/json; charset=utf-8\", \"Retry-After\": \"1\"}";
			break;
	}
	str = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	keep(request, status, headers, str, strlen(str));
	json_object_put(object);
}

void
request_error(Request *request, int status, const char *code, const char *error, const char *detail, const char *hint)
{
	keep_error(request, status, code, error, detail, hint);
	answered(request);
}

void
request_unauthorized(Request *request, bool failed, const char *error)
{
	uint64		wait = failed ? throttle_failed((struct sockaddr *) &request->address, request->role) : 0;

	keep_error(request, 401, "unauthorized", error, NULL, failed ? NULL : "Send a role and its password (Basic), or a token (Bearer).");
	if (wait == 0)
		answered(request);
	else
	{
		request->answer_at = loop_now + wait;
		dlist_push_tail(&delayed, &request->in_delayed);
		ndelayed++;
	}
}

void
request_append(Request *request, const char *line, size_t length)
{
	StringInfoData str;

	initStringInfo(&str);
	appendBinaryStringInfo(&str, request->answer, (int) request->answer_length);
	if (str.len > 0 && str.data[str.len - 1] != '\n')
		appendStringInfoChar(&str, '\n');
	appendBinaryStringInfo(&str, line, (int) length);
	pg_free(request->answer);
	request->answer = str.data;
	request->answer_length = str.len;
}

int
request_delayed(void)
{
	return ndelayed;
}

uint64
request_expire(void)
{
	while (!dlist_is_empty(&delayed))
	{
		Request    *request = dlist_head_element(Request, in_delayed, &delayed);

		if (request->answer_at > loop_now)
			return request->answer_at;
		dlist_delete(&request->in_delayed);
		ndelayed--;
		answered(request);
	}
	return 0;
}
