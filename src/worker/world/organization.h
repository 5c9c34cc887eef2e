/*
 * organization.h
 *	  What the worker remembers of an organization: its limits, whose turn it
 *	  is among its sources, and the health rounds of what is its own alone.
 *
 * Owns the records and their memory; one is made when it is first asked for or a
 * limit of its own is read.  Who counts against a limit asks for it each time: it
 * may change with every turn.
 *
 * Whatever a member may call in a loop sets off a round of his organization, and
 * of no other: a few at once, then one a second, however often he calls.
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
	bool		round_wanted;	/* it is in world->rounds */
	bool		round_asked;	/* by check_health(): Failed ones are looked at too */
	int64		rounds_until;	/* what its rounds have used up of its share is given back by then */
} CdcOrganization;

/* The record, made when it is not there; it stays where it is until all rows are forgotten. */
extern CdcOrganization *cdc_world_organization(CdcWorld *world, const char *id);

/* How much the organization may have or use, of what its kind says. */
extern int64 cdc_world_limit(CdcWorld *world, const char *id, CdcLimit kind);

/* Every organization has the settings' limits again, before those that are read are set one by one; an unknown kind is passed over. */
extern void cdc_world_forget_limits(CdcWorld *world);
extern void cdc_world_set_limit(CdcWorld *world, const char *id, const char *kind, int64 most);

/* A round of the organization is wanted; asked: by check_health(). */
extern void cdc_world_want_round(CdcWorld *world, const char *id, bool asked);

/*
 * The next organization of which a round begins by now: it is not wanted any more.
 * NULL: there is none.  *asked: by check_health().
 */
extern const CdcOrganization *cdc_world_begin_round(CdcWorld *world, int64 now, bool *asked);

/* When the next one is due, 0: none is wanted. */
extern int64 cdc_world_round_due(const CdcWorld *world);

/* A round of all begins: it is one of each organization. */
extern void cdc_world_rounds_begun(CdcWorld *world);

/* Forgets all; for cdc_world_forget_rows(). */
extern void cdc_world_forget_organizations(CdcWorld *world);

#endif							/* CDC_WORLD_ORGANIZATION_H */
