/*
 * streamed.c
 *	  What is remembered of the history that was streamed, and its events.
 *
 * See streamed.h.  Changes only the pipeline's memory and its timeline; the
 * next turn writes both before anything is done outside.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/timestamp.h"

#include "common/json.h"
#include "common/lsn.h"
#include "worker/world/kept.h"
#include "worker/world/phantoms.h"
#include "worker/world/plan.h"
#include "worker/world/streamed.h"
#include "worker/world/timeline.h"
#include "worker/world/wanted.h"

/*
 * How long after a start of the source an offset of before it may still be
 * stored: twice Connect's offset.flush.interval.ms, of which the default is 60 s,
 * and some time for it.
 */
#define OFFSET_STORED_MS 150000

static int64
now_ms(void)
{
	return (GetCurrentTimestamp() + ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)) / 1000;
}

static const char *
node_words(const CdcPipeline *p)
{
	const CdcNode *n = p->source ? p->source->pg.primary : NULL;

	return n ? cdc_node_words(n) : NULL;
}

bool
cdc_failover_is_demoted(const CdcPipeline *p)
{
	int			i;

	if (p->source == NULL || p->source->pg.primary || p->kept.streamed_timeline == 0)
		return false;
	for (i = 0; i < p->source->pg.nnodes; i++)
	{
		const CdcNode *n = &p->source->pg.nodes[i];

		if (n->reachable && n->in_recovery && cdc_same(p->kept.streamed_node, cdc_node_words(n)))
			return true;
	}
	return false;
}

bool
cdc_failover_streams_from(const CdcPipeline *p, const CdcNode *n)
{
	return p->kept.failover == NULL && p->kept.streamed_timeline == n->timeline &&
		p->source && n == p->source->pg.primary && cdc_same(p->kept.streamed_node, node_words(p));
}

/* Where the timeline of a server began; of its first, or where its history cannot be read, nowhere. */
static CdcTimelineSwitch
began(const CdcSourceObs *obs)
{
	CdcTimelineSwitch none = {0, 0};

	return obs->nhistory > 0 ? obs->history[obs->nhistory - 1] : none;
}

bool
cdc_failover_is_history(const CdcSourceObs *obs, uint64 system, uint32 timeline, CdcTimelineSwitch from)
{
	return obs->timeline == timeline && (system == 0 || obs->system_identifier == system) &&
		cdc_history_begins(obs->history, obs->nhistory, from);
}

bool
cdc_failover_is_streamed(const CdcPipeline *p, const CdcSourceObs *obs)
{
	return p->kept.streamed_timeline != 0 &&
		cdc_failover_is_history(obs, p->kept.streamed_system, p->kept.streamed_timeline, p->kept.streamed_from);
}

bool
cdc_failover_is_straight(const CdcPipeline *p, uint64 lsn)
{
	const CdcSourceObs *obs = &p->look.server;

	return obs->history_known && obs->nhistory > 0 && cdc_same(p->kept.streamed_node, node_words(p)) &&
		(p->kept.streamed_system == 0 || obs->system_identifier == p->kept.streamed_system) &&
		began(obs).timeline == p->kept.streamed_timeline && lsn <= began(obs).lsn &&
		cdc_history_begins(obs->history, obs->nhistory - 1, p->kept.streamed_from);
}

static struct json_object *
gap_of(const CdcPipeline *p, const CdcJudgement *j)
{
	struct json_object *gap;

	if (!j->gap)
		return NULL;
	gap = json_object_new_object();
	cdc_json_add_string(gap, "kind", "failover");
	cdc_json_add_string(gap, "action", j->verdict == CDC_VERDICT_HALT ? "halt" : "resnapshot");
	cdc_lsn_json(gap, "from_lsn", j->gap_from);
	cdc_lsn_json(gap, "to_lsn", j->gap_to);
	json_object_object_add(gap, "tables", cdc_wanted_tables(p));
	return gap;
}

