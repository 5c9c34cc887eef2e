/*
 * visit.c
 *	  observe -> decide -> record -> (commit) -> act, for one pipeline at a
 *	  time, whatever woke it.
 *
 * See visit.h.  Knows no rule: those are in the state table.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "reconciler/beside.h"
#include "worker/assess/assess.h"
#include "worker/execute/execute.h"
#include "worker/io/io.h"
#include "worker/learn/learn.h"
#include "worker/observe/observe.h"
#include "worker/visit_parts.h"
#include "worker/world/checked.h"
#include "worker/world/facts.h"
#include "worker/world/kept.h"
#include "worker/world/node_look.h"
#include "worker/world/operation.h"
#include "worker/world/plan.h"
#include "worker/world/streamed.h"
#include "worker/world/tend.h"

#define VISITS_MOST 64			/* so many between two looks at what else there is to do */
#define HELD_MS 100				/* what an intent could not be written for is visited again after this, or when its row is tried again */
#define SLOW_MS 60000			/* what could not be judged is looked at again */
#define FIRST_MS 250			/* no two decisions in turn are acted on more densely */

static const char *
rule_name(const CdcRule *rule)
{
	return psprintf("%d", rule->id);
}

/* The sentence for the user; NULL while nothing is the matter. */
static char *
message_of(const CdcPipeline *p, const CdcDecision *d, const CdcAssessment *a)
{
	char		words[2048];

	if (d->rule->message)
	{
		cdc_detail_expand(words, sizeof(words), d->rule->message, a->details);
		if (p->doing.op_error && d->action != CDC_ACT_NONE && d->action == p->doing.op_error_action)
			return psprintf("%s; %s failed: %s", words, cdc_action_name(d->action), p->doing.op_error);
		return pstrdup(words);
	}
	if (p->doing.op_error && d->action == p->doing.op_error_action)
		return psprintf("%s failed and is tried again: %s", cdc_action_name(d->action), p->doing.op_error);
	return NULL;
}

/*
 * What is said of a fault that is over, and how long it lasted; NULL: there was none
 * in what ran before, or it was over in a moment.
 */
static char *
over_words(const CdcPipeline *p, const CdcDecision *d, const char *message)
{
	int64		seconds = p->kept.told_since ? (GetCurrentTimestamp() - p->kept.told_since) / 1000000 : 0;

	if (message || p->kept.error_message == NULL || (d->status != CDC_RUNNING && d->status != CDC_PAUSED) || !p->kept.was_running)
		return NULL;
	if (p->kept.told_since == 0)
		return psprintf("over: %s", p->kept.error_message);
	if (seconds < 1)
		return NULL;
	return seconds < 120 ? psprintf("over after " INT64_FORMAT " s: %s", seconds, p->kept.error_message) :
		seconds < 7200 ? psprintf("over after " INT64_FORMAT " min: %s", seconds / 60, p->kept.error_message) :
		psprintf("over after " INT64_FORMAT " h: %s", seconds / 3600, p->kept.error_message);
}

static void
record(CdcPipeline *p, const CdcDecision *d, const CdcAssessment *a)
{
	char	   *message = message_of(p, d, a);
	char	   *over = over_words(p, d, message);
	bool		moved = d->status != p->kept.status || d->step != p->kept.step;
	bool		new_rule = p->plan.decision.rule != d->rule;
	bool		new_start = d->rule->status_to == CDC_RUNNING && !p->kept.was_running;

