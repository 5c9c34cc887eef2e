/*
 * debezium.c
 *	  What we know of Debezium's PostgreSQL connector: the wanted
 *	  configuration, and what its stack traces mean.
 *
 * No I/O, no state.  Kafka Connect's REST API is kafka_connect.c, the options
 * that a user may set are debezium_options.c.
 * Sources: Debezium 3.7 PostgresConnectorConfig, RelationalDatabaseConnectorConfig,
 * CommonConnectorConfig; Strings.RegExSplitter for lists of expressions.
 */
#include "remote/kafka_connect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/redact.h"
#include "common/text.h"

#define HEARTBEAT_PREFIX "cdc_pipeline_heartbeat"

/* Longest sentence of a failure, in characters. */
#define FAILURE_MAX 500
#define SENTENCE_MAX (16 * 1024)

/*
 * Traces that no restart cures: Debezium's decision at start depends on a
 * stored offset, a slot or a setting that a restart does not change.  Texts
 * of BaseSourceTask, PostgresReplicationConnection, PostgresStreamingChangeEventSource
 * and of the server.
 */
static const char *const incurable[] = {
	/* a stored offset whose WAL the slot does not have any more, or no slot at all */
	"but this is no longer available on the server",
	"Cannot seek to the last known offset",
	"has been removed from the database write-ahead log",
	/* the slot was invalidated: 14 to 17, and 18 */
	"This slot has been invalidated because it exceeded the maximum reserved size",
	"cannot read from logical replication slot",
	"can no longer get changes from replication slot",
	"can no longer access replication slot",
	/* snapshot.mode=no_data over a snapshot that was begun */
	"the connector is configured to never allow snapshots",
	/* a row that the topic does not take */
	"RecordTooLargeException",
	"Compacted topic cannot accept message without key"
};

/* What Kafka itself answers to a record: the task starts well, and fails when it is sent again. */
static const char *const refusals[] = {
	"RecordTooLargeException",
	"from producer send callback"
};

/*
 * The first whose driver is known to have requireAuth (pgjdbc 42.7.13).  Of a
 * property that it does not know a driver takes no notice.
 */
#define LOGIN_SINCE_MAJOR 3
#define LOGIN_SINCE_MINOR 7

bool
cdc_kc_knows_login(const char *versions)
{
	const char *p = versions;

	while (*p != '\0')
	{
		char	   *end;
		long		major = strtol(p, &end, 10);
		long		minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

		if (end != p && (major < LOGIN_SINCE_MAJOR || (major == LOGIN_SINCE_MAJOR && minor < LOGIN_SINCE_MINOR)))
			return false;
		p += strcspn(p, ",");
		p += strspn(p, ", ");
	}
	return true;
}

/* Modes in which a connection is never made without TLS. */
static bool
is_always_tls(const char *sslmode)
{
	return strcmp(sslmode, "require") == 0 || strncmp(sslmode, "verify-", 7) == 0;
}

/*
 * Whom the driver gives the password to, from generation 2 on: who asks for it
 * in clear, or as MD5, is not the server, but for one that has to have it so
 * and proves by its certificate who it is.
 */
static void
put_login(CdcConnectConfig *config, const CdcConnectorSpec *spec, const char *sslmode)
{
	if (spec->password_in_tls && strcmp(sslmode, "verify-full") == 0)
		cdc_connect_put_text(config, "driver.requireAuth", "password,scram-sha-256");
	else
	{
		cdc_connect_put_text(config, "driver.requireAuth", "scram-sha-256");
		if (is_always_tls(sslmode))
			cdc_connect_put_text(config, "driver.channelBinding", "require");
	}
	if (spec->ca_path && strncmp(sslmode, "verify-", 7) == 0)
		cdc_connect_put_text(config, "database.sslrootcert", spec->ca_path);
}

/*
 * The driver's URL has the name as it stands here, and is read with % and + for
 * other characters, a ? as the end of the name and / as that of the host.  Escaped,
 * it would reach its database, and Debezium would look for its slot in one of the
 * escaped name.
 */
char *
cdc_kc_database_fault(const char *name)
{
	const char *at = name ? strpbrk(name, "%+?/") : NULL;

	return at ? psprintf("database_name may not have \"%c\" in it: Debezium would ask for another database", *at) : NULL;
}

