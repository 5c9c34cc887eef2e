/* link: src/remote/kafka_connect.c src/remote/kc_list.c src/common/fingerprint.c src/remote/connect_value.c src/common/connect_path.c src/remote/debezium.c src/remote/debezium_snapshot.c src/remote/kc_config.c src/remote/debezium_options.c src/common/json.c src/common/json_pieces.c src/common/redact.c src/common/text.c */
/* libs: -ljson-c -lcrypto -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * kafka_connect_test.c
 *	  Kafka Connect's vocabulary, with answers as Kafka 3.9 and Debezium 3.7.0
 *	  really gave them.
 */
#include "remote/kafka_connect.h"

#include <stdlib.h>

#include "common/json.h"
#include "tap.h"

#define ID "a1b2c3d4-e5f6-7890-abcd-ef1234567890"

static CdcConnectorSpec
sample(void)
{
	static const char *const tables[] = {"\"public\".\"orders\"", "\"S x\".\"T,a\"\"b\""};
	CdcConnectorSpec spec = {0};

	spec.generation = 1;
	spec.pipeline_id = ID;
	spec.epoch = 3;
	spec.name = "mdb-pipeline-a1b2c3d4";
	spec.hostname = "10.0.0.5";
	spec.port = 5432;
	spec.database = "defaultdb";
	spec.user = "mdb_pipeline_a1b2c3d4";
	spec.password = cdc_connect_secret_file("/secrets", "a1b2c3d4");
	spec.publication = "mdb_pipeline_a1b2c3d4";
	spec.slot = "mdb_pipeline_a1b2c3d4";
	spec.topic_prefix = "shop";
	spec.snapshot_mode = "initial";
	spec.ntables = 2;
	spec.tables = tables;
	return spec;
}

/* As if Connect had told it. */
static bool
equal(struct json_object *wanted, struct json_object *seen, char **which)
{
	CdcKcConfig *kept = seen ? cdc_kc_config_keep(seen, NULL, 0, 0) : NULL;
	bool		equal = cdc_kc_config_equal(wanted, kept, which);

	free(kept);
	return equal;
}

static bool
captures_other(struct json_object *wanted, struct json_object *seen)
{
	CdcKcConfig *kept = cdc_kc_config_keep(seen, NULL, 0, 0);
	bool		other = cdc_kc_captures_other(wanted, kept);

	free(kept);
	return other;
}

static void
config(void)
{
	static const char *const wanted[][2] = {
		{"connector.class", CDC_KC_CLASS}, {"tasks.max", "1"}, {"cdc.pipeline.id", ID}, {"cdc.epoch", "3"},
		{"database.hostname", "10.0.0.5"}, {"database.port", "5432"}, {"database.dbname", "defaultdb"},
		{"database.user", "mdb_pipeline_a1b2c3d4"}, {"database.password", "${dir:/secrets:a1b2c3d4}"},
		{"database.sslmode", "prefer"}, {"plugin.name", "pgoutput"}, {"slot.name", "mdb_pipeline_a1b2c3d4"},
		{"publication.name", "mdb_pipeline_a1b2c3d4"}, {"publication.autocreate.mode", "disabled"},
		{"topic.prefix", "shop"}, {"snapshot.mode", "initial"}, {"offset.mismatch.strategy", "no_validation"},
		{"table.include.list", "(?-i)public\\.orders,(?-i)S\\x20x\\.T\\x2Ca\\\"b"},
		{"key.converter", "org.apache.kafka.connect.json.JsonConverter"}, {"key.converter.schemas.enable", "false"},
		{"value.converter", "org.apache.kafka.connect.json.JsonConverter"}, {"value.converter.schemas.enable", "false"},
		{"decimal.handling.mode", "double"}, {"heartbeat.interval.ms", "5000"},
		{"heartbeat.action.query", "SELECT pg_catalog.set_config('synchronous_commit', 'off', true), pg_catalog.pg_logical_emit_message(true, 'cdc_pipeline_heartbeat', '')"},
		{"message.prefix.exclude.list", "cdc_pipeline_heartbeat"}, {"errors.max.retries", "150"},
		{"retriable.restart.connector.wait.ms", "250"}, {"poll.interval.ms", "50"},
		{"topic.creation.default.replication.factor", "-1"}, {"topic.creation.default.partitions", "-1"}
	};
	CdcConnectorSpec spec = sample();
	struct json_object *c = cdc_kc_config(&spec, NULL);
	struct json_object *other;
	char	   *which;
	size_t		i;

	for (i = 0; i < lengthof(wanted); i++)
		is(cdc_json_string(c, wanted[i][0]), wanted[i][1], wanted[i][0]);
	is_number(json_object_object_length(c), lengthof(wanted), "and nothing else");

	other = cdc_kc_config(&spec, NULL);
	json_object_object_add(other, "name", json_object_new_string(spec.name));
	ok(equal(c, other, &which) && which == NULL, "what Connect returns is equal");
	json_object_object_add(other, "cdc.epoch", json_object_new_string("2"));
	ok(equal(c, other, &which), "another epoch is no drift");
	json_object_object_add(other, "cdc.mark", json_object_new_string("x"));
	ok(equal(c, other, &which), "... nor is its signature");
	json_object_object_del(other, "cdc.mark");
	json_object_object_add(other, "database.password", json_object_new_string("********"));
	ok(equal(c, other, &which), "a masked password is not compared");
	ok(!captures_other(c, other), "... nor does any of that change what is captured");
	json_object_object_add(other, "database.password", json_object_new_string("other secret"));
	json_object_object_add(other, "transforms", json_object_new_string("x"));
	json_object_object_del(other, "snapshot.mode");
	ok(!equal(c, other, &which), "edited by hand");
	is(which, "database.password, snapshot.mode, transforms", "... the keys, never a value");
	ok(captures_other(c, other), "... a transform may drop events");
	json_object_object_del(other, "transforms");
	ok(!captures_other(c, other), "... the others do not");
	json_object_object_add(other, "table.include.list", json_object_new_string("public\\.a"));
	ok(captures_other(c, other), "fewer tables");
	json_object_object_del(other, "table.include.list");
	ok(captures_other(c, other), "... or no list of them");
	ok(!equal(c, NULL, &which), "no config at all");
	json_object_put(other);
	json_object_put(c);

	{
		static const char *const dotted[] = {"\"a.b\".\"c\"", "\"a.b\".\"d\"", "\"e\".\"f\""};
		const char *const *tables = spec.tables;
		int			generation = spec.generation;

		spec.tables = dotted;
		spec.ntables = 3;
		spec.generation = 2;
		c = cdc_kc_config(&spec, NULL);
		is(cdc_json_string(c, "schema.include.list"), "(?-i)a\\.b,(?-i)e", "a name with a dot: of the schemas that are named alone");
		is(cdc_json_string(c, "driver.hideUnprivilegedObjects"), "true", "... and only what was granted");
		json_object_put(c);
		spec.tables = dotted + 2;
		spec.ntables = 1;
		c = cdc_kc_config(&spec, NULL);
		is(cdc_json_string(c, "schema.include.list"), NULL, "without one the list says all");
		json_object_put(c);
		spec.tables = tables;
		spec.generation = generation;
	}
	spec.ntables = 0;
	spec.sslmode = "verify-full";
	spec.options = cdc_json_parse("{\"heartbeat.interval.ms\":1000,\"decimal.handling.mode\":\"string\","
								  "\"tombstones.on.delete\":false,\"on_gap\":\"halt\",\"database.hostname\":\"evil\","
								  "\"slot.name\":\"x\",\"poll.interval.ms\":\"soon\",\"column.exclude.list\":null}");
	c = cdc_kc_config(&spec, NULL);
	is(cdc_json_string(c, "table.include.list"), NULL, "all tables: no list");
	is(cdc_json_string(c, "driver.hideUnprivilegedObjects"), "true", "... but only what was granted");
	is(cdc_json_string(c, "database.sslmode"), "verify-full", "sslmode of the service");
	is(cdc_json_string(c, "heartbeat.interval.ms"), "1000", "an option overrides");
	is(cdc_json_string(c, "decimal.handling.mode"), "string", "... another");
	is(cdc_json_string(c, "tombstones.on.delete"), "false", "... a boolean");
	is(cdc_json_string(c, "database.hostname"), "10.0.0.5", "what is not in the list does not");
	is(cdc_json_string(c, "slot.name"), "mdb_pipeline_a1b2c3d4", "... nor this");
	is(cdc_json_string(c, "on_gap"), NULL, "an option of ours is not Debezium's");
	is(cdc_json_string(c, "poll.interval.ms"), "50", "a bad value is not taken");
	json_object_put(c);
	json_object_put(spec.options);
}

