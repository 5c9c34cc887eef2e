/*
 * kc_list.c
 *	  Kafka Connect's list of all connectors, read as it comes.
 *
 * See kafka_connect.h.  A list may be large where many share a cluster, and
 * whatever answers may send anything: each connector is read by itself as soon
 * as its text is whole, what nobody asks of it is let go at once, and there are
 * limits of one connector and of all.
 */
#include "remote/kafka_connect.h"

#include <stdlib.h>
#include <string.h>

#include "common/hashfn.h"

#include "common/json.h"
#include "common/json_pieces.h"

/*
 * Of one connector: its text, and how deep and wide that may be.  A pipeline of
 * 5,000 tables with the longest names has 700 kB.
 */
#define CONNECTOR_MAX CDC_JSON_PIECE_MAX
#define DEPTH_MAX 16
#define CONFIG_MAX 1000			/* keys */
#define TASKS_MAX 16
/* A word of Connect's that is shown: a state, a worker's address. */
#define WORD_MAX 255

/*
 * Of all: connectors, and what those take whose configuration is kept.  When
 * Kafka or a source is away, all of a thousand connectors show a stack trace of
 * 10 to 20 kB: just then the list has to be read.
 */
#define CONNECTORS_MAX 20000
#define KEPT_MAX (32 * 1024 * 1024)
/* What one of ours takes beside its text, and each key of it: many small ones are large too. */
#define CONNECTOR_COST 4096
#define KEY_COST 128

/* Names of ours begin so; of others the configuration is not looked at. */
#define OUR_NAME "mdb-pipeline-"

/* Keys of a configuration that are asked of any connector. */
static const char *const marks[] = {"cdc.pipeline.id", "cdc.epoch", "cdc.mark", "topic.prefix"};

struct CdcKcReader
{
	CdcJsonPieces *pieces;
	size_t		kept;			/* bytes, of those with a configuration */
	struct json_object *all;	/* name -> {"info", "status"}, reduced; "text": hash of what it was read from, "cost" */
	struct json_object *former; /* the same of the list before, or NULL */
	uint64 text;				/* hash of what is read */
	int			n;
};

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

/* A member that is text of at most so many bytes is copied, clipped. */
static void
copy_word(struct json_object *to, struct json_object *from, const char *key, size_t most)
{
	cdc_json_add_word(to, key, cdc_json_string(from, key), most);
}

/* The configuration as it is kept: of ours all that is text, of others the marks; NULL: it is none. */
static struct json_object *
reduced_config(struct json_object *config, bool ours)
{
	struct json_object *kept;
	size_t		i;

	if (!json_object_is_type(config, json_type_object) || json_object_object_length(config) > CONFIG_MAX)
		return NULL;
	if (ours)
		return json_object_get(config);
	kept = json_object_new_object();
	for (i = 0; i < lengthof(marks); i++)
		copy_word(kept, config, marks[i], WORD_MAX);
	return kept;
}

/* What is kept of who runs it: a connector, or a task of it. */
static struct json_object *
reduced_state(struct json_object *from, bool ours)
{
	struct json_object *kept = json_object_new_object();

	copy_word(kept, from, "state", WORD_MAX);
	if (ours)
	{
		copy_word(kept, from, "worker_id", WORD_MAX);
		copy_word(kept, from, "trace", CONNECTOR_MAX);
	}
	json_object_object_add(kept, "id", json_object_new_int64(cdc_json_int64(from, "id", 0)));
	return kept;
}

/* How many keys its configuration has. */
static size_t
config_length(struct json_object *info)
{
	struct json_object *config = cdc_json_get(info, "config");

	return json_object_is_type(config, json_type_object) ? (size_t) json_object_object_length(config) : 0;
}

/* One connector, {"name":{...}}, whose text was so long; false when Connect sends no such thing. */
static bool
take(struct json_object *whole, size_t length, void *arg)
{
	CdcKcReader *reader = arg;
	bool		good = reader->n < CONNECTORS_MAX;
	size_t		cost = 0;

	json_object_object_foreach(whole, name, entry)
	{
		bool		ours = strncmp(name, OUR_NAME, strlen(OUR_NAME)) == 0;
		struct json_object *status = cdc_json_get(entry, "status");
		struct json_object *tasks = cdc_json_array(status, "tasks");
		struct json_object *kept = json_object_new_object();
		struct json_object *kept_info = json_object_new_object();
		struct json_object *kept_status = json_object_new_object();
		struct json_object *kept_tasks = json_object_new_array();
		size_t		i;

		/* an error's answer has this in place of a connector */
		good = good && !(strcmp(name, "error_code") == 0 && entry != NULL);
		if (json_object_is_type(cdc_json_get(cdc_json_get(entry, "info"), "tasks"), json_type_array))
			json_object_object_add(kept_info, "task_configs", json_object_new_int64((int64) json_object_array_length(cdc_json_array(cdc_json_get(entry, "info"), "tasks"))));
		json_object_object_add(kept_info, "config", reduced_config(cdc_json_get(cdc_json_get(entry, "info"), "config"), ours));
		if (cdc_json_get(status, "connector"))
			json_object_object_add(kept_status, "connector", reduced_state(cdc_json_get(status, "connector"), ours));
		for (i = 0; tasks && i < json_object_array_length(tasks) && i < TASKS_MAX; i++)
			json_object_array_add(kept_tasks, reduced_state(json_object_array_get_idx(tasks, i), ours));
		json_object_object_add(kept_status, "tasks", kept_tasks);
		json_object_object_add(kept, "info", kept_info);
		json_object_object_add(kept, "status", kept_status);
		if (ours)
			cost = length + CONNECTOR_COST + KEY_COST * config_length(kept_info);
		reader->kept += cost;
		json_object_object_add(kept, "text", json_object_new_int64((int64) reader->text));
		json_object_object_add(kept, "cost", json_object_new_int64((int64) cost));
		if (good && strlen(name) <= WORD_MAX)
		{
			json_object_object_add(reader->all, name, kept);
			reader->n++;
		}
		else
			json_object_put(kept);	/* nothing of ours can have such a name */
	}
	return good && reader->kept <= KEPT_MAX;
}

