/*
 * node_look.h
 *	  What is to be looked at of a source's nodes, and what follows from a look for
 *	  its standbys: marks that one leaves and another takes.
 *
 * Who changed something on a node, or made something that standbys are to follow,
 * says so here; looks are begun by worker/observe, standbys are seen to by
 * worker/standbys.c.  No errors.
 */
#ifndef CDC_NODE_LOOK_H
#define CDC_NODE_LOOK_H

#include "worker/world/world.h"

/* This node is to be looked at, or all of a source: something was changed there. */
extern void cdc_node_want_look(CdcNode *node);
extern void cdc_nodes_want_look(CdcService *source);

/* A look at the node that began at this time has ended: what it means for its standby is due. */
extern void cdc_node_looked(CdcNode *node, int64 began);

/* What was seen there counts no more: no look has ended. */
extern void cdc_node_forget_look(CdcNode *node);

/* Is a look wanted; has one ended?  Both are taken: the next is told of the next. */
extern bool cdc_node_take_wanted(CdcNode *node);
extern bool cdc_node_take_looked(CdcNode *node);

/* A ping has told where the slots of the primary are, which standbys may follow; or they have. */
extern void cdc_source_may_follow(CdcService *source, bool may);

/* A slot is there that standbys are to have as well; or the looks that this needs were begun. */
extern void cdc_source_want_standbys(CdcService *source, bool wanted);

#endif							/* CDC_NODE_LOOK_H */
