/*
 * effect_words.h
 *	  The words in which effects are said: of a connector and its slot.
 *
 * Owns what a task that ends, fails or will start means for both.  For effect.c
 * and awaited.c; knows no action and no rule.
 */
#ifndef CDC_EFFECT_WORDS_H
#define CDC_EFFECT_WORDS_H

#include "reconciler/snapshot.h"

static inline bool
ours(CdcObject object)
{
	return object == CDC_OBJ_OK || object == CDC_OBJ_WRONG;
}

static inline bool
slot_held(const CdcSnapshot *s)
{
	return s->slot == CDC_SLOT_CREATING || s->slot == CDC_SLOT_ACTIVE || s->slot == CDC_SLOT_STREAMING;
}

static inline bool
slot_ours(const CdcSnapshot *s)
{
	return slot_held(s) || s->slot == CDC_SLOT_INACTIVE || s->slot == CDC_SLOT_LOST;
}

static inline bool
stopped(const CdcSnapshot *s)
{
	return ours(s->connector) && s->connector_state == CDC_CS_STOPPED && s->task_state == CDC_CS_NONE;
}

static inline bool
held(const CdcSnapshot *s)
{
	return s->connector_state == CDC_CS_STOPPED || s->connector_state == CDC_CS_PAUSED;
}

/* No slot, so none that another run made. */
static inline void
slot_goes(CdcSnapshot *s)
{
	s->slot = CDC_SLOT_ABSENT;
	s->snapshot_interrupted = CDC_NO;
}

/* The task's connection ends; a slot that is not consistent yet goes with it. */
static inline void
release_slot(CdcSnapshot *s)
{
	if (s->slot == CDC_SLOT_CREATING)
		slot_goes(s);
	else if (slot_held(s))
		s->slot = CDC_SLOT_INACTIVE;
}

/* Connect will start a task: until then it says this. */
static inline void
task_will_start(CdcSnapshot *s, CdcConnectState as)
{
	release_slot(s);
	s->connector_state = s->task_state = as;
	s->restart = CDC_RESTART_UNKNOWN;
}

static inline void
task_fails(CdcSnapshot *s, CdcRestart restart)
{
	release_slot(s);
	s->task_state = CDC_CS_FAILED;
	s->restart = restart;
}

#endif							/* CDC_EFFECT_WORDS_H */
