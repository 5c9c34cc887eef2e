/*
 * quote.h
 *	  Quoting of SQL identifiers and literals for statements that we send.
 *
 * Always quotes (no keyword list to go stale).  Results are palloc'd.
 */
#ifndef CDC_QUOTE_H
#define CDC_QUOTE_H

#include "common/base.h"

extern char *cdc_quote_ident(const char *ident);
/* Safe whatever standard_conforming_strings is: uses E'' when there is a backslash. */
extern char *cdc_quote_literal(const char *literal);

/*
 * A statement of a template in which %I stands for an identifier, %L for a
 * literal (both quoted), %d for an int and %% for a percent sign; the arguments
 * follow.  NULL when one of the strings is NULL or has a control character, a
 * line or paragraph separator or a mark of writing direction: what is shown
 * to be typed must be what it looks like.
 */
extern char *cdc_quote_format(const char *template, ...);

#endif							/* CDC_QUOTE_H */
