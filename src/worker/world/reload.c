/*
 * reload.c
 *	  See reload.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "worker/world/reload.h"

/* Reads of one row: so many at once, then one in this time. */
#define AT_ONCE 4
#define ONE_MS 1000

static void
create(CdcWorld *world)
{
	MemoryContext old = MemoryContextSwitchTo(world->context);
	HASHCTL		how;

	memset(&how, 0, sizeof(how));
	how.keysize = CDC_UUID_LEN + 1;
	how.entrysize = sizeof(CdcReload);
	how.hcxt = world->context;
	world->reloads = hash_create("cdc_pipeline reloads", 64, &how, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	world->reloads_wanted = cdc_dues_create();
	MemoryContextSwitchTo(old);
}

void
cdc_reload_want(CdcWorld *world, const char *id, bool pipeline)
{
	CdcReload  *r;
	bool		found;

	if (world->reloads == NULL)
		create(world);
	r = hash_search(world->reloads, id, HASH_ENTER, &found);
	if (!found)
	{
		r->wanted = false;
		r->until = 0;
	}
	if (r->wanted)
		return;
	r->pipeline = pipeline;
	r->wanted = true;
	/* its share is used up while more than all at once are to be given back */
	r->due.at = Max(r->until - (AT_ONCE - 1) * ONE_MS, 1);
	pairingheap_add(world->reloads_wanted, &r->due.node);
}

static CdcReload *
first(const CdcWorld *world)
{
	CdcDue	   *due = world->reloads ? cdc_dues_first(world->reloads_wanted) : NULL;

	return due ? cdc_due_of(CdcReload, due, due) : NULL;
}

List *
cdc_reloads_due(CdcWorld *world, int64 now)
{
	List	   *due = NIL;
	ListCell   *cell;
	CdcReload  *r;

	while ((r = first(world)) != NULL && r->due.at <= now)
	{
		due = lappend(due, r);
		pairingheap_remove(world->reloads_wanted, &r->due.node);
	}
	foreach(cell, due)
		pairingheap_add(world->reloads_wanted, &((CdcReload *) lfirst(cell))->due.node);
	return due;
}

void
cdc_reload_done(CdcWorld *world, const char *id, int64 now)
{
	CdcReload  *r = world->reloads ? hash_search(world->reloads, id, HASH_FIND, NULL) : NULL;

	if (r == NULL || !r->wanted)
		return;
	r->wanted = false;
	pairingheap_remove(world->reloads_wanted, &r->due.node);
	r->until = Max(r->until, now) + ONE_MS;
}

int64
cdc_reload_next(const CdcWorld *world)
{
	return world->reloads ? cdc_dues_next(world->reloads_wanted) : 0;
}

void
cdc_reloads_tidy(CdcWorld *world, int64 now)
{
	HASH_SEQ_STATUS all;
	CdcReload  *r;

	if (world->reloads == NULL)
		return;
	hash_seq_init(&all, world->reloads);
	while ((r = hash_seq_search(&all)) != NULL)
	{
		if (!r->wanted && r->until <= now)
			hash_search(world->reloads, r->id, HASH_REMOVE, NULL);
	}
}

void
cdc_reloads_forget(CdcWorld *world)
{
	if (world->reloads == NULL)
		return;
	hash_destroy(world->reloads);
	pairingheap_free(world->reloads_wanted);
	world->reloads = NULL;
	world->reloads_wanted = NULL;
}