static void
option_values(void)
{
	ok(cdc_kc_option_known("heartbeat.interval.ms"), "a known option");
	ok(!cdc_kc_option_known("database.password"), "an unknown one");
	is(cdc_kc_option_check(CDC_KC_GENERATION, "heartbeat.interval.ms", "5000"), NULL, "an integer");
	is(cdc_kc_option_check(CDC_KC_GENERATION, "heartbeat.interval.ms", "0"), "option \"heartbeat.interval.ms\" is an integer from 500 to 60000", "out of range");
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "heartbeat.interval.ms", "5000x") != NULL, "more than an integer");
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "heartbeat.interval.ms", "") != NULL, "less than one");
	is(cdc_kc_option_check(CDC_KC_GENERATION, "decimal.handling.mode", "precise"), NULL, "a word");
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "decimal.handling.mode", "prec") != NULL, "half a word");
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "decimal.handling.mode", "precise double") != NULL, "two words");
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "decimal.handling.mode", "") != NULL, "no word");
	is(cdc_kc_option_check(CDC_KC_GENERATION, "hstore.handling.mode", "map"), NULL, "the last word");
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "tombstones.on.delete", "yes") != NULL, "no boolean");
	is(cdc_kc_option_check(CDC_KC_GENERATION, "column.exclude.list", "public.t.secret"), NULL, "free text");
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "column.exclude.list", "${dir:/secrets:other}") != NULL, "no reference to a secret");
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "column.exclude.list", "a\nb") != NULL, "no line end");
	is(cdc_kc_option_check(CDC_KC_GENERATION, "snapshot.mode", "x"), "option \"snapshot.mode\" may not be set", "not in the list");
}

/* A list of so many connectors of this text. */
static char *
many(int n, const char *name, const char *value)
{
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	for (i = 0; i < n; i++)
		appendStringInfo(&buf, "%c\"%s%d\":%s", i ? ',' : '{', name, i, value);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

static bool
is_list(const char *body)
{
	CdcKcList  *list = cdc_kc_parse_list(body);
	bool		is = list != NULL;

	cdc_kc_list_free(list);
	return is;
}

static const char *
fault_of(const char *body)
{
	CdcKcReader *reader = cdc_kc_reader_new(NULL);
	const char *fault;

	cdc_kc_reader_feed(body, strlen(body), reader);
	fault = cdc_kc_reader_fault(reader);
	cdc_kc_reader_free(reader);
	return fault;
}

/* Connectors as they are made, with all that Connect says of them. */
static char *
ten_thousand(void)
{
	CdcConnectorSpec spec = sample();
	struct json_object *config;
	char	   *body;

	spec.generation = CDC_KC_GENERATION;
	spec.signature = "0123456789012345678901234567890123456789012";
	spec.session_name = "mdb_pipeline_a1b2c3d4";
	config = cdc_kc_config(&spec, NULL);
	json_object_object_add(config, "name", json_object_new_string(spec.name));
	body = many(10000, "mdb-pipeline-", psprintf("{\"status\":{\"connector\":{\"state\":\"RUNNING\",\"worker_id\":\"10.0.0.1:8083\"},\"tasks\":[{\"id\":0,\"state\":\"RUNNING\",\"worker_id\":\"10.0.0.1:8083\"}]},"
												 "\"info\":{\"config\":%s,\"tasks\":[{\"connector\":\"x\",\"task\":0}]}}", json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN)));
	json_object_put(config);
	return body;
}

/* The list after former, cut in pieces; how many connectors were parsed; it frees former (or not, where the list is none). */
static CdcKcList *
after(CdcKcList *former, const char *body, size_t piece, int *parsed)
{
	CdcKcReader *reader = cdc_kc_reader_new(former);
	CdcKcList  *list;
	size_t		length = strlen(body);
	size_t		at;

	for (at = 0; at < length; at += piece)
		cdc_kc_reader_feed(body + at, Min(piece, length - at), reader);
	list = cdc_kc_reader_list(reader);
	*parsed = cdc_kc_reader_parsed(reader);
	if (list)
		cdc_kc_list_free(former);
	cdc_kc_reader_free(reader);
	return list;
}

#define ONE(name, state) "\"mdb-pipeline-" name "\":{\"status\":{\"connector\":{\"state\":\"" state "\"}},\"info\":{\"config\":{\"topic.prefix\":\"" name "\"}}}"

/* What a list is, in words. */
static char *
words_of(const CdcKcList *list)
{
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	for (i = 0; list && i < list->n; i++)
		appendStringInfo(&buf, "%s %s %s;", list->items[i].name + strlen("mdb-pipeline-"), list->items[i].state_name, list->items[i].topic_prefix);
	return buf.data;
}

