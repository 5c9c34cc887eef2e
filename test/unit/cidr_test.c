/* link: src/common/cidr.c */
/* libs: -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * cidr_test.c
 *	  Which networks are wide or public.
 */
#include "common/cidr.h"

#include "tap.h"

static const struct
{
	const char *words;
	const char *is;
}			cases[] = {
	{"10.0.1.0/24", ""},
	{"10.0.0.0/23", "wide"},
	{"172.16.0.0/12", "wide"},
	{"172.16.0.0/11", "wide public"},
	{"172.32.0.1/32", "public"},
	{"192.168.1.7", ""},
	{"100.64.3.0/24", ""},
	{"127.0.0.1/32", ""},
	{"0.0.0.0/0", "wide public"},
	{"8.8.8.0/24", "public"},
	{"fd00:1::/64", ""},
	{"fd00::/48", "wide"},
	{"2001:db8::1", "public"},
	{"::/0", "wide public"},
	{"::1/128", ""},
	{"fe80::1/128", ""},
	{"10.0.0.0/33", "none"},
	{"10.0.0.0/", "none"},
	{"10.0.0.0/8x", "none"},
	{"host", "none"},
	{"", "none"}
};

int
main(void)
{
	size_t		i;

	for (i = 0; i < lengthof(cases); i++)
	{
		bool		ipv6;
		bool		is_public;
		int			bits;
		char		got[40] = "none";

		if (cdc_cidr_parse(cases[i].words, &ipv6, &bits, &is_public))
			snprintf(got, sizeof(got), "%s%s%s", cdc_cidr_is_wide(ipv6, bits) ? "wide" : "",
					 cdc_cidr_is_wide(ipv6, bits) && is_public ? " " : "", is_public ? "public" : "");
		is(got, cases[i].is, cases[i].words);
	}
	return done_testing();
}
