/*
 * words.c
 *	  See words.h.
 */
#include "agent/words.h"

#include "mb/pg_wchar.h"

char *
agent_words(const char *words)
{
	char	   *copy = palloc(AGENT_MAX_WORDS + 1);
	size_t		length = 0;

	while (*words != '\0')
	{
		int			n = pg_utf_mblen((const unsigned char *) words);
		bool		whole = strnlen(words, n) == (size_t) n && pg_encoding_verifymbstr(PG_UTF8, words, n) == n;

		if (!whole)
			n = 1;
		if (length + n > AGENT_MAX_WORDS)
			break;
		if (whole && (n > 1 || ((unsigned char) *words >= 0x20 && *words != 0x7f)))
			memcpy(copy + length, words, n);
		else
			copy[length] = '?';
		length += n;
		words += n;
	}
	copy[length] = '\0';
	return copy;
}

bool
agent_is_text(const char *words)
{
	int			length = (int) strlen(words);

	return pg_encoding_verifymbstr(PG_UTF8, words, length) == length;
}
