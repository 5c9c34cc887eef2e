/* link: src/reconciler/decide.c src/reconciler/beside.c src/reconciler/effect.c src/reconciler/awaited.c src/reconciler/state_table.c src/reconciler/state_table_check.c src/reconciler/guards.c src/reconciler/detail.c test/unit/world_model.c */
/*
 * effect_test.c
 *	  decide() and effects, one after the other, are the plan: from wherever a
 *	  pipeline is, it leads to Running, or to Deleted, and rests there.
 *
 * Starts are what worlds come to by chance, faults and meddling, when
 * everything is in reach and what only people can cure is cured.  The same
 * plans with one effect left out, for each action, must fail: what is not
 * noticed is no test.  CDC_TEST_SEED sets another seed; with CDC_TEST_TRACE the
 * plan that failed is told step by step.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "reconciler/beside.h"

#include "tap.h"
#include "world_model.h"

#define STARTS 10000
#define MOST_STEPS 200

static char fault[300];
static int	taken[CDC_NUM_ACTIONS]; /* by plans */
static int	longest;			/* actions of a plan */
static char plan[1000];			/* the last one's, by name */
static bool tracing;

static void
trace(const CdcSnapshot *s, const CdcDecision *d)
{
	int			i;

	printf("# %d %s:", d->rule->id, cdc_action_name(d->action));
	for (i = 0; i < num_fields; i++)
	{
		int			v = field_get(s, &fields[i]);

		if (v != 0)
			printf(" %s=%d", fields[i].name, v);
	}
	printf("\n");
}

static bool
fails(const char *what, const CdcDecision *d)
{
	snprintf(fault, sizeof(fault), "%s: rule %d %s, %s", what, d->rule->id, d->rule->guard_name,
			 cdc_action_name(d->action));
	return false;
}

/* Some turns of a worker whose world is not kind; then a wish that can be met. */
static CdcSnapshot
start(void)
{
	World		w;
	CdcSnapshot s;
	int			turns = random_below(40);

	world_random(&w, 60 + random_below(41));
	if (chance(60))
		w.t.want_deleted = false;
	while (turns-- > 0 && w.t.status != CDC_DELETED)
	{
		CdcDecision d;

		if (chance(15))
			world_user_meddles(&w);
		world_tick(&w);
		s = world_observe(&w, chance(50) ? 10 : 0);
		d = cdc_decide(&s);
		cdc_effect_decided(&w.t, &d);
		world_act(&w, d.action, chance(75) ? END_DONE : (Ending) (END_NO_EFFECT + random_below(3)));
	}
	world_user_repairs(&w);
	w.t.network_ids = CDC_NET_BOTH;
	w.t.force = false;
	if (chance(30))
		w.t.want_deleted = true;
	s = world_observe(&w, 0);
	/* also in the midst of what takes long */
	if (s.walsender_stuck == CDC_NO && chance(20))
		s.walsender_stuck = CDC_YES;
	if (!s.want_deleted && chance(20))
		s.slot_turn = CDC_TURN_NO_FREE_SLOT + 1 + random_below(CDC_TURN_OK - CDC_TURN_NO_FREE_SLOT);
	if (!s.want_deleted && s.agents == CDC_AGENTS_READY && chance(20))
	{
		s.plugin_current = CDC_NO;
		s.plugin_present = chance(50) ? CDC_YES : CDC_NO;
	}
	if (!s.want_deleted && chance(20))
	{
		s.tables = CDC_TABLES_NO_IDENTITY;
		s.sets_identity = true;
	}
	if (!s.want_deleted && chance(20))
	{
		s.want_paused = true;
		s.pause_wal = CDC_PAUSE_WAL_LOW + random_below(CDC_PAUSE_WAL_OVER);
	}
	s.restart_wanted = chance(20);
	if (chance(20))
		s.older_writer = CDC_WRITER_PRESENT;
	if (chance(20))
		s.peerings = CDC_PEERINGS_MISSING + random_below(CDC_PEERINGS_ACTIVE - CDC_PEERINGS_MISSING + 1);
	return s;
}

