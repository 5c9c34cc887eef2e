/* link: src/common/json_pieces.c src/common/json.c src/common/text.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * json_pieces_test.c
 *	  A list is found by its path and taken member by member, however its text
 *	  is cut; what is no JSON, or no such list, is none; and no member is parsed that
 *	  is longer than a piece may be.
 */
#include "common/json_pieces.h"

#include "common/json.h"
#include "tap.h"

static StringInfoData taken;
static size_t longest;

static bool
take(struct json_object *piece, size_t length, void *arg)
{
	appendStringInfo(&taken, "%s;", json_object_to_json_string_ext(piece, JSON_C_TO_STRING_PLAIN));
	longest = Max(longest, length);
	return strstr(taken.data, "stop") == NULL;
}

/* What was taken by its text alone; a word that is no JSON shows that nobody parses it. */
static CdcJsonKnown
known(const char *words, size_t length, void *arg)
{
	if (strlen(words) != length || strstr(words, "refuse"))
		return CDC_JSON_REFUSED;
	if (strstr(words, "old") == NULL)
		return CDC_JSON_NEW;
	appendStringInfo(&taken, "known %s;", words);
	return CDC_JSON_KNOWN;
}

static const CdcJsonPiecesOf knowing = {.open = '{', .piece_max = 64, .depth_max = 8, .known = known, .take = take};
static const CdcJsonPiecesOf knowing_array = {.open = '[', .path = {"a"}, .piece_max = 64, .depth_max = 8, .known = known, .take = take};

/* By how it begins. */
static bool
skipped(const char *begin, size_t length, void *arg)
{
	appendStringInfo(&taken, "skipped %.4s;", begin);
	return strlen(begin) == length && length <= 65;
}

static const CdcJsonPiecesOf skipping = {.open = '{', .piece_max = 64, .depth_max = 8, .skipped = skipped, .take = take};
static const CdcJsonPiecesOf skipping_array = {.open = '[', .path = {"a"}, .piece_max = 64, .depth_max = 8, .skipped = skipped, .take = take};
static const CdcJsonPiecesOf array = {.open = '[', .path = {"a", "b"}, .piece_max = 64, .depth_max = 8, .take = take};
static const CdcJsonPiecesOf object = {.open = '{', .piece_max = 64, .depth_max = 8, .take = take};

/* What was taken; NULL: it is no such list. */
static const char *
read_as(const CdcJsonPiecesOf *of, const char *words, size_t piece)
{
	CdcJsonPieces *pieces = cdc_json_pieces_new(of, NULL);
	size_t		length = strlen(words);
	size_t		at;
	bool		whole;

	initStringInfo(&taken);
	for (at = 0; at < length; at += piece)
		cdc_json_pieces_feed(pieces, words + at, Min(piece, length - at));
	whole = cdc_json_pieces_whole(pieces);
	cdc_json_pieces_free(pieces);
	return whole ? taken.data : NULL;
}

