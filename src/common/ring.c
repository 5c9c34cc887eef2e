/*
 * ring.c
 *	  See ring.h.
 */
#include "postgres.h"

#include "common/ring.h"

void
cdc_ring_init(CdcRing *ring, CdcRing *above)
{
	ring->above = above;
	ring->queued = false;
	dlist_init(&ring->members);
}

bool
cdc_ring_waits(const CdcRing *group)
{
	/* dlist_is_empty() takes no const before PostgreSQL 16 */
	return group->members.head.next != &group->members.head;
}

void
cdc_ring_add(CdcRing *leaf)
{
	CdcRing    *ring;

	/* a group that waits already keeps its place */
	for (ring = leaf; ring->above && !ring->queued; ring = ring->above)
	{
		dlist_push_tail(&ring->above->members, &ring->node);
		ring->queued = true;
	}
}

/* Out of its group; groups that are left empty, out of theirs.  The first that is not, or NULL. */
static CdcRing *
take_out(CdcRing *ring)
{
	for (; ring->above; ring = ring->above)
	{
		dlist_delete(&ring->node);
		ring->queued = false;
		if (cdc_ring_waits(ring->above))
			return ring->above;
	}
	return NULL;
}

CdcRing *
cdc_ring_first(CdcRing *top, bool (*fits) (CdcRing *leaf, void *arg), void *arg)
{
	dlist_iter	iter;

	dlist_foreach(iter, &top->members)
	{
		CdcRing    *leaf = dlist_container(CdcRing, node, iter.cur);

		while (cdc_ring_waits(leaf))
			leaf = dlist_head_element(CdcRing, node, &leaf->members);
		if (fits == NULL || fits(leaf, arg))
			return leaf;
	}
	return NULL;
}

void
cdc_ring_take(CdcRing *leaf)
{
	CdcRing    *group;

	/* those that had a turn are last of their group now */
	for (group = take_out(leaf); group && group->above; group = group->above)
	{
		dlist_delete(&group->node);
		dlist_push_tail(&group->above->members, &group->node);
	}
}

CdcRing *
cdc_ring_next(CdcRing *top)
{
	CdcRing    *leaf = cdc_ring_first(top, NULL, NULL);

	if (leaf)
		cdc_ring_take(leaf);
	return leaf;
}

void
cdc_ring_leave(CdcRing *leaf)
{
	if (leaf->queued)
		(void) take_out(leaf);
}
