/*
 * address.c
 *	  See address.h.
 */
#include "common/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Places by their networks: the registries of RFC 6890, and where clouds answer for their machines. */
static const struct
{
	const char *network;
	const char *kind;
}			places[] =
{
	{"100.100.100.200/32", "a cloud's metadata address"},
	{"168.63.129.16/32", "a cloud's metadata address"},
	{"169.254.169.254/32", "a cloud's metadata address"},
	{"192.0.0.192/32", "a cloud's metadata address"},
	{"fd00:ec2::/32", "a cloud's metadata address"},	/* ::254, and ::23 with the credentials of containers */
	{"fd20:ce::254/128", "a cloud's metadata address"},
	{"0.0.0.0/8", "an unspecified address"},
	{"127.0.0.0/8", "a loopback address"},
	{"169.254.0.0/16", "a link-local address"},
	{"224.0.0.0/4", "a multicast address"},
	{"240.0.0.0/4", "a reserved or broadcast address"},
	{"::/128", "an unspecified address"},
	{"::1/128", "a loopback address"},
	{"fe80::/10", "a link-local address"},
	{"ff00::/8", "a multicast address"},
};

/* Networks of IPv6 whose addresses have an IPv4 address in them, and from which byte on. */
static const struct
{
	const char *network;
	int			at;
	bool		inverted;
}			dressed[] =
{
	{"::ffff:0:0/96", 12, false},
	{"::ffff:0:0:0/96", 12, false}, /* translated, RFC 2765 */
	{"::/96", 12, false},
	{"64:ff9b::/96", 12, false},
	{"64:ff9b:1::/48", 12, false},	/* RFC 8215, with a prefix of 96 bits */
	{"2002::/16", 2, false},
	{"2001::/32", 12, true},	/* Teredo: the client, */
	{"2001::/32", 4, false},	/* its server */
};

bool
cdc_address_of(const struct sockaddr *from, CdcAddress *to)
{
	memset(to, 0, sizeof(*to));
	to->family = from->sa_family;
	if (from->sa_family == AF_INET)
		memcpy(to->bytes, &((const struct sockaddr_in *) from)->sin_addr, 4);
	else if (from->sa_family == AF_INET6)
		memcpy(to->bytes, &((const struct sockaddr_in6 *) from)->sin6_addr, 16);
	else
		return false;
	return true;
}

bool
cdc_address_parse(const char *word, CdcAddress *to)
{
	char		copy[CDC_ADDRESS_TEXT];
	size_t		len = strcspn(word, "%");

	memset(to, 0, sizeof(*to));
	if (len >= sizeof(copy))
		return false;
	memcpy(copy, word, len);
	copy[len] = '\0';
	to->family = AF_INET;
	if (word[len] == '\0' && inet_pton(AF_INET, copy, to->bytes) == 1)
		return true;
	to->family = AF_INET6;
	return inet_pton(AF_INET6, copy, to->bytes) == 1;
}

bool
cdc_address_is_ambiguous(const char *host)
{
	CdcAddress	address;
	size_t		end = strlen(host);
	size_t		begin;

	if (cdc_address_parse(host, &address))
		return false;
	if (end > 0 && host[end - 1] == '.')
		end--;
	for (begin = end; begin > 0 && host[begin - 1] != '.';)
		begin--;
	if (end - begin >= 2 && host[begin] == '0' && (host[begin + 1] == 'x' || host[begin + 1] == 'X'))
		return strspn(host + begin + 2, "0123456789abcdefABCDEF") >= end - begin - 2;
	return end > begin && strspn(host + begin, "0123456789") >= end - begin;
}

const char *
cdc_address_text(const CdcAddress *address, char *word)
{
	if (inet_ntop(address->family, address->bytes, word, CDC_ADDRESS_TEXT) == NULL)
		word[0] = '\0';
	return word;
}

/* One item, len bytes long; NULL, or why not. */
static const char *
parse_network(const char *item, size_t len, CdcNetwork *network)
{
	char		copy[CDC_ADDRESS_TEXT + 4];
	char	   *slash;
	char	   *end;
	int			most;
	int			bit;
	long		bits;

	if (len == 0)
		return "there is nothing between two commas";
	if (len >= sizeof(copy))
		return "it is no address";
	memcpy(copy, item, len);
	copy[len] = '\0';
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (strchr(copy, '%') || !cdc_address_parse(copy, &network->base))
		return "it is no address";
	most = network->base.family == AF_INET ? 32 : 128;
	bits = most;
	if (slash)
	{
		bits = strtol(slash + 1, &end, 10);
		if (!isdigit((unsigned char) slash[1]) || *end != '\0' || bits > most)
			return "its number of bits is none";
	}
	for (bit = (int) bits; bit < most; bit++)
	{
		if (network->base.bytes[bit / 8] & (0x80 >> bit % 8))
			return "it has bits to the right of its mask";
	}
	network->bits = (int) bits;
	return NULL;
}

