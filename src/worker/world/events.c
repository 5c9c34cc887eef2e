/*
 * events.c
 *	  Events of pipelines, until they are written with a turn.
 *
 * See world.h.  Those whose rows somebody held stay apart, first in line.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "common/json.h"
#include "common/text.h"
#include "worker/world/world.h"

/* Of one event's message: two texts of peers, and words around them. */
#define EVENT_MAX (2 * CDC_TEXT_MAX + 1000)

struct json_object *
cdc_world_event(CdcPipeline *pipeline, const char *kind, const char *rule,
				const char *status_from, const char *status_to,
				const char *step, const char *message,
				struct json_object *detail)
{
	CdcWorld   *world = pipeline->world;
	struct json_object *event = json_object_new_object();

	if (world->events == NULL)
	{
		world->events = json_object_new_array();
		world->events_since = cdc_loop_now();
	}
	cdc_json_add_string(event, "pipeline_id", pipeline->id);
	cdc_json_add_string(event, "at", timestamptz_to_str(GetCurrentTimestamp()));
	cdc_json_add_string(event, "kind", kind);
	cdc_json_add_string(event, "rule", rule);
	cdc_json_add_string(event, "status_from", status_from);
	cdc_json_add_string(event, "status_to", status_to);
	cdc_json_add_string(event, "step", step);
	json_object_object_add(event, "message", message ? json_object_new_string_len(message, (int) cdc_text_clip(message, Min(strlen(message), EVENT_MAX))) : NULL);
	json_object_object_add(event, "detail", detail);
	json_object_array_add(world->events, event);
	return event;
}

static void
take_out(struct json_object *events, const struct json_object *event)
{
	size_t		i;

	for (i = 0; events && i < json_object_array_length(events); i++)
	{
		if (json_object_array_get_idx(events, i) == event)
		{
			(void) json_object_array_del_idx(events, i, 1);
			return;
		}
	}
}

void
cdc_world_unsay(CdcWorld *world, const struct json_object *event)
{
	take_out(world->held_events, event);
	take_out(world->events, event);
}

List *
cdc_world_take_events(CdcWorld *world)
{
	struct json_object *arrays[] = {world->held_events, world->events};
	List	   *events = NIL;
	size_t		i;
	int			a;

	for (a = 0; a < 2; a++)
	{
		for (i = 0; arrays[a] && i < json_object_array_length(arrays[a]); i++)
			events = lappend(events, json_object_get(json_object_array_get_idx(arrays[a], i)));
	}
	cdc_world_forget_events(world);
	return events;
}

size_t
cdc_world_hold_events(CdcWorld *world, const List *events, size_t most, int64 again_at)
{
	size_t		lost = 0;
	ListCell   *cell;

	if (events == NIL)
		return 0;
	if (world->held_events == NULL)
		world->held_events = json_object_new_array();
	foreach(cell, events)
		json_object_array_add(world->held_events, json_object_get(lfirst(cell)));
	if (json_object_array_length(world->held_events) > most)
	{
		lost = json_object_array_length(world->held_events) - most;
		(void) json_object_array_del_idx(world->held_events, 0, lost);
	}
	world->held_events_at = again_at;
	return lost;
}

void
cdc_world_forget_events(CdcWorld *world)
{
	json_object_put(world->events);
	json_object_put(world->held_events);
	world->events = world->held_events = NULL;
}
