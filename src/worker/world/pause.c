/*
 * pause.c
 *	  See pause.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "common/json.h"
#include "extension/settings.h"
#include "remote/patroni.h"
#include "worker/world/facts.h"
#include "worker/world/pause.h"

/* A rate is told when it was watched for so long. */
#define RATE_AFTER_US (INT64CONST(5) * 1000000)

#define MB UINT64CONST(1048576)

/* A limit of a slot that nobody uses; full: what it has come to, of most. */
typedef struct Limit
{
	const char *name;
	double		is;
	double		most;
	bool		is_time;		/* seconds; else bytes */
} Limit;

bool
cdc_wants_pause(const CdcPipeline *p)
{
	return p->wanted.paused_at != 0 && p->wanted.paused_at != p->kept.pause_ended;
}

bool
cdc_restart_wanted(const CdcPipeline *p)
{
	return p->wanted.restart_asked > p->kept.restarted;
}

/* options.pause_limit; what comes near its limit is told, or is ended. */
static bool
limit_resumes(const CdcPipeline *p)
{
	const char *value = cdc_json_string(p->wanted.options, "pause_limit");

	return value && strcmp(value, "resume") == 0;
}

bool
cdc_pause_changes(const CdcPipeline *p)
{
	return cdc_restart_wanted(p) || cdc_wants_pause(p) != (p->kept.status == CDC_PAUSED);
}

static void
view_unsafe(const CdcPipeline *p, CdcPauseView *view)
{
	const CdcNode *primary = p->source ? p->source->pg.primary : NULL;
	CdcTri		keeps;

	if (cdc_initial_only(p))
	{
		view->unsafe = CDC_NO;
		return;
	}
	if (primary == NULL || !primary->conf.known)
		return;
	keeps = cdc_patroni_keeps(&primary->conf.patroni, p->object_name, p->wanted.database);
	view->unsafe = keeps == CDC_YES ? CDC_NO : CDC_YES;
	if (keeps == CDC_NO)
		view->unsafe_words = psprintf("Patroni drops slot \"%s\" when nobody uses it: add it to slots, or to ignore_slots, with patronictl edit-config", p->object_name);
	else if (keeps == CDC_UNKNOWN)
		view->unsafe_words = psprintf("Patroni is there, and whether it keeps slot \"%s\" when nobody uses it cannot be read", p->object_name);
}

/* The limit that is nearest by its part; NULL: there is none. */
static const Limit *
nearest(const Limit *limits, int n)
{
	const Limit *least = NULL;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (limits[i].most > 0 && (least == NULL || limits[i].is / limits[i].most > least->is / least->most))
			least = &limits[i];
	}
	return least;
}

/* Two digits, so that what is told does not change with every look. */
static char *
duration_words(double seconds)
{
	return seconds < 120 ? psprintf("%.1g s", seconds) : seconds < 7200 ? psprintf("%.2g min", seconds / 60) :
		seconds < 172800 ? psprintf("%.2g h", seconds / 3600) : psprintf("%.0f days", seconds / 86400);
}

static char *
bytes_words(double bytes)
{
	return bytes < 1024 * MB ? psprintf("%.0f MB", bytes / MB) : psprintf("%.1f GB", bytes / (1024 * MB));
}

static void
view_wal(const CdcPipeline *p, CdcPauseView *view)
{
	const CdcSourcePipeline *seen = p->look.seen;
	const CdcNode *primary = p->source ? p->source->pg.primary : NULL;
	double		held;
	double		rate = 0;
	double		idle;
	Limit		limits[3];
	const Limit *limit;
	char	   *words;

	if (!cdc_source_known(p) || !seen->slot_exists || seen->restart_lsn == 0)
		return;
	held = p->look.server.wal_lsn > seen->restart_lsn ? (double) (p->look.server.wal_lsn - seen->restart_lsn) : 0;
	if (p->learned.paused_lsn != 0 && p->look.server.now_us - p->learned.paused_us >= RATE_AFTER_US &&
		p->look.server.wal_lsn > p->learned.paused_lsn)
		rate = (double) (p->look.server.wal_lsn - p->learned.paused_lsn) * 1000000 / (double) (p->look.server.now_us - p->learned.paused_us);
	idle = p->learned.paused_lsn == 0 || p->wanted.paused_at == 0 ? 0 :
		Max(0, (double) (GetCurrentTimestamp() - p->wanted.paused_at) / USECS_PER_SEC);
	limits[0] = (Limit) {"cdc_pipeline.max_slot_wal", held, (double) cdc_max_slot_wal * MB, false};
	limits[1] = (Limit) {"max_slot_wal_keep_size", held, primary && primary->conf.keep_mb > 0 ? (double) primary->conf.keep_mb * MB : 0, false};
	limits[2] = (Limit) {"idle_replication_slot_timeout", idle, primary ? (double) primary->conf.idle_timeout_s : 0, true};
	limit = nearest(limits, lengthof(limits));
	view->wal = CDC_PAUSE_WAL_LOW;
	words = psprintf("the slot keeps %s of WAL", bytes_words(held));
	if (rate > 0)
		words = psprintf("%s, %.2g MB/s more", words, rate / MB);
	if (limit == NULL)
	{
		view->wal_words = psprintf("%s, without a limit", words);
		return;
	}
	if (limit->is >= limit->most * 3 / 4)
		view->wal = limit_resumes(p) ? CDC_PAUSE_WAL_OVER : CDC_PAUSE_WAL_HIGH;
	words = psprintf("%s; it is given up at %s = %s", words, limit->name, limit->is_time ? duration_words(limit->most) : bytes_words(limit->most));
	if (limit->is_time || rate > 0)
		words = psprintf("%s, in about %s", words, duration_words(Max(limit->most - limit->is, 0) / (limit->is_time ? 1 : rate)));
	view->wal_words = words;
}

CdcPauseView
cdc_pause_view(const CdcPipeline *p)
{
	CdcPauseView view;

	memset(&view, 0, sizeof(view));
	view_unsafe(p, &view);
	view_wal(p, &view);
	return view;
}