	if (d->status == CDC_RUNNING && d->rule->status_to == CDC_RUNNING && !p->kept.was_running)
	{
		cdc_keep_running(p, p->look.seen && !cdc_initial_only(p) ? p->look.seen->slot_since_us : 0);
		p->plan.rounds_running = 0;
		cdc_learn_running(p);
	}
	if (d->unchanged)
		return;
	if (d->rule->status_to == CDC_RUNNING)
	{
		cdc_failover_streaming(p);
		if (new_start && p->source)
			cdc_source_want_standbys(p->source, true);
	}
	if (moved || over || (new_rule && message && !cdc_same(message, p->kept.error_message)))
		cdc_world_event(p, "transition", rule_name(d->rule), cdc_status_name(p->kept.status),
						cdc_status_name(d->status), cdc_step_name(d->step), message ? message : over, NULL);
	cdc_keep_status(p, d->status, d->step);
	cdc_keep_message(p, message);
}

/* The same of one that users do not see any more, or from now on: it is Deleted to them, whatever is still to settle. */
static void
record_absent(CdcPipeline *p, const CdcDecision *d, const CdcAssessment *a, bool was_absent)
{
	char	   *message = d->status != p->kept.status && was_absent && d->action != CDC_ACT_NONE ? message_of(p, d, a) : NULL;

	if (!was_absent)
		cdc_world_event(p, "transition", rule_name(d->rule), cdc_status_name(p->kept.status), "Deleted", NULL,
						d->status == CDC_DELETED ? message_of(p, d, a) : NULL, NULL);
	if (message)
		cdc_world_event(p, "transition", rule_name(d->rule), "Deleted", "Deleted", NULL, message, NULL);
	cdc_keep_status(p, d->status, p->kept.step);
}

/* Its intent is written with the turn; what follows it is started then. */
static void
add_operation(CdcPipeline *p, const CdcDecision *d)
{
	CdcOp	   *op = cdc_op_begin(p, d->action, d->rule);
	struct json_object *detail;

	/* a peering is shared: it is no thing of the pipeline's, and its delete need not wait for it */
	if (!cdc_network_is_action(d->action))
		cdc_keep_mutated(p);
	cdc_keep(p);
	cdc_plan_at(p, 0);
	if (p->doing.op_error && p->doing.op_error_action == d->action)
		return;
	detail = json_object_new_object();
	json_object_object_add(detail, "action", json_object_new_string(cdc_action_name(d->action)));
	op->event = cdc_world_event(p, cdc_is_up(p) ? "drift" : "action", rule_name(d->rule), NULL, NULL,
								cdc_step_name(d->step), cdc_action_description(d->action), detail);
}

/* What the intent of an action must remember, before it is written and then carried out. */
static bool
prepare(CdcPipeline *p, CdcAction action, char **error)
{
	if (!cdc_execute_prepare(p, action, error))
		return false;
	if (action == CDC_ACT_JUDGE_FAILOVER)
	{
		CdcJudgement j = cdc_failover_judge_now(p);

		cdc_failover_remember(p, &j, cdc_failover_words(p, &j));
	}
	return true;
}

static void
begin_operation(CdcPipeline *p, const CdcDecision *d, CdcSnapshot *snapshot)
{
	char	   *error = NULL;
	bool		again = p->doing.op_error && p->doing.op_error_action == d->action;
	CdcDecision now = *d;
	CdcDecision beside;

	if (p->plan.attempts > 0 && p->plan.next_visit > cdc_loop_now())
		return;
	if (cdc_pace_effect_is_coming(p, d))
	{
		cdc_plan_at(p, cdc_pace_next_poll(p));
		return;
	}
	if (!cdc_execute_reserve(p, d->action))
	{
		cdc_plan_at(p, cdc_loop_now() + cdc_pace_turn(p));
		return;
	}
	if (!prepare(p, d->action, &error))
	{
		cdc_execute_release(p);
		cdc_set_string(p->context, &p->doing.op_error, error);
		p->doing.op_error_action = d->action;
		cdc_plan_failed(p);
		cdc_plan_at(p, cdc_loop_now() + cdc_pace_backoff(p));
		if (!again)
			cdc_world_ready(p); /* so that the message shows */
		return;
	}
	cdc_op_clear(p);
	p->doing.op_failed = false;
	add_operation(p, d);
	/* what fails is tried by itself */
	while (!again && cdc_decide_beside(cdc_state_table, snapshot, &now, &beside) &&
		   cdc_execute_reserve(p, beside.action))
	{
		if (!prepare(p, beside.action, &error))
		{
			cdc_execute_release(p);
			break;
		}
		/* the pipeline stays where it is, at the first step that is not done */
		if (beside.step != now.step)
			cdc_world_event(p, "transition", rule_name(beside.rule), cdc_status_name(p->kept.status),
							cdc_status_name(beside.status), cdc_step_name(beside.step), NULL, NULL);
		add_operation(p, &beside);
		now = beside;
	}
}

