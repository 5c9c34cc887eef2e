/*
 * agenda.c
 *	  What the worker as a whole is to do next.
 *
 * See agenda.h.  Remembers, and does nothing of it.
 */
#include "postgres.h"

#include "worker/world/agenda.h"

bool
cdc_agenda_judge(CdcWorld *world, const char *reason)
{
	world->acting = reason == NULL;
	if (cdc_same(world->idle_reason, reason))
		return false;
	cdc_set_string(world->context, &world->idle_reason, reason);
	return true;
}

void
cdc_agenda_stop(CdcWorld *world)
{
	world->acting = false;
}

void
cdc_world_note_higher(CdcWorld *world, const CdcEpoch *theirs)
{
	if (cdc_epoch_compare(theirs, &world->fence.highest) <= 0)
		return;
	world->fence.highest = *theirs;
	cdc_agenda_stop(world);
	cdc_agenda_turn(world);
}

void
cdc_world_set_highest(CdcWorld *world, const CdcEpoch *highest)
{
	world->fence.highest = *highest;
}

void
cdc_world_set_key(CdcWorld *world, const char *key)
{
	if (world->fence.key)
		explicit_bzero(world->fence.key, strlen(world->fence.key));
	cdc_set_string(world->context, &world->fence.key, key);
}

void
cdc_agenda_turn(CdcWorld *world)
{
	world->work_pending = true;
}

void
cdc_agenda_turn_begins(CdcWorld *world)
{
	world->work_pending = false;
	world->work_again_at = 0;
}

void
cdc_agenda_turn_at(CdcWorld *world, int64 at)
{
	world->work_again_at = at;
}

void
cdc_agenda_held(CdcWorld *world, const char *words)
{
	cdc_set_string(world->context, &world->held_by, words);
}

void
cdc_agenda_all_read(CdcWorld *world)
{
	world->loaded = true;
	world->next_round = cdc_loop_now();
}

void
cdc_agenda_read_all(CdcWorld *world)
{
	world->loaded = false;
}

void
cdc_agenda_shared_read(CdcWorld *world)
{
	world->regions_due = false;
}

void
cdc_agenda_round_by(CdcWorld *world, int64 at)
{
	world->next_round = Min(world->next_round, at);
}

void
cdc_agenda_round_asked(CdcWorld *world)
{
	world->next_round = cdc_loop_now();
	world->round_asked = true;
}

bool
cdc_agenda_round_begins(CdcWorld *world, int64 next)
{
	bool		asked = world->round_asked;

	/* the work queue too: the commit of a prepared transaction wakes nobody */
	world->work_pending = true;
	world->regions_due = true;
	world->round_asked = false;
	world->round++;
	world->next_round = next;
	return asked;
}

void
cdc_agenda_adopt(CdcWorld *world)
{
	world->adopt_due = true;
}

bool
cdc_agenda_adopts(CdcWorld *world)
{
	bool		due = world->adopt_due;

	world->adopt_due = false;
	return due;
}

void
cdc_agenda_batch(CdcService *source)
{
	MemoryContext old = MemoryContextSwitchTo(source->world->context);

	source->world->ddl_due = list_append_unique_ptr(source->world->ddl_due, source);
	MemoryContextSwitchTo(old);
}

CdcService *
cdc_agenda_next_batch(CdcWorld *world)
{
	CdcService *source = world->ddl_due ? linitial(world->ddl_due) : NULL;

	world->ddl_due = list_delete_first(world->ddl_due);
	return source;
}

void
cdc_agenda_no_batch(CdcService *source)
{
	source->world->ddl_due = list_delete_ptr(source->world->ddl_due, source);
}
