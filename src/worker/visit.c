/*
 * visit.c
 *	  observe -> decide -> record -> (commit) -> act, for one pipeline at a
 *	  time, whatever woke it.
 *
 * Owns when a pipeline is looked at again.  Knows no rule: those are in the
 * state table.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "extension/cdc_shmem.h"
#include "extension/settings.h"
#include "worker/assess/assess.h"
#include "worker/execute/execute.h"
#include "worker/failover.h"
#include "worker/io/io.h"
#include "worker/network.h"
#include "worker/observe/observe.h"
#include "worker/observe/source.h"
#include "worker/execute/provider.h"
#include "worker/visit.h"

/* Polls while something is expected: dense at first, then sparser. */
#define POLL_FIRST_MS 15
#define POLL_SECOND_MS 100
#define POLL_LAST_MS 500
#define POLL_DENSE_FOR_MS 3000
#define POLL_SECOND_FOR_MS 30000

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS 30000
#define SLOW_MS 60000
#define TASK_SHOWS_MS 25			/* Connect answers before it has begun to start a task */
#define EFFECT_SHOWS_MS 2000	/* of an action with retry class fast */
#define CONNECT_POLL_MS 500
#define CONNECT_TEARDOWN_MS 30

/* Events that nothing waits for are written together, within this time. */
#define EVENTS_MS 25

#define TURN_MS 100				/* another one has the turn: what else may stand in the way is looked at again */

static int64
jitter(int64 ms)
{
	return ms / 2 + random() % (ms / 2 + 1) + ms / 4;
}

