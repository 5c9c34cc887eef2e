/* flags: -DFRONTEND */
/* link: src/common/mark.c src/agent/fence.c src/common/json.c */
/* libs: -lcrypto -ljson-c -lpgcommon -lpgport */
/*
 * mark_test.c
 *	  Epochs and marks: their numbers, their order, what is believed; and that of
 *	  several copies of the metadata (a standby that is promoted, a dump that is restored,
 *	  a clone), in any order of events, a lower one changes nothing on which the mark
 *	  of a higher one is, and nothing through an agent that a higher one has used.
 */
#include "agent/fence.h"
#include "agent/files.h"
#include "common/mark.h"

#include "tap.h"

#define COUNT_MIN (INT64CONST(1) << 24)
#define COUNT_MAX INT64CONST(59604644774)
#define KEY "0123456789abcdefghijABCDEFGHIJ01"
#define ID "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
#define TIE "0123456789abcdef"

static CdcEpoch
epoch_of(int64 count, int64 timeline, const char *tie)
{
	CdcEpoch	e = {0};

	if (!cdc_epoch_number(count, timeline, &e.number))
		abort();
	strlcpy(e.tie, tie, sizeof(e.tie));
	return e;
}

static void
numbers(void)
{
	static const struct
	{
		int64		count;
		int64		timeline;
		bool		good;
	}			cases[] = {
		{0, 1, true}, {0, COUNT_MIN - 1, true}, {0, COUNT_MIN, false}, {0, -1, false}, {-1, 1, false}, {1, 1, false},
		{COUNT_MIN - 1, 1, false}, {COUNT_MIN, 0, true}, {COUNT_MAX, COUNT_MIN - 1, true}, {COUNT_MAX + 1, 0, false}, {PG_INT64_MAX, 1, false}
	};
	static const char *const none[] = {"", "-1", "-5", "+1", " 1", "1 ", "1x", "0x1", "1e400", "9e18", "9000000000000000000", "1.5", "nan"};
	int64		number;
	int64		higher;
	size_t		i;

	for (i = 0; i < lengthof(cases); i++)
		ok(cdc_epoch_number(cases[i].count, cases[i].timeline, &number) == cases[i].good,
		   psprintf("count " INT64_FORMAT ", timeline " INT64_FORMAT, cases[i].count, cases[i].timeline));
	ok(cdc_epoch_number(COUNT_MAX, COUNT_MIN - 1, &number) && number < INT64CONST(1000000000000000000), "the highest has 18 digits");
	ok(cdc_epoch_number(0, 7, &number) && number == 7, "without a count it is the timeline, as in 0.1");
	ok(cdc_epoch_number(1700000000, 3, &number) && number > INT64CONST(1700000000) + 3, "with one it is above the sum that 0.1 had");
	ok(cdc_epoch_number(1700000000, 5, &number) && cdc_epoch_number(1700000001, 1, &higher) && higher > number, "the count decides before the timeline");
	ok(cdc_epoch_parse("0", &number) && number == 0 && cdc_epoch_parse("999999999999999999", &number) && number == INT64CONST(999999999999999999), "numbers");
	for (i = 0; i < lengthof(none); i++)
		ok(!cdc_epoch_parse(none[i], &number), psprintf("no number: \"%s\"", none[i]));
}

static void
order(void)
{
	CdcEpoch	a = epoch_of(1700000000, 2, TIE);
	CdcEpoch	b = epoch_of(1700000000, 2, "1123456789abcdef");
	CdcEpoch	never = epoch_of(0, 3, "");

	ok(cdc_epoch_compare(&a, &b) < 0 && cdc_epoch_compare(&b, &a) > 0 && cdc_epoch_compare(&a, &a) == 0, "equal numbers: the tie decides");
	ok(cdc_epoch_compare(&never, &a) < 0, "a count is above none");
	ok(cdc_epoch_reached(3, &never) && !cdc_epoch_reached(4, &never), "a number of 0.1, and ours of which nobody took over");
	ok(cdc_epoch_reached(1700000002, &a) && !cdc_epoch_reached(1700000003, &a), "a number of 0.1 is compared with the sum of both");
	ok(cdc_epoch_reached(a.number, &a) && !cdc_epoch_reached(a.number + 1, &a) && !cdc_epoch_reached(INT64CONST(999999999999999999), &a), "a number of ours with ours");
	ok(!cdc_epoch_reached(INT64CONST(99999999999), &never), "a number that nobody has is not reached");
}

