/*
 * sdn_seen.h
 *	  What was seen of the SDN API: a part of the world.
 */
#ifndef CDC_SDN_SEEN_H
#define CDC_SDN_SEEN_H

#include "postgres.h"

#include "reconciler/decide.h"
#include "remote/sdn.h"

/* The SDN API, as last seen.  Writer: worker/observe. */
typedef struct CdcSdn
{
	char	   *url;			/* that what follows is about */
	bool		listing;
	bool		list_wanted;	/* Writer: worker/world */
	int64		listing_since;
	int64		listed_at;		/* start of the last list that ended, 0 never */
	int64		good_at;		/* start of the list below */
	int64		changed_at;		/* something was expected to change. Writer: worker/world */
	CdcTri		reachable;
	bool		denied;			/* it refuses our credentials */
	char	   *error;
	CdcSdnList *list;			/* the last good one, or NULL */
} CdcSdn;

#endif							/* CDC_SDN_SEEN_H */