bool
cdc_gap_halts(const CdcPipeline *p)
{
	const char *value = cdc_json_string(p->wanted.options, "on_gap");

	return value && strcmp(value, "halt") == 0;
}

char *
cdc_gap_words(const char *why, uint64 from)
{
	if (from == 0)
		return psprintf("%s: changes may be missing from Kafka, and from which position on is not known", why);
	return psprintf("%s: changes after %s may be missing from Kafka", why, cdc_lsn_words(from));
}

static void
tell(CdcPipeline *p, const CdcJudgement *j, const char *words)
{
	struct json_object *detail = json_object_new_object();
	struct json_object *from = json_object_new_object();
	struct json_object *to = json_object_new_object();

	cdc_json_add_string(detail, "verdict", cdc_verdict_name(j->verdict));
	json_object_object_add(detail, "judgement", json_object_new_int(j->rule->id));
	cdc_json_add_string(detail, "reason", j->rule->reason);
	cdc_json_add_string(from, "node", p->kept.streamed_node);
	json_object_object_add(from, "timeline", json_object_new_int64(p->kept.streamed_timeline));
	cdc_json_add_string(to, "node", node_words(p));
	json_object_object_add(to, "timeline", json_object_new_int64(p->look.server.timeline));
	json_object_object_add(detail, "from", from);
	json_object_object_add(detail, "to", to);
	cdc_json_add_string(detail, "history", cdc_history_name(j->relation));
	cdc_lsn_json(detail, "switch_lsn", j->switch_lsn);
	cdc_lsn_json(detail, "offset_lsn", p->look.offsets_known == CDC_YES && p->learned.stopped_seen ? p->look.offsets.highest_lsn : 0);
	cdc_lsn_json(detail, "slot_lsn", p->look.seen->slot_exists ? p->look.seen->confirmed_flush_lsn : 0);
	cdc_lsn_json(detail, "position", j->position);
	json_object_object_add(detail, "phantoms", cdc_phantoms_json(p, j));
	json_object_object_add(detail, "gap", gap_of(p, j));
	cdc_world_event(p, "failover", psprintf("%d", j->rule->id), NULL, NULL, NULL, words, detail);
}

/* The gap is open until the new slot is seen; then its end is told. */
static void
open_gap(CdcPipeline *p, const CdcJudgement *j, const char *words)
{
	struct json_object *gap = gap_of(p, j);

	cdc_json_add_string(gap, "words", words);
	cdc_set_string(p->context, &p->kept.gap, json_object_to_json_string_ext(gap, JSON_C_TO_STRING_PLAIN));
	cdc_set_string(p->context, &p->kept.failover, NULL);
	cdc_world_event(p, "gap", psprintf("%d", j->rule->id), NULL, NULL, NULL,
					psprintf("%s%s", cdc_gap_words(j->rule->reason, j->gap_from),
							 j->verdict == CDC_VERDICT_HALT ? "; on_gap is halt" : "; a new snapshot is taken"), gap);
}

