/*
 * kafka_connect.c
 *	  Kafka Connect's REST API: build a request, read an answer.
 *
 * No I/O, no state, no ereport: a body that does not parse is an answer too.
 * What Debezium wants and says is debezium.c.
 * Sources: Kafka's ConnectorsResource, HerderRequestHandler, DistributedHerder;
 * KIP-875 (stop, offsets), KIP-980 (initial_state).
 */
#include "remote/kafka_connect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/redact.h"

static CdcConnectState
state_of(const char *name)
{
	static const struct
	{
		const char *name;
		CdcConnectState state;
	}			states[] = {
		{"UNASSIGNED", CDC_CS_UNASSIGNED},
		{"RUNNING", CDC_CS_RUNNING},
		{"PAUSED", CDC_CS_PAUSED},
		{"STOPPED", CDC_CS_STOPPED},
		{"FAILED", CDC_CS_FAILED},
		{"RESTARTING", CDC_CS_RESTARTING}
	};
	size_t		i;

	if (name == NULL)
		return CDC_CS_NONE;
	for (i = 0; i < lengthof(states); i++)
	{
		if (strcmp(states[i].name, name) == 0)
			return states[i].state;
	}
	return CDC_CS_UNKNOWN;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const CdcKcConnector *) a)->name, ((const CdcKcConnector *) b)->name);
}

/* Fills item's part that comes from "status"; status may be NULL. */
static void
read_status(CdcKcConnector *item, struct json_object *status)
{
	struct json_object *connector = cdc_json_get(status, "connector");
	struct json_object *tasks = cdc_json_array(status, "tasks");
	struct json_object *states = json_object_new_array();
	size_t		n = tasks ? json_object_array_length(tasks) : 0;
	size_t		i;

	item->state_name = cdc_json_string(connector, "state");
	item->state = state_of(item->state_name);
	item->worker_id = cdc_json_string(connector, "worker_id");
	if (item->state == CDC_CS_FAILED)
		item->trace = cdc_json_string(connector, "trace");
	item->task_state = CDC_CS_NONE;
	item->ntasks = (int) n;

	for (i = 0; i < n; i++)
	{
		struct json_object *task = json_object_array_get_idx(tasks, i);
		int64		id = cdc_json_int64(task, "id", 0);
		const char *name = cdc_json_string(task, "state");
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "id", json_object_new_int64(id));
		json_object_object_add(entry, "state", name ? json_object_new_string(name) : NULL);
		json_object_array_add(states, entry);

		/* Debezium has one task; should there be more, the first one speaks. */
		if (i == 0)
		{
			const char *worker = cdc_json_string(task, "worker_id");

			item->task_state = name ? state_of(name) : CDC_CS_UNKNOWN;
			if (worker != NULL)
				item->worker_id = worker;
			if (item->task_state == CDC_CS_FAILED && cdc_json_string(task, "trace") != NULL)
				item->trace = cdc_json_string(task, "trace");
		}
	}
	item->task_states = pstrdup(json_object_to_json_string_ext(states, JSON_C_TO_STRING_PLAIN));
	json_object_put(states);
}

CdcKcList *
cdc_kc_parse_list(const char *body)
{
	struct json_object *object = cdc_json_parse(body);
	CdcKcList  *list;

	if (!json_object_is_type(object, json_type_object) ||
		cdc_json_get(object, "error_code") != NULL)
	{
		json_object_put(object);
		return NULL;
	}

	list = palloc0(sizeof(CdcKcList));
	list->body = object;
	list->items = palloc0(sizeof(CdcKcConnector) * (json_object_object_length(object) + 1));
	{
		json_object_object_foreach(object, name, entry)
		{
			CdcKcConnector *item = &list->items[list->n++];

			item->name = name;
			item->config = cdc_json_get(cdc_json_get(entry, "info"), "config");
			item->mark = cdc_json_string(item->config, "cdc.pipeline.id");
			item->epoch = cdc_json_int64(item->config, "cdc.epoch", 0);
			item->topic_prefix = cdc_json_string(item->config, "topic.prefix");
			read_status(item, cdc_json_get(entry, "status"));
		}
	}
	qsort(list->items, list->n, sizeof(CdcKcConnector), by_name);
	return list;
}

const CdcKcConnector *
cdc_kc_find(const CdcKcList *list, const char *name)
{
	CdcKcConnector key;

	if (list == NULL || list->n == 0)
		return NULL;
	memset(&key, 0, sizeof(key));
	key.name = name;
	return bsearch(&key, list->items, list->n, sizeof(CdcKcConnector), by_name);
}

void
cdc_kc_list_free(CdcKcList *list)
{
	int			i;

	if (list == NULL)
		return;
	json_object_put(list->body);
	for (i = 0; i < list->n; i++)
		pfree(list->items[i].task_states);
	pfree(list->items);
	pfree(list);
}

