/*
 * store.h
 *	  The worker's transactions on the metadata: the only file with SPI.
 *
 * One turn is one transaction that writes everything that happened since the
 * last one, reads the work queue and loads what it names.  Never called while
 * anything waits on it outside, never holds a transaction across a wait.
 */
#ifndef CDC_STORE_H
#define CDC_STORE_H

#include "worker/world/world.h"

/*
 * Writes all that is dirty in the world and reads the queue, in one
 * transaction; after it returns true everything written is committed, the
 * dirty flags are clear (but for rows that a user's transaction holds: those
 * stay dirty and are tried again), and loaded pipelines are among the ready.
 * On an ERROR the transaction is rolled back, the fault is logged, false is
 * returned and everything stays dirty.  Sets world->acting and idle_reason:
 * extension missing, other version, another control plane, disabled.
 */
extern bool cdc_store_turn(CdcWorld *world);

/*
 * Deletes events older than the retention; own short transaction, called
 * about once an hour.  Faults are logged.
 */
extern void cdc_store_expire_events(void);

/*
 * Takes away findings, and the oldest events, of organizations that have more than they may,
 * a batch at a time; own short transaction, called about once a minute, and soon
 * again while it returns true: some are left.  Faults are logged.
 */
extern bool cdc_store_trim_events(void);

/*
 * Keeps the names of members, and ends what dropped roles had; own short
 * transaction, called about once a minute.  Faults are logged.
 */
extern void cdc_store_tend_members(void);

#endif							/* CDC_STORE_H */
