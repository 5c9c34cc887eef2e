/*
 * kc_list.c
 *	  Kafka Connect's list of all connectors, read as it comes.
 *
 * See kafka_connect.h.  A list may be large where many share a cluster, and
 * whatever answers may send anything: each connector is read by itself as soon
 * as its text is whole, what nobody asks of it is let go at once, and there are
 * limits of one connector and of all.  Of most nothing has changed since the list
 * before: those are known by their text's fingerprint and not parsed again.
 */
#include "remote/kafka_connect.h"

#include <stdlib.h>
#include <string.h>

#include "common/fingerprint.h"
#include "common/json.h"
#include "common/json_pieces.h"
#include "common/text.h"

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
 * Of all: connectors, and the bytes that are kept of them: ten thousand of ours
 * have 30 MB.  When Kafka or a source is away, all of a thousand connectors show a stack trace of
 * 10 to 20 kB: just then the list has to be read.
 */
#define CONNECTORS_MAX 20000
#define KEPT_MAX (32 * 1024 * 1024)
/* What one takes beside its words: its name twice, its places in lists and tables of them. */
#define CONNECTOR_COST 512

/* Names of ours begin so; of others the configuration is not looked at. */
#define OUR_NAME "mdb-pipeline-"

/* Classes that have topic.prefix as the beginning of <prefix>.<schema>.<table>. */
#define DEBEZIUM_CLASS "io.debezium."

/* Keys of a configuration that are asked of any connector. */
static const char *const marks[] = {"cdc.pipeline.id", "cdc.epoch", "cdc.mark", "connector.class", "topic.prefix"};

struct CdcKcReader
{
	CdcJsonPieces *pieces;
	struct json_object *former; /* as all, of the list before; or NULL */
	struct json_object *all;	/* name -> an object that holds a Kept */
	int			n;
	int			parsed;
	size_t		kept;			/* bytes */
	const char *fault;
	CdcFingerprint print;		/* of the text that comes */
	bool		printed;
};

static uint64 last_serial;

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

/* A connector as it is kept; lists in which its text is the same share it. */
typedef struct Kept
{
	CdcFingerprint print;
	bool		printed;
	size_t		size;			/* bytes, and what belongs to it elsewhere */
	CdcKcConnector item;		/* but its name; the words are of config, or below */
	CdcKcConfig *config;
	char		words[FLEXIBLE_ARRAY_MEMBER];
} Kept;

static void
free_kept(struct json_object *holder, void *kept)
{
	(void) holder;
	free(((Kept *) kept)->config);
	free(kept);
}

/* Does Connect say so of it: a connector, or a task of it? */
static bool
has_failed(struct json_object *status)
{
	return state_of(cdc_json_string(status, "state")) == CDC_CS_FAILED;
}

/* The tasks' states as they are shown, [{"id":0,"state":"RUNNING"}]. */
static struct json_object *
task_states(struct json_object *tasks, int n)
{
	struct json_object *states = json_object_new_array();
	int			i;

	for (i = 0; i < n; i++)
	{
		struct json_object *task = json_object_array_get_idx(tasks, i);
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "id", json_object_new_int64(cdc_json_int64(task, "id", 0)));
		json_object_object_add(entry, "state", NULL);
		cdc_json_add_word(entry, "state", cdc_json_string(task, "state"), WORD_MAX);
		json_object_array_add(states, entry);
	}
	return states;
}

/* A word's place in a Kept, clipped; NULL stays NULL. */
static const char *
put_word(char **at, const char *word, size_t most)
{
	char	   *place = *at;
	size_t		length = word ? strlen(word) : 0;

	if (word == NULL)
		return NULL;
	if (length > most)
		length = cdc_text_clip(word, most);
	memcpy(place, word, length);
	place[length] = '\0';
	*at += length + 1;
	return place;
}

