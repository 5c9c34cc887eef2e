/* link: src/reconciler/decide.c src/reconciler/beside.c src/reconciler/effect.c src/reconciler/awaited.c src/reconciler/state_table.c src/reconciler/state_table_check.c src/reconciler/guards.c src/reconciler/detail.c test/unit/world_model.c test/unit/decide_rules.c */
/*
 * decide_test.c
 *	  Properties of decide(): every decision is safe, every world ends where it
 *	  should and then rests, every rule is needed.
 *
 * A suite is the same for the real table and for spoiled copies of it: each
 * rule taken out, each pair of neighbours swapped.  A suite that does not
 * notice a spoiled table is no test; the copies that go unnoticed are printed,
 * and mutation_test.c shows that the cases notice them.
 * CDC_TEST_SEED sets another seed; with CDC_TEST_TRACE the world that failed
 * is told turn by turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/beside.h"
#include "reconciler/detail.h"

#include "decide_rules.h"
#include "world_model.h"

#define MAX_RULES 400
#define BOUND 400				/* steps within which a world must rest */
#define REST 20					/* ... for so many steps */

static const CdcRule *rules;
static int	fired[MAX_RULES];	/* in single snapshots */
static int	fired_in_worlds[MAX_RULES];
static char fault[1000];		/* the first one of a suite */
static int	most_beside;		/* actions beside another one, in one turn */
static bool tracing;
static const char *shown;		/* error_message of the present world */
static int	tests;
static int	failures;

static void
ok(bool good, const char *what)
{
	tests++;
	if (!good)
		failures++;
	printf("%sok %d - %s\n", good ? "" : "not ", tests, what);
}

static void
describe(const CdcSnapshot *s, char *buf, size_t size)
{
	size_t		used = 0;
	int			i;

	buf[0] = '\0';
	for (i = 0; i < num_fields && used + 40 < size; i++)
	{
		int			v = field_get(s, &fields[i]);

		if (v != 0)
			used += (size_t) snprintf(buf + used, size - used, " %s=%d", fields[i].name, v);
	}
}

static void
set_fault(const char *what, const CdcRule *rule, const CdcSnapshot *s)
{
	char		words[800];

	if (fault[0] != '\0')
		return;
	describe(s, words, sizeof(words));
	snprintf(fault, sizeof(fault), "%s (rule %d %s):%s", what, rule ? rule->id : 0,
			 rule ? rule->guard_name : "", words);
}

/* Decides and holds the decision against everything that must always hold. */
static CdcDecision
decide(const CdcSnapshot *s, int *counts)
{
	CdcDecision d = cdc_decide_rules(rules, s);
	const char *field = "";
	const char *words = decision_fault(s, &d);

	counts[d.rule - rules]++;
	if (words == NULL && d.action != CDC_ACT_NONE)
		words = decision_fault_in_ignorance(s, &d, &field);
	if (words != NULL)
	{
		char		both[200];

		snprintf(both, sizeof(both), "%s%s%s", words, *field ? ", not knowing " : "", field);
		set_fault(both, d.rule, s);
	}
	return d;
}

/* Side by side: nobody uses any of it yet, and each is right on what was seen. */
static int
decide_beside(const CdcSnapshot *seen, const CdcDecision *d, CdcAction *actions, int max)
{
	CdcSnapshot assumed = *seen;
	CdcDecision now = *d;
	CdcDecision beside;
	int			n = 0;
	int			i;

	while (cdc_decide_beside(rules, &assumed, &now, &beside))
	{
		CdcSnapshot s = *seen;
		const char *field = "";
		const char *words;

		s.status = now.status;
		words = decision_fault(&s, &beside);
		if (words == NULL)
			words = decision_fault_in_ignorance(&s, &beside, &field);
		if (words == NULL && seen->connector != CDC_OBJ_ABSENT)
			words = "side by side under a connector that is there";
		for (i = 0; i < n; i++)
		{
			if (actions[i] == beside.action)
				words = "the same action twice at a time";
		}
		if (beside.action == d->action || n == max)
			words = "the same action twice at a time";
		if (words != NULL)
		{
			set_fault(words, beside.rule, &s);
			return 0;
		}
		actions[n++] = beside.action;
		now = beside;
	}
	return n;
}

