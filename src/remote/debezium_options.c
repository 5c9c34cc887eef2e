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
} Option;

static const Option options[] = {
	{"binary.handling.mode", OPTION_WORD, 0, 0, "bytes base64 base64-url-safe hex"},
	{"column.exclude.list", OPTION_TEXT, 0, 0, NULL},
	/* a free path told which files a Connect host has; now it is the service's ca */
	{"database.sslrootcert", OPTION_FIRST_TEXT, 0, 0, NULL},
	{"decimal.handling.mode", OPTION_WORD, 0, 0, "precise double string"},
	{"field.name.adjustment.mode", OPTION_WORD, 0, 0, "none avro avro_unicode"},
	/* finite: it is what moves the slot of a quiet database */
	{"heartbeat.interval.ms", OPTION_INT, 500, 60000, NULL},
	{"hstore.handling.mode", OPTION_WORD, 0, 0, "json map"},
	{"include.unknown.datatypes", OPTION_BOOL, 0, 0, NULL},
	{"interval.handling.mode", OPTION_WORD, 0, 0, "numeric string"},
	{"key.converter.schemas.enable", OPTION_BOOL, 0, 0, NULL},
	{"max.batch.size", OPTION_INT, 1, 1000000, NULL},
	{"max.queue.size", OPTION_INT, 2, 10000000, NULL},
	{"max.queue.size.in.bytes", OPTION_INT, 0, INT64CONST(1) << 40, NULL},
	{"message.key.columns", OPTION_TEXT, 0, 0, NULL},
	{"poll.interval.ms", OPTION_INT, 1, 60000, NULL},
	{"schema.name.adjustment.mode", OPTION_WORD, 0, 0, "none avro avro_unicode"},
	{"skipped.operations", OPTION_TEXT, 0, 0, NULL},
	{"snapshot.fetch.size", OPTION_INT, 1, 1000000, NULL},
	{"time.precision.mode", OPTION_WORD, 0, 0,
	"adaptive adaptive_time_microseconds connect isostring microseconds nanoseconds"},
	{"tombstones.on.delete", OPTION_BOOL, 0, 0, NULL},
	{"topic.creation.default.cleanup.policy", OPTION_WORD, 0, 0, "delete compact compact,delete delete,compact"},
	{"topic.creation.default.compression.type", OPTION_WORD, 0, 0, "uncompressed zstd lz4 snappy gzip producer"},
	{"topic.creation.default.partitions", OPTION_INT, -1, 100000, NULL},
	{"topic.creation.default.replication.factor", OPTION_INT, -1, 100, NULL},
	{"topic.creation.default.retention.ms", OPTION_INT, -1, PG_INT64_MAX, NULL},
	{"unavailable.value.placeholder", OPTION_TEXT, 0, 0, NULL},
	{"value.converter.schemas.enable", OPTION_BOOL, 0, 0, NULL}
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
			if (!is_word_of(value, option->words))
				return psprintf("option \"%s\" is one of: %s", key, option->words);
			break;
		case OPTION_TEXT:
		case OPTION_FIRST_TEXT:
			break;
	}
	return NULL;
}