/* What is kept of {"info", "status"}, which may be anything; NULL: no memory.  free_kept. */
static Kept *
reduce(struct json_object *entry, bool ours)
{
	struct json_object *config = cdc_json_get(cdc_json_get(entry, "info"), "config");
	struct json_object *task_configs = cdc_json_array(cdc_json_get(entry, "info"), "tasks");
	struct json_object *status = cdc_json_get(entry, "status");
	struct json_object *connector = cdc_json_get(status, "connector");
	struct json_object *tasks = cdc_json_array(status, "tasks");
	int			ntasks = tasks ? (int) Min(json_object_array_length(tasks), TASKS_MAX) : 0;

	/* Debezium has one task; should there be more, the first one speaks. */
	struct json_object *task = ntasks > 0 ? json_object_array_get_idx(tasks, 0) : NULL;
	struct json_object *states = task_states(tasks, ntasks);
	const char *shown = json_object_to_json_string_ext(states, JSON_C_TO_STRING_PLAIN);
	const char *state = cdc_json_string(connector, "state");
	const char *task_state = cdc_json_string(task, "state");
	const char *worker = NULL;
	const char *trace = NULL;
	const char *class;
	CdcKcConnector *item;
	Kept	   *kept;
	char	   *at;
	size_t		room;

	if (ours)
	{
		worker = cdc_json_string(task, "worker_id") ? cdc_json_string(task, "worker_id") : cdc_json_string(connector, "worker_id");
		if (has_failed(task))
			trace = cdc_json_string(task, "trace");
		if (trace == NULL && has_failed(connector))
			trace = cdc_json_string(connector, "trace");
	}
	room = strlen(shown) + 1 + (state ? Min(strlen(state), WORD_MAX) + 1 : 0) + (worker ? Min(strlen(worker), WORD_MAX) + 1 : 0) + (trace ? strlen(trace) + 1 : 0);
	kept = calloc(1, offsetof(Kept, words) + room);
	if (kept == NULL)
	{
		json_object_put(states);
		return NULL;
	}
	at = kept->words;
	item = &kept->item;
	item->serial = ++last_serial;
	item->state_name = put_word(&at, state, WORD_MAX);
	item->state = state_of(state);
	item->ntasks = ntasks;
	item->task_state = ntasks == 0 ? CDC_CS_NONE : task_state ? state_of(task_state) : CDC_CS_UNKNOWN;
	item->task_states = put_word(&at, shown, room);
	item->worker_id = put_word(&at, worker, WORD_MAX);
	item->trace = put_word(&at, trace, room);
	json_object_put(states);

	/*
	 * A connector that no worker had when it was stopped (the broker was away, a
	 * worker died) is never told as STOPPED: it stays UNASSIGNED, without tasks
	 * and without configurations of any, which a running one has at all times
	 * (measured with 3.9).
	 */
	if (item->state == CDC_CS_UNASSIGNED && ntasks == 0 && task_configs && json_object_array_length(task_configs) == 0)
		item->state = CDC_CS_STOPPED;

	if (json_object_is_type(config, json_type_object) && json_object_object_length(config) <= CONFIG_MAX)
	{
		kept->config = ours ? cdc_kc_config_keep(config, NULL, 0, 0) : cdc_kc_config_keep(config, marks, lengthof(marks), WORD_MAX);
		if (kept->config == NULL)
		{
			free(kept);
			return NULL;
		}
	}
	item->config = kept->config;
	/* Connect's configurations are texts; what is not is shown as JSON has it, and is then no mark. */
	item->mark = cdc_kc_config_string(item->config, "cdc.pipeline.id");
	item->epoch = cdc_kc_config_value(item->config, "cdc.epoch");
	item->signature = cdc_kc_config_value(item->config, "cdc.mark");
	item->topic_prefix = cdc_kc_config_string(item->config, "topic.prefix");
	class = cdc_kc_config_string(item->config, "connector.class");
	item->debezium = class && strncmp(class, DEBEZIUM_CLASS, strlen(DEBEZIUM_CLASS)) == 0;
	kept->size = offsetof(Kept, words) + room + cdc_kc_config_size(kept->config) + CONNECTOR_COST;
	return kept;
}

