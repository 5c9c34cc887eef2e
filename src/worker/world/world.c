/*
 * world.c
 *	  The worker's memory of services and pipelines, as a whole.
 *
 * See world.h; which of them there are is in index.c.  Every service and pipeline
 * lives in a memory context of its own, so that forgetting one frees all of it.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "utils/memutils.h"

#include "common/json.h"
#include "common/text.h"
#include "worker/world/asked.h"
#include "worker/world/index.h"
#include "worker/world/tend.h"

/* Of one event's message: two texts of peers, and words around them. */
#define EVENT_MAX (2 * CDC_TEXT_MAX + 1000)

bool
cdc_world_lacks_secret(CdcWorld *world)
{
	CdcService *s;
	CdcPipeline *p;

	cdc_each_service(s, world)
	{
		if (s->error)
			return true;
	}
	cdc_each_pipeline(p, world)
	{
		if (p->secret.secret_error)
			return true;
	}
	return false;
}

void
cdc_world_note_higher(CdcWorld *world, const CdcEpoch *theirs)
{
	if (cdc_epoch_compare(theirs, &world->fence.highest) <= 0)
		return;
	world->fence.highest = *theirs;
	world->acting = false;
	world->work_pending = true;
}

void
cdc_world_set_highest(CdcWorld *world, const CdcEpoch *highest)
{
	world->fence.highest = *highest;
}

void
cdc_world_set_key(CdcWorld *world, const char *key)
{
	if (world->fence.key)
		explicit_bzero(world->fence.key, strlen(world->fence.key));
	cdc_set_string(world->context, &world->fence.key, key);
}

bool
cdc_provided(const CdcService *service)
{
	return service->made.provider != CDC_PROVIDER_NONE;
}

bool
cdc_initial_only(const CdcPipeline *pipeline)
{
	return strcmp(pipeline->wanted.snapshot_mode, "initial_only") == 0;
}

CdcNode *
cdc_world_node(CdcService *source, const char *address, int port)
{
	int			i;

	for (i = 0; source && i < source->pg.nnodes; i++)
	{
		if (source->pg.nodes[i].port == port && strcmp(source->pg.nodes[i].address, address) == 0)
			return &source->pg.nodes[i];
	}
	return NULL;
}

char *
cdc_node_words(const CdcNode *n)
{
	return psprintf("%s:%d", n->address, n->port);
}

CdcSourceDb *
cdc_world_database(CdcService *source, const char *database)
{
	ListCell   *cell;
	MemoryContext old;
	CdcSourceDb *db;

	foreach(cell, source->pg.databases)
	{
		db = lfirst(cell);
		if (strcmp(db->database, database) == 0)
			return db;
	}
	old = MemoryContextSwitchTo(source->context);
	db = palloc0(sizeof(CdcSourceDb));
	db->service = source;
	db->database = pstrdup(database);
	cdc_asked_create(db);
	source->pg.databases = lappend(source->pg.databases, db);
	MemoryContextSwitchTo(old);
	return db;
}

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

void
cdc_set_string(MemoryContext context, char **where, const char *value)
{
	char	   *copy = value ? MemoryContextStrdup(context, value) : NULL;

	if (*where)
		pfree(*where);
	*where = copy;
}

bool
cdc_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

void
cdc_world_connected(CdcSourceDb *db, CdcPgConn *conn, CdcPgConn *ddl)
{
	db->node = db->service->pg.primary;
	if (conn)
		db->conn = conn;
	if (ddl)
		db->ddl = ddl;
}

void
cdc_world_hang_up(CdcSourceDb *db)
{
	CdcPgConn  *conn = db->conn;
	CdcPgConn  *ddl = db->ddl;

	/* closing calls back: the callbacks must find neither */
	db->conn = db->ddl = NULL;
	db->node = NULL;
	if (conn)
		cdc_pg_close(conn);
	if (ddl)
		cdc_pg_close(ddl);
}
