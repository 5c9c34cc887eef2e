/*
 * source_node.c
 *	  A node of a source as a standby: the reading of what source_observe.c
 *	  asks, and the statements for shadow slots.
 *
 * No I/O.  A shadow slot is the pipeline's logical slot on a standby, made and
 * moved by us behind the primary's (PostgreSQL 16 and later); after a failover
 * it is the slot that survived.
 */
#include "remote/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/lsn.h"
#include "common/quote.h"
#include "remote/pg_hba.h"
#include "remote/source_parts.h"

static const char *
text_of(struct json_object *object, const char *key)
{
	const char *value = cdc_json_string(object, key);

	return value != NULL && value[0] != '\0' ? pstrdup(value) : NULL;
}

static bool
is_on(struct json_object *object, const char *key)
{
	const char *value = cdc_json_string(object, key);

	return value != NULL && (strcmp(value, "on") == 0 || strcmp(value, "true") == 0);
}

CdcTimelineSwitch *
cdc_source_read_history(const char *words, int *nswitches)
{
	const char *line;
	CdcTimelineSwitch *switches;
	int			n = 0;

	for (line = words; *line != '\0'; line++)
		n += *line == '\n';
	switches = palloc0(sizeof(CdcTimelineSwitch) * (n + 1));
	*nswitches = 0;
	for (line = words; line != NULL && *line != '\0'; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
	{
		unsigned	timeline;
		unsigned	high;
		unsigned	low;

		/* sscanf would go on to the line after an empty one, and that one be read twice */
		if (*line < '0' || *line > '9' || sscanf(line, "%9u %8X/%8X", &timeline, &high, &low) != 3 || *nswitches > n)
			continue;
		switches[*nswitches].timeline = timeline;
		switches[*nswitches].lsn = ((uint64) high << 32) | low;
		(*nswitches)++;
	}
	return switches;
}

char *
cdc_source_history_sql(uint32 timeline)
{
	return psprintf("TIMELINE_HISTORY %u", timeline);
}

/*
 * Each name of a list is looked for among the others: so many of both, whatever
 * a server says.  None has that many standbys.
 */
#define LISTED_MAX 100
#define NAMES_MAX 10000

static bool
is_one_of(struct json_object *names, const char *name, size_t length)
{
	size_t		n = names ? Min(json_object_array_length(names), NAMES_MAX) : 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		const char *one = json_object_get_string(json_object_array_get_idx(names, i));

		if (one != NULL && strlen(one) == length && memcmp(one, name, length) == 0)
			return true;
	}
	return false;
}

/* The names of a list "a, b" that are not among those; NULL: none. */
static const char *
missing_of(const char *list, struct json_object *names)
{
	StringInfoData missing;
	int			listed;

	if (list == NULL)
		return NULL;
	initStringInfo(&missing);
	for (listed = 0; *list != '\0' && listed < LISTED_MAX; listed++)
	{
		size_t		length;

		list += strspn(list, " ,\"");
		length = strcspn(list, " ,\"");
		if (length > 0 && !is_one_of(names, list, length))
			appendStringInfo(&missing, "%s%.*s", missing.len > 0 ? ", " : "", (int) length, list);
		list += length;
	}
	return missing.len > 0 ? missing.data : NULL;
}

/* A number among the settings, as the server counts it; missing: it has none of this name. */
static int64
setting_of(struct json_object *conf, const char *name, int64 missing)
{
	const char *setting = cdc_json_string(conf, name);

	return setting ? strtoll(setting, NULL, 10) : missing;
}

void
cdc_source_read_node(CdcSourceObs *obs, struct json_object *answer)
{
	struct json_object *node = cdc_json_get(answer, "node");
	struct json_object *conf = cdc_json_get(node, "conf");
	struct json_object *receiver = cdc_json_get(node, "receiver");
	struct json_object *slots = cdc_json_array(node, "slots");
	const char *history = cdc_json_string(answer, "history");
	CdcNodeConf *c = &obs->node;
	int			i;

	if (history != NULL)
		history = cdc_hba_decode(history);
	if (history != NULL)
		obs->history = cdc_source_read_history(history, &obs->nhistory);
	obs->history_known = !obs->in_recovery && (history != NULL || obs->timeline == 1);
	if (conf == NULL)
		return;

	c->known = true;
	c->decodes = cdc_json_string(conf, "wal_level") == NULL || strcmp(cdc_json_string(conf, "wal_level"), "logical") == 0;
	c->feedback = is_on(conf, "hot_standby_feedback");
	c->primary_slot = text_of(conf, "primary_slot_name");
	c->has_dbname = cdc_json_get(conf, "primary_conninfo") == NULL ? CDC_UNKNOWN :
		is_on(conf, "primary_conninfo") ? CDC_YES : CDC_NO;
	c->syncs_slots = is_on(conf, "sync_replication_slots");
	c->sync_missing = missing_of(text_of(conf, "synchronized_standby_slots"), cdc_json_array(node, "physical"));
	c->keep_mb = setting_of(conf, "max_slot_wal_keep_size", -1);
	c->idle_timeout_s = setting_of(conf, "idle_replication_slot_timeout", 0);
	c->copies_slots = cdc_json_get(conf, "pg_failover_slots.synchronize_slot_names") != NULL;
	c->patroni.there = cdc_json_true(node, "patroni");
	c->patroni.spares = cdc_patroni_spares(cdc_json_string(node, "patroni_asks"));
	if (c->patroni.there && cdc_json_string(answer, "patroni"))
		cdc_patroni_read(&c->patroni, cdc_hba_decode(cdc_json_string(answer, "patroni")));
	c->receiver = text_of(receiver, "status");
	c->receiver_slot = text_of(receiver, "slot");
	c->nslots = slots ? (int) json_object_array_length(slots) : 0;
	c->slots = palloc0(sizeof(CdcNodeSlot) * (c->nslots + 1));
	for (i = 0; i < c->nslots; i++)
	{
		struct json_object *j = json_object_array_get_idx(slots, i);
		CdcNodeSlot *slot = &c->slots[i];

		slot->name = text_of(j, "name");
		slot->database = text_of(j, "database");
		slot->fits = cdc_json_true(j, "fits");
		slot->temporary = cdc_json_true(j, "temporary");
		slot->active = cdc_json_true(j, "active");
		slot->failover = is_on(j, "failover");
		slot->synced = is_on(j, "synced");
		slot->lost = text_of(j, "lost");
		slot->restart_lsn = cdc_lsn_member(j, "restart");
		slot->flush_lsn = cdc_lsn_member(j, "flush");
	}
}

