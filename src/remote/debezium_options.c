/*
 * debezium_options.c
 *	  The options of the connector that a user may set, and their values.
 *
 * No I/O, no state.  The list is an allow-list: what is not here stays ours.
 * Source: Debezium 3.7 PostgresConnectorConfig and its parents; Kafka KIP-158.
 */
#include "remote/kafka_connect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a user may set besides the table filter and the snapshot mode.  Nothing
 * here can change who connects where, what is captured by which slot and
 * publication, or run SQL.
 */
typedef enum OptionKind
{
	OPTION_BOOL,
	OPTION_INT,
	OPTION_WORD,				/* one of words */
	OPTION_OURS,				/* the same, and nothing that Debezium knows */
	OPTION_TEXT,
	OPTION_FIRST_TEXT			/* of generation 1 only */
} OptionKind;

typedef struct Option
{
	const char *key;
	OptionKind	kind;
	int64		min;
	int64		max;
	const char *words;			/* separated by single spaces */
	const char *fallback;		/* its value when it is not given, NULL: none */
	const char *on_live;		/* what a change sets off in a pipeline that runs */
	const char *meaning;
} Option;

#define RESTARTS "the task restarts"
#define CAPTURES "the task restarts and captures something else: a gap"
#define NEW_TOPICS "the task restarts; topics that are there stay as they are"

static const Option options[] = {
	{"binary.handling.mode", OPTION_WORD, 0, 0, "bytes base64 base64-url-safe hex", "bytes", RESTARTS,
		"how bytea is written"},
	{"column.exclude.list", OPTION_TEXT, 0, 0, NULL, NULL, CAPTURES,
		"columns that are left out, as expressions"},
	/* a free path told which files a Connect host has; now it is the service's ca */
	{"database.sslrootcert", OPTION_FIRST_TEXT, 0, 0, NULL, NULL, RESTARTS,
		"where the CA's certificate is on the Connect hosts"},
	{"decimal.handling.mode", OPTION_WORD, 0, 0, "precise double string", "double", RESTARTS,
		"how numeric is written"},
	{"field.name.adjustment.mode", OPTION_WORD, 0, 0, "none avro avro_unicode", "none", RESTARTS,
		"names of fields that another format does not take"},
	/* finite: it is what moves the slot of a quiet database */
	{"heartbeat.interval.ms", OPTION_INT, 500, 60000, NULL, "5000", RESTARTS,
		"what moves the slot of a quiet database"},
	{"hstore.handling.mode", OPTION_WORD, 0, 0, "json map", "json", RESTARTS,
		"how hstore is written"},
	{"include.unknown.datatypes", OPTION_BOOL, 0, 0, NULL, "false", RESTARTS,
		"whether values of unknown types are written, as bytes"},
	{"interval.handling.mode", OPTION_WORD, 0, 0, "numeric string", "numeric", RESTARTS,
		"how interval is written"},
	{"key.converter.schemas.enable", OPTION_BOOL, 0, 0, NULL, "false", RESTARTS,
		"a key with its schema"},
	{"max.batch.size", OPTION_INT, 1, 1000000, NULL, "2048", RESTARTS,
		"events that are handed on at once"},
	{"max.queue.size", OPTION_INT, 2, 10000000, NULL, "8192", RESTARTS,
		"events that wait to be handed on"},
	{"max.queue.size.in.bytes", OPTION_INT, 0, INT64CONST(1) << 40, NULL, "0", RESTARTS,
		"their bytes; 0: no bound"},
	{"message.key.columns", OPTION_TEXT, 0, 0, NULL, NULL, RESTARTS,
		"key columns of tables without a primary key"},
	{"no_key", OPTION_OURS, 0, 0, "wait full insert_only", "wait", "nothing until the next table without a key",
		"what to do about tables without a primary key or another replica identity"},
	{"on_gap", OPTION_OURS, 0, 0, "resnapshot halt", "resnapshot", "nothing until the next gap",
		"what to do when changes may be missing from Kafka"},
	{"pause_limit", OPTION_OURS, 0, 0, "warn resume", "warn", "nothing until the next look at a paused pipeline",
		"what to do when the slot of a paused pipeline comes near the WAL or the time at which it is given up"},
	{"poll.interval.ms", OPTION_INT, 1, 60000, NULL, "50", RESTARTS,
		"how long the task sleeps when it has read everything"},
	{"producer.override.max.request.size", OPTION_INT, 1024, 1 << 30, NULL, NULL, RESTARTS,
		"the largest record that is sent, in bytes; Connect's when not given. Its worker may refuse it (connector.client.config.override.policy)"},
	{"schema.name.adjustment.mode", OPTION_WORD, 0, 0, "none avro avro_unicode", "none", RESTARTS,
		"names of schemas that another format does not take"},
	{"skipped.operations", OPTION_TEXT, 0, 0, NULL, "t", CAPTURES,
		"operations that are left out"},
	{"snapshot.fetch.size", OPTION_INT, 1, 1000000, NULL, "10240", RESTARTS,
		"rows that a snapshot fetches at once"},
	{"time.precision.mode", OPTION_WORD, 0, 0, "adaptive adaptive_time_microseconds connect isostring microseconds nanoseconds", "adaptive", RESTARTS,
		"how times are written"},
	{"tombstones.on.delete", OPTION_BOOL, 0, 0, NULL, "true", RESTARTS,
		"an empty value after each delete, for compaction"},
	{"topic.creation.default.cleanup.policy", OPTION_WORD, 0, 0, "delete compact compact,delete delete,compact", NULL, NEW_TOPICS,
		"how new topics are made; the broker's when not given"},
	{"topic.creation.default.compression.type", OPTION_WORD, 0, 0, "uncompressed zstd lz4 snappy gzip producer", NULL, NEW_TOPICS,
		"how new topics are made; the broker's when not given"},
	{"topic.creation.default.max.message.bytes", OPTION_INT, 1024, 1 << 30, NULL, NULL, NEW_TOPICS,
		"the largest record that new topics take, in bytes; the broker's when not given"},
	{"topic.creation.default.partitions", OPTION_INT, -1, 100000, NULL, "-1", NEW_TOPICS,
		"partitions of new topics; -1: the broker's"},
	{"topic.creation.default.replication.factor", OPTION_INT, -1, 100, NULL, "-1", NEW_TOPICS,
		"copies of new topics; -1: the broker's"},
	{"topic.creation.default.retention.ms", OPTION_INT, -1, PG_INT64_MAX, NULL, NULL, NEW_TOPICS,
		"how long new topics keep events; the broker's when not given"},
	{"unavailable.value.placeholder", OPTION_TEXT, 0, 0, NULL, "__debezium_unavailable_value", RESTARTS,
		"stands for an unchanged TOAST value"},
	{"value.converter.schemas.enable", OPTION_BOOL, 0, 0, NULL, "false", RESTARTS,
		"a value with its schema"}
};

