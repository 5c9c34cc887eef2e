/*
 * access_log.h
 *	  One JSON line a request.  No credential, no query string, no body: what
 *	  a client sends by mistake must not end up in a log.
 *
 * Never blocks: when the reader is slow lines are kept for a while, then
 * dropped, and a line says how many.
 */
#ifndef CDC_GATEWAY_ACCESS_LOG_H
#define CDC_GATEWAY_ACCESS_LOG_H

#include "gateway/request.h"

/* Opens what config.access_log names, again after a SIGHUP; false and a message on stderr when it cannot be. */
extern bool access_log_open(void);

/* A request that is over; route as the metrics call it. */
extern void access_log_write(const Request *request, const char *route, uint64 microseconds);

/* Writes what is kept, as far as that does not block. */
extern void access_log_flush(void);

#endif							/* CDC_GATEWAY_ACCESS_LOG_H */