/* Of a list only that is parsed which is not as it was. */
static void
list_after_list(void)
{
	static const struct
	{
		const char *body;
		int			parsed;
		const char *words;		/* NULL: none, and the list before stays */
		const char *name;
	}			lists[] = {
		{"{" ONE("a", "RUNNING") "," ONE("b", "RUNNING") "," ONE("c", "PAUSED") "}", 3, "a RUNNING a;b RUNNING b;c PAUSED c;", "the first list"},
		{"{" ONE("a", "RUNNING") "," ONE("b", "RUNNING") "," ONE("c", "PAUSED") "}", 0, "a RUNNING a;b RUNNING b;c PAUSED c;", "the same"},
		{"{" ONE("c", "PAUSED") "," ONE("a", "RUNNING") "," ONE("b", "RUNNING") "}", 0, "a RUNNING a;b RUNNING b;c PAUSED c;", "in another order"},
		{"{" ONE("c", "PAUSED") "," ONE("a", "RUNNINg") "," ONE("b", "RUNNING") "}", 1, "a RUNNINg a;b RUNNING b;c PAUSED c;", "one byte of one"},
		{"{" ONE("a", "RUNNINg") "," ONE("c", "PAUSED") "}", 0, "a RUNNINg a;c PAUSED c;", "one is gone"},
		{"{" ONE("a", "RUNNINg") "," ONE("b", "RUNNING") "," ONE("c", "PAUSED") "}", 1, "a RUNNINg a;b RUNNING b;c PAUSED c;", "... and comes back"},
		{"{" ONE("a", "RUNNING") "," ONE("b", "STOPPED"), 1, NULL, "one that breaks off"},
		{"{" ONE("a", "RUNNING") "," ONE("b", "RUNNING") ",}", 1, NULL, "one that ends badly"},
		{"{" ONE("a", "RUNNINg") "," ONE("b", "RUNNING") "," ONE("c", "PAUSED") "}", 0, "a RUNNINg a;b RUNNING b;c PAUSED c;", "the list before is as it was"},
		{"{" ONE("b", "RUNNING") "," ONE("a", "x") "," ONE("a", "RUNNINg") "}", 1, "a RUNNINg a;b RUNNING b;", "of two of one name the last is it"},
		{"{ " ONE("b", "RUNNING") "," ONE("a", "RUNNINg") "}", 1, "a RUNNINg a;b RUNNING b;", "white space is text too"},
		{"{\"mdb-pipeline-b\":{\"status\":{\"connector\":{\"state\":\"RUNNINg\"}},\"info\":{\"config\":{\"topic.prefix\":\"a\"}}}}", 1, "b RUNNINg a;", "another's text under one's name"},
		{"{\"mdb-pipeline-\\u0062\":{}}", 1, "b (null) (null);", "a name in another spelling"},
		{"{\"mdb-pipeline-\\u0062\":{}}", 1, "b (null) (null);", "... is read again"},
		{"{}", 0, "", "none"},
	};
	size_t		piece;
	size_t		i;
	CdcKcList  *big;
	const CdcKcConfig *first;
	char	   *wide = palloc(1000 * 1024);
	int			parsed;

	memset(wide, 'x', 1000 * 1024);
	for (piece = 1; piece < 1000; piece = piece < 40 ? piece + 1 : piece * 5)
	{
		CdcKcList  *list = NULL;
		StringInfoData wrong;

		initStringInfo(&wrong);
		for (i = 0; i < lengthof(lists); i++)
		{
			const char *before = words_of(list);
			CdcKcList  *next = after(list, lists[i].body, piece, &parsed);

			if (next)
				list = next;
			if ((next == NULL) != (lists[i].words == NULL) || parsed != lists[i].parsed || strcmp(words_of(list), lists[i].words ? lists[i].words : before) != 0)
				appendStringInfo(&wrong, "%s: %d parsed, %s ", lists[i].name, parsed, words_of(list));
		}
		is(wrong.data, "", psprintf("only what is new is parsed, in pieces of %d", (int) piece));
		cdc_kc_list_free(list);
	}
	/* what is shared outlives the list before, and counts for what it takes */
	big = after(NULL, many(25, "mdb-pipeline-", psprintf("{\"info\":{\"config\":{\"a\":\"%.*s\"}}}", 1000 * 1024, wide)), 16384, &parsed);
	first = cdc_kc_find(big, "mdb-pipeline-1")->config;
	big = after(big, many(30, "mdb-pipeline-", psprintf("{\"info\":{\"config\":{\"a\":\"%.*s\"}}}", 1000 * 1024, wide)), 16384, &parsed);
	is_number(parsed, 5, "five more of 1 MB are parsed");
	ok(cdc_kc_find(big, "mdb-pipeline-1")->config == first && strlen(cdc_kc_config_string(first, "a")) == 1000 * 1024, "... the others are those of the list before, which is gone");
	ok(after(big, many(36, "mdb-pipeline-", psprintf("{\"info\":{\"config\":{\"a\":\"%.*s\"}}}", 1000 * 1024, wide)), 16384, &parsed) == NULL, "... and count for what they take");
	cdc_kc_list_free(big);
	big = after(NULL, ten_thousand(), 16384, &parsed);
	is_number(parsed, 10000, "all of the first list are parsed");
	big = after(big, ten_thousand(), 16384, &parsed);
	is_number(parsed, 0, "none of the next, which is the same");
	ok(big && big->n == 10000 && cdc_kc_find(big, "mdb-pipeline-9999")->state == CDC_CS_RUNNING && strcmp(cdc_kc_find(big, "mdb-pipeline-0")->topic_prefix, "shop") == 0, "... and all are there");
	cdc_kc_list_free(big);
}

