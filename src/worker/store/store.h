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
 * Writes all that is dirty in the world and reads the queue, in one transaction;
 * what is written is clean after it returns true, and loaded pipelines are among the
 * ready.  It waits for nobody: rows and tables that somebody's transaction holds are
 * left for later, stay dirty and are told of when that is for long.  When it fails
 * it is done again in parts, a service at a time, and costs only those whose part
 * fails.  False: nothing could be done at all; the fault is logged, everything stays
 * dirty.  Sets world->acting and idle_reason: extension missing, other version,
 * another control plane, disabled.  At the start, and when all is to be read again,
 * each call reads a page of it, work_pending stays, and nothing acts until the last.
 */
extern bool cdc_store_turn(CdcWorld *world);

/*
 * Deletes so many events older than the retention, and so many pipelines and services
 * that have been gone for longer, in short transactions of its own.
 * True: there are more.  Faults are logged.
 */
extern bool cdc_store_expire_events(void);

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
