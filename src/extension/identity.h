/*
 * identity.h
 *	  On whose behalf a call is answered; see identity.c.
 */
#ifndef CDC_IDENTITY_H
#define CDC_IDENTITY_H

#include "postgres.h"
#include "utils/uuid.h"

/*
 * From here on the caller is this role, confined to the organisation unless it
 * is NULL.  ERROR when an identity is assumed already.  Whoever assumes one
 * resets it on every way out (PG_FINALLY).
 */
extern void cdc_identity_assume(Oid role, const pg_uuid_t *organization);
extern void cdc_identity_reset(void);

#endif							/* CDC_IDENTITY_H */
