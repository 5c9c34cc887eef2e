/*
 * assess_parts.h
 *	  What the files of the assessment share; used by assess*.c alone.
 */
#ifndef CDC_ASSESS_PARTS_H
#define CDC_ASSESS_PARTS_H

#include "worker/assess/assess.h"

/* words: in the current context, or as long-lived as the visit. */
extern void cdc_set_detail(CdcAssessment *assessment, CdcDetail which, const char *words);

/* Has the task that took the present snapshot ended before Connect had stored
 * that the snapshot had finished? */
extern bool cdc_snapshot_run_over(const CdcPipeline *pipeline);

/* The two halves; both fill their part of the snapshot and the details. */
extern void cdc_assess_source(const CdcPipeline *pipeline, CdcAssessment *assessment);
extern void cdc_assess_connect(const CdcPipeline *pipeline, CdcAssessment *assessment);

/* "the change that waits is of table a, topic b"; NULL: not known. */
extern char *cdc_waiting_words(const CdcPipeline *pipeline);

/* A time of day as it is told, UTC. */
extern char *cdc_time_words(TimestampTz at);

/* Whether its slot moves, of what is known of the source; after both: whether it is streamed from at all. */
extern void cdc_assess_flow(const CdcPipeline *pipeline, CdcAssessment *assessment);
extern void cdc_assess_stream(const CdcPipeline *pipeline, CdcAssessment *assessment);

/* After both: has the history changed, and how far is that dealt with? */
extern void cdc_assess_failover(const CdcPipeline *pipeline, CdcAssessment *assessment);

/* The agents' part of it. */
extern void cdc_assess_agents(const CdcPipeline *pipeline, CdcAssessment *assessment);

/* Fills peerings and its details. */
extern void cdc_network_assess(const CdcPipeline *pipeline, CdcAssessment *assessment);

#endif							/* CDC_ASSESS_PARTS_H */