static int64
backoff(CdcPipeline *p)
{
	int64		ms = BACKOFF_FIRST_MS;
	int			i;

	for (i = 1; i < p->attempts && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	return jitter(Min(ms, BACKOFF_MAX_MS));
}

/* Does it start a task, which shows nothing for a while? */
static bool
starts_task(CdcAction action)
{
	return action == CDC_ACT_PUT_CONNECTOR || action == CDC_ACT_RESUME_CONNECTOR || action == CDC_ACT_END_DISCARD;
}

/* Was a task started, and is what it does with its slot all that is waited for? */
static bool
awaits_slot(const CdcPipeline *p)
{
	return p->decision.rule && p->decision.action == CDC_ACT_NONE && p->decision.retry == CDC_RETRY_FAST &&
		strcmp(p->decision.rule->section, "connector") == 0 && p->seen && !p->seen_failed &&
		starts_task(p->done_action);
}

static int64
poll_interval(CdcPipeline *p)
{
	int64		since = cdc_loop_now() - p->rule_since;
	int64		ms = since < POLL_DENSE_FOR_MS ? POLL_FIRST_MS :
		since < POLL_SECOND_FOR_MS ? POLL_SECOND_MS : POLL_LAST_MS;

	return awaits_slot(p) ? ms : Max(ms, cdc_observe_source_pace(p));
}

/* When to look again: on a grid, so that those who wait share a look. */
static int64
next_poll(CdcPipeline *p)
{
	int64		ms = poll_interval(p);

	return (cdc_loop_now() / ms + 1) * ms;
}

static const char *
rule_name(const CdcRule *rule)
{
	return psprintf("%d", rule->id);
}

/* The sentence for the user; NULL while nothing is the matter. */
static char *
message_of(CdcPipeline *p, const CdcDecision *d)
{
	char		words[2048];

	if (d->rule->message)
	{
		cdc_detail_expand(words, sizeof(words), d->rule->message, p->details);
		if (p->op_error && d->action != CDC_ACT_NONE && d->action == p->op_error_action)
			return psprintf("%s; %s failed: %s", words, cdc_action_name(d->action), p->op_error);
		return pstrdup(words);
	}
	if (p->op_error && d->action == p->op_error_action)
		return psprintf("%s failed and is tried again: %s", cdc_action_name(d->action), p->op_error);
	return NULL;
}

static void
record(CdcPipeline *p, const CdcDecision *d)
{
	char	   *message = message_of(p, d);
	bool		moved = d->status != p->status || d->step != p->step;
	bool		new_rule = p->decision.rule != d->rule;
	bool		new_start = d->rule->status_to == CDC_RUNNING && !p->was_running;

	if (d->status == CDC_RUNNING && d->rule->status_to == CDC_RUNNING && !p->was_running)
	{
		p->was_running = true;
		p->snapshot_run = p->seen && !cdc_initial_only(p) ? p->seen->slot_since_us : 0;
		p->stored_seen = p->another_seen = 0;
		p->rounds_running = 0;
		p->flushed_at = 0;
		p->spec_dirty = true;
	}
	if (d->unchanged)
		return;
	if (d->rule->status_to == CDC_RUNNING)
	{
		cdc_failover_streaming(p);
		if (new_start && p->source)
			p->source->standbys_since = cdc_loop_now(); /* they want a slot of it */
	}
	if (moved || (new_rule && message && !cdc_same(message, p->error_message)))
		cdc_world_event(p, "transition", rule_name(d->rule), cdc_status_name(p->status),
						cdc_status_name(d->status), cdc_step_name(d->step), message, NULL);
	if (moved || !cdc_same(message, p->error_message))
	{
		p->status = d->status;
		p->step = d->step;
		cdc_set_string(p->context, &p->error_message, message);
		p->spec_dirty = true;
	}
}

static void
plan(CdcPipeline *p, const CdcDecision *d)
{
	int64		now = cdc_loop_now();

	switch (d->retry)
	{
		case CDC_RETRY_NOW:
			p->next_visit = 0;
			break;
		case CDC_RETRY_FAST:
			p->next_visit = next_poll(p);
			break;
		case CDC_RETRY_TURN:
			cdc_turn_wait(&p->source->slot_turn, p);
			p->next_visit = Max(p->turn_at, next_poll(p));
			break;
		case CDC_RETRY_BACKOFF:
			p->attempts++;
			p->next_visit = now + backoff(p);
			break;
		case CDC_RETRY_ROUND:
		case CDC_RETRY_NEVER:
			p->next_visit = 0;
			break;
		case CDC_RETRY_SLOW:
			p->next_visit = now + SLOW_MS;
			break;
	}
	if (d->retry != CDC_RETRY_BACKOFF && d->action == CDC_ACT_NONE)
		p->attempts = 0;
}

/* Has what the action would do just been accepted, and not shown yet? */
static bool
effect_is_coming(const CdcPipeline *p, const CdcDecision *d)
{
	if (d->retry != CDC_RETRY_FAST || cdc_loop_now() - p->done_at >= EFFECT_SHOWS_MS)
		return false;
	return d->action == p->done_action ||
		(d->action == CDC_ACT_STOP_CONNECTOR && p->done_action == CDC_ACT_BEGIN_DISCARD) ||
		(d->action == CDC_ACT_RESUME_CONNECTOR && p->done_action == CDC_ACT_END_DISCARD);
}

/* Its intent is written with the turn; what follows it is started then. */
static void
add_operation(CdcPipeline *p, const CdcDecision *d)
{
	CdcOp	  **last = &p->op;
	CdcOp	   *op = MemoryContextAllocZero(p->op_context, sizeof(CdcOp));
	struct json_object *detail;

	while (*last)
		last = &(*last)->beside;
	*last = op;
	op->pipeline = p;
	op->action = d->action;
	op->rule = d->rule;
	op->serial = ++p->world->serial;
	/* a peering is shared: it is no thing of the pipeline's, and its delete need not wait for it */
	if (!cdc_network_is_action(d->action))
		p->mutated_at = GetCurrentTimestamp();
	p->spec_dirty = true;
	p->next_visit = 0;
	if (p->op_error && p->op_error_action == d->action)
		return;
	detail = json_object_new_object();
	json_object_object_add(detail, "action", json_object_new_string(cdc_action_name(d->action)));
	cdc_world_event(p, p->status == CDC_RUNNING ? "drift" : "action", rule_name(d->rule), NULL, NULL,
					cdc_step_name(d->step), cdc_action_description(d->action), detail);
}

static void
begin_operation(CdcPipeline *p, const CdcDecision *d, CdcSnapshot *snapshot)
{
	char	   *error = NULL;
	bool		again = p->op_error && p->op_error_action == d->action;
	CdcDecision now = *d;
	CdcDecision beside;

	if (p->attempts > 0 && p->next_visit > cdc_loop_now())
		return;
	if (effect_is_coming(p, d))
	{
		p->next_visit = next_poll(p);
		return;
	}
	if (!cdc_execute_reserve(p, d->action))
	{
		p->next_visit = cdc_loop_now() + TURN_MS;
		return;
	}
	if (!cdc_execute_prepare(p, d->action, &error))
	{
		cdc_execute_release(p);
		cdc_set_string(p->context, &p->op_error, error);
		p->op_error_action = d->action;
		p->attempts++;
		p->next_visit = cdc_loop_now() + backoff(p);
		if (!again)
			cdc_world_ready(p);	/* so that the message shows */
		return;
	}
	MemoryContextReset(p->op_context);
	p->op_failed = false;
	add_operation(p, d);
	/* what fails is tried by itself */
	while (!again && cdc_decide_beside(cdc_state_table, snapshot, &now, &beside) &&
		   cdc_execute_reserve(p, beside.action))
	{
		if (!cdc_execute_prepare(p, beside.action, &error))
		{
			cdc_execute_release(p);
			break;
		}
		/* the pipeline stays where it is, at the first step that is not done */
		if (beside.step != now.step)
			cdc_world_event(p, "transition", rule_name(beside.rule), cdc_status_name(p->status),
							cdc_status_name(beside.status), cdc_step_name(beside.step), NULL, NULL);
		add_operation(p, &beside);
		now = beside;
	}
}

/* What an action on the source does shows on the source alone. */
static bool
is_on_source(CdcAction action)
{
	return action == CDC_ACT_CREATE_ROLE || action == CDC_ACT_WRITE_HBA ||
		action == CDC_ACT_CREATE_PUBLICATION || action == CDC_ACT_ALTER_PUBLICATION ||
		action == CDC_ACT_DROP_SLOT || action == CDC_ACT_DROP_PUBLICATION ||
		action == CDC_ACT_REMOVE_HBA || action == CDC_ACT_DROP_ROLE || action == CDC_ACT_DROP_SHADOWS;
}

/*
 * A look at the source is a query of some ms, a list of all connectors costs
 * Connect much more: while something is expected the source is asked often,
 * Connect now and then.
 */
static void
look_again(CdcPipeline *p, int64 now)
{
	int64		pace = p->want_deleted || p->discarding || p->failover || cdc_failover_pending(p) ?
		CONNECT_TEARDOWN_MS : CONNECT_POLL_MS;

	p->source_since = now;
	if (p->decision.rule && strcmp(p->decision.rule->section, "network") == 0)
	{
		/* nothing else is waited for */
		p->network_since = now;
		p->source_since = p->connect_since;
		return;
	}
	if (p->decision.rule == NULL || (p->decision.retry != CDC_RETRY_FAST && p->decision.retry != CDC_RETRY_TURN) ||
		p->sink == NULL || now - p->sink->listed_at >= pace)
		p->connect_since = now;
}

/* Is a slot seen streaming whose task Connect, when last asked, did not call RUNNING? */
static bool
expects_running(CdcPipeline *p)
{
	const CdcKcConnector *c = cdc_connector_of(p);

	return !(c && c->state == CDC_CS_RUNNING && c->task_state == CDC_CS_RUNNING) &&
		p->status == CDC_PROVISIONING && !p->want_deleted && p->seen && !p->seen_failed && p->seen->slot_streaming &&
		p->sink && p->sink->connect_reachable == CDC_YES && p->sink->listed_at < p->look_at && p->connect_since < p->look_at;
}

static void
visit(CdcPipeline *p)
{
	CdcSnapshot snapshot;
	CdcDecision d;
	bool		was_absent = p->absent;

	if (p->op || p->status == CDC_DELETED)
		return;
	if (!cdc_observe(p, cdc_assess_needs(p)))
		return;
	if (expects_running(p))
	{
		/* the slot streams: only a list begun after that can say RUNNING */
		p->connect_since = p->look_at;
		if (!cdc_observe(p, cdc_assess_needs(p)))
			return;
	}
	cdc_assess(p, &snapshot);
	if (p->round_due)
	{
		p->round_due = false;
		p->checked = true;
		p->observed_dirty = true;
	}
	/* who asked while a restart is under way is answered when it is known what that has brought */
	p->asked = p->asked && snapshot.restart == CDC_RESTART_WAIT && !p->failure_seen;
	d = cdc_decide(&snapshot);
	if (d.rule != p->decision.rule)
	{
		p->rule_since = cdc_loop_now();
		/* what is planned was for another decision; in a moment, that two in turn are no storm */
		p->next_visit = Min(p->next_visit, cdc_loop_now() + BACKOFF_FIRST_MS);
	}
	if (d.torn_down)
		p->absent = true;
	if (p->absent && !was_absent)
	{
		p->spec_dirty = true;
		cdc_world_event(p, "transition", rule_name(d.rule), cdc_status_name(p->status), "Deleted", NULL,
						d.status == CDC_DELETED ? message_of(p, &d) : NULL, NULL);
	}
	if (!(p->absent && was_absent) || d.action != CDC_ACT_NONE)
	{
		if (!p->absent)
			record(p, &d);
		else if (d.status != p->status)
		{
			char	   *message = was_absent ? message_of(p, &d) : NULL;

			if (message)
				cdc_world_event(p, "transition", rule_name(d.rule), "Deleted", "Deleted", NULL, message, NULL);
			p->status = d.status;
			p->spec_dirty = true;
		}
	}
	else if (d.status != p->status)
	{
		p->status = d.status;
		p->spec_dirty = true;
	}
	p->decision = d;
	if (d.action != CDC_ACT_NONE && d.action != CDC_ACT_SOFT_DELETE)
		begin_operation(p, &d, &snapshot);
	if (p->op == NULL && p->next_visit <= cdc_loop_now())
		plan(p, &d);
	if (p->absent && p->source)
		cdc_observe_release(p->source);
}

static void
visit_one(void *arg)
{
	visit(arg);
}

/* What cannot be judged is said, and looked at later; others are visited all the same. */
static void
visit_guarded(CdcPipeline *p)
{
	char		why[256];

	if (cdc_guard(visit_one, p, "what was seen of a pipeline", why, sizeof(why)))
		return;
	p->next_visit = cdc_loop_now() + SLOW_MS;
	cdc_set_string(p->context, &p->error_message, psprintf("what was seen cannot be judged: %s", why));
	p->spec_dirty = true;
}

void
cdc_visit_ready(CdcWorld *world)
{
	List	   *ready = world->ready;
	ListCell   *cell;

	world->ready = NIL;
	foreach(cell, ready)
	{
		CdcPipeline *p = lfirst(cell);

		p->queued = false;
		visit_guarded(p);
	}
	list_free(ready);
	cdc_observe_source_looks(world);
}

static void finish_ended(CdcWorld *world);

/* An operation whose intent is to be written, or is written: NULL when there is none. */
static CdcOp *
unstarted(const CdcPipeline *p)
{
	CdcOp	   *op = p->op;

	while (op && op->started != 0)
		op = op->beside;
	return op;
}

static void
execute_one(void *arg)
{
	cdc_execute(arg);
}

void
cdc_visit_dispatch(CdcWorld *world)
{
	List	   *starting = NIL;
	ListCell   *cell;

	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if (unstarted(p))
			starting = lappend(starting, p);
	}
	foreach(cell, starting)
	{
		CdcPipeline *p = lfirst(cell);
		CdcOp	   *op;

		if (p->spec_dirty)
		{
			/* its row is locked by a user: the intent is not committed */
			p->op = NULL;
			cdc_execute_release(p);
			p->next_visit = p->locked_until;
			continue;
		}
		/* one may end at once, and is not there any more */
		while ((op = unstarted(p)) != NULL)
		{
			CdcOpRef	ref = cdc_op_ref(op);
			char		why[256];

			op->started = cdc_loop_now();
			if (!cdc_guard(execute_one, op, "what was to be done", why, sizeof(why)))
				cdc_op_end(ref, CDC_OP_UNKNOWN, why);
		}
	}
	list_free(starting);
	finish_ended(world);
	cdc_network_dispatch(world);
}

