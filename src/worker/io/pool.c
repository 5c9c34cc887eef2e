/*
 * pool.c
 *	  See pool.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/io/names.h"
#include "worker/io/pool.h"

/* Of the whole: what an organization may have while others wait, what it leaves to them, what silent peers have. */
#define SHARE_OF	4
#define RESERVE_OF	8
#define SILENT_OF	4

/* What is kept for a class: percent of the whole, and at least what it needs to go on at all. */
static const struct
{
	int			percent;
	int			least;
}			kept[CDC_POOL_CLASSES] =
{
	[CDC_PEER_SOURCE] = {12, CDC_POOL_NEED_MAX},
	[CDC_PEER_PING] = {12, CDC_POOL_NEED_MAX},
	[CDC_PEER_CHANGE] = {10, CDC_POOL_NEED_MAX},
	[CDC_PEER_CONNECT] = {12, 3},
	[CDC_PEER_AGENT] = {5, 2},
	[CDC_PEER_SDN] = {1, 1},
	[CDC_PEER_PROVIDER] = {2, 1},
	[CDC_POOL_SILENT_PG] = {4, CDC_POOL_NEED_MAX},
	[CDC_POOL_SILENT_HTTP] = {2, 1},
};

/* What an organization has: while it waits for something or holds something. */
struct CdcPoolOrganization
{
	char		name[CDC_OWNER_WORD];
	int			claims;
	int			active;			/* descriptors, idle ones not */
	int			requests;		/* by HTTP, of those */
	int64		bytes;
	CdcOwner	most;			/* what it may have, by its last claim */
};

/* Of the process; there is one pool in it. */
static CdcNames *organizations;

static CdcPoolOrganization *
organization_of(const char *name)
{
	CdcPoolOrganization *organization = cdc_names_find(&organizations, name);

	if (organization)
		return organization;
	organization = MemoryContextAllocZero(TopMemoryContext, sizeof(CdcPoolOrganization));
	strlcpy(organization->name, name, sizeof(organization->name));
	cdc_names_add(&organizations, organization->name, organization);
	return organization;
}

static void
leave_organization(CdcClaim *claim)
{
	CdcPoolOrganization *organization = claim->organization;

	claim->organization = NULL;
	if (--organization->claims > 0)
		return;
	cdc_names_remove(&organizations, organization->name);
	pfree(organization);
}

void
cdc_pool_init(CdcPool *pool, int limit, int64 bytes_limit)
{
	int			i;

	memset(pool, 0, sizeof(*pool));
	pool->limit = Max(limit, CDC_POOL_LEAST);
	pool->share = Max(pool->limit / SHARE_OF, CDC_POOL_NEED_MAX);
	pool->reserve = Max(pool->limit / RESERVE_OF, CDC_POOL_NEED_MAX);
	pool->bytes_limit = bytes_limit;
	pool->bytes_share = bytes_limit / SHARE_OF;
	dlist_init(&pool->asked);
	for (i = 0; i < CDC_POOL_CLASSES; i++)
	{
		CdcPoolClass *class = &pool->classes[i];

		cdc_fair_init(&class->queue);
		dlist_init(&class->idle);
		class->kept = Max(pool->limit * kept[i].percent / 100, kept[i].least);
		class->most = i < CDC_PEER_KINDS ? pool->limit : Max(pool->limit / SILENT_OF, class->kept);
	}
}

int
cdc_pool_class(CdcPeerKind kind, bool silent)
{
	if (!silent)
		return kind;
	return kind <= CDC_PEER_CHANGE ? CDC_POOL_SILENT_PG : CDC_POOL_SILENT_HTTP;
}

void
cdc_pool_ask(CdcPool *pool, CdcClaim *claim, const CdcOwner *owner, int class, int need, int64 now, void *arg)
{
	CdcPoolOrganization *organization = organization_of(owner->organization);

	/* counted first: should joining throw, an empty record is all that is left */
	claim->class = class;
	claim->need = need;
	claim->bytes = 0;
	claim->since = now;
	claim->arg = arg;
	cdc_fair_join(&pool->classes[class].queue, owner, &claim->item);
	organization->claims++;
	organization->most = *owner;
	claim->organization = organization;
	claim->state = CDC_CLAIM_WAITS;
	dlist_push_tail(&pool->asked, &claim->link);
	pool->waiting++;
}

