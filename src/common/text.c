/*
 * text.c
 *	  See text.h.
 */
#include "common/base.h"

#include <string.h>

#include "common/text.h"

static bool ascii_only;

void
cdc_text_ascii_only(bool on)
{
	ascii_only = on;
}

/*
 * Length of the valid character at p, of which left bytes are there; 0: it is
 * none.  What may follow a lead byte first is what excludes overlong forms,
 * surrogates and what is beyond U+10FFFF.
 */
static int
character(const unsigned char *p, size_t left)
{
	static const struct
	{
		unsigned char low,
					high;		/* lead bytes */
		unsigned char second_low,
					second_high;
		int			length;
	}			forms[] = {
		{0xC2, 0xDF, 0x80, 0xBF, 2},
		{0xE0, 0xE0, 0xA0, 0xBF, 3},
		{0xE1, 0xEC, 0x80, 0xBF, 3},
		{0xED, 0xED, 0x80, 0x9F, 3},
		{0xEE, 0xEF, 0x80, 0xBF, 3},
		{0xF0, 0xF0, 0x90, 0xBF, 4},
		{0xF1, 0xF3, 0x80, 0xBF, 4},
		{0xF4, 0xF4, 0x80, 0x8F, 4},
	};
	size_t		i;
	int			n;

	for (i = 0; i < lengthof(forms); i++)
	{
		if (*p < forms[i].low || *p > forms[i].high)
			continue;
		if (left < (size_t) forms[i].length || p[1] < forms[i].second_low || p[1] > forms[i].second_high)
			return 0;
		for (n = 2; n < forms[i].length; n++)
		{
			if ((p[n] & 0xC0) != 0x80)
				return 0;
		}
		return ascii_only ? 0 : forms[i].length;
	}
	return 0;
}

bool
cdc_text_clean(char *words, size_t length)
{
	unsigned char *p = (unsigned char *) words;
	unsigned char *end = p + length;
	bool		clean = true;

	while (p < end)
	{
		int			n;

		if (*p != 0 && *p < 0x80)
		{
			p++;
			continue;
		}
		n = *p == 0 ? 0 : character(p, end - p);
		if (n == 0)
		{
			*p = '?';
			clean = false;
			n = 1;
		}
		p += n;
	}
	return clean;
}

char *
cdc_text_line(char *to, size_t size, const char *from)
{
	size_t		n = 0;

	for (; from && *from && n + 1 < size; from++)
	{
		bool		blank = (unsigned char) *from <= ' ' || *from == 0x7F;

		if (blank && (n == 0 || to[n - 1] == ' '))
			continue;
		to[n++] = blank ? ' ' : *from;
	}
	/* first what is cut off, then what never was a character */
	if (from && *from)
		n = cdc_text_clip(to, n);
	while (n > 0 && to[n - 1] == ' ')
		n--;
	to[n] = '\0';
	cdc_text_clean(to, n);
	return to;
}

bool
cdc_text_is_uuid(const char *words)
{
	int			i;

	for (i = 0; words && i < 36; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23 ? words[i] != '-' : words[i] == '\0' || strchr("0123456789abcdefABCDEF", words[i]) == NULL)
			return false;
	}
	return words && words[36] == '\0';
}
