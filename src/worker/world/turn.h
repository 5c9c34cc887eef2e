/*
 * turn.h
 *	  What pipelines do one at a time: DDL on a source, the making of its slots,
 *	  writes of its pg_hba.conf, installations of a sink's plugin, changes of a
 *	  peering.  A turn has a holder and a queue of those who asked for it
 *	  meanwhile; they are visited, in their order, when it is given back.
 *
 * Whether somebody needs the turn, and for how long he may have it, is decided
 * by those who take it.
 */
#ifndef CDC_TURN_H
#define CDC_TURN_H

#include "nodes/pg_list.h"

struct CdcPipeline;

typedef struct CdcTurn
{
	struct CdcPipeline *holder; /* NULL: it is free */
	int64		since;			/* loop time at which he took it */
	List	   *waiting;		/* CdcPipeline, the longest waiting first */
} CdcTurn;

/* Joins the queue when somebody else has it. */
extern void cdc_turn_wait(CdcTurn *turn, struct CdcPipeline *pipeline);

/* Takes it, or joins the queue and returns false.  The holder may take it again. */
extern bool cdc_turn_take(CdcTurn *turn, struct CdcPipeline *pipeline);

/* Takes it, also from a holder who has had it for too long: he is not waited for. */
extern void cdc_turn_seize(CdcTurn *turn, struct CdcPipeline *pipeline);

/* Somebody else has it: his time so far in ms, else -1. */
extern int64 cdc_turn_held_ms(const CdcTurn *turn, const struct CdcPipeline *pipeline);

/* Gives it back when it is the pipeline's, and has those who wait visited. */
extern void cdc_turn_give(CdcTurn *turn, struct CdcPipeline *pipeline);

/* The pipeline is forgotten: it neither holds the turn nor waits for it. */
extern void cdc_turn_leave(CdcTurn *turn, struct CdcPipeline *pipeline);

#endif							/* CDC_TURN_H */