/* However it is cut, a list is the same; and what one may not be. */
static void
list_in_pieces(const char *body)
{
	CdcKcReader *reader;
	CdcKcList  *list;
	size_t		piece;
	bool		same = true;
	char	   *big = palloc(1100 * 1024);
	StringInfoData wide;
	int			i;

	for (piece = 1; piece < 40; piece++)
	{
		size_t		at;

		reader = cdc_kc_reader_new(NULL);
		for (at = 0; at < strlen(body); at += piece)
			cdc_kc_reader_feed(body + at, Min(piece, strlen(body) - at), reader);
		list = cdc_kc_reader_list(reader);
		same = same && list && list->n == 5 && strcmp(cdc_kc_find(list, "mdb-pipeline-zz")->trace, "T") == 0;
		cdc_kc_list_free(list);
		cdc_kc_reader_free(reader);
	}
	ok(same, "a list in pieces is the same");
	reader = cdc_kc_reader_new(NULL);
	cdc_kc_reader_feed(body, strlen(body) - 1, reader);
	ok(cdc_kc_reader_list(reader) == NULL, "a list without its end is none");
	cdc_kc_reader_free(reader);
	list = cdc_kc_parse_list("{\"a}\\\"{,\":{\"status\":{\"connector\":{\"state\":\"RUNNING\"}},\"info\":{\"config\":{\"secret\":\"s\",\"topic.prefix\":\"p\"}}},"
							 "\"mdb-pipeline-\xe9\":{\"status\":{\"tasks\":[{\"state\":\"\xff\"},null,1,[]],\"connector\":[]},\"info\":[]}}");
	ok(list && list->n == 2 && cdc_kc_find(list, "a}\"{,")->state == CDC_CS_RUNNING, "braces, commas and quotes in a name are its own");
	is(cdc_kc_config_value(cdc_kc_find(list, "a}\"{,")->config, "secret"), NULL, "nothing is kept of others' configurations");
	is(cdc_kc_find(list, "a}\"{,")->topic_prefix, "p", "... but the marks");
	ok(cdc_kc_find(list, "mdb-pipeline-?") && cdc_kc_find(list, "mdb-pipeline-?")->ntasks == 4, "what is no text is made text; tasks may be anything");
	cdc_kc_list_free(list);
	ok(!is_list("{,}") && !is_list("{\"a\":{},}") && !is_list("{\"a\":{},,\"b\":{}}") && !is_list("{\"a\" {}}") && !is_list("{\"a\":{]}") && !is_list("{}{}"),
	   "JSON that is none");
	ok(is_list(many(20000, "c", "{}")) && !is_list(many(20001, "c", "{}")), "20,000 connectors, and no more");
	memset(big, 'x', 1100 * 1024 - 1);
	big[1100 * 1024 - 1] = '\0';
	ok(is_list(psprintf("{\"mdb-pipeline-1\":{\"status\":{\"connector\":{\"trace\":\"%.*s\"}}}}", 1000 * 1024, big)) &&
	   !is_list(psprintf("{\"mdb-pipeline-1\":{\"status\":{\"connector\":{\"trace\":\"%s\"}}}}", big)), "1 MB of a connector of ours, and no more");
	is(fault_of(psprintf("{\"mdb-pipeline-1\":{\"a\":\"%s\"}}", big)), "what is said of a connector of a pipeline is more than 1 MB", "... which is said");
	list = cdc_kc_parse_list(psprintf("{\"theirs\":{\"a\":\"%s\"},\"mdb-pipeline-2\":{},\"deep\":{\"a\":%s%s}}", big, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"));
	ok(list && cdc_kc_find(list, "mdb-pipeline-2") && cdc_kc_find(list, "theirs") == NULL, "somebody else's that is too large, or too deep, costs nobody anything");
	cdc_kc_list_free(list);
	ok(!is_list(many(36, "mdb-pipeline-", psprintf("{\"info\":{\"config\":{\"a\":\"%.*s\"}}}", 1000 * 1024, big))), "32 MB of what is kept, and no more");
	ok(is_list(many(36, "other-", psprintf("{\"info\":{\"config\":{\"a\":\"%.*s\"}}}", 1000 * 1024, big))), "... of others' configurations nothing is");
	/* what an installation may honestly have */
	ok(is_list(many(1000, "mdb-pipeline-", psprintf("{\"info\":{\"config\":{\"a\":\"%.*s\"}},\"status\":{\"tasks\":[{\"id\":0,\"state\":\"FAILED\",\"trace\":\"%.*s\"}]}}",
													6 * 1024, big, 20 * 1024, big))), "a thousand of ours that fail at once are read");
	ok(is_list(ten_thousand()), "ten thousand of ours on one cluster are read");
	is(fault_of(many(20001, "c", "{}")), "more than 20,000 connectors on one Kafka Connect", "what is wrong is said: too many");
	is(fault_of(many(36, "mdb-pipeline-", psprintf("{\"info\":{\"config\":{\"a\":\"%.*s\"}}}", 1000 * 1024, big))),
	   "what is kept of the connectors on one Kafka Connect is more than 32 MB", "... too much");
	is(fault_of("{,}"), "the answer is not Kafka Connect's", "... no list");
	is(fault_of("{}"), NULL, "... nothing");
	initStringInfo(&wide);
	for (i = 0; i < 5000; i++)
		appendStringInfo(&wide, "%s%.63s\\\\.%.63s", i ? "," : "", big, big);
	ok(is_list(psprintf("{\"mdb-pipeline-1\":{\"info\":{\"config\":{\"table.include.list\":\"%s\"}}}}", wide.data)), "and one of 5,000 tables with the longest names");
	memset(big, '[', 100);
	big[100] = '\0';
	ok(!is_list(psprintf("{\"a\":%s", big)), "nor deeper than Connect's");
}

/* What Connect tells of one that was stopped while no worker had it. */
static void
stopped_unassigned(void)
{
	CdcKcList  *l = cdc_kc_parse_list(
									  "{\"a\":{\"status\":{\"connector\":{\"state\":\"UNASSIGNED\"},\"tasks\":[]},\"info\":{\"config\":{},\"tasks\":[]}},"
									  "\"b\":{\"status\":{\"connector\":{\"state\":\"UNASSIGNED\"},\"tasks\":[]},\"info\":{\"config\":{},\"tasks\":[{\"connector\":\"b\",\"task\":0}]}},"
									  "\"c\":{\"status\":{\"connector\":{\"state\":\"UNASSIGNED\"},\"tasks\":[{\"id\":0,\"state\":\"UNASSIGNED\"}]},\"info\":{\"config\":{},\"tasks\":[]}},"
									  "\"d\":{\"status\":{\"connector\":{\"state\":\"UNASSIGNED\"},\"tasks\":[]},\"info\":{\"config\":{}}}}");

	is_number(l->items[0].state, CDC_CS_STOPPED, "UNASSIGNED without tasks and their configurations: stopped");
	is_number(l->items[1].state, CDC_CS_UNASSIGNED, "one whose task is to be started is not");
	is_number(l->items[2].state, CDC_CS_UNASSIGNED, "nor one whose task may still write");
	is_number(l->items[3].state, CDC_CS_UNASSIGNED, "nor one of which Connect does not say it");
	is(l->items[0].state_name, "UNASSIGNED", "what is shown is Connect's word");
}

/* One connector that was asked for by itself, in a list of some. */
static void
one_of_list(void)
{
	const char *info = "{\"name\":\"mdb-pipeline-b\",\"config\":{\"cdc.pipeline.id\":\"" ID "\",\"topic.prefix\":\"other\"},\"tasks\":[]}";
	const char *status = "{\"name\":\"mdb-pipeline-b\",\"connector\":{\"state\":\"FAILED\",\"trace\":\"T\"},\"tasks\":[]}";
	const char *body = "{" ONE("a", "RUNNING") "," ONE("c", "RUNNING") "}";
	CdcKcList  *l = cdc_kc_parse_list(body);
	size_t		before = l->kept;
	const CdcKcConnector *c;
	char	   *filler = memset(palloc0(900 * 1024 + 1), 'x', 900 * 1024);
	char	   *large = psprintf("{\"name\":\"mdb-pipeline-b\",\"config\":{\"k\":\"%s\"},\"tasks\":[]}", filler);
	int			parsed;
	int			i;

	ok(cdc_kc_list_set(l, "mdb-pipeline-b", info, status) && l->n == 3, "one that was not there has come");
	c = cdc_kc_find(l, "mdb-pipeline-b");
	ok(c != NULL && c->state == CDC_CS_FAILED, "... with its state,");
	is(c ? c->topic_prefix : NULL, "other", "... what it is told,");
	is(c ? c->mark : NULL, ID, "... its mark");
	is(c ? c->trace : NULL, "T", "... and its trace");
	ok(cdc_kc_find(l, "mdb-pipeline-a") && cdc_kc_find(l, "mdb-pipeline-c"), "the others are found as before");
	ok(cdc_kc_list_set(l, "mdb-pipeline-b", info, "{\"connector\":{\"state\":\"RUNNING\"},\"tasks\":[{\"id\":0,\"state\":\"RUNNING\"}]}"), "it is another");
	c = cdc_kc_find(l, "mdb-pipeline-b");
	ok(c != NULL && c->state == CDC_CS_RUNNING && c->task_state == CDC_CS_RUNNING && c->trace == NULL && l->n == 3, "... in its place");
	ok(!cdc_kc_list_set(l, "mdb-pipeline-b", status, info) && !cdc_kc_list_set(l, "mdb-pipeline-b", "<html>", status) &&
	   !cdc_kc_list_set(l, "mdb-pipeline-b", info, "{}") && !cdc_kc_list_set(l, "mdb-pipeline-a", info, status), "what is not Connect's word about it is refused");
	ok(cdc_kc_find(l, "mdb-pipeline-b") && l->n == 3, "... and nothing has changed");
	l = after(l, "{" ONE("a", "RUNNING") "," ONE("b", "RUNNING") "," ONE("c", "RUNNING") "}", 100, &parsed);
	ok(l && l->n == 3 && parsed == 1, "the next list reads it anew, and the others not");
	is(l ? cdc_kc_find(l, "mdb-pipeline-b")->topic_prefix : NULL, "b", "... as it is there");
	ok(cdc_kc_list_set(l, "mdb-pipeline-b", NULL, NULL) && l->n == 2 && cdc_kc_find(l, "mdb-pipeline-b") == NULL && cdc_kc_find(l, "mdb-pipeline-c"), "one that is gone is gone,");
	ok(cdc_kc_list_set(l, "mdb-pipeline-b", NULL, NULL) && l->n == 2, "... again,");
	is_number((int) l->kept, (int) before, "... and takes no room");
	for (i = 0; i < 40; i++)
	{
		char		name[32];
		char	   *its;

		snprintf(name, sizeof(name), "mdb-pipeline-%d", i);
		its = psprintf("{\"name\":\"%s\",%s", name, large + strlen("{\"name\":\"mdb-pipeline-b\","));
		if (!cdc_kc_list_set(l, name, its, status))
			break;
	}
	ok(i > 30 && i < 40, "there is room for 32 MB of them");
	cdc_kc_list_free(l);
}

static void
list(void)
{
	const char *body =
		"{\"mdb-pipeline-zz\":{\"status\":{\"name\":\"zz\",\"connector\":{\"state\":\"RUNNING\",\"worker_id\":\"127.0.0.1:8083\"},"
		"\"tasks\":[{\"id\":0,\"state\":\"FAILED\",\"worker_id\":\"w2:8083\",\"trace\":\"T\"}],\"type\":\"source\"},"
		"\"info\":{\"name\":\"zz\",\"config\":{\"cdc.pipeline.id\":\"" ID "\",\"cdc.epoch\":\"7\",\"topic.prefix\":\"shop\"},"
		"\"tasks\":[{\"connector\":\"zz\",\"task\":0}],\"type\":\"source\"}},"
		"\"a\":{\"status\":{\"connector\":{\"state\":\"STOPPED\",\"worker_id\":\"w1\"},\"tasks\":[]}},"
		"\"mdb-pipeline-failed\":{\"status\":{\"connector\":{\"state\":\"FAILED\",\"worker_id\":\"w1\",\"trace\":\"C\"},\"tasks\":[]},\"info\":{\"config\":{}}},"
		"\"odd\":{\"status\":{\"connector\":{\"state\":\"DESTROYED\"},\"tasks\":[{\"id\":\"0\"},{\"id\":1,\"state\":\"RUNNING\",\"version\":\"x\"}]}},"
		"\"m\":{\"info\":null}}";
	CdcKcList  *l = cdc_kc_parse_list(body);
	const CdcKcConnector *c;
	int			i;
	bool		sorted = true;

	ok(l != NULL && l->n == 5, "five connectors");
	for (i = 1; i < l->n; i++)
		sorted = sorted && strcmp(l->items[i - 1].name, l->items[i].name) < 0;
	ok(sorted, "... sorted by name");
	c = cdc_kc_find(l, "mdb-pipeline-zz");
	ok(c != NULL, "found");
	is(c->mark, ID, "mark");
	is(c->epoch, "7", "epoch");
	is(c->topic_prefix, "shop", "prefix");
	is_number(c->state, CDC_CS_RUNNING, "connector RUNNING");
	is(c->state_name, "RUNNING", "... in words");
	is_number(c->task_state, CDC_CS_FAILED, "task FAILED");
	is_number(c->ntasks, 1, "one task");
	is(c->task_states, "[{\"id\":0,\"state\":\"FAILED\"}]", "task_states as the API shows them");
	is(c->worker_id, "w2:8083", "the task's worker");
	is(c->trace, "T", "the task's trace");
	c = cdc_kc_find(l, "a");
	is_number(c->state, CDC_CS_STOPPED, "STOPPED");
	is_number(c->task_state, CDC_CS_NONE, "no task");
	is(c->task_states, "[]", "no tasks: []");
	is(c->mark, NULL, "no info: no mark");
	ok(c->config == NULL && c->trace == NULL && c->ntasks == 0, "... no config, no trace");
	c = cdc_kc_find(l, "mdb-pipeline-failed");
	is_number(c->state, CDC_CS_FAILED, "connector FAILED");
	is(c->trace, "C", "its trace");
	c = cdc_kc_find(l, "odd");
	is_number(c->state, CDC_CS_UNKNOWN, "an unknown state is unknown");
	is_number(c->task_state, CDC_CS_UNKNOWN, "a task without a state too");
	is(c->task_states, "[{\"id\":0,\"state\":null},{\"id\":1,\"state\":\"RUNNING\"}]", "two tasks");
	c = cdc_kc_find(l, "m");
	is_number(c->state, CDC_CS_NONE, "no status yet");
	ok(cdc_kc_find(l, "nobody") == NULL, "not found");
	cdc_kc_list_free(l);

	l = cdc_kc_parse_list("{}");
	ok(l != NULL && l->n == 0 && cdc_kc_find(l, "a") == NULL, "an empty cluster");
	cdc_kc_list_free(l);
	ok(cdc_kc_parse_list("{\"error_code\":500,\"message\":\"x\"}") == NULL, "an error is no list");
	ok(cdc_kc_parse_list("[\"a\"]") == NULL && cdc_kc_parse_list("<html>") == NULL &&
	   cdc_kc_parse_list("") == NULL && cdc_kc_parse_list(NULL) == NULL && cdc_kc_parse_list("{} x") == NULL,
	   "nor is anything else");
	cdc_kc_list_free(NULL);
	list_in_pieces(body);
	one_of_list();
}

static void
offsets(void)
{
	CdcKcOffsets o;

	ok(cdc_kc_parse_offsets("{\"offsets\":[]}", &o) && o.state == CDC_OFFSETS_NONE && o.lsn == 0 && !o.snapshot_completed, "none");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"partition\":{\"server\":\"p4\"},\"offset\":{\"last_snapshot_record\":false,"
							"\"lsn\":150187896,\"txId\":825,\"ts_usec\":1795536824043551,\"snapshot\":\"INITIAL\",\"snapshot_completed\":false}}]}", &o),
	   "in the middle of a snapshot");
	is_number(o.state, CDC_OFFSETS_SNAPSHOT, "... a snapshot");
	ok(!o.snapshot_completed, "... that has not finished");
	ok(o.ts_us == 1795536824043551, "... and when");
	is_number(o.lsn, 150187896, "... at");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"partition\":{},\"offset\":{\"lsn\":5,\"snapshot\":\"INITIAL\",\"snapshot_completed\":true}}]}", &o) &&
	   o.state == CDC_OFFSETS_STREAMING && o.snapshot_completed, "a finished snapshot");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"partition\":{\"server\":\"p1\"},\"offset\":{\"lsn\":35965352,\"txId\":790,\"ts_usec\":1795536680497011}}]}", &o) &&
	   o.state == CDC_OFFSETS_STREAMING && o.snapshot_completed && o.lsn == 35965352, "streaming, nothing committed yet");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"partition\":{\"server\":\"p1\"},\"offset\":{\"lsn_proc\":35966385,\"messageType\":\"COMMIT\","
							"\"lsn_commit\":35966384,\"lsn\":35966386,\"txId\":793}}]}", &o) && o.lsn == 35966384, "lsn_commit counts");
	/* what a user has signalled for, as Debezium stores it: while it runs, half of it after two stops, and a blocking one */
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"partition\":{\"server\":\"p1\"},\"offset\":{\"lsn_proc\":41,\"lsn_commit\":40,\"lsn\":41,"
							"\"incremental_snapshot_collections\":\"[]\",\"snapshot\":\"INCREMENTAL\",\"snapshot_completed\":false,\"last_snapshot_record\":false}}]}", &o) &&
	   o.state == CDC_OFFSETS_STREAMING && o.snapshot_completed && o.lsn == 40, "a connector that is asked for an incremental snapshot streams");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn\":41,\"snapshot\":\"INCREMENTAL\",\"snapshot_completed\":false,\"last_snapshot_record\":false}}]}", &o) &&
	   o.state == CDC_OFFSETS_STREAMING && o.snapshot_completed, "... also when it knows of none any more");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn_commit\":40,\"lsn\":41,\"snapshot\":\"blocking\",\"snapshot_completed\":false}}]}", &o) &&
	   o.state == CDC_OFFSETS_STREAMING && o.snapshot_completed, "so does one that is asked for a blocking one");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn\":41,\"snapshot\":true}}]}", &o) && o.state == CDC_OFFSETS_SNAPSHOT &&
	   cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn\":41,\"last_snapshot_record\":false}}]}", &o) && o.state == CDC_OFFSETS_SNAPSHOT,
	   "a word that is none of these is taken for the first one");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn_proc\":7,\"lsn_commit\":null,\"lsn\":8}}]}", &o) && o.lsn == 7, "... then lsn_proc");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn\":18446744073709551615}}]}", &o) &&
	   o.lsn == PG_UINT64_MAX, "64 bits without a sign");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn\":8,\"txId\":9223372036854775807}}]}", &o) && o.txid == 0 &&
	   cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn\":8,\"txId\":-7}}]}", &o) && o.txid == 0 &&
	   cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn\":8,\"txId\":4294967295}}]}", &o) && o.txid == 4294967295,
	   "a transaction that is none is not asked for at the source");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"partition\":{},\"offset\":null}]}", &o) && o.state == CDC_OFFSETS_NONE, "a null offset is none");
	ok(cdc_kc_parse_offsets("{\"offsets\":[{\"offset\":{\"lsn\":1}},{\"offset\":{\"lsn\":2,\"snapshot\":\"INITIAL\"}}]}", &o) &&
	   o.state == CDC_OFFSETS_SNAPSHOT && o.lsn == 2, "an unfinished snapshot speaks");
	ok(!cdc_kc_parse_offsets("{\"error_code\":404,\"message\":\"x\"}", &o) && !cdc_kc_parse_offsets("x", &o), "no offsets");
}

