/*
 * relations.c
 *	  What became of the tables and partitions that hold the captured rows: events
 *	  for what was attached, detached or rewritten, findings for rows that are
 *	  missing in Kafka, or left there.
 *
 * See learn.h.  None of it is in the stream of changes, so it is seen by comparing two
 * looks.  Counts of rows are the server's statistics, which come a moment after the
 * change: what depends on them is judged a round later.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "common/json.h"
#include "worker/learn/learn_parts.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"

/* Longest list of names in a finding: what is beyond is in the events. */
#define NAMES_MAX 800

/* The places of an entry; the last two are ours: what it is suspected of, and the rows before. */
typedef enum Place
{
	NAME,
	FILENODE,
	PARENT,
	ROWS,
	INSERTED,
	ATTACHED,
	SUSPECT,
	ROWS_BEFORE,
	INSERTED_BEFORE
} Place;

static int64
number(struct json_object *entry, Place place)
{
	return json_object_get_int64(json_object_array_get_idx(entry, place));
}

static const char *
words(struct json_object *entry, Place place)
{
	return json_object_get_string(json_object_array_get_idx(entry, place));
}

void
cdc_learn_tell(CdcPipeline *p, CdcCheck check, const char *what)
{
	CdcFinding	finding = cdc_check(check);
	const char *before = cdc_finding_observed(p->findings, finding.check_name);

	if (before && (strstr(before, what) || strlen(before) > NAMES_MAX))
		return;
	finding.observed = before ? psprintf("%s; %s", before, what) : what;
	cdc_finding_pipeline(p, &finding, true);
}

static void
note(CdcPipeline *p, char *what)
{
	cdc_world_event(p, "drift", NULL, NULL, NULL, NULL, what, NULL);
}

/* What was suspected a round ago: by now the statistics know. */
static void
judge(CdcPipeline *p, struct json_object *before, struct json_object *now)
{
	const char *suspect = words(before, SUSPECT);

	if (suspect == NULL)
		return;
	if (strcmp(suspect, "attached") == 0 && number(now, ROWS) > 0)
		cdc_learn_tell(p, CDC_CHECK_ROWS_MISSING, psprintf("partition %s was attached with rows", words(now, NAME)));
	if (strcmp(suspect, "loaded") == 0 && number(now, ROWS) > 0)
		cdc_learn_tell(p, CDC_CHECK_ROWS_MISSING, psprintf("table %s came rewritten, and may have had rows while it was unlogged", words(now, NAME)));
	/* all rows that it has came since: it was empty in between */
	if (strcmp(suspect, "rewritten") == 0 && number(before, ROWS_BEFORE) > 0 &&
		number(now, ROWS) <= number(now, INSERTED) - number(before, INSERTED_BEFORE))
		cdc_learn_tell(p, CDC_CHECK_ROWS_LEFT, psprintf("table %s was emptied", words(now, NAME)));
}

static void
suspect(struct json_object *now, const char *why, int64 rows, int64 inserted)
{
	json_object_array_put_idx(now, SUSPECT, json_object_new_string(why));
	json_object_array_put_idx(now, ROWS_BEFORE, json_object_new_int64(rows));
	json_object_array_put_idx(now, INSERTED_BEFORE, json_object_new_int64(inserted));
}

/* True: something of it is another than before. */
static bool
compare_one(CdcPipeline *p, const char *oid, struct json_object *before, struct json_object *now)
{
	bool		partition = number(now, PARENT) != 0;

	if (before == NULL)
	{
		/* made by CREATE TABLE it has its oid for its file; of all tables those that come are known by nothing else */
		if (!partition && number(now, FILENODE) != strtoll(oid, NULL, 10) && p->look.seen->logged == NULL)
			suspect(now, "loaded", 0, 0);
		if (!partition)
			return true;
		note(p, psprintf("partition %s has come", words(now, NAME)));
		if (json_object_get_boolean(json_object_array_get_idx(now, ATTACHED)))
			suspect(now, "attached", 0, 0);
		return true;
	}
	judge(p, before, now);
	if (number(before, FILENODE) != number(now, FILENODE))
	{
		note(p, psprintf("table %s was rewritten or emptied", words(now, NAME)));
		suspect(now, "rewritten", number(before, ROWS), number(before, INSERTED));
	}
	if (number(before, PARENT) != 0 && !partition)
	{
		note(p, psprintf("partition %s was detached", words(now, NAME)));
		cdc_learn_tell(p, CDC_CHECK_ROWS_LEFT, psprintf("partition %s was detached", words(now, NAME)));
	}
	return number(before, FILENODE) != number(now, FILENODE) || number(before, PARENT) != number(now, PARENT) ||
		words(before, SUSPECT) != NULL;
}

/* True: there are some. */
static bool
tell_gone(CdcPipeline *p, struct json_object *before, struct json_object *now)
{
	bool		gone = false;

	json_object_object_foreach(before, oid, was)
	{
		if (cdc_json_get(now, oid))
			continue;
		gone = true;
		if (number(was, PARENT) == 0)
			continue;
		note(p, psprintf("partition %s was detached or dropped", words(was, NAME)));
		cdc_learn_tell(p, CDC_CHECK_ROWS_LEFT, psprintf("partition %s was detached or dropped", words(was, NAME)));
	}
	return gone;
}

static bool
compare(CdcPipeline *p, struct json_object *before, struct json_object *now)
{
	bool		changed = false;

	json_object_object_foreach(now, oid, entry)
	{
		struct json_object *was = cdc_json_get(before, oid);

		changed = compare_one(p, oid, was, entry) || changed;
	}
	changed = tell_gone(p, before, now) || changed;
	return changed;
}

/* Rows that came while a table was unlogged are in no WAL; assess takes that up, and it stays until it is. */
static void
learn_unlogged(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;

	if (p->wanted.ntables > 0 || (seen->logged && p->kept.was_running && p->kept.gap == NULL))
		return;
	/* what is made logged while a snapshot is taken may be after the snapshot, or before */
	if (p->kept.was_running || !seen->slot_exists || p->kept.unlogged == NULL)
		cdc_keep_unlogged(p, seen->unlogged);
}

void
cdc_learn_relations(CdcPipeline *p)
{
	const CdcSourcePipeline *seen = p->look.seen;
	struct json_object *before;
	struct json_object *now;
	bool		changed;

	/* each look once: what is suspected waits for another one */
	if (!seen->listed || p->learned.relations_at == p->look.seen_at)
		return;
	p->learned.relations_at = p->look.seen_at;
	learn_unlogged(p);
	now = cdc_json_parse(seen->relations);
	before = p->kept.relations && p->kept.was_running ? cdc_json_parse(p->kept.relations) : NULL;
	changed = before == NULL || now == NULL || compare(p, before, now);
	cdc_keep_relations(p, now ? json_object_to_json_string_ext(now, JSON_C_TO_STRING_PLAIN) : NULL, changed);
	json_object_put(before);
	json_object_put(now);
}

void
cdc_learn_relations_anew(CdcPipeline *p)
{
	CdcFinding	left = cdc_check(CDC_CHECK_ROWS_LEFT);
	CdcFinding	missing = cdc_check(CDC_CHECK_ROWS_MISSING);

	cdc_finding_pipeline(p, &left, false);
	cdc_finding_pipeline(p, &missing, false);
}