/* A position that counts: a positive integer member. */
static uint64
position(struct json_object *offset, const char *key)
{
	struct json_object *member = cdc_json_get(offset, key);

	if (!json_object_is_type(member, json_type_int))
		return 0;
	return json_object_get_uint64(member);
}

bool
cdc_kc_parse_offsets(const char *body, CdcKcOffsets *offsets)
{
	struct json_object *object = cdc_json_parse(body);
	struct json_object *entries = cdc_json_array(object, "offsets");
	size_t		n;
	size_t		i;

	memset(offsets, 0, sizeof(*offsets));
	if (entries == NULL)
	{
		json_object_put(object);
		return false;
	}

	offsets->state = CDC_OFFSETS_NONE;
	n = json_object_array_length(entries);
	for (i = 0; i < n; i++)
	{
		struct json_object *offset = cdc_json_get(json_object_array_get_idx(entries, i), "offset");
		bool		in_snapshot;

		if (!json_object_is_type(offset, json_type_object) || json_object_object_length(offset) == 0)
			continue;

		/*
		 * "snapshot" is there from the first row of a snapshot until
		 * streaming begins; snapshot_completed says which side of its end we
		 * are on.  An offset of streaming has neither.  Our connectors have
		 * one partition; among several an unfinished snapshot speaks.
		 */
		in_snapshot = !cdc_json_true(offset, "snapshot_completed") &&
			(cdc_json_get(offset, "snapshot") != NULL ||
			 cdc_json_get(offset, "snapshot_completed") != NULL ||
			 cdc_json_get(offset, "last_snapshot_record") != NULL);
		if (offsets->state == CDC_OFFSETS_NONE || in_snapshot)
		{
			offsets->state = in_snapshot ? CDC_OFFSETS_SNAPSHOT : CDC_OFFSETS_STREAMING;
			offsets->snapshot_completed = !in_snapshot;
			offsets->commit_lsn = position(offset, "lsn_commit");
			offsets->event_lsn = position(offset, "lsn");
			offsets->highest_lsn = Max(offsets->commit_lsn,
									   Max(position(offset, "lsn_proc"), offsets->event_lsn));
			offsets->lsn = offsets->commit_lsn;
			offsets->txid = cdc_json_int64(offset, "txId", 0);
			offsets->ts_us = cdc_json_int64(offset, "ts_usec", 0);
			if (offsets->lsn == 0)
				offsets->lsn = position(offset, "lsn_proc");
			if (offsets->lsn == 0)
				offsets->lsn = offsets->event_lsn;
		}
	}
	json_object_put(object);
	return true;
}

bool
cdc_kc_has_version(const char *versions, const char *wanted)
{
	size_t		length = strlen(wanted);
	const char *p = versions;

	while (*p)
	{
		size_t		n = strcspn(p, ",");

		if (n == length && strncmp(p, wanted, n) == 0)
			return true;
		p += n;
		p += strspn(p, ", ");
	}
	return false;
}

bool
cdc_kc_parse_plugins(const char *body, bool *present, char **version)
{
	struct json_object *plugins = cdc_json_parse(body);
	size_t		n;
	size_t		i;

	*present = false;
	*version = NULL;
	if (!json_object_is_type(plugins, json_type_array))
	{
		json_object_put(plugins);
		return false;
	}

	n = json_object_array_length(plugins);
	for (i = 0; i < n; i++)
	{
		struct json_object *plugin = json_object_array_get_idx(plugins, i);
		const char *class = cdc_json_string(plugin, "class");
		const char *v = cdc_json_string(plugin, "version");

		if (class != NULL && strcmp(class, CDC_KC_CLASS) == 0)
		{
			*present = true;
			if (v != NULL)
				*version = *version ? psprintf("%s, %s", *version, v) : pstrdup(v);
		}
	}
	json_object_put(plugins);
	return true;
}

