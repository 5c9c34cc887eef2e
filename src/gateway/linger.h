/*
 * linger.h
 *	  Ends connections whose client is still sending.
 *
 * A socket that is closed while bytes lie in it unread is reset, and what was
 * answered last may be lost with it.  So the socket stays a moment: our side is
 * shut, and what comes is read and thrown away.
 */
#ifndef CDC_GATEWAY_LINGER_H
#define CDC_GATEWAY_LINGER_H

#include "common/base.h"

/* Places that are kept; a descriptor each. */
#define LINGER_MOST 256

/* Takes over a descriptor (a dup() of the connection's). */
extern void linger(int fd);

/* Ends those whose time is over; returns the next such time, or 0. */
extern uint64 linger_expire(void);

#endif							/* CDC_GATEWAY_LINGER_H */
