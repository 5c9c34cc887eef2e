/*
 * organization.c
 *	  Organizations in the worker's memory, by id; see organization.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "worker/world/organization.h"

/* Rounds of an organization: so many at once, then one in this time. */
#define ROUNDS_AT_ONCE 4
#define ROUND_MS 1000

static void
reset_limits(CdcOrganization *organization)
{
	int			i;

	for (i = 0; i < CDC_LIMITS; i++)
		organization->most[i] = -1;
}

CdcOrganization *
cdc_world_organization(CdcWorld *world, const char *id)
{
	CdcOrganization *organization;
	char		key[CDC_UUID_LEN + 1];
	bool		found;

	if (world->organizations == NULL)
	{
		HASHCTL		how;

		memset(&how, 0, sizeof(how));
		how.keysize = sizeof(key);
		how.entrysize = sizeof(CdcOrganization);
		how.hcxt = world->context;
		world->organizations = hash_create("cdc_pipeline organizations", 64, &how, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	strlcpy(key, id, sizeof(key));
	organization = hash_search(world->organizations, key, HASH_ENTER, &found);
	if (!found)
	{
		reset_limits(organization);
		cdc_ring_init(&organization->ring, &world->ready);
		organization->round_wanted = organization->round_asked = false;
		organization->rounds_until = 0;
	}
	return organization;
}

int64
cdc_world_limit(CdcWorld *world, const char *id, CdcLimit kind)
{
	int64		most = cdc_world_organization(world, id)->most[kind];

	return most >= 0 ? most : cdc_limit_default(kind);
}

void
cdc_world_forget_limits(CdcWorld *world)
{
	HASH_SEQ_STATUS all;
	CdcOrganization *organization;

	if (world->organizations == NULL)
		return;
	hash_seq_init(&all, world->organizations);
	while ((organization = hash_seq_search(&all)) != NULL)
		reset_limits(organization);
}

void
cdc_world_set_limit(CdcWorld *world, const char *id, const char *kind, int64 most)
{
	CdcLimit	known = cdc_limit_by_name(kind);

	if (known != CDC_LIMITS)
		cdc_world_organization(world, id)->most[known] = most;
}

void
cdc_world_want_round(CdcWorld *world, const char *id, bool asked)
{
	CdcOrganization *organization = cdc_world_organization(world, id);
	MemoryContext old;

	organization->round_asked = organization->round_asked || asked;
	if (organization->round_wanted)
		return;
	organization->round_wanted = true;
	old = MemoryContextSwitchTo(world->context);
	world->rounds = lappend(world->rounds, organization);
	MemoryContextSwitchTo(old);
}

/* When a round of it may begin: its share is used up while more than all at once are to be given back. */
static int64
due(const CdcOrganization *organization)
{
	return Max(organization->rounds_until - (ROUNDS_AT_ONCE - 1) * ROUND_MS, 1);
}

const CdcOrganization *
cdc_world_begin_round(CdcWorld *world, int64 now, bool *asked)
{
	ListCell   *cell;

	foreach(cell, world->rounds)
	{
		CdcOrganization *organization = lfirst(cell);

		if (due(organization) > now)
			continue;
		*asked = organization->round_asked;
		organization->round_wanted = organization->round_asked = false;
		organization->rounds_until = Max(organization->rounds_until, now) + ROUND_MS;
		world->rounds = foreach_delete_current(world->rounds, cell);
		return organization;
	}
	return NULL;
}

int64
cdc_world_round_due(const CdcWorld *world)
{
	ListCell   *cell;
	int64		next = 0;

	foreach(cell, world->rounds)
	{
		int64		at = due(lfirst(cell));

		if (next == 0 || at < next)
			next = at;
	}
	return next;
}

void
cdc_world_rounds_begun(CdcWorld *world)
{
	ListCell   *cell;

	foreach(cell, world->rounds)
	{
		CdcOrganization *organization = lfirst(cell);

		organization->round_wanted = organization->round_asked = false;
	}
	list_free(world->rounds);
	world->rounds = NIL;
}

void
cdc_world_forget_organizations(CdcWorld *world)
{
	cdc_world_rounds_begun(world);
	if (world->organizations)
		hash_destroy(world->organizations);
	world->organizations = NULL;
}
