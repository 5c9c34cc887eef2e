/* link: src/reconciler/shadow.c */
/*
 * shadow_test.c
 *	  What makes a standby ready, and what is done about its slot: each rule by
 *	  its case, and what must hold of every case.
 */
#include <stdio.h>
#include <string.h>

#include "reconciler/shadow.h"

#define MB (UINT64_C(1024) * 1024)

static int	tests;
static int	failures;
static bool has_case[200];

static void
ok(bool good, const char *what)
{
	tests++;
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", tests, what);
}

/* A standby with a shadow slot, and all is well. */
static CdcStandbyFacts
well(void)
{
	CdcStandbyFacts f;

	memset(&f, 0, sizeof(f));
	f.wanted = f.primary_known = f.reachable = f.in_recovery = f.conf_known = true;
	f.follows = f.hba_ready = f.decodes = f.feedback = f.has_primary_slot = f.streams = f.free_slot = true;
	f.slot_exists = f.slot_ours = f.slot_fits = true;
	f.has_dbname = f.patroni_keeps = CDC_YES;
	f.version = 160010;
	f.primary_lsn = 500 * MB;
	f.slot_lsn = 499 * MB;
	f.step = 16 * MB;
	return f;
}

/* The same with a slot that the server syncs. */
static CdcStandbyFacts
native(void)
{
	CdcStandbyFacts f = well();

	f.native = f.syncs_slots = f.slot_synced = true;
	f.version = 170006;
	return f;
}

/* missing: id of the rule that says why it is not ready, 0: it is ready */
static void
expect(int missing, CdcShadowAction action, const CdcStandbyFacts *f, const char *what)
{
	CdcStandbyDecision d = cdc_standby_decide(f);
	const CdcStandbyRule *rule;
	char		words[300];
	int			id = d.missing ? d.missing->id : 0;

	for (rule = cdc_standby_table; rule->id != 0; rule++)
	{
		if (rule->guard(f))
		{
			has_case[rule->id] = true;
			if (rule->final)
				break;
		}
	}
	snprintf(words, sizeof(words), "%d %s: %s", missing, cdc_shadow_action_name(action), what);
	ok(id == missing && d.action == action, words);
	if (id != missing || d.action != action)
		printf("# %d %s\n", id, cdc_shadow_action_name(d.action));
}

