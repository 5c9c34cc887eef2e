/*
 * streamed.h
 *	  The history on which a pipeline streamed last, and what is carried out
 *	  after it has changed: what is remembered over a restart, and what the
 *	  timeline of the pipeline says.
 *
 * What is known and how it is judged is the assessment's business.
 */
#ifndef CDC_STREAMED_H
#define CDC_STREAMED_H

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

/* Does the node that it streamed from answer as a standby, with no primary anywhere? */
extern bool cdc_failover_is_demoted(const CdcPipeline *pipeline);

/*
 * Is the primary the node that it streamed from, promoted from that very history
 * up to an LSN at least?  Then nobody else's WAL came between: what it kept is
 * what it had.
 */
extern bool cdc_failover_is_straight(const CdcPipeline *pipeline, uint64 lsn);

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

/*
 * What was judged is remembered, as the intent of the action judge_failover, and
 * told; words: of the judgement.
 */
extern void cdc_failover_remember(CdcPipeline *pipeline, const CdcJudgement *judgement, const char *words);

/* A task is about to be started: from now on it may have streamed there. */
extern void cdc_failover_starting(CdcPipeline *pipeline);

/* Streaming was seen, and proven if there was a failover. */
extern void cdc_failover_streaming(CdcPipeline *pipeline);

/* Does the pipeline stop at a gap, or is a new snapshot taken? */
extern bool cdc_gap_halts(const CdcPipeline *pipeline);

/*
 * What a gap means for users: changes after a position, or (0) from one on that
 * is not known, may be missing; palloc'd.
 */
extern char *cdc_gap_words(const char *why, uint64 from);

/* The position to which the stored offset goes back, 0: none. */
extern uint64 cdc_failover_position(const CdcPipeline *pipeline);

/* What was streamed counts no more: a new snapshot begins. */
extern void cdc_failover_forget(CdcPipeline *pipeline);

/* The verdict that is being carried out on the history that there is now. */
typedef struct CdcFailoverIntent
{
	bool		present;
	bool		spoiled;		/* somebody streamed beyond its position before it
								 * was carried out: it is judged anew */
	bool		resumed;
	CdcVerdict	verdict;
	uint64		position;
	uint64		slot_lsn;
	char	   *words;
} CdcFailoverIntent;

/* Reads it; strings are palloc'd. */
extern CdcFailoverIntent cdc_failover_intent(const CdcPipeline *pipeline);

/* Does the source, as last seen, bear the history on which the pipeline streamed? */
extern bool cdc_failover_same_history(const CdcPipeline *pipeline);

/* Was its WAL seen to end below what was streamed? */
extern bool cdc_failover_is_rewritten(const CdcPipeline *pipeline);

/* Is it one that streams, and that another history would concern? */
extern bool cdc_failover_may_move(const CdcPipeline *pipeline);

/* Is the slot held by somebody who is neither the connector nor we? */
extern bool cdc_slot_usurped(const CdcPipeline *pipeline);

/* Is the source's history, as last seen, another one than was streamed, and not judged? */
extern bool cdc_failover_pending(const CdcPipeline *pipeline);

#endif							/* CDC_STREAMED_H */