/* Does somebody's transaction hold a row in which an intent would be written? */
static bool
is_held(const CdcPipeline *p)
{
	return cdc_is_held(&p->dirty[CDC_ROW_SPEC]) || cdc_is_held(&p->dirty[CDC_ROW_SECRET]);
}

static int64
held_until(const CdcPipeline *p)
{
	return Max(Max(p->dirty[CDC_ROW_SPEC].again.at, p->dirty[CDC_ROW_SECRET].again.at), cdc_loop_now() + HELD_MS);
}

/* What was to be started when its intent was written, which it was not: as if it had never been decided. */
static void
take_back(CdcPipeline *p)
{
	CdcOp	   *op;

	for (op = p->doing.op; op; op = op->beside)
	{
		if (op->event)
			cdc_world_unsay(p->world, op->event);
	}
	cdc_op_forget(p);
	cdc_execute_release(p);
	cdc_plan_at(p, held_until(p));
}

/* False: not all is known, and looks are under way. */
static bool
visit(CdcPipeline *p)
{
	CdcAssessment a;
	CdcDecision d;
	bool		was_absent = p->kept.absent;

	if (p->doing.op || p->kept.status == CDC_DELETED)
		return true;
	cdc_op_clear(p);
	if (is_held(p))
	{
		/* nothing that is decided now could be carried out, or told */
		cdc_plan_at(p, held_until(p));
		return true;
	}
	if (!cdc_observe(p, cdc_assess_needs(p)))
		return false;
	if (cdc_pace_expects_running(p))
	{
		/* the slot streams: only a list begun after that can say RUNNING */
		cdc_plan_since(p, CDC_ANEW_CONNECT, p->look.look_at);
		if (!cdc_observe(p, cdc_assess_needs(p)))
			return false;
	}
	cdc_login_check_pipeline(p);
	cdc_learn(p);
	if (!p->world->acting)
		return true;			/* another control plane was seen to act */
	cdc_assess(p, &a);
	if (a.gap != CDC_GAP_NONE)
		cdc_learn_gap(p, a.gap_name, a.gap_words);
	if (p->sink && p->sink->kafka.nagents > 0)
		cdc_learn_workers(p->sink, a.rolling, a.plugin_settled);
	cdc_checked(p);
	/* who asked while a restart is under way is answered when it is known what that has brought */
	p->plan.asked = p->plan.asked && a.snapshot.restart == CDC_RESTART_WAIT && !p->learned.failure_seen;
	d = cdc_decide(&a.snapshot);
	if (d.rule != p->plan.decision.rule)
	{
		p->plan.rule_since = cdc_loop_now();
		/* what is planned was for another decision; in a moment, that two in turn are no storm */
		cdc_plan_at(p, Min(p->plan.next_visit, cdc_loop_now() + FIRST_MS));
	}
	if (d.torn_down)
		cdc_keep_absent(p);
	if (p->kept.absent)
		record_absent(p, &d, &a, was_absent);
	else
		record(p, &d, &a);
	p->plan.decision = d;
	if (d.action != CDC_ACT_NONE && d.action != CDC_ACT_SOFT_DELETE)
		begin_operation(p, &d, &a.snapshot);
	if (p->doing.op == NULL && p->plan.next_visit <= cdc_loop_now())
		cdc_pace_plan(p, &d, a.turn_at);
	if (p->kept.absent && p->source)
		cdc_observe_leave(p->source);
	return true;
}