#define CASE(base, missing, action, change) \
	do { \
		CdcStandbyFacts f = base(); \
		change; \
		expect(missing, CDC_SHADOW_##action, &f, #base " " #change); \
	} while (0)

static void
cases(void)
{
	CASE(well, 0, NONE, (void) f);
	CASE(native, 0, NONE, (void) f);
	CASE(well, 10, DROP, f.leaving = true);
	CASE(well, 12, NONE, f.leaving = true; f.slot_exists = false);
	CASE(well, 12, NONE, f.leaving = true; f.slot_active = true);
	CASE(well, 12, NONE, f.leaving = true; f.slot_declared = true);
	CASE(native, 12, NONE, f.leaving = true);
	CASE(well, 20, NONE, f.reachable = false);
	CASE(well, 22, NONE, f.other_cluster = true; f.slot_lost = true);
	CASE(well, 24, NONE, f.in_recovery = false; f.slot_lost = true);
	CASE(well, 26, NONE, f.wanted = false; f.slot_lost = true);
	CASE(well, 28, NONE, f.conf_known = false; f.slot_exists = false);
	CASE(well, 30, NONE, f.version = 150014; f.slot_exists = false);
	CASE(well, 0, NONE, f.version = 150014; f.slot_kept = true; f.slot_lsn = 400 * MB);
	CASE(well, 31, NONE, f.decodes = false; f.slot_exists = false);
	CASE(native, 31, NONE, f.decodes = false; f.slot_exists = false);
	CASE(well, 32, NONE, f.follows = false; f.slot_stale = true);
	CASE(well, 34, MAKE, f.hba_ready = false; f.slot_exists = false);
	CASE(native, 40, DROP, f.slot_synced = false);
	CASE(native, 42, NONE, f.syncs_slots = false; f.slot_exists = false);
	CASE(native, 44, NONE, f.has_dbname = CDC_NO);
	CASE(native, 0, NONE, f.has_dbname = CDC_UNKNOWN);
	CASE(well, 46, MAKE, f.feedback = false; f.slot_exists = false);
	CASE(well, 46, DROP, f.feedback = false; f.slot_lost = true);
	CASE(well, 48, ADVANCE, f.has_primary_slot = false; f.slot_lsn = 400 * MB);
	CASE(well, 50, NONE, f.streams = false);
	CASE(well, 51, MAKE, f.patroni_keeps = CDC_UNKNOWN; f.slot_exists = false);
	CASE(native, 51, NONE, f.patroni_keeps = CDC_UNKNOWN);
	CASE(native, 53, NONE, f.patroni_keeps = CDC_NO);
	CASE(native, 0, NONE, f.patroni_spares = true; f.patroni_keeps = CDC_NO);
	CASE(native, 0, NONE, f.patroni_spares = true; f.patroni_keeps = CDC_UNKNOWN);
	CASE(well, 53, NONE, f.patroni_spares = true; f.patroni_keeps = CDC_NO);
	CASE(well, 53, ADVANCE, f.patroni_keeps = CDC_NO; f.slot_lsn = 400 * MB);
	CASE(native, 52, NONE, f.sync_missing = true);
	CASE(well, 0, NONE, f.sync_missing = true);
	CASE(native, 54, NUDGE, f.slot_exists = false);
	CASE(native, 56, NONE, f.slot_lost = true);
	CASE(native, 58, NUDGE, f.slot_temporary = true);
	CASE(well, 60, NONE, f.slot_ours = false; f.slot_lost = true);
	CASE(well, 60, NONE, f.slot_fits = false);
	CASE(well, 61, NONE, f.slot_active = true; f.slot_lost = true);
	CASE(well, 62, DROP, f.slot_lost = true);
	CASE(well, 63, NONE, f.slot_watched = true; f.slot_stale = true);
	CASE(well, 64, DROP, f.slot_stale = true);
	CASE(well, 66, DROP, f.slot_too_old = true);
	CASE(well, 68, NONE, f.primary_known = false; f.slot_exists = false);
	CASE(well, 70, NONE, f.free_slot = false; f.slot_exists = false);
	CASE(well, 71, MAKE, f.blocked = true; f.slot_exists = false);
	CASE(well, 72, MAKE, f.slot_exists = false);
	CASE(well, 74, NONE, f.slot_lsn = 501 * MB);
	CASE(well, 0, NONE, f.slot_kept = true; f.slot_lsn = 100 * MB; f.slot_too_old = true);
	CASE(well, 74, NONE, f.slot_kept = true; f.slot_lsn = 501 * MB);
	CASE(well, 0, ADVANCE, f.slot_lsn = 484 * MB);
	CASE(well, 0, ADVANCE, f.quiet_long = true);
	CASE(well, 0, NONE, f.quiet_long = true; f.slot_lsn = f.primary_lsn);
}

static void
targets(void)
{
	CdcStandbyFacts f = well();

	f.slot_lsn = 490 * MB;
	ok(cdc_shadow_target(&f) == 500 * MB, "a slot is moved to where the primary's is");
	f.slot_lsn = 100 * MB;
	ok(cdc_shadow_target(&f) == 356 * MB, "... but by 256 MB at most");
	f.slot_lsn = 600 * MB;
	ok(cdc_shadow_target(&f) == 600 * MB, "... and never back");
}

static void
words(void)
{
	CdcStandbyWords what = {"why", "mdb_pipeline_1", "standby_x", "standby_a", "app"};
	char		buf[40];

	cdc_standby_expand(buf, sizeof(buf), "{error} {slot} {names}", &what);
	ok(strcmp(buf, "why mdb_pipeline_1 standby_x") == 0, "words are put in");
	cdc_standby_expand(buf, sizeof(buf), "{physical}{physical}{physical}{physical}{physical}", &what);
	ok(strlen(buf) == sizeof(buf) - 1, "... as far as there is room");
	what.error = NULL;
	cdc_standby_expand(buf, sizeof(buf), "{error}{other", &what);
	ok(strcmp(buf, "not known yet{other") == 0, "... and what is not known, is said");
}

static unsigned long long state = 88172645463325252ULL;

static unsigned
below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned) (state >> 33) % n;
}