static const Option *
find_option(const char *key)
{
	size_t		i;

	for (i = 0; i < lengthof(options); i++)
	{
		if (strcmp(options[i].key, key) == 0)
			return &options[i];
	}
	return NULL;
}

/* Is text one of the words, which are separated by single spaces? */
static bool
is_word_of(const char *str, const char *words)
{
	size_t		length = strlen(str);
	const char *p = words;

	if (length == 0 || strchr(str, ' ') != NULL)
		return false;
	while ((p = strstr(p, str)) != NULL)
	{
		if ((p == words || p[-1] == ' ') && (p[length] == ' ' || p[length] == '\0'))
			return true;
		p += length;
	}
	return false;
}

static bool
has_option(const Option *option, int generation)
{
	return option != NULL && (option->kind != OPTION_FIRST_TEXT || generation == 1);
}

bool
cdc_kc_option_known(const char *key)
{
	return has_option(find_option(key), CDC_KC_GENERATION);
}

char *
cdc_kc_option_names(void)
{
	StringInfoData names;
	size_t		i;

	initStringInfo(&names);
	for (i = 0; i < lengthof(options); i++)
	{
		if (has_option(&options[i], CDC_KC_GENERATION))
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", options[i].key);
	}
	return names.data;
}

char *
cdc_kc_option_check(int generation, const char *key, const char *value)
{
	const Option *option = find_option(key);
	const char *p;

	if (!has_option(option, generation))
		return psprintf("option \"%s\" may not be set", key);
	for (p = value; *p != '\0'; p++)
	{
		if ((unsigned char) *p < ' ')
			return psprintf("option \"%s\" has a control character", key);
	}

	if (cdc_connect_text_fault(key, value) != NULL)
		return psprintf("option \"%s\" may not refer to a config provider", key);

	switch (option->kind)
	{
		case OPTION_BOOL:
			if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
				return psprintf("option \"%s\" is true or false", key);
			break;
		case OPTION_INT:
			{
				char	   *end;
				long long	number;

				errno = 0;
				number = strtoll(value, &end, 10);
				if (errno != 0 || end == value || *end != '\0' ||
					number < option->min || number > option->max)
					return psprintf("option \"%s\" is an integer from %lld to %lld", key,
									(long long) option->min, (long long) option->max);
			}
			break;
		case OPTION_WORD:
		case OPTION_OURS:
			if (!is_word_of(value, option->words))
				return psprintf("option \"%s\" is one of: %s", key, option->words);
			break;
		case OPTION_TEXT:
		case OPTION_FIRST_TEXT:
			break;
	}
	return NULL;
}

bool
cdc_kc_option_is_debeziums(const char *key)
{
	const Option *option = find_option(key);

	return option != NULL && option->kind != OPTION_OURS;
}

bool
cdc_kc_option_describe(int n, CdcKcOption *described)
{
	const Option *option;
	static const char *const types[] = {"boolean", "integer", "word", "word", "text", "text"};

	/* of the newest generation alone */
	for (option = options; option < options + lengthof(options); option++)
	{
		if (has_option(option, CDC_KC_GENERATION) && n-- == 0)
			break;
	}
	if (option == options + lengthof(options))
		return false;
	described->name = option->key;
	described->type = types[option->kind];
	described->rule = option->kind == OPTION_BOOL ? "true or false" :
		option->kind == OPTION_INT ? psprintf("%lld to %lld", (long long) option->min, (long long) option->max) :
		option->words ? psprintf("one of: %s", option->words) : "one line";
	described->default_value = option->fallback;
	described->on_live = option->on_live;
	described->meaning = option->meaning;
	return true;
}
