/* link: src/reconciler/decide.c src/reconciler/state_table.c src/reconciler/state_table_check.c src/reconciler/guards.c src/reconciler/detail.c test/unit/decide_cases.c */
/*
 * state_table_test.c
 *	  Every rule by the one world that it is for, and the check of the table
 *	  against tables that are not well formed.
 *
 * The rule that fires, by id, is what the docs and the events speak of.  A rule
 * without a case fails the test.
 */
#include <stdio.h>
#include <string.h>

#include "reconciler/decide.h"
#include "reconciler/detail.h"

#include "decide_cases.h"

#define MAX_RULES 400

static int	tests;
static int	failures;
static bool has_case[MAX_RULES];

static void
ok(bool good, const char *what)
{
	tests++;
	if (!good)
		failures++;
	printf("%sok %d - %s\n", good ? "" : "not ", tests, what);
}

static void
run_cases(void)
{
	int			n;
	const Case *cases = decide_cases(&n);
	int			i;

	for (i = 0; i < n; i++)
	{
		CdcDecision d = cdc_decide(&cases[i].s);
		char		words[400];

		if (d.rule->id == cases[i].rule)
			has_case[d.rule - cdc_state_table] = true;
		snprintf(words, sizeof(words), "%d when %s and %s", cases[i].rule, cdc_status_name(cases[i].s.status), cases[i].what);
		ok(d.rule->id == cases[i].rule, words);
		if (d.rule->id != cases[i].rule)
			printf("# rule %d fired\n", d.rule->id);
	}
}

/* A copy with one thing wrong must be refused. */
static void
spoiled(const char *what, int (*spoil) (CdcRule *rules, int n))
{
	static CdcRule copy[MAX_RULES];
	const char *fault = NULL;
	int			n = 0;
	bool		good;

	while (cdc_state_table[n].id != 0)
		n++;
	memcpy(copy, cdc_state_table, sizeof(CdcRule) * (size_t) (n + 1));
	spoil(copy, n);
	good = cdc_state_table_check_rules(copy, &fault);
	ok(!good && fault != NULL, what);
	printf("# %s\n", fault ? fault : "no fault");
}

/* The first rule that can stand for the others. */
static CdcRule *
rule_by_id(CdcRule *rules, int id)
{
	while (rules->id != id)
		rules++;
	return rules;
}

/* *INDENT-OFF* */
static int	twice(CdcRule *r, int n) { return r[n / 2].id = r[n / 2 - 1].id; }
static int	disorder(CdcRule *r, int n) { r[n - 2].section = "gate"; return 0; }
static int	strange(CdcRule *r, int n) { r[n / 2].section = "elsewhere"; return 0; }
static int	unguarded(CdcRule *r, int n) { r[n / 2].guard = NULL; return 0; }
static int	nowhere(CdcRule *r, int n) { (void) n; return rule_by_id(r, 796)->status_to = CDC_STAY; }
static int	wordy(CdcRule *r, int n) { (void) n; rule_by_id(r, 502)->message = "waiting: {sorce_error}"; return 0; }
static int	open_word(CdcRule *r, int n) { (void) n; rule_by_id(r, 502)->message = "waiting: {source_error"; return 0; }
static int	open_end(CdcRule *r, int n) { r[n - 1].statuses &= ~(1U << CDC_RUNNING); return 0; }
static int	idle(CdcRule *r, int n) { (void) n; return rule_by_id(r, 170)->retry = CDC_RETRY_NOW; }
static int	unused(CdcRule *r, int n) { (void) n; return rule_by_id(r, 160)->action = CDC_ACT_STOP_CONNECTOR, rule_by_id(r, 730)->action = CDC_ACT_STOP_CONNECTOR; }
static int	silent(CdcRule *r, int n) { (void) n; rule_by_id(r, 200)->message = NULL; return 0; }
static int	stepless(CdcRule *r, int n) { (void) n; return rule_by_id(r, 402)->step = CDC_STEP_NONE; }
static int	acting(CdcRule *r, int n) { (void) n; return rule_by_id(r, 400)->action = CDC_ACT_PUT_CONNECTOR; }
static int	endless(CdcRule *r, int n) { (void) n; return rule_by_id(r, 182)->retry = CDC_RETRY_ROUND; }
/* *INDENT-ON* */

int
main(void)
{
	const char *fault;
	int			without = 0;
	int			i;

	ok(cdc_state_table_check(&fault), "the table is well formed");
	run_cases();
	for (i = 0; cdc_state_table[i].id != 0; i++)
	{
		if (!has_case[i])
		{
			without++;
			printf("# rule %d has no case\n", cdc_state_table[i].id);
		}
	}
	ok(without == 0, "every rule has a case");

	spoiled("an id twice is refused", twice);
	spoiled("sections out of order are refused", disorder);
	spoiled("an unknown section is refused", strange);
	spoiled("a rule without a guard is refused", unguarded);
	spoiled("a status that is never entered is refused", nowhere);
	spoiled("an unknown word in a message is refused", wordy);
	spoiled("an unclosed word in a message is refused", open_word);
	spoiled("a last rule that does not take everything is refused", open_end);
	spoiled("doing nothing at once is refused", idle);
	spoiled("an action that is never taken is refused", unused);
	spoiled("failing without saying why is refused", silent);
	spoiled("building without a step is refused", stepless);
	spoiled("acting while looking is refused", acting);
	spoiled("a deleted pipeline that is looked at again is refused", endless);
	printf("1..%d\n", tests);
	return failures > 0;
}