static void
rewind_body(void)
{
	struct json_object *body = cdc_json_parse(cdc_kc_patch_offsets_body("shop", 35966384));
	CdcKcOffsets o;

	is(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN),
	   "{\"offsets\":[{\"partition\":{\"server\":\"shop\"},\"offset\":{\"lsn\":35966383,\"lsn_proc\":35966383,\"lsn_commit\":35966384,"
	   "\"txId\":1,\"ts_usec\":1}}]}", "a rewind: only the commit has the position, where the next record begins");
	ok(cdc_kc_parse_offsets(json_object_to_json_string(body), &o) && o.state == CDC_OFFSETS_STREAMING, "... read back, it is of streaming");
	ok(o.lsn == 35966384 && o.commit_lsn == 35966384 && o.highest_lsn == 35966384, "... at that position, with no transaction begun beyond it");
	json_object_put(body);
}

static void
plugins(void)
{
	bool		present;
	char	   *version;

	ok(cdc_kc_parse_plugins("[{\"class\":\"io.debezium.connector.postgresql.PostgresConnector\",\"type\":\"source\",\"version\":\"3.7.0.Final\"}]",
							&present, &version) && present, "listed");
	is(version, "3.7.0.Final", "version");
	ok(cdc_kc_parse_plugins("[{\"class\":\"io.debezium.connector.postgresql.PostgresConnector\",\"version\":\"3.6.3.Final\"},"
							"{\"class\":\"io.debezium.connector.postgresql.PostgresConnector\",\"version\":\"3.7.0.Final\"}]",
							&present, &version) && present, "listed twice");
	is(version, "3.6.3.Final, 3.7.0.Final", "both versions");
	ok(cdc_kc_has_version(version, "3.7.0.Final") && cdc_kc_has_version(version, "3.6.3.Final") && !cdc_kc_has_version(version, "3.7.0") &&
	   !cdc_kc_has_version("", "3.7.0.Final") && cdc_kc_has_version("1", "1"), "... one of them by its whole name");
	ok(cdc_kc_knows_login("3.7.0.Final") && cdc_kc_knows_login("3.10.1, 4.0") && cdc_kc_knows_login("unknown") && cdc_kc_knows_login(""), "a driver that can be told how to log in");
	ok(!cdc_kc_knows_login("3.6.1.Final") && !cdc_kc_knows_login("2.9") && !cdc_kc_knows_login("3") && !cdc_kc_knows_login("3.7.0.Final, 3.6.1.Final"), "one that cannot");
	ok(cdc_kc_parse_plugins("[{\"class\":\"org.x.Y\",\"version\":\"1\"}]", &present, &version) && !present && version == NULL, "not listed");
	ok(cdc_kc_parse_plugins("[]", &present, &version) && !present, "none");
	ok(!cdc_kc_parse_plugins("{}", &present, &version), "no list");
}

