/*
 * guard.c
 *	  Refuses what two parsers of HTTP could read differently.
 *
 * libmicrohttpd 0.9.75 is lenient: it takes a bare LF as the end of a line,
 * joins folded lines, cuts a value at a NUL, searches only the first header of a
 * name.  It parses in place, which is what makes them visible afterwards: in a
 * header that is well formed each part lies exactly where it must behind the
 * one before.  Later versions do not parse so, and refuse all this themselves
 * when told to (http.c tells them).
 */
#include "gateway/guard.h"

#include "gateway/config.h"

#define IN_PLACE (MHD_VERSION < 0x00097600)

static const Refusal malformed_line = {400, "bad_request", "the request line is malformed"};
static const Refusal malformed_header = {400, "bad_request", "a header is malformed"};
static const Refusal ambiguous_length = {400, "bad_request", "the length of the body is ambiguous"};
static const Refusal bad_coding = {400, "bad_request", "the only transfer coding is chunked, in HTTP/1.1"};
static const Refusal bad_host = {400, "bad_request", "exactly one Host is wanted"};
static const Refusal no_length = {411, "length_required", "HTTP/1.0 needs a Content-Length here"};
static const Refusal long_uri = {414, "uri_too_long", "the path is too long"};
static const Refusal bad_expectation = {417, "expectation_failed", "the only expectation is 100-continue"};
static const Refusal large_header = {431, "header_too_large", "the header is too large"};
static const Refusal unknown_method = {501, "not_implemented", "no such method"};

/* Characters of a name, RFC 9110 section 5.6.2. */
bool
guard_is_token(const char *str, size_t length)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) str[i];

		if (c >= 0x80 || !(isalnum(c) || strchr("!#$%&'*+-.^_`|~", c) != NULL) || c == '\0')
			return false;
	}
	return length > 0;
}

static bool
has_control(const char *str, size_t length, bool space_too)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) str[i];

		if (c == 0x7f || (c < 0x20 && c != '\t') || (space_too && (c == ' ' || c == '\t')))
			return true;
	}
	return false;
}

static enum MHD_Result
collect(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_length, const char *value, size_t value_length)
{
	Head	   *head = cls;

	if (head->n < GUARD_HEADERS)
	{
		Header	   *header = &head->header[head->n];

		header->name = name;
		header->name_length = name_length;
		header->value = value != NULL ? value : "";
		header->value_length = value_length;
	}
	head->n++;
	return MHD_YES;
}

/* Is everything where CRLF, single blanks and no NUL put it? */
static bool
lies_well(const char *method, const char *uri_place, size_t uri_length, const char *version, const Head *head, size_t size)
{
	const char *end = version + strlen(version) + 2;
	int			i;

	if (uri_place != method + strlen(method) + 1 || version != uri_place + uri_length + 1)
		return false;
	for (i = 0; i < head->n; i++)
	{
		if (head->header[i].name != end)
			return false;
		end = head->header[i].value + head->header[i].value_length + 2;
	}
	return end + 2 == method + size;
}

bool
guard_is(const Header *header, const char *name)
{
	return header->name_length == strlen(name) && pg_strncasecmp(header->name, name, header->name_length) == 0;
}

const Header *
guard_find(const Head *head, const char *name)
{
	int			i;

	for (i = 0; i < head->n; i++)
	{
		if (guard_is(&head->header[i], name))
			return &head->header[i];
	}
	return NULL;
}

static const Refusal *
check_headers(Head *head, bool old)
{
	int			lengths = 0;
	int			codings = 0;
	int			hosts = 0;
	int			credentials = 0;
	int			i;

	for (i = 0; i < head->n; i++)
	{
		const Header *header = &head->header[i];
		const char *value = header->value;
		size_t		length = header->value_length;

		if (!guard_is_token(header->name, header->name_length) || has_control(value, length, false))
			return &malformed_header;
		while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
			length--;
		if (guard_is(header, "content-length"))
		{
			size_t		digits = strspn(value, "0123456789");

			lengths++;
			if (digits != length || digits == 0 || digits > 15)
				return &ambiguous_length;
			head->content_length = strtoull(value, NULL, 10);
		}
		else if (guard_is(header, "transfer-encoding"))
		{
			codings++;
			if (length != 7 || pg_strncasecmp(value, "chunked", 7) != 0 || header->value_length != 7)
				return &bad_coding;
			head->chunked = true;
		}
		else if (guard_is(header, "host"))
		{
			hosts++;
			if (length == 0 || strcspn(value, " \t,/@?#\\") < length)
				return &bad_host;
		}
		else if (guard_is(header, "authorization"))
			credentials++;
		else if (guard_is(header, "expect") && (length != 12 || pg_strncasecmp(value, "100-continue", 12) != 0))
			return &bad_expectation;
	}
	if (codings > 0 && old)
		return &bad_coding;
	if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0))
		return &ambiguous_length;
	if (hosts > 1 || (hosts == 0 && !old))
		return &bad_host;
	if (credentials > 1)
		return &malformed_header;
	return NULL;
}

const Refusal *
guard_check(struct MHD_Connection *connection, const char *method, const char *uri, const char *uri_place, const char *version, Head *head)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"};
	const union MHD_ConnectionInfo *size;
	const Refusal *refusal;
	bool		old = strcmp(version, "HTTP/1.0") == 0;
	size_t		i;

	head->n = 0;
	head->content_length = 0;
	head->chunked = false;
	(void) MHD_get_connection_values_n(connection, MHD_HEADER_KIND, collect, head);
	size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (head->n > GUARD_HEADERS)
	{
		head->n = 0;
		return &large_header;
	}
	if (!guard_is_token(method, strlen(method)) || has_control(uri, strlen(uri), true))
		return &malformed_line;
	if (IN_PLACE && !lies_well(method, uri_place, strlen(uri), version, head, size->header_size))
		return &malformed_header;
	if (strlen(uri) > (size_t) config.max_uri)
		return &long_uri;
	if (size->header_size > (size_t) config.max_header)
		return &large_header;

	refusal = check_headers(head, old);
	if (refusal != NULL)
		return refusal;
	for (i = 0; i < lengthof(methods) && strcmp(methods[i], method) != 0; i++)
		;
	if (i == lengthof(methods))
		return &unknown_method;
	if (old && method[0] == 'P' && guard_find(head, "content-length") == NULL)
		return &no_length;
	return NULL;
}
