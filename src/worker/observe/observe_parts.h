/*
 * observe_parts.h
 *	  What the files that look at sources share; used by observe/node.c and
 *	  observe/source.c alone.
 */
#ifndef CDC_OBSERVE_PARTS_H
#define CDC_OBSERVE_PARTS_H

#include "worker/world/world.h"

/* A look touches catalogs only; a server that needs longer is ill. */
#define LOOK_TIMEOUT_MS 10000

/* Of the answer to cdc_source_observe_sql. */
extern const CdcPgShape cdc_observe_shape;

/* What an answer belongs to, by ids: the objects may be gone when it comes. */
typedef struct CdcProbe
{
	CdcWorld   *world;
	char		service_id[CDC_UUID_LEN + 1];
	char	   *database;		/* of a database look; NULL: a node probe */
	int			node;
	int64		started;
	int			n;
	char		(*pipelines)[CDC_UUID_LEN + 1];
} CdcProbe;

/* database NULL: of a node, whose number the caller sets. */
extern CdcProbe *cdc_probe_make(CdcService *service, const char *database, int npipelines);
extern void cdc_probe_free(CdcProbe *probe);

/* How to connect to a database on a node, as the administrator; points into the node. */
extern void cdc_observe_target(CdcNode *node, const char *database, CdcPgTarget *target);

/* For cdc_pg_watch: an idle connection to a node of this service has ended. */
extern void cdc_observe_lost(CdcPgConn *conn, void *service);

/* Was every node of the service looked at by a probe begun at or after this? */
extern bool cdc_observe_nodes_since(CdcService *service, int64 when);

/* Closes the connections of a database; the next look opens new ones. */
extern void cdc_observe_hang_up(CdcSourceDb *db);

#endif							/* CDC_OBSERVE_PARTS_H */
