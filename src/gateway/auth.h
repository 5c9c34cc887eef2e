/*
 * auth.h
 *	  Reads an Authorization header.
 */
#ifndef CDC_GATEWAY_AUTH_H
#define CDC_GATEWAY_AUTH_H

#include "common/base.h"

typedef enum AuthScheme
{
	AUTH_BASIC,
	AUTH_BEARER,
	AUTH_BAD					/* another scheme, or not readable */
} AuthScheme;

/*
 * Basic: *role and *secret (the password); Bearer: *secret (the token), *role
 * NULL; palloc'd, the caller wipes the secret.  AUTH_BAD: neither is set.  An
 * empty role, password or token is bad: no role of PostgreSQL has one.  So is a
 * role of more than 63 bytes, with control characters or not in UTF-8, and a
 * token that is not printable ASCII.
 */
extern AuthScheme auth_read(const char *header, char **role, char **secret);

#endif							/* CDC_GATEWAY_AUTH_H */
