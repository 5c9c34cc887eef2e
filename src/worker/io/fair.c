/*
 * fair.c
 *	  See fair.h.
 *
 * A tree of three levels: a queue has a ring of the organizations that wait in it,
 * each has a ring of its services that do, each of these a list of items.  Nodes
 * are found by a hash of (queue, organization, service), and gone when nothing
 * waits below them.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/io/fair.h"
#include "worker/io/names.h"

struct CdcFairNode
{
	char		name[2 * CDC_OWNER_WORD + 32];
	dlist_node	link;			/* in its ring */
	CdcFairNode *parent;		/* the organization of a service, else NULL */
	dlist_head	below;			/* services, or items */
};

/* Of all queues of the process. */
static CdcNames *nodes;

/* The node of an organization (service NULL) or of a service in a queue; made when it is not there. */
static CdcFairNode *
node_of(CdcFair *queue, const char *organization, const char *service, CdcFairNode *parent)
{
	char		name[2 * CDC_OWNER_WORD + 32];
	CdcFairNode *node;

	snprintf(name, sizeof(name), service ? "%p %s:%s" : "%p %s", (void *) queue, organization, service);
	node = cdc_names_find(&nodes, name);
	if (node)
		return node;
	node = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcFairNode));
	strlcpy(node->name, name, sizeof(node->name));
	node->parent = parent;
	dlist_init(&node->below);
	cdc_names_add(&nodes, node->name, node);
	dlist_push_tail(parent ? &parent->below : &queue->organizations, &node->link);
	return node;
}

static void
drop_node(CdcFairNode *node)
{
	dlist_delete(&node->link);
	cdc_names_remove(&nodes, node->name);
	pfree(node);
}

void
cdc_fair_init(CdcFair *queue)
{
	memset(queue, 0, sizeof(*queue));
	dlist_init(&queue->organizations);
}

void
cdc_fair_join(CdcFair *queue, const CdcOwner *owner, CdcFairItem *item)
{
	CdcFairNode *organization = node_of(queue, owner->organization, NULL, NULL);
	CdcFairNode *service = node_of(queue, owner->organization, owner->service, organization);

	dlist_push_tail(&service->below, &item->link);
	item->service = service;
	queue->waiting++;
}

CdcFairItem *
cdc_fair_first(CdcFair *queue, bool (*fits) (CdcFairItem *item, void *arg), void *arg)
{
	dlist_iter	iter;

	dlist_foreach(iter, &queue->organizations)
	{
		CdcFairNode *organization = dlist_container(CdcFairNode, link, iter.cur);
		CdcFairNode *service;
		CdcFairItem *item;

		/* joining it ran out of memory */
		if (dlist_is_empty(&organization->below))
			continue;
		service = dlist_head_element(CdcFairNode, link, &organization->below);
		item = dlist_head_element(CdcFairItem, link, &service->below);
		if (fits == NULL || fits(item, arg))
			return item;
	}
	return NULL;
}

/* turned: it had its turn. */
static void
leave(CdcFair *queue, CdcFairItem *item, bool turned)
{
	CdcFairNode *service = item->service;
	CdcFairNode *organization = service->parent;

	dlist_delete(&item->link);
	item->service = NULL;
	queue->waiting--;
	if (dlist_is_empty(&service->below))
		drop_node(service);
	else if (turned)
	{
		dlist_delete(&service->link);
		dlist_push_tail(&organization->below, &service->link);
	}
	if (dlist_is_empty(&organization->below))
		drop_node(organization);
	else if (turned)
	{
		dlist_delete(&organization->link);
		dlist_push_tail(&queue->organizations, &organization->link);
	}
}

void
cdc_fair_take(CdcFair *queue, CdcFairItem *item)
{
	leave(queue, item, true);
}

void
cdc_fair_leave(CdcFair *queue, CdcFairItem *item)
{
	if (item->service)
		leave(queue, item, false);
}