static const char *
random_case(void)
{
	CdcStandbyFacts f = below(2) ? well() : native();
	CdcStandbyDecision d;
	bool	   *flags[] = {&f.wanted, &f.leaving, &f.native, &f.primary_known, &f.blocked, &f.reachable, &f.other_cluster,
		&f.in_recovery, &f.conf_known, &f.follows, &f.decodes, &f.hba_ready, &f.feedback, &f.has_primary_slot, &f.streams, &f.syncs_slots,
		&f.sync_missing, &f.free_slot, &f.slot_exists, &f.slot_ours, &f.slot_fits, &f.slot_temporary, &f.slot_synced,
		&f.slot_active, &f.slot_lost, &f.slot_declared, &f.slot_kept, &f.slot_watched, &f.slot_stale, &f.slot_too_old, &f.quiet_long};
	unsigned	i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
	{
		if (below(7) == 0)
			*flags[i] = !*flags[i];
	}
	if (below(6) == 0)
		f.version = 150000;
	f.slot_lsn = below(1000) * MB;
	d = cdc_standby_decide(&f);
	if (d.action != CDC_SHADOW_NONE && (!f.reachable || f.other_cluster || !f.in_recovery))
		return "something is done on a node that is not our standby";
	if (d.action == CDC_SHADOW_MAKE && (f.slot_exists || f.native || f.leaving || !f.wanted || f.version < 160000))
		return "a slot is made where none may be";
	if (d.action == CDC_SHADOW_DROP && (!f.slot_exists || !f.slot_ours || f.slot_synced != false))
	{
		/* a synced one of a primary whose slot is not a failover slot any more is ours to drop */
		if (!f.slot_exists || !f.slot_ours || f.native || f.leaving)
			return "a slot is dropped that is not ours to drop";
	}
	if (d.action == CDC_SHADOW_NUDGE && (!f.native || d.missing == NULL || (f.slot_exists && f.slot_synced && !f.slot_temporary)))
		return "a nudge that helps nobody";
	if (d.action == CDC_SHADOW_ADVANCE && (f.slot_lsn >= f.primary_lsn || !f.primary_known || f.native || f.slot_lost || f.slot_active))
		return "a slot is moved that cannot or need not be";
	if (d.missing == NULL &&
		(!f.reachable || f.other_cluster || !f.in_recovery || !f.wanted || f.leaving || !f.feedback || !f.has_primary_slot ||
		 !f.streams || !f.follows || !f.hba_ready || !f.slot_exists || f.slot_lost || f.slot_temporary ||
		 (!f.native && (f.slot_stale || f.slot_lsn > f.primary_lsn || !f.primary_known)) ||
		 (f.native && (!f.slot_synced || f.sync_missing))))
		return "ready, and it is not";
	return NULL;
}

int
main(void)
{
	const CdcStandbyRule *rule;
	const char *broken = NULL;
	int			last = 0;
	bool		good = true;
	int			i;

	cases();
	targets();
	words();
	for (rule = cdc_standby_table; rule->id != 0; rule++)
	{
		good = good && rule->id > last && rule->guard && rule->comment &&
			(rule->missing || rule->action != CDC_SHADOW_NONE || rule->final);
		last = rule->id;
		if (!has_case[rule->id])
		{
			good = false;
			printf("# rule %d %s has no case\n", rule->id, rule->guard_name);
		}
	}
	ok(good, "the table is well formed and every rule has a case");
	for (i = 0; i < 300000 && broken == NULL; i++)
		broken = random_case();
	ok(broken == NULL, "nothing wrong is done, and nothing is called ready that is not");
	if (broken)
		printf("# %s\n", broken);
	printf("1..%d\n", tests);
	return failures > 0;
}
