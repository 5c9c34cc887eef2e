/*
 * source_tables.c
 *	  Asking for what not every look is to tell of single tables, by their oids, and
 *	  the reading of it.
 *
 * No I/O.  It is remembered, and written into the metadata as JSON: so nothing of it
 * is kept as it came, but what it must be is taken out of it and put together anew.
 */
#include "remote/source.h"

#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "remote/source_parts.h"

#define BARE_MOST 100
#define RELATIONS_MOST 200
#define UNLOGGED_MOST 1000
#define NAME_SIZE 300			/* two names of 63 bytes, quoted */

struct json_object *
cdc_source_ask_more(const CdcSourceAsk *ask)
{
	struct json_object *more = json_object_new_object();

	if (ask->inserts_only)
		json_object_object_add(more, "inserts", json_object_new_boolean(true));
	if (ask->lists_bare)
		json_object_object_add(more, "bare", json_object_new_boolean(true));
	if (ask->lists_relations)
		json_object_object_add(more, "rels", json_object_new_boolean(true));
	if (ask->lists_relations && ask->unlogged)
		json_object_object_add(more, "unlogged", cdc_json_parse(ask->unlogged));
	if (ask->installation)
		json_object_object_add(more, "trig", json_object_new_boolean(true));
	if (ask->installation && ask->lists_relations)
		json_object_object_add(more, "given", json_object_new_int64(ask->given_after));
	return more;
}

static bool
is_oid(const char *key)
{
	size_t		length = strspn(key, "0123456789");

	return length > 0 && length <= 10 && key[length] == '\0';
}

/* As JSON, palloc'd; NULL for what is empty. */
static const char *
as_text(struct json_object *made, size_t n)
{
	const char *words = n > 0 ? pstrdup(json_object_to_json_string_ext(made, JSON_C_TO_STRING_PLAIN)) : NULL;

	json_object_put(made);
	return words;
}

static struct json_object *
object_of(struct json_object *j, const char *key)
{
	struct json_object *object = cdc_json_get(j, key);

	return json_object_is_type(object, json_type_object) ? object : NULL;
}

static const char *
read_bare(struct json_object *told)
{
	struct json_object *made = json_object_new_object();

	if (told)
	{
		json_object_object_foreach(told, oid, was)
		{
			const char *word = json_object_is_type(was, json_type_string) ? json_object_get_string(was) : "";

			if (is_oid(oid) && word[0] != '\0' && word[1] == '\0' && strchr("dni", word[0]) && json_object_object_length(made) < BARE_MOST)
				json_object_object_add(made, oid, json_object_new_string(word));
		}
	}
	return as_text(made, (size_t) json_object_object_length(made));
}

/* The name, four numbers, and whether it was attached; NULL: it is something else. */
static struct json_object *
read_relation(struct json_object *told)
{
	struct json_object *made;
	char		name[NAME_SIZE];
	int			i;

	if (!json_object_is_type(told, json_type_array) || json_object_array_length(told) < 6 ||
		!json_object_is_type(json_object_array_get_idx(told, 0), json_type_string))
		return NULL;
	made = json_object_new_array();
	json_object_array_add(made, json_object_new_string(cdc_text_line(name, sizeof(name), json_object_get_string(json_object_array_get_idx(told, 0)))));
	for (i = 1; i < 5; i++)
		json_object_array_add(made, json_object_new_int64(json_object_get_int64(json_object_array_get_idx(told, i))));
	json_object_array_add(made, json_object_new_boolean(json_object_get_boolean(json_object_array_get_idx(told, 5))));
	return made;
}

static const char *
read_relations(struct json_object *told)
{
	struct json_object *made = json_object_new_object();

	if (told)
	{
		json_object_object_foreach(told, oid, entry)
		{
			struct json_object *relation = is_oid(oid) && json_object_object_length(made) < RELATIONS_MOST ? read_relation(entry) : NULL;

			if (relation)
				json_object_object_add(made, oid, relation);
		}
	}
	return as_text(made, (size_t) json_object_object_length(made));
}

static const char *
read_oids(struct json_object *told)
{
	struct json_object *made = json_object_new_array();
	size_t		n = told ? json_object_array_length(told) : 0;
	size_t		i;

	for (i = 0; i < n && i < UNLOGGED_MOST; i++)
	{
		int64		oid = json_object_get_int64(json_object_array_get_idx(told, i));

		if (oid > 0 && oid <= PG_UINT32_MAX)
			json_object_array_add(made, json_object_new_int64(oid));
	}
	return as_text(made, json_object_array_length(made));
}

static CdcSourceTrigger
read_trigger(const char *word)
{
	static const struct
	{
		const char *word;
		CdcSourceTrigger is;
	}			words[] = {{"ok", CDC_TRIGGER_OK}, {"off", CDC_TRIGGER_OFF}, {"wrong", CDC_TRIGGER_WRONG}, {"foreign", CDC_TRIGGER_FOREIGN}};
	size_t		i;

	for (i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcmp(words[i].word, word) == 0)
			return words[i].is;
	}
	return CDC_TRIGGER_ABSENT;
}

void
cdc_source_read_tables(CdcSourcePipeline *p, struct json_object *j)
{
	p->tables_bare = read_bare(object_of(j, "bare"));
	p->tables_given = read_bare(object_of(j, "given"));
	p->trigger = read_trigger(cdc_json_string(j, "trigger"));
	p->listed = cdc_json_true(j, "listed");
	p->relations = read_relations(object_of(j, "relations"));
	p->unlogged = read_oids(cdc_json_array(j, "unlogged"));
}
