/*
 * quote.c
 *	  Quoting of SQL identifiers and literals for statements that we send to
 *	  other servers.
 *
 * Knows no connection and no encoding: a quote or a backslash is never part of
 * a multibyte character in UTF-8, and UTF-8 is what we send.
 */
#include "common/quote.h"

#include <stdarg.h>
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

bool
cdc_is_one_line(const char *str)
{
	const unsigned char *p;

	for (p = (const unsigned char *) str; *p != 0; p++)
	{
		if (*p < ' ' || *p == 0x7f ||
			(*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) ||
			(*p == 0xe2 && p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
			(*p == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9))
			return false;
	}
	return true;
}

char *
cdc_quote_format(const char *template,...)
{
	StringInfoData buf;
	bool		fine = true;
	const char *p;
	va_list		args;

	initStringInfo(&buf);
	va_start(args, template);
	for (p = template; *p != '\0' && fine; p++)
	{
		if (*p != '%')
		{
			appendStringInfoChar(&buf, *p);
			continue;
		}
		p++;
		if (*p == 'd')
			appendStringInfo(&buf, "%d", va_arg(args, int));
		else if (*p == 'I' || *p == 'L')
		{
			const char *word = va_arg(args, const char *);
			char	   *quoted;

			fine = word != NULL && cdc_is_one_line(word);
			if (!fine)
				break;
			quoted = *p == 'I' ? cdc_quote_ident(word) : cdc_quote_literal(word);
			appendStringInfoString(&buf, quoted);
			pfree(quoted);
		}
		else
		{
			appendStringInfoChar(&buf, '%');
			if (*p == '\0')
				break;
		}
	}
	va_end(args);
	if (fine)
		return buf.data;
	pfree(buf.data);
	return NULL;
}
