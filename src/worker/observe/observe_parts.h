/*
 * observe_parts.h
 *	  What the files of observe have of each other: observe.c asks for what a
 *	  pipeline needs, the others look at a peer each.
 */
#ifndef CDC_OBSERVE_PARTS_H
#define CDC_OBSERVE_PARTS_H

#include "worker/observe/observe.h"

/* A look touches catalogs only; a server that needs longer is ill. */
#define LOOK_TIMEOUT_MS 10000

/* What an answer belongs to, by ids: the objects may be gone when it comes. */
typedef struct CdcProbe
{
	CdcWorld   *world;
	char		service_id[CDC_UUID_LEN + 1];
	char	   *database;		/* of a database look; NULL: a node probe */
	int			node;
	int64		started;
	CdcSourceObs *obs;			/* of a node whose history is asked for, in its obs_context */
	int			n;
	char		(*pipelines)[CDC_UUID_LEN + 1];
} CdcProbe;

/* database NULL: of a node, whose number the caller sets. */
extern CdcProbe *cdc_probe_make(CdcService *service, const char *database, int npipelines);
extern void cdc_probe_free(CdcProbe *probe);

/* What a look has answered, palloc'd; NULL: it makes no sense. */
extern CdcSourceObs *cdc_probe_answer(const CdcPgResult *result);

/*
 * The history of a primary whose administrator may not read files, from a walsender
 * of its: that needs REPLICATION alone.
 *
 * complete fills it into what a look has answered, from what is remembered of the
 * node.  False: it has to be asked first; again: it is time to, since it failed.  ask does, within a few seconds; done is
 * called once with the probe, whose node is there, and whatever came of it is remembered;
 * where the node goes meanwhile the probe is freed.
 * forget: whoever answers there now may be another server.
 */
typedef void (*CdcHistoryDone) (CdcProbe *probe, CdcNode *node);
extern bool cdc_history_complete(CdcNode *node, CdcSourceObs *obs);
extern bool cdc_history_again(const CdcNode *node);
extern void cdc_history_ask(CdcNode *node, CdcProbe *probe, CdcHistoryDone done);
extern void cdc_history_forget(CdcNode *node);

/* For cdc_pg_watch: an idle connection to a node of this service has ended. */
extern void cdc_observe_lost(CdcPgConn *conn, void *service);

/* Was every node of the service looked at by a probe begun at or after this? */
extern bool cdc_observe_nodes_since(CdcService *service, int64 when);

/*
 * Is all known that the pipeline's network step needs?  If not, starts the
 * looks that are missing and returns false; the pipeline is made ready again
 * as they end.  Where the network was seen active nothing is waited for.
 */
extern bool cdc_network_observe(CdcPipeline *pipeline);

/* Starts a list of peerings that is wanted; monotonic ms of the next one, 0 for none. */
extern void cdc_network_observe_due(CdcWorld *world);
extern int64 cdc_network_observe_next(const CdcWorld *world);

/*
 * Looks at the pipeline's connector alone, which is ready when that is answered; false:
 * the list of all is to be asked for.
 */
extern bool cdc_observe_connector(CdcPipeline *pipeline);

/* Looks at every agent, unless that is under way. */
extern void cdc_agents_look(CdcService *sink);

/* Is the pipeline's source known by a look begun at or after source_since? */
extern bool cdc_observe_source_fresh(CdcPipeline *pipeline);

/* Puts the pipeline into the next look at its database, or probes the nodes. */
extern void cdc_observe_source_want(CdcPipeline *pipeline);

/* The same of the columns of its tables; starts the look at them that is wanted of a database. */
extern bool cdc_observe_columns_fresh(CdcPipeline *pipeline);
extern void cdc_observe_columns_want(CdcPipeline *pipeline);
extern void cdc_observe_columns_look(CdcSourceDb *db);

/* Opens the connection of looks, if it is not; false: there is no primary.  A look has ended: is the connection to be closed? */
extern bool cdc_observe_open(CdcSourceDb *db);
extern void cdc_observe_unused(CdcSourceDb *db);

/*
 * Asks the primary of a service whether it is there, or looks for one that is lost;
 * when that is due again (0: not).
 */
extern int64 cdc_observe_source_due(CdcService *service);

/* Asks the source why its snapshot is interrupted, once for each that was. */
extern void cdc_observe_why(CdcPipeline *pipeline);

/* Asks the source what waits behind its slot, while it is in need of a reason. */
extern void cdc_observe_pending(CdcPipeline *pipeline);

/* Closes connections of cdc_observe_leave(); not from within a connection's callback. */
extern void cdc_observe_release(CdcService *source);

#endif							/* CDC_OBSERVE_PARTS_H */
