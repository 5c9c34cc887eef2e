/*
 * tend.h
 *	  When a service is seen to: one time for each matter, in a heap, so that a step
 *	  of the loop costs what is due in it and not how many services there are.
 *
 * Whoever is due works out by himself what there is to do and when there is
 * more: so to see to it once too often is nothing, and a health round sees to all.
 */
#ifndef CDC_TEND_H
#define CDC_TEND_H

#include "postgres.h"

#include "worker/world/due.h"

struct CdcWorld;
struct CdcService;

/* What a service is seen to for. */
typedef enum CdcTend
{
	CDC_TEND_LOOKS,				/* its own looks: whether it is there, lists that are wanted */
	CDC_TEND_STANDBYS,			/* what looks at its nodes have told */
	CDC_TEND_PROVIDER,			/* what its provider is asked */
	CDC_NUM_TENDS
} CdcTend;

/* When.  Writer: worker/world. */
typedef struct CdcTended
{
	struct CdcService *service;
	CdcDue		due;			/* in world->tended of its kind, unless at is 0: not planned */
} CdcTended;

/* It is seen to at this time, in place of any other (0: at none); then at the latest; at once. */
extern void cdc_tend_at(struct CdcService *service, CdcTend what, int64 at);
extern void cdc_tend_by(struct CdcService *service, CdcTend what, int64 at);
extern void cdc_tend(struct CdcService *service, CdcTend what);

/* Takes the next one that is due, which has no time any more; NULL: none is. */
extern struct CdcService *cdc_tend_next_due(struct CdcWorld *world, CdcTend what, int64 now);

/* When the next one is due, whatever for; 0: none is. */
extern int64 cdc_tend_next(const struct CdcWorld *world);

/* Of a world, of a service that is being made; of one that is forgotten. */
extern void cdc_tend_create(struct CdcWorld *world);
extern void cdc_tend_add(struct CdcService *service);
extern void cdc_tend_leave(struct CdcService *service);

#endif							/* CDC_TEND_H */
