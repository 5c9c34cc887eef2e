/*
 * resolver.h
 *	  Names to addresses by c-ares on the worker's loop: libpq would block.
 */
#ifndef CDC_RESOLVER_H
#define CDC_RESOLVER_H

#include "common/address.h"
#include "worker/io/event_loop.h"

/* Most addresses of a name that are looked at. */
#define CDC_RESOLVED_MAX 8

/* n addresses, valid during the call; n is 0 on failure, error then says why (one line). */
typedef void (*CdcResolved) (const CdcAddress *addresses, int n, const char *error, void *arg);

extern void cdc_resolver_init(CdcLoop *loop);

/*
 * Resolves a name to its addresses, in the order in which they are to be tried.
 * Whether they may be connected to is the caller's to ask.  A literal is answered at once, from
 * within the call.  resolved is called exactly once, unless the process ends.
 */
extern void cdc_resolve(const char *name, CdcResolved resolved, void *arg);

extern void cdc_resolver_shutdown(void);

#endif							/* CDC_RESOLVER_H */
