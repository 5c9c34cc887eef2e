/*
 * turn.c
 *	  See turn.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/plan.h"
#include "worker/world/turn.h"

void
cdc_turns_create(CdcWorld *world)
{
	MemoryContext old = MemoryContextSwitchTo(world->context);

	world->calls = cdc_dues_create();
	MemoryContextSwitchTo(old);
}

void
cdc_turns_add(CdcPipeline *p)
{
	int			i;

	for (i = 0; i < CDC_NUM_TURNS; i++)
		p->turns[i].pipeline = p;
}

void
cdc_turn_create(CdcTurn *turn, CdcWorld *world, CdcTurnKind kind)
{
	memset(turn, 0, sizeof(*turn));
	turn->kind = kind;
	turn->world = world;
	dlist_init(&turn->waiting);
	dlist_init(&turn->passed);
}

/* The place of a pipeline in this turn, or NULL. */
static CdcTurnPlace *
place_in(const CdcTurn *turn, const CdcPipeline *p)
{
	const CdcTurnPlace *place = &p->turns[turn->kind];

	return place->turn == turn ? unconstify(CdcTurnPlace *, place) : NULL;
}

/* Out of whichever list it is in. */
static void
leave_queue(CdcTurnPlace *place)
{
	if (!place->waits && !place->passed)
		return;
	dlist_delete(&place->node);
	if (place->waits)
		place->turn->nwaiting--;
	place->waits = place->passed = false;
}

/* He may take it whenever he comes and it is free; nobody waits for him. */
static void
pass(CdcTurnPlace *place)
{
	leave_queue(place);
	place->passed = true;
	dlist_push_tail(&place->turn->passed, &place->node);
}

static void
end_call(CdcTurn *turn)
{
	if (turn->called == NULL)
		return;
	pairingheap_remove(turn->world->calls, &turn->call.node);
	turn->called = NULL;
}

/* Nothing is to do with it: the place is nowhere. */
static void
clear(CdcTurnPlace *place)
{
	leave_queue(place);
	place->turn = NULL;
	place->asked = false;
}

/* The turn is free: the first who waits is called.  Who is busy comes when he is not. */
static void
call_next(CdcTurn *turn)
{
	while (turn->holder == NULL && turn->called == NULL && !dlist_is_empty(&turn->waiting))
	{
		CdcTurnPlace *place = dlist_head_element(CdcTurnPlace, node, &turn->waiting);

		if (place->pipeline->doing.op)
		{
			pass(place);
			continue;
		}
		leave_queue(place);
		turn->called = place->pipeline;
		turn->call.at = cdc_loop_now() + CDC_TURN_CALL_MS;
		pairingheap_add(turn->world->calls, &turn->call.node);
		cdc_plan_wake(place->pipeline);
	}
}

/* first: where he was when he was called. */
static void
join_queue(CdcTurn *turn, CdcTurnPlace *place, bool first)
{
	if (place->waits)
		return;
	leave_queue(place);
	place->waits = true;
	if (first)
		dlist_push_head(&turn->waiting, &place->node);
	else
	{
		place->number = ++turn->last;
		dlist_push_tail(&turn->waiting, &place->node);
	}
	turn->nwaiting++;
}

CdcPipeline *
cdc_turn_other(const CdcTurn *turn, const CdcPipeline *p)
{
	const CdcTurnPlace *place = place_in(turn, p);

	if (turn->holder)
		return turn->holder == p ? NULL : turn->holder;
	return turn->called == p || (place && place->passed) ? NULL : turn->called;
}

void
cdc_turn_wait(CdcTurn *turn, CdcPipeline *p)
{
	CdcTurnPlace *place = &p->turns[turn->kind];

	if (cdc_turn_other(turn, p) == NULL)
		return;
	if (place->turn && place->turn != turn)
	{
		CdcTurn    *former = place->turn;

		if (former->called == p)
			end_call(former);
		clear(place);
		if (former->holder == p)
			former->holder = NULL;
		call_next(former);
	}
	place->turn = turn;
	place->asked = true;
	if (turn->called != p)
		join_queue(turn, place, false);
}

