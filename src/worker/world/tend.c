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

void
cdc_tend_create(CdcWorld *world)
{
	MemoryContext old = MemoryContextSwitchTo(world->context);
	int			i;

	for (i = 0; i < CDC_NUM_TENDS; i++)
		world->tended[i] = cdc_dues_create();
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

	if (tended->due.at == at)
		return;
	if (tended->due.at != 0)
		pairingheap_remove(s->world->tended[what], &tended->due.node);
	tended->due.at = at;
	if (at != 0)
		pairingheap_add(s->world->tended[what], &tended->due.node);
}

void
cdc_tend_by(CdcService *s, CdcTend what, int64 at)
{
	if (at != 0 && (s->tended[what].due.at == 0 || at < s->tended[what].due.at))
		cdc_tend_at(s, what, at);
}

void
cdc_tend(CdcService *s, CdcTend what)
{
	cdc_tend_at(s, what, AT_ONCE);
}

CdcService *
cdc_tend_next_due(CdcWorld *world, CdcTend what, int64 now)
{
	CdcDue	   *due = cdc_dues_first(world->tended[what]);
	CdcTended  *tended;

	if (due == NULL || due->at > now)
		return NULL;
	tended = cdc_due_of(CdcTended, due, due);
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
		int64		at = cdc_dues_next(world->tended[i]);

		if (at != 0 && (next == 0 || at < next))
			next = at;
	}
	return next;
}
