/* link: src/worker/world/due.c src/worker/world/dirty.c */
/* flags: -I/usr/include/postgresql */
/*
 * dirty_test.c
 *	  What is to be written: each thing once, in the order in which it became so;
 *	  what a turn does not settle stays; what somebody holds comes again by its
 *	  time, and not before; what is forgotten is in no list.
 */
#include "backend.h"

#include "worker/world/pair.h"

static CdcWorld world;

static CdcPipeline *
make_pipeline(void)
{
	CdcPipeline *p = made(sizeof(CdcPipeline));

	p->world = &world;
	return p;
}

static CdcService *
make_service(int nnodes)
{
	CdcService *s = made(sizeof(CdcService));
	int			i;

	s->world = &world;
	s->pg.nnodes = nnodes;
	s->pg.nodes = made(nnodes * sizeof(CdcNode));
	for (i = 0; i < nnodes; i++)
		s->pg.nodes[i].service = s;
	return s;
}

static int
count(CdcRow row)
{
	dlist_mutable_iter iter;
	int			n = 0;

	cdc_dirty_each(row, iter, &world)
		n++;
	return n;
}

static void
test_each(void)
{
	CdcPipeline *a = make_pipeline();
	CdcPipeline *b = make_pipeline();
	CdcService *s = make_service(2);
	dlist_mutable_iter iter;
	CdcPipeline *order[4] = {NULL, NULL, NULL, NULL};
	int			n = 0;

	ok(!cdc_dirty_due(&world, now_ms), "nothing is to be written at first");
	cdc_dirty_pipeline(b, CDC_ROW_SPEC);
	cdc_dirty_pipeline(a, CDC_ROW_SPEC);
	cdc_dirty_pipeline(b, CDC_ROW_SPEC);
	cdc_dirty_pipeline(a, CDC_ROW_OBSERVED);
	cdc_dirty_node(&s->pg.nodes[1]);
	cdc_dirty_service(s, CDC_ROW_SERVICE_FINDINGS);
	cdc_dirty_each(CDC_ROW_SPEC, iter, &world)
		order[n++] = cdc_dirty_owner(iter);
	ok(n == 2 && order[0] == b && order[1] == a, "each once, in the order in which it became dirty");
	ok(count(CDC_ROW_OBSERVED) == 1 && count(CDC_ROW_NODE) == 1 && count(CDC_ROW_SERVICE_FINDINGS) == 1 && count(CDC_ROW_SERVICE) == 0 &&
	   cdc_dirty_due(&world, now_ms), "by its kind");
	ok(count(CDC_ROW_SPEC) == 2 && cdc_is_dirty(&a->dirty[CDC_ROW_SPEC]), "what a failed turn says nothing of stays");
	cdc_dirty_each(CDC_ROW_SPEC, iter, &world)
		cdc_written(&world, &((CdcPipeline *) cdc_dirty_owner(iter))->dirty[CDC_ROW_SPEC]);
	ok(count(CDC_ROW_SPEC) == 0 && !cdc_is_dirty(&a->dirty[CDC_ROW_SPEC]) && cdc_is_dirty(&a->dirty[CDC_ROW_OBSERVED]), "what is written is clean, of its kind");
	cdc_dirty_pipeline(a, CDC_ROW_SPEC);
	ok(count(CDC_ROW_SPEC) == 1, "and may become dirty again");

	cdc_dirty_forget_pipeline(a);
	cdc_dirty_forget_service(s);
	ok(!cdc_dirty_due(&world, now_ms), "what is forgotten, and its nodes, are in no list");
}

