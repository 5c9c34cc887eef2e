/*
 * timeline.h
 *	  How it is kept which timeline another one left, and where: a member of a
 *	  JSON object.
 */
#ifndef CDC_TIMELINE_H
#define CDC_TIMELINE_H

#include "postgres.h"

#include <json-c/json.h>

#include "reconciler/failover.h"

/* Adds it to an object; one of timeline 0 is left out. */
extern void cdc_timeline_add_switch(struct json_object *to, const char *key, CdcTimelineSwitch from);

/* Reads it; timeline 0 where there is none. */
extern CdcTimelineSwitch cdc_timeline_switch(struct json_object *j, const char *key);

#endif							/* CDC_TIMELINE_H */
