/*
 * cidr.h
 *	  What a network in CIDR notation says about who is in it.  No I/O.
 */
#ifndef CDC_CIDR_H
#define CDC_CIDR_H

#include "common/base.h"

/*
 * "10.0.1.0/24", "fd00::/64", or an address alone.  *bits: length of its mask.
 * *is_public: it has addresses besides those of private networks (RFC 1918,
 * RFC 6598, RFC 4193), loopback and link-local.  False: it is no network.
 */
extern bool cdc_cidr_parse(const char *words, bool *is_ipv6, int *bits, bool *is_public);

/* More than the usual subnet: a mask shorter than /24, of IPv6 than /64. */
extern bool cdc_cidr_is_wide(bool is_ipv6, int bits);

/*
 * The network as PostgreSQL's cidr shows it, with its mask, palloc'd.  NULL: it
 * is none, or has bits to the right of the mask.
 */
extern char *cdc_cidr_normal(const char *words);

#endif							/* CDC_CIDR_H */
