/*
 * pipelines_topics.c
 *	  Names of topics, as Debezium makes them, and what of them collides.
 *
 * Declared in sql/pipelines/helpers_topics.sql.  Pure: what is reserved stands in
 * cdc.topic, which SQL reads and writes.
 *
 * A topic is <prefix>.<schema>.<table>, each illegal character as _
 * (AbstractTopicNamingStrategy).  A character is Java's, a unit of UTF-16: one beyond
 * U+FFFF is two.  Kafka's metrics do not tell . from _: the key of a topic has _ for
 * both, and topics with one key collide.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "extension/topics.h"

PG_FUNCTION_INFO_V1(cdc_topic_key);
PG_FUNCTION_INFO_V1(cdc_topic_of);
PG_FUNCTION_INFO_V1(cdc_topic_ranges);
PG_FUNCTION_INFO_V1(cdc_topics_of);

/* Units of UTF-16 of a character whose UTF-8 begins so; it has as many bytes as *bytes says. */
static int
utf16_units(const char *words, int *bytes)
{
	*bytes = pg_utf_mblen((const unsigned char *) words);
	return *bytes == 4 ? 2 : 1;
}

/* Adds words, in the database's encoding, as they stand in a topic, or in its key. */
static void
append_legal(StringInfo topic, const char *words, int length, bool key)
{
	char	   *unicode = pg_server_to_any(words, length, PG_UTF8);
	const char *at = unicode;
	const char *end = unicode + (unicode == words ? length : (int) strlen(unicode));

	while (at < end)
	{
		int			bytes;
		int			units = utf16_units(at, &bytes);
		char		c = *at;

		if (bytes == 1 && c == '.')
			appendStringInfoChar(topic, key ? '_' : '.');
		else if (bytes == 1 && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
			appendStringInfoChar(topic, c);
		else
			appendBinaryStringInfo(topic, "__", units);
		at += bytes;
	}
	if (unicode != words)
		pfree(unicode);
}

/* Adds one part of "schema"."table", without its quotes; where the next one begins. */
static const char *
append_part(StringInfo topic, const char *part, const char *end)
{
	const char *from;

	if (part >= end || *part != '"')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not the name of a table as it is kept"),
				 errdetail("It was \"%.*s\".", (int) Min(end - part, 200), part),
				 errhint("Names of tables are kept as \"schema\".\"table\", each with its quotes.")));
	for (from = ++part; part < end; part++)
	{
		if (*part != '"')
			continue;
		append_legal(topic, from, (int) (part - from), false);
		if (part + 1 >= end || part[1] != '"')
			return part + 2;	/* past the dot, or the end */
		append_legal(topic, part, 1, false);
		from = part + 2;
		part++;
	}
	return end;
}

static void
append_name(StringInfo topic, const char *prefix, int length, const char *table, const char *end)
{
	const char *next;

	append_legal(topic, prefix, length, false);
	appendStringInfoChar(topic, '.');
	next = append_part(topic, table, end);
	appendStringInfoChar(topic, '.');
	append_part(topic, next, end);
}

static void
append_topic(StringInfo topic, text *prefix, text *table)
{
	append_name(topic, VARDATA_ANY(prefix), VARSIZE_ANY_EXHDR(prefix), VARDATA_ANY(table), (const char *) VARDATA_ANY(table) + VARSIZE_ANY_EXHDR(table));
}

char *
cdc_topic_name(const char *prefix, const char *table)
{
	StringInfoData topic;

	initStringInfo(&topic);
	append_name(&topic, prefix, (int) strlen(prefix), table, table + strlen(table));
	return topic.data;
}

/* cdc_inner.topic_of(prefix text, tab text) -> text: the topic of a table, which is named as it is kept. */
Datum
cdc_topic_of(PG_FUNCTION_ARGS)
{
	StringInfoData topic;

	initStringInfo(&topic);
	append_topic(&topic, PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(topic.data, topic.len));
}

/* cdc_inner.topic_key(topic text) -> text */
Datum
cdc_topic_key(PG_FUNCTION_ARGS)
{
	text	   *topic = PG_GETARG_TEXT_PP(0);
	StringInfoData key;

	initStringInfo(&key);
	append_legal(&key, VARDATA_ANY(topic), VARSIZE_ANY_EXHDR(topic), true);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key.data, key.len));
}

static ArrayType *
texts(Datum *values, int n)
{
	return construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/* cdc_inner.topics_of(prefix text, tables text[]) -> text[]: the topic of each table, in their order. */
Datum
cdc_topics_of(PG_FUNCTION_ARGS)
{
	Datum	   *tables;
	StringInfoData topic;
	int			n;
	int			i;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &tables, NULL, &n);
	initStringInfo(&topic);
	for (i = 0; i < n; i++)
	{
		resetStringInfo(&topic);
		append_topic(&topic, PG_GETARG_TEXT_PP(0), DatumGetTextPP(tables[i]));
		tables[i] = PointerGetDatum(cstring_to_text_with_len(topic.data, topic.len));
	}
	PG_RETURN_ARRAYTYPE_P(texts(tables, n));
}

static int
compare_texts(const void *a, const void *b)
{
	text	   *x = DatumGetTextPP(*(const Datum *) a);
	text	   *y = DatumGetTextPP(*(const Datum *) b);
	int			order = memcmp(VARDATA_ANY(x), VARDATA_ANY(y), Min(VARSIZE_ANY_EXHDR(x), VARSIZE_ANY_EXHDR(y)));

	return order ? order : (int) VARSIZE_ANY_EXHDR(x) - (int) VARSIZE_ANY_EXHDR(y);
}

/*
 * cdc_inner.topic_ranges(topics text[]) -> text[]: what a pipeline that captures all
 * tables may have reserved that one of these topics is in: all beginnings of them that
 * end with a dot, each once.
 */
Datum
cdc_topic_ranges(PG_FUNCTION_ARGS)
{
	Datum	   *topics;
	Datum	   *ranges;
	int			ntopics;
	int			room = 16;
	int			n = 0;
	int			distinct = 0;
	int			i;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &topics, NULL, &ntopics);
	ranges = palloc(sizeof(Datum) * room);
	for (i = 0; i < ntopics; i++)
	{
		text	   *topic = DatumGetTextPP(topics[i]);
		int			length = VARSIZE_ANY_EXHDR(topic);
		int			at;

		for (at = 1; at <= length; at++)
		{
			if (((char *) VARDATA_ANY(topic))[at - 1] != '.')
				continue;
			if (n == room)
				ranges = repalloc(ranges, sizeof(Datum) * (room *= 2));
			ranges[n++] = PointerGetDatum(cstring_to_text_with_len(VARDATA_ANY(topic), at));
		}
	}
	qsort(ranges, n, sizeof(Datum), compare_texts);
	for (i = 0; i < n; i++)
	{
		if (i == 0 || compare_texts(&ranges[i], &ranges[distinct - 1]) != 0)
			ranges[distinct++] = ranges[i];
	}
	PG_RETURN_ARRAYTYPE_P(texts(ranges, distinct));
}
