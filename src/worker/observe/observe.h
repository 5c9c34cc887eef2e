/*
 * observe.h
 *	  Looking at the peers: nodes, databases, Connect clusters, offsets.
 *
 * Asks and stores the answers in the world; changes nothing outside and
 * decides nothing.  One look serves every pipeline that waits for it: one
 * query a node and database, one GET a Connect cluster.  A look that failed is
 * an answer too ("unknown, because").
 */
#ifndef CDC_OBSERVE_H
#define CDC_OBSERVE_H

#include "worker/world/world.h"

/*
 * Is everything in needs (CDC_NEED_* of facts.h) known by looks that count, those
 * begun at or after the times of the pipeline's plan?  If not, starts the looks that
 * are missing and returns false; the pipeline is made ready again as they end.
 */
extern bool cdc_observe(CdcPipeline *pipeline, int needs);

/* Probes every node of a source, all at once, those under way excepted. */
extern void cdc_observe_nodes(CdcService *source);

/* Looks at a service for its own sake: a health round, or a new service. */
extern void cdc_observe_service(CdcService *service);

/*
 * Sees to services whose time has come (tend.h): a slow cluster's list, which is
 * not asked for back to back, whether a primary is there, how one whose row was
 * read is registered, databases to be left.  When the network is looked at next, 0: not.
 */
extern void cdc_observe_paced(CdcWorld *world);
extern int64 cdc_observe_next(CdcWorld *world);

/*
 * At the loop's next step, closes the connections to databases of a source in
 * which nothing is left to do, so that their owner can drop them.
 */
extern void cdc_observe_leave(CdcService *source);

/* A health round: one list for all, and each network whose ranges or label are needed. */
extern void cdc_network_round(CdcWorld *world);

/* Asks for the network of one service, where that has something to tell. */
extern void cdc_network_look(CdcService *service);

/* Starts the looks that are wanted: one a database, for all of its pipelines. */
extern void cdc_observe_source_looks(CdcWorld *world);

/*
 * For one that waits for its slot: has the source watch it, which is much cheaper
 * than a look; when it changes, the pipeline is visited with looks that are
 * begun after that.  False: look, since the last one is too long ago or there
 * is no primary to be asked.
 */
extern bool cdc_observe_source_watch(CdcPipeline *pipeline);

/* ms between two looks for a pipeline that waits, 0: not known yet */
extern int	cdc_observe_source_pace(const CdcPipeline *pipeline);

/* Looks at one node, unless that is under way. */
extern void cdc_observe_node(CdcNode *node);

/* The findings about how a pipeline that is kept logs in at its source; whenever it is visited. */
extern void cdc_login_check_pipeline(CdcPipeline *pipeline);

#endif							/* CDC_OBSERVE_H */
