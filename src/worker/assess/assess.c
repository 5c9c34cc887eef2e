/*
 * assess.c
 *	  One pipeline's world as a value that decide() can read.
 *
 * See assess.h.  Everything that depends on the clock becomes a flag here.
 * The source's side is in assess/source.c, Connect's in assess/connect.c.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/timestamp.h"

#include "common/backoff.h"
#include "common/json.h"
#include "common/lsn.h"
#include "extension/settings.h"
#include "worker/assess/assess.h"
#include "worker/assess/assess_parts.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"
#include "worker/world/pair.h"
#include "worker/world/pause.h"
#include "worker/world/shadow.h"
#include "worker/world/streamed.h"

#define WALSENDER_DEADLINE_MS 10000

/*
 * What is to be seen gone is its last offsets, and those are there when the task has
 * ended: whoever asked before, and each time anew, would have thousands ask in vain.
 */
static int
need_last_offsets(const CdcPipeline *p)
{
	return cdc_connector_is_idle(cdc_connector_of(p)) ? CDC_NEED_OFFSETS : 0;
}

int
cdc_assess_needs(const CdcPipeline *p)
{
	const CdcKcConnector *c;
	int			needs;

	if (p->source == NULL || p->sink == NULL || !p->source->is_postgresql ||
		!p->sink->is_kafka || !p->sink->kafka.has_addon)
	{
		/* nothing can have been made on what is of the wrong kind */
		needs = 0;
		if (p->wanted.want_deleted && p->source && p->source->is_postgresql)
			needs |= CDC_NEED_SOURCE;
		if (p->wanted.want_deleted && p->sink && p->sink->is_kafka && p->sink->kafka.has_addon)
			needs |= CDC_NEED_CONNECT | need_last_offsets(p) | (p->sink->kafka.nagents > 0 ? CDC_NEED_AGENTS : 0);
		return needs;
	}
	needs = CDC_NEED_SOURCE | CDC_NEED_CONNECT | CDC_NEED_NETWORK;
	if (cdc_agents_needed(p))
		needs |= CDC_NEED_AGENTS;
	if (p->wanted.want_deleted || p->kept.discarding)
		return (needs & ~(p->wanted.want_deleted ? CDC_NEED_NETWORK : 0)) | need_last_offsets(p);
	if ((cdc_initial_only(p) && !p->kept.was_running) || cdc_failover_needs_offsets(p))
		needs |= CDC_NEED_OFFSETS;
	needs |= CDC_NEED_PLUGIN;
	c = cdc_connector_of(p);
	if (p->kept.was_running && (p->kept.snapshot_run || cdc_new_task_may_help(p)))
		needs |= CDC_NEED_OFFSETS;
	if (!p->kept.was_running &&
		((c && (c->state == CDC_CS_FAILED || c->task_state == CDC_CS_FAILED)) ||
		 (c == NULL && p->look.seen && p->look.seen->slot_exists)))
		needs |= CDC_NEED_OFFSETS;
	return needs;
}

static void
assess_gate(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	const CdcService *source = p->source;
	const CdcService *sink = p->sink;

	s->source_is_postgresql = source && source->is_postgresql;
	s->sink_has_addon = sink && sink->is_kafka && sink->kafka.has_addon;
	/* regions are the SDN's: without one there is none to be in */
	s->same_region = source && sink && (!cdc_network_configured() || cdc_same(source->region, sink->region));
	s->source_running = source && cdc_same(source->status, "running");
	s->sink_running = sink && cdc_same(sink->status, "running");
	s->addon_running = sink && cdc_same(sink->kafka.addon_status, "running");
	cdc_set_detail(a, CDC_DETAIL_SOURCE_ZONE, source ? source->zone : NULL);
	cdc_set_detail(a, CDC_DETAIL_SINK_ZONE, sink ? sink->zone : NULL);
	if (source && sink)
	{
		s->network_ids = source->network_id && sink->network_id ? CDC_NET_BOTH :
			source->network_id || sink->network_id ? CDC_NET_ONE_SIDE : CDC_NET_NONE;
		cdc_set_detail(a, CDC_DETAIL_NETWORK_SIDE, source->network_id ? "source" : "sink");
		if (!s->source_running)
			cdc_set_detail(a, CDC_DETAIL_PENDING,
						   psprintf("source service \"%s\" is %s%s%s", source->name, source->status,
									source->status_message ? ": " : "",
									source->status_message ? source->status_message : ""));
		else if (!s->sink_running)
			cdc_set_detail(a, CDC_DETAIL_PENDING,
						   psprintf("sink service \"%s\" is %s%s%s", sink->name, sink->status,
									sink->status_message ? ": " : "",
									sink->status_message ? sink->status_message : ""));
		else if (!s->addon_running)
			cdc_set_detail(a, CDC_DETAIL_PENDING,
						   psprintf("addon kafka-connect of sink service \"%s\" is %s", sink->name,
									sink->kafka.addon_status ? sink->kafka.addon_status : "pending"));
	}
	cdc_network_assess(p, a);
	s->allow_password = sink && (sink->kafka.plaintext_password || sink->kafka.nagents > 0);
}

