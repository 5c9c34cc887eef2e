/* link: src/reconciler/decide.c src/reconciler/effect.c src/reconciler/awaited.c src/reconciler/state_table.c src/reconciler/state_table_check.c src/reconciler/guards.c src/reconciler/detail.c test/unit/world_model.c test/unit/decide_cases.c */
/*
 * mutation_test.c
 *	  Would the tests of the rules notice?  The table is spoiled in every way
 *	  that its dump does not show, one at a time, and the cases and the facts
 *	  around them must tell.
 *
 * Spoiled are: a rule that is not there, two neighbours in the other order, and
 * a guard that is blind to one fact: it sees the same value of it always.  A
 * copy that decides as before on every sample is no other table; what counts
 * are those that differ somewhere.  What the dump shows (status, action, pace,
 * words) is held by expected/state_table.out.  CDC_TEST_SEED sets another seed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "decide_cases.h"
#include "tap.h"
#include "world_model.h"

#define MAX_SAMPLES 200000
#define RANDOM_SAMPLES 20000
#define PROBES 3000				/* samples by which it is told whether a guard looks at a fact */

/* Samples: the cases, the facts around them, and what chance makes. */
static CdcSnapshot samples[MAX_SAMPLES];
static short first[MAX_SAMPLES];	/* the rule that fires, by its place */
static int	nsamples;
static int	ntested;			/* so many of them are looked at by tests */
static int	nrules;

static int
values_of(int field)
{
	return fields[field].values ? fields[field].values : 2;
}

static void
add(const CdcSnapshot *s)
{
	if (nsamples == MAX_SAMPLES)
		abort();
	samples[nsamples] = *s;
	first[nsamples++] = (short) (cdc_decide(s).rule - cdc_state_table);
}

static void
make_samples(void)
{
	int			ncases;
	const Case *cases = decide_cases(&ncases);
	CdcSnapshot s;
	int			i;
	int			f;
	int			v;

	for (i = 0; i < ncases; i++)
	{
		add(&cases[i].s);
		for (f = 1; f < num_fields && !cases[i].again; f++)
		{
			for (v = 0; v < values_of(f); v++)
			{
				s = cases[i].s;
				if (field_get(&s, &fields[f]) == v)
					continue;
				field_set(&s, &fields[f], v);
				add(&s);
			}
		}
	}
	ntested = nsamples;
	random_seed(getenv("CDC_TEST_SEED") ? strtoul(getenv("CDC_TEST_SEED"), NULL, 10) : 20261125);
	for (i = 0; i < RANDOM_SAMPLES; i++)
	{
		snapshot_random(&s, i % 3 == 0 ? 0 : 60 + random_below(40));
		add(&s);
	}
}

typedef enum Notice
{
	SAME_TABLE,					/* as far as the samples tell */
	NOTICED,
	UNNOTICED
} Notice;

static bool
applies(const CdcRule *rule, const CdcSnapshot *s)
{
	return (rule->statuses & (1U << s->status)) != 0 && rule->guard(s);
}

/* The rule at this place is taken out. */
static Notice
without(int place)
{
	int			i;

	for (i = 0; i < nsamples; i++)
	{
		if (first[i] == place)
			return i < ntested ? NOTICED : UNNOTICED;
	}
	return SAME_TABLE;
}

/* It and the next one change places: differs where both apply. */
static Notice
swapped(int place)
{
	int			i;

	for (i = 0; i < nsamples; i++)
	{
		if (first[i] == place && applies(&cdc_state_table[place + 1], &samples[i]))
			return i < ntested ? NOTICED : UNNOTICED;
	}
	return SAME_TABLE;
}

static bool
looks_at(const CdcRule *rule, int field)
{
	int			i;
	int			v;

	for (i = 0; i < nsamples; i += 1 + nsamples / PROBES)
	{
		bool		now = rule->guard(&samples[i]);

		for (v = 0; v < values_of(field); v++)
		{
			CdcSnapshot s = samples[i];

			field_set(&s, &fields[field], v);
			if (rule->guard(&s) != now)
				return true;
		}
	}
	return false;
}

/* Its guard takes a fact to have this value always. */
static Notice
blind(int place, int field, int value)
{
	const CdcRule *rule = &cdc_state_table[place];
	int			i;

	for (i = 0; i < nsamples; i++)
	{
		CdcSnapshot s;

		if (first[i] < place || !(rule->statuses & (1U << samples[i].status)) ||
			field_get(&samples[i], &fields[field]) == value)
			continue;
		s = samples[i];
		field_set(&s, &fields[field], value);
		if (rule->guard(&s) != (first[i] == place))
			return i < ntested ? NOTICED : UNNOTICED;
	}
	return SAME_TABLE;
}

static void
count(Notice notice, int *counts, const char *what, const CdcRule *rule, const char *of)
{
	counts[notice]++;
	if (notice == UNNOTICED)
		printf("# unnoticed: rule %d %s %s %s\n", rule->id, rule->guard_name, what, of);
}

int
main(void)
{
	int			gone[3] = {0};
	int			order[3] = {0};
	int			blinded[3] = {0};
	int			r;
	int			f;
	int			v;

	while (cdc_state_table[nrules].id != 0)
		nrules++;
	make_samples();
	for (r = 0; r < nrules - 1; r++)
	{
		const CdcRule *rule = &cdc_state_table[r];

		count(without(r), gone, "is not there", rule, "");
		count(swapped(r), order, "after the next one", rule, "");
		for (f = 1; f < num_fields; f++)
		{
			if (!looks_at(rule, f))
				continue;
			for (v = 0; v < values_of(f); v++)
				count(blind(r, f, v), blinded, "blind to", rule, fields[f].name);
		}
	}
	printf("# %d samples, %d of them tested; blind guards: %d the same, %d noticed, %d not; other orders: %d the same, %d noticed\n",
		   nsamples, ntested, blinded[SAME_TABLE], blinded[NOTICED], blinded[UNNOTICED], order[SAME_TABLE], order[NOTICED]);
	ok(gone[NOTICED] == nrules - 1, "no rule can be missing");
	ok(order[UNNOTICED] == 0, "no two rules can change places where that means anything");
	ok(blinded[UNNOTICED] == 0, "no guard can be blind to a fact that it is about");
	return done_testing();
}