/* An operation has ended: records the outcome; when nothing else is under way, plans the next visit. */
static void
finish_operation(CdcOp *op)
{
	CdcPipeline *p = op->pipeline;
	CdcAction	action = op->action;
	CdcOpEnd	end = op->end;
	const char *words = op->words;
	struct json_object *detail;
	bool		again = p->op_error && p->op_error_action == action;

	if (end == CDC_OP_DONE || !again || !cdc_same(words, p->op_error))
	{
		detail = json_object_new_object();
		json_object_object_add(detail, "action", json_object_new_string(cdc_action_name(action)));
		json_object_object_add(detail, "result",
							   json_object_new_string(end == CDC_OP_DONE ? "done" :
													  end == CDC_OP_FAILED ? "failed" : "unknown"));
		json_object_object_add(detail, "ms", json_object_new_int64(cdc_loop_now() - op->started));
		cdc_world_event(p, "outcome", rule_name(op->rule), NULL, NULL,
						cdc_step_name(p->step == CDC_STEP_NONE ? CDC_STEP_NONE : op->rule->step), words, detail);
	}
	cdc_execute_release(p);
	if (p->op && p->status == CDC_PROVISIONING && p->op->rule->step != p->step)
	{
		p->step = p->op->rule->step;
		p->spec_dirty = true;
	}
	/* a verdict changes nothing outside: what was seen is still so */
	if (action != CDC_ACT_JUDGE_FAILOVER)
		p->source_since = cdc_loop_now();
	if (cdc_network_is_action(action))
		p->network_since = p->source_since;
	if (action != CDC_ACT_JUDGE_FAILOVER && (end != CDC_OP_DONE || !is_on_source(action)))
		p->connect_since = p->source_since;
	if (end == CDC_OP_DONE)
	{
		p->done_action = action;
		p->done_at = cdc_loop_now();
		p->rule_since = cdc_loop_now();
	}
	else if (!p->op_failed)
	{
		p->op_failed = true;
		cdc_set_string(p->context, &p->op_error, words ? words : "no answer");
		p->op_error_action = action;
		p->attempts++;
		p->next_visit = cdc_loop_now() + backoff(p);
	}
	if (p->op)
		return;
	if (p->op_failed)
	{
		if (!again)
			cdc_world_ready(p);	/* the message is shown at once */
		return;
	}
	cdc_set_string(p->context, &p->op_error, NULL);
	p->attempts = 0;
	p->next_visit = starts_task(action) ? cdc_loop_now() + TASK_SHOWS_MS : 0;
	if (p->next_visit == 0)
		cdc_world_ready(p);
}

