/*
 * execute.h
 *	  Carries out actions, by their name in the state table.
 *
 * The only room that changes anything outside: execute.c on Kafka Connect, the
 * files beside it on one peer each.  An action is started after its intent has
 * been committed and ends by cdc_op_end(), exactly once.  What a service needs for
 * itself (peerings to be removed, agents, its provider) has no operation and is
 * begun when its time has come.  No errors but those of memory.
 */
#ifndef CDC_EXECUTE_H
#define CDC_EXECUTE_H

#include "reconciler/shadow.h"
#include "worker/world/operation.h"
#include "worker/world/world.h"

/*
 * Takes the turn that the action needs, before its intent is written: of who
 * writes pg_hba.conf, installs the plugin, changes a pair of networks.  False while
 * it is another pipeline's: it is to be visited again.
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

/* Starts an operation.  Its intent is committed; it may end at once, and is then not there any more. */
extern void cdc_execute(CdcOp *op);

/* All of a turn have been started: those that go in batches are sent. */
extern void cdc_execute_batches(CdcWorld *world);

/* Is it an action on the network?  Such a one is no mutation of the pipeline's. */
extern bool cdc_network_is_action(CdcAction action);

/* Peerings that no service needs any more: plans the next step of each removal. */
extern void cdc_network_due(CdcWorld *world);

/* Monotonic ms of the next thing that cdc_network_due would do, 0 for none. */
extern int64 cdc_network_next(CdcWorld *world);

/* After a turn: starts the removal steps whose intent is committed. */
extern void cdc_network_dispatch(CdcWorld *world);

/*
 * A statement for a pipeline's slot on a standby, one at a time for each; nothing
 * waits for it.  May it be started now, or is one under way, or was tried just now?
 */
extern bool cdc_execute_shadow_may(const CdcPipeline *pipeline, const CdcShadow *shadow, CdcShadowAction action);
extern void cdc_execute_shadow(CdcPipeline *pipeline, CdcNode *node, CdcShadow *shadow, CdcShadowAction action, uint64 target);

/* Agents that a superuser has adopted, and that keep another epoch: they are told. */
extern void cdc_agents_due(CdcWorld *world);

/* A health round: each service of a provider that makes servers is looked at. */
extern void cdc_provider_round(CdcWorld *world);

/* Starts the requests to providers whose time has come. */
extern void cdc_provider_due(CdcWorld *world);

#endif							/* CDC_EXECUTE_H */
