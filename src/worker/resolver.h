/*
 * resolver.h
 *	  Names to addresses by c-ares on the worker's loop: libpq would block.
 */
#ifndef CDC_RESOLVER_H
#define CDC_RESOLVER_H

#include "worker/event_loop.h"

/* address is NULL on failure, error then says why (one line). */
typedef void (*CdcResolved) (const char *address, const char *error, void *arg);

extern void cdc_resolver_init(CdcLoop *loop);

/*
 * Resolves a name to its first address.  A literal is answered at once, from
 * within the call.  resolved is called exactly once, unless the process ends.
 */
extern void cdc_resolve(const char *name, CdcResolved resolved, void *arg);

extern void cdc_resolver_shutdown(void);

#endif							/* CDC_RESOLVER_H */