static CdcMarkIs
judge(const char *epoch, const char *word, const CdcEpoch *ours, int also)
{
	CdcEpoch	theirs;
	CdcMarkSaid said = {epoch, word};

	return cdc_mark_judge(KEY, "i", "o", said, ours, also, &theirs);
}

static void
marks(void)
{
	CdcEpoch	ours = epoch_of(1700000000, 2, TIE);
	CdcEpoch	above = epoch_of(1700000000, 3, TIE);
	CdcEpoch	theirs = {0};
	char	   *lower = cdc_mark_sign(KEY, "i", "o", &ours);
	char	   *higher = cdc_mark_sign(KEY, "i", "o", &above);
	char	   *number = psprintf(INT64_FORMAT, ours.number);
	char	   *number_above = psprintf(INT64_FORMAT, above.number);
	const char *parts[2][2] = {{"a b", "c"}, {"a", "b c"}};
	CdcMarkSaid said;
	char	   *bent = pstrdup(higher);
	char	   *comment;

	is_number(strlen(lower), CDC_MARK_WORD_LEN, "the length of a word");
	ok(judge(NULL, NULL, &ours, 0) == CDC_MARK_NONE, "no mark");
	ok(judge(number, lower, &ours, 0) == CDC_MARK_OURS, "ours");
	ok(judge(number, lower, &above, 0) == CDC_MARK_OURS, "of a former epoch of ours");
	said.epoch = number_above;
	said.word = higher;
	ok(cdc_mark_judge(KEY, "i", "o", said, &ours, 0, &theirs) == CDC_MARK_HIGHER && theirs.number == above.number && strcmp(theirs.tie, TIE) == 0, "higher, and which");
	ok(cdc_mark_judge(NULL, "i", "o", said, &ours, 0, &theirs) == CDC_MARK_UNKNOWN, "without a key it is not known");
	ok(cdc_mark_judge("another key, of an installation", "i", "o", said, &ours, 0, &theirs) == CDC_MARK_UNVERIFIABLE, "by another key");
	ok(cdc_mark_judge(KEY, "j", "o", said, &ours, 0, &theirs) == CDC_MARK_UNVERIFIABLE, "of another installation");
	ok(cdc_mark_judge(KEY, "i", "p", said, &ours, 0, &theirs) == CDC_MARK_UNVERIFIABLE, "of another object");
	ok(judge(number, higher, &ours, 0) == CDC_MARK_UNVERIFIABLE, "another number under a genuine MAC");
	bent[strlen(bent) - 1] = bent[strlen(bent) - 1] == '0' ? '1' : '0';
	ok(judge(number_above, bent, &ours, 0) == CDC_MARK_UNVERIFIABLE, "the last digit of the MAC counts");
	bent = pstrdup(higher);
	bent[0] = 'f';
	ok(judge(number_above, bent, &ours, 0) == CDC_MARK_UNVERIFIABLE, "so does the tie");
	ok(judge(number_above, "x", &ours, CDC_MARK_LOWER) == CDC_MARK_UNVERIFIABLE && judge(number_above, "", &ours, 0) == CDC_MARK_UNVERIFIABLE, "no word");
	ok(judge(NULL, higher, &ours, CDC_MARK_LOWER) == CDC_MARK_UNVERIFIABLE, "a word without a number");
	ok(judge("9e18", NULL, &ours, CDC_MARK_LOWER) == CDC_MARK_UNVERIFIABLE && judge("-5", NULL, &ours, CDC_MARK_UNSIGNED) == CDC_MARK_UNVERIFIABLE, "no number");

	ok(judge("1700000002", NULL, &ours, 0) == CDC_MARK_UNVERIFIABLE, "not signed");
	ok(judge("1700000002", NULL, &ours, CDC_MARK_UNSIGNED) == CDC_MARK_OURS, "not signed, as 0.1 wrote it");
	ok(judge("1700000003", NULL, &ours, CDC_MARK_UNSIGNED) == CDC_MARK_UNVERIFIABLE, "... but above ours");
	ok(judge("99999999999", NULL, &ours, CDC_MARK_UNSIGNED | CDC_MARK_LOWER) == CDC_MARK_UNVERIFIABLE, "whatever is above ours wants a MAC");
	bent = pstrdup(lower);
	bent[strlen(bent) - 1] = bent[strlen(bent) - 1] == '0' ? '1' : '0';
	ok(judge(number, bent, &ours, CDC_MARK_UNSIGNED) == CDC_MARK_UNVERIFIABLE, "a wrong MAC is no missing one");
	ok(judge(number, bent, &ours, CDC_MARK_LOWER) == CDC_MARK_OURS, "who keeps a number alone is believed a low one");

	ok(strcmp(cdc_mark_object("k", 2, parts[0]), cdc_mark_object("k", 2, parts[1])) != 0, "parts of objects do not run together");
	comment = cdc_mark_comment(ID, &ours, lower, "orders epoch 9 mark x");
	ok(strstr(comment, " pipeline \"orders epoch 9 mark x\"") != NULL, "a comment has the pipeline's name");
	ok(cdc_mark_read_comment(comment, ID, &said) && strcmp(said.epoch, number) == 0 && strcmp(said.word, lower) == 0, "... which is no part of the mark");
	ok(cdc_mark_said_before(comment, cdc_mark_comment(ID, &ours, lower, NULL)) && cdc_mark_said_before(comment, cdc_mark_comment(ID, &ours, lower, "other")) &&
	   !cdc_mark_said_before(comment, cdc_mark_comment(ID, &ours, bent, "orders epoch 9 mark x")) && !cdc_mark_said_before(NULL, comment), "... nor of what tells two apart");
	comment = cdc_mark_comment(ID, &ours, lower, NULL);
	ok(cdc_mark_read_comment(comment, ID, &said) && strcmp(said.epoch, number) == 0 && strcmp(said.word, lower) == 0, "a comment");
	ok(cdc_mark_read_comment("cdc_pipeline " ID " epoch 7", ID, &said) && strcmp(said.epoch, "7") == 0 && said.word == NULL, "a comment of 0.1");
	ok(cdc_mark_read_comment("cdc_pipeline " ID, ID, &said) && said.epoch == NULL && said.word == NULL, "one without an epoch");
	ok(!cdc_mark_read_comment("mine", ID, &said) && !cdc_mark_read_comment(NULL, ID, &said) && !cdc_mark_read_comment("cdc_pipeline b1b2c3d4-e5f6-7890-abcd-ef1234567890 epoch 7", ID, &said), "others");
	ok(cdc_mark_read_comment("cdc_pipeline " ID "x", ID, &said) && judge(said.epoch, said.word, &ours, CDC_MARK_UNSIGNED) == CDC_MARK_UNVERIFIABLE, "words behind the id");
	ok(cdc_mark_read_comment("cdc_pipeline " ID " epoch 7 mark x mark y", ID, &said) && judge(said.epoch, said.word, &ours, CDC_MARK_UNSIGNED) == CDC_MARK_UNVERIFIABLE, "more than one");
}

