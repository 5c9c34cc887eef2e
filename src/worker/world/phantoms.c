/*
 * phantoms.c
 *	  See phantoms.h.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "common/json.h"
#include "common/lsn.h"
#include "worker/world/checks.h"
#include "worker/world/phantoms.h"
#include "worker/world/wanted.h"

/* Longest list of tables in words: the event has all of them. */
#define TABLES_MAX 300

/* How far Kafka is known to have the history that was lost; 0: not beyond where it was left. */
static uint64
stored_beyond(const CdcPipeline *p, const CdcJudgement *j)
{
	bool		known = j->phantoms_certain && p->look.offsets_known == CDC_YES && p->learned.stopped_seen != 0;

	return known && p->look.offsets.highest_lsn > j->phantom_from ? p->look.offsets.highest_lsn : 0;
}

/* When the last of them was made, by the source's clock; NULL: not known. */
static const char *
stored_at(const CdcPipeline *p)
{
	int64		us = p->look.offsets.ts_us;

	return us == 0 ? NULL : timestamptz_to_str(us - (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY);
}

struct json_object *
cdc_phantoms_json(const CdcPipeline *p, const CdcJudgement *j)
{
	struct json_object *phantoms;
	uint64		stored;

	if (!j->phantoms)
		return NULL;
	stored = stored_beyond(p, j);
	phantoms = json_object_new_object();
	cdc_lsn_json(phantoms, "after_lsn", j->phantom_from);
	cdc_lsn_json(phantoms, "to_lsn", j->phantom_to);
	cdc_json_add_string(phantoms, "before", timestamptz_to_str(GetCurrentTimestamp()));
	json_object_object_add(phantoms, "certain", json_object_new_boolean(j->phantoms_certain));
	json_object_object_add(phantoms, "timeline", json_object_new_int64(p->kept.streamed_timeline));
	json_object_object_add(phantoms, "tables", cdc_wanted_tables(p));
	cdc_lsn_json(phantoms, "stored_lsn", stored);
	json_object_object_add(phantoms, "stored_bytes", stored == 0 ? NULL : json_object_new_int64((int64) (stored - j->phantom_from)));
	cdc_json_add_string(phantoms, "stored_at", stored == 0 ? NULL : stored_at(p));
	return phantoms;
}

static const char *
tables_words(const CdcPipeline *p)
{
	StringInfoData words;
	int			i;

	if (p->wanted.ntables == 0)
		return "any table";
	initStringInfo(&words);
	for (i = 0; i < p->wanted.ntables && words.len < TABLES_MAX; i++)
		appendStringInfo(&words, "%s%s", i > 0 ? ", " : "", p->wanted.tables[i]);
	if (i < p->wanted.ntables)
		appendStringInfo(&words, " and %d more", p->wanted.ntables - i);
	return words.data;
}

void
cdc_phantoms_tell(CdcPipeline *p, const CdcJudgement *j)
{
	CdcFinding	finding = cdc_check(CDC_CHECK_PHANTOMS);
	const char *before = cdc_finding_observed(p->findings, finding.check_name);
	uint64		stored = stored_beyond(p, j);
	StringInfoData words;

	if (!j->phantoms_certain)
		return;
	initStringInfo(&words);
	appendStringInfo(&words, "Kafka has events of timeline %u of %s committed after %s", p->kept.streamed_timeline,
					 p->kept.streamed_node ? p->kept.streamed_node : "the former primary", cdc_lsn_words(j->phantom_from));
	if (stored != 0)
		appendStringInfo(&words, ", up to %s at least (" UINT64_FORMAT " bytes of WAL)", cdc_lsn_words(stored), stored - j->phantom_from);
	appendStringInfo(&words, ", in %s: one or more, and how many only the topics tell", tables_words(p));
	if (before)
		appendStringInfo(&words, "; before that: %s", before);
	finding.observed = words.data;
	cdc_finding_pipeline(p, &finding, true);
}