char *
cdc_kc_post_stopped_body(const char *name, struct json_object *config)
{
	struct json_object *body = json_object_new_object();
	char	   *str;

	json_object_object_add(body, "name", json_object_new_string(name));
	json_object_object_add(body, "config", json_object_get(config));
	json_object_object_add(body, "initial_state", json_object_new_string("STOPPED"));
	str = pstrdup(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
	json_object_put(body);
	return str;
}

/*
 * lsn ends a commit, or is where a slot or a history stands: the very next
 * record begins there, and may be a change of a transaction that is still open.
 * Debezium takes a change at the stored lsn_proc for the last one that it has
 * sent and skips all of that transaction before it (WalPositionLocator).  No
 * record begins at lsn - 1, since records are aligned; transactions whose
 * commit ends at lsn or before are done with by lsn_commit.
 */
char *
cdc_kc_patch_offsets_body(const char *topic_prefix, uint64 lsn)
{
	const struct
	{
		const char *name;
		uint64		lsn;
	}			positions[] = {{"lsn", lsn - 1}, {"lsn_proc", lsn - 1}, {"lsn_commit", lsn}};
	struct json_object *body = json_object_new_object();
	struct json_object *entries = json_object_new_array();
	struct json_object *entry = json_object_new_object();
	struct json_object *partition = json_object_new_object();
	struct json_object *offset = json_object_new_object();
	char	   *str;
	size_t		i;

	json_object_object_add(partition, "server", json_object_new_string(topic_prefix));
	for (i = 0; i < lengthof(positions); i++)
		json_object_object_add(offset, positions[i].name, json_object_new_int64((int64) positions[i].lsn));
	json_object_object_add(offset, "txId", json_object_new_int64(1));
	json_object_object_add(offset, "ts_usec", json_object_new_int64(1));
	json_object_object_add(entry, "partition", partition);
	json_object_object_add(entry, "offset", offset);
	json_object_array_add(entries, entry);
	json_object_object_add(body, "offsets", entries);
	str = pstrdup(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
	json_object_put(body);
	return str;
}

/*
 * One line of what Connect said.  Its complaint about a configuration is a
 * heading, one error a line, and advice: the errors are what counts.
 */
static char *
one_line(const char *message)
{
	static const char heading[] = "Connector configuration is invalid and contains the following";
	static const char advice[] = "You can also find the above list of errors at the endpoint";
	StringInfoData buf;
	const char *line = message;
	bool		skipped = false;

	initStringInfo(&buf);
	while (*line != '\0' && buf.len < 2000)
	{
		size_t		length = strcspn(line, "\r\n");
		const char *start = line;
		size_t		kept = length;

		line += length;
		line += strspn(line, "\r\n");

		if (strncmp(start, advice, sizeof(advice) - 1) == 0)
			continue;
		if (!skipped && *line != '\0' && strncmp(start, heading, sizeof(heading) - 1) == 0)
		{
			skipped = true;
			continue;
		}
		while (kept > 0 && isspace((unsigned char) *start))
		{
			start++;
			kept--;
		}
		if (kept == 0)
			continue;
		if (buf.len > 0)
			appendStringInfoString(&buf, "; ");
		appendBinaryStringInfo(&buf, start, (int) kept);
	}
	return cdc_redact(buf.data, NULL, 0);
}

/* strstr without regard to case. */
static bool
says(const char *message, const char *words)
{
	size_t		length = strlen(words);

	for (; *message != '\0'; message++)
	{
		if (pg_strncasecmp(message, words, length) == 0)
			return true;
	}
	return false;
}

CdcKcMeaning
cdc_kc_meaning(int status, const char *body, char **message)
{
	struct json_object *object;
	const char *said;
	CdcKcMeaning meaning;

	*message = NULL;
	if (status >= 200 && status < 300)
		return CDC_KC_DONE;

	object = cdc_json_parse(body);
	said = cdc_json_string(object, "message");

	if (status == 401 || status == 403)
		meaning = CDC_KC_DENIED;
	else if (said == NULL || status < 400 || status >= 500)
		meaning = CDC_KC_MAYBE; /* a proxy in between, or Connect in trouble */
	else if (status == 404)
	{
		/*
		 * "Connector x not found", "No status found for connector x" against
		 * "HTTP 404 Not Found" of a path that does not exist: a wrong URL
		 * must not look like a connector that is gone.
		 */
		meaning = says(said, "connector") ? CDC_KC_ABSENT : CDC_KC_MAYBE;
	}
	else if (status == 409)
		meaning = says(said, "already exists") ? CDC_KC_EXISTS : CDC_KC_BUSY;
	else if (status == 408 || status == 429)
		meaning = CDC_KC_BUSY;
	else if (status == 400 && says(said, "must be in the STOPPED state"))
		meaning = CDC_KC_NOT_STOPPED;
	else
		meaning = CDC_KC_INVALID;

	*message = said != NULL && said[0] != '\0' ? one_line(said) : pstrdup("no reason given");
	json_object_put(object);
	return meaning;
}

char *
cdc_kc_url(const char *base, const char *path, const char *name)
{
	StringInfoData buf;
	size_t		length = strlen(base);
	const char *p;

	while (length > 0 && base[length - 1] == '/')
		length--;

	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, base, (int) length);
	for (p = path; *p != '\0'; p++)
	{
		if (p[0] == '%' && p[1] == 's' && name != NULL)
		{
			const char *n;

			for (n = name; *n != '\0'; n++)
			{
				unsigned char c = (unsigned char) *n;

				if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL))
					appendStringInfoChar(&buf, (char) c);
				else
					appendStringInfo(&buf, "%%%02X", c);
			}
			p++;
		}
		else
			appendStringInfoChar(&buf, *p);
	}
	return buf.data;
}
