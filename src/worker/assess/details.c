/*
 * details.c
 *	  The words beside a snapshot, for messages.
 *
 * See assess_parts.h.
 */
#include "postgres.h"

#include "worker/assess/assess_parts.h"

void
cdc_set_detail(CdcPipeline *p, CdcDetail which, const char *words)
{
	p->details[which] = words;
}

/* A higher epoch than ours on anything of ours: somebody else acts. */
void
cdc_note_epoch(CdcPipeline *p, uint64 epoch)
{
	cdc_world_note_epoch(p->world, epoch);
}
