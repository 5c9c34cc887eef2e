/*
 * descriptors.h
 *	  The descriptors of this process: whoever connects asks for them here first.
 *
 * Joins the pool (pool.h: who is next) with PostgreSQL's own count of descriptors.
 * They are a third of what the process may have open, as PostgreSQL has it for what is
 * not its own, less what libcurl, c-ares and the loop have open beside.  Raised by
 * max_files_per_process; when somebody has waited for long the log says so.
 */
#ifndef CDC_DESCRIPTORS_H
#define CDC_DESCRIPTORS_H

#include "worker/io/event_loop.h"
#include "worker/io/pool.h"

/* Connections that libcurl keeps open without a request, at most. */
#define CDC_HTTP_KEPT 40

/*
 * What is asked for, in the caller's own memory.  granted is called once, from within
 * cdc_descriptors_ask() or later: it may begin what it was asked for, and call nobody
 * back.  reclaim (NULL: it is never idle) is called when it is idle and somebody else waits:
 * true, and it has been given back; false: not now.  Both get arg.
 */
typedef struct CdcDescriptors
{
	CdcClaim	claim;
	void		(*granted) (void *arg);
	bool		(*reclaim) (void *arg);
	void	   *arg;
} CdcDescriptors;

extern void cdc_descriptors_init(CdcLoop *loop);

/* Asks for need descriptors for a peer of that class (cdc_pool_class); d has none and waits for none. */
extern void cdc_descriptors_ask(CdcDescriptors *d, const CdcOwner *owner, int class, int need);

/* Fewer are needed from now on; nothing is under way by it; something is; bytes of its answer are in memory. */
extern void cdc_descriptors_shrink(CdcDescriptors *d, int need);
extern void cdc_descriptors_idle(CdcDescriptors *d);
extern void cdc_descriptors_busy(CdcDescriptors *d);
extern void cdc_descriptors_bytes(CdcDescriptors *d, int64 bytes);

/* Gives back what it has, or waits no more. */
extern void cdc_descriptors_give(CdcDescriptors *d);

/* The process ends: nobody is served any more. */
extern void cdc_descriptors_shutdown(void);

/* What of them is in use, and who waits. */
typedef struct CdcDescriptorsUse
{
	int			limit;
	int			used;			/* idle ones too */
	int			waiting;		/* connections and requests that wait for one */
	int64		waits_since;	/* loop time since when the first of those does; 0: nobody waits */
} CdcDescriptorsUse;

extern void cdc_descriptors_use(CdcDescriptorsUse *use);

#endif							/* CDC_DESCRIPTORS_H */
