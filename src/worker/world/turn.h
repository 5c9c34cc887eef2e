/*
 * turn.h
 *	  What pipelines do one at a time: the making of a source's slots,
 *	  writes of its pg_hba.conf, installations of a sink's plugin, changes of a
 *	  peering.  A turn has a holder and a queue of those who asked for it
 *	  meanwhile.
 *
 * When it is given back the first of the queue is called: he is visited, and
 * whoever comes for the first time meanwhile joins the queue.  Who was called and
 * does not take it passes it on: after his visit, when he is forgotten, or after
 * a while, since what he must look at first may take long.  Then he takes it
 * whenever it is free.  So a turn that is free and waited for is always on its way
 * to somebody.  Nothing relies on that alone: who waits is visited now and then.
 *
 * Whether somebody needs the turn, and for how long he may have it, is decided
 * by those who take it.
 */
#ifndef CDC_TURN_H
#define CDC_TURN_H

#include "postgres.h"
#include "lib/ilist.h"

#include "worker/world/due.h"

struct CdcPipeline;
struct CdcWorld;

/* A pipeline is in one queue of a kind at most. */
typedef enum CdcTurnKind
{
	CDC_HBA_TURN,
	CDC_SLOT_TURN,
	CDC_PLUGIN_TURN,
	CDC_PAIR_TURN,
	CDC_NUM_TURNS
} CdcTurnKind;

/* Who is called has so long (ms) before the next one is called too. */
#define CDC_TURN_CALL_MS 500

/* Writer: worker/world. */
typedef struct CdcTurn
{
	CdcTurnKind kind;
	struct CdcWorld *world;
	struct CdcPipeline *holder; /* NULL: it is free */
	int64		since;			/* loop time at which he took it, or at which it was given back */
	struct CdcPipeline *called; /* whose turn it is to take it, NULL: nobody's */
	CdcDue		call;			/* until when, in world->calls while somebody is */
	dlist_head	waiting;		/* CdcTurnPlace by node, the longest waiting first */
	int			nwaiting;
	dlist_head	passed;			/* CdcTurnPlace by node: were called, and may take it whenever it is free */
	uint64		last;			/* number that was given out last */
} CdcTurn;

/* Of a pipeline, for a kind of turn.  Writer: worker/world. */
typedef struct CdcTurnPlace
{
	CdcTurn    *turn;			/* that it waits for, is called to, or holds; NULL */
	struct CdcPipeline *pipeline;
	bool		waits;			/* is in turn->waiting */
	bool		passed;			/* is in turn->passed */
	bool		asked;			/* in the present visit */
	uint64		number;			/* of those who wait */
	dlist_node	node;
} CdcTurnPlace;

extern void cdc_turn_create(CdcTurn *turn, struct CdcWorld *world, CdcTurnKind kind);

/* The turn goes, with what it is for: nobody holds it or waits for it any more. */
extern void cdc_turn_close(CdcTurn *turn);

/* Joins the queue when somebody else has it, or is called to it. */
extern void cdc_turn_wait(CdcTurn *turn, struct CdcPipeline *pipeline);

/* Takes it, or joins the queue and returns false.  The holder may take it again. */
extern bool cdc_turn_take(CdcTurn *turn, struct CdcPipeline *pipeline);

/* Takes it, also from a holder who has had it for too long: he is not waited for. */
extern void cdc_turn_seize(CdcTurn *turn, struct CdcPipeline *pipeline);

/* Who has it, or is called to it, so that this one must wait; NULL: nobody. */
extern struct CdcPipeline *cdc_turn_other(const CdcTurn *turn, const struct CdcPipeline *pipeline);

/* How many are before this one in a queue, at most; of several the longest. */
extern int	cdc_turns_ahead(const struct CdcPipeline *pipeline);

/* Gives it back when it is the pipeline's, and calls the first of those who wait; the same of whichever it has of a kind. */
extern void cdc_turn_give(CdcTurn *turn, struct CdcPipeline *pipeline);
extern void cdc_turn_give_kind(struct CdcPipeline *pipeline, CdcTurnKind kind);

/*
 * A pipeline was visited.  All that it needs was known: what it was called to and
 * did not take is passed on, and it leaves queues in which it has not asked again.
 */
extern void cdc_turns_visited(struct CdcPipeline *pipeline, bool all_known);

/* Who was called and has not come in time is waited for no longer.  When the next such time is, 0: nobody is called. */
extern void cdc_turns_due(struct CdcWorld *world, int64 now);
extern int64 cdc_turns_next(const struct CdcWorld *world);

/* The pipeline is forgotten: it neither holds a turn nor waits for one. */
extern void cdc_turns_leave(struct CdcPipeline *pipeline);

/* Of a world, of a pipeline that is being made. */
extern void cdc_turns_create(struct CdcWorld *world);
extern void cdc_turns_add(struct CdcPipeline *pipeline);

#endif							/* CDC_TURN_H */
