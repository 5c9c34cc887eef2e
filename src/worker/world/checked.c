/*
 * checked.c
 *	  See checked.h.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "worker/world/checked.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"

static void
set_due(CdcPipeline *p, bool due)
{
	if (due == p->plan.round_due)
		return;
	p->plan.round_due = due;
	p->of_source->unchecked += due ? 1 : -1;
}

/* What its row says, with the next turn. */
static CdcObservedRow
row_of(const CdcPipeline *p)
{
	CdcObservedRow row;

	row.lag = p->learned.lag;
	row.flushed = p->learned.flushed;
	/* what was not asked for stays as it is there */
	row.stored = p->look.offsets.lsn ? p->look.offsets.lsn : p->learned.written.stored;
	row.system_identifier = p->look.server.system_identifier;
	row.timeline = p->look.server.timeline;
	return row;
}

static bool
is_as_written(const CdcPipeline *p)
{
	CdcObservedRow now = row_of(p);
	const CdcObservedRow *was = &p->learned.written;

	return now.lag == was->lag && now.flushed == was->flushed && now.stored == was->stored &&
		now.system_identifier == was->system_identifier && now.timeline == was->timeline;
}

static void
write_own(CdcPipeline *p)
{
	p->plan.checked = true;
	cdc_dirty_pipeline(p, CDC_ROW_OBSERVED);
}

void
cdc_checks_begin(CdcService *s)
{
	CdcUsers   *users = s->users;
	CdcPipeline *p;

	if (users->unchecked > 0 || users->passed_over)
	{
		cdc_each_of_source(p, s)
		{
			if (!p->plan.round_due && p->plan.checked_at > users->checked_at && p->plan.checked_at > p->plan.checked_written)
				write_own(p);
		}
	}
	users->passed_over = false;
}

void
cdc_check_wanted(CdcPipeline *p)
{
	set_due(p, cdc_is_up(p) || p->kept.status == CDC_FAILED || p->kept.status == CDC_PROVISIONING);
}

void
cdc_check_passed_over(CdcPipeline *p)
{
	if (p->kept.status == CDC_RUNNING)
		p->of_source->passed_over = true;
}

void
cdc_checked(CdcPipeline *p)
{
	CdcUsers   *users = p->of_source;

	if (!p->plan.round_due)
		return;
	set_due(p, false);
	p->plan.checked_at = GetCurrentTimestamp();
	if (p->source == NULL || p->kept.status != CDC_RUNNING || p->plan.checked_written == 0 || !is_as_written(p))
		write_own(p);
	if (p->source == NULL || users->unchecked > 0 || users->passed_over)
		return;
	users->checked_at = p->plan.checked_at;
	cdc_dirty_service(p->source, CDC_ROW_CHECKED);
}

void
cdc_checked_written(CdcPipeline *p)
{
	p->learned.written = row_of(p);
	if (p->plan.checked)
		p->plan.checked_written = p->plan.checked_at;
	p->plan.checked = false;
}

void
cdc_checked_fill(CdcPipeline *p, int64 lag, uint64 flushed, uint64 stored, uint64 system_identifier, uint32 timeline, TimestampTz at)
{
	p->learned.written.lag = lag;
	p->learned.written.flushed = flushed;
	p->learned.written.stored = stored;
	p->learned.written.system_identifier = system_identifier;
	p->learned.written.timeline = timeline;
	p->plan.checked_at = p->plan.checked_written = at;
}

void
cdc_check_forget(CdcPipeline *p)
{
	set_due(p, false);
}
