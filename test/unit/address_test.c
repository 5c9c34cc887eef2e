/* link: src/common/address.c */
/* libs: -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * address_test.c
 *	  Where members may send the worker, and the operator's list of more.
 */
#include "common/address.h"

#include <arpa/inet.h>

#include "tap.h"

/* NULL: anybody's */
static const struct
{
	const char *address;
	const char *kind;
}			kinds[] =
{
	{"10.0.0.5", NULL},
	{"172.16.3.4", NULL},
	{"192.168.1.1", NULL},
	{"100.64.0.1", NULL},
	{"8.8.8.8", NULL},
	{"fd12:3456::1", NULL},
	{"fd00:ec3::254", NULL},
	{"2a04:3540::1", NULL},
	{"100.100.100.199", NULL},
	{"0.0.0.0", "an unspecified address"},
	{"0.1.2.3", "an unspecified address"},
	{"127.0.0.1", "a loopback address"},
	{"127.255.3.4", "a loopback address"},
	{"169.254.0.1", "a link-local address"},
	{"169.254.169.254", "a cloud's metadata address"},
	{"169.254.169.253", "a link-local address"},
	{"169.254.170.2", "a link-local address"},
	{"100.100.100.200", "a cloud's metadata address"},
	{"168.63.129.16", "a cloud's metadata address"},
	{"192.0.0.192", "a cloud's metadata address"},
	{"224.0.0.1", "a multicast address"},
	{"239.255.255.250", "a multicast address"},
	{"255.255.255.255", "a reserved or broadcast address"},
	{"240.0.0.1", "a reserved or broadcast address"},
	{"::", "an unspecified address"},
	{"::1", "a loopback address"},
	{"fe80::1", "a link-local address"},
	{"fe80::1%lo", "a link-local address"},
	{"febf::1", "a link-local address"},
	{"ff02::1", "a multicast address"},
	{"fd00:ec2::254", "a cloud's metadata address"},
	{"fd00:ec2::23", "a cloud's metadata address"},
	{"fd20:ce::254", "a cloud's metadata address"},
	{"::ffff:127.0.0.1", "a loopback address"},
	{"::ffff:7f00:1", "a loopback address"},
	{"::ffff:169.254.169.254", "a cloud's metadata address"},
	{"::ffff:10.0.0.5", NULL},
	{"::ffff:0:127.0.0.1", "a loopback address"},
	{"::127.0.0.1", "a loopback address"},
	{"64:ff9b::127.0.0.1", "a loopback address"},
	{"64:ff9b::a9fe:a9fe", "a cloud's metadata address"},
	{"64:ff9b::8.8.8.8", NULL},
	{"64:ff9b:1::169.254.169.254", "a cloud's metadata address"},
	{"2002:7f00:1::", "a loopback address"},
	{"2002:a9fe:a9fe::1", "a cloud's metadata address"},
	{"2002:808:808::1", NULL},
	{"2001:0:808:808:0:0:80ff:fffe", "a loopback address"},
	{"2001:0:7f00:1:0:0:f7f7:f7f7", "a loopback address"},
	{"2a04::5efe:127.0.0.1", "a loopback address"},
	{"2a04::200:5efe:7f00:1", "a loopback address"},
	{"2a04::5efe:8.8.8.8", NULL},
};

static const struct
{
	const char *list;
	int			n;				/* -1: not well formed */
	const char *bad;
}			lists[] =
{
	{"", 0, NULL},
	{"  ", 0, NULL},
	{"10.0.0.0/8", 1, NULL},
	{"10.0.0.0/8, 127.0.0.0/8", 2, NULL},
	{" 10.0.0.0/8 ,127.0.0.1,::1/128,fd00::/8 ", 4, NULL},
	{"0.0.0.0/0", 1, NULL},
	{"10.0.0.1/8", -1, "10.0.0.1/8"},
	{"10.0.0.0/33", -1, "10.0.0.0/33"},
	{"10.0.0.0/", -1, "10.0.0.0/"},
	{"10.0.0.0/+8", -1, "10.0.0.0/+8"},
	{"10.0.0.0/8x", -1, "10.0.0.0/8x"},
	{"127.0.0.0/8, host", -1, "host"},
	{"127.0.0.0/8,", -1, ""},
	{",127.0.0.0/8", -1, ",127.0.0.0/8"},
	{"127.1/8", -1, "127.1/8"},
	{"0177.0.0.1", -1, "0177.0.0.1"},
	{"fe80::%lo/10", -1, "fe80::%lo/10"},
	{"fd00::1/8", -1, "fd00::1/8"},
};

