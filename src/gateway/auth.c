/*
 * auth.c
 *	  Reads an Authorization header.  Judges nothing: that is PostgreSQL's.
 */
#include "gateway/auth.h"

#include "common/base64.h"
#include "mb/pg_wchar.h"

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

/*
 * May a role be called so?  A name that cannot be one is not asked for: it would
 * be cut, and be another's, and it would get into the server's log as it is.
 */
static bool
may_be_role(const char *name)
{
	size_t		length = strlen(name);
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if ((unsigned char) name[i] < 0x20 || name[i] == 0x7f)
			return false;
	}
	return length > 0 && length < NAMEDATALEN && pg_encoding_verifymbstr(PG_UTF8, name, (int) length) == (int) length;
}

/* Printable ASCII without blanks: what a token is made of. */
static bool
may_be_token(const char *token)
{
	for (; *token > ' ' && *token < 0x7f; token++)
		;
	return *token == '\0';
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
		if (!may_be_token(value))
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
	if (colon != NULL && (int) strlen(clear) == length && colon[1] != '\0')
		*role = pnstrdup(clear, colon - clear);
	if (*role == NULL || !may_be_role(*role))
	{
		if (*role != NULL)
			pg_free(*role);
		*role = NULL;
		explicit_bzero(clear, size);
		pg_free(clear);
		return AUTH_BAD;
	}
	*secret = pg_strdup(colon + 1);
	explicit_bzero(clear, size);
	pg_free(clear);
	return AUTH_BASIC;
}
