/*
 * assess_parts.h
 *	  What the files of the assessment share; used by assess*.c alone.
 */
#ifndef CDC_ASSESS_PARTS_H
#define CDC_ASSESS_PARTS_H

#include "worker/assess/assess.h"

/* words: in the current context, or as long-lived as the visit. */
extern void cdc_set_detail(CdcPipeline *pipeline, CdcDetail which, const char *words);

/* Is the slot held by somebody who is neither the connector nor we? */
extern bool cdc_slot_usurped(const CdcPipeline *pipeline);

/* Has the task that took the present snapshot ended before Connect had stored
 * that the snapshot had finished? */
extern bool cdc_snapshot_run_over(const CdcPipeline *pipeline);

/* A higher epoch than ours on anything of ours: somebody else acts. */
extern void cdc_note_epoch(CdcPipeline *pipeline, uint64 epoch);

/* The two halves; both fill their part of the snapshot and the details. */
extern void cdc_assess_source(CdcPipeline *pipeline, CdcSnapshot *snapshot);
extern void cdc_assess_connect(CdcPipeline *pipeline, CdcSnapshot *snapshot);

/* After both: has the history changed, and how far is that dealt with? */
extern void cdc_assess_failover(CdcPipeline *pipeline, CdcSnapshot *snapshot);

/* The agents' part of it. */
extern void cdc_assess_agents(CdcPipeline *pipeline, CdcSnapshot *snapshot);

/* Fills peerings and its details. */
extern void cdc_network_assess(CdcPipeline *pipeline, CdcSnapshot *snapshot);

#endif							/* CDC_ASSESS_PARTS_H */
