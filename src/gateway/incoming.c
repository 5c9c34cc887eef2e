/*
 * incoming.c
 *	  From an HTTP request to a call.
 *
 * The only paths that are known here are the gateway's own; every other one is
 * cdc.rest's, as are methods, permissions and bodies.
 */
#include "gateway/incoming.h"

#include "mb/pg_wchar.h"

#include "gateway/address.h"
#include "gateway/auth.h"
#include "gateway/client.h"
#include "gateway/config.h"
#include "gateway/guard.h"
#include "gateway/health.h"
#include "gateway/openapi.h"
#include "gateway/pool.h"

/* The header by which cdc.rest learns the client's address. */
#define CLIENT_ADDRESS "x-cdc-client-address"

/* A JSON string; bytes that are no UTF-8 are read as Latin-1. */
static void
add_json(StringInfo to, const char *str, size_t length, bool lower)
{
	bool		utf8 = pg_encoding_verifymbstr(PG_UTF8, str, (int) length) == (int) length;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) str[i];

		if (lower)
			c = pg_tolower(c);
		if (c == '"' || c == '\\')
		{
			appendStringInfoCharMacro(to, '\\');
			appendStringInfoCharMacro(to, (char) c);
		}
		else if (c < 0x20 || (c >= 0x80 && !utf8))
			appendStringInfo(to, "\\u%04x", c);
		else
			appendStringInfoCharMacro(to, (char) c);
	}
}

static bool
same_name(const Header *a, const Header *b)
{
	return a->name_length == b->name_length && pg_strncasecmp(a->name, b->name, a->name_length) == 0;
}

/* Not passed on as it came: a credential, or what the gateway says itself. */
static bool
is_kept_back(const Header *header)
{
	static const char *const names[] = {"authorization", "proxy-authorization", "cookie", "x-request-id", CLIENT_ADDRESS};
	size_t		i;

	for (i = 0; i < lengthof(names); i++)
	{
		if (guard_is(header, names[i]))
			return true;
	}
	return false;
}

/*
 * All headers but credentials, for cdc.rest; repeated ones joined.  Those that
 * are the gateway's own word are not the client's to write.
 */
static void
headers_as_json(Request *request, const Head *head)
{
	StringInfo	to = &request->headers;
	int			i;
	int			j;

	initStringInfo(to);
	appendStringInfo(to, "{\"x-request-id\":\"%s\"", request->id);
	if (request->remote[0] != '\0')
		appendStringInfo(to, ",\"" CLIENT_ADDRESS "\":\"%s\"", request->remote);
	for (i = 0; i < head->n; i++)
	{
		const Header *header = &head->header[i];

		for (j = 0; j < i && !same_name(&head->header[j], header); j++)
			;
		if (j < i || is_kept_back(header))
			continue;
		appendStringInfoString(to, ",\"");
		add_json(to, header->name, header->name_length, true);
		appendStringInfoString(to, "\":\"");
		add_json(to, header->value, header->value_length, false);
		for (j = i + 1; j < head->n; j++)
		{
			if (!same_name(&head->header[j], header))
				continue;
			appendStringInfoString(to, ", ");
			add_json(to, head->header[j].value, head->header[j].value_length, false);
		}
		appendStringInfoChar(to, '"');
	}
	appendStringInfoChar(to, '}');
}