static const struct
{
	CdcGap		gap;
	const char *name;
	const char *words;
}			gaps[] =
{
	{CDC_GAP_SLOT_GONE, "slot_gone", "the replication slot is gone"},
	{CDC_GAP_SLOT_LOST, "slot_lost", "the replication slot was invalidated by the server"},
	{CDC_GAP_PUBLICATION, "publication", "the publication was dropped or lacked tables"},
	{CDC_GAP_FAILOVER, "failover", "the source has another history"},
	{CDC_GAP_SNAPSHOT, "snapshot", "the connector was started anew before Kafka Connect had stored that the snapshot had finished"},
	{CDC_GAP_SLOT_WAL, "slot_wal", "the replication slot held back more WAL than cdc_pipeline.max_slot_wal"},
	{CDC_GAP_TABLE_AWAY, "table_away", "a table had another name, or was in another schema, while the connector's task was started"},
	{CDC_GAP_UNLOGGED, "unlogged", "a table was unlogged, and is logged now"},
	{CDC_GAP_CONNECTOR, "connector", "the connector was edited so that it captured something else"},
};

static CdcGap
detect_gap(const CdcPipeline *p, const CdcAssessment *a)
{
	const CdcSnapshot *s = &a->snapshot;

	if (!p->kept.was_running || p->wanted.want_deleted || s->source_reachable != CDC_YES ||
		s->source_capable != CDC_YES)
		return CDC_GAP_NONE;
	/* another history is judged first */
	if (s->move == CDC_MOVE_PENDING || s->move == CDC_MOVE_UNKNOWN)
		return CDC_GAP_NONE;
	if (s->slot == CDC_SLOT_LOST)
		return CDC_GAP_SLOT_LOST;
	if (cdc_initial_only(p))
		return CDC_GAP_NONE;
	if (s->slot == CDC_SLOT_ABSENT)
		return CDC_GAP_SLOT_GONE;
	if (cdc_snapshot_run_over(p))
		return CDC_GAP_SNAPSHOT;
	if (p->look.seen->logged)
		return CDC_GAP_UNLOGGED;
	if (cdc_max_slot_wal > 0 && p->look.seen->restart_lsn != 0 && p->look.server.wal_lsn > p->look.seen->restart_lsn &&
		p->look.server.wal_lsn - p->look.seen->restart_lsn > (uint64) cdc_max_slot_wal * 1024 * 1024)
		return CDC_GAP_SLOT_WAL;
	if (s->publication == CDC_OBJ_ABSENT ||
		(s->publication == CDC_OBJ_WRONG && p->look.seen->pub_lacks))
		return CDC_GAP_PUBLICATION;
	if (p->learned.away.missed)
		return CDC_GAP_TABLE_AWAY;
	/* whether its task runs now says nothing of whether it did */
	if (s->connector == CDC_OBJ_WRONG && a->captures_other)
		return CDC_GAP_CONNECTOR;
	return CDC_GAP_NONE;
}