static const struct
{
	const CdcJsonPiecesOf *of;
	const char *words;
	const char *members;		/* NULL: none */
}			cases[] =
{
	{&array, "{\"a\":{\"b\":[1,{\"x\":[2,3]},\"],[\"]}}", "1;{\"x\":[2,3]};\"],[\";"},
	{&array, " { \"a\" : { \"b\" : [ 1 , 2 ] } } ", "1;2;"},
	{&array, "{\"a\":{\"b\":[]}}", ""},
	{&array, "{\"a\":{\"b\":[ \n]}}", ""},
	{&array, "{\"more\":[[1],{\"a\":{}}],\"a\":{\"c\":[9],\"b\":[1]},\"b\":[7]}", "1;"},
	/* too long, too deep: by itself */
	{&skipping_array, "{\"a\":[1,\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,]}\\\"\",2]}", "1;skipped \"xxx;2;"},
	{&skipping_array, "{\"a\":[[[[[[[[[[[[[\",\"]]]]]]]]]]]],2]}", "skipped [[[[;2;"},
	{&skipping, "{\"n\":[[[[[[[[[[{\"x\":1,\"y\":[]}]]]]]]]]]],\"m\":1}", "skipped {\"n\";{\"m\":1};"},
	{&skipping, "{\"n\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}", "skipped {\"n\";"},
	{&skipping, "{\"n\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",}", NULL},
	{&skipping_array, "{\"a\":[[[[[[[[[[[[]", NULL},
	/* elsewhere than on the path */
	{&array, "{\"b\":{\"a\":[1]}}", NULL},
	{&array, "{\"a\":[\"b\",[1]]}", NULL},
	{&array, "[\"a\",{\"b\":[1]}]", NULL},
	{&array, "{\"x\":\"a\",\"y\":{\"b\":[1]}}", NULL},
	{&array, "{\"a\":{\"b\":{\"0\":1}}}", NULL},
	{&array, "{\"a\":{\"b\":1}}", NULL},
	{&array, "{}", NULL},
	{&array, "{\"a\":{\"b\":[1],\"b\":[2]}}", NULL},
	/* no JSON, in it and around it */
	{&array, "{\"a\":{\"b\":[1,]}}", NULL},
	{&array, "{\"a\":{\"b\":[,1]}}", NULL},
	{&array, "{\"a\":{\"b\":[1 2]}}", NULL},
	{&array, "{\"a\":{\"b\":[1}}}", NULL},
	{&array, "{\"a\":{\"b\":[1]}]", NULL},
	{&array, "{\"a\":{\"b\":[1]},}", NULL},
	{&array, "{\"a\":{\"b\":[1], }}", NULL},
	{&array, "{\"a\":{\"b\":[1]}}}", NULL},
	{&array, "{\"a\":{\"b\":[1]}} x", NULL},
	{&array, "{\"a\":{\"b\":[1]", NULL},
	{&array, "x", NULL},
	{&array, "", NULL},
	/* limits, and who takes says no */
	{&array, "{\"a\":{\"b\":[[[[[[[6]]]]]]]}}", NULL},
	{&array, "{\"a\":{\"b\":[\"0123456789012345678901234567890123456789012345678901234567890123456789\"]}}", NULL},
	{&array, "{\"a\":{\"b\":[1,\"stop\",2]}}", NULL},

	{&object, "{\"k\":{\"v\":1},\"l\":[2]}", "{\"k\":{\"v\":1}};{\"l\":[2]};"},
	{&object, "{\"}\\\"{,\":1}", "{\"}\\\"{,\":1};"},
	{&object, "{}", ""},
	{&object, "[]", NULL},
	{&object, "{\"k\":1,}", NULL},
	{&object, "{\"k\" 1}", NULL},
	{&object, "{1}", NULL},

	/* what is known is not parsed, and all else is as it was */
	{&knowing, "{\"a\":1,\"old\":tru,\"b\":2}", "{\"a\":1};known {\"old\":tru};{\"b\":2};"},
	{&knowing, "{ \"old\" : 1 }", "known { \"old\" : 1 };"},
	{&knowing, "{\"old\":1,}", NULL},
	{&knowing, "{\"old\":1", NULL},
	{&knowing, "{\"old\":1,\"b\":tru}", NULL},
	{&knowing, "{\"a\":1,\"refuse\":2}", NULL},
	{&knowing_array, "{\"a\":[1,\"old\",2]}", "1;known \"old\";2;"},
};

int
main(void)
{
	int			i;
	size_t		piece;

	for (i = 0; i < (int) lengthof(cases); i++)
	{
		bool		same = true;

		is(read_as(cases[i].of, cases[i].words, 1000), cases[i].members, cases[i].words[0] ? cases[i].words : "nothing");
		for (piece = 1; piece < 12; piece++)
		{
			const char *again = read_as(cases[i].of, cases[i].words, piece);

			same = same && (again ? cases[i].members && strcmp(again, cases[i].members) == 0 : cases[i].members == NULL);
		}
		ok(same, "... in pieces the same");
	}
	ok(longest <= 64, "no member is longer than a piece may be");
	return done_testing();
}
