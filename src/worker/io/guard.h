/*
 * guard.h
 *	  An ERROR while an answer is read ends that reading, and nothing more.
 *
 * For callbacks of the loop: no transaction is open there, and nothing is
 * locked.  Knows nothing of what is called.
 */
#ifndef CDC_GUARD_H
#define CDC_GUARD_H

#include "postgres.h"

/*
 * Calls call(arg).  True when it returned.  An ERROR is caught and logged;
 * then why (size bytes) has its message as one line, and memory context and
 * resource owner are what they were.  FATAL is not caught.  what: for the log,
 * "the answer of a source".
 */
extern bool cdc_guard(void (*call) (void *arg), void *arg, const char *what, char *why, size_t size);

#endif							/* CDC_GUARD_H */