static void
visit_one(void *arg)
{
	CdcPipeline *p = arg;

	/* what is not known yet is waited for, and that alone */
	cdc_turns_visited(p, visit(p));
}

/* What cannot be judged is said, and looked at later; others are visited all the same. */
static void
visit_guarded(CdcPipeline *p)
{
	char		why[256];

	if (cdc_guard(visit_one, p, "what was seen of a pipeline", why, sizeof(why)))
		return;
	cdc_turns_visited(p, true);
	cdc_plan_at(p, cdc_loop_now() + SLOW_MS);
	cdc_keep_message(p, psprintf("what was seen cannot be judged: %s", why));
}

void
cdc_visit_ready(CdcWorld *world)
{
	CdcPipeline *p;
	int			n;

	for (n = 0; n < VISITS_MOST && (p = cdc_plan_next_ready(world)) != NULL; n++)
		visit_guarded(p);
	cdc_observe_source_looks(world);
}

static void
execute_one(void *arg)
{
	cdc_execute(arg);
}

void
cdc_visit_dispatch(CdcWorld *world)
{
	CdcOp	   *op;

	while ((op = cdc_op_next_begun(world)) != NULL)
	{
		CdcPipeline *p = op->pipeline;
		CdcOpRef	ref = cdc_op_ref(op);
		char		why[256];

		if (cdc_is_dirty(&p->dirty[CDC_ROW_SPEC]) || cdc_is_dirty(&p->dirty[CDC_ROW_SECRET]))
		{
			take_back(p);
			continue;
		}
		/* it may end at once, and is not there any more */
		if (!cdc_guard(execute_one, op, "what was to be done", why, sizeof(why)))
			cdc_op_end(ref, CDC_OP_UNKNOWN, why);
	}
	cdc_execute_batches(world);
	cdc_visit_ended(world);
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
	bool		again = p->doing.op_error && p->doing.op_error_action == action;

	if (end == CDC_OP_DONE || !again || !cdc_same(words, p->doing.op_error))
	{
		detail = json_object_new_object();
		json_object_object_add(detail, "action", json_object_new_string(cdc_action_name(action)));
		json_object_object_add(detail, "result",
							   json_object_new_string(end == CDC_OP_DONE ? "done" :
													  end == CDC_OP_FAILED ? "failed" : "unknown"));
		json_object_object_add(detail, "ms", json_object_new_int64(cdc_loop_now() - op->started));
		cdc_world_event(p, "outcome", rule_name(op->rule), NULL, NULL,
						cdc_step_name(p->kept.step == CDC_STEP_NONE ? CDC_STEP_NONE : op->rule->step), words, detail);
	}
	cdc_execute_release(p);
	if (p->doing.op && p->kept.status == CDC_PROVISIONING && p->doing.op->rule->step != p->kept.step)
	{
		cdc_keep_status(p, p->kept.status, p->doing.op->rule->step);
	}
	cdc_pace_ended(p, action, end);
	if (end != CDC_OP_DONE && !p->doing.op_failed)
	{
		p->doing.op_failed = true;
		cdc_set_string(p->context, &p->doing.op_error, words ? words : "no answer");
		p->doing.op_error_action = action;
		cdc_plan_failed(p);
		cdc_plan_at(p, cdc_loop_now() + cdc_pace_backoff(p));
	}
	if (p->doing.op)
		return;
	if (p->doing.op_failed)
	{
		if (!again)
			cdc_world_ready(p); /* the message is shown at once */
		return;
	}
	cdc_set_string(p->context, &p->doing.op_error, NULL);
	cdc_pace_done(p, action);
}

void
cdc_visit_ended(CdcWorld *world)
{
	CdcOp	   *op;

	while ((op = cdc_op_next_ended(world)) != NULL)
		finish_operation(op);
}