/* Has one of its names a dot in it? */
static bool
has_dotted_name(const char *quoted)
{
	bool		inside = false;

	for (; *quoted != '\0'; quoted++)
	{
		if (*quoted == '"')
			inside = !inside;
		else if (*quoted == '.' && inside)
			return true;
	}
	return false;
}

/*
 * To Debezium's list "a.b".c and a."b.c" are one name.  Of such a pipeline it looks at
 * the schemas that are named alone, and finds nothing that the role was not granted.
 */
static void
put_dotted(CdcConnectConfig *config, const CdcConnectorSpec *spec)
{
	StringInfoData schemas;
	bool		dotted = false;
	int			i;

	initStringInfo(&schemas);
	for (i = 0; i < spec->ntables; i++)
	{
		char	   *schema = cdc_kc_schema_regex(spec->tables[i]);

		dotted = dotted || has_dotted_name(spec->tables[i]);
		/* tables are sorted */
		if (schemas.len < (int) strlen(schema) || strcmp(schemas.data + schemas.len - strlen(schema), schema) != 0)
			appendStringInfo(&schemas, "%s%s", schemas.len > 0 ? "," : "", schema);
		pfree(schema);
	}
	if (dotted)
	{
		cdc_connect_put_text(config, "driver.hideUnprivilegedObjects", "true");
		cdc_connect_put_text(config, "schema.include.list", schemas.data);
	}
	pfree(schemas.data);
}

