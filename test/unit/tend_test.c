/* link: src/worker/world/due.c src/worker/world/tend.c src/worker/world/asked.c */
/* flags: -I/usr/include/postgresql */
/*
 * tend_test.c
 *	  Services are seen to by their times, each once a time; databases are asked for
 *	  each pipeline once, in its order; who is forgotten is in neither.
 */
#include "backend.h"

#include "worker/world/world.h"

#define N 40

static CdcWorld world;
static CdcService services[N];

static void
test_times(void)
{
	int64		at[N];
	bool		sound = true;
	int			i;
	int			round;

	for (i = 0; i < N; i++)
	{
		services[i].world = &world;
		cdc_tend_add(&services[i]);
	}
	for (i = 0; cdc_tend_next_due(&world, CDC_TEND_LOOKS, now_ms) != NULL; i++)
		;
	ok(i == N && cdc_tend_next(&world) != 0, "a new service is seen to at once, in each matter");
	while (cdc_tend_next_due(&world, CDC_TEND_STANDBYS, now_ms) || cdc_tend_next_due(&world, CDC_TEND_PROVIDER, now_ms))
		;
	ok(cdc_tend_next(&world) == 0, "then it has no time");
	cdc_tend_at(&services[0], CDC_TEND_LOOKS, 5000);
	cdc_tend_by(&services[0], CDC_TEND_LOOKS, 6000);
	cdc_tend_by(&services[0], CDC_TEND_LOOKS, 0);
	ok(cdc_tend_next(&world) == 5000, "at the latest: what is planned before that stays");
	cdc_tend_by(&services[0], CDC_TEND_LOOKS, 4000);
	cdc_tend_at(&services[1], CDC_TEND_PROVIDER, 3000);
	ok(cdc_tend_next(&world) == 3000 && services[0].tended[CDC_TEND_LOOKS].due.at == 4000, "what is planned after that does not; the first of all matters is next");
	cdc_tend_at(&services[0], CDC_TEND_LOOKS, 9000);
	ok(cdc_tend_next_due(&world, CDC_TEND_LOOKS, 8999) == NULL && cdc_tend_next_due(&world, CDC_TEND_LOOKS, 9000) == &services[0], "by its time, and not before");
	cdc_tend_leave(&services[1]);
	ok(cdc_tend_next(&world) == 0, "who is forgotten has none");

	memset(at, 0, sizeof(at));
	srandom(1);
	for (round = 0; round < 20000; round++)
	{
		CdcService *s;

		i = random() % N;
		at[i] = random() % 5 == 0 ? 0 : now_ms + random() % 100;
		cdc_tend_at(&services[i], CDC_TEND_LOOKS, at[i]);
		now_ms += random() % 4;
		while ((s = cdc_tend_next_due(&world, CDC_TEND_LOOKS, now_ms)) != NULL)
		{
			sound = sound && at[s - services] != 0 && at[s - services] <= now_ms;
			at[s - services] = 0;
		}
		for (i = 0; i < N; i++)
			sound = sound && (at[i] == 0 || at[i] > now_ms);
	}
	ok(sound, "20,000 times at random: all that is due comes, once, and nothing else");
	for (i = 0; i < N; i++)
		cdc_tend_leave(&services[i]);
}

static void
test_asked(void)
{
	CdcSourceDb one = {.service = &services[0]};
	CdcSourceDb other = {.service = &services[0]};
	CdcPipeline *p[3];
	int			i;

	dlist_init(&world.asking);
	cdc_asked_create(&one);
	cdc_asked_create(&other);
	for (i = 0; i < 3; i++)
		p[i] = made(sizeof(CdcPipeline));
	cdc_ask(&one, CDC_ASK_LOOK, p[1]);
	cdc_ask(&one, CDC_ASK_LOOK, p[0]);
	cdc_ask(&one, CDC_ASK_LOOK, p[1]);
	cdc_ask(&one, CDC_ASK_WATCH, p[1]);
	cdc_ask(&other, CDC_ASK_LOOK, p[2]);
	ok(one.asked[CDC_ASK_LOOK].n == 2 && one.asked[CDC_ASK_WATCH].n == 1, "each once, of each kind");
	ok(cdc_next_asking(&world, NULL) == &one && cdc_next_asking(&world, &one) == &other && cdc_next_asking(&world, &other) == NULL, "databases with somebody");
	cdc_asks_no_more(&one);
	ok(cdc_next_asking(&world, NULL) == &other && cdc_any_asked(&one), "one that cannot be asked now steps aside, and forgets nobody");
	cdc_asks_again(&one);
	ok(cdc_next_asking(&world, &other) == &one, "and comes again");
	ok(cdc_next_asked(&one, CDC_ASK_LOOK) == p[1] && cdc_next_asked(&one, CDC_ASK_LOOK) == p[0] && cdc_next_asked(&one, CDC_ASK_LOOK) == NULL, "in their order");
	ok(cdc_next_asked(&one, CDC_ASK_WATCH) == p[1], "of the other kind too");
	cdc_ask(&one, CDC_ASK_LOOK, p[2]);
	ok(other.asked[CDC_ASK_LOOK].n == 0 && one.asked[CDC_ASK_LOOK].n == 1, "of another database: in that alone");
	cdc_asked_leave(p[2]);
	ok(!cdc_any_asked(&one), "a pipeline that is forgotten is in none");
	cdc_ask(&one, CDC_ASK_LOOK, p[0]);
	cdc_asked_close(&one);
	cdc_asked_close(&other);
	ok(cdc_next_asking(&world, NULL) == NULL && p[0]->look.asks_of[CDC_ASK_LOOK] == NULL, "nor is anybody in a database that is");
}

int
main(void)
{
	cdc_tend_create(&world);
	test_times();
	test_asked();
	return done_testing();
}