/* One turn of the worker over a world. */
static CdcDecision
turn(World *w, int noise, int faults)
{
	CdcSnapshot s;
	CdcDecision d;
	Ending		ending = END_DONE;
	CdcAction	beside[4];
	int			nbeside;

	world_tick(w);
	s = world_observe(w, noise);
	d = decide(&s, fired_in_worlds);
	if (d.rule->status_to == CDC_RUNNING && !w->t.was_running)
	{
		if (w->hole)
			set_fault("Running with a hole in what Kafka has", d.rule, &s);
	}
	if (d.torn_down && !s.force && !s.source_leaving && !s.sink_leaving && s.source_is_postgresql && s.sink_has_addon &&
		!s.untouched && world_leftover(w) != NULL)
		set_fault("torn down with something left", d.rule, &s);
	cdc_effect_decided(&w->t, &d);
	if (!d.unchanged)
		shown = d.rule->message;
	if (chance(faults))
		ending = (Ending) (END_NO_EFFECT + random_below(3));
	/* none of them needs another: they end before it, in any order or not at all */
	nbeside = decide_beside(&s, &d, beside, 4);
	most_beside = nbeside > most_beside ? nbeside : most_beside;
	while (nbeside > 0)
	{
		int			i = random_below(nbeside);
		Ending		its = chance(faults) ? (Ending) (END_NO_EFFECT + random_below(2)) : END_DONE;

		if (!world_act(w, beside[i], its) && noise == 0)
			set_fault("an action that its peer must refuse, side by side", d.rule, &s);
		beside[i] = beside[--nbeside];
	}
	if (tracing)
		printf("# %d -> %s, %s%s: connector %d/%d/%d slot %d offsets %d publication %d%s%s%s\n",
			   d.rule->id, cdc_status_name(d.status), cdc_action_name(d.action),
			   ending == END_DONE ? "" : ending == END_LATE ? " (late)" :
			   ending == END_NOT_HEARD ? " (not heard)" : " (no effect)",
			   w->t.connector, w->t.connector_state, w->t.task_state, w->t.slot, w->t.offsets,
			   w->t.publication, w->t.discarding ? ", discarding" : "",
			   w->t.was_running ? ", was running" : "", w->hole ? ", hole" : "");
	if (!world_act(w, d.action, ending) && noise == 0)
		set_fault("an action that its peer must refuse", d.rule, &s);
	return d;
}

static void
chaos(World *w, int turns)
{
	while (turns-- > 0 && w->t.status != CDC_DELETED)
	{
		if (chance(w->t.move == CDC_MOVE_JUDGED ? 50 : 10))
			world_user_meddles(w);
		if (chance(80))
			w->t.connect_reachable = w->t.source_reachable = CDC_YES;
		turn(w, chance(50) ? 10 : 0, 25);
	}
}

/*
 * Runs until the world rests: the same rule, no action.  A Failed pipeline may
 * try a restart now and then for ever.
 */
static CdcDecision
run_to_rest(World *w)
{
	CdcDecision d = turn(w, 0, 0);
	const CdcRule *rule = d.rule;
	int			rested = 0;
	int			n;

	for (n = 0; n < BOUND && rested < REST; n++)
	{
		d = turn(w, 0, 0);
		if (d.status == CDC_DELETED && d.action == CDC_ACT_NONE)
			return d;
		if (w->doomed && d.status == CDC_FAILED)
			rested++;
		else if (d.rule != rule || d.action != CDC_ACT_NONE || (w->t.discarding && !w->t.want_paused && w->t.snapshot_again == CDC_RESTART_WAIT))
			rested = 0;
		else
			rested++;
		rule = d.rule;
	}
	if (rested < REST)
		set_fault("the world does not come to rest", rule, &w->t);
	return d;
}

/* The text of the page for what the tables know, or NULL: no reason to fail. */
static const char *
gate_text(const CdcSnapshot *t)
{
	if (!t->source_is_postgresql)
		return "source service must be postgresql";
	if (!t->sink_has_addon)
		return "sink service does not have the kafka-connect addon enabled";
	if (!t->same_region)
		return "source zone {source_zone} and sink zone {sink_zone} are not in the same peering region";
	if (t->network_ids == CDC_NET_ONE_SIDE)
		return "only the {network_side} service has a network_id: give one to both services or to neither";
	return NULL;
}