void
cdc_failover_remember(CdcPipeline *p, const CdcJudgement *j, const char *words)
{
	bool		usurped = p->kept.usurped;
	struct json_object *intent;
	char		number[32];

	tell(p, j, words);
	cdc_phantoms_tell(p, j);
	p->kept.usurped = false;
	p->kept.rewritten_lsn = 0;
	p->kept.came_lsn = 0;
	p->kept.reached = p->look.seen->confirmed_flush_lsn;
	p->kept.nfailures = 0;
	p->learned.failure_seen = false;
	cdc_keep(p);
	if (j->verdict != CDC_VERDICT_RESUME && j->verdict != CDC_VERDICT_REWIND)
	{
		open_gap(p, j, words);
		return;
	}
	if (!usurped)
		p->kept.snapshot_run = 0;	/* judged by the stored offsets, which said so */
	intent = json_object_new_object();
	cdc_json_add_string(intent, "verdict", cdc_verdict_name(j->verdict));
	snprintf(number, sizeof(number), UINT64_FORMAT, p->look.server.system_identifier);
	cdc_json_add_string(intent, "system", number);
	json_object_object_add(intent, "timeline", json_object_new_int64(p->look.server.timeline));
	cdc_timeline_add_switch(intent, "from", began(&p->look.server));
	cdc_json_add_string(intent, "node", node_words(p));
	cdc_lsn_json(intent, "position", j->position);
	cdc_lsn_json(intent, "slot_lsn", p->look.seen->confirmed_flush_lsn);
	json_object_object_add(intent, "since_ms", json_object_new_int64(now_ms()));
	json_object_object_add(intent, "resumed", json_object_new_boolean(false));
	cdc_json_add_string(intent, "words", words);
	cdc_set_string(p->context, &p->kept.failover, json_object_to_json_string_ext(intent, JSON_C_TO_STRING_PLAIN));
	json_object_put(intent);
}

/* The server that we stream from is not the one, or not the run of it, that it was. */
static void
note_start(CdcPipeline *p, const CdcSourceObs *obs)
{
	bool		first = p->kept.streamed_started == 0;

	if (!first)
	{
		p->kept.came_lsn = obs->wal_lsn;
		p->learned.came_at = cdc_loop_now();
	}
	p->kept.streamed_started = obs->started_us;
	cdc_keep(p);
	cdc_world_anew(p, (first ? 0 : CDC_ANEW_CONNECT) | CDC_ANEW_WHEN_DUE);
}

void
cdc_failover_note_wal(CdcPipeline *p, const CdcSourceObs *obs, int64 begun)
{
	if (obs->wal_lsn == 0 || !cdc_failover_is_streamed(p, obs))
		return;
	if (obs->started_us != 0 && obs->started_us != p->kept.streamed_started)
		note_start(p, obs);
	if (p->kept.rewritten_lsn != 0 || obs->wal_lsn >= p->kept.reached || p->learned.reached_at > begun)
		return;
	p->kept.rewritten_lsn = obs->wal_lsn;
	cdc_keep(p);
	cdc_world_ready(p);
}

void
cdc_failover_note_reached(CdcPipeline *p, const CdcSourceObs *obs, uint64 lsn)
{
	if (!cdc_failover_is_streamed(p, obs) || lsn <= p->kept.reached)
		return;
	p->kept.reached = lsn;
	p->learned.reached_at = cdc_loop_now();
}

void
cdc_failover_compare_start(CdcPipeline *p)
{
	const CdcKcOffsets *offsets = &p->look.offsets;
	bool		older = offsets->ts_us != 0 && offsets->ts_us < p->kept.streamed_started;

	if (p->kept.came_lsn == 0 || p->look.offsets_known != CDC_YES || p->look.offsets_at < p->learned.came_at ||
		!cdc_failover_is_streamed(p, &p->look.server))
		return;
	/* the next look at the source needs no clock to tell */
	cdc_failover_note_reached(p, &p->look.server, offsets->highest_lsn);

	/*
	 * An event that was committed before the start, beyond where WAL ended after
	 * it: that WAL is gone.  Debezium gives an event's position and commit time
	 * together (PostgresOffsetContext.updateWalPosition); a commit alone moves
	 * lsn_commit only.  A clock that was set back since the start tells nothing.
	 */
	if (older && offsets->state == CDC_OFFSETS_STREAMING && offsets->event_lsn > p->kept.came_lsn &&
		p->look.server.now_us >= p->kept.streamed_started)
	{
		if (p->kept.rewritten_lsn == 0)
			p->kept.rewritten_lsn = p->kept.came_lsn;
		p->kept.reached = Max(p->kept.reached, offsets->event_lsn);
	}
	else if (older && cdc_loop_now() - p->learned.came_at < OFFSET_STORED_MS)
		return;
	p->kept.came_lsn = 0;
	cdc_keep(p);
}

