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

/* What a pipeline's decision needs to know; bits. */
#define CDC_NEED_SOURCE		1
#define CDC_NEED_CONNECT	2
#define CDC_NEED_OFFSETS	4
#define CDC_NEED_PLUGIN		8
#define CDC_NEED_NETWORK	16
#define CDC_NEED_AGENTS		32

/*
 * Is everything in needs known by a look begun at or after source_since
 * and connect_since?  If
 * not, starts the looks that are missing and returns false; the pipeline is
 * made ready again as they end.
 */
extern bool cdc_observe(CdcPipeline *pipeline, int needs);

/* Probes every node of a source, all at once, those under way excepted. */
extern void cdc_observe_nodes(CdcService *source);

/* Looks at a service for its own sake: a health round, or a new service. */
extern void cdc_observe_service(CdcService *service);

/*
 * A slow cluster's list is not asked for back to back: starts the lists whose
 * time has come, and judges how services whose row was read are registered; when the next one is due (0: none).
 */
extern void cdc_observe_paced(CdcWorld *world);
extern int64 cdc_observe_next(CdcWorld *world);

/* The connection for actions in the pipeline's database on the primary, or NULL. */
extern CdcPgConn *cdc_observe_ddl_conn(CdcPipeline *pipeline);

/*
 * Closes the connections to databases of a source in which nothing is left to
 * do, so that their owner can drop them.  Not from within a connection's
 * callback.
 */
extern void cdc_observe_release(CdcService *source);

/* The Connect URL in use. */
extern const char *cdc_observe_connect_url(const CdcService *sink);

/* Fills credentials, CA and timeouts of a request to a Connect cluster. */
extern void cdc_observe_connect_auth(const CdcService *sink, CdcHttpRequest *request);

/* The pipeline's connector in the last list, by name and mark; NULL when absent, somebody else's, or unknown. */
extern const CdcKcConnector *cdc_connector_of(const CdcPipeline *pipeline);

/* The pipeline's part of a source query; points into the pipeline. */
extern CdcSourceAsk cdc_observe_ask(const CdcPipeline *pipeline);

#endif							/* CDC_OBSERVE_H */
