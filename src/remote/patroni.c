/*
 * patroni.c
 *	  See patroni.h.
 */
#include "remote/patroni.h"

#include <string.h>

#include "common/json.h"

/* More of either no cluster has. */
#define ENTRIES_MAX 500

static void
read_ignored(CdcPatroni *p, struct json_object *list)
{
	int			n = list ? (int) json_object_array_length(list) : 0;
	int			i;

	p->ignored = palloc0(sizeof(CdcPatroniSlot) * (n + 1));
	for (i = 0; i < n; i++)
	{
		struct json_object *entry = json_object_array_get_idx(list, i);
		CdcPatroniSlot *slot = &p->ignored[p->nignored];

		if (!json_object_is_type(entry, json_type_object))
			continue;
		slot->name = cdc_json_strdup(entry, "name");
		slot->type = cdc_json_strdup(entry, "type");
		slot->database = cdc_json_strdup(entry, "database");
		slot->plugin = cdc_json_strdup(entry, "plugin");
		p->nignored++;
	}
}

static void
read_permanent(CdcPatroni *p, struct json_object *slots)
{
	struct json_object_iter one;

	p->permanent = palloc0(sizeof(char *) * (json_object_object_length(slots) + 1));
	json_object_object_foreachC(slots, one)
	{
		const char *type = cdc_json_string(one.val, "type");

		if (type && strcmp(type, "logical") == 0)
			p->permanent[p->npermanent++] = pstrdup(one.key);
	}
}

void
cdc_patroni_read(CdcPatroni *p, const char *words)
{
	struct json_object *all = words ? cdc_json_parse(words) : NULL;
	struct json_object *ignored = cdc_json_array(all, "ignore_slots");
	struct json_object *slots = cdc_json_get(all, "slots");

	p->known = json_object_is_type(all, json_type_object) &&
		(ignored == NULL || json_object_array_length(ignored) <= ENTRIES_MAX) &&
		(!json_object_is_type(slots, json_type_object) || json_object_object_length(slots) <= ENTRIES_MAX);
	if (p->known)
	{
		read_ignored(p, ignored);
		if (json_object_is_type(slots, json_type_object))
			read_permanent(p, slots);
	}
	json_object_put(all);
}

static bool
is_meant(const char *wanted, const char *value)
{
	return wanted == NULL || strcmp(wanted, value) == 0;
}

bool
cdc_patroni_declares(const CdcPatroni *p, const char *slot)
{
	int			i;

	for (i = 0; i < p->npermanent; i++)
	{
		if (strcmp(p->permanent[i], slot) == 0)
			return true;
	}
	return false;
}

CdcTri
cdc_patroni_keeps(const CdcPatroni *p, const char *slot, const char *database)
{
	int			i;

	if (!p->there)
		return CDC_YES;
	if (!p->known)
		return CDC_UNKNOWN;
	for (i = 0; i < p->nignored; i++)
	{
		const CdcPatroniSlot *one = &p->ignored[i];

		if (is_meant(one->name, slot) && is_meant(one->type, "logical") &&
			is_meant(one->database, database) && is_meant(one->plugin, "pgoutput"))
			return CDC_YES;
	}
	return cdc_patroni_declares(p, slot) ? CDC_YES : CDC_NO;
}

CdcTri
cdc_patroni_spares(const char *asks)
{
	if (asks == NULL)
		return CDC_UNKNOWN;
	return strcmp(asks, "new") == 0 ? CDC_YES : CDC_NO;
}
