/*
 * world_model.h
 *	  A small world for the tests of decide(): Kafka Connect, a source, users
 *	  who meddle, answers that get lost or come late.  Pure, seeded, no clock.
 *
 * The world holds what is true; world_observe() gives what the worker would
 * know of it, world_act() has an action carried out, world_tick() lets time
 * pass.  What an action does is in src/reconciler/effect.c; what is here is what
 * chance adds: answers lost or late, delays, failures, and what nobody sees.
 * Written from the facts about Debezium and Connect, not from the rules.
 */
#ifndef CDC_WORLD_MODEL_H
#define CDC_WORLD_MODEL_H

#include "reconciler/effect.h"

/* How an action ends. */
typedef enum Ending
{
	END_DONE,
	END_NO_EFFECT,				/* refused, or never arrived */
	END_NOT_HEARD,				/* took effect, the answer was lost */
	END_LATE					/* takes effect some ticks later */
} Ending;

typedef struct World
{
	CdcSnapshot t;				/* the truth; offsets: those in Kafka */
	bool		doomed;			/* the task fails whenever it starts */
	bool		hole;			/* events that Kafka will never get, or half a
								 * snapshot taken for a whole one */
	bool		offsets_clean;	/* the worker remembers that there are none */
	bool		zombie;			/* the slot is held and no task of Connect knows */
	bool		incurable;		/* what FAILED says that no restart cures it */
	bool		astray;			/* the task was configured for a primary that is not one any more */
	bool		ahead;			/* the stored offset lies beyond the new history */
	bool		dragged;		/* a task started on it before it was judged */
	bool		seen_through;	/* not capable any more, but what is there is seen */
	bool		restarting;		/* the one worker is down while the plugin is installed */
	int			run;			/* the present or last task run */
	int			slot_run;		/* the run that made the slot */
	int			delay;			/* ticks until the task's next state */
	int			failures;
	int			since_failure;
	int			quiet;			/* ticks since the last mutation was sent */
	int			agent_delay;	/* ticks until a job ends, or is tried again */
	int			held;			/* ticks that the slot was held without a task */
	CdcAction	late_action;
	int			late_in;
} World;

extern void random_seed(unsigned long seed);
extern unsigned long long random_state(void);	/* to run the same again */
extern void random_resume(unsigned long long from);
extern int	random_below(int n);	/* 0 .. n - 1 */
extern bool chance(int percent);

/* Fields: one line each, so that generator and noise miss none. */
typedef struct Field
{
	const char *name;
	size_t		offset;
	int			values;			/* 0: a bool */
	bool		observed;		/* has an UNKNOWN that can come at any time */
	int			good;			/* the value that lets the pipeline run */
} Field;

extern const Field fields[];
extern const int num_fields;
extern int	field_get(const CdcSnapshot *s, const Field *f);
extern void field_set(CdcSnapshot *s, const Field *f, int value);

/* Every field by itself; good ones with this probability in percent. */
extern void snapshot_random(CdcSnapshot *s, int good);

/* A consistent world, anything in any state. */
extern void world_random(World *w, int good);

extern void world_tick(World *w);
extern void world_user_meddles(World *w);
extern void world_user_repairs(World *w);

/* What the worker sees; noise: percent of the fields that it does not see. */
extern CdcSnapshot world_observe(World *w, int noise);

/* Carries an action out; false when the truth forbade it (a server said no). */
extern bool world_act(World *w, CdcAction action, Ending ending);

/* Is anything of ours left outside?  Words, or NULL. */
extern const char *world_leftover(const World *w);

#endif							/* CDC_WORLD_MODEL_H */
