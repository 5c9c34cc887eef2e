/* link: src/common/ring.c */
/*
 * ring_test.c
 *	  Who is next: each group once in a round, however many wait in another; in a
 *	  group in the order in which they came; nobody twice, nobody left out.
 */
#include "postgres.h"

#include <stdlib.h>

#undef printf
#undef snprintf
#include "common/ring.h"

#include "tap.h"

#define ORGANIZATIONS 5
#define SOURCES 4
#define LEAVES 300

static CdcRing top;
static CdcRing organizations[ORGANIZATIONS];
static CdcRing sources[ORGANIZATIONS][SOURCES];
static CdcRing leaves[ORGANIZATIONS][SOURCES][LEAVES];

static void
make(void)
{
	int			o;
	int			s;
	int			l;

	cdc_ring_init(&top, NULL);
	for (o = 0; o < ORGANIZATIONS; o++)
	{
		cdc_ring_init(&organizations[o], &top);
		for (s = 0; s < SOURCES; s++)
		{
			cdc_ring_init(&sources[o][s], &organizations[o]);
			for (l = 0; l < LEAVES; l++)
				cdc_ring_init(&leaves[o][s][l], &sources[o][s]);
		}
	}
}

static int
organization_of(const CdcRing *leaf)
{
	return (int) (leaf->above->above - organizations);
}

/* After how many others is this one next? */
static int
waits_for(const CdcRing *leaf)
{
	int			n = 0;
	CdcRing    *next;

	while ((next = cdc_ring_next(&top)) != NULL && next != leaf)
		n++;
	return next ? n : -1;
}

static void
test_shares(void)
{
	int			s;
	int			l;

	make();
	for (s = 0; s < SOURCES; s++)
	{
		for (l = 0; l < LEAVES; l++)
			cdc_ring_add(&leaves[0][s][l]);
	}
	cdc_ring_add(&leaves[1][0][0]);
	ok(waits_for(&leaves[1][0][0]) == 1, "behind 1,200 of another organization one waits for one");

	make();
	for (l = 0; l < LEAVES; l++)
		cdc_ring_add(&leaves[0][0][l]);
	cdc_ring_add(&leaves[0][1][0]);
	ok(waits_for(&leaves[0][1][0]) == 1, "so does one of another source, within an organization");

	make();
	for (l = 0; l < 3; l++)
		cdc_ring_add(&leaves[0][0][l]);
	ok(cdc_ring_next(&top) == &leaves[0][0][0] && cdc_ring_next(&top) == &leaves[0][0][1] && cdc_ring_next(&top) == &leaves[0][0][2] &&
	   cdc_ring_next(&top) == NULL && !cdc_ring_waits(&top), "in a group: in their order; then none");

	/* one that comes back at once, as a visit that readies it again */
	make();
	cdc_ring_add(&leaves[0][0][0]);
	cdc_ring_add(&leaves[1][0][0]);
	cdc_ring_add(cdc_ring_next(&top));
	ok(cdc_ring_next(&top) == &leaves[1][0][0], "whoever comes back at once is behind those who wait");
}

/* Everything at random, against a list of what is in. */
static void
test_random(void)
{
	static bool in[ORGANIZATIONS][SOURCES][LEAVES];
	int			total = 0;
	bool		sound = true;
	bool		fair = true;
	int			since[ORGANIZATIONS];	/* turns of others since its last, while it waits */
	int			waiting[ORGANIZATIONS];
	int			i;
	int			o;

	make();
	memset(in, 0, sizeof(in));
	memset(since, 0, sizeof(since));
	memset(waiting, 0, sizeof(waiting));
	srandom(1);
	for (i = 0; i < 200000; i++)
	{
		int			s = random() % SOURCES;
		int			l = random() % 20;
		CdcRing    *leaf;

		o = random() % ORGANIZATIONS;
		leaf = &leaves[o][s][l];
		switch (random() % 4)
		{
			case 0:
			case 1:
				cdc_ring_add(leaf);
				if (!in[o][s][l])
				{
					total++;
					if (waiting[o]++ == 0)
						since[o] = 0;
				}
				in[o][s][l] = true;
				break;
			case 2:
				cdc_ring_leave(leaf);
				if (in[o][s][l])
				{
					total--;
					waiting[o]--;
				}
				in[o][s][l] = false;
				break;
			default:
				leaf = cdc_ring_next(&top);
				sound = sound && (leaf == NULL) == (total == 0);
				if (leaf)
				{
					int			of = organization_of(leaf);
					int			other;
					bool	   *is = &in[of][leaf->above - sources[of]][leaf - leaves[of][leaf->above - sources[of]]];

					sound = sound && *is && !leaf->queued;
					*is = false;
					total--;
					waiting[of]--;
					since[of] = 0;
					for (other = 0; other < ORGANIZATIONS; other++)
					{
						if (other != of && waiting[other] > 0)
							fair = fair && ++since[other] < ORGANIZATIONS;
					}
				}
		}
		sound = sound && cdc_ring_waits(&top) == (total > 0);
	}
	ok(sound, "200,000 things at random: whoever is in comes once, nobody else does");
	ok(fair, "and no organization that waits sees another one twice before its turn");
}

static bool
is_not_of_first(CdcRing *leaf, void *arg)
{
	(*(int *) arg)++;
	return organization_of(leaf) != 0;
}

static bool
is_nobody(CdcRing *leaf, void *arg)
{
	return false;
}

/* One is looked at where it is, and taken before its turn. */
static void
test_out_of_turn(void)
{
	int			asked = 0;
	bool		others = true;
	int			o;

	make();
	for (o = 0; o < ORGANIZATIONS; o++)
	{
		cdc_ring_add(&leaves[o][0][0]);
		cdc_ring_add(&leaves[o][1][0]);
	}
	ok(cdc_ring_first(&top, is_not_of_first, &asked) == &leaves[1][0][0] && asked == 2, "who is passed over is asked about once, and who comes after him is the first");
	ok(cdc_ring_first(&top, is_nobody, NULL) == NULL && cdc_ring_first(&top, NULL, NULL) == &leaves[0][0][0], "looking changes no turn");
	cdc_ring_take(&leaves[0][1][0]);
	for (o = 1; o < ORGANIZATIONS; o++)
		others = others && cdc_ring_next(&top) == &leaves[o][0][0];
	ok(others && cdc_ring_next(&top) == &leaves[0][0][0], "whose leaf was taken out of turn has had his: the others come first");
	cdc_ring_take(&leaves[2][1][0]);
	ok(cdc_ring_next(&top) == &leaves[1][1][0] && cdc_ring_next(&top) == &leaves[3][1][0] && cdc_ring_next(&top) == &leaves[4][1][0] &&
	   cdc_ring_next(&top) == NULL && !cdc_ring_waits(&top), "the last one of a group takes it out, and nobody comes twice");
}

int
main(void)
{
	test_shares();
	test_out_of_turn();
	test_random();
	return done_testing();
}
