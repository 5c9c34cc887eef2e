/* link: src/common/json.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * json_test.c
 *	  What is JSON and what is none, whatever the library's version.
 */
#include "common/json.h"

#include <string.h>

#include "tap.h"

static const char *const good[] = {"{}", "[1, 2]", "\"a\"", "1", "null", " {\"a\": \"\xc3\xa4\xe2\x80\xae\xf0\x9f\x98\x80\"} \n", "\"\xc3\xa4\"", "[[[[1]]]]"};
static const char *const bad[] = {"", "{", "{} x", "[1] [2]", "1 2", "{\"a\" 1}", "nul", "\"a"};

int
main(void)
{
	size_t		i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		struct json_object *object = cdc_json_parse(good[i]);

		ok(object != NULL || strcmp(good[i], "null") == 0, good[i]);
		json_object_put(object);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(cdc_json_parse(bad[i]) == NULL, bad[i]);
	ok(cdc_json_parse(NULL) == NULL, "nor is nothing");
	{
		StringInfoData dense;
		StringInfoData words;
		struct json_object *object;

		initStringInfo(&dense);
		initStringInfo(&words);
		appendStringInfoString(&words, "[\"");
		for (i = 0; i < 40000; i++)
		{
			appendStringInfo(&dense, "%c{}", i ? ',' : '[');
			appendStringInfoString(&words, "{[\\\"");
		}
		appendStringInfoChar(&dense, ']');
		appendStringInfoString(&words, "\"]");
		ok(cdc_json_parse(dense.data) == NULL, "nor what would take a multiple of its length");
		object = cdc_json_parse(words.data);
		ok(object != NULL, "braces in a text are text");
		json_object_put(object);
	}
	return done_testing();
}
