/*
 * guard.h
 *	  Refuses what two parsers of HTTP could read differently, before a byte
 *	  of the body is used, and what is larger than the limits.
 */
#ifndef CDC_GATEWAY_GUARD_H
#define CDC_GATEWAY_GUARD_H

#include "common/base.h"

#include <microhttpd.h>

#define GUARD_HEADERS 100		/* more are refused with 431 */

typedef struct Header
{
	const char *name;
	size_t		name_length;
	const char *value;
	size_t		value_length;
} Header;

/* What the guard read on its way; texts are in the library's buffer. */
typedef struct Head
{
	Header		header[GUARD_HEADERS];
	int			n;
	uint64		content_length; /* 0 when there is none */
	bool		chunked;
} Head;

typedef struct Refusal
{
	int			status;
	const char *code;
	const char *error;
} Refusal;

/*
 * Judges a request's line and header, at the library's first call of the
 * handler; uri as its URI callback gave it, and where it lies.  NULL: well formed.
 */
extern const Refusal *guard_check(struct MHD_Connection *connection, const char *method, const char *uri,
								  const char *uri_place, const char *version, Head *head);

/* Characters of a name or a method only, and at least one? */
extern bool guard_is_token(const char *str, size_t length);

/* Is it the header of this name (lower case)? */
extern bool guard_is(const Header *header, const char *name);

/* The header of this name (lower case), or NULL. */
extern const Header *guard_find(const Head *head, const char *name);

#endif							/* CDC_GATEWAY_GUARD_H */