static void
set_streamed(CdcPipeline *p)
{
	p->kept.streamed_system = p->look.server.system_identifier;
	p->kept.streamed_timeline = p->look.server.timeline;
	p->kept.streamed_from = began(&p->look.server);
	p->kept.reached = p->look.seen ? p->look.seen->confirmed_flush_lsn : 0;
	p->learned.reached_at = cdc_loop_now();
	p->kept.rewritten_lsn = 0;
	p->kept.streamed_started = p->look.server.started_us;
	p->kept.came_lsn = 0;
	cdc_set_string(p->context, &p->kept.streamed_node, node_words(p));
	cdc_keep(p);
}

/* The same history: what could not be read of it before, or goes by another address now. */
static void
complete_streamed(CdcPipeline *p)
{
	const char *node = node_words(p);

	if (p->kept.streamed_from.timeline == 0 && began(&p->look.server).timeline != 0)
	{
		p->kept.streamed_from = began(&p->look.server);
		cdc_keep(p);
	}
	if (node && !cdc_same(p->kept.streamed_node, node))
	{
		cdc_set_string(p->context, &p->kept.streamed_node, node);
		cdc_keep(p);
	}
}

void
cdc_failover_starting(CdcPipeline *p)
{
	struct json_object *intent = p->kept.failover ? cdc_json_parse(p->kept.failover) : NULL;

	if (intent == NULL)
		return;
	if (!cdc_json_true(intent, "resumed"))
	{
		json_object_object_add(intent, "resumed", json_object_new_boolean(true));
		cdc_set_string(p->context, &p->kept.failover, json_object_to_json_string_ext(intent, JSON_C_TO_STRING_PLAIN));
		set_streamed(p);
	}
	json_object_put(intent);
}

void
cdc_failover_streaming(CdcPipeline *p)
{
	struct json_object *intent = p->kept.failover ? cdc_json_parse(p->kept.failover) : NULL;
	struct json_object *gap;

	if (p->look.seen == NULL || p->look.seen_failed)
	{
		json_object_put(intent);
		return;
	}
	if (p->kept.streamed_system != p->look.server.system_identifier || !cdc_failover_is_streamed(p, &p->look.server))
		set_streamed(p);
	else
		complete_streamed(p);
	if (intent == NULL)
		return;
	gap = cdc_json_get(intent, "gap");
	if (gap)
	{
		/* of a new snapshot: now it is known where the gap ends */
		gap = json_object_get(gap);
		cdc_json_add_string(gap, "action", "resnapshot");
		if (cdc_json_string(gap, "to_lsn") == NULL)
			cdc_lsn_json(gap, "to_lsn", p->look.seen->confirmed_flush_lsn);
		cdc_world_event(p, "gap", NULL, NULL, NULL, NULL,
						psprintf("the gap is closed: a new snapshot has every row as it is now; what was deleted or overwritten between %s and %s is not in Kafka",
								 cdc_json_string(gap, "from_lsn") ? cdc_json_string(gap, "from_lsn") : "an unknown position",
								 cdc_json_string(gap, "to_lsn") ? cdc_json_string(gap, "to_lsn") : "the new slot"), gap);
	}
	else
	{
		struct json_object *detail = json_object_new_object();

		json_object_object_add(detail, "ms", json_object_new_int64(now_ms() - cdc_json_int64(intent, "since_ms", now_ms())));
		cdc_json_add_string(detail, "confirmed_lsn", cdc_lsn_words(p->look.seen->confirmed_flush_lsn));
		cdc_world_event(p, "failover", NULL, NULL, NULL, NULL, "streaming is proven: the slot has moved", detail);
	}
	json_object_put(intent);
	cdc_set_string(p->context, &p->kept.failover, NULL);
	cdc_keep(p);
}

