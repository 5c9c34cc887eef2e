/*
 * reload.h
 *	  Whose row is read again when, of services and of pipelines: a few times at
 *	  once, then once a second, however often it is changed.
 *
 * What is read again is made anew and looked at anew, so whoever may change a row
 * in a loop would have its peers asked as often.  Owns what is remembered of each,
 * by its id, for as long as its share is not given back.  What is not read yet is
 * in no queue any more: a process that begins anew reads all.
 */
#ifndef CDC_WORLD_RELOAD_H
#define CDC_WORLD_RELOAD_H

#include "worker/world/due.h"
#include "worker/world/world.h"

/* Writer: worker/world */
typedef struct CdcReload
{
	char		id[CDC_UUID_LEN + 1];	/* the key */
	bool		pipeline;		/* else a service */
	bool		wanted;			/* it is in world->reloads_wanted */
	int64		until;			/* what its reads have used up of its share is given back by then */
	CdcDue		due;			/* when it may be read */
} CdcReload;

/* The row has changed.  Asked again before it is read, nothing. */
extern void cdc_reload_want(CdcWorld *world, const char *id, bool pipeline);

/*
 * Those that may be read by now: a List of CdcReload, in the caller's context.  They
 * are wanted until it is said that they were read.
 */
extern List *cdc_reloads_due(CdcWorld *world, int64 now);

/* It was read, and the transaction is over. */
extern void cdc_reload_done(CdcWorld *world, const char *id, int64 now);

/* When the next one may be read, 0: none is wanted. */
extern int64 cdc_reload_next(const CdcWorld *world);

/* Forgets those whose share is given back; all of them, since all rows are read. */
extern void cdc_reloads_tidy(CdcWorld *world, int64 now);
extern void cdc_reloads_forget(CdcWorld *world);

#endif							/* CDC_WORLD_RELOAD_H */
