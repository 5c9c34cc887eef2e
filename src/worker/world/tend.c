/*
 * tend.c
 *	  See tend.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/tend.h"
#include "worker/world/world.h"

/* At once: a time that has long passed. */
#define AT_ONCE 1

static int
compare_times(const pairingheap_node * a, const pairingheap_node * b, void *arg)
{
	const CdcTended *one = pairingheap_const_container(CdcTended, node, a);
	const CdcTended *other = pairingheap_const_container(CdcTended, node, b);

	return one->at < other->at ? 1 : one->at > other->at ? -1 : 0;
}

void
cdc_tend_create(CdcWorld *world)
{
	MemoryContext old = MemoryContextSwitchTo(world->context);
	int			i;

	for (i = 0; i < CDC_NUM_TENDS; i++)
		world->tended[i] = pairingheap_allocate(compare_times, NULL);
	MemoryContextSwitchTo(old);
}

void
cdc_tend_add(CdcService *s)
{
	int			i;

	for (i = 0; i < CDC_NUM_TENDS; i++)
	{
		s->tended[i].service = s;
		cdc_tend(s, (CdcTend) i);
	}
}

void
cdc_tend_leave(CdcService *s)
{
	int			i;

	for (i = 0; i < CDC_NUM_TENDS; i++)
		cdc_tend_at(s, (CdcTend) i, 0);
}

void
cdc_tend_at(CdcService *s, CdcTend what, int64 at)
{
	CdcTended  *tended = &s->tended[what];

	if (tended->at == at)
		return;
	if (tended->at != 0)
		pairingheap_remove(s->world->tended[what], &tended->node);
	tended->at = at;
	if (at != 0)
		pairingheap_add(s->world->tended[what], &tended->node);
}

void
cdc_tend_by(CdcService *s, CdcTend what, int64 at)
{
	if (at != 0 && (s->tended[what].at == 0 || at < s->tended[what].at))
		cdc_tend_at(s, what, at);
}

void
cdc_tend(CdcService *s, CdcTend what)
{
	cdc_tend_at(s, what, AT_ONCE);
}

static CdcTended *
first(const CdcWorld *world, CdcTend what)
{
	if (pairingheap_is_empty(world->tended[what]))
		return NULL;
	return pairingheap_container(CdcTended, node, pairingheap_first(world->tended[what]));
}

CdcService *
cdc_tend_next_due(CdcWorld *world, CdcTend what, int64 now)
{
	CdcTended  *tended = first(world, what);

	if (tended == NULL || tended->at > now)
		return NULL;
	cdc_tend_at(tended->service, what, 0);
	return tended->service;
}

int64
cdc_tend_next(const CdcWorld *world)
{
	int64		next = 0;
	int			i;

	for (i = 0; i < CDC_NUM_TENDS; i++)
	{
		const CdcTended *tended = first(world, (CdcTend) i);

		if (tended && (next == 0 || tended->at < next))
			next = tended->at;
	}
	return next;
}
