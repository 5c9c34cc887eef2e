/*
 * pace.c
 *	  When a pipeline is visited next, and what must have been looked at by then.
 *
 * See visit_parts.h.  Owns the pipeline's plan; knows no rule: those are in the
 * state table.
 */
#include "postgres.h"

#include "common/backoff.h"
#include "worker/assess/assess.h"
#include "worker/execute/execute.h"
#include "worker/observe/observe.h"
#include "worker/visit_parts.h"
#include "worker/world/facts.h"
#include "worker/world/pause.h"
#include "worker/world/plan.h"
#include "worker/world/streamed.h"

/* Polls while something is expected: dense at first, then sparser. */
#define POLL_FIRST_MS 15
#define POLL_SECOND_MS 100
#define POLL_LAST_MS 500
#define POLL_DENSE_FOR_MS 3000
#define POLL_SECOND_FOR_MS 30000

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS 30000
#define SLOW_MS 60000
#define TURN_MS 100				/* who waits for a turn looks again what else stands in the way, less often the more are before him */
#define TASK_SHOWS_MS 25		/* Connect answers before it has begun to start a task */
#define EFFECT_SHOWS_MS 2000	/* of an action with retry class fast */
#define CONNECT_POLL_MS 500
#define CONNECT_TEARDOWN_MS 30

static int64
jitter(int64 ms)
{
	return ms / 2 + random() % (ms / 2 + 1) + ms / 4;
}

int64
cdc_pace_backoff(CdcPipeline *p)
{
	return jitter(cdc_backoff_ms(p->plan.attempts, BACKOFF_FIRST_MS, BACKOFF_MAX_MS));
}

int64
cdc_pace_turn(const CdcPipeline *p)
{
	return TURN_MS * (1 + cdc_turns_ahead(p));
}

/* Does it start a task, which shows nothing for a while? */
static bool
starts_task(CdcAction action)
{
	return action == CDC_ACT_PUT_CONNECTOR || action == CDC_ACT_RESUME_CONNECTOR || action == CDC_ACT_END_DISCARD;
}

/* Was a task started, and is what it does with its slot all that is waited for? */
bool
cdc_pace_awaits_slot(const CdcPipeline *p)
{
	return p->plan.decision.rule && p->plan.decision.action == CDC_ACT_NONE && p->plan.decision.retry == CDC_RETRY_FAST &&
		strcmp(p->plan.decision.rule->section, "connector") == 0 && p->look.seen && !p->look.seen_failed &&
		starts_task(p->doing.done_action);
}

static int64
poll_interval(CdcPipeline *p)
{
	int64		since = cdc_loop_now() - p->plan.rule_since;
	int64		ms = since < POLL_DENSE_FOR_MS ? POLL_FIRST_MS :
		since < POLL_SECOND_FOR_MS ? POLL_SECOND_MS : POLL_LAST_MS;

	/* seen absent: nobody waits for it, and who drops the database must find it without a session of ours */
	if (p->kept.absent)
		return POLL_LAST_MS;
	return cdc_pace_awaits_slot(p) ? ms : Max(ms, cdc_observe_source_pace(p));
}

/* When to look again: on a grid, so that those who wait share a look. */
int64
cdc_pace_next_poll(CdcPipeline *p)
{
	int64		ms = poll_interval(p);

	return (cdc_loop_now() / ms + 1) * ms;
}

void
cdc_pace_plan(CdcPipeline *p, const CdcDecision *d, int64 turn_at)
{
	int64		now = cdc_loop_now();

	switch (d->retry)
	{
		case CDC_RETRY_NOW:
			cdc_plan_at(p, 0);
			break;
		case CDC_RETRY_FAST:
			cdc_plan_at(p, cdc_pace_next_poll(p));
			break;
		case CDC_RETRY_TURN:
			cdc_turn_wait(&p->source->pg.slot_turn, p);
			cdc_plan_at(p, Max(turn_at, cdc_pace_next_poll(p)) + TURN_MS * cdc_turns_ahead(p));
			break;
		case CDC_RETRY_BACKOFF:
			cdc_plan_failed(p);
			cdc_plan_at(p, now + cdc_pace_backoff(p));
			break;
		case CDC_RETRY_ROUND:
		case CDC_RETRY_NEVER:
			cdc_plan_at(p, 0);
			break;
		case CDC_RETRY_SLOW:
			cdc_plan_at(p, now + SLOW_MS);
			break;
	}
	if (d->retry != CDC_RETRY_BACKOFF && d->action == CDC_ACT_NONE)
		cdc_plan_succeeded(p);
}

