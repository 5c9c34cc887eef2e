/*
 * address.h
 *	  A client's address: read, printed, and the key under which it is counted.
 *
 * An IPv4 address that comes as ::ffff:a.b.c.d is IPv4 everywhere.  Pure but for
 * a salt of the process's own.
 */
#ifndef CDC_GATEWAY_ADDRESS_H
#define CDC_GATEWAY_ADDRESS_H

#include "common/base.h"
#include <sys/socket.h>

#define ADDRESS_TEXT 64			/* bytes that a printed address takes at most */

/* Copies an address of the kernel's, without what is no part of it (port, scope). */
extern void address_copy(struct sockaddr_storage *to, const struct sockaddr *from);

/*
 * Reads a numeric address as it stands in X-Forwarded-For, without port and
 * scope.  False, and *to untouched, when it is none: names and the short forms
 * of inet_aton (127.1, 0x7f000001) are none.
 */
extern bool address_read(const char *str, size_t length, struct sockaddr_storage *to);

/* Prints it; "" when it is neither IPv4 nor IPv6. */
extern void address_print(const struct sockaddr *address, char str[ADDRESS_TEXT]);

/*
 * The key of what is counted by address: of an IPv6 address its first 64 bits,
 * which are one customer.  Never 0.  It cannot be guessed, so that nobody fills
 * a row of a table on purpose.
 */
extern uint64 address_key(const struct sockaddr *address);

/* The same of other bytes; kind keeps them apart. */
extern uint64 address_key_of(char kind, const void *bytes, size_t length);

#endif							/* CDC_GATEWAY_ADDRESS_H */