static void
meaning(void)
{
	static const struct
	{
		int			status;
		const char *body;
		CdcKcMeaning meaning;
		const char *message;
	}			answers[] = {
		{200, "x", CDC_KC_DONE, NULL},
		{201, NULL, CDC_KC_DONE, NULL},
		{204, "", CDC_KC_DONE, NULL},
		{404, "{\"error_code\":404,\"message\":\"Connector nix not found\"}", CDC_KC_ABSENT, "Connector nix not found"},
		{404, "{\"error_code\":404,\"message\":\"No status found for connector nix\"}", CDC_KC_ABSENT, NULL},
		{404, "{\"error_code\":404,\"message\":\"Unknown connector: nix\"}", CDC_KC_ABSENT, NULL},
		{404, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}", CDC_KC_MAYBE, NULL},
		{404, "<html>connector not found</html>", CDC_KC_MAYBE, "no reason given"},
		{409, "{\"error_code\":409,\"message\":\"Connector c5 already exists\"}", CDC_KC_EXISTS, NULL},
		{409, "{\"error_code\":409,\"message\":\"Cannot complete request because of a conflicting operation (e.g. worker rebalance)\"}", CDC_KC_BUSY, NULL},
		{400, "{\"error_code\":400,\"message\":\"Connectors must be in the STOPPED state before their offsets can be modified. This can be done\"}", CDC_KC_NOT_STOPPED, NULL},
		{400, "{\"error_code\":400,\"message\":\"Connector configuration is invalid and contains the following 2 error(s):\\nThe 'topic.prefix' value is invalid: a b\\nThe 'snapshot.mode' value is invalid\\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`\"}",
			CDC_KC_INVALID, "The 'topic.prefix' value is invalid: a b; The 'snapshot.mode' value is invalid"},
		{400, "{\"error_code\":400,\"message\":\"Connector config {database.password=geheim, tasks.max=1} contains no connector type\"}",
			CDC_KC_INVALID, "Connector config {database.password=[redacted], tasks.max=1} contains no connector type"},
		{400, "{\"error_code\":400,\"message\":\"Connector configuration is invalid and contains the following 1 error(s):\\nError while validating connector config: Authentication method is not allowed by requireAuth\"}",
			CDC_KC_INVALID, "Error while validating connector config: Authentication method is not allowed by requireAuth (the source asks for something else than SCRAM: "
			"see the role's line in its pg_hba.conf, and whether its password was stored as scram-sha-256)"},
		{400, "{\"error_code\":400,\"message\":\"geh\\\"eim is no value\"}", CDC_KC_INVALID, "[redacted] is no value"},
		{405, "{\"error_code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}", CDC_KC_INVALID, NULL},
		{401, "", CDC_KC_DENIED, "no reason given"},
		{403, "{\"message\":\"no\"}", CDC_KC_DENIED, "no"},
		{500, "{\"error_code\":500,\"message\":\"Request timed out. The worker is currently ...\"}", CDC_KC_MAYBE, NULL},
		{503, "busy", CDC_KC_MAYBE, "no reason given"},
		{302, "", CDC_KC_MAYBE, NULL},
		{429, "{\"message\":\"slow down\"}", CDC_KC_BUSY, NULL},
		{400, "not json", CDC_KC_MAYBE, NULL},
	};
	static const char *const sent[] = {NULL, "geh\"eim"};
	size_t		i;

	for (i = 0; i < lengthof(answers); i++)
	{
		char	   *message;
		CdcKcMeaning got = cdc_kc_meaning(answers[i].status, answers[i].body, sent, 2, &message);

		is_number(got, answers[i].meaning, psprintf("%d %.60s", answers[i].status, answers[i].body ? answers[i].body : ""));
		if (answers[i].message != NULL)
			is(message, answers[i].message, "... message");
		else
			ok((message == NULL) == (got == CDC_KC_DONE), "... a message unless done");
	}
}