/* Has what the action would do just been accepted, and not shown yet? */
bool
cdc_pace_effect_is_coming(const CdcPipeline *p, const CdcDecision *d)
{
	if (d->retry != CDC_RETRY_FAST || cdc_loop_now() - p->doing.done_at >= EFFECT_SHOWS_MS)
		return false;
	return d->action == p->doing.done_action ||
		(d->action == CDC_ACT_STOP_CONNECTOR && p->doing.done_action == CDC_ACT_BEGIN_DISCARD) ||
		(d->action == CDC_ACT_RESUME_CONNECTOR && p->doing.done_action == CDC_ACT_END_DISCARD);
}

/* What an action on the source does shows on the source alone. */
static bool
is_on_source(CdcAction action)
{
	return action == CDC_ACT_CREATE_ROLE || action == CDC_ACT_WRITE_HBA ||
		action == CDC_ACT_CREATE_PUBLICATION || action == CDC_ACT_ALTER_PUBLICATION ||
		action == CDC_ACT_SET_IDENTITY || action == CDC_ACT_RESET_IDENTITY ||
		action == CDC_ACT_DROP_SLOT || action == CDC_ACT_DROP_PUBLICATION ||
		action == CDC_ACT_REMOVE_HBA || action == CDC_ACT_DROP_ROLE || action == CDC_ACT_DROP_SHADOWS;
}

/*
 * A look at the source is a query of some ms, a list of all connectors costs
 * Connect much more: while something is expected the source is asked often,
 * Connect now and then.
 */
void
cdc_pace_look_again(CdcPipeline *p, int64 now)
{
	int64		pace = p->wanted.want_deleted || cdc_pause_changes(p) || p->kept.discarding || p->kept.failover || cdc_failover_pending(p) ?
		CONNECT_TEARDOWN_MS : CONNECT_POLL_MS;

	if (p->plan.decision.rule && strcmp(p->plan.decision.rule->section, "network") == 0)
	{
		/* nothing else is waited for */
		cdc_plan_since(p, CDC_ANEW_NETWORK, now);
		cdc_plan_since(p, CDC_ANEW_SOURCE, p->plan.connect_since);
		return;
	}
	cdc_plan_since(p, CDC_ANEW_SOURCE, now);
	if (p->plan.decision.rule == NULL || (p->plan.decision.retry != CDC_RETRY_FAST && p->plan.decision.retry != CDC_RETRY_TURN) ||
		p->sink == NULL || now - cdc_connect_seen_at(p) >= pace)
		cdc_plan_since(p, CDC_ANEW_CONNECT, now);
}

/* Is a slot seen streaming whose task Connect, when last asked, did not call RUNNING? */
bool
cdc_pace_expects_running(CdcPipeline *p)
{
	const CdcKcConnector *c = cdc_connector_of(p);

	return !(c && c->state == CDC_CS_RUNNING && c->task_state == CDC_CS_RUNNING) &&
		(p->kept.status == CDC_PROVISIONING || p->kept.status == CDC_PAUSED) && !p->wanted.want_deleted && p->look.seen && !p->look.seen_failed && p->look.seen->slot_streaming &&
		p->sink && p->sink->kafka.connect_reachable == CDC_YES && cdc_connect_seen_at(p) < p->look.look_at && p->plan.connect_since < p->look.look_at;
}

void
cdc_pace_ended(CdcPipeline *p, CdcAction action, CdcOpEnd end)
{
	/* a verdict changes nothing outside: what was seen is still so */
	if (action != CDC_ACT_JUDGE_FAILOVER)
		cdc_plan_since(p, CDC_ANEW_SOURCE | (cdc_network_is_action(action) ? CDC_ANEW_NETWORK : 0) |
					   (end != CDC_OP_DONE || !is_on_source(action) ? CDC_ANEW_CONNECT : 0), cdc_loop_now());
	if (end == CDC_OP_DONE)
	{
		p->doing.done_action = action;
		p->doing.done_at = cdc_loop_now();
		p->plan.rule_since = cdc_loop_now();
	}
}

void
cdc_pace_done(CdcPipeline *p, CdcAction action)
{
	cdc_plan_succeeded(p);
	if (starts_task(action))
		cdc_plan_at(p, cdc_loop_now() + TASK_SHOWS_MS);
	else
	{
		cdc_plan_at(p, 0);
		cdc_world_ready(p);
	}
}