struct json_object *
cdc_kc_config(const CdcConnectorSpec *spec, char **fault)
{
	CdcConnectConfig built;
	CdcConnectConfig *config = &built;
	const char *sslmode = spec->sslmode ? spec->sslmode : "prefer";

	cdc_connect_begin(config);
	cdc_connect_put_text(config, "connector.class", CDC_KC_CLASS);
	cdc_connect_put_text(config, "tasks.max", "1");
	cdc_connect_put_text(config, "cdc.pipeline.id", spec->pipeline_id);
	cdc_connect_put_number(config, "cdc.epoch", spec->epoch);
	if (spec->signature)
		cdc_connect_put_text(config, "cdc.mark", spec->signature);

	/* Where from. */
	cdc_connect_put_text(config, "database.hostname", spec->hostname);
	cdc_connect_put_number(config, "database.port", spec->port);
	cdc_connect_put_text(config, "database.dbname", spec->database);
	cdc_connect_refuse(config, cdc_kc_database_fault(spec->database));
	cdc_connect_put_text(config, "database.user", spec->user);
	cdc_connect_put(config, "database.password", spec->password);
	cdc_connect_put_text(config, "database.sslmode", sslmode);
	/* a role that several connectors log in as: whose session is it? */
	if (spec->session_name)
		cdc_connect_put_text(config, "database.initial.statements", psprintf("SET application_name = '%s'", spec->session_name));

	/* The publication is ours, the slot is made by Debezium at its first start. */
	cdc_connect_put_text(config, "plugin.name", "pgoutput");
	cdc_connect_put_text(config, "slot.name", spec->slot);
	if (spec->slot_failover)
		cdc_connect_put_text(config, "slot.failover", "true");
	cdc_connect_put_text(config, "publication.name", spec->publication);
	cdc_connect_put_text(config, "publication.autocreate.mode", "disabled");
	cdc_connect_put_text(config, "topic.prefix", spec->topic_prefix);
	cdc_connect_put_text(config, "snapshot.mode", spec->snapshot_mode);
	cdc_connect_put_text(config, "offset.mismatch.strategy", "no_validation");

	/*
	 * Without a list Debezium takes a snapshot of every table that it finds:
	 * partitions beside their root, unlogged tables.  So it is to find only
	 * what the role was granted.
	 */
	if (spec->ntables == 0)
		cdc_connect_put_text(config, "driver.hideUnprivilegedObjects", "true");
	else
	{
		StringInfoData list;
		int			i;

		initStringInfo(&list);
		for (i = 0; i < spec->ntables; i++)
		{
			if (i > 0)
				appendStringInfoChar(&list, ',');
			appendStringInfoString(&list, cdc_kc_table_regex(spec->tables[i]));
		}
		cdc_connect_put_text(config, "table.include.list", list.data);
		if (spec->generation >= 2)
			put_dotted(config, spec);
		pfree(list.data);
	}
	cdc_kc_put_only(config, spec->only, spec->nonly);

	/* What an event looks like: plain JSON, 99.95 is a number. */
	cdc_connect_put_text(config, "key.converter", "org.apache.kafka.connect.json.JsonConverter");
	cdc_connect_put_text(config, "key.converter.schemas.enable", "false");
	cdc_connect_put_text(config, "value.converter", "org.apache.kafka.connect.json.JsonConverter");
	cdc_connect_put_text(config, "value.converter.schemas.enable", "false");
	cdc_connect_put_text(config, "decimal.handling.mode", "double");

	/*
	 * A heartbeat that writes WAL in this very database, so that the slot of a
	 * quiet one moves.  It needs no table and no grant; without the filter it
	 * would become an event in <prefix>.message.  Transactional: a task whose last
	 * stored offset is of a commit waits for a later commit before it confirms
	 * anything (WalPositionLocator; measured with 3.7).  Its commit must wait for
	 * no synchronous standby: the query runs in the thread that streams.
	 */
	cdc_connect_put_text(config, "heartbeat.interval.ms", "5000");
	cdc_connect_put_text(config, "heartbeat.action.query",
						 "SELECT pg_catalog.set_config('synchronous_commit', 'off', true),"
						 " pg_catalog.pg_logical_emit_message(true, '" HEARTBEAT_PREFIX "', '')");
	cdc_connect_put_text(config, "message.prefix.exclude.list", HEARTBEAT_PREFIX);

	/*
	 * Debezium sleeps so long whenever it has read everything: a change waits
	 * for it, and so does the stop of a task (500 by default).
	 */
	cdc_connect_put_number(config, "poll.interval.ms", 50);

	/*
	 * Faults that stay become FAILED after a minute or so: unlimited is
	 * Debezium's default.  It waits between tries without hearing that it is to
	 * stop (10 s by default), which a failover would wait for.
	 */
	cdc_connect_put_number(config, "retriable.restart.connector.wait.ms", 250);
	cdc_connect_put_number(config, "errors.max.retries", 150);

	/* -1: the broker's defaults. */
	cdc_connect_put_text(config, "topic.creation.default.replication.factor", "-1");
	cdc_connect_put_text(config, "topic.creation.default.partitions", "-1");

	if (spec->options != NULL)
	{
		json_object_object_foreach(spec->options, key, value)
		{
			/* Anything else in there is not Debezium's, or not the user's to set. */
			if (value != NULL && cdc_kc_option_is_debeziums(key) && cdc_kc_option_check(spec->generation, key, json_object_get_string(value)) == NULL)
				cdc_connect_put_text(config, key, json_object_get_string(value));
		}
	}
	if (spec->generation >= 2)
		put_login(config, spec, sslmode);
	return cdc_connect_finish(config, fault);
}

/* Is value what Connect or a proxy shows instead of a secret? */
static bool
is_masked(const char *value)
{
	return value[0] != '\0' &&
		(value[strspn(value, "*")] == '\0' || strcmp(value, "[hidden]") == 0);
}

static void
add_word(StringInfo list, const char *word)
{
	if (list->len > 0)
		appendStringInfoString(list, ", ");
	appendStringInfoString(list, word);
}

/*
 * Keys by which rows, columns, operations or topics are chosen.  Who changes
 * how they are written here makes every pipeline take a new snapshot.
 */
static const char *const capture_keys[] = {
	"connector.class", "database.dbname", "topic.prefix", "publication.name", "slot.name",
	"table.include.list", "table.exclude.list", "schema.include.list", "schema.exclude.list",
	"column.include.list", "column.exclude.list", "skipped.operations", "transforms",
	"topic.naming.strategy", "topic.delimiter"
};

bool
cdc_kc_captures_other(struct json_object *wanted, const CdcKcConfig *observed)
{
	int			i;

	for (i = 0; i < (int) lengthof(capture_keys); i++)
	{
		const char *a = cdc_json_string(wanted, capture_keys[i]);
		const char *b = cdc_kc_config_string(observed, capture_keys[i]);

		if (a == NULL ? b != NULL : b == NULL || strcmp(a, b) != 0)
			return true;
	}
	return false;
}

