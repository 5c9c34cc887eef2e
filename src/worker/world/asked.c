/*
 * asked.c
 *	  See asked.h.
 */
#include "postgres.h"

#include "worker/world/asked.h"
#include "worker/world/world.h"

/* While there are some that are urgent, each so manieth is another one. */
#define OTHERS_TURN 4

void
cdc_asked_create(CdcSourceDb *db)
{
	int			i;

	for (i = 0; i < CDC_NUM_ASKS; i++)
	{
		dlist_init(&db->asked[i].urgent);
		dlist_init(&db->asked[i].others);
	}
}

bool
cdc_any_asked(const CdcSourceDb *db)
{
	int			n = 0;
	int			i;

	for (i = 0; i < CDC_NUM_ASKS; i++)
		n += db->asked[i].n;
	return n > 0;
}

void
cdc_asks_again(CdcSourceDb *db)
{
	if (db->asks || !cdc_any_asked(db))
		return;
	db->asks = true;
	dlist_push_tail(&db->service->world->asking, &db->asking_node);
}

void
cdc_asks_no_more(CdcSourceDb *db)
{
	if (db->asks)
		dlist_delete(&db->asking_node);
	db->asks = false;
}

static void
leave(CdcPipeline *p, CdcAsk what)
{
	if (p->look.asks_of[what] == NULL)
		return;
	dlist_delete(&p->look.ask[what]);
	p->look.asks_of[what]->asked[what].n--;
	p->look.asks_of[what] = NULL;
}

void
cdc_ask(CdcSourceDb *db, CdcAsk what, CdcPipeline *p)
{
	if (p->look.asks_of[what] == db)
		return;
	leave(p, what);
	dlist_push_tail(p->kept.status == CDC_RUNNING ? &db->asked[what].others : &db->asked[what].urgent, &p->look.ask[what]);
	db->asked[what].n++;
	p->look.asks_of[what] = db;
	cdc_asks_again(db);
}

CdcPipeline *
cdc_next_asked(CdcSourceDb *db, CdcAsk what)
{
	CdcAsked   *asked = &db->asked[what];
	bool		other = asked->turn++ % OTHERS_TURN == 0;
	dlist_head *list = dlist_is_empty(&asked->urgent) || (other && !dlist_is_empty(&asked->others)) ? &asked->others : &asked->urgent;
	CdcPipeline *p;

	if (dlist_is_empty(list))
		return NULL;
	p = (CdcPipeline *) ((char *) dlist_head_node(list) - offsetof(CdcPipeline, look.ask) - what * sizeof(dlist_node));
	leave(p, what);
	return p;
}

CdcSourceDb *
cdc_next_asking(CdcWorld *world, const CdcSourceDb *after)
{
	const dlist_node *next = after ? after->asking_node.next : world->asking.head.next;

	return next == &world->asking.head ? NULL : (CdcSourceDb *) dlist_container(CdcSourceDb, asking_node, unconstify(dlist_node *, next));
}

void
cdc_asked_leave(CdcPipeline *p)
{
	int			i;

	for (i = 0; i < CDC_NUM_ASKS; i++)
		leave(p, (CdcAsk) i);
}

void
cdc_asked_close(CdcSourceDb *db)
{
	int			i;

	for (i = 0; i < CDC_NUM_ASKS; i++)
	{
		while (cdc_next_asked(db, (CdcAsk) i) != NULL)
			;
	}
	cdc_asks_no_more(db);
}
