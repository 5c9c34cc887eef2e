/*
 * visit.h
 *	  One look at one pipeline: observed, decided, recorded; acted on after
 *	  the commit.
 */
#ifndef CDC_VISIT_H
#define CDC_VISIT_H

#include "worker/world/world.h"

/*
 * Visits every ready pipeline: asks for what must be known, or decides.  No
 * transaction is open; nothing is sent outside but looks.
 */
extern void cdc_visit_ready(CdcWorld *world);

/* After a turn: starts the operations whose intent is committed. */
extern void cdc_visit_dispatch(CdcWorld *world);

/* Makes ready what is due by its time; starts a health round when it is due. */
extern void cdc_visit_due(CdcWorld *world);

/* Monotonic ms of the next thing that is due, 0 for none. */
extern int64 cdc_visit_next(CdcWorld *world);

/* The settings were read again: what depends on them follows. */
extern void cdc_visit_reloaded(CdcWorld *world);

/* Is anything waiting to be written? */
extern bool cdc_visit_dirty(CdcWorld *world);

#endif							/* CDC_VISIT_H */