/* Who wrote it: of another epoch it is as wanted all the same. */
static bool
is_signature(const char *key)
{
	return strcmp(key, "cdc.epoch") == 0 || strcmp(key, "cdc.mark") == 0;
}

/* Is each key of both in the other, with the same value?  Each is read once: it is asked at each visit. */
static bool
is_same(struct json_object *wanted, const CdcKcConfig *observed)
{
	const char *key;
	const char *value;
	size_t		at = 0;
	int			n = 0;

	while (cdc_kc_config_next(observed, &at, &key, &value))
	{
		struct json_object *same;

		if (json_object_object_get_ex(wanted, key, &same))
		{
			if (value == NULL || same == NULL || (strcmp(value, json_object_get_string(same)) != 0 && !is_signature(key)))
				return false;
			n++;
		}
		else if (strcmp(key, "name") != 0 && !is_signature(key))
			return false;
	}
	return json_object_is_type(wanted, json_type_object) && n == json_object_object_length(wanted);
}

bool
cdc_kc_config_equal(struct json_object *wanted, const CdcKcConfig *observed, char **which)
{
	StringInfoData differing;
	const char *seen_key;
	const char *seen_value;
	size_t		at = 0;
	bool		equal;

	if (is_same(wanted, observed))
	{
		if (which != NULL)
			*which = NULL;
		return true;
	}
	initStringInfo(&differing);
	if (json_object_is_type(wanted, json_type_object))
	{
		json_object_object_foreach(wanted, key, value)
		{
			const char *seen = cdc_kc_config_value(observed, key);

			if (seen != NULL && strcmp(seen, json_object_get_string(value)) == 0)
				continue;
			if (seen != NULL && strcmp(key, "database.password") == 0 && is_masked(seen))
				continue;

			/* A key of ours that is newer than what we wrote: it goes with the next PUT, and needs none. */
			if (seen == NULL && strncmp(key, "cdc.", 4) == 0 && strcmp(key, "cdc.pipeline.id") != 0)
				continue;
			if (is_signature(key))
				continue;
			add_word(&differing, key);
		}
	}
	while (cdc_kc_config_next(observed, &at, &seen_key, &seen_value))
	{
		if (strcmp(seen_key, "name") != 0 && !is_signature(seen_key) && !json_object_object_get_ex(wanted, seen_key, NULL))
			add_word(&differing, seen_key);
	}

	equal = differing.len == 0;
	if (which != NULL)
		*which = equal ? NULL : differing.data;
	if (which == NULL || equal)
		pfree(differing.data);
	return equal;
}

/* Reads one quoted identifier at *p, appends its characters escaped. */
static void
append_part(StringInfo buf, const char **p)
{
	bool		quoted = **p == '"';

	if (quoted)
		(*p)++;
	for (; **p != '\0'; (*p)++)
	{
		unsigned char c = (unsigned char) **p;

		if (quoted && c == '"')
		{
			if ((*p)[1] != '"')
			{
				(*p)++;
				break;
			}
			(*p)++;
		}
		else if (!quoted && c == '.')
			break;

		/*
		 * A comma would end the expression and blanks at its ends would be
		 * trimmed, even when escaped by a backslash, so those are spelled by
		 * number.
		 */
		if (c <= ' ' || c == ',' || c == 0x7f)
			appendStringInfo(buf, "\\x%02X", c);
		else if (c < 0x80 && !isalnum(c) && c != '_')
		{
			appendStringInfoChar(buf, '\\');
			appendStringInfoChar(buf, (char) c);
		}
		else
			appendStringInfoChar(buf, (char) c);
	}
}

char *
cdc_kc_schema_regex(const char *quoted)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "(?-i)");
	append_part(&buf, &quoted);
	return buf.data;
}

