/*
 * create.c
 *	  The world of this process as it begins: empty, with its tables and queues.
 *
 * See world.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/agenda.h"
#include "worker/world/index.h"
#include "worker/world/pair.h"
#include "worker/world/plan.h"

CdcWorld *
cdc_world_create(CdcLoop *loop)
{
	MemoryContext context;
	CdcWorld   *world;

	context = AllocSetContextCreate(TopMemoryContext, "cdc_pipeline world",
									ALLOCSET_DEFAULT_SIZES);
	world = MemoryContextAllocZero(context, sizeof(CdcWorld));
	world->context = context;
	world->loop = loop;
	cdc_agenda_turn(world);
	dlist_init(&world->asking);
	dlist_init(&world->starting);
	dlist_init(&world->ended);
	cdc_plan_create(world);
	cdc_tend_create(world);
	cdc_turns_create(world);
	cdc_index_create(world);
	cdc_pairs_create(world);
	cdc_dirty_create(world);
	return world;
}