static bool
at_its_end(const CdcSnapshot *s, const CdcDecision *d)
{
	if (s->want_deleted)
		return d->status == CDC_DELETED && s->connector != CDC_OBJ_OK && s->connector != CDC_OBJ_WRONG &&
			(s->slot == CDC_SLOT_ABSENT || s->slot == CDC_SLOT_FOREIGN) &&
			s->hba_line_left == CDC_NO && s->shadow_left == CDC_NO && !s->identity_set && s->secret_left != CDC_YES;
	if (s->want_paused)
		return d->status == CDC_PAUSED && d->rule->status_to == CDC_PAUSED &&
			(s->connector == CDC_OBJ_ABSENT || (s->connector_state == CDC_CS_STOPPED && s->task_state == CDC_CS_NONE));
	return d->status == CDC_RUNNING && d->rule->status_to == CDC_RUNNING && d->rule->message == NULL &&
		s->was_running && !s->discarding && s->gap == CDC_GAP_NONE && s->move == CDC_MOVE_NONE;
}

/* Follows the plan from s by these effects; false: fault says why it leads nowhere. */
static bool
plan_arrives(const CdcEffect *effects, CdcSnapshot s)
{
	CdcDecision d;
	size_t		used = 0;
	int			actions = 0;
	int			n;

	plan[0] = '\0';
	d = cdc_decide(&s);
	for (n = 0; n < MOST_STEPS; n++)
	{
		bool		moved_on = d.status != s.status || (d.rule->status_to == CDC_RUNNING && !s.was_running);

		cdc_effect_decided(&s, &d);
		if (tracing)
			trace(&s, &d);
		if (d.action != CDC_ACT_NONE && d.action != CDC_ACT_SOFT_DELETE)
		{
			taken[d.action]++;
			actions++;
			if (used + 40 < sizeof(plan))
				used += (size_t) snprintf(plan + used, sizeof(plan) - used, "%s%s", used > 0 ? " " : "",
										  cdc_action_name(d.action));
			if (!cdc_effect(effects, &s, d.action, &s))
				return fails("an action that its peer refuses", &d);
		}
		else if (d.status == CDC_DELETED || !(moved_on || cdc_effect_awaited(&s)))
		{
			if (actions > longest)
				longest = actions;
			return at_its_end(&s, &d) || fails("the plan ends elsewhere", &d);
		}
		d = cdc_decide(&s);
	}
	return fails("the plan does not end", &d);
}

static bool
plans_arrive(const CdcEffect *effects)
{
	const char *seed = getenv("CDC_TEST_SEED");
	int			i;

	random_seed(seed ? strtoul(seed, NULL, 10) : 20261130);
	for (i = 0; i < STARTS; i++)
	{
		CdcSnapshot s = start();

		if (s.status == CDC_DELETED || plan_arrives(effects, s))
			continue;
		tracing = effects == cdc_effects && getenv("CDC_TEST_TRACE") != NULL;
		if (tracing)
			plan_arrives(effects, s);
		tracing = false;
		return false;
	}
	return true;
}

static void
remembers_nothing(CdcSnapshot *s)
{
	(void) s;
}

static bool
does_nothing(CdcSnapshot *s)
{
	(void) s;
	return true;
}

/* Does any plan tell that these effects are not the real ones? */
static void
must_be_noticed(CdcAction action, CdcEffect spoiled, const char *part)
{
	CdcEffect	copy[CDC_NUM_ACTIONS];
	char		words[120];

	memcpy(copy, cdc_effects, sizeof(copy));
	copy[action] = spoiled;
	snprintf(words, sizeof(words), "a plan leads nowhere when %s %s", cdc_action_name(action), part);
	ok(!plans_arrive(copy), words);
}

/* What the plan does not depend on, but what comes after it does. */
static void
remembering(void)
{
	bool		counted = true;
	bool		not_counted = true;
	CdcSnapshot s;
	int			a;

	for (a = 0; a < CDC_NUM_ACTIONS; a++)
	{
		bool		peering = a == CDC_ACT_CREATE_PEERING || a == CDC_ACT_ENABLE_PEERING;

		memset(&s, 0, sizeof(s));
		s.untouched = true;
		s.settled = CDC_YES;
		cdc_effects[a].remembered(&s);
		if (peering || a == CDC_ACT_NONE || a == CDC_ACT_SOFT_DELETE)
			not_counted = not_counted && s.untouched && s.settled == CDC_YES;
		else
			counted = counted && !s.untouched && s.settled == CDC_NO;
	}
	ok(counted, "what is sent may leave something of ours, and its absence settles anew");
	ok(not_counted, "a peering is nothing of the pipeline's own");

	memset(&s, 0, sizeof(s));
	s.move = CDC_MOVE_JUDGED;
	s.connector = CDC_OBJ_ABSENT;
	ok(cdc_effect(cdc_effects, &s, CDC_ACT_PUT_CONNECTOR, &s) && s.move == CDC_MOVE_RESUMED,
	   "a connector that is put carries the verdict out");
	s.connector_state = CDC_CS_RUNNING;
	ok(cdc_effect(cdc_effects, &s, CDC_ACT_BEGIN_DISCARD, &s) && s.discarding && s.connector_state == CDC_CS_STOPPED,
	   "begin_discard stops the connector itself");
	s.discarding = false;
	ok(!cdc_effect(cdc_effects, &s, CDC_ACT_POST_STOPPED, &s), "a connector that is there is not made once more");
}

