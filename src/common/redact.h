/*
 * redact.h
 *	  Takes secrets out of text that others wrote (stack traces, HTTP bodies,
 *	  SQL errors) before it reaches a log, an event or a user.
 */
#ifndef CDC_REDACT_H
#define CDC_REDACT_H

#include "common/base.h"

/*
 * A copy of text (palloc'd) in which "[redacted]" stands for each of the given
 * secrets (also as they look in JSON, in an SQL literal or in a URL; NULL and
 * empty ones are skipped) and for what follows words that announce a secret:
 * password=, "password":"...", token, secret, Authorization headers, user:pass@ in
 * URLs, SCRAM verifiers.  NULL gives an empty string.
 */
extern char *cdc_redact(const char *text, const char *const *secrets, int nsecrets);

/*
 * What a peer says of itself (an error, a reason), to be kept and shown: redacted
 * for the given secrets and for what announces one, one line, at most CDC_TEXT_MAX bytes,
 * cut between characters.  Of a longer text than 16 kB the rest is not looked at.  said is valid text,
 * NULL gives an empty one.
 */
extern char *cdc_redact_said(const char *said, const char *const *secrets, int nsecrets);

#endif							/* CDC_REDACT_H */
