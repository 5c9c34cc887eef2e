/*
 * http.h
 *	  The HTTP side: libmicrohttpd, driven by the loop.
 */
#ifndef CDC_GATEWAY_HTTP_H
#define CDC_GATEWAY_HTTP_H

#include "common/base.h"

/* Listens; says what is wrong and exits with 1. */
extern void http_start(void);

/* Lets the library work, if there is something to do. */
extern void http_run(void);

/*
 * Gives out the answers whose time has come; returns when the next one's
 * comes, loop_now when the library has work left, or 0.
 */
extern uint64 http_expire(void);

/* No new connections; every answer from now on closes its connection. */
extern void http_stop(void);

/* Frees the library's things; no request may be under way. */
extern void http_end(void);

/* Requests that wait for an answer. */
extern int	http_in_flight(void);

#endif							/* CDC_GATEWAY_HTTP_H */
