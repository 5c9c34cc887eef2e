/* link: src/reconciler/detail.c */
/*
 * detail_test.c
 *	  A message with its words, cut to what there is room for.
 */
#include <stdio.h>
#include <string.h>

#include "reconciler/detail.h"

static int	tests;
static int	failures;

static void
expect(const char *message, const char *gap, size_t size, const char *wanted, size_t length)
{
	const char *details[CDC_NUM_DETAILS] = {NULL};
	char		buf[100];
	size_t		n;
	int			good;

	details[CDC_DETAIL_GAP] = gap;
	memset(buf, '#', sizeof(buf));
	n = cdc_detail_expand(buf, size, message, details);
	good = n == length && (size == 0 || strcmp(buf, wanted) == 0) && buf[size] == '#';
	tests++;
	failures += !good;
	printf("%sok %d - \"%s\" in %d bytes\n", good ? "" : "not ", tests,
		   message ? message : "NULL", (int) size);
	if (!good)
		printf("# got \"%.*s\", length %d\n", (int) size, buf, (int) n);
}

int
main(void)
{
	int			i;
	int			j;
	int			same = 0;

	expect("nothing to replace", NULL, 50, "nothing to replace", 18);
	expect("{gap}", "a gap", 50, "a gap", 5);
	expect("before {gap} after", "a gap", 50, "before a gap after", 18);
	expect("{gap}{gap}", "ab", 50, "abab", 4);
	expect("{gap}", NULL, 50, "not known yet", 13);
	expect("{nothing}", "a gap", 50, "not known yet", 13);
	expect("{gap", "a gap", 50, "{gap", 4);
	expect("}{gap}", "a", 50, "}a", 2);
	expect("{gap}", "{slot}", 50, "{slot}", 6);
	expect("{gap}", "", 50, "", 0);
	expect("", NULL, 50, "", 0);
	expect(NULL, NULL, 50, "", 0);
	expect("cut here", NULL, 4, "cut", 8);
	expect("cut {gap}", "here", 7, "cut he", 8);
	expect("one", NULL, 4, "one", 3);
	expect("one", NULL, 1, "", 3);
	expect("one", NULL, 0, "", 3);
	expect("table {gap}", "a\nb\033[2J\177", 50, "table a b [2J ", 14);
	/* never half a character: the database would refuse it */
	expect("{gap}", "a\xc3\xa4", 3, "a", 3);
	expect("{gap}", "a\xc3\xa4", 4, "a\xc3\xa4", 3);
	expect("{gap}", "a\xe2\x82\xac" "b", 4, "a", 5);
	expect("{gap}", "a\xe2\x82\xac" "b", 5, "a\xe2\x82\xac", 5);
	expect("{gap}", "\xf0\x9f\x90\x98" "b", 4, "", 5);
	expect("{gap}", "\xf0\x9f\x90\x98" "b", 5, "\xf0\x9f\x90\x98", 5);

	for (i = 0; i < CDC_NUM_DETAILS; i++)
	{
		for (j = 0; j < i; j++)
			same += strcmp(cdc_detail_name((CdcDetail) i), cdc_detail_name((CdcDetail) j)) == 0;
	}
	tests++;
	failures += same > 0;
	printf("%sok %d - details have different names\n", same ? "not " : "", tests);
	printf("1..%d\n", tests);
	return failures > 0;
}