/* Is there something that only people can change? */
static bool
blocked(const World *w)
{
	const CdcSnapshot *t = &w->t;

	return (t->network_ids == CDC_NET_BOTH && t->peerings != CDC_PEERINGS_ACTIVE) ||
		t->connect_reachable != CDC_YES || t->plugin_present != CDC_YES ||
		t->source_reachable != CDC_YES || t->source_capable != CDC_YES ||
		(t->tables != CDC_TABLES_OK) || t->columns != CDC_COLUMNS_OK ||
		t->role == CDC_OBJ_FOREIGN || (!t->manage_role && t->role != CDC_OBJ_OK) ||
		t->hba == CDC_HBA_BROKEN || t->hba == CDC_HBA_FOUGHT || t->hba == CDC_HBA_UNMANAGED ||
		t->publication == CDC_OBJ_FOREIGN || t->connector == CDC_OBJ_FOREIGN ||
		t->publication == CDC_OBJ_UNVERIFIED || t->connector == CDC_OBJ_UNVERIFIED ||
		(t->slot == CDC_SLOT_FOREIGN && !t->initial_only) || t->slot_turn != CDC_TURN_OK ||
		(t->want_paused && t->pause_unsafe == CDC_YES) ||
		!t->allow_password || t->two_primaries != CDC_NO || t->slot_wal_high != CDC_NO || t->standbys_awaited != CDC_NO ||
		t->agents == CDC_AGENTS_DOWN || t->secret == CDC_SECRET_MISSING || t->secret == CDC_SECRET_PARTIAL ||
		t->moving != CDC_YES || t->stream_breaks != CDC_NO || t->new_task != CDC_NO || t->stranger != CDC_NO || t->refused != CDC_NO || t->older_writer != CDC_WRITER_NONE;
}

/* Where a world that is wanted and left alone must have come to. */
static void
expect_end(World *w, const CdcDecision *d)
{
	const CdcSnapshot *t = &w->t;
	const char *message = shown;
	const char *gate = gate_text(t);

	if (d->status == CDC_PAUSED && d->rule->status_to == CDC_PAUSED)
		return;
	if (t->want_paused && t->pause_unsafe == CDC_NO && !blocked(w) && gate == NULL && d->status != CDC_FAILED && d->status != CDC_PENDING)
		set_fault("nothing is in the way of a pause", d->rule, t);
	if (d->status == CDC_PAUSED && message != NULL && blocked(w))
		return;
	if (d->status == CDC_FAILED)
	{
		if (message == NULL)
			set_fault("Failed without saying why", d->rule, t);
		else if (gate != NULL ? strcmp(message, gate) != 0 :
				 t->gap_halt && t->gap != CDC_GAP_NONE ? strstr(message, "on_gap is halt") == NULL :
				 !((w->doomed || blocked(w)) && strncmp(message, "connector task failed: {failure}", strlen("connector task failed: {failure}")) == 0))
			set_fault("Failed for something else than its cause", d->rule, t);
		return;
	}
	if (d->status == CDC_RUNNING && message == NULL)
	{
		if (w->doomed || w->hole)
			set_fault("Running although events are missing", d->rule, t);
		if (t->network_ids == CDC_NET_BOTH && t->peerings != CDC_PEERINGS_ACTIVE)
			set_fault("Running, and silent about a network that is not active", d->rule, t);
		return;
	}
	if (d->status == CDC_RUNNING && blocked(w))
		return;
	if (gate != NULL)
		set_fault("the gate is closed and the pipeline has not failed", d->rule, t);
	else if (!t->source_running || !t->sink_running || !t->addon_running)
	{
		if (d->status != CDC_PENDING && d->status != CDC_RUNNING)
			set_fault("a service does not run and the pipeline is not Pending", d->rule, t);
	}
	else if (!blocked(w))
		set_fault("nothing is in the way and the pipeline does not run", d->rule, t);
	else if (d->status != CDC_PROVISIONING || message == NULL)
		set_fault("a pipeline that waits does not say so", d->rule, t);
}

static void
expect_deleted(const World *w, const CdcSnapshot *before, const CdcDecision *d)
{
	const CdcSnapshot *t = &w->t;

	if (d->status != CDC_DELETED)
		set_fault("a delete does not end", d->rule, t);
	else if (world_leftover(w) != NULL)
	{
		char		words[100];

		snprintf(words, sizeof(words), "a delete leaves a %s", world_leftover(w));
		set_fault(words, d->rule, t);
	}
	if ((before->role == CDC_OBJ_FOREIGN) != (t->role == CDC_OBJ_FOREIGN) ||
		(before->publication == CDC_OBJ_FOREIGN) != (t->publication == CDC_OBJ_FOREIGN) ||
		(before->slot == CDC_SLOT_FOREIGN) != (t->slot == CDC_SLOT_FOREIGN) ||
		(before->connector == CDC_OBJ_FOREIGN) != (t->connector == CDC_OBJ_FOREIGN))
		set_fault("a delete touches what is not ours", d->rule, t);
}