uint64
cdc_failover_position(const CdcPipeline *p)
{
	struct json_object *intent = p->kept.failover ? cdc_json_parse(p->kept.failover) : NULL;
	uint64		position = cdc_lsn_parse(cdc_json_string(intent, "position"));

	json_object_put(intent);
	return position;
}

void
cdc_failover_forget(CdcPipeline *p)
{
	struct json_object *former = p->kept.gap == NULL && p->kept.failover ? cdc_json_parse(p->kept.failover) : NULL;

	/* a snapshot that was interrupted is taken for the same gap once more */
	struct json_object *gap = p->kept.gap ? cdc_json_parse(p->kept.gap) : json_object_get(cdc_json_get(former, "gap"));

	json_object_put(former);
	p->kept.streamed_system = 0;
	p->kept.streamed_timeline = 0;
	p->kept.streamed_from.timeline = 0;
	p->kept.usurped = false;
	p->kept.rewritten_lsn = 0;
	p->kept.came_lsn = 0;
	cdc_keep(p);
	if (gap)
	{
		/* kept until the new slot says where the gap ends */
		struct json_object *intent = json_object_new_object();

		json_object_object_add(intent, "gap", gap);
		cdc_set_string(p->context, &p->kept.failover, json_object_to_json_string_ext(intent, JSON_C_TO_STRING_PLAIN));
		json_object_put(intent);
	}
	else
		cdc_set_string(p->context, &p->kept.failover, NULL);
}

CdcFailoverIntent
cdc_failover_intent(const CdcPipeline *p)
{
	struct json_object *j = p->kept.failover ? cdc_json_parse(p->kept.failover) : NULL;
	const char *verdict = cdc_json_string(j, "verdict");
	const char *system = cdc_json_string(j, "system");
	CdcFailoverIntent intent;

	memset(&intent, 0, sizeof(intent));
	if (verdict && system &&
		cdc_failover_is_history(&p->look.server, strtoull(system, NULL, 10), (uint32) cdc_json_int64(j, "timeline", 0),
								cdc_timeline_switch(j, "from")))
	{
		intent.present = true;
		intent.resumed = cdc_json_true(j, "resumed");
		intent.verdict = strcmp(verdict, "rewind") == 0 ? CDC_VERDICT_REWIND : CDC_VERDICT_RESUME;
		intent.position = cdc_lsn_parse(cdc_json_string(j, "position"));
		intent.slot_lsn = cdc_lsn_parse(cdc_json_string(j, "slot_lsn"));
		intent.words = pstrdup(cdc_json_string(j, "words") ? cdc_json_string(j, "words") : "");
		if (intent.verdict == CDC_VERDICT_REWIND && !intent.resumed && p->look.seen && p->look.seen->slot_exists &&
			p->look.seen->confirmed_flush_lsn > intent.position)
		{
			intent.present = false;
			intent.spoiled = true;
		}
	}
	json_object_put(j);
	return intent;
}

bool
cdc_failover_same_history(const CdcPipeline *p)
{
	return cdc_failover_is_streamed(p, &p->look.server);
}

bool
cdc_failover_is_rewritten(const CdcPipeline *p)
{
	return cdc_failover_same_history(p) && p->kept.rewritten_lsn != 0;
}

bool
cdc_failover_may_move(const CdcPipeline *p)
{
	return p->kept.was_running && !p->kept.discarding && !p->wanted.want_deleted && p->kept.gap == NULL && !cdc_initial_only(p);
}

bool
cdc_slot_usurped(const CdcPipeline *p)
{
	const char *user = p->look.seen->slot_user;

	return user && strcmp(user, "role") != 0 && strcmp(user, "us") != 0;
}

bool
cdc_failover_pending(const CdcPipeline *p)
{
	return cdc_failover_may_move(p) && p->kept.streamed_timeline != 0 && p->look.seen && !p->look.seen_failed &&
		!cdc_failover_intent(p).present && (!cdc_failover_same_history(p) || p->kept.usurped || cdc_failover_is_rewritten(p));
}
