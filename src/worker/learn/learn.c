/*
 * learn.c
 *	  See learn.h.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "common/json.h"
#include "common/lsn.h"
#include "worker/learn/learn_parts.h"
#include "worker/world/kept.h"
#include "worker/world/streamed.h"
#include "worker/world/wanted.h"

/* A snapshot that took longer is not to be taken again for want of a stored offset. */
#define SNAPSHOT_LONG_MS 60000

void
cdc_learn(CdcPipeline *p)
{
	cdc_learn_fence(p);
	cdc_learn_source(p);
	cdc_learn_tables(p);
	cdc_learn_columns(p);
	cdc_learn_away(p);
	cdc_learn_connect(p);
	cdc_learn_failover(p);
	cdc_learn_stream(p);
	cdc_learn_agents(p);
	cdc_learn_network(p);
	cdc_learn_pause(p);
}

void
cdc_learn_running(CdcPipeline *p)
{
	p->learned.stored_seen = p->learned.another_seen = 0;
	p->learned.flushed_at = 0;
	p->learned.running_at = cdc_loop_now();
	p->learned.snapshot_long = p->learned.slot_seen_at != 0 && p->learned.running_at - p->learned.slot_seen_at > SNAPSHOT_LONG_MS;
	cdc_learn_relations_anew(p);
}

void
cdc_learn_gap(CdcPipeline *p, const char *name, const char *words)
{
	struct json_object *detail = json_object_new_object();

	json_object_object_add(detail, "kind", json_object_new_string(name));
	cdc_lsn_json(detail, "from_lsn", p->learned.flushed);
	json_object_object_add(detail, "tables", cdc_wanted_tables(p));
	json_object_object_add(detail, "action", json_object_new_string(cdc_gap_halts(p) ? "halt" : "resnapshot"));
	cdc_keep_gap(p, json_object_to_json_string_ext(detail, JSON_C_TO_STRING_PLAIN));
	cdc_world_event(p, "gap", NULL, NULL, NULL, NULL, cdc_gap_words(words, p->learned.flushed), detail);
}