const char *
cdc_networks_parse(const char *list, CdcNetwork *networks, int *n, const char **why)
{
	const char *item = list + strspn(list, " ");

	*n = 0;
	while (*item)
	{
		size_t		len = strcspn(item, ",");
		size_t		words = len;

		while (words > 0 && item[words - 1] == ' ')
			words--;
		*why = *n == CDC_NETWORKS_MAX ? "there are too many" : parse_network(item, words, &networks[*n]);
		if (*why)
			return item;
		(*n)++;
		if (item[len] == '\0')
			break;
		item += len + 1;
		item += strspn(item, " ");
		if (*item == '\0')
		{
			*why = "there is nothing behind the last comma";
			return item;
		}
	}
	return NULL;
}

static bool
in_network(const CdcAddress *address, const CdcNetwork *network)
{
	int			whole = network->bits / 8;
	int			rest = network->bits % 8;

	if (address->family != network->base.family || memcmp(address->bytes, network->base.bytes, whole) != 0)
		return false;
	return rest == 0 || ((address->bytes[whole] ^ network->base.bytes[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

static bool
in_text(const CdcAddress *address, const char *word)
{
	CdcNetwork	network;

	return parse_network(word, strlen(word), &network) == NULL && in_network(address, &network);
}

static bool
in_any(const CdcAddress *address, const CdcNetwork *networks, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (in_network(address, &networks[i]))
			return true;
	}
	return false;
}

/* The IPv4 address that is in it by way i of dressed[]; false: it is not that. */
static bool
undress(const CdcAddress *address, size_t i, CdcAddress *inner)
{
	int			byte;

	if (address->family != AF_INET6 || !in_text(address, dressed[i].network))
		return false;
	memset(inner, 0, sizeof(*inner));
	inner->family = AF_INET;
	for (byte = 0; byte < 4; byte++)
		inner->bytes[byte] = address->bytes[dressed[i].at + byte] ^ (dressed[i].inverted ? 0xff : 0);
	return true;
}

/* ISATAP: the host's half of any address is 0000:5efe or 0200:5efe, and the IPv4 address. */
static bool
undress_isatap(const CdcAddress *address, CdcAddress *inner)
{
	const unsigned char *b = address->bytes;

	if (address->family != AF_INET6 || (b[8] & 0xfd) != 0 || b[9] != 0 || b[10] != 0x5e || b[11] != 0xfe)
		return false;
	memset(inner, 0, sizeof(*inner));
	inner->family = AF_INET;
	memcpy(inner->bytes, b + 12, 4);
	return true;
}

bool
cdc_address_in(const CdcAddress *address, const CdcNetwork *networks, int n)
{
	CdcAddress	inner;

	/* dressed[0] is another spelling, for the kernel too; the others are ways to elsewhere */
	return in_any(address, networks, n) || (undress(address, 0, &inner) && in_any(&inner, networks, n));
}

static const char *
plain_kind(const CdcAddress *address)
{
	size_t		i;

	for (i = 0; i < lengthof(places); i++)
	{
		if (in_text(address, places[i].network))
			return places[i].kind;
	}
	return NULL;
}

const char *
cdc_address_kind(const CdcAddress *address)
{
	const char *kind = plain_kind(address);
	CdcAddress	inner;
	size_t		i;

	for (i = 0; kind == NULL && i < lengthof(dressed); i++)
	{
		if (undress(address, i, &inner))
			kind = plain_kind(&inner);
	}
	if (kind == NULL && undress_isatap(address, &inner))
		kind = plain_kind(&inner);
	return kind;
}

bool
cdc_address_same(const CdcAddress *a, const CdcAddress *b)
{
	CdcAddress	inner;
	size_t		i;

	if (a->family == b->family)
		return memcmp(a->bytes, b->bytes, a->family == AF_INET ? 4 : 16) == 0;
	if (a->family == AF_INET)
		return cdc_address_same(b, a);
	for (i = 0; i < lengthof(dressed); i++)
	{
		if (undress(a, i, &inner) && memcmp(inner.bytes, b->bytes, 4) == 0)
			return true;
	}
	return undress_isatap(a, &inner) && memcmp(inner.bytes, b->bytes, 4) == 0;
}
