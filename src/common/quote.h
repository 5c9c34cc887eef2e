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
 * Is str, UTF-8, one line of printable characters: none that a terminal, a
 * protocol of lines or a reader acts on (C0, DEL, C1, line and paragraph
 * separators, marks of writing direction)?
 */
extern bool cdc_is_one_line(const char *str);

/*
 * A statement of a template in which %I stands for an identifier, %L for a
 * literal (both quoted), %d for an int and %% for a percent sign; the arguments
 * follow.  NULL when one of the strings is NULL or not one line: what is shown
 * to be typed must be what it looks like.
 */
extern char *cdc_quote_format(const char *template,...);

#endif							/* CDC_QUOTE_H */
