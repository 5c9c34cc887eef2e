/*
 * index.c
 *	  See index.h.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "common/object_names.h"
#include "worker/world/checked.h"
#include "worker/world/index.h"
#include "worker/world/organization.h"
#include "worker/world/plan.h"
#include "worker/world/tend.h"

/* For so many at first; the tables grow. */
#define SERVICES 64
#define PIPELINES 256

typedef struct PipelineEntry
{
	char		id[CDC_UUID_LEN + 1];
	CdcPipeline *pipeline;
} PipelineEntry;

static HTAB *
make_table(CdcWorld *world, const char *name, long n, Size size)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = CDC_UUID_LEN + 1;
	ctl.entrysize = size;
	ctl.hcxt = world->context;
	return hash_create(name, n, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

void
cdc_index_create(CdcWorld *world)
{
	dlist_init(&world->services);
	dlist_init(&world->pipelines);
	dlist_init(&world->gone);
	world->by_service = make_table(world, "cdc_pipeline services", SERVICES, sizeof(CdcUsers));
	world->by_pipeline = make_table(world, "cdc_pipeline pipelines", PIPELINES, sizeof(PipelineEntry));
}

CdcService *
cdc_world_service(CdcWorld *world, const char *id)
{
	CdcUsers   *users = hash_search(world->by_service, id, HASH_FIND, NULL);

	/* the table compares as many characters as an id has */
	return users && strcmp(users->id, id) == 0 ? users->service : NULL;
}

CdcPipeline *
cdc_world_pipeline(CdcWorld *world, const char *id)
{
	PipelineEntry *entry = hash_search(world->by_pipeline, id, HASH_FIND, NULL);

	return entry && strcmp(entry->id, id) == 0 ? entry->pipeline : NULL;
}

static CdcUsers *
users_of(CdcWorld *world, const char *id)
{
	bool		found;
	CdcUsers   *users = hash_search(world->by_service, id, HASH_ENTER, &found);

	if (!found)
	{
		users->service = NULL;
		users->n_of_source = users->unchecked = 0;
		users->passed_over = false;
		users->checked_at = 0;
		dlist_init(&users->as_source);
		dlist_init(&users->as_sink);
		dlist_init(&users->leaving);
		dlist_init(&users->starting);
	}
	return users;
}

static void
forget_unused(CdcWorld *world, CdcUsers *users)
{
	if (users->service == NULL && dlist_is_empty(&users->as_source) && dlist_is_empty(&users->as_sink))
		hash_search(world->by_service, users->id, HASH_REMOVE, NULL);
}

/* The pipelines that name a service find this one (NULL: none). */
static void
set_service(CdcUsers *users, CdcService *service)
{
	dlist_iter	iter;

	users->service = service;
	dlist_foreach(iter, &users->as_source)
		dlist_container(CdcPipeline, source_node, iter.cur)->source = service;
	dlist_foreach(iter, &users->as_sink)
		dlist_container(CdcPipeline, sink_node, iter.cur)->sink = service;
}

CdcService *
cdc_world_add_service(CdcWorld *world, const char *id)
{
	CdcUsers   *users = users_of(world, id);
	MemoryContext context;
	CdcService *service;

	context = AllocSetContextCreate(world->context, "cdc_pipeline service",
									ALLOCSET_SMALL_SIZES);
	service = MemoryContextAllocZero(context, sizeof(CdcService));
	service->context = context;
	service->world = world;
	service->kafka.failed_before = -1;
	strlcpy(service->id, id, sizeof(service->id));
	service->users = users;
	cdc_tend_add(service);
	cdc_turn_create(&service->pg.hba_turn, world, CDC_HBA_TURN);
	cdc_turn_create(&service->pg.slot_turn, world, CDC_SLOT_TURN);
	cdc_turn_create(&service->kafka.plugin_turn, world, CDC_PLUGIN_TURN);
	dlist_push_tail(&world->services, &service->node);
	set_service(users, service);
	return service;
}

CdcPipeline *
cdc_world_add_pipeline(CdcWorld *world, const char *id, const char *organization_id, const char *source_id, const char *sink_id)
{
	MemoryContext context;
	CdcPipeline *pipeline;
	PipelineEntry *entry;

	context = AllocSetContextCreate(world->context, "cdc_pipeline pipeline",
									ALLOCSET_SMALL_SIZES);
	pipeline = MemoryContextAllocZero(context, sizeof(CdcPipeline));
	pipeline->context = context;
	pipeline->world = world;
	pipeline->learned.lag = -1;
	strlcpy(pipeline->id, id, sizeof(pipeline->id));
	strlcpy(pipeline->source_id, source_id, sizeof(pipeline->source_id));
	strlcpy(pipeline->sink_id, sink_id, sizeof(pipeline->sink_id));
	snprintf(pipeline->object_name, sizeof(pipeline->object_name),
			 CDC_OBJECT_PREFIX "%.8s", id);
	snprintf(pipeline->connector_name, sizeof(pipeline->connector_name),
			 CDC_CONNECTOR_PREFIX "%.8s", id);
	pipeline->look.obs_context = AllocSetContextCreate(context, "cdc_pipeline observation",
													   ALLOCSET_SMALL_SIZES);
	pipeline->of_source = users_of(world, source_id);
	pipeline->of_sink = users_of(world, sink_id);
	pipeline->source = pipeline->of_source->service;
	pipeline->sink = pipeline->of_sink->service;
	if (pipeline->of_source->n_of_source++ == 0)
		cdc_ring_init(&pipeline->of_source->ring, &cdc_world_organization(world, organization_id)->ring);
	dlist_push_tail(&pipeline->of_source->as_source, &pipeline->source_node);
	if (pipeline->source)
		cdc_tend(pipeline->source, CDC_TEND_LOOKS);
	cdc_plan_add(pipeline);
	cdc_turns_add(pipeline);
	dlist_push_tail(&pipeline->of_sink->as_sink, &pipeline->sink_node);
	dlist_push_tail(&world->pipelines, &pipeline->node);
	entry = hash_search(world->by_pipeline, id, HASH_ENTER, NULL);
	entry->pipeline = pipeline;
	return pipeline;
}

void
cdc_index_leave_service(CdcService *service)
{
	CdcUsers   *users = service->users;

	if (service->made.provider_gone)
		dlist_delete(&service->made.gone_node);
	dlist_delete(&service->node);
	set_service(users, NULL);
	forget_unused(service->world, users);
}

void
cdc_index_leave_pipeline(CdcPipeline *pipeline)
{
	CdcWorld   *world = pipeline->world;

	hash_search(world->by_pipeline, pipeline->id, HASH_REMOVE, NULL);
	dlist_delete(&pipeline->node);
	dlist_delete(&pipeline->source_node);
	cdc_world_want_deleted(pipeline, false);
	cdc_plan_leave(pipeline);
	cdc_check_forget(pipeline);
	pipeline->of_source->n_of_source--;
	dlist_delete(&pipeline->sink_node);
	forget_unused(world, pipeline->of_source);
	/* a row may name one service twice */
	if (pipeline->of_sink != pipeline->of_source)
		forget_unused(world, pipeline->of_sink);
}

/* The node after this one in a list (NULL: the first), or NULL. */
static dlist_node *
next_node(const dlist_head *head, const dlist_node *after)
{
	dlist_node *next = after ? after->next : head->head.next;

	return next == &head->head ? NULL : next;
}

CdcService *
cdc_next_service(const CdcWorld *world, const CdcService *after)
{
	dlist_node *next = next_node(&world->services, after ? &after->node : NULL);

	return next ? dlist_container(CdcService, node, next) : NULL;
}

CdcPipeline *
cdc_next_pipeline(const CdcWorld *world, const CdcPipeline *after)
{
	dlist_node *next = next_node(&world->pipelines, after ? &after->node : NULL);

	return next ? dlist_container(CdcPipeline, node, next) : NULL;
}

CdcPipeline *
cdc_next_of_source(const CdcService *source, const CdcPipeline *after)
{
	dlist_node *next = next_node(&source->users->as_source, after ? &after->source_node : NULL);

	return next ? dlist_container(CdcPipeline, source_node, next) : NULL;
}

CdcPipeline *
cdc_next_of_sink(const CdcService *sink, const CdcPipeline *after)
{
	dlist_node *next = next_node(&sink->users->as_sink, after ? &after->sink_node : NULL);

	return next ? dlist_container(CdcPipeline, sink_node, next) : NULL;
}

CdcPipeline *
cdc_next_leaving(const CdcService *sink, const CdcPipeline *after)
{
	dlist_node *next = next_node(&sink->users->leaving, after ? &after->leaving_node : NULL);

	return next ? dlist_container(CdcPipeline, leaving_node, next) : NULL;
}

void
cdc_world_want_deleted(CdcPipeline *p, bool wanted)
{
	if (wanted == p->wanted.want_deleted)
		return;
	p->wanted.want_deleted = wanted;
	if (wanted)
		dlist_push_tail(&p->of_sink->leaving, &p->leaving_node);
	else
		dlist_delete(&p->leaving_node);
}

int
cdc_count_of_source(const CdcService *source)
{
	return source->users->n_of_source;
}

void
cdc_world_provider_gone(CdcService *service)
{
	if (service->made.provider_gone)
		return;
	service->made.provider_gone = true;
	dlist_push_tail(&service->world->gone, &service->made.gone_node);
}

/* Those that wait, or all. */
static void
ready(CdcService *service, bool all)
{
	CdcPipeline *p;

	cdc_each_of_source(p, service)
	{
		if (all || p->look.waiting)
			cdc_world_ready(p);
	}
	cdc_each_of_sink(p, service)
	{
		if (all || p->look.waiting)
			cdc_world_ready(p);
	}
}

void
cdc_world_ready_all(CdcService *service)
{
	ready(service, true);
}

void
cdc_world_ready_waiting(CdcService *service)
{
	ready(service, false);
}