/* A gap is remembered from when it is first seen until its repair has ended. */
static void
assess_gap(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	struct json_object *kept = p->kept.gap ? cdc_json_parse(p->kept.gap) : NULL;
	const char *kind = cdc_json_string(kept, "kind");
	const char *words = cdc_json_string(kept, "words");
	uint64		from = kept ? cdc_lsn_member(kept, "from_lsn") : p->learned.flushed;
	CdcGap		seen = p->kept.gap ? CDC_GAP_NONE : detect_gap(p, a);
	int			i;

	s->gap = CDC_GAP_NONE;
	for (i = 0; i < (int) lengthof(gaps); i++)
	{
		if (kept ? kind == NULL || strcmp(kind, gaps[i].name) != 0 : seen != gaps[i].gap)
			continue;
		s->gap = p->kept.was_running ? gaps[i].gap : CDC_GAP_NONE;
		cdc_set_detail(a, CDC_DETAIL_GAP, cdc_gap_words(words ? words : gaps[i].words, from));
		if (kept == NULL)
		{
			a->gap = gaps[i].gap;
			a->gap_name = gaps[i].name;
			a->gap_words = seen == CDC_GAP_UNLOGGED ? psprintf("%s: %s", gaps[i].words, p->look.seen->logged) : gaps[i].words;
		}
	}
	json_object_put(kept);
}

/* What a forced delete cannot take out, in words. */
static void
assess_left_behind(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;
	bool		connector = s->sink_has_addon && s->connect_reachable == CDC_NO;
	bool		offsets = s->sink_has_addon && s->connector == CDC_OBJ_ABSENT &&
		s->offsets == CDC_OFFSETS_UNKNOWN;
	bool		source = s->source_is_postgresql &&
		(s->source_reachable == CDC_NO || s->source_capable == CDC_NO);
	bool		secret = s->secret_left == CDC_UNKNOWN && s->agents == CDC_AGENTS_DOWN;
	const char *here = connector ? psprintf("connector \"%s\" and its offsets on sink service \"%s\"",
											p->connector_name, p->sink->name) :
		offsets ? psprintf("offsets of connector \"%s\" on sink service \"%s\"",
						   p->connector_name, p->sink->name) : NULL;
	const char *there = source ? psprintf("replication slot, publication, role and pg_hba.conf line of \"%s\"%s%s on source service \"%s\"", p->object_name,
										  p->kept.identities ? ", REPLICA IDENTITY FULL of tables that had none," : "",
										  cdc_wants_trigger(p) ? ", the event triggers that gave it to new ones," : "", p->source->name) : NULL;

	if (s->connector == CDC_OBJ_UNVERIFIED)
		here = psprintf("connector \"%s\" on sink service \"%s\", whose mark cannot be verified", p->connector_name, p->sink->name);
	if (s->publication == CDC_OBJ_UNVERIFIED)
		there = psprintf("publication \"%s\" on source service \"%s\", whose mark cannot be verified", p->object_name, p->source->name);
	if (secret)
		here = psprintf("%s%sfile of the password of \"%s\" on the Kafka Connect hosts of sink service \"%s\"",
						here ? here : "", here ? "; " : "", p->connector_name, p->sink->name);
	if (here || there)
		cdc_set_detail(a, CDC_DETAIL_LEFT_BEHIND,
					   psprintf("%s%s%s", here ? here : "", here && there ? "; " : "", there ? there : ""));
}

/* Does the configuration of an HA manager have the pipeline's slot, on any node? */
static CdcTri
slot_declared(const CdcPipeline *p)
{
	int			i;

	for (i = 0; p->source && i < p->source->pg.nnodes; i++)
	{
		const CdcNode *n = &p->source->pg.nodes[i];

		if (n->reachable && n->conf.known && cdc_patroni_declares(&n->conf.patroni, p->object_name))
			return CDC_YES;
	}
	return CDC_NO;
}

/* How long ago was the last mutation sent, and how long is the slot held? */
static void
assess_settled(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;

	s->settled = p->kept.mutated_at == 0 ||
		GetCurrentTimestamp() - p->kept.mutated_at >= (int64) cdc_settle_after * 1000 ? CDC_YES : CDC_NO;
	s->walsender_stuck = CDC_NO;
	if ((s->slot == CDC_SLOT_CREATING || s->slot == CDC_SLOT_ACTIVE || s->slot == CDC_SLOT_STREAMING) &&
		p->learned.slot_held_since != 0 && cdc_loop_now() - p->learned.slot_held_since > WALSENDER_DEADLINE_MS &&
		(s->task_state == CDC_CS_NONE || s->connector == CDC_OBJ_ABSENT))
		s->walsender_stuck = CDC_YES;
}

