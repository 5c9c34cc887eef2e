/*
 * shadow.h
 *	  Is a standby ready to take a pipeline over, and what is to be done about
 *	  its slot there?
 *
 * Pure: facts in, a decision out, by a declarative table (dumped by the view
 * cdc.standby_table).  A shadow slot is the pipeline's slot on a standby, made
 * and moved by us (PostgreSQL 16 and later); a native one is copied by the
 * server itself (17 and later, when the primary's slot was made with
 * failover).  Plain C99, no I/O, no memory.
 */
#ifndef CDC_SHADOW_H
#define CDC_SHADOW_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/snapshot.h"

typedef enum CdcShadowAction
{
	CDC_SHADOW_NONE = 0,
	CDC_SHADOW_MAKE,
	CDC_SHADOW_ADVANCE,
	CDC_SHADOW_DROP,
	CDC_SHADOW_NUDGE			/* the primary is to log its running transactions */
} CdcShadowAction;

typedef struct CdcStandbyFacts
{
	/* the pipeline */
	bool		wanted;			/* it streams, or did before a fault, and is to */
	bool		leaving;		/* it is being deleted, or begun again */
	bool		native;			/* the primary's slot was made with failover */
	bool		primary_known;	/* its slot there was seen, with this position: */
	uint64_t	primary_lsn;
	bool		blocked;		/* an open write transaction on the primary */
	/* the node */
	bool		reachable;
	bool		other_cluster;
	bool		in_recovery;
	bool		conf_known;
	int			version;		/* server_version_num */
	bool		follows;		/* on the primary's timeline */
	bool		hba_ready;		/* our line is there and loaded */
	bool		decodes;		/* wal_level logical: slots can be made there */
	bool		feedback;		/* hot_standby_feedback */
	bool		has_primary_slot;	/* primary_slot_name, and used */
	bool		streams;		/* its WAL receiver streams */
	bool		syncs_slots;	/* sync_replication_slots */
	CdcTri		has_dbname;		/* primary_conninfo names a database */
	bool		sync_missing;	/* its own synchronized_standby_slots names slots
								 * that it does not have */
	bool		free_slot;		/* max_replication_slots is not used up */
	CdcTri		patroni_keeps;	/* by its configuration Patroni leaves the slot
								 * alone; YES where there is no Patroni */
	bool		patroni_spares; /* it leaves failover slots alone */
	/* the slot of our name on it */
	bool		slot_exists;
	bool		slot_ours;		/* by what we remember */
	bool		slot_fits;		/* logical, pgoutput, our database */
	bool		slot_temporary;
	bool		slot_synced;
	bool		slot_active;
	bool		slot_lost;
	bool		slot_declared;	/* in Patroni's configuration, which makes it again */
	bool		slot_kept;		/* somebody else moves it, on the present history */
	bool		slot_watched;	/* not made by us, and whether somebody else keeps
								 * it is not known yet */
	bool		slot_stale;		/* not made on the present history */
	bool		slot_too_old;	/* it holds back more WAL than it may */
	uint64_t	slot_lsn;		/* confirmed_flush_lsn */
	uint64_t	step;			/* it is moved when the primary's is so far ahead */
	bool		quiet_long;		/* it was not moved for minutes */
} CdcStandbyFacts;

typedef bool (*CdcStandbyGuard) (const CdcStandbyFacts *f);

typedef struct CdcStandbyRule
{
	int			id;
	CdcStandbyGuard guard;
	const char *guard_name;
	CdcShadowAction action;
	bool		final;			/* nothing below is asked */
	const char *missing;		/* why the standby is not ready; NULL: no reason */
	const char *fix_sql;		/* what to type, and where; or NULL */
	const char *comment;
} CdcStandbyRule;

extern const CdcStandbyRule cdc_standby_table[];	/* ends with id 0 */

typedef struct CdcStandbyDecision
{
	CdcShadowAction action;		/* of the first matching rule that has one */
	const CdcStandbyRule *missing;	/* the first matching one with a reason; NULL:
									 * the standby is ready */
} CdcStandbyDecision;

extern CdcStandbyDecision cdc_standby_decide(const CdcStandbyFacts *facts);

extern const char *cdc_shadow_action_name(CdcShadowAction action);

/*
 * A slot is moved when the primary's is so far ahead, for each pipeline of the
 * source (moving reads all of the WAL between, for each of them), up to ...:
 * Debezium reads what is left before it streams after a failover.
 */
#define CDC_SHADOW_STEP (UINT64_C(512) * 1024)
#define CDC_SHADOW_STEP_MOST (UINT64_C(16) * 1024 * 1024)
/* ... and by no more than this at once. */
#define CDC_SHADOW_STEP_MAX (UINT64_C(256) * 1024 * 1024)

/* How far to move a slot now. */
extern uint64_t cdc_shadow_target(const CdcStandbyFacts *facts);

/*
 * Writes words with {error}, {slot}, {names}, {physical} and {database} replaced into buf
 * (always terminated, cut at size).
 */
typedef struct CdcStandbyWords
{
	const char *error;			/* of the node, or of the last statement there */
	const char *slot;			/* the pipeline's slot */
	const char *names;			/* of slots that are missing */
	const char *physical;		/* a name for the physical slot */
	const char *database;		/* that is captured */
} CdcStandbyWords;

extern void cdc_standby_expand(char *buf, size_t size, const char *words, const CdcStandbyWords *what);

#endif							/* CDC_SHADOW_H */
