/*
 * descriptors.c
 *	  See descriptors.h.
 */
#include "postgres.h"

#include "storage/fd.h"

#include "worker/io/descriptors.h"

/* The loop's own, c-ares' to its servers, libcurl's to wake itself. */
#define BESIDE 8

/* All answers that are being read may have so much, the last one of each a little more. */
#define ANSWERS_BYTES (INT64CONST(128) * 1024 * 1024)

/* Who waits is told of after this, and not again within that. */
#define TELL_AFTER_MS 2000
#define TELL_AGAIN_MS 60000

static CdcPool pool;
static CdcTimer *timer;
static bool pumping;
static bool again;				/* something changed meanwhile */
static int64 lacking_since;		/* 0: nobody waits for a descriptor alone */
static int64 told_at;

static void pump(void);

static void
on_timer(void *arg)
{
	pump();
}

void
cdc_descriptors_init(CdcLoop *loop)
{
	int			third = max_safe_fds / 3;

	cdc_pool_init(&pool, third - Min(CDC_HTTP_KEPT, third / 8) - BESIDE, ANSWERS_BYTES);
	timer = cdc_timer_create(loop, on_timer, NULL);
}

/* Somebody waits since there is none, idle or not, that he may have. */
static void
tell(int64 now)
{
	if (lacking_since == 0)
		lacking_since = now;
	if (now - lacking_since < TELL_AFTER_MS || (told_at != 0 && now - told_at < TELL_AGAIN_MS))
		return;
	told_at = now;
	ereport(LOG,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("cdc_pipeline has more to ask than file descriptors: %d connections wait for their turn", pool.waiting),
			 errdetail("%d descriptors are for connections to sources, Kafka Connect and agents. What waits is asked in turns, later than it would be: a failover is noticed later too.",
					   pool.limit),
			 errhint("Raise max_files_per_process, and the limit of open files of the server's process if that is lower.")));
}

/* One step; false: nothing is left to do now. */
static bool
pump_once(void)
{
	int64		now = cdc_loop_now();
	int64		later;
	CdcClaim   *claim = cdc_pool_next(&pool);
	CdcDescriptors *d = claim ? claim->arg : NULL;
	int			i;

	if (claim)
	{
		for (i = 0; i < claim->need; i++)
			ReserveExternalFD();
		d->granted(d->arg);
		return true;
	}
	claim = cdc_pool_victim(&pool, now, &later);
	d = claim ? claim->arg : NULL;
	if (d && d->reclaim(d->arg))
		return true;
	/* it is in use at this moment, after all; or has not been idle for long */
	if (d || later)
		cdc_timer_set(timer, d ? now : later);
	if (cdc_pool_lacks(&pool))
		tell(now);
	else
		lacking_since = 0;
	return again;
}

/* Serves who may be served; takes back what is idle where somebody waits. */
static void
pump(void)
{
	again = true;
	if (pumping)
		return;
	pumping = true;
	PG_TRY();
	{
		do
			again = false;
		while (pump_once());
	}
	PG_FINALLY();
	{
		pumping = false;
	}
	PG_END_TRY();
}

void
cdc_descriptors_ask(CdcDescriptors *d, const CdcOwner *owner, int class, int need)
{
	cdc_pool_ask(&pool, &d->claim, owner, class, need, cdc_loop_now(), d);
	pump();
}

static void
release(int n)
{
	while (n-- > 0)
		ReleaseExternalFD();
}

void
cdc_descriptors_shrink(CdcDescriptors *d, int need)
{
	release(d->claim.need - need);
	cdc_pool_shrink(&pool, &d->claim, need);
	pump();
}

void
cdc_descriptors_idle(CdcDescriptors *d)
{
	if (d->claim.state != CDC_CLAIM_HELD)
		return;
	cdc_pool_idle(&pool, &d->claim, cdc_loop_now());
	if (pool.waiting > 0)
		pump();
}

void
cdc_descriptors_busy(CdcDescriptors *d)
{
	cdc_pool_busy(&pool, &d->claim);
}

void
cdc_descriptors_bytes(CdcDescriptors *d, int64 bytes)
{
	cdc_pool_bytes(&pool, &d->claim, bytes);
}

void
cdc_descriptors_give(CdcDescriptors *d)
{
	if (d->claim.state == CDC_CLAIM_NONE)
		return;
	if (d->claim.state != CDC_CLAIM_WAITS)
		release(d->claim.need);
	cdc_pool_give(&pool, &d->claim);
	if (pool.waiting > 0)
		pump();
}

void
cdc_descriptors_shutdown(void)
{
	pumping = true;
}

void
cdc_descriptors_use(CdcDescriptorsUse *use)
{
	use->limit = pool.limit;
	use->used = pool.used;
	use->waiting = pool.waiting;
	use->waits_since = cdc_pool_waits_since(&pool);
}
