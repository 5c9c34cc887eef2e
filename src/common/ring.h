/*
 * ring.h
 *	  Who is next: round robin over groups, and within a group over its members,
 *	  however many each has.
 *
 * A group has members, which are groups or leaves; the outermost one is the top.
 * Of all leaves that are in, the next one is the longest waiting of the group
 * whose turn it is.  Adding, taking and leaving cost the same at any length.  Knows
 * nothing of what they stand for; allocates nothing; no I/O, no clock.
 */
#ifndef CDC_RING_H
#define CDC_RING_H

#include "lib/ilist.h"

/* A leaf, or a group.  Zeroed, a leaf waits nowhere. */
typedef struct CdcRing
{
	struct CdcRing *above;		/* the group that it belongs to, NULL: it is the top */
	bool		queued;			/* in its members: a leaf that was added, a group that has one */
	dlist_node	node;
	dlist_head	members;		/* those that are queued, whose turn is next first; a leaf has none */
} CdcRing;

/* Of one that is in no group, or leaves it first; above NULL: a top.  Groups stay where they are in memory while they have members. */
extern void cdc_ring_init(CdcRing *ring, CdcRing *above);

/* The leaf joins those that wait in its group; nothing when it does already. */
extern void cdc_ring_add(CdcRing *leaf);

/*
 * The leaf whose turn it is, left where it is; NULL: nobody's.  fits(leaf, arg) may
 * pass over a member of the top: it is asked about the first leaf of each, in their
 * order; NULL: none is passed over.
 */
extern CdcRing *cdc_ring_first(CdcRing *top, bool (*fits) (CdcRing *leaf, void *arg), void *arg);

/* The leaf, which waits, has its turn: it is out, and its groups go behind the others. */
extern void cdc_ring_take(CdcRing *leaf);

/* Both: takes the leaf out whose turn it is; NULL: none waits. */
extern CdcRing *cdc_ring_next(CdcRing *top);

/* The leaf, if it waits, does so no longer; whose turn is next stays. */
extern void cdc_ring_leave(CdcRing *leaf);

/* Does a leaf wait anywhere below? */
extern bool cdc_ring_waits(const CdcRing *group);

#endif							/* CDC_RING_H */
