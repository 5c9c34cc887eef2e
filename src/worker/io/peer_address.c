/*
 * peer_address.c
 *	  See peer_address.h.  Owns the list of this machine's addresses.
 */
#include "postgres.h"

#include <ifaddrs.h>

#include "common/clock.h"
#include "extension/settings.h"
#include "worker/io/peer_address.h"

/* An address may come and go (a floating one): the machine is asked again after this. */
#define OWN_MS 5000
#define OWN_MAX 4096

static CdcAddress own[OWN_MAX];
static int	nown;
static bool all_known;			/* they all are in own */
static int64 own_at;			/* when the machine was asked, 0: never */

static void
ask_machine(void)
{
	struct ifaddrs *all;
	struct ifaddrs *i;
	int64		now = cdc_clock_ms();

	if (own_at != 0 && now < own_at + OWN_MS)
		return;
	if (getifaddrs(&all) != 0)
		return;
	nown = 0;
	for (i = all; i && nown < OWN_MAX; i = i->ifa_next)
	{
		if (i->ifa_addr && cdc_address_of(i->ifa_addr, &own[nown]))
			nown++;
	}
	all_known = i == NULL;
	freeifaddrs(all);
	own_at = now;
}

const char *
cdc_peer_refused(const CdcAddress *address)
{
	CdcNetwork	allowed[CDC_NETWORKS_MAX];
	const char *why;
	int			n = 0;
	int			i;

	/* parsed at each connect: it is short, and changes with a reload */
	if (cdc_member_networks && cdc_networks_parse(cdc_member_networks, allowed, &n, &why) != NULL)
		n = 0;
	if (cdc_address_in(address, allowed, n))
		return NULL;
	why = cdc_address_kind(address);
	if (why)
		return why;
	ask_machine();
	for (i = 0; i < nown; i++)
	{
		if (cdc_address_same(address, &own[i]))
			return "an address of the metadata server";
	}
	/* without descriptors or memory it may be one */
	return all_known ? NULL : "an address that cannot be told from those of the metadata server now";
}