static void
failure(void)
{
	const char *secrets[] = {"s3cr3t"};
	char		longest[3000];
	char	   *cut;
	int			i;
	size_t		length = 0;

	is(cdc_kc_failure("org.apache.kafka.connect.errors.ConnectException: An exception occurred in the change event producer. This connector will be stopped.\n"
					  "\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:68)\n"
					  "Caused by: io.debezium.DebeziumException: java.util.concurrent.ExecutionException: x\n\t... 6 more\n"
					  "Caused by: org.postgresql.util.PSQLException: ERROR: permission denied for table Orders\n  Hint: none\n\tat org.x.Y(Z.java)\n\t... 9 more\n", NULL, 0),
	   "ERROR: permission denied for table Orders", "the last cause, first line, no class");
	is(cdc_kc_failure("io.debezium.DebeziumException: The connector is trying to read\n\tat x", NULL, 0),
	   "The connector is trying to read", "no cause: line 1");
	is(cdc_kc_failure("x\nCaused by: io.a.B: java.util.c.D: org.postgresql.util.PSQLException: FATAL: no\r\n\tat", NULL, 0),
	   "FATAL: no", "nested classes");
	is(cdc_kc_failure("x\nCaused by: java.lang.NullPointerException\n\tat a", NULL, 0), "java.lang.NullPointerException", "a class and nothing else");
	is(cdc_kc_failure("x\nCaused by: java.io.IOException: \n\tat a", NULL, 0), "java.io.IOException:", "... with a colon");
	is(cdc_kc_failure("a.B: real\n\tSuppressed: c.D: y\n\tCaused by: e.F: not this\n", NULL, 0), "real", "causes of the suppressed do not count");
	is(cdc_kc_failure("Caused by: said in line 1", NULL, 0), "said in line 1", "a cause in line 1");
	is(cdc_kc_failure("x\nCaused by: a.B: password=s3cr3t and s3cr3t", secrets, 1), "password=[redacted] and [redacted]", "redacted");
	is(cdc_kc_failure("Topic p.t: not present", NULL, 0), "Topic p.t: not present", "a sentence with a colon is no class");
	is(cdc_kc_failure(NULL, NULL, 0), "Kafka Connect gave no reason", "no trace");
	is(cdc_kc_failure(" \n", NULL, 0), "Kafka Connect gave no reason", "an empty one");

	for (i = 0; i < 700; i++)
		length += (size_t) sprintf(longest + length, "%s", i % 2 ? "\xc3\xa9" : "x");
	cut = cdc_kc_failure(longest, NULL, 0);
	is_number((long long) strlen(cut), 750, "500 characters, however many bytes");
	strcpy(longest + 747, "s3cr3t at the border");
	cut = cdc_kc_failure(longest, secrets, 1);
	ok(strstr(cut, "s3") == NULL, "no half of a secret where it is cut");
}

