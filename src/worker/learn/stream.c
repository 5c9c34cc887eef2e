/*
 * stream.c
 *	  What is remembered of the walsender: whether one streams on and on, or none does,
 *	  or each for a moment only, while Connect calls the task RUNNING.
 *
 * See learn.h.  Debezium tries again by itself whatever it takes for a passing fault,
 * with a new walsender each time, and Connect is not told.  One that ends by chance is
 * followed by one that stays.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/timestamp.h"

#include "extension/topics.h"
#include "worker/learn/learn_parts.h"
#include "worker/world/facts.h"
#include "worker/world/pause.h"
#include "worker/world/streamed.h"

/* A walsender that streams for so long has got over what ended those before it. */
#define STEADY_MS 30000

/* So many that ended, one after the other, are asked about; so is silence after this. */
#define BREAKS 2
#define SILENT_MS 2000

/* A task that was started anew made it move: whatever its topic was before. */
static void
tell_new_task(CdcPipeline *p)
{
	const CdcPipelinePending *pending = &p->look.pending;
	char	   *table;
	char	   *topic;

	if (pending->of != p->learned.stream.stuck_since || pending->tables == NULL || p->doing.restarted_at < pending->of)
		return;
	table = pnstrdup(pending->tables, strcspn(pending->tables, "\n"));
	topic = cdc_topic_name(p->wanted.topic_prefix, table);
	cdc_world_event(p, "drift", NULL, NULL, NULL, NULL,
					psprintf("topic %s of table %s takes changes again, since the connector's task was started anew: all that had not been confirmed was sent again", topic, table), NULL);
	cdc_learn_tell(p, CDC_CHECK_TOPIC_ANEW, psprintf("topic %s of table %s", topic, table));
}

/* A walsender that ends because its task was to be stopped is no stream that breaks. */
static bool
is_watched(const CdcPipeline *p)
{
	if (p->kept.status == CDC_PAUSED || cdc_wants_pause(p) || cdc_restart_wanted(p))
		return false;
	return p->kept.was_running && !cdc_initial_only(p) && !p->wanted.want_deleted && !p->kept.discarding && p->kept.gap == NULL &&
		p->kept.failover == NULL && !cdc_failover_pending(p);
}

/* Did we end the walsender that began then, with its task: by a configuration, a restart, a stop? */
static bool
ended_by_us(const CdcPipelineDoing *doing, int64 began)
{
	return doing->put_at >= began || doing->restarted_at >= began ||
		(doing->done_at >= began && (doing->done_action == CDC_ACT_STOP_CONNECTOR || doing->done_action == CDC_ACT_RESUME_CONNECTOR));
}

/* Does Connect tell why one ends: it restarts, or the task goes to another of its workers? */
static bool
ended_by_connect(const CdcPipeline *p, CdcPipelineStream *s, const CdcKcConnector *c)
{
	uint32		worker = c && c->worker_id ? hash_bytes((const unsigned char *) c->worker_id, (int) strlen(c->worker_id)) : 0;
	bool		moved = worker != 0 && s->worker != 0 && worker != s->worker;

	if (worker != 0)
		s->worker = worker;
	return moved || p->sink->kafka.rolling || p->sink->kafka.connect_reachable != CDC_YES;
}

/* The walsender that streams now; 0: none does. */
static void
note_run(const CdcPipeline *p, CdcPipelineStream *s, int64 run_us)
{
	int64		now = cdc_loop_now();

	if (run_us == 0)
	{
		s->silent_at = s->silent_at ? s->silent_at : now;
		return;
	}
	s->silent_at = 0;
	if (run_us == s->run_us)
		return;
	s->ended += s->run_us != 0 && !ended_by_us(&p->doing, s->run_at);
	s->run_us = run_us;
	s->run_at = now;
}

void
cdc_learn_stream(CdcPipeline *p)
{
	CdcPipelineStream *s = &p->learned.stream;
	const CdcSourcePipeline *seen = p->look.seen;
	const CdcKcConnector *c = cdc_connector_now(p);
	int64		now = cdc_loop_now();
	bool		stuck;

	if (!is_watched(p))
	{
		memset(s, 0, sizeof(*s));
		return;
	}
	if (ended_by_connect(p, s, c))
		s->run_us = 0;
	if (!cdc_source_known(p) || c == NULL)
		return;
	if (c->state != CDC_CS_RUNNING || c->task_state != CDC_CS_RUNNING)
	{
		/* that is told by itself, and ends its walsender; why it ran in vain before is not forgotten */
		s->run_us = s->silent_at = 0;
		if (p->learned.refused && s->stuck_since == 0)
			s->stuck_since = now;
		return;
	}
	note_run(p, s, seen->slot_streaming && cdc_same(seen->slot_user, "role") ? seen->slot_since_us : 0);
	if (s->silent_at == 0 && now - s->run_at >= STEADY_MS)
		s->ended = 0;
	if (s->silent_at == 0 && s->ended < BREAKS)
		s->told_since = 0;
	else if (s->told_since == 0)
		s->told_since = GetCurrentTimestamp();
	stuck = s->ended >= BREAKS || (s->silent_at && now - s->silent_at >= SILENT_MS) || cdc_stands_still(p);
	if (stuck && s->stuck_since == 0)
		s->stuck_since = now;
	else if (!stuck && s->stuck_since && s->silent_at == 0 && s->ended == 0)
	{
		tell_new_task(p);
		s->stuck_since = 0;
	}
}
