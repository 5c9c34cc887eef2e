/*
 * identity.h
 *	  On whose behalf a call is answered; see identity.c.
 */
#ifndef CDC_IDENTITY_H
#define CDC_IDENTITY_H

#include "postgres.h"
#include "utils/uuid.h"

/* One on whose behalf something runs; lives in the frame of who pushed it. */
typedef struct CdcIdentity
{
	struct CdcIdentity *outer;	/* the stack's: not the pusher's to set */
	int			nest_level;		/* likewise */
	Oid			role;			/* the caller */
	Oid			runs_as;		/* code of this role, and of no other, may ask */
	bool		confined;		/* to the organization */
	pg_uuid_t	organization;
} CdcIdentity;

/*
 * From here on the caller is this one.  The identity must live until the pop;
 * whoever pushes one pops it on every way out (PG_FINALLY).
 */
extern void cdc_identity_push(CdcIdentity *identity);
extern void cdc_identity_pop(CdcIdentity *identity);

/* Who may ask on behalf of the present caller; ERROR 42501 when there is none. */
extern const CdcIdentity *cdc_identity(void);

#endif							/* CDC_IDENTITY_H */
