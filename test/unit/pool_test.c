/* link: src/worker/io/pool.c src/worker/io/fair.c src/common/ring.c src/worker/io/names.c */
/* libs: -lpgcommon -lpgport */
/* flags: -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer */
/*
 * pool_test.c
 *	  Who may have descriptors next: what must hold whoever asks for whatever, and
 *	  what one who comes waits for behind others that have queued thousands.
 */
#include "postgres.h"

#include <stdlib.h>

#include "utils/memutils.h"

#include "worker/io/pool.h"

#undef printf
#undef snprintf
#include "server.h"
#include "tap.h"

/* --- claims at random ------------------------------------------------------------------------ */
#define CLAIMS 200
#define MB (INT64CONST(1024) * 1024)

typedef struct Case
{
	CdcClaim	claim;
	CdcOwner	owner;
	int			number;			/* in the order of asking */
} Case;

static CdcPool pool;
static Case cases[CLAIMS];
static uint32 seed = 5;
static int64 clock_ms;

static uint32
any(uint32 below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static CdcOwner
owner(int organization, int service)
{
	CdcOwner	o;

	memset(&o, 0, sizeof(o));
	snprintf(o.organization, sizeof(o.organization), "o%d", organization);
	snprintf(o.service, sizeof(o.service), "s%d-%d", organization, service);
	return o;
}

static bool
same_owner(const Case *a, const Case *b)
{
	return strcmp(a->owner.organization, b->owner.organization) == 0 && strcmp(a->owner.service, b->owner.service) == 0;
}

static int
active_of(const char *organization)
{
	int			n = 0;
	int			i;

	for (i = 0; i < CLAIMS; i++)
	{
		if (cases[i].claim.state == CDC_CLAIM_HELD && strcmp(cases[i].owner.organization, organization) == 0)
			n += cases[i].claim.need;
	}
	return n;
}

/* What is free for a class: counted from the claims themselves. */
static int
free_for(int class)
{
	int			held[CDC_POOL_CLASSES] = {0};
	int			free = pool.limit;
	int			i;

	for (i = 0; i < CLAIMS; i++)
	{
		if (cases[i].claim.state == CDC_CLAIM_HELD || cases[i].claim.state == CDC_CLAIM_IDLE)
			held[cases[i].claim.class] += cases[i].claim.need;
	}
	for (i = 0; i < CDC_POOL_CLASSES; i++)
		free -= i == class ? held[i] : Max(held[i], pool.classes[i].kept);
	return free;
}

/* What of the rules is broken?  NULL: nothing. */
static const char *
broken(void)
{
	int			used = 0;
	int			held[CDC_POOL_CLASSES] = {0};
	int64		since = 0;
	int			i;

	for (i = 0; i < CLAIMS; i++)
	{
		if (cases[i].claim.state == CDC_CLAIM_WAITS && (since == 0 || cases[i].claim.since < since))
			since = cases[i].claim.since;
		if (cases[i].claim.state == CDC_CLAIM_HELD || cases[i].claim.state == CDC_CLAIM_IDLE)
		{
			used += cases[i].claim.need;
			held[cases[i].claim.class] += cases[i].claim.need;
		}
	}
	if (used != pool.used)
		return "it miscounts";
	if (since != cdc_pool_waits_since(&pool))
		return "who has waited longest is another one";
	if (used > pool.limit)
		return "more is granted than there is";
	for (i = 0; i < CDC_POOL_CLASSES; i++)
	{
		if (free_for(i) + held[i] < pool.classes[i].kept)
			return "what is kept for a kind is somebody else's";
		if (held[i] > pool.classes[i].most)
			return "silent peers have more than their most";
	}
	return NULL;
}

static const char *
granted(const Case *c)
{
	int			i;

	for (i = 0; i < CLAIMS; i++)
	{
		const Case *other = &cases[i];

		if (other->claim.state == CDC_CLAIM_WAITS && other->claim.class == c->claim.class && same_owner(other, c) && other->number < c->number)
			return "somebody was overtaken by his own";
	}
	return NULL;
}

/* Nobody may be granted, and nothing is idle that would help: is there a reason for each who waits? */
static const char *
idle_for_nothing(void)
{
	int			free_class[CDC_POOL_CLASSES];
	bool		lacks = false;
	int			i;

	if (pool.waiting == 0)
		return NULL;
	for (i = 0; i < CDC_POOL_CLASSES; i++)
		free_class[i] = free_for(i);

	for (i = 0; i < CLAIMS && !lacks; i++)
	{
		const CdcClaim *c = &cases[i].claim;

		if (c->state == CDC_CLAIM_WAITS && free_class[c->class] < c->need && pool.classes[c->class].held + c->need <= pool.classes[c->class].most &&
			active_of(cases[i].owner.organization) + c->need <= pool.share)
			lacks = true;
	}
	for (i = 0; i < CLAIMS; i++)
	{
		const CdcClaim *c = &cases[i].claim;

		if (c->state != CDC_CLAIM_WAITS || lacks || pool.classes[c->class].held + CDC_POOL_NEED_MAX > pool.classes[c->class].most)
			continue;
		if (free_class[c->class] >= pool.reserve + CDC_POOL_NEED_MAX)
			return "somebody waits, and there is enough";
	}
	return NULL;
}

static void
properties(int limit, int organizations, int services)
{
	const char *fault = NULL;
	int			number = 0;
	int			grants = 0;
	int			taken_back = 0;
	int			step;
	int			i;
	char		words[200];

	memset(cases, 0, sizeof(cases));
	cdc_pool_init(&pool, limit, 128 * MB);
	for (step = 0; step < 6000 && fault == NULL; step++)
	{
		Case	   *c = &cases[any(CLAIMS)];
		CdcClaim   *next;
		int64		later;

		clock_ms += any(20);
		switch (c->claim.state)
		{
			case CDC_CLAIM_NONE:
				c->owner = owner(any(organizations), any(services));
				c->number = ++number;
				cdc_pool_ask(&pool, &c->claim, &c->owner, any(CDC_POOL_CLASSES), 1 + any(CDC_POOL_NEED_MAX), clock_ms, c);
				break;
			case CDC_CLAIM_WAITS:
				if (any(20) == 0)
					cdc_pool_give(&pool, &c->claim);
				break;
			case CDC_CLAIM_HELD:
				if (any(3) == 0)
					cdc_pool_give(&pool, &c->claim);
				else if (any(2) == 0)
					cdc_pool_shrink(&pool, &c->claim, 1);
				else
					cdc_pool_idle(&pool, &c->claim, clock_ms);
				break;
			case CDC_CLAIM_IDLE:
				if (any(2) == 0)
					cdc_pool_busy(&pool, &c->claim);
				break;
		}
		for (;;)
		{
			while ((next = cdc_pool_next(&pool)) != NULL && fault == NULL)
			{
				grants++;
				fault = granted(next->arg);
			}
			if ((next = cdc_pool_victim(&pool, clock_ms, &later)) == NULL)
				break;
			taken_back++;
			if (next->state != CDC_CLAIM_IDLE)
				fault = "what is in use was taken back";
			cdc_pool_give(&pool, next);
		}
		fault = fault ? fault : broken();
		fault = fault ? fault : idle_for_nothing();
	}
	snprintf(words, sizeof(words), "%d descriptors, %d organizations with %d services each: %d granted, %d taken back%s%s", limit, organizations, services, grants, taken_back,
			 fault ? ": " : "", fault ? fault : "");
	ok(fault == NULL && grants > 100 && taken_back > 0, words);

	/* and nobody is forgotten: those who have it give it back, until all had it */
	for (step = 0; step < 100 * CLAIMS && pool.waiting > 0; step++)
	{
		CdcClaim   *next;

		for (i = any(CLAIMS); cases[i % CLAIMS].claim.state <= CDC_CLAIM_WAITS && i < 2 * CLAIMS; i++)
			;
		if (i < 2 * CLAIMS)
			cdc_pool_give(&pool, &cases[i % CLAIMS].claim);
		while ((next = cdc_pool_next(&pool)) != NULL)
			;
	}
	is_number(pool.waiting, 0, "... and all that waited had their turn");
	for (i = 0; i < CLAIMS; i++)
		cdc_pool_give(&pool, &cases[i].claim);
	is_number(pool.used, 0, "... and all is given back");
}

/* --- who comes late ------------------------------------------------------------------------ */
#define MANY 3000

static CdcClaim many[MANY];

/* How many others are granted before one who asks now, when each that is granted is done at once? */
static int
others_before(CdcClaim *mine, const CdcOwner *me, int class)
{
	CdcClaim   *next;
	int			n = 0;

	memset(mine, 0, sizeof(*mine));
	cdc_pool_ask(&pool, mine, me, class, 1, clock_ms, NULL);
	while ((next = cdc_pool_next(&pool)) != NULL && next != mine)
		n++;
	while (mine->state == CDC_CLAIM_WAITS)
	{
		int			i;

		for (i = 0; i < MANY && many[i].state != CDC_CLAIM_HELD; i++)
			;
		if (i == MANY)
			return -1;
		cdc_pool_give(&pool, &many[i]);
		while ((next = cdc_pool_next(&pool)) != NULL && next != mine)
			n++;
	}
	return n;
}

/* many claims of one class, of so many organizations and services in turn; the first ones are granted. */
static void
crowd(int organizations, int services, int class, int need)
{
	int			i;

	memset(many, 0, sizeof(many));
	cdc_pool_init(&pool, 278, 128 * MB);
	for (i = 0; i < MANY; i++)
	{
		CdcOwner	o = owner(i % organizations, i / organizations % services);

		cdc_pool_ask(&pool, &many[i], &o, class, need, clock_ms, NULL);
	}
	while (cdc_pool_next(&pool) != NULL)
		;
}

static void
disperse(CdcClaim *mine)
{
	int			i;

	for (i = 0; i < MANY; i++)
		cdc_pool_give(&pool, &many[i]);
	cdc_pool_give(&pool, mine);
}

static void
latecomers(void)
{
	CdcOwner	other = owner(1000, 0);
	CdcOwner	same = owner(0, 1000);
	CdcClaim	mine;
	int			class;

	for (class = 0; class < CDC_PEER_KINDS; class++)
	{
		crowd(1, 1000, CDC_PEER_SOURCE, 3);
		is_number(others_before(&mine, &other, class), 0, "behind 3,000 of one organization another one is served at once");
		disperse(&mine);
	}
	crowd(1, 1000, CDC_PEER_SOURCE, 3);
	is_number(others_before(&mine, &same, CDC_PEER_CONNECT), 0, "and so is another kind of the same one");
	disperse(&mine);
	crowd(1, 10, CDC_PEER_CONNECT, 1);
	class = others_before(&mine, &same, CDC_PEER_CONNECT);
	ok(class >= 0 && class <= 11, "of one organization a service waits for as many others as there are services");
	disperse(&mine);
	crowd(20, 10, CDC_PEER_CONNECT, 1);
	class = others_before(&mine, &other, CDC_PEER_CONNECT);
	ok(class >= 0 && class <= 21, "and an organization for as many others as there are organizations");
	disperse(&mine);
	crowd(20, 10, CDC_POOL_SILENT_PG, 6);
	ok(pool.used <= pool.limit / 4, "silent peers have a quarter at most");
	is_number(others_before(&mine, &other, CDC_PEER_SOURCE), 0, "and nobody waits for them");
	disperse(&mine);
}

/* More sources than descriptors: each gets its ping. */
static void
pings(void)
{
	static bool pinged[MANY];
	CdcClaim   *next;
	int			steps = 0;
	int			left = 1000;
	int64		later;
	int			i;

	memset(many, 0, sizeof(many));
	cdc_pool_init(&pool, 278, 128 * MB);
	for (i = 0; i < 1000; i++)
	{
		CdcOwner	o = owner(i % 50, i);

		cdc_pool_ask(&pool, &many[i], &o, CDC_PEER_PING, 3, clock_ms, NULL);
	}
	while (left > 0 && steps++ < 2000)
	{
		while ((next = cdc_pool_next(&pool)) != NULL)
		{
			left -= !pinged[next - many];
			pinged[next - many] = true;
			cdc_pool_shrink(&pool, next, 1);
			cdc_pool_idle(&pool, next, clock_ms);
		}
		next = cdc_pool_victim(&pool, clock_ms, &later);
		if (next)
			cdc_pool_give(&pool, next);
		else if (left > 0)
		{
			ok(later > clock_ms && later <= clock_ms + CDC_POOL_IDLE_PING_MS, "a ping's connection is left alone for a while, and then taken back");
			clock_ms = later;
		}
	}
	is_number(left, 0, "of 1,000 sources each gets its ping");
	ok(steps <= 1100, "within as many steps");
	for (i = 0; i < 1000; i++)
		cdc_pool_give(&pool, &many[i]);

	/* those that are idle stay for a primary's sake, but for other pings */
	for (i = 0; i < 100; i++)
	{
		CdcOwner	o = owner(i, i);

		memset(&many[i], 0, sizeof(many[i]));
		cdc_pool_ask(&pool, &many[i], &o, CDC_PEER_PING, 1, clock_ms, NULL);
		if ((next = cdc_pool_next(&pool)) != NULL)
			cdc_pool_idle(&pool, next, clock_ms);
	}
	clock_ms += 10 * CDC_POOL_IDLE_PING_MS;
	for (i = 100; i < 500; i++)
	{
		CdcOwner	o = owner(i, i);

		memset(&many[i], 0, sizeof(many[i]));
		cdc_pool_ask(&pool, &many[i], &o, CDC_PEER_SOURCE, 1, clock_ms, NULL);
		while (cdc_pool_next(&pool) != NULL)
			;
	}
	ok(cdc_pool_victim(&pool, clock_ms, &later) == NULL && pool.waiting > 0, "looks that wait take no ping's connection");
	for (i = 0; i < 500; i++)
		cdc_pool_give(&pool, &many[i]);
}

static void
memory(void)
{
	CdcOwner	big = owner(0, 0);
	CdcOwner	small = owner(1, 0);
	CdcClaim	claims[4];

	memset(claims, 0, sizeof(claims));
	cdc_pool_init(&pool, 278, 128 * MB);
	cdc_pool_ask(&pool, &claims[0], &big, CDC_PEER_CONNECT, 1, clock_ms, NULL);
	cdc_pool_next(&pool);
	cdc_pool_bytes(&pool, &claims[0], 40 * MB);
	cdc_pool_ask(&pool, &claims[1], &big, CDC_PEER_CONNECT, 1, clock_ms, NULL);
	ok(cdc_pool_next(&pool) == NULL, "whose answers have more than a share of the memory begins nothing");
	cdc_pool_ask(&pool, &claims[2], &small, CDC_PEER_CONNECT, 1, clock_ms, NULL);
	ok(cdc_pool_next(&pool) == &claims[2], "others do");
	cdc_pool_bytes(&pool, &claims[2], 90 * MB);
	cdc_pool_bytes(&pool, &claims[0], 10 * MB);
	ok(cdc_pool_next(&pool) == &claims[1], "until it has less");
	cdc_pool_bytes(&pool, &claims[1], 30 * MB);
	cdc_pool_ask(&pool, &claims[3], &big, CDC_PEER_SDN, 1, clock_ms, NULL);
	ok(cdc_pool_next(&pool) == NULL, "when all together have what there is nobody does");
	cdc_pool_give(&pool, &claims[2]);
	cdc_pool_bytes(&pool, &claims[1], 0);
	ok(cdc_pool_next(&pool) == &claims[3], "until they have less");
	cdc_pool_give(&pool, &claims[0]);
	cdc_pool_give(&pool, &claims[1]);
	cdc_pool_give(&pool, &claims[3]);
	is_number(pool.bytes, 0, "and all of it is given back");
}

/* What an organization may have at most, though nobody else is there. */
static void
bounds(void)
{
	CdcOwner	bound = owner(0, 0);
	CdcOwner	other = owner(1, 0);
	CdcClaim	claims[10];
	int			i;

	bound.descriptors = 6;
	bound.requests = 2;
	bound.bytes = MB;
	memset(claims, 0, sizeof(claims));
	cdc_pool_init(&pool, 278, 128 * MB);
	for (i = 0; i < 4; i++)
		cdc_pool_ask(&pool, &claims[i], &bound, i % 2 ? CDC_PEER_CONNECT : CDC_POOL_SILENT_HTTP, 1, clock_ms, NULL);
	for (i = 0; cdc_pool_next(&pool) != NULL; i++)
		;
	is_number(i, 2, "no more requests than an organization may have at once are under way");
	for (i = 4; i < 8; i++)
		cdc_pool_ask(&pool, &claims[i], &bound, CDC_PEER_SOURCE, 3, clock_ms, NULL);
	for (i = 0; cdc_pool_next(&pool) != NULL; i++)
		;
	is_number(i, 1, "nor descriptors");
	cdc_pool_ask(&pool, &claims[8], &other, CDC_PEER_CONNECT, 1, clock_ms, NULL);
	ok(cdc_pool_next(&pool) == &claims[8], "others have theirs");
	for (i = 0; i < 4; i++)
		cdc_pool_give(&pool, &claims[i]);
	ok(cdc_pool_next(&pool) != NULL && cdc_pool_next(&pool) == NULL, "what was given back it may have again");
	for (i = 4; i < 9; i++)
		cdc_pool_give(&pool, &claims[i]);
	bound.descriptors = 1;
	cdc_pool_ask(&pool, &claims[9], &bound, CDC_PEER_CHANGE, 6, clock_ms, NULL);
	ok(cdc_pool_next(&pool) == &claims[9], "one at a time it may, whatever is set");
	cdc_pool_give(&pool, &claims[9]);
	is_number(pool.used, 0, "and all of it is given back");
}

int
main(void)
{
	properties(40, 3, 3);
	properties(60, 50, 1);
	properties(278, 1, 200);
	properties(278, 20, 20);
	latecomers();
	pings();
	memory();
	bounds();
	return done_testing();
}