char *
cdc_kc_table_regex(const char *quoted)
{
	StringInfoData buf;
	const char *p = quoted;

	/*
	 * Debezium compiles the list without regard to case, and would take a
	 * snapshot of "Orders" too, which the role may not even read.
	 */
	initStringInfo(&buf);
	appendStringInfoString(&buf, "(?-i)");
	append_part(&buf, &p);
	if (*p == '.')
	{
		p++;
		appendStringInfoString(&buf, "\\.");
		append_part(&buf, &p);
	}
	return buf.data;
}

/* Length of "java.lang.SomeException" at text, when it ends at ": " or the end. */
static size_t
class_name_length(const char *str, size_t length)
{
	size_t		i;
	bool		dot = false;

	for (i = 0; i < length; i++)
	{
		char		c = str[i];

		if (c == '.')
		{
			if (i == 0 || str[i - 1] == '.')
				return 0;
			dot = true;
		}
		else if (c == ':' && (i + 1 == length || str[i + 1] == ' '))
			break;
		else if (!isalnum((unsigned char) c) && c != '_' && c != '$')
			return 0;
	}
	return dot && i > 0 && str[i - 1] != '.' ? i : 0;
}

char *
cdc_kc_failure(const char *trace, const char *const *secrets, int nsecrets)
{
	static const char caused[] = "Caused by: ";
	const char *line;
	const char *last;
	size_t		length;
	size_t		class_length;
	char	   *sentence;
	char	   *p;
	int			characters = 0;

	if (trace == NULL || trace[strspn(trace, " \t\r\n")] == '\0')
		return pstrdup("Kafka Connect gave no reason");

	/* Causes of suppressed exceptions are indented and do not count. */
	last = trace + strspn(trace, " \t\r\n");
	for (line = last; line != NULL; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
	{
		if (strncmp(line, caused, sizeof(caused) - 1) == 0)
			last = line + sizeof(caused) - 1;
	}

	/* "a.B: c.D: text": exceptions made from a cause repeat its class. */
	length = strcspn(last, "\r\n");
	while ((class_length = class_name_length(last, length)) > 0)
	{
		size_t		skip = class_length;

		if (last[skip] == ':')
			skip++;
		while (skip < length && last[skip] == ' ')
			skip++;
		if (skip >= length)
			break;				/* a class and nothing else: better than silence */
		last += skip;
		length -= skip;
	}

	/*
	 * Redacted before it is cut: half a secret is one too.  The rest of the
	 * trace is left out first, so that its cost is bounded.
	 */
	sentence = pnstrdup(last, length <= SENTENCE_MAX ? length : cdc_text_clip(last, SENTENCE_MAX));
	sentence = cdc_redact(sentence, secrets, nsecrets);
	for (p = sentence; *p != '\0'; p++)
	{
		if ((*p & 0xC0) != 0x80 && ++characters > FAILURE_MAX)
			break;
		if ((unsigned char) *p < ' ')
			*p = ' ';
	}
	while (p > sentence && p[-1] == ' ')
		p--;
	*p = '\0';
	return cdc_kc_advised(sentence);
}

/* What the driver's own words leave open: the texts of pgjdbc's AuthMethod and ConnectionFactoryImpl. */
static const char *const advices[][2] = {
	{"not allowed by requireAuth",
		"the source asks for something else than SCRAM: see the role's line in its pg_hba.conf, and whether its password was stored as scram-sha-256"},
	{"Channel binding is required",
		"the source does not bind the login to its certificate: it must ask for SCRAM, and have a certificate signed with SHA-256 or better"}
};

char *
cdc_kc_advised(const char *message)
{
	size_t		i;

	for (i = 0; i < lengthof(advices); i++)
	{
		if (strstr(message, advices[i][0]) != NULL)
			return psprintf("%s (%s)", message, advices[i][1]);
	}
	return pstrdup(message);
}

/* Has the trace one of these words?  NULL: none. */
static bool
has_one(const char *trace, const char *const *words, size_t n)
{
	size_t		i;

	for (i = 0; trace != NULL && i < n; i++)
	{
		if (strstr(trace, words[i]) != NULL)
			return true;
	}
	return false;
}

bool
cdc_kc_incurable(const char *trace)
{
	return has_one(trace, incurable, lengthof(incurable));
}

bool
cdc_kc_refused(const char *trace)
{
	return has_one(trace, refusals, lengthof(refusals));
}
