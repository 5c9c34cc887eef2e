/*
 * cidr.c
 *	  See cidr.h.
 */
#include "common/cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct Range
{
	bool		ipv6;
	unsigned char address[16];
	int			bits;
} Range;

static const Range not_public[] = {
	{false, {10}, 8},
	{false, {172, 16}, 12},
	{false, {192, 168}, 16},
	{false, {100, 64}, 10},
	{false, {127}, 8},
	{false, {169, 254}, 16},
	{true, {0xfc}, 7},
	{true, {0xfe, 0x80}, 10},
	{true, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128}
};

static bool
same_prefix(const unsigned char *a, const unsigned char *b, int bits)
{
	int			rest = bits % 8;

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

/* words into its 4 or 16 bytes and the length of its mask. */
static bool
parse(const char *words, bool *is_ipv6, unsigned char *binary, int *bits)
{
	char		address[INET6_ADDRSTRLEN];
	const char *slash = strchr(words, '/');
	size_t		length = slash ? (size_t) (slash - words) : strlen(words);

	if (length >= sizeof(address))
		return false;
	memcpy(address, words, length);
	address[length] = '\0';
	*is_ipv6 = strchr(address, ':') != NULL;
	if (inet_pton(*is_ipv6 ? AF_INET6 : AF_INET, address, binary) != 1)
		return false;
	*bits = *is_ipv6 ? 128 : 32;
	if (slash)
	{
		char	   *end;
		long		number;

		errno = 0;
		number = strtol(slash + 1, &end, 10);
		if (errno != 0 || end == slash + 1 || *end != '\0' || number < 0 || number > *bits)
			return false;
		*bits = (int) number;
	}
	return true;
}

bool
cdc_cidr_parse(const char *words, bool *is_ipv6, int *bits, bool *is_public)
{
	unsigned char binary[16] = {0};
	int			i;

	if (!parse(words, is_ipv6, binary, bits))
		return false;
	*is_public = true;
	for (i = 0; i < (int) lengthof(not_public); i++)
	{
		if (not_public[i].ipv6 == *is_ipv6 && *bits >= not_public[i].bits &&
			same_prefix(binary, not_public[i].address, not_public[i].bits))
			*is_public = false;
	}
	return true;
}

bool
cdc_cidr_is_wide(bool is_ipv6, int bits)
{
	return bits < (is_ipv6 ? 64 : 24);
}

char *
cdc_cidr_normal(const char *words)
{
	unsigned char binary[16] = {0};
	char		address[INET6_ADDRSTRLEN];
	bool		ipv6;
	int			bits;
	int			i;

	if (!parse(words, &ipv6, binary, &bits))
		return NULL;
	for (i = bits; i < (ipv6 ? 128 : 32); i++)
	{
		if (binary[i / 8] & (0x80 >> (i % 8)))
			return NULL;
	}
	inet_ntop(ipv6 ? AF_INET6 : AF_INET, binary, address, sizeof(address));
	return psprintf("%s/%d", address, bits);
}