static void
incurable(void)
{
	ok(cdc_kc_incurable("io.debezium.DebeziumException: The connector is trying to read change stream starting at PostgresOffsetContext [...], but this is no longer available on the server. Reconfigure the connector to use a snapshot mode when needed.\n\tat x"), "slot gone");
	ok(cdc_kc_incurable("x\nCaused by: org.postgresql.util.PSQLException: ERROR: can no longer access replication slot \"s\"\n  Detail: This replication slot has been invalidated due to \"wal_removed\"."), "slot invalidated, 18");
	ok(cdc_kc_incurable("ERROR: cannot read from logical replication slot \"s1\"\n  Detail: This slot has been invalidated because it exceeded the maximum reserved size."), "slot invalidated");
	ok(cdc_kc_incurable("The connector previously stopped while taking a snapshot, but now the connector is configured to never allow snapshots"), "no_data over a snapshot");
	ok(cdc_kc_incurable("org.apache.kafka.connect.errors.ConnectException: The offset to start reading from has been removed from the database write-ahead log. Create a new snapshot"), "WAL removed");
	ok(cdc_kc_incurable("Caused by: org.apache.kafka.common.errors.RecordTooLargeException: The message is 1048999 bytes"), "a row too large for the topic");
	ok(cdc_kc_incurable("Caused by: org.apache.kafka.common.InvalidRecordException: Compacted topic cannot accept message without key in topic partition p.public.t-0."), "a row without key for a compacted topic");
	ok(cdc_kc_refused("org.apache.kafka.connect.errors.ConnectException: Unrecoverable exception from producer send callback\nCaused by: x"), "Kafka has refused a record");
	ok(!cdc_kc_refused("Caused by: org.postgresql.util.PSQLException: FATAL: x") && !cdc_kc_refused(NULL), "the source has not to do with that");
	ok(!cdc_kc_incurable("Caused by: org.postgresql.util.PSQLException: FATAL: password authentication failed for user \"x\""), "a password can be repaired");
	ok(!cdc_kc_incurable("Connection to 10.0.0.5:5432 refused."), "a server can come back");
	ok(!cdc_kc_incurable("Publication autocreation is disabled, please create one and restart the connector."), "a publication can be made");
	ok(!cdc_kc_incurable("Creation of replication slot failed; query to create replication slot timed out, please make sure that there are no long running queries on the database."), "a transaction can end");
	ok(!cdc_kc_incurable("ERROR: replication slot \"t1\" is active for PID 4751"), "a slot can become free");
	ok(!cdc_kc_incurable(NULL), "no trace");
}

static void
urls(void)
{
	struct json_object *c = cdc_json_parse("{\"a\":\"b\"}");

	is(cdc_kc_url("http://h:8083", "/connectors/%s/config", "mdb-pipeline-a1"), "http://h:8083/connectors/mdb-pipeline-a1/config", "a url");
	is(cdc_kc_url("http://h:8083//", "/connectors?expand=status&expand=info", NULL), "http://h:8083/connectors?expand=status&expand=info", "without a name");
	is(cdc_kc_url("https://h/kc/", "/c/%s/x/%s", "a b/\xc3\xa9%?"), "https://h/kc/c/a%20b%2F%C3%A9%25%3F/x/a%20b%2F%C3%A9%25%3F", "a name with everything");
	is(cdc_kc_schema_regex("\"a.b\".\"c\""), "(?-i)a\\.b", "a schema");
	is(cdc_kc_table_regex("\"a\".\"b.c\""), "(?-i)a\\.b\\.c", "a table");
	is(cdc_kc_table_regex("\"S\".\"a*+?(b)[c]{d}^$|\\-#\""), "(?-i)S\\.a\\*\\+\\?\\(b\\)\\[c\\]\\{d\\}\\^\\$\\|\\\\\\-\\#", "... with every special");
	is(cdc_kc_table_regex("\"p\".\" \xc3\xbc, \"\"x\""), "(?-i)p\\.\\x20\xc3\xbc\\x2C\\x20\\\"x", "... blanks, commas, quotes");
	is(cdc_kc_post_stopped_body("n\"", c), "{\"name\":\"n\\\"\",\"config\":{\"a\":\"b\"},\"initial_state\":\"STOPPED\"}", "POST body");
	is_number(json_object_put(c), 1, "... which did not keep the config");
}

int
main(void)
{
	config();
	option_values();
	list();
	list_after_list();
	stopped_unassigned();
	offsets();
	rewind_body();
	plugins();
	meaning();
	failure();
	incurable();
	urls();
	return done_testing();
}
