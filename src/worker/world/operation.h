/*
 * operation.h
 *	  Operations: what is under way outside for a pipeline, how their callbacks
 *	  find them again, and the queues of those that were begun and of those
 *	  that have ended.
 *
 * An executor ends an operation exactly once, from wherever its answer comes;
 * what becomes of the end is the visit's business, which drains the queue.
 * Owns no socket and decides nothing.
 */
#ifndef CDC_OPERATION_H
#define CDC_OPERATION_H

#include "worker/world/world.h"

/* What an operation's callbacks carry instead of pointers. */
typedef struct CdcOpRef
{
	CdcWorld   *world;
	char		id[CDC_UUID_LEN + 1];
	uint64		serial;
} CdcOpRef;

extern CdcOpRef cdc_op_ref(const CdcOp *op);

/* The operation, while it is under way and has not ended; or NULL. */
extern CdcOp *cdc_op_of(const CdcOpRef *ref);

/*
 * An operation ended so; words (copied; may be NULL) are for its event and must
 * be free of secrets.  One that is not under way is ignored.
 */
extern void cdc_op_end(CdcOpRef ref, CdcOpEnd end, const char *words);

/*
 * Begins one, after those that are under way for the pipeline: its intent is
 * written with the next turn, and only then it is started.  What was under way
 * before is forgotten by cdc_op_clear().
 */
extern CdcOp *cdc_op_begin(CdcPipeline *pipeline, CdcAction action, const CdcRule *rule);

/*
 * Takes the next one of those that were begun; it counts as started.  The caller
 * starts it, or forgets what its pipeline has begun.  NULL: there is none.
 */
extern CdcOp *cdc_op_next_begun(CdcWorld *world);

/*
 * Takes the next one that has ended out of the queue and out of those under way
 * of its pipeline, in whose op_context it stays; NULL: there is none.
 */
extern CdcOp *cdc_op_next_ended(CdcWorld *world);

/* Nothing is under way: what those that have ended left in memory is freed, and no context is kept for the next. */
extern void cdc_op_clear(CdcPipeline *pipeline);

/* Nothing of the pipeline is under way any more, nor in a queue. */
extern void cdc_op_forget(CdcPipeline *pipeline);

#endif							/* CDC_OPERATION_H */
