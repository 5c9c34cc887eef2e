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

#endif							/* CDC_QUOTE_H */