/* -- several copies of the metadata ------------------------------------------- */

#define COPIES 4
#define OBJECTS 3
#define KEPT 200				/* genuine marks that somebody has copied */

typedef struct Copy
{
	CdcEpoch	epoch;
	int64		count;
	int64		timeline;
	CdcEpoch	highest;		/* authentic, as cdc.control_plane keeps it */
	int			drawn;			/* number of its epoch: a clone's is the same */
} Copy;

typedef struct Mark
{
	int64		number;
	char		word[CDC_MARK_WORD_LEN + 1];
	int			object;			/* on which it was written, -1: forged */
} Mark;

static uint64 seed;
static int	draws;

static uint32
chance(uint32 n)
{
	seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (uint32) (seed >> 33) % n;
}

static void
set_epoch(Copy *c)
{
	if (!cdc_epoch_number(c->count, c->timeline, &c->epoch.number))
		abort();
	/* few, so that equal numbers meet with either order of ties */
	snprintf(c->epoch.tie, sizeof(c->epoch.tie), "%016x", chance(1000000));
	c->drawn = ++draws;
}

/* As cdc.take_over() in sql/operating/calls.sql; the clock stands still half of the time. */
static void
take_over(Copy *c, int64 *clock)
{
	int64		seen = c->highest.number >> 24;

	*clock += chance(2);
	c->count = Max(Max(Max(c->count, c->epoch.number >> 24), seen) + 1, *clock);
	set_epoch(c);
}

static bool
is_stopped(const Copy *c)
{
	return cdc_epoch_compare(&c->highest, &c->epoch) > 0;
}

