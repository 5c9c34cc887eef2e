/*
 * failover.h
 *	  The judgement on a source whose history has changed under a pipeline.
 *
 * Pure: facts in, a verdict out, by a declarative table of its own (dumped by
 * the view cdc.failover_table, shown in docs/failover.md).  Asked when the
 * connector is stopped and its last offset is stored, so that nothing moves
 * while it is judged.  Plain C99, no I/O, no memory.
 *
 * LSNs are 64-bit byte positions, 0: unknown.  A position is only comparable
 * with another one of the same history, so everything is compared with the
 * point where the present history leaves the timeline on which the pipeline
 * last streamed; after two failovers that is not the last switch.
 */
#ifndef CDC_FAILOVER_H
#define CDC_FAILOVER_H

#include <stdint.h>

#include "reconciler/snapshot.h"

/* One line of a timeline history file: this timeline was left at lsn. */
typedef struct CdcTimelineSwitch
{
	uint32_t	timeline;
	uint64_t	lsn;
} CdcTimelineSwitch;

/* How the history of the present primary relates to the one streamed last. */
typedef enum CdcHistory
{
	CDC_HISTORY_UNKNOWN = 0,	/* the history file could not be read */
	CDC_HISTORY_SAME,			/* the same timeline, and it goes on */
	CDC_HISTORY_LEFT,			/* it left the streamed timeline at switch_lsn */
	CDC_HISTORY_REWRITTEN,		/* the same timeline, and it ends before what
								 * Kafka has: restored from a copy of the files */
	CDC_HISTORY_STRANGER,		/* it never had the streamed timeline: restored
								 * from an older backup */
	CDC_HISTORY_OTHER_CLUSTER	/* another system identifier */
} CdcHistory;

typedef struct CdcFailoverFacts
{
	/* where the pipeline streamed last */
	uint64_t	streamed_system;
	uint32_t	streamed_timeline;
	CdcTimelineSwitch streamed_from;	/* which timeline that one left, and where;
										 * timeline 0: none, or not known */
	/* the present primary */
	uint64_t	system;
	uint32_t	timeline;
	uint64_t	wal_lsn;		/* the end of its WAL */
	bool		history_known;
	int			nhistory;
	const CdcTimelineSwitch *history;	/* of its timeline, as its file says */
	/* what is there of the pipeline */
	CdcSlot		slot;			/* on the present primary */
	bool		slot_stale;		/* made on a timeline that the present history
								 * does not contain up to the slot's position */
	uint64_t	slot_lsn;		/* its confirmed_flush_lsn */
	CdcOffsets	offsets;		/* in Kafka */
	uint64_t	offset_lsn;		/* the highest position in the stored offset */
	uint64_t	commit_lsn;		/* its last commit, 0: it has none */
	uint64_t	lost_lsn;		/* where the slot was when somebody else took it,
								 * if the offset may not tell; 0: it does */
	CdcTri		tail_committed; /* beyond its last commit the offset has events of
								 * one more transaction: is that committed here? */
	bool		dragged;		/* something streamed from the slot on the present
								 * history before it was judged */
	bool		halt;			/* options.on_gap = halt */
} CdcFailoverFacts;

typedef struct CdcJudgement CdcJudgement;

typedef bool (*CdcFailoverGuard) (const CdcFailoverFacts *f, const CdcJudgement *j);

typedef struct CdcFailoverRule
{
	int			id;				/* ascending: cited in events */
	CdcFailoverGuard guard;
	const char *guard_name;
	CdcVerdict	verdict;
	CdcVerdict	verdict_halt;	/* the same with on_gap = halt */
	const char *reason;			/* for the user: "the replication slot ..." */
	const char *comment;		/* one sentence for readers of the table */
} CdcFailoverRule;

extern const CdcFailoverRule cdc_failover_table[];	/* ends with id 0 */

struct CdcJudgement
{
	const CdcFailoverRule *rule;	/* never NULL */
	CdcVerdict	verdict;
	CdcHistory	relation;
	uint64_t	switch_lsn;		/* where the histories part; 0 unless LEFT */
	uint64_t	position;		/* REWIND: the offset goes back to it */
	/*
	 * Events in Kafka of transactions that the present history never had: those
	 * committed in (from, to]; to 0: whatever is there.  certain: the stored
	 * offset shows that there are some; it may lag behind what Kafka has.
	 */
	bool		phantoms;
	bool		phantoms_certain;
	uint64_t	phantom_from;
	uint64_t	phantom_to;
	/* Changes that may be missing from Kafka: (from, to]; to 0: up to the new slot. */
	bool		gap;
	uint64_t	gap_from;
	uint64_t	gap_to;
};

/*
 * Judges.  The first rule of the table that matches gives the verdict;
 * CDC_VERDICT_UNKNOWN when a fact that is needed is missing.
 */
extern CdcJudgement cdc_failover_judge(const CdcFailoverFacts *facts);

/*
 * How the two histories relate; *switch_lsn (may be NULL) is set for
 * CDC_HISTORY_LEFT.  Two that each left a timeline where it was promoted part
 * at the first of these places, whatever numbers they took: a server takes the
 * next one that it does not know of.
 */
extern CdcHistory cdc_failover_relation(const CdcFailoverFacts *facts, uint64_t *switch_lsn);

/*
 * Does this history contain position lsn of that timeline?  Asked of slots
 * that outlived a change of timelines.
 */
extern bool cdc_history_contains(uint32_t current, const CdcTimelineSwitch *history,
								 int nhistory, uint32_t timeline, uint64_t lsn);

/*
 * Did this history's timeline leave another one there?  True also where from or
 * the history is not known.
 */
extern bool cdc_history_begins(const CdcTimelineSwitch *history, int nhistory,
							   CdcTimelineSwitch from);

extern const char *cdc_verdict_name(CdcVerdict verdict);
extern const char *cdc_history_name(CdcHistory history);

#endif							/* CDC_FAILOVER_H */