/* What is free for a class: not what is kept for others. */
static int
free_for(const CdcPool *pool, int class)
{
	int			free = pool->limit - pool->used;
	int			i;

	for (i = 0; i < CDC_POOL_CLASSES; i++)
	{
		if (i != class)
			free -= Max(pool->classes[i].kept - pool->classes[i].held, 0);
	}
	return free;
}

static CdcClaim *
claim_of(CdcFairItem *item)
{
	return (CdcClaim *) ((char *) item - offsetof(CdcClaim, item));
}

typedef struct Fits
{
	const CdcPool *pool;
	bool		within;			/* its organization has less than its share */
} Fits;

/* Is it by HTTP? */
static bool
is_request(const CdcClaim *claim)
{
	return claim->class == CDC_POOL_SILENT_HTTP || (claim->class > CDC_PEER_CHANGE && claim->class < CDC_PEER_KINDS);
}

/* May its organization have no more, whoever waits?  One at a time it may, whatever is set. */
static bool
is_over(const CdcClaim *claim)
{
	const CdcPoolOrganization *o = claim->organization;

	return o->active > 0 &&
		((o->most.descriptors > 0 && o->active + claim->need > o->most.descriptors) ||
		 (o->most.requests > 0 && is_request(claim) && o->requests >= o->most.requests) ||
		 (o->most.bytes > 0 && o->bytes >= o->most.bytes));
}

static bool
fits_share(CdcRing *item, void *arg)
{
	const CdcClaim *claim = claim_of((CdcFairItem *) item);
	const CdcPoolOrganization *o = claim->organization;
	const Fits *fits = arg;
	bool		within = o->active + claim->need <= fits->pool->share && o->bytes < fits->pool->bytes_share;

	return within == fits->within && !is_over(claim);
}

/* Who is next in a class, of organizations that have less than their share, or of the others. */
static CdcClaim *
first_of(CdcPool *pool, int class, bool within)
{
	Fits		fits = {pool, within};
	CdcFairItem *item = cdc_fair_first(&pool->classes[class].queue, fits_share, &fits);

	return item ? claim_of(item) : NULL;
}

static CdcClaim *
grant(CdcPool *pool, CdcClaim *claim)
{
	CdcPoolClass *class = &pool->classes[claim->class];

	cdc_fair_take(&class->queue, &claim->item);
	dlist_delete(&claim->link);
	claim->state = CDC_CLAIM_HELD;
	class->held += claim->need;
	claim->organization->active += claim->need;
	claim->organization->requests += is_request(claim);
	pool->used += claim->need;
	pool->waiting--;
	return claim;
}

/*
 * What is wanted: a claim that may be granted now, or, with lacking, one that only a
 * descriptor is lacking for.  A class that lacks keeps its turn, and until it has had it
 * others have no more than what is kept for them: many who want one cannot starve who
 * wants several.
 */
static CdcClaim *
next(CdcPool *pool, bool lacking)
{
	int			lacks = -1;
	int			i;

	if (pool->waiting == 0 || pool->bytes >= pool->bytes_limit)
		return NULL;
	for (i = 0; i < CDC_POOL_CLASSES; i++)
	{
		int			at = (pool->turn + i) % CDC_POOL_CLASSES;
		CdcPoolClass *class = &pool->classes[at];
		CdcClaim   *claim = class->queue.waiting > 0 ? first_of(pool, at, true) : NULL;

		if (claim == NULL || class->held + claim->need > class->most)
			continue;
		if (free_for(pool, at) < claim->need)
		{
			if (lacking)
				return claim;
			if (lacks < 0)
				lacks = at;
		}
		else if (lacks < 0 || class->held + claim->need <= class->kept)
		{
			if (lacking)
				continue;
			pool->turn = lacks < 0 ? (at + 1) % CDC_POOL_CLASSES : lacks;
			return grant(pool, claim);
		}
	}
	if (lacks >= 0)
		pool->turn = lacks;
	/* nobody else lacks: those who have more than their share, but for the reserve */
	for (i = 0; i < CDC_POOL_CLASSES && lacks < 0; i++)
	{
		int			at = (pool->turn + i) % CDC_POOL_CLASSES;
		CdcPoolClass *class = &pool->classes[at];
		CdcClaim   *claim = class->queue.waiting > 0 ? first_of(pool, at, false) : NULL;

		if (claim == NULL || class->held + claim->need > class->most || claim->organization->bytes >= pool->bytes_share)
			continue;
		if (free_for(pool, at) - pool->reserve >= claim->need)
		{
			if (lacking)
				continue;
			pool->turn = (at + 1) % CDC_POOL_CLASSES;
			return grant(pool, claim);
		}
		if (lacking)
			return claim;
	}
	return NULL;
}