const CdcNodeSlot *
cdc_source_node_slot(const CdcNodeConf *node, const char *name)
{
	int			i;

	for (i = 0; i < node->nslots; i++)
	{
		if (node->slots[i].name != NULL && strcmp(node->slots[i].name, name) == 0)
			return &node->slots[i];
	}
	return NULL;
}

/* Running transactions are logged every 15 s, and on an idle primary never. */
const char *const cdc_source_nudge_sql = "SELECT pg_catalog.pg_log_standby_snapshot()";

char *
cdc_source_make_shadow_sql(const char *slot)
{
	/* CASE and not WHERE: the function would run before its row is filtered */
	return psprintf("SELECT CASE WHEN pg_catalog.pg_is_in_recovery()"
					" THEN (pg_catalog.pg_create_logical_replication_slot(%s, 'pgoutput')).lsn::pg_catalog.text END",
					cdc_quote_literal(slot));
}

/*
 * One statement, so that what is looked at is what is moved: a node that was
 * promoted meanwhile is left alone.
 */
char *
cdc_source_advance_shadow_sql(const char *slot, uint64 lsn)
{
	return psprintf("SELECT (pg_catalog.pg_replication_slot_advance(s.slot_name, least('%X/%X'::pg_catalog.pg_lsn,"
					" pg_catalog.pg_last_wal_replay_lsn()))).end_lsn::pg_catalog.text"
					" FROM pg_catalog.pg_replication_slots AS s WHERE s.slot_name = %s AND pg_catalog.pg_is_in_recovery()"
					" AND NOT s.active AND s.confirmed_flush_lsn < least('%X/%X'::pg_catalog.pg_lsn, pg_catalog.pg_last_wal_replay_lsn())",
					(unsigned) (lsn >> 32), (unsigned) lsn, cdc_quote_literal(slot),
					(unsigned) (lsn >> 32), (unsigned) lsn);
}

char *
cdc_source_drop_shadow_sql(const char *slot)
{
	return psprintf("SELECT pg_catalog.pg_drop_replication_slot(s.slot_name) FROM pg_catalog.pg_replication_slots AS s"
					" WHERE s.slot_name = %s AND s.slot_type = 'logical' AND s.plugin = 'pgoutput'"
					" AND pg_catalog.pg_is_in_recovery()", cdc_quote_literal(slot));
}

struct json_object *
cdc_source_names(const char *const *slots, int n)
{
	struct json_object *names = json_object_new_array();
	int			i;

	for (i = 0; i < n; i++)
		json_object_array_add(names, json_object_new_string(slots[i]));
	return names;
}

char *
cdc_source_ask_node(const char *const *slots, int n)
{
	struct json_object *object = json_object_new_object();
	char	   *result;

	json_object_object_add(object, "full", json_object_new_boolean(true));
	json_object_object_add(object, "slots", cdc_source_names(slots, n));
	result = pstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return result;
}

const char *const cdc_source_watch_sql =
"SELECT s.slot_name, pg_catalog.concat_ws(' ', s.active_pid, w.state, s.confirmed_flush_lsn)"
" FROM pg_catalog.pg_get_replication_slots() AS s"
" LEFT JOIN pg_catalog.pg_stat_get_wal_senders() AS w ON w.pid = s.active_pid"
" WHERE s.slot_name IN (SELECT e.name::pg_catalog.name FROM pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb) AS e(name))";

char *
cdc_source_watch(const char *const *slots, int n)
{
	struct json_object *names = cdc_source_names(slots, n);
	char	   *result = pstrdup(json_object_to_json_string_ext(names, JSON_C_TO_STRING_PLAIN));

	json_object_put(names);
	return result;
}