/* The pauses after the second snapshot that was interrupted, the third ...: the first may be so by chance. */
#define FIRST_PAUSE_MS 10000
#define MOST_PAUSE_MS 60000

static void
assess_again(const CdcPipeline *p, CdcAssessment *a)
{
	const char *why = p->look.why ? p->look.why : p->kept.nfailures > 0 && p->learned.failure ? p->learned.failure :
		"Kafka Connect's log says why";
	int			rounds = p->kept.snapshot_rounds;
	TimestampTz again = p->kept.snapshot_round_at;

	a->snapshot.snapshot_again = CDC_RESTART_DUE;
	if (rounds < 2 || again == 0)
		return;
	if (rounds >= CDC_SNAPSHOT_ROUNDS)
	{
		a->snapshot.snapshot_again = CDC_RESTART_EXHAUSTED;
		cdc_set_detail(a, CDC_DETAIL_SNAPSHOT, psprintf("it was interrupted %d times: %s", rounds, why));
		return;
	}
	again += cdc_backoff_ms(rounds - 1, FIRST_PAUSE_MS, MOST_PAUSE_MS) * 1000;
	if (GetCurrentTimestamp() >= again)
		return;
	a->snapshot.snapshot_again = CDC_RESTART_WAIT;
	cdc_set_detail(a, CDC_DETAIL_SNAPSHOT, psprintf("%d times so far, the next one begins at %s: %s", rounds, cdc_time_words(again), why));
}

/* Would its slot outlive that its connector is stopped, and for how long? */
static void
assess_pause(const CdcPipeline *p, CdcAssessment *a)
{
	CdcPauseView view = cdc_pause_view(p);

	a->snapshot.pause_unsafe = view.unsafe;
	a->snapshot.pause_wal = view.wal;
	cdc_set_detail(a, CDC_DETAIL_PAUSE_UNSAFE, view.unsafe_words);
	cdc_set_detail(a, CDC_DETAIL_PAUSE_WAL, view.wal_words);
}

void
cdc_assess(const CdcPipeline *p, CdcAssessment *a)
{
	CdcSnapshot *s = &a->snapshot;

	memset(a, 0, sizeof(*a));
	s->status = p->kept.status;
	s->want_deleted = p->wanted.want_deleted;
	s->want_paused = cdc_wants_pause(p);
	s->restart_wanted = cdc_restart_wanted(p);
	s->force = p->wanted.force;
	s->initial_only = cdc_initial_only(p);
	s->all_tables = p->wanted.ntables == 0;
	s->manage_role = p->source ? p->source->pg.manage_role : true;
	s->gap_halt = cdc_gap_halts(p);
	s->sets_identity = cdc_no_key_full(p);
	s->identity_set = p->kept.identities != NULL && !p->look.gone;
	s->was_running = p->kept.was_running;
	s->discarding = p->kept.discarding;
	s->untouched = p->kept.mutated_at == 0;
	assess_gate(p, a);
	cdc_assess_source(p, a);
	cdc_assess_connect(p, a);
	cdc_assess_stream(p, a);
	cdc_assess_failover(p, a);
	cdc_assess_agents(p, a);
	assess_gap(p, a);
	assess_again(p, a);
	assess_pause(p, a);
	if (p->wanted.want_deleted || p->kept.discarding || s->move == CDC_MOVE_PENDING || s->want_paused || s->restart_wanted)
		assess_settled(p, a);
	if (p->kept.absent && s->settled == CDC_YES)
	{
		s->source_leaving = p->source && p->source->deleting;
		s->sink_leaving = p->sink && p->sink->deleting;
	}
	if (p->wanted.want_deleted)
	{
		s->shadow_left = cdc_shadow_left(p);
		s->slot_declared = slot_declared(p);
		assess_left_behind(p, a);
	}
}
