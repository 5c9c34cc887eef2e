/*
 * plugin_roll.h
 *	  An installation of the plugin goes from worker to worker of a Connect: what is
 *	  remembered of it meanwhile.
 *
 * worker/execute asks for one, worker/observe sees jobs end, worker/learn how far
 * it is.  No errors.
 */
#ifndef CDC_PLUGIN_ROLL_H
#define CDC_PLUGIN_ROLL_H

#include "worker/world/world.h"

/* One was asked for, or a job has ended: what was seen before says nothing of it. */
extern void cdc_plugin_changed(CdcService *sink);

/* The first worker of it is about to be restarted: how many connectors are FAILED before, counted once. */
extern void cdc_plugin_roll_begins(CdcService *sink);

/* All workers have it: the next one begins anew. */
extern void cdc_plugin_roll_settled(CdcService *sink);

/* Workers are restarted one by one, and looked at often; or not. */
extern void cdc_plugin_rolling(CdcService *sink, bool rolling);

#endif							/* CDC_PLUGIN_ROLL_H */