CdcClaim *
cdc_pool_next(CdcPool *pool)
{
	return next(pool, false);
}

bool
cdc_pool_lacks(CdcPool *pool)
{
	return next(pool, true) != NULL;
}

CdcClaim *
cdc_pool_victim(CdcPool *pool, int64 now, int64 *later)
{
	const CdcClaim *lacking = next(pool, true);
	CdcClaim   *victim = NULL;
	int			i;

	*later = 0;
	if (lacking == NULL)
		return NULL;
	for (i = 0; i < CDC_POOL_CLASSES; i++)
	{
		CdcPoolClass *class = &pool->classes[i];
		CdcClaim   *longest;

		/* what lies within a share helps nobody else; and a primary's ping makes room for pings alone */
		if (dlist_is_empty(&class->idle) || (i != lacking->class && (class->held <= class->kept || i == CDC_PEER_PING)))
			continue;
		longest = dlist_head_element(CdcClaim, link, &class->idle);
		if (i == CDC_PEER_PING && now - longest->since < CDC_POOL_IDLE_PING_MS)
		{
			*later = longest->since + CDC_POOL_IDLE_PING_MS;
			continue;
		}
		if (victim == NULL || longest->since < victim->since)
			victim = longest;
	}
	return victim;
}

int64
cdc_pool_waits_since(const CdcPool *pool)
{
	return pool->waiting > 0 ? dlist_head_element(CdcClaim, link, unconstify(dlist_head *, &pool->asked))->since : 0;
}

void
cdc_pool_shrink(CdcPool *pool, CdcClaim *claim, int need)
{
	int			less = claim->need - need;

	if (less <= 0)
		return;
	claim->need = need;
	pool->used -= less;
	pool->classes[claim->class].held -= less;
	if (claim->state == CDC_CLAIM_HELD)
		claim->organization->active -= less;
}

void
cdc_pool_idle(CdcPool *pool, CdcClaim *claim, int64 now)
{
	if (claim->state != CDC_CLAIM_HELD)
		return;
	claim->state = CDC_CLAIM_IDLE;
	claim->since = now;
	claim->organization->active -= claim->need;
	dlist_push_tail(&pool->classes[claim->class].idle, &claim->link);
}

void
cdc_pool_busy(CdcPool *pool, CdcClaim *claim)
{
	if (claim->state != CDC_CLAIM_IDLE)
		return;
	claim->state = CDC_CLAIM_HELD;
	claim->organization->active += claim->need;
	dlist_delete(&claim->link);
}

void
cdc_pool_bytes(CdcPool *pool, CdcClaim *claim, int64 bytes)
{
	if (claim->organization == NULL)
		return;
	claim->organization->bytes += bytes - claim->bytes;
	pool->bytes += bytes - claim->bytes;
	claim->bytes = bytes;
}

void
cdc_pool_give(CdcPool *pool, CdcClaim *claim)
{
	if (claim->state == CDC_CLAIM_NONE)
		return;
	if (claim->state == CDC_CLAIM_WAITS)
	{
		cdc_fair_leave(&pool->classes[claim->class].queue, &claim->item);
		dlist_delete(&claim->link);
		pool->waiting--;
	}
	else
	{
		cdc_pool_busy(pool, claim);
		cdc_pool_bytes(pool, claim, 0);
		pool->used -= claim->need;
		pool->classes[claim->class].held -= claim->need;
		claim->organization->active -= claim->need;
		claim->organization->requests -= is_request(claim);
	}
	claim->state = CDC_CLAIM_NONE;
	leave_organization(claim);
}