bool
cdc_turn_take(CdcTurn *turn, CdcPipeline *p)
{
	if (cdc_turn_other(turn, p))
	{
		cdc_turn_wait(turn, p);
		return false;
	}
	if (turn->holder == NULL)
		cdc_turn_seize(turn, p);
	return true;
}

void
cdc_turn_seize(CdcTurn *turn, CdcPipeline *p)
{
	CdcTurnPlace *place = &p->turns[turn->kind];

	if (turn->holder && turn->holder != p)
		clear(&turn->holder->turns[turn->kind]);
	if (place->turn && place->turn != turn)
		cdc_turn_give_kind(p, turn->kind);
	clear(place);
	if (turn->called == p)
		end_call(turn);
	place->turn = turn;
	turn->holder = p;
	turn->since = cdc_loop_now();
}

/* Who left the queue from within counts until the first has come by: so it is at most so many. */
static int
ahead_of(const CdcTurnPlace *place)
{
	CdcTurn    *turn = place->turn;
	uint64		first;

	if (!place->waits)
		return 0;
	first = dlist_head_element(CdcTurnPlace, node, &turn->waiting)->number;
	return (int) Min(place->number > first ? place->number - first : 0, (uint64) turn->nwaiting - 1);
}

int
cdc_turns_ahead(const CdcPipeline *p)
{
	int			most = 0;
	int			i;

	for (i = 0; i < CDC_NUM_TURNS; i++)
		most = Max(most, ahead_of(&p->turns[i]));
	return most;
}

void
cdc_turn_give(CdcTurn *turn, CdcPipeline *p)
{
	if (p == NULL || turn->holder != p)
		return;
	turn->holder = NULL;
	turn->since = cdc_loop_now();
	clear(&p->turns[turn->kind]);
	call_next(turn);
}

void
cdc_turn_give_kind(CdcPipeline *p, CdcTurnKind kind)
{
	if (p->turns[kind].turn)
		cdc_turn_give(p->turns[kind].turn, p);
}

void
cdc_turns_visited(CdcPipeline *p, bool all_known)
{
	int			i;

	for (i = 0; i < CDC_NUM_TURNS; i++)
	{
		CdcTurnPlace *place = &p->turns[i];
		CdcTurn    *turn = place->turn;
		bool		asked = place->asked;

		place->asked = false;
		/* until all is known he may still come for it */
		if (turn == NULL || turn->holder == p || !all_known)
			continue;
		if (turn->called == p)
		{
			end_call(turn);
			if (asked)
				join_queue(turn, place, true);
			else
				clear(place);
			call_next(turn);
		}
		else if (!asked)
			clear(place);
	}
}

void
cdc_turns_due(CdcWorld *world, int64 now)
{
	CdcDue	   *due;

	while ((due = cdc_dues_first(world->calls)) != NULL && due->at <= now)
	{
		CdcTurn    *turn = cdc_due_of(CdcTurn, call, due);
		CdcTurnPlace *place = &turn->called->turns[turn->kind];

		end_call(turn);
		pass(place);
		call_next(turn);
	}
}

int64
cdc_turns_next(const CdcWorld *world)
{
	return cdc_dues_next(world->calls);
}

void
cdc_turns_leave(CdcPipeline *p)
{
	int			i;

	for (i = 0; i < CDC_NUM_TURNS; i++)
	{
		CdcTurn    *turn = p->turns[i].turn;

		if (turn == NULL)
			continue;
		if (turn->called == p)
			end_call(turn);
		if (turn->holder == p)
			turn->holder = NULL;
		clear(&p->turns[i]);
		call_next(turn);
	}
}

void
cdc_turn_close(CdcTurn *turn)
{
	while (!dlist_is_empty(&turn->waiting))
		clear(dlist_head_element(CdcTurnPlace, node, &turn->waiting));
	while (!dlist_is_empty(&turn->passed))
		clear(dlist_head_element(CdcTurnPlace, node, &turn->passed));
	if (turn->called)
	{
		clear(&turn->called->turns[turn->kind]);
		end_call(turn);
	}
	if (turn->holder)
		clear(&turn->holder->turns[turn->kind]);
	turn->holder = NULL;
}