static bool
in(const char *word, const char *list)
{
	CdcNetwork	networks[CDC_NETWORKS_MAX];
	CdcAddress	address;
	const char *why;
	int			n;

	return cdc_address_parse(word, &address) && cdc_networks_parse(list, networks, &n, &why) == NULL && cdc_address_in(&address, networks, n);
}

static bool
same(const char *a, const char *b)
{
	CdcAddress	x;
	CdcAddress	y;

	return cdc_address_parse(a, &x) && cdc_address_parse(b, &y) && cdc_address_same(&x, &y) && cdc_address_same(&y, &x);
}

int
main(void)
{
	CdcAddress	address;
	size_t		i;
	bool		good = true;
	uint32		v4;

	for (i = 0; i < lengthof(kinds); i++)
		is(cdc_address_parse(kinds[i].address, &address) ? cdc_address_kind(&address) : "not parsed", kinds[i].kind, kinds[i].address);

	/* whatever is refused is refused in every dress, and what is not is not */
	for (v4 = 0; v4 < 0xff000000 && good; v4 += 9973 * 31)
	{
		static const char *const dresses[] = {"::ffff:%d.%d.%d.%d", "64:ff9b::%d.%d.%d.%d", "2002:%02x%02x:%02x%02x::5", "2a04::5efe:%d.%d.%d.%d"};
		char		words[64];
		const char *kind;
		size_t		d;

		snprintf(words, sizeof(words), "%d.%d.%d.%d", v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255);
		good = cdc_address_parse(words, &address);
		kind = cdc_address_kind(&address);
		for (d = 0; d < lengthof(dresses) && good; d++)
		{
			snprintf(words, sizeof(words), dresses[d], v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255, v4 & 255);
			good = cdc_address_parse(words, &address) && cdc_address_kind(&address) == kind;
		}
	}
	ok(good, "an address is judged alike in every dress");

	for (i = 0; i < lengthof(lists); i++)
	{
		CdcNetwork	networks[CDC_NETWORKS_MAX];
		const char *why = NULL;
		int			n;
		const char *bad = cdc_networks_parse(lists[i].list, networks, &n, &why);

		ok(lists[i].n < 0 ? bad && strcmp(bad, lists[i].bad) == 0 && why : bad == NULL && n == lists[i].n, lists[i].list);
	}
	ok(in("127.0.0.1", "127.0.0.0/8") && !in("128.0.0.1", "127.0.0.0/8") && !in("127.0.0.1", ""), "in a network");
	ok(in("::ffff:127.0.0.1", "127.0.0.0/8"), "a mapped address is in its IPv4 network: it is the same place");
	ok(!in("64:ff9b::127.0.0.1", "127.0.0.0/8") && in("64:ff9b::127.0.0.1", "64:ff9b::/96"), "a translated one is not");
	ok(in("10.128.0.1", "10.128.0.0/9") && !in("10.127.255.255", "10.128.0.0/9"), "a mask that ends in a byte");
	ok(in("fe80::1", "::/0") && !in("10.0.0.1", "::/0"), "of its own family");
	ok(same("10.0.0.5", "10.0.0.5") && same("10.0.0.5", "::ffff:10.0.0.5") && same("10.0.0.5", "64:ff9b::10.0.0.5") && !same("10.0.0.5", "10.0.0.6") &&
	   !same("10.0.0.5", "fd00::5"), "the same place in another dress");
	ok(!cdc_address_parse("2130706433", &address) && !cdc_address_parse("0x7f.1", &address) && !cdc_address_parse("127.1", &address) &&
	   !cdc_address_parse("127.0.0.1.", &address) && !cdc_address_parse("", &address), "other spellings are no addresses");
	ok(cdc_address_is_ambiguous("2130706433") && cdc_address_is_ambiguous("0x7f.1") && cdc_address_is_ambiguous("127.1") && cdc_address_is_ambiguous("0177.0.0.1") &&
	   cdc_address_is_ambiguous("127.0.0.1.") && cdc_address_is_ambiguous("0x7f000001") && cdc_address_is_ambiguous("a.0x"), "nor names: each reader takes them for another place");
	ok(!cdc_address_is_ambiguous("127.0.0.1") && !cdc_address_is_ambiguous("::1") && !cdc_address_is_ambiguous("db1") && !cdc_address_is_ambiguous("db.1.example.") &&
	   !cdc_address_is_ambiguous("0xdb.example") && !cdc_address_is_ambiguous("3com") && !cdc_address_is_ambiguous(""), "addresses and names are not among them");
	return done_testing();
}
