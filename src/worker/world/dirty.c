/*
 * dirty.c
 *	  See dirty.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/dirty.h"
#include "worker/world/pair.h"

/* A row that somebody holds is tried again after a quarter of the time that he has held it, within these. */
#define HELD_LEAST_MS 100
#define HELD_MOST_MS 2000

void
cdc_dirty_create(CdcWorld *world)
{
	MemoryContext old = MemoryContextSwitchTo(world->context);
	int			i;

	for (i = 0; i < CDC_NUM_ROWS; i++)
		dlist_init(&world->dirty.due[i]);
	world->dirty.held = cdc_dues_create();
	MemoryContextSwitchTo(old);
}

bool
cdc_is_dirty(const CdcDirty *dirty)
{
	return dirty->owner != NULL;
}

bool
cdc_is_held(const CdcDirty *dirty)
{
	return dirty->owner != NULL && dirty->skipped;
}

static void
make_due(CdcWorld *world, CdcDirty *dirty)
{
	dlist_push_tail(&world->dirty.due[dirty->row], &dirty->node);
	world->dirty.n++;
}

static void
leave(CdcWorld *world, CdcDirty *dirty)
{
	if (dirty->held)
		pairingheap_remove(world->dirty.held, &dirty->again.node);
	else
	{
		dlist_delete(&dirty->node);
		world->dirty.n--;
	}
	dirty->held = false;
}

static void
mark(CdcWorld *world, CdcDirty *dirty, CdcRow row, void *owner)
{
	if (dirty->owner)
		return;
	dirty->owner = owner;
	dirty->row = row;
	make_due(world, dirty);
}

void
cdc_dirty_pipeline(CdcPipeline *p, CdcRow row)
{
	Assert(row < CDC_NUM_PIPELINE_ROWS);
	mark(p->world, &p->dirty[row], row, p);
}

void
cdc_dirty_service(CdcService *s, CdcRow row)
{
	Assert(row >= CDC_ROW_SERVICE && row < CDC_ROW_NODE);
	mark(s->world, &s->dirty[row - CDC_ROW_SERVICE], row, s);
}

void
cdc_dirty_node(CdcNode *n)
{
	mark(n->service->world, &n->dirty, CDC_ROW_NODE, n);
}

void
cdc_dirty_pair(CdcPair *pair)
{
	mark(pair->world, &pair->dirty, CDC_ROW_PAIR, pair);
}

bool
cdc_dirty_due(CdcWorld *world, int64 now)
{
	CdcDue	   *due;

	while ((due = cdc_dues_first(world->dirty.held)) != NULL && due->at <= now)
	{
		CdcDirty   *dirty = cdc_due_of(CdcDirty, again, due);

		leave(world, dirty);
		make_due(world, dirty);
	}
	return world->dirty.n > 0;
}

int64
cdc_dirty_next(const CdcWorld *world)
{
	return cdc_dues_next(world->dirty.held);
}

void
cdc_written(CdcWorld *world, CdcDirty *dirty)
{
	if (dirty->owner == NULL)
		return;
	leave(world, dirty);
	dirty->owner = NULL;
	dirty->held_since = dirty->told_at = 0;
	dirty->skipped = false;
}

void
cdc_not_written(CdcWorld *world, CdcDirty *dirty, int64 now)
{
	if (dirty->owner == NULL)
		return;
	leave(world, dirty);
	dirty->held = true;
	if (dirty->held_since == 0)
		dirty->held_since = now;
	dirty->again.at = now + Min(Max((now - dirty->held_since) / 4, HELD_LEAST_MS), HELD_MOST_MS);
	pairingheap_add(world->dirty.held, &dirty->again.node);
}

void
cdc_dirty_skip(CdcDirty *dirty, bool skipped)
{
	dirty->skipped = skipped;
}

void
cdc_dirty_told(CdcDirty *dirty, int64 at)
{
	dirty->told_at = at;
}

void
cdc_dirty_forget_pipeline(CdcPipeline *p)
{
	int			i;

	for (i = 0; i < CDC_NUM_PIPELINE_ROWS; i++)
		cdc_written(p->world, &p->dirty[i]);
}

void
cdc_dirty_forget_service(CdcService *s)
{
	int			i;

	for (i = 0; i < CDC_NUM_SERVICE_ROWS; i++)
		cdc_written(s->world, &s->dirty[i]);
	for (i = 0; i < s->pg.nnodes; i++)
		cdc_written(s->world, &s->pg.nodes[i].dirty);
}