/*
 * One of which the list before has the same text, word for word: what was read from
 * that is shared.  Most of a list is so at most times, and most of its cost is reading.
 * The hash is not proof against who makes another text for it: it is his own
 * connector that would be seen as it was.
 */
static bool
known(const char *words, size_t length, void *arg)
{
	CdcKcReader *reader = arg;
	const char *name = memchr(words, '"', length);
	const char *end = name ? memchr(name + 1, '"', length - (size_t) (name + 1 - words)) : NULL;
	char		key[WORD_MAX + 1];
	struct json_object *entry;

	reader->text = hash_bytes_extended((const unsigned char *) words, (int) length, 0);
	if (end == NULL || reader->former == NULL || (size_t) (end - name) > sizeof(key) || reader->n >= CONNECTORS_MAX)
		return false;
	memcpy(key, name + 1, (size_t) (end - name - 1));
	key[end - name - 1] = '\0';
	/* a name with an escape is not found, and read; one that comes twice too, as it was the first time */
	entry = cdc_json_get(reader->former, key);
	if (entry == NULL || cdc_json_get(reader->all, key) != NULL || cdc_json_int64(entry, "text", 0) != (int64) reader->text)
		return false;
	reader->kept += (size_t) cdc_json_int64(entry, "cost", 0);
	if (reader->kept > KEPT_MAX)
		return false;			/* reading it says so */
	json_object_object_add(reader->all, key, json_object_get(entry));
	reader->n++;
	return true;
}

static const CdcJsonPiecesOf connectors = {.open = '{', .piece_max = CONNECTOR_MAX, .depth_max = DEPTH_MAX, .take = take, .known = known};

CdcKcReader *
cdc_kc_reader_new(const CdcKcList *former)
{
	CdcKcReader *reader = calloc(1, sizeof(CdcKcReader));

	if (reader == NULL)
		return NULL;
	reader->all = json_object_new_object();
	reader->former = former ? json_object_get(former->body) : NULL;
	reader->pieces = cdc_json_pieces_new(&connectors, reader);
	if (reader->all && reader->pieces)
		return reader;
	cdc_kc_reader_free(reader);
	return NULL;
}

void
cdc_kc_reader_free(CdcKcReader *reader)
{
	if (reader == NULL)
		return;
	json_object_put(reader->all);
	json_object_put(reader->former);
	cdc_json_pieces_free(reader->pieces);
	free(reader);
}

bool
cdc_kc_reader_feed(const char *data, size_t length, void *arg)
{
	return cdc_json_pieces_feed(((CdcKcReader *) arg)->pieces, data, length);
}

bool
cdc_kc_reader_failed(const CdcKcReader *reader)
{
	return cdc_json_pieces_failed(reader->pieces);
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

/* Connect's configurations are texts; what is not is shown as JSON has it, and is then no mark. */
static const char *
text_of(struct json_object *config, const char *key)
{
	struct json_object *value = cdc_json_get(config, key);

	return value ? json_object_get_string(value) : NULL;
}

CdcKcList *
cdc_kc_reader_list(CdcKcReader *reader)
{
	CdcKcList  *list;

	if (reader->all == NULL || !cdc_json_pieces_whole(reader->pieces))
		return NULL;
	list = palloc0(sizeof(CdcKcList));
	list->body = reader->all;
	reader->all = NULL;
	list->items = palloc0(sizeof(CdcKcConnector) * (json_object_object_length(list->body) + 1));
	{
		json_object_object_foreach(list->body, name, entry)
		{
			CdcKcConnector *item = &list->items[list->n++];

			item->name = name;
			item->config = cdc_json_get(cdc_json_get(entry, "info"), "config");
			item->mark = cdc_json_string(item->config, "cdc.pipeline.id");
			item->epoch = text_of(item->config, "cdc.epoch");
			item->signature = text_of(item->config, "cdc.mark");
			item->topic_prefix = cdc_json_string(item->config, "topic.prefix");
			read_status(item, cdc_json_get(entry, "status"));

			/*
			 * A connector that no worker had when it was stopped (the broker
			 * was away, a worker died) is never told as STOPPED: it stays
			 * UNASSIGNED, without tasks and without configurations of any,
			 * which a running one has at all times (measured with 3.9).
			 */
			if (item->state == CDC_CS_UNASSIGNED && item->ntasks == 0 && cdc_json_int64(cdc_json_get(entry, "info"), "task_configs", -1) == 0)
				item->state = CDC_CS_STOPPED;
		}
	}
	qsort(list->items, list->n, sizeof(CdcKcConnector), by_name);
	return list;
}

CdcKcList *
cdc_kc_parse_list(const char *body)
{
	CdcKcReader *reader = cdc_kc_reader_new(NULL);
	CdcKcList  *list = NULL;

	if (reader && body && cdc_kc_reader_feed(body, strlen(body), reader))
		list = cdc_kc_reader_list(reader);
	cdc_kc_reader_free(reader);
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
