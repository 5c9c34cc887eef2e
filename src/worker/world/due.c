/*
 * due.c
 *	  See due.h.
 */
#include "postgres.h"

#include "worker/world/due.h"

static int
compare(const pairingheap_node * a, const pairingheap_node * b, void *arg)
{
	const CdcDue *one = pairingheap_const_container(CdcDue, node, a);
	const CdcDue *other = pairingheap_const_container(CdcDue, node, b);

	return one->at < other->at ? 1 : one->at > other->at ? -1 : 0;
}

pairingheap *
cdc_dues_create(void)
{
	return pairingheap_allocate(compare, NULL);
}

CdcDue *
cdc_dues_first(pairingheap * dues)
{
	return pairingheap_is_empty(dues) ? NULL : pairingheap_container(CdcDue, node, pairingheap_first(dues));
}

int64
cdc_dues_next(pairingheap * dues)
{
	const CdcDue *first = cdc_dues_first(dues);

	return first ? first->at : 0;
}
