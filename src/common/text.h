/*
 * text.h
 *	  What others wrote becomes text that the database takes: valid in its
 *	  encoding, and cut between characters.
 *
 * The one door for text from outside: results of libpq, bodies of HTTP, errors
 * of both.  Knows nothing of any peer; nothing here allocates or ereports.
 */
#ifndef CDC_TEXT_H
#define CDC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The longest text of a peer that is stored or shown: an error, a reason, a name in an event. */
#define CDC_TEXT_MAX 2000

/*
 * For a database whose encoding is neither UTF8 nor SQL_ASCII: from now on
 * cdc_text_clean() leaves ASCII alone.
 */
extern void cdc_text_ascii_only(bool on);

/*
 * Puts '?' in place of every byte of words that is not part of a valid UTF-8
 * character (RFC 3629), and of every NUL.  Length and all else stay, so that
 * JSON stays JSON.  True when nothing was to be done.
 */
extern bool cdc_text_clean(char *words, size_t length);

/*
 * from as one line in to, which has size bytes (at least 1): clean, runs of
 * white space and control characters as one blank, none at the ends, cut
 * between characters.  from NULL: "".  Returns to.
 */
extern char *cdc_text_line(char *to, size_t size, const char *from);

/*
 * The length of words, valid UTF-8, cut to length bytes without splitting a
 * character: half a one would be refused by the database that keeps it.
 */
static inline size_t
cdc_text_clip(const char *words, size_t length)
{
	size_t		start = length;

	/* back to the first byte of the last character, at most 3 bytes away */
	while (start > 0 && length - start < 3 && ((unsigned char) words[start - 1] & 0xC0) == 0x80)
		start--;
	if (start > 0 && ((unsigned char) words[start - 1] & 0xC0) == 0xC0)
	{
		unsigned char lead = (unsigned char) words[start - 1];
		size_t		want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;

		if (length - (start - 1) < want)
			return start - 1;
	}
	return length;
}

/* Is it a UUID, 8-4-4-4-12 hexadecimal digits?  NULL is none. */
extern bool cdc_text_is_uuid(const char *words);

#endif							/* CDC_TEXT_H */
