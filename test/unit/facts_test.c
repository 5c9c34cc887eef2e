/* link: src/reconciler/decide.c src/reconciler/effect.c src/reconciler/awaited.c src/reconciler/state_table.c src/reconciler/state_table_check.c src/reconciler/guards.c src/reconciler/detail.c test/unit/world_model.c test/unit/decide_cases.c */
/*
 * facts_test.c
 *	  What a single fact changes: every case of decide_cases.c (but those that
 *	  are another one again) with each of its facts in turn changed to each
 *	  other value, and the rule that then fires, held against
 *	  test/unit/facts.golden.
 *
 * So no predicate of guards.c changes its meaning unseen.  CDC_TEST_ACCEPT=1
 * writes the file anew: look at git diff.  A line is a fact and, for each value
 * that leads to another rule, value:rule.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide_cases.h"
#include "tap.h"
#include "world_model.h"

#define GOLDEN "test/unit/facts.golden"

static void
tell_case(FILE *out, const Case *c)
{
	int			f;
	int			v;

	fprintf(out, "%d when %s and %s\n", c->rule, cdc_status_name(c->s.status), c->what);
	for (f = 1; f < num_fields; f++)
	{
		bool		told = false;

		for (v = 0; v < (fields[f].values ? fields[f].values : 2); v++)
		{
			CdcSnapshot s = c->s;
			int			id;

			field_set(&s, &fields[f], v);
			id = cdc_decide(&s).rule->id;
			if (id == c->rule)
				continue;
			if (!told)
				fprintf(out, "\t%s", fields[f].name);
			told = true;
			fprintf(out, " %d:%d", v, id);
		}
		if (told)
			fprintf(out, "\n");
	}
}

/* Lines that differ, the first of them shown; -1: there is no such file. */
static int
differing(FILE *now)
{
	FILE	   *golden = fopen(GOLDEN, "r");
	char		of_case[400] = "";
	char		a[2000];
	char		b[2000];
	int			n = 0;

	if (golden == NULL)
		return -1;
	rewind(now);
	for (;;)
	{
		char	   *x = fgets(a, sizeof(a), now);
		char	   *y = fgets(b, sizeof(b), golden);

		if (x == NULL && y == NULL)
			break;
		if (x != NULL && x[0] != '\t')
			snprintf(of_case, sizeof(of_case), "%s", x);
		if ((x == NULL || y == NULL || strcmp(x, y) != 0) && n++ < 10)
			printf("# %s#  is  %s#  was %s", of_case, x ? x : "(nothing)\n", y ? y : "(nothing)\n");
	}
	fclose(golden);
	return n;
}

int
main(void)
{
	FILE	   *now = tmpfile();
	int			n;
	const Case *cases = decide_cases(&n);
	int			i;

	if (now == NULL)
		return 1;
	for (i = 0; i < n; i++)
	{
		if (!cases[i].again)
			tell_case(now, &cases[i]);
	}
	if (getenv("CDC_TEST_ACCEPT"))
	{
		FILE	   *golden = fopen(GOLDEN, "w");
		char		line[2000];

		rewind(now);
		while (golden != NULL && fgets(line, sizeof(line), now))
			fputs(line, golden);
		if (golden == NULL || fclose(golden) != 0)
			return 1;
	}
	ok(differing(now) == 0, "each fact changes what it changed before (" GOLDEN ")");
	return done_testing();
}
