/*
 * text_test.c
 *	  Text of others: what is not UTF-8, what is cut, what is no line.
 */
/* link: src/common/text.c */
/* flags: -DFRONTEND */
#include "common/text.h"

#include <string.h>

#include "tap.h"

static bool
cleaned(const char *from, const char *wanted)
{
	char		words[100];
	bool		clean;

	strcpy(words, from);
	clean = cdc_text_clean(words, strlen(words));
	if (strcmp(words, wanted) != 0)
		printf("# \"%s\" became \"%s\"\n", from, words);
	return strcmp(words, wanted) == 0 && clean == (strcmp(from, wanted) == 0);
}

int
main(void)
{
	char		line[20];
	char		bytes[4] = {'a', 0, 'b', '\xff'};
	int			n;
	bool		whole = true;

	ok(cleaned("Zo\xe9", "Zo?"), "a byte of LATIN1");
	ok(cleaned("{\"a\":\"\xfc\",\"b\":1}", "{\"a\":\"?\",\"b\":1}"), "JSON stays JSON");
	ok(cleaned("Zo\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "Zo\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "what is UTF-8 stays");
	ok(cleaned("\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xe0\x80\x80", "?? ??? ???? ???"), "overlong forms, surrogates, beyond Unicode");
	ok(cleaned("\xe2\x82", "??"), "half a character at the end");
	ok(!cdc_text_clean(bytes, 4) && memcmp(bytes, "a?b?", 4) == 0, "a NUL");
	for (n = 1; n < 20; n++)
	{
		char		copy[20];

		cdc_text_line(line, n, "\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9" "a\xf0\x9f\x98\x80");
		strcpy(copy, line);
		whole = whole && cdc_text_clean(copy, strlen(copy)) && strlen(line) < (size_t) n;
	}
	ok(whole, "wherever it is cut no character is split");
	is(cdc_text_line(line, sizeof(line), " a\r\n\tb \x1b[2J\x7f "), "a b [2J", "one line, no controls");
	is(cdc_text_line(line, sizeof(line), NULL), "", "nothing");
	is(cdc_text_line(line, 1, "abc"), "", "no room");
	cdc_text_ascii_only(true);
	ok(cleaned("Zo\xc3\xa9", "Zo??"), "a database of another encoding gets ASCII");
	return done_testing();
}