/* A copy of another one, as it is at this moment; what it then is by its own right. */
static void
be_copy_of(Copy *c, const Copy *other, int64 *clock)
{
	*c = *other;
	switch (chance(4))
	{
		case 0:					/* a standby, or a clone, that was promoted */
			c->timeline++;
			set_epoch(c);
			break;
		case 1:					/* a dump that was restored */
			c->timeline = 1;
			take_over(c, clock);
			break;
		case 2:					/* a clone that was promoted, and then taken over */
			c->timeline++;
			take_over(c, clock);
			break;
		default:				/* a clone that acts as it is: the operator's */
			break;
	}
}

/* -- the agent's memory, of which its own code has the rules */

static char *memory;

bool
agent_exists(int dirfd, const char *name)
{
	return memory != NULL;
}

char *
agent_read_file(int dirfd, const char *name, size_t max, char **error)
{
	return pstrdup(memory);
}

bool
agent_write_file(int dirfd, const char *name, const void *data, size_t length, int mode, char **error)
{
	free(memory);
	memory = malloc(length + 1);
	memcpy(memory, data, length);
	memory[length] = '\0';
	return true;
}

/* What the agent says that it keeps. */
static CdcMarkIs
look_at_agent(Copy *c, int64 *number)
{
	char	   *word;
	char		words[32];
	CdcMarkSaid said = {words, NULL};
	CdcEpoch	theirs;
	CdcMarkIs	is;

	*number = agent_fence_epoch("i", &word);
	said.word = word;
	snprintf(words, sizeof(words), INT64_FORMAT, *number);
	if (*number == 0)
		said.epoch = NULL;
	is = cdc_mark_judge(KEY, "i", "agent", said, &c->epoch, CDC_MARK_LOWER, &theirs);
	if (is == CDC_MARK_HIGHER && cdc_epoch_compare(&theirs, &c->highest) > 0)
		c->highest = theirs;
	return is;
}

/* One event at the agent; *acted: the highest of us that has changed something through it since it was adopted.  True: a lower one has. */
static bool
at_agent(Copy *c, CdcEpoch *acted)
{
	CdcEpoch	before = *acted;
	CdcMarkIs	is;
	int64		number;
	int64		known;
	char	   *error = NULL;

	if (chance(6) == 0)
	{
		/* somebody with its token */
		(void) agent_fence_pass("i", chance(2) ? INT64CONST(99999999999) : c->epoch.number + (int64) chance(3) * COUNT_MIN,
								chance(2) ? NULL : "ffffffffffffffff.0123456789abcdef0123456789abcdef", &known, &error);
		return false;
	}
	/* or it has looked before somebody else came by: the agent compares for itself */
	is = chance(3) == 0 ? CDC_MARK_OURS : look_at_agent(c, &number);
	if (is_stopped(c))
		return false;
	if (is == CDC_MARK_UNVERIFIABLE)
	{
		/* a superuser adopts it, now and then */
		if (chance(3) == 0 && agent_fence_adopt("i", number, c->epoch.number, cdc_mark_sign(KEY, "i", "agent", &c->epoch), &known, &error))
			*acted = c->epoch;
		return false;
	}
	if (!agent_fence_pass("i", c->epoch.number, cdc_mark_sign(KEY, "i", "agent", &c->epoch), &known, &error))
		return false;
	if (cdc_epoch_compare(&c->epoch, acted) > 0)
		*acted = c->epoch;
	return cdc_epoch_compare(&before, &c->epoch) > 0;
}

static CdcMarkIs
look(Copy *c, const Mark *m, int object)
{
	char		number[32];
	char		name[16];
	CdcMarkSaid said = {number, m->word};
	CdcEpoch	theirs;
	CdcMarkIs	is;

	if (m->number == 0)
		return CDC_MARK_NONE;
	snprintf(number, sizeof(number), INT64_FORMAT, m->number);
	snprintf(name, sizeof(name), "object %d", object);
	is = cdc_mark_judge(KEY, "i", name, said, &c->epoch, 0, &theirs);
	if (is == CDC_MARK_HIGHER && cdc_epoch_compare(&theirs, &c->highest) > 0)
		c->highest = theirs;
	return is;
}

static void
write_mark(const Copy *c, Mark *m, int object)
{
	char		name[16];

	snprintf(name, sizeof(name), "object %d", object);
	m->number = c->epoch.number;
	strlcpy(m->word, cdc_mark_sign(KEY, "i", name, &c->epoch), sizeof(m->word));
	m->object = object;
}

