/*
 * pair.c
 *	  Records of pairs of networks.
 *
 * See pair.h.  Owns their allocation and look-up; asks nobody, decides nothing.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/pair.h"

CdcPair *
cdc_pair_find(CdcWorld *world, const char *one, const char *other, bool make)
{
	const char *a = strcmp(one, other) < 0 ? one : other;
	const char *b = a == one ? other : one;
	MemoryContext old;
	ListCell   *cell;
	CdcPair    *pair;

	foreach(cell, world->pairs)
	{
		pair = lfirst(cell);
		if (strcmp(pair->a, a) == 0 && strcmp(pair->b, b) == 0)
			return pair;
	}
	if (!make)
		return NULL;
	old = MemoryContextSwitchTo(world->context);
	pair = palloc0(sizeof(CdcPair));
	pair->world = world;
	strlcpy(pair->a, a, sizeof(pair->a));
	strlcpy(pair->b, b, sizeof(pair->b));
	if (world->installation)
		pair->installation = pstrdup(world->installation);
	world->pairs = lappend(world->pairs, pair);
	MemoryContextSwitchTo(old);
	return pair;
}

void
cdc_pair_forget(CdcPair *pair)
{
	MemoryContext context = pair->world->context;

	pair->world->pairs = list_delete_ptr(pair->world->pairs, pair);
	cdc_set_string(context, &pair->state_ab, NULL);
	cdc_set_string(context, &pair->state_ba, NULL);
	cdc_set_string(context, &pair->installation, NULL);
	cdc_set_string(context, &pair->error, NULL);
	cdc_set_string(context, &pair->refused, NULL);
	pfree(pair);
}