/* Plans that everybody knows: of a new pipeline, and of the same when it is deleted. */
static void
from_nothing_and_back(void)
{
	CdcSnapshot s;
	CdcSnapshot done;
	int			i;

	memset(&s, 0, sizeof(s));
	for (i = 0; i < num_fields; i++)
		field_set(&s, &fields[i], fields[i].good);
	done = s;
	done.status = CDC_RUNNING;
	done.was_running = done.want_deleted = true;
	done.secret_left = CDC_YES;
	done.settled = CDC_NO;
	s.status = CDC_PENDING;
	s.untouched = true;
	s.secret = CDC_SECRET_MISSING;
	s.role = s.publication = s.connector = CDC_OBJ_ABSENT;
	s.connector_state = s.task_state = CDC_CS_NONE;
	s.hba = CDC_HBA_MISSING;
	s.hba_line_left = s.settled = CDC_NO;
	s.slot = CDC_SLOT_ABSENT;
	s.offsets = CDC_OFFSETS_NONE;
	ok(plan_arrives(cdc_effects, s), "a new pipeline comes to run");
	is(plan, "put_secret create_role write_hba create_publication put_connector", "... by this plan");
	ok(plan_arrives(cdc_effects, done), "a pipeline that runs comes to be deleted");
	is(plan, "stop_connector delete_offsets delete_connector drop_slot drop_publication remove_hba drop_role delete_secret",
	   "... by this plan");
}

/* What is assumed done when actions go side by side is what they do. */
static void
side_by_side(void)
{
	bool		same = true;
	CdcSnapshot s;
	int			i;

	random_seed(1);
	for (i = 0; i < STARTS; i++)
	{
		CdcSnapshot assumed;
		CdcSnapshot after;
		CdcDecision d;
		CdcDecision beside;

		snapshot_random(&s, 90);
		s.status = CDC_PROVISIONING;
		s.connector = CDC_OBJ_ABSENT;
		assumed = s;
		d = cdc_decide(&s);
		if (!cdc_decide_beside(cdc_state_table, &assumed, &d, &beside))
			continue;
		same = same && cdc_effect(cdc_effects, &s, d.action, &after) && cdc_decide(&after).rule == beside.rule;
	}
	ok(same, "side by side goes what would follow the effect");
}

int
main(void)
{
	bool		whole = true;
	bool		all_taken = true;
	int			a;

	for (a = 0; a < CDC_NUM_ACTIONS; a++)
		whole = whole && cdc_effects[a].remembered != NULL && cdc_effects[a].done != NULL;
	if (!ok(whole, "every action has its effect"))
		return done_testing();

	if (!ok(plans_arrive(cdc_effects), "from everywhere the plan leads to Running, or to Deleted"))
		printf("# %s\n", fault);
	printf("# the longest plan has %d actions\n", longest);
	for (a = 0; a < CDC_NUM_ACTIONS; a++)
	{
		if (a == CDC_ACT_NONE || a == CDC_ACT_SOFT_DELETE || taken[a] > 0)
			continue;
		all_taken = false;
		printf("# no plan has %s\n", cdc_action_name((CdcAction) a));
	}
	ok(all_taken, "every action is in a plan");
	from_nothing_and_back();
	side_by_side();
	remembering();

	for (a = 0; a < CDC_NUM_ACTIONS; a++)
	{
		CdcEffect	none = {remembers_nothing, does_nothing};

		if (a != CDC_ACT_NONE && a != CDC_ACT_SOFT_DELETE)
			must_be_noticed((CdcAction) a, none, "has no effect");
	}
	must_be_noticed(CDC_ACT_END_DISCARD, (CdcEffect) {remembers_nothing, cdc_effects[CDC_ACT_END_DISCARD].done},
					"forgets nothing");
	return done_testing();
}
