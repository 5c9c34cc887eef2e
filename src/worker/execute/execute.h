/*
 * execute.h
 *	  Carries out actions, by their name in the state table.
 *
 * The only files that change anything outside: execute.c (Connect and SQL on
 * the source) and execute/hba.c.  An action is started after its intent has
 * been committed and ends by cdc_op_end(), exactly once.
 */
#ifndef CDC_EXECUTE_H
#define CDC_EXECUTE_H

#include "worker/world/operation.h"
#include "worker/world/world.h"

/*
 * Takes the turn that the action needs, before its intent is written: one DDL
 * and one pg_hba writer at a time for each source.  False while it is another
 * pipeline's: the pipeline is visited again soon.
 */
extern bool cdc_execute_reserve(CdcPipeline *pipeline, CdcAction action);

/* Gives back what the pipeline had reserved and none of its operations needs. */
extern void cdc_execute_release(CdcPipeline *pipeline);

/*
 * What the intent must remember before the action is committed and sent:
 * passwords made, the slot seen absent, offsets that will exist.  False, with
 * *error set (palloc'd), when the action cannot be prepared.
 */
extern bool cdc_execute_prepare(CdcPipeline *pipeline, CdcAction action, char **error);

/* Starts an operation.  Its intent is committed. */
extern void cdc_execute(CdcOp *op);

/* In execute/hba.c */
extern void cdc_execute_hba(CdcOp *op);

#endif							/* CDC_EXECUTE_H */