/* A delete is asked for and has all that it needs; false: it needs nothing. */
static bool
delete_asked(World *w)
{
	w->t.want_deleted = true;
	if (chance(50))
		chaos(w, 20);
	if (w->t.status == CDC_DELETED)
		return false;
	w->t.connect_reachable = w->t.source_reachable = w->t.source_capable = CDC_YES;
	w->t.plugin_present = CDC_YES;
	w->t.unreachable_standby = w->t.slot_declared = CDC_NO;
	if (w->t.agents == CDC_AGENTS_DOWN)
		w->t.agents = CDC_AGENTS_READY;
	w->t.force = false;
	/* adopted: without, it waits for that */
	if (w->t.publication == CDC_OBJ_UNVERIFIED)
		w->t.publication = CDC_OBJ_WRONG;
	if (w->t.connector == CDC_OBJ_UNVERIFIED)
		w->t.connector = CDC_OBJ_WRONG;
	return w->t.source_is_postgresql && w->t.sink_has_addon;
}

/*
 * What was torn down cannot be looked at again.  The delete of the service
 * that does not answer ends that, the delete of another one does not.
 */
static void
delete_of_service(World *w)
{
	bool		source = chance(50);
	bool		this_one = chance(50);
	bool		late;
	CdcDecision d;
	int			n = 0;

	if (!delete_asked(w))
		return;
	do
		d = turn(w, 0, 0);
	while (!d.torn_down && ++n < BOUND);
	if (d.status == CDC_DELETED)
		return;
	late = w->late_in > 0;		/* nobody can see it come */
	if (source && chance(30))
		w->t.unreachable_standby = CDC_YES;
	else if (source)
		w->t.source_reachable = CDC_NO;
	else
		w->t.connect_reachable = CDC_NO;
	w->t.source_leaving = source == this_one;
	w->t.sink_leaving = source != this_one;
	d = run_to_rest(w);
	if ((d.status == CDC_DELETED) != this_one)
		set_fault(this_one ? "a service that is gone holds its pipeline" : "a pipeline is given up for another service", d.rule, &w->t);
	if (d.status == CDC_DELETED && !late && world_leftover(w) != NULL)
		set_fault("given up with something left", d.rule, &w->t);
}

/* Delete with everything in reach: all goes, nothing foreign is touched. */
static void
delete_in_reach(World *w)
{
	CdcSnapshot before;
	CdcDecision d;

	if (!delete_asked(w))
		return;
	before = w->t;
	d = run_to_rest(w);
	expect_deleted(w, &before, &d);
}

/* Delete of what cannot be reached: it waits, force ends it. */
static void
delete_out_of_reach(World *w)
{
	CdcDecision d;

	w->t.want_deleted = true;
	w->t.force = false;
	w->t.plugin_present = chance(50) ? CDC_YES : CDC_NO;
	w->t.connect_reachable = chance(50) ? CDC_YES : CDC_NO;
	w->t.source_reachable = chance(50) ? CDC_YES : CDC_NO;
	w->t.source_capable = chance(70) ? CDC_YES : CDC_NO;
	w->t.unreachable_standby = chance(70) ? CDC_NO : CDC_YES;
	if (w->t.agents != CDC_AGENTS_NONE && chance(30))
		w->t.agents = CDC_AGENTS_DOWN;
	d = run_to_rest(w);
	if (d.status == CDC_DELETED)
		return;
	if (d.status != CDC_DELETING || d.rule->message == NULL)
		set_fault("a delete that waits does not say so", d.rule, &w->t);
	w->t.force = true;
	d = run_to_rest(w);
	if (d.status != CDC_DELETED)
		set_fault("a forced delete does not end", d.rule, &w->t);
}

static void
one_world(int good)
{
	World		w;
	CdcDecision d;

	shown = "";
	world_random(&w, good);
	if (w.t.want_deleted && !w.t.force && chance(50))
	{
		if (chance(30))
			delete_of_service(&w);
		else
			delete_in_reach(&w);
		return;
	}
	if (w.t.want_deleted)
	{
		delete_out_of_reach(&w);
		return;
	}
	if (w.t.status == CDC_DELETING)
		w.t.force = false;
	if (chance(70))
		chaos(&w, 40);
	d = run_to_rest(&w);
	expect_end(&w, &d);

	world_user_repairs(&w);
	d = run_to_rest(&w);
	if (d.status != CDC_RUNNING || shown != NULL || w.hole)
		set_fault("everything is repaired and the pipeline does not run", d.rule, &w.t);

	if (chance(70))
		delete_in_reach(&w);
	else
		delete_out_of_reach(&w);
}

