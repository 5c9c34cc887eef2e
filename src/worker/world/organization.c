/*
 * organization.c
 *	  Organizations in the worker's memory, by id; see organization.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "worker/world/organization.h"

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
cdc_world_forget_organizations(CdcWorld *world)
{
	if (world->organizations)
		hash_destroy(world->organizations);
	world->organizations = NULL;
}