static void
test_held(void)
{
	CdcPipeline *a = make_pipeline();
	CdcPipeline *b = make_pipeline();

	cdc_dirty_pipeline(a, CDC_ROW_SPEC);
	cdc_dirty_pipeline(b, CDC_ROW_SPEC);
	ok(cdc_dirty_next(&world) == 0, "nothing is held");
	cdc_not_written(&world, &a->dirty[CDC_ROW_SPEC], now_ms + 100);
	cdc_not_written(&world, &b->dirty[CDC_ROW_SPEC], now_ms);
	ok(!cdc_dirty_due(&world, now_ms) && count(CDC_ROW_SPEC) == 0 && cdc_is_dirty(&a->dirty[CDC_ROW_SPEC]), "what somebody holds is not due, and not clean");
	ok(cdc_dirty_next(&world) == now_ms + 100, "the first of those that are held says when");
	cdc_dirty_pipeline(a, CDC_ROW_SPEC);
	ok(!cdc_dirty_due(&world, now_ms), "another change of it does not make it due");
	ok(!cdc_dirty_due(&world, now_ms + 99) && cdc_dirty_due(&world, now_ms + 100) && count(CDC_ROW_SPEC) == 1, "it is due by its time, alone");
	ok(cdc_dirty_due(&world, now_ms + 200) && count(CDC_ROW_SPEC) == 2 && cdc_dirty_next(&world) == 0, "so is the other one");
	cdc_not_written(&world, &a->dirty[CDC_ROW_SPEC], now_ms + 4100);
	ok(a->dirty[CDC_ROW_SPEC].again.at == now_ms + 5100, "the longer it is held the later it is tried again");
	cdc_not_written(&world, &a->dirty[CDC_ROW_SPEC], now_ms + 60000);
	ok(a->dirty[CDC_ROW_SPEC].again.at == now_ms + 62000, "up to two seconds");
	a->dirty[CDC_ROW_SPEC].skipped = true;
	ok(cdc_is_held(&a->dirty[CDC_ROW_SPEC]), "(it is held)");
	cdc_written(&world, &a->dirty[CDC_ROW_SPEC]);
	cdc_dirty_pipeline(a, CDC_ROW_SPEC);
	ok(!cdc_is_held(&a->dirty[CDC_ROW_SPEC]) && a->dirty[CDC_ROW_SPEC].held_since == 0, "what was written is not held when it becomes dirty again");
	cdc_not_written(&world, &a->dirty[CDC_ROW_SPEC], now_ms + 300);
	cdc_dirty_forget_pipeline(a);
	cdc_dirty_forget_pipeline(b);
	ok(cdc_dirty_next(&world) == 0 && !cdc_dirty_due(&world, now_ms + 1000), "what is forgotten is held no longer");
}

/* Everything at random, against flags. */
static void
test_random(void)
{
	enum
	{
	N = 50};
	CdcPipeline *p[N];
	bool		dirty[N][CDC_NUM_PIPELINE_ROWS];
	int64		held[N][CDC_NUM_PIPELINE_ROWS];
	bool		sound = true;
	int			i;
	int			j;

	memset(dirty, 0, sizeof(dirty));
	memset(held, 0, sizeof(held));
	for (i = 0; i < N; i++)
		p[i] = make_pipeline();
	srandom(1);
	for (i = 0; i < 100000; i++)
	{
		int			which = random() % N;
		int			row = random() % CDC_NUM_PIPELINE_ROWS;

		now_ms += random() % 3;
		(void) cdc_dirty_due(&world, now_ms);
		for (j = 0; j < N * CDC_NUM_PIPELINE_ROWS; j++)
		{
			if (held[j % N][j / N] && held[j % N][j / N] <= now_ms)
				held[j % N][j / N] = 0;
		}
		switch (random() % 4)
		{
			case 0:
			case 1:
				cdc_dirty_pipeline(p[which], row);
				dirty[which][row] = true;
				break;
			case 2:
				cdc_written(&world, &p[which]->dirty[row]);
				dirty[which][row] = false;
				held[which][row] = 0;
				break;
			default:
				cdc_not_written(&world, &p[which]->dirty[row], now_ms);
				if (dirty[which][row])
					held[which][row] = p[which]->dirty[row].again.at;
		}
		if (i % 100 == 0)
		{
			for (row = 0; row < CDC_NUM_PIPELINE_ROWS; row++)
			{
				int			due = 0;

				for (j = 0; j < N; j++)
				{
					due += dirty[j][row] && held[j][row] == 0;
					sound = sound && cdc_is_dirty(&p[j]->dirty[row]) == dirty[j][row];
				}
				sound = sound && count(row) == due;
			}
		}
	}
	ok(sound, "100,000 things at random: what is dirty and not held is due, and nothing else");
}

int
main(void)
{
	cdc_dirty_create(&world);
	test_each();
	test_held();
	test_random();
	return done_testing();
}
