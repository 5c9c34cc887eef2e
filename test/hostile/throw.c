/*
 * throw.c
 *	  A preload for the metadata's processes: whoever parses JSON with these
 *	  words in it gets an ERROR in the middle of it.
 *
 * As a fault of ours in the reading of an answer would throw one.  Beside the
 * server's own processes nobody finds ereport, and nobody calls it.
 */
#include "postgres.h"

#include <dlfcn.h>
#include <json-c/json.h>
#include <string.h>

#define WORDS "a-fault-in-the-reader-5c1d"

struct json_object *
json_tokener_parse_ex(struct json_tokener *tokener, const char *words, int length)
{
	struct json_object *(*real) (struct json_tokener *, const char *, int) =
		(struct json_object *(*) (struct json_tokener *, const char *, int)) dlsym(RTLD_NEXT, "json_tokener_parse_ex");

	if (words && length > 0 && memmem(words, length, WORDS, strlen(WORDS)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("the reader has a fault")));
	return real(tokener, words, length);
}
