/*
 * ring.h
 *	  Who is next: round robin over groups, and within a group over its members,
 *	  however many each has.
 *
 * A group has members, which are groups or leaves; the outermost one is the top.
 * Of all leaves that are in, the next one is the longest waiting of the group
 * whose turn it is.  Knows nothing of what they stand for; allocates nothing.
 */
#ifndef CDC_RING_H
#define CDC_RING_H

#include "lib/ilist.h"

/* A leaf, or a group. */
typedef struct CdcRing
{
	struct CdcRing *above;		/* the group that it belongs to, NULL: it is the top */
	bool		queued;			/* in its members: a leaf that was added, a group that has one */
	dlist_node	node;
	dlist_head	members;		/* those that are queued, whose turn is next first; a leaf has none */
} CdcRing;

extern void cdc_ring_init(CdcRing *ring, CdcRing *above);

/* The leaf joins those that wait in its group; nothing when it does already. */
extern void cdc_ring_add(CdcRing *leaf);

/* Takes the leaf out whose turn it is; NULL: none waits. */
extern CdcRing *cdc_ring_next(CdcRing *top);

/* The leaf, if it waits, does so no longer; whose turn is next stays. */
extern void cdc_ring_leave(CdcRing *leaf);

/* Does a leaf wait anywhere below? */
extern bool cdc_ring_waits(const CdcRing *group);

#endif							/* CDC_RING_H */
