/*
 * pg_words.h
 *	  Why a connection to a PostgreSQL server did not come about, in our words:
 *	  what viewers of an organization see.  What libpq, the operating system or the
 *	  server said is for the operator's log, since it would tell who registered
 *	  an address what is behind it.
 */
#ifndef CDC_PG_WORDS_H
#define CDC_PG_WORDS_H

#include "postgres.h"

#include "common/pg_login.h"

/*
 * Writes one line into words, for a login that FAILED or was REFUSED, or had not
 * ended at its deadline (state WAIT).
 */
extern void cdc_pg_words(const CdcPgLogin *login, CdcPgLoginState state,
						 const char *user, const char *database, int timeout_ms, char *words, size_t size);

/* Writes what was not done within so many ms, "no answer within 3 s", into words. */
extern void cdc_pg_late(const char *what, int ms, char *words, size_t size);

#endif							/* CDC_PG_WORDS_H */
