/*
 * timeline.c
 *	  See timeline.h.
 */
#include "postgres.h"

#include "common/json.h"
#include "common/lsn.h"
#include "worker/world/timeline.h"

void
cdc_timeline_add_switch(struct json_object *to, const char *key, CdcTimelineSwitch from)
{
	struct json_object *j;

	if (from.timeline == 0)
		return;
	j = json_object_new_object();
	json_object_object_add(j, "timeline", json_object_new_int64(from.timeline));
	cdc_lsn_json(j, "lsn", from.lsn);
	json_object_object_add(to, key, j);
}

CdcTimelineSwitch
cdc_timeline_switch(struct json_object *j, const char *key)
{
	struct json_object *found = cdc_json_get(j, key);
	CdcTimelineSwitch from = {(uint32) cdc_json_int64(found, "timeline", 0), cdc_lsn_parse(cdc_json_string(found, "lsn"))};

	return from;
}
