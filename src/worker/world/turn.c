/*
 * turn.c
 *	  See turn.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/turn.h"
#include "worker/world/world.h"

void
cdc_turn_wait(CdcTurn *turn, CdcPipeline *p)
{
	MemoryContext old;

	if (turn->holder == NULL || turn->holder == p)
		return;
	old = MemoryContextSwitchTo(p->world->context);
	turn->waiting = list_append_unique_ptr(turn->waiting, p);
	MemoryContextSwitchTo(old);
}

bool
cdc_turn_take(CdcTurn *turn, CdcPipeline *p)
{
	cdc_turn_wait(turn, p);
	if (turn->holder && turn->holder != p)
		return false;
	if (turn->holder == NULL)
		cdc_turn_seize(turn, p);
	return true;
}

void
cdc_turn_seize(CdcTurn *turn, CdcPipeline *p)
{
	turn->holder = p;
	turn->since = cdc_loop_now();
	turn->waiting = list_delete_ptr(turn->waiting, p);
}

int64
cdc_turn_held_ms(const CdcTurn *turn, const CdcPipeline *p)
{
	return turn->holder && turn->holder != p ? cdc_loop_now() - turn->since : -1;
}

void
cdc_turn_give(CdcTurn *turn, CdcPipeline *p)
{
	List	   *waiting = turn->waiting;
	ListCell   *cell;

	if (p == NULL || turn->holder != p)
		return;
	turn->holder = NULL;
	turn->waiting = NIL;
	foreach(cell, waiting)
		((CdcPipeline *) lfirst(cell))->plan.woken = true;
	list_free(waiting);
}

void
cdc_turn_leave(CdcTurn *turn, CdcPipeline *p)
{
	turn->waiting = list_delete_ptr(turn->waiting, p);
	cdc_turn_give(turn, p);
}
