/*
 * pause.h
 *	  A pause, and a restart, that are asked for; what becomes of the slot of a
 *	  connector that is stopped.
 *
 * Questions about what is known; changes nothing.  No errors but those of memory.
 */
#ifndef CDC_PAUSE_H
#define CDC_PAUSE_H

#include "worker/world/world.h"

/* A pause is asked for, and was not ended by its limit. */
extern bool cdc_wants_pause(const CdcPipeline *pipeline);

/* A restart is asked for, and not begun. */
extern bool cdc_restart_wanted(const CdcPipeline *pipeline);

/* It is not yet what was asked for: a pause to begin or to end, a restart. */
extern bool cdc_pause_changes(const CdcPipeline *pipeline);

/* Strings are palloc'd, or NULL. */
typedef struct CdcPauseView
{
	CdcTri		unsafe;			/* an HA manager would drop the slot; UNKNOWN: the
								 * primary was not looked at */
	char	   *unsafe_words;	/* why */
	CdcPauseWal wal;			/* UNKNOWN: the slot was not looked at */
	char	   *wal_words;		/* how much is kept, the limit, and how long it lasts */
} CdcPauseView;

/* What is known of it now, also when no pause is asked for. */
extern CdcPauseView cdc_pause_view(const CdcPipeline *pipeline);

#endif							/* CDC_PAUSE_H */
