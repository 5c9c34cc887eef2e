/*
 * organization.h
 *	  What the worker remembers of an organization: its limits, and whose
 *	  turn it is among its sources.
 *
 * Owns the records and their memory; one is made when it is first asked for or a
 * limit of its own is read.  Who counts against a limit asks for it each time: it
 * may change with every turn.
 */
#ifndef CDC_WORLD_ORGANIZATION_H
#define CDC_WORLD_ORGANIZATION_H

#include "extension/limits.h"
#include "worker/world/world.h"

/* Writer: worker/world */
typedef struct CdcOrganization
{
	char		id[CDC_UUID_LEN + 1];	/* the key */
	CdcRing		ring;			/* of its sources, in world->ready */
	int64		most[CDC_LIMITS];	/* of cdc.organization_limit, -1: the setting's */
} CdcOrganization;

/* The record, made when it is not there; it stays where it is until all rows are forgotten. */
extern CdcOrganization *cdc_world_organization(CdcWorld *world, const char *id);

/* How much the organization may have or use, of what its kind says. */
extern int64 cdc_world_limit(CdcWorld *world, const char *id, CdcLimit kind);

/* Every organization has the settings' limits again, before those that are read are set one by one; an unknown kind is passed over. */
extern void cdc_world_forget_limits(CdcWorld *world);
extern void cdc_world_set_limit(CdcWorld *world, const char *id, const char *kind, int64 most);

/* Forgets all; for cdc_world_forget_rows(). */
extern void cdc_world_forget_organizations(CdcWorld *world);

#endif							/* CDC_WORLD_ORGANIZATION_H */
