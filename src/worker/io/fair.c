/*
 * fair.c
 *	  See fair.h.
 *
 * A ring of three levels: a queue has organizations, each has services, each of
 * these items.  Groups are found by a hash of (queue, organization, service), and
 * gone when nothing waits below them.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/io/fair.h"
#include "worker/io/names.h"

struct CdcFairNode
{
	CdcRing		ring;
	CdcFairNode *organization;	/* of a service, else NULL */
	char		name[2 * CDC_OWNER_WORD + 32];
};

/* Of all queues of the process. */
static CdcNames *nodes;

/* The node of an organization (service NULL) or of a service in a queue; made when it is not there. */
static CdcFairNode *
node_of(CdcFair *queue, const char *organization, const char *service, CdcFairNode *above)
{
	char		name[2 * CDC_OWNER_WORD + 32];
	CdcFairNode *node;

	snprintf(name, sizeof(name), service ? "%p %s:%s" : "%p %s", (void *) queue, organization, service);
	node = cdc_names_find(&nodes, name);
	if (node)
		return node;
	node = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcFairNode));
	strlcpy(node->name, name, sizeof(node->name));
	node->organization = above;
	cdc_ring_init(&node->ring, above ? &above->ring : &queue->top);
	cdc_names_add(&nodes, node->name, node);
	return node;
}

static void
drop_unused(CdcFairNode *node)
{
	if (cdc_ring_waits(&node->ring))
		return;
	cdc_names_remove(&nodes, node->name);
	pfree(node);
}

void
cdc_fair_init(CdcFair *queue)
{
	cdc_ring_init(&queue->top, NULL);
	queue->waiting = 0;
}

void
cdc_fair_join(CdcFair *queue, const CdcOwner *owner, CdcFairItem *item)
{
	CdcFairNode *organization = node_of(queue, owner->organization, NULL, NULL);
	CdcFairNode *service = node_of(queue, owner->organization, owner->service, organization);

	cdc_ring_init(&item->ring, &service->ring);
	cdc_ring_add(&item->ring);
	item->service = service;
	queue->waiting++;
}

CdcFairItem *
cdc_fair_first(CdcFair *queue, bool (*fits) (CdcRing *item, void *arg), void *arg)
{
	return (CdcFairItem *) cdc_ring_first(&queue->top, fits, arg);
}

/* It is out of its ring: so are those of its groups that it was the last of. */
static void
left(CdcFair *queue, CdcFairItem *item)
{
	CdcFairNode *organization = item->service->organization;

	drop_unused(item->service);
	drop_unused(organization);
	item->service = NULL;
	queue->waiting--;
}

void
cdc_fair_take(CdcFair *queue, CdcFairItem *item)
{
	cdc_ring_take(&item->ring);
	left(queue, item);
}

void
cdc_fair_leave(CdcFair *queue, CdcFairItem *item)
{
	if (item->service == NULL)
		return;
	cdc_ring_leave(&item->ring);
	left(queue, item);
}