/* The client's own id when it is a word; else the random one stays. */
static void
choose_id(Request *request, const Header *given)
{
	if (given != NULL && given->value_length > 0 && given->value_length < sizeof(request->id) &&
		strspn(given->value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/+=-") == given->value_length)
		strlcpy(request->id, given->value, sizeof(request->id));
}

/*
 * The address before the end of a list (X-Forwarded-For), which is cut there;
 * false when it is none.
 */
static bool
last_address(const char *list, size_t *length, struct sockaddr_storage *address)
{
	size_t		end = *length;
	size_t		start;

	while (end > 0 && (list[end - 1] == ' ' || list[end - 1] == '\t'))
		end--;
	for (start = end; start > 0 && list[start - 1] != ','; start--)
		;
	*length = start > 0 ? start - 1 : 0;
	while (start < end && (list[start] == ' ' || list[start] == '\t'))
		start++;
	return address_read(list + start, end - start, address);
}

/*
 * Who the client is.  Behind trusted proxies: the last address of
 * X-Forwarded-For that is none of theirs.  What stands before it, the client
 * may have written itself; so it may what stands before a word that is no
 * address: nothing is read beyond one.
 */
static void
find_client(Request *request, const Head *head)
{
	struct sockaddr *address = (struct sockaddr *) &request->address;
	bool		readable = true;
	int			i;

	address_copy(&request->address, MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
	for (i = head->n - 1; i >= 0 && readable && config_trusts(address); i--)
	{
		const Header *header = &head->header[i];
		size_t		length = header->value_length;

		if (!guard_is(header, "x-forwarded-for"))
			continue;
		while (length > 0 && readable && config_trusts(address))
			readable = last_address(header->value, &length, &request->address);
	}
	address_print(address, request->remote);
}

/* The path with query; of an absolute form without scheme and authority. */
static void
read_target(Request *request)
{
	const char *uri = request->uri;

	if (pg_strncasecmp(uri, "http://", 7) == 0 || pg_strncasecmp(uri, "https://", 8) == 0)
	{
		uri = strstr(uri, "://") + 3;
		uri += strcspn(uri, "/?");
	}
	request->target = *uri == '?' || *uri == '\0' ? psprintf("/%s", uri) : pg_strdup(uri);
	request->path_length = strcspn(request->target, "?#");
}

static bool
path_is(const Request *request, const char *path)
{
	size_t		length = request->path_length;

	if (length > 1 && request->target[length - 1] == '/')
		length--;
	return length == strlen(path) && strncmp(request->target, path, length) == 0;
}

static const char *const own_paths[] = {"/health/live", "/health", "/openapi.yaml"};

static bool
is_own_path(const Request *request)
{
	size_t		i;

	for (i = 0; i < lengthof(own_paths) && !path_is(request, own_paths[i]); i++)
		;
	return i < lengthof(own_paths);
}

/*
 * A body follows: may it?  Answered, or PROVING, or ARRIVING: then it may come.
 */
static void
before_body(Request *request, const Head *head)
{
	request->has_body = true;
	if (is_own_path(request))
		request_error(request, 400, "bad_request", "this path takes no body", NULL, NULL);
	else if (!request->credentials)
		request_unauthorized(request, false, "credentials are wanted");
	else if (head->content_length > (uint64) config.max_body)
		request_error(request, 413, "body_too_large", "the body is too large", NULL, NULL);
	else if (peer_is_full(request->peer, head->content_length))
		request_busy(request);
	else
	{
		request->phase = REQUEST_PROVING;
		if (request->secret == NULL)
			request_unauthorized(request, true, "the credentials cannot be read");
		else
			pool_prove(request);
	}
}

void
incoming_header(Request *request, const char *method, const char *version)
{
	Head		head;
	const Header *header;
	const Refusal *refusal = guard_check(request->connection, method, request->uri, request->uri_place, version, &head);

	strlcpy(request->method, method, sizeof(request->method));
	choose_id(request, guard_find(&head, "x-request-id"));
	find_client(request, &head);
	request->peer = peer_get((struct sockaddr *) &request->address);
	if (refusal != NULL)
	{
		request->has_body = true;
		request_error(request, refusal->status, refusal->code, refusal->error, NULL, NULL);
		return;
	}
	read_target(request);
	if (request->client->turned_away != 0)
	{
		request->has_body = true;
		if (request->client->turned_away == 429)
			request_error(request, 429, "too_many_connections", "too many connections of this address", NULL, "Use those that there are.");
		else
			request_error(request, 503, "busy", "all connections are taken", NULL, "Try again in a second.");
		return;
	}

	header = guard_find(&head, "authorization");
	if (header != NULL)
	{
		request->credentials = true;
		request->bearer = auth_read(header->value, &request->role, &request->secret) == AUTH_BEARER;
	}
	if (request->secret != NULL && !is_own_path(request))
	{
		headers_as_json(request, &head);
		if (!request_hold(request, request->headers.len))
		{
			request->has_body = true;
			request_busy(request);
			return;
		}
	}
	initStringInfo(&request->body);
	if (head.chunked || head.content_length > 0)
		before_body(request, &head);
}

/* The gateway's own paths; true when it was one, and is answered or on its way. */
static bool
own_path(Request *request)
{
	size_t		size;
	const char *str;

	if (!is_own_path(request))
		return false;
	if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0)
	{
		request_error(request, 405, "method_not_allowed", "this path has other methods", NULL, NULL);
		return true;
	}
	if (path_is(request, "/health/live"))
		request_answer_fixed(request, 200, NULL, "{\"status\":\"ok\"}", 15);
	else if (path_is(request, "/openapi.yaml"))
	{
		str = openapi_text(&size);
		request_answer_fixed(request, 200, "{\"Content-Type\": \"application/yaml; charset=utf-8\"}", str, size);
	}
	else if (!health_answer(request))
	{
		request->call = CALL_HEALTH;
		pool_submit(request);
	}
	return true;
}

void
incoming_complete(Request *request)
{
	if (request->target[0] != '/')
	{
		request_error(request, 400, "bad_request", "the path must begin with a slash", NULL, NULL);
		return;
	}
	if (pg_encoding_verifymbstr(PG_UTF8, request->target, strlen(request->target)) != (int) strlen(request->target) ||
		memchr(request->body.data, '\0', request->body.len) != NULL ||
		pg_encoding_verifymbstr(PG_UTF8, request->body.data, request->body.len) != request->body.len)
	{
		request_error(request, 400, "bad_request", "the request is not UTF-8", NULL, NULL);
		return;
	}
	if (own_path(request))
		return;
	if (!request->credentials)
	{
		request_unauthorized(request, false, "credentials are wanted");
		return;
	}
	if (request->secret == NULL)
	{
		request_unauthorized(request, true, "the credentials cannot be read");
		return;
	}
	request->metrics = path_is(request, "/metrics");
	request->call = request->bearer ? CALL_BEARER : CALL_REST;
	pool_submit(request);
}
