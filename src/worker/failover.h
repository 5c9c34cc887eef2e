/*
 * failover.h
 *	  A changed history of a source, from its discovery to its proof: what is
 *	  remembered and what the timeline of the pipeline says.
 *
 * Facts and judgement are in assess/failover.c, memories and events in
 * failover.c, the means (slots on standbys) in execute/shadow.c.
 */
#ifndef CDC_WORKER_FAILOVER_H
#define CDC_WORKER_FAILOVER_H

#include "reconciler/failover.h"
#include "worker/world/world.h"

/*
 * Is the history of this server, as last seen, that timeline, which left another
 * one there?  Two standbys that are promoted without knowing of each other take the
 * same number.  What is not known (system 0, from) is taken for equal.
 */
extern bool cdc_failover_is_history(const CdcSourceObs *obs, uint64 system, uint32 timeline, CdcTimelineSwitch from);

/* Is it the one on which the pipeline streamed last? */
extern bool cdc_failover_is_streamed(const CdcPipeline *pipeline, const CdcSourceObs *obs);

/* Is this node the primary that it streams from, with nothing to be carried out? */
extern bool cdc_failover_streams_from(const CdcPipeline *pipeline, const CdcNode *node);

/*
 * A primary was seen by a look that was begun at a loop time.  On one timeline
 * WAL never gets shorter: an end below what was reached before that look is
 * another server's, restored from a copy of its files.  It is remembered, since
 * the WAL soon grows beyond; so is where it ended when the server was first seen
 * after a start.
 */
extern void cdc_failover_note_wal(CdcPipeline *pipeline, const CdcSourceObs *obs, int64 begun);

/* On this history the pipeline has reached an LSN: its slot confirmed it, or Connect stored it. */
extern void cdc_failover_note_reached(CdcPipeline *pipeline, const CdcSourceObs *obs, uint64 lsn);

/*
 * After a start of the server: compares the stored offset, once it is read, with
 * where the WAL ended then.  Connect stores offsets later than Kafka has the
 * events, also while the source is away, so none may have been seen confirmed.
 */
extern void cdc_failover_compare_start(CdcPipeline *pipeline);

/* Is the source's history, as last seen, another one than was streamed, and not judged? */
extern bool cdc_failover_pending(const CdcPipeline *pipeline);

/* Must the stored offset be known now? */
extern bool cdc_failover_needs_offsets(const CdcPipeline *pipeline);

/*
 * The transaction whose end the stored offset does not have, when it must be
 * known whether the source has committed it; else 0.
 */
extern int64 cdc_failover_open_txid(const CdcPipeline *pipeline);

/* The judgement on what was last seen; something was. */
extern CdcJudgement cdc_failover_judge_now(const CdcPipeline *pipeline);

/* What happened and what is done about it, for users; palloc'd. */
extern const char *cdc_failover_words(const CdcPipeline *pipeline, const CdcJudgement *judgement);

/* Judges and remembers: the intent of the action judge_failover. */
extern void cdc_failover_remember(CdcPipeline *pipeline);

/* A task is about to be started: from now on it may have streamed there. */
extern void cdc_failover_starting(CdcPipeline *pipeline);

/* Streaming was seen, and proven if there was a failover. */
extern void cdc_failover_streaming(CdcPipeline *pipeline);

/*
 * What a gap means for users: changes after a position, or (0) from one on that
 * is not known, may be missing; palloc'd.
 */
extern char *cdc_gap_words(const char *why, uint64 from);

/* The position to which the stored offset goes back, 0: none. */
extern uint64 cdc_failover_position(const CdcPipeline *pipeline);

/* What was streamed counts no more: a new snapshot begins. */
extern void cdc_failover_forget(CdcPipeline *pipeline);

#endif							/* CDC_WORKER_FAILOVER_H */
