/*
 * io.h
 *	  The wing io: waiting, asking PostgreSQL and HTTP servers.  What other wings
 *	  include; the headers that are not here are shared within the wing alone.
 *
 * Knows nothing of pipelines and services; what it has it shares out by owners, who
 * are words to it (owner.h).  What it is asked to do it does later,
 * from cdc_loop_wait(), and tells by the callback that it was given, outside any
 * transaction; it calls nobody else above it.
 */
#ifndef CDC_IO_H
#define CDC_IO_H

#include "worker/io/descriptors.h"
#include "worker/io/event_loop.h"
#include "worker/io/guard.h"
#include "worker/io/http_client.h"
#include "worker/io/peers.h"
#include "worker/io/pg_client.h"
#include "worker/io/pg_result.h"

#endif							/* CDC_IO_H */