/* Whatever has ended since the last time, in that order. */
static void
finish_ended(CdcWorld *world)
{
	CdcOp	   *op;

	while ((op = cdc_op_next_ended(world)) != NULL)
		finish_operation(op);
}

void
cdc_visit_reloaded(CdcWorld *world)
{
	/* a shorter interval holds from now on, not from the next round on */
	world->next_round = Min(world->next_round, cdc_loop_now() + cdc_health_interval);
	/* the key file may be another one, or be there at last */
	if (cdc_world_lacks_secret(world))
		world->loaded = false;
}

/*
 * A round: every service and every pipeline is looked at, all at once.  The
 * work queue too: the commit of a prepared transaction wakes nobody.
 */
static void
begin_round(CdcWorld *world)
{
	ListCell   *cell;
	int64		now = cdc_loop_now();

	world->work_pending = true;
	world->round++;
	world->next_round = now + cdc_health_interval;
	world->regions_due = true;
	cdc_shmem_begin_round();
	foreach(cell, world->services)
		cdc_observe_service(lfirst(cell));
	cdc_network_round(world);
	cdc_provider_round(world);
	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		p->asked = p->asked || world->round_asked;
		if (p->op)
			continue;
		p->source_since = p->connect_since = p->network_since = now;
		p->round_due = p->status == CDC_RUNNING || p->status == CDC_FAILED || p->status == CDC_PROVISIONING;
		if (p->status == CDC_RUNNING)
			p->rounds_running++;
		if (p->attempts == 0 || world->round_asked)
		{
			p->next_visit = 0;
			cdc_world_ready(p);
		}
	}
	world->round_asked = false;
}