/* One more of the list, whose reference is the list's from now on; false when it is more than one cluster's can be. */
static bool
add(CdcKcReader *reader, const char *name, struct json_object *holder)
{
	const Kept *kept = json_object_get_userdata(holder);

	if (reader->n >= CONNECTORS_MAX)
		reader->fault = "more than 20,000 connectors on one Kafka Connect";
	else if (kept->size > KEPT_MAX - reader->kept)
		reader->fault = "what is kept of the connectors on one Kafka Connect is more than 32 MB";
	if (reader->fault || json_object_object_add(reader->all, name, holder) != 0)
	{
		json_object_put(holder);
		return false;
	}
	reader->kept += kept->size;
	reader->n++;
	return true;
}

/* Is a connector's text the one that the former list had under its name? */
static CdcJsonKnown
known(const char *words, size_t length, void *arg)
{
	CdcKcReader *reader = arg;
	struct json_object *holder;
	const Kept *kept;
	char		name[WORD_MAX + 1];
	size_t		begin = 1 + strspn(words + 1, " \t\r\n");
	size_t		n;

	reader->printed = cdc_fingerprint(words, length, &reader->print);
	if (!reader->printed || reader->former == NULL || words[begin] != '"')
		return CDC_JSON_NEW;

	/* the name only says where to look: one that is spelled in another way is read anew */
	n = strcspn(words + begin + 1, "\"");
	if (n > WORD_MAX)
		return CDC_JSON_NEW;
	memcpy(name, words + begin + 1, n);
	name[n] = '\0';
	holder = cdc_json_get(reader->former, name);
	kept = holder ? json_object_get_userdata(holder) : NULL;
	if (kept == NULL || !kept->printed || !cdc_fingerprint_same(&kept->print, &reader->print))
		return CDC_JSON_NEW;
	return add(reader, name, json_object_get(holder)) ? CDC_JSON_KNOWN : CDC_JSON_REFUSED;
}

/* One connector that is new, or not as it was; false when Connect sends no such thing. */
static bool
take_one(CdcKcReader *reader, const char *name, struct json_object *entry)
{
	Kept	   *kept;
	struct json_object *holder;

	reader->parsed++;
	/* an error's answer has this in place of a connector */
	if (strcmp(name, "error_code") == 0 && entry != NULL)
		return false;
	/* nothing of ours can have such a name */
	if (strlen(name) > WORD_MAX)
		return reader->n < CONNECTORS_MAX;
	kept = reduce(entry, strncmp(name, OUR_NAME, strlen(OUR_NAME)) == 0);
	holder = kept ? json_object_new_boolean(true) : NULL;
	if (holder == NULL)
	{
		if (kept)
			free_kept(NULL, kept);
		return false;
	}
	kept->print = reader->print;
	kept->printed = reader->printed;
	json_object_set_userdata(holder, kept, free_kept);
	return add(reader, name, holder);
}

/*
 * One of which more is said than a connector of ours can have.  Of others' nothing is
 * needed; of one with a name of ours all is, or nothing is known of it.
 */
static bool
skipped(const char *begin, size_t length, void *arg)
{
	CdcKcReader *reader = arg;
	size_t		at = 1 + strspn(begin + 1, " \t\r\n");

	reader->parsed++;
	if (strncmp(begin + at, "\"" OUR_NAME, strlen(OUR_NAME) + 1) == 0)
		reader->fault = "what is said of a connector of a pipeline is more than 1 MB";
	return reader->fault == NULL;
}

/* {"name":{...}} */
static bool
take(struct json_object *whole, size_t length, void *arg)
{
	bool		good = true;

	json_object_object_foreach(whole, name, entry)
		good = good && take_one(arg, name, entry);
	return good;
}

static const CdcJsonPiecesOf connectors = {.open = '{', .piece_max = CONNECTOR_MAX, .depth_max = DEPTH_MAX, .skipped = skipped, .known = known, .take = take};

CdcKcReader *
cdc_kc_reader_new(const CdcKcList *former)
{
	CdcKcReader *reader = calloc(1, sizeof(CdcKcReader));

	if (reader == NULL)
		return NULL;
	if (former)
		reader->former = json_object_get(former->body);
	reader->all = json_object_new_object();
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
	json_object_put(reader->former);
	json_object_put(reader->all);
	cdc_json_pieces_free(reader->pieces);
	free(reader);
}

bool
cdc_kc_reader_feed(const char *data, size_t length, void *arg)
{
	return cdc_json_pieces_feed(((CdcKcReader *) arg)->pieces, data, length);
}