/* All of it; true when nothing was noticed. */
static bool
suite(const CdcRule *table, int snapshots, int worlds)
{
	const char *seed = getenv("CDC_TEST_SEED");
	CdcSnapshot s;
	CdcDecision d;
	CdcAction	beside[4];
	int			i;

	rules = table;
	fault[0] = '\0';
	memset(fired, 0, sizeof(fired));
	memset(fired_in_worlds, 0, sizeof(fired_in_worlds));
	random_seed(seed ? strtoul(seed, NULL, 10) : 20261124);
	for (i = 0; i < worlds && fault[0] == '\0'; i++)
	{
		unsigned long long here = random_state();

		one_world(60 + random_below(41));
		if (fault[0] != '\0' && table == cdc_state_table && getenv("CDC_TEST_TRACE"))
		{
			random_resume(here);
			tracing = true;
			one_world(60 + random_below(41));
			tracing = false;
		}
	}
	for (i = 0; i < snapshots && fault[0] == '\0'; i++)
	{
		snapshot_random(&s, i % 3 == 0 ? 0 : 60 + random_below(40));
		d = decide(&s, fired);
		decide_beside(&s, &d, beside, 4);
	}
	return fault[0] == '\0';
}

/*
 * Spoiled copies.  What only differs in words or pace is not noticed here; the
 * golden dump of the table holds that.
 */
static void
spoil(int nrules)
{
	static CdcRule copy[MAX_RULES];
	int			unnoticed_drops = 0;
	int			unnoticed_swaps = 0;
	int			i;

	for (i = 0; i < nrules - 1; i++)
	{
		memcpy(copy, cdc_state_table, sizeof(CdcRule) * (size_t) (nrules + 1));
		memmove(copy + i, copy + i + 1, sizeof(CdcRule) * (size_t) (nrules - i));
		if (suite(copy, 4000, 300))
		{
			unnoticed_drops++;
			printf("# unnoticed without rule %d %s\n", cdc_state_table[i].id, cdc_state_table[i].guard_name);
		}
	}
	for (i = 0; i < nrules - 1; i++)
	{
		CdcRule		rule;

		memcpy(copy, cdc_state_table, sizeof(CdcRule) * (size_t) (nrules + 1));
		rule = copy[i];
		copy[i] = copy[i + 1];
		copy[i + 1] = rule;
		if (suite(copy, 1000, 60))
			unnoticed_swaps++;
	}
	printf("# unnoticed: %d of %d tables without a rule, %d of %d with two rules swapped\n",
		   unnoticed_drops, nrules - 1, unnoticed_swaps, nrules - 1);
	ok(unnoticed_drops * 2 <= nrules, "most tables that lack a rule are noticed");
	ok(unnoticed_swaps < nrules - 1, "some swapped rules are noticed");
}

int
main(void)
{
	const char *words;
	int			nrules = 0;
	int			unused = 0;
	bool		most;
	int			i;

	while (cdc_state_table[nrules].id != 0)
		nrules++;
	printf("# seed %s, %d rules\n", getenv("CDC_TEST_SEED") ? getenv("CDC_TEST_SEED") : "20261124", nrules);

	ok(cdc_state_table_check(&words), "the table is well formed");
	if (words != NULL)
		printf("# %s\n", words);
	ok(suite(cdc_state_table, 200000, 20000), "every decision is safe, every world ends where it should");
	if (fault[0] != '\0')
		printf("# %s\n", fault);
	most = most_beside == 3;
	for (i = 0; i < nrules; i++)
	{
		if (fired_in_worlds[i] == 0)
		{
			printf("# rule %d %s fired in %s\n", cdc_state_table[i].id, cdc_state_table[i].guard_name,
				   fired[i] == 0 ? "nothing" : "single snapshots only");
			unused++;
		}
	}
	ok(unused == 0, "every rule fired in a world");
	ok(most, "password's file, role, pg_hba.conf and publication were made at once");
	spoil(nrules);
	printf("1..%d\n", tests);
	return failures > 0;
}
