/*
 * known.h
 *	  Tokens that were right lately, so that a body may come without asking
 *	  first.  Nobody is served on that: each call proves its token itself.
 *
 * Bounded: what was right longest ago is forgotten first.  Tokens are not kept,
 * only salted hashes of them.
 */
#ifndef CDC_GATEWAY_KNOWN_H
#define CDC_GATEWAY_KNOWN_H

#include "common/base.h"

/* Was this token right in the last minute? */
extern bool known_has(const char *token);

extern void known_add(const char *token);

/* It is not right any more. */
extern void known_remove(const char *token);

#endif							/* CDC_GATEWAY_KNOWN_H */