const char *
cdc_kc_reader_fault(const CdcKcReader *reader)
{
	if (!cdc_json_pieces_failed(reader->pieces))
		return NULL;
	return reader->fault ? reader->fault : "the answer is not Kafka Connect's";
}

int
cdc_kc_reader_parsed(const CdcKcReader *reader)
{
	return reader->parsed;
}

CdcKcList *
cdc_kc_reader_list(CdcKcReader *reader)
{
	CdcKcList  *list;

	if (reader->all == NULL || !cdc_json_pieces_whole(reader->pieces))
		return NULL;
	list = palloc0(sizeof(CdcKcList));
	list->body = reader->all;
	list->kept = reader->kept;
	reader->all = NULL;
	list->items = palloc0(sizeof(CdcKcConnector) * (json_object_object_length(list->body) + 1));
	{
		json_object_object_foreach(list->body, name, entry)
		{
			CdcKcConnector *item = &list->items[list->n++];

			*item = ((const Kept *) json_object_get_userdata(entry))->item;
			item->name = name;
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

/* What is kept of one that was asked for by itself; NULL: the answers are not Connect's about it. */
static Kept *
reduce_one(const char *name, const char *info, const char *status)
{
	struct json_object *entry = json_object_new_object();
	struct json_object *its_info = cdc_json_parse(info);
	struct json_object *its_status = cdc_json_parse(status);
	const char *of = cdc_json_string(its_info, "name");
	bool		good = of && strcmp(of, name) == 0 && json_object_is_type(cdc_json_get(its_info, "config"), json_type_object) &&
		json_object_is_type(cdc_json_get(its_status, "connector"), json_type_object);
	Kept	   *kept;

	json_object_object_add(entry, "info", its_info);
	json_object_object_add(entry, "status", its_status);
	kept = good ? reduce(entry, strncmp(name, OUR_NAME, strlen(OUR_NAME)) == 0) : NULL;
	json_object_put(entry);
	return kept;
}

/* Where an item of this name is, or is to be. */
static int
place_of(const CdcKcList *list, const char *name)
{
	int			low = 0;
	int			high = list->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (strcmp(list->items[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
cdc_kc_list_set(CdcKcList *list, const char *name, const char *info, const char *status)
{
	int			at = place_of(list, name);
	CdcKcConnector *item = &list->items[at];
	bool		there = at < list->n && strcmp(item->name, name) == 0;
	size_t		was = there ? ((const Kept *) json_object_get_userdata(cdc_json_get(list->body, name)))->size : 0;
	Kept	   *kept = NULL;

	if (info && status)
	{
		struct json_object *holder;

		kept = reduce_one(name, info, status);
		holder = kept && (there || list->n < CONNECTORS_MAX) && kept->size <= KEPT_MAX - (list->kept - was) ? json_object_new_boolean(true) : NULL;
		if (holder == NULL)
		{
			if (kept)
				free_kept(NULL, kept);
			return false;
		}
		json_object_set_userdata(holder, kept, free_kept);
		/* a list that is being read finds it unlike any text, and reads it anew */
		if (json_object_object_add(list->body, name, holder) != 0)
		{
			json_object_put(holder);
			return false;
		}
	}
	else if (there)
		json_object_object_del(list->body, name);
	if (there && kept == NULL)
		memmove(item, item + 1, sizeof(CdcKcConnector) * (--list->n - at));
	else if (!there && kept)
	{
		list->items = repalloc(list->items, sizeof(CdcKcConnector) * (list->n + 2));
		item = &list->items[at];
		memmove(item + 1, item, sizeof(CdcKcConnector) * (list->n++ - at));
		item->name = lh_entry_k(lh_table_lookup_entry(json_object_get_object(list->body), name));
	}
	if (kept)
	{
		const char *its_name = item->name;

		*item = kept->item;
		item->name = its_name;
	}
	list->kept += (kept ? kept->size : 0) - was;
	return true;
}

void
cdc_kc_list_free(CdcKcList *list)
{
	if (list == NULL)
		return;
	json_object_put(list->body);
	pfree(list->items);
	pfree(list);
}
