/*
 * dirty.h
 *	  What of the world is to be written with the next turn: a list for each kind
 *	  of row, so that a turn costs what has changed and not what there is.
 *
 * Whoever changes something that is stored says so by cdc_dirty_*().  The store
 * alone walks the lists and says what has become of each: cdc_written(), or
 * cdc_not_written(), and it is tried again later; what it says nothing of, since
 * the turn failed, stays.
 */
#ifndef CDC_DIRTY_H
#define CDC_DIRTY_H

#include "postgres.h"
#include "lib/ilist.h"

#include "worker/world/due.h"

struct CdcWorld;
struct CdcPipeline;
struct CdcService;
struct CdcNode;
struct CdcPair;

typedef enum CdcRow
{
	/* of a pipeline */
	CDC_ROW_SPEC,				/* cdc.pipeline_spec */
	CDC_ROW_SECRET,				/* cdc.pipeline_secret */
	CDC_ROW_OBSERVED,			/* cdc.pipeline_observed */
	CDC_ROW_STANDBYS,			/* cdc.pipeline_standby: those of p->shadows that are dirty */
	CDC_ROW_PIPELINE_FINDINGS,	/* cdc.finding: those of p->findings that are dirty */
	CDC_NUM_PIPELINE_ROWS,

	/* of a service */
	CDC_ROW_SERVICE = CDC_NUM_PIPELINE_ROWS,	/* cdc.service: what was seen of it */
	CDC_ROW_CHECKED,			/* cdc.service: when all of its pipelines had been looked at */
	CDC_ROW_PROVIDED,			/* cdc.service: how to reach it, as its provider says */
	CDC_ROW_SERVICE_FINDINGS,	/* cdc.finding: those of s->findings that are dirty */

	CDC_ROW_NODE,				/* cdc.service_node */
	CDC_ROW_PAIR,				/* cdc.network_peering */
	CDC_NUM_ROWS
} CdcRow;

#define CDC_NUM_SERVICE_ROWS (CDC_ROW_NODE - CDC_ROW_SERVICE)

/* Of one record, that one row of it is to be written.  Writer: worker/world. */
typedef struct CdcDirty
{
	void	   *owner;			/* the record; NULL: clean */
	CdcRow		row;
	bool		held;			/* somebody has its row: not before */
	int64		held_since;		/* since when that is so, 0: it is not */
	int64		told_at;		/* when that was told last, 0: not. Writer: worker/world */
	bool		skipped;		/* it was so in the last turn that tried. Writer: worker/world */
	dlist_node	node;			/* in the list of its kind, unless held: */
	CdcDue		again;			/* in the heap of those: when it is tried again */
} CdcDirty;

/* All that is to be written.  Writer: worker/world. */
typedef struct CdcDirtyRows
{
	dlist_head	due[CDC_NUM_ROWS];	/* CdcDirty, the longest waiting first */
	int			n;				/* how many there are in these */
	pairingheap *held;			/* CdcDirty, by again */
} CdcDirtyRows;

/* A row of this record is to be written; nothing when it is so already.  What is held stays so. */
extern void cdc_dirty_pipeline(struct CdcPipeline *pipeline, CdcRow row);
extern void cdc_dirty_service(struct CdcService *service, CdcRow row);
extern void cdc_dirty_node(struct CdcNode *node);
extern void cdc_dirty_pair(struct CdcPair *pair);

/* Is it to be written, now or later?  And was it not, since somebody holds its row? */
extern bool cdc_is_dirty(const CdcDirty *dirty);
extern bool cdc_is_held(const CdcDirty *dirty);

/* Rows whose time has come join those that are due.  Is anything due? */
extern bool cdc_dirty_due(struct CdcWorld *world, int64 now);

/* When the first of those that are held is due, 0: none is. */
extern int64 cdc_dirty_next(const struct CdcWorld *world);

/*
 * Walks over what is due of a kind, in the order in which it became dirty; its
 * body may say of each what has become of it, or forget its owner:
 *
 *		cdc_dirty_each(CDC_ROW_SPEC, iter, world)
 *		{
 *			CdcPipeline *p = cdc_dirty_owner(iter);
 */
#define cdc_dirty_each(row, iter, world) dlist_foreach_modify(iter, &(world)->dirty.due[row])
#define cdc_dirty_owner(iter) (dlist_container(CdcDirty, node, (iter).cur)->owner)

/*
 * Its row is as the record is, and the turn has committed; or somebody holds the row:
 * it is tried again in a moment, and ever later the longer that is so.
 */
extern void cdc_written(struct CdcWorld *world, CdcDirty *dirty);
extern void cdc_not_written(struct CdcWorld *world, CdcDirty *dirty, int64 now);

/* Somebody holds its row, or nobody does; and that was told at this time, 0: that it is over. */
extern void cdc_dirty_skip(CdcDirty *dirty, bool skipped);
extern void cdc_dirty_told(CdcDirty *dirty, int64 at);

/* Of a world that is being made. */
extern void cdc_dirty_create(struct CdcWorld *world);

/* The record is forgotten: nothing of it is to be written; as cdc_written(). */
extern void cdc_dirty_forget_pipeline(struct CdcPipeline *pipeline);
extern void cdc_dirty_forget_service(struct CdcService *service);

#endif							/* CDC_DIRTY_H */
