/*
 * fair.h
 *	  A queue that is taken from round robin: over organizations, then over an
 *	  organization's services, then in the order in which a service's came.
 *
 * So who comes waits for as many others as there are owners, however much these
 * have queued.  The order is a ring's (common/ring.h); here is which groups it has:
 * those of the owners of what waits.  Pure: no I/O, no clock.  Knows nothing of
 * what it queues, nor of what an owner is: an owner is two words that are compared.
 */
#ifndef CDC_FAIR_H
#define CDC_FAIR_H

#include "postgres.h"

#include "common/ring.h"
#include "worker/io/owner.h"

typedef struct CdcFairNode CdcFairNode;

/* What waits has one of these in it; zeroed, it waits nowhere. */
typedef struct CdcFairItem
{
	CdcRing		ring;			/* the first member */
	CdcFairNode *service;		/* where it waits, NULL: it does not */
} CdcFairItem;

typedef struct CdcFair
{
	CdcRing		top;			/* of organizations */
	int			waiting;		/* items in it */
} CdcFair;

extern void cdc_fair_init(CdcFair *queue);

/* Joins; the owner is copied.  ERROR: out of memory, and it has not joined. */
extern void cdc_fair_join(CdcFair *queue, const CdcOwner *owner, CdcFairItem *item);

/*
 * Whose turn it is, left where it is; NULL: nobody's.  fits(), given an item's ring,
 * may pass over an organization, as cdc_ring_first() says.
 */
extern CdcFairItem *cdc_fair_first(CdcFair *queue, bool (*fits) (CdcRing *item, void *arg), void *arg);

/* Had its turn: it leaves, and its service and its organization go behind the others. */
extern void cdc_fair_take(CdcFair *queue, CdcFairItem *item);

/* Leaves without having had its turn; nothing, when it waits nowhere. */
extern void cdc_fair_leave(CdcFair *queue, CdcFairItem *item);

static inline bool
cdc_fair_waits(const CdcFairItem *item)
{
	return item->service != NULL;
}

#endif							/* CDC_FAIR_H */
