/*
 * pause.c
 *	  What is told of the slot of a pipeline that is paused, or could be.
 *
 * See learn.h.  Findings, and since when it is watched; what follows is for the rules.
 */
#include "postgres.h"

#include "worker/learn/learn_parts.h"
#include "worker/world/checks.h"
#include "worker/world/facts.h"
#include "worker/world/pause.h"

void
cdc_learn_pause(CdcPipeline *p)
{
	CdcFinding	keeps = cdc_check(CDC_CHECK_PAUSE_KEEPS_WAL);
	CdcFinding	unprotected = cdc_check(CDC_CHECK_SLOT_UNPROTECTED);
	CdcPauseView view;
	bool		paused = p->kept.status == CDC_PAUSED && cdc_wants_pause(p) && p->kept.was_running;

	if (!cdc_source_known(p) || !p->source->is_postgresql)
		return;
	/* that its slot stands still says nothing of how often a task confirms, nor that this one does not */
	if (p->kept.status == CDC_PAUSED)
		p->learned.flushed_at = 0;
	if (!paused)
		p->learned.paused_lsn = 0;
	else if (p->learned.paused_lsn == 0)
	{
		p->learned.paused_lsn = p->look.server.wal_lsn;
		p->learned.paused_us = p->look.server.now_us;
	}
	view = cdc_pause_view(p);
	keeps.observed = view.wal_words;
	if (view.wal == CDC_PAUSE_WAL_HIGH || view.wal == CDC_PAUSE_WAL_OVER)
		keeps.severity = CDC_SEVERITY_WARNING;
	cdc_finding_pipeline(p, &keeps, paused && view.wal_words != NULL);
	if (view.unsafe == CDC_UNKNOWN)
		return;
	unprotected.observed = view.unsafe_words;
	cdc_finding_pipeline(p, &unprotected, view.unsafe == CDC_YES && p->kept.was_running && !p->wanted.want_deleted);
}
