/*
 * address.h
 *	  Addresses of peers as numbers: what kind of place one leads to, and whether
 *	  it lies in one of some networks.
 *
 * Pure: no I/O, no memory, nothing thrown; may be called in libcurl's callbacks.
 */
#ifndef CDC_ADDRESS_H
#define CDC_ADDRESS_H

#include "common/base.h"

#include <sys/socket.h>

typedef struct CdcAddress
{
	int			family;			/* AF_INET or AF_INET6 */
	unsigned char bytes[16];	/* the first 4, or all */
} CdcAddress;

typedef struct CdcNetwork
{
	CdcAddress	base;
	int			bits;
} CdcNetwork;

/* Most networks in a list. */
#define CDC_NETWORKS_MAX 64

/* Of a socket's address; false for another family. */
extern bool cdc_address_of(const struct sockaddr *from, CdcAddress *to);

/* Of a text as inet_pton reads it; an IPv6 address may have a zone (%eth0). */
extern bool cdc_address_parse(const char *word, CdcAddress *to);

/*
 * Does a host that is no address end in a number, as none of the names of DNS
 * does?  "0177.0.0.1", "127.1", "0x7f.1", "2130706433": who reads them takes them
 * for different addresses.
 */
extern bool cdc_address_is_ambiguous(const char *host);

/* As text, into CDC_ADDRESS_TEXT bytes. */
#define CDC_ADDRESS_TEXT 46
extern const char *cdc_address_text(const CdcAddress *address, char *word);

/*
 * A list of networks with commas, as "10.0.0.0/8, fd00::/8"; an address alone is
 * one of itself.  NULL when it is well formed, *n of them in networks (of
 * CDC_NETWORKS_MAX); else the beginning of the item that is not, and *why.
 */
extern const char *cdc_networks_parse(const char *list, CdcNetwork *networks, int *n, const char **why);

/* An IPv4 address that is written as ::ffff:a.b.c.d is in the networks of a.b.c.d too. */
extern bool cdc_address_in(const CdcAddress *address, const CdcNetwork *networks, int n);

/*
 * The kind of place that nobody but the operator may send us to ("a loopback
 * address"), also when it is dressed as another address (IPv4 in IPv6: mapped,
 * compatible, NAT64, 6to4, Teredo, ISATAP); NULL for all others, private
 * networks among them.
 */
extern const char *cdc_address_kind(const CdcAddress *address);

/*
 * The same place?  An IPv4 address and its dressed forms are.  For our own
 * addresses.
 */
extern bool cdc_address_same(const CdcAddress *a, const CdcAddress *b);

#endif							/* CDC_ADDRESS_H */
