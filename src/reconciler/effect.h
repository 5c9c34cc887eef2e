/*
 * effect.h
 *	  What an action does to the world, and what then comes by itself.
 *
 * Pure, as decide() is: a snapshot before, a snapshot after.  decide() and
 * these, one after the other, are the plan: all that will be done to a pipeline
 * when nothing goes wrong.  Refusals by chance, lost and late answers, and what
 * people do meanwhile are no part of it: tests add them.
 *
 * Nothing is looked at here: what is UNKNOWN stays so, and a plan waits there.
 * Only what stands behind an action (offsets of a connector that was absent) is
 * taken for what asks for more to be done.
 */
#ifndef CDC_EFFECT_H
#define CDC_EFFECT_H

#include "reconciler/decide.h"

/* None of them is NULL. */
typedef struct CdcEffect
{
	/* what is remembered before anything is sent, and stays if that is lost */
	void		(*remembered) (CdcSnapshot *s);
	/* what the peer does; false: it refuses, and s is as it was */
	bool		(*done) (CdcSnapshot *s);
} CdcEffect;

/* One for each action. */
extern const CdcEffect cdc_effects[CDC_NUM_ACTIONS];

/*
 * The world in which the action is done, by these effects (cdc_effects, or a
 * table of the caller).  False: the peer would refuse; *after is then only
 * what is remembered.  s and after may be the same.
 */
extern bool cdc_effect(const CdcEffect *effects, const CdcSnapshot *s, CdcAction action,
					   CdcSnapshot *after);

/* What the decision itself makes of s: its status, and what it remembers. */
extern void cdc_effect_decided(CdcSnapshot *s, const CdcDecision *d);

/*
 * What comes by itself while nothing is done and nothing goes wrong, one step
 * of each that waits: tasks start and end, a snapshot is taken, agents finish,
 * others give way, absence settles.  False: nothing more comes.
 */
extern bool cdc_effect_awaited(CdcSnapshot *s);

/* Of these, a task that starts: Debezium's decisions; it may be FAILED then. */
extern void cdc_effect_task_starts(CdcSnapshot *s);

/* ... and one that runs, one step on.  False: it is where it should be. */
extern bool cdc_effect_task_goes_on(CdcSnapshot *s);

#endif							/* CDC_EFFECT_H */
