/*
 * words.h
 *	  Text that came from outside, as an answer may say it.
 *
 * Errors quote commands, peers and names of files: bytes of any encoding and of
 * any length.
 */
#ifndef CDC_AGENT_WORDS_H
#define CDC_AGENT_WORDS_H

#include "common/base.h"

#define AGENT_MAX_WORDS 1000	/* bytes of an error in an answer */

/*
 * A copy (palloc'd) of at most AGENT_MAX_WORDS bytes that is UTF-8, cut between
 * characters; what is neither UTF-8 nor printable is '?' in it.
 */
extern char *agent_words(const char *words);

/* Is all of it UTF-8? */
extern bool agent_is_text(const char *words);

#endif							/* CDC_AGENT_WORDS_H */
