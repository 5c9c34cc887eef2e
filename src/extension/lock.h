/*
 * lock.h
 *	  Locks of the door that strangers cannot take; for what in C takes one.
 *
 * What a name means, and how long it is held: common_helpers.c.
 */
#ifndef CDC_LOCK_H
#define CDC_LOCK_H

#include "fmgr.h"

/* cdc_inner.lock(text) */
extern PGDLLEXPORT Datum cdc_lock(PG_FUNCTION_ARGS);

#endif							/* CDC_LOCK_H */