/* The epoch of a mark that is genuine on this object; 0: it is not. */
static CdcEpoch
truly(const Mark *m, int object)
{
	CdcEpoch	e = {0};

	if (m->number != 0 && m->object == object)
	{
		e.number = m->number;
		strlcpy(e.tie, m->word, sizeof(e.tie));
	}
	return e;
}

static void
copies(void)
{
	int			run;
	long		wrong = 0;
	long		wrong_agent = 0;
	long		clones = 0;
	long		equal = 0;
	long		stopped_by_forgery = 0;
	long		not_healed = 0;
	long		writes = 0;
	long		stops = 0;

	for (run = 0; run < 2000; run++)
	{
		Copy		copy[COPIES] = {0};
		Mark		object[OBJECTS] = {0};
		Mark		kept[KEPT];
		int			nkept = 0;
		int64		clock = 1700000000;
		CdcEpoch	acted = {0};
		char	   *error = NULL;
		int			step;
		int			i;
		int			j;

		seed = run + 1;
		copy[0].timeline = 1;
		set_epoch(&copy[0]);
		for (i = 1; i < COPIES; i++)
			be_copy_of(&copy[i], &copy[chance(i)], &clock);
		free(memory);
		memory = NULL;
		if (!agent_fence_init(-1, &error))
			abort();
		for (step = 0; step < 60; step++)
		{
			Copy	   *c = &copy[chance(COPIES)];
			int			o = chance(OBJECTS);
			Mark	   *m = &object[o];

			switch (chance(12))
			{
				case 0:
					take_over(c, &clock);
					not_healed += is_stopped(c);
					break;
				case 1:
					c->timeline++;
					set_epoch(c);
					break;
				case 2:			/* somebody puts a genuine mark back, here or elsewhere */
					if (nkept > 0)
						*m = kept[chance(nkept)];
					break;
				case 3:			/* or writes one */
					m->number = chance(2) ? INT64CONST(99999999999) : c->epoch.number + (int64) chance(100) * COUNT_MIN;
					strlcpy(m->word, chance(2) ? "" : "0123456789abcdef.0123456789abcdef0123456789abcdef", sizeof(m->word));
					m->object = -1;
					break;
				case 5:			/* one more copy is made, in the place of another */
					{
						Copy	   *other = &copy[chance(COPIES)];

						if (other != c)
							be_copy_of(c, other, &clock);
					}
					break;
				case 6:
				case 7:
				case 8:
					wrong_agent += at_agent(c, &acted);
					break;
				case 4:			/* a superuser adopts it */
					if (!is_stopped(c) && look(c, m, o) == CDC_MARK_UNVERIFIABLE)
						write_mark(c, m, o);
					break;
				default:		/* a change: what is there is looked at first */
					{
						CdcEpoch	before = truly(m, o);
						bool		was_stopped = is_stopped(c);
						CdcMarkIs	is = look(c, m, o);

						stopped_by_forgery += !was_stopped && is_stopped(c) && before.number == 0;
						if (is_stopped(c))
						{
							stops++;
							break;
						}
						if (is == CDC_MARK_UNVERIFIABLE)
							break;
						writes++;
						wrong += cdc_epoch_compare(&before, &c->epoch) > 0;
						write_mark(c, m, o);
						if (nkept < KEPT)
							kept[nkept++] = *m;
					}
					break;
			}
			for (i = 0; i < COPIES; i++)
				for (j = 0; j < i; j++)
				{
					clones += copy[i].drawn == copy[j].drawn;
					equal += copy[i].drawn != copy[j].drawn && cdc_epoch_compare(&copy[i].epoch, &copy[j].epoch) == 0;
				}
		}
	}
	is_number(wrong, 0, "no copy has changed what a higher one has marked");
	is_number(wrong_agent, 0, "nor anything through an agent that a higher one has used");
	is_number(stopped_by_forgery, 0, "nothing that was forged, or copied from elsewhere, has stopped one");
	is_number(not_healed, 0, "cdc.take_over() heals always");
	is_number(equal, 0, "no two are equal that are no clones of each other");
	ok(writes > 10000 && stops > 1000, psprintf("%ld changes, %ld stops, %ld times two were equal, as clones", writes, stops, clones));
}

int
main(void)
{
	numbers();
	order();
	marks();
	copies();
	return done_testing();
}
