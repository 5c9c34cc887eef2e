/*
 * detail.c
 *	  Puts the observed words into a rule's message.
 *
 * Owns the syntax {name}.  Must not know any rule, nor allocate.
 */
#include <string.h>

#include "common/text.h"
#include "reconciler/detail.h"

static const char *const detail_names[CDC_NUM_DETAILS] = {
#define X(id, name, descr) name,
	CDC_DETAIL_LIST(X)
#undef X
};

const char *
cdc_detail_name(CdcDetail detail)
{
	if ((unsigned) detail >= CDC_NUM_DETAILS)
		return "unknown";
	return detail_names[detail];
}

/* The detail whose name is the len bytes at name, CDC_NUM_DETAILS if none. */
static int
find_detail(const char *name, size_t len)
{
	int			i;

	for (i = 0; i < CDC_NUM_DETAILS; i++)
	{
		if (strlen(detail_names[i]) == len && memcmp(detail_names[i], name, len) == 0)
			break;
	}
	return i;
}

/* Appends len bytes as far as they fit; *used counts them all. */
static void
append(char *buf, size_t size, size_t *used, const char *text, size_t len)
{
	if (*used + 1 < size)
	{
		size_t		room = size - 1 - *used;

		memcpy(buf + *used, text, len < room ? len : room);
	}
	*used += len;
}

size_t
cdc_detail_expand(char *buf, size_t size, const char *message,
				  const char *const details[CDC_NUM_DETAILS])
{
	size_t		used = 0;
	const char *p = message != NULL ? message : "";
	char	   *c;

	while (*p != '\0')
	{
		const char *close = *p == '{' ? strchr(p, '}') : NULL;

		if (close != NULL)
		{
			int			i = find_detail(p + 1, (size_t) (close - p - 1));
			const char *word = i < CDC_NUM_DETAILS ? details[i] : NULL;

			if (word == NULL)
				word = "not known yet";
			append(buf, size, &used, word, strlen(word));
			p = close + 1;
		}
		else
		{
			size_t		len = 1 + strcspn(p + 1, "{");

			append(buf, size, &used, p, len);
			p += len;
		}
	}
	if (size > 0)
		buf[used < size ? used : cdc_text_clip(buf, size - 1)] = '\0';
	/* names of a source may have line ends, and what a terminal obeys */
	for (c = buf; size > 0 && *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			*c = ' ';
	}
	return used;
}
