/*
 * worker.h
 *	  The background worker's entry point, for its registration.
 */
#ifndef CDC_WORKER_H
#define CDC_WORKER_H

#include "postgres.h"

/*
 * The reconciler's process.  Runs until SIGTERM; exits with 1 (restart) on
 * what it cannot handle.
 */
extern PGDLLEXPORT void cdc_worker_main(Datum arg);

#endif							/* CDC_WORKER_H */
