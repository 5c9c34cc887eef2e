/*
 * index.h
 *	  Which services and pipelines there are: found by id, walked over, and from a
 *	  service to the pipelines that name it.
 *
 * Pipelines name their services by id: which object that is, if it is there, is
 * kept right here, whoever of the two comes first, goes, or comes anew.
 */
#ifndef CDC_INDEX_H
#define CDC_INDEX_H

#include "worker/world/world.h"

/* Finds by id; NULL when unknown. */
extern CdcService *cdc_world_service(CdcWorld *world, const char *id);
extern CdcPipeline *cdc_world_pipeline(CdcWorld *world, const char *id);

/*
 * Makes an empty object with its own context under the world's and adds it.
 * The caller fills the desired part.
 */
extern CdcService *cdc_world_add_service(CdcWorld *world, const char *id);
extern CdcPipeline *cdc_world_add_pipeline(CdcWorld *world, const char *id, const char *organization_id,
										   const char *source_id, const char *sink_id);

/* Of a world that is being made. */
extern void cdc_index_create(CdcWorld *world);

/* For forget.h: it is not found any more; pipelines of a service have none. */
extern void cdc_index_leave_service(CdcService *service);
extern void cdc_index_leave_pipeline(CdcPipeline *pipeline);

/* Its owner wants it deleted, or not. */
extern void cdc_world_want_deleted(CdcPipeline *pipeline, bool wanted);

/* The next one after this (NULL: the first); NULL: there is none. */
extern CdcService *cdc_next_service(const CdcWorld *world, const CdcService *after);
extern CdcPipeline *cdc_next_pipeline(const CdcWorld *world, const CdcPipeline *after);

/* The same of the pipelines of a service, as their source or as their sink. */
extern CdcPipeline *cdc_next_of_source(const CdcService *source, const CdcPipeline *after);
extern CdcPipeline *cdc_next_of_sink(const CdcService *sink, const CdcPipeline *after);

/* And of those that are to be deleted, as their sink. */
extern CdcPipeline *cdc_next_leaving(const CdcService *sink, const CdcPipeline *after);

/*
 * Walks over them, in the order in which they came; the body forgets none.  All
 * services or pipelines are for a health round, and for the start, alone.
 */
#define cdc_each_service(s, world) \
	for ((s) = cdc_next_service(world, NULL); (s) != NULL; (s) = cdc_next_service(world, s))
#define cdc_each_pipeline(p, world) \
	for ((p) = cdc_next_pipeline(world, NULL); (p) != NULL; (p) = cdc_next_pipeline(world, p))
#define cdc_each_of_source(p, source) \
	for ((p) = cdc_next_of_source(source, NULL); (p) != NULL; (p) = cdc_next_of_source(source, p))
#define cdc_each_of_sink(p, sink) \
	for ((p) = cdc_next_of_sink(sink, NULL); (p) != NULL; (p) = cdc_next_of_sink(sink, p))
#define cdc_each_leaving(p, sink) \
	for ((p) = cdc_next_leaving(sink, NULL); (p) != NULL; (p) = cdc_next_leaving(sink, p))

/* How many pipelines have it as their source. */
extern int	cdc_count_of_source(const CdcService *source);

/* Its provider has nothing of it any more: it is in world->gone. */
extern void cdc_world_provider_gone(CdcService *service);

/* Every pipeline of a service is visited in this turn; or those that wait for a look. */
extern void cdc_world_ready_all(CdcService *service);
extern void cdc_world_ready_waiting(CdcService *service);

#endif							/* CDC_INDEX_H */
