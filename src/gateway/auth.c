/*
 * auth.c
 *	  Reads an Authorization header.  Judges nothing: that is PostgreSQL's.
 */
#include "gateway/auth.h"

#include "common/base64.h"

static const char *
after_scheme(const char *header, const char *scheme)
{
	size_t		length = strlen(scheme);

	if (pg_strncasecmp(header, scheme, length) != 0 || header[length] != ' ')
		return NULL;
	header += length;
	while (*header == ' ')
		header++;
	return *header != '\0' ? header : NULL;
}

AuthScheme
auth_read(const char *header, char **role, char **secret)
{
	const char *value;
	char	   *clear;
	char	   *colon;
	int			size;
	int			length;

	*role = *secret = NULL;
	value = after_scheme(header, "Bearer");
	if (value != NULL)
	{
		if (strchr(value, ' ') != NULL)
			return AUTH_BAD;
		*secret = pg_strdup(value);
		return AUTH_BEARER;
	}
	value = after_scheme(header, "Basic");
	if (value == NULL)
		return AUTH_BAD;

	size = pg_b64_dec_len(strlen(value)) + 1;
	clear = pg_malloc0(size);
	length = pg_b64_decode(value, strlen(value), (void *) clear, size - 1);
	if (length > 0)
		clear[length] = '\0';
	colon = length > 0 ? strchr(clear, ':') : NULL;
	/* a NUL inside would cut the name that PostgreSQL sees */
	if (colon == NULL || (int) strlen(clear) != length || colon == clear || colon[1] == '\0')
	{
		explicit_bzero(clear, size);
		pg_free(clear);
		return AUTH_BAD;
	}
	*role = pnstrdup(clear, colon - clear);
	*secret = pg_strdup(colon + 1);
	explicit_bzero(clear, size);
	pg_free(clear);
	return AUTH_BASIC;
}