void
cdc_visit_due(CdcWorld *world)
{
	ListCell   *cell;
	int64		now = cdc_loop_now();

	if (!world->acting)
		return;
	finish_ended(world);
	if (now >= world->next_round)
		begin_round(world);
	cdc_observe_paced(world);
	cdc_network_due(world);
	cdc_provider_due(world);
	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if ((p->woken || (p->next_visit != 0 && now >= p->next_visit)) && p->op == NULL)
		{
			p->woken = false;
			p->next_visit = 0;
			if (!p->waiting && awaits_slot(p) && cdc_observe_source_watch(p))
			{
				p->next_visit = next_poll(p);
				continue;
			}
			if (!p->waiting)
				look_again(p, now);
			cdc_world_ready(p);
		}
	}
}

int64
cdc_visit_next(CdcWorld *world)
{
	ListCell   *cell;
	int64		next;
	int64		paced;

	if (!world->acting)
		return 0;
	next = world->next_round;
	if (world->events && world->events_since + EVENTS_MS < next)
		next = world->events_since + EVENTS_MS;
	if (world->findings_dirty && world->findings_locked_until < next)
		next = world->findings_locked_until;
	paced = cdc_observe_next(world);
	if (paced && paced < next)
		next = paced;
	paced = cdc_network_next(world);
	if (paced && paced < next)
		next = paced;
	paced = cdc_provider_next(world);
	if (paced && paced < next)
		next = paced;
	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		if (p->woken && p->op == NULL)
			next = 1;			/* long ago: at once */
		if (p->next_visit != 0 && p->op == NULL && p->next_visit < next)
			next = p->next_visit;
		if (p->spec_dirty && p->locked_until < next)
			next = p->locked_until;
	}
	return next;
}

bool
cdc_visit_dirty(CdcWorld *world)
{
	ListCell   *cell;
	int64		now = cdc_loop_now();
	int			i;

	if ((world->events && now >= world->events_since + EVENTS_MS) || cdc_network_dirty(world) ||
		(world->findings_dirty && now >= world->findings_locked_until))
		return true;
	foreach(cell, world->pipelines)
	{
		CdcPipeline *p = lfirst(cell);

		/* a row that a user holds is tried again by its time, not at once */
		if ((p->spec_dirty && p->locked_until <= now) || p->secret_dirty || p->observed_dirty ||
			unstarted(p))
			return true;
	}
	foreach(cell, world->services)
	{
		CdcService *s = lfirst(cell);

		if (s->dirty)
			return true;
		for (i = 0; i < s->nnodes; i++)
		{
			if (s->nodes[i].dirty)
				return true;
		}
	}
	return false;
}
