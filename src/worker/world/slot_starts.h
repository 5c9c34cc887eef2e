/*
 * slot_starts.h
 *	  Tasks of a source that were started and have not made their slots yet.
 *
 * One makes its slot at a time (turn.h), as far as they are waited for; who is not
 * waited for any more comes when he comes.  So what is free on the source is not what
 * may be begun: those that are still to come need theirs.  No I/O, decides nothing.
 */
#ifndef CDC_SLOT_STARTS_H
#define CDC_SLOT_STARTS_H

#include "worker/world/world.h"

/* A task that is started is at its source within this, unless something is wrong at its Connect. */
#define CDC_SLOT_COMES_MS 10000

/*
 * Its task is started and will make its slot: it takes the turn of its source, from
 * whoever has it.  Whose task has not come for too long has a Connect whose tasks are
 * late: cdc_slots_late().
 */
extern void cdc_slot_begins(CdcPipeline *pipeline);

/* Its slot is there (came), or will not come. */
extern void cdc_slot_settled(CdcPipeline *pipeline, bool came);

/* How many others of its source may still come for a slot, of those that were begun of late. */
extern int	cdc_slots_coming(const CdcPipeline *pipeline);

/* Does its Connect start tasks so late that nobody waits for one of them? */
extern bool cdc_slots_late(const CdcPipeline *pipeline);

#endif							/* CDC_SLOT_STARTS_H */
