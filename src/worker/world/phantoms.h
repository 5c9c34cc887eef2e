/*
 * phantoms.h
 *	  What is known of events in Kafka whose transactions the source has lost.
 *
 * Owns their words: a member of the event of a failover, and a finding.  What
 * is known comes of the judgement and the stored offset alone: the WAL in which
 * they were is gone with the server that wrote it, and no topic is read.  So
 * where they lie is known, that there is at least one, and in which tables they
 * can be; how many there are is not, and nothing here makes up a number.
 */
#ifndef CDC_PHANTOMS_H
#define CDC_PHANTOMS_H

#include "reconciler/failover.h"
#include "worker/world/world.h"

struct json_object;

/*
 * What an event says of them, before the pipeline forgets the history that it
 * streamed: those of transactions with after_lsn < commit LSN <= to_lsn (null:
 * no bound) that reached Kafka before this moment, at which the connector
 * stands still.  NULL: there are none.  The caller frees.
 */
extern struct json_object *cdc_phantoms_json(const CdcPipeline *pipeline, const CdcJudgement *judgement);

/* The finding, where the stored offset shows that there are some.  It stays until it is acknowledged. */
extern void cdc_phantoms_tell(CdcPipeline *pipeline, const CdcJudgement *judgement);

#endif							/* CDC_PHANTOMS_H */
