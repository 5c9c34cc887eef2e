/*
 * quote.c
 *	  Quoting of SQL identifiers and literals for statements that we send to
 *	  other servers.
 *
 * Knows no connection and no encoding: a quote or a backslash is never part of
 * a multibyte character in UTF-8, and UTF-8 is what we send.
 */
#include "common/quote.h"

#include <string.h>

/* Puts text between two quote characters, doubling the ones within. */
static void
append_quoted(StringInfo buf, const char *str, char quote, char doubled)
{
	const char *p;

	appendStringInfoChar(buf, quote);
	for (p = str; *p != '\0'; p++)
	{
		if (*p == quote || *p == doubled)
			appendStringInfoChar(buf, *p);
		appendStringInfoChar(buf, *p);
	}
	appendStringInfoChar(buf, quote);
}

char *
cdc_quote_ident(const char *ident)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_quoted(&buf, ident, '"', '"');
	return buf.data;
}

char *
cdc_quote_literal(const char *literal)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (strchr(literal, '\\') != NULL)
	{
		/* The space keeps the E from joining a word before it. */
		appendStringInfoString(&buf, " E");
		append_quoted(&buf, literal, '\'', '\\');
	}
	else
		append_quoted(&buf, literal, '\'', '\'');
	return buf.data;
}
